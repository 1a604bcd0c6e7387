"""The name of a certificate anywhere in the network, and its short form inside URL paths (protocol 6.5).

`bsn:<chain>/ddc721:<class>/<token>` has the shape of CAIP-19; `<chain>.ddc721.<class>.<token>` is the same
without a character that a path would have to escape. No part contains a dot or a colon.
"""

import re
from dataclasses import dataclass
from typing import Final, Literal

from chain.errors import Malformed

STANDARD: Final = "ddc721"
_UNIVERSAL: Final = re.compile(r"bsn:([a-z]{2,32})/ddc721:([a-z0-9][a-z0-9-]{1,30}[a-z0-9])/([0-9a-f-]{1,40})")
_PATH: Final = re.compile(r"([a-z]{2,32})\.ddc721\.([a-z0-9][a-z0-9-]{1,30}[a-z0-9])\.([0-9a-f-]{1,40})")
TokenStyle = Literal["integer", "uuid"]


class IdMalformed(Malformed):
    """A text that names no certificate."""


@dataclass(frozen=True, slots=True)
class CertificateName:
    """Chain, class and token (as its chain writes it)."""

    chain_id: str
    class_id: str
    token: str

    @property
    def universal(self) -> str:
        """The CAIP-19 shape."""
        return f"bsn:{self.chain_id}/{STANDARD}:{self.class_id}/{self.token}"

    @property
    def path(self) -> str:
        """The form inside URL paths."""
        return f"{self.chain_id}.{STANDARD}.{self.class_id}.{self.token}"


def parse_name(text: str) -> CertificateName:
    """Either form; `IdMalformed` for anything else."""
    match = _UNIVERSAL.fullmatch(text) or _PATH.fullmatch(text)
    if match is None:
        shown = text[:120]
        raise IdMalformed(
            f"{shown!r} names no certificate; write <chain>.ddc721.<class>.<token> or bsn:<chain>/ddc721:<class>/<token>"
        )
    return CertificateName(*match.groups())


def class_uid(chain_id: str, standard: int, class_id: str) -> str:
    """The CAIP-19 shape of a class: an asset type without a token."""
    return f"bsn:{chain_id}/ddc{standard}:{class_id}"


def format_token(style: TokenStyle, token: bytes) -> str:
    """A token id (16 bytes) as its chain writes it: a decimal number, or a UUID."""
    if style == "integer":
        return str(int.from_bytes(token, "big"))
    text = token.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def parse_token(style: TokenStyle, text: str) -> bytes:
    """The token id that the chain writes as `text`, in its one form; else `IdMalformed`."""
    try:
        token = int(text).to_bytes(16, "big") if style == "integer" else bytes.fromhex(text.replace("-", ""))
    except (ValueError, OverflowError):
        token = None
    if token is None or format_token(style, token) != text:
        like = "a decimal number below 2^128" if style == "integer" else "a UUID in lower case"
        raise IdMalformed(f"{text[:60]!r} is no token id of this chain; they are {like}")
    return token
