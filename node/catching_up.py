"""How one chain's node comes to the height of its peers, and brings them to its own (protocol 21.6).

Blocks are asked for first. When nobody who claims to be ahead has the next one any more, a snapshot is taken.
"""

from collections.abc import Callable

from chain.block import CommittedBlock
from chain.state import Layer
from node.consensus.block_sync import BlockSync
from node.execution import BlockFault, Executed
from node.ledger import Ledger, Snapshot
from node.mempool import Checked
from node.network.frames import (
    FETCH_BLOCKS_MAX,
    FETCH_BYTES_MAX,
    Blocks,
    Fetch,
    FetchChunk,
    FetchSnapshot,
    PeerFrame,
    SnapshotChunk,
    SnapshotManifest,
)
from node.snapshot import SnapshotGiving
from node.snapshot_taking import Ask, GaveUp, SnapshotTaking, Step

Wanted = Fetch | FetchSnapshot | FetchChunk
"""What a peer that is behind asks for."""
Brought = Blocks | SnapshotManifest | SnapshotChunk
"""What a peer that was asked answers."""


class CatchingUp:
    """The one question that is open, and the answers to the questions of others."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        send: Callable[[int, PeerFrame], None],
        connected: Callable[[], frozenset[int]],
        known: Callable[[bytes], Checked | None],
        append: Callable[[CommittedBlock, Executed], None],
        install: Callable[[Snapshot], None],
        note: Callable[[str], None],
    ) -> None:
        self.sync = BlockSync()
        self._ledger = ledger
        self._send = send
        self._connected = connected
        self._known = known
        self._append = append
        self._install = install
        self._note = note
        self._giving = SnapshotGiving(ledger)
        self._taking: SnapshotTaking | None = None
        self._told: set[str] = set()

    def tick(self) -> None:
        """One tick: patience with whoever was asked."""
        self._giving.tick()
        if self._taking is not None:
            self._take(self._taking.tick())
        else:
            self._fetch_from(self.sync.tick(self._ledger.height, self._connected()))

    def serve(self, peer: int, wanted: Wanted) -> None:
        """Send what a peer that is behind asks for."""
        match wanted:
            case Fetch(chain_id=chain_id, start=start):
                blocks = self._ledger.blocks_from(start, blocks_max=FETCH_BLOCKS_MAX, bytes_max=FETCH_BYTES_MAX)
                self._send(peer, Blocks(chain_id=chain_id, blocks=blocks))
            case FetchSnapshot():
                self._send(peer, self._giving.offer(wanted))
            case FetchChunk():
                self._send(peer, self._giving.chunk(wanted))

    def fetched(self, peer: int, brought: Brought) -> None:
        """What a peer answers; what was not asked for has no effect, but for blocks, which prove themselves."""
        match brought:
            case Blocks():
                self._fetched_blocks(peer, brought.blocks)
            case SnapshotManifest():
                self._take(None if self._taking is None else self._taking.offered(peer, brought))
            case SnapshotChunk():
                self._take(None if self._taking is None else self._taking.took(peer, brought))

    def before(self, sealed: Layer) -> None:
        """The ledger is about to take a block that leads to `sealed`."""
        self._giving.before(sealed)
        self._taking = None  # what is under way does not follow the new head
        self._told.clear()

    def _fetched_blocks(self, peer: int, blocks: tuple[CommittedBlock, ...]) -> None:
        """Certificate, parent and execution are checked before any is appended."""
        before, asked = self._ledger.height, peer == self.sync.asked
        for committed in blocks:
            if committed.header.height <= self._ledger.height:
                continue
            executed = self._ledger.execute_committed(committed, self._known)
            if isinstance(executed, BlockFault):
                if asked:
                    self._note(f"replica {peer} sent a block that is refused: {executed.why}; asking another")
                break
            self._append(committed, executed)
        useful = self._ledger.height > before
        self._fetch_from(self.sync.answered(peer, self._ledger.height, self._connected(), useful=useful))
        if asked and not blocks and self.sync.is_pruned(peer, self._ledger.height, self._connected()):
            self._begin(peer)

    def _begin(self, first: int) -> None:
        """Take a snapshot, from `first` on."""
        self._tell(f"nobody has block {self._ledger.height + 1} any more: asking for a snapshot")
        self._taking = SnapshotTaking(self._ledger, first, self._connected, self._note)

    def _take(self, step: Step) -> None:
        match step:
            case Ask(peer, frame):
                self._send(peer, frame)
            case Snapshot():
                self._taking, self._giving = None, SnapshotGiving(self._ledger)
                self._told.clear()
                self._note(f"has the snapshot at height {step.certified.header.height}")
                self._install(step)
            case GaveUp(why):
                self._taking = None
                self._tell(f"gave up taking a snapshot: {why}")
            case None:
                pass

    def _tell(self, sentence: str) -> None:
        """Once per height: a peer that only claims to be ahead can cause it again and again."""
        if sentence not in self._told:
            self._told.add(sentence)
            self._note(sentence)

    def _fetch_from(self, peer: int | None) -> None:
        if peer is not None:
            self._send(peer, Fetch(chain_id=self._ledger.rules.chain_id, start=self._ledger.height + 1))
