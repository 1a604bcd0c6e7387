"""Parts of a state that are handed over and checked one by one (protocol 10.7).

Whoever knows the hash of a subtree can check it alone: either the branch at its top, which names the hashes of the
sixteen subtrees below, or everything in it. So a state is taken from its certified root downward, and no part of it is
believed before it is checked.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Final, Protocol

from msgspec import Meta

from chain.codec import Record
from chain.committed import State
from chain.ids import ZERO_DIGEST
from chain.merkle import DigestFunction
from chain.state import (
    BRANCH,
    BUCKET,
    BUCKET_ENTRIES_MAX,
    DEPTH_MAX,
    ENTRY_BYTES,
    VALUE,
    Layer,
    View,
    children,
    grown,
    key_digest_of,
    node_hash,
)

BRANCH_BYTES: Final = 1 + 16 * 32
Path = Annotated[bytes, Meta(max_length=DEPTH_MAX)]
"""The way from the root to a subtree, one byte per nibble."""


class Pair(Record, frozen=True):
    """A key of the state with its value."""

    key: bytes
    value: bytes


class Named(View, Protocol):
    """A view that also knows the key behind a key digest, so that its content can be listed."""

    def key_of(self, key_digest: bytes) -> bytes | None:
        """The key in the view that has this digest."""


class Pinned:
    """A state as it was at one height, while blocks go on above it: what they overwrite is kept here.

    `past` leads back from the present state to that height.
    """

    def __init__(self, state: State, past: Layer | None = None) -> None:
        self.digest = state.digest
        self.root = state.root if past is None else past.root
        self.kept_bytes = 0
        """What is kept beside the state, in bytes of keys, values and nodes."""
        self._state = state
        self._values: dict[bytes, bytes | None] = {}
        self._nodes: dict[bytes, bytes | None] = {}
        self._names: dict[bytes, bytes] = {}
        if past is not None:
            self._keep(past.values, past.nodes)
            self._name(key for key in past.values if state.get(key) is None)

    def get(self, key: bytes) -> bytes | None:
        """The value that stood under `key`."""
        return self._values[key] if key in self._values else self._state.get(key)

    def node(self, path: bytes) -> bytes | None:
        """The node that stood at `path`."""
        return self._nodes[path] if path in self._nodes else self._state.node(path)

    def key_of(self, key_digest: bytes) -> bytes | None:
        """The key that has this digest; one that was there, or has come since."""
        return self._names.get(key_digest) or self._state.key_of(key_digest)

    def before(self, sealed: Layer) -> None:
        """`sealed` is about to become the present state: keep what it overwrites."""
        state = self._state
        self._keep(
            {key: state.get(key) for key in sealed.values if key not in self._values},
            {path: state.node(path) for path in sealed.nodes if path not in self._nodes},
        )
        self._name(key for key, value in sealed.values.items() if value is None)

    def _keep(self, values: Mapping[bytes, bytes | None], nodes: Mapping[bytes, bytes | None]) -> None:
        self._values.update(values)
        self._nodes.update(nodes)
        for kept in (values, nodes):
            self.kept_bytes += sum(len(key) + len(value or b"") for key, value in kept.items())

    def _name(self, removed: Iterable[bytes]) -> None:
        """The state forgets the names of keys that it no longer has."""
        self._names.update((key_digest_of(self.digest, key), key) for key in removed)


def contains(path: bytes, key_digest: bytes) -> bool:
    """Whether a key of this digest belongs below `path`."""
    return key_digest.hex()[: len(path)] == "".join(f"{nibble:x}" for nibble in path)


def walk(view: View, path: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Every node from `path` down, with its path; the keys of the buckets come in the order of their digests."""
    node = view.node(path)
    if node is None:
        return
    yield path, node
    if node[:1] == BRANCH:
        for child, child_hash in children(path, node):
            if child_hash != ZERO_DIGEST:
                yield from walk(view, child)


def key_digests(node: bytes) -> Iterator[bytes]:
    """The key digests in a bucket; none in a branch."""
    if node[:1] == BUCKET:
        for start in range(1, len(node), ENTRY_BYTES):
            yield node[start : start + 32]


def key_digests_below(view: View, path: bytes) -> Iterator[bytes]:
    """The digests of all keys that belong below `path`, also where the tree is too small to have a node there."""
    for depth in range(len(path)):
        above = view.node(path[:depth])
        if above is None or above[:1] == BUCKET:
            yield from (found for found in key_digests(above or b"") if contains(path, found))
            return
    for _, node in walk(view, path):
        yield from key_digests(node)


def pairs_below(view: Named, path: bytes, *, pairs_max: int, bytes_max: int) -> tuple[Pair, ...] | None:
    """Everything in the subtree at `path`; None if that is too much. A bucket never is."""
    found: list[bytes] = []
    for at, node in walk(view, path):
        found.extend(key_digests(node))
        if len(found) > pairs_max and at != path:
            return None
    pairs: list[Pair] = []
    size = 0
    for key_digest in found:
        pairs.append(_pair(view, key_digest))
        size += len(pairs[-1].key) + len(pairs[-1].value)
        if size > bytes_max and len(found) > BUCKET_ENTRIES_MAX:
            return None
    return tuple(pairs)


def _pair(view: Named, key_digest: bytes) -> Pair:
    key = view.key_of(key_digest)
    assert key is not None
    value = view.get(key)
    assert value is not None
    return Pair(key=key, value=value)


def nodes_of(digest: DigestFunction, path: bytes, pairs: Sequence[Pair]) -> dict[bytes, bytes | None] | None:
    """The nodes of the subtree at `path` that holds exactly `pairs`.

    None if the pairs are not in the order of their key digests, or one of them belongs elsewhere.
    """
    entries = [(key_digest_of(digest, pair.key), digest(VALUE + pair.value)) for pair in pairs]
    if any(later[0] <= earlier[0] for earlier, later in pairwise(entries)):
        return None
    if entries and not (contains(path, entries[0][0]) and contains(path, entries[-1][0])):
        return None
    return grown(digest, path, b"".join(key + value for key, value in entries))


class Difference:
    """What leads from a view to the state under another root, taken from that root downward, part by part.

    Subtrees that are the same are never asked for. The view must not change meanwhile.
    """

    def __init__(self, view: Named, root: bytes) -> None:
        self.parent_root = view.root
        self.values: dict[bytes, bytes | None] = {}
        self.nodes: dict[bytes, bytes | None] = {}
        self.taken_bytes = 0
        """Of keys, values and nodes."""
        self._view = view
        self._missing: list[tuple[bytes, bytes]] = []
        """Path and hash of the subtrees still to be taken; at most fifteen for each branch on the way down."""
        self._expect(b"", root)

    @property
    def next_path(self) -> bytes | None:
        """Where the part that is wanted next begins; None if nothing is missing."""
        return self._missing[-1][0] if self._missing else None

    def take_branch(self, node: bytes) -> bool:
        """The branch at `next_path`; False, and no effect, if it is not the one under the root."""
        path, expected = self._missing[-1]
        is_branch = len(node) == BRANCH_BYTES and node[:1] == BRANCH and len(path) < DEPTH_MAX
        if not is_branch or self._view.digest(node) != expected:
            return False
        self._missing.pop()
        self._put_node(path, node)
        for child, child_hash in children(path, node):
            self._expect(child, child_hash)
        return True

    def take_pairs(self, pairs: Sequence[Pair]) -> bool:
        """Everything below `next_path`; False, and no effect, if it is not what is under the root."""
        path, expected = self._missing[-1]
        nodes = nodes_of(self._view.digest, path, pairs)
        if nodes is None or node_hash(self._view.digest, nodes[path], path) != expected:
            return False
        self._missing.pop()
        self._clear(path)
        for pair in pairs:
            self._put_value(pair.key, pair.value)
        for at, node in nodes.items():
            self._put_node(at, node)
        return True

    def _expect(self, path: bytes, expected: bytes) -> None:
        """The subtree at `path` has this hash: nothing to do, to be emptied, or to be taken."""
        if expected == ZERO_DIGEST:
            self._clear(path)
        elif node_hash(self._view.digest, self._view.node(path), path) != expected:
            self._missing.append((path, expected))

    def _clear(self, path: bytes) -> None:
        for key_digest in key_digests_below(self._view, path):
            key = self._view.key_of(key_digest)
            assert key is not None
            self._put_value(key, None)
        for at, _ in walk(self._view, path):
            self._put_node(at, None)

    def _put_value(self, key: bytes, value: bytes | None) -> None:
        self.values[key] = value
        self.taken_bytes += len(key) + len(value or b"")

    def _put_node(self, path: bytes, node: bytes | None) -> None:
        self.nodes[path] = node
        self.taken_bytes += len(path) + len(node or b"")
