"""Links between replicas: dialled until they stand, dialled again when they break, and only with whom is pinned."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from chain.codec import encode
from chain.membership import Membership, Replica
from node.network import peers as module
from node.network.directory import Directory
from node.network.frames import Fetch, PeerFrame
from node.network.link import Link
from node.network.peers import Peers
from node.network.reception import Reception
from node.network.tls import LinkRole, client_context, server_context
from tests.node.network.small_pki import NAMES, Pki, make_pki, pin_of
from tests.node.network.talk import NETWORK, connect, greeted, hello, listening, port_of, run, until

FETCH = Fetch(chain_id="nanjing", start=1)


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("pki"))


@dataclass
class End:
    """A replica's links, and what happens to it."""

    pki: Pki
    own: int
    folder: Path | None = None
    network_id: bytes = NETWORK
    frames: list[tuple[int, PeerFrame]] = field(default_factory=list)
    changes: list[tuple[int, bool]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    port: int = 0
    server: asyncio.Server | None = None

    def __post_init__(self) -> None:
        self.directory = Directory(self.pki.membership, NAMES[self.own])

    async def listen(self, port: int = 0) -> None:
        """Accept links."""
        self.make({})
        reception = Reception(
            directory=self.directory,
            network_id=self.network_id,
            to_peer=lambda peer, link: self.peers.accept(peer, link),
            to_caller=lambda link: link.close(),
            note=self.notes.append,
        )
        context = server_context(self.folder or self.pki.of(NAMES[self.own]))
        self.server = await listening(reception.link, context, port)
        self.port = port_of(self.server)

    def make(self, addresses: dict[str, tuple[str, int]]) -> None:
        """The links that dial these addresses."""
        self.peers = Peers(
            directory=self.directory,
            network_id=self.network_id,
            addresses=addresses,
            context=client_context(self.folder or self.pki.of(NAMES[self.own])),
            received=lambda peer, frame: self.frames.append((peer, frame)),
            changed=lambda peer, up: self.changes.append((peer, up)),
            note=self.note,
        )

    def note(self, sentence: str) -> None:
        """What is said; that most of the network has no address here is meant."""
        (self.unknown if "there is no address" in sentence else self.notes).append(sentence)

    def dial(self, **ports: int) -> None:
        """Begin to dial others, by name."""
        self.make({name: ("127.0.0.1", port) for name, port in ports.items()})
        self.peers.start()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REDIAL_S", (0.01, 0.01, 0.02))


def test_a_replica_sends_on_the_link_it_dialled_and_hears_on_the_one_it_accepted(pki: Pki) -> None:
    async def story() -> None:
        first, second = End(pki, 0), End(pki, 1)
        await second.listen()
        first.dial(shanghai=second.port)
        await until(lambda: first.changes == [(1, True)])
        assert first.peers.connected == {1}
        first.peers.send(1, FETCH)
        first.peers.send(2, FETCH)  # nobody
        first.peers.broadcast(FETCH)
        await until(lambda: second.frames == [(0, FETCH)] * 2)
        assert second.peers.connected == frozenset()
        first.peers.stop()
        await until(lambda: first.changes == [(1, True), (1, False)])
        second.peers.stop()

    run(story())


def test_a_peer_is_dialled_until_it_is_there_and_again_when_it_was_gone(pki: Pki) -> None:
    async def story() -> None:
        first, second = End(pki, 0), End(pki, 1)
        await second.listen()
        port = second.port
        second.server.close()
        first.dial(shanghai=port)
        await until(lambda: first.notes)
        for _ in range(3):
            await asyncio.sleep(0.02)
        assert len(first.notes) == 1  # told once, not at every attempt
        assert f"shanghai cannot be reached at 127.0.0.1:{port}" in first.notes[0]
        await second.listen(port)
        await until(lambda: first.changes == [(1, True)])
        second.peers.stop()
        await until(lambda: first.changes == [(1, True), (1, False), (1, True)])
        first.peers.stop()

    run(story())


@pytest.mark.parametrize(
    ("who", "network_id", "note"),
    [
        ("xian", NETWORK, "is not shanghai: its TLS key is not the pinned one"),
        ("gateway", NETWORK, "is not shanghai: its TLS key is not the pinned one"),
        ("shanghai", bytes(32), "shanghai does not greet as a node of this name, network"),
    ],
    ids=["another replica", "a gateway", "another network"],
)
def test_who_is_not_the_pinned_replica_of_this_network_is_not_talked_to(
    pki: Pki, who: str, network_id: bytes, note: str
) -> None:
    async def story() -> None:
        first, second = End(pki, 0), End(pki, 1, folder=pki.of(who), network_id=network_id)
        await second.listen()
        first.dial(shanghai=second.port)
        await until(lambda: first.notes)
        for _ in range(3):
            await asyncio.sleep(0.02)
        assert len(first.notes) == 1
        assert note in first.notes[0]
        assert (first.changes, second.frames, first.peers.connected) == ([], [], frozenset())
        first.peers.stop()

    run(story())


def test_a_peer_of_another_authority_cannot_be_reached(pki: Pki) -> None:
    folder = pki.member("foreign", LinkRole.NODE, authority="rival")

    async def story() -> None:
        first, second = End(pki, 0), End(pki, 1, folder=folder)
        await second.listen()
        first.dial(shanghai=second.port)
        await until(lambda: first.notes)
        assert "CERTIFICATE_VERIFY_FAILED" in first.notes[0]
        assert first.changes == []
        first.peers.stop()

    run(story())


def test_one_that_is_refused_is_told_to_look_at_the_other_side(pki: Pki) -> None:
    folder = pki.member("old", LinkRole.NODE, days=0)

    async def story() -> None:
        first, second = End(pki, 0, folder=folder), End(pki, 1)
        await second.listen()
        first.dial(shanghai=second.port)
        await until(lambda: first.notes)
        assert "closes the link before it greets" in first.notes[0] or "cannot be reached" in first.notes[0]
        assert (first.changes, second.frames) == ([], [])
        first.peers.stop()

    run(story())


async def impostor(pki: Pki, speak: Callable[[Link], None]) -> int:
    """Replica 1's own key in hands that say what they like on accepted links; the port."""
    server = await listening(
        lambda: Link(lambda link: None, lambda link, _: speak(link), lambda link: None, lambda note: None),
        server_context(pki.of("shanghai")),
    )
    return port_of(server)


@pytest.mark.parametrize(
    "words",
    [
        (b"",),
        (b"\x80",),
        (encode(FETCH),),
        (hello("guangzhou"),),
        (hello(None),),
        (hello("shanghai"), hello("shanghai")),
        (hello("shanghai"), encode(FETCH)),
        (hello("shanghai"), b"\xc1"),
    ],
    ids=[
        "nothing",
        "a map",
        "another frame",
        "another name",
        "no name",
        "two greetings",
        "a frame after it",
        "garbage after it",
    ],
)
def test_on_a_dialled_link_one_greeting_is_heard_and_anything_else_ends_it(pki: Pki, words: tuple[bytes, ...]) -> None:
    spoken: list[Link] = []

    def speak(link: Link) -> None:
        spoken.append(link)
        for word in words if len(spoken) == 1 else (hello("shanghai"),):
            link.send(word)

    async def story() -> None:
        first = End(pki, 0)
        first.dial(shanghai=await impostor(pki, speak))
        await until(lambda: first.peers.connected and len(spoken) > 1)
        assert len(first.notes) == 1
        assert first.frames == []
        assert [up for _, up in first.changes].count(True) <= 2
        first.peers.stop()

    run(story())


def test_who_greets_and_hangs_up_at_once_is_dialled_ever_more_slowly(pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[int] = []

    class Recorded(tuple[float, ...]):
        __slots__ = ()

        def __getitem__(self, place):
            if place >= 0:
                pauses.append(place)
            return super().__getitem__(place)

    monkeypatch.setattr(module, "REDIAL_S", Recorded((0.01, 0.01, 0.01, 0.5)))

    def speak(link: Link) -> None:
        link.send(hello("shanghai"))
        link.close()

    async def story() -> None:
        first = End(pki, 0)
        first.dial(shanghai=await impostor(pki, speak))
        await until(lambda: len(pauses) == 3)
        assert pauses == [1, 2, 3]
        first.peers.stop()

    run(story())


def test_a_second_accepted_link_of_a_peer_takes_the_place_of_the_first(pki: Pki) -> None:
    async def story() -> None:
        second = End(pki, 1)
        await second.listen()
        old = await connect(second.port, pki.of("xian"))
        await greeted(old, "xian")
        old.send(encode(FETCH))
        await until(lambda: len(second.frames) == 1)
        new = await connect(second.port, pki.of("xian"))
        await greeted(new, "xian")
        assert await old.is_closed()
        new.send(encode(FETCH))
        await until(lambda: len(second.frames) == 2)
        new.close()
        await until(lambda: not second.peers._accepted)

    run(story())


def test_a_malformed_frame_of_a_peer_ends_its_link_only(pki: Pki) -> None:
    async def story() -> None:
        second = End(pki, 1)
        await second.listen()
        bad, good = await connect(second.port, pki.of("xian")), await connect(second.port, pki.of("beijing"))
        await greeted(bad, "xian")
        await greeted(good, "beijing")
        bad.send(b"\x91\x63")
        assert await bad.is_closed()
        good.send(encode(FETCH))
        await until(lambda: second.frames == [(0, FETCH)])
        assert "not a canonical" in second.notes[0]

    run(story())


def with_newcomer(pki: Pki) -> Membership:
    """The network's set and one more node."""
    newcomer = Replica(name="suzhou", consensus_key=bytes(32), tls_key_digest=pin_of(pki.of("suzhou")))
    return Membership(replicas=(*pki.membership.replicas, newcomer))


def test_a_newcomer_is_dialled_and_let_in_once_a_set_names_it_and_its_address_is_known(pki: Pki) -> None:
    folder = pki.member("suzhou", LinkRole.NODE)

    async def story() -> None:
        first, fifth = End(pki, 0), End(pki, 0, folder=folder)
        fifth.directory = Directory(pki.membership, "suzhou")
        await fifth.listen()
        await first.listen()
        client = await connect(first.port, folder)
        await greeted(client, "suzhou")
        assert await client.is_closed()
        assert first.notes.pop().startswith("closed a link: whoever says that it is suzhou has neither")
        first.directory.learn("nanjing", past=(), live=(pki.membership, with_newcomer(pki)))
        first.peers.start()
        assert "there is no address of suzhou in node.json: add it to `peers` and send SIGHUP" in first.unknown
        first.peers.readdress({"suzhou": ("127.0.0.1", fifth.port)})
        await until(lambda: first.changes == [(4, True)])
        client = await connect(first.port, folder)
        await greeted(client, "suzhou")
        client.send(encode(FETCH))
        await until(lambda: first.frames == [(4, FETCH)])
        first.peers.stop()

    run(story())
