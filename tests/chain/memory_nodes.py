"""A node store for tests: a map in memory that counts its writes, and what a store holds of a state."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from chain.merkle import DigestFunction
from tests.chain.state_model import key_digest


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
        return under(self.entries, prefix)

    def values(self) -> dict[bytes, bytes]:
        """Every value of the state by its key."""
        return stored_values(self.entries)


def under(entries: Mapping[bytes, bytes], prefix: bytes) -> dict[bytes, bytes]:
    """Everything whose key starts with `prefix`, by the rest of its key."""
    return {key[len(prefix) :]: value for key, value in entries.items() if key.startswith(prefix)}


def stored_values(entries: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """Every record: its value by its key, each there once."""
    records = []
    for data in under(entries, b"v").values():
        start = 2 + int.from_bytes(data[:2], "big")
        records.append((data[2:start], data[start:]))
    assert len(dict(records)) == len(records)
    return dict(records)


def stored_nodes(entries: Mapping[bytes, bytes], digest: DigestFunction) -> dict[bytes, bytes]:
    """Every node by its path; behind each bucket are the places of its own records, and no record is left over."""
    records, nodes = under(entries, b"v"), dict[bytes, bytes]()
    for path, data in under(entries, b"n").items():
        end = len(data) if data[:1] == b"\x03" else 1 + (len(data) - 1) // 72 * 64
        nodes[path], places = data[:end], data[end:]
        for number in range(len(places) // 8):
            record = records.pop(places[8 * number : 8 * number + 8])
            key = record[2 : 2 + int.from_bytes(record[:2], "big")]
            assert key_digest(digest, key) == nodes[path][1 + 64 * number : 33 + 64 * number]
    assert not records
    return nodes
