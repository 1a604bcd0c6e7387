"""`test`: the whole test suite, with the checks of style, types and layers."""

import subprocess
import sys
import time
from typing import Annotated

import typer

from scripts.errors import CommandFailed
from scripts.processes import ROOT
from scripts.screen import err


def test(
    quick: Annotated[bool, typer.Option("--quick", help="Without the tests that start processes.")] = False,
    arguments: Annotated[list[str] | None, typer.Argument(metavar="[-- PYTEST ARGUMENTS]")] = None,
) -> None:
    """Run every check and every test; exit 0 only if all pass."""
    steps = [
        ("lint", ["ruff", "check", "."]),
        ("format", ["ruff", "format", "--check", "."]),
        ("types", ["mypy"]),
        ("layers", ["lint-imports"]),
        ("tests", ["pytest", "-q", *(["-m", "not processes"] if quick else []), *(arguments or [])]),
    ]
    for name, command in steps:
        started = time.monotonic()
        err.print(f"== {name}")
        done = subprocess.run([f"{sys.prefix}/bin/{command[0]}", *command[1:]], cwd=ROOT, check=False)
        err.print(f"== {name}: {'passed' if done.returncode == 0 else 'FAILED'} in {time.monotonic() - started:.1f} s")
        if done.returncode:
            raise CommandFailed(f"{name} failed: {' '.join(command)}", done.returncode)
