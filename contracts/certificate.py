"""What the chain keeps of a certificate, and its status at a time (protocol 17).

State keeps facts with absolute times. A status that time alone changes is never stored: `status_at` derives it,
from the block's time inside a contract and from a reader's own clock outside.
"""

from enum import IntEnum, StrEnum
from typing import Annotated, Final

from msgspec import Meta

from chain.codec import Record, decoder, encode
from chain.did import HomeChain
from chain.ids import Address, ClassId, Did, Digest, Natural, TokenId
from contracts.interface import ContractReverted, Readable, Records
from contracts.keys import certificate_key, edition_key, holding_key, supply_key

ATTRIBUTES_MAX: Final = 16
Uri = Annotated[str, Meta(max_length=256)]
AttributeName = Annotated[str, Meta(pattern=r"\A[a-z][a-z0-9_]{0,39}\Z")]
AttributeValue = Annotated[str, Meta(max_length=64, pattern=r"\A[A-Za-z0-9._:/+-]{0,64}\Z")]
"""A code or a number, not prose: prose could name a person."""
Attribute = tuple[AttributeName, AttributeValue]
Attributes = Annotated[tuple[Attribute, ...], Meta(max_length=ATTRIBUTES_MAX)]
RecordedValue = Annotated[int, Meta(ge=0, le=4)]


class Recorded(IntEnum):
    """Where a certificate stands in its life, as the chain records it; from REVOKED on for good."""

    ACTIVE = 0
    OFFERED = 1
    REVOKED = 2
    BURNT = 3
    MOVED = 4


class BurnAuthorisation(IntEnum):
    """Who may burn (ERC-5484), fixed when the certificate is issued."""

    ISSUER = 0
    HOLDER = 1
    BOTH = 2
    NEITHER = 3


class Status(StrEnum):
    """The status as judged at some time; `stale` is a mirror's."""

    ACTIVE = "active"
    OFFERED = "offered"
    FROZEN = "frozen"
    LOCKED = "locked"
    SUSPENDED = "suspended"
    REVOKED = "revoked"
    BURNT = "burnt"
    MOVED = "moved"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    STALE = "stale"


class Origin(Record, frozen=True):
    """Where a certificate was issued that has come from another chain."""

    chain_id: HomeChain
    class_id: ClassId
    token: TokenId


class Certificate(Record, frozen=True):
    """A certificate as the chain keeps it. No field of its content is here: only their Merkle root."""

    token: TokenId
    class_id: ClassId
    schema: Digest
    issuer: Address
    issuer_did: Did
    holder: Address
    holder_did: Did
    content_root: Digest
    uri: Uri
    issued_at: Natural
    valid_from: Natural
    valid_until: Natural | None
    recorded: RecordedValue
    frozen: bool
    locked: bool
    burn_authorisation: Annotated[int, Meta(ge=0, le=3)]
    attributes: Attributes
    user: Address | None
    """Who may use it until `user_until` (ERC-4907)."""
    user_until: Natural | None
    supersedes: TokenId | None
    superseded_by: TokenId | None
    suspended: bool
    """One that it was issued on, and that it follows, no longer stands (protocol 35)."""
    origin: Origin | None


class Edition(Record, frozen=True):
    """What all holdings of an ERC-1155 id share: the same certificate, issued to many."""

    token: TokenId
    class_id: ClassId
    schema: Digest
    issuer: Address
    issuer_did: Did
    content_root: Digest
    uri: Uri
    issued_at: Natural
    valid_from: Natural
    valid_until: Natural | None
    frozen: bool
    withdrawn: bool
    burn_authorisation: Annotated[int, Meta(ge=0, le=3)]
    supersedes: TokenId | None
    superseded_by: TokenId | None
    holdings: Natural
    """How many were ever issued."""


class Holding(Record, frozen=True):
    """One holder's of an edition, with a life of its own."""

    token: TokenId
    class_id: ClassId
    issuer: Address
    issuer_did: Did
    holder: Address
    holder_did: Did
    issued_at: Natural
    valid_from: Natural
    valid_until: Natural | None
    recorded: RecordedValue
    frozen: bool
    locked: bool
    burn_authorisation: Annotated[int, Meta(ge=0, le=3)]
    attributes: Attributes
    user: Address | None
    user_until: Natural | None


class Issued(Record, frozen=True):
    """How many certificates or holdings of a class were ever issued, and the last one's token."""

    count: Natural
    latest: TokenId


Held = Certificate | Holding
"""What a holder holds: both have the same life."""


def status_at(held: Held, now: int) -> Status:
    """The status at `now` (ms): what is recorded, or what time made of it."""
    if held.recorded >= Recorded.REVOKED:
        return _FINAL[held.recorded]
    if held.frozen or held.locked:
        return Status.FROZEN if held.frozen else Status.LOCKED
    if isinstance(held, Certificate) and held.suspended:
        return Status.SUSPENDED
    if held.recorded == Recorded.OFFERED:
        return Status.OFFERED
    return _in_time(held, now)


def _in_time(held: Held, now: int) -> Status:
    if now < held.valid_from:
        return Status.NOT_YET_VALID
    if held.valid_until is not None and now >= held.valid_until:
        return Status.EXPIRED
    return Status.ACTIVE


def holding_status_at(edition: Edition, holding: Holding, now: int) -> Status:
    """The status of a holding at `now`, its edition's fate minded."""
    if edition.withdrawn and holding.recorded < Recorded.REVOKED:
        return Status.REVOKED
    own = status_at(holding, now)
    return Status.FROZEN if edition.frozen and holding.recorded < Recorded.REVOKED else own


def is_live(held: Held) -> bool:
    """Neither revoked nor burnt nor moved away."""
    return held.recorded < Recorded.REVOKED


def find_certificate(records: Readable, class_id: str, token: bytes) -> Certificate | None:
    """The certificate, or None."""
    data = records.get(certificate_key(class_id, token))
    return None if data is None else certificate_of(data)


def require_certificate(records: Readable, class_id: str, token: bytes) -> Certificate:
    """The certificate, or the refusal `certificate-unknown`."""
    certificate = find_certificate(records, class_id, token)
    if certificate is None:
        raise ContractReverted("certificate-unknown", class_id, token)
    return certificate


def find_edition(records: Readable, class_id: str, token: bytes) -> Edition | None:
    """The edition, or None."""
    data = records.get(edition_key(class_id, token))
    return None if data is None else edition_of(data)


def find_holding(records: Readable, class_id: str, token: bytes, holder: bytes) -> Holding | None:
    """What `holder` holds of the edition, or None."""
    data = records.get(holding_key(class_id, token, holder))
    return None if data is None else holding_of(data)


def issued_of(records: Readable, class_id: str) -> Issued | None:
    """How many of the class were issued and the last one; None before the first."""
    data = records.get(supply_key(class_id))
    return None if data is None else _issued(data)


def add_to_issued(records: Records, class_id: str, count: int, latest: bytes) -> None:
    """Count what was issued."""
    before = issued_of(records, class_id)
    total = count if before is None else before.count + count
    records.put(supply_key(class_id), encode(Issued(count=total, latest=latest)))


def count_of(records: Readable, key: bytes) -> int:
    """A balance; zero where none was ever written."""
    data = records.get(key)
    return 0 if data is None else int.from_bytes(data, "big")


def add_to_count(records: Records, key: bytes, amount: int) -> None:
    """Change a balance."""
    records.put(key, (count_of(records, key) + amount).to_bytes(8, "big"))


_FINAL: Final[dict[int, Status]] = {
    Recorded.REVOKED: Status.REVOKED,
    Recorded.BURNT: Status.BURNT,
    Recorded.MOVED: Status.MOVED,
}
certificate_of = decoder(Certificate)
edition_of = decoder(Edition)
holding_of = decoder(Holding)
_issued = decoder(Issued)
