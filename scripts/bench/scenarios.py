"""What is measured. Each scenario says its setting; a figure that misses its bar is printed all the same."""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import httpx

from scripts import processes
from scripts.bench.faults import backup_down, failover, overload
from scripts.bench.machine import Limits
from scripts.bench.measure import Result, folder_bytes, node_rss_mb, percentile, usage, used_since
from scripts.bench.network import BenchNetwork, fresh_network, many_rows, send_bulk, signed_mints
from scripts.client import client_of, load_network
from scripts.processes import ROOT

CHAIN: Final = "nanjing"
"""Ed25519 and BLAKE2b: the chain whose limit libsodium sets."""
WARM_UP: Final = 1_000
MINTS: Final = 10_000
LATENCIES: Final = 500
REPETITIONS: Final = 3
IDLE_S: Final = 300
Told = Callable[[str], None]


def single(limits: Limits, told: Told) -> list[Result]:
    """10,000 single mints, signed beforehand, through transactions:bulk on one chain."""
    with fresh_network() as bench:
        asyncio.run(send_bulk(bench, CHAIN, signed_mints(bench, CHAIN, WARM_UP)))
        runs = []
        for repetition in range(REPETITIONS):
            told(f"single: run {repetition + 1} of {REPETITIONS}")
            transactions = signed_mints(bench, CHAIN, MINTS)
            before, started = usage(bench.folder), time.perf_counter()
            committed = asyncio.run(send_bulk(bench, CHAIN, transactions))
            seconds = time.perf_counter() - started
            runs.append((committed / seconds, committed, used_since(before, usage(bench.folder))))
        rate, committed, cpu = sorted(runs, key=lambda run: run[0])[len(runs) // 2]
        nodes = [used for name, used in cpu.items() if name != processes.GATEWAY]
        figures: dict[str, float | str] = {
            "per_s": round(rate),
            "spread": f"{min(run[0] for run in runs):.0f}-{max(run[0] for run in runs):.0f}",
            "committed": committed,
            "ratio": round(rate / limits.signature_per_s(bench.nodes), 2),
            "cpu_us": round(1e6 * sum(nodes) / len(nodes) / MINTS, 1),
            "gateway_cpu_us": round(1e6 * cpu[processes.GATEWAY] / MINTS, 1),
            "rss_mb": round(node_rss_mb(bench.folder)),
        }
    setting = f"{MINTS} Ed25519 mints of about 350 bytes, bodies of 500, 8 in flight; fsync and TLS on"
    return [Result(scenario="single", door="gateway-bulk", figures=figures, setting=setting, bar="2,500 per s")]


def batch(limits: Limits, told: Told) -> list[Result]:
    """10,000 certificates from one CSV file with a key that the gateway keeps."""
    with fresh_network() as bench:
        whole, ledger = [], []
        for repetition in range(REPETITIONS):
            told(f"batch: run {repetition + 1} of {REPETITIONS}")
            started = time.perf_counter()
            stored, done = _run_job(bench, many_rows(CHAIN, MINTS))
            whole.append(MINTS / (done - started))
            ledger.append(MINTS / (done - stored))
        rate = sorted(ledger)[len(ledger) // 2]
        figures: dict[str, float | str] = {
            "per_s": round(rate),
            "spread": f"{min(ledger):.0f}-{max(ledger):.0f}",
            "whole_per_s": round(sorted(whole)[len(whole) // 2]),
            "ratio": round(rate / limits.signature_per_s(bench.nodes), 2),
            "rss_mb": round(node_rss_mb(bench.folder)),
            "bytes_per_certificate": round(
                folder_bytes(bench.folder / "nodes" / "beijing" / "data") / MINTS / REPETITIONS
            ),
        }
    setting = (
        f"{MINTS} rows of the {CHAIN} sample, 100 per transaction; per_s from the job's storing to its last outcome, "
        "whole_per_s with upload, checks and salts"
    )
    return [Result(scenario="batch", door="gateway-csv", figures=figures, setting=setting, bar="10,000 per s")]


def latency(limits: Limits, told: Told) -> list[Result]:
    """One mint at a time on an idle network, REST in to proof out."""
    with fresh_network() as bench:
        entry, times = bench.entry(CHAIN), []
        body = {
            "chain": CHAIN,
            "class": entry["class"],
            "holder": entry["accounts"]["alice"]["address"],
            "content": entry["sample"],
        }
        with httpx.Client(base_url=bench.network["url"], headers=bench.headers) as client:
            for number in range(LATENCIES + 50):
                started = time.perf_counter()
                answer = client.post("/v1/certificates", json=body)
                times.append(time.perf_counter() - started)
                assert answer.status_code == 201 and answer.json()["proof"], answer.text  # noqa: PT018
                if number % 100 == 0:
                    told(f"latency: {number} of {LATENCIES}")
        times = times[50:]
        figures: dict[str, float | str] = {
            "p50_ms": round(1e3 * percentile(times, 0.5), 1),
            "p99_ms": round(1e3 * percentile(times, 0.99), 1),
            "max_ms": round(1e3 * max(times), 1),
            "fdatasync_ms": round(1e3 * limits.fdatasync_s, 2),
        }
    setting = (
        f"{LATENCIES} mints, one after the other, ten chains idle beside it; receipt, document and proof in the answer"
    )
    return [
        Result(scenario="latency", door="gateway-single", figures=figures, setting=setting, bar="p50 25 ms, p99 80 ms")
    ]


def start(_limits: Limits, told: Told) -> list[Result]:
    """From the command `up` on an empty folder to the first 201."""
    times = []
    for repetition in range(REPETITIONS):
        told(f"start: run {repetition + 1} of {REPETITIONS}")
        with tempfile.TemporaryDirectory(prefix="certnet-bench-") as parent:
            times.append(_first_mint(Path(parent) / "network"))
    figures: dict[str, float | str] = {"p50_s": round(sorted(times)[len(times) // 2], 2), "max_s": round(max(times), 2)}
    setting = "python3 scripts up --detach with the environment there, keys and genesis new, then one mint"
    return [Result(scenario="start", door="up", figures=figures, setting=setting, bar="4 s")]


def idle(_limits: Limits, told: Told) -> list[Result]:
    """Ten chains at rest after load: CPU, blocks, files."""
    with fresh_network() as bench:
        asyncio.run(send_bulk(bench, CHAIN, signed_mints(bench, CHAIN, MINTS)))
        time.sleep(10)  # what the load left is flushed
        with client_of(bench.folder, "platform") as client:
            heights = {chain["id"]: chain["height"] for chain in client.get("/v1/chains")["chains"]}
            before, size, started = usage(bench.folder), folder_bytes(bench.folder), time.perf_counter()
            while (gone := time.perf_counter() - started) < IDLE_S:
                told(f"idle: {gone:.0f} of {IDLE_S} s")
                time.sleep(5)
            cpu = used_since(before, usage(bench.folder))
            grown = folder_bytes(bench.folder) - size
            now = {chain["id"]: chain["height"] for chain in client.get("/v1/chains")["chains"]}
        nodes = [used for name, used in cpu.items() if name != processes.GATEWAY]
        figures: dict[str, float | str] = {
            "node_cpu_percent": round(100 * max(nodes) / gone, 2),
            "gateway_cpu_percent": round(100 * cpu[processes.GATEWAY] / gone, 2),
            "blocks": sum(now[chain] - heights[chain] for chain in now),
            "grown_bytes": grown,
            "rss_mb": round(node_rss_mb(bench.folder)),
        }
    setting = f"{IDLE_S} s of rest after {MINTS} mints; the largest node"
    return [
        Result(scenario="idle", door="nodes", figures=figures, setting=setting, bar="2 % of a core, 0 blocks, 0 bytes")
    ]


def demo(_limits: Limits, told: Told) -> list[Result]:
    """The demo as a command, and what a node weighs when all that is done."""
    told("demo")
    with tempfile.TemporaryDirectory(prefix="certnet-bench-") as parent:
        started = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "scripts.cli", "demo", "--keep"],
            cwd=ROOT,
            env=os.environ | {"TMPDIR": parent},
            check=True,
            capture_output=True,
            text=True,
        )
        seconds = time.perf_counter() - started
        folder = next(Path(parent).glob("certnet-demo-*")) / "network"
        figures: dict[str, float | str] = {"whole_s": round(seconds, 2), "rss_mb": round(node_rss_mb(folder))}
        processes.stop_all(folder)
    certificates = next(line for line in done.stdout.splitlines() if "certificates on" in line)
    setting = f"python3 scripts demo with the environment there: {certificates.rstrip('.')}"
    return [Result(scenario="demo", door="command", figures=figures, setting=setting, bar="40 s, 150 MB a node")]


SCENARIOS: Final = {
    "demo": demo,
    "start": start,
    "latency": latency,
    "single": single,
    "batch": batch,
    "idle": idle,
    "failover": failover,
    "backup-down": backup_down,
    "overload": overload,
}


def _run_job(bench: BenchNetwork, data: bytes) -> tuple[float, float]:
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
    assert job["minted"] == MINTS, job
    return stored, time.perf_counter()


def _first_mint(folder: Path) -> float:
    port = str(processes.free_port(5))
    scripts = [sys.executable, "-m", "scripts.cli"]
    started = time.perf_counter()
    try:
        subprocess.run(
            [*scripts, "up", "--detach", "--data", str(folder), "--port", port],
            cwd=ROOT,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        with client_of(folder, "platform") as client:
            entry = next(chain for chain in load_network(folder)["chains"] if chain["id"] == CHAIN)
            body = {
                "chain": CHAIN,
                "class": entry["class"],
                "holder": entry["accounts"]["alice"]["address"],
                "content": entry["sample"],
            }
            client.post("/v1/certificates", body)
        return time.perf_counter() - started
    finally:
        processes.stop_all(folder)
