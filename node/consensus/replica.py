"""The PBFT replica: one height in flight, the normal case (Castro and Liskov 1999, section 4.2).

Rules, in the order in which a height passes through them:

R1  The primary of the view asks for a block when nothing is in flight and something waits.
R2  It proposes the block with the certificate of the parent; a proposal is durable before it is sent.
R3  A backup accepts the first proposal of its view's primary for the next height, if the parent is its own head
    and certified, and keeps it durable before it votes.
R4  It executes the block; only if it is as its header claims does it cast its prepare.
R5  Prepared = the proposal, valid, and quorum - 1 matching prepares of distinct backups: cast a commit.
R6  A quorum of matching commits commits the block, whoever cast them.
R7  At most one message of each kind is ever cast for one height and view, across restarts too.
R8  While something is pending, every `progress_ticks` ticks without progress what was sent is sent again.

The normal case is complete. A change of view is not performed yet: its messages are dropped.
"""

from dataclasses import dataclass
from typing import assert_never

from chain.block import Block, BlockHeader, CommittedBlock
from chain.domains import Domain
from chain.ids import View
from chain.membership import Membership
from chain.quorum import QuorumCertificate, certificate_fault
from chain.rules import ChainRules
from node.consensus.effects import (
    Accept,
    Behind,
    BlockBuilt,
    BlockSynced,
    BlockValidated,
    BuildBlock,
    Cast,
    CommitBlock,
    Drop,
    Effect,
    Input,
    MessageReceived,
    NothingToBuild,
    NothingWaits,
    Reason,
    RequestReceived,
    Resend,
    Tick,
    ValidateBlock,
)
from node.consensus.log import Future, InFlight
from node.consensus.messages import (
    Authenticated,
    Commit,
    NewView,
    Prepare,
    PreparedCertificate,
    PrePrepare,
    ViewChange,
    Vote,
    place,
)

Effects = tuple[Effect, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The last committed header, its digest, and its certificate (None only for the genesis header)."""

    header: BlockHeader
    digest: bytes
    certificate: QuorumCertificate | None


class Replica:
    """One replica of one chain."""

    def __init__(
        self, *, rules: ChainRules, membership: Membership, replica_id: int, primary_offset: int, head: Head
    ) -> None:
        self.rules = rules
        self.membership = membership
        self.replica_id = replica_id
        self.head = head
        self.view = View(0)
        self.prepared: PreparedCertificate | None = None
        """The proof behind the own commit of the height in flight."""
        self._offset = primary_offset
        self._flight = InFlight()
        self._future = Future()
        self._cast_kinds: set[type] = set()
        """R7: the kinds of message cast for this height and view, durable or on their way to the disk."""
        self._building = False
        self._wanted = False
        self._idle_ticks = 0

    @property
    def height(self) -> int:
        """The height in flight: one above the head."""
        return self.head.header.height + 1

    @property
    def primary(self) -> int:
        """The primary of the present view."""
        return self.membership.primary(self.view, self._offset)

    @property
    def is_primary(self) -> bool:
        """Whether this replica is it."""
        return self.primary == self.replica_id

    @property
    def pending(self) -> bool:
        """Whether a request waits, or a block is proposed and not committed. Only then do ticks matter."""
        return self._wanted or self._building or self._flight.proposal is not None

    @property
    def phase(self) -> str:
        """Where the height in flight stands, in the paper's words."""
        if self.prepared is not None:
            return "prepared"
        if self._flight.proposal is not None:
            return "pre-prepared"
        return "building" if self._building else "idle"

    def step(self, incoming: Input) -> Effects:  # noqa: PLR0911 - one case, one line
        """One input in, effects out; their order is a promise to be kept."""
        match incoming:
            case MessageReceived(received):
                return self._on_message(received)
            case BlockValidated(block, valid):
                return self._on_validated(block, valid=valid)
            case BlockBuilt(block):
                return self._on_built(block)
            case NothingToBuild():
                self._building = False
                return ()
            case NothingWaits():
                self._wanted = False
                return ()
            case RequestReceived():
                self._wanted = True
                return self._propose_if_due()
            case BlockSynced(committed, block):
                return self._on_synced(committed, block)
            case Tick():
                return self._on_tick()
            case _:
                assert_never(incoming)

    def restore(self, logged: tuple[Authenticated, ...], prepared: PreparedCertificate | None) -> Effects:
        """Take back what the log holds of the height in flight: own messages and the accepted proposal.

        They bind as before the restart: no kind is cast again, no other proposal is accepted.
        """
        self.prepared = prepared
        effects: Effects = ()
        for taken in logged:
            message = taken.message
            assert place(message) == (self.height, self.view)
            if taken.signer == self.replica_id:
                self._cast_kinds.add(type(message))
            if isinstance(message, PrePrepare):
                self._flight.proposal = taken
                effects = (ValidateBlock(message.block),)
            else:
                self._flight.votes(taken)[taken.signer] = taken
        return effects

    def _on_message(self, received: Authenticated) -> Effects:
        message = received.message
        fault = self._message_fault(received)
        if fault is not None:
            return (Drop(fault),)
        assert not isinstance(message, ViewChange | NewView)
        height, _ = place(message)
        if height > self.height:
            return (*self._keep_for_later(received), Behind(received.signer, height - 1))
        if isinstance(message, PrePrepare):
            return self._on_pre_prepare(received, message)
        return self._on_vote(received, message)

    def _message_fault(self, received: Authenticated) -> Reason | None:
        """Why a message cannot count, now or at a later height."""
        message = received.message
        if isinstance(message, ViewChange | NewView):
            return Reason.VIEW_CHANGE_NOT_PERFORMED
        height, view = place(message)
        if height < self.height or view < self.view:
            return Reason.STALE
        if isinstance(message, PrePrepare) and received.signer != self.membership.primary(View(view), self._offset):
            return Reason.NOT_PRIMARY
        return Reason.VIEW_DIFFERS if height == self.height and view > self.view else None

    def _keep_for_later(self, received: Authenticated) -> Effects:
        if not self._future.admits(received, self.height):
            return (Drop(Reason.TOO_FAR_AHEAD),)
        message = received.message
        if isinstance(message, PrePrepare) and not self._parent_is_certified(message, first_view=0):
            # No signature covers the certificate: whoever passed the proposal on could spoil it, and the good one
            # would be a repeat.
            return (Drop(Reason.PARENT_NOT_CERTIFIED),)
        return () if self._future.keep(received) else (Drop(Reason.DUPLICATE),)

    def _on_pre_prepare(self, received: Authenticated, proposal: PrePrepare) -> Effects:
        flight = self._flight
        if flight.proposal is not None:
            same = flight.proposal.digest == received.digest
            return (Drop(Reason.DUPLICATE if same else Reason.CONFLICTS),)
        fault = self._proposal_fault(proposal)
        if fault is not None:
            return (Drop(fault),)
        flight.proposal = received
        self._idle_ticks = 0
        if self.is_primary:  # its own block: built, hence executed, here
            self._building = False
            flight.valid = True
            return self._advance()
        return (Accept(received), ValidateBlock(proposal.block))

    def _proposal_fault(self, proposal: PrePrepare) -> Reason | None:
        """R3: why the proposal is not one for the next height on this replica's head."""
        header, head = proposal.block.header, self.head.header
        if header.parent != self.head.digest:
            return Reason.PARENT_NOT_CERTIFIED
        fits = (
            header.network_id == head.network_id
            and header.chain_id == head.chain_id
            and header.view == proposal.view
            and header.proposer == self.primary
            and header.time > head.time
            and header.membership == head.next_membership
            and header.next_membership == header.membership
        )
        if not fits:
            return Reason.HEADER_MALFORMED
        certified = self._parent_is_certified(proposal, first_view=head.view)
        return None if certified else Reason.PARENT_NOT_CERTIFIED

    def _parent_is_certified(self, proposal: PrePrepare, *, first_view: int) -> bool:
        """The proposal carries a proof of its parent, which was first proposed in `first_view` or later."""
        header, certificate = proposal.block.header, proposal.parent_certificate
        if header.height == 1 or certificate is None:
            return header.height == 1 and certificate is None
        if certificate == self.head.certificate and header.parent == self.head.digest:
            return True
        parent = self.rules.vote_bytes(
            Domain.COMMIT, view=certificate.view, height=header.height - 1, block=header.parent
        )
        return certificate_fault(certificate, parent, self.membership, proposal_view=first_view) is None

    def _on_vote(self, received: Authenticated, vote: Vote) -> Effects:
        if isinstance(vote, Prepare) and received.signer == self.primary:
            return (Drop(Reason.NOT_BACKUP),)
        votes = self._flight.votes(received)
        if received.signer in votes:
            same = votes[received.signer].digest == received.digest
            return (Drop(Reason.DUPLICATE if same else Reason.CONFLICTS),)
        votes[received.signer] = received
        return self._advance()

    def _on_validated(self, block: bytes, *, valid: bool) -> Effects:
        flight = self._flight
        if flight.proposal is None or flight.proposal.digest != block or flight.valid is not None:
            return ()
        flight.valid = valid
        if not valid:
            return (Drop(Reason.INVALID_BLOCK),)
        if self.is_primary:
            return self._advance()
        return (*self._cast(Prepare(view=self.view, height=self.height, block=block)), *self._advance())

    def _advance(self) -> Effects:
        """R5 and R6: what the votes collected so far allow."""
        flight = self._flight
        if flight.proposal is None or not flight.valid:
            return ()
        certificate = flight.certificate(self.membership)
        if certificate is not None:
            return self._commit(flight.proposal, certificate)
        prepared = flight.prepared(self.membership)
        if prepared is None or Commit in self._cast_kinds:
            return ()
        self.prepared = prepared
        return self._cast(Commit(view=self.view, height=self.height, block=flight.proposal.digest), prepared)

    def _cast(self, message: PrePrepare | Prepare | Commit, prepared: PreparedCertificate | None = None) -> Effects:
        """R7."""
        if type(message) in self._cast_kinds:
            return ()
        self._cast_kinds.add(type(message))
        return (Cast(message, prepared),)

    def _commit(self, proposal: Authenticated, certificate: QuorumCertificate) -> Effects:
        message = proposal.message
        assert isinstance(message, PrePrepare)
        committed = CommittedBlock(block=message.block, certificate=certificate)
        return (CommitBlock(proposal.digest, committed), *self._enter(committed, proposal.digest))

    def _on_synced(self, committed: CommittedBlock, block: bytes) -> Effects:
        if committed.header.height != self.height:
            return (Drop(Reason.STALE),)
        return self._enter(committed, block)

    def _enter(self, committed: CommittedBlock, block: bytes) -> Effects:
        """The next height begins; messages that came early are heard now."""
        self.head = Head(header=committed.header, digest=block, certificate=committed.certificate)
        self.prepared = None
        self._flight = InFlight()
        self._cast_kinds = set()
        self._building = False
        self._idle_ticks = 0
        effects: list[Effect] = []
        for message in self._future.take(self.height):
            effects.extend(self._on_message(message))
        return (*effects, *self._propose_if_due())

    def _propose_if_due(self) -> Effects:
        """R1."""
        taken = self._building or PrePrepare in self._cast_kinds or self._flight.proposal is not None
        if taken or not (self._wanted and self.is_primary):
            return ()
        self._building = True
        return (BuildBlock(self.head.header, self.view),)

    def _on_built(self, block: Block) -> Effects:
        """R2."""
        if not self._building or block.header.height != self.height:
            return ()
        return self._cast(PrePrepare(view=self.view, block=block, parent_certificate=self.head.certificate))

    def _on_tick(self) -> Effects:
        """R8; and the pool may hold by now what can go into a block."""
        if not self.pending:
            return ()
        self._idle_ticks += 1
        resend: Effects = () if self._idle_ticks % self.rules.profile.progress_ticks else (Resend(),)
        return (*resend, *self._propose_if_due())
