"""What the tests of batch jobs play on: one class on one chain in memory, gateways that are killed and start again."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from msgspec.structs import replace

from chain.codec import decode
from chain.rpc import Answer, Outcomes, Rejection
from chain.transaction import SignedTransaction, Transaction
from contracts.issuing import MintBatch
from gateway.index import add_block
from gateway.job_store import DONE, Job, find_job, list_rows
from gateway.services import calls, jobs
from gateway.services.gateway import Gateway
from gateway.tables import Table, read_csv
from gateway.vault import Tenant
from tests.gateway.memory_chain import heard
from tests.gateway.memory_network import CLASS, MemoryNetwork, close, define

CHAIN = "wuhan"
PATIENCE_S = 10.0


def run(memory: MemoryNetwork, play: Callable[[Gateway, Tenant], Awaitable[Any]]) -> Any:
    """Play on a gateway of the network, which ends as a killed one does: in the midst of its work."""

    async def whole() -> Any:
        gateway = memory.open()
        try:
            tenant = await memory.tenant(gateway)
            if not memory.chains[CHAIN].blocks:
                await define(gateway, tenant)
            return await play(gateway, tenant)
        finally:
            await close(gateway)

    return asyncio.run(whole())


def order(memory: MemoryNetwork, given: list[str] | Table, **changed: Any) -> jobs.BatchOrder:
    """A table, or one column of names, to be minted for alice."""
    table = given if isinstance(given, Table) else read_csv("\n".join(["name", *given]).encode())
    fields = {"chain_id": CHAIN, "class_id": CLASS, "holder": memory.address(CHAIN, "alice"), "skip_bad": False}
    return jobs.BatchOrder(**{"table": table} | fields | changed)


async def until(happened: Callable[[], bool]) -> None:
    """Return when `happened()`."""
    deadline = time.monotonic() + PATIENCE_S
    for _ in iter(happened, True):
        assert time.monotonic() < deadline, "it does not happen"
        await asyncio.sleep(0.005)


async def done(gateway: Gateway, job_id: str) -> Job:
    """The job when it is done."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        job = await gateway.in_vault(lambda db: find_job(db, job_id))
        assert job is not None
        if job.state == DONE:
            return job
        assert time.monotonic() < deadline, "the job is not done"
        await asyncio.sleep(0.005)


async def rows(gateway: Gateway, job_id: str) -> list[dict[str, Any]]:
    return await gateway.in_vault(lambda db: list_rows(db, job_id, 0, 1_000))


def supply(memory: MemoryNetwork) -> int:
    """How many certificates the chain has, by what its blocks hold."""
    count = 0
    for block in memory.chains[CHAIN].blocks:
        for raw, receipt in zip(block.transactions, block.receipts, strict=True):
            transaction = decode(decode(raw, SignedTransaction).body, Transaction)
            if transaction.method == "mintBatch" and receipt.succeeded:
                count += len(decode(transaction.arguments, MintBatch).items)
    return count


def set_lie(memory: MemoryNetwork, lie: Callable[[Answer], Answer | None]) -> None:
    for link in memory.links:
        link.lie = lie


def silent(answer: Answer) -> Answer | None:
    """Committed, but the answer never arrives."""
    return None if isinstance(answer, Outcomes) else answer


def honest(answer: Answer) -> Answer | None:
    return answer


def later(memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    chain = memory.chains[CHAIN]
    chain.pass_window()
    monkeypatch.setattr(calls, "now_ms", lambda: time.time_ns() // 1_000_000 + chain.ahead_ms)


async def follow(gateway: Gateway, memory: MemoryNetwork) -> None:
    chain = memory.chains[CHAIN]
    for block in chain.blocks:
        await gateway.in_index(lambda db, block=block: add_block(db, chain.rules, heard(block)))


def batches_of(memory: MemoryNetwork) -> set[bytes]:
    """The batches that nodes were handed."""
    return {
        raw for raw in memory.raws() if decode(decode(raw, SignedTransaction).body, Transaction).method == "mintBatch"
    }


def refusing(code: str, *values: Any) -> Callable[[Answer], Answer | None]:
    """Nodes that have committed a batch, and say of it that they refuse it."""

    def lie(answer: Answer) -> Answer | None:
        if not isinstance(answer, Outcomes) or not answer.included:
            return answer
        rejected = tuple(Rejection(index=one.index, code=code, values=values) for one in answer.included)
        return replace(answer, rejected=rejected, certified=None, receipt_leaves=(), included=())

    return lie
