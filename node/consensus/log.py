"""The messages of the height in flight, and of the few heights ahead.

The log only collects and counts; what follows from a count is decided in `replica`.
"""

from dataclasses import dataclass, field
from typing import Final

from chain.membership import Membership
from chain.quorum import QuorumCertificate
from node.consensus.messages import (
    Authenticated,
    Commit,
    Prepare,
    PreparedCertificate,
    PrePrepare,
    place,
)

FUTURE_HEIGHTS_MAX: Final = 8
"""How many heights ahead votes of one sender are kept."""
FUTURE_PROPOSALS_MAX: Final = 2
"""How many heights ahead proposals are kept: they are large, and a replica farther behind fetches blocks."""


@dataclass(slots=True)
class InFlight:
    """One height in one view: its proposal and the first vote of each replica and phase."""

    proposal: Authenticated | None = None
    valid: bool | None = None
    """Whether the proposed block passed execution; None while that is not known."""
    next_membership: Membership | None = None
    """If it is valid: the set that certifies the height after it."""
    prepares: dict[int, Authenticated] = field(default_factory=dict)
    commits: dict[int, Authenticated] = field(default_factory=dict)

    def votes(self, vote: Authenticated) -> dict[int, Authenticated]:
        """The votes of the phase of `vote`, by signer."""
        return self.prepares if isinstance(vote.message, Prepare) else self.commits

    def cast_by(self, signer: int) -> tuple[Authenticated, ...]:
        """Everything that is here of one signer."""
        own = (self.proposal, self.prepares.get(signer), self.commits.get(signer))
        return tuple(message for message in own if message is not None and message.signer == signer)

    def prepared(self, membership: Membership) -> PreparedCertificate | None:
        """Prepared, as a proof: the pre-prepare and quorum - 1 prepares of distinct backups (4.2).

        Only backups are among the prepares: the replica drops a primary's.
        """
        assert self.proposal is not None and self.valid  # noqa: PT018
        signers = self._matching(self.prepares, membership.quorum - 1)
        if not signers:
            return None
        height, view = place(self.proposal.message)
        return PreparedCertificate(
            view=view,
            height=height,
            block=self.proposal.digest,
            pre_prepare=self.proposal.signature,
            signers=tuple(signers),
            prepares=tuple(self.prepares[signer].signature for signer in signers),
        )

    def certificate(self, membership: Membership) -> QuorumCertificate | None:
        """Committed-local, as a proof: the first quorum of matching commits by place (4.2)."""
        assert self.proposal is not None
        signers = self._matching(self.commits, membership.quorum)
        if not signers:
            return None
        _, view = place(self.proposal.message)
        signatures = tuple(self.commits[signer].signature for signer in signers)
        return QuorumCertificate(view=view, signers=tuple(signers), signatures=signatures)

    def _matching(self, votes: dict[int, Authenticated], needed: int) -> list[int]:
        """The first so many by place who voted for the proposed block; empty if there are not so many."""
        assert self.proposal is not None
        if len(votes) < needed:
            return []
        block = self.proposal.digest
        signers = sorted(signer for signer, vote in votes.items() if vote.digest == block)
        return signers[:needed] if len(signers) >= needed else []


@dataclass(slots=True)
class Future:
    """Messages for heights and views that are not in flight yet: per sender, height and kind the highest view's."""

    kept: dict[tuple[int, int, int], Authenticated] = field(default_factory=dict)
    """By (height, rank of the kind, signer)."""

    def admits(self, received: Authenticated, height: int) -> bool:
        """Whether a message is for `height`, the one in flight, or one of the few after it."""
        far = FUTURE_PROPOSALS_MAX if isinstance(received.message, PrePrepare) else FUTURE_HEIGHTS_MAX
        return height <= place(received.message)[0] <= height + far

    def keep(self, received: Authenticated) -> bool:
        """Keep a message that is admitted; False if one of the same view or a higher one is kept already."""
        at, view = place(received.message)
        key = (at, _RANKS[type(received.message)], received.signer)
        earlier = self.kept.get(key)
        if earlier is not None and place(earlier.message)[1] >= view:
            return False
        self.kept[key] = received
        return True

    def take(self, height: int, view: int) -> list[Authenticated]:
        """The messages for `height` and `view`, proposals first; those for lower ones are forgotten."""
        due = sorted(key for key, kept in self.kept.items() if place(kept.message) <= (height, view))
        messages = [self.kept.pop(key) for key in due]
        return [message for message in messages if place(message.message) == (height, view)]


_RANKS: Final[dict[type, int]] = {PrePrepare: 0, Prepare: 1, Commit: 2}
