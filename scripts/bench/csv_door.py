"""A further door of the scenario `batch`: a CSV file with a key that the gateway keeps."""

import time
from statistics import median
from typing import Final

import httpx

from scripts.bench.measure import Figure, Result, data_bytes, settle
from scripts.bench.network import BenchNetwork, fresh_network, many_rows
from scripts.bench.plan import Plan
from scripts.bench.runs import footprint, spread

CHAIN: Final = "nanjing"
ROWS: Final = 10_000


def batch_by_csv(plan: Plan) -> list[Result]:
    """Certificates from a file: the job's rate from its storing to its last outcome, and that of the whole."""
    count = min(ROWS, plan.mints)
    with fresh_network() as bench:
        node = bench.primary(CHAIN, after=1)
        before = data_bytes(bench.folder, node)
        whole, ledger = [], []
        for repetition in range(plan.repetitions):
            plan.told(f"batch by gateway-csv: run {repetition + 1} of {plan.repetitions}")
            started = time.perf_counter()
            stored, done = _run_job(bench, many_rows(CHAIN, count), count)
            whole.append(count / (done - started))
            ledger.append(count / (done - stored))
            settle(bench.folder)
        figures: dict[str, Figure] = {
            "per_s": round(median(ledger)),
            "spread": spread(ledger),
            "whole_per_s": round(median(whole)),
            "ratio": round(median(ledger) / plan.limits.signature_per_s(bench.nodes), 3),
        }
        figures |= footprint(bench, node, before, count * plan.repetitions)
    setting = (
        f"{count} rows of the {CHAIN} sample, 100 per transaction; per_s from the job's storing to its last outcome, "
        "whole_per_s with upload, checks and salts"
    )
    return [Result(scenario="batch", door="gateway-csv", figures=figures, setting=setting)]


def _run_job(bench: BenchNetwork, data: bytes, count: int) -> tuple[float, float]:
    """When the job was stored and when it was done (perf_counter)."""
    entry = bench.entry(CHAIN)
    parameters = {"chain": CHAIN, "class": entry["class"], "holder": entry["accounts"]["alice"]["address"]}
    headers = bench.headers | {"Content-Type": "text/csv"}
    with httpx.Client(base_url=bench.network["url"], headers=headers, timeout=60) as client:
        job = client.post("/v1/certificates:batch", params=parameters, content=data).json()
        stored = time.perf_counter()
        while job["state"] != "done":
            time.sleep(0.01)
            job = client.get(f"/v1/jobs/{job['id']}", params={"limit": 0}).json()
    assert job["minted"] == count, job
    return stored, time.perf_counter()
