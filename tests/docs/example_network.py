"""The network of the worked examples after one block; every key, time and nonce follows from this file."""

from functools import cache
from typing import Final, Literal, NamedTuple

from chain.codec import Record, encode
from chain.committed import State
from chain.did import BaseDocument
from chain.digests import sha256
from chain.domains import Domain
from chain.genesis import (
    ChainSection,
    Genesis,
    GenesisAccount,
    GenesisDid,
    GenesisDocument,
    GenesisReplica,
    parse_genesis,
)
from chain.light_client import CertifiedHeader
from chain.membership import Membership, Replica
from chain.profiles import load_profiles
from chain.quorum import QuorumCertificate
from chain.rules import ChainRules
from chain.signatures import KeyPair, SchemeName, scheme
from chain.state import layer, prove
from chain.transaction import SignedTransaction, Transaction
from chain.universal_id import CertificateName
from contracts.classes import DEFAULT_RULES, DefineClass
from contracts.genesis import genesis_header, initial_state
from contracts.issuing import Mint, MintItem
from contracts.keys import certificate_key
from credentials.bundle import Bundle, make_bundle
from credentials.content import Hidden, Revealed, field_leaf, root_from_entries
from credentials.schema import parse_schema
from node.execution import Executed, build_block
from node.mempool import Checked, check_transaction
from node.storage.memory import MemoryStore

REPLICAS: Final = ("beijing", "shanghai", "guangzhou", "xian")
NEWCOMER: Final = "dalian"
CREATED_AT: Final = 1_700_000_000_000
BLOCK_TIME: Final = CREATED_AT + 1_000
CLASS: Final = "demo-diploma"
TOKEN: Final = (1).to_bytes(16, "big")
SCHEMA: Final = parse_schema(
    """{"title": "Demo diploma", "x-title-zh": "示例毕业证书", "type": "object", "additionalProperties": false,
    "required": ["degree", "year"], "properties": {
    "degree": {"title": "Degree", "x-title-zh": "学位", "type": "string"},
    "year": {"title": "Year", "x-title-zh": "年份", "type": "integer"}}}""".encode()
)
DEGREE: Final = Revealed("degree", "string", "Bachelor of Engineering", bytes(range(16)))
YEAR: Final = Revealed("year", "integer", 2025, bytes(range(16, 32)))

Role = Literal["operator", "platform", "consumer"]
Person = tuple[str, Role, str]
"""Name, role, and whose DID leads it."""
PURSES: Final = {"platform": (1_000, 1_000_000)}
"""Fen and gas of the first state."""
PEOPLE: Final[dict[str, tuple[Person, ...]]] = {
    "wenchang": (("platform", "platform", "operator"), ("alice", "consumer", "platform")),
    "zhongyi": (("platform", "platform", "operator"),),
}


class World(NamedTuple):
    """The network, the state before and after block 1 of Wenchang, that block, and its mint."""

    genesis: Genesis
    rules: ChainRules
    before: State
    after: State
    executed: Executed
    certified: CertifiedHeader
    mint: SignedTransaction


def seed(name: str) -> bytes:
    """The private seed of an example key."""
    return sha256(f"certnet example: {name}".encode())


def account_keys(rules: ChainRules, person: str) -> KeyPair:
    """A person's key pair in the scheme of a chain."""
    return rules.scheme.key_pair(seed(person))


def did_keys(person: str, what: str = "authentication") -> KeyPair:
    """A key pair of a person's DID: authentication or recovery."""
    return scheme(SchemeName.SECP256K1).key_pair(seed(f"{what} of {person}"))


def did_base(person: str) -> BaseDocument:
    """The base document of a person's DID, whose home is Wenchang."""
    authentication, recovery = (did_keys(person, what).public_key for what in ("authentication", "recovery"))
    return BaseDocument(home="wenchang", authentication=authentication, recovery=recovery)


def consensus_keys(name: str) -> KeyPair:
    """The consensus key pair of a replica."""
    return scheme(SchemeName.ED25519).key_pair(seed(name))


def with_newcomer(membership: Membership) -> Membership:
    """The set after `NEWCOMER` has joined."""
    newcomer = Replica(
        name=NEWCOMER,
        consensus_key=consensus_keys(NEWCOMER).public_key,
        tls_key_digest=sha256(f"TLS key of {NEWCOMER}".encode()),
    )
    return Membership(replicas=(*membership.replicas, newcomer))


def rules_of(network_id: bytes, chain_id: str) -> ChainRules:
    """The rules of a chain."""
    return ChainRules.of(network_id, load_profiles()[chain_id])


def content_leaf(rules: ChainRules, field: Revealed) -> bytes:
    """The leaf hash of a field of the example certificate."""
    return field_leaf(rules.digest, field.name, field.type, field.value, field.salt)


def mint_item(rules: ChainRules) -> MintItem:
    """The example certificate as it is asked for."""
    return MintItem(
        token=TOKEN,
        holder=rules.addresses.derive(account_keys(rules, "alice").public_key),
        content_root=root_from_entries(rules.digest, (DEGREE, YEAR)),
        uri="",
        valid_from=None,
        valid_until=None,
    )


@cache
def world() -> World:
    """The example network, made once."""
    genesis = _genesis()
    rules = rules_of(genesis.network_id, "wenchang")
    before, after = _first_state(genesis, rules), _first_state(genesis, rules)
    calls = _calls(rules)
    parent = genesis_header(genesis, rules, after.root)
    executed = build_block(
        rules,
        after,
        parent,
        rules.block_digest(parent),
        [_checked(rules, call, after) for call in calls],
        time=BLOCK_TIME,
        view=0,
        proposer=0,
    )
    assert all(receipt.succeeded for receipt in executed.receipts)
    after.commit(executed.layer, 1)
    return World(genesis, rules, before, after, executed, _certify(rules, executed), calls[1])


def example_bundle() -> Bundle:
    """The proof of the example certificate, one field shown and one hidden."""
    made = world()
    key = certificate_key(CLASS, TOKEN)
    record = made.after.get(key)
    assert record is not None
    return make_bundle(
        uid=CertificateName("wenchang", CLASS, "1").universal,
        certified=made.certified,
        handovers=(),
        record=record,
        proof=prove(made.after, key),
        content=(DEGREE, Hidden(content_leaf(made.rules, YEAR))),
    )


def _genesis() -> Genesis:
    document = GenesisDocument(
        version=1,
        name="example",
        seed=seed("network").hex(),
        created_at=CREATED_AT,
        replicas=tuple(
            GenesisReplica(
                name=name,
                consensus_key=consensus_keys(name).public_key.hex(),
                tls_key_digest=sha256(f"TLS key of {name}".encode()).hex(),
            )
            for name in REPLICAS
        ),
        dids=tuple(
            GenesisDid(home=base.home, authentication=base.authentication.hex(), recovery=base.recovery.hex())
            for base in map(did_base, ("operator", "platform", "alice"))
        ),
        chains=tuple(
            ChainSection(
                chain_id=chain_id,
                profile=load_profiles()[chain_id].digest().hex(),
                primary_offset=number,
                accounts=tuple(_account(chain_id, *person) for person in people),
            )
            for number, (chain_id, people) in enumerate(PEOPLE.items())
        ),
    )
    return parse_genesis(document.canonical())


def _account(chain_id: str, person: str, role: Role, leader: str) -> GenesisAccount:
    rules = rules_of(bytes(32), chain_id)
    key = account_keys(rules, person).public_key
    registered, (fen, gas) = rules.addresses.registered, PURSES.get(person, (0, 0))
    return GenesisAccount(
        address="certplatform" if registered else rules.addresses.format(rules.addresses.derive(key)),
        public_key=key.hex(),
        role=role,
        did=did_base(person).did.hex(),
        leader=did_base(leader).did.hex(),
        fen=fen,
        gas=gas,
    )


def _first_state(genesis: Genesis, rules: ChainRules) -> State:
    state = State(rules.digest, MemoryStore())
    state.commit(layer(state, initial_state(genesis, rules)), 0)
    return state


def _calls(rules: ChainRules) -> tuple[SignedTransaction, SignedTransaction]:
    """The definition of the class, and the mint."""
    define = DefineClass(
        class_id=CLASS,
        standard=721,
        name_en=SCHEMA.title,
        name_zh=SCHEMA.title_zh,
        schema=SCHEMA.digest,
        fields=tuple(field.name for field in SCHEMA.fields),
        rules=DEFAULT_RULES,
    )
    return (
        _signed(rules, 1, "classes", "defineClass", define),
        _signed(rules, 2, "ddc721", "mint", Mint(class_id=CLASS, item=mint_item(rules))),
    )


def _signed(rules: ChainRules, nonce: int, contract: str, method: str, arguments: Record) -> SignedTransaction:
    keys = account_keys(rules, "platform")
    body = encode(
        Transaction(
            chain_id=rules.chain_id,
            sender=rules.addresses.derive(keys.public_key),
            nonce=bytes([nonce]) * 16,
            valid_until=CREATED_AT + 120_000,
            contract=contract,
            method=method,
            arguments=encode(arguments),
        )
    )
    return SignedTransaction(body=body, signature=keys.sign(rules.transaction_id(body)))


def _checked(rules: ChainRules, call: SignedTransaction, state: State) -> Checked:
    checked = check_transaction(rules, encode(call), state)
    assert isinstance(checked, Checked)
    return checked


def _certify(rules: ChainRules, executed: Executed) -> CertifiedHeader:
    commit = rules.vote_bytes(Domain.COMMIT, view=0, height=1, block=executed.digest)
    votes = tuple(consensus_keys(name).sign(commit) for name in REPLICAS[:3])
    certificate = QuorumCertificate(view=0, signers=(0, 1, 2), signatures=votes)
    return CertifiedHeader(header=executed.block.header, certificate=certificate)
