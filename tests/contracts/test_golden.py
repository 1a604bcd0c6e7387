"""The bytes of one fixed example of every format, for ever: what changes them makes another protocol.

After a deliberate change of a format, `python -m tests.contracts.test_golden` writes the file anew.
"""

import json
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from chain.block import HEADER_VERSION, Block, BlockHeader, CommittedBlock
from chain.codec import Record, decode, encode
from chain.did import Joining, statement_digest
from chain.digests import sha256
from chain.domains import Domain
from chain.merkle import InclusionProof, leaf_hash, prove, root
from chain.state import StateProof
from chain.state import prove as prove_state
from chain.transaction import Event, Receipt, SignedTransaction, Transaction
from contracts import keys
from contracts.access import Account, Functions
from contracts.certificate import Certificate, Issued
from contracts.classes import CertificateClass, Grant
from contracts.did import DidDocument
from contracts.interface import Role
from contracts.issuing import Mint
from contracts.meta import MetaCall, arguments_root, meta_bytes
from contracts.purses import Purse, Tariff
from contracts.signatories import issue_bytes
from tests.chain.small_genesis import account_key_pair, did_of, genesis_of
from tests.chain.small_network import FIRST
from tests.contracts.small_chain import CLASS, SmallChain, item, token

FILE: Final = Path(__file__).parents[1] / "vectors" / "golden.json"
CHAINS: Final = ("wuhan", "zhongyi", "nanjing")
RECORDS: Final[dict[str, type[Record]]] = {
    "transaction": Transaction,
    "signed transaction": SignedTransaction,
    "receipt": Receipt,
    "refused receipt": Receipt,
    "header": BlockHeader,
    "block": Block,
    "committed block": CommittedBlock,
    "receipt's inclusion proof": InclusionProof,
    "meta call": MetaCall,
    "account": Account,
    "class": CertificateClass,
    "certificate": Certificate,
    "grant": Grant,
    "supply": Issued,
    "purse": Purse,
    "purse of a contract": Purse,
    "tariff": Tariff,
    "DID document": DidDocument,
    "functions": Functions,
    "state proof of the certificate": StateProof,
    "state proof of an absence": StateProof,
}
Golden = dict[str, str]


def golden_document() -> Golden:
    """The genesis document and what is read from it."""
    genesis = genesis_of("wuhan", "zhongyi")
    return {
        "genesis document": genesis.document.canonical().hex(),
        "network id": genesis.network_id.hex(),
        "membership": encode(genesis.membership).hex(),
        "section of zhongyi": genesis.document.chains[1].canonical().hex(),
    }


@cache
def played(chain_id: str) -> tuple[SmallChain, tuple[Event, ...]]:
    """A chain with one class and one certificate, and the events of its mint."""
    chain = SmallChain.founded(chain_id)
    chain.define()
    return chain, chain.call("platform", "ddc721", "mint", Mint(class_id=CLASS, item=item(chain.address("alice"), 7)))


def golden_chain(chain_id: str) -> Golden:
    """Bytes and digests of one chain."""
    chain, events = played(chain_id)
    return golden_calls(chain, events) | golden_statements(chain) | golden_state(chain)


def golden_calls(chain: SmallChain, events: tuple[Event, ...]) -> Golden:
    rules, digest = chain.rules, chain.rules.digest
    arguments = Mint(class_id=CLASS, item=item(chain.address("alice"), 7))
    body = encode(chain.transaction(chain.address("platform"), "ddc721", "mint", arguments))
    transaction_id = rules.transaction_id(body)
    signature = account_key_pair(rules.chain_id, "platform").sign(transaction_id)
    signed = encode(SignedTransaction(body=body, signature=signature))
    receipts = (
        Receipt(transaction_id=transaction_id, code="", values=(), events=events),
        Receipt(transaction_id=sha256(b"other"), code="token-exists", values=(CLASS, token(7)), events=()),
    )
    leaves = [leaf_hash(digest, encode(receipt)) for receipt in receipts]
    header = header_of(chain, root(digest, [leaf_hash(digest, signed)]), root(digest, leaves))
    block = Block(header=header, transactions=(signed,))
    certificate = FIRST.certify(rules, header, view=2).certificate
    commit = rules.vote_bytes(Domain.COMMIT, view=2, height=header.height, block=rules.block_digest(header))
    return {
        "transaction": body.hex(),
        "transaction id": transaction_id.hex(),
        "signed transaction": signed.hex(),
        "receipt": encode(receipts[0]).hex(),
        "refused receipt": encode(receipts[1]).hex(),
        "receipt's inclusion proof": encode(prove(digest, leaves, 0)).hex(),
        "header": encode(header).hex(),
        "block digest": rules.block_digest(header).hex(),
        "block": encode(block).hex(),
        "commit statement": commit.hex(),
        "committed block": encode(CommittedBlock(block=block, certificate=certificate)).hex(),
        "membership digest": rules.membership_digest(FIRST.membership).hex(),
        "registration": rules.registration_bytes(b"bob111111111", bytes(33)).hex(),
    }


def header_of(chain: SmallChain, transaction_root: bytes, receipt_root: bytes) -> BlockHeader:
    membership = chain.rules.membership_digest(FIRST.membership)
    return BlockHeader(
        version=HEADER_VERSION,
        network_id=chain.rules.network_id,
        chain_id=chain.rules.chain_id,
        height=2,
        parent=sha256(b"parent"),
        transaction_root=transaction_root,
        receipt_root=receipt_root,
        state_root=chain.state.root,
        time=chain.time,
        view=1,
        proposer=1,
        membership=membership,
        next_membership=membership,
    )


def golden_statements(chain: SmallChain) -> Golden:
    """What is signed beside transactions: by a DID, by a holder, by a signatory."""
    rules, alice = chain.rules, chain.address("alice")
    minted = item(alice, 7)
    public_key = account_key_pair(rules.chain_id, "alice").public_key
    joining = Joining(did=did_of("alice"), sequence=0, address=alice, public_key=public_key)
    meta = MetaCall(
        contract="ddc721",
        method="metaMint",
        signer=alice,
        arguments=arguments_root(rules, (encode(CLASS), encode(minted))),
        counter=1,
        deadline=chain.time,
    )
    return {
        "joining statement": statement_digest(rules.network_id, rules.chain_id, joining).hex(),
        "meta call": encode(meta).hex(),
        "meta statement": meta_bytes(rules, meta).hex(),
        "issue statement": issue_bytes(rules, "ddc721", CLASS, (minted,), chain.time).hex(),
        "reissue statement": issue_bytes(rules, "ddc721", CLASS, (minted,), chain.time, (token(1), "misspelt")).hex(),
    }


def golden_state(chain: SmallChain) -> Golden:
    alice = chain.address("alice")
    named = {
        "key of the account": keys.account_key(alice),
        "key of the class": keys.class_key(CLASS),
        "key of the grant": keys.grant_key(CLASS, chain.address("platform")),
        "key of the certificate": keys.certificate_key(CLASS, token(7)),
        "key of the balance": keys.balance_key(CLASS, alice),
        "key of the supply": keys.supply_key(CLASS),
        "key of the purse": keys.purse_key(chain.address("platform")),
        "key of the purse of a contract": keys.purse_key(keys.contract_purse("ddc721")),
        "key of the supply of fen": keys.fen_supply_key(),
        "key of the tariff": keys.tariff_key("ddc721"),
        "key of the DID document": keys.did_key(did_of("alice")),
        "key of the functions": keys.functions_key(Role.PLATFORM, "ddc721"),
    }
    content = chain.content()
    written = {name.removeprefix("key of the "): content[key].hex() for name, key in named.items()}
    return (
        {name: key.hex() for name, key in named.items()}
        | written
        | {
            "key of another chain's section": keys.network_key(
                "wuhan" if chain.rules.chain_id != "wuhan" else "zhongyi"
            ).hex(),
            "state root": chain.state.root.hex(),
            "state proof of the certificate": encode(prove_state(chain.state, named["key of the certificate"])).hex(),
            "state proof of an absence": encode(prove_state(chain.state, keys.certificate_key(CLASS, token(8)))).hex(),
        }
    )


def golden() -> dict[str, Golden]:
    return {"network": golden_document()} | {chain_id: golden_chain(chain_id) for chain_id in CHAINS}


WRITTEN: dict[str, Golden] = json.loads(FILE.read_text("utf-8")) if FILE.exists() else {}


@pytest.mark.parametrize("place", ["network", *CHAINS])
def test_every_byte_is_as_it_was_written_down(place: str) -> None:
    assert golden()[place] == WRITTEN[place]


def test_the_file_holds_these_places_and_no_other() -> None:
    assert list(WRITTEN) == ["network", *CHAINS]
    assert len({tuple(WRITTEN[chain_id]) for chain_id in CHAINS}) == 1


@pytest.mark.parametrize("chain_id", CHAINS)
@pytest.mark.parametrize("name", RECORDS)
def test_every_record_is_read_from_the_written_bytes(chain_id: str, name: str) -> None:
    data = bytes.fromhex(WRITTEN[chain_id][name])
    assert encode(decode(data, RECORDS[name])) == data


@pytest.mark.parametrize("chain_id", CHAINS)
def test_the_written_signature_is_the_platform_s(chain_id: str) -> None:
    chain, _ = played(chain_id)
    signed = decode(bytes.fromhex(WRITTEN[chain_id]["signed transaction"]), SignedTransaction)
    public_key = account_key_pair(chain_id, "platform").public_key
    assert chain.rules.scheme.verify(public_key, chain.rules.transaction_id(signed.body), signed.signature)


if __name__ == "__main__":
    FILE.write_text(json.dumps(golden(), indent=1, ensure_ascii=False) + "\n", "utf-8")
