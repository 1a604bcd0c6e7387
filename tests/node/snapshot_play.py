"""Chains that give and take snapshots over a wire that carries bytes, with sources that may be anything."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from msgspec.structs import replace

from chain.codec import decode, encode
from chain.quorum import QuorumCertificate
from contracts.system import change_transaction
from node.execution import Executed
from node.ledger import Ledger, Snapshot
from node.network.frames import FetchChunk, FetchSnapshot, PeerFrame, SnapshotChunk, SnapshotManifest
from node.snapshot import SnapshotGiving
from node.snapshot_taking import Ask, GaveUp, SnapshotTaking, Step
from node.storage.memory import MemoryStore
from tests.chain.memory_nodes import stored_nodes, stored_values
from tests.chain.small_network import FIRST, SECOND, Signers
from tests.contracts.membership_changes import agreed
from tests.node.small_chain import GENESIS, RULES, define, next_block

Source = Callable[[PeerFrame], PeerFrame | None]
STEPS_MAX = 5_000


def ledger_on(store: MemoryStore, history: int = 10_000) -> Ledger:
    """A ledger of the small chain."""
    return Ledger(RULES, GENESIS, store, history=history)


def signers_of(ledger: Ledger) -> Signers:
    """Who certifies the next block."""
    return next(one for one in (FIRST, SECOND) if one.membership == ledger.head.membership)


def certify_next(ledger: Ledger, executed: Executed) -> QuorumCertificate:
    """The certificate of the block after the head."""
    return signers_of(ledger).certify(ledger.rules, executed.block.header).certificate


def add(ledger: Ledger, *raws: bytes, gap: int = 1_000, giving: Iterable[SnapshotGiving] = ()) -> None:
    """A block of these transactions `gap` ms after the head, while others take snapshots."""
    executed = next_block(ledger, *raws, time=ledger.head.header.time + gap)
    for giver in giving:
        giver.before(executed.layer)
    ledger.append(executed, certify_next(ledger, executed))


def define_classes(
    ledger: Ledger, numbers: Iterable[int], *, gap: int = 1_000, giving: Iterable[SnapshotGiving] = ()
) -> None:
    """Blocks of one new class each."""
    for number in numbers:
        valid_until = ledger.head.header.time + gap + 100_000
        add(ledger, define(number, valid_until=valid_until), gap=gap, giving=giving)


def change_membership(ledger: Ledger) -> None:
    """A fifth replica joins: the block that says so, and the one whose header hands over."""
    effective = ledger.height + 3
    change = agreed(RULES, FIRST.membership, SECOND.membership, effective)
    raw = change_transaction(RULES, change, now=ledger.head.header.time, nonce=ledger.height.to_bytes(16, "big"))
    add(ledger, raw)
    define_classes(ledger, [10_000 + ledger.height])
    assert ledger.head.membership == SECOND.membership


def giving(ledger: Ledger) -> Source:
    """A source that answers from a ledger."""
    giver = SnapshotGiving(ledger)
    return lambda frame: answer(giver, frame)


def answer(giver: SnapshotGiving, frame: PeerFrame) -> SnapshotManifest | SnapshotChunk:
    """What a giver says to a frame."""
    if isinstance(frame, FetchSnapshot):
        return giver.offer(frame)
    assert isinstance(frame, FetchChunk)
    return giver.chunk(frame)


def changed(source: Source, change: Callable[[PeerFrame], PeerFrame | None]) -> Source:
    """A source whose answers are changed on the way."""

    def answer_changed(frame: PeerFrame) -> PeerFrame | None:
        said = source(frame)
        return None if said is None else change(said)

    return answer_changed


def silent(_frame: PeerFrame) -> None:
    """A source that never answers."""


def flipped(content: bytes, place: int) -> bytes:
    """The bytes with one bit changed."""
    data = bytearray(content or b"\x00")
    data[place // 8 % len(data)] ^= 1 << place % 8
    return bytes(data)


@dataclass
class Play:
    """A taker and its sources; what was asked of whom, and what the operator was told."""

    ledger: Ledger
    sources: dict[int, Source]
    first: int = 0
    asked: list[tuple[int, PeerFrame]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.taking = SnapshotTaking(self.ledger, self.first, lambda: frozenset(self.sources), self.notes.append)
        self.last: Step = self.taking.tick()

    def step(self) -> Step:
        """What was asked is answered, or a tick passes."""
        asked = self.last
        if not isinstance(asked, Ask):
            self.last = self.taking.tick()
            return self.last
        self.asked.append((asked.peer, asked.frame))
        source = self.sources.get(asked.peer, silent)
        said = source(decode(encode(asked.frame), PeerFrame))
        self.last = self._hear(asked.peer, said)
        return self.last

    def run(self) -> Snapshot | GaveUp:
        """Until it is over."""
        for _ in range(STEPS_MAX):
            if isinstance(self.last, Snapshot | GaveUp):
                return self.last
            self.step()
        raise AssertionError(f"the taking does not end: {self.notes[-5:]}")

    def taken(self) -> Ledger:
        """The ledger with what was taken."""
        snapshot = self.run()
        assert isinstance(snapshot, Snapshot), snapshot
        self.ledger.install(snapshot)
        return self.ledger

    def chunks(self, peer: int | None = None) -> list[bytes | int]:
        """The parts that were asked for, of one source or of all."""
        return [
            frame.chunk for who, frame in self.asked if isinstance(frame, FetchChunk) and (peer is None or who == peer)
        ]

    def _hear(self, peer: int, said: PeerFrame | None) -> Step:
        heard = None if said is None else decode(encode(said), PeerFrame)
        if isinstance(heard, SnapshotManifest):
            return self.taking.offered(peer, heard)
        if isinstance(heard, SnapshotChunk):
            return self.taking.took(peer, heard)
        return None


def state_entries(ledger: Ledger) -> tuple[Mapping[bytes, bytes], Mapping[bytes, bytes]]:
    """What a ledger's store holds of the state: values and nodes."""
    store = ledger._store
    assert isinstance(store, MemoryStore)
    return stored_values(store.entries), stored_nodes(store.entries, ledger.rules.digest)


def copied(ledger: Ledger, history: int = 10_000) -> Ledger:
    """Another ledger with a copy of everything."""
    store = ledger._store
    assert isinstance(store, MemoryStore)
    return ledger_on(MemoryStore(dict(store.entries)), history)


def with_content(chunk: SnapshotChunk, **fields: object) -> SnapshotChunk:
    """A chunk with other fields in its content."""
    assert chunk.content is not None
    return replace(chunk, content=replace(chunk.content, **fields))
