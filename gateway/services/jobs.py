"""Batch jobs: a file of rows becomes batch transactions, each stored before it is sent.

A job survives the gateway: whatever has no outcome when it starts again is sent again, the same bytes first. A
row's token is fixed from the start, so `token-exists` for a row of ours means that it is minted.
"""

import asyncio
import json
import secrets
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from chain.codec import decode, encode
from chain.universal_id import format_token
from contracts.certificate import certificate_of
from contracts.issuing import BATCH_CERTIFICATES_MAX, MintBatch, MintItem
from contracts.keys import certificate_key
from credentials.content import content_root
from credentials.schema import ClassSchema, FieldFault, content_faults, content_of_row
from gateway.chains import Chain
from gateway.errors import Problem
from gateway.job_store import (
    MINTED,
    REFUSED,
    RUNNING,
    Job,
    JobRow,
    batch_items,
    find_job,
    find_job_by_key,
    finish_job,
    keep_batch_transactions,
    keep_job,
    pending_batches,
    settle_batches,
    unfinished_jobs,
)
from gateway.outcomes import Rejected
from gateway.services.calls import (
    EXPIRED,
    Call,
    is_expired_for_ever,
    known_outcome,
    parse_address,
    read_state,
    refusal_of,
    request_digest,
    sender_of,
    sign,
    submit,
    transaction_id_of,
)
from gateway.services.certificates import draw_salts, draw_token, shown_faults
from gateway.services.classes import schema_of
from gateway.services.gateway import Gateway
from gateway.tables import Row, Table
from gateway.times import parse_time
from gateway.vault import Document, Tenant, keep_documents

WINDOW_BATCHES: Final = 100
"""How many batch transactions of a job are under way at once."""
RETRY_S: Final = 0.5
ROWS_SHOWN_MAX: Final = 100
CHUNK_ROWS: Final = 500
"""Rows prepared in one go, before other requests get their turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOrder:
    """A file to be minted: `holder` is for rows without one of their own."""

    chain_id: str
    class_id: str
    holder: str | None
    table: Table
    skip_bad: bool


@dataclass(frozen=True, slots=True)
class Prepared:
    """A row ready to be minted, or what is wrong with it."""

    line: int
    item: MintItem | None
    document: Document | None
    faults: tuple[FieldFault, ...] = ()


async def start_job(gateway: Gateway, tenant: Tenant, order: BatchOrder, idempotency: str | None) -> Job:
    """Check every row, store the job, and begin; nothing is minted from a file with a bad row unless asked."""
    chain = gateway.chain(order.chain_id)
    sender = sender_of(tenant, chain, "ddc721.mintBatch")
    request = request_digest("batch", order.chain_id, order.class_id, order.holder, order.skip_bad, order.table.digest)
    name = idempotency or f"auto-{secrets.token_hex(16)}"
    stored = await gateway.in_vault(lambda connection: find_job_by_key(connection, tenant.key_id, name))
    if stored is None:
        schema = await schema_of(gateway, chain, order.class_id)
        prepared = await _prepare(chain, sender, schema, order)
        job, rows = _job(tenant, sender, order, prepared)
        documents = [row.document for row in prepared if row.document is not None]
        stored = await gateway.in_vault(lambda connection: _keep(connection, job, name, request, rows, documents))
        if stored is None:
            gateway.jobs.start(job.id, run_job(gateway, job))
            return job
    if stored[0] != request:
        raise Problem("idempotency-conflict")
    return stored[1]


async def resume_jobs(gateway: Gateway) -> None:
    """Go on with every job that a killed gateway left."""
    for job in await gateway.in_vault(unfinished_jobs):
        gateway.jobs.start(job.id, run_job(gateway, job))


async def run_job(gateway: Gateway, job: Job) -> None:
    """Send what has no outcome, some batches at a time, until all have one."""
    chain = gateway.chain(job.chain)
    while True:
        try:
            pending = await gateway.in_vault(lambda connection: pending_batches(connection, job.id))
            if not pending:
                await gateway.in_vault(lambda connection: finish_job(connection, job.id))
                return
            await _send_window(gateway, chain, job, pending[:WINDOW_BATCHES])
        except (Problem, sqlite3.Error):  # no node, no quorum, no room on the disk: the job waits for better times
            await asyncio.sleep(RETRY_S)


async def find(gateway: Gateway, tenant: Tenant, job_id: str) -> Job:
    """The tenant's job of that id."""
    job = await gateway.in_vault(lambda connection: find_job(connection, job_id))
    if job is None or job.key != tenant.key_id:
        raise Problem("job-unknown", job_id[:40])
    return job


async def _prepare(chain: Chain, sender: str, schema: ClassSchema, order: BatchOrder) -> list[Prepared]:
    rows, prepared = order.table.rows, list[Prepared]()
    for start in range(0, len(rows), CHUNK_ROWS):
        prepared += [_prepared(chain, sender, schema, order, row) for row in rows[start : start + CHUNK_ROWS]]
        await asyncio.sleep(0)
    bad = [row for row in prepared if row.faults]
    if (bad and not order.skip_bad) or len(bad) == len(prepared):
        raise Problem("rows-invalid", len(bad), len(prepared), rows=_shown_rows(bad))
    return prepared


def _prepared(chain: Chain, sender: str, schema: ClassSchema, order: BatchOrder, row: Row) -> Prepared:
    content = row.content if order.table.typed else content_of_row(schema, row.content)
    faults = content_faults(schema, content)
    holder = row.reserved("@holder") or order.holder or ""
    try:
        raw_holder = parse_address(chain, holder)
        starts, ends = _time(row, "@valid_from"), _time(row, "@valid_until")
    except Problem as problem:
        faults = (*faults, FieldFault("@", problem.sentence, problem.sentence_zh))
    if faults:
        return Prepared(row.line, None, None, faults)
    token, salts = draw_token(chain, order.class_id), draw_salts(schema)
    item = MintItem(
        token=token,
        holder=raw_holder,
        content_root=content_root(chain.rules.digest, schema, content, salts),
        uri="",
        valid_from=starts,
        valid_until=ends,
    )
    text = format_token(chain.profile.token_id_style, token)
    document = Document(order.chain_id, order.class_id, text, item.content_root, sender, holder, content, salts)
    return Prepared(row.line, item, document)


def _time(row: Row, name: str) -> int | None:
    text = row.reserved(name)
    return None if text is None else parse_time(text)


def _job(tenant: Tenant, sender: str, order: BatchOrder, prepared: Sequence[Prepared]) -> tuple[Job, list[JobRow]]:
    job = Job(
        id=secrets.token_hex(8),
        key=tenant.key_id,
        chain=order.chain_id,
        class_id=order.class_id,
        issuer=sender,
        encoding=order.table.encoding,
        state=RUNNING,
        total=len(prepared),
    )
    rows, placed = [], 0
    for row in prepared:
        if row.item is None or row.document is None:
            problem = json.dumps({"code": "content-invalid", "fields": shown_faults(row.faults)}, ensure_ascii=False)
            rows.append(JobRow(row.line, None, None, None, problem))
            continue
        rows.append(JobRow(row.line, placed // BATCH_CERTIFICATES_MAX, row.document.token, encode(row.item)))
        placed += 1
    return job, rows


def _keep(
    connection: Any,
    job: Job,
    name: str,
    request: bytes,
    rows: list[JobRow],
    documents: list[Document],
) -> tuple[bytes, Job] | None:
    stored = find_job_by_key(connection, job.key, name)
    if stored is None:
        keep_job(connection, job, name, request, rows)
        keep_documents(connection, documents)
    return stored


async def _send_window(gateway: Gateway, chain: Chain, job: Job, window: list[tuple[int, bytes | None]]) -> None:
    gateway.check_room(job.chain)
    unsigned = [batch for batch, raw in window if raw is None]
    signed = {batch: raw for batch, raw in window if raw is not None}
    fresh = await _sign_batches(gateway, chain, job, unsigned)
    await gateway.in_vault(lambda connection: keep_batch_transactions(connection, job.id, fresh))
    signed |= dict(fresh)
    batches = sorted(signed)
    raws = [signed[batch] for batch in batches]
    outcomes = await submit(chain, raws, [transaction_id_of(chain, raw) for raw in raws])
    settled: list[tuple[int, str, str | None]] = []
    for batch, raw, heard in zip(batches, raws, outcomes, strict=True):
        outcome = await known_outcome(gateway, chain, transaction_id_of(chain, raw), heard)
        if not isinstance(outcome, Rejected) and outcome.succeeded:
            settled.append((batch, MINTED, None))
        else:
            settled += await _settled_refusal(gateway, chain, job, batch, raw, refusal_of(chain, outcome))
    await gateway.in_vault(lambda connection: settle_batches(connection, job.id, settled))


async def _sign_batches(gateway: Gateway, chain: Chain, job: Job, batches: Sequence[int]) -> list[tuple[int, bytes]]:
    """(batch, signed transaction) for each, the loop free for others in between."""
    signed = []
    contents = await gateway.in_vault(lambda connection: batch_items(connection, job.id, batches))
    for batch, items in zip(batches, contents, strict=True):
        arguments = MintBatch(class_id=job.class_id, items=tuple(decode(item, MintItem) for item in items))
        call = Call(
            chain=chain, sender=job.issuer, contract="ddc721", method="mintBatch", arguments=arguments, reference={}
        )
        signed.append((batch, await sign(gateway, call)))
        await asyncio.sleep(0)
    return signed


_TRY_AGAIN: Final = frozenset({"queue-full", "pool-full", "no-quorum", "votes-forgotten", "not-final"})


async def _settled_refusal(
    gateway: Gateway, chain: Chain, job: Job, batch: int, raw: bytes, problem: Problem
) -> list[tuple[int, str, str | None]]:
    """The outcome of a batch that was refused; none if it is to be sent again."""
    if problem.code in _TRY_AGAIN:
        await asyncio.sleep(RETRY_S)
        return []
    if problem.code == EXPIRED:
        if await is_expired_for_ever(gateway, chain, raw):
            again = await _sign_batches(gateway, chain, job, [batch])
            await gateway.in_vault(lambda connection: keep_batch_transactions(connection, job.id, again))
        else:
            await asyncio.sleep(RETRY_S)
        return []
    if problem.code == "token-exists" and await _is_minted(gateway, chain, job, batch):
        return [(batch, MINTED, None)]
    shown = {"code": problem.code, "detail": problem.sentence, "detail_zh": problem.sentence_zh}
    return [(batch, REFUSED, json.dumps(shown, ensure_ascii=False))]


async def _is_minted(gateway: Gateway, chain: Chain, job: Job, batch: int) -> bool:
    """Whether the batch's first certificate is the one of this job: batches are minted whole."""
    (items,) = await gateway.in_vault(lambda connection: batch_items(connection, job.id, [batch]))
    first = decode(items[0], MintItem)
    state = await read_state(chain, [certificate_key(job.class_id, first.token)])
    record = state.values[0].value
    return record is not None and certificate_of(record).content_root == first.content_root


def _shown_rows(bad: Sequence[Prepared]) -> list[dict[str, Any]]:
    return [{"line": row.line, "fields": shown_faults(row.faults)} for row in bad[:ROWS_SHOWN_MAX]]
