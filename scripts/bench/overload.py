"""The scenario `overload`: ten times what there is room for, for a minute, by bulk bodies at the gateway.

Bodies are sent at fixed times, whether others have been answered or not; what is refused is offered again later.
"""

import asyncio
import json
import random
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from scripts import processes
from scripts.bench.doors import bulk_request
from scripts.bench.http_load import LOST, Answer, Connection, call_all, connect, request_bytes
from scripts.bench.loop import no_pauses, run
from scripts.bench.measure import Figure, Result, in_ms, node_peak_mb, settle, usage
from scripts.bench.network import BenchNetwork, fresh_network
from scripts.bench.plan import Plan
from scripts.bench.reading import Reads
from scripts.bench.runs import repeated
from scripts.bench.transactions import Signer, drawn_tokens, parts
from scripts.bench.writing import CHAIN, singles_load

DOOR: Final = "gateway-bulk"
FACTOR: Final = 10
TOGETHER: Final = 500
ROOM: Final = 1.5
"""How many times what is sustainable can be committed before bodies run out."""
UNANSWERED_S: Final = 4.0
"""For so long everything that is offered can be without an answer before bodies run out."""
CONNECTIONS_MAX: Final = 1_000
LAST_ANSWERS_S: Final = 30
PROOFS: Final = 5_000
REFUSALS: Final = (429, 503)


@dataclass(slots=True)
class Offers:
    """Bodies that wait to be offered, and what became of those that were."""

    bench: BenchNetwork
    bodies: deque[tuple[list[bytes], bytes]]
    """The tokens of a body's certificates, and the whole request."""
    free: list[Connection] = field(default_factory=list)
    offered: int = 0
    """Transactions offered, each as often as it was."""
    late: int = 0
    """Bodies that could not be sent at their time because every connection was busy."""
    acknowledged: set[bytes] = field(default_factory=set)
    """Tokens of the certificates that were said to be committed."""
    in_time: int = 0
    """How many were said so before the time was up."""
    refused: Counter[str] = field(default_factory=Counter)
    """Transactions refused, by status, and by the code of their line where the body was taken."""
    without_retry: int = 0
    """Refused bodies without Retry-After."""
    latencies: list[float] = field(default_factory=list)
    _made: list[Connection] = field(default_factory=list)
    _open: int = 0
    _busy: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def go_on(self, per_s: float, seconds: float) -> None:
        """Offer so many bodies a second for so long, then wait for the last answers."""
        started, number = time.perf_counter(), 0
        while (now := time.perf_counter() - started) < seconds:
            while number < now * per_s:
                number += 1
                self._offer()
            await asyncio.sleep(0.002)
        self.in_time = len(self.acknowledged)
        deadline = time.perf_counter() + LAST_ANSWERS_S
        while self._busy and time.perf_counter() < deadline:  # noqa: ASYNC110 - many answers make it true
            await asyncio.sleep(0.05)
        await asyncio.gather(*(connection.end() for connection in self._made))

    def _offer(self) -> None:
        if not self.bodies or (not self.free and self._open >= CONNECTIONS_MAX):
            self.late += 1
            return
        self._busy += 1
        body = self.bodies.popleft()
        if self.free:
            self._send(self.free.pop(), body)
            return
        self._open += 1
        task = asyncio.get_running_loop().create_task(self._connect_and_send(body))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect_and_send(self, body: tuple[list[bytes], bytes]) -> None:
        try:
            self._made.append(await connect(self.bench.address))
            self._send(self._made[-1], body)
        except OSError:
            self._open -= 1
            self._busy -= 1
            self.refused["no connection"] += len(body[0])
            self.bodies.append(body)

    def _send(self, connection: Connection, body: tuple[list[bytes], bytes]) -> None:
        self.offered += len(body[0])
        connection.send(body[1], lambda answer: self._heard(connection, body, answer))

    def _heard(self, connection: Connection, body: tuple[list[bytes], bytes], answer: Answer) -> None:
        self._busy -= 1
        if connection.open:
            self.free.append(connection)
        else:
            self._open -= 1
        tokens = body[0]
        if answer.status == 200:
            self.latencies.append(answer.seconds)
            self._take_lines(tokens, answer.body.splitlines())
            return
        self.refused["connection lost" if answer.status == LOST else str(answer.status)] += len(tokens)
        if answer.status in REFUSALS and answer.retry_after is None:
            self.without_retry += 1
        self.bodies.append(body)

    def _take_lines(self, tokens: list[bytes], lines: list[bytes]) -> None:
        for token, line in zip(tokens, lines, strict=True):
            if b'"outcome":"committed"' in line:
                self.acknowledged.add(token)
            else:
                self.refused[json.loads(line)["problem"]["code"]] += 1


def overload(plan: Plan) -> list[Result]:
    """The best rate first, then ten times as much; nothing that was acknowledged may be lost."""
    with fresh_network() as bench:
        runs = repeated(plan, bench, DOOR, partial(singles_load, bench), plan.mints, title="overload")
        best = max(one.per_s for one in runs.measured)
        plan.told("overload: signing")
        offers = Offers(bench, _bodies(bench, int(best * (ROOM * plan.overload_s + FACTOR * UNANSWERED_S))))
        plan.told(f"overload: {plan.overload_s} s")
        before = run(_view(bench))
        with no_pauses():
            run(offers.go_on(FACTOR * best / TOGETHER, plan.overload_s))
        after = run(_view(bench))
        settle(bench.folder)
        plan.told("overload: looking for what was acknowledged")
        checked, lost = _lost(bench, offers.acknowledged)
        figures = _rates(plan, bench, offers, best) | {
            "view_before": before,
            "view_after": after,
            "acknowledged": len(offers.acknowledged),
            "proofs_checked": checked,
            "lost": lost,
        }
    setting = (
        f"{FACTOR} x the best rate offered for {plan.overload_s} s in bodies of {TOGETHER}, sent at their times; what is "
        f"refused is offered again; afterwards the proofs of {checked:,} acknowledged certificates"
    )
    bar = "0.8 of the best; refusals are 429 or 503 with Retry-After; the view does not change; nothing is lost"
    return [Result(scenario="overload", door=DOOR, figures=figures, setting=setting, bar=bar)]


def _rates(plan: Plan, bench: BenchNetwork, offers: Offers, best: float) -> dict[str, Figure]:
    rate = offers.in_time / plan.overload_s
    return {
        "per_s": round(rate),
        "ratio": round(rate / plan.limits.signature_per_s(bench.nodes), 3),
        "best_per_s": round(best),
        "of_best": round(rate / best, 3),
        "offered_per_s": round(offers.offered / plan.overload_s),
        **in_ms(offers.latencies),
        "refused": dict(offers.refused),
        "refused_without_retry_after": offers.without_retry,
        "bodies_late": offers.late,
        "rss_mb": round(node_peak_mb(bench.folder), 1),
        "gateway_rss_mb": round(usage(bench.folder).peak[processes.GATEWAY] / 1e6, 1),
    }


def _bodies(bench: BenchNetwork, count: int) -> deque[tuple[list[bytes], bytes]]:
    signer = Signer.of(bench, CHAIN)
    return deque(
        (tokens, bulk_request(bench, CHAIN, [signer.mint(token) for token in tokens]))
        for tokens in parts(drawn_tokens(max(count, TOGETHER)), TOGETHER)
    )


def _lost(bench: BenchNetwork, acknowledged: set[bytes]) -> tuple[int, int]:
    """How many proofs were asked for, and how many acknowledged certificates have none."""
    tokens = random.sample(sorted(acknowledged), min(PROOFS, len(acknowledged)))
    if not tokens:
        return 0, 0
    reads = Reads(bench, Signer.of(bench, CHAIN), tokens, frozenset(range(len(tokens))))
    run(call_all(bench.address, reads.requests(), min(16, len(tokens)), reads.heard))
    reads.check()
    return len(tokens), len(tokens) - len(reads.kept)


async def _view(bench: BenchNetwork) -> int:
    connection = await connect(bench.address)
    answer = await connection.call(request_bytes("GET", f"/v1/chains/{CHAIN}/consensus"))
    await connection.end()
    return int(json.loads(answer.body)["view"])
