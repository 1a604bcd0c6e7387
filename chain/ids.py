"""Names for the numbers and byte strings of the field, so that one cannot pass for another."""

from typing import Annotated, Final, NewType

from msgspec import Meta

ChainId = NewType("ChainId", str)
ReplicaId = NewType("ReplicaId", int)
View = NewType("View", int)
Height = NewType("Height", int)

Digest = Annotated[bytes, Meta(min_length=32, max_length=32)]
"""32 bytes of a chain's digest function."""
Signature = Annotated[bytes, Meta(min_length=64, max_length=64)]
Address = Annotated[bytes, Meta(min_length=1, max_length=96)]
"""The raw form of an account's address: 20 or 32 bytes where it is derived, UTF-8 text where it is registered."""
Did = Annotated[bytes, Meta(min_length=20, max_length=20)]
"""RIPEMD160 of SHA-256 of the DID's base document; `did:bsn:` + hex of it is the text form."""
TokenId = Annotated[bytes, Meta(min_length=16, max_length=16)]
ClassId = Annotated[str, Meta(pattern=r"\A[a-z0-9][a-z0-9-]{1,30}[a-z0-9]\Z")]
"""A class's slug, unique on its chain: 3 to 32 of a-z, 0-9 and inner hyphens."""
Natural = Annotated[int, Meta(ge=0, le=2**53 - 1)]
"""A count, height or time: what JSON carries without loss."""

ZERO_DIGEST: Final = bytes(32)
