"""A file of rows becomes batches; what is wrong with it is said by line and field, and nothing of it is minted."""

import asyncio
import json
from typing import Any

import pytest

from chain.codec import decode
from chain.transaction import SignedTransaction, Transaction
from contracts.issuing import MintBatch
from gateway.errors import Problem
from gateway.job_store import MINTED, REFUSED, RUNNING, SKIPPED
from gateway.services import jobs
from gateway.services.gateway import Gateway
from gateway.tables import read_json_lines
from gateway.vault import Tenant
from tests.gateway.job_play import (
    CHAIN,
    batches_of,
    done,
    order,
    rows,
    run,
    supply,
)
from tests.gateway.memory_network import MemoryNetwork


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
        job = await jobs.start_job(gateway, tenant, order(memory, table), None)
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
            await jobs.start_job(gateway, tenant, order(memory, table), None)
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
