"""The log on disk: what was synced comes back, a torn end is cut off, damage is refused, callbacks keep their order."""

import os
from collections import deque
from collections.abc import Callable
from pathlib import Path

import pytest

from node.storage import journal as module
from node.storage.interface import LogDamaged
from node.storage.journal import HEADER_BYTES, MAGIC, DiskJournal, _group

GROUPS = [[b"first"], [b"second", b"", b"third" * 20], [b"fourth"]]
RECORDS = [record for group in GROUPS for record in group]


class Loop:
    """A loop that runs what is scheduled when it is told to."""

    def __init__(self) -> None:
        self.scheduled: deque[Callable[[], None]] = deque()
        self.problems: list[OSError] = []

    def turn(self) -> None:
        """Run what is scheduled now."""
        for _ in range(len(self.scheduled)):
            self.scheduled.popleft()()

    def run(self) -> None:
        """Run until nothing is scheduled."""
        while self.scheduled:
            self.turn()


def opened(folder: Path, loop: Loop | None = None) -> DiskJournal:
    """A journal in the folder."""
    loop = loop or Loop()
    return DiskJournal(folder, loop.scheduled.append, loop.problems.append)


def written(folder: Path, groups: list[list[bytes]] = GROUPS) -> Path:
    """The only segment of a log with these groups."""
    loop = Loop()
    journal = opened(folder, loop)
    journal.start_segment([])
    for group in groups:
        for record in group:
            journal.append(record)
        loop.run()
    journal.close()
    return next(folder.glob("log-*.seg"))


def replayed(folder: Path) -> list[bytes]:
    """The records of the log."""
    return list(opened(folder).replay())


def ends(groups: list[list[bytes]] = GROUPS) -> list[int]:
    """Where each group ends in the file."""
    places, place = [len(MAGIC)], len(MAGIC)
    for group in groups:
        place += HEADER_BYTES + sum(4 + len(record) for record in group)
        places.append(place)
    return places


def test_what_was_synced_comes_back_in_order(tmp_path: Path) -> None:
    written(tmp_path)
    assert replayed(tmp_path) == RECORDS
    assert not opened(tmp_path).empty


def test_a_new_folder_has_no_log(tmp_path: Path) -> None:
    assert opened(tmp_path).empty
    assert replayed(tmp_path) == []


def test_a_log_that_is_torn_at_any_byte_gives_its_whole_groups_and_is_cut(tmp_path: Path) -> None:
    path = written(tmp_path)
    data = path.read_bytes()
    assert ends()[-1] == len(data)
    for length in range(len(data)):
        path.write_bytes(data[:length])
        whole = [group for group, end in zip(GROUPS, ends()[1:], strict=True) if end <= length]
        assert replayed(tmp_path) == [record for group in whole for record in group]
        kept = max((end for end in ends() if end <= length), default=0)
        assert path.stat().st_size == kept
        assert replayed(tmp_path) == [record for group in whole for record in group]


@pytest.mark.parametrize("filler", [b"\0", b"\xff", b"x"])
def test_a_last_group_of_garbage_was_never_synced_and_is_cut_off(tmp_path: Path, filler: bytes) -> None:
    path = written(tmp_path)
    data = path.read_bytes()
    for start in range(ends()[-2], ends()[-1]):
        path.write_bytes(data[:start] + filler * (len(data) - start + 100))
        assert replayed(tmp_path) == [record for group in GROUPS[:-1] for record in group]


def test_a_bit_that_is_wrong_before_the_last_group_is_damage_and_never_a_torn_end(tmp_path: Path) -> None:
    path = written(tmp_path)
    data = path.read_bytes()
    for place in range(ends()[-2]):
        path.write_bytes(data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :])
        with pytest.raises(LogDamaged, match=str(path.name)) as refused:
            replayed(tmp_path)
        assert str(refused.value).count("\n") == 0
        assert path.stat().st_size == len(data)


def test_damage_says_where_it_is_and_what_to_do(tmp_path: Path) -> None:
    path = written(tmp_path)
    data = bytearray(path.read_bytes())
    data[ends()[1] + HEADER_BYTES + 6] ^= 1
    path.write_bytes(data)
    with pytest.raises(LogDamaged, match=f"at byte {ends()[1]}, before its end; move the node's data folder away"):
        replayed(tmp_path)


def test_a_file_of_another_version_is_refused(tmp_path: Path) -> None:
    written(tmp_path).write_bytes(b"certnet log 2\n")
    with pytest.raises(LogDamaged, match="no log of this version; use the program version that wrote it"):
        replayed(tmp_path)


def test_a_torn_end_is_damage_in_every_segment_but_the_last(tmp_path: Path) -> None:
    path = written(tmp_path)
    opened(tmp_path).start_segment([b"carried"])
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(LogDamaged, match="is damaged"):
        replayed(tmp_path)


@pytest.mark.parametrize("zeros", range(1, len(MAGIC) + 1))
def test_a_segment_whose_first_bytes_a_power_cut_left_as_zeros_stops_nobody(tmp_path: Path, zeros: int) -> None:
    written(tmp_path)
    begun = bytes(zeros) + MAGIC[zeros:] + _group([b"carried"])
    (tmp_path / "log-0000000002.seg").write_bytes(begun)
    for _ in range(2):
        assert replayed(tmp_path) == [*RECORDS, b"carried"]
    (tmp_path / "log-0000000002.seg").write_bytes(begun[:-1])
    journal = opened(tmp_path)
    assert list(journal.replay()) == RECORDS
    journal.start_segment([])
    journal.close()
    assert replayed(tmp_path) == RECORDS


@pytest.mark.parametrize("length", range(len(MAGIC)))
def test_a_segment_whose_making_was_interrupted_holds_nothing_and_stops_nobody_later(
    tmp_path: Path, length: int
) -> None:
    written(tmp_path)
    (tmp_path / "log-0000000002.seg").write_bytes(MAGIC[:length])
    journal = opened(tmp_path)
    assert list(journal.replay()) == RECORDS
    assert journal.start_segment([b"carried"]) == [1, 2]
    journal.close()
    assert replayed(tmp_path) == [*RECORDS, b"carried"]


def test_a_new_segment_begins_with_what_is_carried_and_the_old_ones_can_go(tmp_path: Path) -> None:
    loop = Loop()
    journal = opened(tmp_path, loop)
    assert journal.start_segment([]) == []
    journal.append(b"old")
    older = journal.start_segment([b"carried", b"along"])
    assert replayed(tmp_path) == [b"old", b"carried", b"along"]
    journal.drop_segments(older)
    journal.append(b"new")
    loop.run()
    journal.close()
    assert replayed(tmp_path) == [b"carried", b"along", b"new"]
    assert len(list(tmp_path.glob("log-*.seg"))) == 1


def test_segments_go_on_in_number_after_a_restart_and_other_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "log-notes.seg").write_text("mine")
    written(tmp_path)
    journal = opened(tmp_path)
    assert journal.start_segment([]) == [1]
    assert journal.start_segment([]) == [1, 2]
    journal.drop_segments([1, 2])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log-0000000003.seg", "log-notes.seg"]


def test_records_of_one_turn_share_one_sync_and_callbacks_come_after_it_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    real_sync = module._sync

    def counted(file: int) -> None:
        events.append("sync")
        real_sync(file)

    loop = Loop()
    journal = opened(tmp_path, loop)
    journal.start_segment([])
    monkeypatch.setattr(module, "_sync", counted)
    journal.append(b"a", lambda: events.append("a"))
    journal.append(b"b")
    journal.append(b"c", lambda: (events.append("c"), journal.append(b"d", lambda: events.append("d"))))  # type: ignore[func-returns-value]
    loop.turn()
    assert events == ["sync"]
    loop.run()
    assert events == ["sync", "a", "c", "sync", "d"]


def test_a_callback_that_fails_does_not_silence_the_others(tmp_path: Path) -> None:
    loop = Loop()
    journal = opened(tmp_path, loop)
    journal.start_segment([])
    told: list[str] = []
    journal.append(b"a", lambda: 1 // 0)  # type: ignore[arg-type, return-value]
    journal.append(b"b", lambda: told.append("b"))
    loop.turn()
    with pytest.raises(ZeroDivisionError):
        loop.turn()
    loop.run()
    assert told == ["b"]


def test_a_new_segment_syncs_what_waits_in_the_old_one_and_tells_it(tmp_path: Path) -> None:
    loop = Loop()
    journal = opened(tmp_path, loop)
    journal.start_segment([])
    told: list[str] = []
    journal.append(b"a", lambda: told.append("a"))
    journal.start_segment([])
    assert replayed(tmp_path) == [b"a"]
    loop.run()
    assert told == ["a"]


def test_closing_syncs_what_waits(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.start_segment([])
    journal.append(b"a")
    journal.close()
    journal.close()
    assert replayed(tmp_path) == [b"a"]


def test_after_a_failed_write_nobody_is_told_and_nothing_more_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = Loop()
    journal = opened(tmp_path, loop)
    journal.start_segment([])
    told: list[str] = []
    real_write = os.write

    def full(file: int, data: memoryview) -> int:
        if len(data) > 10:
            return real_write(file, data[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.os, "write", full)
    journal.append(b"lost" * 10, lambda: told.append("lost"))
    loop.run()
    monkeypatch.undo()
    assert [problem.errno for problem in loop.problems] == [28]
    journal.append(b"later", lambda: told.append("later"))
    loop.run()
    journal.close()
    assert told == []
    assert replayed(tmp_path) == []
    assert len(loop.problems) == 1


def test_a_new_segment_that_cannot_be_written_is_an_error_of_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = opened(tmp_path)
    journal.start_segment([b"kept"])

    def broken(file: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(module, "_sync", broken)
    journal.append(b"lost")
    with pytest.raises(OSError, match="Input/output"):
        journal.start_segment([])
    monkeypatch.undo()
    assert replayed(tmp_path)[0] == b"kept"
