"""What faults cost: a primary that is killed under load, a backup that is down."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import httpx
import msgpack

from scripts import processes
from scripts.bench.measure import Figure, Result, in_ms, percentile
from scripts.bench.network import BenchNetwork, fresh_network
from scripts.bench.plan import Plan
from scripts.bench.runs import repeated
from scripts.bench.transactions import signed_mints
from scripts.bench.writing import CHAIN, singles_load

CALLERS: Final = 12
AFTER_A_KILL: Final = 50
"""How many writes must be acknowledged before the killed node comes back."""
PATIENCE_S: Final = 60


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


def failover(plan: Plan) -> list[Result]:
    """From the SIGKILL of the primary to the first commit of a write that was sent after it."""
    with fresh_network() as bench:
        times, committed, lost = asyncio.run(_kill_primaries(bench, plan))
    figures: dict[str, Figure] = {
        **in_ms(times),
        "p50_s": round(percentile(times, 0.5), 2),
        "max_s": round(max(times), 2),
        "committed": committed,
        "lost": lost,
    }
    setting = (
        f"{plan.kills} primaries killed one after the other, {CALLERS} callers with one mint each; the killed come back"
    )
    bar = "median 1 s, slowest 3 s, no acknowledged write lost"
    return [Result(scenario="failover", door="gateway-bulk", figures=figures, setting=setting, bar=bar)]


async def _kill_primaries(bench: BenchNetwork, plan: Plan) -> tuple[list[float], int, int]:
    """Seconds until the first later write, for each kill; how many writes were acknowledged, and how many are gone."""
    async with _client(bench) as client:
        callers, times = Callers(bench, client), []
        tasks = [asyncio.create_task(callers.call()) for _ in range(CALLERS)]
        await callers.more(200)
        for number in range(plan.kills):
            plan.told(f"failover: kill {number + 1} of {plan.kills}")
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
        plan.told("failover: looking for every acknowledged write")
        return times, len(callers.answered), await _count_lost(client, list(callers.answered))


async def _count_lost(client: httpx.AsyncClient, ids: list[str]) -> int:
    turns = asyncio.Semaphore(CALLERS)

    async def is_lost(transaction: str) -> bool:
        async with turns:
            answer = await client.get(f"/v1/chains/{CHAIN}/transactions/{transaction}")
        return answer.status_code != httpx.codes.OK

    return sum(await asyncio.gather(*map(is_lost, ids)))


def backup_down(plan: Plan) -> list[Result]:
    """The single scenario with four nodes, then without a backup."""
    door, rates = "gateway-bulk", {}
    with fresh_network() as bench:
        for title in ("four nodes", "one backup down"):
            rates[title] = repeated(
                plan, bench, door, partial(singles_load, bench), plan.mints // 2, title=title
            ).middle.per_s
            if title == "four nodes":
                processes.stop(bench.folder, asyncio.run(_a_backup(bench)))
    four, three = rates.values()
    figures: dict[str, Figure] = {
        "per_s": round(three),
        "ratio": round(three / plan.limits.signature_per_s(bench.nodes), 3),
        "four_per_s": round(four),
        "three_per_s": round(three),
        "share": round(three / four, 2),
    }
    setting = (
        f"{plan.mints // 2} mints as in the scenario single, median of {plan.repetitions}; then the same after a backup "
        "has ended"
    )
    return [Result(scenario="backup-down", door=door, figures=figures, setting=setting, bar="0.9 of four nodes")]


async def _a_backup(bench: BenchNetwork) -> str:
    async with _client(bench) as client:
        status = await _consensus(client)
    backups = (replica["name"] for replica in status["replicas"] if replica["name"] != status["primary"])
    return str(list(backups)[-1])


@asynccontextmanager
async def _client(bench: BenchNetwork) -> AsyncIterator[httpx.AsyncClient]:
    headers = bench.headers | {"Content-Type": "application/msgpack"}
    limits = httpx.Limits(max_connections=2 * CALLERS)
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
