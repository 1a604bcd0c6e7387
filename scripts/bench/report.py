"""Results for people, for programs (JSON) and for docs/benchmarks.md: all from one document."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from scripts.bench.limits import Limits
from scripts.bench.measure import Result
from scripts.bench.profiler import PARTS
from scripts.screen import out, table

REPLICAS: Final = 4
WRITTEN_BY_HAND: Final = ("\n## What limits the figures\n", "\n## Simulation and faults\n")
"""Sections that stay when the page is written again."""


def as_document(machine: dict[str, Any], limits: Limits, results: list[Result]) -> dict[str, Any]:
    """Everything: machine, limits, and per scenario and door its figures."""
    scenarios: dict[str, dict[str, Any]] = {}
    for result in results:
        scenarios.setdefault(result.scenario, {})[result.door] = result.members()
    return {
        "machine": machine,
        "replicas": REPLICAS,
        "limits": {
            "signature_per_s": round(limits.signature_per_s(REPLICAS)),
            "http_per_s": round(limits.http_per_s),
            "fdatasync_ms": round(1e3 * limits.fdatasync_s, 3),
            "ten_signature_per_s": round(limits.all_chains_per_s(REPLICAS)),
            "verify_us": {str(name): round(1e6 * seconds, 1) for name, seconds in limits.verify_s.items()},
        },
        "scenarios": scenarios,
    }


def show(document: Mapping[str, Any]) -> None:
    """Tables."""
    machine = document["machine"]
    out.print(_described(machine))
    out.print(_packages(machine) + "\n")
    table("Limits of this run", "limit", "value", rows=_limits(document))
    for scenario, doors in document["scenarios"].items():
        for door, members in doors.items():
            out.print()
            table(f"{scenario} by {door}: {members['setting']}", "figure", "value", rows=_rows(members))


def kept_sections(page: Path) -> str:
    """What stands in a page from the first section on that people have written."""
    written = page.read_text("utf-8") if page.exists() else ""
    places = [written.index(title) for title in WRITTEN_BY_HAND if title in written]
    return written[min(places) :] if places else ""


def as_markdown(document: Mapping[str, Any], command: str, plots: Mapping[str, str]) -> str:
    """The page docs/benchmarks.md; `plots` are links to the plots by scenario."""
    machine = document["machine"]
    lines = [
        "# Benchmarks",
        "",
        f"Made on {machine['date']} by `{command}`, which writes this page; a scenario's name after `bench` runs it alone.",
        "Rates move from machine to machine and from run to run; compare ratios, which are to the limits of the same run.",
        "",
        f"{_described(machine)}; {_packages(machine)}.",
        "",
        f"n = {document['replicas']} node processes, the gateway and the load generator share the machine. TLS 1.3 with both",
        "certificates on every link, every vote and block on disk (fdatasync) before it is sent or acknowledged, every replica",
        "checks every signature. CPU of a run counts until everybody is quiet again; memory is the most that there ever was.",
        "",
        "| limit of this run | value |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in _limits(document)),
    ]
    for scenario, doors in document["scenarios"].items():
        lines += ["", f"## {scenario}", ""]
        lines += [*_settings(doors), "", *_compared(doors)]
        for door, members in doors.items():
            lines += _points(door, members.get("points", ()))
        if scenario in plots:
            lines += ["", f"![{scenario}]({plots[scenario]})"]
    return "\n".join([*lines, ""])


def _limits(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    limits = document["limits"]
    checks = ", ".join(f"{name} {value}" for name, value in limits["verify_us"].items())
    return [
        ("one check by the reference library, t, us", checks),
        ("crypto limit c / (n * t), Ed25519", f"{limits['signature_per_s']:,} single transactions per second"),
        ("the same with the mean t of the ten chains", f"{limits['ten_signature_per_s']:,} per second"),
        ("bare FastAPI endpoint, 64 in flight", f"{limits['http_per_s']:,} requests per second"),
        ("fdatasync of 200 bytes", f"{limits['fdatasync_ms']} ms"),
    ]


def _rows(members: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The figures of one door, without those that say nothing."""
    rows = [
        (FIGURES.get(name, name), shown(value))
        for name, value in members.items()
        if name not in ("setting", "bar", "points") and value is not None
    ]
    return [*rows, ("bar", members["bar"])] if members["bar"] else rows


def _settings(doors: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What the doors were measured on, those with the same setting together."""
    same: dict[str, list[str]] = {}
    for door, members in doors.items():
        same.setdefault(members["setting"], []).append(door)
    lines = [f"- {', '.join(names)}: {setting}." for setting, names in same.items()]
    bars = {door: members["bar"] for door, members in doors.items() if members["bar"]}
    if len({*bars.values()}) == 1:
        return [*lines, f"- Bar: {next(iter(bars.values()))}."]
    return [*lines, *(["- Bars: " + "; ".join(f"{door} {bar}" for door, bar in bars.items()) + "."] if bars else [])]


def _compared(doors: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A table with a column for each door."""
    names = dict.fromkeys(name for members in doors.values() for name in members)
    lines = [f"| figure | {' | '.join(doors)} |", "|---" * (len(doors) + 1) + "|"]
    for name in names:
        values = [members.get(name) for members in doors.values()]
        if name not in ("setting", "bar", "points") and any(value is not None for value in values):
            lines.append(f"| {FIGURES.get(name, name)} | {' | '.join(map(shown, values))} |")
    return lines


def _points(door: str, points: list[dict[str, float]]) -> list[str]:
    """A table of the points of one door."""
    if not points:
        return []
    lines = ["", f"By {door}:", "", f"| {' | '.join(FIGURES.get(name, name) for name in points[0])} |"]
    lines.append("|---" * len(points[0]) + "|")
    return lines + [f"| {' | '.join(map(shown, point.values()))} |" for point in points]


def shown(value: object) -> str:
    """A figure as text."""
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {shown(part)}" for name, part in value.items())
    if isinstance(value, float):
        return f"{value:,.3f}".rstrip("0").rstrip(".")
    return f"{value:,}" if isinstance(value, int) else str(value)


def _described(machine: Mapping[str, Any]) -> str:
    return f"{machine['processor']}, {machine['cores']} cores, {machine['system']}, Python {machine['python']}"


def _packages(machine: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {version}" for name, version in machine["packages"].items())


FIGURES: Final = {
    **{f"{part}_us": f"of the CPU: {part}, us" for part in PARTS},
    "per_s": "per second (median run)",
    "spread": "slowest and fastest run, per second",
    "whole_per_s": "per second with upload, checks, salts and storing",
    "limit_per_s": "limit, per second",
    "committed": "committed",
    "ratio": "ratio to the limit",
    "cpu_us": "CPU per certificate and replica, us",
    "cpu_us_by_process": "CPU per certificate by process, us",
    "cpu_us_split": "of it on one backup, us",
    "gateway_cpu_us": "CPU in the gateway, us",
    "generator_cpu_us": "CPU in the load generator, us",
    "rss_mb": "largest node, MB at most",
    "rss_now_mb": "largest node, MB at rest",
    "rss_own_mb": "of it without pages of files, MB",
    "gateway_rss_mb": "gateway, MB at most",
    "bytes_per_certificate": "bytes on a node's disk per certificate",
    "p50_ms": "median, ms",
    "p99_ms": "99th percentile, ms",
    "max_ms": "slowest, ms",
    "whole_s": "from the command to its end, s",
    "p50_s": "median, s",
    "max_s": "slowest, s",
    "certificates": "certificates there",
    "each": "certificates in one transaction",
    "single_us": "contract, us a single mint",
    "single_root_us": "root of the state, us a single mint",
    "each_us": "contract, us a mint in a batch",
    "each_root_us": "root of the state, us a mint in a batch",
    "single_over_smallest": "single mint over that at the smallest size",
    "each_over_smallest": "mint in a batch over that at the smallest size",
    "replicas": "replicas",
    "restart_s": "restart to serving, s",
    "over_smallest": "rate over that of the smallest size",
    "over_node_rpc": "rate over that of node RPC",
    "head_mints_per_s": "mints per second meanwhile",
    "proofs_checked": "proofs checked offline",
    "proof_age_p99_ms": "age of a proof's block when it came, ms (99 of 100)",
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
    "best_per_s": "best per second before",
    "of_best": "share of the best",
    "refused": "not committed, by status or code",
    "refused_without_retry_after": "refused bodies without Retry-After",
    "bodies_late": "bodies that could not be sent in time",
    "acknowledged": "acknowledged",
}
