"""A genesis document of a few chains and people, every key of it at hand."""

from collections.abc import Iterable
from functools import cache
from typing import Final

from msgspec.structs import replace

from chain.addresses import AddressCodecName
from chain.did import BaseDocument
from chain.digests import sha256
from chain.genesis import (
    ChainSection,
    Genesis,
    GenesisAccount,
    GenesisDid,
    GenesisDocument,
    GenesisReplica,
    parse_genesis,
)
from chain.rules import ChainRules
from chain.signatures import KeyPair, SchemeName, scheme
from tests.chain.small_network import FIRST, START_MS, Signers, rules_of

ROLES: Final = {
    "owner": "owner", "operator": "operator", "platform": "platform", "rival": "platform", "alice": "consumer",
}  # fmt: skip
LEADERS: Final = {
    "owner": "owner", "operator": "operator", "platform": "operator", "rival": "operator", "alice": "platform",
}  # fmt: skip
FEN: Final = {"operator": 1_000_000, "platform": 100_000}
GAS: Final = 10**9
NAMES: Final = {
    AddressCodecName.EOS_NAME: {
        "owner": "contractownr", "operator": "bsnoperator1", "platform": "certplatform", "rival": "rivalplatfor", "alice": "alice1111111",
        "bob": "bob111111111", "carol": "carol1111111", "dave": "dave11111111",
    },
    AddressCodecName.X500_NAME: {
        person: f"O={person.title()}, L=Zunyi, C=CN"
        for person in ("owner", "operator", "platform", "rival", "alice", "bob", "carol", "dave")
    },
}  # fmt: skip


HOME: Final = "wuhan"


@cache
def did_key_pair(person: str, what: str = "authentication") -> KeyPair:
    """A key of a person's DID: authentication or recovery."""
    return scheme(SchemeName.SECP256K1).key_pair(sha256(f"{what} of {person}".encode()))


@cache
def did_base(person: str) -> BaseDocument:
    """The base document of a person's DID."""
    authentication, recovery = (did_key_pair(person, what).public_key for what in ("authentication", "recovery"))
    return BaseDocument(home=HOME, authentication=authentication, recovery=recovery)


def did_of(person: str) -> bytes:
    """A person's DID."""
    return did_base(person).did


@cache
def account_key_pair(chain_id: str, person: str) -> KeyPair:
    """A person's key on a chain."""
    return rules_of(chain_id).scheme.key_pair(sha256(f"{person} on {chain_id}".encode()))


def address_of(rules: ChainRules, person: str) -> bytes:
    """A person's raw address on a chain."""
    if rules.addresses.registered:
        return rules.addresses.parse(NAMES[rules.addresses.name][person])
    return rules.addresses.derive(account_key_pair(rules.chain_id, person).public_key)


def section_of(chain_id: str, *, offset: int = 0) -> ChainSection:
    """A chain with the accounts of everybody in `ROLES`."""
    rules = rules_of(chain_id)
    accounts = tuple(
        GenesisAccount(
            address=rules.addresses.format(address_of(rules, person)),
            public_key=account_key_pair(chain_id, person).public_key.hex(),
            role=role,  # type: ignore[arg-type]
            did=did_of(person).hex(),
            leader=did_of(LEADERS[person]).hex(),
            fen=FEN.get(person, 0),
            gas=GAS if person in FEN else 0,
        )
        for person, role in ROLES.items()
    )
    profile = sha256(b"profile of " + chain_id.encode()).hex()  # not the real one, whose wording may change
    return ChainSection(chain_id=chain_id, profile=profile, primary_offset=offset, accounts=accounts)


def replicas_of(signers: Signers) -> tuple[GenesisReplica, ...]:
    """A set of replicas as a document writes it."""
    return tuple(
        GenesisReplica(
            name=replica.name, consensus_key=replica.consensus_key.hex(), tls_key_digest=replica.tls_key_digest.hex()
        )
        for replica in signers.membership.replicas
    )


def with_own_replicas(document: GenesisDocument, chain_id: str, signers: Signers) -> GenesisDocument:
    """The document in which a chain begins with a set of its own."""
    chains = tuple(
        replace(section, replicas=replicas_of(signers)) if section.chain_id == chain_id else section
        for section in document.chains
    )
    return replace(document, chains=chains)


def document_of(chain_ids: Iterable[str]) -> GenesisDocument:
    """A document of these chains and four replicas."""
    return GenesisDocument(
        version=1,
        name="测试网 test",
        seed=sha256(b"seed of the network").hex(),
        created_at=START_MS,
        replicas=replicas_of(FIRST),
        dids=tuple(
            GenesisDid(home=HOME, authentication=base.authentication.hex(), recovery=base.recovery.hex())
            for base in map(did_base, ROLES)
        ),
        chains=tuple(section_of(chain_id, offset=place % 4) for place, chain_id in enumerate(chain_ids)),
    )


@cache
def genesis_of(*chain_ids: str) -> Genesis:
    """The parsed document of these chains."""
    return parse_genesis(document_of(chain_ids).canonical())
