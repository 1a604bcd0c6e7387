"""Block headers and blocks (protocol 7).

The header is what a quorum certifies: with the state root after the block in it, one certified header proves
every record of the chain. A proposed block is never changed; the current view lives only in messages.
"""

from typing import Annotated, Final, Literal

from msgspec import Meta

from chain.codec import Record
from chain.ids import Digest, Natural
from chain.quorum import QuorumCertificate

HEADER_VERSION: Final = 1
BLOCK_TRANSACTIONS_MAX: Final = 10_000
"""What no profile may exceed."""


class BlockHeader(Record, frozen=True):
    """A block's place, content and effect. `view` and `proposer` are those of the first proposal."""

    version: Literal[1]
    network_id: Digest
    chain_id: Annotated[str, Meta(max_length=32)]
    height: Natural
    parent: Digest
    transaction_root: Digest
    receipt_root: Digest
    state_root: Digest
    """The root of the state after this block."""
    time: Natural
    """Milliseconds since 1970; greater than the parent's."""
    view: Natural
    proposer: Natural
    membership: Digest
    """The set whose quorum certifies this block."""
    next_membership: Digest
    """The set whose quorum certifies the next block."""


class Block(Record, frozen=True):
    """A header and the signed transactions, as the bytes that were signed and sent."""

    header: BlockHeader
    transactions: Annotated[tuple[bytes, ...], Meta(max_length=BLOCK_TRANSACTIONS_MAX)]


class CommittedBlock(Record, frozen=True):
    """A block with the certificate of its commit."""

    block: Block
    certificate: QuorumCertificate

    @property
    def header(self) -> BlockHeader:
        """The block's header."""
        return self.block.header
