"""The life of a certificate: issued, frozen and freed, revoked; never transferred (protocol 17).

State keeps facts with absolute times. A status that time alone changes is never stored: `status_at` derives it,
from the block's time inside a contract and from a reader's own clock outside.
"""

from enum import IntEnum, StrEnum
from typing import Annotated, Final

from msgspec import Meta
from msgspec.structs import replace

from chain.codec import Record, decoder, encode
from chain.ids import Address, ClassId, Did, Digest, Natural, TokenId
from contracts.access import Account, Role, require_active, require_sender
from contracts.classes import CertificateClass, may_issue, require_class
from contracts.interface import ContractContext, ContractReverted, Records
from contracts.keys import balance_key, certificate_key, supply_key

BATCH_CERTIFICATES_MAX: Final = 100
Uri = Annotated[str, Meta(max_length=256)]
Attribute = tuple[Annotated[str, Meta(max_length=40)], Annotated[str, Meta(max_length=256)]]
Reason = Annotated[str, Meta(pattern=r"\A[a-z][a-z-]{0,39}\Z")]
"""A code, never prose: prose could name a person."""


class Recorded(IntEnum):
    """The status that the chain stores."""

    ACTIVE = 0
    FROZEN = 1
    REVOKED = 2
    LOCKED = 3
    BURNT = 4


class Status(StrEnum):
    """The status as judged at some time."""

    ACTIVE = "active"
    FROZEN = "frozen"
    REVOKED = "revoked"
    LOCKED = "locked"
    BURNT = "burnt"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"


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
    recorded: Annotated[int, Meta(ge=0, le=4)]
    attributes: Annotated[tuple[Attribute, ...], Meta(max_length=16)]
    supersedes: TokenId | None
    superseded_by: TokenId | None


class MintItem(Record, frozen=True):
    """One certificate to be issued: token id of the issuer's choice, holder, content root, validity in ms."""

    token: TokenId
    holder: Address
    content_root: Digest
    uri: Uri
    valid_from: Natural | None
    valid_until: Natural | None


class Mint(Record, frozen=True):
    """`mint`: one certificate of a class."""

    class_id: ClassId
    item: MintItem


class MintBatch(Record, frozen=True):
    """`mintBatch`: up to 100 certificates of one class, all or none."""

    class_id: ClassId
    items: Annotated[tuple[MintItem, ...], Meta(min_length=1, max_length=BATCH_CERTIFICATES_MAX)]


class ChangeStatus(Record, frozen=True):
    """`revoke`, `freeze`, `unfreeze`: which certificate, and a reason code."""

    class_id: ClassId
    token: TokenId
    reason: Reason


def status_at(certificate: Certificate, now: int) -> Status:
    """The status at `now` (ms): what is recorded, or what time made of it."""
    if certificate.recorded != Recorded.ACTIVE:
        return Status(Recorded(certificate.recorded).name.lower())
    if now < certificate.valid_from:
        return Status.NOT_YET_VALID
    if certificate.valid_until is not None and now >= certificate.valid_until:
        return Status.EXPIRED
    return Status.ACTIVE


def find_certificate(records: Records, class_id: str, token: bytes) -> Certificate | None:
    """The certificate, or None."""
    data = records.get(certificate_key(class_id, token))
    return None if data is None else certificate_of(data)


def require_certificate(records: Records, class_id: str, token: bytes) -> Certificate:
    """The certificate, or the refusal `certificate-unknown`."""
    certificate = find_certificate(records, class_id, token)
    if certificate is None:
        raise ContractReverted("certificate-unknown", class_id, token)
    return certificate


def issue(context: ContractContext, class_id: str, items: tuple[MintItem, ...]) -> None:
    """Issue certificates of one class, all or none: only a granted issuer, only to active holders."""
    # CHECKS
    sender = require_sender(context, Role.OPERATOR, Role.PLATFORM)
    issued_class = require_class(context.records, class_id)
    if not may_issue(context.records, class_id, context.sender):
        raise ContractReverted("not-granted", class_id)
    if len(items) > 1 and len({item.token for item in items}) != len(items):
        raise ContractReverted("token-repeats", class_id)
    holders: dict[bytes, Account] = {}
    for item in items:
        if item.holder not in holders:
            holders[item.holder] = require_active(
                context.records, item.holder, unknown="holder-unknown", frozen="holder-frozen"
            )
        _require_new(context, class_id, item)
    # STATE
    counts: dict[bytes, int] = {}
    for item in items:
        certificate = _certificate(context, sender, issued_class, item, holders[item.holder])
        context.records.put(certificate_key(class_id, item.token), encode(certificate))
        counts[item.holder] = counts.get(item.holder, 0) + 1
    for holder, count in sorted(counts.items()):
        _add(context.records, balance_key(class_id, holder), count)
    _add(context.records, supply_key(class_id), len(items))


def change_status(context: ContractContext, arguments: ChangeStatus, to: Recorded) -> Certificate:
    """Record `to`, after the caller has checked who may."""
    certificate = require_certificate(context.records, arguments.class_id, arguments.token)
    present = Recorded(certificate.recorded)
    if present not in _MAY_BECOME[to]:
        raise ContractReverted("status-forbids", present.name.lower(), to.name.lower())
    changed = replace(certificate, recorded=int(to))
    context.records.put(certificate_key(arguments.class_id, arguments.token), encode(changed))
    if to == Recorded.REVOKED:
        _add(context.records, balance_key(arguments.class_id, certificate.holder), -1)
    return changed


def count_of(records: Records, key: bytes) -> int:
    """A balance or supply; zero where none was ever written."""
    data = records.get(key)
    return 0 if data is None else int.from_bytes(data, "big")


def _require_new(context: ContractContext, class_id: str, item: MintItem) -> None:
    if context.records.get(certificate_key(class_id, item.token)) is not None:
        raise ContractReverted("token-exists", class_id, item.token)
    starts = context.time if item.valid_from is None else item.valid_from
    if item.valid_until is not None and item.valid_until <= starts:
        raise ContractReverted("validity-inverted", starts, item.valid_until)


def _certificate(
    context: ContractContext,
    sender: Account,
    issued_class: CertificateClass,
    item: MintItem,
    holder: Account,
) -> Certificate:
    return Certificate(
        token=item.token,
        class_id=issued_class.class_id,
        schema=issued_class.schema,
        issuer=context.sender,
        issuer_did=sender.did,
        holder=item.holder,
        holder_did=holder.did,
        content_root=item.content_root,
        uri=item.uri,
        issued_at=context.time,
        valid_from=context.time if item.valid_from is None else item.valid_from,
        valid_until=item.valid_until,
        recorded=int(Recorded.ACTIVE),
        attributes=(),
        supersedes=None,
        superseded_by=None,
    )


def _add(records: Records, key: bytes, amount: int) -> None:
    count = count_of(records, key) + amount
    records.put(key, count.to_bytes(8, "big"))


_MAY_BECOME: Final = {
    Recorded.FROZEN: {Recorded.ACTIVE},
    Recorded.ACTIVE: {Recorded.FROZEN},
    Recorded.REVOKED: {Recorded.ACTIVE, Recorded.FROZEN},
}
certificate_of = decoder(Certificate)
