"""Whole runs: the bank of seeds that failed once, a range of others, and the same seed twice."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from simulation.run import Outcome, run
from simulation.summary import proves_nothing, summarize

ROOT = Path(__file__).resolve().parents[2]
BANK = Path(__file__).with_name("seeds.txt")
RANGES = [range(start, start + 25) for start in range(0, 200, 25)]


def bank() -> list[tuple[int, int | None, str]]:
    lines = (line.split(maxsplit=2) for line in BANK.read_text("utf-8").splitlines() if not line.startswith("#"))
    return [(int(seed), None if size == "-" else int(size), why) for seed, size, why in lines]


@pytest.mark.parametrize(("seed", "replicas", "why"), bank())
def test_a_seed_that_failed_once_holds(seed: int, replicas: int | None, why: str) -> None:
    assert run(seed, replicas=replicas).blocks >= 20, why


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    return []


@pytest.mark.parametrize("seeds", RANGES, ids=lambda seeds: f"{seeds.start}-{seeds.stop - 1}")
def test_a_range_of_seeds_holds(seeds: range, outcomes: list[Outcome]) -> None:
    outcomes.extend(run(seed) for seed in seeds)


def test_the_range_proves_something(outcomes: list[Outcome]) -> None:
    """Run after the ranges: blocks, views, faults and convictions, and every kind of fault and lie."""
    if not outcomes:
        outcomes.extend(run(seed) for seed in range(40))
    summary = summarize(outcomes)
    assert proves_nothing(summary) == ""
    assert summary.blocks >= 20
    assert all(summary.checks.values())


def test_a_seed_is_the_same_run_whatever_the_hash_seed() -> None:
    """Another process, other hashes of strings and bytes, the same trace."""
    program = "from simulation.run import run; print(run(3).trace_hash)"
    hashes = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for hash_seed in ("0", "1")
    }
    assert hashes == {run(3).trace_hash + "\n"}


def test_another_seed_is_another_run() -> None:
    assert run(4).trace_hash != run(5).trace_hash
