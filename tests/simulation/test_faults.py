"""Each kind of fault alone: it happens, and the network outlives it."""

from dataclasses import replace

import pytest

from simulation.machine import CALLS
from simulation.run import Run
from simulation.swarm import FAULTS, Settings


def settings_with(kind: str, seed: int = 1) -> Settings:
    return Settings(seed=seed, faults=(kind,), between_faults_us=400_000, safety_us=6_000_000, history=5)


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_that_is_on_happens_and_is_survived(kind: str) -> None:
    outcome = Run(settings_with(kind)).whole()
    assert outcome.faults == {kind: outcome.faults[kind]}
    assert outcome.faults[kind] >= 1
    assert outcome.blocks >= 20


def test_without_faults_nobody_changes_the_view() -> None:
    outcome = Run(Settings(seed=1)).whole()
    assert (outcome.faults, outcome.views, outcome.restarts, outcome.lost, outcome.doubled) == ({}, 0, 0, 0, 0)


def test_a_crash_comes_at_every_kind_of_call_into_the_world() -> None:
    """Crash at every effect: each hook of a process is one at which it dies in some run."""
    died: set[str] = set()
    for seed in range(20):
        run = Run(replace(settings_with("crash-at-effect", seed), flush_us=300_000))
        for machine in run.cluster.machines:
            machine.died_at = died
        run.whole()
    assert died == set(CALLS)


def test_at_most_f_have_forgotten_what_they_promised() -> None:
    run = Run(settings_with("wipe"))
    most = 0

    def look() -> None:
        nonlocal most
        most = max(most, len(run.cluster.forgetful))
        run.cluster.clock.after(10_000, look)

    look()
    assert run.whole().faults["wipe"] >= 2
    assert most == 1


def test_a_wiped_replica_signs_nothing_until_the_chain_has_passed_what_it_may_have_signed() -> None:
    lines: list[str] = []
    Run(settings_with("wipe"), lines.append).whole()
    assert any("signs again" in line for line in lines)


def test_after_a_night_a_replica_that_is_far_behind_takes_a_snapshot() -> None:
    taken = 0
    for seed in range(30):
        settings = Settings(
            seed=seed, faults=("night", "wipe", "isolate"), between_faults_us=300_000, safety_us=8_000_000, history=3
        )
        taken += Run(settings).whole().snapshots
    assert taken >= 1
