"""The authenticated key-value state of a chain: one root for all records, proofs that a key is there or is not.

Shape (protocol 10). Keys are placed by their digest, nibble by nibble, in a 16-way tree. A subtree of at most
BUCKET_ENTRIES_MAX keys is one *bucket*: the sorted pairs (key digest, value digest). A larger one is a
*branch*: the hashes of its sixteen children, zero where a child is empty. So the shape depends on the content
alone, not on the order or number of writes that led to it.

A node's bytes start with its kind and are hashed as they are. Nodes and values are read through a view.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby
from operator import lt
from struct import Struct
from typing import Annotated, Final, Protocol

from msgspec import Meta

from chain.codec import Record
from chain.ids import ZERO_DIGEST
from chain.merkle import DigestFunction

BUCKET_ENTRIES_MAX: Final = 32
ENTRY_BYTES: Final = 64
DEPTH_MAX: Final = 64
BUCKET: Final = b"\x02"
BRANCH: Final = b"\x03"
KEY: Final = b"\x04"
VALUE: Final = b"\x05"
NEAR: Final = b"\x06"
NEAR_BYTES: Final = 2
"""The beginning of a key digest that neighbours share: 65,536 places, so that a full run of 256 has one of its own."""
NIBBLES: Final = tuple(bytes([nibble]) for nibble in range(16))
_EMPTY_BRANCH: Final = BRANCH + bytes(16 * 32)
_ALL_PLACES: Final = 0xFFFF


class View(Protocol):
    """A state that can be read: the committed one, or one that a block would lead to."""

    @property
    def digest(self) -> DigestFunction:
        """The chain's digest function."""

    @property
    def root(self) -> bytes:
        """The root over everything in the view."""

    def get(self, key: bytes) -> bytes | None:
        """The value under `key`."""

    def node(self, path: bytes) -> bytes | None:
        """The node at `path`, one byte per nibble."""


class Siblings(Record, frozen=True):
    """The non-empty children beside the path at one branch: bit i of `places` for child i, hashes in order."""

    places: Annotated[int, Meta(ge=0, le=0xFFFF)]
    hashes: Annotated[bytes, Meta(max_length=15 * 32)]


class StateProof(Record, frozen=True):
    """That a key has a value, or has none: the branches from the root down, then the bucket where it would be."""

    branches: Annotated[tuple[Siblings, ...], Meta(max_length=DEPTH_MAX)]
    bucket: Annotated[bytes, Meta(max_length=BUCKET_ENTRIES_MAX * ENTRY_BYTES)]


Move = tuple[bytes, int]
"""An entry that comes into a bucket, or leaves it: its key digest, and where it then stands or stood, in bytes."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A view one block ahead of its parent, not in any store. `values` and `nodes` are what differs.

    It speaks for as long as its parent keeps `parent_root`, the root it was made on.
    """

    parent: View
    parent_root: bytes
    root: bytes
    values: Mapping[bytes, bytes | None]
    nodes: Mapping[bytes, bytes | None]
    key_digests: Mapping[bytes, bytes] = field(default_factory=dict)
    """Of keys in `values`, as far as they were computed."""
    moves: Mapping[bytes, Sequence[Move]] = field(default_factory=dict)
    """What comes and goes, one after the other, where there was a bucket at a path or nothing."""

    @property
    def digest(self) -> DigestFunction:
        """The chain's digest function."""
        return self.parent.digest

    def get(self, key: bytes) -> bytes | None:
        """The value under `key` as the layer has it."""
        return self.values[key] if key in self.values else self.parent.get(key)

    def node(self, path: bytes) -> bytes | None:
        """The node at `path` as the layer has it."""
        return self.nodes[path] if path in self.nodes else self.parent.node(path)


@dataclass(slots=True)
class Overlay:
    """Writes on top of a view while a block is executed; each transaction's writes are kept or dropped whole."""

    view: View
    kept: dict[bytes, bytes | None] = field(default_factory=dict)
    open: dict[bytes, bytes | None] = field(default_factory=dict)
    _seen: dict[bytes, bytes | None] = field(default_factory=dict)
    """What was read or written, as the transaction sees it: its twenty reads are of ten keys, and its neighbours' too."""

    def get(self, key: bytes) -> bytes | None:
        """The value under `key`, seen from inside the transaction."""
        try:
            return self._seen[key]
        except KeyError:
            value = self._seen[key] = self.view.get(key)
            return value

    def put(self, key: bytes, value: bytes | None) -> None:
        """Write `value` under `key`; None removes it."""
        self.open[key] = self._seen[key] = value

    def keep(self) -> None:
        """The transaction succeeded: its writes stay."""
        self.kept.update(self.open)
        self.open.clear()

    def drop(self) -> None:
        """The transaction failed: as if it had not been."""
        for key in self.open:
            self._seen.pop(key)
        self._seen.update((key, self.kept[key]) for key in self.open if key in self.kept)
        self.open.clear()

    def seal(self) -> Layer:
        """The view with everything kept, its nodes hashed once."""
        assert not self.open
        return layer(self.view, self.kept)


@lru_cache(maxsize=8192)
def key_digest_of(digest: DigestFunction, key: bytes) -> bytes:
    """The key digest (protocol 10.1): keys that differ in their last byte alone stand near each other.

    Remembered, for a key that a call looks up is often one that it writes: 0.5 us less a mint.
    """
    return _near(digest, key[:-1]) + digest(KEY + key)[NEAR_BYTES:]


@lru_cache(maxsize=8192)
def _near(digest: DigestFunction, neighbours: bytes) -> bytes:
    return digest(NEAR + neighbours)[:NEAR_BYTES]


def layer(view: View, values: Mapping[bytes, bytes | None]) -> Layer:
    """The view that differs from `view` by `values`; O(log n) node hashes per key, fewer for many at once."""
    digest = view.digest
    key_digests = {key: key_digest_of(digest, key) for key in values}
    changes = sorted(
        (key_digests[key], None if value is None else digest(VALUE + value)) for key, value in values.items()
    )
    update = _Update(digest, view.node)
    root = view.root
    if changes:
        root = node_hash(digest, update.apply_all(changes), b"")
    return Layer(view, view.root, root, dict(values), update.nodes, key_digests, update.moves)


def grown(digest: DigestFunction, path: bytes, entries: bytes) -> dict[bytes, bytes | None]:
    """The nodes of the subtree at `path` that holds exactly the sorted `entries`, by path; None for an empty one."""
    update = _Update(digest, lambda _: None)
    update.place(path, entries)
    return update.nodes


def children(path: bytes, branch: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The sixteen children of the branch at `path`: path, and hash or zero."""
    for nibble in range(16):
        yield path + bytes([nibble]), branch[1 + 32 * nibble : 33 + 32 * nibble]


def node_hash(digest: DigestFunction, node: bytes | None, path: bytes) -> bytes:
    """The hash of the node at `path`: zero for an empty child, the hash of the empty bucket for an empty state."""
    if node is None:
        return ZERO_DIGEST if path else digest(BUCKET)
    return digest(node)


def prove(view: View, key: bytes) -> StateProof:
    """The proof that `key` has its value in `view`, or has none."""
    key_digest = key_digest_of(view.digest, key)
    branches, path = [], b""
    node = view.node(path)
    while node is not None and node[:1] == BRANCH:
        nibble = nibble_at(key_digest, len(path))
        branches.append(_siblings(node, nibble))
        path += bytes([nibble])
        node = view.node(path)
    return StateProof(branches=tuple(branches), bucket=b"" if node is None else node[1:])


def check(digest: DigestFunction, proof: StateProof, root: bytes, *, key: bytes, value: bytes | None) -> bool:
    """Whether `proof` shows that under `root` the key has `value`; for None, that it has no value at all."""
    key_digest = key_digest_of(digest, key)
    entries = bucket_entries(proof.bucket)
    if entries is None or len(proof.branches) > DEPTH_MAX:
        return False
    expected = None if value is None else digest(VALUE + value)
    if entries.get(key_digest) != expected:
        return False
    node = BUCKET + proof.bucket if proof.bucket else None
    depth = len(proof.branches)
    current = node_hash(digest, node, bytes(depth))
    for siblings in reversed(proof.branches):
        depth -= 1
        branch = _rebuilt_branch(siblings, nibble_at(key_digest, depth), current)
        if branch is None:
            return False
        current = digest(branch)
    return current == root


def bucket_entries(bucket: bytes) -> dict[bytes, bytes] | None:
    """A bucket's pairs, or None if it is not sorted, whole and within its limit."""
    count, rest = divmod(len(bucket), ENTRY_BYTES)
    if rest or count > BUCKET_ENTRIES_MAX:
        return None
    parts = _PAIRS[count].unpack(bucket)
    keys = parts[::2]
    if not all(map(lt, keys, keys[1:])):
        return None
    return dict(zip(keys, parts[1::2], strict=True))


_PAIRS: Final = tuple(Struct("32s32s" * count) for count in range(BUCKET_ENTRIES_MAX + 1))
"""Cuts a bucket of so many entries in one call: 2.6 us for 24 entries, 6.3 us in slices."""

Changes = Sequence[tuple[bytes, bytes | None]]


class _Update:
    """One batch of changes on its way down a tree; `nodes` collects every node that comes out different."""

    def __init__(self, digest: DigestFunction, node: Callable[[bytes], bytes | None]) -> None:
        self._digest = digest
        self._node = node
        self.nodes: dict[bytes, bytes | None] = {}
        self.moves: dict[bytes, Sequence[Move]] = {}
        self._removes = False

    def apply_all(self, changes: Changes) -> bytes | None:
        """The root node after `changes` (sorted by key digest)."""
        self._removes = any(value is None for _, value in changes)
        return self.apply(b"", changes)

    def apply(self, path: bytes, changes: Changes) -> bytes | None:
        """The subtree at `path` after `changes` (sorted by key digest)."""
        node = self._node(path)
        if node is None or node[:1] == BUCKET:
            entries, self.moves[path] = _merged(node, changes)
            return self.place(path, entries)
        return self._branch(path, bytearray(node), changes)

    def _branch(self, path: bytes, branch: bytearray, changes: Changes) -> bytes | None:
        digest = self._digest
        for nibble, group in _grouped(changes, len(path)):
            child = self.apply(path + NIBBLES[nibble], group)
            start = 1 + 32 * nibble
            branch[start : start + 32] = ZERO_DIGEST if child is None else digest(child)
        node = bytes(branch)
        if self._removes:
            entries = self._entries_if_few(path, node)
            if entries is not None:
                return self._collapse(path, node, entries)
        self.nodes[path] = node
        return node

    def place(self, path: bytes, entries: bytes) -> bytes | None:
        """Put sorted entries at `path` as the bucket or the branches that their number asks for."""
        node: bytes | None = BUCKET + entries if entries else None
        if len(entries) > BUCKET_ENTRIES_MAX * ENTRY_BYTES:
            node = self._split(path, entries)
        self.nodes[path] = node
        return node

    def _split(self, path: bytes, entries: bytes) -> bytes:
        branch = bytearray(_EMPTY_BRANCH)
        starts = range(0, len(entries), ENTRY_BYTES)
        for nibble, group in groupby(starts, lambda start: nibble_at(entries[start : start + 32], len(path))):
            places = list(group)
            child = self.place(path + bytes([nibble]), entries[places[0] : places[-1] + ENTRY_BYTES])
            assert child is not None
            branch[1 + 32 * nibble : 33 + 32 * nibble] = self._digest(child)
        return bytes(branch)

    def _current(self, path: bytes) -> bytes | None:
        return self.nodes[path] if path in self.nodes else self._node(path)

    def _entries_if_few(self, path: bytes, branch: bytes) -> bytes | None:
        """All entries below a branch if they fit in one bucket, else None."""
        entries = b""
        for nibble in _present(branch):
            child = self._current(path + bytes([nibble]))
            assert child is not None
            if child[:1] == BRANCH:
                return None
            entries += child[1:]
        return entries if len(entries) <= BUCKET_ENTRIES_MAX * ENTRY_BYTES else None

    def _collapse(self, path: bytes, branch: bytes, entries: bytes) -> bytes | None:
        for nibble in _present(branch):
            self.nodes[path + bytes([nibble])] = None
        return self.place(path, entries)


def nibble_at(key_digest: bytes, depth: int) -> int:
    """The nibble of a key digest that chooses the child at `depth`."""
    byte = key_digest[depth >> 1]
    return byte & 15 if depth & 1 else byte >> 4


def _merged(bucket: bytes | None, changes: Changes) -> tuple[bytes, list[Move]]:
    """The entries of a bucket after `changes`, sorted by key digest, and what moved on the way."""
    entries, moves = b"" if bucket is None else bucket[1:], list[Move]()
    for key_digest, value_digest in changes:
        start = place_of(entries, key_digest)
        is_there = entries[start : start + 32] == key_digest
        entry = b"" if value_digest is None else key_digest + value_digest
        if bool(entry) != is_there:
            moves.append((key_digest, start))
        entries = entries[:start] + entry + entries[start + ENTRY_BYTES if is_there else start :]
    return entries, moves


def place_of(entries: bytes, key_digest: bytes) -> int:
    """Where the entry of `key_digest` stands or would stand."""
    low, high = 0, len(entries) // ENTRY_BYTES
    while low < high:
        middle = (low + high) // 2
        if entries[middle * ENTRY_BYTES : middle * ENTRY_BYTES + 32] < key_digest:
            low = middle + 1
        else:
            high = middle
    return low * ENTRY_BYTES


def _grouped(changes: Changes, depth: int) -> Iterable[tuple[int, Changes]]:
    """Changes by the nibble at `depth`; sorted changes lie together."""
    if len(changes) == 1:
        return ((nibble_at(changes[0][0], depth), changes),)
    return _groups(changes, depth)


def _groups(changes: Changes, depth: int) -> Iterator[tuple[int, Changes]]:
    start, count = 0, len(changes)
    while start < count:
        nibble = nibble_at(changes[start][0], depth)
        end = start + 1
        while end < count and nibble_at(changes[end][0], depth) == nibble:
            end += 1
        yield nibble, changes[start:end]
        start = end


def _present(branch: bytes) -> list[int]:
    return [i for i in range(16) if branch[1 + 32 * i : 33 + 32 * i] != ZERO_DIGEST]


def _siblings(branch: bytes, nibble: int) -> Siblings:
    start = 1 + 32 * nibble
    others = branch[1:start] + branch[start + 32 :]
    if ZERO_DIGEST not in others:  # all are there, as near the root of every large state: 1 us against 5
        return Siblings(places=_ALL_PLACES ^ 1 << nibble, hashes=others)
    present = [i for i in _present(branch) if i != nibble]
    hashes = b"".join(branch[1 + 32 * i : 33 + 32 * i] for i in present)
    return Siblings(places=sum(1 << i for i in present), hashes=hashes)


def _rebuilt_branch(siblings: Siblings, nibble: int, child: bytes) -> bytes | None:
    """The branch with `child` at `nibble`, or None if the siblings are not in their one form."""
    if siblings.places ^ 1 << nibble == _ALL_PLACES and len(siblings.hashes) == 15 * 32:
        start = 32 * nibble  # all are there: 0.6 us against 4.8
        if ZERO_DIGEST not in siblings.hashes:
            return b"".join((BRANCH, siblings.hashes[:start], child, siblings.hashes[start:]))
    places = [i for i in range(16) if siblings.places >> i & 1]
    if siblings.places >> 16 or nibble in places or len(siblings.hashes) != 32 * len(places):
        return None
    branch = bytearray(_EMPTY_BRANCH)
    branch[1 + 32 * nibble : 33 + 32 * nibble] = child
    for order, place in enumerate(places):
        sibling = siblings.hashes[32 * order : 32 * order + 32]
        if sibling == ZERO_DIGEST:
            return None
        branch[1 + 32 * place : 33 + 32 * place] = sibling
    return bytes(branch)
