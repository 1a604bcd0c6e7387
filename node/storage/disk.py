"""The store on disk: LMDB behind a buffer of what is not yet flushed (docs/adr/0003).

Every block is in the synced log before it is here, so writes gather in memory and go to LMDB in few, large,
durable transactions. A node that is killed in between replays the log from the height that LMDB has.
"""

import os
import shutil
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import lmdb

from node.storage.footprint import let_go, mapped_bytes
from node.storage.journal import sync_folder

MAP_BYTES: Final = 1 << 38
"""Address space, not disk: the file grows with what is in it."""
MAPPED_MAX: Final = 100_000_000
"""Bytes of files that may stand in the node's memory."""
TOUCHES: Final = 256
"""How often the file is read or written until that is looked at again: 1 MB, and fifteen neighbours of every page."""
FORMAT_KEY: Final = b"\xff format"
FORMAT: Final = b"certnet store 4"


class StoreUnusable(Exception):
    """A data folder that this version cannot use."""


class DiskStore:
    """A map over LMDB with a write buffer; `flush` makes the buffer durable in a thread of its own.

    `fail` is told why a key cannot be read: a node that does not know its own state must stop.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.fail: Callable[[Exception], None] = lambda _: None
        try:
            if not (folder / "data.mdb").exists():
                _make(folder)
            self._env = lmdb.open(str(folder), map_size=MAP_BYTES, subdir=True, max_dbs=0, meminit=False)
            self._lengthen()
            self._check_format()
            self._reader = self._env.begin()
        except lmdb.Error as problem:
            raise StoreUnusable(
                f"cannot open the store in {folder}: {problem}; if the disk is not full, move the node's data "
                "folder away and start again: it fetches its blocks from its peers"
            ) from None
        self._buffer: dict[bytes, bytes | None] = {}
        self._flushing: dict[bytes, bytes | None] = {}
        self._thread: threading.Thread | None = None
        self._touches = 0

    @property
    def buffered(self) -> int:
        """How many keys wait for a flush."""
        return len(self._buffer)

    @property
    def busy(self) -> bool:
        """Whether a flush is under way."""
        return self._thread is not None

    def get(self, key: bytes) -> bytes | None:
        """The bytes under `key`, buffered or flushed."""
        if key in self._buffer:
            return self._buffer[key]
        if key in self._flushing:
            return self._flushing[key]
        self._touched()
        try:
            value: bytes | None = self._reader.get(key)
        except lmdb.Error as problem:
            unusable = StoreUnusable(
                f"the store in {self._folder} is damaged: {problem}; move the node's data folder away and start again: "
                "it fetches its blocks from its peers"
            )
            self.fail(unusable)
            raise unusable from None
        return value

    def write(self, changes: Mapping[bytes, bytes | None]) -> None:
        """Buffer `changes`; a flush takes whole writes only."""
        self._buffer.update(changes)

    def flush(self, done: Callable[[Exception | None], None]) -> None:
        """Write the buffer in one durable transaction; `done` is called from the thread when it is over."""
        assert not self.busy
        self._flushing, self._buffer = self._buffer, {}

        def run() -> None:
            problem: Exception | None = None
            try:
                self._put(self._flushing)
            except Exception as error:  # noqa: BLE001 - whatever it is, whoever waits must hear of it
                problem = error
            done(problem)

        self._thread = threading.Thread(target=run, name="flush", daemon=True)
        self._thread.start()

    def flushed(self) -> None:
        """The host has heard that all went well: reads see the flushed state, and the next flush may begin."""
        assert self._thread is not None
        self._thread.join()
        self._thread = None
        self._flushing = {}
        self._see_latest()

    def flush_now(self) -> None:
        """The same at once; `StoreUnusable` if it fails."""
        assert not self.busy
        try:
            self._put(self._buffer)
        except lmdb.Error as problem:
            raise StoreUnusable(f"cannot write to the store in {self._folder}: {problem}; make room") from None
        self._buffer = {}
        self._see_latest()

    def close(self) -> None:
        """Wait for a flush under way and close. What is still buffered stands in the log."""
        if self._thread is not None:
            self._thread.join()
        self._reader.abort()
        self._env.close()

    def _see_latest(self) -> None:
        self._reader.abort()
        self._reader = self._env.begin()

    def _put(self, changes: Mapping[bytes, bytes | None]) -> None:
        with self._env.begin(write=True) as transaction:
            for key in sorted(changes):
                self._touched()
                value = changes[key]
                if value is None:
                    transaction.delete(key)
                else:
                    transaction.put(key, value)

    def _touched(self) -> None:
        """A key of the file is read or written."""
        self._touches += 1
        if self._touches % TOUCHES == 0 and mapped_bytes() > MAPPED_MAX:
            let_go(self._folder / "data.mdb")

    def _lengthen(self) -> None:
        """LMDB maps its file: to read a page behind its end would kill the process, one of zeros is an error."""
        path, wanted = self._folder / "data.mdb", (self._env.info()["last_pgno"] + 1) * self._env.stat()["psize"]
        if path.stat().st_size < wanted:
            os.truncate(path, wanted)

    def _check_format(self) -> None:
        with self._env.begin() as transaction:
            found = transaction.get(FORMAT_KEY) or b""
        if found != FORMAT:
            version = found.decode("ascii", "replace")
            raise StoreUnusable(
                f"{self._folder} holds '{version}', this program reads '{FORMAT.decode()}'; start it with an empty "
                "folder and let it fetch its blocks, or use the program that wrote the folder"
            )


def _make(folder: Path) -> None:
    """A store appears under its name when it is whole and durable: a power cut while it is made leaves none."""
    new = folder / "new"
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    with lmdb.open(str(new), map_size=MAP_BYTES) as env, env.begin(write=True) as transaction:
        transaction.put(FORMAT_KEY, FORMAT)
    (new / "data.mdb").rename(folder / "data.mdb")
    shutil.rmtree(new)
    sync_folder(folder)
    sync_folder(folder.parent)
