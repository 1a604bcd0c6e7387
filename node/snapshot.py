"""Giving a snapshot: the state as it was at one height, handed over part by part while blocks go on (protocol 21.6).

One height at a time is *pinned* per chain: what later blocks overwrite is kept in memory, for as long as somebody asks
and not beyond PIN_BYTES_MAX. A pin begins at the head for nothing, or at a recent height that an asker has begun with
elsewhere.
"""

from typing import Final

from chain.light_client import CertifiedHeader
from chain.state import Layer
from chain.subtree import Pinned, pairs_below
from chain.transaction import TRANSACTION_WINDOW_MS
from node.ledger import Ledger, StoredBlock
from node.network.frames import (
    CHUNK_BYTES_MAX,
    CHUNK_PAIRS_MAX,
    FETCH_BLOCKS_MAX,
    FETCH_BYTES_MAX,
    BlocksChunk,
    BranchChunk,
    FetchChunk,
    FetchSnapshot,
    PairsChunk,
    SnapshotChunk,
    SnapshotManifest,
)

PIN_BYTES_MAX: Final = 64_000_000
"""Of overwritten keys, values and nodes; beyond it the pin is dropped, and its takers begin again."""
PIN_KEYS_MAX: Final = 20_000
"""How many changed keys the way back to a pin may cross: about a fifth of a second."""
IDLE_TICKS: Final = 100
"""A pin that nobody has asked about for so long makes room for another."""
FORGET_TICKS: Final = 600


class SnapshotGiving:
    """What one chain's node answers to those who take a snapshot from it."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._pinned: Pinned | None = None
        self._certified: CertifiedHeader | None = None
        """The header of the pinned height."""
        self._idle = 0

    @property
    def height(self) -> int | None:
        """The pinned height."""
        return None if self._certified is None else self._certified.header.height

    def offer(self, request: FetchSnapshot) -> SnapshotManifest:
        """The snapshot that was asked for, or the one that can be had; none for whoever is not behind."""
        if request.since >= self._ledger.height:
            return SnapshotManifest(chain_id=self._ledger.rules.chain_id, certified=None, handovers=())
        wanted = request.height
        if not self._is_whole(request.since) or (self._idle >= IDLE_TICKS and wanted != self.height):
            self._pin(wanted)
        self._idle = 0
        certified = self._certified
        handovers = () if certified is None else self._ledger.handovers(request.since, certified.header.height)
        return SnapshotManifest(chain_id=self._ledger.rules.chain_id, certified=certified, handovers=handovers)

    def chunk(self, request: FetchChunk) -> SnapshotChunk:
        """The part that was asked for; blocks are there without a pin."""
        content: BranchChunk | PairsChunk | BlocksChunk | None = None
        if isinstance(request.chunk, int):
            content = self._blocks(request.chunk)
        elif request.height == self.height and self._pinned is not None:
            content = _part(self._pinned, request.chunk)
        if request.height == self.height:
            self._idle = 0
        return SnapshotChunk(chain_id=request.chain_id, height=request.height, chunk=request.chunk, content=content)

    def before(self, sealed: Layer) -> None:
        """The ledger is about to take a block that leads to `sealed`: keep what it overwrites."""
        if self._pinned is not None:
            self._pinned.before(sealed)
            if self._pinned.kept_bytes > PIN_BYTES_MAX:
                self._unpin()

    def tick(self) -> None:
        """One tick; nobody asks for ever."""
        self._idle += 1
        if self._idle >= FORGET_TICKS:
            self._unpin()

    def _is_whole(self, since: int) -> bool:
        """Whether there is a pin, and the blocks that go with it for somebody at `since`: pruning has gone on."""
        ledger = self._ledger
        if self._pinned is None or self._certified is None:
            return False
        oldest = ledger.block(ledger.oldest_block)
        in_time = oldest is None or oldest.committed.header.time + TRANSACTION_WINDOW_MS < self._certified.header.time
        return in_time or ledger.oldest_block <= since + 1

    def _pin(self, wanted: int | None) -> None:
        """Pin the wanted height if the way back is short enough, else the head."""
        ledger = self._ledger
        if wanted is not None and 0 < wanted < ledger.height:
            past = ledger.state.at(wanted, head=ledger.height, keys_max=PIN_KEYS_MAX)
            certified = None if past is None else ledger.certified(wanted)
            if certified is not None:
                self._pinned, self._certified = Pinned(ledger.state, past), certified
                return
        self._certified = ledger.certified(ledger.height)
        self._pinned = None if self._certified is None else Pinned(ledger.state)

    def _unpin(self) -> None:
        self._pinned = self._certified = None

    def _blocks(self, height: int) -> BlocksChunk | None:
        """Blocks downward from `height`; a single one may be over the limit of bytes."""
        blocks: list[StoredBlock] = []
        size = 0
        for at in range(height, max(0, height - FETCH_BLOCKS_MAX), -1):
            stored = self._ledger.block(at)
            if stored is None:
                break
            size += sum(map(len, stored.committed.block.transactions))
            if blocks and size > FETCH_BYTES_MAX:
                break
            blocks.append(stored)
        return BlocksChunk(blocks=tuple(blocks)) if blocks else None


def _part(pinned: Pinned, path: bytes) -> BranchChunk | PairsChunk | None:
    """What is below `path`, or the branch there if that is too much; nothing that is no place in the tree."""
    if any(nibble > 15 for nibble in path):
        return None
    pairs = pairs_below(pinned, path, pairs_max=CHUNK_PAIRS_MAX, bytes_max=CHUNK_BYTES_MAX)
    if pairs is not None:
        return PairsChunk(pairs=pairs)
    node = pinned.node(path)
    assert node is not None
    return BranchChunk(node=node)
