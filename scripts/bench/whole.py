"""What a user waits for or pays for without asking: the demo, a start, a network at rest."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Final

from scripts import processes
from scripts.bench.measure import Figure, Result, folder_bytes, node_peak_mb, settle, usage, used_since
from scripts.bench.network import fresh_network
from scripts.bench.plan import Plan
from scripts.bench.runs import send
from scripts.bench.writing import CHAIN, singles_load
from scripts.client import client_of, load_network
from scripts.processes import ROOT

IDLE_MINTS: Final = 10_000
FLUSHED_S: Final = 10


def start(plan: Plan) -> list[Result]:
    """From the command `up` on an empty folder to the first 201."""
    times = []
    for repetition in range(plan.repetitions):
        plan.told(f"start: run {repetition + 1} of {plan.repetitions}")
        with tempfile.TemporaryDirectory(prefix="certnet-bench-") as parent:
            times.append(_first_mint(Path(parent) / "network"))
    figures: dict[str, Figure] = {
        "p50_ms": round(1e3 * median(times)),
        "p50_s": round(median(times), 2),
        "max_s": round(max(times), 2),
    }
    setting = "python3 scripts up --detach with the environment there, keys and genesis new, then one mint"
    return [Result(scenario="start", door="up", figures=figures, setting=setting, bar="2.5 s")]


def idle(plan: Plan) -> list[Result]:
    """Ten chains at rest after load: CPU, blocks, files."""
    with fresh_network() as bench:
        mints = min(IDLE_MINTS, plan.mints)
        send(bench, "node-rpc", singles_load(bench, mints))
        time.sleep(FLUSHED_S)  # what the load left is flushed
        settle(bench.folder)
        with client_of(bench.folder, "platform") as client:
            heights = {chain["id"]: chain["height"] for chain in client.get("/v1/chains")["chains"]}
            before, size, started = usage(bench.folder), folder_bytes(bench.folder), time.perf_counter()
            while (gone := time.perf_counter() - started) < plan.idle_s:
                plan.told(f"idle: {gone:.0f} of {plan.idle_s} s")
                time.sleep(min(5, plan.idle_s))
            cpu = used_since(before, usage(bench.folder))
            grown = folder_bytes(bench.folder) - size
            now = {chain["id"]: chain["height"] for chain in client.get("/v1/chains")["chains"]}
        nodes = [used for name, used in cpu.items() if name not in processes.NO_NODES]
        figures: dict[str, Figure] = {
            "node_cpu_percent": round(100 * max(nodes) / gone, 2),
            "gateway_cpu_percent": round(100 * cpu[processes.GATEWAY] / gone, 2),
            "blocks": sum(now[chain] - heights[chain] for chain in now),
            "grown_bytes": grown,
            "rss_mb": round(node_peak_mb(bench.folder), 1),
        }
    setting = f"{plan.idle_s} s of rest after {mints} mints; the largest node"
    return [
        Result(scenario="idle", door="nodes", figures=figures, setting=setting, bar="2 % of a core, 0 blocks, 0 bytes")
    ]


def demo(plan: Plan) -> list[Result]:
    """The demo as a command, and what a node weighs when all that is done."""
    plan.told("demo")
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
        figures: dict[str, Figure] = {"whole_s": round(seconds, 2), "rss_mb": round(node_peak_mb(folder), 1)}
        processes.stop_all(folder)
    certificates = next(line for line in done.stdout.splitlines() if "certificates on" in line)
    setting = f"python3 scripts demo with the environment there: {certificates.rstrip('.')}"
    return [Result(scenario="demo", door="command", figures=figures, setting=setting, bar="40 s, 150 MB a node")]


def _first_mint(folder: Path) -> float:
    port = str(processes.free_port(6))
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
