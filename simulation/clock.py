"""Virtual time: one queue of what will happen, and a clock of its own for every machine."""

from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush

SECOND_US = 1_000_000
MILLISECOND_US = 1_000


class Clock:
    """True time in microseconds since the start, and the queue; what is due at one instant keeps its order."""

    def __init__(self) -> None:
        self.now_us = 0
        self.happened = 0
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._order = 0

    def after(self, delay_us: int, act: Callable[[], None]) -> None:
        """Let `act` happen `delay_us` from now."""
        self._order += 1
        heappush(self._queue, (self.now_us + delay_us, self._order, act))

    def run(self, until_us: int, stop: Callable[[], bool] | None = None) -> bool:
        """Let things happen up to `until_us`, or until `stop`, which is asked after each; whether it stopped."""
        queue = self._queue
        while queue and queue[0][0] <= until_us:
            self.now_us, _, act = heappop(queue)
            self.happened += 1
            act()
            if stop is not None and stop():
                return True
        self.now_us = max(self.now_us, until_us)
        return False


@dataclass(slots=True)
class LocalClock:
    """What one machine takes for the time: off by a little, too fast or too slow, sometimes set by hand."""

    clock: Clock
    start_ms: int
    offset_ms: int = 0
    drift_ppm: int = 0
    shown_ms: int = 0
    """The latest time that it showed before somebody set it."""

    def now_ms(self) -> int:
        """The machine's time (ms since 1970)."""
        true_ms = self.clock.now_us // MILLISECOND_US
        return self.start_ms + true_ms + self.offset_ms + true_ms * self.drift_ppm // 1_000_000

    @property
    def latest_ms(self) -> int:
        """The latest time that it has ever shown."""
        return max(self.shown_ms, self.now_ms())

    def jump(self, by_ms: int) -> None:
        """Somebody sets the clock."""
        self.shown_ms = self.latest_ms
        self.offset_ms += by_ms
