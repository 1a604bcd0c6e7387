"""Many runs, one for each seed."""

from collections.abc import Iterator
from functools import partial

from scripts.workers import workers
from tests.contracts.model.play import Differs, Play, Tally

Done = tuple[int, Tally, str]
"""The seed, what was done, and what went wrong if something did."""


def played(seed: int, calls: int) -> Done:
    """One run to its end, or to the first difference."""
    play = Play(seed)
    try:
        play.run(calls)
    except Differs as differs:
        return seed, play.tally, str(differs)
    except Exception as broken:
        broken.add_note(f"seed {seed}, call {play.calls}")
        raise
    return seed, play.tally, ""


def all_played(seeds: range, calls: int) -> Iterator[Done]:
    """All of them, on all cores, as they come to their ends."""
    with workers() as pool:
        yield from pool.imap_unordered(partial(played, calls=calls), seeds)
