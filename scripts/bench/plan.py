"""What is to be measured, and how much of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from scripts.bench.doors import DOORS
from scripts.bench.limits import Limits
from scripts.bench.measure import Result

Told = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The limits of this run, who is told how far it is, and the sizes; the defaults are those of docs/benchmarks.md."""

    limits: Limits
    told: Told
    doors: tuple[str, ...] = tuple(DOORS)
    mints: int = 20_000
    """Transactions of one run."""
    repetitions: int = 3
    sizes: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    """How many certificates are there in the scenario `growth`."""
    replicas: tuple[int, ...] = (4, 7, 10, 13)
    certificates: int = 100_000
    """How many certificates are read at random in the scenario `verify`."""
    reads: int = 30_000
    latencies: int = 500
    overload_s: int = 60
    idle_s: int = 300
    kills: int = 12
    """How many primaries are killed in the scenario `failover`."""
    split: bool = True
    """Whether one more run is sampled to see what the CPU was used for."""


SHORT: Final[dict[str, Any]] = {
    "mints": 1_000,
    "repetitions": 1,
    "sizes": (1_000, 10_000),
    "replicas": (4, 7),
    "certificates": 2_000,
    "reads": 2_000,
    "latencies": 50,
    "overload_s": 5,
    "idle_s": 5,
    "kills": 2,
}
"""Little of everything: enough to see that it works, too little for figures that mean anything."""
Scenario = Callable[[Plan], list[Result]]
