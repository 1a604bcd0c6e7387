"""A certificate comes from another chain: the side where it arrives (protocol 34.3).

A packet that is proven is received, whatever it asks for: what cannot be done is recorded with its reason, which goes
back by proof. So one that cannot be served never keeps up those behind it.
"""

from typing import Final

from msgspec.structs import replace

from chain.codec import encode
from contracts.access import find_account
from contracts.certificate import (
    Certificate,
    Origin,
    Recorded,
    add_to_count,
    add_to_issued,
    find_certificate,
    is_live,
)
from contracts.classes import find_class, is_issuer
from contracts.interface import ContractContext, Readable
from contracts.keys import balance_key, certificate_key
from contracts.packets import Fate, Move, Packet, ReceivePacket, arrive, sent_claim
from contracts.relaying import believe

ARRIVAL_CODES: Final = (
    "packet-expired", "class-unknown", "schema-differs", "requirements-unshown", "route-missing", "holder-unknown", "holder-frozen",
    "holder-of-other-did", "certificate-expired", "token-exists",
)  # fmt: skip
"""Why a certificate may not arrive, in the order in which it is asked."""


def receive(context: ContractContext, arguments: ReceivePacket) -> None:
    """Do what the packet asks for, or record why not; it is never received again."""
    packet = arguments.packet
    believe(context, sent_claim(context, arguments))
    code = ""
    if isinstance(packet.body, Move):
        code = refusal(context, packet, packet.body)
        if not code:
            land(context, packet, packet.body)
    else:
        _share_fate(context, packet.source, packet.body)
    arrive(context, packet, code)


def refusal(context: ContractContext, packet: Packet, move: Move) -> str:
    """Why the certificate may not arrive, one of `ARRIVAL_CODES`; empty if it may."""
    if packet.deadline is not None and context.time >= packet.deadline:
        return "packet-expired"
    held = move.certificate
    return (
        route_refusal(context.records, context.time, held.class_id, held.schema, held.issuer_did)
        or _holder_refusal(context, move)
        or _place_refusal(context, packet.source, held)
    )


def route_refusal(records: Readable, now: int, class_id: str, schema: bytes, issuer_did: bytes) -> str:
    """Why no certificate of this class and issuer may arrive here, one of `ARRIVAL_CODES`; empty if they may."""
    here = find_class(records, class_id)
    if here is None or here.standard != 721:
        return "class-unknown"
    if here.schema != schema:
        return "schema-differs"
    if here.requires:
        return "requirements-unshown"
    definer = find_account(records, here.issuer)
    may_revoke = here.rules.issuer_revokes or is_issuer(records, here.class_id, here.issuer, now)
    if definer is None or not definer.active or definer.did != issuer_did or not may_revoke:
        return "route-missing"
    return ""


def land(context: ContractContext, packet: Packet, move: Move) -> None:
    """Record the certificate for its holder's account here, with everything that holds for it."""
    held, here = move.certificate, find_class(context.records, move.certificate.class_id)
    assert here is not None
    if find_certificate(context.records, held.class_id, held.token) is None:
        add_to_issued(context.records, held.class_id, 1, held.token)
    landed = replace(
        held,
        issuer=here.issuer,
        holder=move.to,
        locked=False,
        user=None,
        user_until=None,
        origin=_origin_here(context, packet.source, held),
    )
    context.records.put(certificate_key(held.class_id, held.token), encode(landed))
    add_to_count(context.records, balance_key(held.class_id, move.to), 1)
    context.emit("Transfer", held.class_id, b"", move.to, held.token)
    context.emit("Locked", held.class_id, held.token)
    context.emit("Issued", held.class_id, here.issuer, move.to, held.token, held.burn_authorisation)
    context.emit("CrossChainArrived", move.cross_id, packet.source, held.class_id, held.token, move.to)


def _holder_refusal(context: ContractContext, move: Move) -> str:
    account = find_account(context.records, move.to)
    if account is None:
        return "holder-unknown"
    if not account.active:
        return "holder-frozen"
    return "" if account.did == move.certificate.holder_did else "holder-of-other-did"


def _place_refusal(context: ContractContext, source: str, held: Certificate) -> str:
    if held.valid_until is not None and context.time >= held.valid_until:
        return "certificate-expired"
    there = find_certificate(context.records, held.class_id, held.token)
    if there is None or _left_here(context, there, source, held):
        return ""
    return "token-exists"


def _left_here(context: ContractContext, there: Certificate, source: str, held: Certificate) -> bool:
    """Whether what stands at its place is itself, as it left: both were issued at one place."""
    return there.recorded == Recorded.MOVED and _origin(held, source) == _origin(there, context.rules.chain_id)


def _share_fate(context: ContractContext, source: str, fate: Fate) -> None:
    """What arrived is revoked, or frozen, as it was while it was on its way; unless its life has ended."""
    held = find_certificate(context.records, fate.certificate.class_id, fate.certificate.token)
    if held is None or not is_live(held) or held.origin != _origin_here(context, source, fate.certificate):
        return
    if fate.revoked:
        add_to_count(context.records, balance_key(held.class_id, held.holder), -1)
        held = replace(held, recorded=int(Recorded.REVOKED))
        context.emit("Revoked", held.class_id, held.token, held.holder, "revoked-on-the-way")
    if fate.frozen and not held.frozen:
        held = replace(held, frozen=True)
        context.emit("EnterBlacklist", held.class_id, held.token, held.holder, "frozen-on-the-way")
    context.records.put(certificate_key(held.class_id, held.token), encode(held))


def _origin_here(context: ContractContext, source: str, held: Certificate) -> Origin | None:
    """Where a certificate that comes from `source` was issued; None if that was here."""
    origin = _origin(held, source)
    return None if origin.chain_id == context.rules.chain_id else origin


def _origin(held: Certificate, chain_id: str) -> Origin:
    """Where a certificate that stands on a chain was issued."""
    return held.origin or Origin(chain_id=chain_id, class_id=held.class_id, token=held.token)
