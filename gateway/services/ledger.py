"""Reading the ledger: how chains stand, blocks, headers."""

import asyncio

from chain.light_client import CertifiedHeader
from chain.rpc import ChainStatus, StatusAnswer
from gateway.clients.answers import HeardBlock
from gateway.outcomes import NotServed
from gateway.services.calls import read_state
from gateway.services.gateway import Gateway, problem_of


async def all_statuses(gateway: Gateway) -> dict[str, ChainStatus]:
    """How every chain stands at the first node that answers; empty if none does."""
    for chain in gateway.chains:
        try:
            _, node = await chain.status()
        except NotServed:
            return {}
        return {status.chain_id: status for status in node.chains}
    return {}


async def status(gateway: Gateway, chain_id: str) -> tuple[ChainStatus, StatusAnswer]:
    """How one chain stands at the node that serves it first, and that node's answer."""
    try:
        return await gateway.chain(chain_id).status()
    except NotServed as refused:
        raise problem_of(refused.code, refused.values) from None


async def block(gateway: Gateway, chain_id: str, height: int) -> HeardBlock:
    """A block, checked against its certified header."""
    try:
        return await gateway.chain(chain_id).read_block(height)
    except NotServed as refused:
        raise problem_of(refused.code, refused.values) from None


async def headers_before(
    gateway: Gateway, chain_id: str, before: int | None, limit: int
) -> tuple[list[CertifiedHeader], int | None]:
    """Up to `limit` certified headers below `before` (None: from the head) and where the next page begins."""
    head = (await read_state(gateway.chain(chain_id), [])).header.height
    newest = head if before is None else min(head, before - 1)
    heights = range(newest, max(0, newest - limit), -1)
    blocks = await asyncio.gather(*(block(gateway, chain_id, height) for height in heights))
    headers = [answer.certified for answer in blocks if answer.certified is not None]
    oldest = heights[-1] if heights else 0
    return headers, oldest if oldest > 1 else None
