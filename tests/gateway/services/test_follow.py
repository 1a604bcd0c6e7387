"""The index follows every chain, through lost links, lying nodes and a full disk."""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.index import forget, head
from gateway.search import events_after
from gateway.services import follow
from gateway.services.certificates import MintOrder, mint
from gateway.services.follow import follow_chain
from gateway.services.gateway import Gateway
from gateway.vault import Tenant
from tests.gateway.memory_chain import heard as heard_block
from tests.gateway.memory_network import CLASS, MemoryNetwork, close, define

CHAIN = "wuhan"
PATIENCE_S = 10.0


def run(memory: MemoryNetwork, play: Callable[[Gateway, Tenant], Awaitable[None]]) -> None:
    """Play while the gateway follows the chain."""

    async def whole() -> None:
        gateway = memory.open()
        following = asyncio.ensure_future(follow_chain(gateway, gateway.chain(CHAIN)))
        try:
            tenant = await memory.tenant(gateway)
            await define(gateway, tenant)
            await play(gateway, tenant)
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            await close(gateway)

    asyncio.run(whole())


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "RETRY_S", 0.01)


async def indexed(gateway: Gateway, height: int) -> None:
    """Return when the index has the block."""
    deadline = time.monotonic() + PATIENCE_S
    while await gateway.in_index(lambda db: head(db, CHAIN)) < height:
        assert time.monotonic() < deadline, "the index does not follow"
        await asyncio.sleep(0.005)


async def mint_some(memory: MemoryNetwork, gateway: Gateway, tenant: Tenant, count: int = 3) -> int:
    order = MintOrder(chain_id=CHAIN, class_id=CLASS, holder=memory.address(CHAIN, "alice"), content={"name": "李雷"})
    for _ in range(count):
        await mint(gateway, tenant, order, None)
    return memory.chains[CHAIN].head.height


def test_blocks_are_indexed_and_told_as_they_come(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        queue = gateway.stream.open()
        await indexed(gateway, await mint_some(memory, gateway, tenant))
        told = [queue.get_nowait() for _ in range(queue.qsize())]
        stored = await gateway.in_index(lambda db: events_after(db, gateway.chains.rules, 0, 100))
        assert told == stored[-len(told) :]
        assert [event.kind for event in stored if event.kind != "block"] == ["class", *["minted", "paid"] * 3]

    run(memory, play)


def test_a_lost_link_is_followed_by_another(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        await indexed(gateway, await mint_some(memory, gateway, tenant))
        memory.links[0].lose()
        await indexed(gateway, await mint_some(memory, gateway, tenant))

    run(memory, play)


def test_a_node_that_lies_is_left_for_another(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        memory.links[0].lie = lambda answer: replace(answer, receipts=()) if hasattr(answer, "receipts") else answer  # type: ignore[type-var]
        await indexed(gateway, await mint_some(memory, gateway, tenant))

    run(memory, play)


def test_when_all_have_lied_all_are_asked_anew(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        lies = 0

        def lie(answer: Any) -> Any:
            nonlocal lies
            if not hasattr(answer, "receipts") or lies >= 8:
                return answer
            lies += 1
            return replace(answer, receipts=())

        for link in memory.links:
            link.lie = lie
        height = await mint_some(memory, gateway, tenant)
        await indexed(gateway, height)
        assert lies == 8

    run(memory, play)


def test_a_full_disk_is_logged_and_tried_again(
    memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    times = 0
    true = follow.add_block

    def full(*given: Any) -> Any:
        nonlocal times
        times += 1
        if times < 3:
            raise sqlite3.OperationalError("database or disk is full")
        return true(*given)

    async def play(gateway: Gateway, tenant: Tenant) -> None:
        monkeypatch.setattr(follow, "add_block", full)
        await indexed(gateway, await mint_some(memory, gateway, tenant))

    with caplog.at_level(logging.ERROR):
        run(memory, play)
    assert "the index of wuhan cannot be written: database or disk is full" in caplog.text


def test_blocks_that_no_node_has_any_more_are_skipped_and_the_index_goes_on(
    memory: MemoryNetwork, caplog: pytest.LogCaptureFixture
) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        height = await mint_some(memory, gateway, tenant)
        for place, link in enumerate(memory.links):
            link.oldest_block = height - 1 + place % 2
        await gateway.in_index(forget)
        memory.links[0].lose()
        await indexed(gateway, await mint_some(memory, gateway, tenant))
        stored = await gateway.in_index(lambda db: events_after(db, gateway.chains.rules, 0, 100))
        assert min(event.data["height"] for event in stored) == height - 1

    with caplog.at_level(logging.WARNING, logger="certnet.gateway"):
        run(memory, play)
    assert "no node has the blocks 1 to" in caplog.text


def test_one_node_alone_cannot_make_a_gap(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        height = await mint_some(memory, gateway, tenant)
        memory.links[1].oldest_block = height
        await gateway.in_index(forget)
        memory.links[0].lose()
        await indexed(gateway, await mint_some(memory, gateway, tenant))
        stored = await gateway.in_index(lambda db: events_after(db, gateway.chains.rules, 0, 100))
        assert min(event.data["height"] for event in stored) == 1

    run(memory, play)


def test_more_blocks_than_are_kept_waiting_are_asked_for_again(
    memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is left out, nothing comes twice, and what waits has its bound."""
    monkeypatch.setattr(follow, "BACKLOG_BYTES_MAX", 3_000)
    most = 0
    hear = follow._Backlog.hear

    def heard(self: Any, block: Any) -> None:
        nonlocal most
        hear(self, block)
        most = max(most, self._bytes)

    monkeypatch.setattr(follow._Backlog, "hear", heard)

    async def play(gateway: Gateway, tenant: Tenant) -> None:
        height = await mint_some(memory, gateway, tenant, 8)
        await gateway.in_index(forget)
        memory.links[0].lose()
        await indexed(gateway, height)
        stored = await gateway.in_index(lambda db: events_after(db, gateway.chains.rules, 0, 100))
        assert [event.data["height"] for event in stored if event.kind == "block"] == list(range(1, height + 1))
        assert [event.kind for event in stored].count("minted") == 8

    run(memory, play)
    largest = max(map(follow._size, map(heard_block, memory.chains[CHAIN].blocks)))
    assert 3_000 < most <= 3_000 + largest


def test_a_busy_chains_blocks_are_written_together(memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "REST_PER_TRANSACTION_S", 0.05)
    writes: list[int] = []
    write = follow._write

    def counted(*given: Any) -> Any:
        writes.append(len(given[3]))
        return write(*given)

    async def play(gateway: Gateway, tenant: Tenant) -> None:
        monkeypatch.setattr(follow, "_write", counted)
        await indexed(gateway, await mint_some(memory, gateway, tenant, 12))
        assert sum(writes) >= 12
        assert len(writes) < 6

    run(memory, play)
