"""Merkle trees over ordered leaves, in the shape of RFC 6962 section 2.1 (protocol 3).

A leaf is hashed with a leading 0x00 and an inner node with a leading 0x01, so that neither can pass for the
other. The digest function is the chain's own and comes in as an argument.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, Final

from msgspec import Meta

from chain.codec import Record
from chain.ids import Digest

DigestFunction = Callable[[bytes], bytes]
PATH_MAX: Final = 32
"""No tree of ours has more than 2^32 leaves."""


class InclusionProof(Record, frozen=True):
    """That a leaf stands under a root. `path` goes from the leaf's sibling upward.

    Bit i of `sides` is set where `path[i]` stands on the left. RFC 9162 gives index and size of the tree instead;
    but several sizes lead to one root, so such a proof would carry a number that no check binds.
    """

    sides: Annotated[int, Meta(ge=0, lt=2**PATH_MAX)]
    path: Annotated[tuple[Digest, ...], Meta(max_length=PATH_MAX)]


def leaf_hash(digest: DigestFunction, data: bytes) -> bytes:
    """RFC 6962 2.1: the hash of one leaf."""
    return digest(b"\x00" + data)


def node_hash(digest: DigestFunction, left: bytes, right: bytes) -> bytes:
    """RFC 6962 2.1: the hash of two subtrees."""
    return digest(b"\x01" + left + right)


def root(digest: DigestFunction, leaf_hashes: Sequence[bytes]) -> bytes:
    """The root over leaf hashes; the root of no leaf is the digest of nothing."""
    if not leaf_hashes:
        return digest(b"")
    level = leaf_hashes
    while len(level) > 1:
        level = _next_level(digest, level)
    return level[0]


def prove(digest: DigestFunction, leaf_hashes: Sequence[bytes], index: int) -> InclusionProof:
    """The audit path of leaf `index` (RFC 6962 2.1.1)."""
    assert 0 <= index < len(leaf_hashes)
    sides, level, place = 0, leaf_hashes, index
    path: list[bytes] = []
    while len(level) > 1:
        sibling = place ^ 1
        if sibling < len(level):
            sides |= (place & 1) << len(path)
            path.append(level[sibling])
        level, place = _next_level(digest, level), place // 2
    return InclusionProof(sides=sides, path=tuple(path))


def check(digest: DigestFunction, proof: InclusionProof, leaf: bytes, expected_root: bytes) -> bool:
    """Whether `proof` shows that `leaf` (a leaf hash) stands under `expected_root`."""
    if proof.sides >> len(proof.path):
        return False
    node = leaf
    for order, sibling in enumerate(proof.path):
        on_left = proof.sides >> order & 1
        node = node_hash(digest, sibling, node) if on_left else node_hash(digest, node, sibling)
    return node == expected_root


def _next_level(digest: DigestFunction, level: Sequence[bytes]) -> list[bytes]:
    pairs = [digest(b"\x01" + level[i] + level[i + 1]) for i in range(0, len(level) - 1, 2)]
    if len(level) % 2:
        pairs.append(level[-1])  # a lone last node rises unhashed: the same tree as the RFC's split
    return pairs
