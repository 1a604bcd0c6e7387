"""Editions of ddc1155: what all holdings of one id share (protocol 30.1)."""

from typing import Any

from msgspec.structs import replace

from chain.codec import Record, encode
from chain.ids import ClassId, Digest, Natural, TokenId
from contracts.access import sender_account
from contracts.certificate import Edition, Uri, find_edition
from contracts.classes import class_known, granted, require_class
from contracts.gates import permitted, running, sender_is
from contracts.interface import ContractContext, ContractReverted, Method, Role, refuses
from contracts.keys import edition_key
from contracts.life import ANYONE, Reason


class CreateEdition(Record, frozen=True):
    """`createEdition`: what all holdings of the edition will share."""

    class_id: ClassId
    token: TokenId
    content_root: Digest
    uri: Uri
    valid_from: Natural | None
    valid_until: Natural | None
    supersedes: TokenId | None


class OfEdition(Record, frozen=True):
    """`freezeEdition`, `unfreezeEdition`, `withdrawEdition`: which one, and a reason code."""

    class_id: ClassId
    token: TokenId
    reason: Reason


class SetEditionUri(Record, frozen=True):
    """`setURI`: the URI of an edition that has none yet."""

    class_id: ClassId
    token: TokenId
    uri: Uri


@refuses("edition-exists")
def edition_new(context: ContractContext, arguments: CreateEdition) -> None:
    """There is no edition of this id."""
    if find_edition(context.records, arguments.class_id, arguments.token) is not None:
        raise ContractReverted("edition-exists", arguments.class_id, arguments.token)


@refuses("edition-unknown", "not-granted", "edition-superseded")
def successor_fits(context: ContractContext, arguments: CreateEdition) -> None:
    """The edition that it takes the place of, if it names one, is the sender's to withdraw, and has no successor yet."""
    if arguments.supersedes is None:
        return
    old = require_edition(context, arguments.class_id, arguments.supersedes)
    _require_own(context, old)
    if old.superseded_by is not None:
        raise ContractReverted("edition-superseded", arguments.class_id, old.token, old.superseded_by)


@refuses("validity-inverted", "validity-required", "validity-too-long")
def edition_validity_fits(context: ContractContext, arguments: CreateEdition) -> None:
    """It ends after it begins, and within the class's limit if it has one."""
    most = require_class(context.records, arguments.class_id).rules.validity_ms_max
    starts = context.time if arguments.valid_from is None else arguments.valid_from
    if arguments.valid_until is None:
        if most is not None:
            raise ContractReverted("validity-required", arguments.class_id, most)
    elif arguments.valid_until <= starts:
        raise ContractReverted("validity-inverted", starts, arguments.valid_until)
    elif most is not None and arguments.valid_until - starts > most:
        raise ContractReverted("validity-too-long", arguments.valid_until - starts, most)


def create_edition(context: ContractContext, arguments: CreateEdition) -> None:
    """Record the edition, which nobody holds yet; the one that it takes the place of names it."""
    edition_class = require_class(context.records, arguments.class_id)
    edition = Edition(
        token=arguments.token,
        class_id=arguments.class_id,
        schema=edition_class.schema,
        issuer=context.sender,
        issuer_did=sender_account(context).did,
        content_root=arguments.content_root,
        uri=arguments.uri,
        issued_at=context.time,
        valid_from=context.time if arguments.valid_from is None else arguments.valid_from,
        valid_until=arguments.valid_until,
        frozen=False,
        withdrawn=False,
        burn_authorisation=edition_class.rules.burn_authorisation,
        supersedes=arguments.supersedes,
        superseded_by=None,
        holdings=0,
    )
    put_edition(context, edition)
    if arguments.supersedes is not None:
        old = require_edition(context, arguments.class_id, arguments.supersedes)
        put_edition(context, replace(old, superseded_by=arguments.token))
    context.emit("EditionCreated", arguments.class_id, arguments.token, context.sender)
    context.emit("Locked", arguments.class_id, arguments.token)


def _tokens(arguments: Any) -> tuple[bytes, ...]:  # noqa: ANN401 - any record with editions
    tokens = getattr(arguments, "tokens", None)
    return (arguments.token,) if tokens is None else tuple(tokens)


@refuses("edition-unknown")
def edition_known(context: ContractContext, arguments: Any) -> None:  # noqa: ANN401 - any record with an edition
    """There is such an edition."""
    for token in _tokens(arguments):
        require_edition(context, arguments.class_id, token)


@refuses("edition-withdrawn")
def not_withdrawn(context: ContractContext, arguments: Any) -> None:  # noqa: ANN401 - any record with an edition
    """It is not withdrawn."""
    for token in _tokens(arguments):
        if require_edition(context, arguments.class_id, token).withdrawn:
            raise ContractReverted("edition-withdrawn", arguments.class_id, token)


@refuses("edition-frozen")
def edition_not_frozen(context: ContractContext, arguments: Any) -> None:  # noqa: ANN401 - any record with an edition
    """It is not frozen."""
    for token in _tokens(arguments):
        if require_edition(context, arguments.class_id, token).frozen:
            raise ContractReverted("edition-frozen", arguments.class_id, token)


@refuses("edition-not-frozen")
def edition_frozen(context: ContractContext, arguments: OfEdition) -> None:
    """It is frozen."""
    if not require_edition(context, arguments.class_id, arguments.token).frozen:
        raise ContractReverted("edition-not-frozen", arguments.class_id, arguments.token)


@refuses("not-granted")
def may_withdraw(context: ContractContext, arguments: Any) -> None:  # noqa: ANN401 - any record with an edition
    """The sender issued the edition, or defined its class."""
    _require_own(context, require_edition(context, arguments.class_id, arguments.token))


def _require_own(context: ContractContext, edition: Edition) -> None:
    if context.sender not in (edition.issuer, require_class(context.records, edition.class_id).issuer):
        raise ContractReverted("not-granted", edition.class_id)


@refuses("uri-empty", "uri-set")
def edition_uri_unset(context: ContractContext, arguments: SetEditionUri) -> None:
    """There is a URI to set, and none was set before."""
    if not arguments.uri:
        raise ContractReverted("uri-empty")
    if require_edition(context, arguments.class_id, arguments.token).uri:
        raise ContractReverted("uri-set", arguments.token)


def freeze_edition(context: ContractContext, arguments: OfEdition) -> None:
    """Suspend every holding of the edition."""
    edition = require_edition(context, arguments.class_id, arguments.token)
    put_edition(context, replace(edition, frozen=True))
    context.emit("EditionFrozen", edition.class_id, edition.token, arguments.reason)


def unfreeze_edition(context: ContractContext, arguments: OfEdition) -> None:
    """Lift the suspension."""
    edition = require_edition(context, arguments.class_id, arguments.token)
    put_edition(context, replace(edition, frozen=False))
    context.emit("EditionUnfrozen", edition.class_id, edition.token, arguments.reason)


def withdraw_edition(context: ContractContext, arguments: OfEdition) -> None:
    """Revoke every holding of the edition, for good; the records stay."""
    edition = require_edition(context, arguments.class_id, arguments.token)
    put_edition(context, replace(edition, withdrawn=True))
    context.emit("EditionWithdrawn", edition.class_id, edition.token, arguments.reason)


def set_uri(context: ContractContext, arguments: SetEditionUri) -> None:
    """Set the URI, once."""
    edition = require_edition(context, arguments.class_id, arguments.token)
    put_edition(context, replace(edition, uri=arguments.uri))
    context.emit("SetURI", edition.class_id, edition.token, arguments.uri)


def require_edition(context: ContractContext, class_id: str, token: bytes) -> Edition:
    """The edition, or the refusal `edition-unknown`."""
    edition = find_edition(context.records, class_id, token)
    if edition is None:
        raise ContractReverted("edition-unknown", class_id, token)
    return edition


def put_edition(context: ContractContext, edition: Edition) -> None:
    """Record the edition."""
    context.records.put(edition_key(edition.class_id, edition.token), encode(edition))


def edition_methods() -> dict[str, Method]:
    """The methods that are about a whole edition."""
    of_class = (running, ANYONE, class_known(1155))
    operator = (running, permitted(Role.OPERATOR), sender_is(Role.OPERATOR), edition_known, not_withdrawn)
    return {
        "createEdition": Method(
            arguments=CreateEdition,
            checks=(*of_class, granted(lambda _: 0), edition_new, successor_fits, edition_validity_fits),
            effect=create_edition,
            events=("EditionCreated", "Locked"),
        ),
        "setURI": Method(
            arguments=SetEditionUri,
            checks=(*of_class, edition_known, not_withdrawn, edition_not_frozen, may_withdraw, edition_uri_unset),
            effect=set_uri,
            events=("SetURI",),
        ),
        "freezeEdition": Method(
            arguments=OfEdition,
            checks=(*operator, edition_not_frozen),
            effect=freeze_edition,
            events=("EditionFrozen",),
        ),
        "unfreezeEdition": Method(
            arguments=OfEdition,
            checks=(*operator, edition_frozen),
            effect=unfreeze_edition,
            events=("EditionUnfrozen",),
        ),
        "withdrawEdition": Method(
            arguments=OfEdition,
            checks=(*of_class, edition_known, may_withdraw, not_withdrawn),
            effect=withdraw_edition,
            events=("EditionWithdrawn",),
        ),
    }  # fmt: skip
