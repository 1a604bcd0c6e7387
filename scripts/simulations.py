"""Many seeds on all cores: one process per core, each run in one thread of it."""

import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Final

from scripts.workers import workers
from simulation.observer import Violation
from simulation.run import Outcome, run

CHUNK: Final = 4
"""Seeds that a process takes at once."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A seed that did not hold, in one sentence, and where that was seen."""

    seed: int
    sentence: str
    where: str


def attempt(
    seed: int,
    replicas: int | None = None,
    show: Callable[[str], None] | None = None,
    twins: bool = False,  # noqa: FBT001, FBT002 - passed on by a pool
) -> Outcome | Failure:
    """One seed; whatever goes wrong in it is a failure."""
    try:
        return run(seed, replicas=replicas, twins=twins, show=show)
    except Violation as violation:
        return Failure(seed, str(violation), traceback.format_exc())
    except Exception as problem:  # noqa: BLE001 - any exception in the code under test is one
        return Failure(seed, f"{type(problem).__name__}: {problem}", traceback.format_exc())


def attempt_many(
    seeds: Iterable[int], *, replicas: int | None, done: Callable[[int], None], twins: bool = False
) -> tuple[list[Outcome], Failure | None]:
    """All seeds, or up to the first that fails; `done` is told how many are over."""
    outcomes: list[Outcome] = []
    with workers() as pool:
        for result in pool.imap_unordered(partial(attempt, replicas=replicas, twins=twins), seeds, CHUNK):
            if isinstance(result, Failure):
                return outcomes, result
            outcomes.append(result)
            done(len(outcomes))
    return outcomes, None
