"""What a contract's owner may set: whether it runs, its name and symbol (protocol 13.4)."""

from typing import Annotated

from msgspec import Meta
from msgspec.structs import replace

from chain.codec import Record, encode
from contracts.access import ContractStanding, standing_of
from contracts.gates import sender_is
from contracts.interface import Act, Check, ContractContext, ContractReverted, Method, Role, refuses
from contracts.keys import standing_key


class Pause(Record, frozen=True):
    """`pause`, `unpause`: no arguments."""


class SetNameAndSymbol(Record, frozen=True):
    """`setNameAndSymbol`: what the contract is called."""

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    symbol: Annotated[str, Meta(min_length=1, max_length=16)]


def _paused_is(*, paused: bool) -> Check:
    def test(context: ContractContext, _arguments: Pause) -> None:
        if standing_of(context.records, context.contract).paused != paused:
            raise ContractReverted("no-change", context.contract)

    return Check(says=f"The contract is {'' if paused else 'not '}paused", codes=("no-change",), test=test)


def _pausing(event: str, *, to: bool) -> Act:
    def effect(context: ContractContext, _arguments: Pause) -> None:
        _put(context, replace(standing_of(context.records, context.contract), paused=to))
        context.emit(event, context.sender)

    effect.__doc__ = "Let platforms and consumers call nothing." if to else "Let everybody call again."
    return effect


@refuses("no-change")
def name_differs(context: ContractContext, arguments: SetNameAndSymbol) -> None:
    """Name or symbol differ."""
    standing = standing_of(context.records, context.contract)
    if (standing.name, standing.symbol) == (arguments.name, arguments.symbol):
        raise ContractReverted("no-change", context.contract)


def set_name_and_symbol(context: ContractContext, arguments: SetNameAndSymbol) -> None:
    """Name the contract."""
    standing = standing_of(context.records, context.contract)
    _put(context, replace(standing, name=arguments.name, symbol=arguments.symbol))
    context.emit("SetNameAndSymbol", arguments.name, arguments.symbol)


def _put(context: ContractContext, standing: ContractStanding) -> None:
    context.records.put(standing_key(context.contract), encode(standing))


def owner_methods() -> dict[str, Method]:
    """The methods that every business contract has for its owner."""
    owner = sender_is(Role.OWNER)
    return {
        "pause": Method(
            arguments=Pause,
            checks=(owner, _paused_is(paused=False)),
            effect=_pausing("Paused", to=True),
            events=("Paused",),
        ),
        "unpause": Method(
            arguments=Pause,
            checks=(owner, _paused_is(paused=True)),
            effect=_pausing("Unpaused", to=False),
            events=("Unpaused",),
        ),
        "setNameAndSymbol": Method(
            arguments=SetNameAndSymbol,
            checks=(owner, name_differs),
            effect=set_name_and_symbol,
            events=("SetNameAndSymbol",),
        ),
    }
