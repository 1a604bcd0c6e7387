"""Merkle trees over ordered leaves, in the shape of RFC 6962 section 2.1 (protocol 3).

A leaf is hashed with a leading 0x00 and an inner node with a leading 0x01, so that neither can pass for the
other. The digest function is the chain's own and comes in as an argument.
"""

from collections.abc import Callable, Sequence

from chain.codec import Record
from chain.ids import Digest, Natural

DigestFunction = Callable[[bytes], bytes]


class InclusionProof(Record, frozen=True):
    """That a leaf stands at `index` of a tree of `size` leaves; `path` goes from the leaf's sibling upward."""

    index: Natural
    size: Natural
    path: tuple[Digest, ...]


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
    path, level, place = [], leaf_hashes, index
    while len(level) > 1:
        sibling = place ^ 1
        if sibling < len(level):
            path.append(level[sibling])
        level, place = _next_level(digest, level), place // 2
    return InclusionProof(index=index, size=len(leaf_hashes), path=tuple(path))


def root_from_inclusion_proof(digest: DigestFunction, proof: InclusionProof, leaf: bytes) -> bytes | None:
    """The root that `proof` claims for the leaf hash `leaf` (RFC 9162 2.1.3.2), or None if it has no such shape."""
    if proof.index >= proof.size:
        return None
    place, last, node = proof.index, proof.size - 1, leaf
    path = iter(proof.path)
    while last:
        if place & 1 or place < last:
            sibling = next(path, None)
            if sibling is None:
                return None
            node = node_hash(digest, sibling, node) if place & 1 else node_hash(digest, node, sibling)
        place, last = place >> 1, last >> 1
    return node if next(path, None) is None else None


def check(digest: DigestFunction, proof: InclusionProof, leaf: bytes, expected_root: bytes) -> bool:
    """Whether `leaf` (a leaf hash) stands at the proof's index of the tree with root `expected_root`."""
    return root_from_inclusion_proof(digest, proof, leaf) == expected_root


def _next_level(digest: DigestFunction, level: Sequence[bytes]) -> list[bytes]:
    pairs = [digest(b"\x01" + level[i] + level[i + 1]) for i in range(0, len(level) - 1, 2)]
    if len(level) % 2:
        pairs.append(level[-1])  # a lone last node rises unhashed: the same tree as the RFC's split
    return pairs
