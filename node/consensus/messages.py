"""The messages of consensus and the border where they are checked (protocol 21.2).

View change and new view are part of the records from the start, so that the log and the wire need no other
format when a replica learns to send them.
"""

from dataclasses import dataclass
from typing import Annotated, Final

from msgspec import Meta

from chain.block import Block
from chain.codec import Record
from chain.domains import Domain
from chain.ids import Digest, Natural, Signature
from chain.membership import Membership
from chain.quorum import QuorumCertificate, Verify
from chain.rules import ChainRules

FUTURE_HEIGHTS_MAX: Final = 8
"""How many heights ahead messages of one sender are kept."""


class PrePrepare(Record, frozen=True, tag=1):
    """The primary assigns `block` to its height in `view`; `parent_certificate` is the proof of the one before."""

    view: Natural
    block: Block
    parent_certificate: QuorumCertificate | None


class Prepare(Record, frozen=True, tag=2):
    """A backup's promise to accept no other block at this view and height."""

    view: Natural
    height: Natural
    block: Digest


class Commit(Record, frozen=True, tag=3):
    """The block is prepared at the sender."""

    view: Natural
    height: Natural
    block: Digest


Message = PrePrepare | Prepare | Commit
Vote = Prepare | Commit


class Envelope(Record, frozen=True):
    """A message with its signer's place and its Ed25519 signature over the statement of the message."""

    signer: Annotated[int, Meta(ge=0, le=63)]
    signature: Signature
    message: Message


@dataclass(frozen=True, slots=True)
class Authenticated:
    """An envelope whose signer is a member and whose signature is valid; `block` is the digest it speaks of."""

    envelope: Envelope
    block: bytes

    @property
    def signer(self) -> int:
        """The member who signed."""
        return self.envelope.signer

    @property
    def signature(self) -> bytes:
        """Its signature."""
        return self.envelope.signature

    @property
    def message(self) -> Message:
        """What it says."""
        return self.envelope.message


_DOMAINS: Final = {PrePrepare: Domain.PRE_PREPARE, Prepare: Domain.PREPARE, Commit: Domain.COMMIT}


def place(message: Message) -> tuple[int, int]:
    """The (height, view) that a message speaks of."""
    if isinstance(message, PrePrepare):
        return message.block.header.height, message.view
    return message.height, message.view


def signed_bytes(rules: ChainRules, message: Message) -> tuple[bytes, bytes]:
    """The exact bytes that the signer of `message` signs, and the block digest in them."""
    block = rules.block_digest(message.block.header) if isinstance(message, PrePrepare) else message.block
    height, view = place(message)
    return rules.vote_bytes(_DOMAINS[type(message)], view=view, height=height, block=block), block


def authenticate(
    rules: ChainRules, membership: Membership, envelope: Envelope, verify: Verify
) -> Authenticated | None:
    """The envelope, if a member of `membership` signed it; else None."""
    if not membership.has(envelope.signer):
        return None
    statement, block = signed_bytes(rules, envelope.message)
    if not verify(membership.key(envelope.signer), statement, envelope.signature):
        return None
    return Authenticated(envelope, block)
