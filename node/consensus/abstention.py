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
        if len(self.reports) < self._needed:
            self.reports.setdefault(peer, height)

    @property
    def until(self) -> int | None:
        """The height whose certificate ends it; None until enough peers have reported.

        This replica is one of the f faulty ones, so at most f - 1 reports are lies: the f-th highest is not above
        every correct one.
        """
        if len(self.reports) < self._needed:
            return None
        highest = sorted(self.reports.values(), reverse=True)
        return highest[max(self.membership.faulty_max, 1) - 1] + HEIGHTS_ABOVE

    def is_over(self, height: int) -> bool:
        """Whether a head at `height` ends it."""
        return self.until is not None and height >= self.until

    @property
    def _needed(self) -> int:
        """Among so many peers is one whose commits this replica's votes were built on."""
        return self.membership.quorum - 1
