"""Whether a primary leaves a request out: counted in blocks, never in time (protocol 22.4).

An overloaded primary makes full blocks and takes the oldest requests with them; a censoring one makes blocks too,
but not with this request. Half-way the request is passed to everybody again, marked as urgent.
"""

from dataclasses import dataclass
from typing import Final

INCLUSION_BLOCKS: Final = 24
"""More than a full pool has blocks, so that a correct primary always comes to it."""
URGENT_BLOCKS: Final = 12
URGENT_MAX: Final = 16
"""How many requests are urgent at once: what one replica may put in front of everybody's."""


@dataclass(slots=True)
class Inclusion:
    """The oldest request of the pool, and the height at which it became that."""

    oldest: bytes | None = None
    since: int = 0

    def committed(self, height: int, oldest: bytes | None) -> None:
        """Block `height` is committed; `oldest` is the id of the oldest request that is left."""
        if oldest != self.oldest:
            self.oldest, self.since = oldest, height

    def restart(self, height: int) -> None:
        """Another primary has the same time."""
        self.since = height

    def is_urgent(self, height: int) -> bool:
        """Whether the request is to be passed on again, as urgent."""
        return self.oldest is not None and height - self.since >= URGENT_BLOCKS

    def is_overdue(self, height: int) -> bool:
        """Whether the primary leaves it out."""
        return self.oldest is not None and height - self.since >= INCLUSION_BLOCKS
