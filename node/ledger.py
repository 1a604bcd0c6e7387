"""One chain's committed blocks and state, and the ids of its recent transactions.

A block is appended only after it was executed here to the roots in its header. Everything goes to the store in
one write per block, so the store always stands at the end of some block. A snapshot, which leads over blocks that
nobody has any more, is one write as well.

Old blocks are removed, a few with every new one. What a stranger needs to follow the chain from its beginning stays:
the genesis header, and every hand-over to another set of replicas.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from chain.block import Block, BlockHeader, CommittedBlock
from chain.codec import Record, decoder, encode
from chain.committed import NodeStore, State
from chain.genesis import Genesis
from chain.ids import Natural
from chain.light_client import CertifiedHeader, Handover, Trusted, header_fault
from chain.membership import Membership
from chain.quorum import QuorumCertificate
from chain.rules import ChainRules
from chain.state import Layer, View, layer
from chain.transaction import Receipt
from contracts.genesis import genesis_header, initial_state
from contracts.membership import membership_at
from node.consensus.head import Head
from node.execution import BlockFault, Executed, execute_block
from node.mempool import Checked, SeenIds

UNDO_WINDOW_MS: Final = 600_000
"""How long states of the past can be proven."""
UNDO_KEYS_MAX: Final = 200_000
"""How many changed keys the way back may cross; a bound on what a question can cost."""
HISTORY_BLOCKS: Final = 10_000
"""How many of the latest blocks are kept whole, unless a node is told otherwise."""
PRUNE_STEP: Final = 8
"""How many old blocks go with a new one."""
HEAD_KEY: Final = b"h"


class StoredBlock(Record, frozen=True):
    """A committed block with its receipts, so that old blocks can be served without executing them again."""

    committed: CommittedBlock
    receipts: tuple[Receipt, ...]


class StoredHead(Record, frozen=True):
    """How far the store is, and where what it has begins."""

    height: Natural
    oldest_undo: Natural
    """The lowest height whose undo record is kept."""
    oldest_recent: Natural
    """The lowest height in the window of ids and past states."""
    oldest_block: Natural
    """The lowest height whose block is kept whole."""
    handovers: Natural
    """How many hand-overs to another set of replicas there were."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything that leads a ledger from its head to `certified`, checked; `blocks` ascend and end there.

    `values` and `nodes` are what differs from the state under `parent_root`.
    """

    certified: CertifiedHeader
    handovers: tuple[Handover, ...]
    parent_root: bytes
    values: Mapping[bytes, bytes | None]
    nodes: Mapping[bytes, bytes | None]
    blocks: tuple[StoredBlock, ...]


class LedgerMismatch(Exception):
    """A store of another network or chain, or one whose state is not its head's."""


class Ledger:
    """The committed part of one chain. The latest `history` blocks and those of the window are kept whole."""

    def __init__(self, rules: ChainRules, genesis: Genesis, store: NodeStore, *, history: int = HISTORY_BLOCKS) -> None:
        self.rules = rules
        self._store = store
        self._history = history
        self.state = State(rules.digest, store)
        if store.get(HEAD_KEY) is None:
            self._found(genesis)
        self.genesis = _header_of(store, 0)
        if self.genesis.network_id != genesis.network_id:
            raise LedgerMismatch("the data folder belongs to another network; use another folder or remove this one")
        self._open()
        if self.state.root != self.head.header.state_root:
            raise LedgerMismatch(
                f"the state of {rules.chain_id} is not the one that its head names; move the data folder away and start "
                "again: the node fetches its blocks from its peers"
            )

    def _open(self) -> None:
        """Stand where the store stands."""
        data = self._store.get(HEAD_KEY)
        assert data is not None
        self._stored = _head(data)
        self.head = self._head_at(self._stored.height)
        self.seen = SeenIds()
        self._recent: deque[tuple[int, int]] = deque()
        for height in range(self._stored.oldest_recent, self.height + 1):
            self._remember(height)

    @property
    def height(self) -> int:
        """The height of the last committed block."""
        return self.head.header.height

    @property
    def oldest_block(self) -> int:
        """The lowest height whose block is kept whole."""
        return self._stored.oldest_block

    def append(self, executed: Executed, certificate: QuorumCertificate) -> None:
        """The block after the head, executed on it, with the certificate of its commit."""
        header = executed.block.header
        assert header.parent == self.head.digest
        committed = CommittedBlock(block=executed.block, certificate=certificate)
        forget = self._leaving(header.time)
        recent = self._recent[0][0] if self._recent else header.height
        pruned = self._pruned(header.height, recent)
        handovers = _handover(committed, executed.next_membership)
        stored = StoredHead(
            height=header.height,
            oldest_undo=max(self._stored.oldest_undo, recent),
            oldest_recent=recent,
            oldest_block=pruned.stop,
            handovers=self._stored.handovers + len(handovers),
        )
        beside = {
            **dict.fromkeys(map(_block_key, pruned)),
            **self._keys_of(handovers),
            _block_key(header.height): encode(StoredBlock(committed=committed, receipts=executed.receipts)),
            HEAD_KEY: encode(stored),
        }
        self._stored = stored
        self.state.commit(executed.layer, header.height, forget=forget, beside=beside)
        self.head = Head(
            header=header,
            digest=executed.digest,
            certificate=certificate,
            membership=executed.next_membership,
            certified_by=self.head.membership,
        )
        self.seen.add(header.height, header.time, tuple(checked.transaction_id for checked in executed.transactions))
        self._recent.append((header.height, header.time))

    def install(self, snapshot: Snapshot) -> None:
        """Stand at the height of a checked snapshot; what the ledger has below a gap goes, in the same write."""
        header, blocks = snapshot.certified.header, snapshot.blocks
        first = blocks[0].committed.header.height
        assert self.height < first <= header.height == blocks[-1].committed.header.height
        gap = first > self.height + 1
        sealed = Layer(self.state, snapshot.parent_root, header.state_root, snapshot.values, snapshot.nodes)
        next_membership = membership_at(sealed, header.height + 1)
        assert next_membership is not None
        handovers = (*snapshot.handovers, *_handover(blocks[-1].committed, next_membership))
        stored = StoredHead(
            height=header.height,
            oldest_undo=header.height + 1,
            oldest_recent=first if gap else self._stored.oldest_recent,
            oldest_block=first if gap else self._stored.oldest_block,
            handovers=self._stored.handovers + len(handovers),
        )
        beside = {
            **dict.fromkeys(map(_block_key, range(self._stored.oldest_block, self.height + 1 if gap else 0))),
            **self._keys_of(handovers),
            **{_block_key(block.committed.header.height): encode(block) for block in blocks},
            HEAD_KEY: encode(stored),
        }
        undone = (*range(self._stored.oldest_undo, self.height + 1), header.height)
        self.state.commit(sealed, header.height, forget=undone, beside=beside)
        self._open()

    def execute(self, block: Block, known: Callable[[bytes], Checked | None]) -> Executed | BlockFault:
        """Execute a block on the head; `known` finds transactions whose signature is checked already."""
        head = self.head
        return execute_block(self.rules, self.state, head.header, head.digest, block, known=known, seen=self.seen)

    def execute_committed(
        self, committed: CommittedBlock, known: Callable[[bytes], Checked | None]
    ) -> Executed | BlockFault:
        """Execute a block that somebody says is committed: certificate and parent are checked first."""
        header, head = committed.header, self.head
        if header.height != self.height + 1 or header.parent != head.digest:
            return BlockFault("it does not follow the head")
        trusted = Trusted(height=self.height, time=head.header.time, membership=head.membership)
        fault = header_fault(self.rules, trusted, CertifiedHeader(header=header, certificate=committed.certificate))
        return self.execute(committed.block, known) if fault is None else BlockFault(fault)

    def membership_for(self, height: int) -> Membership:
        """The set that certifies a height around the head."""
        membership = membership_at(self.state, height)
        assert membership is not None
        return membership

    def block(self, height: int) -> StoredBlock | None:
        """A committed block with its receipts; None above the head, at height 0, and once it is pruned."""
        if not self.oldest_block <= height <= self.height:
            return None
        data = self._store.get(_block_key(height))
        return None if data is None else _stored(data)

    def blocks_from(self, start: int, *, blocks_max: int, bytes_max: int) -> tuple[CommittedBlock, ...]:
        """Committed blocks from `start` on within the limits; a single block may be over `bytes_max`."""
        blocks: list[CommittedBlock] = []
        size = 0
        for height in range(start, start + blocks_max):
            stored = self.block(height)
            if stored is None:
                break
            size += sum(map(len, stored.committed.block.transactions))
            if blocks and size > bytes_max:
                break
            blocks.append(stored.committed)
        return tuple(blocks)

    def certified(self, height: int) -> CertifiedHeader | None:
        """The certified header of a height; None at height 0, which nobody certifies."""
        if height == self.height and self.head.certificate is not None:
            return CertifiedHeader(header=self.head.header, certificate=self.head.certificate)
        stored = self.block(height)
        if stored is None:
            return None
        return CertifiedHeader(header=stored.committed.header, certificate=stored.committed.certificate)

    def handovers(self, after: int, before: int) -> tuple[Handover, ...]:
        """The hand-overs at the heights between, in order; none is ever pruned."""
        found: list[Handover] = []
        for number in reversed(range(self._stored.handovers)):
            data = self._store.get(_handover_key(number))
            assert data is not None
            handover = _handed_over(data)
            height = handover.certified.header.height
            if height <= after:
                break
            if height < before:
                found.append(handover)
        return tuple(reversed(found))

    def state_at(self, height: int) -> View | None:
        """The state after block `height`; None if it is above the head or too far back."""
        if height == self.height:
            return self.state
        if height > self.height or height < self._stored.oldest_undo - 1:
            return None
        return self.state.at(height, head=self.height, keys_max=UNDO_KEYS_MAX)

    def _found(self, genesis: Genesis) -> None:
        """Height 0: the state that the genesis document describes."""
        first = layer(self.state, initial_state(genesis, self.rules))
        header = genesis_header(genesis, self.rules, first.root)
        beside = {
            _block_key(0): encode(header),
            HEAD_KEY: encode(StoredHead(height=0, oldest_undo=1, oldest_recent=1, oldest_block=1, handovers=0)),
        }
        self.state.commit(first, 0, forget=(0,), beside=beside)

    def _head_at(self, height: int) -> Head:
        header, certificate = self.genesis, None
        if height:
            data = self._store.get(_block_key(height))
            assert data is not None
            committed = _stored(data).committed
            header, certificate = committed.header, committed.certificate
        return Head(
            header=header,
            digest=self.rules.block_digest(header),
            certificate=certificate,
            membership=self.membership_for(height + 1),
            certified_by=self.membership_for(max(height, 1)),
        )

    def _remember(self, height: int) -> None:
        stored = self.block(height)
        assert stored is not None
        time = stored.committed.header.time
        self._recent.append((height, time))
        self.seen.add(height, time, tuple(receipt.transaction_id for receipt in stored.receipts))

    def _leaving(self, time: int) -> list[int]:
        """The heights whose undo records the window leaves behind with a block of `time`."""
        leaving = []
        while self._recent and self._recent[0][1] + UNDO_WINDOW_MS < time:
            leaving.append(self._recent.popleft()[0])
        return leaving

    def _pruned(self, height: int, recent: int) -> range:
        """The heights whose blocks go with block `height`: none that a state of the window is read by."""
        oldest = self._stored.oldest_block
        kept = min(height - self._history + 1, recent - 1)
        return range(oldest, max(oldest, min(kept, oldest + PRUNE_STEP)))

    def _keys_of(self, handovers: tuple[Handover, ...]) -> dict[bytes, bytes]:
        number = self._stored.handovers
        return {_handover_key(number + place): encode(handover) for place, handover in enumerate(handovers)}


def _block_key(height: int) -> bytes:
    return b"b" + height.to_bytes(8, "big")


def _handover_key(number: int) -> bytes:
    return b"m" + number.to_bytes(8, "big")


def _handover(committed: CommittedBlock, next_membership: Membership) -> tuple[Handover, ...]:
    """The hand-over that a block makes to the set after it, if it makes one."""
    header = committed.header
    if header.next_membership == header.membership:
        return ()
    certified = CertifiedHeader(header=header, certificate=committed.certificate)
    return (Handover(certified=certified, next_membership=next_membership),)


def _header_of(store: NodeStore, height: int) -> BlockHeader:
    data = store.get(_block_key(height))
    assert data is not None
    return decoder(BlockHeader)(data)


_head = decoder(StoredHead)
_stored = decoder(StoredBlock)
_handed_over = decoder(Handover)
