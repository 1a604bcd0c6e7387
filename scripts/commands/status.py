"""`status`: how the network stands."""

import json
from pathlib import Path
from typing import Any

from scripts import processes
from scripts.client import Client, gateway_url, load_network
from scripts.commands.options import DEFAULT_DATA, Data, Json
from scripts.screen import out, table


def status(data: Data = DEFAULT_DATA, as_json: Json = False) -> None:
    """Processes, chains, primaries, and why a chain waits if it does."""
    network = load_network(data)
    with Client(gateway_url(network)) as client:
        chains = [_chain(client, entry["id"]) for entry in client.get("/v1/chains")["chains"]]
    running = _processes(data)
    if as_json:
        out.print_json(json.dumps({"url": network["url"], "processes": running, "chains": chains}))
        return
    out.print(f"{network['url']}   fingerprint {network['fingerprint']}\n")
    if running:  # none are ours in a cluster of containers
        table("Processes 进程", "name", "pid", "memory MB", rows=[(p["name"], p["pid"], p["rss_mb"]) for p in running])
        out.print()
    table(
        "Chains 链",
        "chain",
        "height",
        "view",
        "primary",
        "phase",
        "pending",
        "waits for",
        rows=[
            (c["chain"], c["height"], c["view"], c["primary"], c["phase"], c["pending"], c["waits_for"] or "-")
            for c in chains
        ],
    )


def _chain(client: Client, chain_id: str) -> dict[str, Any]:
    view: dict[str, Any] = client.get(f"/v1/chains/{chain_id}/consensus")
    return view


def _processes(data: Path) -> list[dict[str, Any]]:
    living = processes.alive(data)
    return [
        {
            "name": name,
            "pid": running.pid if name in living else "ended",
            "rss_mb": round(living[name].memory_info().rss / 1e6) if name in living else "-",
        }
        for name, running in processes.load_running(data).items()
    ]
