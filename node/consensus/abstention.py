"""When a replica that does not know what it has signed may sign again (protocol 21.7).

It may have voted at one height above the highest certificate that it had seen, and the replicas whose commits made
that certificate may not have counted them yet: nothing it signed is more than two heights above their heads. Once
a certificate stands there, every height that it may have voted at is decided.
"""

from dataclasses import dataclass, field
from typing import Final

from chain.membership import Membership

HEIGHTS_ABOVE: Final = 2


@dataclass(slots=True)
class Abstention:
    """The first heads that peers reported since the replica came back."""

    membership: Membership
    reports: dict[int, int] = field(default_factory=dict)
    """Height by peer."""

    def reported(self, peer: int, height: int) -> None:
        """A peer says how far it is; what it says later does not matter."""
        self.reports.setdefault(peer, height)

    @property
    def until(self) -> int | None:
        """The height whose certificate ends it; None until enough peers have reported."""
        if self._rank < 1:
            return None
        highest = sorted(self.reports.values(), reverse=True)
        return highest[self._rank - 1] + HEIGHTS_ABOVE

    def is_over(self, height: int) -> bool:
        """Whether a head at `height` ends it."""
        return self.until is not None and height >= self.until

    @property
    def _rank(self) -> int:
        """Which of the heights, from the highest down, is not below every one that matters, and no boast.

        Of the quorum whose commits this replica's last vote was built on, at least quorum - 1 are others, and of
        them so many have reported: reports + quorum - n. It is one of the f faulty ones itself: at most f - 1 of
        them lie, and so many of the highest reports may be boasts.
        """
        size, faulty = self.membership.size, self.membership.faulty_max
        return min(faulty, len(self.reports) + self.membership.quorum - size - (faulty - 1))
