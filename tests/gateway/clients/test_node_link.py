"""The link to a node: dialled until it is there, believed only with the pinned key, every question answered or failed."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from chain.codec import encode
from chain.framing import PROTOCOL_VERSION, FrameReader, frame
from chain.rpc import Answer, Hello, ReadStatus, Refused, StatusAnswer
from gateway.clients import node_link
from gateway.clients.node_link import NodeLink, NodeUnreachable, client_context
from tests.gateway.running import RunningNetwork

NETWORK = bytes(range(32))
PATIENCE_S = 10.0


class Transport:
    """The node's end, which only notes what it is sent."""

    def __init__(self) -> None:
        self.reader = FrameReader()
        self.sent: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.sent += self.reader.feed(data)

    def close(self) -> None:
        self.closed = True


class Pinned(NodeLink):
    """A link whose node has the right key."""

    def _is_pinned(self, _transport: object) -> bool:
        return True


def status(number: int) -> ReadStatus:
    return ReadStatus(request=number)


def greeted(**changed: Any) -> tuple[NodeLink, Transport]:
    """A link to replica 2 that the node has greeted."""
    link = Pinned(2, ("127.0.0.1", 1), bytes(32), NETWORK, None)  # type: ignore[arg-type]
    transport: Any = Transport()
    link.connection_made(transport)
    hello = {"version": PROTOCOL_VERSION, "network_id": NETWORK, "speaker": "guangzhou"}
    link.data_received(frame(encode(Hello(**hello | changed))))
    return link, transport


def test_a_link_is_up_when_the_right_node_has_greeted() -> None:
    link, transport = greeted()
    assert (link.connected, transport.closed) == (True, False)
    assert transport.sent == [encode(Hello(version=PROTOCOL_VERSION, network_id=NETWORK, speaker=None))]


def test_a_node_with_another_key_is_not_heard_at_all() -> None:
    class Unpinned(NodeLink):
        def _is_pinned(self, _transport: object) -> bool:
            return False

    link = Unpinned(2, ("127.0.0.1", 1), bytes(32), NETWORK, None)  # type: ignore[arg-type]
    transport: Any = Transport()
    link.connection_made(transport)
    link.data_received(frame(encode(Hello(version=PROTOCOL_VERSION, network_id=NETWORK, speaker="guangzhou"))))
    assert (link.connected, transport.closed, transport.sent) == (False, True, [])


@pytest.mark.parametrize("changed", [{"version": 99}, {"network_id": bytes(32)}, {"speaker": None}])
def test_another_greeting_ends_the_link(changed: dict[str, Any]) -> None:
    link, transport = greeted(**changed)
    assert (link.connected, transport.closed) == (False, True)
    link.connection_lost(None)
    assert "speaks another protocol version or of another network" in link.problem


@pytest.mark.parametrize("data", [b"\xff" * 8, frame(b"\xc1"), frame(b""), frame(encode(status(1)))])
def test_what_is_no_answer_ends_the_link(data: bytes) -> None:
    link, transport = greeted()
    link.data_received(data)
    assert transport.closed
    link.connection_lost(None)
    assert "sent what is no answer" in link.problem


def test_every_answer_goes_to_whoever_asked_until_it_is_forgotten() -> None:
    link, transport = greeted()
    heard: dict[int, list[Answer | None]] = {}
    numbers = []
    for _ in range(3):
        own: list[Answer | None] = []
        numbers.append(link.listen(status, own.append))
        heard[numbers[-1]] = own
    assert len(transport.sent) == 1 + 3
    answers = {number: Refused(request=number, code="none", values=()) for number in numbers}
    link.forget(numbers[2])
    for number in (numbers[1], numbers[0], numbers[2], 99):
        link.data_received(frame(encode(answers.get(number) or Refused(request=99, code="none", values=()))))
    assert heard[numbers[0]] == [answers[numbers[0]]]
    assert heard[numbers[1]] == [answers[numbers[1]]]
    assert heard[numbers[2]] == []
    link.connection_lost(None)
    assert heard[numbers[0]][-1] is None
    assert heard[numbers[2]] == []
    assert not link.connected
    with pytest.raises(NodeUnreachable):
        link.listen(status, print)


def test_a_question_has_its_answer_or_fails() -> None:
    async def play() -> None:
        link, _ = greeted()
        asking = asyncio.ensure_future(link.ask(status))
        await asyncio.sleep(0)
        answer = Refused(request=1, code="none", values=())
        for _ in range(2):  # the second one comes too late to be heard
            link.data_received(frame(encode(answer)))
        assert await asking == answer
        asking = asyncio.ensure_future(link.ask(status))
        await asyncio.sleep(0)
        link.connection_lost(None)
        with pytest.raises(NodeUnreachable, match="replica 2 was lost"):
            await asking

    asyncio.run(play())


def test_a_silent_node_is_waited_for_so_long_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_link, "ANSWER_TIMEOUT_S", 0.02)

    async def play() -> None:
        link, _ = greeted()
        with pytest.raises(NodeUnreachable, match="replica 2 does not answer"):
            await link.ask(status)

    asyncio.run(play())


def test_a_link_that_is_stopped_closes() -> None:
    link, transport = greeted()
    link.stop()
    assert transport.closed


def dialled(
    network: RunningNetwork, play: Callable[[NodeLink], Awaitable[None]], replica: int = 0, **changed: Any
) -> None:
    """Play on a link of our own to a real node."""
    folder = network.folder / "gateway"
    nodes = json.loads((folder / "gateway.json").read_text())["nodes"]
    entry = network.genesis.membership.replicas[replica]
    fields = {
        "address": tuple(nodes[entry.name]),
        "pin": entry.tls_key_digest,
        "network_id": network.genesis.network_id,
    }

    async def whole() -> None:
        link = NodeLink(replica, context=client_context(folder), **fields | changed)  # type: ignore[arg-type]
        link.start()
        try:
            await play(link)
        finally:
            link.stop()
            await asyncio.sleep(0.05)

    asyncio.run(whole())


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        for _ in iter(happened, True):
            await asyncio.sleep(0.005)


@pytest.mark.processes
def test_a_real_node_answers(network: RunningNetwork) -> None:
    async def play(link: NodeLink) -> None:
        await asyncio.wait_for(link.up.wait(), PATIENCE_S)
        answer = await link.ask(status)
        assert isinstance(answer, StatusAnswer)
        assert (answer.node, len(answer.chains)) == (network.genesis.membership.replicas[link.replica].name, 10)

    for replica in range(4):
        dialled(network, play, replica)


@pytest.mark.processes
def test_a_node_with_another_key_than_the_pinned_one_is_not_greeted(network: RunningNetwork) -> None:
    async def play(link: NodeLink) -> None:
        await until(lambda: "its TLS key is not the pinned one" in link.problem)
        await asyncio.sleep(0.1)
        assert "its TLS key is not the pinned one" in link.problem
        assert not link.connected

    dialled(network, play, pin=bytes(32))


@pytest.mark.processes
def test_a_node_is_known_by_the_key_that_its_set_names_now_and_by_the_one_before(network: RunningNetwork) -> None:
    pin = network.genesis.membership.replicas[0].tls_key_digest

    async def play(link: NodeLink) -> None:
        for learnt in (pin, b"n" * 32):
            link.learn(learnt)
        await asyncio.wait_for(link.up.wait(), PATIENCE_S)

    dialled(network, play, pin=None)
    dialled(network, play, pin=bytes(32))

    async def forgotten(link: NodeLink) -> None:
        for learnt in (b"m" * 32, b"n" * 32):
            link.learn(learnt)
        await until(lambda: "its TLS key is not the pinned one" in link.problem)

    dialled(network, forgotten)


@pytest.mark.processes
def test_a_node_of_another_network_ends_the_link(network: RunningNetwork) -> None:
    async def play(link: NodeLink) -> None:
        await until(lambda: link.problem != "not dialled yet")
        assert not link.connected

    dialled(network, play, network_id=bytes(32))


@pytest.mark.processes
def test_a_node_that_is_not_there_is_dialled_again(network: RunningNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = 0
    monkeypatch.setattr(node_link, "REDIAL_S", (0.001,))

    async def play(link: NodeLink) -> None:
        nonlocal tries
        true = asyncio.get_running_loop().create_connection

        def counted(*given: Any, **more: Any) -> Any:
            nonlocal tries
            tries += 1
            return true(*given, **more)

        monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", counted)
        await until(lambda: tries > 3)
        assert "cannot be reached" in link.problem
        with pytest.raises(NodeUnreachable, match="cannot be reached"):
            await link.ask(status)

    dialled(network, play, address=("127.0.0.1", 1))
