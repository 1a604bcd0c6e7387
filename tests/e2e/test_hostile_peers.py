"""A traitor with the certificate and the keys of a replica against real processes: they go on, and stay small.

The traitor has xian's place and xian's process does not run, so that the three others are just a quorum.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from random import Random

import psutil
import pytest

from chain.codec import encode
from chain.framing import FRAME_BYTES_MAX, frame
from chain.view_change import ViewChange
from node.consensus.messages import Commit, Envelope, Message, Prepare, signed_bytes
from node.network.frames import ChainHead, ConsensusFrame, Fetch, FetchSnapshot, Heads, Relay
from node.network.tls import server_context
from node.settings import load_settings
from tests.e2e.fault_network import FaultNetwork, fault_network, rules_of, under_load
from tests.node.network.talk import Client, connect, hello, run, until
from tests.node.real_network import NAMES

CHAIN = "nanjing"
TRAITOR, HONEST = NAMES[3], NAMES[:3]
GROWTH_MAX = 60_000_000
"""Bytes that a node may grow under an attack that sends many times as much."""

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultNetwork]:
    with fault_network(tmp_path_factory.mktemp("hostile") / "network") as up:
        up.kill(TRAITOR)
        yield up


class Traitor:
    """Speaks as xian to whoever it likes."""

    def __init__(self, network: FaultNetwork) -> None:
        self.network = network
        self.random = Random(7)
        self.sent = 0
        self.closed = 0
        settings = load_settings(network.node(TRAITOR))
        self.sign = settings.consensus_key.sign
        self.rules = rules_of(network, CHAIN)

    async def link(self, name: str, *, greet: bool = True) -> Client:
        """A link to a node, as xian."""
        client = await connect(self.network.ports[name], self.network.node(TRAITOR))
        if greet:
            client.send(hello(TRAITOR, network_id=self.network.genesis.network_id))
            assert await client.receive() is not None
        return client

    async def say(self, client: Client, *bodies: bytes) -> bool:
        """Send frames; whether the link still stands."""
        try:
            client.send(*bodies)
            self.sent += sum(map(len, bodies))
            async with asyncio.timeout(2):
                await client.writer.drain()
        except (OSError, TimeoutError):
            self.closed += 1
            return False
        return True

    def signed(self, message: Message) -> bytes:
        """A frame with a message that xian has really signed."""
        envelope = Envelope(signer=3, signature=self.sign(signed_bytes(self.rules, message)[0]), message=message)
        return encode(ConsensusFrame(chain_id=CHAIN, envelope=envelope))


async def garbage(traitor: Traitor, name: str) -> None:
    """Frames of noise, of every length."""
    for length in (0, 1, 2, 5, 100, 1_000, 100_000, 1_000_000):
        client = await traitor.link(name)
        await traitor.say(client, traitor.random.randbytes(length))
        assert await client.is_closed()
        traitor.closed += 1


async def giant_frames(traitor: Traitor, name: str) -> None:
    """A length that no frame may have; and frames of the greatest length that hold nothing but zeros."""
    client = await traitor.link(name)
    client.writer.write((FRAME_BYTES_MAX + 1).to_bytes(4, "big") + bytes(1_000))
    assert await client.is_closed()
    for _ in range(6):
        client = await traitor.link(name)
        await traitor.say(client, bytes(FRAME_BYTES_MAX))
        assert await client.is_closed()
        traitor.closed += 1


async def slow_loris(traitor: Traitor, name: str) -> None:
    """Connections that say nothing, TLS links that do not say who they are, frames that never end."""
    sockets = [socket.create_connection(("127.0.0.1", traitor.network.ports[name])) for _ in range(100)]
    silent = [await traitor.link(name, greet=False) for _ in range(40)]
    for _ in range(5):
        client = await traitor.link(name)
        client.writer.write((FRAME_BYTES_MAX).to_bytes(4, "big") + bytes(4_000_000))
        traitor.sent += 4_000_000
        for _ in range(5):
            client.writer.write(b"\0")
            await asyncio.sleep(0.05)
    other = await traitor.network.status(name)  # somebody else gets in meanwhile
    assert other.chains
    for link in silent:
        assert await link.is_closed()
        traitor.closed += 1
    for one in sockets:
        one.close()


async def flood_of_votes(traitor: Traitor, name: str) -> None:
    """Signed votes and view changes for heights and views far ahead, each another one."""
    client = await traitor.link(name)
    height = (await traitor.network.chain(name, CHAIN)).height
    for number in range(400):
        block = traitor.random.randbytes(32)
        bodies = [
            traitor.signed(Prepare(view=number, height=height + number, block=block)),
            traitor.signed(Commit(view=2**40 + number, height=height + 2 + number, block=block)),
            traitor.signed(ViewChange(view=number + 1, committed=None, prepared=None)),
        ]
        if not await traitor.say(client, *bodies):
            client = await traitor.link(name)


async def flood_of_unsigned_votes(traitor: Traitor, name: str) -> None:
    """Votes whose signature is noise, as fast as the link takes them."""
    client = await traitor.link(name)
    vote = Commit(view=0, height=1, block=bytes(32))
    for _ in range(200):
        envelope = Envelope(signer=traitor.random.randrange(4), signature=traitor.random.randbytes(64), message=vote)
        body = encode(ConsensusFrame(chain_id=CHAIN, envelope=envelope))
        if not await traitor.say(client, *[body] * 20):
            client = await traitor.link(name)


async def flood_of_requests(traitor: Traitor, name: str) -> None:
    """Relayed transactions of noise, heads that nobody has, requests for blocks and snapshots whose answers go nowhere."""
    client = await traitor.link(name)
    for number in range(40):
        noise = tuple(traitor.random.randbytes(900) for _ in range(500))
        head = ChainHead(
            chain_id=CHAIN, height=2**50 + number, view=2**50, head=traitor.random.randbytes(32), signs=True
        )
        bodies = [
            encode(Relay(chain_id=CHAIN, transactions=noise, urgent=bool(number % 2))),
            encode(Heads(heads=(head,))),
            *[encode(Fetch(chain_id=CHAIN, start=1))] * 50,
            *[encode(FetchSnapshot(chain_id=CHAIN, since=0, height=None))] * 10,
        ]
        if not await traitor.say(client, *bodies):
            client = await traitor.link(name)


ATTACKS = [garbage, giant_frames, slow_loris, flood_of_votes, flood_of_unsigned_votes, flood_of_requests]


@asynccontextmanager
async def a_listener_that_never_reads(network: FaultNetwork) -> AsyncIterator[None]:
    """Stands at xian's port: greets whoever dials, and takes nothing after that."""
    greeting = frame(hello(TRAITOR, network_id=network.genesis.network_id))
    links: list[asyncio.StreamWriter] = []

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        links.append(writer)
        writer.write(greeting)
        writer.transport.pause_reading()  # type: ignore[attr-defined]

    context = server_context(network.node(TRAITOR))
    server = await asyncio.start_server(greet, "127.0.0.1", network.ports[TRAITOR], ssl=context)
    try:
        await until(lambda: links)  # a lost link is dialled again within a second
        yield
    finally:
        server.close()
        for link in links:
            link.transport.abort()


def sizes(network: FaultNetwork) -> dict[str, int]:
    """Resident bytes of the honest nodes."""
    return {name: psutil.Process(network.processes[name].pid).memory_info().rss for name in HONEST}


@pytest.mark.parametrize("attack", ATTACKS, ids=[attack.__name__ for attack in ATTACKS])
def test_s26_a_traitor_loses_its_links_and_nobody_else_anything(
    network: FaultNetwork, attack: Callable[[Traitor, str], Awaitable[None]]
) -> None:
    async def story() -> None:
        await network.linked(*HONEST)
        traitor = Traitor(network)
        async with a_listener_that_never_reads(network), under_load(network, CHAIN, *HONEST, callers=6) as load:
            await load.count(30)
            before, view = sizes(network), (await network.chain(HONEST[0], CHAIN)).view
            await asyncio.gather(load.count(30), *(attack(traitor, name) for name in HONEST))
            grown = {name: size - before[name] for name, size in sizes(network).items()}
            assert max(grown.values()) < GROWTH_MAX, grown
            assert (await network.chain(HONEST[0], CHAIN)).view <= view + 2
        assert traitor.sent + traitor.closed > 0
        assert all(network.processes[name].poll() is None for name in HONEST)
        await network.linked(*HONEST)
        await network.equal_heads(CHAIN, *HONEST)
        await network.check_none_lost(load, *HONEST)
        assert not [name for name in HONEST if "its frame led to" in network.log(name)]

    run(story())
