"""Frames on a stream: four bytes of length, then that many bytes of one encoded record (protocol 12.1).

The length is checked before a byte of the body is kept.
"""

from typing import Final

from chain.errors import Malformed

FRAME_BYTES_MAX: Final = 16_000_000
PROTOCOL_VERSION: Final = 1


class FrameMalformed(Malformed):
    """A frame that is longer than any frame may be."""


def frame(body: bytes) -> bytes:
    """The body with its length before it."""
    assert len(body) <= FRAME_BYTES_MAX
    return len(body).to_bytes(4, "big") + body


class FrameReader:
    """Cuts a stream of bytes, fed in any portions, into the bodies of its frames."""

    def __init__(self, limit: int = FRAME_BYTES_MAX) -> None:
        self.limit = limit
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The bodies that `data` completes; `FrameMalformed` for a length over the limit."""
        buffer = self._buffer
        buffer += data
        bodies, start = [], 0
        while len(buffer) - start >= 4:
            length = int.from_bytes(buffer[start : start + 4], "big")
            if length > self.limit:
                raise FrameMalformed(f"a frame has at most {self.limit} bytes, got a length of {length}")
            end = start + 4 + length
            if len(buffer) < end:
                break
            bodies.append(bytes(buffer[start + 4 : end]))
            start = end
        del buffer[:start]
        return bodies
