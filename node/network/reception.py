"""Accepted links until it is known who they are: the pin decides for nodes, the key usage for callers."""

import asyncio
from collections.abc import Callable
from typing import Final

from chain.codec import decode, encode
from chain.framing import PROTOCOL_VERSION
from chain.rpc import Hello
from node.network.directory import Directory
from node.network.link import Link
from node.network.tls import LinkRole, identify

FIRST_FRAME_S: Final = 5
STRANGERS_MAX: Final = 64
CALLERS_MAX: Final = 64
"""Gateways and relayers are few, and each of their links may hold a frame that is not whole yet."""
CALLER_FRAME_BYTES_MAX: Final = 5_000_000
"""A submission has at most four million bytes of transactions, and one more."""
QUIET_S: Final = 60.0
"""For so long the same refusal is told once: a newcomer that nobody has voted in yet dials every second."""
TOLD_MAX: Final = 64


class Reception:
    """Makes the protocol of each accepted connection. `to_peer` and `to_caller` take over who has shown itself."""

    def __init__(
        self,
        *,
        directory: Directory,
        network_id: bytes,
        to_peer: Callable[[int, Link], None],
        to_caller: Callable[[Link], None],
        note: Callable[[str], None],
    ) -> None:
        self._directory = directory
        self._hello = Hello(version=PROTOCOL_VERSION, network_id=network_id, speaker=directory.names[directory.own])
        self._to_peer, self._to_caller, self._note = to_peer, to_caller, note
        self._strangers: set[Link] = set()
        self._callers: set[Link] = set()
        self._told: dict[str, float] = {}
        """When each refusal was told."""

    def link(self) -> Link:
        """The protocol of a new connection."""
        return Link(opened=self._opened, received=self._first_frame, closed=self._strangers.discard, note=self._note)

    def _opened(self, link: Link) -> None:
        if len(self._strangers) >= STRANGERS_MAX:
            link.close()
            return
        self._strangers.add(link)
        asyncio.get_running_loop().call_later(FIRST_FRAME_S, self._send_away_if_silent, link)

    def _send_away_if_silent(self, link: Link) -> None:
        if link in self._strangers:
            self._refuse(link, "it does not say who it is")

    def _first_frame(self, link: Link, body: bytes) -> None:
        identity = identify(link.certificate, self._directory)
        hello = decode(body, Hello)
        own = self._hello
        link.send(encode(own))
        if (hello.version, hello.network_id) != (own.version, own.network_id):
            self._refuse(link, f"its protocol version is {hello.version}, or its network is not this one")
        elif identity.node is not None and hello.speaker == self._directory.names[identity.node]:
            self._strangers.discard(link)
            self._to_peer(identity.node, link)
        elif hello.speaker is None and identity.roles & {LinkRole.GATEWAY, LinkRole.RELAYER}:
            self._strangers.discard(link)
            self._take_caller(link)
        else:
            self._refuse(link, f"{_named(hello.speaker)} has neither the pinned key of that node nor a caller's usage")

    def _take_caller(self, link: Link) -> None:
        self._callers = {caller for caller in self._callers if caller.open}
        if len(self._callers) == CALLERS_MAX:
            self._refuse(link, f"{CALLERS_MAX} callers are linked already; close one")
            return
        self._callers.add(link)
        link.narrow(CALLER_FRAME_BYTES_MAX)
        self._to_caller(link)

    def _refuse(self, link: Link, why: str) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._told.get(why, -QUIET_S) >= QUIET_S:
            self._note(f"closed a link: {why}")
            self._told = {other: at for other, at in self._told.items() if now - at < QUIET_S}
            if len(self._told) < TOLD_MAX:
                self._told[why] = now
        link.close()


def _named(speaker: str | None) -> str:
    return "whoever says no name" if speaker is None else f"whoever says that it is {speaker}"
