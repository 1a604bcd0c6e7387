"""A node store for tests: a map in memory that counts its writes."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(slots=True)
class MemoryNodes:
    """The port behind a state."""

    entries: dict[bytes, bytes] = field(default_factory=dict)
    writes: int = 0

    def get(self, key: bytes) -> bytes | None:
        """The bytes stored under `key`."""
        return self.entries.get(key)

    def write(self, changes: Mapping[bytes, bytes | None]) -> None:
        """Store all of `changes`; None removes."""
        self.writes += 1
        for key, value in changes.items():
            if value is None:
                self.entries.pop(key, None)
            else:
                self.entries[key] = value

    def under(self, prefix: bytes) -> dict[bytes, bytes]:
        """Everything whose key starts with `prefix`, by the rest of its key."""
        return {key[len(prefix) :]: value for key, value in self.entries.items() if key.startswith(prefix)}
