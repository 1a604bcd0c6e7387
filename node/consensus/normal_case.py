"""The normal case: from a request to a committed block (Castro and Liskov 1999, section 4.2; rules R1 to R7)."""

from chain.block import Block, CommittedBlock
from chain.domains import Domain
from chain.ids import View
from chain.light_client import CertifiedHeader
from chain.membership import Membership
from chain.quorum import QuorumCertificate, certificate_fault
from node.consensus.effects import Accept, Adopt, Behind, BuildBlock, CommitBlock, Drop, Effect, Reason, ValidateBlock
from node.consensus.head import Head, place_of
from node.consensus.log import Future
from node.consensus.messages import Authenticated, Commit, NewView, Prepare, PrePrepare, ViewChange, Vote, place
from node.consensus.standing import Effects, Standing
from node.consensus.view_change import ViewChanges


class NormalCase(Standing):
    """What a replica does while its primary does its part."""

    def _on_message(self, received: Authenticated) -> Effects:  # noqa: PLR0911 - one case, one line
        message = received.message
        assert not isinstance(message, ViewChange | NewView)
        height, view = place(message)
        if isinstance(message, PrePrepare) and received.signer != self.membership.primary(View(view), self._offset):
            return (Drop(Reason.NOT_PRIMARY),)
        if height < self.height:
            return (Drop(Reason.STALE),)
        if height == self.height and view < self.view:
            return self._on_offered(received, message)
        if height > self.height:
            return (*self._keep_for_later(received), Behind(received.signer, height - 1))
        if view > self.view or self.changing:
            return self._keep_for_later(received)
        if isinstance(message, PrePrepare):
            return self._on_pre_prepare(received, message)
        return self._on_vote(received, message)

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
        fault = self._proposal_fault(received.digest, proposal)
        if fault is not None:
            return (Drop(fault),)
        self._begin_waiting()
        flight.proposal = received
        self._building = False
        validate = ValidateBlock(proposal.block)
        return (validate,) if self.is_primary else (Accept(received), validate)

    def _proposal_fault(self, digest: bytes, proposal: PrePrepare) -> Reason | None:
        """R3, R11: why the proposal is not one for the next height on this replica's head."""
        header, head = proposal.block.header, self.head.header
        if header.parent != self.head.digest:
            return Reason.PARENT_NOT_CERTIFIED
        if self._is_below_view:
            return Reason.COMMITTED_ELSEWHERE
        bound = self._bound_block
        if bound is not None and bound != digest:
            return Reason.CONFLICTS
        fits = (
            header.network_id == head.network_id
            and header.chain_id == head.chain_id
            and (bound is not None or (header.view == proposal.view and header.proposer == self.primary))
            and header.time > head.time
            and header.membership == head.next_membership
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
        own_head = header.parent == self.head.digest
        if own_head and certificate == self.head.certificate:
            return True
        parent = self.rules.vote_bytes(
            Domain.COMMIT, view=certificate.view, height=header.height - 1, block=header.parent
        )
        membership = self.head.certified_by if own_head else self.membership
        verify = self.rules.consensus_verify
        return certificate_fault(certificate, parent, membership, proposal_view=first_view, verify=verify) is None

    def _on_vote(self, received: Authenticated, vote: Vote) -> Effects:
        if isinstance(vote, Prepare) and received.signer == self.primary:
            return (Drop(Reason.NOT_BACKUP),)
        votes = self._flight.votes(received)
        if received.signer in votes:
            same = votes[received.signer].digest == received.digest
            return (Drop(Reason.DUPLICATE if same else Reason.CONFLICTS),)
        votes[received.signer] = received
        return self._advance()

    def _on_validated(self, block: bytes, membership: Membership | None) -> Effects:
        flight = self._flight
        if flight.proposal is None or flight.proposal.digest != block or flight.valid is not None:
            return ()
        flight.valid, flight.next_membership = membership is not None, membership
        if membership is None:
            return (Drop(Reason.INVALID_BLOCK),)
        self._keep_block(flight.proposal)
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
        if Commit in self._cast_kinds or self.abstains:
            return ()
        prepared = flight.prepared(self.membership)
        if prepared is None:
            return ()
        self.prepared = prepared
        return self._cast(Commit(view=self.view, height=self.height, block=flight.proposal.digest), prepared)

    def _commit(self, proposal: Authenticated, certificate: QuorumCertificate) -> Effects:
        message, membership = proposal.message, self._flight.next_membership
        assert isinstance(message, PrePrepare)
        assert membership is not None
        committed = CommittedBlock(block=message.block, certificate=certificate)
        return (CommitBlock(proposal.digest, committed), *self._enter_height(committed, proposal.digest, membership))

    def _on_synced(self, committed: CommittedBlock, block: bytes, membership: Membership) -> Effects:
        if committed.header.height != self.height:
            return (Drop(Reason.STALE),)
        return self._enter_height(committed, block, membership)

    def _on_installed(self, head: Head) -> Effects:
        """The heights up to the snapshot's are committed, whatever was in flight here."""
        return (Drop(Reason.STALE),) if head.header.height < self.height else self._stand_on(head)

    def _enter_height(self, committed: CommittedBlock, block: bytes, membership: Membership) -> Effects:
        header, certificate = committed.header, committed.certificate
        return self._stand_on(
            Head(
                header=header,
                digest=block,
                certificate=certificate,
                membership=membership,
                certified_by=self.membership,
            )
        )

    def _stand_on(self, head: Head) -> Effects:
        """The height after `head` begins, maybe in a later view; messages that came early are heard now."""
        before, certificate = self.membership, head.certificate
        assert certificate is not None
        self.head = head
        if head.membership != before:
            self.replica_id = place_of(head.membership, self._key)
            self._future, self._changes = Future(), ViewChanges()
        self.prepared = None
        self._blocks = {}
        self._patience.succeeded()
        if certificate.view > self.view or (certificate.view == self.view and self.changing):
            self._enter_view(View(certificate.view), None)
        else:
            opened = self._cast_kinds & {NewView}  # a view is opened once, whatever height it goes on with
            self._clear_flight()
            self._cast_kinds = opened
        recast = self._cast_view_change() if self.changing else ()
        return (*recast, *self._hear_early())

    def _hear_early(self) -> Effects:
        """The messages for this height and view that came before it, then a proposal if this is the primary."""
        if self.changing:
            return ()
        effects: list[Effect] = []
        for message in self._future.take(self.height, self.view):
            effects.extend(self._on_message(message))
        return (*effects, *self._propose_if_due())

    def _propose_if_due(self) -> Effects:
        """R1; or R11, if this view is bound to a block."""
        taken = self._building or PrePrepare in self._cast_kinds or self._flight.proposal is not None
        if taken or not self.is_primary or self.changing or self.abstains or self._is_below_view:
            return ()
        bound = self._bound_block
        if bound is not None:
            known = self._blocks.get(bound)
            return () if known is None else self._propose(_block_of(known))
        if not self._wanted:
            return ()
        self._building = True
        return (BuildBlock(self.head.header, self.view),)

    def _on_built(self, block: Block) -> Effects:
        """R2."""
        if not self._building or block.header.parent != self.head.digest or block.header.view != self.view:
            return ()
        return self._propose(block)

    def _propose(self, block: Block) -> Effects:
        return self._cast(PrePrepare(view=self.view, block=block, parent_certificate=self.head.certificate))

    def _adopt(self, committed: CertifiedHeader | None) -> Effects:
        """R12: a certificate that is shown commits the block that is held here.

        Who made it may keep it for itself, and be the only one who has both.
        """
        if committed is None or committed.header.height != self.height:
            return ()
        known = self._blocks.get(self.rules.block_digest(committed.header))
        if known is None:
            return ()
        return (Adopt(CommittedBlock(block=_block_of(known), certificate=committed.certificate)),)

    def _on_offered(self, received: Authenticated, message: PrePrepare | Vote) -> Effects:
        """An earlier view's proposal: stale, but for a primary that is bound to its block."""
        if not isinstance(message, PrePrepare) or received.digest != self._bound_block or not self.is_primary:
            return (Drop(Reason.STALE),)
        self._keep_block(received)
        return self._propose_if_due()


def _block_of(proposal: Authenticated) -> Block:
    assert isinstance(proposal.message, PrePrepare)
    return proposal.message.block
