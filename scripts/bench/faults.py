"""What faults cost: a primary that is killed under load, a backup that is down, ten times the load there is room for."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any, Final

import httpx
import msgpack

from scripts import processes
from scripts.bench.machine import Limits
from scripts.bench.measure import Result, percentile
from scripts.bench.network import BULK, BenchNetwork, fresh_network, send_bulk, signed_mints

CHAIN: Final = "nanjing"
KILLS: Final = 12
CALLERS: Final = 12
AFTER_A_KILL: Final = 50
"""How many writes must be acknowledged before the killed node comes back."""
PATIENCE_S: Final = 60
WARM_UP: Final = 1_000
MINTS: Final = 10_000
REPETITIONS: Final = 3
OVERLOAD_S: Final = 60
OVERLOAD_FACTOR: Final = 10
OVERLOAD_CALLERS: Final = 64
OVERLOAD_MINTS: Final = 100_000
Told = Callable[[str], None]


@dataclass
class Callers:
    """Single mints without pause, each sent again until it is committed."""

    bench: BenchNetwork
    client: httpx.AsyncClient
    answered: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Id of a committed transaction -> when the call that brought the answer began and ended (perf_counter)."""
    going_on: bool = True

    async def call(self) -> None:
        """One caller, for as long as they go on."""
        while self.going_on:
            (raw,) = signed_mints(self.bench, CHAIN, 1)
            while not await self._is_committed(msgpack.packb([raw])):  # noqa: ASYNC110 - a retry, not a wait
                await asyncio.sleep(0.005)

    async def more(self, count: int) -> None:
        """Wait until so many more are committed."""
        wanted = len(self.answered) + count
        async with asyncio.timeout(PATIENCE_S):
            while len(self.answered) < wanted:  # noqa: ASYNC110 - many callers make it true
                await asyncio.sleep(0.005)

    async def _is_committed(self, body: bytes) -> bool:
        begun = time.perf_counter()
        try:
            answer = await self.client.post(f"/v1/chains/{CHAIN}/transactions:bulk", content=body)
        except httpx.HTTPError:
            return False
        line = json.loads(answer.text.splitlines()[0])
        if line.get("outcome") != "committed":
            return False
        self.answered[line["transaction"]] = (begun, time.perf_counter())
        return True


def failover(_limits: Limits, told: Told) -> list[Result]:
    """From the SIGKILL of the primary to the first commit of a write that was sent after it."""
    with fresh_network() as bench:
        times, committed, lost = asyncio.run(_kill_primaries(bench, told))
    figures: dict[str, float | str] = {
        "p50_s": round(percentile(times, 0.5), 2),
        "max_s": round(max(times), 2),
        "committed": committed,
        "lost": lost,
    }
    setting = (
        f"{KILLS} primaries killed one after the other, {CALLERS} callers with one mint each; the killed come back"
    )
    bar = "median 1 s, slowest 3 s, no acknowledged write lost"
    return [Result(scenario="failover", door="gateway-bulk", figures=figures, setting=setting, bar=bar)]


async def _kill_primaries(bench: BenchNetwork, told: Told) -> tuple[list[float], int, int]:
    """Seconds until the first later write, for each kill; how many writes were acknowledged, and how many are gone."""
    async with _client(bench) as client:
        callers, times = Callers(bench, client), []
        tasks = [asyncio.create_task(callers.call()) for _ in range(CALLERS)]
        await callers.more(200)
        for number in range(KILLS):
            told(f"failover: kill {number + 1} of {KILLS}")
            primary = (await _consensus(client))["primary"]
            killed = time.perf_counter()
            processes.alive(bench.folder)[primary].kill()
            await callers.more(AFTER_A_KILL)
            times.append(min(end for begun, end in callers.answered.values() if begun > killed) - killed)
            processes.reap()
            processes.start(bench.folder, primary)
            await _all_caught_up(client)
        callers.going_on = False
        await asyncio.gather(*tasks)
        told("failover: looking for every acknowledged write")
        return times, len(callers.answered), await _count_lost(client, list(callers.answered))


async def _count_lost(client: httpx.AsyncClient, ids: list[str]) -> int:
    turns = asyncio.Semaphore(CALLERS)

    async def is_lost(transaction: str) -> bool:
        async with turns:
            answer = await client.get(f"/v1/chains/{CHAIN}/transactions/{transaction}")
        return answer.status_code != httpx.codes.OK

    return sum(await asyncio.gather(*map(is_lost, ids)))


def backup_down(_limits: Limits, told: Told) -> list[Result]:
    """The single scenario with four nodes, then without a backup."""
    with fresh_network() as bench:
        asyncio.run(send_bulk(bench, CHAIN, signed_mints(bench, CHAIN, WARM_UP)))
        four = _rate(bench, told, "four nodes")
        backup = asyncio.run(_a_backup(bench))
        processes.stop(bench.folder, backup)
        three = _rate(bench, told, "one backup down")
    figures: dict[str, float | str] = {
        "four_per_s": round(four),
        "three_per_s": round(three),
        "share": round(three / four, 2),
    }
    setting = (
        f"{MINTS} mints as in the scenario single, median of {REPETITIONS}; then the same after a backup has ended"
    )
    return [
        Result(scenario="backup-down", door="gateway-bulk", figures=figures, setting=setting, bar="0.9 of four nodes")
    ]


def _rate(bench: BenchNetwork, told: Told, name: str) -> float:
    rates = []
    for repetition in range(REPETITIONS):
        told(f"backup-down: {name}, run {repetition + 1} of {REPETITIONS}")
        transactions = signed_mints(bench, CHAIN, MINTS)
        started = time.perf_counter()
        committed = asyncio.run(send_bulk(bench, CHAIN, transactions))
        rates.append(committed / (time.perf_counter() - started))
    return sorted(rates)[REPETITIONS // 2]


async def _a_backup(bench: BenchNetwork) -> str:
    async with _client(bench) as client:
        status = await _consensus(client)
    backups = (replica["name"] for replica in status["replicas"] if replica["name"] != status["primary"])
    return str(list(backups)[-1])


def overload(_limits: Limits, told: Told) -> list[Result]:
    """Far more than there is room for: blocks are full, requests are refused, and the primary stays."""
    with fresh_network() as bench:
        told("overload: signing")
        transactions = signed_mints(bench, CHAIN, OVERLOAD_MINTS)
        told(f"overload: {OVERLOAD_S} s")
        before, after, offered, committed = asyncio.run(_overload(bench, transactions))
    figures: dict[str, float | str] = {
        "view_before": before,
        "view_after": after,
        "offered_per_s": round(offered / OVERLOAD_S),
        "committed_per_s": round(committed / OVERLOAD_S),
        "factor": round(offered / max(committed, 1), 1),
    }
    setting = f"{OVERLOAD_CALLERS} callers with {BULK} mints each for {OVERLOAD_S} s; what is refused is offered again at once"
    return [
        Result(
            scenario="overload",
            door="gateway-bulk",
            figures=figures,
            setting=setting,
            bar=f"{OVERLOAD_FACTOR} times as much offered as committed, the view does not change",
        )
    ]


async def _overload(bench: BenchNetwork, transactions: list[bytes]) -> tuple[int, int, int, int]:
    """The view before and after, and how many transactions were offered and committed."""
    bodies = cycle([msgpack.packb(transactions[i : i + BULK]) for i in range(0, len(transactions), BULK)])
    offered = 0
    async with _client(bench) as client:

        async def call(deadline: float) -> None:
            nonlocal offered
            while time.perf_counter() < deadline:
                offered += BULK
                await client.post(f"/v1/chains/{CHAIN}/transactions:bulk", content=next(bodies))

        before = await _consensus(client)
        deadline = time.perf_counter() + OVERLOAD_S
        await asyncio.gather(*(call(deadline) for _ in range(OVERLOAD_CALLERS)))
        after = await _consensus(client)
        committed = await _committed_between(client, before["height"], after["height"])
    return before["view"], after["view"], offered, committed


async def _committed_between(client: httpx.AsyncClient, first: int, last: int) -> int:
    """Transactions in the blocks above `first` up to `last`."""
    count = 0
    for height in range(first + 1, last + 1):
        block = (await client.get(f"/v1/chains/{CHAIN}/blocks/{height}")).json()
        count += len(block["transactions"])
    return count


@asynccontextmanager
async def _client(bench: BenchNetwork) -> AsyncIterator[httpx.AsyncClient]:
    headers = bench.headers | {"Content-Type": "application/msgpack"}
    limits = httpx.Limits(max_connections=OVERLOAD_CALLERS + CALLERS)
    async with httpx.AsyncClient(
        base_url=bench.network["url"], headers=headers, timeout=PATIENCE_S, limits=limits
    ) as client:
        yield client


async def _consensus(client: httpx.AsyncClient) -> dict[str, Any]:
    status: dict[str, Any] = (await client.get(f"/v1/chains/{CHAIN}/consensus")).json()
    return status


async def _all_caught_up(client: httpx.AsyncClient) -> None:
    """Wait until every replica is connected and signs: one more may fail."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            status = await _consensus(client)
            if all(replica["connected"] and replica["signs"] for replica in status.get("replicas", [])):
                return
            await asyncio.sleep(0.1)
