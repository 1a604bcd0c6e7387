"""Reading the ledger: how chains stand, blocks, headers."""

import asyncio
from dataclasses import dataclass

from chain.light_client import CertifiedHeader
from chain.rpc import ChainStatus, StatusAnswer
from chain.transaction import Event
from gateway.chains import Chain
from gateway.clients.answers import HeardBlock
from gateway.outcomes import Finalised, NotServed
from gateway.services.calls import read_state
from gateway.services.gateway import Gateway, problem_of
from gateway.services.transactions import Placed


@dataclass(frozen=True, slots=True, kw_only=True)
class TellingReceipt:
    """A receipt in its block, with the proof that it stands there, and events of it by their numbers within it."""

    placed: Placed
    events: tuple[tuple[int, Event], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockEvents:
    """What was asked for of a block's events: the receipts that tell them, in order."""

    chain: Chain
    block: HeardBlock
    receipts: tuple[TellingReceipt, ...]


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


async def events_of_block(
    gateway: Gateway, chain_id: str, height: int, contract: str | None, name: str | None
) -> BlockEvents:
    """The events of a block, or those of one contract, of one name, or both."""
    chain, found = gateway.chain(chain_id), await block(gateway, chain_id, height)
    leaves = () if found.certified is None else chain.receipt_leaves(found)
    receipts = []
    for place, receipt in enumerate(found.receipts):
        events = tuple(
            (number, event)
            for number, event in enumerate(receipt.events)
            if contract in (None, event.contract) and name in (None, event.name)
        )
        if events:
            placed = _placed(chain, found, place, receipt.code, leaves)
            receipts.append(TellingReceipt(placed=placed, events=events))
    return BlockEvents(chain=chain, block=found, receipts=tuple(receipts))


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


def _placed(chain: Chain, found: HeardBlock, place: int, code: str, leaves: tuple[bytes, ...]) -> Placed:
    assert found.certified is not None
    final = Finalised(
        certified=found.certified,
        place=place,
        code=code,
        receipt_bytes=bytes(found.receipt_bytes[place]),
        receipt_leaves=leaves,
    )
    return Placed(chain=chain, final=final, proof=chain.receipt_proof(final))
