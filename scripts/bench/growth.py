"""The scenarios `growth` and `replicas`: `single` along an axis."""

import time
from collections.abc import Mapping
from functools import partial

from scripts import processes
from scripts.bench.filling import fill
from scripts.bench.measure import Figure, Result, data_bytes, node_peak_mb, own_rss, settle
from scripts.bench.network import BenchNetwork, fresh_network
from scripts.bench.plan import Plan
from scripts.bench.restart import RESTARTS, restart_s
from scripts.bench.runs import FLUSH_S, cpu_split, rates, repeated
from scripts.bench.writing import CHAIN, share_of, singles_load


def growth(plan: Plan) -> list[Result]:
    """The rate of `single`, memory, disk and a node's restart with more and more certificates there."""
    results = []
    sizes = ", ".join(f"{size:,}" for size in plan.sizes)
    for door in plan.doors:
        with fresh_network() as bench:
            points = _points_of_growth(plan, bench, door)
        last = points[-1]
        figures: dict[str, Figure] = {**last, "over_smallest": round(last["per_s"] / points[0]["per_s"], 3)}
        setting = (
            f"single with {sizes} certificates there before (by mintBatch); restart: until a backup reads one of them with its "
            f"proof, median of {RESTARTS}; figures of the largest size"
        )
        bar = "1,000,000 over 10,000: 0.8; 400 MB; restart 5 s; 1,500 bytes per certificate"
        results.append(Result(scenario="growth", door=door, figures=figures, setting=setting, bar=bar, points=points))
    return results


def replicas(plan: Plan) -> list[Result]:
    """The rate of `single` with more replicas, all on this machine."""
    results = []
    for door in plan.doors:
        points = []
        for nodes in plan.replicas:
            with fresh_network(nodes) as bench:
                limit = plan.limits.signature_per_s(nodes)
                count = share_of(door, plan.mints) // 2
                title = f"replicas: {nodes}"
                runs = repeated(plan, bench, door, partial(singles_load, bench), count, title=title)
                rss_mb = round(node_peak_mb(bench.folder), 1)
                points.append(
                    _numbers({"replicas": nodes, **rates(runs, limit), "limit_per_s": round(limit), "rss_mb": rss_mb})
                )
        setting = f"single with {', '.join(map(str, plan.replicas))} replicas on this machine; figures of the last"
        results.append(Result(scenario="replicas", door=door, figures=points[-1], setting=setting, points=points))
    return results


def _points_of_growth(plan: Plan, bench: BenchNetwork, door: str) -> list[dict[str, float]]:
    points, there = [], 0
    backup = bench.primary(CHAIN, after=1)
    empty = data_bytes(bench.folder, backup)
    for size in plan.sizes:
        tokens = fill(bench, CHAIN, max(100, size - there), plan.told)
        title, make, count = f"growth from {size:,}", partial(singles_load, bench), share_of(door, plan.mints) // 2
        runs = repeated(plan, bench, door, make, count, title=title)
        there += len(tokens) + runs.certificates
        time.sleep(FLUSH_S)
        settle(bench.folder)
        point: dict[str, Figure] = {
            "certificates": size,
            **rates(runs, plan.limits.signature_per_s(bench.nodes)),
            **_memory(bench),
            "bytes_per_certificate": round((data_bytes(bench.folder, backup) - empty) / there),
        }
        parts = cpu_split(plan, bench, backup, door, make(count), runs).get("cpu_us_split")
        point |= {f"{part}_us": us for part, us in parts.items()} if isinstance(parts, dict) else {}
        there += count if plan.split else 0
        plan.told(f"{title}: restarts of {backup}")
        point["restart_s"] = round(restart_s(bench, backup, CHAIN, tokens[0]), 2)
        points.append(_numbers(point))
    return points


def _memory(bench: BenchNetwork) -> dict[str, Figure]:
    """The most that a node has had, what the largest has now with and without pages of files; the gateway's."""
    living = processes.alive(bench.folder)
    gateway = living[processes.GATEWAY]
    nodes = [process for name, process in living.items() if name not in processes.NO_NODES]
    return {
        "rss_mb": round(node_peak_mb(bench.folder), 1),
        "rss_now_mb": round(max(process.memory_info().rss for process in nodes) / 1e6, 1),
        "rss_own_mb": round(max(own_rss(process) for process in nodes) / 1e6, 1),
        "gateway_rss_mb": round(gateway.memory_info().rss / 1e6, 1),
    }


def _numbers(figures: Mapping[str, Figure]) -> dict[str, float]:
    """The figures that are numbers."""
    return {name: value for name, value in figures.items() if isinstance(value, int | float)}
