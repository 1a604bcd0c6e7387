"""A job outlives the gateway: whatever has no outcome is sent again, the same bytes first, and no row is minted twice."""

import asyncio
import json
import sqlite3
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from msgspec.structs import replace

from chain.codec import decode
from chain.rpc import Answer, Outcomes, Rejection
from chain.transaction import SignedTransaction, Transaction
from contracts.certificate import MintBatch
from gateway.errors import Problem
from gateway.index import add_block
from gateway.job_store import DONE, MINTED, REFUSED, RUNNING, SKIPPED, Job, count_rows, find_job, list_rows
from gateway.services import calls, jobs
from gateway.services.gateway import Gateway
from gateway.tables import read_csv, read_json_lines
from gateway.vault import Tenant
from tests.gateway.memory_network import CLASS, MemoryNetwork, close, define

CHAIN = "wuhan"
PATIENCE_S = 10.0


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "RETRY_S", 0.01)


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


def order(memory: MemoryNetwork, names: list[str], **changed: Any) -> jobs.BatchOrder:
    table = read_csv("\n".join(["name", *names]).encode())
    fields = {"chain_id": CHAIN, "class_id": CLASS, "holder": memory.address(CHAIN, "alice"), "skip_bad": False}
    return jobs.BatchOrder(**{"table": table} | fields | changed)


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
        await gateway.in_index(lambda db, block=block: add_block(db, chain.rules, block))


def test_every_row_is_minted_in_batches_of_at_most_a_hundred(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        job = await jobs.start_job(gateway, tenant, order(memory, [f"row {n}" for n in range(250)]), None)
        assert (job.state, job.total) == (RUNNING, 250)
        await done(gateway, job.id)
        found = await rows(gateway, job.id)
        assert [row["line"] for row in found] == list(range(2, 252))
        assert {row["outcome"] for row in found} == {MINTED}
        assert len({row["token"] for row in found}) == 250

    run(memory, play)
    assert supply(memory) == 250
    assert len(memory.raws()) == 1 + 3


def test_a_killed_gateway_goes_on_with_the_same_bytes(memory: MemoryNetwork) -> None:
    async def unanswered(gateway: Gateway, tenant: Tenant) -> str:
        set_lie(memory, silent)
        job = await jobs.start_job(gateway, tenant, order(memory, ["a", "b"]), "key")
        deadline = time.monotonic() + PATIENCE_S
        while len(memory.raws()) < 2:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.005)
        return job.id

    async def resumed(gateway: Gateway, tenant: Tenant) -> None:
        set_lie(memory, honest)
        await jobs.resume_jobs(gateway)
        await done(gateway, job_id)
        again = await jobs.start_job(gateway, tenant, order(memory, ["a", "b"]), "key")
        assert again.id == job_id

    job_id = run(memory, unanswered)
    run(memory, resumed)
    assert supply(memory) == 2
    assert len(set(memory.raws())) == 2, "the class, and one batch however often it was sent"


def test_a_gateway_killed_before_anything_was_sent_mints_every_row_once(memory: MemoryNetwork) -> None:
    async def unsent(gateway: Gateway, tenant: Tenant) -> str:
        await jobs.schema_of(gateway, gateway.chain(CHAIN), CLASS)
        for link in memory.links:
            link.connected = False
        job = await jobs.start_job(gateway, tenant, order(memory, ["a", "b"]), None)
        await asyncio.sleep(0.05)
        return job.id

    async def resumed(gateway: Gateway, _tenant: Tenant) -> None:
        for link in memory.links:
            link.connected = True
        await jobs.resume_jobs(gateway)
        await done(gateway, job_id)
        assert await gateway.in_vault(lambda db: count_rows(db, job_id)) == {
            "pending": 0,
            "minted": 2,
            "refused": 0,
            "skipped": 0,
        }

    job_id = run(memory, unsent)
    run(memory, resumed)
    assert supply(memory) == 2


def test_a_batch_minted_long_ago_is_found_in_its_block(memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    async def unanswered(gateway: Gateway, tenant: Tenant) -> str:
        set_lie(memory, silent)
        job = await jobs.start_job(gateway, tenant, order(memory, ["a", "b"]), None)
        while len(memory.raws()) < 2:
            await asyncio.sleep(0.005)
        await follow(gateway, memory)
        return job.id

    async def resumed(gateway: Gateway, _tenant: Tenant) -> None:
        set_lie(memory, honest)
        await jobs.resume_jobs(gateway)
        await done(gateway, job_id)
        assert {row["outcome"] for row in await rows(gateway, job_id)} == {MINTED}

    job_id = run(memory, unanswered)
    later(memory, monkeypatch)
    run(memory, resumed)
    assert supply(memory) == 2


def test_a_batch_that_expired_unsent_is_signed_anew(memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    async def unsent(gateway: Gateway, tenant: Tenant) -> str:
        await jobs.schema_of(gateway, gateway.chain(CHAIN), CLASS)
        for link in memory.links:
            link.connected = False
        job = await jobs.start_job(gateway, tenant, order(memory, ["a", "b"]), None)
        await asyncio.sleep(0.05)
        return job.id

    async def resumed(gateway: Gateway, _tenant: Tenant) -> None:
        for link in memory.links:
            link.connected = True
        await jobs.resume_jobs(gateway)
        while not any(receipt.events[0].name == "Touched" for block in chain.blocks for receipt in block.receipts):
            await asyncio.sleep(0.005)
        assert supply(memory) == 0, "nothing is signed anew before the index has the block that proves the end"
        await follow(gateway, memory)
        await done(gateway, job_id)

    chain = memory.chains[CHAIN]
    job_id = run(memory, unsent)
    later(memory, monkeypatch)
    run(memory, resumed)
    assert supply(memory) == 2


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


def test_a_token_that_exists_with_our_content_is_minted(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        set_lie(memory, refusing("token-exists", CLASS, bytes(16)))
        job = await jobs.start_job(gateway, tenant, order(memory, ["a", "b"]), None)
        await done(gateway, job.id)
        assert {row["outcome"] for row in await rows(gateway, job.id)} == {MINTED}

    run(memory, play)
    assert supply(memory) == 2


def test_a_token_that_exists_with_another_content_is_refused(
    memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        monkeypatch.setattr(jobs, "draw_token", lambda _: (7).to_bytes(16, "big"))
        first = await jobs.start_job(gateway, tenant, order(memory, ["a"]), None)
        await done(gateway, first.id)
        second = await jobs.start_job(gateway, tenant, order(memory, ["b"]), None)
        await done(gateway, second.id)
        (row,) = await rows(gateway, second.id)
        assert row["outcome"] == REFUSED
        assert row["problem"]["code"] == "token-exists"
        assert row["problem"]["detail"]
        assert row["problem"]["detail_zh"]

    run(memory, play)
    assert supply(memory) == 1


@pytest.mark.parametrize("code", ["queue-full", "pool-full", "no-quorum", "primary-unreachable"])
def test_what_ends_by_itself_is_waited_for(memory: MemoryNetwork, code: str) -> None:
    asked = 0

    def lie(answer: Answer) -> Answer | None:
        nonlocal asked
        asked += isinstance(answer, Outcomes)
        return refusing(code, CHAIN)(answer) if asked < 3 else answer

    async def play(gateway: Gateway, tenant: Tenant) -> None:
        set_lie(memory, lie)
        job = await jobs.start_job(gateway, tenant, order(memory, ["a"]), None)
        await done(gateway, job.id)
        assert {row["outcome"] for row in await rows(gateway, job.id)} == {MINTED}

    run(memory, play)
    assert len(batches_of(memory)) == 1


def test_a_full_disk_holds_a_job_up_and_does_not_end_it(memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    times = 0
    true = jobs.settle_batches

    def full(*given: Any) -> None:
        nonlocal times
        times += 1
        if times < 3:
            raise sqlite3.OperationalError("database or disk is full")
        true(*given)

    async def play(gateway: Gateway, tenant: Tenant) -> None:
        monkeypatch.setattr(jobs, "settle_batches", full)
        job = await jobs.start_job(gateway, tenant, order(memory, ["a"]), None)
        await done(gateway, job.id)

    run(memory, play)
    assert times == 3
    assert supply(memory) == 1


def test_a_file_with_a_bad_row_mints_nothing_and_names_line_and_field(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        with pytest.raises(Problem) as refused:
            await jobs.start_job(gateway, tenant, order(memory, ["good", "x" * 41, "also good"]), None)
        assert refused.value.code == "rows-invalid"
        assert refused.value.values == (1, 3)
        ((line, fields),) = [(row["line"], row["fields"]) for row in refused.value.extra["rows"]]  # type: ignore[attr-defined]
        assert (line, fields[0]["field"]) == (3, "name")

    run(memory, play)
    assert supply(memory) == 0


def test_bad_rows_are_left_out_if_asked_unless_all_are_bad(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        mixed = order(memory, ["good", "x" * 41, "also good"], skip_bad=True)
        job = await jobs.start_job(gateway, tenant, mixed, None)
        await done(gateway, job.id)
        found = await rows(gateway, job.id)
        assert [row["outcome"] for row in found] == [MINTED, SKIPPED, MINTED]
        assert found[1]["problem"]["fields"][0]["field"] == "name"
        with pytest.raises(Problem) as refused:
            await jobs.start_job(gateway, tenant, order(memory, ["x" * 41], skip_bad=True), None)
        assert refused.value.code == "rows-invalid"

    run(memory, play)
    assert supply(memory) == 2


def test_a_row_says_its_own_holder_and_times(memory: MemoryNetwork) -> None:
    bob = memory.address(CHAIN, "rival")
    lines = [
        {"name": "a", "score": 3, "@holder": bob, "@valid_from": "2030-01-01", "@valid_until": "2031-01-01"},
        {"name": "b"},
    ]
    table = read_json_lines("\n".join(map(json.dumps, lines)).encode())

    async def play(gateway: Gateway, tenant: Tenant) -> None:
        job = await jobs.start_job(gateway, tenant, order(memory, [], table=table), None)
        await done(gateway, job.id)

    run(memory, play)
    (raw,) = batches_of(memory)
    first, second = decode(decode(decode(raw, SignedTransaction).body, Transaction).arguments, MintBatch).items
    rules = memory.chains[CHAIN].rules
    assert rules.addresses.format(first.holder) == bob
    assert (first.valid_from, first.valid_until) == (1_893_456_000_000, 1_924_992_000_000)
    assert rules.addresses.format(second.holder) == memory.address(CHAIN, "alice")
    assert (second.valid_from, second.valid_until) == (None, None)


@pytest.mark.parametrize(
    "row", [{"name": "a", "@holder": "nobody"}, {"name": "a", "@valid_until": "tomorrow"}, {"name": 7}, {"nome": "a"}]
)
def test_what_is_wrong_with_a_row_is_said_of_that_row(memory: MemoryNetwork, row: dict[str, Any]) -> None:
    table = read_json_lines(json.dumps(row).encode())

    async def play(gateway: Gateway, tenant: Tenant) -> None:
        with pytest.raises(Problem) as refused:
            await jobs.start_job(gateway, tenant, order(memory, [], table=table), None)
        (shown,) = refused.value.extra["rows"]  # type: ignore[misc]
        assert shown["line"] == 1
        assert all(fault["problem"] and fault["problem_zh"] for fault in shown["fields"])

    run(memory, play)


def test_the_same_key_and_another_file_conflict(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        first = await jobs.start_job(gateway, tenant, order(memory, ["a"]), "key")
        with pytest.raises(Problem) as refused:
            await jobs.start_job(gateway, tenant, order(memory, ["b"]), "key")
        assert refused.value.code == "idempotency-conflict"
        both = await asyncio.gather(*(jobs.start_job(gateway, tenant, order(memory, ["c"]), "other") for _ in range(4)))
        assert len({job.id for job in both}) == 1
        for job in (first, both[0]):
            await done(gateway, job.id)

    run(memory, play)
    assert supply(memory) == 2


def test_a_job_is_its_tenants_alone(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        job = await jobs.start_job(gateway, tenant, order(memory, ["a"]), None)
        assert (await jobs.find(gateway, tenant, job.id)).id == job.id
        for stranger, id_ in ((await memory.tenant(gateway, "rival"), job.id), (tenant, "none")):
            with pytest.raises(Problem) as refused:
                await jobs.find(gateway, stranger, id_)
            assert refused.value.code == "job-unknown"
        await done(gateway, job.id)

    run(memory, play)


def test_a_mint_by_somebody_whom_the_class_has_not_granted_is_refused_row_by_row(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, _tenant: Tenant) -> None:
        rival = await memory.tenant(gateway, "rival")
        job = await jobs.start_job(gateway, rival, order(memory, ["a", "b"]), None)
        await done(gateway, job.id)
        found = await rows(gateway, job.id)
        assert {row["outcome"] for row in found} == {REFUSED}
        assert {row["problem"]["code"] for row in found} == {"not-granted"}

    run(memory, play)
    assert supply(memory) == 0
