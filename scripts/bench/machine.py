"""What a run was made on."""

import os
import platform
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any, Final

PACKAGES: Final = (
    "cryptography",
    "fastapi",
    "pydantic",
    "msgpack",
    "msgspec",
    "pynacl",
    "coincurve",
    "lmdb",
    "uvloop",
    "uvicorn",
    "httptools",
    "tongsuopy",
)


def describe_machine() -> dict[str, Any]:
    """Processor, system, Python and package versions."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": sys.version.split()[0],
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
        "date": time.strftime("%Y-%m-%d"),
    }


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:  # not on every platform
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")
