"""`simulate`: the deterministic simulator."""

from dataclasses import asdict
from typing import Annotated

import typer

from scripts.errors import CommandFailed
from scripts.screen import counting, err, out, table
from scripts.simulations import Failure, attempt, attempt_many
from simulation.run import Outcome
from simulation.summary import Summary, proves_nothing, summarize

USAGE = 2


def simulate(
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Run this one and show what happens.")] = None,
    seeds: Annotated[int | None, typer.Option("--seeds", min=1, help="Run so many, on all cores.")] = None,
    first: Annotated[int, typer.Option("--first", min=0, help="The first of them.")] = 0,
    replicas: Annotated[
        int | None, typer.Option("--replicas", min=4, max=13, help="So many, whatever the seed says.")
    ] = None,
) -> None:
    """Break a network in a simulated world: every accident is drawn from the seed, and the seed repeats it exactly."""
    if (seed is None) == (seeds is None):
        raise CommandFailed("say --seed N for one run with its transcript, or --seeds N for many", USAGE)
    if seed is not None:
        _one(seed, replicas)
    elif seeds is not None:
        _many(first, seeds, replicas)


def _one(seed: int, replicas: int | None) -> None:
    result = attempt(seed, replicas, lambda line: out.print(line, markup=False))
    if isinstance(result, Failure):
        err.print(result.where, markup=False)
        raise CommandFailed(f"seed {seed}: {result.sentence}")
    _show_outcome(result)


def _many(first: int, count: int, replicas: int | None) -> None:
    with counting("Simulating 模拟", count) as done:
        outcomes, failure = attempt_many(range(first, first + count), replicas=replicas, done=done)
    if failure is not None:
        size = "" if replicas is None else f" --replicas {replicas}"
        raise CommandFailed(
            f"seed {failure.seed}: {failure.sentence}\nreplay it: python3 scripts simulate --seed {failure.seed}{size}"
        )
    summary = summarize(outcomes)
    _show_summary(summary)
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
