"""What `simulate` does and shows: one seed, many seeds, twins every way, deliberate defects."""

import os
import time
from dataclasses import asdict
from pathlib import Path

from scripts.defect_hunt import hunt
from scripts.errors import CommandFailed
from scripts.screen import counting, err, out, table
from scripts.simulation_report import report
from scripts.simulations import Failure, attempt, attempt_many
from scripts.twins import PARTS, explore_all
from simulation.defects import DEFECTS
from simulation.observer import Violation
from simulation.run import Outcome
from simulation.summary import Summary, proves_nothing, summarize
from simulation.twin_scenarios import REPLICAS


def show_one(seed: int, replicas: int | None, twins: bool) -> None:  # noqa: FBT001 - an option
    """One seed: its transcript and what it has shown."""
    result = attempt(seed, replicas, lambda line: out.print(line, markup=False), twins)
    if isinstance(result, Failure):
        err.print(result.where, markup=False)
        raise CommandFailed(f"seed {seed}: {result.sentence}")
    _show_outcome(result)


def show_defects(seeds: int) -> None:
    """Which seed notices which defect."""
    with counting("Breaking rules 故意出错", len(DEFECTS)) as done:
        found = hunt(seeds, done)
    for name, seed in found.items():
        took = "missed" if seed is None else f"{seed} | {seed + 1}"
        out.print(f"{took} | {name}", markup=False)
    if missed := [name for name, seed in found.items() if seed is None]:
        raise CommandFailed(f"not noticed within {seeds} seeds: {', '.join(missed)}")


def show_twins(views: int) -> None:
    """Every way of twins through so many views."""
    began = time.monotonic()
    try:
        with counting("Twins 孪生", REPLICAS * PARTS) as done:
            explored = explore_all(views, done)
    except Violation as violation:
        raise CommandFailed(str(violation)) from violation
    table(
        f"Four replicas, one of them twice, {views} views 四个副本加一个孪生",
        "twin of",
        "scenarios",
        "situations after each view",
        "steps",
        "seen",
        rows=[
            (
                each.twin,
                f"{each.scenarios:,}",
                " ".join(f"{count:,}" for count in each.situations),
                f"{each.steps:,}",
                ", ".join(f"{what} {count:,}" for what, count in each.seen.items()),
            )
            for each in explored
        ],
    )
    total = sum(each.scenarios for each in explored)
    out.print(f"{total:,} scenarios in {time.monotonic() - began:,.0f} s: no violation")


def show_many(first: int, count: int, replicas: int | None, twins: bool, markdown: Path | None) -> None:  # noqa: FBT001
    """Many seeds: medians and totals, or the first that fails."""
    began = time.monotonic()
    with counting("Simulating 模拟", count) as done:
        outcomes, failure = attempt_many(range(first, first + count), replicas=replicas, done=done, twins=twins)
    if failure is not None:
        options = ("" if replicas is None else f" --replicas {replicas}") + (" --twins" if twins else "")
        raise CommandFailed(
            f"seed {failure.seed}: {failure.sentence}\n"
            f"replay it: python3 scripts simulate --seed {failure.seed}{options}"
        )
    seconds = time.monotonic() - began
    summary = summarize(outcomes)
    _show_summary(summary)
    if markdown is not None:
        text = report(outcomes, summary, first=first, seconds=seconds, cores=os.cpu_count() or 1)
        markdown.write_text(text, "utf-8")
    if why := proves_nothing(summary):
        raise CommandFailed(why)


def _show_outcome(outcome: Outcome) -> None:
    out.print()
    for name, value in asdict(outcome).items():
        if name != "trace_hash":
            shown = ", ".join(f"{key} {count}" for key, count in value.items()) if isinstance(value, dict) else value
            out.print(f"{name.replace('_', ' '):<16} {shown}", markup=False)
    out.print(f"{'trace hash':<16} {outcome.trace_hash}")


def _show_summary(summary: Summary) -> None:
    table(
        "Medians 中位数",
        "runs",
        "blocks",
        "views",
        "faults",
        "ticks to recover",
        rows=[(summary.runs, summary.blocks, summary.views, summary.faults, summary.recovery_ticks)],
    )
    out.print()
    table("Faults and lies 故障", "kind", "times", rows=list(summary.kinds.items()))
    out.print()
    table("Checks 检查", "what must hold", "times", rows=list(summary.checks.items()))
    out.print()
    out.print(
        f"convictions on chain {summary.evidence}, snapshots taken {summary.snapshots}, frames {summary.frames}, "
        f"signatures checked {summary.signatures}"
    )
    out.print("no violation")
