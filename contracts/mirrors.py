"""Mirrors: certificates of other chains as this chain knows them (protocol 35.1).

A mirror says what stood on the other chain under one header of it, and speaks for that height and time. Whoever shows a
newer header refreshes it. One that was not refreshed within its bound says that it is stale, never that it is valid.
"""

from typing import Annotated, Any, Final

from msgspec import Meta
from msgspec.structs import replace

from chain.codec import Record, decoder, encode
from chain.did import HomeChain
from chain.ids import ClassId, Natural, TokenId
from contracts.certificate import Certificate, Recorded, Status, status_at
from contracts.gates import permitted, running
from contracts.interface import ContractContext, ContractReverted, Method, Price, Readable, Role, View, refuses
from contracts.keys import certificate_key, mirror_key
from contracts.owning import owner_methods
from contracts.relaying import Claim, Shown, believe, proven, trusted_source, within_limit

CONTRACT: Final = "mirrors"
BOUND_MS_MAX: Final = 366 * 86_400_000
_FOR_GOOD: Final = (Recorded.REVOKED, Recorded.BURNT)


class Mirror(Record, frozen=True):
    """A certificate of another chain, under its header of this height and time (ms)."""

    chain_id: HomeChain
    certificate: Certificate
    height: Natural
    time: Natural
    bound_ms: Annotated[int, Meta(ge=1_000, le=BOUND_MS_MAX)]
    """How long after `time` it speaks for the certificate."""
    attested_at: Natural


class Attest(Record, frozen=True):
    """`attest`: a certificate of another chain as it stands there, and how old what is known of it may be."""

    chain_id: HomeChain
    certificate: Certificate
    bound_ms: Annotated[int, Meta(ge=1_000, le=BOUND_MS_MAX)]
    shown: Shown


class Refresh(Record, frozen=True):
    """`refresh`: a mirrored certificate as it stands now."""

    chain_id: HomeChain
    certificate: Certificate
    shown: Shown


class OfMirror(Record, frozen=True):
    """A read about a certificate of another chain."""

    chain_id: HomeChain
    class_id: ClassId
    token: TokenId


def find_mirror(records: Readable, chain_id: str, class_id: str, token: bytes) -> Mirror | None:
    """What is known of the other chain's certificate, or None."""
    data = records.get(mirror_key(chain_id, class_id, token))
    return None if data is None else mirror_of(data)


def mirror_status_at(mirror: Mirror, now: int) -> Status:
    """The status at `now` (ms): what ended stays ended; everything else is stale when its bound is over."""
    if mirror.certificate.recorded not in _FOR_GOOD and now - mirror.time > mirror.bound_ms:
        return Status.STALE
    return status_at(mirror.certificate, now)


def certificate_claim(chain_id: str, certificate: Certificate, shown: Shown) -> Claim:
    """On the other chain stands this certificate."""
    key = certificate_key(certificate.class_id, certificate.token)
    return Claim(chain_id, key, encode(certificate), shown)


def _claim(_context: ContractContext, arguments: Attest | Refresh) -> Claim:
    return certificate_claim(arguments.chain_id, arguments.certificate, arguments.shown)


def _chain(arguments: Any) -> str:  # noqa: ANN401 - an Attest or a Refresh
    named: str = arguments.chain_id
    return named


@refuses("mirror-exists")
def not_mirrored(context: ContractContext, arguments: Attest) -> None:
    """This chain has no mirror of it."""
    if _find(context.records, arguments) is not None:
        raise ContractReverted("mirror-exists", arguments.chain_id, arguments.certificate.token)


@refuses("mirror-unknown", "mirror-newer")
def mirrored_before(context: ContractContext, arguments: Refresh) -> None:
    """This chain has a mirror of it, of an earlier height."""
    mirror = _find(context.records, arguments)
    if mirror is None:
        raise ContractReverted("mirror-unknown", arguments.chain_id, arguments.certificate.token)
    if arguments.shown.sighting.header.height <= mirror.height:
        raise ContractReverted("mirror-newer", mirror.height)


def attest(context: ContractContext, arguments: Attest) -> None:
    """Record what stands on the other chain, and for which height and time that speaks."""
    client = believe(context, _claim(context, arguments))
    mirror = Mirror(
        chain_id=arguments.chain_id,
        certificate=arguments.certificate,
        height=client.height,
        time=client.time,
        bound_ms=arguments.bound_ms,
        attested_at=context.time,
    )
    _put(context, mirror)
    held, status = mirror.certificate, status_at(mirror.certificate, mirror.time)
    context.emit("Attested", mirror.chain_id, held.class_id, held.token, mirror.height, status.value)


def refresh(context: ContractContext, arguments: Refresh) -> None:
    """Record what stands there now."""
    client = believe(context, _claim(context, arguments))
    before = _find(context.records, arguments)
    assert before is not None
    mirror = replace(before, certificate=arguments.certificate, height=client.height, time=client.time)
    _put(context, mirror)
    held, status = mirror.certificate, status_at(mirror.certificate, mirror.time)
    context.emit("Refreshed", mirror.chain_id, held.class_id, held.token, mirror.height, status.value)


def _find(records: Readable, arguments: Attest | Refresh) -> Mirror | None:
    return find_mirror(records, arguments.chain_id, arguments.certificate.class_id, arguments.certificate.token)


def _named(mirror: Mirror) -> tuple[str, str, bytes]:
    return mirror.chain_id, mirror.certificate.class_id, mirror.certificate.token


def _put(context: ContractContext, mirror: Mirror) -> None:
    context.records.put(mirror_key(*_named(mirror)), encode(mirror))


def _read(records: Readable, read: OfMirror) -> Mirror | None:
    return find_mirror(records, read.chain_id, read.class_id, read.token)


mirror_of: Final = decoder(Mirror)
_ANYBODY: Final = (running, permitted(Role.OPERATOR, Role.PLATFORM, Role.CONSUMER, Role.RELAYER))
METHODS: Final = {
    "attest": Method(
        arguments=Attest,
        checks=(*_ANYBODY, within_limit, trusted_source(_chain), not_mirrored, *proven(_claim)),
        effect=attest,
        events=("Attested",),
        price=Price(steps=200),
    ),
    "refresh": Method(
        arguments=Refresh,
        checks=(*_ANYBODY, within_limit, trusted_source(_chain), mirrored_before, *proven(_claim)),
        effect=refresh,
        events=("Refreshed",),
    ),
    **owner_methods(),
}
VIEWS: Final = {"mirrorOf": View(OfMirror, _read)}
