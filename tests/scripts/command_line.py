"""Commands as a person types them, each in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from scripts.processes import ROOT


def run(*arguments: str | Path, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "scripts.cli", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False)


def succeed(*arguments: str | Path) -> str:
    done = run(*arguments)
    assert done.returncode == 0, done
    return done.stdout


def fail(*arguments: str | Path, code: int = 1) -> str:
    """A command that cannot do what was asked says so on standard error, in lines and not in a traceback."""
    done = run(*arguments)
    assert done.returncode == code, done
    assert "Traceback" not in done.stderr
    return done.stderr


def network(data: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((data / "network.json").read_text("utf-8"))
    return document
