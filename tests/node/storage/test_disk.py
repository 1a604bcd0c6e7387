"""The store on disk: what a flush makes durable, what a kill loses, and folders that it refuses."""

import os
import threading
from pathlib import Path

import lmdb
import pytest

from node.storage import disk as module
from node.storage.disk import FORMAT_KEY, DiskStore, StoreUnusable


def flushed(store: DiskStore) -> Exception | None:
    """Flush in the thread and wait for it."""
    problems: list[Exception | None] = []
    done = threading.Event()

    def heard(problem: Exception | None) -> None:
        problems.append(problem)
        done.set()

    store.flush(heard)
    assert done.wait(10)
    return problems[0]


def killed(store: DiskStore) -> None:
    """The process ends without a flush."""
    store.close()


def test_what_was_flushed_is_there_after_a_kill_and_the_rest_is_not(tmp_path: Path) -> None:
    store = DiskStore(tmp_path)
    store.write({b"a": b"1", b"b": b"1"})
    assert flushed(store) is None
    store.flushed()
    store.write({b"b": None, b"c": b"1"})
    killed(store)
    again = DiskStore(tmp_path)
    assert [again.get(key) for key in (b"a", b"b", b"c")] == [b"1", b"1", None]


def test_reads_and_writes_go_on_during_a_flush(tmp_path: Path) -> None:
    store = DiskStore(tmp_path)
    store.write({b"a": b"1", b"b": b"1", b"gone": None})
    assert store.buffered == 3
    assert flushed(store) is None
    assert store.busy
    store.write({b"b": b"2"})
    assert [store.get(key) for key in (b"a", b"b", b"gone", b"never")] == [b"1", b"2", None, None]
    assert store.buffered == 1
    store.flushed()
    assert not store.busy
    assert [store.get(key) for key in (b"a", b"b", b"gone")] == [b"1", b"2", None]
    store.flush_now()
    assert store.buffered == 0
    assert store.get(b"b") == b"2"


def test_a_removed_key_stays_removed_after_a_flush(tmp_path: Path) -> None:
    store = DiskStore(tmp_path)
    store.write({b"a": b"1"})
    store.flush_now()
    store.write({b"a": None})
    store.flush_now()
    killed(store)
    assert DiskStore(tmp_path).get(b"a") is None


def test_a_flush_that_fails_is_heard_of_and_loses_nothing_that_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = DiskStore(tmp_path)
    store.write({b"a": b"1"})
    store.flush_now()
    store.write({b"a": b"2"})

    def full(self: DiskStore, changes: object) -> None:
        raise lmdb.DiskError("No space left on device")

    monkeypatch.setattr(DiskStore, "_put", full)
    with pytest.raises(StoreUnusable, match="make room"):
        store.flush_now()
    assert isinstance(flushed(store), lmdb.DiskError)
    monkeypatch.undo()
    killed(store)
    assert DiskStore(tmp_path).get(b"a") == b"1"


def test_a_store_of_another_format_is_refused_with_the_way_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FORMAT", b"certnet store 9")
    killed(DiskStore(tmp_path))
    monkeypatch.undo()
    with pytest.raises(StoreUnusable, match=r"holds 'certnet store 9', this program reads 'certnet store 4'; start it"):
        DiskStore(tmp_path)


def test_a_store_that_was_never_whole_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "data.mdb").write_bytes(bytes(8_192))
    killed(DiskStore(tmp_path))
    assert {path.name for path in tmp_path.iterdir()} == {"data.mdb", "lock.mdb"}


@pytest.mark.parametrize("length", [3 * 4_096, 10 * 4_096], ids=["nearly all", "half"])
def test_a_store_whose_end_is_missing_says_so_and_does_not_kill_the_process(tmp_path: Path, length: int) -> None:
    store = DiskStore(tmp_path)
    store.write({number.to_bytes(2, "big"): bytes(100) for number in range(1_000)})
    store.flush_now()
    killed(store)
    assert (tmp_path / "data.mdb").stat().st_size > length
    os.truncate(tmp_path / "data.mdb", length)
    told: list[Exception] = []
    with pytest.raises(StoreUnusable, match="move the node's data folder away") as refused:  # noqa: PT012
        cut = DiskStore(tmp_path)
        cut.fail = told.append
        for number in range(1_000):
            cut.get(number.to_bytes(2, "big"))
    assert told in ([], [refused.value])


def test_what_is_no_store_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "data.mdb").write_bytes(b"something else" * 1_000)
    with pytest.raises(StoreUnusable, match=r"cannot open the store in .*; if the disk is not full, move") as refused:
        DiskStore(tmp_path)
    assert "\n" not in str(refused.value)


def test_the_key_of_the_format_is_none_that_a_chain_can_write() -> None:
    assert FORMAT_KEY[0] == 0xFF  # a chain's prefix is its number, below CHAINS_MAX
