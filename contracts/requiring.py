"""Certificates that are issued on others: a class names what the holder must have, here or elsewhere (protocol 35.2).

Each is shown inside the issue, no older than the class allows, for the same DID. What was relied on, and of which height
and time, is kept beside the certificate. Where the class says so, what becomes of it later suspends what stands on it.
"""

from collections.abc import Iterator
from typing import Annotated, Final

from msgspec import Meta
from msgspec.structs import replace

from chain.codec import Record, decoder, encode
from chain.did import HomeChain
from chain.ids import ClassId, Natural, TokenId
from contracts.access import NO_DID, find_account
from contracts.certificate import Certificate, Status, find_certificate, is_live, require_certificate, status_at
from contracts.classes import REQUIREMENTS_MAX, Requirement, require_class
from contracts.clients import HEADER_CODES, ChainClient, advanced, keep, require_client
from contracts.interface import Check, ContractContext, ContractReverted, Readable, refuses
from contracts.issuing import MintItem, issue, tell_issued
from contracts.keys import certificate_key, reliance_key
from contracts.mirrors import certificate_claim
from contracts.relaying import Shown, count_relay, require_record


class ShownCertificate(Record, frozen=True):
    """A certificate that is shown: of another chain with its proof, of this chain without."""

    certificate: Certificate
    shown: Shown | None


class MintRequired(Record, frozen=True):
    """`mintRequired`: one certificate, and for each requirement of the class, in order, one that the holder has."""

    class_id: ClassId
    item: MintItem
    held: Annotated[tuple[ShownCertificate, ...], Meta(max_length=REQUIREMENTS_MAX)]

    @property
    def items(self) -> tuple[MintItem, ...]:
        """The one certificate, as a batch has them."""
        return (self.item,)


class FollowRequirement(Record, frozen=True):
    """`followRequirement`: what has become of the certificate at place `index` of those that one was issued on."""

    class_id: ClassId
    token: TokenId
    index: Annotated[int, Meta(ge=0, lt=REQUIREMENTS_MAX)]
    held: ShownCertificate


class Relied(Record, frozen=True):
    """A certificate that another was issued on, as of this height and time (ms); whether it is followed, and still stands."""

    chain_id: HomeChain
    class_id: ClassId
    token: TokenId
    height: Natural
    time: Natural
    follow: bool
    stands: bool


class Reliance(Record, frozen=True):
    """All that a certificate was issued on, in the order of the class's requirements."""

    relied: Annotated[tuple[Relied, ...], Meta(max_length=REQUIREMENTS_MAX)]


Clients = dict[str, ChainClient]


def find_reliance(records: Readable, class_id: str, token: bytes) -> Reliance | None:
    """What the certificate was issued on; None if its class asked for nothing."""
    data = records.get(reliance_key(class_id, token))
    return None if data is None else reliance_of(data)


def follows_others(records: Readable, class_id: str, token: bytes) -> bool:
    """Whether what becomes of another certificate can suspend this one."""
    reliance = find_reliance(records, class_id, token)
    return reliance is not None and any(relied.follow for relied in reliance.relied)


@refuses("signatures-required")
def no_signatories(context: ContractContext, arguments: MintRequired) -> None:
    """The class has no signatories."""
    threshold = require_class(context.records, arguments.class_id).threshold
    if threshold:
        raise ContractReverted("signatures-required", arguments.class_id, threshold)


@refuses("requirements-unshown")
def all_shown(context: ContractContext, arguments: MintRequired) -> None:
    """The class asks for others, and one is shown for each: with a proof if it is of another chain."""
    requires = require_class(context.records, arguments.class_id).requires
    away = [required.chain_id != context.rules.chain_id for required in requires]
    if not requires or away != [held.shown is not None for held in arguments.held]:
        raise ContractReverted("requirements-unshown", arguments.class_id, len(requires))


@refuses("requirement-not-held")
def all_of_holder(context: ContractContext, arguments: MintRequired) -> None:
    """Each is of the class that is asked for and of the holder's DID, and active at the block's time."""
    holder = find_account(context.records, arguments.item.holder)
    assert holder is not None
    for place, (required, held) in enumerate(_pairs(context, arguments)):
        certificate = held.certificate
        fits = certificate.class_id == required.class_id and holder.did == certificate.holder_did != NO_DID
        if not fits or status_at(certificate, context.time) != Status.ACTIVE:
            raise ContractReverted("requirement-not-held", arguments.class_id, place)


@refuses("chain-unknown", "client-frozen")
def sources_trusted(context: ContractContext, arguments: MintRequired) -> None:
    """Every other chain is one of the network, and its client is not frozen."""
    for required, held in _pairs(context, arguments):
        if held.shown is not None:
            require_client(context, required.chain_id)


@refuses("header-too-old")
def headers_fresh(context: ContractContext, arguments: MintRequired) -> None:
    """No header is older than the class allows."""
    for required, held in _pairs(context, arguments):
        if held.shown is not None and context.time - held.shown.sighting.header.time > required.max_age_ms:
            raise ContractReverted("header-too-old", held.shown.sighting.header.time, context.time)


@refuses(*HEADER_CODES)
def headers_certified(context: ContractContext, arguments: MintRequired) -> None:
    """Every header is certified by its chain's replicas and not older than one that is known."""
    _clients(context, arguments)


@refuses("certificate-unknown", "proof-invalid")
def all_stand(context: ContractContext, arguments: MintRequired) -> None:
    """Each stands as it is shown: here in the state, elsewhere under its header."""
    clients: Clients = {}
    for required, held in _pairs(context, arguments):
        if held.shown is not None:
            clients[required.chain_id] = _next(context, clients, required.chain_id, held.shown)
        _require_stands(context, required.chain_id, held, clients.get(required.chain_id))


def mint_required(context: ContractContext, arguments: MintRequired) -> None:
    """Issue the certificate, and keep what it was issued on."""
    clients = _clients(context, arguments)
    for client in clients.values():
        keep(context, client)
    relied = tuple(
        _relied(context, required, held, clients.get(required.chain_id))
        for required, held in _pairs(context, arguments)
    )
    issue(context, arguments)
    context.records.put(reliance_key(arguments.class_id, arguments.item.token), encode(Reliance(relied=relied)))
    tell_issued(context, arguments)
    for one in relied:
        context.emit(
            "Relied", arguments.class_id, arguments.item.token, one.chain_id, one.class_id, one.token, one.height
        )


@refuses("certificate-unknown", "requirement-not-followed")
def followed(context: ContractContext, arguments: FollowRequirement) -> None:
    """The certificate was issued on that one, and follows it."""
    require_certificate(context.records, arguments.class_id, arguments.token)
    relied, shown = _relied_on(context, arguments), arguments.held.certificate
    named = relied is not None and (relied.class_id, relied.token) == (shown.class_id, shown.token)
    if relied is None or not named or not relied.follow:
        raise ContractReverted("requirement-not-followed", arguments.token, arguments.index)


@refuses("chain-unknown", "client-frozen", "requirements-unshown")
def source_trusted(context: ContractContext, arguments: FollowRequirement) -> None:
    """If it is of another chain, that chain's client is not frozen, and there is a proof; else there is none."""
    relied = _relied_on(context, arguments)
    assert relied is not None
    away = relied.chain_id != context.rules.chain_id
    if away:
        require_client(context, relied.chain_id)
    if away != (arguments.held.shown is not None):
        raise ContractReverted("requirements-unshown", arguments.class_id, arguments.index)


@refuses("no-change")
def standing_differs(context: ContractContext, arguments: FollowRequirement) -> None:
    """It did stand and does no longer, or the other way round."""
    relied = _relied_on(context, arguments)
    assert relied is not None
    if relied.stands == still_stands(arguments.held.certificate):
        raise ContractReverted("no-change", arguments.token)


@refuses(*HEADER_CODES)
def header_certified(context: ContractContext, arguments: FollowRequirement) -> None:
    """The header is certified by its chain's replicas and not older than one that is known."""
    _followed_client(context, arguments)


@refuses("certificate-unknown", "proof-invalid")
def stands_as_shown(context: ContractContext, arguments: FollowRequirement) -> None:
    """It stands as it is shown: here in the state, elsewhere under its header."""
    relied = _relied_on(context, arguments)
    assert relied is not None
    _require_stands(context, relied.chain_id, arguments.held, _followed_client(context, arguments))


def follow_requirement(context: ContractContext, arguments: FollowRequirement) -> None:
    """Suspend the certificate, or no longer: it is suspended while one that it follows does not stand."""
    client, reliance = _followed_client(context, arguments), _reliance(context, arguments)
    if client is not None:
        keep(context, client)
    height, time = (context.height, context.time) if client is None else (client.height, client.time)
    stands = still_stands(arguments.held.certificate)
    relied = list(reliance.relied)
    relied[arguments.index] = replace(relied[arguments.index], height=height, time=time, stands=stands)
    suspended = not all(one.stands for one in relied)
    certificate = require_certificate(context.records, arguments.class_id, arguments.token)
    key = certificate_key(arguments.class_id, arguments.token)
    context.records.put(key, encode(replace(certificate, suspended=suspended)))
    context.records.put(reliance_key(arguments.class_id, arguments.token), encode(Reliance(relied=tuple(relied))))
    count_relay(context)
    if suspended:
        context.emit("Suspended", arguments.class_id, arguments.token, certificate.holder, arguments.index, height)
    else:
        context.emit("Unsuspended", arguments.class_id, arguments.token, certificate.holder, arguments.index, height)


def still_stands(certificate: Certificate) -> bool:
    """Whether one that was relied on stands: by what is recorded of it, whatever time does: neither ended nor moved away, frozen or suspended."""
    return is_live(certificate) and not certificate.frozen and not certificate.suspended


def _pairs(context: ContractContext, arguments: MintRequired) -> Iterator[tuple[Requirement, ShownCertificate]]:
    return zip(require_class(context.records, arguments.class_id).requires, arguments.held, strict=True)


def _next(context: ContractContext, clients: Clients, chain_id: str, shown: Shown) -> ChainClient:
    return advanced(context, clients.get(chain_id) or require_client(context, chain_id), shown.sighting)


def _clients(context: ContractContext, arguments: MintRequired) -> Clients:
    """What is believed of the other chains after all that is shown."""
    clients: Clients = {}
    for required, held in _pairs(context, arguments):
        if held.shown is not None:
            clients[required.chain_id] = _next(context, clients, required.chain_id, held.shown)
    return clients


def _relied(
    context: ContractContext, required: Requirement, held: ShownCertificate, client: ChainClient | None
) -> Relied:
    header = held.shown.sighting.header if held.shown is not None and client is not None else None
    return Relied(
        chain_id=required.chain_id,
        class_id=required.class_id,
        token=held.certificate.token,
        height=context.height if header is None else header.height,
        time=context.time if header is None else header.time,
        follow=required.follow,
        stands=True,
    )


def _require_stands(
    context: ContractContext, chain_id: str, held: ShownCertificate, client: ChainClient | None
) -> None:
    if held.shown is None or client is None:
        here = find_certificate(context.records, held.certificate.class_id, held.certificate.token)
        if here != held.certificate:
            raise ContractReverted("certificate-unknown", held.certificate.class_id, held.certificate.token)
    else:
        require_record(context, client, certificate_claim(chain_id, held.certificate, held.shown))


def _reliance(context: ContractContext, arguments: FollowRequirement) -> Reliance:
    reliance = find_reliance(context.records, arguments.class_id, arguments.token)
    assert reliance is not None
    return reliance


def _relied_on(context: ContractContext, arguments: FollowRequirement) -> Relied | None:
    reliance = find_reliance(context.records, arguments.class_id, arguments.token)
    if reliance is None or arguments.index >= len(reliance.relied):
        return None
    return reliance.relied[arguments.index]


def _followed_client(context: ContractContext, arguments: FollowRequirement) -> ChainClient | None:
    shown, relied = arguments.held.shown, _relied_on(context, arguments)
    assert relied is not None
    return None if shown is None else advanced(context, require_client(context, relied.chain_id), shown.sighting)


reliance_of: Final = decoder(Reliance)
SHOWN: Final[tuple[Check, ...]] = (
    all_shown, all_of_holder, sources_trusted, headers_fresh, headers_certified, all_stand,
)  # fmt: skip
"""What must be so of the certificates that are shown at an issue."""
FOLLOWED: Final[tuple[Check, ...]] = (followed, source_trusted, standing_differs, header_certified, stands_as_shown)
