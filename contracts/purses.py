"""Purses and tariffs, and how a call is paid for (protocol 27).

All fen stand in purses: of accounts, and of contracts, which take fees until an operator settles them. Their sum is
the supply after every call. Gas is bought with fen at the profile's price and used up.
"""

from functools import lru_cache
from typing import Annotated, Any, Final

from msgspec import Meta
from msgspec.structs import replace

from chain.codec import Record, decoder, encode
from chain.ids import Natural
from chain.rules import ChainRules
from chain.transaction import Name
from contracts.interface import ContractContext, ContractReverted, Price, Readable, Records
from contracts.keys import contract_purse, fen_supply_key, purse_key, tariff_key

FEE_FEN_MAX: Final = 1_000_000
STEPS_PER_FEN: Final = 1_000
"""Steps of gas that cost as much as one fen buys."""
COLLECT_CODES: Final = ("contract-deregistered", "fee-short", "gas-short")


class Purse(Record, frozen=True):
    """What an account or a contract has: fen, and gas in the chain's unit."""

    fen: Natural
    gas: Natural


class Tariff(Record, frozen=True):
    """A paying contract: whether it is registered, and what its methods cost per unit, ascending by method."""

    registered: bool
    fees: Annotated[tuple[tuple[Name, Annotated[int, Meta(ge=1, le=FEE_FEN_MAX)]], ...], Meta(max_length=64)]


EMPTY: Final = Purse(fen=0, gas=0)


def purse_of(records: Readable, owner: bytes) -> Purse:
    """What `owner` has: an account's address, or `contract_purse(name)`."""
    data = records.get(purse_key(owner))
    return EMPTY if data is None else _purse(data)


def tariff_of(records: Readable, contract: str) -> Tariff | None:
    """The contract's tariff, or None if it never was registered."""
    data = records.get(tariff_key(contract))
    return None if data is None else _tariff(data)


def fen_supply(records: Readable) -> int:
    """All fen that there are."""
    data = records.get(fen_supply_key())
    return 0 if data is None else int.from_bytes(data, "big")


def fee_of(records: Readable, contract: str, method: str) -> int:
    """What a method costs per unit, in fen; `contract-deregistered` if its contract takes no fees."""
    tariff = tariff_of(records, contract)
    if tariff is None or not tariff.registered:
        raise ContractReverted("contract-deregistered", contract)
    return next((fen for name, fen in tariff.fees if name == method), 0)


def cost_of(
    records: Readable, rules: ChainRules, contract: str, method: str, price: Price, units: int
) -> tuple[int, int]:
    """What a call of so many units costs: fen, and gas in the chain's unit; `contract-deregistered` if it cannot be made."""
    gas = (price.steps + price.steps_each * units) * rules.profile.gas_per_fen // STEPS_PER_FEN
    return fee_of(records, contract, method) * units, gas


def collect(context: ContractContext, price: Price, arguments: Any) -> None:  # noqa: ANN401 - the method's record
    """Take what a call costs from its sender: fen for the contract, gas for good; refused if it cannot pay."""
    units = price.units(arguments)
    fee, gas = cost_of(context.records, context.rules, context.contract, context.method, price, units)
    purse = purse_of(context.records, context.sender)
    if purse.fen < fee:
        raise ContractReverted("fee-short", fee, purse.fen)
    if purse.gas < gas:
        raise ContractReverted("gas-short", gas, purse.gas)
    put_purse(context.records, context.sender, Purse(fen=purse.fen - fee, gas=purse.gas - gas))
    if fee:
        give(context.records, contract_purse(context.contract), fee)
    context.emit("Pay", context.sender, context.method, fee, gas, units)


def give(records: Records, owner: bytes, fen: int) -> None:
    """Change a purse by so many fen; whoever calls keeps the sum over all purses."""
    purse = purse_of(records, owner)
    put_purse(records, owner, replace(purse, fen=purse.fen + fen))


def put_purse(records: Records, owner: bytes, purse: Purse) -> None:
    """Record what `owner` has."""
    records.put(purse_key(owner), encode(purse))


_purse: Final = decoder(Purse)
_tariff: Final = lru_cache(maxsize=64)(decoder(Tariff))
