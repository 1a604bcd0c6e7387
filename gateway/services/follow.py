"""Keeps the index up with every chain: follows one node's blocks, each checked before it is indexed."""

import asyncio
import logging
import sqlite3
from typing import Final

from chain.rpc import BlockAnswer
from gateway.chains import Chain, NotServed
from gateway.clients.node_link import NodeUnreachable
from gateway.index import IndexedEvent, add_block, head, skip_to
from gateway.services.gateway import Gateway

_log = logging.getLogger("certnet.gateway")
RETRY_S: Final = 0.3
WAITING_BLOCKS_MAX: Final = 64


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


async def _follow_until_lost(gateway: Gateway, chain: Chain, avoid: set[int]) -> None:
    waiting: asyncio.Queue[BlockAnswer | None] = asyncio.Queue()
    start = await gateway.index.run(lambda db: head(db, chain.rules.chain_id))
    await chain.catch_up()
    if not avoid:
        start = await _skip_pruned(gateway, chain, start)
    chain.follow(start, waiting.put_nowait, avoid)
    while True:
        blocks = [await waiting.get()]
        while not waiting.empty() and len(blocks) < WAITING_BLOCKS_MAX:
            blocks.append(waiting.get_nowait())
        whole = [block for block in blocks if block is not None]

        def write(connection: sqlite3.Connection, whole: list[BlockAnswer] = whole) -> list[IndexedEvent]:
            return [event for block in whole for event in add_block(connection, chain.rules, block)]

        gateway.stream.publish(await gateway.index.run(write))
        if None in blocks:
            return


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
