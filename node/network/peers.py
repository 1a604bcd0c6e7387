"""Authenticated links between the replicas of a network.

Every node dials every other and sends on the link it dialled; it receives on the links it accepted. A lost
link is dialled again, first soon and then once a second.
"""

import asyncio
import ssl
from collections.abc import Callable
from typing import Final

from chain.codec import decoder, encode
from chain.framing import PROTOCOL_VERSION
from chain.membership import Membership
from chain.rpc import Hello
from node.network.frames import PeerFrame
from node.network.link import Link
from node.network.tls import identify

REDIAL_S: Final = (0.05, 0.1, 0.2, 0.5, 1.0)
Address = tuple[str, int]


class Peers:
    """The links of replica `own` to all others."""

    def __init__(
        self,
        *,
        own: int,
        membership: Membership,
        network_id: bytes,
        addresses: dict[int, Address],
        context: ssl.SSLContext,
        received: Callable[[int, PeerFrame], None],
        changed: Callable[[int, bool], None],
        note: Callable[[str], None],
    ) -> None:
        self._own = own
        self._membership = membership
        self._hello = encode(Hello(version=PROTOCOL_VERSION, network_id=network_id, speaker=own))
        self._network_id = network_id
        self._addresses = addresses
        self._context = context
        self._received, self._changed, self._note = received, changed, note
        self._links: dict[int, Link] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._decode: Callable[[bytes], PeerFrame] = decoder(PeerFrame)  # type: ignore[arg-type]

    def start(self) -> None:
        """Begin to dial."""
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._keep_dialled(peer)) for peer in self._addresses]

    def stop(self) -> None:
        """Dial no more and close every link."""
        for task in self._tasks:
            task.cancel()
        for link in list(self._links.values()):
            link.close()

    @property
    def connected(self) -> frozenset[int]:
        """The peers that can be sent to now."""
        return frozenset(self._links)

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

    def accept(self, peer: int, body: bytes) -> None:
        """A frame on an accepted link of `peer`."""
        self._received(peer, self._decode(body))

    async def _keep_dialled(self, peer: int) -> None:
        attempt = 0
        while True:
            lost = asyncio.Event()
            link = Link(
                opened=lambda link: None,
                received=lambda link, body: self._greeted(peer, link, body),
                closed=lambda link, lost=lost: self._lost(peer, link, lost),  # type: ignore[misc]
                note=self._note,
            )
            try:
                host, port = self._addresses[peer]
                await asyncio.wait_for(
                    asyncio.get_running_loop().create_connection(lambda link=link: link, host, port, ssl=self._context),  # type: ignore[misc]
                    timeout=5,
                )
                if identify(link.certificate, self._membership).replica == peer:
                    attempt = 0
                    link.send(self._hello)
                    await lost.wait()
                else:
                    self._note(f"the node at {host}:{port} is not replica {peer}: its TLS key is not the pinned one")
                    link.close()
            except (OSError, ssl.SSLError, TimeoutError) as problem:
                if attempt == len(REDIAL_S):
                    self._note(f"replica {peer} cannot be reached: {problem}")
            await asyncio.sleep(REDIAL_S[min(attempt, len(REDIAL_S) - 1)])
            attempt += 1

    def _greeted(self, peer: int, link: Link, body: bytes) -> None:
        """The accepting side answers a dialled link with its own hello and nothing else."""
        hello = self._decode(body)
        if not isinstance(hello, Hello) or hello.version != PROTOCOL_VERSION or hello.network_id != self._network_id:
            self._note(f"replica {peer} speaks another protocol version or of another network; closing its link")
            link.close()
            return
        self._links[peer] = link
        self._changed(peer, True)

    def _lost(self, peer: int, link: Link, lost: asyncio.Event) -> None:
        lost.set()
        if self._links.get(peer) is link:
            del self._links[peer]
            self._changed(peer, False)
