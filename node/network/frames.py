"""What nodes say to each other (protocol 12.3): one record per frame, over mutual TLS."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Final

from msgspec import Meta

from chain.block import CommittedBlock
from chain.codec import Record
from chain.ids import Digest, Natural
from chain.light_client import CertifiedHeader, Handover
from chain.rpc import Hello
from chain.subtree import BRANCH_BYTES, Pair, Path
from node.consensus.messages import Envelope
from node.ledger import StoredBlock

RELAY_TRANSACTIONS_MAX: Final = 1_000
RELAY_BYTES_MAX: Final = 1_000_000
"""Of transactions in one frame, but for a single larger one."""
FETCH_BLOCKS_MAX: Final = 64
FETCH_BYTES_MAX: Final = 1_000_000
"""Of transactions in one answer, but for a single larger block: whoever asked executes them in one go."""
CHUNK_PAIRS_MAX: Final = 4_096
CHUNK_BYTES_MAX: Final = 1_000_000
"""Of keys and values in one chunk, but for a single bucket."""
HANDOVERS_MAX: Final = 1_000
ChainName = Annotated[str, Meta(max_length=32)]


class ConsensusFrame(Record, frozen=True, tag=1):
    """A message of consensus on one chain."""

    chain_id: ChainName
    envelope: Envelope


class Relay(Record, frozen=True, tag=2):
    """Signed transactions that the sender has checked and taken, passed once to every replica."""

    chain_id: ChainName
    transactions: Annotated[tuple[bytes, ...], Meta(max_length=RELAY_TRANSACTIONS_MAX)]
    urgent: bool
    """Whether they have waited so long that they should go before all others."""


class ChainHead(Record, frozen=True):
    """How far one chain is at the sender."""

    chain_id: ChainName
    height: Natural
    view: Natural
    head: Digest
    signs: bool
    """Whether the sender knows what it has signed, and so signs."""


class Heads(Record, frozen=True, tag=3):
    """All chains of the sender, on connect and once a second: the only idle traffic."""

    heads: Annotated[tuple[ChainHead, ...], Meta(max_length=64)]


class Fetch(Record, frozen=True, tag=4):
    """Send the committed blocks from `start`, at most FETCH_BLOCKS_MAX."""

    chain_id: ChainName
    start: Natural


class Blocks(Record, frozen=True, tag=5):
    """Committed blocks in order; empty if the sender has none from there."""

    chain_id: ChainName
    blocks: Annotated[tuple[CommittedBlock, ...], Meta(max_length=FETCH_BLOCKS_MAX)]


class FetchSnapshot(Record, frozen=True, tag=6):
    """Offer a snapshot: the one at `height`, or (None) any. The sender's head is at `since`."""

    chain_id: ChainName
    since: Natural
    height: Natural | None


class SnapshotManifest(Record, frozen=True, tag=7):
    """The snapshot that the sender offers: its header, and the hand-overs between the asker's head and there.

    None if it has none to offer.
    """

    chain_id: ChainName
    certified: CertifiedHeader | None
    handovers: Annotated[tuple[Handover, ...], Meta(max_length=HANDOVERS_MAX)]


class FetchChunk(Record, frozen=True, tag=8):
    """Send a part of the snapshot at `height`: the state below a path, or the blocks from a height downward."""

    chain_id: ChainName
    height: Natural
    chunk: Path | Natural


class BranchChunk(Record, frozen=True, tag=1):
    """There is too much below the path for one chunk: the branch there, by which the parts below are checked."""

    node: Annotated[bytes, Meta(min_length=BRANCH_BYTES, max_length=BRANCH_BYTES)]


class PairsChunk(Record, frozen=True, tag=2):
    """Everything below the path, in the order of the key digests."""

    pairs: Annotated[tuple[Pair, ...], Meta(max_length=CHUNK_PAIRS_MAX)]


class BlocksChunk(Record, frozen=True, tag=3):
    """Blocks with their receipts, downward from the height."""

    blocks: Annotated[tuple[StoredBlock, ...], Meta(max_length=FETCH_BLOCKS_MAX)]


class SnapshotChunk(Record, frozen=True, tag=9):
    """The part that was asked for; None if the sender does not have it any more."""

    chain_id: ChainName
    height: Natural
    chunk: Path | Natural
    content: BranchChunk | PairsChunk | BlocksChunk | None


ChainFrame = ConsensusFrame | Relay | Fetch | Blocks | FetchSnapshot | SnapshotManifest | FetchChunk | SnapshotChunk
"""What is about one chain."""
PeerFrame = Hello | Heads | ChainFrame


def relays(chain_id: str, transactions: Sequence[bytes], *, urgent: bool = False) -> Iterator[Relay]:
    """The frames that pass `transactions` on, each within the limits of a frame."""
    start = size = 0
    for place, raw in enumerate(transactions):
        if place > start and (place - start == RELAY_TRANSACTIONS_MAX or size + len(raw) > RELAY_BYTES_MAX):
            yield Relay(chain_id=chain_id, transactions=tuple(transactions[start:place]), urgent=urgent)
            start, size = place, 0
        size += len(raw)
    if start < len(transactions):
        yield Relay(chain_id=chain_id, transactions=tuple(transactions[start:]), urgent=urgent)
