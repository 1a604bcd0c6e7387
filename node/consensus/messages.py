"""The messages of consensus, the exact bytes that sign them, and the border where they are checked (protocol 21.2).

A signature is checked here; what a view change or new view shows, signed by others, is judged in `new_view`.
"""

from dataclasses import dataclass
from typing import Annotated, Final

from msgspec import Meta

from chain.block import Block
from chain.codec import Record, encode
from chain.domains import Domain, prefix
from chain.ids import Digest, Natural, Signature
from chain.membership import REPLICAS_MAX, Membership
from chain.quorum import QuorumCertificate, Verify
from chain.rules import ChainRules
from chain.view_change import PreparedCertificate as PreparedCertificate  # noqa: PLC0414 - a message like those here
from chain.view_change import ReplicaPlace, view_change_bytes
from chain.view_change import ViewChange as ViewChange  # noqa: PLC0414
from chain.view_change import is_prepared as is_prepared  # noqa: PLC0414


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


class SignedViewChange(Record, frozen=True):
    """A view change with its sender's place and signature, as a new view shows it."""

    signer: ReplicaPlace
    signature: Signature
    message: ViewChange


class NewView(Record, frozen=True, tag=5):
    """The primary of `view` shows the quorum that wants it; what it is bound to follows (`new_view.select`).

    The paper's new view holds the pre-prepares too; here the one there may be follows as a message of its own.
    """

    view: Natural
    view_changes: Annotated[tuple[SignedViewChange, ...], Meta(min_length=1, max_length=REPLICAS_MAX)]
    """Ascending by signer."""


Message = PrePrepare | Prepare | Commit | ViewChange | NewView
Vote = Prepare | Commit


class Envelope(Record, frozen=True):
    """A message with its signer's place and its Ed25519 signature over the statement of the message."""

    signer: ReplicaPlace
    signature: Signature
    message: Message


@dataclass(frozen=True, slots=True)
class Authenticated:
    """An envelope whose signer is a member and whose signature is valid.

    `digest` is what the signature speaks of: the block's digest, or that of a view-change message itself.
    """

    envelope: Envelope
    digest: bytes

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


_DOMAINS: Final = {
    PrePrepare: Domain.PRE_PREPARE,
    Prepare: Domain.PREPARE,
    Commit: Domain.COMMIT,
    NewView: Domain.NEW_VIEW,
}


def place(message: Message) -> tuple[int, int]:
    """The (height, view) that a message speaks of; a change of view speaks of the height that it goes on with."""
    if isinstance(message, PrePrepare):
        return message.block.header.height, message.view
    if isinstance(message, NewView):
        return max(change.message.height for change in message.view_changes), message.view
    return message.height, message.view


def signed_bytes(rules: ChainRules, message: Message) -> tuple[bytes, bytes]:
    """The exact bytes that the signer of `message` signs, and the digest in them."""
    if isinstance(message, ViewChange):
        return view_change_bytes(rules, message)
    domain = _DOMAINS[type(message)]
    if isinstance(message, PrePrepare):
        digest = rules.block_digest(message.block.header)
    elif isinstance(message, NewView):
        digest = rules.digest(prefix(domain, rules.network_id, rules.chain_id) + encode(message))
    else:
        digest = message.block
    height, view = place(message)
    return rules.vote_bytes(domain, view=view, height=height, block=digest), digest


def authenticate(rules: ChainRules, membership: Membership, envelope: Envelope, verify: Verify) -> Authenticated | None:
    """The envelope, if a member of `membership` signed it and its block is whole and within the chain's limits.

    A signature covers the header of a proposal, and the header covers the body: with another body it is nobody's.

    What a change of view carries is signed by others: it is checked by whoever acts on it.
    """
    if not membership.has(envelope.signer) or not _is_within_limits(rules, envelope.message):
        return None
    statement, digest = signed_bytes(rules, envelope.message)
    if not verify(membership.key(envelope.signer), statement, envelope.signature):
        return None
    return Authenticated(envelope, digest) if _body_fits(rules, envelope.message) else None


def _body_fits(rules: ChainRules, message: Message) -> bool:
    """The transactions of a proposal are the ones that its signed header names."""
    if not isinstance(message, PrePrepare):
        return True
    block = message.block
    return rules.transaction_root(block.transactions) == block.header.transaction_root


def _is_within_limits(rules: ChainRules, message: Message) -> bool:
    """The block that a message carries, if any, is no larger than the chain's blocks may be."""
    if not isinstance(message, PrePrepare):
        return True
    transactions, profile = message.block.transactions, rules.profile
    return (
        len(transactions) <= profile.block_transactions_max and sum(map(len, transactions)) <= profile.block_bytes_max
    )
