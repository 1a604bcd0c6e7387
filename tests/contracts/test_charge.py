"""Fen and gas: who gives whom how much, where fen come from, and what they buy (protocol 27)."""

import pytest

from chain.profiles import CHAIN_IDS
from contracts.charge import (
    FEN_MAX,
    RECHARGES_MAX,
    BuyGas,
    Recharge,
    RechargeBatch,
    RechargeItem,
    SelfRecharge,
)
from contracts.keys import contract_purse, fen_supply_key, purse_key
from contracts.purses import Purse, fen_supply, purse_of
from tests.chain.small_genesis import FEN, GAS
from tests.contracts.small_chain import SmallChain
from tests.contracts.small_ledger import call, changed_keys, fen, told


@pytest.fixture
def chain() -> SmallChain:
    return SmallChain.founded()


def test_a_recharge_moves_fen_and_nothing_else(chain: SmallChain) -> None:
    before = chain.content()
    events = call(chain, "recharge", Recharge(to=chain.address("alice"), fen=40), "platform")
    assert events == told("Recharge", chain.address("platform"), chain.address("alice"), 40)
    assert fen(chain, "platform", "alice") == [FEN["platform"] - 40, 40]
    assert changed_keys(before, chain) == {purse_key(chain.address(person)) for person in ("platform", "alice")}
    assert purse_of(chain.records, chain.address("platform")).gas == GAS


def test_a_batch_moves_fen_to_all_and_lists_them(chain: SmallChain) -> None:
    wanted = {"platform": 1, "rival": 2, "alice": 3}
    items = tuple(RechargeItem(to=chain.address(person), fen=fen) for person, fen in wanted.items())
    before = chain.content()
    events = call(chain, "rechargeBatch", RechargeBatch(items=items))
    assert events == told("RechargeBatch", chain.address("operator"), tuple(item.to for item in items), 6)
    assert fen(chain, "operator", *wanted) == [FEN["operator"] - 6, FEN["platform"] + 1, 2, 3]
    assert changed_keys(before, chain) == {purse_key(chain.address(person)) for person in ("operator", *wanted)}


def test_one_account_may_stand_twice_in_a_batch(chain: SmallChain) -> None:
    items = (RechargeItem(to=chain.address("alice"), fen=3), RechargeItem(to=chain.address("alice"), fen=4))
    call(chain, "rechargeBatch", RechargeBatch(items=items))
    assert fen(chain, "operator", "alice") == [FEN["operator"] - 7, 7]


def test_everything_may_be_given_and_one_fen_more_may_not(chain: SmallChain) -> None:
    has = FEN["platform"]
    with chain.refuses("fee-short", has + 1, has):
        call(chain, "recharge", Recharge(to=chain.address("alice"), fen=has + 1), "platform")
    items = (RechargeItem(to=chain.address("alice"), fen=has), RechargeItem(to=chain.address("alice"), fen=1))
    with chain.refuses("fee-short", has + 1, has):
        call(chain, "rechargeBatch", RechargeBatch(items=items), "platform")
    call(chain, "recharge", Recharge(to=chain.address("alice"), fen=has), "platform")
    assert fen(chain, "platform", "alice") == [0, has]


def test_the_largest_amounts_are_refused_by_a_code_and_not_by_their_size(chain: SmallChain) -> None:
    items = tuple(RechargeItem(to=chain.address("alice"), fen=FEN_MAX) for _ in range(RECHARGES_MAX))
    with chain.refuses("fee-short", RECHARGES_MAX * FEN_MAX, FEN["operator"]):
        call(chain, "rechargeBatch", RechargeBatch(items=items))


def test_a_batch_is_one_to_a_hundred_recharges(chain: SmallChain) -> None:
    one = RechargeItem(to=chain.address("alice"), fen=1)
    for size in (0, RECHARGES_MAX + 1):
        with chain.refuses("arguments-malformed"):
            call(chain, "rechargeBatch", RechargeBatch(items=(one,) * size))
    call(chain, "rechargeBatch", RechargeBatch(items=(one,) * RECHARGES_MAX))
    assert fen(chain, "alice") == [100]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_batch_of_which_one_is_refused_moves_nothing(chain: SmallChain, place: int) -> None:
    good = [RechargeItem(to=chain.address(person), fen=5) for person in ("platform", "rival", "alice")]
    wrong = {
        "own-account": (RechargeItem(to=chain.address("operator"), fen=5), chain.address("operator")),
        "account-unknown": (RechargeItem(to=chain.address("bob"), fen=5), chain.address("bob")),
        "recharge-not-allowed": (RechargeItem(to=chain.address("owner"), fen=5), chain.address("owner")),
    }
    for code, (bad, *values) in wrong.items():
        items = (*good[:place], bad, *good[place + 1 :])
        with chain.refuses(code, *values):
            call(chain, "rechargeBatch", RechargeBatch(items=items))
    zero = RechargeItem(to=chain.address("alice"), fen=0)
    with chain.refuses("amount-zero"):
        call(chain, "rechargeBatch", RechargeBatch(items=(*good[:place], zero, *good[place + 1 :])))


def test_who_gives_keeps_its_gas_and_who_receives_its_own(chain: SmallChain) -> None:
    call(chain, "recharge", Recharge(to=chain.address("platform"), fen=1))
    assert purse_of(chain.records, chain.address("platform")) == Purse(fen=FEN["platform"] + 1, gas=GAS)
    assert purse_of(chain.records, chain.address("operator")) == Purse(fen=FEN["operator"] - 1, gas=GAS)


# ---- new fen ----


def test_new_fen_go_to_the_operator_and_the_supply_grows(chain: SmallChain) -> None:
    before = chain.content()
    events = call(chain, "selfRecharge", SelfRecharge(fen=77))
    assert events == told("Recharge", b"", chain.address("operator"), 77)
    assert fen(chain, "operator") == [FEN["operator"] + 77]
    assert fen_supply(chain.records) == sum(FEN.values()) + 77
    assert changed_keys(before, chain) == {purse_key(chain.address("operator")), fen_supply_key()}


def test_the_supply_has_a_limit(chain: SmallChain) -> None:
    supply = sum(FEN.values())
    with chain.refuses("supply-full", supply):
        call(chain, "selfRecharge", SelfRecharge(fen=FEN_MAX - supply + 1))
    call(chain, "selfRecharge", SelfRecharge(fen=FEN_MAX - supply))
    assert fen_supply(chain.records) == FEN_MAX == 2**53 - 1
    with chain.refuses("supply-full", FEN_MAX):
        call(chain, "selfRecharge", SelfRecharge(fen=1))


# ---- gas ----


@pytest.mark.parametrize("chain_id", CHAIN_IDS)
def test_gas_is_bought_at_the_profile_s_price(chain_id: str) -> None:
    chain = SmallChain.founded(chain_id)
    before = chain.content()
    gas = 7 * chain.rules.profile.gas_per_fen
    platform, alice = chain.address("platform"), chain.address("alice")
    events = call(chain, "buyGas", BuyGas(to=alice, fen=7), "platform")
    assert events == told("BuyGas", platform, alice, 7, gas)
    assert purse_of(chain.records, platform) == Purse(fen=FEN["platform"] - 7, gas=GAS)
    assert purse_of(chain.records, alice) == Purse(fen=0, gas=gas)
    assert purse_of(chain.records, contract_purse("charge")) == Purse(fen=7, gas=0)
    assert changed_keys(before, chain) == {purse_key(owner) for owner in (platform, alice, contract_purse("charge"))}


def test_who_buys_for_itself_has_less_fen_and_more_gas(chain: SmallChain) -> None:
    call(chain, "buyGas", BuyGas(to=chain.address("platform"), fen=7), "platform")
    gas = GAS + 7 * chain.rules.profile.gas_per_fen
    assert purse_of(chain.records, chain.address("platform")) == Purse(fen=FEN["platform"] - 7, gas=gas)


def test_gas_ends_where_json_does(chain: SmallChain) -> None:
    price = chain.rules.profile.gas_per_fen
    most = 2**53 - 1 - 3 * price
    for has, taken in ((most, True), (most + 1, False)):
        chain.write(purse_key(chain.address("alice")), Purse(fen=0, gas=has))
        given = BuyGas(to=chain.address("alice"), fen=3)
        if taken:
            call(chain, "buyGas", given)
            assert purse_of(chain.records, chain.address("alice")).gas == 2**53 - 1
        else:
            with chain.refuses("gas-full", has):
                call(chain, "buyGas", given)


def test_gas_that_is_bought_is_used_up(chain: SmallChain) -> None:
    chain.define()
    chain.write(purse_key(chain.address("platform")), Purse(fen=31, gas=0))
    needed = 300 * chain.rules.profile.gas_per_fen // 1_000
    with chain.refuses("gas-short", needed, 0):
        chain.mint()
    call(chain, "buyGas", BuyGas(to=chain.address("platform"), fen=1), "platform")
    chain.mint()
    assert purse_of(chain.records, chain.address("platform")) == Purse(
        fen=0, gas=chain.rules.profile.gas_per_fen - needed
    )
