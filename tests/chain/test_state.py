"""The tree follows from the content alone: any order of writes and removals leads to the flat model's (protocol 10)."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from chain import committed
from chain.codec import encode
from chain.committed import State, UndoEntry
from chain.digests import sha256
from chain.state import (
    BUCKET_ENTRIES_MAX,
    Layer,
    Overlay,
    bucket_entries,
    check,
    grown,
    key_digest_of,
    layer,
    prove,
)
from tests.chain.memory_nodes import MemoryNodes, stored_nodes
from tests.chain.state_model import DIGESTS, Hash, key_digest, nodes_of, root_of

every_digest = pytest.mark.parametrize("digest", DIGESTS.values(), ids=DIGESTS)
numbers = st.integers(0, 149)
changes_of = st.dictionaries(numbers, st.none() | st.binary(max_size=3), max_size=120)


def key(number: int) -> bytes:
    return b"key %d" % number


def content(count: int) -> dict[bytes, bytes]:
    return {key(number): b"value %d" % number for number in range(count)}


def state_of(digest: Hash, records: Mapping[bytes, bytes | None]) -> tuple[State, MemoryNodes]:
    """A state that holds `records` after one block."""
    nodes = MemoryNodes()
    state = State(digest, nodes)
    state.commit(layer(state, records), 1)
    return state, nodes


class Blocks(RuleBasedStateMachine):
    """Blocks of writes and removals over one store, beside the flat content after every height."""

    digest: Hash = staticmethod(sha256)

    @initialize()
    def found(self) -> None:
        self.nodes = MemoryNodes()
        self.state = State(self.digest, self.nodes)
        self.heights: list[dict[bytes, bytes]] = [{}]
        self.oldest_undo = 1

    @property
    def present(self) -> dict[bytes, bytes]:
        return self.heights[-1]

    @rule(changes=changes_of)
    def commit(self, changes: dict[int, bytes | None]) -> None:
        self._commit({key(number): value for number, value in changes.items()})

    @rule(count=st.integers(20, 150), value=st.binary(max_size=2))
    def write_many(self, count: int, value: bytes) -> None:
        self._commit({key(number): value for number in range(count)})

    @rule(rest=st.integers(0, 40))
    def remove_nearly_all(self, rest: int) -> None:
        self._commit(dict.fromkeys(sorted(self.present)[rest:]))

    def _commit(self, changes: dict[bytes, bytes | None]) -> None:
        after = self.present | changes
        sealed = layer(self.state, changes)
        expected = {name: value for name, value in after.items() if value is not None}
        assert sealed.root == root_of(self.digest, expected)
        assert all(sealed.get(name) == after[name] for name in changes)
        self.state.commit(sealed, len(self.heights))
        self.heights.append(expected)

    @precondition(lambda self: self.oldest_undo < len(self.heights))
    @rule()
    def forget_the_oldest(self) -> None:
        height = len(self.heights)
        self.state.commit(layer(self.state, {}), height, forget=(self.oldest_undo,))
        self.heights.append(self.present)
        self.oldest_undo += 1

    @rule(back=st.integers(0, 12))
    def look_back(self, back: int) -> None:
        head = len(self.heights) - 1
        height = max(0, head - back)
        past = self.state.at(height, head=head, keys_max=100_000)
        if height < self.oldest_undo - 1:
            assert past is None
            return
        assert past is not None
        assert past.root == root_of(self.digest, self.heights[height])
        for number in range(0, 150, 7):
            value = self.heights[height].get(key(number))
            assert past.get(key(number)) == value
            assert check(self.digest, prove(past, key(number)), past.root, key=key(number), value=value)

    @invariant()
    def the_store_holds_the_model_and_nothing_else(self) -> None:
        expected = nodes_of(self.digest, self.present)
        assert stored_nodes(self.nodes.entries, self.digest) == expected
        assert self.nodes.values() == self.present
        assert self.state.root == root_of(self.digest, self.present)
        assert len(self.nodes.under(b"u")) == len(self.heights) - self.oldest_undo

    @invariant()
    def a_state_opened_again_is_the_same(self) -> None:
        assert State(self.digest, self.nodes).root == self.state.root


@every_digest
def test_any_blocks_lead_to_the_flat_model_and_back_again(digest: Hash) -> None:
    class BlocksOfDigest(Blocks):
        pass

    BlocksOfDigest.digest = staticmethod(digest)
    run_state_machine_as_test(BlocksOfDigest, settings=settings(max_examples=40, stateful_step_count=12))


@every_digest
@given(order=st.permutations(range(70)), removed=st.sets(st.integers(0, 69)))
@settings(max_examples=40)
def test_one_by_one_in_any_order_gives_the_root_of_all_at_once(
    digest: Hash, order: list[int], removed: set[int]
) -> None:
    nodes = MemoryNodes()
    state = State(digest, nodes)
    view: State | Layer = state
    for number in order:
        view = layer(view, {key(number): b"value %d" % number})
    for number in sorted(removed):
        view = layer(view, {key(number): None})
    rest = {name: value for name, value in content(70).items() if int(name.split()[1]) not in removed}
    assert view.root == layer(state, rest).root == root_of(digest, rest)
    assert nodes.writes == 0


def test_an_empty_state_has_the_root_of_the_empty_bucket() -> None:
    state = State(sha256, MemoryNodes())
    assert state.root == sha256(b"\x02")
    assert layer(state, {b"absent": None}).root == state.root
    assert layer(state, {}).root == state.root


@every_digest
def test_a_bucket_splits_after_its_limit_and_not_before(digest: Hash) -> None:
    full, _ = state_of(digest, content(BUCKET_ENTRIES_MAX))
    over, _ = state_of(digest, content(BUCKET_ENTRIES_MAX + 1))
    assert (full.node(b"") or b"")[:1] == b"\x02"
    assert (over.node(b"") or b"")[:1] == b"\x03"


@every_digest
def test_removing_one_too_many_takes_the_split_back(digest: Hash) -> None:
    state, nodes = state_of(digest, content(BUCKET_ENTRIES_MAX + 1))
    state.commit(layer(state, {key(0): None}), 2)
    assert list(nodes.under(b"n")) == [b""]
    assert state.root == root_of(
        digest, {name: v for name, v in content(BUCKET_ENTRIES_MAX + 1).items() if name != key(0)}
    )


@every_digest
def test_removing_everything_leaves_the_empty_state(digest: Hash) -> None:
    state, nodes = state_of(digest, content(100))
    state.commit(layer(state, dict.fromkeys(content(100))), 2)
    assert nodes.under(b"n") == nodes.under(b"v") == {}
    assert state.root == digest(b"\x02")


def test_a_layer_leaves_its_parent_as_it_was() -> None:
    state, nodes = state_of(sha256, content(40))
    before, root = dict(nodes.entries), state.root
    above = layer(state, {key(1): b"new", key(2): None, b"more": b""})
    assert (above.get(key(1)), above.get(key(2)), above.get(b"more")) == (b"new", None, b"")
    assert above.get(key(3)) == b"value 3"
    assert (nodes.entries, state.root, state.get(key(1))) == (before, root, b"value 1")
    assert above.root != root


def test_layers_stand_on_layers() -> None:
    state, _ = state_of(sha256, content(40))
    second = layer(layer(state, {key(1): None}), {key(1): b"again", key(39): None})
    expected = content(39) | {key(1): b"again"}
    assert second.root == root_of(sha256, expected)
    assert second.digest is sha256
    assert {name: second.get(name) for name in content(40)} == {key(39): None} | expected


def test_a_block_and_what_stands_beside_it_are_one_write() -> None:
    nodes = MemoryNodes()
    state = State(sha256, nodes)
    state.commit(layer(state, {b"a": b"1"}), 5, beside={b"head": b"5"})
    assert (nodes.writes, nodes.get(b"head"), nodes.values()) == (1, b"5", {b"a": b"1"})


def test_only_a_layer_of_the_present_state_is_committed() -> None:
    state, _ = state_of(sha256, content(3))
    other, _ = state_of(sha256, content(3))
    stale = layer(state, {b"a": b"1"})
    with pytest.raises(AssertionError):
        other.commit(stale, 2)
    with pytest.raises(AssertionError):
        state.commit(layer(stale, {b"b": b"2"}), 2)
    state.commit(layer(state, {b"c": b"3"}), 2)
    with pytest.raises(AssertionError):
        state.commit(stale, 3)


def test_undo_says_what_a_block_replaced_until_it_is_forgotten() -> None:
    state, nodes = state_of(sha256, {b"a": b"1", b"b": b"2"})
    state.commit(layer(state, {b"b": None, b"c": b"3", b"a": b"4"}), 2)
    expected = tuple(UndoEntry(key=k, value=v) for k, v in ((b"b", b"2"), (b"c", None), (b"a", b"1")))
    assert state.undo(2) == expected
    assert nodes.get(b"u" + bytes(7) + b"\x02") == encode(expected)
    assert state.undo(3) is None
    state.commit(layer(state, {}), 3, forget=(1, 2))
    assert (state.undo(1), state.undo(2), state.undo(3)) == (None, None, ())


def test_the_way_back_has_a_limit() -> None:
    state, _ = state_of(sha256, content(10))
    state.commit(layer(state, {key(n): b"new" for n in range(5)}), 2)
    state.commit(layer(state, {key(n): None for n in range(4, 8)}), 3)
    assert state.at(3, head=3, keys_max=0) is not None
    assert state.at(2, head=3, keys_max=3) is None
    assert state.at(2, head=3, keys_max=4) is not None
    assert state.at(1, head=3, keys_max=8) is None
    past = state.at(1, head=3, keys_max=9)
    assert past is not None
    assert past.root == root_of(sha256, content(10))


def test_the_oldest_of_several_writes_is_taken_back() -> None:
    state, _ = state_of(sha256, {b"a": b"1"})
    for height, value in ((2, b"2"), (3, None), (4, b"4")):
        state.commit(layer(state, {b"a": value}), height)
    values: list[Any] = []
    for height in (0, 1, 2, 3, 4):
        past = state.at(height, head=4, keys_max=10)
        assert past is not None
        values.append(past.get(b"a"))
    assert values == [None, b"1", b"2", None, b"4"]


def test_an_overlay_keeps_or_drops_a_transaction_whole() -> None:
    state, _ = state_of(sha256, {b"a": b"1", b"b": b"2"})
    overlay = Overlay(state)
    overlay.put(b"a", b"new")
    overlay.put(b"b", None)
    assert (overlay.get(b"a"), overlay.get(b"b"), overlay.get(b"c")) == (b"new", None, None)
    overlay.drop()
    assert (overlay.get(b"a"), overlay.get(b"b")) == (b"1", b"2")
    overlay.put(b"a", b"kept")
    overlay.keep()
    overlay.put(b"a", None)
    assert overlay.get(b"a") is None
    overlay.drop()
    assert overlay.get(b"a") == b"kept"
    sealed = overlay.seal()
    assert sealed.root == root_of(sha256, {b"a": b"kept", b"b": b"2"})
    assert state.get(b"a") == b"1"


def test_what_is_kept_is_no_longer_open() -> None:
    overlay = Overlay(State(sha256, MemoryNodes()))
    overlay.put(b"a", b"1")
    overlay.keep()
    assert (overlay.open, overlay.kept) == ({}, {b"a": b"1"})
    assert overlay.seal().root == root_of(sha256, {b"a": b"1"})


def test_an_overlay_with_an_open_transaction_cannot_be_sealed() -> None:
    overlay = Overlay(State(sha256, MemoryNodes()))
    overlay.put(b"a", b"1")
    with pytest.raises(AssertionError):
        overlay.seal()


def test_a_layer_of_nothing_hashes_and_writes_nothing() -> None:
    state, _ = state_of(sha256, content(3))
    assert dict(layer(state, {}).nodes) == {}
    assert layer(State(sha256, MemoryNodes()), {}).nodes == {}


def test_a_record_stays_where_it_is_until_it_is_removed() -> None:
    state, nodes = state_of(sha256, {b"a": b"1"})
    name = key_digest(sha256, b"a")
    place = state.find(name)
    state.commit(layer(state, {b"a": b"2", b"b": b""}), 2)
    assert (state.find(name), state.key_of(name)) == (place, b"a")
    state.commit(layer(state, {b"a": None}), 3)
    assert (state.find(name), state.key_of(name), state.get(b"a")) == (None, None, None)
    state.commit(layer(state, {b"a": b"3"}), 4)
    assert state.find(name) not in (None, place), "a place is used once"
    assert (nodes.values(), state.key_of(name)) == ({b"a": b"3", b"b": b""}, b"a")
    assert State(sha256, nodes).next_place == state.next_place == 3


def test_what_is_at_hand_is_bounded_and_never_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(committed, "READ_MAX", 5)
    monkeypatch.setattr(committed, "BRANCHES_MAX", 3)
    monkeypatch.setattr(committed, "BUCKETS_MAX", 2)
    state, nodes = state_of(sha256, content(300))
    for number in range(300):
        assert state.get(key(number)) == b"value %d" % number
    assert len(state._read) <= 5
    assert len(state._branches) <= 3
    assert len(state._buckets) <= 2
    state.commit(layer(state, {key(1): b"new", key(2): None, **{key(n): None for n in range(20, 300)}}), 2)
    expected = {key(n): b"value %d" % n for n in range(3, 20)} | {key(0): b"value 0", key(1): b"new"}
    assert {key(n): state.get(key(n)) for n in range(300) if state.get(key(n)) is not None} == expected
    assert stored_nodes(nodes.entries, sha256) == nodes_of(sha256, expected)


def test_keys_that_differ_in_the_last_byte_of_their_digests_have_their_branch_far_down() -> None:
    keys = [bytes(31) + bytes([last]) for last in range(0, 256, 7)]
    assert len(keys) > BUCKET_ENTRIES_MAX
    nodes = grown(sha256, b"", b"".join(key_digest + sha256(key_digest) for key_digest in keys))
    deepest = bytes(62)
    assert {path for path, node in nodes.items() if node and node[:1] == b"\x03"} == {bytes(n) for n in range(63)}
    assert {path[-1] for path in nodes if len(path) == 63} == set(range(16))
    assert nodes[deepest + b"\x03"] == b"\x02" + b"".join(
        key_digest + sha256(key_digest) for key_digest in keys if key_digest[31] >> 4 == 3
    )


def test_a_bucket_may_hold_keys_that_differ_in_the_last_byte_of_their_digests() -> None:
    first, second = bytes(31) + b"\x01", bytes(31) + b"\x02"
    value = bytes(32)
    assert bucket_entries(first + value + second + value) == {first: value, second: value}
    assert bucket_entries(second + value + first + value) is None


def test_neighbours_stand_together_and_others_do_not() -> None:
    """256 keys that differ in their last byte are one subtree, apart from 5,000 others."""
    run = {b"run of keys " + bytes([last]): b"1" for last in range(256)}
    digests = {key_digest_of(sha256, key) for key in run}
    assert {digest[:2] for digest in digests} == {key_digest(sha256, b"run of keys 0")[:2]}
    assert len({digest[2:] for digest in digests}) == 256
    state, _ = state_of(sha256, content(5_000))
    together = layer(state, run).nodes
    apart = layer(state, {b"%d one of them" % number: b"1" for number in range(256)}).nodes
    assert len(together) < 30, "sixteen buckets and the way to them"
    assert len(apart) > 200


@pytest.mark.parametrize("key", [b"", b"a", b"ab", bytes(300)])
def test_a_key_digest_is_two_bytes_of_the_neighbours_and_thirty_of_the_key(key: bytes) -> None:
    assert key_digest_of(sha256, key) == sha256(b"\x06" + key[:-1])[:2] + sha256(b"\x04" + key)[2:]
