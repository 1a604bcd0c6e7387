"""Four real processes on ports of this machine, and a caller that speaks to them."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from chain.codec import decode, encode
from chain.digests import sha256
from chain.genesis import Genesis
from chain.profiles import load_profiles
from chain.rpc import Answer, Outcomes, ReadStatus, StatusAnswer, Submit
from chain.rules import ChainRules
from chain.transaction import SignedTransaction, Transaction
from contracts.classes import DEFAULT_RULES, DefineClass
from scripts.network import Addresses, make_network
from tests.node.network.talk import Client, connect, hello

ROOT = Path(__file__).parents[2]
NAMES = ("beijing", "shanghai", "guangzhou", "xian")
PATIENCE_S = 30


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def wait_until(condition: Callable[[], object], what: str) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


@dataclass
class RealNetwork:
    """A network in a folder; its nodes run while they are wanted."""

    folder: Path
    genesis: Genesis
    ports: dict[str, int]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _nonce: int = 0

    @classmethod
    def make(cls, folder: Path) -> "RealNetwork":
        """A new network, nothing running."""
        gateway, *ports = free_ports(5)
        hosts = {name: ("127.0.0.1", port) for name, port in zip(NAMES, ports, strict=True)}
        genesis = make_network(folder, Addresses(listen="127.0.0.1", gateway_port=gateway, node_hosts=hosts))
        return cls(folder, genesis, dict(zip(NAMES, ports, strict=True)))

    def node(self, name: str) -> Path:
        """A node's folder."""
        return self.folder / "nodes" / name

    def log(self, name: str) -> str:
        """What a node has said."""
        path = self.folder / f"{name}.log"
        return path.read_text() if path.exists() else ""

    def start(self, *names: str) -> None:
        """Start these nodes (all), and wait until they are ready."""
        before = {name: self.log(name).count("ready on") for name in names or NAMES}
        for name in before:
            with (self.folder / f"{name}.log").open("ab") as log:
                self.processes[name] = subprocess.Popen(
                    [sys.executable, "-m", "node", str(self.node(name))], cwd=ROOT, stderr=log, stdout=log
                )
        for name, count in before.items():
            wait_until(
                lambda name=name, count=count: (
                    self.log(name).count("ready on") > count or self.processes[name].poll() is not None
                ),
                f"{name} is not ready",
            )

    def run(self, name: str, **environment: str) -> tuple[int, str]:
        """Run a node that should end by itself: its exit code and what it said."""
        done = subprocess.run(
            [sys.executable, "-m", "node", str(self.node(name))],
            cwd=ROOT,
            capture_output=True,
            timeout=PATIENCE_S,
            env=os.environ | environment,
            check=False,
        )
        return done.returncode, done.stderr.decode()

    def kill(self, *names: str) -> None:
        """SIGKILL."""
        for name in names or NAMES:
            self.processes[name].kill()
        for name in names or NAMES:
            self.processes.pop(name).wait()

    def stop(self) -> dict[str, int]:
        """SIGTERM to all that run; their exit codes."""
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        codes = {name: process.wait(PATIENCE_S) for name, process in self.processes.items()}
        self.processes.clear()
        return codes

    # ---- as a caller ----

    def definition(self, chain_id: str) -> bytes:
        """A signed transaction of the platform that always succeeds."""
        self._nonce += 1
        rules = ChainRules.of(self.genesis.network_id, load_profiles()[chain_id])
        account = json.loads((self.folder / "demo-keys.json").read_text())[chain_id]["platform"]
        key = rules.scheme.key_pair(bytes.fromhex(account["seed"]))
        arguments = DefineClass(
            class_id=f"class-{self._nonce}",
            standard=721,
            name_en="A class",
            name_zh="类",
            schema=sha256(b""),
            fields=("name",),
            rules=DEFAULT_RULES,
        )
        body = encode(
            Transaction(
                chain_id=chain_id,
                sender=rules.addresses.parse(account["address"]),
                nonce=self._nonce.to_bytes(16, "big"),
                valid_until=time.time_ns() // 1_000_000 + 120_000,
                contract="classes",
                method="defineClass",
                arguments=encode(arguments),
            )
        )
        return encode(SignedTransaction(body=body, signature=key.sign(rules.transaction_id(body))))

    async def client(self, name: str) -> Client:
        """A gateway's link to a node."""
        client = await connect(self.ports[name], self.folder / "gateway")
        client.send(hello(None, network_id=self.genesis.network_id))
        assert await client.receive() is not None
        return client

    async def status(self, name: str) -> StatusAnswer:
        """What a node says of its chains."""
        client = await self.client(name)
        client.send(encode(ReadStatus(request=1)))
        body = await client.receive()
        client.close()
        assert body is not None
        answer = decode(body, Answer)
        assert isinstance(answer, StatusAnswer)
        return answer

    async def submit(self, name: str, chain_id: str, *raws: bytes) -> dict[int, str]:
        """Send transactions to a node; by index "" for success, else a code. What is unanswered is left out."""
        client = await self.client(name)
        client.send(encode(Submit(request=1, chain_id=chain_id, transactions=raws)))
        found: dict[int, str] = {}
        while len(found) < len(raws):
            body = await client.receive()
            if body is None:
                break
            answer = decode(body, Answer)
            assert isinstance(answer, Outcomes)
            found.update((rejected.index, rejected.code) for rejected in answer.rejected)
            found.update((included.index, included.receipt.code) for included in answer.included)
        client.close()
        return found

    async def linked(self, *names: str) -> None:
        """Wait until every one of these nodes is connected to all others."""
        async with asyncio.timeout(PATIENCE_S):
            for name in names or NAMES:
                while len((await self.status(name)).connected) < len(names or NAMES) - 1:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)

    async def heads(self, chain_id: str) -> tuple[int, bytes]:
        """The head of a chain, once all nodes have the same."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                found = set()
                for name in NAMES:
                    status = await self.status(name)
                    found |= {(chain.height, chain.head) for chain in status.chains if chain.chain_id == chain_id}
                if len(found) == 1:
                    return found.pop()
                await asyncio.sleep(0.05)

    def files(self) -> dict[str, int]:
        """Every file of the network and its size."""
        paths = (path for path in self.folder.rglob("*") if path.is_file())
        return {str(path): path.stat().st_size for path in paths}
