"""For every deliberate defect the first seed that catches it: what `tests/simulation/defect_seeds.txt` holds."""

from collections.abc import Callable
from functools import partial

from scripts.simulations import Failure, attempt
from scripts.workers import workers
from simulation.defects import DEFECTS


def hunt(seeds: int, done: Callable[[int], None]) -> dict[str, int | None]:
    """Defect -> the first of so many seeds on which a checker that should see it does; None if none does."""
    found: dict[str, int | None] = {}
    with workers() as pool:
        for name, seed in pool.imap_unordered(partial(first_caught, seeds=seeds), DEFECTS):
            found[name] = seed
            done(len(found))
    return {name: found[name] for name in DEFECTS}


def first_caught(name: str, seeds: int) -> tuple[str, int | None]:
    """The name again, and the seed."""
    return name, next((seed for seed in range(seeds) if is_caught(name, seed)), None)


def is_caught(name: str, seed: int) -> bool:
    """Whether the right checker sees the defect in the run of this seed."""
    defect = DEFECTS[name]
    with defect.present():
        result = attempt(seed)
    return isinstance(result, Failure) and result.sentence.split(":")[0] in defect.seen_by
