"""Giving: one pinned height while blocks go on, parts within limits, and an end to it (protocol 21.6)."""

import pytest

from chain.committed import State
from chain.state import BRANCH
from chain.subtree import Difference
from chain.transaction import TRANSACTION_WINDOW_MS
from node import snapshot as module
from node.ledger import Ledger
from node.network.frames import BlocksChunk, BranchChunk, FetchChunk, FetchSnapshot, PairsChunk, SnapshotManifest
from node.snapshot import FORGET_TICKS, IDLE_TICKS, SnapshotGiving
from node.storage.memory import MemoryStore
from tests.node.small_chain import CHAIN, RULES
from tests.node.snapshot_play import change_membership, define_classes, ledger_on


def grown(blocks: int) -> Ledger:
    ledger = ledger_on(MemoryStore())
    define_classes(ledger, range(blocks))
    return ledger


def offer(giver: SnapshotGiving, height: int | None = None, since: int = 0) -> SnapshotManifest:
    return giver.offer(FetchSnapshot(chain_id=CHAIN, since=since, height=height))


def offered_height(giver: SnapshotGiving, height: int | None = None) -> int:
    certified = offer(giver, height).certified
    assert certified is not None
    return certified.header.height


def content(giver: SnapshotGiving, height: int, chunk: bytes | int) -> BranchChunk | PairsChunk | BlocksChunk | None:
    answer = giver.chunk(FetchChunk(chain_id=CHAIN, height=height, chunk=chunk))
    assert (answer.chain_id, answer.height, answer.chunk) == (CHAIN, height, chunk)
    return answer.content


def test_a_chain_without_blocks_has_no_snapshot() -> None:
    assert offer(SnapshotGiving(grown(0))) == SnapshotManifest(chain_id=CHAIN, certified=None, handovers=())


def test_the_head_is_pinned_and_offered_to_all_while_blocks_go_on() -> None:
    ledger = grown(40)
    giver = SnapshotGiving(ledger)
    root = ledger.head.header.state_root
    assert giver.height is None
    assert offered_height(giver) == giver.height == 40
    before = content(giver, 40, b"")
    define_classes(ledger, range(40, 60), giving=[giver])
    assert ledger.head.header.state_root != root
    assert offered_height(giver) == offered_height(giver, 55) == 40
    assert content(giver, 40, b"") == before
    difference = Difference(State(RULES.digest, MemoryStore()), root)
    assert isinstance(before, PairsChunk)
    assert difference.take_pairs(before.pairs)


def test_a_recent_height_is_pinned_for_whoever_began_with_it_elsewhere() -> None:
    ledger = grown(40)
    root = ledger.head.header.state_root
    define_classes(ledger, range(40, 60))
    giver = SnapshotGiving(ledger)
    assert offered_height(giver, 40) == 40
    pairs = content(giver, 40, b"")
    assert isinstance(pairs, PairsChunk)
    assert Difference(State(RULES.digest, MemoryStore()), root).take_pairs(pairs.pairs)


@pytest.mark.parametrize("height", [0, 61, 2**53 - 1])
def test_a_height_that_cannot_be_had_is_answered_by_the_head(height: int) -> None:
    assert offered_height(SnapshotGiving(grown(60)), height) == 60


def test_the_way_back_to_a_pin_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PIN_KEYS_MAX", 8)
    ledger = grown(60)
    assert offered_height(SnapshotGiving(ledger), 58) == 58
    assert offered_height(SnapshotGiving(ledger), 40) == 60


def test_a_pin_that_nobody_asks_about_makes_room_and_one_in_use_does_not() -> None:
    ledger = grown(10)
    giver = SnapshotGiving(ledger)
    assert offered_height(giver) == 10
    define_classes(ledger, range(10, 12), giving=[giver])
    for _ in range(2):
        for _ in range(IDLE_TICKS - 1):
            giver.tick()
        assert content(giver, 10, b"") is not None
    for _ in range(IDLE_TICKS - 1):
        giver.tick()
    assert offered_height(giver) == 10
    giver.tick()
    assert offered_height(giver) == 10
    for _ in range(IDLE_TICKS):
        giver.tick()
    assert offered_height(giver, 10) == 10
    for _ in range(IDLE_TICKS):
        giver.tick()
    assert offered_height(giver) == 12
    assert content(giver, 10, b"") is None
    assert content(giver, 12, b"") is not None


def test_a_pin_is_forgotten_when_nobody_asks_for_long() -> None:
    giver = SnapshotGiving(grown(3))
    offer(giver)
    for _ in range(FORGET_TICKS - 1):
        giver.tick()
    assert giver.height == 3
    giver.tick()
    assert giver.height is None
    assert content(giver, 3, b"") is None


def test_a_pin_that_keeps_too_much_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PIN_BYTES_MAX", 3_000)
    ledger = grown(3)
    giver = SnapshotGiving(ledger)
    offer(giver)
    define_classes(ledger, [3], giving=[giver])
    assert giver.height == 3
    define_classes(ledger, range(4, 60), giving=[giver])
    assert giver.height is None


def test_too_much_for_one_chunk_is_answered_by_the_branch(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = grown(80)
    giver = SnapshotGiving(ledger)
    offer(giver)
    everything = content(giver, 80, b"")
    assert isinstance(everything, PairsChunk)
    monkeypatch.setattr(module, "CHUNK_PAIRS_MAX", len(everything.pairs) - 1)
    branch = content(giver, 80, b"")
    assert isinstance(branch, BranchChunk)
    assert branch.node[:1] == BRANCH
    assert RULES.digest(branch.node) == ledger.head.header.state_root
    monkeypatch.undo()
    size = sum(len(pair.key) + len(pair.value) for pair in everything.pairs)
    monkeypatch.setattr(module, "CHUNK_BYTES_MAX", size - 1)
    assert content(giver, 80, b"") == branch
    monkeypatch.setattr(module, "CHUNK_BYTES_MAX", size)
    assert content(giver, 80, b"") == everything


@pytest.mark.parametrize("path", [bytes(64), b"\x0f" * 64])
def test_below_a_path_that_leads_nowhere_is_nothing(path: bytes) -> None:
    giver = SnapshotGiving(grown(5))
    offer(giver)
    assert content(giver, 5, path) == PairsChunk(pairs=())


@pytest.mark.parametrize("path", [b"\x10", b"\x00\xff"])
def test_what_is_no_path_is_not_there(path: bytes) -> None:
    giver = SnapshotGiving(grown(5))
    offer(giver)
    assert content(giver, 5, path) is None


def test_whoever_is_not_behind_is_offered_nothing_and_nothing_is_pinned() -> None:
    giver = SnapshotGiving(grown(5))
    for since in (5, 6, 2**53 - 1):
        assert offer(giver, since=since).certified is None
    assert giver.height is None
    assert offer(giver, since=4).certified is not None


def test_a_pin_whose_window_was_pruned_meanwhile_makes_room_at_once() -> None:
    """Only whoever has the blocks below anyway can still make use of it."""
    ledger = ledger_on(MemoryStore(), history=1)
    define_classes(ledger, range(3))
    giver = SnapshotGiving(ledger)
    assert offered_height(giver) == 3
    define_classes(ledger, [3], gap=TRANSACTION_WINDOW_MS - 2_000, giving=[giver])
    assert offered_height(giver) == 3
    define_classes(ledger, [4], gap=2 * TRANSACTION_WINDOW_MS, giving=[giver])
    assert ledger.oldest_block == 3
    assert offer(giver, since=2).certified == ledger.certified(3)
    assert offered_height(giver) == 5


def test_a_pin_stays_as_long_as_an_older_block_than_its_window_is_there() -> None:
    ledger = ledger_on(MemoryStore(), history=3)
    define_classes(ledger, range(5), gap=TRANSACTION_WINDOW_MS + 1)
    giver = SnapshotGiving(ledger)
    assert offered_height(giver) == 5
    define_classes(ledger, [5], gap=TRANSACTION_WINDOW_MS + 1, giving=[giver])
    assert ledger.oldest_block == 4
    assert offered_height(giver) == 5
    define_classes(ledger, [6], gap=TRANSACTION_WINDOW_MS + 1, giving=[giver])
    assert ledger.oldest_block == 5
    assert offered_height(giver) == 7


def test_another_height_than_the_pinned_one_is_not_there() -> None:
    giver = SnapshotGiving(grown(5))
    offer(giver)
    assert content(giver, 4, b"") is None
    assert content(SnapshotGiving(grown(5)), 5, b"") is None


def test_blocks_come_downward_within_the_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = grown(5)
    giver = SnapshotGiving(ledger)
    stored = [ledger.block(height) for height in (5, 4, 3, 2, 1)]
    blocks = content(giver, 5, 5)
    assert isinstance(blocks, BlocksChunk)
    assert list(blocks.blocks) == stored
    monkeypatch.setattr(module, "FETCH_BLOCKS_MAX", 2)
    assert content(giver, 5, 4) == BlocksChunk(blocks=tuple(stored[1:3]))
    size = sum(len(raw) for block in stored[1:3] for raw in block.committed.block.transactions)
    monkeypatch.setattr(module, "FETCH_BYTES_MAX", size)
    assert content(giver, 5, 4) == BlocksChunk(blocks=tuple(stored[1:3]))
    monkeypatch.setattr(module, "FETCH_BYTES_MAX", size - 1)
    assert content(giver, 5, 4) == BlocksChunk(blocks=(stored[1],))
    monkeypatch.setattr(module, "FETCH_BYTES_MAX", 1)
    assert content(giver, 5, 4) == BlocksChunk(blocks=(stored[1],))
    for nothing in (0, 6, 2**53 - 1):
        assert content(giver, 5, nothing) is None


def test_the_handovers_after_the_askers_head_are_in_the_manifest() -> None:
    ledger = grown(2)
    change_membership(ledger)
    define_classes(ledger, [7])
    (handover,) = offer(SnapshotGiving(ledger)).handovers
    assert handover.certified.header.height == 4
    assert handover.next_membership == ledger.head.membership
    assert offer(SnapshotGiving(ledger), since=3).handovers == (handover,)
    assert offer(SnapshotGiving(ledger), since=4).handovers == ()
    assert offer(SnapshotGiving(ledger), height=4).handovers == ()
