"""Accounts and their DIDs in the index: the genesis document's, those of events, each once."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from contracts.access import NO_DID
from gateway import index
from gateway.database import open_database
from gateway.directory import ACCOUNTS_MAX, accounts_of, add_founders, dids_of, learn_accounts, list_dids
from gateway.events import HeardEvent
from tests.gateway.memory_chain import GENESIS, MemoryChain

FIRST, SECOND = bytes([1]) * 20, bytes([2]) * 20
HERE, THERE = b"here", b"there"


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    opened = open_database(tmp_path / "index.db", index.SCHEMA, index.VERSION)
    yield opened
    opened.close()


def told(name: str, *values: object, contract: str = "authority") -> HeardEvent:
    return HeardEvent(contract, name, msgspec.Raw(msgspec.msgpack.encode(values)))


def test_founders_are_added_once_and_forget_nothing(connection: sqlite3.Connection) -> None:
    chain = MemoryChain.founded("wuhan")
    section = GENESIS.section("wuhan")
    assert section is not None
    for _ in range(2):
        add_founders(connection, GENESIS, chain.rules)
    rows = connection.execute("SELECT address, did FROM accounts").fetchall()
    expected = {(chain.rules.addresses.parse(one.address), bytes.fromhex(one.did)) for one in section.accounts}
    assert set(rows) == expected
    assert len(rows) == len(expected)


def test_an_account_is_known_with_its_event_and_its_did_with_the_joining(connection: sqlite3.Connection) -> None:
    learn_accounts(connection, "wuhan", told("AddAccount", b"creator", HERE, 2, FIRST))
    learn_accounts(connection, "taian", told("AddBatchAccount", b"creator", (HERE, THERE), (FIRST, NO_DID)))
    assert accounts_of(connection, FIRST) == [("taian", HERE), ("wuhan", HERE)]
    assert dids_of(connection, [("taian", THERE), ("taian", HERE), ("wuhan", HERE)]) == [FIRST]
    assert list_dids(connection, None, 10) == [FIRST]
    learn_accounts(connection, "taian", told("JoinDid", THERE, SECOND))
    assert accounts_of(connection, SECOND) == [("taian", THERE)]
    assert list_dids(connection, None, 10) == [FIRST, SECOND]
    assert list_dids(connection, "wuhan", 10) == [FIRST]
    assert list_dids(connection, None, 1) == [FIRST]


def test_what_other_contracts_tell_is_no_account(connection: sqlite3.Connection) -> None:
    learn_accounts(connection, "wuhan", told("AddAccount", b"creator", HERE, 2, FIRST, contract="ddc721"))
    learn_accounts(connection, "wuhan", told("UpdateAccountState", HERE, True, True))
    assert list_dids(connection, None, 10) == []


def test_of_a_did_with_very_many_accounts_the_first_are_shown(connection: sqlite3.Connection) -> None:
    addresses = tuple(number.to_bytes(4, "big") for number in range(ACCOUNTS_MAX + 5))
    learn_accounts(connection, "wuhan", told("AddBatchAccount", b"creator", addresses, (FIRST,) * len(addresses)))
    assert len(accounts_of(connection, FIRST)) == ACCOUNTS_MAX
