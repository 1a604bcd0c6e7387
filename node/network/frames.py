"""What nodes say to each other (protocol 12.3): one record per frame, over mutual TLS."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Final

from msgspec import Meta

from chain.block import CommittedBlock
from chain.codec import Record
from chain.ids import Digest, Natural
from chain.rpc import Hello
from node.consensus.messages import Envelope

RELAY_TRANSACTIONS_MAX: Final = 1_000
RELAY_BYTES_MAX: Final = 1_000_000
"""Of transactions in one frame, but for a single larger one."""
FETCH_BLOCKS_MAX: Final = 64
FETCH_BYTES_MAX: Final = 1_000_000
"""Of transactions in one answer, but for a single larger block: whoever asked executes them in one go."""
ChainName = Annotated[str, Meta(max_length=32)]


class ConsensusFrame(Record, frozen=True, tag=1):
    """A message of consensus on one chain."""

    chain_id: ChainName
    envelope: Envelope


class Relay(Record, frozen=True, tag=2):
    """Signed transactions that the sender has checked and taken, passed once to every replica."""

    chain_id: ChainName
    transactions: Annotated[tuple[bytes, ...], Meta(max_length=RELAY_TRANSACTIONS_MAX)]


class ChainHead(Record, frozen=True):
    """How far one chain is at the sender."""

    chain_id: ChainName
    height: Natural
    view: Natural
    head: Digest


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


PeerFrame = Hello | ConsensusFrame | Relay | Heads | Fetch | Blocks


def relays(chain_id: str, transactions: Sequence[bytes]) -> Iterator[Relay]:
    """The frames that pass `transactions` on, each within the limits of a frame."""
    start = size = 0
    for place, raw in enumerate(transactions):
        if place > start and (place - start == RELAY_TRANSACTIONS_MAX or size + len(raw) > RELAY_BYTES_MAX):
            yield Relay(chain_id=chain_id, transactions=tuple(transactions[start:place]))
            start, size = place, 0
        size += len(raw)
    if start < len(transactions):
        yield Relay(chain_id=chain_id, transactions=tuple(transactions[start:]))
