"""A fresh network for the benchmark."""

import csv
import io
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chain.genesis import parse_genesis
from scripts import lifecycle, processes
from scripts.bench.http_load import Address
from scripts.network import DemoKeys
from scripts.nodes import listening, node_names
from scripts.sectors import load_sectors


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

    @property
    def authorization(self) -> str:
        """The same as a line of a request."""
        return f"Authorization: {self.headers['Authorization']}"

    @property
    def address(self) -> Address:
        """Where the gateway listens."""
        host, port = self.network["url"].removeprefix("http://").rsplit(":", 1)
        return host, int(port)

    def primary(self, chain: str, after: int = 0) -> str:
        """The name of a chain's first primary, or of the replica so many places after it."""
        names = node_names(self.folder)
        genesis = parse_genesis((self.folder / "genesis.json").read_bytes())
        section = genesis.section(chain)
        assert section is not None
        return names[(section.primary_offset + after) % len(names)]

    def primary_address(self, chain: str) -> Address:
        """Where the chain's first primary listens."""
        return listening(self.folder)[self.primary(chain)]

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


def many_rows(chain: str, count: int) -> bytes:
    """A CSV file of `count` rows: the chain's sample rows again and again."""
    rows = load_sectors()[chain].rows()
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows[i % len(rows)] for i in range(count))
    return text.getvalue().encode()
