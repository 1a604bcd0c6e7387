"""What seeds draw."""

import pytest

from simulation.byzantine import LIARS
from simulation.swarm import BEHAVIOURS, CHAINS, FAULTS, REPLICAS, draw

DRAWN = [draw(seed) for seed in range(2_000)]


def test_everything_that_can_be_drawn_is_drawn() -> None:
    assert {settings.replicas for settings in DRAWN} == set(REPLICAS)
    assert {settings.chain_id for settings in DRAWN} == set(CHAINS)
    assert {fault for settings in DRAWN for fault in settings.faults} == set(FAULTS)
    assert {behaviour for settings in DRAWN for _, behaviour in settings.byzantine} == set(BEHAVIOURS)


def test_one_in_twenty_uses_the_real_libraries() -> None:
    real = sum(not settings.ideal_signatures for settings in DRAWN)
    assert 60 <= real <= 140


def test_at_most_f_lie() -> None:
    assert all(len(settings.byzantine) <= settings.faulty_max for settings in DRAWN)
    assert all(len({place for place, _ in settings.byzantine}) == len(settings.byzantine) for settings in DRAWN)
    assert any(len(settings.byzantine) > 1 for settings in DRAWN)
    assert any(not settings.byzantine for settings in DRAWN)


def test_every_run_has_at_least_two_kinds_of_faults() -> None:
    assert all(len(settings.faults) >= 2 for settings in DRAWN)


def test_the_same_seed_draws_the_same() -> None:
    assert draw(17) == draw(17) != draw(18)


@pytest.mark.parametrize("replicas", REPLICAS)
def test_the_size_can_be_given(replicas: int) -> None:
    assert draw(1, replicas=replicas).replicas == replicas


def test_every_behaviour_but_twins_has_its_liar() -> None:
    assert set(LIARS) == set(BEHAVIOURS) - {"twin"}
