"""One chain's committed blocks and state, and the ids of its recent transactions.

A block is appended only after it was executed here to the roots in its header. Everything goes to the store in
one write per block, so the store always stands at the end of some block.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

from chain.block import Block, BlockHeader, CommittedBlock
from chain.codec import Record, decoder, encode
from chain.genesis import Genesis
from chain.light_client import CertifiedHeader, Trusted, header_fault
from chain.membership import Membership
from chain.quorum import QuorumCertificate
from chain.rules import ChainRules
from chain.state import NodeStore, State, View, layer
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
HEAD_KEY: Final = b"h"


class StoredBlock(Record, frozen=True):
    """A committed block with its receipts, so that old blocks can be served without executing them again."""

    committed: CommittedBlock
    receipts: tuple[Receipt, ...]


class StoredHead(Record, frozen=True):
    """How far the store is, and the oldest height whose undo record it has."""

    height: int
    oldest_undo: int


class LedgerMismatch(Exception):
    """A store of another network or chain."""


class Ledger:
    """The committed part of one chain."""

    def __init__(self, rules: ChainRules, genesis: Genesis, store: NodeStore) -> None:
        self.rules = rules
        self._store = store
        self.state = State(rules.digest, store)
        data = store.get(HEAD_KEY)
        if data is None:
            self._found(genesis)
            data = store.get(HEAD_KEY)
        assert data is not None
        stored = _head(data)
        self._oldest_undo = stored.oldest_undo
        self.genesis = _header_of(store, 0)
        if self.genesis.network_id != genesis.network_id:
            raise LedgerMismatch("the data folder belongs to another network; use another folder or remove this one")
        self.head = self._head_at(stored.height)
        self.seen = SeenIds()
        self._recent: deque[tuple[int, int]] = deque()
        for height in range(max(1, self._oldest_undo), self.height + 1):
            self._remember(height)

    @property
    def height(self) -> int:
        """The height of the last committed block."""
        return self.head.header.height

    def append(self, executed: Executed, certificate: QuorumCertificate) -> None:
        """The block after the head, executed on it, with the certificate of its commit."""
        header = executed.block.header
        assert header.parent == self.head.digest
        committed = CommittedBlock(block=executed.block, certificate=certificate)
        forget = self._leaving(header.time)
        beside = {
            _block_key(header.height): encode(StoredBlock(committed=committed, receipts=executed.receipts)),
            HEAD_KEY: encode(StoredHead(height=header.height, oldest_undo=self._oldest_undo)),
        }
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
        """A committed block with its receipts; None above the head and at height 0."""
        if not 1 <= height <= self.height:
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

    def state_at(self, height: int) -> View | None:
        """The state after block `height`; None if it is above the head or too far back."""
        if height == self.height:
            return self.state
        if height > self.height or height < self._oldest_undo - 1:
            return None
        return self.state.at(height, head=self.height, keys_max=UNDO_KEYS_MAX)

    def _found(self, genesis: Genesis) -> None:
        """Height 0: the state that the genesis document describes."""
        first = layer(self.state, initial_state(genesis, self.rules))
        header = genesis_header(genesis, self.rules, first.root)
        beside = {
            _block_key(0): encode(header),
            HEAD_KEY: encode(StoredHead(height=0, oldest_undo=1)),
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
        if leaving:
            self._oldest_undo = leaving[-1] + 1
        return leaving


def _block_key(height: int) -> bytes:
    return b"b" + height.to_bytes(8, "big")


def _header_of(store: NodeStore, height: int) -> BlockHeader:
    data = store.get(_block_key(height))
    assert data is not None
    return decoder(BlockHeader)(data)


_head = decoder(StoredHead)
_stored = decoder(StoredBlock)
