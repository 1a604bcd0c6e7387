"""The PBFT replica: one height in flight (Castro and Liskov 1999, sections 4.2 and 4.4; protocol 21.3, 21.4).

Rules, in the order in which a height passes through them:

R1  The primary of the view asks for a block when nothing is in flight and something waits.
R2  It proposes the block with the certificate of the parent; a proposal is durable before it is sent.
R3  A backup accepts the first proposal of its view's primary for the next height, if the parent is its own head
    and certified, and keeps it durable before it votes.
R4  It executes the block; only if it is as its header claims does it cast its prepare.
R5  Prepared = the proposal, valid, and quorum - 1 matching prepares of distinct backups: cast a commit.
R6  A quorum of matching commits commits the block, whoever cast them.
R7  At most one message of each kind is ever cast for one height and view, across restarts too.
R8  While something is pending and nothing moves, what was sent is sent again.

And when a height does not pass:

R9  A backup that has waited too long, or learns that a request is left out, or sees f + 1 others in higher views,
    casts a view change that shows its head and what it prepared; from then on it casts nothing in lower views.
R10 The primary of the view casts a new view once it has the view changes of a quorum.
R11 Whoever sees a valid new view enters it. It goes on after the highest committed height shown: heights below are
    fetched, never proposed; what is prepared there in the highest view is proposed again byte for byte, and nothing
    else is accepted there.
R12 A certificate of a view carries whoever sees it into that view.
"""

from typing import Final, assert_never

from chain.block import Block, CommittedBlock
from chain.domains import Domain
from chain.ids import View
from chain.light_client import CertifiedHeader
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
    Censored,
    CommitBlock,
    Drop,
    Effect,
    Input,
    MayNotSign,
    MaySign,
    MessageReceived,
    NothingToBuild,
    NothingWaits,
    Reason,
    RequestReceived,
    Resend,
    Show,
    Tick,
    ValidateBlock,
)
from node.consensus.head import OUTSIDE, Head, place_of
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
from node.consensus.new_view import Judge, Selection, select
from node.consensus.patience import Patience
from node.consensus.view_change import ViewChanges

RESEND_MAX: Final = 16
"""The pause between two resends doubles until it is so many times the first."""
Effects = tuple[Effect, ...]


class Replica:
    """One replica of one chain, known by its consensus `key`; one that `abstains` casts nothing."""

    def __init__(
        self, *, rules: ChainRules, key: bytes, primary_offset: int, head: Head, abstains: bool = False
    ) -> None:
        self.rules = rules
        self.head = head
        self.view = View(0 if head.certificate is None else head.certificate.view)
        self.changing = False
        """Whether the view is wanted, and not entered."""
        self.abstains = abstains
        self.prepared: PreparedCertificate | None = None
        """What is prepared here at the height in flight, in the highest view."""
        self._prepared_proposal: Authenticated | None = None
        self._key = key
        self._offset = primary_offset
        self._flight = InFlight()
        self._future = Future()
        self._changes = ViewChanges()
        self._opened: Authenticated | None = None
        """The new view that opened the present view here."""
        self._bound: Selection | None = None
        self._offered: dict[bytes, Block] = {}
        """Blocks that this primary is bound to, from those who have them."""
        self._cast_kinds: set[type] = set()
        """R7: the kinds of message cast for this height and view, durable or on their way to the disk."""
        self._building = False
        self._wanted = False
        self._patience = Patience(rules.profile.progress_ticks)
        self._quiet = 0
        self._resend_at = self._resend_first
        self.replica_id = place_of(head.membership, key)

    # ---- where it stands ----

    @property
    def membership(self) -> Membership:
        """The set that certifies the height in flight."""
        return self.head.membership

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
        """A request waits, a block is proposed and not committed, or a view is changing. Only then do ticks matter."""
        return self._wanted or self._building or self._flight.proposal is not None or self.changing

    @property
    def phase(self) -> str:
        """Where the height in flight stands, in the paper's words."""
        if self.changing:
            return "view-change"
        if self._flight.proposal is not None:
            at = self.prepared
            return "prepared" if at is not None and at.view == self.view else "pre-prepared"
        return "building" if self._building else "idle"

    def shown_to(self, peer: int) -> tuple[Authenticated, ...]:
        """What this replica holds of `peer`'s own messages for the height in flight: it may have forgotten them."""
        return self._flight.cast_by(peer)

    # ---- inputs ----

    def step(self, incoming: Input) -> Effects:  # noqa: C901, PLR0911 - one case, one line
        """One input in, effects out; their order is a promise to be kept."""
        match incoming:
            case MessageReceived(received):
                return self._on_message(received)
            case BlockValidated(block, membership):
                return self._on_validated(block, membership)
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
            case BlockSynced(committed, block, membership):
                return self._on_synced(committed, block, membership)
            case Tick(reachable):
                return self._on_tick(reachable=reachable)
            case Censored():
                return () if self.changing or self.is_primary else self._change_view(View(self.view + 1))
            case MayNotSign():
                self.abstains = True
                return ()
            case MaySign():
                self.abstains = False
                return self._propose_if_due()
            case _:
                assert_never(incoming)

    def restore(self, logged: tuple[Authenticated, ...], prepared: PreparedCertificate | None) -> Effects:
        """Take back what the log holds: own messages, accepted proposals and new views.

        They bind as before the restart: no kind is cast again, no lower view is voted in, no other proposal is
        accepted. `prepared` is the proof of the highest view behind an own commit at the height in flight.
        """
        self.prepared = prepared
        wanted = max((place(taken.message)[1] for taken in logged if isinstance(taken.message, ViewChange)), default=0)
        opened = max(
            (place(taken.message)[1] for taken in logged if not isinstance(taken.message, ViewChange)), default=0
        )
        opened = max(opened, self.view)
        self.view, self.changing = View(max(wanted, opened)), wanted > opened
        effects = [effect for taken in logged for effect in self._take_back(taken)]
        if self.changing and ViewChange not in self._cast_kinds:
            effects.extend(self._cast_view_change())
        return tuple(effects)

    def _take_back(self, taken: Authenticated) -> Effects:
        message, at = taken.message, place(taken.message)
        if isinstance(message, PrePrepare) and self.prepared is not None and taken.digest == self.prepared.block:
            self._prepared_proposal = taken
        if isinstance(message, NewView) and message.view == self.view:
            self._opened, self._bound = taken, select(change.message for change in message.view_changes)
        if at != (self.height, self.view):
            return ()
        if taken.signer == self.replica_id:
            self._cast_kinds.add(type(message))
        match message:
            case PrePrepare(block=block):
                self._flight.proposal = taken
                return (ValidateBlock(block),)
            case Prepare() | Commit():
                self._flight.votes(taken)[taken.signer] = taken
            case ViewChange():
                self._changes.add(taken)
            case NewView():
                pass
        return ()

    # ---- messages ----

    def _on_message(self, received: Authenticated) -> Effects:  # noqa: PLR0911 - one case, one line
        message = received.message
        if isinstance(message, ViewChange):
            return self._on_view_change(received, message)
        if isinstance(message, NewView):
            return self._on_new_view(received, message)
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

    # ---- the normal case ----

    def _on_pre_prepare(self, received: Authenticated, proposal: PrePrepare) -> Effects:
        flight = self._flight
        if flight.proposal is not None:
            same = flight.proposal.digest == received.digest
            return (Drop(Reason.DUPLICATE if same else Reason.CONFLICTS),)
        fault = self._proposal_fault(received.digest, proposal)
        if fault is not None:
            return (Drop(fault),)
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
        if prepared is None or Commit in self._cast_kinds or self.abstains:
            return ()
        self.prepared, self._prepared_proposal = prepared, flight.proposal
        return self._cast(Commit(view=self.view, height=self.height, block=flight.proposal.digest), prepared)

    def _cast(
        self, message: Vote | PrePrepare | ViewChange | NewView, prepared: PreparedCertificate | None = None
    ) -> Effects:
        """R7; whoever is not a member, or does not know what it has signed, casts nothing."""
        if type(message) in self._cast_kinds or self.abstains or self.replica_id == OUTSIDE:
            return ()
        self._cast_kinds.add(type(message))
        return (Cast(message, prepared),)

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

    def _enter_height(self, committed: CommittedBlock, block: bytes, membership: Membership) -> Effects:
        """The next height begins, maybe in a later view; messages that came early are heard now."""
        before, certificate = self.membership, committed.certificate
        self.head = Head(
            header=committed.header, digest=block, certificate=certificate, membership=membership, certified_by=before
        )
        if membership != before:
            self.replica_id = place_of(membership, self._key)
            self._future, self._changes = Future(), ViewChanges()
        self.prepared = self._prepared_proposal = None
        self._patience.succeeded()
        if certificate.view > self.view or (certificate.view == self.view and self.changing):
            self._enter_view(View(certificate.view), None)
        else:
            self._clear_flight()
        recast = self._cast_view_change() if self.changing else ()
        return (*recast, *self._hear_early())

    def _clear_flight(self) -> None:
        self._flight = InFlight()
        self._cast_kinds = set()
        self._offered = {}
        self._building = False
        self._quiet, self._resend_at = 0, self._resend_first

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
            block = self._offered.get(bound) or _block_of(self._prepared_proposal, bound)
            return () if block is None else self._propose(block)
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

    # ---- changing views ----

    def _on_tick(self, *, reachable: bool) -> Effects:
        """R8, R9; and the pool may hold by now what can go into a block."""
        if not self.pending:
            self._patience.begin()
            return ()
        effects = self._resend_if_due()
        if self._waits_for_a_primary and self._patience.tick(reachable=reachable):
            self._patience.failed()
            return (*effects, *self._change_view(View(self.view + 1)))
        return (*effects, *self._propose_if_due())

    @property
    def _waits_for_a_primary(self) -> bool:
        """A primary does not wait for itself, and a view that no quorum wants can be opened by nobody."""
        if self.changing:
            return self._changes.has_quorum(self.membership, self.view)
        return not self.is_primary

    @property
    def _resend_first(self) -> int:
        return max(2, self.rules.profile.progress_ticks // 4)

    def _resend_if_due(self) -> Effects:
        self._quiet += 1
        if self._quiet < self._resend_at:
            return ()
        self._resend_at = min(2 * self._resend_at, self._resend_at + RESEND_MAX * self._resend_first)
        return (Resend(), *self._show_block())

    def _change_view(self, view: View) -> Effects:
        """R9. An observer, or a replica that abstains, waits for the others."""
        if self.abstains or self.replica_id == OUTSIDE:
            return ()
        self.view, self.changing = view, True
        self._bound = self._opened = None
        self._clear_flight()
        return self._cast_view_change()

    def _cast_view_change(self) -> Effects:
        head = self.head
        committed = None
        if head.certificate is not None:
            committed = CertifiedHeader(header=head.header, certificate=head.certificate)
        return self._cast(ViewChange(view=self.view, committed=committed, prepared=self.prepared))

    def _on_view_change(self, received: Authenticated, change: ViewChange) -> Effects:
        height, view = place(change)
        if view < self.view or (view == self.view and not self.changing):
            stale = Drop(Reason.STALE)
            shown = self._opened is not None and received.signer != self.replica_id
            return (stale, Show(received.signer, self._opened.envelope)) if shown and self._opened else (stale,)
        if not self._judge.allows(change):
            return (Drop(Reason.VIEW_CHANGE_MALFORMED),)
        if not self._changes.add(received):
            return (Drop(Reason.DUPLICATE),)
        behind: Effects = (Behind(received.signer, height - 1),) if height > self.height else ()
        reached = self._changes.reached(self.membership, self.replica_id)
        if reached > self.view:
            self._patience.failed()
            return (*behind, *self._change_view(View(reached)))
        return (*behind, *self._open_view())

    def _open_view(self) -> Effects:
        """R10."""
        if not (self.changing and self.is_primary):
            return ()
        changes = self._changes.quorum_for(self.membership, self.view, self.replica_id)
        return self._cast(NewView(view=self.view, view_changes=changes)) if changes else ()

    def _on_new_view(self, received: Authenticated, new_view: NewView) -> Effects:
        """R11."""
        if new_view.view < self.view or (new_view.view == self.view and not self.changing):
            return (Drop(Reason.STALE),)
        selection = self._judge.opens(new_view, received.signer)
        if selection is None:
            return (Drop(Reason.NEW_VIEW_MALFORMED),)
        own = received.signer == self.replica_id
        effects: list[Effect] = [] if own else [Accept(received)]
        if selection.height > self.height:
            effects.append(Behind(received.signer, selection.height - 1))
        self._enter_view(View(new_view.view), received)
        return (*effects, *self._show_block(), *self._hear_early())

    def _enter_view(self, view: View, opened: Authenticated | None) -> None:
        """R11; or R12, where no new view is at hand and none is needed: what it was bound to is committed."""
        self.view, self.changing, self._opened, self._bound = view, False, opened, None
        if opened is not None and isinstance(opened.message, NewView):
            self._bound = select(change.message for change in opened.message.view_changes)
        self._changes.forget(view)
        self._clear_flight()
        self._patience.begin()

    @property
    def _bound_block(self) -> bytes | None:
        """The digest of the block that the present view is bound to at the height in flight."""
        bound = self._bound
        return None if bound is None or bound.height != self.height or bound.prepared is None else bound.prepared.block

    @property
    def _is_below_view(self) -> bool:
        """Whether the present view begins at a later height: what is in flight here is committed, and to be fetched."""
        return self._bound is not None and self.height < self._bound.height

    def _show_block(self) -> Effects:
        """The primary may lack the block that its view is bound to; whoever prepared it has it."""
        bound, proposal = self._bound_block, self._prepared_proposal
        if bound is None or proposal is None or proposal.digest != bound or self.is_primary:
            return ()
        return () if self._flight.proposal is not None else (Show(self.primary, proposal.envelope),)

    def _on_offered(self, received: Authenticated, message: PrePrepare | Vote) -> Effects:
        """An earlier view's proposal: stale, but for a primary that is bound to its block."""
        if not isinstance(message, PrePrepare) or received.digest != self._bound_block or not self.is_primary:
            return (Drop(Reason.STALE),)
        self._offered[received.digest] = message.block
        return self._propose_if_due()

    @property
    def _judge(self) -> Judge:
        head = self.head
        previous = head.certified_by if head.certified_by != head.membership else None
        return Judge(rules=self.rules, membership=head.membership, previous=previous, offset=self._offset)


def _block_of(proposal: Authenticated | None, digest: bytes) -> Block | None:
    if proposal is None or proposal.digest != digest or not isinstance(proposal.message, PrePrepare):
        return None
    return proposal.message.block
