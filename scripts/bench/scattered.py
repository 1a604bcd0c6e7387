"""The scenario `scattered`: what certificates cost whose ids are no neighbours."""

import secrets
from functools import partial
from typing import Final

from contracts.issuing import BATCH_CERTIFICATES_MAX
from scripts.bench.filling import fill
from scripts.bench.measure import Result, node_peak_mb
from scripts.bench.network import BenchNetwork, fresh_network
from scripts.bench.plan import Plan
from scripts.bench.runs import rates, repeated
from scripts.bench.writing import CHAIN, REPLICAS, batches_load, singles_load

PER_BATCH: Final = 5
"""Certificates of the runs in batches for each of the runs of singles, as in the scenario `batch`."""


def scattered(plan: Plan) -> list[Result]:
    """`single` and `batch` with every id drawn by chance, by the first of the doors."""
    door = plan.doors[0]
    with fresh_network(REPLICAS) as bench:
        fill(bench, CHAIN, plan.certificates, plan.told, draw=tokens_by_chance)
        points = [_point(plan, bench, door, each) for each in (1, BATCH_CERTIFICATES_MAX)]
    setting = (
        f"single and batch as above, but each id by chance, {plan.certificates:,} such certificates there before; "
        "figures of single"
    )
    return [Result(scenario="scattered", door=door, figures=points[0], setting=setting, points=points)]


def tokens_by_chance(count: int) -> list[bytes]:
    """So many integer ids (16 bytes) with 64 random bits each."""
    return [bytes(8) + secrets.token_bytes(8) for _ in range(count)]


def _point(plan: Plan, bench: BenchNetwork, door: str, each: int) -> dict[str, float]:
    make = singles_load if each == 1 else batches_load
    count = plan.mints if each == 1 else PER_BATCH * plan.mints
    load = partial(make, bench, draw=tokens_by_chance)
    runs = repeated(plan, bench, door, load, count, each, title=f"scattered, {each} in a transaction")
    figures = {"each": each, **rates(runs, plan.limits.signature_per_s(REPLICAS))}
    figures["rss_mb"] = round(node_peak_mb(bench.folder), 1)
    return {name: value for name, value in figures.items() if isinstance(value, int | float)}
