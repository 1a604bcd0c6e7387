"""No two records share a key, whatever they are called (protocol 14)."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.rpc import ReadState
from contracts import keys
from tests.chain.record_strategies import any_of

classes = st.from_regex(r"[a-z0-9][a-z0-9-]{1,30}[a-z0-9]", fullmatch=True)
addresses = st.binary(min_size=1, max_size=96)
digests = st.binary(min_size=32, max_size=32)
tokens = st.binary(min_size=16, max_size=16)
chains = st.from_regex(r"[a-z]{2,32}", fullmatch=True)
MAKERS: dict[str, tuple[Any, tuple[st.SearchStrategy[Any], ...]]] = {
    "account": (keys.account_key, (addresses,)),
    "class": (keys.class_key, (classes,)),
    "grant": (keys.grant_key, (classes, addresses)),
    "certificate": (keys.certificate_key, (classes, tokens)),
    "balance": (keys.balance_key, (classes, addresses)),
    "supply": (keys.supply_key, (classes,)),
    "network": (keys.network_key, (chains,)),
    "memberships": (keys.memberships_key, ()),
    "evidence": (keys.evidence_key, (digests, st.integers(0, 2**53 - 1), st.integers(1, 2))),
    "convictions": (keys.convictions_key, (digests,)),
}
records = st.sampled_from(sorted(MAKERS)).flatmap(lambda name: st.tuples(st.just(name), st.tuples(*MAKERS[name][1])))
Named = tuple[str, tuple[Any, ...]]


def key_of(record: Named) -> bytes:
    name, parts = record
    made: bytes = MAKERS[name][0](*parts)
    return made


@given(records, records)
@settings(max_examples=500)
def test_two_records_have_two_keys(one: Named, other: Named) -> None:
    assert (key_of(one) == key_of(other)) == (one == other)


@given(classes, addresses, st.integers(1, 31))
def test_a_class_and_an_address_do_not_run_into_each_other(class_id: str, address: bytes, cut: int) -> None:
    moved = (class_id[:-cut] or "abc", class_id[-cut:].encode() + address)
    for make in (keys.grant_key, keys.balance_key):
        assert (make(class_id, address) == make(moved[0], moved[1][:96])) == ((class_id, address) == moved)


def test_every_maker_of_keys_is_tested_here() -> None:
    makers = {name for name in vars(keys) if name.endswith("_key")}
    assert makers == {f"{name}_key" for name in MAKERS}


FIRST_BYTES = {
    "account": b"A", "class": b"C", "grant": b"G", "certificate": b"T", "balance": b"B", "supply": b"S", "network": b"N",
    "memberships": b"M", "evidence": b"E", "convictions": b"F",
}  # fmt: skip


@given(records)
def test_every_kind_has_its_own_first_byte(record: Named) -> None:
    assert key_of(record)[:1] == FIRST_BYTES[record[0]]
    assert len(set(FIRST_BYTES.values())) == len(MAKERS)


@given(records)
def test_a_key_is_never_longer_than_a_reader_may_ask_for(record: Named) -> None:
    assert len(key_of(record)) <= 1 + 32 + 96 <= 256


@pytest.mark.parametrize("size", [3, 31, 32])
def test_a_class_takes_32_bytes_in_a_key(size: int) -> None:
    assert keys.class_key("a" * size) == b"C" + b"a" * size + bytes(32 - size)
    assert keys.certificate_key("a" * size, b"t" * 16) == b"T" + b"a" * size + bytes(32 - size) + b"t" * 16


@given(any_of(ReadState))
def test_a_reader_s_keys_are_bounded(read: ReadState) -> None:
    assert all(len(key) <= 256 for key in read.keys)
