"""Calls in JSON: what is shown of a transaction reads back as the very same call, on every chain."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import inspect
from msgspec.structs import replace

from chain.codec import Record, encode
from chain.did import Rotation
from chain.ids import Address
from chain.profiles import load_profiles
from chain.rules import ChainRules
from chain.transaction import NOBODY, Transaction
from contracts.accounts import AddAccount, AddAccounts, NewAccount
from contracts.authority import CrossPlatformApproval, SyncPlatformDID
from contracts.charge import Recharge
from contracts.classes import DEFAULT_RULES, DefineClass, SetSignatories
from contracts.ddc721 import MetaMint
from contracts.ddc1155 import MetaMintBatch1155, SafeMintBatch1155
from contracts.deposit import CreateSaveRequest
from contracts.did import NewDid, Rotate
from contracts.editions import CreateEdition
from contracts.evidence import ReportEvidence
from contracts.issuing import MintItem
from contracts.life import SetUser
from contracts.meta import Signed
from contracts.registry import METHODS
from contracts.signatories import MintSigned, ReissueSigned
from gateway.arguments import (
    EVIDENCE,
    ArgumentsMalformed,
    format_did,
    parse_did,
    read_arguments,
    show_arguments,
    show_transaction,
)
from tests.chain.record_strategies import any_of
from tests.chain.small_genesis import address_of, did_base, did_of
from tests.chain.small_network import rules_of
from tests.contracts.misconduct import forgotten

RULES = {chain_id: rules_of(chain_id) for chain_id in load_profiles()}
PLACES = {method.arguments: place for place, method in sorted(METHODS.items(), reverse=True) if method.arguments}
TAKING = sorted(PLACES.values())
"""A method for each record of arguments: what is read and shown depends on the record alone."""
REFUSING = sorted(place for place, method in METHODS.items() if method.arguments is None)
ADDRESS = inspect.type_info(Address)
TOKEN = bytes(15) + b"\x07"
TOKEN_TEXT = {"integer": "7", "uuid": "00000000-0000-0000-0000-000000000007"}
chains = st.sampled_from(sorted(RULES))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def transaction(rules: ChainRules, place: tuple[str, str], arguments: bytes) -> Transaction:
    return Transaction(
        chain_id=rules.chain_id,
        sender=address_of(rules, "alice"),
        nonce=bytes(range(16)),
        valid_until=1,
        contract=place[0],
        method=place[1],
        arguments=arguments,
    )


def addressed(rules: ChainRules, value: Any, expected: inspect.Type, data: st.DataObject) -> Any:
    """The value with addresses of this chain where it has addresses."""
    options = expected.types if isinstance(expected, inspect.UnionType) else (expected,)
    if isinstance(value, bytes) and ADDRESS in options:
        return address_of(rules, data.draw(st.sampled_from(["alice", "operator", "platform"])))
    if isinstance(value, tuple):
        (item,) = (option.item_type for option in options if isinstance(option, inspect.VarTupleType))
        return tuple(addressed(rules, part, item, data) for part in value)
    if not isinstance(value, Record) or type(value) in EVIDENCE:
        return value
    form = inspect.type_info(type(value))
    assert isinstance(form, inspect.StructType)
    fields = {field.name: addressed(rules, getattr(value, field.name), field.type, data) for field in form.fields}
    return type(value)(**fields)


@pytest.mark.parametrize("place", TAKING, ids=".".join)
@given(chains, st.data())
def test_a_call_that_is_shown_reads_back_as_itself(place: tuple[str, str], chain_id: str, data: st.DataObject) -> None:
    rules, record = RULES[chain_id], METHODS[place].arguments
    assert record is not None
    arguments = addressed(rules, data.draw(any_of(record)), inspect.type_info(record), data)
    shown = show_arguments(rules, transaction(rules, place, encode(arguments)))
    assert read_arguments(rules, *place, json.loads(json.dumps(shown))) == arguments


@pytest.mark.parametrize("place", TAKING, ids=".".join)
@given(chains, st.dictionaries(st.text(max_size=10), json_values, max_size=4), st.data())
def test_any_json_is_a_call_or_refused(
    place: tuple[str, str], chain_id: str, given_json: dict[str, Any], data: st.DataObject
) -> None:
    record = METHODS[place].arguments
    assert record is not None
    members = st.sampled_from(record.__struct_fields__) if record.__struct_fields__ else st.text(max_size=5)
    given_json |= data.draw(st.dictionaries(members, json_values, max_size=6))
    with contextlib.suppress(ArgumentsMalformed):
        assert isinstance(read_arguments(RULES[chain_id], *place, given_json), record)


@pytest.mark.parametrize("place", REFUSING, ids=".".join)
def test_a_method_that_refuses_everything_takes_everything(place: tuple[str, str]) -> None:
    assert read_arguments(RULES["wuhan"], *place, {"whatever": [1, {}]}) is None


def test_the_methods_that_refuse_everything_are_those_of_transfer_and_approval() -> None:
    assert {contract for contract, _ in REFUSING} == {"ddc721", "ddc1155"}
    assert len(REFUSING) == 13
    assert all("transfer" in method.lower() or "approv" in method.lower() for _, method in REFUSING)


@pytest.mark.parametrize(
    ("place", "given_json", "why"),
    [
        (("ddc721", "steal"), {}, "there is no method ddc721.steal"),
        (("ddc721", "mint"), {"class_id": "degree", "item": []}, "does not take these arguments"),
        (("ddc721", "revoke"), {"class_id": "degree", "token": "7", "reason": "x", "more": 1}, "no member 'more'"),
        (("ddc721", "revoke"), {"class_id": "degree", "token": "-1", "reason": "x"}, "is no token id of this chain"),
        (("ddc721", "revoke"), {"class_id": "degree", "token": "7"}, "does not take these arguments"),
        (("classes", "setIssuer"), {"class_id": "abc", "address": "0x0", "granted": True}, "is no address"),
        (("classes", "defineClass"), {"schema": "xyz"}, "schema is written in hex"),
        (("system", "touch"), {"now": 1}, "no member 'now'"),
    ],
)
def test_a_refusal_says_what_is_wrong(place: tuple[str, str], given_json: dict[str, Any], why: str) -> None:
    with pytest.raises(ArgumentsMalformed, match=why):
        read_arguments(RULES["wuhan"], *place, given_json)


def test_a_transaction_is_shown_as_its_chain_writes_it() -> None:
    for rules in RULES.values():
        shown = show_transaction(rules, transaction(rules, ("system", "touch"), b"\x90"))
        assert rules.addresses.parse(shown["sender"]) == address_of(rules, "alice")
        assert (shown["chain"], shown["nonce"], shown["arguments"]) == (rules.chain_id, bytes(range(16)).hex(), {})


def test_a_transaction_that_proves_itself_is_shown_as_nobody_s() -> None:
    change = transaction(RULES["wuhan"], ("system", "reportEvidence"), b"\x90")
    assert show_transaction(RULES["wuhan"], replace(change, sender=NOBODY))["sender"] == "nobody"


def test_a_record_beside_others_says_which_it_is() -> None:
    place, rules = ("system", "reportEvidence"), RULES["wuhan"]
    arguments = ReportEvidence(evidence=forgotten(rules))
    shown = show_arguments(rules, transaction(rules, place, encode(arguments)))
    assert shown["evidence"]["kind"] == 2
    assert shown["evidence"]["view_change"]["kind"] == 4
    assert read_arguments(rules, *place, shown) == arguments
    for kind in (1, 3, None):
        wrong = {"evidence": {**shown["evidence"], "kind": kind}}
        with pytest.raises(ArgumentsMalformed):
            read_arguments(rules, *place, wrong)


@given(chains, st.sampled_from([*METHODS, ("ddc721", "steal")]), st.binary(max_size=60))
def test_arguments_that_are_no_record_are_shown_in_hex(chain_id: str, place: tuple[str, str], data: bytes) -> None:
    shown = show_arguments(RULES[chain_id], transaction(RULES[chain_id], place, data))
    assert shown == data.hex() or (isinstance(shown, dict) and METHODS[place].arguments is not None)


def item(holder: bytes) -> MintItem:
    return MintItem(token=TOKEN, holder=holder, content_root=b"\1" * 32, uri="", valid_from=None, valid_until=5)


def shown_item(holder: str, token: str) -> dict[str, Any]:
    return {
        "token": token,
        "holder": holder,
        "content_root": "01" * 32,
        "uri": "",
        "valid_from": None,
        "valid_until": 5,
    }


SIGNED = Signed(counter=1, deadline=2, signature=b"\3" * 64)
SHOWN_SIGNED = {"counter": 1, "deadline": 2, "signature": "03" * 64}
DID, DID_TEXT = did_of("alice"), f"did:bsn:{did_of('alice').hex()}"
BASE = did_base("alice")
SHOWN_BASE = {"home": "wuhan", "authentication": BASE.authentication.hex(), "recovery": BASE.recovery.hex()}
NEW_DID = NewDid(base=BASE, signature=b"\4" * 64)


def new_account(alice: bytes, document: NewDid | None) -> NewAccount:
    return NewAccount(
        address=alice, public_key=b"\2" * 33, possession=b"", leader=None if document else DID, did=DID, did_sequence=0,
        did_signature=b"\5" * 64, document=document,
    )  # fmt: skip


def shown_account(alice: str, *, new: bool) -> dict[str, Any]:
    return {
        "address": alice,
        "public_key": "02" * 33,
        "possession": "",
        "leader": None if new else DID_TEXT,
        "did": DID_TEXT,
        "did_sequence": 0,
        "did_signature": "05" * 64,
        "document": {"base": SHOWN_BASE, "signature": "04" * 64} if new else None,
    }


def written(rules: ChainRules) -> dict[tuple[str, str], tuple[Record, dict[str, Any]]]:
    """By method, arguments of every shape that there is, and how this chain's people write them."""
    alice, bob = (address_of(rules, person) for person in ("alice", "bob"))
    own, other, token = *map(rules.addresses.format, (alice, bob)), TOKEN_TEXT[rules.profile.token_id_style]
    held = {"class_id": "degree", "token": token, "holder": None}
    return {
        ("authority", "addOperator"): (AddAccount(item=new_account(alice, NEW_DID)), {"item": shown_account(own, new=True)}),
        ("authority", "addBatchAccountByPlatform"): (
            AddAccounts(items=(new_account(alice, None), new_account(bob, NEW_DID))),
            {"items": [shown_account(own, new=False), shown_account(other, new=True)]},
        ),
        ("authority", "syncPlatformDID"): (SyncPlatformDID(dids=(DID, DID)), {"dids": [DID_TEXT, DID_TEXT]}),
        ("authority", "crossPlatformApproval"): (
            CrossPlatformApproval(issuer=DID, to=DID, approved=True),
            {"issuer": DID_TEXT, "to": DID_TEXT, "approved": True},
        ),
        ("charge", "recharge"): (Recharge(to=alice, fen=1), {"to": own, "fen": 1}),
        ("classes", "setSignatories"): (
            SetSignatories(class_id="degree", threshold=1, signatories=(alice, bob)),
            {"class_id": "degree", "threshold": 1, "signatories": [own, other]},
        ),
        ("did", "rotate"): (
            Rotate(
                rotation=Rotation(did=DID, sequence=1, authentication=BASE.recovery),
                signature=b"\6" * 64,
                possession=b"\7" * 64,
            ),
            {
                "rotation": {"kind": 2, "did": DID_TEXT, "sequence": 1, "authentication": BASE.recovery.hex()},
                "signature": "06" * 64,
                "possession": "07" * 64,
            },
        ),
        ("ddc721", "mintSigned"): (
            MintSigned(
                class_id="degree", items=(item(alice), item(bob)), deadline=9, signers=(0, 2), signatures=(b"\1" * 64,) * 2
            ),
            {
                "class_id": "degree",
                "items": [shown_item(own, token), shown_item(other, token)],
                "deadline": 9,
                "signers": [0, 2],
                "signatures": ["01" * 64] * 2,
            },
        ),
        ("ddc721", "reissueSigned"): (
            ReissueSigned(
                class_id="degree", token=TOKEN, holder=None, item=item(alice), reason="misspelt", deadline=9,
                signers=(1,), signatures=(b"\1" * 64,),
            ),
            held | {
                "item": shown_item(own, token), "reason": "misspelt", "deadline": 9, "signers": [1],
                "signatures": ["01" * 64],
            },
        ),
        ("ddc721", "metaMint"): (
            MetaMint(class_id="degree", item=item(alice), data=b"\xff", signed=SIGNED),
            {"class_id": "degree", "item": shown_item(own, token), "data": "ff", "signed": SHOWN_SIGNED},
        ),
        ("ddc721", "setUser"): (
            SetUser(class_id="degree", token=TOKEN, holder=None, user=bob, until=3),
            held | {"user": other, "until": 3},
        ),
        ("ddc1155", "createEdition"): (
            CreateEdition(
                class_id="degree", token=TOKEN, content_root=b"\1" * 32, uri="", valid_from=None, valid_until=None,
                supersedes=TOKEN,
            ),
            {
                "class_id": "degree", "token": token, "content_root": "01" * 32, "uri": "", "valid_from": None,
                "valid_until": None, "supersedes": token,
            },
        ),
        ("ddc1155", "safeMintBatch"): (
            SafeMintBatch1155(class_id="degree", token=TOKEN, holders=(alice, bob), amounts=(1, 1), data=b""),
            {"class_id": "degree", "token": token, "holders": [own, other], "amounts": [1, 1], "data": ""},
        ),
        ("ddc1155", "metaSafeMintBatch"): (
            MetaMintBatch1155(
                class_id="degree", tokens=(TOKEN, TOKEN), holder=alice, amounts=(1, 1), data=b"", signed=SIGNED
            ),
            {
                "class_id": "degree", "tokens": [token, token], "holder": own, "amounts": [1, 1], "data": "",
                "signed": SHOWN_SIGNED,
            },
        ),
        ("evidence", "createSaveRequest"): (
            CreateSaveRequest(digest=b"\1" * 32, owner=alice, remarks=b"\2" * 32),
            {"digest": "01" * 32, "owner": own, "remarks": "02" * 32},
        ),
        ("classes", "defineClass"): (
            DefineClass(
                class_id="degree", standard=1155, name_en="Degree", name_zh="学位", schema=b"\1" * 32, fields=("name",),
                rules=DEFAULT_RULES,
            ),
            {
                "class_id": "degree", "standard": 1155, "name_en": "Degree", "name_zh": "学位", "schema": "01" * 32,
                "fields": ["name"],
                "rules": {
                    "burn_authorisation": 2, "issuer_revokes": False, "acceptance": False, "attributes": 1,
                    "validity_ms_max": None, "rebind_wait_ms": 86_400_000,
                },
            },
        ),
    }  # fmt: skip


@pytest.mark.parametrize("chain_id", sorted(RULES))
def test_addresses_dids_and_tokens_are_written_as_such_wherever_they_stand(chain_id: str) -> None:
    rules = RULES[chain_id]
    for place, (arguments, shown) in written(rules).items():
        assert show_arguments(rules, transaction(rules, place, encode(arguments))) == shown, place
        assert read_arguments(rules, *place, shown) == arguments, place


def test_what_may_be_nil_may_be_left_out() -> None:
    rules = RULES["wuhan"]
    arguments, shown = written(rules)["ddc721", "setUser"]
    assert read_arguments(rules, "ddc721", "setUser", {k: v for k, v in shown.items() if v is not None}) == arguments


def test_a_did_is_taken_with_and_without_its_prefix() -> None:
    given_json = {"issuer": DID.hex(), "to": DID_TEXT, "approved": False}
    read = read_arguments(RULES["wuhan"], "authority", "crossPlatformApproval", given_json)
    assert read == CrossPlatformApproval(issuer=DID, to=DID, approved=False)
    assert parse_did(format_did(DID)) == parse_did(DID.hex()) == DID
    with pytest.raises(ValueError, match="hex"):
        parse_did("did:web:example")


def test_a_record_that_stands_alone_need_not_say_its_kind() -> None:
    rules, place = RULES["wuhan"], ("did", "rotate")
    arguments, shown = written(rules)[place]
    kindless = {name: value for name, value in shown["rotation"].items() if name != "kind"}
    assert read_arguments(rules, *place, shown | {"rotation": kindless}) == arguments
    with pytest.raises(ArgumentsMalformed):
        read_arguments(rules, *place, shown | {"rotation": kindless | {"kind": 3}})


def test_an_address_that_the_chain_does_not_write_is_shown_in_hex() -> None:
    arguments = encode(Recharge(to=b"\x01", fen=1))
    place = ("charge", "recharge")
    assert show_arguments(RULES["wuhan"], transaction(RULES["wuhan"], place, arguments)) == {"to": "01", "fen": 1}
