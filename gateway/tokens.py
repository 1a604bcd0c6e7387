"""New token ids, drawn in runs (protocol 6.5).

An issuer may choose any id that is free. Ids that differ in their last byte alone stand near each other in the state
(protocol 10.1), so that issuing them together changes a few nodes of its tree instead of one for each.
"""

import secrets
from typing import Final

from chain.universal_id import TokenStyle

RUN: Final = 256
"""Ids of one run: those that differ in their last byte alone."""


class TokenRuns:
    """Draws token ids (16 bytes) for one class: the beginning of a run by chance, the last byte counted up.

    Numbers have 56 random bits per run, UUIDs those of RFC 9562, version 4, but for the last byte.
    """

    def __init__(self, style: TokenStyle) -> None:
        self._style = style
        self._run = b""
        self._used = RUN

    def draw(self) -> bytes:
        """The next token id."""
        if self._used == RUN:
            self._run, self._used = _beginning(self._style), 0
        self._used += 1
        return self._run + bytes([self._used - 1])


def _beginning(style: TokenStyle) -> bytes:
    if style == "integer":
        return bytes(8) + secrets.token_bytes(7)
    drawn = bytearray(secrets.token_bytes(15))
    drawn[6], drawn[8] = drawn[6] & 0x0F | 0x40, drawn[8] & 0x3F | 0x80
    return bytes(drawn)
