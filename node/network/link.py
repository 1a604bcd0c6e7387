"""One TLS connection that carries frames, seen from either end."""

import asyncio
import ssl
from collections.abc import Callable
from typing import Final, cast

from chain.codec import CodecMalformed
from chain.framing import FrameMalformed, FrameReader, frame

SEND_BUFFER_MAX: Final = 64_000_000
"""A peer that lets this much pile up is cut off; it fetches what it missed when it comes back."""


class Link(asyncio.Protocol):
    """Frames in, frames out. `opened(link)`, `received(link, body)` and `closed(link)` are told."""

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
        self.paused = False
        self.drained: Callable[[], None] | None = None
        """Called when the other side has taken what was piled up."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The handshake is over."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but ancestry
        self._transport.set_write_buffer_limits(high=4_000_000)
        self._opened(self)

    def data_received(self, data: bytes) -> None:
        """Cut frames; a frame that is malformed ends the connection of its sender only."""
        try:
            for body in self._reader.feed(data):
                self._received(self, body)
        except (FrameMalformed, CodecMalformed) as problem:
            self._note(f"closed a link: {problem}")
            self.close()

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

    def hand_over(
        self, received: Callable[["Link", bytes], None], closed: Callable[["Link"], None]
    ) -> None:
        """From the next frame on somebody else is told: the other side has shown who it is."""
        self._received, self._closed = received, closed

    @property
    def certificate(self) -> bytes | None:
        """The other side's certificate (DER)."""
        assert self._transport is not None
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
