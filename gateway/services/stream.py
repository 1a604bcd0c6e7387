"""The gateway's stream of events: whoever listens is told; whoever is slow is cut off and resumes by number."""

import asyncio
from typing import Final

from gateway.search import IndexedEvent

LISTENERS_MAX: Final = 500
QUEUE_MAX: Final = 10_000


class EventStream:
    """All listeners."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[IndexedEvent | None]] = set()

    def __len__(self) -> int:
        return len(self._queues)

    @property
    def full(self) -> bool:
        """Whether no further listener is taken."""
        return len(self._queues) >= LISTENERS_MAX

    def publish(self, events: list[IndexedEvent]) -> None:
        """Tell everybody."""
        for queue in list(self._queues):
            for event in events:
                if queue.qsize() >= QUEUE_MAX:
                    self._queues.discard(queue)
                    queue.put_nowait(None)
                    break
                queue.put_nowait(event)

    def open(self) -> asyncio.Queue[IndexedEvent | None]:
        """A new listener's queue; None in it means that it was too slow."""
        queue: asyncio.Queue[IndexedEvent | None] = asyncio.Queue()
        self._queues.add(queue)
        return queue

    def close(self, queue: asyncio.Queue[IndexedEvent | None]) -> None:
        """The listener is gone."""
        self._queues.discard(queue)
