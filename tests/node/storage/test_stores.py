"""One promise, two stores: what is written is read, whole writes only, before and after a flush."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.storage.disk import DiskStore
from node.storage.interface import Store
from node.storage.memory import ChainStore, MemoryJournal, MemoryStore

STORES: dict[str, Callable[[Path], Store]] = {"memory": lambda _: MemoryStore(), "disk": DiskStore}


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return STORES[request.param](tmp_path / "store")


def test_a_store_gives_back_what_was_written_last(store: Store) -> None:
    assert store.get(b"a") is None
    store.write({b"a": b"1", b"b": b"2"})
    store.write({b"a": b"3"})
    assert (store.get(b"a"), store.get(b"b")) == (b"3", b"2")


def test_a_removed_key_is_gone_whether_it_was_there_or_not(store: Store) -> None:
    store.write({b"a": b"1"})
    store.write({b"a": None, b"never": None})
    assert (store.get(b"a"), store.get(b"never")) == (None, None)


def test_an_empty_value_is_a_value(store: Store) -> None:
    store.write({b"a": b""})
    assert store.get(b"a") == b""


def test_chains_with_a_prefix_each_do_not_see_one_another(store: Store) -> None:
    first, second = ChainStore(store, b"\x00"), ChainStore(store, b"\x01")
    first.write({b"a": b"1"})
    second.write({b"a": b"2", b"b": None})
    assert (first.get(b"a"), second.get(b"a"), store.get(b"\x00a")) == (b"1", b"2", b"1")


changes = st.dictionaries(st.binary(min_size=1, max_size=3), st.none() | st.binary(max_size=3), max_size=6)


@given(st.lists(changes, max_size=8), st.integers(0, 8))
def test_both_stores_agree_wherever_the_flush_falls(
    tmp_path_factory: pytest.TempPathFactory, writes: list[dict[bytes, bytes | None]], flush_after: int
) -> None:
    memory, disk = MemoryStore(), DiskStore(tmp_path_factory.mktemp("store"))
    for number, write in enumerate(writes):
        memory.write(write)
        disk.write(write)
        if number == flush_after:
            disk.flush_now()
    keys = {key for write in writes for key in write}
    assert {key: disk.get(key) for key in keys} == {key: memory.get(key) for key in keys}
    disk.close()


def test_a_memory_journal_tells_once_what_waits_is_synced() -> None:
    journal, told = MemoryJournal(), []
    journal.append(b"a", lambda: told.append("a"))
    journal.append(b"b")
    assert (journal.durable, told) == ([], [])
    assert journal.sync()
    assert (journal.durable, told) == ([b"a", b"b"], ["a"])
    assert not journal.sync()
