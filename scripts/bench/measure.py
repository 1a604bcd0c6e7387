"""Times, and what processes used meanwhile."""

import math
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil

from scripts import processes

Figure = float | str | Mapping[str, float] | None
SETTLED_SHARE: Final = 0.04
SETTLE_STEP_S: Final = 0.4
SETTLE_MAX_S: Final = 30.0
_PEAK: Final = "VmHWM"
_OWN: Final = "RssAnon"


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """CPU seconds so far and the most resident bytes so far of every process, by name."""

    cpu_s: dict[str, float]
    peak: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One scenario by one door: its figures by name, and what they were measured on.

    `points` are the same figures along one axis (how many certificates, how many replicas), for a plot.
    """

    scenario: str
    door: str
    figures: Mapping[str, Figure]
    setting: str
    bar: str = ""
    points: Sequence[Mapping[str, float]] = field(default_factory=tuple)

    def members(self) -> dict[str, Any]:
        """As JSON; the six figures that every scenario has are null where they say nothing."""
        first: dict[str, Any] = dict.fromkeys(("per_s", "ratio", "p50_ms", "p99_ms", "cpu_us", "rss_mb"))
        shown = first | dict(self.figures) | {"setting": self.setting, "bar": self.bar}
        return shown | ({"points": [dict(point) for point in self.points]} if self.points else {})


def usage(folder: Path) -> Usage:
    """What the network's processes have used."""
    living = processes.alive(folder)
    times = {name: process.cpu_times() for name, process in living.items()}
    return Usage(
        cpu_s={name: used.user + used.system for name, used in times.items()},
        peak={name: peak_rss(process) for name, process in living.items()},
    )


def used_since(before: Usage, after: Usage) -> dict[str, float]:
    """CPU seconds between two moments, by process."""
    return {name: after.cpu_s[name] - before.cpu_s.get(name, 0.0) for name in after.cpu_s}


def peak_rss(process: psutil.Process) -> int:
    """The most bytes that the process has had in memory; where the system does not say, what it has now."""
    return _status_bytes(process, _PEAK) or int(process.memory_info().rss)


def own_rss(process: psutil.Process) -> int:
    """Resident bytes without the pages of files, which the system takes back when it needs them; else all of them."""
    return _status_bytes(process, _OWN) or int(process.memory_info().rss)


def _status_bytes(process: psutil.Process, name: str) -> int | None:
    try:
        text = Path(f"/proc/{process.pid}/status").read_text("ascii", "replace")
    except OSError:
        return None
    found = re.search(rf"^{name}:\s*(\d+) kB", text, re.MULTILINE)
    return int(found[1]) * 1_024 if found else None


def settle(folder: Path) -> None:
    """Return when the processes have done what a load left behind: the gateway's index, the nodes' stores."""
    deadline, before = time.monotonic() + SETTLE_MAX_S, usage(folder)
    while time.monotonic() < deadline:
        time.sleep(SETTLE_STEP_S)
        now = usage(folder)
        if max(used_since(before, now).values(), default=0.0) <= SETTLED_SHARE * SETTLE_STEP_S:
            return
        before = now


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile of `values`: the least of them that at least `share` of them do not exceed."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(share * len(ranked)) - 1)]


def in_ms(values: Sequence[float]) -> dict[str, Figure]:
    """Median and 99th percentile of seconds, in ms; nothing of nothing."""
    if not values:
        return {}
    return {f"p{100 * share:.0f}_ms": round(1e3 * percentile(values, share), 2) for share in (0.5, 0.99)}


def node_peak_mb(folder: Path) -> float:
    """The most that any node has had in memory, in MB."""
    return max(size for name, size in usage(folder).peak.items() if name not in processes.NO_NODES) / 1e6


def folder_bytes(folder: Path) -> int:
    """Bytes on disk of all files below."""
    sizes = []
    for path in folder.rglob("*"):
        try:
            sizes.append(path.stat().st_blocks * 512 if path.is_file() else 0)
        except FileNotFoundError:  # a log that was cut meanwhile
            continue
    return sum(sizes)


def data_bytes(folder: Path, node: str) -> int:
    """Bytes on disk of one node's data."""
    return folder_bytes(folder / "nodes" / node / "data")
