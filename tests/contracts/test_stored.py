"""Every record of the state can be read whole, and what is not there reads as nothing (protocol 14.1)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain.codec import Record, encode
from contracts import keys
from contracts.access import find_account
from contracts.stored import _READS, VIEWS
from tests.chain.record_strategies import any_of
from tests.contracts.small_chain import CLASS, SmallChain
from tests.docs.contract_words import state_keys


class Asked:
    """A state that has one value under every key, and remembers what it was asked for."""

    def __init__(self, value: bytes | None) -> None:
        self.value = value
        self.keys: list[bytes] = []

    def get(self, key: bytes) -> bytes | None:
        self.keys.append(key)
        return self.value


def form_of(name: str) -> type[Record] | None:
    """The record that a read answers with; None where it is no record."""
    kind = _READS[name][2]
    return kind if issubclass(kind, Record) else None


@given(st.sampled_from(sorted(VIEWS)), st.data())
def test_a_read_looks_under_one_key_and_answers_with_what_stands_there(name: str, data: st.DataObject) -> None:
    view, record = VIEWS[name], form_of(name)
    arguments = data.draw(any_of(view.arguments))
    value: Any = data.draw(st.binary(min_size=8, max_size=8) if record is None else any_of(record))
    state = Asked(encode(value) if record is not None else b"{}" if name == "section" else value)
    answer = view.read(state, arguments)
    assert len(state.keys) == 1
    assert answer == value or record is None
    assert view.read(Asked(None), arguments) is None


def test_every_key_of_the_state_has_a_read() -> None:
    makers = {function for name, function in vars(keys).items() if name.endswith("_key")}
    read = {key for _, key, _ in _READS.values()}
    assert makers - read == set()
    assert len(VIEWS) == len(state_keys()) + 1, "a purse is an account's or a contract's"


@pytest.mark.parametrize("name", sorted(VIEWS))
def test_a_read_says_whether_a_chain_has_the_record(name: str) -> None:
    chain = SmallChain.founded()
    alice = chain.account("alice")
    assert alice is not None
    members = {
        "address": alice.address, "holder": alice.address, "class_id": CLASS, "did": alice.did, "contract": "ddc721",
        "role": 1, "token": bytes(16), "digest": bytes(32), "signer": bytes(32), "height": 1, "kind": 1, "number": 0,
        "issuer": alice.did, "to": alice.did, "chain_id": "zhongyi", "sequence": 0, "trust": 1, "cross_id": bytes(32),
    }  # fmt: skip
    view = VIEWS[name]
    answer = view.read(
        chain.records, view.arguments(**{field: members[field] for field in view.arguments.__struct_fields__})
    )
    there = {"account", "did", "fenSupply", "memberships", "section", "functions", "tariff", "client"}
    assert (answer is not None) == (name in there)
    assert name != "account" or answer == find_account(chain.records, alice.address)
