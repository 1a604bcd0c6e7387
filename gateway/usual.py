"""How long things have taken lately, as this gateway has seen it since its start."""

from collections import deque
from collections.abc import Hashable
from statistics import median
from typing import Final

RECENT: Final = 20
"""How many of a kind say what is usual."""
KINDS_MAX: Final = 1_000


class Usual:
    """The newest durations (ms) of each kind, forgotten with the process."""

    def __init__(self) -> None:
        self._lately: dict[Hashable, deque[float]] = {}

    def add(self, kind: Hashable, ms: float) -> None:
        """One more."""
        if kind in self._lately or len(self._lately) < KINDS_MAX:
            self._lately.setdefault(kind, deque(maxlen=RECENT)).append(ms)

    def of(self, kind: Hashable) -> tuple[int | None, int]:
        """The median (ms), and of how many; (None, 0) if none was seen."""
        seen = self._lately.get(kind, ())
        return (round(median(seen)), len(seen)) if seen else (None, 0)
