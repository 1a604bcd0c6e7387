"""A network on this machine from nothing to ready: folder, processes, demo classes."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from scripts import processes
from scripts.client import Client, Refused, load_network
from scripts.errors import CommandFailed
from scripts.network import REPLICAS_DEMO_MAX, local_addresses, make_network
from scripts.nodes import listening, node_names
from scripts.provision import provision
from scripts.sectors import Sector, load_sectors

Told = Callable[[str], None]
CONNECTED_TIMEOUT_S = 15.0
NODES_STILL_DIALLING = frozenset({"no-quorum", "no-node"})


def prepare(folder: Path, nodes: int, port: int) -> bool:
    """Make the network's folder if there is none; whether it is new."""
    if (folder / "genesis.json").exists():
        return False
    if not 4 <= nodes <= REPLICAS_DEMO_MAX:
        raise CommandFailed(f"a network has 4 to {REPLICAS_DEMO_MAX} nodes; give --nodes one of them")
    if folder.exists() and any(folder.iterdir()):
        raise CommandFailed(f"{folder} is not empty and holds no network; choose another --data")
    processes.check_disk(folder)
    make_network(folder, local_addresses(nodes, port))
    return True


def start(folder: Path, told: Told) -> dict[str, Any]:
    """Start every process, wait until the gateway is ready, define the demo classes; `network.json`."""
    if processes.alive(folder):
        names = ", ".join(sorted(processes.alive(folder)))
        raise CommandFailed(
            f"a network runs in {folder} already ({names}); use it, or end it with `down --data {folder}`"
        )
    settings = json.loads((folder / "gateway" / "gateway.json").read_text())
    processes.check_ports([(settings["host"], settings["port"]), *listening(folder).values()], "--port")
    (folder / "run.json").unlink(missing_ok=True)
    try:
        for name in node_names(folder):
            told(f"starting {name}")
            processes.start(folder, name)
        network = _network(folder, f"http://127.0.0.1:{settings['port']}")
        told("starting the gateway")
        processes.start(folder, processes.GATEWAY)
        processes.wait_ready(folder, network["url"], told)
        told("defining the demo classes")
        define_classes(network)
        if (folder / processes.RELAYER / "relayer.json").exists():  # networks made before there were relayers have none
            processes.start(folder, processes.RELAYER)
    except BaseException:
        processes.stop_all(folder)
        raise
    return network


def define_classes(network: dict[str, Any]) -> None:
    """Define the demo class of every chain; one that is there already stays."""
    with Client(network["url"], network["api_keys"]["platform"]) as client, ThreadPoolExecutor(10) as pool:
        there = {(entry["chain"], entry["class"]) for entry in client.get("/v1/classes")["classes"]}
        missing = [s for s in load_sectors().values() if (s.chain_id, s.class_id) not in there]
        list(pool.map(lambda sector: _define(client, network["network_id"], sector), missing))


def _define(client: Client, network_id: str, sector: Sector) -> None:
    body = {
        "chain": sector.chain_id,
        "class": sector.class_id,
        "name_en": sector.name_en,
        "name_zh": sector.name_zh,
        "schema": sector.document,
    }
    # The same key at every start: what is defined, but not yet indexed, is answered and not refused.
    key = f"demo-class-{network_id[:16]}-{sector.chain_id}"
    deadline = time.monotonic() + CONNECTED_TIMEOUT_S
    while True:
        try:
            client.post("/v1/classes", body, idempotency=key)
        except Refused as refused:
            if refused.problem not in NODES_STILL_DIALLING or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def _network(folder: Path, url: str) -> dict[str, Any]:
    if (folder / "network.json").exists():
        return load_network(folder)
    return provision(folder, url)
