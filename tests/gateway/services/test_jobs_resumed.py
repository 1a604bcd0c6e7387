"""A job outlives the gateway: whatever has no outcome is sent again, the same bytes first, and no row is minted twice."""

import asyncio
import sqlite3
from typing import Any

import pytest

from chain.rpc import Answer, Outcomes
from gateway.job_store import MINTED, REFUSED, count_rows
from gateway.services import jobs
from gateway.services.gateway import Gateway
from gateway.vault import Tenant
from tests.gateway.job_play import (
    CHAIN,
    batches_of,
    done,
    follow,
    honest,
    later,
    order,
    refusing,
    rows,
    run,
    set_lie,
    silent,
    supply,
    until,
)
from tests.gateway.memory_network import CLASS, MemoryNetwork


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "RETRY_S", 0.01)


def test_a_killed_gateway_goes_on_with_the_same_bytes(memory: MemoryNetwork) -> None:
    async def unanswered(gateway: Gateway, tenant: Tenant) -> str:
        set_lie(memory, silent)
        job = await jobs.start_job(gateway, tenant, order(memory, ["a", "b"]), "key")
        await until(lambda: len(memory.raws()) >= 2)
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
        job = await done(gateway, job_id)
        assert await gateway.in_vault(lambda db: count_rows(db, job)) == {
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
        await until(lambda: len(memory.raws()) >= 2)
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
        await until(lambda: chain.blocks[-1].receipts[0].events[0].name == "Touched")
        assert supply(memory) == 0, "nothing is signed anew before the index has the block that proves the end"
        await follow(gateway, memory)
        await done(gateway, job_id)

    chain = memory.chains[CHAIN]
    job_id = run(memory, unsent)
    later(memory, monkeypatch)
    run(memory, resumed)
    assert supply(memory) == 2


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
        monkeypatch.setattr(jobs, "draw_token", lambda *_: (7).to_bytes(16, "big"))
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


@pytest.mark.parametrize("code", ["queue-full", "pool-full", "no-quorum", "votes-forgotten"])
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
