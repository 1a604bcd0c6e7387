"""Moves and ways in the index: whatever order two chains are heard in, the row is the same."""

import sqlite3
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path

import msgspec
import pytest

from contracts.classes import Requirement
from contracts.transfers import State
from gateway import index
from gateway.database import open_database
from gateway.events import HeardEvent
from gateway.journeys import RECENT, learn_move, learn_requirements, list_moves, list_ways, usual_ms
from tests.gateway.memory_chain import CHAIN_IDS, MemoryChain

RULES = {chain_id: MemoryChain.founded(chain_id).rules for chain_id in CHAIN_IDS}
SOURCE, TARGET = CHAIN_IDS[:2]
TOKEN = bytes(15) + b"\x07"


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    opened = open_database(tmp_path / "index.db", index.SCHEMA, index.VERSION)
    yield opened
    opened.close()


def told(name: str, *values: object) -> HeardEvent:
    return HeardEvent("crosschain", name, msgspec.Raw(msgspec.msgpack.encode(values)))


def journey(cross_id: bytes, start: int = 1_000) -> list[tuple[str, HeardEvent, int]]:
    """What the two chains tell of a move that takes 60 ms."""
    return [
        (SOURCE, told("CrossChainTransfer", cross_id, "diploma", TOKEN, b"holder", TARGET, b"to", 500), start),
        (SOURCE, told("CrossChainConfirmed", cross_id, TARGET, 1), start + 10),
        (TARGET, told("CrossChainArrived", cross_id, SOURCE, "diploma", TOKEN, b"to"), start + 70),
        (SOURCE, told("CrossChainSettled", cross_id, int(State.DONE), ""), start + 90),
    ]


def test_a_move_is_one_row_in_whatever_order_its_chains_are_heard(tmp_path: Path) -> None:
    seen = []
    for number, order in enumerate(permutations(range(4))):
        if [place for place in order if place != 2] != [0, 1, 3]:
            continue  # one chain's own events come in their order
        connection = open_database(tmp_path / f"{number}.db", index.SCHEMA, index.VERSION)
        events = journey(b"x" * 32)
        for place in order:
            learn_move(connection, *events[place])
        seen.append(list_moves(connection, RULES))
        connection.close()
    assert len(seen) == 4
    (move,) = seen[0]
    assert all(other == seen[0] for other in seen)
    times = [move[name] for name in ("opened_at", "confirmed_at", "arrived_at", "settled_at")]
    assert times == [1_000, 1_010, 1_070, 1_090]
    assert (move["state"], move["code"], move["to_chain"], move["chain"]) == ("done", "", TARGET, SOURCE)
    assert move["cross_id"] == (b"x" * 32).hex()


def test_moves_are_found_by_their_chains_and_their_certificate_the_newest_first(
    connection: sqlite3.Connection,
) -> None:
    for number in range(3):
        for event in journey(bytes([number]) * 32, 1_000 * (number + 1)):
            learn_move(connection, *event)
    found = [move["cross_id"][:2] for move in list_moves(connection, RULES, source=SOURCE, target=TARGET)]
    assert found == ["02", "01", "00"]
    assert len(list_moves(connection, RULES, place=(SOURCE, "diploma", TOKEN), limit=2)) == 2
    assert list_moves(connection, RULES, place=(TARGET, "diploma", TOKEN)) == []
    assert list_moves(connection, RULES, source=TARGET) == []


def test_what_is_usual_is_the_median_of_the_newest_moves(connection: sqlite3.Connection) -> None:
    assert usual_ms(connection, SOURCE, TARGET) == (None, 0)
    for number in range(RECENT + 10):
        for event in journey(bytes([number]) * 32, 1_000 * (number + 1)):
            learn_move(connection, *event)
    assert usual_ms(connection, SOURCE, TARGET) == (60, RECENT)
    assert usual_ms(connection, TARGET, SOURCE) == (None, 0)


def test_a_way_is_there_while_it_is_listed_or_asked_for(connection: sqlite3.Connection) -> None:
    learn_move(connection, SOURCE, told("AddTargetChain", "diploma", TARGET), 1)
    required = Requirement(chain_id=SOURCE, class_id="diploma", max_age_ms=60_000, follow=True)
    own = Requirement(chain_id=TARGET, class_id="school", max_age_ms=60_000, follow=True)
    learn_requirements(connection, TARGET, "licence", (required, own))
    move, require = ("move", SOURCE, "diploma", TARGET, "diploma"), ("require", SOURCE, "diploma", TARGET, "licence")
    assert list_ways(connection, None, None, None) == [move, require]
    assert list_ways(connection, SOURCE, TARGET, "diploma") == [move, require]
    assert list_ways(connection, TARGET, None, None) == []
    learn_move(connection, SOURCE, told("DeleteTargetChain", "diploma", TARGET), 2)
    learn_requirements(connection, TARGET, "licence", ())
    assert list_ways(connection, None, None, None) == []
