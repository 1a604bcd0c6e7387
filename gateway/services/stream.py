"""The gateway's stream of events: whoever listens is told; whoever is slow is cut off and resumes by number."""

import asyncio
from typing import Final

from gateway.search import ALL_EVENTS, IndexedEvent, Wanted

LISTENERS_MAX: Final = 500
QUEUE_MAX: Final = 10_000


class EventStream:
    """All listeners."""

    def __init__(self) -> None:
        self._queues: dict[asyncio.Queue[IndexedEvent | None], Wanted] = {}

    def __len__(self) -> int:
        return len(self._queues)

    @property
    def full(self) -> bool:
        """Whether no further listener is taken."""
        return len(self._queues) >= LISTENERS_MAX

    @property
    def wanted(self) -> Wanted | None:
        """What all of them want together; None if nobody listens."""
        if not self._queues:
            return None
        every = all(wanted.kinds for wanted in self._queues.values())
        return Wanted(kinds=frozenset().union(*(one.kinds for one in self._queues.values())) if every else frozenset())

    def publish(self, events: list[IndexedEvent]) -> None:
        """Tell everybody what they want."""
        for queue, wanted in list(self._queues.items()):
            for event in filter(wanted.takes, events):
                if queue.qsize() >= QUEUE_MAX:
                    del self._queues[queue]
                    queue.put_nowait(None)
                    break
                queue.put_nowait(event)

    def open(self, wanted: Wanted = ALL_EVENTS) -> asyncio.Queue[IndexedEvent | None]:
        """A new listener's queue; None in it means that it was too slow."""
        queue: asyncio.Queue[IndexedEvent | None] = asyncio.Queue()
        self._queues[queue] = wanted
        return queue

    def close(self, queue: asyncio.Queue[IndexedEvent | None]) -> None:
        """The listener is gone."""
        self._queues.pop(queue, None)
