"""The command `simulate`: transcript, exit codes, and the first failure of many."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scripts import simulations_shown
from scripts.cli import make_app
from scripts.commands import simulate as command
from scripts.errors import CommandFailed
from scripts.simulations import Failure, attempt, attempt_many
from simulation.run import Outcome

ROOT = Path(__file__).resolve().parents[2]


def test_one_seed_shows_its_transcript_and_its_hash_twice_the_same() -> None:
    texts = {CliRunner().invoke(make_app("simulate"), ["simulate", "--seed", "3"]).output for _ in range(2)}
    (text,) = texts
    lines = text.splitlines()
    assert "seed 3" in lines[0]
    assert any("is committed" in line for line in lines)
    assert lines[-1].split()[:2] == ["trace", "hash"]


def test_many_seeds_show_medians_and_end_with_no_violation() -> None:
    result = CliRunner().invoke(make_app("simulate"), ["simulate", "--seeds", "4", "--first", "2", "--replicas", "4"])
    assert result.exit_code == 0
    assert "Medians" in result.output
    assert result.output.splitlines()[-1] == "no violation"


def test_the_first_failure_stops_and_says_how_to_replay_it(monkeypatch: pytest.MonkeyPatch) -> None:
    failure = Failure(7, "agreement: two blocks", "somewhere")
    monkeypatch.setattr(simulations_shown, "attempt_many", lambda *_, **__: ([], failure))
    with pytest.raises(
        CommandFailed, match=r"seed 7: agreement: two blocks\n.* simulate --seed 7 --replicas 5"
    ) as info:
        command.simulate(seeds=9, replicas=5)
    assert info.value.code == 1


def test_a_seed_that_fails_shows_where_and_ends_with_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulations_shown, "attempt", lambda *_: Failure(7, "agreement: two blocks", "somewhere"))
    with pytest.raises(CommandFailed, match="seed 7: agreement") as info:
        command.simulate(seed=7)
    assert info.value.code == 1


def test_a_swarm_that_proves_nothing_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = attempt(3, 4)
    assert isinstance(outcome, Outcome)
    monkeypatch.setattr(simulations_shown, "proves_nothing", lambda _: "nothing happened")
    monkeypatch.setattr(simulations_shown, "attempt_many", lambda *_, **__: ([outcome], None))
    with pytest.raises(CommandFailed, match="nothing happened"):
        command.simulate(seeds=1)


@pytest.mark.parametrize("arguments", [[], ["--seed", "1", "--seeds", "2"], ["--seed", "-1"], ["--replicas", "3"]])
def test_what_makes_no_sense_is_refused_with_two(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "scripts.cli", "simulate", *arguments], cwd=ROOT, capture_output=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr


def test_an_exception_in_a_run_is_a_failure_of_its_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("lost")

    monkeypatch.setattr("scripts.simulations.run", broken)
    failure = attempt(11)
    assert isinstance(failure, Failure)
    assert (failure.seed, failure.sentence) == (11, "KeyError: 'lost'")
    assert "broken" in failure.where


def test_many_processes_give_what_one_gives() -> None:
    done: list[int] = []
    outcomes, failure = attempt_many(range(3, 6), replicas=4, done=done.append)
    assert failure is None
    assert done == [1, 2, 3]
    alone = {seed: attempt(seed, 4) for seed in range(3, 6)}
    assert {outcome.seed: outcome for outcome in outcomes} == alone
