"""Changing views: what a replica does when nothing moves (Castro and Liskov 1999, section 4.4; rules R8 to R12)."""

from typing import Final

from chain.ids import View
from node.consensus.effects import Accept, Behind, Drop, Effect, Reason, Resend, Show
from node.consensus.head import OUTSIDE
from node.consensus.messages import Authenticated, NewView, ViewChange, place
from node.consensus.normal_case import NormalCase
from node.consensus.standing import Effects

RESEND_MAX: Final = 16
"""The pause between two resends doubles until it is so many times the first."""


class ChangingViews(NormalCase):
    """What a replica does about its primary."""

    def _on_tick(self, *, reachable: bool) -> Effects:
        """R8, R9; and the pool may hold by now what can go into a block."""
        if not self.pending:
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
        adopted = self._adopt(change.committed)
        reached = self._changes.reached(self.membership, self.replica_id)
        if reached > self.view:
            self._patience.failed()
            return (*behind, *self._change_view(View(reached)), *adopted)
        return (*behind, *self._open_view(), *adopted)

    def _open_view(self) -> Effects:
        """R10."""
        if not (self.changing and self.is_primary):
            return ()
        changes = self._changes.quorum_for(self.membership, self.view, self.replica_id, self.height)
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
        adopted = [effect for change in new_view.view_changes for effect in self._adopt(change.message.committed)]
        self._enter_view(View(new_view.view), received)
        return (*effects, *self._show_block(), *self._hear_early(), *adopted)

    def _show_block(self) -> Effects:
        """The primary may lack the block that its view is bound to; whoever has voted for it has it."""
        bound = self._bound_block
        known = None if bound is None or self.is_primary else self._blocks.get(bound)
        return () if known is None or self._flight.proposal is not None else (Show(self.primary, known.envelope),)
