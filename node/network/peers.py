"""Authenticated links between the nodes of a network.

Every node dials every other and sends on the link it dialled; it receives on the links it accepted. A lost
link is dialled again, first soon and then once a second. Nodes go by their numbers in the directory.
"""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from typing import Final

from chain.codec import decoder, encode
from chain.framing import PROTOCOL_VERSION
from chain.rpc import Hello
from node.network.directory import Directory
from node.network.frames import PeerFrame
from node.network.link import Link
from node.network.tls import identify

REDIAL_S: Final = (0.05, 0.1, 0.2, 0.5, 1.0)
DIAL_TIMEOUT_S: Final = 5
Address = tuple[str, int]


class Peers:
    """The links of a node to all others that it knows and has an address of."""

    def __init__(
        self,
        *,
        directory: Directory,
        network_id: bytes,
        addresses: Mapping[str, Address],
        context: ssl.SSLContext,
        received: Callable[[int, PeerFrame], None],
        changed: Callable[[int, bool], None],
        note: Callable[[str], None],
    ) -> None:
        self._directory = directory
        self._network_id = network_id
        self._hello = self._hello_of(directory.own)
        self._addresses = addresses
        self._context = context
        self._received, self._changed, self._note = received, changed, note
        self._links: dict[int, Link] = {}
        self._accepted: dict[int, Link] = {}
        self._problems: dict[int, str] = {}
        """Why a peer was not linked the last time it was dialled: told once, not at every attempt."""
        self._tasks: dict[int, asyncio.Task[None]] = {}
        """One per node that is dialled."""
        self._decode: Callable[[bytes], PeerFrame] = decoder(PeerFrame)  # type: ignore[arg-type] # a union is no type to mypy

    def start(self) -> None:
        """Begin to dial whoever is known by now; to be called again when the directory or the addresses grow."""
        loop = asyncio.get_running_loop()
        for peer, name in enumerate(self._directory.names):
            if peer == self._directory.own or peer in self._tasks:
                continue
            if name in self._addresses:
                self._tasks[peer] = loop.create_task(self._keep_dialled(peer))
            else:
                self._tell(peer, f"there is no address of {name} in node.json: add it to `peers` and send SIGHUP")

    def readdress(self, addresses: Mapping[str, Address]) -> None:
        """Dial these from now on; a link that stands stays."""
        self._addresses = {**self._addresses, **addresses}
        self.start()

    def stop(self) -> None:
        """Dial no more and close every link."""
        for task in self._tasks.values():
            task.cancel()
        for link in (*self._links.values(), *self._accepted.values()):
            link.close()

    @property
    def connected(self) -> frozenset[int]:
        """The peers that can be sent to now."""
        return frozenset(self._links)

    def reads(self, peer: int) -> bool:
        """Whether a peer is connected and takes what it is sent: only then is a large answer worth making."""
        link = self._links.get(peer)
        return link is not None and not link.paused

    def send(self, peer: int, record: PeerFrame) -> None:
        """Send to one peer; nothing if it is not connected, since it asks for what it missed."""
        link = self._links.get(peer)
        if link is not None:
            link.send(encode(record))

    def broadcast(self, record: PeerFrame) -> None:
        """Send to all connected peers; encoded once."""
        body = encode(record)
        for link in list(self._links.values()):
            link.send(body)

    def accept(self, peer: int, link: Link) -> None:
        """An accepted link has shown that it is `peer`'s; it takes the place of the one before."""
        earlier = self._accepted.get(peer)
        self._accepted[peer] = link
        if earlier is not None:
            earlier.close()
        link.hand_over(lambda _, body: self._received(peer, self._decode(body)), lambda link: self._forget(peer, link))

    async def _keep_dialled(self, peer: int) -> None:
        attempt, clock = 0, asyncio.get_running_loop().time
        while True:
            start = clock()
            greeted = await self._dial(peer, patient=attempt < len(REDIAL_S) - 1)
            lasted = greeted and clock() - start > REDIAL_S[-1]  # a new link costs: who hangs up at once waits as well
            attempt = 0 if lasted else min(attempt + 1, len(REDIAL_S) - 1)
            await asyncio.sleep(REDIAL_S[attempt])

    async def _dial(self, peer: int, *, patient: bool) -> bool:
        """One link from its first packet to its last; whether the peer greeted on it.

        A `patient` node says nothing of a peer that does not answer: it may be starting.
        """
        lost = asyncio.Event()
        link = Link(
            opened=lambda _: None,
            received=lambda link, body: self._greeted(peer, link, body),
            closed=lambda link: self._lost(peer, link, lost),
            note=lambda sentence: self._tell(peer, sentence),
        )
        name = self._directory.names[peer]
        host, port = self._addresses[name]
        try:
            async with asyncio.timeout(DIAL_TIMEOUT_S):
                await asyncio.get_running_loop().create_connection(lambda: link, host, port, ssl=self._context)
        except (OSError, ValueError, TimeoutError) as problem:
            if not patient:
                self._tell(peer, f"{name} cannot be reached at {host}:{port}: {problem or 'no answer'}")
            return False
        if identify(link.certificate, self._directory).node == peer:
            link.send(self._hello)
        elif link.open:
            self._tell(peer, f"the node at {host}:{port} is not {name}: its TLS key is not the pinned one")
            link.close()
        await lost.wait()
        if not link.known and peer not in self._problems:
            self._tell(peer, f"{name} closes the link before it greets; see what it says about it")
        return link.known

    def _greeted(self, peer: int, link: Link, body: bytes) -> None:
        """The accepting side answers a dialled link with its own hello and nothing else."""
        if link.known or body != self._hello_of(peer):
            name = self._directory.names[peer]
            self._tell(peer, f"{name} does not greet as a node of this name, network and protocol version")
            link.close()
            return
        link.known = True
        self._problems.pop(peer, None)
        self._links[peer] = link
        self._changed(peer, True)  # noqa: FBT003 - up

    def _lost(self, peer: int, link: Link, lost: asyncio.Event) -> None:
        lost.set()
        if self._links.get(peer) is link:
            del self._links[peer]
            self._changed(peer, False)  # noqa: FBT003 - down

    def _forget(self, peer: int, link: Link) -> None:
        if self._accepted.get(peer) is link:
            del self._accepted[peer]

    def _hello_of(self, node: int) -> bytes:
        speaker = self._directory.names[node]
        return encode(Hello(version=PROTOCOL_VERSION, network_id=self._network_id, speaker=speaker))

    def _tell(self, peer: int, problem: str) -> None:
        if self._problems.get(peer) != problem:
            self._problems[peer] = problem
            self._note(problem)
