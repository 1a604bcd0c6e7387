"""`up`: start a network that stays."""

import json
import signal
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from chain.sm2 import tongsuo_serves
from scripts import lifecycle, processes
from scripts.client import client_of
from scripts.commands.options import DEFAULT_DATA, Data
from scripts.errors import CommandFailed
from scripts.screen import out, show_network, working

WATCH_S = 0.5


def up(
    data: Data = DEFAULT_DATA,
    nodes: Annotated[int, typer.Option(min=4, max=13, help="How many nodes a new network has.")] = 4,
    port: Annotated[
        int, typer.Option(min=1024, max=65_000, help="The gateway's; the nodes take those after it.")
    ] = 8080,
    detach: Annotated[bool, typer.Option("--detach", help="Leave it running; `down` ends it.")] = False,
) -> None:
    """Start a network that stays: what is minted survives in the folder."""
    with working("Starting 正在启动") as told:
        told("making keys, certificates and genesis")
        new = lifecycle.prepare(data, nodes, port)
        network = lifecycle.start(data, told)
    try:
        _show(data, network, new=new)
        if not detach:
            _stay(data)
    except KeyboardInterrupt:
        processes.stop_all(data)
        raise


def _show(data: Path, network: dict[str, Any], *, new: bool) -> None:
    with client_of(data, "platform") as client:
        chains = client.get("/v1/chains")["chains"]
    if not tongsuo_serves():
        out.print(
            "SM2 is checked in pure Python here, about thirty times slower: yanan will be slow. 国密签名为纯 Python 实现，较慢。"
        )
    show_network(network, chains, json.loads((data / "demo-keys.json").read_text("utf-8")))
    place = "" if data == DEFAULT_DATA else f" --data {data}"
    out.print(f"{'A new network' if new else 'The network as it was'} in {data}. Try next 接下来可以试试:")
    out.print(f"  python3 scripts mint wenchang{place}")
    out.print(f"  python3 scripts mint-batch scripts/samples/nanjing-mill-tests.csv --chain nanjing{place}")
    out.print(f"  python3 scripts status{place}\n")


def _stay(data: Path) -> None:
    """Watch the processes until Ctrl-C, then end them all."""
    stopping: list[int] = []
    for caught in (signal.SIGINT, signal.SIGTERM):
        signal.signal(caught, lambda number, _: stopping.append(number))
    out.print("Ctrl-C ends the network; what it holds stays in the folder.")
    names = set(processes.load_running(data))
    while not stopping:
        time.sleep(WATCH_S)
        processes.reap()
        ended = names - set(processes.alive(data)) if processes.load_running(data) else names
        if ended == names:
            raise CommandFailed("the network was ended from outside")
        for lost in ended:
            out.print(f"{lost} has ended: {processes.last_words(data, lost)}")
            names.discard(lost)
    with working("Ending 正在停止"):
        processes.stop_all(data)
