"""Results for people, for programs (JSON) and for docs/benchmarks.md."""

from typing import Any

from scripts.bench.machine import Limits
from scripts.bench.measure import Result
from scripts.screen import out, table


def as_json(machine: dict[str, Any], limits: Limits, replicas: int, results: list[Result]) -> dict[str, Any]:
    """Everything: machine, limits, and per scenario and door its figures."""
    scenarios: dict[str, dict[str, Any]] = {}
    for result in results:
        shown = {**result.figures, "setting": result.setting, "bar": result.bar}
        scenarios.setdefault(result.scenario, {})[result.door] = shown
    return {
        "machine": machine,
        "replicas": replicas,
        "limits": {
            "signature_per_s": round(limits.signature_per_s(replicas)),
            "verify_us": round(1e6 * limits.verify_s, 1),
            "fdatasync_ms": round(1e3 * limits.fdatasync_s, 3),
        },
        "scenarios": scenarios,
    }


def show(machine: dict[str, Any], limits: Limits, replicas: int, results: list[Result]) -> None:
    """Tables."""
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    out.print(f"{machine['processor']}, {machine['cores']} cores, {machine['system']}, Python {machine['python']}")
    out.print(packages)
    out.print(
        f"n = {replicas} node processes and a gateway on this machine. Limits of this run: one Ed25519 check "
        f"{1e6 * limits.verify_s:.1f} us, so c / (n * t) = {limits.signature_per_s(replicas):,.0f} per s; "
        f"fdatasync {1e3 * limits.fdatasync_s:.2f} ms\n"
    )
    for result in results:
        rows = [*result.figures.items(), ("bar", result.bar)]
        table(f"{result.scenario} by {result.door}: {result.setting}", "figure", "value", rows=rows)
        out.print()
