"""A link ends with its sender's fault and with nothing else; it is bounded in what it takes and in what piles up."""

from collections.abc import Callable
from pathlib import Path

import pytest

from chain.framing import FRAME_BYTES_MAX, frame
from node.network import link as module
from node.network.link import STRANGER_BYTES_MAX, Link
from node.network.tls import server_context
from tests.node.network.small_pki import Pki, make_pki
from tests.node.network.talk import Client, connect, listening, port_of, run, until


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("pki"))


class Ear:
    """A listening end that keeps what it hears."""

    def __init__(self, heard: Callable[[Link, bytes], None] | None = None) -> None:
        self.links: list[Link] = []
        self.closed: list[Link] = []
        self.bodies: list[bytes] = []
        self.notes: list[str] = []
        self._heard = heard

    def receive(self, link: Link, body: bytes) -> None:
        self.bodies.append(body)
        if self._heard is not None:
            self._heard(link, body)

    async def listen(self, folder: Path) -> int:
        """The port."""
        server = await listening(
            lambda: Link(self.links.append, self.receive, self.closed.append, self.notes.append), server_context(folder)
        )
        return port_of(server)


async def linked(pki: Pki, ear: Ear) -> Client:
    """A client on a link."""
    client = await connect(await ear.listen(pki.of("beijing")), pki.of("xian"))
    await until(lambda: ear.links)
    return client


def test_frames_arrive_whole_in_order_however_they_are_cut(pki: Pki) -> None:
    async def story() -> None:
        ear = Ear()
        client = await linked(pki, ear)
        data = frame(b"one") + frame(b"") + frame(b"three" * 1_000)
        for place in range(0, len(data), 7):
            client.writer.write(data[place : place + 7])
            await client.writer.drain()
        await until(lambda: len(ear.bodies) == 3)
        assert ear.bodies == [b"one", b"", b"three" * 1_000]
        ear.links[0].send(b"answer")
        assert await client.receive() == b"answer"
        client.close()
        await until(lambda: ear.closed)
        assert not ear.links[0].open
        ear.links[0].send(b"to nobody")
        ear.links[0].close()
        assert ear.links[0].certificate is None

    run(story())


def test_a_frame_that_claims_to_be_too_long_ends_its_link_before_a_byte_of_it_is_kept(pki: Pki) -> None:
    async def story() -> None:
        ear = Ear()
        client = await linked(pki, ear)
        client.writer.write(frame(b"fine") + (FRAME_BYTES_MAX + 1).to_bytes(4, "big"))
        assert await client.is_closed()
        assert ear.notes == [
            f"closed a link: a frame has at most {FRAME_BYTES_MAX} bytes, got a length of {FRAME_BYTES_MAX + 1}"
        ]

    run(story())


def test_a_fault_that_a_frame_leads_to_ends_that_link_and_no_other(pki: Pki) -> None:
    def heard(link: Link, body: bytes) -> None:
        if body == b"bad":
            raise KeyError("a fault of ours")

    async def story() -> None:
        ear = Ear(heard)
        port = await ear.listen(pki.of("beijing"))
        good, bad = await connect(port, pki.of("xian")), await connect(port, pki.of("gateway"))
        bad.send(b"bad", b"never heard")
        assert await bad.is_closed()
        good.send(b"good")
        await until(lambda: b"good" in ear.bodies)
        assert b"never heard" not in ear.bodies
        assert ear.notes == ["closed a link: its frame led to KeyError: 'a fault of ours'"]

    run(story())


def test_after_a_link_is_closed_nothing_of_what_was_sent_in_one_go_is_heard(pki: Pki) -> None:
    async def story() -> None:
        ear = Ear(lambda link, body: link.close())
        client = await linked(pki, ear)
        client.send(b"first", b"second", b"third")
        assert await client.is_closed()
        assert ear.bodies == [b"first"]

    run(story())


def test_who_sends_much_and_does_not_say_who_it_is_is_sent_away(pki: Pki) -> None:
    async def story() -> None:
        ear = Ear()
        client = await linked(pki, ear)
        client.writer.write((FRAME_BYTES_MAX).to_bytes(4, "big") + bytes(STRANGER_BYTES_MAX + 100_000))
        assert await client.is_closed()
        assert ear.notes == ["closed a link: it sends, but does not say who it is"]
        assert ear.bodies == []

    run(story())


def test_who_is_known_may_send_as_much_as_a_frame_holds(pki: Pki) -> None:
    async def story() -> None:
        ear = Ear(lambda link, body: link.hand_over(ear.receive, ear.closed.append) if body == b"me" else None)
        client = await linked(pki, ear)
        client.send(b"me", bytes(3 * STRANGER_BYTES_MAX))
        await until(lambda: len(ear.bodies) == 2)
        assert ear.links[0].open

    run(story())


def test_a_link_says_when_the_other_side_is_slow_and_when_it_has_caught_up(
    pki: Pki, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSE_BYTES", 100_000)

    async def story() -> None:
        ear = Ear()
        client = await linked(pki, ear)
        link, drained = ear.links[0], []
        link.drained = lambda: drained.append(link.paused)
        sent = 0
        while not link.paused:
            link.send(bytes(50_000))
            sent += 1
            assert sent < 1_000
        for _ in range(sent):
            assert await client.receive() == bytes(50_000)
        await until(lambda: drained)
        assert drained[0] is False

    run(story())


def test_who_does_not_read_is_cut_off_when_too_much_has_piled_up(pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SEND_BUFFER_MAX", 2_000_000)

    async def story() -> None:
        ear = Ear()
        client = await linked(pki, ear)
        client.writer.transport.pause_reading()
        for _ in range(200):
            ear.links[0].send(bytes(100_000))
        await until(lambda: ear.closed)
        assert ear.notes == ["closed a link whose other side does not read"]
        client.close()

    run(story())
