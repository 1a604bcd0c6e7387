"""One write: signed with a kept key, stored before it is sent, answered when it is final."""

import hashlib
import secrets
import sqlite3
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from chain.addresses import AddressCodec
from chain.codec import CodecMalformed, Record, decode, encode
from chain.errors import AddressMalformed
from chain.transaction import TRANSACTION_WINDOW_MS, SignedTransaction, Transaction
from contracts.system import Touch
from gateway.chains import Chain
from gateway.clients.answers import outline_of
from gateway.errors import Problem
from gateway.index import find_transaction, head
from gateway.outcomes import Finalised, NotServed, Outcome, Rejected
from gateway.reading import ProvenState
from gateway.services.gateway import Gateway, now_ms, problem_of
from gateway.shown import show_refusal
from gateway.submitter import FINAL_TIMEOUT_S
from gateway.vault import Document, Submission, Tenant, find_submission, keep_documents, keep_submission

VALIDITY_MS: Final = TRANSACTION_WINDOW_MS - 30_000
"""Thirty seconds short of the window, for clocks that differ."""
EXPIRED: Final = "transaction-expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What is to be called, by which account. `reference` is kept for the answer, `documents` in the vault."""

    chain: Chain
    sender: str
    contract: str
    method: str
    arguments: Record | None
    reference: dict[str, Any]
    documents: tuple[Document, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A final call: its outcome, its transaction's id, and the reference stored with it the first time."""

    chain: Chain
    transaction_id: bytes
    final: Finalised
    reference: dict[str, Any]

    @property
    def height(self) -> int:
        """The height of the block that holds the transaction."""
        return self.final.certified.header.height


def sender_of(tenant: Tenant, chain: Chain, contract_method: str | None = None) -> str:
    """The tenant's first account on the chain, if its key may call `contract.method` at all."""
    accounts = tenant.accounts.get(chain.rules.chain_id, ())
    if not accounts or (contract_method is not None and not tenant.may(contract_method)):
        raise Problem("key-not-allowed", chain.rules.chain_id)
    return accounts[0]


def named_sender(tenant: Tenant, chain: Chain, contract_method: str, account: str | None) -> str:
    """The account that is to sign, if the tenant's key has it and may call the method; by default the first it has."""
    first = sender_of(tenant, chain, contract_method)
    if account is not None and account not in tenant.accounts[chain.rules.chain_id]:
        raise Problem("key-not-allowed", chain.rules.chain_id)
    return account or first


def request_digest(*parts: object) -> bytes:
    """What tells one request from another under the same Idempotency-Key."""
    return hashlib.sha256(repr(parts).encode("utf-8")).digest()


async def sign(gateway: Gateway, call: Call) -> bytes:
    """The signed transaction of a call, valid from now."""
    pair = await gateway.key_pair(call.chain.rules.chain_id, call.sender)
    body = encode(transaction_of(call.chain, call.sender, call.contract, call.method, call.arguments))
    return encode(SignedTransaction(body=body, signature=pair.sign(call.chain.rules.transaction_id(body))))


def transaction_of(
    chain: Chain, sender: str, contract: str, method: str, arguments: Record | None, *, valid_until: int | None = None
) -> Transaction:
    """A new transaction with a nonce of its own; without `arguments`, for a method that refuses whatever it is given."""
    return Transaction(
        chain_id=chain.rules.chain_id,
        sender=parse_address(chain, sender),
        nonce=secrets.token_bytes(16),
        valid_until=now_ms() + VALIDITY_MS if valid_until is None else valid_until,
        contract=contract,
        method=method,
        arguments=encode(() if arguments is None else arguments),
    )


def parse_address(chain: Chain, text: str) -> bytes:
    """The raw address; a problem if the chain does not write addresses so."""
    try:
        return _parsed(chain.rules.addresses, text)
    except AddressMalformed as malformed:
        raise Problem("address-malformed", str(malformed)) from None


_parsed = lru_cache(maxsize=8192)(AddressCodec.parse)
"""Remembered: a file of rows names the same few holders again and again."""


async def write(gateway: Gateway, tenant: Tenant, call: Call, idempotency: str | None, request: bytes) -> Written:
    """Sign, store, send, wait until final; a refusal of the chain is a problem.

    What is stored under an Idempotency-Key is sent again as it is, and its first reference answers.
    """
    gateway.check_room(call.chain.rules.chain_id)
    name = idempotency or f"auto-{secrets.token_hex(16)}"
    submission = Submission(call.chain.rules.chain_id, await sign(gateway, call), call.reference)

    def store(connection: sqlite3.Connection) -> tuple[bytes, Submission] | None:
        stored = find_submission(connection, tenant.key_id, name)
        if stored is None:
            keep_submission(connection, tenant.key_id, name, request, submission)
            keep_documents(connection, call.documents)
        return stored

    stored = await gateway.in_vault(store)
    if stored is None:
        return await _send(gateway, call.chain, submission)
    return await _send_again(gateway, tenant, name, request, stored)


async def earlier(gateway: Gateway, tenant: Tenant, idempotency: str | None, request: bytes) -> Written | None:
    """The outcome of the request already made under this Idempotency-Key; the same bytes are sent again."""
    if idempotency is None:
        return None
    stored = await gateway.in_vault(lambda connection: find_submission(connection, tenant.key_id, idempotency))
    return None if stored is None else await _send_again(gateway, tenant, idempotency, request, stored)


async def submit(chain: Chain, raws: list[bytes], ids: list[bytes]) -> list[Outcome]:
    """Outcomes of signed transactions, or the problem why there are none."""
    try:
        return await chain.submit(raws, ids)
    except NotServed as refused:
        raise problem_of(refused.code, refused.values) from None


async def read_state(chain: Chain, keys: list[bytes], *, height: int | None = None, at_least: int = 0) -> ProvenState:
    """Proven values, or the problem why there are none."""
    try:
        return await chain.read(keys, height=height, at_least=at_least)
    except NotServed as refused:
        raise problem_of(refused.code, refused.values) from None


async def touch(gateway: Gateway, chain: Chain) -> None:
    """Give a resting chain a block with a fresh time; nothing if it has one already."""
    chain_id = chain.rules.chain_id
    call = Call(
        chain=chain,
        sender=gateway.own_accounts[chain_id],
        contract="system",
        method="touch",
        arguments=Touch(),
        reference={},
    )
    raw = await sign(gateway, call)
    outcome = (await submit(chain, [raw], [transaction_id_of(chain, raw)]))[0]
    code = outcome.code
    if code not in ("", "touched-recently"):
        raise refusal_of(chain, outcome)


async def find_final(gateway: Gateway, chain: Chain, transaction_id: bytes) -> Finalised | None:
    """The transaction in its certified block, if the index knows it; nodes forget an id with the window."""
    chain_id = chain.rules.chain_id
    place = await gateway.in_index(lambda connection: find_transaction(connection, chain_id, transaction_id))
    if place is None:
        return None
    height, index = place
    try:
        block = await chain.read_block(height)
    except NotServed as refused:
        raise problem_of(refused.code, refused.values) from None
    assert block.certified is not None
    receipt = bytes(block.receipt_bytes[index])
    return Finalised(
        certified=block.certified,
        place=index,
        code=outline_of(receipt).code,
        receipt_bytes=receipt,
        receipt_leaves=chain.receipt_leaves(block),
    )


async def known_outcome(gateway: Gateway, chain: Chain, transaction_id: bytes, heard: Outcome) -> Outcome:
    """What was heard; of a transaction that its nodes call expired, the block that holds it if there is one."""
    if isinstance(heard, Rejected) and heard.code == EXPIRED:
        return await find_final(gateway, chain, transaction_id) or heard
    return heard


async def is_expired_for_ever(gateway: Gateway, chain: Chain, raw: bytes) -> bool:
    """Whether a certified header is past the transaction's end and no block up to it holds the transaction."""
    transaction_id = transaction_id_of(chain, raw)
    valid_until = decode(decode(raw, SignedTransaction).body, Transaction).valid_until
    state = await read_state(chain, [])
    if state.header.time <= valid_until:
        await touch(gateway, chain)
        state = await read_state(chain, [])
    chain_id = chain.rules.chain_id
    indexed, found = await gateway.in_index(
        lambda connection: (head(connection, chain_id), find_transaction(connection, chain_id, transaction_id))
    )
    return state.header.time > valid_until and indexed >= state.header.height and found is None


def transaction_id_of(chain: Chain, raw: bytes) -> bytes:
    """The id of a signed transaction's bytes."""
    try:
        return chain.transaction_id(decode(raw, SignedTransaction))
    except CodecMalformed as malformed:
        raise Problem("transaction-malformed", malformed.reason) from None


def refusal_of(chain: Chain, outcome: Outcome) -> Problem:
    """The problem that a rejected or failed transaction is, its values as people of this chain read them."""
    refused = outcome if isinstance(outcome, Rejected) else outcome.receipt
    return problem_of(refused.code, tuple(show_refusal(chain.rules, refused.code, refused.values)))


async def _send_again(
    gateway: Gateway, tenant: Tenant, name: str, request: bytes, stored: tuple[bytes, Submission]
) -> Written:
    digest, submission = stored
    if digest != request:
        raise Problem("idempotency-conflict")
    chain = gateway.chain(submission.chain)
    try:
        return await _send(gateway, chain, submission)
    except Problem as problem:
        if problem.code != EXPIRED:
            raise
    if not await is_expired_for_ever(gateway, chain, submission.raw):
        raise Problem("not-final", submission.chain, int(FINAL_TIMEOUT_S))
    renewed = Submission(submission.chain, await _sign_again(gateway, chain, submission.raw), submission.reference)
    await gateway.in_vault(lambda connection: keep_submission(connection, tenant.key_id, name, request, renewed))
    return await _send(gateway, chain, renewed)


async def _sign_again(gateway: Gateway, chain: Chain, raw: bytes) -> bytes:
    """The same call with a new nonce and end of validity."""
    expired = decode(decode(raw, SignedTransaction).body, Transaction)
    sender = chain.rules.addresses.format(expired.sender)
    pair = await gateway.key_pair(chain.rules.chain_id, sender)
    body = encode(
        Transaction(
            chain_id=expired.chain_id,
            sender=expired.sender,
            nonce=secrets.token_bytes(16),
            valid_until=now_ms() + VALIDITY_MS,
            contract=expired.contract,
            method=expired.method,
            arguments=expired.arguments,
        )
    )
    return encode(SignedTransaction(body=body, signature=pair.sign(chain.rules.transaction_id(body))))


async def _send(gateway: Gateway, chain: Chain, submission: Submission) -> Written:
    """Send stored bytes and wait; sending them again has the same outcome."""
    transaction_id = transaction_id_of(chain, submission.raw)
    heard = (await submit(chain, [submission.raw], [transaction_id]))[0]
    outcome = await known_outcome(gateway, chain, transaction_id, heard)
    if isinstance(outcome, Rejected) or not outcome.succeeded:
        raise refusal_of(chain, outcome)
    return Written(chain=chain, transaction_id=transaction_id, final=outcome, reference=submission.reference)
