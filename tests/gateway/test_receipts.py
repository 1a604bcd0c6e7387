"""A block's receipts are checked against its root as if each were checked alone, and proven as `chain.merkle` proves."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw

from chain import merkle
from chain.digests import DigestName, digest_function
from gateway.receipts import BLOCKS_MAX, ReceiptRoots

digest = digest_function(DigestName.SHA256)
contents = st.lists(st.binary(max_size=3), min_size=1, max_size=20)


def leaves_of(receipts: list[bytes]) -> tuple[bytes, ...]:
    return tuple(merkle.leaf_hash(digest, receipt) for receipt in receipts)


def root_of(receipts: list[bytes]) -> bytes:
    return merkle.root(digest, leaves_of(receipts))


class Counted:
    """A digest that counts what is asked of it."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, data: bytes) -> bytes:
        self.calls += 1
        return digest(data)


@settings(deadline=None)
@given(contents)
def test_a_proof_is_the_one_of_the_plain_tree(receipts: list[bytes]) -> None:
    roots, leaves = ReceiptRoots(digest), leaves_of(receipts)
    for place in range(len(receipts)):
        assert roots.prove(root_of(receipts), leaves, place) == merkle.prove(digest, leaves, place)


@settings(deadline=None)
@given(contents, contents, st.booleans())
def test_leaves_are_believed_only_under_their_own_root(one: list[bytes], other: list[bytes], known: bool) -> None:
    """Whether the block is known already makes no difference."""
    roots = ReceiptRoots(digest)
    if known:
        assert roots.is_over(root_of(one), leaves_of(one))
    assert roots.is_over(root_of(one), leaves_of(other)) == (root_of(one) == root_of(other))
    assert roots.is_over(root_of(one), leaves_of(one))


@settings(deadline=None)
@given(contents, st.data())
def test_a_receipt_is_found_at_its_place_and_at_no_other(receipts: list[bytes], data: st.DataObject) -> None:
    roots = ReceiptRoots(digest)
    assert roots.is_over(root_of(receipts), leaves_of(receipts))
    place = data.draw(st.integers(0, len(receipts) + 2))
    given_ = data.draw(st.sampled_from([*receipts, b"none of them"]))
    assert roots.has(root_of(receipts), place, given_) == (place < len(receipts) and receipts[place] == given_)


@settings(deadline=None)
@given(contents, contents, st.sets(st.integers(0, 19)))
def test_what_was_seen_of_a_block_never_changes_the_leaves_of_what_is_shown(
    seen: list[bytes], shown: list[bytes], places: set[int]
) -> None:
    """Receipts that were seen need no hash; those that are not the seen ones are hashed as they are."""
    roots = ReceiptRoots(digest)
    assert roots.is_over(root_of(seen), leaves_of(seen))
    for place in places:
        if place < len(seen):
            assert roots.has(root_of(seen), place, seen[place])
    assert roots.leaves_of(root_of(seen), [Raw(receipt) for receipt in shown]) == leaves_of(shown)


def test_a_block_costs_its_hashes_once_however_often_it_is_asked_about() -> None:
    counted = Counted()
    receipts = [bytes([number]) for number in range(64)]
    roots, leaves = ReceiptRoots(counted), leaves_of(receipts)
    assert roots.is_over(root_of(receipts), leaves)
    assert counted.calls == 63
    for place, receipt in enumerate(receipts):
        assert roots.has(root_of(receipts), place, receipt)
    assert counted.calls == 63 + 64
    assert roots.is_over(root_of(receipts), leaves)
    assert roots.leaves_of(root_of(receipts), [Raw(receipt) for receipt in receipts]) == leaves
    roots.prove(root_of(receipts), leaves, 5)
    assert counted.calls == 63 + 64


def test_only_the_latest_blocks_are_remembered() -> None:
    roots = ReceiptRoots(digest)
    blocks: list[Any] = [[bytes([number])] for number in range(BLOCKS_MAX + 1)]
    for receipts in blocks:
        assert roots.is_over(root_of(receipts), leaves_of(receipts))
    with pytest.raises(KeyError):
        roots.has(root_of(blocks[0]), 0, blocks[0][0])
    assert roots.has(root_of(blocks[-1]), 0, blocks[-1][0])


def test_a_block_without_receipts_has_the_root_of_nothing() -> None:
    assert ReceiptRoots(digest).is_over(merkle.root(digest, ()), ())
    assert not ReceiptRoots(digest).is_over(bytes(32), ())
