"""Whom a replica's host asks for the blocks it lacks, and when.

What a peer says of its height is a claim. It is a reason to ask that peer, never one to ask it before others:
peers are asked in turn, and one whose answer brings nothing, or comes late, goes to the end of the line.
"""

from typing import Final

ASK_AFTER_TICKS: Final = 2
"""A block usually commits by votes that are already on their way; asking at once would ask for nothing."""
LATE_TICKS: Final = 5
PATIENCE_TICKS: Final = 20


class BlockSync:
    """The claims of peers and the one question that is open at a time."""

    def __init__(self) -> None:
        self._claims: dict[int, int] = {}
        """Height by peer, in the order in which they are asked."""
        self._asked: int | None = None
        self._ticks = 0
        self._lacking: tuple[int, set[int]] = (0, set())
        """A height, and the peers that were asked in vain for the block after it."""

    @property
    def asked(self) -> int | None:
        """The peer whose answer is awaited."""
        return self._asked

    def claimed(self, peer: int, height: int) -> None:
        """A peer says how far it is."""
        self._claims[peer] = height

    def implied(self, peer: int, height: int) -> None:
        """A message of `peer` makes sense only if it has committed `height`."""
        self._claims[peer] = max(height, self._claims.get(peer, 0))

    def lost(self, peer: int) -> None:
        """The link to a peer is gone, and with it what it said."""
        self._claims.pop(peer, None)
        if self._asked == peer:
            self._asked = None

    def leading(self, height: int) -> tuple[int, ...]:
        """The peers that say they are above `height`."""
        return tuple(sorted(peer for peer, claim in self._claims.items() if claim > height))

    def lagging(self, height: int) -> tuple[int, ...]:
        """The peers that say they are below `height`."""
        return tuple(sorted(peer for peer, claim in self._claims.items() if claim < height))

    def tick(self, height: int, connected: frozenset[int]) -> int | None:
        """One tick at `height`: the peer to ask now, if any."""
        if all(claim <= height for claim in self._claims.values()):
            self._asked, self._ticks = None, 0
            return None
        self._ticks += 1
        if self._ticks < (ASK_AFTER_TICKS if self._asked is None else PATIENCE_TICKS):
            return None
        if self._asked is not None:
            self._lacks(self._asked, height)
            self._to_the_end(self._asked)
        return self._ask(height, connected)

    def answered(self, peer: int, height: int, connected: frozenset[int], *, useful: bool) -> int | None:
        """The peer's blocks are dealt with and the head is now at `height`: the peer to ask at once, if any."""
        if peer != self._asked:
            return None
        self._asked = None
        if not useful:
            self._claims[peer] = 0  # until it says again how far it is
        if not useful or self._ticks > LATE_TICKS:
            self._to_the_end(peer)
        self._ticks = ASK_AFTER_TICKS
        return self._ask(height, connected) if useful else None

    def is_pruned(self, peer: int, height: int, connected: frozenset[int]) -> bool:
        """`peer`, which claimed to be above `height`, says that it has nothing: whether nobody else has it either."""
        self._lacks(peer, height)
        ahead = {other for other, claim in self._claims.items() if claim > height and other in connected}
        return ahead <= self._lacking[1]

    def _lacks(self, peer: int, height: int) -> None:
        if self._lacking[0] != height:
            self._lacking = (height, set())
        self._lacking[1].add(peer)

    def _ask(self, height: int, connected: frozenset[int]) -> int | None:
        ahead = (peer for peer, claim in self._claims.items() if claim > height and peer in connected)
        self._asked = next(ahead, None)
        if self._asked is not None:
            self._ticks = 0
        return self._asked

    def _to_the_end(self, peer: int) -> None:
        self._claims[peer] = self._claims.pop(peer)
