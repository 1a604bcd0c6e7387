"""What can go from which chain to which, what it costs, and how long it usually takes (protocol 33 to 35)."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import permutations
from typing import Final

from contracts.arrivals import route_refusal
from contracts.classes import CertificateClass, find_class
from contracts.clients import find_client
from contracts.interface import Readable
from contracts.purses import cost_of
from contracts.registry import METHODS
from contracts.transfers import is_target
from gateway.chains import Chain
from gateway.errors import Problem
from gateway.journeys import Way, list_ways, usual_ms
from gateway.services.deriving import derive
from gateway.services.gateway import Gateway, now_ms

PAYING: Final = {
    "attest": ("mirrors", "attest"),
    "require": ("ddc721", "mintRequired"),
    "move": ("crosschain", "crossChainTransfer"),
}
"""For each use the call that costs something; what relayers do is free."""
_Price = tuple[str, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One use between two chains: of which class, what is issued there, whether it is open, else why not, and its price."""

    use: str
    source: str
    target: str
    class_id: str | None
    """None: of any class."""
    issues: str | None
    """The class that is issued on the target."""
    code: str
    """Why it is closed; empty if it is open."""
    fee: int
    """Fen, on the chain where the paying call is made."""
    gas: int
    usual_ms: int | None
    """None: none was seen yet."""
    observed: int
    """Of how many that is the median."""

    @property
    def paid_on(self) -> str:
        """The chain on which the call is made that costs something."""
        return self.source if self.use == "move" else self.target


async def find_routes(
    gateway: Gateway, source: str | None, target: str | None, class_id: str | None, use: str | None
) -> list[Route]:
    """The routes that fit, each judged by proven records of both chains as they stand."""
    for chain_id in (source, target):
        if chain_id is not None:
            gateway.chain(chain_id)
    ways = await gateway.in_index(lambda connection: list_ways(connection, source, target, class_id))
    if source and target and class_id and source != target:
        ways.append(("move", source, class_id, target, class_id))  # asked for by name, so answered if listed or not
    ways = [way for way in dict.fromkeys((*_pairs(gateway, source, target), *ways)) if use in (None, way[0])]
    prices = await _prices(gateway, {(_payer(way), way[0]) for way in ways})
    return list(await asyncio.gather(*(_route(gateway, way, prices[_payer(way), way[0]]) for way in ways)))


def _pairs(gateway: Gateway, source: str | None, target: str | None) -> list[Way]:
    """Any certificate of a chain can be mirrored on any other."""
    pairs = permutations(gateway.chains.rules, 2)
    return [("attest", one, "", other, "") for one, other in pairs if source in (None, one) and target in (None, other)]


def _payer(way: Way) -> str:
    """The chain on which the call is made that costs something."""
    return way[1] if way[0] == "move" else way[3]


async def _prices(gateway: Gateway, wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], _Price]:
    places = list(wanted)
    prices = await asyncio.gather(*(_price(gateway.chain(chain_id), use) for chain_id, use in places))
    return dict(zip(places, prices, strict=True))


async def _price(chain: Chain, use: str) -> _Price:
    """Code, fen and gas of the call; the code says why it cannot be made."""
    contract, method = PAYING[use]
    price = METHODS[contract, method].price
    assert price is not None

    def cost(records: Readable) -> tuple[int, int]:
        return cost_of(records, chain.rules, contract, method, price, 1)

    try:
        return ("", *(await derive(chain, cost)).value)
    except Problem as problem:
        return problem.code, 0, 0


async def _route(gateway: Gateway, way: Way, price: _Price) -> Route:
    use, source, class_id, target, issues = way
    code, fee, gas = price
    usual, observed = gateway.usual.of((use, source, target))
    if use == "move":
        usual, observed = await gateway.in_index(lambda connection: usual_ms(connection, source, target))
    return Route(
        use=use,
        source=source,
        target=target,
        class_id=class_id or None,
        issues=issues or None,
        code=await _closed(gateway.chain(source), gateway.chain(target), use, class_id) or code,
        fee=fee,
        gas=gas,
        usual_ms=usual,
        observed=observed,
    )


async def _closed(source: Chain, target: Chain, use: str, class_id: str) -> str:
    """Why the way is closed; empty if it is open."""
    if use == "attest":
        return await _distrust(target, source)
    there = (await derive(source, lambda records: find_class(records, class_id))).value
    if there is None:
        return "class-unknown"
    if use == "require":
        return await _distrust(target, source)
    listed = (await derive(source, lambda records: is_target(records, class_id, target.rules.chain_id))).value
    if not listed:
        return "target-not-listed"
    return await _distrust(source, target) or await _distrust(target, source) or await _refused(target, there)


async def _distrust(chain: Chain, other: Chain) -> str:
    """Why a chain believes nothing of another; empty if it does."""
    client = (await derive(chain, lambda records: find_client(records, other.rules.chain_id))).value
    if client is None:
        return "chain-unknown"
    return "client-frozen" if client.frozen else ""


async def _refused(target: Chain, there: CertificateClass) -> str:
    def refusal(records: Readable) -> str:
        return route_refusal(records, now_ms(), there.class_id, there.schema, there.issuer_did)

    return (await derive(target, refusal)).value
