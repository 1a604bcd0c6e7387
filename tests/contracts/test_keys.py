"""No two records share a key, whatever they are called (protocol 14)."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.errors import AddressMalformed
from chain.profiles import CHAIN_IDS
from chain.rpc import ReadState
from contracts import keys
from contracts.registry import METHODS
from tests.chain.record_strategies import any_of
from tests.chain.small_network import rules_of

classes = st.from_regex(r"[a-z0-9][a-z0-9-]{1,30}[a-z0-9]", fullmatch=True)
addresses = st.binary(min_size=1, max_size=96)
digests = st.binary(min_size=32, max_size=32)
tokens = st.binary(min_size=16, max_size=16)
chains = st.from_regex(r"[a-z]{2,32}", fullmatch=True)
dids = st.binary(min_size=20, max_size=20)
CONTRACTS = sorted({contract for contract, _ in METHODS})
contracts = st.sampled_from(CONTRACTS)
names = st.from_regex(r"[a-z][A-Za-z0-9]{0,39}", fullmatch=True)
"""What a caller may give as the name of a contract, where any may be asked for."""
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
    "functions": (keys.functions_key, (st.integers(0, 5), names)),
    "standing": (keys.standing_key, (names,)),
    "did": (keys.did_key, (dids,)),
    "switches": (keys.switches_key, ()),
    "purse": (keys.purse_key, (addresses | names.map(keys.contract_purse),)),
    "fen_supply": (keys.fen_supply_key, ()),
    "tariff": (keys.tariff_key, (names,)),
    "approval": (keys.approval_key, (dids, dids)),
    "platform": (keys.platform_key, (dids,)),
    "edition": (keys.edition_key, (classes, tokens)),
    "holding": (keys.holding_key, (classes, tokens, addresses)),
    "rebind": (keys.rebind_key, (classes, tokens, addresses)),
    "meta": (keys.meta_key, (contracts, addresses)),
    "auditing": (keys.auditing_key, ()),
    "auditor": (keys.auditor_key, (addresses,)),
    "save_request": (keys.save_request_key, (digests,)),
    "vote": (keys.vote_key, (digests, addresses)),
    "file": (keys.file_key, (digests,)),
    "slice": (keys.slice_key, (digests, st.integers(0, 2**16 - 1))),
    "client": (keys.client_key, (chains,)),
    "restart": (keys.restart_key, (chains, st.integers(0, 2**32 - 1))),
    "lane": (keys.lane_key, (chains,)),
    "packet": (keys.packet_key, (chains, st.integers(0, 2**53 - 1))),
    "arrival": (keys.arrival_key, (chains, st.integers(0, 2**53 - 1))),
    "transfer": (keys.transfer_key, (digests,)),
    "transit": (keys.transit_key, (classes, tokens)),
    "target": (keys.target_key, (classes, chains)),
    "relays": (keys.relays_key, (addresses,)),
    "mirror": (keys.mirror_key, (chains, classes, tokens)),
    "reliance": (keys.reliance_key, (classes, tokens)),
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
    "memberships": b"M", "evidence": b"E", "convictions": b"F", "functions": b"P", "standing": b"W", "did": b"D",
    "switches": b"I", "purse": b"K", "fen_supply": b"L", "tariff": b"Q", "approval": b"O", "platform": b"J", "edition": b"Y",
    "holding": b"Z", "rebind": b"R", "meta": b"X", "client": b"H", "restart": b"h", "lane": b"l", "packet": b"p", "arrival": b"i", "transfer": b"c",
    "transit": b"o", "target": b"t", "relays": b"f", "mirror": b"m", "reliance": b"q",
}  # fmt: skip
SHARED = {
    "auditing": b"Ut", "auditor": b"Ua", "save_request": b"Ur", "vote": b"Uv", "file": b"V", "slice": b"V",
}  # fmt: skip
"""Kinds of one contract that share a first byte: a second one tells them apart, or the length of what follows."""


@given(records)
def test_every_kind_has_its_own_first_byte_or_shares_it_within_its_contract(record: Named) -> None:
    start = (FIRST_BYTES | SHARED)[record[0]]
    assert key_of(record)[: len(start)] == start
    assert len(set(FIRST_BYTES.values())) == len(FIRST_BYTES)
    assert not set(FIRST_BYTES.values()) & {start[:1] for start in SHARED.values()}
    assert set(FIRST_BYTES | SHARED) == set(MAKERS)


@given(records)
def test_a_key_is_never_longer_than_a_reader_may_ask_for(record: Named) -> None:
    assert len(key_of(record)) <= 1 + 32 + 16 + 96 <= 256


@pytest.mark.parametrize("chain_id", CHAIN_IDS)
@pytest.mark.parametrize("contract", CONTRACTS)
def test_no_account_on_any_chain_has_a_contract_s_purse(chain_id: str, contract: str) -> None:
    with pytest.raises(AddressMalformed):
        rules_of(chain_id).addresses.format(keys.contract_purse(contract))


def test_a_contract_s_name_fits_where_it_has_a_fixed_length() -> None:
    assert max(map(len, CONTRACTS)) <= keys.CONTRACT_BYTES
    assert keys.meta_key("ddc721", b"a") == b"X" + b"ddc721" + bytes(10) + b"a"


def test_a_contract_s_purse_begins_with_a_byte_that_no_name_has() -> None:
    assert keys.contract_purse("ddc721") == b"\0ddc721"
    assert keys.purse_key(keys.contract_purse("ddc721")) == b"K\0ddc721"


@pytest.mark.parametrize("size", [3, 31, 32])
def test_a_class_takes_32_bytes_in_a_key(size: int) -> None:
    assert keys.class_key("a" * size) == b"C" + b"a" * size + bytes(32 - size)
    assert keys.certificate_key("a" * size, b"t" * 16) == b"T" + b"a" * size + bytes(32 - size) + b"t" * 16


@given(any_of(ReadState))
def test_a_reader_s_keys_are_bounded(read: ReadState) -> None:
    assert all(len(key) <= 256 for key in read.keys)
