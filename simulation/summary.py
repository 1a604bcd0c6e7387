"""What many runs have shown together. A swarm that shows nothing is a failure, not a success."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from simulation.run import Outcome

RUNS_TO_JUDGE: Final = 20
"""Fewer runs than that may happen to have no change of view, or nobody who lies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Totals and medians over the runs."""

    runs: int
    blocks: float
    """Medians, these four."""
    views: float
    faults: float
    recovery_ticks: float
    kinds: dict[str, int]
    """How often each kind of fault was injected, over all runs; of lies, how many were told."""
    checks: dict[str, int]
    evidence: int
    """Convictions on chain, over all runs."""
    snapshots: int
    frames: int
    signatures: int
    replicas: dict[int, int]
    """Size of the network -> runs."""


def summarize(outcomes: Sequence[Outcome]) -> Summary:
    """One line for all of them, whatever their order."""

    def middle(part: Callable[[Outcome], int]) -> float:
        return median(map(part, outcomes))

    kinds: Counter[str] = Counter()
    checks: Counter[str] = Counter()
    for outcome in outcomes:
        kinds.update(outcome.faults)
        checks.update(outcome.checks)
    return Summary(
        runs=len(outcomes),
        blocks=middle(lambda outcome: outcome.blocks),
        views=middle(lambda outcome: outcome.views),
        faults=middle(lambda outcome: sum(outcome.faults.values())),
        recovery_ticks=middle(lambda outcome: outcome.recovery_ticks),
        kinds=dict(sorted(kinds.items())),
        checks=dict(sorted(checks.items())),
        evidence=sum(outcome.evidence for outcome in outcomes),
        snapshots=sum(outcome.snapshots for outcome in outcomes),
        frames=sum(outcome.frames for outcome in outcomes),
        signatures=sum(outcome.signatures for outcome in outcomes),
        replicas=dict(sorted(Counter(outcome.replicas for outcome in outcomes).items())),
    )


def proves_nothing(summary: Summary) -> str:
    """Why so many runs without a violation still prove nothing; empty if they do."""
    if summary.runs < RUNS_TO_JUDGE:
        return ""
    medians = {"blocks": summary.blocks, "views": summary.views, "faults": summary.faults}
    idle = [name for name, value in medians.items() if not value]
    if not summary.evidence:
        idle.append("evidence")
    return f"nothing happened in most runs: {', '.join(idle)}" if idle else ""
