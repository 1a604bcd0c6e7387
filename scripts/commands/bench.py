"""`bench`: the benchmark."""

import shlex
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from scripts.bench.doors import DOORS
from scripts.bench.limits import measure_limits
from scripts.bench.machine import describe_machine
from scripts.bench.outputs import write_outputs
from scripts.bench.plan import SHORT, Plan
from scripts.bench.report import as_document, show
from scripts.bench.scenarios import SCENARIOS, measured
from scripts.bench.writing import flame_graph
from scripts.errors import CommandFailed
from scripts.screen import working


def bench(
    scenarios: Annotated[
        list[str] | None, typer.Argument(metavar="[SCENARIO ...]", help=f"Of {', '.join(SCENARIOS)}.")
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write every figure here.")] = None,
    plots: Annotated[Path | None, typer.Option("--plots", metavar="DIR", help="One SVG for each scenario.")] = None,
    profile: Annotated[
        Path | None, typer.Option("--profile", metavar="FILE.svg", help="A flame graph of one node under load.")
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option("--markdown", metavar="FILE", help="Write a page, as docs/benchmarks.md.")
    ] = None,
    doors: Annotated[
        list[str] | None, typer.Option("--door", metavar="DOOR", help=f"Only by this door: {', '.join(DOORS)}.")
    ] = None,
    mints: Annotated[int | None, typer.Option(min=200, help="Transactions of one run: 20,000.")] = None,
    runs: Annotated[int | None, typer.Option(min=1, help="Runs that count, after a warm-up: 3.")] = None,
    sizes: Annotated[
        str | None, typer.Option(metavar="N,N,...", help="Certificates there, for growth: 10000,100000,1000000.")
    ] = None,
    short: Annotated[bool, typer.Option("--short", help="Little of everything, to see that it works.")] = False,
) -> None:
    """Measure the network on this machine, and the limits that the machine sets, in one run."""
    names = scenarios or list(SCENARIOS)
    _check_names(names, SCENARIOS, "scenario")
    _check_names(doors or [], DOORS, "door")
    given: dict[str, Any] = {
        "doors": tuple(doors or DOORS),
        "mints": mints,
        "repetitions": runs,
        "sizes": _sizes(sizes) if sizes else None,
    }
    with tempfile.TemporaryDirectory(prefix="certnet-bench-") as folder, working("Benchmark") as told:
        told("limits")
        whole = Plan(limits=measure_limits(Path(folder)), told=told)
        sized = (SHORT if short else {}) | {name: value for name, value in given.items() if value is not None}
        plan = replace(whole, **sized)
        wanted = {name: SCENARIOS[name] for name in names}
        if profile is not None:
            wanted["profile"] = partial(flame_graph, output=profile.resolve())
        results, failed = measured(plan, wanted)
    document = as_document(describe_machine(), plan.limits, results)
    show(document)
    command = shlex.join(["python3", "scripts", "bench", *sys.argv[2:]])
    write_outputs(document, command, json_file=json_file, plots=plots, page=markdown)
    if failed:
        raise CommandFailed("\n".join(failed))


def _check_names(names: list[str], known: Iterable[str], what: str) -> None:
    for name in names:
        if name not in known:
            raise CommandFailed(f"there is no {what} {name!r}; there are {', '.join(known)}")


def _sizes(text: str) -> tuple[int, ...]:
    """Numbers with commas between them, each larger than the one before."""
    parts = text.split(",")
    sizes = tuple(int(part) for part in parts if part.isdecimal())
    if len(sizes) != len(parts) or list(sizes) != sorted({*sizes}) or sizes[0] < 100:
        raise CommandFailed(f"--sizes takes rising numbers of at least 100 with commas between them, not {text!r}")
    return sizes
