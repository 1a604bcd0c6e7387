"""The messages of the height in flight, and of the few heights ahead.

The log only collects and counts; what follows from a count is decided in `normal_case`.
"""

from dataclasses import dataclass, field

from chain.membership import Membership
from chain.quorum import QuorumCertificate
from node.consensus.messages import FUTURE_HEIGHTS_MAX, Authenticated, Commit, PrePrepare, Prepare, place


@dataclass(slots=True)
class InFlight:
    """One height in one view: its proposal and the first vote of each replica and phase."""

    proposal: Authenticated | None = None
    valid: bool | None = None
    """Whether the proposed block passed execution; None while that is not known."""
    prepares: dict[int, Authenticated] = field(default_factory=dict)
    commits: dict[int, Authenticated] = field(default_factory=dict)

    def votes(self, vote: Authenticated) -> dict[int, Authenticated]:
        """The votes of the phase of `vote`, by signer."""
        return self.prepares if isinstance(vote.message, Prepare) else self.commits

    def prepared(self, membership: Membership, primary: int) -> bool:
        """prepared(m, v, n, i): the pre-prepare, and quorum - 1 matching prepares of distinct backups (4.2)."""
        if self.proposal is None or not self.valid:
            return False
        matching = sum(
            vote.block == self.proposal.block for signer, vote in self.prepares.items() if signer != primary
        )
        return matching >= membership.quorum - 1

    def certificate(self, membership: Membership, view: int) -> QuorumCertificate | None:
        """committed-local(m, v, n, i), as a proof: the first quorum of matching commits by place (4.2)."""
        if self.proposal is None:
            return None
        matching = sorted(
            signer for signer, vote in self.commits.items() if vote.block == self.proposal.block
        )
        if len(matching) < membership.quorum:
            return None
        signers = tuple(matching[: membership.quorum])
        signatures = tuple(self.commits[signer].signature for signer in signers)
        return QuorumCertificate(view=view, signers=signers, signatures=signatures)


@dataclass(slots=True)
class Future:
    """Messages for heights or views that are not in flight yet: bounded per sender, the farthest left out."""

    kept: dict[tuple[int, int, int, type], Authenticated] = field(default_factory=dict)
    """By (height, view, signer, kind)."""

    def keep(self, received: Authenticated, height: int) -> bool:
        """Keep a message for a height at most FUTURE_HEIGHTS_MAX ahead; False if it is too far or a repeat."""
        at, view = place(received.message)
        key = (at, view, received.signer, type(received.message))
        if at > height + FUTURE_HEIGHTS_MAX or key in self.kept:
            return False
        self.kept[key] = received
        return True

    def take(self, height: int) -> list[Authenticated]:
        """The messages for `height`, proposals first; those for lower heights are forgotten."""
        due = sorted((key for key in self.kept if key[0] <= height), key=_order)
        messages = [(key, self.kept.pop(key)) for key in due]
        return [message for key, message in messages if key[0] == height]


def _order(key: tuple[int, int, int, type]) -> tuple[int, int, int, int]:
    height, view, signer, kind = key
    return height, view, _rank(kind), signer


def _rank(kind: type) -> int:
    return (PrePrepare, Prepare, Commit).index(kind)
