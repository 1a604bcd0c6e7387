"""The count of ticks without progress, and how long that may go on (Castro and Liskov 1999, section 4.5.2).

There is no timer object: whoever holds the count asks on every tick, and only while something is pending.
"""

from dataclasses import dataclass
from typing import Final

GROWTH_MAX: Final = 3
"""The time-out doubles with every view that fails, at most so often: after an outage nobody waits for hours."""
UNREACHABLE_WEIGHT: Final = 5
"""A primary that cannot be sent to is given up so many times sooner than one that is merely silent."""


@dataclass(slots=True)
class Patience:
    """`base` ticks at first; twice as many after each change of view in a row, half as many after each commit."""

    base: int
    ticks: int = 0
    failures: int = 0

    @property
    def limit(self) -> int:
        """The ticks after which a view has failed."""
        return self.base << self.failures

    def begin(self) -> None:
        """What is waited for has come, or nothing is waited for."""
        self.ticks = 0

    def failed(self) -> None:
        """A view is given up: the next one is given more time."""
        self.ticks = 0
        self.failures = min(self.failures + 1, GROWTH_MAX)

    def succeeded(self) -> None:
        """A block is committed."""
        self.ticks = 0
        self.failures = max(self.failures - 1, 0)

    def tick(self, *, reachable: bool) -> bool:
        """One tick without progress; whether that was one too many."""
        self.ticks += 1 if reachable else UNREACHABLE_WEIGHT
        return self.ticks >= self.limit
