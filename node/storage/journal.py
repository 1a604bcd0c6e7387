"""The log on disk: segments of checksummed groups, one sync for all that waits (protocol 24.1).

A group is what one sync made durable: length of its body (4 bytes), CRC-32 of the body, CRC-32 of those eight
bytes, then the body: records, each with its length (4 bytes) before it. A last group that is not whole was never
synced and nobody was told of it: it is cut off when the log is opened. A group that is not whole although a whole
one follows is damage, and stops the node with one sentence.
"""

import fcntl
import os
import zlib
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Final

from node.storage.interface import LogDamaged

MAGIC: Final = b"certnet log 1\n"
HEADER_BYTES: Final = 12
Then = Callable[[], None]


class DiskJournal:
    """The log in `folder`. `schedule` runs a function once, soon, in the host's loop."""

    def __init__(self, folder: Path, schedule: Callable[[Then], object], fail: Callable[[OSError], None]) -> None:
        self._folder = folder
        self._schedule = schedule
        self._fail = fail
        self._waiting: list[tuple[bytes, Then | None]] = []
        names = (path.stem.removeprefix("log-") for path in folder.glob("log-*.seg"))
        self._numbers = sorted(int(name) for name in names if name.isdecimal())
        self._file: int | None = None

    @property
    def empty(self) -> bool:
        """Whether the folder holds no segment at all."""
        return not self._numbers

    @property
    def segment_bytes(self) -> int:
        """The size of the segment that is written to."""
        return 0 if self._file is None else os.fstat(self._file).st_size

    def replay(self) -> Iterator[bytes]:
        """Every record, oldest first; the torn end of the last segment is cut off. To be read to its end."""
        for number in self._numbers:
            path = self._path(number)
            data = path.read_bytes()
            end = yield from _records(path, data, last=number == self._numbers[-1])
            if end < len(data):
                with path.open("r+b") as file:
                    file.truncate(end)
                    _sync(file.fileno())

    def start_segment(self, carried: list[bytes]) -> list[int]:
        """Go on in a new segment that begins with `carried`, durable at once; the numbers of the older ones.

        What waits is made durable in the old segment first. `OSError` if either cannot be written.
        """
        older, number = list(self._numbers), (self._numbers or [0])[-1] + 1
        callbacks = self._write()
        if self._file is not None:
            os.close(self._file)
        self._file = os.open(self._path(number), os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_TRUNC, 0o600)
        _write_all(self._file, MAGIC + (_group(carried) if carried else b""))
        _sync(self._file)
        sync_folder(self._folder)
        self._numbers.append(number)
        self._tell(callbacks)
        return older

    def drop_segments(self, numbers: list[int]) -> None:
        """Remove segments whose content is durable elsewhere, the oldest first: what is left has no gap."""
        for number in numbers:
            self._path(number).unlink(missing_ok=True)
            self._numbers.remove(number)

    def append(self, record: bytes, then: Then | None = None) -> None:
        """Append a record; everything appended before the scheduled sync shares it."""
        if not self._waiting:
            self._schedule(self._sync_waiting)
        self._waiting.append((record, then))

    def close(self) -> None:
        """Sync what waits and close the file."""
        self._sync_waiting()
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _sync_waiting(self) -> None:
        try:
            callbacks = self._write()
        except OSError as problem:
            self._fail(problem)  # a node that cannot write must not vote
            return
        self._tell(callbacks)

    def _write(self) -> list[Then]:
        """Make durable what waits; nothing once a write has failed, for what follows garbage cannot be read."""
        waiting, self._waiting = self._waiting, []
        if not waiting or self._file is None:
            return []
        try:
            _write_all(self._file, _group([record for record, _ in waiting]))
            _sync(self._file)
        except OSError:
            os.close(self._file)
            self._file = None
            raise
        return [then for _, then in waiting if then is not None]

    def _tell(self, callbacks: list[Then]) -> None:
        """Each in a turn of its own: a fault in one does not silence the others."""
        for then in callbacks:
            self._schedule(then)

    def _path(self, number: int) -> Path:
        return self._folder / f"log-{number:010d}.seg"


def _group(records: list[bytes]) -> bytes:
    body = b"".join([len(record).to_bytes(4, "big") + record for record in records])
    start = len(body).to_bytes(4, "big") + zlib.crc32(body).to_bytes(4, "big")
    return start + zlib.crc32(start).to_bytes(4, "big") + body


def _write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def _sync(file: int) -> None:
    if hasattr(fcntl, "F_FULLFSYNC"):
        fcntl.fcntl(file, fcntl.F_FULLFSYNC)  # macOS: its fsync leaves data in the drive's cache
    elif hasattr(os, "fdatasync"):
        os.fdatasync(file)
    else:
        os.fsync(file)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _records(path: Path, data: bytes, *, last: bool) -> Generator[bytes, None, int]:
    """The records of a segment; returns where its last whole group ends."""
    if any(found not in (0, wanted) for found, wanted in zip(data, MAGIC, strict=False)):
        raise LogDamaged(f"{path} is no log of this version; use the program version that wrote it")
    if len(data) < len(MAGIC):
        return 0  # the node was killed while it made the segment
    start = len(MAGIC)  # of which a power cut may have left zeros
    while start < len(data):
        body = _body(data, start)
        if body is None:
            if last and not _whole_group_follows(data, start):
                break
            raise LogDamaged(
                f"{path} is damaged at byte {start}, before its end; move the node's data folder away and start "
                "again: it fetches its blocks from its peers"
            )
        yield from _cut(body)
        start += HEADER_BYTES + len(body)
    return start


def _body(data: bytes, start: int) -> bytes | None:
    """The body of the group at `start`, or None if none is whole there."""
    header = data[start : start + HEADER_BYTES]
    if len(header) < HEADER_BYTES or zlib.crc32(header[:8]) != int.from_bytes(header[8:], "big"):
        return None
    end = start + HEADER_BYTES + int.from_bytes(header[:4], "big")
    body = data[start + HEADER_BYTES : end]
    whole = end <= len(data) and zlib.crc32(body) == int.from_bytes(header[4:8], "big")
    return body if whole else None


def _whole_group_follows(data: bytes, start: int) -> bool:
    return any(_body(data, place) is not None for place in range(start + 1, len(data) - HEADER_BYTES + 1))


def _cut(body: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(body):
        end = start + 4 + int.from_bytes(body[start : start + 4], "big")
        yield body[start + 4 : end]
        start = end
