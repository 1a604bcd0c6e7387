"""An interrupt while the pool is made, or while it works, ends all of it."""

import multiprocessing
import os
import signal
from collections.abc import Set as AbstractSet

import pytest

from scripts.workers import workers


class InterruptingWhenPickled:
    """What a new process is given is pickled while the pool is made."""

    def __reduce__(self) -> tuple[type[int], tuple[()]]:
        os.kill(os.getpid(), signal.SIGINT)
        return int, ()


def blocked() -> AbstractSet[signal.Signals | int]:
    return signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_an_interrupt_while_the_pool_is_made_is_heard_once_it_stands() -> None:
    before = blocked()
    with pytest.raises(KeyboardInterrupt), workers(1, int, (InterruptingWhenPickled(),)):
        pytest.fail("the interrupt was lost")
    assert multiprocessing.active_children() == []
    assert blocked() == before


def test_the_processes_do_not_hear_an_interrupt_and_the_caller_does() -> None:
    with workers(1) as pool:
        assert signal.SIGINT in pool.apply(blocked)
        assert signal.SIGINT not in blocked()
