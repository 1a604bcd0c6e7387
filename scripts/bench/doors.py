"""The three doors through which signed transactions come in: node RPC, bulk bodies and single POSTs at the gateway."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain as joined
from itertools import zip_longest
from typing import Any, Final

import msgpack

from chain.codec import decode
from chain.genesis import parse_genesis
from chain.profiles import load_profiles
from chain.rules import ChainRules
from chain.transaction import SignedTransaction
from scripts.bench.http_load import Answer, call_all, request_bytes
from scripts.bench.loop import no_pauses
from scripts.bench.network import BenchNetwork
from scripts.bench.node_rpc import Submission, call_node, submit_frames
from scripts.bench.transactions import parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Signed transactions by chain, and how many go together and are outstanding on each chain."""

    transactions: Mapping[str, list[bytes]]
    together: int = 500
    """Transactions of one frame or one bulk body."""
    window: int = 4_000
    """Transactions outstanding on a chain, where the door does not wait for each."""
    singles: int = 64
    """Requests in flight at the door that takes one transaction in each."""

    def per_chain(self) -> Iterable[tuple[str, list[bytes]]]:
        """Each chain with its own."""
        return self.transactions.items()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What became of a load: seconds from the first byte to the last outcome; one latency (s) per answer that counts."""

    seconds: float
    committed: int
    latencies: list[float]
    refused: Counter[str]
    """Codes of receipts and rejections, or HTTP statuses."""
    generator_s: float
    """CPU seconds of the load generator meanwhile."""


Door = Callable[[BenchNetwork, Load], Coroutine[Any, Any, Sent]]


async def by_node_rpc(bench: BenchNetwork, load: Load) -> Sent:
    """One link for each chain, to its first primary, with a window of outstanding transactions."""
    genesis = parse_genesis((bench.folder / "genesis.json").read_bytes())
    submissions = []
    for chain, transactions in load.per_chain():
        frames, sizes = submit_frames(chain, transactions, load.together)
        submissions.append(
            Submission(
                caller=await call_node(bench.folder / "gateway", bench.primary_address(chain), genesis.network_id),
                rules=ChainRules.of(genesis.network_id, load_profiles()[chain]),
                genesis=genesis,
                frames=frames,
                sizes=sizes,
                window=load.window,
            )
        )
    try:
        with no_pauses():
            started, used = time.perf_counter(), time.process_time()
            await asyncio.gather(*(submission.run() for submission in submissions))
            seconds, used = time.perf_counter() - started, time.process_time() - used
    finally:
        await asyncio.gather(*(submission.caller.end() for submission in submissions))
    for submission in submissions:
        submission.check_receipts()
    return Sent(
        seconds=seconds,
        committed=sum(submission.committed for submission in submissions),
        latencies=[took for submission in submissions for took in submission.latencies],
        refused=sum((submission.refused for submission in submissions), Counter()),
        generator_s=used,
    )


async def by_gateway_bulk(bench: BenchNetwork, load: Load) -> Sent:
    """Bodies of many transactions each, in MessagePack; in flight is what the window holds."""
    requests = [
        [bulk_request(bench, chain, part) for part in parts(transactions, load.together)]
        for chain, transactions in load.per_chain()
    ]
    in_flight = max(1, load.window // load.together) * len(requests)
    counts = Counts()
    return await _timed(bench, in_turns(requests), in_flight, counts, counts.bulk)


async def by_gateway_single(bench: BenchNetwork, load: Load) -> Sent:
    """One transaction in each request, 64 in flight; the answer holds the receipt with its proof."""
    requests = [[single_request(bench, chain, raw) for raw in transactions] for chain, transactions in load.per_chain()]
    counts = Counts()
    return await _timed(bench, in_turns(requests), load.singles, counts, counts.single)


DOORS: Final[Mapping[str, Door]] = {
    "node-rpc": by_node_rpc,
    "gateway-bulk": by_gateway_bulk,
    "gateway-single": by_gateway_single,
}


def bulk_request(bench: BenchNetwork, chain: str, transactions: list[bytes]) -> bytes:
    """A whole request with many transactions."""
    headers = (bench.authorization, "Content-Type: application/msgpack")
    body: bytes = msgpack.packb(transactions)
    return request_bytes("POST", f"/v1/chains/{chain}/transactions:bulk", body, *headers)


def single_request(bench: BenchNetwork, chain: str, raw: bytes) -> bytes:
    """A whole request with one transaction."""
    signed = decode(raw, SignedTransaction)
    body = json.dumps({"body": signed.body.hex(), "signature": signed.signature.hex()}).encode()
    headers = (bench.authorization, "Content-Type: application/json")
    return request_bytes("POST", f"/v1/chains/{chain}/transactions", body, *headers)


class Counts:
    """What the answers say."""

    def __init__(self) -> None:
        self._committed = 0
        self._latencies: list[float] = []
        self._refused: Counter[str] = Counter()

    def single(self, _number: int, answer: Answer) -> None:
        """The answer to one transaction."""
        if answer.status == 200:
            self._committed += 1
            self._latencies.append(answer.seconds)
        else:
            self._refused[str(answer.status)] += 1

    def bulk(self, _number: int, answer: Answer) -> None:
        """The answer to a bulk body: one line for each transaction."""
        if answer.status != 200:
            self._refused[str(answer.status)] += 1
            return
        committed = answer.body.count(b'"outcome":"committed"')
        self._committed += committed
        self._latencies += [answer.seconds] * committed
        if others := answer.body.count(b"\n") - committed:
            self._refused["not committed"] += others

    def sent(self, seconds: float, generator_s: float) -> Sent:
        """All of it."""
        return Sent(
            seconds=seconds,
            committed=self._committed,
            latencies=self._latencies,
            refused=self._refused,
            generator_s=generator_s,
        )


async def _timed(
    bench: BenchNetwork, requests: list[bytes], in_flight: int, counts: Counts, heard: Callable[[int, Answer], None]
) -> Sent:
    with no_pauses():
        used = time.process_time()
        seconds = await call_all(bench.address, requests, min(in_flight, len(requests)), heard)
        return counts.sent(seconds, time.process_time() - used)


def in_turns(requests: list[list[bytes]]) -> list[bytes]:
    """One of each chain after the other."""
    return [request for request in joined.from_iterable(zip_longest(*requests)) if request is not None]
