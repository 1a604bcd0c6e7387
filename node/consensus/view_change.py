"""Who wants which view: the last view change of every replica, and what follows from their number."""

from dataclasses import dataclass, field

from chain.membership import Membership
from node.consensus.messages import Authenticated, SignedViewChange, ViewChange, place


@dataclass(slots=True)
class ViewChanges:
    """The valid view change of the highest (view, height) of each replica, the own one among them."""

    kept: dict[int, Authenticated] = field(default_factory=dict)

    def add(self, received: Authenticated) -> bool:
        """Keep a valid view change; False if one as high is kept already."""
        earlier = self.kept.get(received.signer)
        if earlier is not None and _rank(earlier) >= _rank(received):
            return False
        self.kept[received.signer] = received
        return True

    def forget(self, view: int) -> None:
        """A view is entered: who wanted it or a lower one has what it wanted."""
        self.kept = {signer: kept for signer, kept in self.kept.items() if _rank(kept)[0] > view}

    def reached(self, membership: Membership, own: int) -> int:
        """The highest view that f + 1 other replicas want or have passed, so that a correct one does; 0 if none."""
        views = sorted((_rank(kept)[0] for signer, kept in self.kept.items() if signer != own), reverse=True)
        return views[membership.faulty_max] if len(views) > membership.faulty_max else 0

    def has_quorum(self, membership: Membership, view: int) -> bool:
        """Whether a quorum wants `view` or a higher one."""
        return sum(_rank(kept)[0] >= view for kept in self.kept.values()) >= membership.quorum

    def quorum_for(self, membership: Membership, view: int, own: int, height: int) -> tuple[SignedViewChange, ...]:
        """A quorum that wants `view` and this replica with it, ascending; empty if there is none yet.

        Those first that go on at `height` or below: the block under a higher head would have to be fetched first.
        """
        wanting = {signer: kept for signer, kept in self.kept.items() if _rank(kept)[0] == view}
        if own not in wanting or len(wanting) < membership.quorum:
            return ()
        others = sorted(
            (signer for signer in wanting if signer != own),
            key=lambda signer: (_rank(wanting[signer])[1] > height, signer),
        )
        return tuple(_signed(wanting[signer]) for signer in sorted([own, *others[: membership.quorum - 1]]))


def _message(kept: Authenticated) -> ViewChange:
    assert isinstance(kept.message, ViewChange)
    return kept.message


def _rank(kept: Authenticated) -> tuple[int, int]:
    height, view = place(kept.message)
    return view, height


def _signed(kept: Authenticated) -> SignedViewChange:
    return SignedViewChange(signer=kept.signer, signature=kept.signature, message=_message(kept))
