"""That the checks of a method stand in their order: of many things that are wrong, the first is told.

    def test_the_checks_of_mint_stand_in_order() -> None:
        def play() -> Play:
            chain = SmallChain.founded()
            chain.define()
            return Play(chain, "platform", "ddc721", "mint", Mint(class_id=CLASS, item=item(chain.address("alice"), 1)))

        assert_order(
            play,
            ("contract-paused", paused),
            ("account-unknown", by("bob")),
            ("account-frozen", sender_frozen),
            ...
            ("class-unknown", arguments(class_id="other")),
            ...
            ("token-exists", lambda play: play.chain.mint()),
            ("fee-short", lambda play: play.chain.write(purse_key(play.address), EMPTY)),
        )

The list has every code of every check, check by check, and those of the payment where there is a price; it must be
exactly the method's own. A code that cannot be on this chain is named in `absent`, with the number
of its check where another check may still tell it. A spoil changes the play: who
sends, what, or the chain itself (`play.chain.write` puts any record there). With spoil i all later ones are there too;
the last is done first, so that the first has the last word, and works on what the later ones have left.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import pytest
from msgspec.structs import replace

from contracts.access import ContractStanding, find_account
from contracts.interface import ContractReverted, Method
from contracts.keys import account_key, standing_key
from contracts.purses import COLLECT_CODES, collect
from contracts.registry import METHODS
from tests.contracts.small_chain import SmallChain


@dataclass(slots=True)
class Play:
    """A call that succeeds as long as nobody spoils it."""

    chain: SmallChain
    sender: str
    contract: str
    method: str
    arguments: Any

    @property
    def address(self) -> bytes:
        """The sender's address."""
        return self.chain.address(self.sender)

    def run(self) -> None:
        """Make the call."""
        self.chain.call(self.sender, self.contract, self.method, self.arguments)


Spoil = Callable[[Play], object]
PAYMENT: Final = -1
Absent = frozenset[str | tuple[int, str]]


def assert_order(make: Callable[[], Play], *spoils: tuple[str, Spoil], absent: Absent = frozenset()) -> None:
    """The unspoiled call succeeds; with spoil i, alone and with all later ones, code i is told by the check that has it."""
    make().run()
    play = make()
    places = codes_of(METHODS[play.contract, play.method])
    expected = [place for place in places if place not in absent and place[1] not in absent]
    assert [code for code, _ in spoils] == [code for _, code in expected]
    for number, place in enumerate(expected):
        for wrong in (spoils[number:], spoils[number : number + 1]):
            play = make()
            for _, spoil in reversed(wrong):
                spoil(play)
            assert refusal_of(play) == place, [code for code, _ in wrong]


def codes_of(method: Method) -> list[tuple[int, str]]:
    """Every code by which the call may be refused, in order, each with the number of its check."""
    payment = [(PAYMENT, code) for code in COLLECT_CODES] if method.price is not None else []
    return [(number, code) for number, check in enumerate(method.checks) for code in check.codes] + payment


def refusal_of(play: Play) -> tuple[int, str]:
    """The check that refuses the call, by its number, and its code; the state stays as it is."""
    before = play.chain.content()
    with pytest.raises(ContractReverted) as refusal:
        play.run()
    assert play.chain.content() == before
    return _first_refusing(play), refusal.value.code


def _first_refusing(play: Play) -> int:
    method = METHODS[play.contract, play.method]
    context = play.chain.context(play.sender, play.contract, play.method)
    for number, check in enumerate(method.checks):
        try:
            check.test(context, play.arguments)
        except ContractReverted:
            return number
    assert method.price is not None
    with pytest.raises(ContractReverted):
        collect(context, method.price, play.arguments)
    return PAYMENT


def by(person: str) -> Spoil:
    """Somebody else sends it; bob, as a rule, has no account."""

    def spoil(play: Play) -> None:
        play.sender = person

    return spoil


def sender_frozen(play: Play) -> None:
    """Whoever sends it is frozen, by nobody in particular."""
    account = find_account(play.chain.records, play.address)
    assert account is not None
    play.chain.write(account_key(play.address), replace(account, operator_active=False))


def paused(play: Play) -> None:
    """The contract is paused."""
    play.chain.write(standing_key(play.contract), ContractStanding(paused=True, name="", symbol=""))


def arguments(**changed: Any) -> Spoil:
    """Other arguments; of a field that is a function, what it makes of the play."""

    def spoil(play: Play) -> None:
        play.arguments = replace(play.arguments, **_made(play, changed))

    return spoil


def item(**changed: Any) -> Spoil:
    """Another item, or the first of them."""

    def spoil(play: Play) -> None:
        single = hasattr(play.arguments, "item")
        first = play.arguments.item if single else play.arguments.items[0]
        other = replace(first, **_made(play, changed))
        fields: dict[str, Any] = {"item": other} if single else {"items": (other, *play.arguments.items[1:])}
        play.arguments = replace(play.arguments, **fields)

    return spoil


def _made(play: Play, changed: dict[str, Any]) -> dict[str, Any]:
    return {name: value(play) if callable(value) else value for name, value in changed.items()}
