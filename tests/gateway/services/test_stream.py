"""Whoever listens is told; whoever is slow is cut off and resumes by number."""

import asyncio

import pytest

from gateway.search import ALL_EVENTS, IndexedEvent, Wanted
from gateway.services import stream
from gateway.services.stream import EventStream


def event(seq: int) -> IndexedEvent:
    return IndexedEvent(seq, "block", {"chain": "wuhan"})


def told(queue: asyncio.Queue[IndexedEvent | None]) -> list[int | None]:
    return [None if one is None else one.seq for one in (queue.get_nowait() for _ in range(queue.qsize()))]


def test_everybody_is_told_everything_in_order() -> None:
    own = EventStream()
    queues = [own.open() for _ in range(3)]
    own.publish([event(1), event(2)])
    own.publish([event(3)])
    assert [told(queue) for queue in queues] == [[1, 2, 3]] * 3


def test_everybody_is_told_what_they_want_and_nothing_else() -> None:
    own = EventStream()
    assert own.wanted is None
    moved, minted = own.open(Wanted(kinds=frozenset({"moved"}))), own.open(Wanted("wuhan", frozenset({"minted"})))
    assert own.wanted == Wanted(kinds=frozenset({"moved", "minted"}))
    every = own.open(Wanted("taian"))
    assert own.wanted == ALL_EVENTS
    told_of = [("moved", "wuhan"), ("minted", "wuhan"), ("minted", "taian"), ("block", "taian")]
    own.publish([IndexedEvent(seq, kind, {"chain": chain}) for seq, (kind, chain) in enumerate(told_of)])
    assert (told(moved), told(minted), told(every)) == ([0], [1], [2, 3])


def test_whoever_is_gone_is_told_nothing() -> None:
    own = EventStream()
    stays, goes = own.open(), own.open()
    own.close(goes)
    own.close(goes)
    own.publish([event(1)])
    assert (told(stays), told(goes), len(own)) == ([1], [], 1)


def test_whoever_is_slow_is_cut_off_and_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "QUEUE_MAX", 2)
    own = EventStream()
    slow = own.open()
    own.publish([event(1)])
    quick = own.open()
    own.publish([event(2), event(3)])
    assert (told(slow), told(quick)) == ([1, 2, None], [2, 3])
    own.publish([event(4)])
    assert (told(slow), told(quick), len(own)) == ([], [4], 1)


def test_so_many_listen_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "LISTENERS_MAX", 2)
    own = EventStream()
    first = own.open()
    assert not own.full
    own.open()
    assert own.full
    own.close(first)
    assert not own.full
