"""Every scenario by its name. Each says its setting; a figure that misses its bar is printed all the same."""

from collections.abc import Mapping
from typing import Final

from scripts.bench.contract_cost import contracts
from scripts.bench.csv_door import batch_by_csv
from scripts.bench.faults import backup_down, failover
from scripts.bench.growth import growth, replicas
from scripts.bench.measure import Result
from scripts.bench.overload import overload
from scripts.bench.plan import Plan, Scenario
from scripts.bench.reading import latency, verify
from scripts.bench.scattered import scattered
from scripts.bench.whole import demo, idle, start
from scripts.bench.writing import batch, single, ten


def _batch(plan: Plan) -> list[Result]:
    """The three doors and the CSV file."""
    return batch(plan) + batch_by_csv(plan)


SCENARIOS: Final[dict[str, Scenario]] = {
    "single": single,
    "batch": _batch,
    "verify": verify,
    "latency": latency,
    "ten": ten,
    "growth": growth,
    "scattered": scattered,
    "contracts": contracts,
    "replicas": replicas,
    "start": start,
    "failover": failover,
    "demo": demo,
    "idle": idle,
    "backup-down": backup_down,
    "overload": overload,
}


def measured(plan: Plan, scenarios: Mapping[str, Scenario]) -> tuple[list[Result], list[str]]:
    """The results, and why a scenario has none: what the others have measured in many minutes is not lost with it."""
    results, failed = [], []
    for name, scenario in scenarios.items():
        try:
            results += scenario(plan)
        except Exception as problem:  # noqa: BLE001 - whatever it is, it is said at the end
            failed.append(f"{name} was not measured: {problem or type(problem).__name__}")
    return results, failed
