"""How long a node takes from its start until it serves."""

import asyncio
import time
from statistics import median
from typing import Final

from chain.rpc import Answer, ReadState, StateAnswer
from contracts.keys import certificate_key
from scripts import processes
from scripts.bench.loop import run
from scripts.bench.measure import settle
from scripts.bench.network import BenchNetwork
from scripts.bench.node_rpc import NodeCaller, call_node, framed
from scripts.errors import CommandFailed
from scripts.nodes import listening

RESTARTS: Final = 3
TIMEOUT_S: Final = 60
POLL_S: Final = 0.01


def restart_s(bench: BenchNetwork, node: str, chain: str, token: bytes) -> float:
    """Seconds from a node's start, after it was ended in order, until it reads a certificate with its proof; a median."""
    return median(_restart_s(bench, node, chain, token) for _ in range(RESTARTS))


def _restart_s(bench: BenchNetwork, node: str, chain: str, token: bytes) -> float:
    processes.stop(bench.folder, node)
    started = time.perf_counter()
    processes.start(bench.folder, node)
    run(_served(bench, node, chain, token))
    seconds = time.perf_counter() - started
    settle(bench.folder)
    return seconds


async def _served(bench: BenchNetwork, node: str, chain: str, token: bytes) -> None:
    """Return when the node has answered a read; `CommandFailed` if it has no such certificate."""
    key = certificate_key(bench.entry(chain)["class"], token)
    async with asyncio.timeout(TIMEOUT_S):
        caller = await _reached(bench, node)
        heard: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        caller.heard = heard.set_result
        caller.write(framed(ReadState(request=1, chain_id=chain, keys=(key,), height=None)))
        answer = await heard
        await caller.end()
    if not isinstance(answer, StateAnswer) or answer.values[0].value is None:
        raise CommandFailed(f"{node} has come back without a certificate that it had; look at its log")


async def _reached(bench: BenchNetwork, node: str) -> NodeCaller:
    """A link to the node; whoever dials before it listens tries again."""
    network_id = bytes.fromhex(bench.network["network_id"])
    while True:
        try:
            return await call_node(bench.folder / "gateway", listening(bench.folder)[node], network_id)
        except CommandFailed:
            await asyncio.sleep(POLL_S)
