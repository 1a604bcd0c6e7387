"""What the machine and its libraries allow: measured in every run, so that ratios compare like with like."""

import os
import platform
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Any, Final

from chain.signatures import SchemeName, scheme

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
)
VERIFY_ROUNDS: Final = 2_000
SYNC_ROUNDS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Seconds for one check of an account's signature (32-byte message) and one fdatasync of 200 bytes; cores."""

    verify_s: float
    fdatasync_s: float
    cores: int

    def signature_per_s(self, replicas: int) -> float:
        """The crypto limit c / (n * t): single transactions per second when every replica checks every signature."""
        return self.cores / (replicas * self.verify_s)


def measure_limits(folder: Path, name: SchemeName = SchemeName.ED25519) -> Limits:
    """Measure both, idle, by the functions that the node itself uses."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Limits(verify_s=_verify_s(name), fdatasync_s=_fdatasync_s(folder), cores=cores)


def describe_machine() -> dict[str, Any]:
    """Processor, system, Python and package versions."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": sys.version.split()[0],
        "packages": {name: metadata.version(name) for name in PACKAGES},
        "date": time.strftime("%Y-%m-%d"),
    }


def _verify_s(name: SchemeName) -> float:
    functions = scheme(name)
    pair = functions.key_pair(bytes(range(32)))
    message = bytes(32)
    signature = pair.sign(message)
    times = []
    for _ in range(5):
        started = time.perf_counter()
        for _ in range(VERIFY_ROUNDS):
            assert functions.verify(pair.public_key, message, signature)
        times.append((time.perf_counter() - started) / VERIFY_ROUNDS)
    return median(times)


def _fdatasync_s(folder: Path) -> float:
    sync = getattr(os, "fdatasync", os.fsync)
    times = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(SYNC_ROUNDS):
            started = time.perf_counter()
            os.write(file.fileno(), bytes(200))
            sync(file.fileno())
            times.append(time.perf_counter() - started)
    return median(times)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")
