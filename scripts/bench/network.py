"""A fresh network for the benchmark, and transactions that are signed before the clock starts."""

import asyncio
import csv
import io
import json
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import msgpack

from chain.codec import encode
from chain.profiles import load_profiles
from chain.rules import ChainRules
from chain.transaction import SignedTransaction, Transaction
from contracts.certificate import Mint, MintItem
from scripts import lifecycle, processes
from scripts.network import DemoKeys
from scripts.sectors import load_sectors

BULK: Final = 500
IN_FLIGHT: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchNetwork:
    """A network that is up: its folder, `network.json`, demo keys, number of nodes."""

    folder: Path
    network: dict[str, Any]
    keys: DemoKeys
    nodes: int

    @property
    def headers(self) -> dict[str, str]:
        """The platform's key."""
        return {"Authorization": f"Bearer {self.network['api_keys']['platform']}"}

    def entry(self, chain: str) -> dict[str, Any]:
        """A chain's entry of `network.json`."""
        return next(dict(entry) for entry in self.network["chains"] if entry["id"] == chain)


@contextmanager
def fresh_network(nodes: int = 4) -> Iterator[BenchNetwork]:
    """A network in a temporary folder, ended and removed afterwards."""
    parent = Path(tempfile.mkdtemp(prefix="certnet-bench-"))
    folder = parent / "network"
    try:
        lifecycle.prepare(folder, nodes, processes.free_port(nodes + 1))
        network = lifecycle.start(folder, lambda _: None)
        keys = json.loads((folder / "demo-keys.json").read_text("utf-8"))
        yield BenchNetwork(folder=folder, network=network, keys=keys, nodes=nodes)
    finally:
        processes.stop_all(folder)
        shutil.rmtree(parent, ignore_errors=True)


def signed_mints(bench: BenchNetwork, chain: str, count: int) -> list[bytes]:
    """Single mints by the platform to alice, each with a token and content root of its own."""
    rules = ChainRules.of(bytes.fromhex(bench.network["network_id"]), load_profiles()[chain])
    people = bench.keys[chain]
    pair = rules.scheme.key_pair(bytes.fromhex(people["platform"]["seed"]))
    sender, holder = (rules.addresses.parse(people[name]["address"]) for name in ("platform", "alice"))
    class_id, valid_until = bench.entry(chain)["class"], time.time_ns() // 1_000_000 + 280_000

    def signed() -> bytes:
        item = MintItem(
            token=secrets.token_bytes(16),
            holder=holder,
            content_root=secrets.token_bytes(32),
            uri="",
            valid_from=None,
            valid_until=None,
        )
        body = encode(
            Transaction(
                chain_id=chain,
                sender=sender,
                nonce=secrets.token_bytes(16),
                valid_until=valid_until,
                contract="ddc721",
                method="mint",
                arguments=encode(Mint(class_id=class_id, item=item)),
            )
        )
        return encode(SignedTransaction(body=body, signature=pair.sign(rules.transaction_id(body))))

    return [signed() for _ in range(count)]


async def send_bulk(bench: BenchNetwork, chain: str, transactions: list[bytes]) -> int:
    """Send signed transactions in bulk bodies, some in flight at once; how many were committed."""
    bodies = [msgpack.packb(transactions[i : i + BULK]) for i in range(0, len(transactions), BULK)]
    turns = asyncio.Semaphore(IN_FLIGHT)
    headers = bench.headers | {"Content-Type": "application/msgpack"}
    async with httpx.AsyncClient(base_url=bench.network["url"], headers=headers, timeout=60) as client:

        async def send(body: bytes) -> int:
            async with turns:
                answer = await client.post(f"/v1/chains/{chain}/transactions:bulk", content=body)
            return answer.text.count('"outcome":"committed"')

        return sum(await asyncio.gather(*(send(body) for body in bodies)))


def many_rows(chain: str, count: int) -> bytes:
    """A CSV file of `count` rows: the chain's sample rows again and again."""
    rows = load_sectors()[chain].rows()
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows[i % len(rows)] for i in range(count))
    return text.getvalue().encode()
