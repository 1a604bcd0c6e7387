"""One load again and again through one door: warm-up, repetitions, the median of them, and what it cost."""

import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Final

from scripts import processes
from scripts.bench.doors import DOORS, Load, Sent
from scripts.bench.loop import run
from scripts.bench.measure import Figure, data_bytes, in_ms, node_peak_mb, settle, usage, used_since
from scripts.bench.network import BenchNetwork
from scripts.bench.plan import Plan
from scripts.bench.profiler import recording, split
from scripts.errors import CommandFailed

FLUSH_S: Final = 4.0
"""After which a node has moved to its store what its log holds."""
MakeLoad = Callable[[int], Load]
"""A fresh load of about so many certificates, signed now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run: what was sent, certificates per transaction, CPU seconds by process until all was quiet again."""

    sent: Sent
    certificates_each: int
    cpu_s: Mapping[str, float]

    @property
    def certificates(self) -> int:
        """Certificates that were committed."""
        return self.sent.committed * self.certificates_each

    @property
    def per_s(self) -> float:
        """Certificates per second."""
        return self.certificates / self.sent.seconds

    def cpu_us(self, name: str) -> float:
        """Microseconds of CPU of a process per certificate."""
        return 1e6 * self.cpu_s.get(name, 0.0) / max(self.certificates, 1)

    def nodes(self) -> list[str]:
        """The processes that are nodes."""
        return [name for name in self.cpu_s if name not in processes.NO_NODES]


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """A warm-up, and the runs that count."""

    warm_up: Run
    measured: list[Run]

    @property
    def middle(self) -> Run:
        """The run with the median rate."""
        return sorted(self.measured, key=lambda one: one.per_s)[len(self.measured) // 2]

    @property
    def certificates(self) -> int:
        """All that were committed."""
        return sum(one.certificates for one in (self.warm_up, *self.measured))


def send(bench: BenchNetwork, door: str, load: Load, certificates_each: int = 1) -> Run:
    """Send a load, and wait until nobody is busy with it any more."""
    before = usage(bench.folder)
    sent = run(DOORS[door](bench, load))
    settle(bench.folder)
    cpu_s = used_since(before, usage(bench.folder))
    return Run(sent=sent, certificates_each=certificates_each, cpu_s=cpu_s)


def repeated(
    plan: Plan, bench: BenchNetwork, door: str, make: MakeLoad, certificates: int, each: int = 1, title: str = ""
) -> Runs:
    """Some runs of about so many certificates after a warm-up of a tenth."""
    plan.told(f"{title} by {door}: warm-up")
    warm_up = send(bench, door, make(max(each, certificates // 10)), each)
    measured = []
    for repetition in range(plan.repetitions):
        plan.told(f"{title} by {door}: run {repetition + 1} of {plan.repetitions}")
        measured.append(send(bench, door, make(certificates), each))
    return Runs(warm_up=warm_up, measured=measured)


def rates(runs: Runs, limit: float) -> dict[str, Figure]:
    """Rate, spread, ratio to a limit, latencies and CPU of the median run; what was not committed in any run."""
    one = runs.middle
    refused = sum((run.sent.refused for run in runs.measured), Counter[str]())
    figures: dict[str, Figure] = {
        "per_s": round(one.per_s),
        "spread": spread([run.per_s for run in runs.measured]),
        "ratio": round(one.per_s / limit, 3),
        "committed": sum(run.certificates for run in runs.measured),
        **in_ms(one.sent.latencies),
        "cpu_us": round(mean(one.cpu_us(name) for name in one.nodes()), 1),
        "cpu_us_by_process": {name: round(one.cpu_us(name), 1) for name in one.cpu_s},
        "gateway_cpu_us": round(one.cpu_us(processes.GATEWAY), 1),
        "generator_cpu_us": round(1e6 * one.sent.generator_s / max(one.certificates, 1), 1),
    }
    return figures | ({"refused": dict(refused)} if refused else {})


def spread(values: list[float]) -> str:
    """The least and the greatest."""
    return f"{min(values):.0f}-{max(values):.0f}"


def footprint(bench: BenchNetwork, node: str, bytes_before: int, certificates: int) -> dict[str, Figure]:
    """The most memory that a node and the gateway have had; bytes on one node's disk per certificate."""
    time.sleep(FLUSH_S)
    settle(bench.folder)
    grown = data_bytes(bench.folder, node) - bytes_before
    return {
        "rss_mb": round(node_peak_mb(bench.folder), 1),
        "gateway_rss_mb": round(usage(bench.folder).peak[processes.GATEWAY] / 1e6, 1),
        "bytes_per_certificate": round(grown / max(certificates, 1)),
    }


def cpu_split(plan: Plan, bench: BenchNetwork, node: str, door: str, load: Load, runs: Runs) -> dict[str, Figure]:
    """The CPU us per certificate of one node in the median run, split as the stacks of one more run are."""
    if not plan.split:
        return {}
    plan.told(f"{door}: sampling {node}")
    with tempfile.TemporaryDirectory(prefix="certnet-bench-") as folder:
        stacks = Path(folder) / "stacks"
        try:
            with recording(bench.folder, node, stacks):
                run(DOORS[door](bench, load))
        except CommandFailed as failed:
            return {"cpu_us_split": str(failed)}
        shares = split(stacks.read_text("utf-8").splitlines())
    settle(bench.folder)
    whole = runs.middle.cpu_us(node)
    return {"cpu_us_split": {part: round(share * whole, 1) for part, share in shares.items()}}
