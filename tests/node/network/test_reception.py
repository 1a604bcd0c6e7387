"""Accepted links: the pin decides for replicas, the usage for callers, and nobody stays unknown."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from chain.codec import encode
from chain.rpc import Hello, ReadStatus
from node.network import reception as module
from node.network.directory import Directory
from node.network.link import Link
from node.network.reception import Reception
from node.network.tls import LinkRole, server_context
from tests.node.network.small_pki import Pki, bare_certificate, make_pki
from tests.node.network.talk import NETWORK, connect, greeted, hello, listening, port_of, run, until


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("pki"))


@dataclass
class Door:
    """A reception at replica 0, and whom it let in."""

    port: int = 0
    peers: list[int] = field(default_factory=list)
    callers: list[Link] = field(default_factory=list)
    heard: list[bytes] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def to_peer(self, peer: int, link: Link) -> None:
        self.peers.append(peer)
        link.hand_over(lambda _, body: self.heard.append(body), lambda _: None)

    def to_caller(self, link: Link) -> None:
        self.callers.append(link)
        link.hand_over(lambda _, body: self.heard.append(body), lambda _: None)

    async def open(self, pki: Pki) -> None:
        """Listen."""
        reception = Reception(
            directory=Directory(pki.membership, "beijing"),
            network_id=NETWORK,
            to_peer=self.to_peer,
            to_caller=self.to_caller,
            note=self.notes.append,
        )
        self.port = port_of(await listening(reception.link, server_context(pki.of("beijing"))))


def with_door(pki: Pki, story: Callable[[Door], Coroutine[Any, Any, None]]) -> Door:
    """Run a story at an open door."""
    door = Door()

    async def whole() -> None:
        await door.open(pki)
        await story(door)

    run(whole())
    return door


def test_a_replica_greets_is_greeted_and_heard_from_its_next_frame_on(pki: Pki) -> None:
    async def story(door: Door) -> None:
        client = await connect(door.port, pki.of("xian"))
        client.send(hello("xian"), b"next")
        assert await client.receive() == hello("beijing")
        await until(lambda: door.heard)

    door = with_door(pki, story)
    assert (door.peers, door.heard, door.callers) == ([3], [b"next"], [])


@pytest.mark.parametrize("role", [LinkRole.GATEWAY, LinkRole.RELAYER])
def test_a_caller_is_known_by_its_usage(pki: Pki, role: LinkRole) -> None:
    folder = pki.member(role.name.lower(), role)

    async def story(door: Door) -> None:
        client = await connect(door.port, folder)
        assert (await greeted(client, None)).speaker == "beijing"
        client.send(encode(ReadStatus(request=1)))
        await until(lambda: door.heard)

    door = with_door(pki, story)
    assert (door.peers, len(door.callers)) == ([], 1)


def sent_away(pki: Pki, folder: Path, first: bytes, *more: bytes) -> Door:
    """Whoever begins like this is sent away."""

    async def story(door: Door) -> None:
        client = await connect(door.port, folder)
        client.send(first, *more)
        assert await client.is_closed()

    door = with_door(pki, story)
    assert (door.peers, door.callers, door.heard) == ([], [], [])
    assert len(door.notes) == 1
    return door


def test_a_gateway_cannot_speak_as_a_replica(pki: Pki) -> None:
    sent_away(pki, pki.of("gateway"), hello("xian"), b"as xian")


@pytest.mark.parametrize("speaker", ["beijing", "guangzhou", "nobody-knows", "xian-2", None])
def test_a_replica_cannot_speak_as_another_one_nor_as_a_caller(pki: Pki, speaker: str | None) -> None:
    sent_away(pki, pki.of("xian"), hello(speaker))


def test_a_member_whose_key_is_not_pinned_is_no_replica(pki: Pki) -> None:
    sent_away(pki, pki.member("guest", LinkRole.NODE), hello("xian"))


def test_a_certificate_of_no_usage_is_nobody(tmp_path: Path) -> None:
    pki = make_pki(tmp_path)
    sent_away(pki, bare_certificate(pki, "xian"), hello("xian"))
    sent_away(pki, pki.of("xian"), hello(None))


def test_another_version_or_network_is_refused(pki: Pki) -> None:
    for first in (hello("xian", version=2), hello("xian", network_id=bytes(32))):
        assert "its protocol version is" in sent_away(pki, pki.of("xian"), first).notes[0]


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"\xc0",
        b"\x90",
        encode(ReadStatus(request=1)),
        encode(Hello(version=1, network_id=NETWORK, speaker="xian"))[:-1],
    ],
    ids=["nothing", "nil", "an empty list", "a request", "half a greeting"],
)
def test_a_first_frame_that_is_no_greeting_ends_the_link(pki: Pki, first: bytes) -> None:
    sent_away(pki, pki.of("xian"), first)


def test_who_stays_silent_is_sent_away(pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_FRAME_S", 0.05)

    async def story(door: Door) -> None:
        silent, slow = await connect(door.port, pki.of("xian")), await connect(door.port, pki.of("xian"))
        slow.writer.write(b"\0")
        assert await silent.is_closed()
        assert await slow.is_closed()
        client = await connect(door.port, pki.of("shanghai"))
        await greeted(client, "shanghai")
        await asyncio.sleep(0.1)
        client.send(b"still here")
        await until(lambda: door.heard)

    assert with_door(pki, story).notes == ["closed a link: it does not say who it is"]


def test_the_same_refusal_is_told_once_in_a_while(pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused_twice(door: Door) -> None:
        for _ in range(2):
            client = await connect(door.port, pki.of("xian"))
            client.send(hello("beijing"))
            assert await client.is_closed()

    said = "closed a link: whoever says that it is beijing has neither the pinned key of that node nor a caller's usage"
    assert with_door(pki, refused_twice).notes == [said]
    monkeypatch.setattr(module, "QUIET_S", 0.0)
    assert with_door(pki, refused_twice).notes == [said, said]
    monkeypatch.setattr(module, "QUIET_S", 60.0)
    monkeypatch.setattr(module, "TOLD_MAX", 0)
    assert with_door(pki, refused_twice).notes == [said, said]


def test_only_so_many_strangers_are_let_in_at_once(pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STRANGERS_MAX", 2)

    async def story(door: Door) -> None:
        first, second = await connect(door.port, pki.of("xian")), await connect(door.port, pki.of("xian"))
        await asyncio.sleep(0.05)
        third = await connect(door.port, pki.of("shanghai"))
        assert await third.is_closed()
        await greeted(first, "xian")
        fourth = await connect(door.port, pki.of("shanghai"))
        await greeted(fourth, "shanghai")
        second.close()

    assert sorted(with_door(pki, story).peers) == [1, 3]


def test_only_so_many_callers_are_linked_at_once_and_one_that_hangs_up_makes_room(
    pki: Pki, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CALLERS_MAX", 2)

    async def story(door: Door) -> None:
        first, second = await connect(door.port, pki.of("gateway")), await connect(door.port, pki.of("gateway"))
        await greeted(first, None)
        await greeted(second, None)
        third = await connect(door.port, pki.of("gateway"))
        third.send(hello(None))
        assert await third.is_closed()
        first.close()
        await until(lambda: not all(caller.open for caller in door.callers))
        await greeted(await connect(door.port, pki.of("gateway")), None)
        second.close()

    door = with_door(pki, story)
    assert len(door.callers) == 3
    assert [note for note in door.notes if "2 callers are linked already" in note]


def test_a_caller_may_not_send_frames_as_large_as_a_node_may(pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CALLER_FRAME_BYTES_MAX", 1_000)

    async def story(door: Door) -> None:
        caller, node = await connect(door.port, pki.of("gateway")), await connect(door.port, pki.of("xian"))
        await greeted(caller, None)
        await greeted(node, "xian")
        node.send(bytes(1_001))
        await until(lambda: door.heard)
        caller.send(bytes(1_001))
        assert await caller.is_closed()

    door = with_door(pki, story)
    assert [note for note in door.notes if "a frame has at most 1000 bytes" in note]
