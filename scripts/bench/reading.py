"""The scenarios `verify` and `latency`: proven reads while the head moves, and one mint at a time."""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from statistics import mean, median
from typing import Final

from chain.genesis import parse_genesis
from chain.profiles import load_profiles
from chain.rpc import Answer as NodeAnswer
from chain.rpc import Outcomes
from credentials.verifier import verify_bundle
from scripts import processes
from scripts.bench.doors import DOORS, Load
from scripts.bench.filling import fill
from scripts.bench.http_load import Answer, call_all, connect, request_bytes
from scripts.bench.loop import no_pauses, run
from scripts.bench.measure import Figure, Result, in_ms, node_peak_mb, percentile, settle, usage, used_since
from scripts.bench.network import BenchNetwork, fresh_network
from scripts.bench.node_rpc import call_node, submit_frames
from scripts.bench.plan import Plan
from scripts.bench.runs import spread
from scripts.bench.transactions import Signer, drawn_tokens, signed_mints
from scripts.errors import CommandFailed

CHAIN: Final = "nanjing"
IN_FLIGHT: Final = 64
HEAD_MINTS_PER_S: Final = 50
SAMPLE: Final = 0.01
LATENCIES_BEFORE: Final = 50


@dataclass(slots=True)
class Reads:
    """Proofs that were asked for, at random, and the part of them that is checked."""

    bench: BenchNetwork
    signer: Signer
    tokens: list[bytes]
    """Of the certificates that are asked for, one for each request."""
    sample: frozenset[int]
    seconds: float = 0.0
    generator_s: float = 0.0
    head_mints: int = 0
    """How many mints moved the head meanwhile."""
    latencies: list[float] = field(default_factory=list)
    refused: Counter[int] = field(default_factory=Counter)
    kept: dict[int, tuple[bytes, int]] = field(default_factory=dict)
    """Of the sample: the proof, and when it came (ms since 1970)."""
    ages_s: list[float] = field(default_factory=list)
    """Of the sample: how long before its answer the proven block was made."""

    @classmethod
    def drawn(cls, bench: BenchNetwork, signer: Signer, tokens: list[bytes], count: int) -> "Reads":
        """So many reads, uniformly at random over the certificates, 1 % of them to be checked."""
        sample = random.sample(range(count), max(1, int(SAMPLE * count)))
        return cls(bench, signer, random.choices(tokens, k=count), frozenset(sample))  # noqa: S311 - no secret

    def requests(self) -> list[bytes]:
        """The requests, without an API key."""
        return [request_bytes("GET", f"/v1/certificates/{self.signer.path(token)}/proof") for token in self.tokens]

    def heard(self, number: int, answer: Answer) -> None:
        """One answer."""
        if answer.status != 200:
            self.refused[answer.status] += 1
            return
        self.latencies.append(answer.seconds)
        if number in self.sample:
            self.kept[number] = answer.body, _now_ms()

    def check(self) -> int:
        """Check the sample offline, with nothing but the genesis document; how many there were."""
        genesis = parse_genesis((self.bench.folder / "genesis.json").read_bytes())
        profiles = load_profiles()
        for number, (body, came) in self.kept.items():
            verdict = verify_bundle(body, genesis, profiles, now=came)
            named = verdict.certificate is not None and verdict.certificate.token == self.tokens[number]
            if not verdict.valid or not named or verdict.time is None:
                raise CommandFailed(f"a proof does not hold: {', '.join(verdict.reasons) or 'of another certificate'}")
            self.ages_s.append((came - verdict.time) / 1e3)
        return len(self.kept)


def verify(plan: Plan) -> list[Result]:
    """Proofs of certificates drawn at random, without an API key, while 50 mints per second move the head."""
    with fresh_network() as bench:
        signer = Signer.of(bench, CHAIN)
        tokens = fill(bench, CHAIN, plan.certificates, plan.told)
        run(_read(Reads.drawn(bench, signer, tokens, plan.reads // 10)))
        before = usage(bench.folder)
        reads = [Reads.drawn(bench, signer, tokens, plan.reads) for _ in range(plan.repetitions)]
        for number, one in enumerate(reads):
            plan.told(f"verify: run {number + 1} of {plan.repetitions}")
            run(_read(one))
            one.check()
        settle(bench.folder)
        figures = _figures(plan, bench, reads, used_since(before, usage(bench.folder)))
    setting = (
        f"{plan.reads:,} proofs of {plan.certificates:,} certificates, uniformly at random, {IN_FLIGHT} in flight, "
        f"{plan.repetitions} runs after a warm-up; CPU per read; {SAMPLE:.0%} checked offline"
    )
    return [Result(scenario="verify", door="gateway", figures=figures, setting=setting, bar="0.4 of the bare endpoint")]


def _figures(plan: Plan, bench: BenchNetwork, reads: list[Reads], cpu_s: dict[str, float]) -> dict[str, Figure]:
    rates = [len(one.latencies) / one.seconds for one in reads]
    latencies = [took for one in reads for took in one.latencies]
    nodes = [used for name, used in cpu_s.items() if name not in processes.NO_NODES]
    refused = sum((one.refused for one in reads), Counter[int]())
    figures: dict[str, Figure] = {
        "per_s": round(median(rates)),
        "spread": spread(rates),
        "ratio": round(median(rates) / plan.limits.http_per_s, 3),
        **in_ms(latencies),
        "cpu_us": round(1e6 * mean(nodes) / len(latencies), 1),
        "gateway_cpu_us": round(1e6 * cpu_s[processes.GATEWAY] / len(latencies), 1),
        "generator_cpu_us": round(1e6 * sum(one.generator_s for one in reads) / len(latencies), 1),
        "rss_mb": round(node_peak_mb(bench.folder), 1),
        "gateway_rss_mb": round(usage(bench.folder).peak[processes.GATEWAY] / 1e6, 1),
        "head_mints_per_s": round(mean(one.head_mints / one.seconds for one in reads), 1),
        "proofs_checked": sum(len(one.ages_s) for one in reads),
        "proof_age_p99_ms": round(1e3 * percentile([age for one in reads for age in one.ages_s], 0.99)),
    }
    return figures | ({"refused": {str(status): count for status, count in refused.items()}} if refused else {})


async def _read(reads: Reads) -> None:
    """Ask for all of them while the head moves."""
    requests = reads.requests()
    async with _moving_head(reads.bench, reads.signer) as committed:
        with no_pauses():
            used = time.process_time()
            reads.seconds = await call_all(reads.bench.address, requests, IN_FLIGHT, reads.heard)
            reads.generator_s = time.process_time() - used
        reads.head_mints = committed.total()


@asynccontextmanager
async def _moving_head(bench: BenchNetwork, signer: Signer) -> AsyncIterator[Counter[str]]:
    """Mint 50 times a second meanwhile; counts what is committed."""
    network_id = bytes.fromhex(bench.network["network_id"])
    chain = signer.rules.chain_id
    caller = await call_node(bench.folder / "gateway", bench.primary_address(chain), network_id)
    committed: Counter[str] = Counter()

    def heard(answer: NodeAnswer) -> None:
        if isinstance(answer, Outcomes):
            committed["mints"] += len(answer.included)

    async def mint() -> None:
        started, sent = time.perf_counter(), 0
        while True:
            frames, _ = submit_frames(chain, [signer.mint(token) for token in drawn_tokens(1)], 1)
            caller.write(frames[0])
            sent += 1
            await asyncio.sleep(max(0.0, started + sent / HEAD_MINTS_PER_S - time.perf_counter()))

    caller.heard = heard
    minting = asyncio.create_task(mint())
    try:
        yield committed
    finally:
        minting.cancel()
        await caller.end()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def latency(plan: Plan) -> list[Result]:
    """One mint at a time on an idle network, by each door; by the single one from REST to document and proof."""
    results = []
    with fresh_network() as bench:
        for door in plan.doors:
            plan.told(f"latency by {door}")
            before = usage(bench.folder)
            times = _one_at_a_time(bench, door, LATENCIES_BEFORE + plan.latencies)[LATENCIES_BEFORE:]
            cpu = used_since(before, usage(bench.folder))
            nodes = [used for name, used in cpu.items() if name not in processes.NO_NODES]
            figures: dict[str, Figure] = {
                "per_s": round(len(times) / sum(times), 1),
                "ratio": round(plan.limits.fdatasync_s / median(times), 3),
                **in_ms(times),
                "max_ms": round(1e3 * max(times), 1),
                "cpu_us": round(1e6 * sum(nodes) / len(nodes) / (LATENCIES_BEFORE + len(times))),
                "rss_mb": round(node_peak_mb(bench.folder), 1),
            }
            what = "POST /v1/certificates; receipt, document and proof in the answer" if door == SINGLE else "signed"
            setting = (
                f"{plan.latencies} mints, one after the other, ten chains idle beside it; {what}; ratio: one fdatasync "
                "over the median"
            )
            results.append(
                Result(scenario="latency", door=door, figures=figures, setting=setting, bar="p50 10 ms, p99 30 ms")
            )
    return results


SINGLE: Final = "gateway-single"


def _one_at_a_time(bench: BenchNetwork, door: str, count: int) -> list[float]:
    if door == SINGLE:
        return run(_mint_by_rest(bench, count))
    load = Load(transactions={CHAIN: signed_mints(bench, CHAIN, count)}, together=1, window=1)
    sent = run(DOORS[door](bench, load))
    if sent.committed != count:
        raise CommandFailed(f"{count - sent.committed} of {count} mints were refused: {dict(sent.refused)}")
    return sent.latencies


async def _mint_by_rest(bench: BenchNetwork, count: int) -> list[float]:
    entry = bench.entry(CHAIN)
    holder = entry["accounts"]["alice"]["address"]
    body = {"chain": CHAIN, "class": entry["class"], "holder": holder, "content": entry["sample"]}
    headers = (bench.authorization, "Content-Type: application/json")
    request = request_bytes("POST", "/v1/certificates", json.dumps(body).encode(), *headers)
    connection, times = await connect(bench.address), []
    for _ in range(count):
        answer = await connection.call(request)
        if answer.status != 201 or b'"proof"' not in answer.body:
            raise CommandFailed(f"a mint was answered by {answer.status}: {answer.body[:200]!r}")
        times.append(answer.seconds)
    await connection.end()
    return times
