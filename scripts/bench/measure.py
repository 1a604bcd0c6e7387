"""Times and what processes used meanwhile."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts import processes


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """CPU seconds so far and resident bytes of every process, by name."""

    cpu_s: dict[str, float]
    rss: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One scenario by one door: its figures by name, and what they were measured on."""

    scenario: str
    door: str
    figures: Mapping[str, float | str]
    setting: str
    bar: str = ""


def usage(folder: Path) -> Usage:
    """What the network's processes have used."""
    living = processes.alive(folder)
    times = {name: process.cpu_times() for name, process in living.items()}
    return Usage(
        cpu_s={name: used.user + used.system for name, used in times.items()},
        rss={name: process.memory_info().rss for name, process in living.items()},
    )


def used_since(before: Usage, after: Usage) -> dict[str, float]:
    """CPU seconds between two moments, by process."""
    return {name: after.cpu_s[name] - before.cpu_s.get(name, 0.0) for name in after.cpu_s}


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile of `values`; `share` between 0 and 1."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, max(0, round(share * len(ranked)) - 1))]


def node_rss_mb(folder: Path) -> float:
    """The largest resident size of a node, in MB."""
    rss = usage(folder).rss
    return max(size for name, size in rss.items() if name != processes.GATEWAY) / 1e6


def folder_bytes(folder: Path) -> int:
    """Bytes of all files below."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())
