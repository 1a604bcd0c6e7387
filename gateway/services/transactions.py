"""Key-upload mode: the client signs, the gateway encodes, relays and answers with what is proven."""

import contextlib
from dataclasses import dataclass
from typing import Any, Final

from chain.codec import encode
from chain.merkle import InclusionProof
from chain.transaction import Transaction
from gateway.arguments import ArgumentsMalformed, read_arguments
from gateway.chains import Chain
from gateway.errors import Problem
from gateway.outcomes import Finalised, Outcome, Rejected
from gateway.services.calls import (
    find_final,
    known_outcome,
    parse_address,
    refusal_of,
    submit,
    transaction_id_of,
    transaction_of,
)
from gateway.services.gateway import Gateway

_FULL: Final = frozenset({"pool-full", "queue-full"})


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOrder:
    """A call to be encoded; `nonce` and `valid_until` are drawn if None."""

    chain_id: str
    sender: str
    contract: str
    method: str
    arguments: dict[str, Any]
    nonce: bytes | None
    valid_until: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """The exact bytes to be signed: the body, and its id, which is the message."""

    chain: Chain
    transaction: Transaction
    body: bytes
    transaction_id: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A transaction in its block, with the proof that its receipt stands there."""

    chain: Chain
    final: Finalised
    proof: InclusionProof


def encode_call(gateway: Gateway, order: CallOrder) -> Encoded:
    """The transaction of a call and the bytes to sign."""
    chain = gateway.chain(order.chain_id)
    try:
        arguments = read_arguments(chain.rules, order.contract, order.method, order.arguments)
    except ArgumentsMalformed as malformed:
        raise Problem("parameter-malformed", str(malformed)) from None
    drawn = transaction_of(chain, order.sender, order.contract, order.method, arguments, valid_until=order.valid_until)
    transaction = Transaction(
        chain_id=drawn.chain_id,
        sender=parse_address(chain, order.sender),
        nonce=order.nonce or drawn.nonce,
        valid_until=drawn.valid_until,
        contract=drawn.contract,
        method=drawn.method,
        arguments=drawn.arguments,
    )
    body = encode(transaction)
    return Encoded(chain=chain, transaction=transaction, body=body, transaction_id=chain.rules.transaction_id(body))


async def relay_many(gateway: Gateway, chain_id: str, raws: list[bytes]) -> list[tuple[bytes, Outcome]]:
    """(id, outcome) of each signed transaction; a problem if the nodes had room for none of them."""
    gateway.check_room(chain_id)
    outcomes = await relay(gateway, chain_id, raws)
    if all(isinstance(outcome, Rejected) and outcome.code in _FULL for _, outcome in outcomes):
        raise refusal_of(gateway.chain(chain_id), outcomes[0][1])
    return outcomes


async def relay(gateway: Gateway, chain_id: str, raws: list[bytes]) -> list[tuple[bytes, Outcome]]:
    """(id, outcome) of each signed transaction, in order."""
    chain = gateway.chain(chain_id)
    ids = [transaction_id_of(chain, raw) for raw in raws]
    outcomes = list(zip(ids, await submit(chain, raws, ids), strict=True))
    for place, (id_, outcome) in enumerate(outcomes):
        if isinstance(outcome, Rejected):
            outcomes[place] = id_, await known_outcome(gateway, chain, id_, outcome)
    return outcomes


async def find(gateway: Gateway, chain_id: str, transaction_id: bytes) -> Placed:
    """A transaction that the index knows, proven from its block."""
    chain = gateway.chain(chain_id)
    final = await find_final(gateway, chain, transaction_id)
    if final is None:
        raise Problem("transaction-unknown", transaction_id)
    return Placed(chain=chain, final=final, proof=chain.receipt_proof(final))


async def relay_one(gateway: Gateway, chain_id: str, raw: bytes) -> Placed:
    """One signed transaction, final and proven; a problem if the chain refused to take it."""
    chain = gateway.chain(chain_id)
    gateway.check_room(chain_id)
    ((_, outcome),) = await relay(gateway, chain_id, [raw])
    if isinstance(outcome, Rejected):
        raise refusal_of(chain, outcome)
    return Placed(chain=chain, final=outcome, proof=chain.receipt_proof(outcome))


def relay_soon(gateway: Gateway, chain_id: str, raw: bytes) -> bytes:
    """Send a signed transaction without waiting; its id."""
    transaction_id = transaction_id_of(gateway.chain(chain_id), raw)
    gateway.check_room(chain_id)

    async def send() -> None:
        with contextlib.suppress(Problem):  # whoever wants the outcome asks for the transaction
            await relay(gateway, chain_id, [raw])

    gateway.jobs.start(f"relay-{transaction_id.hex()}", send())
    return transaction_id
