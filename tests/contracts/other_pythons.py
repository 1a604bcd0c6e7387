"""Other versions of Python on this machine, each with the pinned packages that chain and contracts import.

An environment is made once, in the cache folder of whoever runs the tests, and used until other packages are wanted.
"""

import ast
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
CONSTRAINTS: Final = ROOT / "scripts" / "constraints.txt"
MINORS: Final = (11, 12, 13)
"""Of Python 3: those for which the packages are pinned."""
FOLDERS: Final = ("/usr/local/bin", "/usr/bin", "/opt/homebrew/bin")


class NoPackages(Exception):
    """The pinned packages cannot be installed for another Python; the sentence says why."""


@cache
def others() -> dict[int, Path]:
    """An interpreter of each minor version that is not this one's and works."""
    found = {}
    for minor in MINORS:
        works = (path for path in _candidates(minor) if _works(path, minor))
        path = next(works, None) if minor != sys.version_info.minor else None
        if path is not None:
            found[minor] = path
    return found


def _candidates(minor: int) -> Iterator[Path]:
    name = f"python3.{minor}"
    yield from sorted(Path.home().glob(f".pyenv/versions/*/bin/{name}"), reverse=True)
    on_path = shutil.which(name)
    yield from [Path(on_path)] if on_path else []
    yield from (Path(folder) / name for folder in FOLDERS if (Path(folder) / name).exists())


def _works(path: Path, minor: int) -> bool:
    """Whether it is what its name says, and can make environments: some of what is on a PATH only forwards."""
    code = "import sys, venv, ensurepip; print(sys.implementation.name, *sys.version_info[:2])"
    said = subprocess.run([path, "-c", code], capture_output=True, text=True, check=False)
    return said.stdout.split() == ["cpython", "3", str(minor)]


def environment(path: Path, minor: int) -> Path:
    """The interpreter of an environment with the packages; `NoPackages` if they cannot be had."""
    wanted = requirements()
    mark = hashlib.sha256("\n".join([str(path), *wanted]).encode() + CONSTRAINTS.read_bytes()).hexdigest()[:16]
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "certnet"
    folder.mkdir(parents=True, exist_ok=True)
    home = folder / f"python3.{minor}-{mark}"
    with (folder / f"{home.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "made").exists():
            shutil.rmtree(home, ignore_errors=True)
            _run([str(path), "-m", "venv", str(home)])
            install = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            _run([*install, "-c", str(CONSTRAINTS), *wanted])
            (home / "made").touch()
    return home / "bin" / "python"


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise NoPackages(
            f"{' '.join(command[:4])} ... ends with {done.returncode}: {said[-1] if said else 'in silence'}"
        )


def requirements() -> tuple[str, ...]:
    """What pyproject.toml wants of the packages that chain and contracts import."""
    imported = {
        name for folder in ("chain", "contracts") for path in (ROOT / folder).rglob("*.py") for name in _imports(path)
    }
    providers = packages_distributions()
    wanted = {_plain(provider) for name in imported for provider in providers.get(name, ())}
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    return tuple(line for line in listed if _plain(re.split(r"[<>=!~;\s]", line)[0]) in wanted)


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")
