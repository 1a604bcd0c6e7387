"""The committed state of one chain over a node store, with the way back to recent heights (protocol 24.4).

The tree is the index: beside each entry of a bucket stands the place of its record, and records are numbered as they
come. So a new certificate touches one bucket and the end of the records, wherever its digest falls; with a map from
keys to values and one from digests to keys beside the tree it was three places, 22 us a mint at a million instead of 8.
"""

from collections.abc import Collection, Mapping
from typing import Final, Protocol

from chain.codec import Record, decode, encode
from chain.merkle import DigestFunction
from chain.state import BRANCH, ENTRY_BYTES, NIBBLES, Layer, key_digest_of, layer, nibble_at, node_hash

READ_MAX: Final = 4_096
"""How many values a state keeps at hand: 1 us instead of 5 for one that is read again."""
BRANCHES_MAX: Final = 8_192
"""How many branches a state keeps at hand, 600 bytes each: all those above a million keys."""
BUCKETS_MAX: Final = 2_048
PLACE_BYTES: Final = 8
_NIBBLES_OF: Final = tuple(bytes((byte >> 4, byte & 15)) for byte in range(256))
_NEXT: Final = b"p"


class NodeStore(Protocol):
    """The port behind a state: a map of bytes, written once per block. It needs no sync of its own."""

    def get(self, key: bytes) -> bytes | None:
        """The bytes stored under `key`."""

    def write(self, changes: Mapping[bytes, bytes | None]) -> None:
        """Store all of `changes`, or nothing; None removes."""


class UndoEntry(Record, frozen=True):
    """What stood under `key` before a block; None if nothing did."""

    key: bytes
    value: bytes | None


class State:
    """The committed state of one chain."""

    def __init__(self, digest: DigestFunction, store: NodeStore) -> None:
        self.digest = digest
        self._store = store
        self._read: dict[bytes, bytes | None] = {}
        """What was read since it last changed: every transaction reads the same few accounts and classes."""
        self._branches: dict[bytes, bytes] = {}
        self._buckets: dict[bytes, tuple[bytes | None, bytes]] = {}
        """Those read since the last commit: a block reads a bucket to look for a key, to change it and to place a record."""
        self.depth = 0
        """Where the last bucket was found: nearly all are as deep, so that the branches above need not be read."""
        self.next_place = int.from_bytes(store.get(_NEXT) or b"", "big")
        """The number of the next record."""
        self.root = node_hash(digest, self.node(b""), b"")

    def get(self, key: bytes) -> bytes | None:
        """The committed value under `key`."""
        if key in self._read:
            return self._read[key]
        place = self.find(key_digest_of(self.digest, key))
        value = None if place is None else self._record(place)[1]
        if len(self._read) >= READ_MAX:
            self._read.clear()
        self._read[key] = value
        return value

    def node(self, path: bytes) -> bytes | None:
        """The committed node at `path`."""
        return self.stored(path)[0]

    def key_of(self, key_digest: bytes) -> bytes | None:
        """The key in the state that has this digest."""
        place = self.find(key_digest)
        return None if place is None else self._record(place)[0]

    def commit(
        self,
        sealed: Layer,
        height: int,
        *,
        forget: Collection[int] = (),
        beside: Mapping[bytes, bytes | None] | None = None,
    ) -> None:
        """Write the layer of block `height` with its undo record, and `beside` in the same write.

        The undo records of the heights in `forget` go. Keys of `beside` must not start with v, n, p or u.
        """
        assert sealed.parent is self
        assert sealed.parent_root == self.root
        undo = [(key, self.get(key)) for key in sealed.values]
        placed = _Placed(self, sealed, {key for key, value in undo if value is None})
        changes = {**placed.nodes(), **placed.records(), _NEXT: placed.next_place.to_bytes(PLACE_BYTES, "big")}
        changes.update((_undo_key(old), None) for old in forget)
        if height not in forget:
            changes[_undo_key(height)] = encode(undo)  # as a list of `UndoEntry`
        changes.update(beside or {})
        self._store.write(changes)
        self.next_place = placed.next_place
        self._remember(sealed)
        self.root = sealed.root

    def undo(self, height: int) -> tuple[UndoEntry, ...] | None:
        """What block `height` replaced; None once that is forgotten."""
        data = self._store.get(_undo_key(height))
        return None if data is None else decode(data, tuple[UndoEntry, ...])

    def at(self, height: int, *, head: int, keys_max: int) -> Layer | None:
        """The state after block `height`, rebuilt from the head; None if forgotten or over `keys_max` changes.

        The shape depends on content alone, so taking the values back gives the same tree and root.
        """
        values: dict[bytes, bytes | None] = {}
        for later in range(head, height, -1):
            entries = self.undo(later)
            if entries is None or len(values) + len(entries) > keys_max:
                return None
            values.update((entry.key, entry.value) for entry in entries)
        return layer(self, values)

    def find(self, key_digest: bytes) -> bytes | None:
        """The place of the record whose key has this digest."""
        path = path_of(key_digest, self.depth)
        node, places = self.stored(path)
        if node is None:  # the way down ends above, or at an empty child
            path = b""
            node, places = self.stored(path)
        while node is not None and node[:1] == BRANCH:
            path += NIBBLES[nibble_at(key_digest, len(path))]
            node, places = self.stored(path)
        self.depth = len(path)
        return None if node is None else _place_in(node, places, key_digest)

    def stored(self, path: bytes) -> tuple[bytes | None, bytes]:
        """The node at `path` and, if it is a bucket, the places of its records."""
        branch = self._branches.get(path)
        if branch is not None:
            return branch, b""
        if path in self._buckets:
            return self._buckets[path]
        data = self._store.get(b"n" + path)
        if data is not None and data[:1] == BRANCH:
            self._keep(path, data)
            return data, b""
        if len(self._buckets) >= BUCKETS_MAX:
            self._buckets.clear()
        self._buckets[path] = bucket = _bucket(data)
        return bucket

    def _record(self, place: bytes) -> tuple[bytes, bytes]:
        """The key and the value at a place."""
        data = self._store.get(b"v" + place)
        assert data is not None
        start = 2 + int.from_bytes(data[:2], "big")
        return data[2:start], data[start:]

    def _remember(self, sealed: Layer) -> None:
        """What is at hand is what stands there now."""
        self._buckets.clear()
        for key in sealed.values:
            self._read.pop(key, None)
        for path, node in sealed.nodes.items():
            if node is not None and node[:1] == BRANCH:
                self._keep(path, node)
            else:
                self._branches.pop(path, None)

    def _keep(self, path: bytes, branch: bytes) -> None:
        if len(self._branches) >= BRANCHES_MAX:
            self._branches.clear()
        self._branches[path] = branch


class _Placed:
    """Where the records of a layer go, and its buckets with the places in them. `new` are the keys that come in."""

    def __init__(self, state: State, sealed: Layer, new: Collection[bytes]) -> None:
        self._state, self._sealed = state, sealed
        self.next_place = state.next_place
        self._digests = sealed.key_digests or {key: key_digest_of(state.digest, key) for key in sealed.values}
        self._new = {self._digests[key] for key in new}
        self._places: dict[bytes, bytes | None] = {}
        """Of every changed key, by its digest; None: it was not there and does not come."""
        for key, value in sealed.values.items():
            digest = self._digests[key]
            self._places[digest] = self._place(digest, comes=value is not None)

    def records(self) -> dict[bytes, bytes | None]:
        """What is to be written where the records stand."""
        changes: dict[bytes, bytes | None] = {}
        for key, value in self._sealed.values.items():
            place = self._places[self._digests[key]]
            if place is not None:
                changes[b"v" + place] = None if value is None else len(key).to_bytes(2, "big") + key + value
        return changes

    def nodes(self) -> dict[bytes, bytes | None]:
        """What is to be written where the nodes stand: the places of a bucket's records behind it."""
        return {
            b"n" + path: node if node is None or node[:1] == BRANCH else node + self._places_of(path, node)
            for path, node in self._sealed.nodes.items()
        }

    def _place(self, digest: bytes, *, comes: bool) -> bytes | None:
        """A record that is there stays where it is; one that comes goes to the end."""
        if digest not in self._new:
            return self._state.find(digest)
        if not comes:
            return None
        self.next_place += 1
        return (self.next_place - 1).to_bytes(PLACE_BYTES, "big")

    def _places_of(self, path: bytes, node: bytes) -> bytes:
        """The places of a bucket's records: those of the bucket before it, but for what has come and gone."""
        before, places = self._state.stored(path)
        moves = self._sealed.moves.get(path)
        if before is None or before[:1] == BRANCH or moves is None:
            return self._places_anew(node)
        for digest, start in moves:
            at = start // 8
            if digest in self._new:
                places = places[:at] + (self._places[digest] or b"") + places[at:]
            else:
                places = places[:at] + places[at + PLACE_BYTES :]
        return places

    def _places_anew(self, node: bytes) -> bytes:
        """The same, each looked for: where a bucket was split, or several came together."""
        digests = (node[start : start + 32] for start in range(1, len(node), ENTRY_BYTES))
        return b"".join(self._places.get(digest) or self._found(digest) for digest in digests)

    def _found(self, digest: bytes) -> bytes:
        place = self._state.find(digest)
        assert place is not None
        return place


def _bucket(data: bytes | None) -> tuple[bytes | None, bytes]:
    """The bucket and the places behind it."""
    if data is None:
        return None, b""
    end = 1 + (len(data) - 1) // (ENTRY_BYTES + PLACE_BYTES) * ENTRY_BYTES
    return data[:end], data[end:]


def path_of(key_digest: bytes, depth: int) -> bytes:
    """The way down to `depth`, one byte per nibble."""
    return b"".join([_NIBBLES_OF[byte] for byte in key_digest[: (depth + 1) // 2]])[:depth]


def _place_in(bucket: bytes, places: bytes, key_digest: bytes) -> bytes | None:
    """The place beside the entry of `key_digest`; a digest stands at the beginning of an entry or nowhere."""
    at = bucket.find(key_digest, 1)
    while at > 0 and (at - 1) % ENTRY_BYTES:
        at = bucket.find(key_digest, at + 1)
    return None if at < 0 else places[(at - 1) // 8 : (at - 1) // 8 + PLACE_BYTES]


def _undo_key(height: int) -> bytes:
    return b"u" + height.to_bytes(8, "big")
