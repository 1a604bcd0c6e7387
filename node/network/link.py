"""One TLS connection that carries frames, seen from either end."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Final, cast

from chain.errors import Malformed
from chain.framing import FrameReader, frame

SEND_BUFFER_MAX: Final = 64_000_000
"""A peer that lets this much pile up is cut off; it fetches what it missed when it comes back."""
PAUSE_BYTES: Final = 4_000_000
DEAD_AFTER_S: Final = 20
"""How long a host that vanished without a word keeps its link."""
STRANGER_BYTES_MAX: Final = 300_000
"""What is taken from somebody who has not said who it is; one read from the socket may be nearly as large."""


class Link(asyncio.Protocol):
    """Frames in, frames out. `opened(link)`, `received(link, body)` and `closed(link)` are told.

    Whatever goes wrong with a frame ends this connection and nothing else.
    """

    def __init__(
        self,
        opened: Callable[["Link"], None],
        received: Callable[["Link", bytes], None],
        closed: Callable[["Link"], None],
        note: Callable[[str], None],
    ) -> None:
        self._opened, self._received, self._closed, self._note = opened, received, closed, note
        self._reader = FrameReader()
        self._transport: asyncio.Transport | None = None
        self._stranger_bytes = 0
        self.known = False
        """Whether the other side has shown who it is."""
        self.paused = False
        self.drained: Callable[[], None] | None = None
        """Called when the other side has taken what was piled up."""

    @property
    def open(self) -> bool:
        """Whether frames still go through."""
        return self._transport is not None and not self._transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The handshake is over."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but ancestry
        self._transport.set_write_buffer_limits(high=PAUSE_BYTES)
        _watch(transport.get_extra_info("socket"))
        self._opened(self)

    def data_received(self, data: bytes) -> None:
        """Cut frames and hand them on, until the link is closed."""
        try:
            for body in self._reader.feed(data):
                if not self.open:
                    return
                self._received(self, body)
        except Malformed as problem:
            self._cut(f"closed a link: {problem}")
        except Exception as problem:  # noqa: BLE001 - a fault of ours that one sender found must not end the others
            self._cut(f"closed a link: its frame led to {type(problem).__name__}: {problem}")
        self._stranger_bytes += len(data)
        if not self.known and self._stranger_bytes > STRANGER_BYTES_MAX:
            self._cut("closed a link: it sends, but does not say who it is")

    def connection_lost(self, _problem: Exception | None) -> None:
        """The link is gone, by whichever side."""
        self._transport = None
        self._closed(self)

    def pause_writing(self) -> None:
        """The other side is slow."""
        self.paused = True

    def resume_writing(self) -> None:
        """The other side has caught up."""
        self.paused = False
        if self.drained is not None:
            self.drained()

    def narrow(self, frame_bytes_max: int) -> None:
        """Take no frame larger than this from now on."""
        self._reader.limit = frame_bytes_max

    def hand_over(self, received: Callable[["Link", bytes], None], closed: Callable[["Link"], None]) -> None:
        """The other side has shown who it is: from the next frame on somebody else is told."""
        self.known = True
        self._received, self._closed = received, closed

    @property
    def certificate(self) -> bytes | None:
        """The other side's certificate (DER)."""
        if self._transport is None:
            return None
        tls: ssl.SSLObject = self._transport.get_extra_info("ssl_object")
        return tls.getpeercert(binary_form=True)

    def send(self, body: bytes) -> None:
        """Send one frame; nothing if the link is gone."""
        if self._transport is None or self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size() > SEND_BUFFER_MAX:
            self._note("closed a link whose other side does not read")
            self._transport.abort()
            return
        self._transport.write(frame(body))

    def close(self) -> None:
        """Close after what was sent."""
        if self._transport is not None:
            self._transport.close()

    def _cut(self, why: str) -> None:
        if self.open:
            self._note(why)
            self.close()


def _watch(sock: socket.socket) -> None:
    """Let the kernel find out that the other host is gone, where it can."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    options = (("TCP_KEEPIDLE", DEAD_AFTER_S // 2), ("TCP_KEEPINTVL", 2), ("TCP_USER_TIMEOUT", DEAD_AFTER_S * 1_000))
    for name, value in options:
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
