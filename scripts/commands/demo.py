"""`demo`: the main job, from nothing to certificates on ten chains, verified, one revoked, one checked offline."""

import shutil
import signal
import tempfile
import time
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from scripts import lifecycle, processes
from scripts.demonstration import run_demonstration
from scripts.errors import CommandFailed
from scripts.screen import out, working

PORTS = 5


def demo(
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the network running, in the folder that is shown.")
    ] = False,
) -> None:
    """Show the main job on a fresh network in a temporary folder; exit 0 only if everything held."""
    started = time.monotonic()
    signal.signal(signal.SIGTERM, _interrupted)
    parent = Path(tempfile.mkdtemp(prefix="certnet-demo-"))
    folder = parent / "network"
    try:
        with working("Starting 正在启动") as told:
            told("making keys, certificates and genesis")
            lifecycle.prepare(folder, 4, processes.free_port(PORTS))
            network = lifecycle.start(folder, told)
        out.print(
            f"Four nodes, a gateway and a relayer are up after {time.monotonic() - started:.1f} s. 四个节点、网关与中继已就绪。"
        )
        out.print(f"Network fingerprint 网络指纹: {network['fingerprint']}\n")
        held = run_demonstration(folder, network)
    finally:
        if not keep:
            processes.stop_all(folder)
            shutil.rmtree(parent, ignore_errors=True)
    out.print(f"\nDone in {time.monotonic() - started:.1f} s. 完成。")
    if keep:
        out.print(f"The network runs on at {network['url']}; end it with: python3 scripts down --data {folder}")
    if not held:
        raise CommandFailed("the demo did not hold: see above")


def _interrupted(*_: object) -> NoReturn:
    raise KeyboardInterrupt
