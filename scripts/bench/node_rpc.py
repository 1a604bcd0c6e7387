"""The door `node-rpc`: a caller's TLS link to one node, as cheap for the load generator as it can honestly be.

Frames are encoded before the clock starts. What one transaction costs the generator meanwhile is its share of a write
of 500 and of reading its outcome, together about 4 us; one header of every block is checked against its quorum
(3 signatures for 500 or more transactions), and every receipt is found under its header once the clock has stopped.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast

import msgspec

from chain.codec import encode
from chain.framing import PROTOCOL_VERSION, FrameReader, frame
from chain.genesis import Genesis
from chain.light_client import CertifiedHeader, Trusted, header_fault
from chain.merkle import leaf_hash, root
from chain.rpc import Answer, Hello, Outcomes, Request, Submit
from chain.rules import ChainRules
from gateway.clients.node_link import client_context
from scripts.bench.http_load import Address
from scripts.errors import CommandFailed

SILENCE_S: Final = 30
"""How long a node may say nothing while transactions are outstanding."""
_read_answer: Callable[[bytes], Answer] = msgspec.msgpack.Decoder(Answer).decode
"""Without the check that the form is canonical: a form binds nobody here, and it costs as much again."""


class NodeCaller(asyncio.Protocol):
    """A link to one node. `heard` gets every answer but its greeting."""

    def __init__(self, network_id: bytes) -> None:
        self._network_id = network_id
        self._transport: asyncio.Transport | None = None
        self._reader = FrameReader()
        self.heard: Callable[[Answer], None] = lambda _: None
        self.greeted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def write(self, frames: bytes) -> None:
        """Send whole frames."""
        assert self._transport is not None
        self._transport.write(frames)

    async def end(self) -> None:
        """Speak no more; return when the link is gone."""
        if self._transport is not None:
            self._transport.abort()
            await self.lost

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        self._transport = cast("asyncio.Transport", transport)
        self.write(framed(Hello(version=PROTOCOL_VERSION, network_id=self._network_id, speaker=None)))

    def data_received(self, data: bytes) -> None:
        """Answers."""
        for body in self._reader.feed(data):
            answer = _read_answer(body)
            if isinstance(answer, Hello):
                self.greeted.set_result(None)
            else:
                self.heard(answer)

    def connection_lost(self, _problem: Exception | None) -> None:
        """Whoever waits is told."""
        for waiting in (self.greeted, self.lost):
            if not waiting.done():
                waiting.set_result(None)


def framed(request: Request) -> bytes:
    """A request as it is sent."""
    return frame(encode(request))


async def call_node(gateway_folder: Path, address: Address, network_id: bytes) -> NodeCaller:
    """A link to the node at `address` with the gateway's own certificate; `CommandFailed` if it does not answer."""
    loop = asyncio.get_running_loop()
    context = client_context(gateway_folder)
    try:
        _, caller = await loop.create_connection(lambda: NodeCaller(network_id), *address, ssl=context)
        await asyncio.wait_for(caller.greeted, SILENCE_S)
    except (OSError, TimeoutError) as problem:
        raise CommandFailed(f"the node at {address} does not answer: {problem}; look at its log") from None
    return caller


@dataclass(slots=True, kw_only=True)
class Submission:
    """Frames of transactions on their way to one chain, some of them outstanding at any time."""

    caller: NodeCaller
    rules: ChainRules
    genesis: Genesis
    frames: Sequence[bytes]
    sizes: Sequence[int]
    """How many transactions each frame holds; frame `i` is request `i`."""
    window: int
    committed: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    _outstanding: int = 0
    _next: int = 0
    _heard_at: float = 0.0
    _sent_at: list[float] = field(default_factory=list)
    _outcomes: list[Outcomes] = field(default_factory=list)
    _headers: dict[int, CertifiedHeader] = field(default_factory=dict)
    _done: asyncio.Event = field(default_factory=asyncio.Event)
    _problem: str = ""

    async def run(self) -> None:
        """Return when every transaction has its outcome; `CommandFailed` if the node is lost, silent or lies."""
        self.caller.heard = self._heard
        self._heard_at = time.perf_counter()
        self._fill()
        while not self._done.is_set():
            try:
                await asyncio.wait_for(self._done.wait(), 1)
            except TimeoutError:
                if self.caller.lost.done() or time.perf_counter() - self._heard_at > SILENCE_S:
                    raise CommandFailed("a node was lost or said nothing under load; look at its log") from None
        if self._problem:
            raise CommandFailed(self._problem)

    def check_receipts(self) -> None:
        """Every receipt that was counted stands under the receipt root of its header."""
        digest = self.rules.digest
        roots: dict[tuple[bytes, ...], bytes] = {}
        for outcomes in self._outcomes:
            assert outcomes.certified is not None
            leaves = outcomes.receipt_leaves
            if leaves not in roots:
                roots[leaves] = root(digest, leaves)
            found = all(leaves[one.place] == leaf_hash(digest, encode(one.receipt)) for one in outcomes.included)
            if not found or roots[leaves] != outcomes.certified.header.receipt_root:
                raise CommandFailed("a node sent a receipt that does not stand under its header")
        self._outcomes.clear()

    def _fill(self) -> None:
        while self._next < len(self.frames) and self._outstanding + self.sizes[self._next] <= self.window:
            self._sent_at.append(time.perf_counter())
            self._outstanding += self.sizes[self._next]
            self.caller.write(self.frames[self._next])
            self._next += 1
        if not self._outstanding and self._next == len(self.frames):
            self._done.set()

    def _heard(self, answer: Answer) -> None:
        self._heard_at = now = time.perf_counter()
        if not isinstance(answer, Outcomes):
            self._problem = f"a node answered a submission with {type(answer).__name__}"
            self._done.set()
            return
        if answer.certified is not None and not self._is_certified(answer.certified):
            self._problem = "a node sent a header that no quorum certified"
            self._done.set()
            return
        took, succeeded = now - self._sent_at[answer.request], 0
        for included in answer.included:
            if included.receipt.code:
                self.refused[included.receipt.code] += 1
            else:
                succeeded += 1
        for rejection in answer.rejected:
            self.refused[rejection.code] += 1
        self.committed += succeeded
        self.latencies += [took] * succeeded
        self._outstanding -= len(answer.included) + len(answer.rejected)
        if answer.included:
            self._outcomes.append(answer)
        self._fill()

    def _is_certified(self, certified: CertifiedHeader) -> bool:
        """Whether a quorum certified the header; one that was checked before is known again."""
        height = certified.header.height
        if self._headers.get(height) == certified:
            return True
        first = self.genesis.membership_of(self.rules.chain_id)
        start = Trusted(height=0, time=self.genesis.document.created_at, membership=first)
        if header_fault(self.rules, start, certified) is not None:
            return False
        self._headers[height] = certified
        return True


def submit_frames(chain: str, transactions: Sequence[bytes], per_frame: int) -> tuple[list[bytes], list[int]]:
    """Frames of `Submit` with so many transactions each, numbered from 0, and how many each holds."""
    frames, sizes = [], []
    for number, first in enumerate(range(0, len(transactions), per_frame)):
        part = tuple(transactions[first : first + per_frame])
        frames.append(framed(Submit(request=number, chain_id=chain, transactions=part)))
        sizes.append(len(part))
    return frames, sizes
