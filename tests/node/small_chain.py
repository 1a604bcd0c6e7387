"""One chain of a network of four, with people who can sign, and blocks made by hand."""

from msgspec.structs import replace

from chain.block import BlockHeader, CommittedBlock
from chain.codec import Record, encode
from chain.digests import sha256
from chain.domains import Domain
from chain.genesis import Genesis, parse_genesis
from chain.profiles import load_profiles
from chain.quorum import QuorumCertificate
from chain.rules import ChainRules
from chain.transaction import SignedTransaction, Transaction
from contracts.classes import DEFAULT_RULES, DefineClass
from contracts.system import Touch
from node.execution import Executed, build_block
from node.ledger import Ledger
from node.mempool import Checked, check_transaction
from node.storage.memory import MemoryStore
from tests.chain.small_genesis import account_key_pair, address_of, document_of
from tests.chain.small_network import FIRST, START_MS, network_rules_of

CHAIN = "nanjing"
OTHER_CHAIN = "chengdu"


def genesis_of(*chain_ids: str) -> Genesis:
    """A network of these chains whose profiles are the packaged ones."""
    document = document_of(chain_ids)
    chains = tuple(
        replace(section, profile=load_profiles()[section.chain_id].digest().hex()) for section in document.chains
    )
    return parse_genesis(replace(document, chains=chains).canonical())


GENESIS: Genesis = genesis_of(CHAIN, OTHER_CHAIN)
MEMBERSHIP = FIRST.membership
NOW = START_MS + 60_000


def rules_of(genesis: Genesis = GENESIS, chain_id: str = CHAIN) -> ChainRules:
    """The rules of a chain of the network that `genesis` makes."""
    return network_rules_of(chain_id, genesis.network_id, (section.chain_id for section in genesis.document.chains))


RULES = rules_of()


def new_ledger(rules: ChainRules = RULES, genesis: Genesis = GENESIS) -> Ledger:
    """The ledger of a chain at height 0, in memory."""
    return Ledger(rules, genesis, MemoryStore())


def signed_call(
    method: str,
    arguments: Record,
    *,
    contract: str = "classes",
    person: str = "platform",
    nonce: int = 0,
    valid_until: int = NOW + 100_000,
    rules: ChainRules = RULES,
) -> bytes:
    """A person's signed transaction."""
    body = encode(
        Transaction(
            chain_id=rules.chain_id,
            sender=address_of(rules, person),
            nonce=nonce.to_bytes(16, "big"),
            valid_until=valid_until,
            contract=contract,
            method=method,
            arguments=encode(arguments),
        )
    )
    key = account_key_pair(rules.chain_id, person)
    return encode(SignedTransaction(body=body, signature=key.sign(rules.transaction_id(body))))


def definition(number: int) -> DefineClass:
    """A class of its own for every number."""
    return DefineClass(
        class_id=f"class-{number}",
        standard=721,
        name_en=f"Class {number}",
        name_zh=f"类 {number}",
        schema=sha256(b"schema"),
        fields=("name",),
        rules=DEFAULT_RULES,
    )


def define(number: int, *, valid_until: int = NOW + 100_000, rules: ChainRules = RULES) -> bytes:
    """The signed definition of that class."""
    return signed_call("defineClass", definition(number), nonce=number, valid_until=valid_until, rules=rules)


def touch(number: int, *, valid_until: int = NOW + 100_000) -> bytes:
    """A signed `system.touch`."""
    return signed_call("touch", Touch(), contract="system", nonce=number, valid_until=valid_until)


def checked(raw: bytes, ledger: Ledger) -> Checked:
    """A transaction that must pass admission's checks of form and signature."""
    result = check_transaction(ledger.rules, raw, ledger.state)
    assert isinstance(result, Checked)
    return result


def next_block(ledger: Ledger, *raws: bytes, time: int | None = None, view: int = 0, proposer: int = 0) -> Executed:
    """The block of these transactions on the ledger's head."""
    return build_block(
        ledger.rules,
        ledger.state,
        ledger.head.header,
        ledger.head.digest,
        [checked(raw, ledger) for raw in raws],
        time=ledger.head.header.time + 1_000 if time is None else time,
        view=view,
        proposer=proposer,
    )


def certify(rules: ChainRules, header: BlockHeader, *, view: int = 0) -> QuorumCertificate:
    """The certificate of the first quorum for a header."""
    return FIRST.certify(rules, header, view=view).certificate


def committed(rules: ChainRules, executed: Executed) -> CommittedBlock:
    """An executed block with its certificate."""
    return CommittedBlock(block=executed.block, certificate=certify(rules, executed.block.header))


def grow(ledger: Ledger, blocks: int, *, start: int = 0) -> list[CommittedBlock]:
    """Append blocks of one definition each."""
    grown = []
    for number in range(start, start + blocks):
        executed = next_block(ledger, define(number))
        block = committed(ledger.rules, executed)
        ledger.append(executed, block.certificate)
        grown.append(block)
    return grown


def vote_signature(rules: ChainRules, domain: Domain, place: int, *, view: int, height: int, block: bytes) -> bytes:
    """The signature of the replica at `place` over a statement."""
    return FIRST.sign(place, rules.vote_bytes(domain, view=view, height=height, block=block))
