"""Keeps the index up with every chain: follows one node's blocks, each checked before it is indexed."""

import asyncio
import logging
import sqlite3
from collections import deque
from typing import Final

from gateway.chains import Chain
from gateway.clients.answers import HeardBlock
from gateway.clients.node_link import NodeUnreachable
from gateway.directory import add_founders
from gateway.index import add_block, head, skip_to
from gateway.outcomes import NotServed
from gateway.search import IndexedEvent, events_after
from gateway.services.gateway import Gateway

_log = logging.getLogger("certnet.gateway")
RETRY_S: Final = 0.3
WRITE_BLOCKS_MAX: Final = 64
BACKLOG_BYTES_MAX: Final = 32_000_000
BLOCK_BYTES: Final = 2_000
"""What a block takes beside its transactions."""
REST_MAX_S: Final = 0.25
REST_PER_TRANSACTION_S: Final = 0.005
"""How long the index rests after writing, so that a busy chain's blocks are written together: 60 us of CPU for each write."""


async def follow_chain(gateway: Gateway, chain: Chain) -> None:
    """Follow for ever; after a lost link, from where the index stands."""
    avoid = set[int]()
    while True:
        try:
            await _follow_until_lost(gateway, chain, avoid)
        except (NodeUnreachable, NotServed):
            avoid.clear()  # no node is left that was believed: all are asked anew
        except sqlite3.Error as problem:
            _log.error("the index of %s cannot be written: %s; trying again", chain.rules.chain_id, problem)
        await asyncio.sleep(RETRY_S)


class _Backlog:
    """Blocks that were heard and are not yet indexed: so many bytes at most, then the rest is asked for again later."""

    def __init__(self) -> None:
        self._blocks: deque[HeardBlock] = deque()
        self._bytes = 0
        self._lost = False
        self._news = asyncio.Event()

    def __len__(self) -> int:
        return len(self._blocks)

    @property
    def ended(self) -> bool:
        """Whether everything was taken and nothing more will come."""
        return self._lost and not self._blocks

    def hear(self, block: HeardBlock | None) -> None:
        """One more block, or None for the end."""
        self._news.set()
        if block is None or self._bytes > BACKLOG_BYTES_MAX:
            self._lost = True
        if block is not None and not self._lost:
            self._blocks.append(block)
            self._bytes += _size(block)

    async def take(self) -> list[HeardBlock]:
        """What was heard, at most `WRITE_BLOCKS_MAX` blocks, as soon as there is anything."""
        await self._news.wait()
        taken = [self._blocks.popleft() for _ in range(min(WRITE_BLOCKS_MAX, len(self._blocks)))]
        self._bytes -= sum(map(_size, taken))
        if not self._blocks and not self._lost:
            self._news.clear()
        return taken


def _size(block: HeardBlock) -> int:
    return sum(map(len, block.transactions)) + BLOCK_BYTES


async def _follow_until_lost(gateway: Gateway, chain: Chain, avoid: set[int]) -> None:
    backlog = _Backlog()
    start = await gateway.index.run(lambda db: _begin(gateway, chain, db))
    await chain.catch_up()
    if not avoid:
        start = await _skip_pruned(gateway, chain, start)
    chain.follow(start, backlog.hear, avoid)
    while True:
        whole = await backlog.take()
        gateway.stream.publish(await gateway.index.run(lambda db, whole=whole: _write(gateway, chain, db, whole)))  # type: ignore[misc]
        if backlog.ended:
            return
        if len(backlog) < WRITE_BLOCKS_MAX:
            count = sum(len(block.transactions) for block in whole)
            await asyncio.sleep(min(REST_MAX_S, count * REST_PER_TRANSACTION_S))


def _begin(gateway: Gateway, chain: Chain, db: sqlite3.Connection) -> int:
    """The height that the index stands at; an empty one learns who was there before the first block."""
    add_founders(db, gateway.chains.genesis, chain.rules)
    return head(db, chain.rules.chain_id)


def _write(gateway: Gateway, chain: Chain, db: sqlite3.Connection, blocks: list[HeardBlock]) -> list[IndexedEvent]:
    """Index the blocks; those events that a listener wants, as whoever asks for them later reads them."""
    events: list[IndexedEvent] = []
    wanted = gateway.stream.wanted
    for block in blocks:
        numbers = add_block(db, chain.rules, block)
        if wanted is not None:
            events += events_after(db, gateway.chains.rules, numbers.start - 1, len(numbers), wanted)
    return events


async def _skip_pruned(gateway: Gateway, chain: Chain, start: int) -> int:
    """Where to go on: at `start`, or where the blocks begin that the nodes still have."""
    chain_id = chain.rules.chain_id
    oldest = await chain.oldest_after(start + 1)
    if oldest is None:
        return start
    await gateway.index.run(lambda db: skip_to(db, chain_id, oldest - 1))
    _log.warning(
        "no node has the blocks %d to %d of %s any more: what only they tell of is not found by a search; records can "
        "be read by their ids all the same",
        start + 1,
        oldest - 1,
        chain_id,
    )
    return oldest - 1
