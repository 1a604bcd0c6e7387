"""A real network of processes for a test, and what each single node holds of it."""

import asyncio
import json
import signal
import time
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from chain.codec import decode
from chain.genesis import Genesis, parse_genesis
from chain.profiles import load_profiles
from chain.rpc import BlockAnswer, ReadBlock, ReadState, ReadStatus, StateAnswer, StatusAnswer
from chain.rules import ChainRules
from chain.universal_id import parse_name, parse_token
from contracts.certificate import Issued, certificate_of
from contracts.keys import certificate_key, supply_key
from gateway.clients.node_link import NodeLink, client_context
from scripts import lifecycle, processes

NODES = ("beijing", "shanghai", "guangzhou", "xian")
PATIENCE_S = 60.0


@dataclass(kw_only=True)
class TestNetwork:
    """A network that is up in `folder`."""

    __test__ = False

    folder: Path
    document: dict[str, Any]

    @property
    def url(self) -> str:
        return str(self.document["url"])

    @property
    def genesis(self) -> Genesis:
        return parse_genesis((self.folder / "genesis.json").read_bytes())

    def entry(self, chain: str) -> dict[str, Any]:
        return next(dict(entry) for entry in self.document["chains"] if entry["id"] == chain)

    def headers(self, tenant: str = "platform") -> dict[str, str]:
        return {"Authorization": f"Bearer {self.document['api_keys'][tenant]}"}

    def rules(self, chain: str) -> ChainRules:
        return ChainRules.of(self.genesis.network_id, load_profiles()[chain])

    def primary_of(self, chain: str) -> str:
        """The first primary of a chain."""
        section = self.genesis.section(chain)
        assert section is not None
        return NODES[section.primary_offset % len(NODES)]

    def kill(self, *names: str) -> None:
        living = processes.alive(self.folder)
        for name in names:
            living[name].send_signal(signal.SIGKILL)
        for name in names:
            living[name].wait(10)

    def restart(self, *names: str) -> None:
        for name in names:
            processes.start(self.folder, name)

    def wait_ready(self) -> None:
        processes.wait_ready(self.folder, self.url)

    def mint_body(self, chain: str) -> dict[str, Any]:
        entry = self.entry(chain)
        return {
            "chain": chain,
            "class": entry["class"],
            "holder": entry["accounts"]["alice"]["address"],
            "content": entry["sample"],
        }


@contextmanager
def running_network(folder: Path, *, nodes: int = len(NODES)) -> Iterator[TestNetwork]:
    """Four nodes, or so many, and a gateway, ended whatever happens."""
    lifecycle.prepare(folder, nodes, processes.free_port(nodes + 1))
    try:
        yield TestNetwork(folder=folder, document=lifecycle.start(folder, lambda _: None))
    finally:
        processes.stop_all(folder)


@dataclass
class Mints:
    """Concurrent mints on one chain: what was acknowledged, and what was refused with which problem."""

    network: TestNetwork
    chain: str
    acknowledged: dict[str, str] = field(default_factory=dict)
    """Idempotency-Key -> certificate id."""
    problems: list[tuple[int, str]] = field(default_factory=list)

    def send(self, keys: Sequence[str], in_flight: int = 64) -> None:
        """One POST per key, some at once; a lost connection counts as no answer."""
        body = self.network.mint_body(self.chain)
        limits = httpx.Limits(max_connections=in_flight)
        with (
            httpx.Client(
                base_url=self.network.url, headers=self.network.headers(), timeout=30, limits=limits
            ) as client,
            ThreadPoolExecutor(in_flight) as pool,
        ):
            list(pool.map(lambda key: self._send_one(client, body, key), keys))

    def send_until_acknowledged(self, keys: Sequence[str]) -> None:
        """Retry with the same keys until every one is acknowledged."""
        deadline = time.monotonic() + PATIENCE_S
        while missing := [key for key in keys if key not in self.acknowledged]:
            assert time.monotonic() < deadline, f"{len(missing)} mints are not acknowledged: {self.problems[-3:]}"
            self.send(missing)

    def _send_one(self, client: httpx.Client, body: dict[str, Any], key: str) -> None:
        try:
            answer = client.post("/v1/certificates", json=body, headers={"Idempotency-Key": key})
        except httpx.HTTPError as lost:
            self.problems.append((0, type(lost).__name__))
            return
        if answer.status_code == 201:
            minted = str(answer.json()["id"])
            assert self.acknowledged.setdefault(key, minted) == minted, "a retry gave another certificate"
        else:
            self.problems.append((answer.status_code, answer.json()["code"]))


def new_keys(count: int) -> list[str]:
    return [str(uuid.uuid4()) for _ in range(count)]


@dataclass(frozen=True, kw_only=True)
class Held:
    """What one node holds of a chain: head, state root, supply of the demo class, and the certificates asked for."""

    height: int
    head: bytes
    state_root: bytes
    supply: int
    certificates: dict[str, bytes | None]


def held_by_all(network: TestNetwork, chain: str, ids: Sequence[str] = ()) -> list[Held]:
    """What each of the four nodes says of itself, once all are at the same height."""
    return asyncio.run(_held_by_all(network, chain, ids))


def check_all_hold(network: TestNetwork, chain: str, acknowledged: dict[str, str]) -> None:
    """Every acknowledged mint is there on all four, none twice, state roots equal."""
    ids = list(acknowledged.values())
    assert len(set(ids)) == len(ids)
    held = held_by_all(network, chain, ids)
    assert len({(one.height, one.head, one.state_root) for one in held}) == 1
    for one in held:
        missing = [certificate for certificate in ids if one.certificates[certificate] is None]
        assert not missing
        assert one.supply == len(ids), "the ledger holds another number of mints than were acknowledged"


def linked_everywhere(network: TestNetwork, chain: str) -> bool:
    """Whether every node says that it is linked to every replica of `chain`."""
    return asyncio.run(_linked_everywhere(network, chain))


async def _linked_everywhere(network: TestNetwork, chain: str) -> bool:
    async with _linked(network) as links:
        answers = [await link.ask(lambda n: ReadStatus(request=n)) for link in links]
    members = [
        member
        for answer in answers
        if isinstance(answer, StatusAnswer)
        for status in answer.chains
        if status.chain_id == chain
        for member in status.members
    ]
    return len(members) == len(links) ** 2 and all(member.connected for member in members)


async def _held_by_all(network: TestNetwork, chain: str, ids: Sequence[str]) -> list[Held]:
    async with _linked(network) as links:
        await _wait_for_equal_heads(links, chain)
        return [await _held(network, link, chain, ids) for link in links]


@asynccontextmanager
async def _linked(network: TestNetwork) -> AsyncIterator[list[NodeLink]]:
    """Links of ours to every node, each of them up."""
    links = _links(network)
    try:
        for link in links:
            link.start()
            await asyncio.wait_for(link.up.wait(), PATIENCE_S)
        yield links
    finally:
        for link in links:
            link.stop()
        await asyncio.sleep(0.05)  # what is closed is told so


def _links(network: TestNetwork) -> list[NodeLink]:
    genesis = network.genesis
    folder = network.folder / "gateway"
    nodes = json.loads((folder / "gateway.json").read_text())["nodes"]
    context = client_context(folder)
    return [
        NodeLink(place, tuple(nodes[replica.name]), replica.tls_key_digest, genesis.network_id, context)
        for place, replica in enumerate(genesis.membership.replicas)
    ]


async def _wait_for_equal_heads(links: Sequence[NodeLink], chain: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        answers = [await link.ask(lambda n: ReadStatus(request=n)) for link in links]
        heads = set()
        for answer in answers:
            assert isinstance(answer, StatusAnswer)
            heads |= {(one.height, one.head, one.pool) for one in answer.chains if one.chain_id == chain}
        if len(heads) == 1 and next(iter(heads))[2] == 0:
            return
        assert time.monotonic() < deadline, f"the nodes do not agree on a head: {heads}"
        await asyncio.sleep(0.1)


async def _held(network: TestNetwork, link: NodeLink, chain: str, ids: Sequence[str]) -> Held:
    rules, class_id = network.rules(chain), network.entry(chain)["class"]
    (supply,), header, _ = await _read(link, chain, [supply_key(class_id)])
    certificates: dict[str, bytes | None] = {}
    for start in range(0, len(ids), 50):
        part = ids[start : start + 50]
        keys = [_key(rules, certificate) for certificate in part]
        values, _, _ = await _read(link, chain, keys)
        certificates |= dict(zip(part, values, strict=True))
    for record in certificates.values():
        assert record is None or certificate_of(record)
    return Held(
        height=header.height,
        head=rules.block_digest(header),
        state_root=header.state_root,
        supply=0 if supply is None else decode(supply, Issued).count,
        certificates=certificates,
    )


async def _read(link: NodeLink, chain: str, keys: Sequence[bytes]) -> tuple[list[bytes | None], Any, StateAnswer]:
    answer = await link.ask(lambda n: ReadState(request=n, chain_id=chain, keys=tuple(keys), height=None))
    assert isinstance(answer, StateAnswer), answer
    header = answer.genesis if answer.certified is None else answer.certified.header
    return [proven.value for proven in answer.values], header, answer


def _key(rules: ChainRules, certificate: str) -> bytes:
    name = parse_name(certificate)
    return certificate_key(name.class_id, parse_token(rules.profile.token_id_style, name.token))


async def read_block(link: NodeLink, chain: str, height: int) -> BlockAnswer:
    """A block as one node has it."""
    answer = await link.ask(lambda n: ReadBlock(request=n, chain_id=chain, height=height))
    assert isinstance(answer, BlockAnswer)
    return answer
