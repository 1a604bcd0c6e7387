"""The messages of consensus, the exact bytes that sign them, and the border where they are checked (protocol 21.2).

All five kinds of the paper are here, so that log and wire keep their format when replicas learn to change views:
a `ViewChange` or `NewView` is checked like any other message, and today's replica drops it.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Final, assert_never

from msgspec import Meta

from chain.block import Block
from chain.codec import Record, encode
from chain.domains import Domain, prefix
from chain.ids import Digest, Natural, Signature
from chain.light_client import CertifiedHeader
from chain.membership import REPLICAS_MAX, Membership
from chain.quorum import QuorumCertificate, Verify
from chain.rules import ChainRules

ReplicaPlace = Annotated[int, Meta(ge=0, lt=REPLICAS_MAX)]


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


class PreparedCertificate(Record, frozen=True):
    """That a block was prepared in a view: its primary's pre-prepare and quorum - 1 prepares of distinct backups.

    Only signatures: the block itself travels apart, and its digest binds it.
    """

    view: Natural
    height: Natural
    block: Digest
    pre_prepare: Signature
    signers: Annotated[tuple[ReplicaPlace, ...], Meta(max_length=REPLICAS_MAX)]
    """The backups, ascending."""
    prepares: Annotated[tuple[Signature, ...], Meta(max_length=REPLICAS_MAX)]


class ViewChange(Record, frozen=True, tag=4):
    """Its sender wants `view`, and shows how far it has come.

    `committed` is its head (None before the first block), `prepared` what it prepared at the height after that.
    """

    view: Natural
    committed: CertifiedHeader | None
    prepared: PreparedCertificate | None


class SignedViewChange(Record, frozen=True):
    """A view change with its sender's place and signature, as a new view shows it."""

    signer: ReplicaPlace
    signature: Signature
    message: ViewChange


class SignedPrePrepare(Record, frozen=True):
    """A pre-prepare with the signature of the primary of its view."""

    signature: Signature
    message: PrePrepare


class NewView(Record, frozen=True, tag=5):
    """The primary of `view` shows the quorum that wants it, and proposes again what the quorum binds it to."""

    view: Natural
    view_changes: Annotated[tuple[SignedViewChange, ...], Meta(min_length=1, max_length=REPLICAS_MAX)]
    """Ascending by signer."""
    proposal: SignedPrePrepare | None


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
    ViewChange: Domain.VIEW_CHANGE,
    NewView: Domain.NEW_VIEW,
}


def place(message: Message) -> tuple[int, int]:
    """The (height, view) that a message speaks of; a change of view speaks of the height that it goes on with."""
    match message:
        case PrePrepare(view=view, block=block):
            return block.header.height, view
        case Prepare(view=view, height=height) | Commit(view=view, height=height):
            return height, view
        case ViewChange(view=view, committed=committed):
            return 1 if committed is None else committed.header.height + 1, view
        case NewView(view=view, view_changes=changes):
            return max(place(change.message)[0] for change in changes), view
        case _:
            assert_never(message)


def signed_bytes(rules: ChainRules, message: Message) -> tuple[bytes, bytes]:
    """The exact bytes that the signer of `message` signs, and the digest in them."""
    domain = _DOMAINS[type(message)]
    if isinstance(message, PrePrepare):
        digest = rules.block_digest(message.block.header)
    elif isinstance(message, ViewChange | NewView):
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


def is_prepared(
    rules: ChainRules, prepared: PreparedCertificate, membership: Membership, *, primary: int, verify: Verify
) -> bool:
    """Whether the certificate shows what it claims; `primary` is the primary of its view."""
    signers = prepared.signers
    if len(signers) != membership.quorum - 1 or len(prepared.prepares) != len(signers):
        return False
    if any(later <= earlier for earlier, later in pairwise(signers)):
        return False
    if primary in signers or not all(membership.has(signer) for signer in signers):
        return False
    block, view, height = prepared.block, prepared.view, prepared.height
    proposal = rules.vote_bytes(Domain.PRE_PREPARE, view=view, height=height, block=block)
    if not verify(membership.key(primary), proposal, prepared.pre_prepare):
        return False
    prepare = rules.vote_bytes(Domain.PREPARE, view=view, height=height, block=block)
    pairs = zip(signers, prepared.prepares, strict=True)
    return all(verify(membership.key(signer), prepare, signature) for signer, signature in pairs)


def _body_fits(rules: ChainRules, message: Message) -> bool:
    """The transactions of a proposal are the ones that its signed header names."""
    if not isinstance(message, PrePrepare):
        return True
    block = message.block
    return rules.transaction_root(block.transactions) == block.header.transaction_root


def _is_within_limits(rules: ChainRules, message: Message) -> bool:
    """The block that a message carries, if any, is no larger than the chain's blocks may be."""
    proposal = message
    if isinstance(message, NewView) and message.proposal is not None:
        proposal = message.proposal.message
    if not isinstance(proposal, PrePrepare):
        return True
    transactions, profile = proposal.block.transactions, rules.profile
    return (
        len(transactions) <= profile.block_transactions_max and sum(map(len, transactions)) <= profile.block_bytes_max
    )
