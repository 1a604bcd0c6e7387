"""What stands on one chain is brought to another: mirrors, and certificates that are issued on others (protocol 33, 35)."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from chain.codec import decode
from chain.universal_id import CertificateName
from contracts.certificate import Certificate, certificate_of
from contracts.classes import CertificateClass, Requirement
from contracts.clients import client_of
from contracts.keys import certificate_key, class_key, client_key, mirror_key
from contracts.mirrors import CONTRACT, Attest, Mirror, Refresh, mirror_of
from contracts.requiring import MintRequired, ShownCertificate
from gateway.chains import Chain
from gateway.errors import Problem
from gateway.services.calls import Call, Written, earlier, read_state, request_digest, sender_of, touch, write
from gateway.services.certificates import Changed, MintOrder, changed_by, draw_item, locate, read
from gateway.services.classes import schema_of
from gateway.services.gateway import Gateway, now_ms
from gateway.services.showing import Standing, show
from gateway.vault import Document, Tenant

RESERVE_MS: Final = 5_000
"""A header that is so near its greatest age is renewed before it is shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestOrder:
    """A certificate to be mirrored, where, and how old what is known of it may be there."""

    certificate_id: str
    chain_id: str
    bound_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirrored:
    """A certificate of one chain as another knows it; `written` if that was written just now."""

    chain: Chain
    name: CertificateName
    mirror: Mirror
    height: int
    """Of the mirroring chain's head under which it was read."""
    written: Written | None


async def attest(gateway: Gateway, tenant: Tenant, order: AttestOrder, idempotency: str | None) -> Mirrored:
    """Mirror a certificate, or show anew what stands there; final when this returns."""
    source, name, token = locate(gateway, order.certificate_id)
    target = _other(gateway, source, order.chain_id)
    request, started = request_digest("attest", name, order.chain_id, order.bound_ms), now_ms()
    written = await earlier(gateway, tenant, idempotency, request)
    if written is None:
        known = (await read_state(target, [mirror_key(source.rules.chain_id, name.class_id, token)])).values[0].value
        method = "attest" if known is None else "refresh"
        sender = sender_of(tenant, target, f"{CONTRACT}.{method}")
        certificate, standing = await _shown(source, target, name, token)
        arguments: Attest | Refresh = Refresh(
            chain_id=source.rules.chain_id, certificate=certificate, shown=standing.shown
        )
        if known is None:
            arguments = Attest(
                chain_id=source.rules.chain_id,
                certificate=certificate,
                bound_ms=order.bound_ms,
                shown=standing.shown,
            )
        call = Call(chain=target, sender=sender, contract=CONTRACT, method=method, arguments=arguments, reference={})
        written = await write(gateway, tenant, call, idempotency, request)
        gateway.usual.add(("attest", source.rules.chain_id, target.rules.chain_id), now_ms() - started)
    return await _mirror(source, target, name, token, written)


async def find_mirror(gateway: Gateway, certificate_id: str, chain_id: str) -> Mirrored:
    """What a chain knows of another's certificate; the problem `mirror-unknown` if nothing."""
    source, name, token = locate(gateway, certificate_id)
    return await _mirror(source, _other(gateway, source, chain_id), name, token, None)


async def find_mirrors(gateway: Gateway, certificate_id: str) -> list[Mirrored]:
    """What each chain that has a mirror of the certificate knows of it."""
    source, name, token = locate(gateway, certificate_id)
    others = [chain for chain in gateway.chains if chain is not source]
    found = await asyncio.gather(*(_mirror_at(source, other, name, token) for other in others))
    return [mirrored for mirrored in found if mirrored is not None]


async def mint_on_others(
    gateway: Gateway, tenant: Tenant, order: MintOrder, requires: Sequence[str], idempotency: str | None
) -> Changed:
    """Issue a certificate of a class that asks for others, naming one of the holder's for each."""
    chain = gateway.chain(order.chain_id)
    sender = sender_of(tenant, chain, "ddc721.mintRequired")
    request, started = request_digest("mint-on-others", order, *requires), now_ms()
    written, documents = await earlier(gateway, tenant, idempotency, request), tuple[Document, ...]()
    if written is None:
        schema = await schema_of(gateway, chain, order.class_id)
        item, document = draw_item(chain, sender, schema, order)
        held = await _held(gateway, chain, order.class_id, requires)
        call = Call(
            chain=chain,
            sender=sender,
            contract="ddc721",
            method="mintRequired",
            arguments=MintRequired(class_id=order.class_id, item=item, held=held),
            reference={"class": order.class_id, "token": document.token},
            documents=(document,),
        )
        written, documents = await write(gateway, tenant, call, idempotency, request), call.documents
        for one in held:
            if one.shown is not None:
                kind = ("require", one.shown.sighting.header.chain_id, order.chain_id)
                gateway.usual.add(kind, now_ms() - started)
    return await changed_by(gateway, written, *documents)


async def _held(gateway: Gateway, chain: Chain, class_id: str, ids: Sequence[str]) -> tuple[ShownCertificate, ...]:
    """For each requirement of the class the certificate that is named for it, as it is to be shown."""
    record = (await read_state(chain, [class_key(class_id)])).values[0].value
    if record is None:
        raise Problem("class-unknown", class_id)
    requires = decode(record, CertificateClass).requires
    named = {(place[1].chain_id, place[1].class_id): place for place in (locate(gateway, one) for one in ids)}
    if len(ids) != len(requires) or set(named) != {(one.chain_id, one.class_id) for one in requires}:
        raise Problem("requirements-unshown", class_id, len(requires))
    return tuple([await _held_one(gateway, chain, one, *named[one.chain_id, one.class_id]) for one in requires])


async def _held_one(
    gateway: Gateway, chain: Chain, required: Requirement, source: Chain, name: CertificateName, token: bytes
) -> ShownCertificate:
    if source is chain:
        return ShownCertificate(certificate=(await read(gateway, name.path)).certificate, shown=None)
    age_ms = now_ms() - (await read_state(source, [])).header.time
    if age_ms > required.max_age_ms - RESERVE_MS:
        await touch(gateway, source)
    certificate, standing = await _shown(source, chain, name, token)
    return ShownCertificate(certificate=certificate, shown=standing.shown)


async def _shown(source: Chain, target: Chain, name: CertificateName, token: bytes) -> tuple[Certificate, Standing]:
    """A certificate, and how to show it to the target."""
    source_id = source.rules.chain_id
    client = (await read_state(target, [client_key(source_id)])).values[0].value
    since = 0 if client is None else client_of(client).height
    (standing,) = await show(source, [certificate_key(name.class_id, token)], since)
    if standing.value is None:
        raise Problem("certificate-unknown", name.class_id, name.token)
    return certificate_of(standing.value), standing


async def _mirror(
    source: Chain, target: Chain, name: CertificateName, token: bytes, written: Written | None
) -> Mirrored:
    mirrored = await _mirror_at(source, target, name, token, written)
    if mirrored is None:
        raise Problem("mirror-unknown", source.rules.chain_id, name.token)
    return mirrored


async def _mirror_at(
    source: Chain, target: Chain, name: CertificateName, token: bytes, written: Written | None = None
) -> Mirrored | None:
    key = mirror_key(source.rules.chain_id, name.class_id, token)
    state = await read_state(target, [key], at_least=0 if written is None else written.height)
    value = state.values[0].value
    if value is None:
        return None
    return Mirrored(chain=target, name=name, mirror=mirror_of(value), height=state.header.height, written=written)


def _other(gateway: Gateway, source: Chain, chain_id: str) -> Chain:
    target = gateway.chain(chain_id)
    if target is source:
        raise Problem("parameter-malformed", "'chain' is another chain than the certificate's")
    return target
