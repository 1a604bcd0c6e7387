"""Deliberate defects (scenario S40): each is seen by the right checker on its known seed, where the true code is green."""

from pathlib import Path

import pytest

from simulation.defects import DEFECTS
from simulation.observer import Violation
from simulation.run import run
from simulation.twin_scenarios import explore

SEEDS = Path(__file__).with_name("defect_seeds.txt")
BUDGET = 2_000
SEEN_BY_TWINS = (
    "a quorum is one less", "a new view forgets what is prepared", "whoever asks for a view votes on in the old one",
)  # fmt: skip


def known() -> dict[str, tuple[int, int]]:
    """Defect -> the seed that catches it, and how many seeds it took to find it."""
    lines = [line.split(" | ") for line in SEEDS.read_text("utf-8").splitlines() if not line.startswith("#")]
    return {name: (int(seed), int(took)) for seed, took, name in lines}


def test_s40_every_defect_has_a_seed_that_was_found_in_the_budget() -> None:
    """At least twelve of them, each within two thousand seeds."""
    assert set(known()) == set(DEFECTS)
    assert len(DEFECTS) >= 12
    assert all(took <= BUDGET for _, took in known().values())


@pytest.mark.parametrize("name", DEFECTS)
def test_s40_a_defect_turns_the_right_checker_red(name: str) -> None:
    """The same seed is green without it."""
    seed, _ = known()[name]
    defect = DEFECTS[name]
    with defect.present(), pytest.raises(Violation) as seen:
        run(seed)
    assert str(seen.value).split(":")[0] in defect.seen_by
    assert run(seed).blocks >= 20


@pytest.mark.parametrize("name", SEEN_BY_TWINS)
def test_s40_defects_of_the_protocol_are_seen_by_twins_too(name: str) -> None:
    """In two views."""
    with DEFECTS[name].present(), pytest.raises(Violation):
        all_twins()


def all_twins() -> None:
    """A twin of every place, through two views."""
    for twin in range(4):
        explore(twin, views=2)


def test_s40_a_defect_is_gone_when_its_context_is() -> None:
    """Each rule is the same object as before."""
    for defect in DEFECTS.values():
        before = [vars(owner)[name] for owner, name, _ in defect.patches]
        with defect.present():
            assert all(vars(owner)[name] is value for owner, name, value in defect.patches)
        assert [vars(owner)[name] for owner, name, _ in defect.patches] == before
