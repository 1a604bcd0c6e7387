"""What a call costs, who pays it, when it is taken, and that nobody pays for a refusal (protocol 27.2)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from chain.codec import CodecMalformed, Record, decode, encode
from chain.profiles import CHAIN_IDS
from chain.rules import ChainRules
from chain.transaction import Event
from contracts.charge import DelDDC
from contracts.ddc721_views import OfToken
from contracts.interface import ContractContext, ContractReverted, Price
from contracts.issuing import SafeMint
from contracts.keys import contract_purse, fen_supply_key, purse_key, tariff_key
from contracts.life import ChangeStatus
from contracts.purses import (
    COLLECT_CODES,
    EMPTY,
    FEE_FEN_MAX,
    STEPS_PER_FEN,
    Purse,
    Tariff,
    collect,
    fee_of,
    fen_supply,
    give,
    purse_of,
    tariff_of,
)
from contracts.registry import METHODS
from tests.chain.record_strategies import any_of
from tests.chain.small_genesis import FEN, GAS
from tests.contracts.small_chain import CLASS, SmallChain, item, token

MINT_FEN, BURN_FEN = 30, 10
"""Of every chain's profile."""
PRICED = sorted(place for place, method in METHODS.items() if method.price is not None)
every_chain = pytest.mark.parametrize("chain_id", CHAIN_IDS)


@pytest.fixture
def chain() -> SmallChain:
    founded = SmallChain.founded()
    founded.define()
    return founded


def purse(chain: SmallChain, person: str = "platform") -> Purse:
    return purse_of(chain.records, chain.address(person))


def pot(chain: SmallChain, contract: str = "ddc721") -> int:
    return purse_of(chain.records, contract_purse(contract)).fen


def gas_of(chain: SmallChain, steps: int) -> int:
    return steps * chain.rules.profile.gas_per_fen // 1_000


def set_purse(chain: SmallChain, fen: int, gas: int, person: str = "platform") -> None:
    chain.write(purse_key(chain.address(person)), Purse(fen=fen, gas=gas))


def set_fees(chain: SmallChain, **fees: int) -> None:
    chain.write(tariff_key("ddc721"), Tariff(registered=True, fees=tuple(sorted(fees.items()))))


def burn(chain: SmallChain) -> tuple[Event, ...]:
    arguments = ChangeStatus(class_id=CLASS, token=token(1), holder=None, reason="error")
    return chain.call("alice", "ddc721", "burn", arguments)


@every_chain
def test_a_mint_costs_the_profile_s_fen_and_gas_for_its_steps(chain_id: str) -> None:
    chain = SmallChain.founded(chain_id)
    chain.define()
    before, gas = chain.content(), gas_of(chain, 200 + 100)
    events = chain.mint()
    values = (chain.address("platform"), "mint", MINT_FEN, gas, 1)
    assert events[0] == Event(contract="ddc721", name="Pay", values=values)
    assert purse(chain) == Purse(fen=FEN["platform"] - MINT_FEN, gas=GAS - gas)
    assert purse_of(chain.records, contract_purse("ddc721")) == Purse(fen=MINT_FEN, gas=0)
    touched = {key for key, value in chain.content().items() if before.get(key) != value and key[:1] in b"KLQ"}
    assert touched == {purse_key(chain.address("platform")), purse_key(contract_purse("ddc721"))}


@pytest.mark.parametrize("count", [1, 2, 100])
def test_a_batch_costs_as_many_fees_as_it_has_certificates_and_less_gas(chain: SmallChain, count: int) -> None:
    events = chain.mint_batch(*(item(chain.address("alice"), number) for number in range(count)))
    gas = gas_of(chain, 200 + 100 * count)
    assert events[0].values == (chain.address("platform"), "mintBatch", MINT_FEN * count, gas, count)
    assert purse(chain) == Purse(fen=FEN["platform"] - MINT_FEN * count, gas=GAS - gas)
    assert pot(chain) == MINT_FEN * count


def test_only_the_first_event_is_of_the_payment(chain: SmallChain) -> None:
    assert [event.name for event in chain.mint()] == ["Pay", "Transfer", "Locked", "Issued"]


def test_the_sender_pays_and_not_the_holder(chain: SmallChain) -> None:
    chain.mint()
    assert purse(chain, "alice") == EMPTY
    set_purse(chain, 50, GAS, "alice")
    before = purse(chain)
    events = burn(chain)
    assert events[0].values == (chain.address("alice"), "burn", BURN_FEN, gas_of(chain, 200), 1)
    assert (purse(chain, "alice").fen, purse(chain)) == (40, before)
    assert pot(chain) == MINT_FEN + BURN_FEN


def test_fees_of_all_callers_add_up_in_the_contract_s_purse_and_the_supply_stays(chain: SmallChain) -> None:
    supply = fen_supply(chain.records)
    for number in range(3):
        chain.mint(number)
    assert pot(chain) == 3 * MINT_FEN
    assert fen_supply(chain.records) == supply


def test_the_fee_is_that_of_the_method_called(chain: SmallChain) -> None:
    set_fees(chain, mint=7, safeMint=11)
    chain.mint(1)
    assert pot(chain) == 7
    certificate = item(chain.address("alice"), 2)
    chain.call("platform", "ddc721", "safeMint", SafeMint(class_id=CLASS, item=certificate, data=b""))
    assert pot(chain) == 7 + 11


def test_without_a_fee_a_call_costs_gas_alone_and_says_so(chain: SmallChain) -> None:
    set_fees(chain)
    set_purse(chain, 0, gas_of(chain, 300))
    assert chain.mint()[0].values == (chain.address("platform"), "mint", 0, gas_of(chain, 300), 1)
    assert purse(chain) == EMPTY
    assert purse_key(contract_purse("ddc721")) not in chain.content()


def test_what_has_no_price_needs_no_purse() -> None:
    chain = SmallChain.founded()
    set_purse(chain, 0, 0)
    assert [event.name for event in chain.define()] == ["DefineClass"]
    assert purse(chain) == EMPTY


@pytest.mark.parametrize("spare_fen", [0, 1])
@pytest.mark.parametrize("spare_gas", [0, 1])
def test_who_has_exactly_enough_can_pay(chain: SmallChain, spare_fen: int, spare_gas: int) -> None:
    set_purse(chain, MINT_FEN + spare_fen, gas_of(chain, 300) + spare_gas)
    chain.mint()
    assert purse(chain) == Purse(fen=spare_fen, gas=spare_gas)


@pytest.mark.parametrize("has", [0, MINT_FEN - 1])
def test_one_fen_short_is_refused(chain: SmallChain, has: int) -> None:
    set_purse(chain, has, GAS)
    with chain.refuses("fee-short", MINT_FEN, has):
        chain.mint()


def test_one_unit_of_gas_short_is_refused(chain: SmallChain) -> None:
    needed = gas_of(chain, 300)
    for has in (0, needed - 1):
        set_purse(chain, FEN["platform"], has)
        with chain.refuses("gas-short", needed, has):
            chain.mint()


def test_a_batch_is_refused_as_a_whole_if_the_last_certificate_cannot_be_paid(chain: SmallChain) -> None:
    items = [item(chain.address("alice"), number) for number in range(3)]
    set_purse(chain, 3 * MINT_FEN - 1, GAS)
    with chain.refuses("fee-short", 3 * MINT_FEN, 3 * MINT_FEN - 1):
        chain.mint_batch(*items)
    set_purse(chain, 3 * MINT_FEN, gas_of(chain, 500) - 1)
    with chain.refuses("gas-short", gas_of(chain, 500), gas_of(chain, 500) - 1):
        chain.mint_batch(*items)
    chain.mint_batch(*items[:2])


def test_the_registration_is_asked_for_before_fen_and_fen_before_gas(chain: SmallChain) -> None:
    assert COLLECT_CODES == ("contract-deregistered", "fee-short", "gas-short")
    set_purse(chain, 0, 0)
    with chain.refuses("fee-short", MINT_FEN, 0):
        chain.mint()
    chain.call("operator", "charge", "delDDC", DelDDC(contract="ddc721"))
    with chain.refuses("contract-deregistered", "ddc721"):
        chain.mint()


def test_a_refused_call_costs_nothing_and_is_refused_for_its_own_reason(chain: SmallChain) -> None:
    chain.mint()
    before = purse(chain)
    for _ in range(3):
        with chain.refuses("token-exists", CLASS, token(1)):
            chain.mint()
    set_purse(chain, 0, 0)
    with chain.refuses("token-exists", CLASS, token(1)):
        chain.mint()
    set_purse(chain, before.fen, before.gas)
    chain.mint(2)
    assert purse(chain).fen == before.fen - MINT_FEN


def paid(place: tuple[str, str], arguments: Record, *, registered: bool = True) -> ContractContext:
    """The call after its payment and before its effect, by a platform that has enough."""
    chain, price = SmallChain.founded(), METHODS[place].price
    assert price is not None
    if not registered:
        chain.call("operator", "charge", "delDDC", DelDDC(contract=place[0]))
    context = chain.context("platform", *place)
    collect(context, price, arguments)
    return context


def certificates_in(arguments: Record) -> int:
    """How many certificates a call is for, counted by what it lists."""
    lists = [getattr(arguments, name, None) for name in ("items", "tokens", "holders")]
    return max((len(listed) for listed in lists if listed is not None), default=1)


@pytest.mark.parametrize("place", PRICED, ids=".".join)
@given(st.data())
@settings(max_examples=5)
def test_every_priced_method_costs_what_the_tariff_says_for_each_certificate(
    place: tuple[str, str], data: st.DataObject
) -> None:
    method = METHODS[place]
    assert method.arguments is not None
    assert method.price is not None
    arguments = data.draw(any_of(method.arguments))
    units, context = certificates_in(arguments), paid(place, arguments)
    profile = context.rules.profile
    fee = profile.fees[place[0]].get(place[1], 0) * units
    gas = (method.price.steps + method.price.steps_each * units) * profile.gas_per_fen // 1_000
    assert gas > 0
    assert context.events == [Event(contract=place[0], name="Pay", values=(context.sender, place[1], fee, gas, units))]
    assert purse_of(context.records, context.sender) == Purse(fen=FEN["platform"] - fee, gas=GAS - gas)
    assert purse_of(context.records, contract_purse(place[0])).fen == fee


@pytest.mark.parametrize("place", PRICED, ids=".".join)
@given(st.data())
@settings(max_examples=5)
def test_no_priced_method_of_a_contract_runs_once_it_is_deregistered(
    place: tuple[str, str], data: st.DataObject
) -> None:
    record = METHODS[place].arguments
    assert record is not None
    with pytest.raises(ContractReverted) as refusal:
        paid(place, data.draw(any_of(record)), registered=False)
    assert (refusal.value.code, refusal.value.values) == ("contract-deregistered", (place[0],))


def test_a_deregistered_contract_s_free_methods_still_run(chain: SmallChain) -> None:
    chain.mint()
    chain.call("operator", "charge", "delDDC", DelDDC(contract="ddc721"))
    assert [event.name for event in chain.change("freeze")] == ["EnterBlacklist"]


def test_a_contract_that_never_was_registered_takes_no_calls_that_cost(chain: SmallChain) -> None:
    chain.write(tariff_key("ddc721"), None)
    with chain.refuses("contract-deregistered", "ddc721"):
        chain.mint()


def test_deregistering_one_contract_leaves_the_others(chain: SmallChain) -> None:
    chain.call("operator", "charge", "delDDC", DelDDC(contract="ddc1155"))
    chain.mint()
    assert chain.read("ownerOf", OfToken(class_id=CLASS, token=token(1))) == chain.address("alice")


@given(st.integers(0, 3_000), st.integers(0, 300), st.integers(1, 100), st.integers(1, 10**6))
def test_gas_is_the_floor_of_steps_times_price_by_a_thousand(steps: int, each: int, units: int, per_fen: int) -> None:
    chain = SmallChain.founded()
    context = chain.context("platform", "ddc721", "mint")
    profile = replace(chain.rules.profile, gas_per_fen=per_fen)
    context.rules = ChainRules.of(chain.rules.network_id, profile)
    context.records.put(purse_key(chain.address("platform")), encode(Purse(fen=10**9, gas=2**53 - 1)))
    collect(context, Price(steps=steps, steps_each=each, units=lambda _: units), None)
    gas, thousandths = divmod((steps + each * units) * per_fen, STEPS_PER_FEN)
    assert thousandths < STEPS_PER_FEN
    assert context.events[0].values == (chain.address("platform"), "mint", MINT_FEN * units, gas, units)
    assert purse_of(context.records, chain.address("platform")).gas == 2**53 - 1 - gas


def test_a_thousand_steps_cost_the_gas_that_one_fen_buys(chain: SmallChain) -> None:
    context = chain.context("platform", "ddc721", "mint")
    collect(context, Price(steps=1_000), None)
    assert context.events[0].values[3] == chain.rules.profile.gas_per_fen


def test_who_never_had_a_purse_has_an_empty_one(chain: SmallChain) -> None:
    assert purse(chain, "alice") == purse(chain, "bob") == EMPTY == Purse(fen=0, gas=0)
    assert tariff_of(chain.records, "classes") is None
    assert fen_supply({}) == 0


def test_a_method_that_the_tariff_lacks_is_free_of_fen(chain: SmallChain) -> None:
    assert fee_of(chain.records, "ddc721", "mint") == MINT_FEN
    assert fee_of(chain.records, "ddc721", "crossSafeMint") == fee_of(chain.records, "ddc721", "nothing") == 0
    with pytest.raises(ContractReverted, match="contract-deregistered"):
        fee_of(chain.records, "classes", "defineClass")


def test_a_gift_changes_fen_and_leaves_gas(chain: SmallChain) -> None:
    context = chain.context("platform", "charge", "recharge")
    give(context.records, chain.address("platform"), -FEN["platform"])
    assert purse_of(context.records, chain.address("platform")) == Purse(fen=0, gas=GAS)


@pytest.mark.parametrize("wrong", [-1, 2**53])
def test_no_purse_is_written_that_could_not_be_read(wrong: int) -> None:
    for fields in ({"fen": wrong, "gas": 0}, {"fen": 0, "gas": wrong}):
        data = encode(Purse(**fields))
        with pytest.raises(CodecMalformed):
            decode(data, Purse)


@pytest.mark.parametrize(("fee", "taken"), [(0, False), (1, True), (FEE_FEN_MAX, True), (FEE_FEN_MAX + 1, False)])
def test_a_tariff_s_fees_are_1_to_a_million_fen(fee: int, taken: bool) -> None:
    data = encode(Tariff(registered=True, fees=(("mint", fee),)))
    if taken:
        assert decode(data, Tariff).fees == (("mint", fee),)
    else:
        with pytest.raises(CodecMalformed):
            decode(data, Tariff)


def test_the_supply_stands_in_eight_bytes(chain: SmallChain) -> None:
    chain.write(fen_supply_key(), (2**53 - 1).to_bytes(8, "big"))
    assert fen_supply(chain.records) == 2**53 - 1
