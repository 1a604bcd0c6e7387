"""`bench`: the benchmark."""

import json
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from scripts.bench.machine import describe_machine, measure_limits
from scripts.bench.report import as_json, as_markdown, other_measurements, show
from scripts.bench.scenarios import SCENARIOS
from scripts.errors import CommandFailed
from scripts.screen import working

REPLICAS = 4


def bench(
    scenarios: Annotated[
        list[str] | None, typer.Argument(metavar="[SCENARIO ...]", help=f"Of {', '.join(SCENARIOS)}.")
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write every figure here.")] = None,
    markdown: Annotated[
        Path | None, typer.Option("--markdown", metavar="FILE", help="Write a page, as docs/benchmarks.md.")
    ] = None,
) -> None:
    """Measure the network on this machine, and the limits that the machine sets, in one run."""
    names = scenarios or list(SCENARIOS)
    for name in names:
        if name not in SCENARIOS:
            raise CommandFailed(f"there is no scenario {name!r}; there are {', '.join(SCENARIOS)}")
    with tempfile.TemporaryDirectory(prefix="certnet-bench-") as folder, working("Benchmark") as told:
        told("limits")
        limits = measure_limits(Path(folder))
        results = [result for name in names for result in SCENARIOS[name](limits, told)]
    machine = describe_machine()
    show(machine, limits, REPLICAS, results)
    if markdown is not None:
        command = " ".join(["python3 scripts bench", *(scenarios or []), f"--markdown {markdown}"])
        page = as_markdown(machine, limits, REPLICAS, results, command)
        markdown.write_text(page + other_measurements(markdown), "utf-8")
    if json_file is not None:
        json_file.write_text(json.dumps(as_json(machine, limits, REPLICAS, results), indent=1, ensure_ascii=False))
