"""`init` and `provision`: the steps of a first start, one by one, as the compose cluster takes them."""

from pathlib import Path
from typing import Annotated

import typer

from scripts import lifecycle, processes
from scripts.client import load_network
from scripts.commands.options import DEFAULT_DATA, Data
from scripts.network import container_addresses, local_addresses, make_network
from scripts.provision import provision as fill
from scripts.screen import out, working


def init(
    data: Data = DEFAULT_DATA,
    nodes: Annotated[int, typer.Option(min=4, max=13)] = 4,
    port: Annotated[int, typer.Option(min=1024, max=65_000)] = 8080,
    containers: Annotated[bool, typer.Option("--containers", help="Every process on a host of its own name.")] = False,
) -> None:
    """Make keys, certificates, genesis and vault, and start nothing; a network that is there stays."""
    if (data / "network.json").exists():
        out.print(f"The network in {data} stays as it is: {load_network(data)['fingerprint']}")
        return
    processes.check_disk(data)
    addresses = container_addresses(nodes) if containers else local_addresses(nodes, port)
    if not (data / "genesis.json").exists():
        make_network(data, addresses)
    network = fill(data, f"http://127.0.0.1:{port}")
    out.print(f"A new network in {data}. Fingerprint 网络指纹: {network['fingerprint']}")


def provision(
    data: Data = DEFAULT_DATA,
    url: Annotated[str | None, typer.Option(help="The gateway, if not where network.json says.")] = None,
) -> None:
    """Wait until the gateway is ready and define the demo classes."""
    network = load_network(data)
    if url is not None:
        network["url"] = url
    with working("Waiting for the gateway") as told:
        processes.wait_ready(Path("/nonexistent"), network["url"], told)
        lifecycle.define_classes(network)
    out.print(f"The demo classes are defined. API key of the platform: {network['api_keys']['platform']}")
