"""A certificate moves to another chain: opened and confirmed by its holder, carried by relayers (protocol 34)."""

from dataclasses import dataclass
from typing import Any

from chain.codec import encode
from chain.did import Confirmation, statement_digest
from contracts.certificate import Certificate, certificate_of
from contracts.keys import arrival_key, certificate_key, transfer_key
from contracts.packets import Arrival, arrival_of
from contracts.transfers import (
    Confirm,
    CrossChainTransfer,
    OfTransfer,
    Transfer,
    confirmation_of,
    cross_id_of,
    transfer_of,
)
from gateway.chains import Chain
from gateway.errors import Problem
from gateway.services.calls import (
    Call,
    Written,
    earlier,
    named_sender,
    parse_address,
    read_state,
    request_digest,
    write,
)
from gateway.services.certificates import locate, read
from gateway.services.dids import find_document
from gateway.services.gateway import Gateway, now_ms
from gateway.services.signing import did_pairs, require_pair
from gateway.shown import address_text
from gateway.vault import Tenant

CONTRACT = "crosschain"


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveOrder:
    """A certificate that is to move: to which chain, to which account there, and how long it may take."""

    certificate_id: str
    to_chain: str
    to: str
    deadline_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A move as it stands on both chains, and what its holder's DID signs to confirm it."""

    chain: Chain
    target: Chain
    transfer: Transfer
    confirmation: Confirmation
    digest: bytes
    arrival: Arrival | None
    written: Written | None


async def open_move(gateway: Gateway, tenant: Tenant, order: MoveOrder, idempotency: str | None) -> Moved:
    """Lock the certificate and open its move, signed by its holder's kept account."""
    chain, name, token = locate(gateway, order.certificate_id)
    target = gateway.chain(order.to_chain)
    request = request_digest("move", name, order.to_chain, order.to, order.deadline_ms)
    written = await earlier(gateway, tenant, idempotency, request)
    if written is None:
        holder = address_text(chain.rules.addresses, (await read(gateway, name.path)).certificate.holder)
        arguments = CrossChainTransfer(
            class_id=name.class_id,
            token=token,
            holder=None,
            to_chain=order.to_chain,
            to=parse_address(target, order.to),
            deadline=now_ms() + order.deadline_ms,
        )
        sender = named_sender(tenant, chain, f"{CONTRACT}.crossChainTransfer", holder)
        call = _call(chain, sender, "crossChainTransfer", arguments)
        written = await write(gateway, tenant, call, idempotency, request)
    time = written.final.certified.header.time
    cross_id = cross_id_of(chain.rules, name.class_id, token, order.to_chain, time)
    return await find_move(gateway, chain.rules.chain_id, cross_id, written=written)


async def confirm(
    gateway: Gateway, tenant: Tenant, chain_id: str, cross_id: bytes, signature: bytes | None, idempotency: str | None
) -> Moved:
    """Send the certificate on its way; without `signature` the DID's kept key signs."""
    chain = gateway.chain(chain_id)
    request = request_digest("confirm", chain_id, cross_id, signature)
    written = await earlier(gateway, tenant, idempotency, request)
    if written is None:
        move = await find_move(gateway, chain_id, cross_id)
        sender = named_sender(tenant, chain, f"{CONTRACT}.confirm", None)
        signed = signature or await _signed(gateway, tenant, move)
        arguments = Confirm(cross_id=cross_id, did_sequence=move.confirmation.sequence, signature=signed)
        written = await write(gateway, tenant, _call(chain, sender, "confirm", arguments), idempotency, request)
    return await find_move(gateway, chain_id, cross_id, written=written)


async def cancel(gateway: Gateway, tenant: Tenant, chain_id: str, cross_id: bytes, idempotency: str | None) -> Moved:
    """End a move that is not confirmed, signed by the holder's account if the tenant has it."""
    chain = gateway.chain(chain_id)
    request = request_digest("cancel", chain_id, cross_id)
    written = await earlier(gateway, tenant, idempotency, request)
    if written is None:
        move = await find_move(gateway, chain_id, cross_id)
        holder = address_text(chain.rules.addresses, move.transfer.holder)
        own = holder if holder in tenant.accounts.get(chain_id, ()) else None
        sender = named_sender(tenant, chain, f"{CONTRACT}.cancel", own)
        call = _call(chain, sender, "cancel", OfTransfer(cross_id=cross_id))
        written = await write(gateway, tenant, call, idempotency, request)
    return await find_move(gateway, chain_id, cross_id, written=written)


async def find_move(gateway: Gateway, chain_id: str, cross_id: bytes, *, written: Written | None = None) -> Moved:
    """A move as it stands; the problem `transfer-unknown` if there is none."""
    chain = gateway.chain(chain_id)
    at_least = 0 if written is None else written.height
    value = (await read_state(chain, [transfer_key(cross_id)], at_least=at_least)).values[0].value
    if value is None:
        raise Problem("transfer-unknown", cross_id.hex())
    transfer = transfer_of(value)
    target, certificate = gateway.chain(transfer.to_chain), await _certificate(chain, transfer)
    document = await find_document(chain, certificate.holder_did)
    sequence = 0 if document is None else document.sequence
    confirmation = confirmation_of(chain.rules, transfer, certificate, sequence)
    return Moved(
        chain=chain,
        target=target,
        transfer=transfer,
        confirmation=confirmation,
        digest=statement_digest(chain.rules.network_id, chain_id, confirmation),
        arrival=await _arrival(chain, target, transfer),
        written=written,
    )


async def _certificate(chain: Chain, transfer: Transfer) -> Certificate:
    value = (await read_state(chain, [certificate_key(transfer.class_id, transfer.token)])).values[0].value
    assert value is not None, "what moves has a record for ever"
    return certificate_of(value)


async def _arrival(chain: Chain, target: Chain, transfer: Transfer) -> Arrival | None:
    if transfer.sequence is None:
        return None
    key = arrival_key(chain.rules.chain_id, transfer.sequence)
    value = (await read_state(target, [key])).values[0].value
    return None if value is None else arrival_of(value)


async def _signed(gateway: Gateway, tenant: Tenant, move: Moved) -> bytes:
    did = move.confirmation.did
    document = await find_document(move.chain, did)
    pairs = await did_pairs(gateway, tenant, did)
    key = None if document is None else document.authentication
    return require_pair(pairs.authentication, key, did.hex()).sign(move.digest)


def _call(chain: Chain, sender: str, method: str, arguments: Any) -> Call:
    assert encode(arguments)
    return Call(chain=chain, sender=sender, contract=CONTRACT, method=method, arguments=arguments, reference={})
