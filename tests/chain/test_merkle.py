"""The tree is RFC 6962's: by a reference written from its text, and by published vectors (protocol 3)."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from chain.codec import CodecMalformed, decode, encode
from chain.digests import DigestName, digest_function, sha256
from chain.merkle import PATH_MAX, InclusionProof, check, leaf_hash, node_hash, prove, root

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "vectors" / "merkle.json").read_text("utf-8"))
LEAVES = [bytes.fromhex(leaf) for leaf in VECTORS["leaves"]]
Hash = Callable[[bytes], bytes]
distinct_leaves = st.lists(st.binary(max_size=40), min_size=1, max_size=40, unique=True)


def split(size: int) -> int:
    """RFC 6962 2.1: the largest power of two smaller than `size`."""
    k = 1
    while 2 * k < size:
        k *= 2
    return k


def tree_hash(digest: Hash, entries: Sequence[bytes]) -> bytes:
    """RFC 6962 2.1: MTH(D[n])."""
    if not entries:
        return digest(b"")
    if len(entries) == 1:
        return digest(b"\x00" + entries[0])
    k = split(len(entries))
    return digest(b"\x01" + tree_hash(digest, entries[:k]) + tree_hash(digest, entries[k:]))


def audit_path(digest: Hash, index: int, entries: Sequence[bytes]) -> list[tuple[str, bytes]]:
    """RFC 6962 2.1.1: PATH(m, D[n]), each hash with the side where it stands."""
    if len(entries) == 1:
        return []
    k = split(len(entries))
    if index < k:
        return [*audit_path(digest, index, entries[:k]), ("right", tree_hash(digest, entries[k:]))]
    return [*audit_path(digest, index - k, entries[k:]), ("left", tree_hash(digest, entries[:k]))]


def hashed(leaves: Sequence[bytes], digest: Hash = sha256) -> list[bytes]:
    return [leaf_hash(digest, leaf) for leaf in leaves]


@pytest.mark.parametrize("size", range(len(LEAVES) + 1))
def test_the_root_is_the_published_one(size: int) -> None:
    assert root(sha256, hashed(LEAVES[:size])).hex() == VECTORS["roots"][size]


@pytest.mark.parametrize("case", VECTORS["paths"], ids=lambda case: f"{case['index']} of {case['size']}")
def test_the_path_is_the_published_one(case: dict[str, Any]) -> None:
    leaves = hashed(LEAVES[: case["size"]])
    proof = prove(sha256, leaves, case["index"])
    assert [node.hex() for node in proof.path] == case["path"]
    assert check(sha256, proof, leaves[case["index"]], bytes.fromhex(VECTORS["roots"][case["size"]]))


@pytest.mark.parametrize("name", list(DigestName))
@given(leaves=st.lists(st.binary(max_size=40), max_size=40))
def test_the_root_is_the_reference_s_with_every_digest(name: DigestName, leaves: list[bytes]) -> None:
    digest = digest_function(name)
    assert root(digest, hashed(leaves, digest)) == tree_hash(digest, leaves)


@pytest.mark.parametrize("size", range(1, 34))
def test_every_leaf_of_every_small_tree_is_proven_as_the_reference_says(size: int) -> None:
    leaves = [bytes([number]) for number in range(size)]
    hashes, expected = hashed(leaves), tree_hash(sha256, leaves)
    for index in range(size):
        proof = prove(sha256, hashes, index)
        path = audit_path(sha256, index, leaves)
        sides = ["left" if proof.sides >> order & 1 else "right" for order in range(len(proof.path))]
        assert list(zip(sides, proof.path, strict=True)) == path
        assert check(sha256, proof, hashes[index], expected)


@given(distinct_leaves, st.data())
def test_a_proof_proves_its_leaf_and_no_other(leaves: list[bytes], data: st.DataObject) -> None:
    hashes = hashed(leaves)
    index = data.draw(st.integers(0, len(leaves) - 1))
    proof, expected = prove(sha256, hashes, index), root(sha256, hashes)
    verdicts = [check(sha256, proof, leaf, expected) for leaf in hashes]
    assert verdicts == [place == index for place in range(len(leaves))]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 8, 11])
def test_a_proof_with_any_bit_changed_is_refused(size: int) -> None:
    hashes = hashed([bytes([number]) for number in range(size)])
    expected = root(sha256, hashes)
    for index, leaf in enumerate(hashes):
        encoded = encode(prove(sha256, hashes, index))
        for bit in range(8 * len(encoded)):
            assert not proves(flipped(encoded, bit), leaf, expected)
        for bit in range(256):
            proof = prove(sha256, hashes, index)
            assert not check(sha256, proof, flipped(leaf, bit), expected)
            assert not check(sha256, proof, leaf, flipped(expected, bit))


def flipped(data: bytes, bit: int) -> bytes:
    number = int.from_bytes(data, "big") ^ 1 << bit
    return number.to_bytes(len(data), "big")


def proves(encoded: bytes, leaf: bytes, expected: bytes) -> bool:
    try:
        proof = decode(encoded, InclusionProof)
    except CodecMalformed:
        return False
    return check(sha256, proof, leaf, expected)


def test_a_path_longer_or_shorter_than_the_tree_is_refused() -> None:
    hashes = hashed(LEAVES)
    proof, expected = prove(sha256, hashes, 5), root(sha256, hashes)
    for path in (proof.path[:-1], proof.path[1:], (*proof.path, bytes(32)), (bytes(32), *proof.path), ()):
        assert not check(sha256, replace(proof, path=path), hashes[5], expected)


def test_a_side_beyond_the_path_is_refused() -> None:
    hashes = hashed(LEAVES)
    proof, expected = prove(sha256, hashes, 5), root(sha256, hashes)
    for bit in range(len(proof.path), PATH_MAX):
        assert not check(sha256, replace(proof, sides=proof.sides | 1 << bit), hashes[5], expected)


def test_an_inner_node_is_no_leaf() -> None:
    left, right = hashed(LEAVES[:2])
    inner = node_hash(sha256, left, right)
    assert leaf_hash(sha256, left + right) != inner
    assert not check(sha256, InclusionProof(sides=0, path=()), leaf_hash(sha256, inner), inner)


def test_a_tree_of_one_leaf_has_an_empty_path() -> None:
    (leaf,) = hashed([b"only"])
    assert prove(sha256, [leaf], 0) == InclusionProof(sides=0, path=())
    assert root(sha256, [leaf]) == leaf


def test_a_path_has_at_most_32_sides() -> None:
    longest = InclusionProof(sides=2**32 - 1, path=(bytes(32),) * 32)
    assert decode(encode(longest), InclusionProof) == longest
    for wrong in (replace(longest, sides=2**32), replace(longest, sides=-1), replace(longest, path=(bytes(32),) * 33)):
        with pytest.raises(CodecMalformed):
            decode(encode(wrong), InclusionProof)


@pytest.mark.parametrize("index", [-1, 3, 4])
def test_a_leaf_outside_the_tree_is_a_fault_of_ours(index: int) -> None:
    with pytest.raises(AssertionError):
        prove(sha256, hashed(LEAVES[:3]), index)


@given(st.permutations(LEAVES))
def test_the_order_of_the_leaves_decides_the_root(leaves: list[bytes]) -> None:
    assert (root(sha256, hashed(leaves)) == root(sha256, hashed(LEAVES))) == (leaves == LEAVES)


@settings(max_examples=200)
@given(st.integers(0, 2**PATH_MAX - 1), st.lists(st.binary(min_size=32, max_size=32), max_size=PATH_MAX))
def test_no_invented_proof_is_accepted_or_crashes(sides: int, path: list[bytes]) -> None:
    proof = InclusionProof(sides=sides, path=tuple(path))
    assert not check(sha256, proof, leaf_hash(sha256, b"leaf"), bytes(32))
