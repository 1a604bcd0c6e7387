"""How a node comes to the height of its peers: by blocks while somebody has them, else by a snapshot (protocol 21.6)."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from chain.block import CommittedBlock
from chain.codec import decode, encode
from node import snapshot as giving_module
from node.catching_up import CatchingUp
from node.consensus.block_sync import ASK_AFTER_TICKS, PATIENCE_TICKS
from node.execution import Executed
from node.ledger import Ledger, Snapshot
from node.network.frames import (
    Blocks,
    Fetch,
    FetchChunk,
    FetchSnapshot,
    PairsChunk,
    PeerFrame,
    SnapshotChunk,
    SnapshotManifest,
)
from node.snapshot import FORGET_TICKS
from node.storage.memory import MemoryStore
from tests.node.small_chain import CHAIN, define, next_block
from tests.node.snapshot_play import certify_next, copied, define_classes, ledger_on, state_entries

BLOCKS = 40
KEPT = 5


class Node:
    """One node: its ledger, and how it catches up. The others are in `wire`."""

    def __init__(self, number: int, ledger: Ledger, wire: "Wire") -> None:
        self.number, self.ledger, self.wire = number, ledger, wire
        self.appended: list[int] = []
        self.installed: list[int] = []
        self.notes: list[str] = []
        self.catching_up = CatchingUp(
            ledger=ledger,
            send=lambda peer, frame: wire.post(number, peer, frame),
            connected=lambda: frozenset(wire.nodes) - {number},
            known=lambda _: None,
            append=self._append,
            install=self._install,
            note=self.notes.append,
        )

    def _append(self, committed: CommittedBlock, executed: Executed) -> None:
        self.catching_up.before(executed.layer)
        self.ledger.append(executed, committed.certificate)
        self.appended.append(committed.header.height)

    def _install(self, snapshot: Snapshot) -> None:
        self.ledger.install(snapshot)
        self.installed.append(snapshot.certified.header.height)


class Wire:
    """Some nodes, and what is on its way between them."""

    def __init__(self, *ledgers: Ledger) -> None:
        self.frames: list[tuple[int, int, bytes]] = []
        self.sent: list[tuple[int, int, PeerFrame]] = []
        self.change: Callable[[int, PeerFrame], PeerFrame | None] = lambda _, frame: frame
        self.nodes: dict[int, Node] = {}
        for number, ledger in enumerate(ledgers):
            self.nodes[number] = Node(number, ledger, self)

    def post(self, sender: int, receiver: int, frame: PeerFrame) -> None:
        said = self.change(sender, frame)
        if said is not None:
            self.sent.append((sender, receiver, said))
            self.frames.append((sender, receiver, encode(said)))

    def claim(self, *, lies: dict[int, int] | None = None) -> None:
        """Everybody says to everybody how far it is."""
        for node in self.nodes.values():
            for other in self.nodes.values():
                if other is not node:
                    height = (lies or {}).get(other.number, other.ledger.height)
                    node.catching_up.sync.claimed(other.number, height)

    def run(self, rounds: int = 400, *, lies: dict[int, int] | None = None) -> None:
        """Ticks, and claims now and then; whatever is sent arrives before the next tick."""
        for number in range(rounds):
            if number % 10 == 0:
                self.claim(lies=lies)
            for node in self.nodes.values():
                node.catching_up.tick()
            while self.frames:
                sender, receiver, data = self.frames.pop(0)
                frame, node = decode(data, PeerFrame), self.nodes[receiver]
                if isinstance(frame, Fetch | FetchSnapshot | FetchChunk):
                    node.catching_up.serve(sender, frame)
                else:
                    assert isinstance(frame, Blocks | SnapshotManifest | SnapshotChunk)
                    node.catching_up.fetched(sender, frame)

    def asked_for(self, kind: type[PeerFrame]) -> list[int]:
        """Who was asked for such a thing, in order."""
        return [receiver for _, receiver, frame in self.sent if isinstance(frame, kind)]


@pytest.fixture(scope="module")
def pruned() -> Ledger:
    """A chain of which only the last blocks are whole: its window is short."""
    ledger = ledger_on(MemoryStore(), history=KEPT)
    define_classes(ledger, range(BLOCKS), gap=200_000)
    assert BLOCKS - KEPT <= ledger.oldest_block <= BLOCKS - KEPT + 1
    return ledger


def empty() -> Ledger:
    return ledger_on(MemoryStore())


def test_blocks_are_fetched_while_somebody_has_them(pruned: Ledger) -> None:
    behind, whole = empty(), empty()
    define_classes(whole, range(BLOCKS), gap=200_000)
    wire = Wire(behind, copied(pruned), copied(pruned), whole)
    wire.run()
    assert wire.nodes[0].appended == list(range(1, BLOCKS + 1))
    assert wire.asked_for(FetchSnapshot) == []


def test_a_snapshot_is_taken_when_nobody_has_the_next_block_any_more(pruned: Ledger) -> None:
    behind = empty()
    wire = Wire(behind, copied(pruned, KEPT), copied(pruned, KEPT))
    wire.run()
    node = wire.nodes[0]
    assert (node.appended, node.installed) == ([], [BLOCKS])
    assert (behind.head, state_entries(behind)) == (pruned.head, state_entries(pruned))
    assert node.notes[0] == "nobody has block 1 any more: asking for a snapshot"
    assert node.notes[-1] == f"has the snapshot at height {BLOCKS}"


def test_what_came_after_the_snapshot_is_fetched_as_blocks(pruned: Ledger) -> None:
    behind, source = empty(), copied(pruned, KEPT)
    wire = Wire(behind, source)

    def grow(_: int, frame: PeerFrame) -> PeerFrame:
        """The chain goes on while the snapshot is given."""
        if isinstance(frame, SnapshotChunk) and source.height < BLOCKS + 3:
            executed = next_block(
                source,
                define(1_000 + source.height, valid_until=source.head.header.time + 9_000),
                time=source.head.header.time + 9_000,
            )
            wire.nodes[1].catching_up.before(executed.layer)
            source.append(executed, certify_next(source, executed))
        return frame

    wire.change = grow
    wire.run()
    assert wire.nodes[0].installed == [BLOCKS]
    assert wire.nodes[0].appended[-1] == behind.height == source.height > BLOCKS
    assert (behind.head, state_entries(behind)) == (source.head, state_entries(source))


def test_parts_that_later_blocks_overwrite_are_given_as_they_were(
    pruned: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(giving_module, "CHUNK_PAIRS_MAX", 32)
    behind, source = empty(), copied(pruned, KEPT)
    wire = Wire(behind, source)
    given: list[PeerFrame] = []

    def grow(_: int, frame: PeerFrame) -> PeerFrame:
        """A block after every part that is given."""
        if isinstance(frame, SnapshotChunk) and isinstance(frame.chunk, bytes):
            given.append(frame)
            define_classes(source, [1_000 + source.height], gap=9, giving=[wire.nodes[1].catching_up._giving])
        return frame

    wire.change = grow
    wire.run()
    assert len(given) > 8
    assert wire.nodes[0].installed == [BLOCKS]
    assert (behind.head, state_entries(behind)) == (source.head, state_entries(source))


def test_a_source_that_stops_answering_is_left_and_its_pin_forgotten(pruned: Ledger) -> None:
    behind = empty()
    wire = Wire(behind, copied(pruned, KEPT), copied(pruned, KEPT))
    silent: set[int] = set()

    def stop(sender: int, frame: PeerFrame) -> PeerFrame | None:
        if isinstance(frame, SnapshotManifest) and not silent:
            silent.add(sender)
            return frame
        return None if sender in silent else frame

    wire.change = stop
    wire.run()
    assert wire.nodes[0].installed == [BLOCKS]
    assert set(wire.asked_for(FetchSnapshot)) == {1, 2}
    assert len(silent) == 1
    wire.run(FORGET_TICKS + 1)
    assert [wire.nodes[number].catching_up._giving.height for number in (1, 2)] == [None, None]


def test_a_silent_peer_that_claims_to_be_ahead_does_not_hold_the_others_up(pruned: Ledger) -> None:
    behind = empty()
    wire = Wire(behind, copied(pruned, KEPT), empty())
    wire.change = lambda sender, frame: None if sender == 2 else frame
    wire.run(lies={2: 10**6})
    assert wire.nodes[0].installed == [BLOCKS]


def test_a_claim_that_leads_to_nothing_costs_a_question_and_no_more(pruned: Ledger) -> None:
    at_head = copied(pruned, KEPT)
    wire = Wire(at_head, copied(pruned, KEPT), copied(pruned, KEPT))
    wire.run(100, lies={2: 10**6})
    node = wire.nodes[0]
    assert (node.appended, node.installed) == ([], [])
    assert 0 < len(wire.asked_for(FetchSnapshot)) <= 2 * 100 / ASK_AFTER_TICKS
    assert all(giver.catching_up._giving.height is None for giver in wire.nodes.values())
    assert len(node.notes) == 2


def test_the_operator_is_told_anew_at_the_next_height(pruned: Ledger) -> None:
    ledgers = [copied(pruned, KEPT) for _ in range(3)]
    wire = Wire(*ledgers)
    node = wire.nodes[0]
    wire.run(50, lies={2: 10**6})
    assert len(node.notes) == 2
    for number, ledger in enumerate(ledgers):
        define_classes(ledger, [700], gap=9, giving=[wire.nodes[number].catching_up])
    wire.run(50, lies={2: 10**6})
    assert len(node.notes) == 4
    assert node.notes[2] == f"nobody has block {BLOCKS + 2} any more: asking for a snapshot"


def test_after_a_snapshot_too(pruned: Ledger) -> None:
    wire = Wire(empty(), copied(pruned, KEPT))
    wire.run(lies={1: 10**6})
    told = [note for note in wire.nodes[0].notes if note.startswith("nobody has block")]
    assert told == [f"nobody has block {wanted} any more: asking for a snapshot" for wanted in (1, BLOCKS + 1)]


def test_a_block_that_is_refused_is_told_if_it_was_asked_for(pruned: Ledger) -> None:
    behind, whole = empty(), empty()
    define_classes(whole, range(3), gap=200_000)
    wire = Wire(behind, whole)
    wire.change = lambda _, frame: replace(frame, blocks=frame.blocks[1:]) if isinstance(frame, Blocks) else frame
    wire.run(20)
    refused = "replica 1 sent a block that is refused: it does not follow the head; asking another"
    assert set(wire.nodes[0].notes) == {refused}
    told = len(wire.nodes[0].notes)
    second = whole.block(2)
    assert second is not None
    wire.nodes[0].catching_up.fetched(1, Blocks(chain_id=CHAIN, blocks=(second.committed,)))
    assert len(wire.nodes[0].notes) == told
    wire.change = lambda _, frame: frame
    first = whole.block(1)
    assert first is not None
    wire.nodes[0].catching_up.fetched(1, Blocks(chain_id=CHAIN, blocks=(first.committed,)))
    wire.nodes[0].catching_up.fetched(1, Blocks(chain_id=CHAIN, blocks=(first.committed, second.committed)))
    assert wire.nodes[0].appended == [1, 2]


def test_a_block_that_comes_meanwhile_ends_the_taking(pruned: Ledger) -> None:
    behind, source = empty(), copied(pruned, KEPT)
    whole = empty()
    define_classes(whole, range(2), gap=200_000)
    first = whole.block(1)
    assert first is not None
    wire = Wire(behind, source)

    def interrupt(_: int, frame: PeerFrame) -> PeerFrame:
        if isinstance(frame, SnapshotManifest) and behind.height == 0:
            wire.nodes[0].catching_up.fetched(1, Blocks(chain_id=CHAIN, blocks=(first.committed,)))
        return frame

    wire.change = interrupt
    wire.run()
    assert wire.nodes[0].appended == [1]
    assert wire.nodes[0].installed == [BLOCKS]


def test_what_nobody_asked_for_has_no_effect(pruned: Ledger) -> None:
    behind = empty()
    node = Wire(behind, copied(pruned, KEPT)).nodes[0]
    node.catching_up.fetched(1, SnapshotManifest(chain_id=CHAIN, certified=pruned.certified(BLOCKS), handovers=()))
    node.catching_up.fetched(1, SnapshotChunk(chain_id=CHAIN, height=BLOCKS, chunk=b"", content=PairsChunk(pairs=())))
    node.catching_up.fetched(1, Blocks(chain_id=CHAIN, blocks=()))
    assert (node.notes, node.wire.sent, behind.height) == ([], [], 0)


def test_when_the_source_lies_nothing_changes_and_blocks_are_asked_for_again(pruned: Ledger) -> None:
    behind = empty()
    wire = Wire(behind, copied(pruned, KEPT))

    def lie(_: int, frame: PeerFrame) -> PeerFrame:
        return replace(frame, content=PairsChunk(pairs=())) if isinstance(frame, SnapshotChunk) else frame

    wire.change = lie
    wire.run(3 * PATIENCE_TICKS)
    assert behind.height == 0
    assert any(
        note.startswith("gave up taking a snapshot: no connected replica has one") for note in wire.nodes[0].notes
    )
    wire.change = lambda _, frame: frame
    wire.run()
    assert wire.nodes[0].installed == [BLOCKS]
