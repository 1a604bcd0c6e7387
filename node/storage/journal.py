"""The log on disk: segments of checksummed records, one sync for all that waits (protocol 24.1).

A record is length (4 bytes), CRC-32 of the body (4 bytes), body. A torn last record is cut off when the log is
opened: nobody was told of it. Damage anywhere else stops the node with one sentence.
"""

import os
import zlib
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Final

MAGIC: Final = b"certnet log 1\n"
RECORD_BYTES_MAX: Final = 32_000_000
Then = Callable[[], None]


class LogDamaged(Exception):
    """A log that is damaged before its end."""


class DiskJournal:
    """The log in `folder`. `schedule` runs a function once, soon, in the host's loop."""

    def __init__(self, folder: Path, schedule: Callable[[Then], object], fail: Callable[[OSError], None]) -> None:
        self._folder = folder
        self._schedule = schedule
        self._fail = fail
        self._waiting: list[tuple[bytes, Then | None]] = []
        self._numbers = sorted(int(path.stem.split("-")[1]) for path in folder.glob("log-*.seg"))
        self._file: int | None = None
        self.bytes_written = 0

    def replay(self) -> Iterator[bytes]:
        """Every whole record, oldest first; the torn tail of the last segment is cut off."""
        for number in self._numbers:
            path = self._path(number)
            data = path.read_bytes()
            end = yield from _records(path, data, last=number == self._numbers[-1])
            if end < len(data):
                with path.open("r+b") as file:
                    file.truncate(end)
                    os.fsync(file.fileno())

    def start_segment(self, carried: list[bytes]) -> list[int]:
        """Go on in a new segment that begins with `carried`, durable at once; the numbers of the older ones."""
        older, number = list(self._numbers), (self._numbers or [0])[-1] + 1
        callbacks: list[Then] = []
        if self._file is not None:
            callbacks = self._write()
            os.close(self._file)
        self._file = os.open(self._path(number), os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_TRUNC, 0o600)
        _write_all(self._file, MAGIC + b"".join(map(_framed, carried)))
        os.fsync(self._file)
        _sync_folder(self._folder)
        self._numbers.append(number)
        self.bytes_written = 0
        for then in callbacks:
            self._schedule(then)
        return older

    def drop_segments(self, numbers: list[int]) -> None:
        """Remove segments whose content is durable elsewhere."""
        for number in numbers:
            self._path(number).unlink(missing_ok=True)
            self._numbers.remove(number)

    def append(self, record: bytes, then: Then | None = None) -> None:
        """Append a record; everything appended before the scheduled sync shares it."""
        if not self._waiting:
            self._schedule(self._sync)
        self._waiting.append((record, then))

    def close(self) -> None:
        """Sync what waits and close the file."""
        if self._file is not None:
            self._write()
            os.close(self._file)
            self._file = None

    def _sync(self) -> None:
        if self._file is None:
            return
        try:
            callbacks = self._write()
        except OSError as problem:
            self._fail(problem)  # a node that cannot write must not vote
            return
        for then in callbacks:
            then()

    def _write(self) -> list[Then]:
        assert self._file is not None
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return []
        data = b"".join([_framed(record) for record, _ in waiting])
        _write_all(self._file, data)
        os.fdatasync(self._file) if hasattr(os, "fdatasync") else os.fsync(self._file)
        self.bytes_written += len(data)
        return [then for _, then in waiting if then is not None]

    def _path(self, number: int) -> Path:
        return self._folder / f"log-{number:010d}.seg"


def _framed(record: bytes) -> bytes:
    return len(record).to_bytes(4, "big") + zlib.crc32(record).to_bytes(4, "big") + record


def _write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)


def _records(path: Path, data: bytes, *, last: bool) -> Generator[bytes, None, int]:
    """The records of a segment; returns where the last whole one ends."""
    if not data.startswith(MAGIC):
        if last and MAGIC.startswith(data[: len(MAGIC)]):
            return 0  # killed while the segment was being made
        raise LogDamaged(f"{path} is no log of this version; restore the folder from a copy")
    start = len(MAGIC)
    while start < len(data):
        length = int.from_bytes(data[start : start + 4], "big")
        end = start + 8 + length
        body = data[start + 8 : end]
        whole = length <= RECORD_BYTES_MAX and end <= len(data) and len(data) - start >= 8
        if not whole or zlib.crc32(body) != int.from_bytes(data[start + 4 : start + 8], "big"):
            if last and (end >= len(data) or not any(data[start:])):
                return start
            raise LogDamaged(
                f"{path} is damaged at byte {start}, before its end; move the node's folder away and start again: "
                "it fetches its blocks from its peers"
            )
        yield body
        start = end
    return start
