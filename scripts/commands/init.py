"""`init` and `provision`: the steps of a first start, one by one, as the compose cluster takes them."""

from typing import Annotated, Final

import typer

from scripts import lifecycle, processes
from scripts.client import client_of, gateway_url, load_network
from scripts.commands.options import DEFAULT_DATA, Data
from scripts.network import container_addresses, local_addresses, make_network
from scripts.provision import provision as fill
from scripts.provision import write_network
from scripts.screen import out, show_network, working

NEXT: Final = """\
The network is ready. Try next 接下来可以试试:
  docker compose run --rm certnet mint wenchang
  docker compose run --rm certnet mint-batch scripts/samples/nanjing-mill-tests.csv --chain nanjing
  docker compose run --rm certnet status
  curl {url}/v1/chains
The demo accounts' private keys 演示账户私钥: docker compose run --rm --entrypoint cat certnet /network/demo-keys.json"""


def init(
    data: Data = DEFAULT_DATA,
    nodes: Annotated[int, typer.Option(min=4, max=13)] = 4,
    port: Annotated[int, typer.Option(min=1024, max=65_000)] = 8080,
    containers: Annotated[bool, typer.Option("--containers", help="Every process on a host of its own name.")] = False,
) -> None:
    """Make keys, certificates, genesis and vault, and start nothing; a network that is there stays."""
    url = f"http://127.0.0.1:{port}"
    if (data / "network.json").exists():
        network = load_network(data)
        if containers:  # the port at which they are published may have changed
            write_network(data, network | {"url": url})
        out.print(f"The network in {data} stays as it is. Fingerprint 网络指纹: {network['fingerprint']}")
        return
    processes.check_disk(data)
    addresses = container_addresses(nodes) if containers else local_addresses(nodes, port)
    if not (data / "genesis.json").exists():
        make_network(data, addresses)
    network = fill(data, url)
    out.print(f"A new network in {data}. Fingerprint 网络指纹: {network['fingerprint']}")


def provision(data: Data = DEFAULT_DATA) -> None:
    """Wait until the gateway is ready, define the demo classes and say how to go on."""
    network = load_network(data)
    here = network | {"url": gateway_url(network)}
    with working("Waiting for the gateway") as told:
        processes.wait_ready(data, here["url"], told)
        lifecycle.define_classes(here)
    with client_of(data, "platform") as client:
        chains = client.get("/v1/chains")["chains"]
    show_network(network, chains, None)
    out.print(NEXT.format(url=network["url"]))
