"""Calls in JSON: what is shown of a transaction reads back as the very same call, on every chain."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chain.codec import Record, encode
from chain.profiles import load_profiles
from chain.rules import ChainRules
from chain.transaction import NOBODY, Transaction
from contracts.evidence import ReportEvidence
from contracts.registry import METHODS
from gateway.arguments import ArgumentsMalformed, read_arguments, show_arguments, show_bytes, show_transaction
from tests.chain.record_strategies import any_of
from tests.chain.small_genesis import address_of
from tests.chain.small_network import rules_of
from tests.contracts.misconduct import forgotten

RULES = {chain_id: rules_of(chain_id) for chain_id in load_profiles()}
TAKING = sorted(place for place, method in METHODS.items() if method.arguments is not None)
REFUSING = sorted(place for place, method in METHODS.items() if method.arguments is None)
ADDRESSES = ("address", "holder")
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


def addressed(rules: ChainRules, value: Any, data: st.DataObject) -> Any:
    """The record with addresses of this chain where it has addresses."""
    if isinstance(value, tuple):
        return tuple(addressed(rules, item, data) for item in value)
    if not isinstance(value, Record):
        return value
    fields = {name: addressed(rules, getattr(value, name), data) for name in value.__struct_fields__}
    for name in ADDRESSES:
        if name in fields:
            fields[name] = address_of(rules, data.draw(st.sampled_from(["alice", "operator", "platform"])))
    return type(value)(**fields)


@pytest.mark.parametrize("place", TAKING, ids=".".join)
@given(chains, st.data())
def test_a_call_that_is_shown_reads_back_as_itself(place: tuple[str, str], chain_id: str, data: st.DataObject) -> None:
    rules, record = RULES[chain_id], METHODS[place].arguments
    assert record is not None
    arguments = addressed(rules, data.draw(any_of(record)), data)
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


def test_there_are_eight_methods_that_refuse_everything() -> None:
    assert len(REFUSING) == 8


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


def test_bytes_that_are_no_address_are_shown_in_hex() -> None:
    assert show_bytes(RULES["wuhan"], "holder", b"\x01") == "01"
    assert show_bytes(RULES["wuhan"], "token", b"\x01") == "01"
    assert show_bytes(RULES["wuhan"], "token", bytes(15) + b"\x07") == "7"
    assert show_bytes(RULES["zunyi"], "token", bytes(15) + b"\x07") == "00000000-0000-0000-0000-000000000007"
