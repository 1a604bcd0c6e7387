"""Taking a snapshot: the state at a certified height, with the blocks that the rules still need (protocol 21.6).

Pure: frames and ticks in, what to ask whom out. One source is asked at a time. Nothing of what it says is believed: the
header is certified, every part of the state is checked against its root, every block against the one above it. A source
that lies is not asked again, one that is silent or has no more goes to the end of the line, and another goes on where
it stopped. Nothing is written before everything is there, so a node that is stopped in between begins again.

In memory: the keys, values and nodes in which the state differs from the present one, and the blocks of the window.
Beyond TAKEN_BYTES_MAX it gives up.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from chain.codec import encode
from chain.light_client import CertifiedHeader, Handover, Trusted, commit_fault, follow, header_fault
from chain.membership import Membership
from chain.merkle import leaf_hash, root
from chain.rules import ChainRules
from chain.subtree import Difference, Named
from chain.transaction import TRANSACTION_WINDOW_MS
from node.ledger import Ledger, Snapshot, StoredBlock
from node.network.frames import (
    BlocksChunk,
    BranchChunk,
    FetchChunk,
    FetchSnapshot,
    PairsChunk,
    SnapshotChunk,
    SnapshotManifest,
)

PATIENCE_TICKS: Final = 20
TAKEN_BYTES_MAX: Final = 500_000_000


@dataclass(frozen=True, slots=True)
class Ask:
    """Send `frame` to `peer`."""

    peer: int
    frame: FetchSnapshot | FetchChunk


@dataclass(frozen=True, slots=True)
class GaveUp:
    """No snapshot can be taken now, and why."""

    why: str


Step = Ask | Snapshot | GaveUp | None


class Failure(StrEnum):
    """Why a source was left that has not lied."""

    SILENT = "does not answer"
    HAS_NONE = "has none to offer"
    HAS_ANOTHER = "has only another one"


class SnapshotTaking:
    """One attempt to take a snapshot onto `ledger`, whose head must not move meanwhile. `first` is asked first."""

    def __init__(
        self, ledger: Ledger, first: int, connected: Callable[[], frozenset[int]], note: Callable[[str], None]
    ) -> None:
        head = ledger.head
        self._rules = ledger.rules
        self._state = ledger.state
        self._trusted = Trusted(height=ledger.height, time=head.header.time, membership=head.membership)
        self._connected = connected
        self._note = note
        self._line = [first]
        """The peers in the order in which they are asked."""
        self._liars: set[int] = set()
        self._failed: dict[int, Failure] = {}
        """Who did not go on since the last part came, and how."""
        self._parts: _Parts | None = None
        self._asked: Ask | None = None
        self._ticks = 0

    def tick(self) -> Step:
        """One tick: whom to ask, at first or instead of a source that is silent or gone."""
        if self._asked is None:
            return self._ask_next()
        self._ticks += 1
        if self._ticks < PATIENCE_TICKS and self._asked.peer in self._connected():
            return None
        return self._leave(Failure.SILENT)

    def offered(self, peer: int, manifest: SnapshotManifest) -> Step:
        """A source says what it has."""
        if self._asked is None or peer != self._asked.peer or not isinstance(self._asked.frame, FetchSnapshot):
            return None
        certified, parts = manifest.certified, self._parts
        if certified is None or certified.header.height <= self._trusted.height:
            return self._leave(Failure.HAS_NONE)
        if parts is not None and certified.header == parts.certified.header:
            return self._ask_chunk(peer)
        if parts is not None:
            return self._leave(Failure.HAS_ANOTHER)
        memberships = _memberships(self._rules, self._trusted, manifest)
        if isinstance(memberships, str):
            return self._lied(f"its header is refused: {memberships}")
        self._parts = _Parts(self._rules, self._state, self._trusted, certified, manifest.handovers, memberships)
        self._note(f"takes a snapshot at height {certified.header.height} from replica {peer}")
        return self._ask_chunk(peer)

    def took(self, peer: int, chunk: SnapshotChunk) -> Step:
        """A source sends a part."""
        parts = self._parts
        if parts is None or self._asked is None or peer != self._asked.peer:
            return None
        if FetchChunk(chain_id=chunk.chain_id, height=chunk.height, chunk=chunk.chunk) != self._asked.frame:
            return None
        if chunk.content is None:
            return self._leave(Failure.HAS_ANOTHER)
        fault = parts.take(chunk.content)
        if fault:
            return self._lied(f"a part is refused: {fault}")
        self._failed.clear()
        if parts.taken_bytes > TAKEN_BYTES_MAX:
            return GaveUp(
                f"the snapshot is larger than {TAKEN_BYTES_MAX} bytes; copy the data folder of a stopped replica "
                "instead, without its log files"
            )
        return self._ask_chunk(peer)

    def _ask_chunk(self, peer: int) -> Ask | Snapshot:
        """The next part; or all are there."""
        parts = self._parts
        assert parts is not None
        wanted = parts.wanted
        if wanted is None:
            return parts.snapshot()
        height = parts.certified.header.height
        return self._ask(peer, FetchChunk(chain_id=self._rules.chain_id, height=height, chunk=wanted))

    def _ask(self, peer: int, frame: FetchSnapshot | FetchChunk) -> Ask:
        self._asked, self._ticks = Ask(peer, frame), 0
        return self._asked

    def _lied(self, why: str) -> Step:
        assert self._asked is not None
        self._note(f"takes no snapshot from replica {self._asked.peer}: {why}")
        self._liars.add(self._asked.peer)
        return self._ask_next()

    def _leave(self, failure: Failure) -> Step:
        """The source goes to the end of the line; the next one goes on with the same snapshot if it can."""
        assert self._asked is not None
        peer = self._asked.peer
        if self._parts is not None:
            self._note(f"takes no more of the snapshot from replica {peer}: it {failure}")
        self._failed[peer] = failure
        self._line.remove(peer)
        self._line.append(peer)
        return self._ask_next()

    def _ask_next(self) -> Step:
        connected = self._connected()
        self._line.extend(sorted(connected - set(self._line)))
        self._asked = None
        usable = [peer for peer in self._line if peer in connected and peer not in self._liars]
        return self._ask_one_of(usable) if connected else None

    def _ask_one_of(self, usable: list[int]) -> Step:
        """Whoever has not failed; else whoever has another snapshot; else the silent ones once more."""
        by_failure = {failure: [peer for peer in usable if self._failed.get(peer) == failure] for failure in Failure}
        peers = [peer for peer in usable if peer not in self._failed]
        if not peers and self._parts is not None and by_failure[Failure.HAS_ANOTHER]:
            self._parts = None
            self._failed.clear()
            peers = by_failure[Failure.HAS_ANOTHER]
        peers = peers or by_failure[Failure.SILENT]
        if not peers:
            return GaveUp("no connected replica has one that is ahead of this node and proves itself")
        height = None if self._parts is None else self._parts.certified.header.height
        chain_id, since = self._rules.chain_id, self._trusted.height
        return self._ask(peers[0], FetchSnapshot(chain_id=chain_id, since=since, height=height))


class _Parts:
    """What is taken of one snapshot: the state from its root downward, then the blocks from its height downward."""

    def __init__(
        self,
        rules: ChainRules,
        state: Named,
        trusted: Trusted,
        certified: CertifiedHeader,
        handovers: tuple[Handover, ...],
        memberships: Mapping[bytes, Membership],
    ) -> None:
        self.certified = certified
        self._rules = rules
        self._trusted = trusted
        self._handovers = handovers
        self._memberships = memberships
        self._difference = Difference(state, certified.header.state_root)
        self._blocks: list[StoredBlock] = []
        self._blocks_bytes = 0
        self._next_block = (certified.header.height, rules.block_digest(certified.header))

    @property
    def taken_bytes(self) -> int:
        """Of everything taken."""
        return self._difference.taken_bytes + self._blocks_bytes

    @property
    def wanted(self) -> bytes | int | None:
        """The path or the height of the next part; None when everything is there."""
        path = self._difference.next_path
        return path if path is not None else None if self._has_window else self._next_block[0]

    def take(self, content: BranchChunk | PairsChunk | BlocksChunk) -> str:
        """Check and keep the part that is wanted; else why not."""
        match content, self._difference.next_path:
            case BranchChunk(node=node), bytes():
                return "" if self._difference.take_branch(node) else "it is not the branch under the root"
            case PairsChunk(pairs=pairs), bytes():
                return "" if self._difference.take_pairs(pairs) else "its keys and values are not those under the root"
            case BlocksChunk(blocks=blocks), None:
                return self._take_blocks(blocks)
            case _:
                return "it is not what was asked for"

    def snapshot(self) -> Snapshot:
        """All of it."""
        return Snapshot(
            certified=self.certified,
            handovers=self._handovers,
            parent_root=self._difference.parent_root,
            values=self._difference.values,
            nodes=self._difference.nodes,
            blocks=tuple(reversed(self._blocks)),
        )

    @property
    def _has_window(self) -> bool:
        """Whether the blocks reach back to one that no later transaction can repeat, or to what is here already."""
        if not self._blocks:
            return False
        lowest = self._blocks[-1].committed.header
        return (
            lowest.time + TRANSACTION_WINDOW_MS < self.certified.header.time
            or lowest.height <= self._trusted.height + 1
        )

    def _take_blocks(self, blocks: tuple[StoredBlock, ...]) -> str:
        fault = "" if blocks else "no block is in it"
        for stored in blocks:
            fault = fault or self._block_fault(stored)
            if fault or self._has_window:
                break
            header = stored.committed.header
            self._blocks.append(stored)
            self._blocks_bytes += len(encode(stored))
            self._next_block = (header.height - 1, header.parent)
        return fault

    def _block_fault(self, stored: StoredBlock) -> str:
        """Why this is not the next block downward, whole and certified."""
        rules, committed = self._rules, stored.committed
        header = committed.header
        if (header.height, rules.block_digest(header)) != self._next_block:
            return "a block is not the parent of the one above it"
        leaves = [leaf_hash(rules.digest, encode(receipt)) for receipt in stored.receipts]
        is_whole = (
            rules.transaction_root(committed.block.transactions) == header.transaction_root
            and root(rules.digest, leaves) == header.receipt_root
        )
        if not is_whole:
            return "the body or the receipts of a block are not those of its header"
        membership = self._memberships.get(header.membership)
        certified = CertifiedHeader(header=header, certificate=committed.certificate)
        fault = "membership-differs" if membership is None else commit_fault(rules, certified, membership)
        return "" if fault is None else f"a block is not certified: {fault}"


def _memberships(rules: ChainRules, trusted: Trusted, manifest: SnapshotManifest) -> dict[bytes, Membership] | str:
    """The sets that certify the heights from the trusted one to the offered header, by digest; or why not."""
    assert manifest.certified is not None
    last = follow(rules, trusted, manifest.handovers)
    if not isinstance(last, Trusted):
        return last
    fault = header_fault(rules, last, manifest.certified)
    if fault is not None:
        return fault
    sets = (trusted.membership, *(handover.next_membership for handover in manifest.handovers))
    return {rules.membership_digest(membership): membership for membership in sets}
