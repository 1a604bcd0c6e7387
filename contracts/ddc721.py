"""The ERC-721 face of certificates, made non-transferable (ERC-721, ERC-5192, ERC-5484; protocol 18).

Every method of transfer or approval exists and answers `non-transferable` before anything else is checked,
whoever calls and with whatever arguments.
"""

import dataclasses
from typing import Any, Final

from msgspec.structs import replace

from chain.codec import Record, encode
from chain.ids import Address, ClassId, TokenId
from contracts import ddc721_views
from contracts.access import find_account, sender_account
from contracts.certificate import (
    Certificate,
    Held,
    Recorded,
    Uri,
    add_to_count,
    add_to_issued,
    require_certificate,
)
from contracts.classes import class_known, granted, require_class, use_grant
from contracts.gates import permitted, running
from contracts.interface import (
    Check,
    ContractContext,
    ContractReverted,
    Method,
    Price,
    Readable,
    Records,
    Role,
    refuses,
)
from contracts.issuing import (
    BATCH_EVENTS,
    BY_ISSUER,
    ISSUABLE,
    SINGLE_EVENTS,
    Data,
    Mint,
    MintBatch,
    Minting,
    MintItem,
    MintItems,
    SafeMint,
    SafeMintBatch,
    certificate_from,
    issue,
    issued_unsigned,
    tell_issued,
    units_of,
)
from contracts.keys import balance_key, certificate_key
from contracts.life import (
    ANYONE,
    BURNING,
    Reason,
    Shelf,
    burn_refused,
    life_methods,
    live,
    may_burn_as,
    may_revoke,
    not_frozen,
    not_locked,
    of_held,
)
from contracts.meta import Signed, count, signed_by
from contracts.owning import owner_methods
from contracts.rebinding import rebind_methods
from contracts.requiring import SHOWN, MintRequired, mint_required, no_signatories
from contracts.signatories import MintSigned, ReissueSigned, by_signatories

CONTRACT: Final = ddc721_views.CONTRACT
VIEWS: Final = ddc721_views.VIEWS
NON_TRANSFERABLE: Final = "non-transferable"


class SetUri(Record, frozen=True):
    """`setURI`: the URI of a certificate that has none yet."""

    class_id: ClassId
    token: TokenId
    holder: Address | None
    uri: Uri


class Reissue(Record, frozen=True):
    """`reissue`: the certificate that takes the place of `token`, for the same DID; and why."""

    class_id: ClassId
    token: TokenId
    holder: Address | None
    item: MintItem
    reason: Reason

    @property
    def items(self) -> tuple[MintItem, ...]:
        """The new certificate, as a batch has them."""
        return (self.item,)


class MetaMint(Record, frozen=True):
    """`metaMint`, `metaSafeMint`: one certificate, which its holder has signed for."""

    class_id: ClassId
    item: MintItem
    data: Data
    signed: Signed

    @property
    def items(self) -> tuple[MintItem, ...]:
        """The one certificate, as a batch has them."""
        return (self.item,)


class MetaMintBatch(Record, frozen=True):
    """`metaMintBatch`, `metaSafeMintBatch`: up to 100 certificates of one holder, who has signed for all of them at once."""

    class_id: ClassId
    items: MintItems
    data: Data
    signed: Signed


class MetaBurn(Record, frozen=True):
    """`metaBurn`: which one, a reason code, and its holder's signature."""

    class_id: ClassId
    token: TokenId
    holder: Address | None
    reason: Reason
    signed: Signed


def _find(records: Readable, arguments: Any) -> Certificate:  # noqa: ANN401 - any record that names one
    certificate = require_certificate(records, arguments.class_id, arguments.token)
    if arguments.holder not in (None, certificate.holder):
        raise ContractReverted("holder-differs", certificate.holder)
    return certificate


@refuses("certificate-unknown", "holder-differs")
def known(context: ContractContext, arguments: Any) -> None:  # noqa: ANN401 - any record that names one
    """There is such a certificate, held by whom the call says if it says it."""
    _find(context.records, arguments)


def _put(records: Records, held: Held) -> None:
    records.put(certificate_key(held.class_id, held.token), encode(held))


def _tell_gone(context: ContractContext, held: Held) -> None:
    context.emit("Transfer", held.class_id, held.holder, b"", held.token)


def _move(context: ContractContext, held: Held, to: bytes) -> None:
    _put(context.records, replace(held, holder=to, user=None, user_until=None))


SHELF: Final = Shelf(find=_find, known=known, put=_put, tell_gone=_tell_gone)


def mint(context: ContractContext, arguments: Minting) -> None:
    """Issue the certificates; they are offered if the class asks for acceptance."""
    issue(context, arguments)
    tell_issued(context, arguments)


def safe_mint(context: ContractContext, arguments: SafeMint | SafeMintBatch) -> None:
    """Issue the certificates as offered, whatever the class says."""
    issue(context, arguments, offered=True)
    tell_issued(context, arguments, data=arguments.data)


def meta_mint(context: ContractContext, arguments: MetaMint | MetaMintBatch) -> None:
    """Issue the certificates, which their holder has accepted by signing; its counter goes on."""
    holder = arguments.items[0].holder
    count(context, holder)
    issue(context, arguments, offered=False)
    tell_issued(context, arguments, data=arguments.data)
    context.emit("MetaTransfer", context.sender, b"", holder, arguments.signed.counter)


@refuses("holders-differ")
def one_holder(_context: ContractContext, arguments: MetaMintBatch) -> None:
    """All certificates are for one holder."""
    if len({item.holder for item in arguments.items}) != 1:
        raise ContractReverted("holders-differ")


def _holder_of_items(_context: ContractContext, arguments: MetaMint | MetaMintBatch) -> bytes:
    return arguments.items[0].holder


def _mint_parts(arguments: MetaMint | MetaMintBatch) -> tuple[bytes, ...]:
    return (encode(arguments.class_id), encode(arguments.data), *(encode(item) for item in arguments.items))


def _holder_of_token(context: ContractContext, arguments: MetaBurn) -> bytes:
    return _find(context.records, arguments).holder


def _burn_parts(arguments: MetaBurn) -> tuple[bytes, ...]:
    named = arguments.class_id, arguments.token, arguments.holder, arguments.reason
    return tuple(encode(part) for part in named)


@of_held("burn-not-authorised")
def holder_may_burn(context: ContractContext, _arguments: MetaBurn, held: Held) -> None:
    """Its burn authorisation names the holder."""
    if not may_burn_as(context, held.holder, held):
        raise burn_refused(held)


def meta_burn(context: ContractContext, arguments: MetaBurn) -> None:
    """Record it as burnt, for good; its holder's counter goes on."""
    held = _find(context.records, arguments)
    count(context, held.holder)
    _put(context.records, replace(held, recorded=int(Recorded.BURNT)))
    add_to_count(context.records, balance_key(held.class_id, held.holder), -1)
    _tell_gone(context, held)
    context.emit("Burnt", held.class_id, held.token, held.holder, arguments.reason)
    context.emit("MetaTransfer", context.sender, held.holder, b"", arguments.signed.counter)


@of_held("not-holder")
def may_set_uri(context: ContractContext, _arguments: SetUri, held: Held) -> None:
    """The sender holds it or issued it."""
    assert isinstance(held, Certificate)
    if context.sender not in (held.holder, held.issuer):
        raise ContractReverted("not-holder", held.token)


@of_held("uri-empty", "uri-set")
def uri_unset(_context: ContractContext, arguments: SetUri, held: Held) -> None:
    """There is a URI to set, and none was set before."""
    assert isinstance(held, Certificate)
    if not arguments.uri:
        raise ContractReverted("uri-empty")
    if held.uri:
        raise ContractReverted("uri-set", held.token)


def set_uri(context: ContractContext, arguments: SetUri) -> None:
    """Set the URI, once."""
    held = _find(context.records, arguments)
    _put(context.records, replace(held, uri=arguments.uri))
    context.emit("SetURI", held.class_id, held.token, arguments.uri)


@of_held("holder-of-other-did")
def same_did(context: ContractContext, arguments: Reissue | ReissueSigned, held: Held) -> None:
    """The new certificate is for an account of the old one's DID, or for the old holder."""
    holder = find_account(context.records, arguments.item.holder)
    if arguments.item.holder != held.holder and (
        holder is None or holder.did != held.holder_did or not any(holder.did)
    ):
        raise ContractReverted("holder-of-other-did", arguments.item.holder)


def reissue(context: ContractContext, arguments: Reissue | ReissueSigned) -> None:
    """Revoke the old certificate and issue the new one, each with a link to the other."""
    old, item, sender = _find(context.records, arguments), arguments.item, sender_account(context)
    issued_class = require_class(context.records, old.class_id)
    holder = find_account(context.records, item.holder)
    assert holder is not None
    recorded = Recorded.OFFERED if issued_class.rules.acceptance else Recorded.ACTIVE
    new = certificate_from(context, sender, issued_class, item, holder, recorded, supersedes=old.token)
    _put(context.records, replace(old, recorded=int(Recorded.REVOKED), superseded_by=item.token))
    _put(context.records, new)
    add_to_count(context.records, balance_key(old.class_id, old.holder), -1)
    add_to_count(context.records, balance_key(old.class_id, item.holder), 1)
    add_to_issued(context.records, old.class_id, 1, item.token)
    use_grant(context, old.class_id, 1)
    context.emit("Revoked", old.class_id, old.token, old.holder, arguments.reason)
    tell_issued(context, arguments)
    context.emit("Reissued", old.class_id, old.token, item.token)


@refuses(NON_TRANSFERABLE)
def never(_context: ContractContext, _arguments: Any) -> None:  # noqa: ANN401 - never looked at
    """Certificates never change hands: refused whoever calls, whatever is given."""
    raise ContractReverted(NON_TRANSFERABLE)


def nothing(_context: ContractContext, _arguments: Any) -> None:  # noqa: ANN401 - never looked at
    """Nothing: its check lets nobody through."""


TRANSFERS: Final = (
    "transferFrom",
    "safeTransferFrom",
    "batchTransferFrom",
    "safeBatchTransferFrom",
    "metaTransferFrom",
    "metaSafeTransferFrom",
    "approve",
    "setApprovalForAll",
)
_MINTING: Final = Price(steps=200, steps_each=100, units=units_of)
_OPEN: Final = (running, ANYONE)
_BY_HOLDER: Final = (*signed_by(_holder_of_items, _mint_parts), *_OPEN, *BY_ISSUER)
_BURN_SIGNED: Final = (
    known, *(check.on(SHELF) for check in (live, not_locked, not_frozen)), *signed_by(_holder_of_token, _burn_parts), *_OPEN,
    holder_may_burn.on(SHELF),
)  # fmt: skip
_CROSS_CHAIN: Final = (permitted(Role.CROSS_CHAIN), *BY_ISSUER)


def _issuing(arguments: type[Record], checks: tuple[Check, ...], effect: Any, *more: str) -> Method:  # noqa: ANN401
    events = BATCH_EVENTS if "items" in arguments.__struct_fields__ else SINGLE_EVENTS
    return Method(arguments=arguments, checks=checks, effect=effect, events=(*events, *more), price=_MINTING)


def _signed_issuing(arguments: type[Record], checks: tuple[Check, ...]) -> Method:
    issuing = _issuing(arguments, checks, meta_mint, "MintData", "MetaTransfer")
    return dataclasses.replace(issuing, signed_parts=_mint_parts)


def _reissuing(arguments: type[Record], *signing: Check) -> Method:
    checks = (
        *_OPEN, class_known(721), *signing, granted(units_of), known,
        *(check.on(SHELF) for check in (may_revoke, live, not_frozen, not_locked)), *ISSUABLE, same_did.on(SHELF),
    )  # fmt: skip
    events = ("Revoked", *SINGLE_EVENTS, "Reissued")
    return Method(arguments=arguments, checks=checks, effect=reissue, events=events, price=_MINTING)


METHODS: Final = {
    "mint": _issuing(Mint, (*_OPEN, *BY_ISSUER), mint),
    "mintBatch": _issuing(MintBatch, (*_OPEN, *BY_ISSUER), mint),
    "safeMint": _issuing(SafeMint, (*_OPEN, *BY_ISSUER), safe_mint, "MintData"),
    "safeMintBatch": _issuing(SafeMintBatch, (*_OPEN, *BY_ISSUER), safe_mint, "MintData"),
    "crossSafeMint": _issuing(SafeMint, _CROSS_CHAIN, safe_mint, "MintData"),
    "mintSigned": _issuing(MintSigned, (*_OPEN, class_known(721), *by_signatories(), granted(units_of), *ISSUABLE), mint),
    "mintRequired": dataclasses.replace(
        _issuing(MintRequired, (*_OPEN, class_known(721), no_signatories, granted(units_of), *ISSUABLE, *SHOWN), mint_required),
        events=(*SINGLE_EVENTS, "Relied"),
    ),
    "metaMint": _signed_issuing(MetaMint, _BY_HOLDER),
    "metaSafeMint": _signed_issuing(MetaMint, _BY_HOLDER),
    "metaMintBatch": _signed_issuing(MetaMintBatch, (one_holder, *_BY_HOLDER)),
    "metaSafeMintBatch": _signed_issuing(MetaMintBatch, (one_holder, *_BY_HOLDER)),
    "metaBurn": Method(
        arguments=MetaBurn,
        checks=_BURN_SIGNED,
        effect=meta_burn,
        events=("Transfer", "Burnt", "MetaTransfer"),
        price=BURNING,
        signed_parts=_burn_parts,
    ),
    "setURI": Method(
        arguments=SetUri,
        checks=(
            *_OPEN, known, *(check.on(SHELF) for check in (live, not_frozen, not_locked, may_set_uri, uri_unset)),
        ),
        effect=set_uri,
        events=("SetURI",),
    ),
    "reissue": _reissuing(Reissue, issued_unsigned),
    "reissueSigned": _reissuing(ReissueSigned, *by_signatories()),
    **life_methods(SHELF, "Transfer"),
    **rebind_methods(SHELF, None, _move),
    **owner_methods(),
    **{name: Method(arguments=None, checks=(never,), effect=nothing) for name in TRANSFERS},
}  # fmt: skip
