"""A real network of four processes with hands on its faults: signals, disks and the wires between its nodes."""

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from chain.codec import decode, encode
from chain.profiles import load_profiles
from chain.rpc import Answer, ChainStatus, Outcomes, ReadState, StateAnswer, Submit
from chain.rules import ChainRules
from contracts.keys import class_key
from tests.e2e.fault_proxy import FaultProxies
from tests.node.network.talk import Client
from tests.node.real_network import NAMES, PATIENCE_S, ROOT, RealNetwork, wait_until

SICK_DISK = "tests.e2e.sick_disk"


class FaultNetwork(RealNetwork):
    """Four nodes; with `proxies` every frame between them goes through a hand that can hold it."""

    proxies: FaultProxies | None = None

    def behind_proxies(self) -> None:
        """Let every node reach every other through a proxy of its own. Before the start."""
        self.proxies = FaultProxies(self.ports)
        for name in NAMES:
            path = self.node(name) / "node.json"
            document = json.loads(path.read_text())
            for peer in NAMES:
                if peer != name:
                    document["peers"][peer] = ["127.0.0.1", self.proxies.port(name, peer)]
            path.write_text(json.dumps(document))

    def pause(self, *names: str) -> None:
        """SIGSTOP: the process is there and does nothing."""
        for name in names:
            self.processes[name].send_signal(signal.SIGSTOP)
            assert state_of(self.processes[name].pid) == "T"

    def resume(self, *names: str) -> None:
        """SIGCONT."""
        for name in names:
            self.processes[name].send_signal(signal.SIGCONT)

    def start_what_is_down(self) -> None:
        """Whatever an earlier test has left."""
        down = [name for name in NAMES if name not in self.processes or self.processes[name].poll() is not None]
        if down:
            self.start(*down)

    def start_on_a_sick_disk(self, name: str) -> None:
        """Start a node whose calls to the disk can be made to fail: see `tests.e2e.sick_disk`."""
        before = self.log(name).count("ready on")
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", SICK_DISK, str(self.node(name))],
                cwd=ROOT,
                stderr=log,
                stdout=log,
            )
        wait_until(lambda: self.log(name).count("ready on") > before, f"{name} is not ready")

    def end(self) -> None:
        """Whatever runs is ended, whatever state it is in."""
        for process in self.processes.values():
            process.kill()
            process.wait()
        if self.proxies is not None:
            self.proxies.close()

    def sicken(self, name: str, word: str) -> None:
        """From now on something is wrong with the disk of a node that was started on a sick one; "" for nothing."""
        (self.node(name) / "sick").write_text(word)

    def done_by_the_disk(self, name: str) -> str:
        """A letter for each time that the disk failed or dawdled."""
        return (self.node(name) / "sick.done").read_text()

    # ---- as a caller ----

    def numbered_definition(self, chain_id: str) -> tuple[str, bytes]:
        """A signed transaction that defines a class of its own, and the id of the class."""
        raw = self.definition(chain_id)
        return f"class-{self._nonce}", raw

    async def chain(self, name: str, chain_id: str) -> ChainStatus:
        """What a node says of one chain."""
        status = await self.status(name)
        return next(chain for chain in status.chains if chain.chain_id == chain_id)

    async def primary(self, chain_id: str, asked: str) -> str:
        """Who is primary by what a node says."""
        return NAMES[(await self.chain(asked, chain_id)).primary]

    async def equal_heads(self, chain_id: str, *names: str, at_least: int = 0) -> int:
        """The height of a chain once these nodes (all) have the same head and nothing waits."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                found = [await self.chain(name, chain_id) for name in names or NAMES]
                if len({(one.height, one.head) for one in found}) == 1 and found[0].height >= at_least:
                    return found[0].height
                await asyncio.sleep(0.05)

    async def heads_and_views(self, chain_id: str, *names: str) -> set[tuple[int, int]]:
        """(height, view) of these nodes."""
        return {(one.height, one.view) for one in [await self.chain(name, chain_id) for name in names]}

    async def missing(self, name: str, chain_id: str, class_ids: list[str]) -> list[str]:
        """Which of these classes a node does not hold."""
        client = await self.client(name)
        found = []
        for start in range(0, len(class_ids), 50):
            part = class_ids[start : start + 50]
            keys = tuple(class_key(class_id) for class_id in part)
            client.send(encode(ReadState(request=1, chain_id=chain_id, keys=keys, height=None)))
            body = await client.receive()
            assert body is not None
            answer = decode(body, Answer)
            assert isinstance(answer, StateAnswer)
            found += [one for one, proven in zip(part, answer.values, strict=True) if proven.value is None]
        client.close()
        return found

    async def check_none_lost(self, load: "Load", *names: str) -> None:
        """Every acknowledged write is on every one of these nodes (all)."""
        assert load.acknowledged
        for name in names or NAMES:
            assert await self.missing(name, load.chain_id, list(load.acknowledged)) == []


@dataclass
class Load:
    """Writes without pause, each sent again until it is acknowledged: what was, and when."""

    network: FaultNetwork
    chain_id: str
    entries: tuple[str, ...]
    """The nodes that callers use; who gets no answer goes to the next one."""
    acknowledged: dict[str, float] = field(default_factory=dict)
    """Class id -> monotonic time."""
    refused: dict[str, int] = field(default_factory=dict)
    _going_on: bool = True

    def stop(self) -> None:
        """No new writes; those on their way are brought to their end."""
        self._going_on = False

    async def caller(self, number: int) -> None:
        """One caller: a write at a time."""
        turn = number
        while self._going_on:
            class_id, raw = self.network.numbered_definition(self.chain_id)
            while True:
                answer = await self._try(self.entries[turn % len(self.entries)], raw)
                if answer == "":
                    self.acknowledged[class_id] = time.monotonic()
                    break
                self.refused[answer] = self.refused.get(answer, 0) + 1
                turn += 1
                await asyncio.sleep(0.02)

    async def count(self, more: int) -> None:
        """Wait until so many more are acknowledged."""
        wanted = len(self.acknowledged) + more
        async with asyncio.timeout(PATIENCE_S):
            while len(self.acknowledged) < wanted:  # noqa: ASYNC110 - callers make it true
                await asyncio.sleep(0.005)

    async def _try(self, entry: str, raw: bytes) -> str:
        """The outcome of one attempt: "" for success, else a reason."""
        try:
            async with asyncio.timeout(5):
                client = await self._client(entry)
                client.send(encode(Submit(request=1, chain_id=self.chain_id, transactions=(raw,))))
                body = await client.receive()
        except (OSError, TimeoutError, AssertionError) as problem:
            self._forget(entry)
            return type(problem).__name__
        if body is None:
            self._forget(entry)
            return "closed"
        answer = decode(body, Answer)
        assert isinstance(answer, Outcomes)
        return answer.rejected[0].code if answer.rejected else answer.included[0].receipt.code

    async def _client(self, entry: str) -> Client:
        key = (asyncio.current_task(), entry)
        if key not in self._clients:
            self._clients[key] = await self.network.client(entry)
        return self._clients[key]

    def _forget(self, entry: str) -> None:
        client = self._clients.pop((asyncio.current_task(), entry), None)
        if client is not None:
            client.close()

    def __post_init__(self) -> None:
        self._clients: dict[tuple[object, str], Client] = {}


@asynccontextmanager
async def under_load(network: FaultNetwork, chain_id: str, *entries: str, callers: int = 8) -> AsyncIterator[Load]:
    """Writes go on while the context lasts; at its end every one that was begun is acknowledged."""
    load = Load(network, chain_id, entries)
    tasks = [asyncio.create_task(load.caller(number)) for number in range(callers)]
    try:
        await load.count(20)
        yield load
        load.stop()
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)


@contextmanager
def fault_network(folder: Path, *, proxies: bool = False) -> Iterator[FaultNetwork]:
    """Four nodes that are up, ended whatever happens."""
    made = FaultNetwork.make(folder)
    assert isinstance(made, FaultNetwork)
    try:
        if proxies:
            made.behind_proxies()
        made.start()
        yield made
    finally:
        made.end()


def rules_of(network: RealNetwork, chain_id: str) -> ChainRules:
    """The rules of a chain."""
    return ChainRules.of(network.genesis.network_id, load_profiles()[chain_id])


def state_of(pid: int) -> str:
    """The letter that the kernel gives a process."""
    deadline = time.monotonic() + 5
    while (letter := Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]) in "RSD":
        if time.monotonic() > deadline:
            break
        time.sleep(0.005)
    return letter
