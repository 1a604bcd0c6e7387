"""A swarm in which nothing happens proves nothing."""

from dataclasses import replace

from simulation.run import run
from simulation.summary import proves_nothing, summarize

OUTCOME = replace(run(3), views=1, evidence=1)


def test_totals_and_medians() -> None:
    summary = summarize([OUTCOME, replace(OUTCOME, blocks=OUTCOME.blocks + 2), replace(OUTCOME, views=9)])
    assert (summary.runs, summary.blocks, summary.views, summary.evidence) == (3, OUTCOME.blocks, 1, 3)
    assert summary.frames == 3 * OUTCOME.frames
    assert summary.replicas == {OUTCOME.replicas: 3}
    assert summary.kinds == {kind: 3 * count for kind, count in OUTCOME.faults.items()}


def test_a_swarm_with_something_of_everything_proves_something() -> None:
    assert proves_nothing(summarize([OUTCOME] * 20)) == ""


def test_a_swarm_without_changes_of_view_faults_or_evidence_proves_nothing() -> None:
    for idle, name in ((replace(OUTCOME, views=0), "views"), (replace(OUTCOME, faults={}), "faults")):
        assert name in proves_nothing(summarize([idle] * 20))
    assert "evidence" in proves_nothing(summarize([replace(OUTCOME, evidence=0)] * 20))


def test_a_few_runs_are_not_judged() -> None:
    assert proves_nothing(summarize([replace(OUTCOME, views=0)] * 19)) == ""
