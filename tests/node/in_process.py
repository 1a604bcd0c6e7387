"""A whole node in the test's own process, without sockets: its links end in the test."""

import asyncio
import os
from pathlib import Path
from typing import Any

from chain.framing import FrameReader, frame
from chain.signatures import KeyPair
from node.network.link import Link
from node.process import Node
from node.settings import Settings
from node.sign_state import MAY_SIGN
from tests.chain.small_network import key_pair
from tests.node.network.small_pki import NAMES, make_pki
from tests.node.small_chain import GENESIS

KEY = key_pair(NAMES[1])


class FakeSocket:
    """Takes any option."""

    def setsockopt(self, *options: object) -> None:
        """Nothing to set."""


class FakeTransport(asyncio.Transport):
    """The node's end of a link that leads nowhere but here."""

    def __init__(self, link: Link) -> None:
        super().__init__({"socket": FakeSocket()})
        self.link = link
        self.closing = False
        self.sent: list[bytes] = []
        self._reader = FrameReader()

    def is_closing(self) -> bool:
        """Whether the node has hung up."""
        return self.closing

    def write(self, data: Any) -> None:
        """What the node says, frame by frame."""
        self.sent += self._reader.feed(bytes(data))

    def get_write_buffer_size(self) -> int:
        """Everything is taken at once."""
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """There are none."""

    def close(self) -> None:
        """The node hangs up."""
        if not self.closing:
            self.closing = True
            asyncio.get_running_loop().call_soon(self.link.connection_lost, None)

    abort = close


def settings_of(folder: Path, key: KeyPair = KEY, *, joins: bool = False) -> Settings:
    """What replica 1 is told."""
    return Settings(
        folder=folder / "shanghai",
        data=folder / "data",
        genesis=GENESIS,
        name=NAMES[1],
        joins=joins,
        host="127.0.0.1",
        port=1,
        peers={},
        consensus_key=key,
    )


class NodeHere:
    """Replica 1 of the small network, its data under `folder`."""

    def __init__(self, folder: Path, key: KeyPair = KEY, *, joins: bool = False) -> None:
        folder.mkdir(exist_ok=True)
        if not (folder / "shanghai").exists():
            make_pki(folder)
        (folder / "data").mkdir(exist_ok=True)
        if not any((folder / "data").iterdir()):
            (folder / "data" / MAY_SIGN).touch()
        self.node = Node(settings_of(folder, key, joins=joins))
        self.notes: list[str] = []
        self.node._note = lambda chain, sentence: self.notes.append(sentence)  # type: ignore[method-assign]
        for host in self.node._hosts.values():
            host.resume()

    def link(self) -> tuple[Link, FakeTransport]:
        """A link whose other end is the test."""
        link = Link(lambda _: None, lambda _, body: None, lambda _: None, self.notes.append)
        transport = FakeTransport(link)
        link.connection_made(transport)
        return link, transport

    def peer(self, peer: int) -> tuple[Link, FakeTransport]:
        """An accepted link of a replica, which the node can answer on as well."""
        link, transport = self.link()
        self.node._peers.accept(peer, link)
        if peer not in self.node._peers.connected:
            dialled, _ = self.link()
            self.node._peers._links[peer] = dialled
        return link, transport

    def caller(self) -> tuple[Link, FakeTransport]:
        """A link of a gateway."""
        link, transport = self.link()
        link.hand_over(self.node._rpc.receive, self.node._rpc.closed)
        return link, transport

    def close(self) -> None:
        """The process ends."""
        self.node._journal.close()
        self.node._store.close()
        os.close(self.node._lock)


def hear(link: Link, body: bytes) -> None:
    """A frame arrives on a link."""
    link.data_received(frame(body))
