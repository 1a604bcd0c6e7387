"""Promises and leaps: each checker is shown what must not be, and says so."""

import pytest

from node.consensus.messages import Envelope, Prepare, ViewChange
from simulation.observer import Violation
from simulation.run import Run
from simulation.swarm import Settings
from simulation.view_checkers import Leaps, Promises

CLUSTER = Run(Settings(seed=1)).cluster
MACHINE, OTHER = CLUSTER.machines[:2]


def asks(view: int) -> Envelope:
    return Envelope(
        signer=0,
        signature=b"c" + bytes(62) + bytes([view]),
        message=ViewChange(view=view, committed=None, prepared=None),
    )


def votes(view: int) -> Envelope:
    return Envelope(
        signer=0, signature=b"v" + bytes(62) + bytes([view]), message=Prepare(view=view, height=1, block=bytes(32))
    )


def test_who_has_asked_for_a_view_says_nothing_new_in_a_lower_one() -> None:
    checker = Promises(set(), set())
    checker.cast(MACHINE, votes(0))
    checker.cast(MACHINE, asks(2))
    checker.cast(MACHINE, votes(0))  # again, not anew
    checker.cast(MACHINE, votes(2))
    checker.cast(OTHER, votes(3))
    with pytest.raises(Violation, match="in view 1 and has asked for 2"):
        checker.cast(MACHINE, votes(1))


def test_who_has_lost_its_disk_is_not_held_to_what_it_promised() -> None:
    checker = Promises({MACHINE.place}, set())
    checker.cast(MACHINE, asks(2))
    checker.started(MACHINE)
    checker.cast(MACHINE, votes(0))
    unaware = Promises(set(), {MACHINE.place})
    unaware.cast(MACHINE, asks(2))
    unaware.cast(MACHINE, votes(0))
    assert unaware.checked == 0


def test_nobody_is_in_a_view_two_beyond_everybody() -> None:
    checker = Leaps()
    for view in (0, 1, 2, 1):
        checker.cast(MACHINE, asks(view))
    with pytest.raises(Violation, match="is in view 4, nobody honest was beyond 2"):
        checker.cast(OTHER, asks(4))
