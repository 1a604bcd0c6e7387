"""A disk that forgets what was not synced, tears what was being written, flips bits and fills up.

The log's format on a real disk is not repeated here, only what it promises (protocol 24.1): a last group that is not
whole is cut off, one that is not whole although another follows stops the node.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from random import Random

from node.storage.interface import LogDamaged

Then = Callable[[], None]
Hook = Callable[[str], None]


class DiskFull(Exception):
    """No room: what waits cannot be made durable."""


@dataclass(slots=True)
class Group:
    """What one sync wrote."""

    records: tuple[bytes, ...]
    whole: bool = True


@dataclass(slots=True)
class Disk:
    """What survives a crash: segments of groups, and the store's entries."""

    entries: dict[bytes, bytes]
    segments: list[list[Group]] = field(default_factory=list)
    full: bool = False
    may_sign: bool = False
    """The mark that provisioning leaves for the first start: there is no log yet, and none is missing."""
    abstains: bool = False
    """The mark of a replica that does not know what it has signed."""
    rotten: bool = False
    """Whether a bit was flipped, and no replay has met it yet."""

    def judge(self) -> None:
        """As `node.process` judges its log: without it, nobody knows what was signed."""
        if self.may_sign:
            self.abstains = False
        elif not self.segments:
            self.abstains = True

    def holds(self, part: bytes) -> bool:
        """Whether a durable record of the log has these bytes in it."""
        return any(
            part in record
            for segment in reversed(self.segments)
            for group in reversed(segment)
            if group.whole
            for record in group.records
        )

    def replay(self) -> Iterator[bytes]:
        """Every record, oldest first; a torn end is cut off, damage before the end is `LogDamaged`."""
        for number, segment in enumerate(self.segments):
            for place, group in enumerate(segment):
                if group.whole:
                    yield from group.records
                elif number == len(self.segments) - 1 and not any(later.whole for later in segment[place:]):
                    del segment[place:]
                    break
                else:
                    raise LogDamaged("the log is damaged before its end; move the data folder away and start again")

    def crash(self, unsynced: list[bytes], random: Random) -> str:
        """Power fails with records on their way to the disk: gone, torn, or whole though nobody was told."""
        if not unsynced or not self.segments:
            return ""
        fate = random.choice(("lost", "torn", "whole"))
        if fate != "lost":
            self.segments[-1].append(Group(tuple(unsynced), whole=fate == "whole"))
        return fate

    def flip(self, random: Random) -> bool:
        """A bit of some group is not what it was; False if there is no group. Whether it is found shows a replay."""
        groups = [group for segment in self.segments for group in segment]
        if not groups:
            return False
        random.choice(groups).whole = False
        self.rotten = True
        return True


class SimulatedStore:
    """A map over a disk with a buffer, as the store of a node (docs/adr/0003)."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._buffer: dict[bytes, bytes | None] = {}
        self._flushing: dict[bytes, bytes | None] = {}

    @property
    def buffered(self) -> int:
        """How many keys wait for a flush."""
        return len(self._buffer)

    def get(self, key: bytes) -> bytes | None:
        """The bytes under `key`."""
        if key in self._buffer:
            return self._buffer[key]
        if key in self._flushing:
            return self._flushing[key]
        return self._disk.entries.get(key)

    def write(self, changes: Mapping[bytes, bytes | None]) -> None:
        """Buffer `changes`."""
        self._buffer.update(changes)

    def flush(self) -> None:
        """Begin to write the buffer."""
        assert not self._flushing
        self._flushing, self._buffer = self._buffer, {}

    def flushed(self) -> None:
        """It is durable, all of it at once."""
        if self._disk.full:
            raise DiskFull
        entries = self._disk.entries
        for key, value in self._flushing.items():
            if value is None:
                entries.pop(key, None)
            else:
                entries[key] = value
        self._flushing = {}


class SimulatedJournal:
    """A log over a disk: what was appended since the last sync shares the next one."""

    def __init__(self, disk: Disk, hook: Hook, schedule: Callable[[Then], None]) -> None:
        self._disk = disk
        self._hook = hook
        self._schedule = schedule
        self._waiting: list[tuple[bytes, Then | None]] = []

    @property
    def unsynced(self) -> list[bytes]:
        """What a crash may lose."""
        return [record for record, _ in self._waiting]

    def append(self, record: bytes, then: Then | None = None) -> None:
        """Keep a record until the next sync, which is scheduled."""
        self._hook("append")
        if not self._waiting:
            self._schedule(self.sync)
        self._waiting.append((record, then))

    def sync(self) -> None:
        """One group becomes durable, then whoever waits is told."""
        if not self._waiting:
            return
        self._hook("sync")
        if self._disk.full:
            raise DiskFull
        waiting, self._waiting = self._waiting, []
        self._disk.segments[-1].append(Group(tuple(record for record, _ in waiting)))
        for _, then in waiting:
            if then is not None:
                self._hook("told")
                then()

    def start_segment(self, carried: list[bytes]) -> int:
        """Go on in a new segment that begins with `carried`; how many older ones there are."""
        self.sync()
        self._hook("segment")
        if self._disk.full:
            raise DiskFull
        older = len(self._disk.segments)
        self._disk.segments.append([Group(tuple(carried))] if carried else [])
        return older

    def drop_segments(self, older: int) -> None:
        """Remove the oldest segments, whose content is in the store."""
        self._hook("drop")
        del self._disk.segments[:older]
