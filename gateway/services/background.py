"""Work that goes on behind requests: one task per job, ended with the gateway."""

import asyncio
from collections.abc import Coroutine
from typing import Any


class Background:
    """All running tasks by name."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Begin `work`; it is forgotten when it ends."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks[name] = task
        task.add_done_callback(lambda _: self._tasks.pop(name, None))

    async def stop(self) -> None:
        """End everything; what was under way is taken up again at the next start."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
