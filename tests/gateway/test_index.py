"""The index holds what the blocks say: in order, each once, and the same again when it is built anew."""

import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from contracts.issuing import Mint
from gateway import index
from gateway.database import open_database
from gateway.index import TABLES, add_block, find_transaction, forget, head, open_index
from gateway.search import history, list_classes, search
from tests.contracts.small_chain import CLASS, class_of, item
from tests.gateway.index_play import Play, eventful
from tests.gateway.memory_chain import heard


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    opened = open_database(tmp_path / "index.db", index.SCHEMA, index.VERSION)
    yield opened
    opened.close()


@pytest.fixture
def play() -> Play:
    return eventful()


def rows(connection: sqlite3.Connection) -> dict[str, list[tuple[Any, ...]]]:
    return {table: connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in TABLES}


def test_classes_and_transactions_are_found(connection: sqlite3.Connection, play: Play) -> None:
    play.index(connection)
    (entry,) = list_classes(connection, "wuhan")
    assert (entry["class"], entry["name_zh"], entry["issuer"]) == (CLASS, "学位证书", play.name("platform"))
    assert (entry["height"], len(bytes.fromhex(entry["schema"]))) == (1, 32)
    assert list_classes(connection, None) == [entry]
    assert list_classes(connection, "taian") == []
    for height, block in enumerate(play.chain.blocks, start=1):
        for place, receipt in enumerate(block.receipts):
            assert find_transaction(connection, "wuhan", receipt.transaction_id) == (height, place)
    assert find_transaction(connection, "wuhan", bytes(32)) is None


def test_a_block_is_indexed_once_and_only_after_the_one_before(connection: sqlite3.Connection, play: Play) -> None:
    rules, blocks = play.chain.rules, [heard(block) for block in play.chain.blocks]
    assert head(connection, "wuhan") == 0
    for gap in (1, 2, len(blocks) - 1):
        assert not add_block(connection, rules, blocks[gap])
    assert rows(connection) == {table: [] for table in TABLES}
    assert add_block(connection, rules, blocks[0])
    before = rows(connection)
    for again in (0, 2):
        assert not add_block(connection, rules, blocks[again])
    assert rows(connection) == before
    assert head(connection, "wuhan") == 1


def test_an_index_that_is_built_anew_is_the_same_row_by_row(connection: sqlite3.Connection, play: Play) -> None:
    play.index(connection)
    before = rows(connection)
    alone = {"moves", "ways"}  # a chain that has no other has none
    assert all(kept for table, kept in before.items() if table not in alone)
    forget(connection)
    assert rows(connection) == {table: [] for table in TABLES}
    play.index(connection)
    assert rows(connection) == before


def test_a_transaction_that_fails_in_its_block_changes_nothing_but_is_found(
    connection: sqlite3.Connection, play: Play
) -> None:
    twice = tuple(
        play.signed("platform", "ddc721", "mint", Mint(class_id=CLASS, item=item(play.address("bob"), 9)))
        for _ in range(2)
    )
    refused, placed = play.chain.take(twice)
    assert (refused, len(set(placed.values()))) == ({}, 2)
    play.index(connection)
    failed = play.chain.blocks[-1].receipts[1]
    assert failed.code == "token-exists"
    assert find_transaction(connection, "wuhan", failed.transaction_id) == (len(play.chain.blocks), 1)
    assert len(history(connection, play.chain.rules, CLASS, "9")) == 1


def test_two_chains_have_heads_of_their_own(connection: sqlite3.Connection, play: Play) -> None:
    other = Play("zhongyi")
    assert other.act("platform", "classes", "defineClass", class_of())
    assert other.mint(1)
    play.index(connection)
    other.index(connection)
    assert (head(connection, "wuhan"), head(connection, "zhongyi")) == (len(play.chain.blocks), 2)
    assert [entry["chain"] for entry in list_classes(connection, None)] == ["wuhan", "zhongyi"]
    assert (
        search(connection, {"zhongyi": other.chain.rules}, {"chain": "zhongyi"}, 0, 10)[0][0]["holder"]
        == "alice1111111"
    )


acts = st.lists(
    st.tuples(st.sampled_from(["mint", "batch", "revoke", "freeze", "unfreeze"]), st.integers(1, 4)),
    min_size=1,
    max_size=8,
)


@settings(max_examples=25)
@given(acts, st.data())
def test_whatever_happens_the_rebuilt_index_says_the_same(acts: list[tuple[str, int]], data: st.DataObject) -> None:
    own = Play()
    own.act("platform", "classes", "defineClass", class_of())
    for act, number in acts:
        if act in ("mint", "batch"):
            own.mint(*([number] if act == "mint" else [number, number + 10]))
        else:
            own.change(act, number)
    whole, rebuilt = (sqlite3.connect(":memory:") for _ in range(2))
    for connection in (whole, rebuilt):
        connection.executescript(index.SCHEMA)
    own.index(whole)
    for block in data.draw(st.lists(st.sampled_from(own.chain.blocks), max_size=20)):
        add_block(rebuilt, own.chain.rules, heard(replace(block, request=1)))  # out of turn, or again
    own.index(rebuilt)
    assert rows(rebuilt) == rows(whole)
    for connection in (whole, rebuilt):
        connection.close()


def test_an_index_of_another_format_is_built_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "index.db"
    open_database(path, "CREATE TABLE heads (chain TEXT, height INTEGER);", index.VERSION - 1).close()
    with caplog.at_level(logging.WARNING, logger="certnet.gateway"):
        database = open_index(path)
    assert "the index is built anew" in caplog.text
    assert head(database.connection, "wuhan") == 0
    database.connection.execute("INSERT INTO heads VALUES ('wuhan', 7)")
    database.close()
    again = open_index(path)
    assert head(again.connection, "wuhan") == 7
    assert again.connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert again.connection.execute("PRAGMA synchronous").fetchone()[0] == 1
    assert again.connection.execute("PRAGMA page_size").fetchone()[0] == 8_192
    again.close()
