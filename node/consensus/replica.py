"""The PBFT replica: one height in flight, the normal case (Castro and Liskov 1999, section 4.2).

Rules, in the order in which a height passes through them:

R1  The primary of the view asks for a block when nothing is in flight and something waits.
R2  It proposes the block with the certificate of the parent; a proposal is durable before it is sent.
R3  A backup accepts the first proposal of its view's primary for the next height, if the parent is its own head
    and certified, and keeps it durable before it votes.
R4  It executes the block; only if the roots agree does it cast its prepare.
R5  Prepared = the proposal, valid, and quorum - 1 matching prepares of distinct backups: cast a commit.
R6  A quorum of matching commits commits the block, whoever cast them.
R7  While something is in flight, every `resend_ticks` ticks the own messages are sent again: links may break.
"""

from dataclasses import dataclass
from typing import assert_never

from chain.block import Block, BlockHeader, CommittedBlock
from chain.light_client import CertifiedHeader, commit_fault
from chain.membership import Membership
from chain.quorum import QuorumCertificate
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
    Reason,
    RequestReceived,
    Resend,
    Tick,
    ValidateBlock,
)
from node.consensus.log import Future, InFlight
from node.consensus.messages import Authenticated, Commit, Message, PrePrepare, Prepare, place

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
        self, *, rules: ChainRules, membership: Membership, place_: int, primary_offset: int, head: Head
    ) -> None:
        self.rules = rules
        self.membership = membership
        self.replica_id = place_
        self.head = head
        self.view = 0
        self._offset = primary_offset
        self._flight = InFlight()
        self._future = Future()
        self._building = False
        """From asking for a block until the own proposal is durable."""
        self._cast_commit = False
        """Whether the own commit of this height is on its way through the disk."""
        self._wanted = False
        self._idle_ticks = 0

    @property
    def height(self) -> int:
        """The height in flight: one above the head."""
        return self.head.header.height + 1

    @property
    def primary(self) -> int:
        """The primary of the present view."""
        return self.membership.primary(self.view, self._offset)  # type: ignore[arg-type]

    @property
    def is_primary(self) -> bool:
        """Whether this replica is it."""
        return self.primary == self.replica_id

    @property
    def pending(self) -> bool:
        """Whether anything waits: a request, a block being built, or one in flight. Only then do ticks matter."""
        return self._wanted or self._building or self._flight.proposal is not None or bool(self._flight.commits)

    @property
    def proposal(self) -> Authenticated | None:
        """The proposal of the height in flight."""
        return self._flight.proposal

    @property
    def phase(self) -> str:
        """Where the height in flight stands, in the paper's words."""
        if self._flight.proposal is None:
            return "building" if self._building else "idle"
        if self.replica_id in self._flight.commits:
            return "prepared"
        return "pre-prepared"

    def step(self, incoming: Input) -> Effects:
        """One input in, effects out; their order is a promise to be kept."""
        match incoming:
            case MessageReceived(received):
                return self._on_message(received)
            case BlockValidated(block, valid):
                return self._on_validated(block, valid=valid)
            case BlockBuilt(block):
                return self._on_built(block)
            case NothingToBuild():
                self._building = self._wanted = False
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

    def restore(self, sent: tuple[Authenticated, ...]) -> Effects:
        """Take back the own and accepted messages of the height in flight after a restart, without new votes."""
        proposal: Effects = ()
        for message in sent:
            if place(message.message) != (self.height, self.view):
                continue
            if isinstance(message.message, PrePrepare):
                self._flight.proposal = message
                proposal = (ValidateBlock(message.message.block, fresh=False),)
            else:
                self._flight.votes(message).setdefault(message.signer, message)
        return proposal

    def sent(self) -> tuple[Message, ...]:
        """This replica's own messages of the height in flight."""
        flight = self._flight
        own: list[Message] = []
        if flight.proposal is not None and flight.proposal.signer == self.replica_id:
            own.append(flight.proposal.message)
        for votes in (flight.prepares, flight.commits):
            if self.replica_id in votes:
                own.append(votes[self.replica_id].message)
        return tuple(own)

    def _on_message(self, received: Authenticated) -> Effects:
        height, view = place(received.message)
        if height < self.height or view < self.view:
            return (Drop(Reason.STALE),)
        if height > self.height:
            kept = self._future.keep(received, self.height)
            drop: Effects = () if kept else (Drop(Reason.TOO_FAR_AHEAD),)
            return (*drop, Behind(received.signer, height - 1))
        if view > self.view:
            return (Drop(Reason.VIEW_DIFFERS),)
        if isinstance(received.message, PrePrepare):
            return self._on_pre_prepare(received, received.message)
        return self._on_vote(received)

    def _on_pre_prepare(self, received: Authenticated, proposal: PrePrepare) -> Effects:
        flight = self._flight
        if received.signer != self.primary:
            return (Drop(Reason.NOT_PRIMARY),)
        if flight.proposal is not None:
            same = flight.proposal.block == received.block
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
        return (Accept(received), ValidateBlock(proposal.block, fresh=True))

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
        return None if self._parent_is_certified(proposal) else Reason.PARENT_NOT_CERTIFIED

    def _parent_is_certified(self, proposal: PrePrepare) -> bool:
        """The proposal carries a proof of its parent, which every replica checks or holds already."""
        certificate = proposal.parent_certificate
        if self.head.certificate is None or certificate is None:
            return certificate is None and self.head.certificate is None
        if certificate == self.head.certificate:
            return True
        parent = CertifiedHeader(header=self.head.header, certificate=certificate)
        return commit_fault(self.rules, parent, self.membership) is None

    def _on_vote(self, vote: Authenticated) -> Effects:
        votes = self._flight.votes(vote)
        if isinstance(vote.message, Prepare) and vote.signer == self.primary:
            return (Drop(Reason.NOT_BACKUP),)
        if vote.signer in votes:
            same = votes[vote.signer].block == vote.block
            return (Drop(Reason.DUPLICATE if same else Reason.CONFLICTS),)
        votes[vote.signer] = vote
        return self._advance()

    def _on_validated(self, block: bytes, *, valid: bool) -> Effects:
        flight = self._flight
        if flight.proposal is None or flight.proposal.block != block or flight.valid is not None:
            return ()
        flight.valid = valid
        if not valid:
            return (Drop(Reason.INVALID_BLOCK),)
        if self.is_primary or self.replica_id in flight.prepares:
            return self._advance()
        return (Cast(Prepare(view=self.view, height=self.height, block=block)), *self._advance())

    def _advance(self) -> Effects:
        """R5 and R6: what the votes collected so far allow."""
        flight = self._flight
        if not flight.valid or flight.proposal is None:
            return ()
        certificate = flight.certificate(self.membership, self.view)
        if certificate is not None:
            return self._commit(flight.proposal, certificate)
        own_commit = flight.commits.get(self.replica_id)
        if own_commit is None and flight.prepared(self.membership, self.primary) and not self._cast_commit:
            self._cast_commit = True
            return (Cast(Commit(view=self.view, height=self.height, block=flight.proposal.block)),)
        return ()

    def _commit(self, proposal: Authenticated, certificate: QuorumCertificate) -> Effects:
        message = proposal.message
        assert isinstance(message, PrePrepare)
        committed = CommittedBlock(block=message.block, certificate=certificate)
        return (CommitBlock(proposal.block, committed), *self._enter(committed, proposal.block))

    def _on_synced(self, committed: CommittedBlock, block: bytes) -> Effects:
        if committed.header.height != self.height:
            return (Drop(Reason.STALE),)
        return self._enter(committed, block)

    def _enter(self, committed: CommittedBlock, block: bytes) -> Effects:
        """The next height begins; messages that came early are heard now."""
        self.head = Head(header=committed.header, digest=block, certificate=committed.certificate)
        self._flight = InFlight()
        self._building = self._cast_commit = False
        self._idle_ticks = 0
        effects: list[Effect] = []
        for message in self._future.take(self.height):
            effects.extend(self._on_message(message))
        return (*effects, *self._propose_if_due())

    def _propose_if_due(self) -> Effects:
        """R1."""
        if not (self._wanted and self.is_primary) or self._building or self._flight.proposal is not None:
            return ()
        self._building = True
        return (BuildBlock(self.head.header, self.view),)

    def _on_built(self, block: Block) -> Effects:
        """R2."""
        if not self._building or block.header.height != self.height or self._flight.proposal is not None:
            return ()
        return (Cast(PrePrepare(view=self.view, block=block, parent_certificate=self.head.certificate)),)

    def _on_tick(self) -> Effects:
        """R7."""
        if not self.pending:
            return ()
        self._idle_ticks += 1
        if self._idle_ticks % self.rules.profile.progress_ticks:
            return self._propose_if_due()
        sent = self.sent()
        return (Resend(sent),) if sent else ()
