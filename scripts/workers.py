"""One process per core for work that is cut in pieces."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.pool import Pool
from typing import Any


@contextmanager
def workers(
    most: int | None = None, begin: Callable[..., object] | None = None, given: tuple[Any, ...] = ()
) -> Iterator[Pool]:
    """A pool of processes, one per core and at most `most`, each of which calls `begin(*given)` first.

    An interrupt is the caller's affair: the processes do not hear it, and end with the context.
    """
    cores = os.cpu_count() or 1
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # which they inherit
    try:
        pool = multiprocessing.get_context("spawn").Pool(min(cores, most or cores), begin, given)
    finally:
        signal.signal(signal.SIGINT, before)
    with pool:
        yield pool
