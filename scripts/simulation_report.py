"""What many seeds have shown, as a section of a Markdown file."""

from collections import Counter
from collections.abc import Sequence

from simulation.run import Outcome
from simulation.summary import Summary


def report(outcomes: Sequence[Outcome], summary: Summary, *, first: int, seconds: float, cores: int) -> str:
    """Totals, medians, faults and checks of seeds without a violation, and how fast they ran."""
    views = sum(outcome.views for outcome in outcomes)
    facts = {
        "seeds": f"{summary.runs:,} ({first} to {first + summary.runs - 1})",
        "violations": 0,
        "replicas, and how many of the seeds": ", ".join(
            f"{size}: {runs:,}" for size, runs in summary.replicas.items()
        ),
        "blocks committed": f"{sum(outcome.blocks for outcome in outcomes):,}, median {summary.blocks:g} a seed",
        "views changed": f"{views:,}, median {summary.views:g} a seed",
        "faults injected and lies told": f"{sum(summary.kinds.values()):,}, median {summary.faults:g} a seed",
        "restarts": f"{sum(outcome.restarts for outcome in outcomes):,}",
        "snapshots taken": f"{summary.snapshots:,}",
        "convictions on chain": f"{summary.evidence:,}",
        "ticks to recover once the network is healthy": f"median {summary.recovery_ticks:g}",
        "frames delivered": f"{summary.frames:,}",
        "frames lost, doubled": f"{total(outcomes, 'lost'):,}, {total(outcomes, 'doubled'):,}",
        "signatures checked": f"{summary.signatures:,}",
        "checks made": f"{sum(summary.checks.values()):,}",
        "seeds per second and core": f"{summary.runs / seconds / cores:.1f} ({cores} cores, {seconds:,.0f} s)",
    }
    return "\n".join(
        [
            *table(("", ""), facts),
            "",
            *table(("fault or lie", "times"), {name: f"{count:,}" for name, count in summary.kinds.items()}),
            "",
            *table(("what must hold", "checks"), {name: f"{count:,}" for name, count in summary.checks.items()}),
            "",
            *table(("chain", "seeds"), dict(sorted(Counter(outcome.chain_id for outcome in outcomes).items()))),
            "",
        ]
    )


def total(outcomes: Sequence[Outcome], name: str) -> int:
    """The sum of one number over all."""
    return sum(getattr(outcome, name) for outcome in outcomes)


def table(columns: tuple[str, str], rows: dict[str, object] | dict[str, str] | dict[str, int]) -> list[str]:
    """The lines of a table of two columns."""
    return [f"| {columns[0]} | {columns[1]} |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())]
