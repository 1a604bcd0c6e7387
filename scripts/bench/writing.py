"""The scenarios `single`, `batch` and `ten`: transactions signed beforehand, by all doors."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from chain.profiles import load_profiles
from contracts.issuing import BATCH_CERTIFICATES_MAX
from scripts.bench.doors import DOORS, Load
from scripts.bench.loop import run
from scripts.bench.measure import Result, data_bytes
from scripts.bench.network import BenchNetwork, fresh_network
from scripts.bench.plan import Plan
from scripts.bench.profiler import FLAME_GRAPH, entitle, recording
from scripts.bench.runs import cpu_split, footprint, rates, repeated, send
from scripts.bench.transactions import Draw, drawn_tokens, signed_batches, signed_mints

CHAIN: Final = "nanjing"
"""Ed25519 and BLAKE2b: the chain whose limit libsodium sets."""
REPLICAS: Final = 4
NODE_RPC: Final = "node-rpc"
BATCHES_TOGETHER: Final = 20
BATCHES_WINDOW: Final = 160
TEN_WINDOW: Final = 1_000
SINGLES_SHARE: Final = {"gateway-single": 0.5}
"""A slow door gets a part of the load, so that no door runs far longer than the others."""
BARS: Final = {"gateway-bulk": "0.85 of node RPC", "gateway-single": "0.35 of node RPC"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """What is written in a scenario: `count` certificates a run, `each` in a transaction, against a limit per second."""

    name: str
    load: Callable[[BenchNetwork, int], Load]
    count: int
    each: int = 1
    limit: float
    what: str
    bars: Mapping[str, str]


def single(plan: Plan) -> list[Result]:
    """Mints of one certificate each on one chain."""
    return _by_all_doors(
        plan,
        Writing(
            name="single",
            load=singles_load,
            count=plan.mints,
            limit=plan.limits.signature_per_s(REPLICAS),
            what="Ed25519 mints of one certificate",
            bars=BARS | {NODE_RPC: "ratio 0.45"},
        ),
    )


def batch(plan: Plan) -> list[Result]:
    """Mints of 100 certificates each on one chain; figures are per certificate."""
    return _by_all_doors(
        plan,
        Writing(
            name="batch",
            load=batches_load,
            count=5 * plan.mints,
            each=BATCH_CERTIFICATES_MAX,
            limit=plan.limits.signature_per_s(REPLICAS),
            what=f"certificates, {BATCH_CERTIFICATES_MAX} in a transaction",
            bars=dict.fromkeys(DOORS, "ratio 2"),
        ),
    )


def ten(plan: Plan) -> list[Result]:
    """The same number of mints on every chain at once."""
    return _by_all_doors(
        plan,
        Writing(
            name="ten",
            load=ten_load,
            count=plan.mints,
            limit=plan.limits.all_chains_per_s(REPLICAS),
            what="mints of one certificate, as many on each of ten chains at once",
            bars=dict.fromkeys(DOORS, "0.35 of c / (n * mean of the ten t)"),
        ),
    )


def flame_graph(plan: Plan, output: Path) -> list[Result]:
    """A flame graph of a backup while single mints come in by node RPC: no figures, but a picture."""
    with fresh_network() as bench:
        send(bench, NODE_RPC, singles_load(bench, plan.mints // 10))
        plan.told("flame graph")
        load = singles_load(bench, plan.mints)
        with recording(bench.folder, bench.primary(CHAIN, after=1), output, FLAME_GRAPH):
            run(DOORS[NODE_RPC](bench, load))
    title = f"a backup, {plan.mints:,} single mints by node RPC"
    output.write_text(entitle(output.read_text("utf-8"), title), "utf-8")
    return []


def singles_load(bench: BenchNetwork, count: int, draw: Draw = drawn_tokens) -> Load:
    """So many mints of one certificate."""
    return Load(transactions={CHAIN: signed_mints(bench, CHAIN, count, draw)})


def batches_load(bench: BenchNetwork, certificates: int, draw: Draw = drawn_tokens) -> Load:
    """So many certificates, 100 in a transaction."""
    return Load(
        transactions={CHAIN: signed_batches(bench, CHAIN, certificates, draw)},
        together=BATCHES_TOGETHER,
        window=BATCHES_WINDOW,
    )


def ten_load(bench: BenchNetwork, count: int) -> Load:
    """So many mints, a tenth of them on each chain."""
    transactions = {chain: signed_mints(bench, chain, max(1, count // 10)) for chain in load_profiles()}
    return Load(transactions=transactions, window=TEN_WINDOW)


def share_of(door: str, count: int) -> int:
    """What a door is given of a load."""
    return int(count * SINGLES_SHARE.get(door, 1.0))


def _by_all_doors(plan: Plan, writing: Writing) -> list[Result]:
    """One result for each door, with its rate over that of node RPC where both were measured."""
    results = [_by_door(plan, writing, door) for door in plan.doors]
    first = next((result.figures["per_s"] for result in results if result.door == NODE_RPC), None)
    if not isinstance(first, int):
        return results
    return [
        replace(result, figures={**result.figures, "over_node_rpc": round(rate / first, 3)})
        for result in results
        if isinstance(rate := result.figures["per_s"], int)
    ]


def _by_door(plan: Plan, writing: Writing, door: str) -> Result:
    """One door on a fresh network."""
    count = share_of(door, writing.count)
    with fresh_network(REPLICAS) as bench:
        backup = bench.primary(CHAIN, after=1)
        before = data_bytes(bench.folder, backup)
        make = partial(writing.load, bench)
        runs = repeated(plan, bench, door, make, count, writing.each, title=writing.name)
        figures = rates(runs, writing.limit)
        figures |= footprint(bench, backup, before, runs.certificates)
        figures |= cpu_split(plan, bench, backup, door, make(count), runs)
    setting = f"{count:,} {writing.what}, {plan.repetitions} runs after a warm-up; TLS, fsync and all checks on"
    return Result(scenario=writing.name, door=door, figures=figures, setting=setting, bar=writing.bars[door])
