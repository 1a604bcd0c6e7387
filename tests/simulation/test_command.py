"""The command `simulate`: transcript, exit codes, and the first failure of many."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner

from scripts import simulations_shown
from scripts.cli import make_app
from scripts.commands import simulate as command
from scripts.defect_hunt import first_caught, is_caught
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


def test_many_seeds_are_written_down_for_a_page(tmp_path: Path) -> None:
    page = tmp_path / "report.md"
    arguments = ["simulate", "--seeds", "3", "--first", "5", "--twins", "--replicas", "7", "--markdown", str(page)]
    assert CliRunner().invoke(make_app("simulate"), arguments).exit_code == 0
    text = page.read_text("utf-8")
    assert "| seeds | 3 (5 to 7) |" in text
    assert "| violations | 0 |" in text
    assert "| 7: 3 |" in text
    assert "| agreement |" in text
    assert all(line.count("|") == 3 for line in text.splitlines() if line)


def test_twins_alone_are_followed_every_way_and_counted() -> None:
    result = CliRunner().invoke(make_app("simulate"), ["simulate", "--twins", "--views", "1"])
    assert result.exit_code == 0
    assert result.output.splitlines()[-1].startswith(f"{4 * 16 * 19:,} scenarios")


def test_every_defect_is_named_with_the_seed_that_notices_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulations_shown, "hunt", lambda *_: {"a rule": 3, "another": None})
    with pytest.raises(CommandFailed, match="not noticed within 9 seeds: another"):
        command.simulate(seeds=9, defects=True)


def test_a_defect_is_noticed_by_a_seed_in_a_process_of_its_own() -> None:
    assert is_caught("a quorum is one less", 0)
    assert first_caught("votes are sent before they are durable", 1) == ("votes are sent before they are durable", 0)
    assert first_caught("a quorum is one less", 0) == ("a quorum is one less", None)


@pytest.mark.parametrize("what", [["--seeds", "100000"], ["--twins"]])
def test_an_interrupt_ends_every_process_in_one_sentence(what: list[str]) -> None:
    """The terminal's Ctrl-C goes to the whole group of processes."""
    command = [sys.executable, "-m", "scripts.cli", "simulate", *what]
    many = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, process_group=0)
    try:
        workers = []
        while sum("spawn_main" in " ".join(worker.cmdline()) for worker in workers) < min(os.cpu_count() or 1, 4):
            assert many.poll() is None
            time.sleep(0.05)
            workers = psutil.Process(many.pid).children(recursive=True)
        os.killpg(many.pid, signal.SIGINT)
        _, told = many.communicate(timeout=30)
        assert many.returncode == 130
        assert b"interrupted" in told
        assert b"Traceback" not in told
        assert psutil.wait_procs(workers, timeout=10)[1] == []
    finally:
        many.kill()
        many.communicate()
