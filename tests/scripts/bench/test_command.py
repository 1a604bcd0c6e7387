"""The command: what it refuses, and what it writes though a scenario has failed."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scripts.bench.measure import Result
from scripts.bench.plan import SHORT, Plan
from scripts.cli import make_app
from scripts.commands import bench as command
from scripts.errors import CommandFailed
from tests.scripts.bench.test_limits import LIMITS


def called(*arguments: str | Path) -> None:
    CliRunner().invoke(make_app("bench"), ["bench", *map(str, arguments)], catch_exceptions=False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing"], "there is no scenario 'nothing'; there are single, batch, verify,"),
        (["single", "--door", "window"], "there is no door 'window'; there are node-rpc, gateway-bulk, gateway-single"),
        (["growth", "--sizes", "100,x"], "rising numbers of at least 100"),
        (["growth", "--sizes", "1000,100"], "rising numbers of at least 100"),
        (["growth", "--sizes", "1,100"], "rising numbers of at least 100"),
        (["growth", "--sizes", "100,100"], "rising numbers of at least 100"),
    ],
)
def test_what_cannot_be_measured_is_refused_before_anything_is_started(arguments: list[str], said: str) -> None:
    with pytest.raises(CommandFailed) as refused:
        called(*arguments)
    assert said in str(refused.value)


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> list[Plan]:
    """The plans with which the scenario `good` was called."""
    seen: list[Plan] = []

    def good(plan: Plan) -> list[Result]:
        seen.append(plan)
        return [Result(scenario="good", door="node-rpc", figures={"per_s": 7}, setting="once")]

    def bad(_plan: Plan) -> list[Result]:
        raise CommandFailed("a node was lost")

    monkeypatch.setattr(command, "SCENARIOS", {"bad": bad, "good": good})
    monkeypatch.setattr(command, "measure_limits", lambda _folder: LIMITS)
    return seen


def test_what_was_measured_is_written_though_another_scenario_failed(plans: list[Plan], tmp_path: Path) -> None:
    page, figures = tmp_path / "docs" / "benchmarks.md", tmp_path / "figures.json"
    page.parent.mkdir()
    page.write_text("# Old\n\n## Simulation and faults\n\nstays\n")
    with pytest.raises(CommandFailed, match="bad was not measured: a node was lost"):
        called("--json", figures, "--plots", page.parent / "plots", "--markdown", page)
    assert json.loads(figures.read_text())["scenarios"]["good"]["node-rpc"]["per_s"] == 7
    text = page.read_text()
    assert "![good](plots/good.svg)" in text
    assert "# Old" not in text
    assert text.endswith("## Simulation and faults\n\nstays\n")
    assert (page.parent / "plots" / "good.svg").exists()
    assert len(plans) == 1


def test_a_short_run_is_short_but_for_what_was_asked_for(plans: list[Plan]) -> None:
    called("good", "--short", "--mints", "500", "--sizes", "100,200", "--door", "gateway-bulk")
    called("good")
    (short, whole) = plans
    assert (short.mints, short.sizes, short.doors) == (500, (100, 200), ("gateway-bulk",))
    assert (short.repetitions, short.reads) == (SHORT["repetitions"], SHORT["reads"])
    assert whole == Plan(limits=LIMITS, told=whole.told)
