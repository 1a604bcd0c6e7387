"""Every way through some views with one twin, the four places of it side by side on all cores."""

import multiprocessing
from collections.abc import Callable
from multiprocessing.sharedctypes import Synchronized
from typing import Final

from scripts.workers import workers
from simulation.twin_scenarios import REPLICAS, Explored, explore

PARTS: Final = 1_000
"""Into so many parts the work for one twin is divided when its progress is told."""
POLL_S: Final = 0.2

_progress: "list[Synchronized[int]]" = []
"""In a worker: how many parts all workers have done."""


def explore_all(views: int, done: Callable[[int], None]) -> list[Explored]:
    """For a twin of every place; `done` is told how many of REPLICAS * PARTS parts are over."""
    progress = multiprocessing.get_context("spawn").Value("i", 0)
    with workers(REPLICAS, _begin, (progress,)) as pool:
        results = [pool.apply_async(_explore, (twin, views)) for twin in range(REPLICAS)]
        for result in results:
            while not result.ready():
                result.wait(POLL_S)
                done(progress.value)
        return [result.get() for result in results]


def _begin(progress: "Synchronized[int]") -> None:
    _progress.append(progress)


def _explore(twin: int, views: int) -> Explored:
    told = 0

    def tell(number: int, of: int) -> None:
        nonlocal told
        parts = PARTS * number // of
        with _progress[0].get_lock():
            _progress[0].value += parts - told
        told = parts

    return explore(twin, views, tell)
