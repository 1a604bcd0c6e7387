"""Where a replica stands: its head, its view, and what it holds of the height in flight.

Nothing is decided here but what follows from the record itself; the rules are in `normal_case` and `changing_views`.
"""

from typing import Final

from chain.ids import View
from chain.light_client import CertifiedHeader
from chain.membership import Membership
from chain.rules import ChainRules
from node.consensus.effects import Cast, Effect
from node.consensus.head import OUTSIDE, Head, place_of
from node.consensus.log import Future, InFlight
from node.consensus.messages import Authenticated, NewView, PreparedCertificate, PrePrepare, ViewChange, Vote
from node.consensus.new_view import Judge, Selection, select
from node.consensus.patience import Patience
from node.consensus.view_change import ViewChanges

Effects = tuple[Effect, ...]


BLOCKS_MAX: Final = 8
"""How many different blocks of one height are kept: there is one, but for views that failed."""


class Standing:
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
        self._blocks: dict[bytes, Authenticated] = {}
        """Proposals for the height in flight that were found valid here, or shown, by digest: who else has them?"""
        self._key = key
        self._offset = primary_offset
        self._flight = InFlight()
        self._future = Future()
        self._changes = ViewChanges()
        self._opened: Authenticated | None = None
        """The new view that opened the present view here."""
        self._bound: Selection | None = None
        self._cast_kinds: set[type] = set()
        """R7: the kinds of message cast for this height and view, durable or on their way to the disk."""
        self._building = False
        self._wanted = False
        self._patience = Patience(rules.profile.progress_ticks)
        self._quiet = 0
        self._resend_at = self._resend_first
        self.replica_id = place_of(head.membership, key)

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
        """A request waits, a block is to be proposed or committed, or a view is changing. Only then do ticks matter."""
        to_commit = self._flight.proposal is not None or self._bound_block is not None
        return self._wanted or self._building or to_commit or self.changing

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
        """What this replica holds of `peer`'s own messages that bind: it may have forgotten them."""
        wanted = self._changes.kept.get(peer)
        return self._flight.cast_by(peer) if wanted is None else (*self._flight.cast_by(peer), wanted)

    def _cast(
        self, message: Vote | PrePrepare | ViewChange | NewView, prepared: PreparedCertificate | None = None
    ) -> Effects:
        """R7; whoever is not a member, or does not know what it has signed, casts nothing."""
        if type(message) in self._cast_kinds or self.abstains or self.replica_id == OUTSIDE:
            return ()
        self._cast_kinds.add(type(message))
        return (Cast(message, prepared),)

    def _cast_view_change(self) -> Effects:
        head = self.head
        committed = None
        if head.certificate is not None:
            committed = CertifiedHeader(header=head.header, certificate=head.certificate)
        return self._cast(ViewChange(view=self.view, committed=committed, prepared=self.prepared))

    def _begin_waiting(self) -> None:
        """Something is about to be pending: if nothing was, patience begins now."""
        if not self.pending:
            self._patience.begin()
            self._quiet, self._resend_at = 0, self._resend_first

    def _clear_flight(self) -> None:
        """Another height or view: nothing is in flight."""
        self._flight = InFlight()
        self._cast_kinds = set()
        self._building = False
        self._quiet, self._resend_at = 0, self._resend_first

    def _keep_block(self, proposal: Authenticated) -> None:
        """Keep a block for those who will lack it: what is prepared always, and the latest few."""
        self._blocks[proposal.digest] = proposal
        if len(self._blocks) > BLOCKS_MAX:
            needed = None if self.prepared is None else self.prepared.block
            del self._blocks[next(digest for digest in self._blocks if digest != needed)]

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

    @property
    def _judge(self) -> Judge:
        head = self.head
        previous = head.certified_by if head.certified_by != head.membership else None
        return Judge(rules=self.rules, membership=head.membership, previous=previous, offset=self._offset)

    @property
    def _resend_first(self) -> int:
        return max(2, self.rules.profile.progress_ticks // 4)
