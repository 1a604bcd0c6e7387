"""DIDs: an identifier that is the digest of its first keys, and what those keys sign (protocol 28).

The same on every chain, whatever the chain's own functions are: secp256k1 and SHA-256, as in the reference network.
So a document and every change of it prove themselves anywhere.
"""

from typing import Annotated, Final

import rfc8785
from msgspec import Meta

from chain.codec import Record, encode
from chain.digests import ripemd160, sha256
from chain.domains import Domain, prefix
from chain.ids import Address, ClassId, Did, Digest, Natural, TokenId
from chain.signatures import SchemeName, scheme
from chain.transaction import Name

DidKey = Annotated[bytes, Meta(min_length=33, max_length=33)]
"""A compressed secp256k1 public key (4.2)."""
HomeChain = Annotated[str, Meta(pattern=r"\A[a-z]{2,32}\Z")]
ServiceId = Annotated[str, Meta(pattern=r"\A[a-z][a-z0-9-]{0,31}\Z")]
Endpoint = Annotated[str, Meta(pattern=r"\A(https://[a-z0-9.-]{1,80}(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]{0,80})?)?\Z")]
"""An https address without query or user; empty: none. Nothing of a person fits in."""

_SCHEME: Final = scheme(SchemeName.SECP256K1)
check_key: Final = _SCHEME.check_public_key


class BaseDocument(Record, frozen=True):
    """What a DID is the digest of: its home chain, and the keys that it begins with."""

    home: HomeChain
    authentication: DidKey
    recovery: DidKey

    def canonical(self) -> bytes:
        """The document as canonical JSON (RFC 8785), keys in hex."""
        members = {"authentication": self.authentication.hex(), "home": self.home, "recovery": self.recovery.hex()}
        return rfc8785.dumps(members | {"version": 1})

    @property
    def did(self) -> bytes:
        """RIPEMD160 of SHA-256 of the document."""
        return ripemd160(sha256(self.canonical()))


class Creation(Record, frozen=True, tag=1):
    """Signed by the authentication key: this DID is to be known."""

    did: Did


class Rotation(Record, frozen=True, tag=2):
    """Signed by the recovery key, and by the new authentication key as proof of possession."""

    did: Did
    sequence: Natural
    authentication: DidKey


class ServiceChange(Record, frozen=True, tag=3):
    """Signed by the authentication key: a service's endpoint, or none any more."""

    did: Did
    sequence: Natural
    service: ServiceId
    endpoint: Endpoint


class Joining(Record, frozen=True, tag=4):
    """Signed by the authentication key that the DID has at `sequence`: the account with this key joins the DID."""

    did: Did
    sequence: Natural
    address: Address
    public_key: Annotated[bytes, Meta(min_length=32, max_length=33)]


class Rebinding(Record, frozen=True, tag=5):
    """Signed by the authentication key: what one account of the DID holds goes to another account of it."""

    did: Did
    sequence: Natural
    contract: Name
    class_id: ClassId
    token: TokenId
    holder: Address
    to: Address


class Objection(Record, frozen=True, tag=6):
    """Signed by the recovery key: the rebind that was asked for at this time (ms) is not to be."""

    did: Did
    contract: Name
    class_id: ClassId
    token: TokenId
    holder: Address
    to: Address
    requested_at: Natural


class Confirmation(Record, frozen=True, tag=7):
    """Signed by the authentication key that the DID has at `sequence`: this certificate moves to that account of the DID."""

    did: Did
    sequence: Natural
    cross_id: Digest
    certificate: Digest
    """The digest, by the function of the chain that it leaves, of the certificate's record."""
    to_chain: HomeChain
    to: Address
    deadline: Natural


Statement = Creation | Rotation | ServiceChange | Joining | Rebinding | Objection | Confirmation


def statement_digest(network_id: bytes, chain_id: str, statement: Statement) -> bytes:
    """What a DID's key signs: SHA-256 of the statement under its domain, on the home chain or the chain of the account."""
    return sha256(prefix(Domain.DID, network_id, chain_id) + encode(statement))


def is_signed(key: bytes, network_id: bytes, chain_id: str, statement: Statement, signature: bytes) -> bool:
    """Whether `key` has signed the statement for that chain."""
    return _SCHEME.verify(key, statement_digest(network_id, chain_id, statement), signature)
