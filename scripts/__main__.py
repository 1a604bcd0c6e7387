"""`python3 scripts COMMAND`: from a bare checkout, with nothing installed but Python 3.11 or later.

The first use makes `.venv` with the pinned dependencies; then the command runs in it. Standard library only.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = Path(os.environ.get("CERTNET_VENV", ROOT / ".venv"))
PYTHON_MIN = (3, 11)
EXTRAS = {"test": "test", "bench": "bench"}
"""Command -> the packages that it needs beside those of all others (pyproject.toml)."""


def main() -> int | None:
    """Make the environment if it is not there or not the present one, then become the command."""
    if sys.version_info < PYTHON_MIN:
        found = ".".join(map(str, sys.version_info[:3]))
        return _fail(f"certnet needs Python 3.11 or later, this is {found}; run it with a newer python3")
    extra = EXTRAS.get(sys.argv[1]) if len(sys.argv) > 1 else None
    try:
        ensure_environment(extra)
    except (OSError, subprocess.CalledProcessError) as problem:
        return _fail(f"cannot make the environment in {VENV}: {problem}; look at the lines above, then run it again")
    except KeyboardInterrupt:
        return _fail("interrupted while making the environment; run it again to go on")
    python = str(VENV / "bin" / "python")
    return os.execv(python, [python, "-m", "scripts.cli", *sys.argv[1:]])


def ensure_environment(extra: str | None) -> None:
    """`.venv` as pyproject.toml and the constraints say; one process at a time makes it."""
    wanted = _fingerprint()
    if _is_made(wanted, extra):
        return
    VENV.parent.mkdir(parents=True, exist_ok=True)
    with (VENV.parent / f"{VENV.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _is_made(wanted, extra):
            return
        print(f"Making {VENV} with the pinned packages (once, about half a minute) 正在准备环境 ...", file=sys.stderr)
        if not (VENV / "bin" / "python").exists():
            venv.create(VENV, with_pip=True)
        command = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        what = f".[{extra}]" if extra else "."
        subprocess.run([*command, "-c", "scripts/constraints.txt", "-e", what], cwd=ROOT, check=True)
        for name in (None, extra):
            _marker(name).write_text(wanted)


def _is_made(wanted: str, extra: str | None) -> bool:
    marker = _marker(extra)
    return (VENV / "bin" / "python").exists() and marker.exists() and marker.read_text() == wanted


def _marker(extra: str | None) -> Path:
    return VENV / f"certnet-{extra or 'run'}.made"


def _fingerprint() -> str:
    """Changes when another set of packages is wanted, or the checkout has moved."""
    parts = [
        str(ROOT).encode(),
        *((ROOT / name).read_bytes() for name in ("pyproject.toml", "scripts/constraints.txt")),
    ]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _fail(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
