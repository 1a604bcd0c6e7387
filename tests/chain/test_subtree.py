"""A state taken part by part is the state given; a part that is not under the root is refused (protocol 10.7)."""

from collections.abc import Mapping
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.committed import State
from chain.digests import sha256
from chain.state import BUCKET_ENTRIES_MAX, Layer, Overlay, layer
from chain.subtree import (
    BRANCH_BYTES,
    Difference,
    Named,
    Pair,
    Pinned,
    contains,
    key_digests_below,
    pairs_below,
)
from chain.subtree import nodes_of as nodes_below
from tests.chain.memory_nodes import MemoryNodes, stored_nodes
from tests.chain.state_model import DIGESTS, Hash, key_digest, nodes_of, root_of

every_digest = pytest.mark.parametrize("digest", DIGESTS.values(), ids=DIGESTS)
values = st.binary(max_size=3)
contents = st.builds(
    lambda count, others: {number: b"%d" % number for number in range(count)} | others,
    st.integers(0, 200),
    st.dictionaries(st.integers(0, 199), values),
)
changes_of = st.builds(
    lambda start, count, changed: dict.fromkeys(range(start, start + count)) | changed,
    st.integers(0, 150),
    st.integers(0, 50),
    st.dictionaries(st.integers(0, 199), st.none() | values),
)


def named(numbers: Mapping[int, bytes | None]) -> dict[bytes, bytes | None]:
    return {b"key %d" % number: value for number, value in numbers.items()}


def present(records: Mapping[bytes, bytes | None]) -> dict[bytes, bytes]:
    return {key: value for key, value in records.items() if value is not None}


def state_of(digest: Hash, records: Mapping[bytes, bytes | None]) -> tuple[State, MemoryNodes]:
    nodes = MemoryNodes()
    state = State(digest, nodes)
    state.commit(layer(state, records), 1, forget=(1,))
    return state, nodes


def take(difference: Difference, giver: Named, pairs_max: int, bytes_max: int = 10**9) -> int:
    """Hand over everything; the number of parts."""
    for parts in count():
        path = difference.next_path
        if path is None:
            return parts
        pairs = pairs_below(giver, path, pairs_max=pairs_max, bytes_max=bytes_max)
        if pairs is None:
            assert difference.take_branch(giver.node(path) or b"")
        else:
            assert difference.take_pairs(pairs)
    raise AssertionError


def full(number: int) -> dict[bytes, bytes | None]:
    return {b"key %d" % each: b"value %d" % each for each in range(number)}


@every_digest
@given(before=contents, after=contents, pairs_max=st.integers(1, 300), bytes_max=st.integers(0, 3_000))
@settings(max_examples=40, deadline=None)
def test_any_state_taken_over_any_other_is_the_one_given_and_nothing_else_stays(
    digest: Hash, before: dict[int, bytes], after: dict[int, bytes], pairs_max: int, bytes_max: int
) -> None:
    giver, given_nodes = state_of(digest, named(after))
    taker, nodes = state_of(digest, named(before))
    difference = Difference(taker, giver.root)
    take(difference, giver, pairs_max, bytes_max)
    taken = layer(taker, difference.values)
    assert taken.root == giver.root
    sealed = Layer(taker, taker.root, giver.root, difference.values, difference.nodes)
    taker.commit(sealed, 2, forget=(2,))
    assert nodes.values() == given_nodes.values() == present(named(after))
    tree = stored_nodes(nodes.entries, digest)
    assert tree == stored_nodes(given_nodes.entries, digest) == nodes_of(digest, present(named(after)))


def test_only_what_differs_is_asked_for() -> None:
    giver, _ = state_of(sha256, full(3_000) | {b"key 7": b"other", b"one more": b""})
    taker, _ = state_of(sha256, full(3_000))
    assert Difference(taker, taker.root).next_path is None
    parts = take(difference := Difference(taker, giver.root), giver, pairs_max=BUCKET_ENTRIES_MAX)
    empty = Difference(State(sha256, MemoryNodes()), giver.root)
    assert parts <= 6 < take(empty, giver, pairs_max=BUCKET_ENTRIES_MAX)
    assert len(difference.values) <= 2 * BUCKET_ENTRIES_MAX
    taken = [*empty.values.items(), *empty.nodes.items()]
    assert empty.taken_bytes == sum(len(key) + len(value or b"") for key, value in taken)
    assert 0 < difference.taken_bytes < empty.taken_bytes


def test_what_is_still_to_be_taken_is_bounded_by_the_depth() -> None:
    giver, _ = state_of(sha256, full(3_000))
    difference = Difference(State(sha256, MemoryNodes()), giver.root)
    most = 0
    while (path := difference.next_path) is not None:
        most = max(most, len(difference._missing))
        pairs = pairs_below(giver, path, pairs_max=1, bytes_max=0)
        assert difference.take_branch(giver.node(path) or b"") if pairs is None else difference.take_pairs(pairs)
    assert 16 < most <= 1 + 15 * 3


def test_a_part_is_within_its_limits_but_for_a_single_bucket() -> None:
    giver, _ = state_of(sha256, full(600))
    assert pairs_below(giver, b"", pairs_max=599, bytes_max=10**6) is None
    everything = pairs_below(giver, b"", pairs_max=600, bytes_max=10**6)
    assert everything is not None
    size = sum(len(pair.key) + len(pair.value) for pair in everything)
    assert pairs_below(giver, b"", pairs_max=600, bytes_max=size) == everything
    assert pairs_below(giver, b"", pairs_max=600, bytes_max=size - 1) is None
    small, _ = state_of(sha256, full(BUCKET_ENTRIES_MAX))
    bucket = pairs_below(small, b"", pairs_max=1, bytes_max=0)
    assert bucket is not None
    assert len(bucket) == BUCKET_ENTRIES_MAX


@every_digest
@given(
    after=contents.filter(lambda content: len(content) > 1),
    place=st.integers(0, 10**6),
    bit=st.integers(0, 10**6),
    field=st.sampled_from(["key", "value"]),
)
@settings(max_examples=40, deadline=None)
def test_pairs_with_any_bit_changed_one_left_out_doubled_or_out_of_order_are_refused(
    digest: Hash, after: dict[int, bytes], place: int, bit: int, field: str
) -> None:
    giver, _ = state_of(digest, named(after))
    difference = Difference(State(digest, MemoryNodes()), giver.root)
    pairs = pairs_below(giver, b"", pairs_max=10**6, bytes_max=10**9)
    assert pairs is not None
    at = place % len(pairs)
    chosen = pairs[at]
    data = bytearray(getattr(chosen, field) or b"\x00")
    data[bit // 8 % len(data)] ^= 1 << bit % 8
    changed = Pair(**{"key": chosen.key, "value": chosen.value} | {field: bytes(data)})
    wrong = [
        (*pairs[:at], changed, *pairs[at + 1 :]),
        (*pairs[:at], *pairs[at + 1 :]),
        (*pairs[: at + 1], chosen, *pairs[at + 1 :]),
        tuple(reversed(pairs)),
        (),
    ]
    for refused in wrong:
        assert not difference.take_pairs(refused)
        assert (difference.next_path, difference.values, difference.nodes) == (b"", {}, {})
    assert difference.take_pairs(pairs)
    assert difference.next_path is None


@given(place=st.integers(0, BRANCH_BYTES - 1), bit=st.integers(0, 7))
@settings(deadline=None)
def test_a_branch_with_any_bit_changed_is_refused(place: int, bit: int) -> None:
    giver, _ = state_of(sha256, full(100))
    difference = Difference(State(sha256, MemoryNodes()), giver.root)
    branch = giver.node(b"") or b""
    changed = bytearray(branch)
    changed[place] ^= 1 << bit
    for wrong in (bytes(changed), branch[:-1], branch + b"\x00", b""):
        assert not difference.take_branch(wrong)
        assert (difference.next_path, difference.nodes) == (b"", {})
    assert difference.take_branch(branch)


def test_a_bucket_does_not_pass_for_a_branch() -> None:
    giver, _ = state_of(sha256, full(BUCKET_ENTRIES_MAX))
    difference = Difference(State(sha256, MemoryNodes()), giver.root)
    assert not difference.take_branch(giver.node(b"") or b"")


def test_pairs_of_another_place_are_refused_though_they_are_in_the_state() -> None:
    giver, _ = state_of(sha256, full(600))
    difference = Difference(State(sha256, MemoryNodes()), giver.root)
    assert difference.take_branch(giver.node(b"") or b"")
    wanted = difference.next_path
    assert wanted == b"\x0f"
    elsewhere = pairs_below(giver, b"\x0e", pairs_max=600, bytes_max=10**6)
    assert elsewhere is not None
    assert not difference.take_pairs(elsewhere)
    assert difference.next_path == wanted


def test_pairs_that_lie_before_or_after_a_path_have_no_subtree_there() -> None:
    giver, _ = state_of(sha256, full(600))
    before, there, after = (
        pairs_below(giver, path, pairs_max=600, bytes_max=10**6) for path in (b"\x06", b"\x07", b"\x08")
    )
    assert before
    assert there
    assert after
    nodes = nodes_below(sha256, b"\x07", there)
    assert nodes is not None
    assert nodes[b"\x07"] == giver.node(b"\x07")
    for pairs in ((*before, *there), (*there, *after), before, after, tuple(reversed(there)), (there[0], *there)):
        assert nodes_below(sha256, b"\x07", pairs) is None
    assert nodes_below(sha256, b"\x07", ()) == {b"\x07": None}


def test_a_key_belongs_below_the_nibbles_of_its_digest_and_nowhere_else() -> None:
    key_digest = bytes([0x1F, 0x2A]) + bytes(30)
    for path in (b"", b"\x01", b"\x01\x0f", b"\x01\x0f\x02", b"\x01\x0f\x02\x0a"):
        assert contains(path, key_digest)
    for path in (b"\x00", b"\x0f", b"\x01\x02", b"\x01\x0f\x02\x0b", b"\x11"):
        assert not contains(path, key_digest)


def test_the_keys_below_a_path_are_found_in_a_bucket_above_it() -> None:
    state, _ = state_of(sha256, full(20))
    found = [key_digest for nibble in range(16) for key_digest in key_digests_below(state, bytes([nibble, 3]))]
    expected = sorted(found)
    assert found == expected
    assert {key_digest for key_digest in key_digests_below(state, b"") if key_digest[0] & 15 == 3} == set(found)
    assert list(key_digests_below(State(sha256, MemoryNodes()), b"\x03")) == []


@every_digest
@given(
    first=contents,
    blocks=st.lists(changes_of, max_size=4),
    back=st.integers(0, 4),
    later=st.lists(changes_of, max_size=4),
)
@settings(max_examples=40, deadline=None)
def test_a_pinned_state_stays_what_it_was_while_blocks_go_on(
    digest: Hash,
    first: dict[int, bytes],
    blocks: list[dict[int, bytes | None]],
    back: int,
    later: list[dict[int, bytes]],
) -> None:
    state, _ = state_of(digest, named(first))
    heights = [present(named(first))]
    for changes in blocks:
        state.commit(layer(state, named(changes)), len(heights) + 1)
        heights.append(present(heights[-1] | named(changes)))
    height = max(1, len(heights) - back)
    pinned = Pinned(state, state.at(height, head=len(heights), keys_max=10**6))
    expected = heights[height - 1]
    for number, changes in enumerate(later, start=len(heights) + 1):
        overlay = Overlay(state)
        for key, value in named(changes).items():
            overlay.put(key, value)
        overlay.keep()
        sealed = overlay.seal()
        pinned.before(sealed)
        state.commit(sealed, number)
    assert pinned.root == root_of(digest, expected)
    assert {key: pinned.get(key) for key in named(dict.fromkeys(range(200), b""))} == {
        key: expected.get(key) for key in named(dict.fromkeys(range(200), b""))
    }
    difference = Difference(State(digest, MemoryNodes()), pinned.root)
    take(difference, pinned, pairs_max=40)
    assert difference.values == expected


def test_a_pin_counts_what_it_keeps() -> None:
    state, _ = state_of(sha256, full(100))
    pinned = Pinned(state)
    assert pinned.kept_bytes == 0
    sealed = layer(state, {b"key 1": None, b"new": b"1"})
    pinned.before(sealed)
    nodes = sum(len(path) + len(state.node(path) or b"") for path in sealed.nodes)
    assert pinned.kept_bytes == nodes + len(b"key 1value 1new")
    pinned.before(sealed)
    assert pinned.kept_bytes == nodes + len(b"key 1value 1new")


def test_a_difference_knows_the_root_that_it_leads_from() -> None:
    taker, _ = state_of(sha256, full(3))
    assert Difference(taker, bytes(range(32))).parent_root == taker.root


def test_what_is_empty_on_the_other_side_is_emptied_and_not_asked_for() -> None:
    taker, _ = state_of(sha256, full(600))
    rest = {key: value for key, value in full(600).items() if key_digest(sha256, key)[0] >> 4 != 15}
    giver, _ = state_of(sha256, rest)
    difference = Difference(taker, giver.root)
    assert difference.next_path == b""
    assert difference.take_branch(giver.node(b"") or b"")
    assert difference.next_path is None
    assert set(difference.values) == set(full(600)) - set(rest)
    assert set(difference.values.values()) == {None}
    assert (b"\x0f", None) in difference.nodes.items()
    taken = [*difference.values.items(), *difference.nodes.items()]
    assert difference.taken_bytes == sum(len(key) + len(value or b"") for key, value in taken)


def test_no_branch_stands_below_the_last_nibble_of_a_digest() -> None:
    branches = [b"\x03" + bytes([7]) * 32 + bytes(15 * 32)]
    for _ in range(64):
        branches.append(b"\x03" + sha256(branches[-1]) + bytes(15 * 32))
    difference = Difference(State(sha256, MemoryNodes()), sha256(branches[-1]))
    assert [difference.take_branch(branch) for branch in reversed(branches)] == [True] * 64 + [False]
    assert difference.next_path == bytes(64)
