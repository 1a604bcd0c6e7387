"""Transactions, receipts and events: what is in an id, and what no record of them takes (protocol 6)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chain.codec import CodecMalformed, Record, decode, encode
from chain.transaction import (
    TRANSACTION_BYTES_MAX,
    TRANSACTION_WINDOW_MS,
    Event,
    Receipt,
    SignedTransaction,
    Transaction,
)
from tests.chain.record_strategies import any_of, values
from tests.chain.small_network import rules_of

TRANSACTION = Transaction(
    chain_id="wuhan",
    sender=b"\x01" * 20,
    nonce=b"\x02" * 16,
    valid_until=1_700_000_000_000,
    contract="ddc721",
    method="mint",
    arguments=b"\x90",
)
SIGNED = SignedTransaction(body=encode(TRANSACTION), signature=b"\x05" * 64)
EVENT = Event(contract="ddc721", name="Locked", values=())
RECEIPT = Receipt(transaction_id=b"\x03" * 32, code="", values=(), events=(EVENT,))
RULES = rules_of("wuhan")


@given(any_of(Transaction), any_of(Transaction))
def test_two_transactions_share_an_id_only_if_they_are_equal(one: Transaction, other: Transaction) -> None:
    same = RULES.transaction_id(encode(one)) == RULES.transaction_id(encode(other))
    assert same == (one == other)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("chain_id", "taian"),
        ("sender", b"\x01" * 21),
        ("nonce", b"\x03" * 16),
        ("valid_until", 1),
        ("contract", "classes"),
        ("method", "revoke"),
        ("arguments", b""),
    ],
)
def test_every_field_is_in_the_id(field: str, value: object) -> None:
    changed = replace(TRANSACTION, **{field: value})
    assert RULES.transaction_id(encode(changed)) != RULES.transaction_id(encode(TRANSACTION))


@given(st.binary(max_size=400))
def test_arguments_are_carried_unread(arguments: bytes) -> None:
    carried = replace(TRANSACTION, arguments=arguments)
    assert decode(encode(carried), Transaction).arguments == arguments


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("chain_id", "a" * 33),
        ("sender", b""),
        ("sender", bytes(97)),
        ("nonce", bytes(15)),
        ("nonce", bytes(17)),
        ("valid_until", -1),
        ("valid_until", 2**53),
        ("contract", ""),
        ("contract", "Ddc721"),
        ("contract", "ddc-721"),
        ("contract", "a" * 41),
        ("method", "mint "),
        ("method", "mint\n"),
        ("method", "铸造"),
        ("arguments", bytes(TRANSACTION_BYTES_MAX + 1)),
    ],
)
def test_a_field_beyond_its_form_is_refused(field: str, value: object) -> None:
    refused(replace(TRANSACTION, **{field: value}))


@pytest.mark.parametrize(
    ("field", "value"), [("body", bytes(TRANSACTION_BYTES_MAX + 1)), ("signature", bytes(63)), ("signature", bytes(65))]
)
def test_a_signed_transaction_beyond_its_form_is_refused(field: str, value: object) -> None:
    assert decode(encode(SIGNED), SignedTransaction) == SIGNED
    refused(replace(SIGNED, **{field: value}))


@pytest.mark.parametrize(
    ("record", "field", "value"),
    [
        (EVENT, "contract", "Ddc"),
        (EVENT, "name", "N" * 41),
        (EVENT, "values", (1,) * 9),
        (RECEIPT, "transaction_id", bytes(31)),
        (RECEIPT, "code", "c" * 41),
        (RECEIPT, "values", (1,) * 9),
    ],
)
def test_an_event_or_receipt_beyond_its_form_is_refused(record: Record, field: str, value: object) -> None:
    refused(replace(record, **{field: value}))


def refused(value: Record) -> None:
    with pytest.raises(CodecMalformed):
        decode(encode(value), type(value))


@given(values)
def test_values_come_back_as_they_were_and_can_be_compared(given_values: tuple[Any, ...]) -> None:
    event = replace(EVENT, values=given_values)
    receipt = replace(RECEIPT, values=given_values, events=(event,))
    back = decode(encode(receipt), Receipt)
    assert back == receipt
    assert hash(back) == hash(receipt)
    assert [type(value) for value in back.values] == [type(value) for value in given_values]


@pytest.mark.parametrize("value", [None, 1.0, {}, {"a": 1}, [1], ["a"], [b"a", None], [[b"a"]], object(), {b"a"}])
def test_what_is_no_value_is_refused_when_the_record_is_made(value: object) -> None:
    with pytest.raises(ValueError, match="a value is a boolean, an integer, text, bytes or a list of bytes"):
        Event(contract="ddc721", name="Locked", values=(value,))
    with pytest.raises(ValueError, match="a value is"):
        Receipt(transaction_id=bytes(32), code="", values=(value,), events=())


def test_a_receipt_without_a_code_is_of_success() -> None:
    assert RECEIPT.succeeded
    assert not replace(RECEIPT, code="not-granted").succeeded


def test_the_window_is_five_minutes() -> None:
    assert TRANSACTION_WINDOW_MS == 300_000
