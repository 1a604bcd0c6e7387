"""Scenarios of whole runs: twins, the same run twice, the bank of seeds; and the table of all scenarios."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulation.run import run
from simulation.twin_scenarios import COMMIT_WAYS, WAYS, explore
from tests.simulation.test_run import bank
from tests.simulation.test_scenarios_worlds import printed

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "docs" / "scenarios.md"
REQUIRED = {*range(1, 30), 31, 32, 35, 39, 40, 41, 42}
TWICE = (2, 7, 20)
"""Seeds that are run twice; the last one with real signatures or as bytes if the swarm says so."""


@pytest.mark.parametrize("twin", range(4))
def test_s02_twins_in_two_views_exhaustively(twin: int) -> None:
    """Four replicas, one of them twice, every division of the network in two views; `simulate --twins` does four."""
    explored = explore(twin, views=2)
    assert explored.scenarios == (WAYS * COMMIT_WAYS) ** 2
    assert explored.situations[-1] > 100
    assert explored.seen["evidence"] > 0
    assert explored.seen["commits"] > 1_000
    assert explored.seen["proposed again"] > 0


def test_s02_two_pairs_of_twins_among_seven_at_random() -> None:
    """With all the other faults of each seed; somebody is convicted, and nobody honest."""
    outcomes = [run(seed, replicas=7, twins=True) for seed in range(6)]
    assert all(outcome.replicas == 7 and outcome.blocks >= 20 for outcome in outcomes)
    assert sum(outcome.evidence for outcome in outcomes) > 0


@pytest.mark.parametrize("seed", TWICE)
def test_s41_a_seed_run_twice_and_under_other_hashes_is_the_same_run(seed: int) -> None:
    """Twice here, and in two processes that order their sets and dictionaries of strings differently."""
    program = f"from simulation.run import run; print(run({seed}).trace_hash)"
    traces = {run(seed).trace_hash, run(seed).trace_hash, *(printed(program, hashes).strip() for hashes in ("3", "4"))}
    assert len(traces) == 1


def test_s42_the_bank_holds_every_seed_that_failed_and_leaves_none_out() -> None:
    """Each is run for ever, as `test_a_seed_that_failed_once_holds` does; a line is a seed, a size and a reason."""
    seeds = bank()
    assert len(seeds) >= 4
    assert len({(seed, size) for seed, size, _ in seeds}) == len(seeds)
    assert all(why for _, _, why in seeds)
    assert all(run(seed, replicas=size).blocks >= 20 for seed, size, _ in seeds)


def rows() -> Iterator[tuple[int, list[str]]]:
    """Number of a scenario -> the tests that the table names for it, as path::name."""
    for line in TABLE.read_text("utf-8").splitlines():
        found = re.match(r"\| S(\d+) \|", line)
        if found:
            yield int(found[1]), re.findall(r"`(tests/[\w/]+\.py::\w+)`", line)


def test_the_table_names_a_test_for_every_scenario_and_every_test_exists() -> None:
    table = dict(rows())
    assert {number for number, tests in table.items() if tests} >= REQUIRED
    for tests in table.values():
        for test in tests:
            path, name = test.split("::")
            assert re.search(rf"^(async )?def {name}\(", (ROOT / path).read_text("utf-8"), re.MULTILINE), test


def test_every_test_that_bears_a_number_is_in_the_table() -> None:
    named = {test for _, tests in rows() for test in tests}
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        for number, rest in re.findall(r"^def test_s(\d\d)_(\w+)\(", path.read_text("utf-8"), re.MULTILINE):
            assert f"tests/simulation/{path.name}::test_s{number}_{rest}" in named
