"""Checks `pbft.pml` and every version of it that lacks a rule. Standard library; needs `spin` and `gcc`.

    python3 docs/model/check.py                        all of it, as a table
    python3 docs/model/check.py --story prepared-set   the shortest run in which the model without that rule fails

The exit code is 0 only if every line of the table is as expected.
"""

# ruff: noqa: INP001, T201 - a program beside its model

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

MODEL = Path(__file__).with_name("pbft.pml")
MEMORY_MB = 7000
SEARCH_S = 3600


class Search(StrEnum):
    """How the states are gone through; the values are words for the C compiler."""

    DEPTH = "-DCOLLAPSE"
    """Little memory: for what must be gone through to the end."""
    BREADTH = "-DBFS"
    """The first error found is a shortest one."""


class Fault(StrEnum):
    """What a search can find: a mark in the assertion that fails."""

    FORK = "commits["
    STANDSTILL = "byz==0"
    REACHED = "assertion violated"
    """No fault: what the model was asked for."""


@dataclass(frozen=True, slots=True)
class Case:
    """One version of the model; `expected` is the fault that it must show, None if none is to be found."""

    name: str
    says: str
    words: tuple[str, ...] = ()
    expected: Fault | None = None
    search: Search = Search.BREADTH


def whole(name: str, says: str, *words: str) -> Case:
    """The protocol as it is: every state is visited, and nothing is found."""
    return Case(name, says, words, None, Search.DEPTH)


def without(name: str, says: str, *words: str, fault: Fault = Fault.FORK) -> Case:
    """The protocol without a rule, small, with the first primary Byzantine."""
    sizes = () if any(word.startswith("HEIGHTS") for word in words) else ("HEIGHTS=1",)
    return Case(name, says, (*words, *sizes, "BYZANTINE=0"), fault)


def reaches(name: str, says: str, *words: str) -> Case:
    """The protocol as it is can do something: the model is not empty."""
    return Case(name, says, (*words, "BYZANTINE=0"), Fault.REACHED)


def stops(name: str, says: str, *words: str) -> Case:
    """The protocol without a rule that progress needs."""
    return without(name, says, *words, "PROGRESS", fault=Fault.STANDSTILL)


SMALL = ("VIEWS=3", "HEIGHTS=1")
CASES = (
    *(
        whole(f"three-views-{byzantine}", f"agreement: 3 views, 1 height, {who}", *SMALL, f"BYZANTINE={byzantine}")
        for byzantine, who in (
            (2, "primary of view 2"),
            (1, "primary of view 1"),
            (0, "primary of view 0"),
            (3, "a backup"),
        )
    ),
    whole("progress", "progress: 2 views, 2 heights", "PROGRESS"),
    whole("agreement", "agreement: 2 views, 2 heights"),
    reaches("commit", "can happen: both heights commit in view 0", "REACH_COMMIT"),
    reaches("proposed-again", "can happen: a prepared block commits in view 1", "REACH_PROPOSED_AGAIN", "HEIGHTS=1"),
    reaches("carried", "can happen: a certificate carries into view 1", "REACH_CARRIED", "HEIGHTS=1"),
    without("quorum", "without 5.1: a quorum of 2 of 4", "QUORUM_MINUS_ONE"),
    without("one-vote", "without R7: votes twice in one view", "VOTES_TWICE"),
    without("promise", "without R9: votes in a view it has left", "PROMISE_FORGOTTEN"),
    without("prepared-set", "without R11: prepared certificates ignored", "NO_PREPARED_SET"),
    Case(
        "highest-view",
        "without R11: the lowest prepared view is taken",
        ("LOWEST_PREPARED", *SMALL, "BYZANTINE=0"),
        Fault.FORK,
        Search.DEPTH,
    ),
    without("closed-height", "without R11: votes below the new view's height", "VOTES_AT_CLOSED_HEIGHT"),
    without("new-view-kept", "without R11: forgets what the new view bound", "NEW_VIEW_FORGOTTEN"),
    Case(
        "past-new-view",
        "without R11: new view of a past height ignored",
        ("NEW_VIEW_IGNORED", "PROGRESS", "BYZANTINE=0"),
        Fault.STANDSTILL,
        Search.DEPTH,
    ),
    stops("shown-head", "without R11: the head that is shown cannot be had", "SHOWN_CERTIFICATE_IGNORED"),
    stops("block-shown", "without R11: the bound primary is not shown the block", "BLOCK_NOT_SHOWN"),
    stops("block-kept", "without R11: only who is prepared keeps the block", "BLOCK_KEPT_IF_PREPARED"),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a search has found: None, a fault, or why it says nothing."""

    found: Fault | str | None
    states: int
    seconds: float
    megabytes: float
    story: str


def run(*command: str, folder: Path) -> str:
    """The output of one command."""
    done = subprocess.run(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=SEARCH_S
    )
    return done.stdout


def figure(pattern: str, report: str) -> float:
    """A number of Spin's report; 0 if it is not there."""
    match = re.search(rf"([\d.e+]+)\s+{pattern}" if pattern[0] != "=" else rf"{pattern[1:]}\s+([\d.e+]+)", report)
    return float(match.group(1)) if match else 0.0


def found_in(report: str) -> Fault | str | None:
    """The verdict of a report; a search that was cut short has none."""
    failed = re.search(r"^pan:\d+: (.*)$", report, re.MULTILINE)
    if failed:
        return next((fault for fault in Fault if fault in failed.group(1)), failed.group(1)[:80])
    if "errors: 0" not in report or "not completed" in report or "too small" in report:
        return f"no verdict: {report.strip()[-200:]}"
    return None


def search(case: Case) -> Outcome:
    """Translate, compile and run one version of the model."""
    words = [f"-D{word}" for word in case.words]
    with tempfile.TemporaryDirectory(prefix="certnet-model-") as name:
        folder = Path(name)
        shutil.copy(MODEL, folder)
        report = run("spin", "-a", *words, MODEL.name, folder=folder)
        options = ("-O2", "-w", "-DSAFETY", f"-DMEMLIM={MEMORY_MB}", "-DVECTORSZ=512", case.search)
        report += run("gcc", *options, "-o", "pan", "pan.c", folder=folder)
        if (folder / "pan").exists():
            report = run("./pan", "-E", "-m100000", "-w24", folder=folder)
        trail = (folder / f"{MODEL.name}.trail").exists()
        replay = run("spin", "-t", *words, MODEL.name, folder=folder) if trail else ""
    return Outcome(
        found_in(report),
        int(figure("states, stored", report)),
        figure("=pan: elapsed time", report),
        figure("total actual memory", report),
        "\n".join(line.strip() for line in replay.splitlines() if line.strip().startswith("replica")),
    )


def line(case: Case, outcome: Outcome) -> str:
    """One row of the table."""
    right = outcome.found == case.expected
    match outcome.found:
        case None:
            found = "holds"
        case Fault():
            found = f"{outcome.found.name.lower()} in {len(outcome.story.splitlines())} steps"
        case why:
            found = why
    return (
        f"{'ok ' if right else 'NOT'}  {case.name:16}{case.says:54}{found:24}"
        f"{outcome.states:>12,} states {outcome.seconds:6.1f} s {outcome.megabytes:7,.0f} MB"
    )


def main() -> int:
    """All cases two at a time, or the story of one."""
    parser = argparse.ArgumentParser(description="Check the model of consensus.")
    parser.add_argument("--story", choices=[case.name for case in CASES], help="print the run that one case ends with")
    story = parser.parse_args().story
    if not (shutil.which("spin") and shutil.which("gcc")):
        print("The model needs spin and gcc: install them with `apt-get install spin gcc` and start again.")
        return 2
    if story:
        print(
            search(next(case for case in CASES if case.name == story)).story or "Nothing is found; there is no story."
        )
        return 0
    right = True
    with ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as workers:
        for case, outcome in zip(CASES, workers.map(search, CASES), strict=True):
            print(line(case, outcome), flush=True)
            right = right and outcome.found == case.expected
    print("The model is as expected." if right else "The model is NOT as expected.")
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
