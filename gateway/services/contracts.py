"""Every method of every contract, called with a kept key, and every read, with the proof of all that it looked at."""

from dataclasses import dataclass
from typing import Any

from chain.block import BlockHeader
from chain.codec import Record
from chain.light_client import CertifiedHeader
from chain.rpc import ProvenValue
from contracts.interface import Answer
from contracts.registry import METHODS, VIEWS
from gateway.arguments import ArgumentsMalformed, read_arguments, read_view_arguments
from gateway.chains import Chain
from gateway.errors import Problem
from gateway.services.calls import Call, Written, earlier, named_sender, request_digest, write
from gateway.services.deriving import derive
from gateway.services.gateway import Gateway
from gateway.vault import Tenant


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodOrder:
    """A method to be called, its arguments as JSON; `account` signs, or the tenant's first one."""

    chain_id: str
    contract: str
    method: str
    arguments: dict[str, Any]
    account: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenRead:
    """What a read answers, and the records that it follows from, each proven under one header."""

    chain: Chain
    contract: str
    name: str
    arguments: Record
    value: Answer
    header: BlockHeader
    certified: CertifiedHeader | None
    """None at height 0, where the genesis document stands for it."""
    records: dict[bytes, ProvenValue]


async def call_method(gateway: Gateway, tenant: Tenant, order: MethodOrder, idempotency: str | None) -> Written:
    """Call the method with a kept key; final when this returns."""
    chain = gateway.chain(order.chain_id)
    if (order.contract, order.method) not in METHODS:
        raise Problem("method-unknown", order.contract[:40], order.method[:40])
    sender = named_sender(tenant, chain, f"{order.contract}.{order.method}", order.account)
    try:
        arguments = read_arguments(chain.rules, order.contract, order.method, order.arguments)
    except ArgumentsMalformed as malformed:
        raise Problem("parameter-malformed", str(malformed)) from None
    request = request_digest("call", order.chain_id, order.contract, order.method, sender, arguments)
    written = await earlier(gateway, tenant, idempotency, request)
    if written is not None:
        return written
    call = Call(
        chain=chain, sender=sender, contract=order.contract, method=order.method, arguments=arguments, reference={}
    )
    return await write(gateway, tenant, call, idempotency, request)


async def read_contract(
    gateway: Gateway, chain_id: str, contract: str, name: str, given: list[tuple[str, str]]
) -> ProvenRead:
    """What a read answers at the chain's head; why it has no answer, as a problem."""
    chain, view = gateway.chain(chain_id), VIEWS.get((contract, name))
    if view is None:
        raise Problem("read-unknown", contract[:40], name[:40])
    try:
        arguments = read_view_arguments(chain.rules, contract, name, given)
    except ArgumentsMalformed as malformed:
        raise Problem("parameter-malformed", str(malformed)) from None
    derived = await derive(chain, lambda records: view.read(records, arguments))
    return ProvenRead(
        chain=chain,
        contract=contract,
        name=name,
        arguments=arguments,
        value=derived.value,
        header=derived.state.header,
        certified=derived.state.certified,
        records=derived.records,
    )
