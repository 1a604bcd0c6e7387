"""One process per core for work that is cut in pieces."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
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
    resource_tracker.ensure_running()  # which would unblock the signal when it starts
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])  # inherited; and one that comes now waits
    try:
        with multiprocessing.get_context("spawn").Pool(min(cores, most or cores), begin, given) as pool:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            yield pool
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
