"""The ports of storage in memory, for tests and simulation, and the view of a store that one chain has."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from node.storage.interface import Store


@dataclass(slots=True)
class MemoryStore:
    """A map that forgets everything with its process."""

    entries: dict[bytes, bytes] = field(default_factory=dict)

    def get(self, key: bytes) -> bytes | None:
        """The bytes under `key`."""
        return self.entries.get(key)

    def write(self, changes: Mapping[bytes, bytes | None]) -> None:
        """All of `changes`; None removes."""
        for key, value in changes.items():
            if value is None:
                self.entries.pop(key, None)
            else:
                self.entries[key] = value


@dataclass(slots=True)
class MemoryJournal:
    """A log whose records are durable when `sync` is called, as on a disk."""

    durable: list[bytes] = field(default_factory=list)
    waiting: list[tuple[bytes, Callable[[], None] | None]] = field(default_factory=list)

    def append(self, record: bytes, then: Callable[[], None] | None = None) -> None:
        """Keep a record until the next sync."""
        self.waiting.append((record, then))

    def sync(self) -> bool:
        """Make all waiting records durable and tell whoever waits; False if none waited."""
        waiting, self.waiting = self.waiting, []
        self.durable.extend(record for record, _ in waiting)
        for _, then in waiting:
            if then is not None:
                then()
        return bool(waiting)


@dataclass(frozen=True, slots=True)
class ChainStore:
    """One chain's part of a shared store: every key behind the chain's prefix."""

    store: Store
    prefix: bytes

    def get(self, key: bytes) -> bytes | None:
        """The bytes under the chain's `key`."""
        return self.store.get(self.prefix + key)

    def write(self, changes: Mapping[bytes, bytes | None]) -> None:
        """The chain's changes, all or nothing."""
        prefix = self.prefix
        self.store.write({prefix + key: value for key, value in changes.items()})
