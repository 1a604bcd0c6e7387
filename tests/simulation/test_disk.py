"""A disk that forgets, tears, flips and fills up, as `node.storage.journal` would stand it."""

from collections.abc import Callable
from random import Random

import pytest

from node.storage.interface import LogDamaged
from simulation.disk import Disk, DiskFull, SimulatedJournal, SimulatedStore


def journal_on(disk: Disk) -> tuple[SimulatedJournal, list[Callable[[], None]]]:
    scheduled: list[Callable[[], None]] = []
    journal = SimulatedJournal(disk, lambda _: None, scheduled.append)
    journal.start_segment([])
    return journal, scheduled


def test_records_are_durable_after_a_sync_and_whoever_waits_is_told_in_order() -> None:
    disk, told = Disk({}), []
    journal, scheduled = journal_on(disk)
    journal.append(b"one", lambda: told.append(1))
    journal.append(b"two", lambda: told.append(2))
    assert (list(disk.replay()), told, len(scheduled)) == ([], [], 1)
    scheduled[0]()
    assert (list(disk.replay()), told) == ([b"one", b"two"], [1, 2])


def test_a_crash_loses_tears_or_keeps_what_was_on_its_way() -> None:
    fates = {}
    for seed in range(20):
        disk = Disk({})
        journal, _ = journal_on(disk)
        journal.append(b"one")
        journal.sync()
        journal.append(b"two")
        fate = disk.crash(journal.unsynced, Random(seed))
        fates[fate] = list(disk.replay())
    assert fates == {"lost": [b"one"], "torn": [b"one"], "whole": [b"one", b"two"]}


def test_a_bit_flipped_before_the_end_stops_the_node() -> None:
    disk = Disk({})
    journal, _ = journal_on(disk)
    for record in (b"one", b"two"):
        journal.append(record)
        journal.sync()
    disk.segments[0][0].whole = False
    with pytest.raises(LogDamaged, match="damaged before its end"):
        list(disk.replay())


def test_a_bit_flipped_at_the_end_looks_like_a_torn_end() -> None:
    disk = Disk({})
    journal, _ = journal_on(disk)
    for record in (b"one", b"two"):
        journal.append(record)
        journal.sync()
    disk.segments[0][1].whole = False
    assert list(disk.replay()) == [b"one"]
    assert list(disk.replay()) == [b"one"]


def test_damage_in_an_older_segment_is_never_a_torn_end() -> None:
    disk = Disk({})
    journal, _ = journal_on(disk)
    journal.append(b"one")
    journal.start_segment([])
    disk.segments[0][0].whole = False
    with pytest.raises(LogDamaged):
        list(disk.replay())


def test_flipping_a_bit_needs_something_written() -> None:
    disk = Disk({})
    assert not disk.flip(Random(0))
    journal, _ = journal_on(disk)
    journal.append(b"one")
    journal.sync()
    assert disk.flip(Random(0))
    assert disk.rotten


def test_a_new_segment_syncs_what_waits_and_begins_with_what_is_carried() -> None:
    disk = Disk({})
    journal, _ = journal_on(disk)
    journal.append(b"one")
    older = journal.start_segment([b"carried"])
    assert list(disk.replay()) == [b"one", b"carried"]
    journal.drop_segments(older)
    assert list(disk.replay()) == [b"carried"]


def test_a_full_disk_takes_nothing() -> None:
    disk = Disk({})
    journal, _ = journal_on(disk)
    store = SimulatedStore(disk)
    disk.full = True
    journal.append(b"one")
    with pytest.raises(DiskFull):
        journal.sync()
    store.write({b"k": b"v"})
    store.flush()
    with pytest.raises(DiskFull):
        store.flushed()
    assert disk.entries == {}


def test_the_store_is_durable_when_it_is_flushed_and_readable_before() -> None:
    disk = Disk({b"old": b"1"})
    store = SimulatedStore(disk)
    store.write({b"new": b"2", b"old": None})
    assert (store.get(b"new"), store.get(b"old"), store.buffered) == (b"2", None, 2)
    store.flush()
    store.write({b"new": b"3"})
    assert (store.get(b"new"), disk.entries) == (b"3", {b"old": b"1"})
    store.flushed()
    assert (store.get(b"new"), disk.entries) == (b"3", {b"new": b"2"})


def test_a_disk_without_a_log_has_forgotten_unless_somebody_answers_for_it() -> None:
    fresh, wiped, used = Disk({}, may_sign=True), Disk({}), Disk({})
    journal_on(used)
    for disk in (fresh, wiped, used):
        disk.judge()
    assert [disk.abstains for disk in (fresh, wiped, used)] == [False, True, False]


def test_a_disk_holds_what_is_whole_and_durable() -> None:
    disk = Disk({})
    journal, _ = journal_on(disk)
    journal.append(b"a vote of somebody")
    assert not disk.holds(b"vote")
    journal.sync()
    assert disk.holds(b"vote")
    disk.segments[0][0].whole = False
    assert not disk.holds(b"vote")
