"""Results for people, for programs (JSON) and for docs/benchmarks.md."""

from pathlib import Path
from typing import Any, Final

from scripts.bench.machine import Limits
from scripts.bench.measure import Result
from scripts.screen import out, table

SIMULATION: Final = "\n## Simulation and faults\n"


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


def other_measurements(page: Path) -> str:
    """What stands in a page from the section on simulation on: other commands have measured it."""
    written = page.read_text("utf-8") if page.exists() else ""
    return written[written.index(SIMULATION) :] if SIMULATION in written else ""


def as_markdown(machine: dict[str, Any], limits: Limits, replicas: int, results: list[Result], command: str) -> str:
    """The page docs/benchmarks.md."""
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    lines = [
        "# Benchmarks",
        "",
        f"Made on {machine['date']} by `{command}`, which writes this page.",
        "Rates move from machine to machine and from run to run; compare ratios, which are to the limits of the same run.",
        "",
        f"{machine['processor']}, {machine['cores']} cores, {machine['system']}, Python {machine['python']}; {packages}.",
        "",
        f"n = {replicas} node processes, the gateway and the load generator share the machine. TLS 1.3 with both certificates on",
        "every link, every vote and block on disk (fdatasync) before it is sent or acknowledged, every replica checks every",
        "signature.",
        "",
        "| limit of this run | value |",
        "|---|---|",
        f"| one Ed25519 check, t | {1e6 * limits.verify_s:.1f} us |",
        f"| crypto limit c / (n * t) | {limits.signature_per_s(replicas):,.0f} single transactions per second |",
        f"| fdatasync of 200 bytes | {1e3 * limits.fdatasync_s:.2f} ms |",
    ]
    for result in results:
        lines += ["", f"## {result.scenario} by {result.door}", "", f"{result.setting}. Bar: {result.bar}.", ""]
        lines += ["| figure | value |", "|---|---|"]
        lines += [f"| {FIGURES.get(name, name)} | {value} |" for name, value in result.figures.items()]
    return "\n".join([*lines, ""])


FIGURES = {
    "per_s": "per second (median run)",
    "spread": "slowest and fastest run, per second",
    "whole_per_s": "per second with upload, checks, salts and storing",
    "committed": "committed",
    "ratio": "ratio to the crypto limit",
    "cpu_us": "CPU per mint and replica, us",
    "gateway_cpu_us": "CPU per mint in the gateway, us",
    "rss_mb": "largest node, MB resident",
    "bytes_per_certificate": "bytes on a node's disk per certificate",
    "p50_ms": "median, ms",
    "p99_ms": "99th percentile, ms",
    "max_ms": "slowest, ms",
    "fdatasync_ms": "fdatasync in this run, ms",
    "whole_s": "from the command to its end, s",
    "p50_s": "median, s",
    "max_s": "slowest, s",
    "node_cpu_percent": "busiest node, % of one core",
    "gateway_cpu_percent": "gateway, % of one core",
    "blocks": "blocks made",
    "grown_bytes": "bytes grown in all files",
    "lost": "acknowledged writes that are not there",
    "four_per_s": "per second with four nodes",
    "three_per_s": "per second with one backup down",
    "share": "share of four nodes",
    "view_before": "view before",
    "view_after": "view after",
    "offered_per_s": "offered per second",
    "committed_per_s": "committed per second",
    "factor": "offered for each committed",
}
