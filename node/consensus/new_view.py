"""What a new view is bound to, as pure functions of the view changes that it shows (Castro and Liskov 1999, 4.4).

With one height in flight the paper's computation of the set O becomes: go on after the highest committed header,
and propose again what is prepared there in the highest view, if anything is.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from chain.ids import View
from chain.light_client import CertifiedHeader, commit_fault, same_chain, same_network
from chain.membership import Membership
from chain.rules import ChainRules
from node.consensus.messages import (
    NewView,
    PreparedCertificate,
    SignedViewChange,
    ViewChange,
    is_prepared,
    place,
    signed_bytes,
)


@dataclass(frozen=True, slots=True)
class Selection:
    """The height that a new view goes on with, and what is prepared there; None: the primary is free."""

    height: int
    prepared: PreparedCertificate | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """What view changes of one chain are judged by.

    `membership` certifies the height in flight; `previous` is the set before it, if that was another one: a head
    just before the change was certified by it.
    """

    rules: ChainRules
    membership: Membership
    previous: Membership | None
    offset: int

    def allows(self, change: ViewChange) -> bool:
        """Whether everything that a view change shows is proven."""
        if change.committed is not None and not self._is_certified(change.committed):
            return False
        prepared = change.prepared
        if prepared is None:
            return True
        if prepared.height != place(change)[0] or prepared.view >= change.view:
            return False
        membership = self._next(change.committed)
        if membership is None:
            return False
        primary = membership.primary(View(prepared.view), self.offset)
        return is_prepared(self.rules, prepared, membership, primary=primary)

    def opens(self, new_view: NewView, signer: int) -> Selection | None:
        """What the new view is bound to if its primary signed it and a quorum wants it; else None."""
        changes = new_view.view_changes
        if (
            signer != self.membership.primary(View(new_view.view), self.offset)
            or len(changes) != self.membership.quorum
        ):
            return None
        if any(later.signer <= earlier.signer for earlier, later in pairwise(changes)):
            return None
        if not all(self._wants(change, new_view.view) for change in changes):
            return None
        return select(change.message for change in changes)

    def _wants(self, change: SignedViewChange, view: int) -> bool:
        """The member that is named signed this view change, it is for `view`, and what it shows is proven."""
        if change.message.view != view or not self.membership.has(change.signer):
            return False
        statement, _ = signed_bytes(self.rules, change.message)
        key = self.membership.key(change.signer)
        return self.rules.consensus_verify(key, statement, change.signature) and self.allows(change.message)

    def _is_certified(self, committed: CertifiedHeader) -> bool:
        header = committed.header
        membership = self._named(header.membership)
        return (
            membership is not None
            and same_network(self.rules, header)
            and same_chain(self.rules, header)
            and commit_fault(self.rules, committed, membership) is None
        )

    def _next(self, committed: CertifiedHeader | None) -> Membership | None:
        """The set that certifies the height after a head."""
        return self.membership if committed is None else self._named(committed.header.next_membership)

    def _named(self, digest: bytes) -> Membership | None:
        for membership in (self.membership, self.previous):
            if membership is not None and self.rules.membership_digest(membership) == digest:
                return membership
        return None


def select(changes: Iterable[ViewChange]) -> Selection:
    """Go on after the highest committed height with what is prepared there in the highest view, or free.

    Total, and independent of the order of `changes`: two certificates of one view for different blocks, which at
    most f faulty replicas cannot make, are told apart by the digest.
    """
    all_changes = tuple(changes)
    height = max(place(change)[0] for change in all_changes)
    there = [change.prepared for change in all_changes if place(change)[0] == height and change.prepared is not None]
    return Selection(height, max(there, key=lambda prepared: (prepared.view, prepared.block), default=None))
