"""Bodies are taken as they are documented, and nothing else is."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from pydantic import BaseModel, ValidationError

from contracts.classes import DEFAULT_RULES
from credentials.schema import content_faults, parse_schema
from gateway.arguments import read_arguments
from gateway.errors import Problem
from gateway.schemas import (
    CALL,
    CLASS,
    MINT,
    AccountBody,
    Body,
    ClassBody,
    DidDocumentBody,
    DraftBody,
    EncodeBody,
    MintBody,
    RulesBody,
    SubmitBody,
    VerifyBody,
)
from scripts.sectors import load_sectors
from tests.chain.small_network import rules_of

KEY = "02" + "0a" * 32
GOOD: dict[type[Body], dict[str, Any]] = {
    MintBody: {"chain": "wuhan", "class": "degree", "holder": "0x", "content": {"b": 1, "a": "x"}},
    DraftBody: {"chain": "wuhan", "class": "degree", "content": {"b": 1, "a": "x"}},
    ClassBody: {"chain": "wuhan", "class": "degree", "name_en": "Degree", "name_zh": "学位", "schema": {}},
    RulesBody: {"burn_authorisation": 3, "validity_ms_max": 1, "rebind_wait_ms": 0},
    AccountBody: {"chain": "wuhan", "did": "did:bsn:" + "0a" * 20, "leader": "0a" * 20, "public_key": "02ff"},
    DidDocumentBody: {"home": "wuhan", "authentication": KEY, "recovery": KEY, "signature": "0A" * 64},
    EncodeBody: {"sender": "0x", "contract": "ddc721", "method": "mint", "nonce": "0a" * 16},
    SubmitBody: {"body": "0A0b", "signature": "0a" * 64},
    VerifyBody: {"id": "x", "max_age": 5},
}
WRONG: list[tuple[type[Body], dict[str, Any]]] = [
    (MintBody, {"holder": 7}),
    (MintBody, {"content": []}),
    (MintBody, {"content": None}),
    (MintBody, {"valid_until": True}),
    (MintBody, {"valid_until": 1.5}),
    (MintBody, {"uri": "x" * 257}),
    (MintBody, {"holder": "x" * 129}),
    (MintBody, {"colour": "red"}),
    (MintBody, {"holder": None}),
    (DraftBody, {"holder": 7}),
    (DraftBody, {"colour": "red"}),
    (MintBody, {"chain": "\ud800"}),
    (ClassBody, {"class": "ab"}),
    (ClassBody, {"class": "-abc"}),
    (ClassBody, {"class": "Degree"}),
    (ClassBody, {"class": "degree\n"}),
    (ClassBody, {"class": "x" * 33}),
    (ClassBody, {"name_en": ""}),
    (ClassBody, {"standard": 20}),
    (ClassBody, {"rules": None}),
    (ClassBody, {"rules": {"transferable": True}}),
    (RulesBody, {"burn_authorisation": 4}),
    (RulesBody, {"attributes": -1}),
    (RulesBody, {"acceptance": 1}),
    (RulesBody, {"validity_ms_max": 0}),
    (RulesBody, {"rebind_wait_ms": 367 * 86_400_000}),
    (AccountBody, {"role": "owner"}),
    (AccountBody, {"role": "cross_chain"}),
    (AccountBody, {"did_sequence": -1}),
    (AccountBody, {"did_signature": "0a" * 63}),
    (AccountBody, {"did_document": {}}),
    (DidDocumentBody, {"home": "Wuhan"}),
    (DidDocumentBody, {"recovery": "04" + "0a" * 32}),
    (DidDocumentBody, {"signature": ""}),
    (AccountBody, {"public_key": "0"}),
    (AccountBody, {"did": "did:web:a"}),
    (AccountBody, {"possession": "zz"}),
    (EncodeBody, {"nonce": "0a"}),
    (EncodeBody, {"arguments": []}),
    (SubmitBody, {"signature": "0a" * 63}),
    (SubmitBody, {"signature": "0x" + "0a" * 63}),
    (SubmitBody, {"body": "0x0a"}),
    (VerifyBody, {"max_age": -1}),
    (VerifyBody, {"max_age": "5"}),
]


def body_of(kind: type[Body], given_json: dict[str, Any]) -> Any:
    return kind.model_validate(given_json)


@pytest.mark.parametrize("kind", GOOD)
def test_a_body_without_unknown_members_is_taken(kind: type[Body]) -> None:
    assert body_of(kind, GOOD[kind])
    with pytest.raises(ValidationError):
        body_of(kind, GOOD[kind] | {"unknown": 1})


@pytest.mark.parametrize("kind", [kind for kind in GOOD if kind.model_config.get("json_schema_extra")])
def test_what_the_docs_fill_a_form_with_is_taken(kind: type[Body]) -> None:
    assert body_of(kind, kind.model_json_schema()["examples"][0])


def test_the_examples_of_the_docs_fit_what_they_are_examples_of() -> None:
    assert content_faults(load_sectors()["wenchang"].schema, MINT["content"]) == ()
    assert parse_schema(CLASS["schema"]).fields
    call = body_of(EncodeBody, CALL).to_order("wenchang")
    rules = rules_of("wenchang")
    assert read_arguments(rules, call.contract, call.method, call.arguments) is not None
    assert rules.addresses.parse(call.sender)


@pytest.mark.parametrize(("kind", "changed"), WRONG)
def test_a_member_that_is_not_as_documented_is_refused(kind: type[Body], changed: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        body_of(kind, GOOD[kind] | changed)


@pytest.mark.parametrize("missing", ["chain", "class", "holder", "content"])
def test_a_mint_without_a_member_is_refused(missing: str) -> None:
    with pytest.raises(ValidationError):
        body_of(MintBody, {name: value for name, value in GOOD[MintBody].items() if name != missing})


def test_equal_mints_are_equal_orders_whatever_the_order_of_their_members() -> None:
    one = body_of(MintBody, GOOD[MintBody]).to_order()
    other = body_of(MintBody, GOOD[MintBody] | {"content": {"a": "x", "b": 1}}).to_order()
    assert repr(one) == repr(other)


def test_a_draft_is_ordered_as_a_mint_and_need_not_have_a_holder() -> None:
    assert body_of(DraftBody, GOOD[MintBody]).to_order() == body_of(MintBody, GOOD[MintBody]).to_order()
    assert body_of(DraftBody, GOOD[DraftBody]).to_order().holder is None


def test_times_are_read_as_people_write_them() -> None:
    written = body_of(MintBody, GOOD[MintBody] | {"valid_from": 5, "valid_until": "2030-12-31"}).to_order()
    assert (written.valid_from, written.valid_until) == (5, 1_924_905_600_000)
    with pytest.raises(Problem):
        body_of(MintBody, GOOD[MintBody] | {"valid_until": "tomorrow"}).to_order()
    call = body_of(EncodeBody, GOOD[EncodeBody] | {"valid_until": "2030-12-31"}).to_order("wuhan")
    assert (call.valid_until, call.nonce, call.chain_id) == (1_924_905_600_000, b"\x0a" * 16, "wuhan")


def test_a_did_is_the_same_with_and_without_its_prefix() -> None:
    order = body_of(AccountBody, GOOD[AccountBody]).to_order()
    assert order.did.did == order.leader == b"\x0a" * 20
    assert (order.did.sequence, order.did.signature, order.did.document) == (0, None, None)
    assert (order.public_key, order.possession, order.role) == (b"\x02\xff", b"", "consumer")
    assert body_of(AccountBody, {"chain": "wuhan"}).to_order().did is None


def test_a_did_may_come_with_its_signature_and_its_document() -> None:
    brought = {"did_sequence": 2, "did_signature": "0b" * 64, "did_document": GOOD[DidDocumentBody]}
    did = body_of(AccountBody, GOOD[AccountBody] | brought).to_order().did
    assert (did.sequence, did.signature, did.document.signature) == (2, b"\x0b" * 64, b"\x0a" * 64)
    base = did.document.base
    assert (base.home, base.authentication, base.recovery) == ("wuhan", bytes.fromhex(KEY), bytes.fromhex(KEY))


@pytest.mark.parametrize(
    "without", [{"did_signature": "0b" * 64}, {"did_document": GOOD[DidDocumentBody]}], ids=["signature", "document"]
)
def test_what_goes_with_a_did_is_refused_without_it(without: dict[str, Any]) -> None:
    with pytest.raises(Problem) as refused:
        body_of(AccountBody, {"chain": "wuhan"} | without).to_order()
    assert refused.value.code == "body-malformed"


def test_a_class_is_handed_on_as_it_came() -> None:
    order = body_of(ClassBody, GOOD[ClassBody]).to_order()
    assert (order.chain_id, order.class_id, order.name_zh, order.schema) == ("wuhan", "degree", "学位", {})
    assert (order.standard, order.rules) == (721, DEFAULT_RULES)


def test_a_class_may_have_rules_and_a_standard_of_its_own() -> None:
    order = body_of(ClassBody, GOOD[ClassBody] | {"standard": 1155, "rules": {"acceptance": True}}).to_order()
    assert (order.standard, order.rules) == (1155, replace(DEFAULT_RULES, acceptance=True))


@pytest.mark.parametrize(
    ("members", "fits"), [({"id": "x"}, True), ({"bundle": {}}, True), ({}, False), ({"id": "x", "bundle": {}}, False)]
)
def test_either_an_id_or_a_bundle_is_verified(members: dict[str, Any], fits: bool) -> None:
    body = body_of(VerifyBody, members)
    with contextlib.nullcontext() if fits else pytest.raises(Problem):
        body.check()
    assert body_of(VerifyBody, members | {"max_age": 5}).age_ms_max == 5_000
    assert body.age_ms_max is None


@given(st.sampled_from(sorted(GOOD, key=lambda kind: kind.__name__)), st.data())
def test_any_json_is_a_body_or_refused(kind: type[BaseModel], data: st.DataObject) -> None:
    values = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50) | st.just({}) | st.just([])
    names = [field.alias or name for name, field in kind.model_fields.items()]
    members = data.draw(st.dictionaries(st.sampled_from(names), values))
    with contextlib.suppress(ValidationError):
        assert isinstance(kind.model_validate(GOOD[kind] | members), kind)  # type: ignore[index]
