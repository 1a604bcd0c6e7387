"""Results of a run that never was."""

from typing import Any

from scripts.bench.measure import Result
from scripts.bench.report import as_document
from tests.scripts.bench.test_limits import LIMITS

MACHINE = {
    "processor": "a processor",
    "cores": 2,
    "system": "a system",
    "python": "3.11.7",
    "packages": {"pynacl": "1.6.2"},
    "date": "2026-01-02",
}
WRITING = {"per_s": 5_000, "ratio": 0.5, "p50_ms": 1.5, "p99_ms": 2.5, "cpu_us": 60.0, "rss_mb": 100.0}
DOORS = ("node-rpc", "gateway-bulk", "gateway-single")
GROWTH = [
    {"certificates": 10_000, "per_s": 5_000, "ratio": 0.5},
    {"certificates": 100_000, "per_s": 4_500, "ratio": 0.45},
]
REPLICAS = [
    {"replicas": 4, "per_s": 5_000, "limit_per_s": 10_000},
    {"replicas": 7, "per_s": 3_000, "limit_per_s": 5_714},
]
COSTS = [{"certificates": 10_000, "single_us": 22.5, "single_root_us": 5.5, "each_us": 6.0, "each_root_us": 9.0}]
SCATTERED = [{"each": 1, "per_s": 4_000, "ratio": 0.4}, {"each": 100, "per_s": 9_000, "ratio": 0.9}]


def document() -> dict[str, Any]:
    """One result of every kind."""
    results = [
        Result(
            scenario="single",
            door=door,
            figures=WRITING | {"cpu_us_split": {"signature": 40.0, "state": 8.5}, "spread": "4900-5100"},
            setting="the same for all",
            bar=f"bar of {door}",
        )
        for door in DOORS
    ]
    results += [
        Result(scenario="latency", door="node-rpc", figures=WRITING, setting="idle", bar="10 ms"),
        Result(scenario="start", door="up", figures={"p50_ms": 1_270.0}, setting="new"),
        Result(scenario="growth", door="node-rpc", figures=GROWTH[-1], setting="more and more", points=GROWTH),
        Result(scenario="replicas", door="node-rpc", figures=REPLICAS[-1], setting="n", points=REPLICAS),
        Result(scenario="scattered", door="node-rpc", figures=SCATTERED[0], setting="by chance", points=SCATTERED),
        Result(scenario="contracts", door="in process", figures=COSTS[-1], setting="", points=COSTS),
        Result(
            scenario="idle", door="nodes", figures={"node_cpu_percent": 0.2, "gateway_cpu_percent": 0.1}, setting=""
        ),
    ]
    return as_document(MACHINE, LIMITS, results)
