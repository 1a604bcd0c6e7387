"""Each way of lying alone: the lies are told, and the honest ones agree and go on."""

import pytest

from node.consensus.effects import Reason
from simulation.byzantine import LIARS
from simulation.run import Outcome, Run
from simulation.swarm import Settings

EQUIVOCATING = ("equivocating-proposals", "equivocating-votes")
STIR = ("isolate", "crash")
"""A little trouble, so that views change and whoever lies becomes primary."""


def outcome_with(behaviour: str, *, seed: int = 1, place: int = 1, replicas: int = 4) -> Outcome:
    settings = Settings(
        seed=seed, replicas=replicas, faults=STIR, between_faults_us=600_000, byzantine=((place, behaviour),)
    )
    return Run(settings).whole()


@pytest.mark.parametrize("behaviour", LIARS)
def test_a_liar_lies_and_is_survived(behaviour: str) -> None:
    outcomes = [outcome_with(behaviour, seed=seed, place=seed % 4) for seed in range(3)]
    assert sum(outcome.faults.get(behaviour, 0) for outcome in outcomes) >= 1
    assert all(outcome.blocks >= 20 for outcome in outcomes)


@pytest.mark.parametrize("behaviour", EQUIVOCATING)
def test_whoever_is_heard_saying_two_things_is_convicted_on_chain(behaviour: str) -> None:
    assert sum(outcome_with(behaviour, seed=seed, place=seed % 4).evidence for seed in range(4)) >= 1


def test_two_liars_of_seven_are_survived() -> None:
    settings = Settings(
        seed=1,
        replicas=7,
        faults=STIR,
        byzantine=((0, "equivocating-proposals"), (1, "equivocating-votes")),
    )
    assert Run(settings).whole().faults["equivocating-votes"] >= 1


def test_a_censored_platform_is_served_all_the_same() -> None:
    """The primary leaves out the requests of one platform; they are committed, whoever has to make the blocks."""
    run = Run(Settings(seed=1, byzantine=((0, "censoring"),)))
    outcome = run.whole()
    assert outcome.faults["censoring"] >= 1
    assert outcome.views >= 1
    assert not run.clients.unanswered


def test_a_certificate_that_nobody_signed_binds_no_view() -> None:
    """Whoever lies in view changes makes some up; all are refused, and every view goes on."""
    refused = 0
    for seed in range(6):
        settings = Settings(
            seed=seed, faults=("isolate",), between_faults_us=400_000, byzantine=((seed % 4, "lying-in-view-change"),)
        )
        run = Run(settings)
        run.whole()
        for machine in run.cluster.up:
            assert machine.process is not None
            refused += machine.process.host.dropped.get(Reason.VIEW_CHANGE_MALFORMED, 0)
    assert refused >= 1


def test_a_silent_primary_is_replaced() -> None:
    assert Run(Settings(seed=1, byzantine=((0, "silent"),))).whole().views >= 1


def test_a_spammer_of_future_views_drags_nobody_anywhere() -> None:
    assert Run(Settings(seed=1, byzantine=((3, "future-view-spam"),))).whole().views == 0
