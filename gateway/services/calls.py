"""One write: signed with a kept key, stored before it is sent, answered when it is final."""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Any, Final

from chain.codec import CodecMalformed, Record, decode, encode
from chain.errors import AddressMalformed
from chain.transaction import TRANSACTION_WINDOW_MS, SignedTransaction, Transaction, call_arguments
from chain.universal_id import format_token
from gateway.chains import Chain, Finalised, NotServed, Outcome, Rejected
from gateway.errors import Problem
from gateway.services.gateway import Gateway, now_ms, problem_of
from gateway.vault import Document, Submission, Tenant, find_submission, keep_documents, keep_submission

VALIDITY_MS: Final = TRANSACTION_WINDOW_MS - 30_000
"""Thirty seconds short of the window, for clocks that differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What is to be called, by which of the tenant's accounts. `reference` is kept for the answer."""

    chain: Chain
    sender: str
    contract: str
    method: str
    arguments: Record
    reference: dict[str, Any]
    documents: tuple[Document, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A final call: its outcome, its transaction's id, and the reference stored with it the first time."""

    chain: Chain
    transaction_id: bytes
    final: Finalised
    reference: dict[str, Any]


def sender_of(tenant: Tenant, chain: Chain, method: str) -> str:
    """The tenant's first account on the chain, if its key may call the method at all."""
    accounts = tenant.accounts.get(chain.rules.chain_id, ())
    if not accounts or not tenant.may(method):
        raise Problem("key-not-allowed", chain.rules.chain_id)
    return accounts[0]


def request_digest(*parts: object) -> bytes:
    """What tells one request from another under the same Idempotency-Key."""
    return hashlib.sha256(repr(parts).encode("utf-8")).digest()


async def sign(gateway: Gateway, call: Call) -> bytes:
    """The signed transaction of a call, valid from now."""
    pair = await gateway.key_pair(call.chain.rules.chain_id, call.sender)
    body = encode(transaction_of(call.chain, call.sender, call.contract, call.method, call.arguments))
    return encode(SignedTransaction(body=body, signature=pair.sign(call.chain.rules.transaction_id(body))))


def transaction_of(
    chain: Chain, sender: str, contract: str, method: str, arguments: Record, *, valid_until: int | None = None
) -> Transaction:
    """A new transaction with a nonce of its own."""
    return Transaction(
        chain_id=chain.rules.chain_id,
        sender=parse_address(chain, sender),
        nonce=secrets.token_bytes(16),
        valid_until=now_ms() + VALIDITY_MS if valid_until is None else valid_until,
        contract=contract,
        method=method,
        arguments=call_arguments(arguments),
    )


def parse_address(chain: Chain, text: str) -> bytes:
    """The raw address; a problem if the chain does not write addresses so."""
    try:
        return chain.rules.addresses.parse(text)
    except AddressMalformed as malformed:
        raise Problem("address-malformed", str(malformed)) from None


async def earlier(gateway: Gateway, tenant: Tenant, idempotency: str | None, request: bytes) -> Written | None:
    """The outcome of the request already made under this Idempotency-Key; the same bytes are sent again."""
    if idempotency is None:
        return None
    stored = await gateway.in_vault(lambda db: find_submission(db, tenant.key_id, idempotency))
    if stored is None:
        return None
    digest, submission = stored
    if digest != request:
        raise Problem("idempotency-conflict")
    chain = gateway.chain(submission.chain)
    return await send(chain, submission.raw, submission.reference)


async def write(gateway: Gateway, tenant: Tenant, call: Call, idempotency: str | None, request: bytes) -> Written:
    """Sign, store, send, wait until final; a refusal of the chain is a problem."""
    raw = await sign(gateway, call)
    submission = Submission(call.chain.rules.chain_id, raw, call.reference)
    name = idempotency or f"auto-{secrets.token_hex(16)}"

    def store(db: Any) -> tuple[bytes, Submission] | None:  # noqa: ANN401 - a connection
        stored = find_submission(db, tenant.key_id, name)
        if stored is None:
            keep_submission(db, tenant.key_id, name, request, submission)
            keep_documents(db, call.documents)
        return stored

    stored = await gateway.in_vault(store)
    if stored is not None:  # the same key twice at once: the first one counts
        if stored[0] != request:
            raise Problem("idempotency-conflict")
        submission = stored[1]
    return await send(call.chain, submission.raw, submission.reference)


async def send(chain: Chain, raw: bytes, reference: dict[str, Any]) -> Written:
    """Send stored bytes and wait; sending them again has the same outcome."""
    transaction_id = transaction_id_of(chain, raw)
    outcome = (await submit(chain, [raw], [transaction_id]))[0]
    if isinstance(outcome, Rejected):
        raise problem_of(outcome.code, shown_values(chain, outcome.values))
    if not outcome.receipt.succeeded:
        values = shown_values(chain, outcome.receipt.values)
        raise problem_of(outcome.receipt.code, values)
    return Written(chain=chain, transaction_id=transaction_id, final=outcome, reference=reference)


async def submit(chain: Chain, raws: list[bytes], ids: list[bytes]) -> list[Outcome]:
    """Outcomes of signed transactions, or the problem why there are none."""
    try:
        return await chain.submit(raws, ids)
    except NotServed as refused:
        raise problem_of(refused.code, refused.values) from None


def transaction_id_of(chain: Chain, raw: bytes) -> bytes:
    """The id of a signed transaction's bytes."""
    try:
        return chain.transaction_id(decode(raw, SignedTransaction))
    except CodecMalformed as malformed:
        raise Problem("transaction-malformed", malformed.reason) from None


def shown_values(chain: Chain, values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Values of a refusal as people of this chain read them: addresses and token ids in its own form."""
    return tuple(_shown(chain, value) for value in values)


def _shown(chain: Chain, value: Any) -> Any:  # noqa: ANN401
    if not isinstance(value, bytes):
        return value
    try:
        if len(value) != 16:
            return chain.rules.addresses.format(value)
    except AddressMalformed:
        return value.hex()
    return format_token(chain.profile.token_id_style, value)

