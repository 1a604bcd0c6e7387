"""`test`: the whole test suite, with the checks of style, types and layers."""

import subprocess
import sys
import time
from typing import Annotated

import typer

from scripts.errors import CommandFailed
from scripts.processes import ROOT
from scripts.screen import err

COVERED = ("chain", "contracts", "node.consensus")
COVERING = ("tests/chain", "tests/contracts", "tests/node/consensus")
COVERAGE_PERCENT = 95


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
        *_pytest_steps(arguments or [], quick=quick),
    ]
    for name, command in steps:
        started = time.monotonic()
        err.print(f"== {name}")
        done = subprocess.run([f"{sys.prefix}/bin/{command[0]}", *command[1:]], cwd=ROOT, check=False)
        err.print(f"== {name}: {'passed' if done.returncode == 0 else 'FAILED'} in {time.monotonic() - started:.1f} s")
        if done.returncode:
            raise CommandFailed(f"{name} failed: {' '.join(command)}", done.returncode)


def _pytest_steps(arguments: list[str], *, quick: bool) -> list[tuple[str, list[str]]]:
    """The pure floors with their coverage of lines and branches, then all the rest; or just what was asked for."""
    if arguments:
        return [("tests", ["pytest", "-q", *arguments])]
    coverage = [*(f"--cov={package}" for package in COVERED), "--cov-branch", f"--cov-fail-under={COVERAGE_PERCENT}"]
    rest = ["-m", "not processes"] if quick else []
    return [
        ("tests of the pure floors", ["pytest", "-q", *coverage, "--cov-report=term:skip-covered", *COVERING]),
        ("all other tests", ["pytest", "-q", *(f"--ignore={folder}" for folder in COVERING), *rest]),
    ]
