"""What the owner sets of a contract: whether it runs, its name and symbol, and nobody else does (protocol 13.4)."""

from typing import Any

import pytest

from chain.codec import CodecMalformed, decoder, encode
from chain.transaction import Event
from contracts.access import ContractStanding, is_paused, standing_of
from contracts.keys import standing_key
from contracts.owning import Pause, SetNameAndSymbol
from contracts.registry import METHODS
from tests.contracts.check_order import Play, arguments, assert_order, by, sender_frozen
from tests.contracts.small_chain import SmallChain

OWNED = ["crosschain", "ddc721", "ddc1155", "evidence", "mirrors", "storage"]
NAMED = SetNameAndSymbol(name="Certificates", symbol="DDC")
owned = pytest.mark.parametrize("contract", OWNED)


@pytest.fixture
def chain() -> SmallChain:
    founded = SmallChain.founded()
    founded.define()
    return founded


def pause(chain: SmallChain, contract: str = "ddc721", method: str = "pause", sender: str = "owner") -> Any:
    return chain.call(sender, contract, method, Pause())


def test_the_business_contracts_have_an_owner_s_methods_and_no_other_has() -> None:
    for name in ("pause", "unpause", "setNameAndSymbol"):
        assert sorted(contract for contract, method in METHODS if method == name) == sorted(OWNED)


@owned
def test_a_contract_is_paused_and_runs_again(chain: SmallChain, contract: str) -> None:
    before = chain.content()
    events = pause(chain, contract)
    assert events == (Event(contract=contract, name="Paused", values=(chain.address("owner"),)),)
    standing = encode(ContractStanding(paused=True, name="", symbol=""))
    assert chain.content() == before | {standing_key(contract): standing}
    assert [is_paused(chain.records, other) for other in OWNED] == [other == contract for other in OWNED]
    events = pause(chain, contract, "unpause")
    assert events == (Event(contract=contract, name="Unpaused", values=(chain.address("owner"),)),)
    assert not is_paused(chain.records, contract)


@owned
def test_a_contract_is_named_and_keeps_its_name_through_a_pause(chain: SmallChain, contract: str) -> None:
    before = chain.content()
    events = chain.call("owner", contract, "setNameAndSymbol", NAMED)
    assert events == (Event(contract=contract, name="SetNameAndSymbol", values=("Certificates", "DDC")),)
    named = ContractStanding(paused=False, name="Certificates", symbol="DDC")
    assert chain.content() == before | {standing_key(contract): encode(named)}
    pause(chain, contract)
    chain.call("owner", contract, "setNameAndSymbol", SetNameAndSymbol(name="Other", symbol="DDC"))
    assert standing_of(chain.records, contract) == ContractStanding(paused=True, name="Other", symbol="DDC")


@pytest.mark.parametrize("changed", [("Certificates", "DDD"), ("Certificate", "DDC")])
def test_a_name_or_a_symbol_alone_may_differ(chain: SmallChain, changed: tuple[str, str]) -> None:
    chain.call("owner", "ddc721", "setNameAndSymbol", NAMED)
    chain.call("owner", "ddc721", "setNameAndSymbol", SetNameAndSymbol(name=changed[0], symbol=changed[1]))
    standing = standing_of(chain.records, "ddc721")
    assert (standing.name, standing.symbol) == changed


@owned
@pytest.mark.parametrize("method", ["pause", "unpause"])
def test_the_checks_of_pausing_stand_in_order(contract: str, method: str) -> None:
    def play() -> Play:
        chain = SmallChain.founded()
        if method == "unpause":
            pause(chain, contract)
        return Play(chain, "owner", contract, method, Pause())

    assert_order(
        play,
        ("account-unknown", by("bob")),
        ("account-frozen", sender_frozen),
        ("role-not-allowed", by("alice")),
        ("no-change", lambda play: pause(play.chain, contract, method)),
    )


@owned
def test_the_checks_of_naming_stand_in_order(contract: str) -> None:
    def play() -> Play:
        chain = SmallChain.founded()
        chain.call("owner", contract, "setNameAndSymbol", NAMED)
        return Play(chain, "owner", contract, "setNameAndSymbol", SetNameAndSymbol(name="Other", symbol="DDC"))

    assert_order(
        play,
        ("account-unknown", by("bob")),
        ("account-frozen", sender_frozen),
        ("role-not-allowed", by("alice")),
        ("no-change", arguments(name="Certificates")),
    )


@pytest.mark.parametrize("person", ["operator", "platform", "rival", "alice"])
@pytest.mark.parametrize("method", ["pause", "unpause", "setNameAndSymbol"])
def test_nobody_but_the_owner_sets_anything(chain: SmallChain, person: str, method: str) -> None:
    account = chain.account(person)
    assert account is not None
    with chain.refuses("role-not-allowed", account.role):
        chain.call(person, "ddc721", method, NAMED if method == "setNameAndSymbol" else Pause())


def test_a_refused_pause_tells_which_contract_is_as_it_was_to_be(chain: SmallChain) -> None:
    with chain.refuses("no-change", "storage"):
        pause(chain, "storage", "unpause")
    pause(chain, "storage")
    with chain.refuses("no-change", "storage"):
        pause(chain, "storage")
    chain.call("owner", "storage", "setNameAndSymbol", NAMED)
    with chain.refuses("no-change", "storage"):
        chain.call("owner", "storage", "setNameAndSymbol", NAMED)


def test_a_pause_keeps_platforms_and_consumers_out_and_lets_the_operator_work(chain: SmallChain) -> None:
    chain.mint()
    pause(chain)
    with chain.refuses("contract-paused", "ddc721"):
        chain.mint(2)
    with chain.refuses("contract-paused", "ddc721"):
        chain.change("freeze", sender="alice")
    chain.change("freeze")
    pause(chain, method="unpause")
    chain.change("unfreeze")
    chain.mint(2)


@pytest.mark.parametrize(("name", "symbol"), [("", "DDC"), ("n" * 65, "DDC"), ("n", ""), ("n", "s" * 17)])
def test_a_name_has_a_form(chain: SmallChain, name: str, symbol: str) -> None:
    wrong = encode((name, symbol))
    with pytest.raises(CodecMalformed):
        decoder(SetNameAndSymbol)(wrong)
    with chain.refuses("arguments-malformed"):
        chain.call("owner", "ddc721", "setNameAndSymbol", wrong)
    chain.call("owner", "ddc721", "setNameAndSymbol", SetNameAndSymbol(name="n", symbol="s"))
    longest = SetNameAndSymbol(name="名" * 64, symbol="s" * 16)
    chain.call("owner", "ddc721", "setNameAndSymbol", longest)
    assert standing_of(chain.records, "ddc721").name == longest.name
