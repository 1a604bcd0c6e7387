"""A network's genesis with every key at hand; the first state is derived once and copied for every disk."""

from dataclasses import dataclass, field
from functools import cache
from typing import Final

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
from chain.membership import Membership
from chain.profiles import load_profiles
from chain.rules import ChainRules
from chain.signatures import KeyPair, SchemeName, scheme
from chain.transaction import Transaction
from node.ledger import Ledger
from node.storage.memory import MemoryStore

START_MS: Final = 1_700_000_000_000
CITIES: Final = (
    "beijing", "shanghai", "guangzhou", "xian", "dalian", "kunming", "ningbo",
    "suzhou", "harbin", "tianjin", "lanzhou", "fuzhou", "guiyang",
)  # fmt: skip
PLATFORMS: Final = ("platform", "rival")
"""Whose requests the clients send."""
NAMES: Final = {
    AddressCodecName.EOS_NAME: {"operator": "bsnoperator1", "platform": "certplatform", "rival": "rivalplatfor"},
    AddressCodecName.X500_NAME: {
        person: f"O={person.title()}, L=Zunyi, C=CN" for person in ("operator", "platform", "rival")
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Foundation:
    """A network of one chain: its document, its keys, and the store of a node that has only founded it."""

    genesis: Genesis
    rules: ChainRules
    replicas: tuple[KeyPair, ...]
    accounts: dict[str, KeyPair]
    addresses: dict[str, bytes]
    entries: dict[bytes, bytes] = field(repr=False)

    @property
    def membership(self) -> Membership:
        """The first set of the chain's replicas."""
        return self.genesis.membership_of(self.rules.chain_id)


@cache
def found(replicas: int, chain_id: str) -> Foundation:
    """The network of so many replicas whose one chain is `chain_id`."""
    profile = load_profiles()[chain_id]
    chain_scheme = scheme(profile.signature_scheme)
    accounts = {
        person: chain_scheme.key_pair(sha256(f"{person} on {chain_id}".encode())) for person in ("operator", *PLATFORMS)
    }
    pairs = tuple(scheme(SchemeName.ED25519).key_pair(sha256(city.encode())) for city in CITIES[:replicas])
    unbound = ChainRules.of(bytes(32), profile)
    addresses = {person: _address(unbound, person, pair) for person, pair in accounts.items()}
    genesis = parse_genesis(_document(unbound, pairs, accounts, addresses).canonical())
    rules = ChainRules.of_network(genesis.network_id, {chain_id: profile}, chain_id)
    store = MemoryStore()
    Ledger(rules, genesis, store)
    return Foundation(
        genesis=genesis, rules=rules, replicas=pairs, accounts=accounts, addresses=addresses, entries=store.entries
    )


def person_of(transaction: Transaction) -> str:
    """Whose request it is: the platforms take the nonces in turn."""
    return PLATFORMS[int.from_bytes(transaction.nonce, "big") % len(PLATFORMS)]


def _address(rules: ChainRules, person: str, pair: KeyPair) -> bytes:
    if rules.addresses.registered:
        return rules.addresses.parse(NAMES[rules.addresses.name][person])
    return rules.addresses.derive(pair.public_key)


def _document(
    rules: ChainRules, pairs: tuple[KeyPair, ...], accounts: dict[str, KeyPair], addresses: dict[str, bytes]
) -> GenesisDocument:
    bases = {person: _base(rules.chain_id, person) for person in accounts}
    section = ChainSection(
        chain_id=rules.chain_id,
        profile=rules.profile.digest().hex(),
        primary_offset=0,
        accounts=tuple(
            GenesisAccount(
                address=rules.addresses.format(addresses[person]),
                public_key=pair.public_key.hex(),
                role="operator" if person == "operator" else "platform",
                did=bases[person].did.hex(),
                leader=bases["operator"].did.hex(),
                fen=0,
                gas=0,
            )
            for person, pair in accounts.items()
        ),
    )
    return GenesisDocument(
        version=1,
        name="simulation 模拟",
        seed=sha256(b"simulation").hex(),
        created_at=START_MS,
        replicas=tuple(
            GenesisReplica(
                name=city, consensus_key=pair.public_key.hex(), tls_key_digest=sha256(b"tls " + city.encode()).hex()
            )
            for city, pair in zip(CITIES, pairs, strict=False)
        ),
        dids=tuple(
            GenesisDid(home=base.home, authentication=base.authentication.hex(), recovery=base.recovery.hex())
            for base in bases.values()
        ),
        chains=(section,),
    )


def _base(home: str, person: str) -> BaseDocument:
    """The base document of a person's DID."""
    authentication, recovery = (
        scheme(SchemeName.SECP256K1).key_pair(sha256(f"{key} of {person}".encode())).public_key
        for key in ("authentication", "recovery")
    )
    return BaseDocument(home=home, authentication=authentication, recovery=recovery)
