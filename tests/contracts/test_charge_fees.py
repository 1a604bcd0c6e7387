"""What contracts take: fees set and deleted, pots settled and refunded, the switch for batches, reads (protocol 27)."""

from typing import Final

import pytest

from chain.codec import Record
from chain.transaction import Value
from contracts.access import Switches, switches_of
from contracts.charge import (
    VIEWS,
    DelDDC,
    DelFee,
    OfContract,
    OfFee,
    OfPurse,
    OfSupply,
    Recharge,
    RechargeBatch,
    RechargeItem,
    Refund,
    SetFee,
    SetSwitch,
    Settlement,
)
from contracts.interface import ContractReverted
from contracts.keys import contract_purse, purse_key, switches_key, tariff_key
from contracts.purses import FEE_FEN_MAX, Tariff, fee_of, fen_supply, tariff_of
from tests.chain.small_genesis import FEN, GAS
from tests.contracts.small_chain import SmallChain
from tests.contracts.small_ledger import TRANSACTION, call, changed_keys, fen, fill_pot, pot, told


@pytest.fixture
def chain() -> SmallChain:
    return SmallChain.founded()


# ---- settlement and refund ----


@pytest.mark.parametrize("contract", ["ddc721", "charge"])
def test_a_settlement_brings_what_a_contract_took_to_the_operator(chain: SmallChain, contract: str) -> None:
    fill_pot(chain, contract, 90)
    before = chain.content()
    events = call(chain, "settlement", Settlement(contract=contract, fen=60))
    assert events == told("Settlement", chain.address("operator"), contract, 60)
    assert (pot(chain, contract), fen(chain, "operator")) == (30, [FEN["operator"] + 60])
    assert changed_keys(before, chain) == {
        purse_key(contract_purse(contract)), purse_key(chain.address("operator"))
    }  # fmt: skip


def test_a_pot_is_settled_to_the_last_fen_and_not_beyond(chain: SmallChain) -> None:
    fill_pot(chain, "ddc721", 90)
    with chain.refuses("pot-short", 91, 90):
        call(chain, "settlement", Settlement(contract="ddc721", fen=91))
    call(chain, "settlement", Settlement(contract="ddc721", fen=90))
    with chain.refuses("pot-short", 1, 0):
        call(chain, "settlement", Settlement(contract="ddc721", fen=1))


def test_what_a_deregistered_contract_took_can_still_be_settled_and_refunded(chain: SmallChain) -> None:
    fill_pot(chain, "ddc721", 90)
    call(chain, "delDDC", DelDDC(contract="ddc721"))
    call(chain, "settlement", Settlement(contract="ddc721", fen=50))
    alice = chain.address("alice")
    call(chain, "refund", Refund(contract="ddc721", to=alice, fen=40, transaction=TRANSACTION))
    assert (pot(chain, "ddc721"), fen(chain, "alice")) == (0, [40])


@pytest.mark.parametrize("contract", ["ddc721", "charge"])
@pytest.mark.parametrize("frozen", [True, False])
def test_a_refund_brings_fen_back_to_who_paid_even_if_it_is_frozen(
    chain: SmallChain, contract: str, frozen: bool
) -> None:
    fill_pot(chain, contract, 90)
    if frozen:
        chain.set_flag("alice", active=False)
    before, alice = chain.content(), chain.address("alice")
    events = call(chain, "refund", Refund(contract=contract, to=alice, fen=60, transaction=TRANSACTION))
    assert events == told("Refund", contract, alice, 60, TRANSACTION)
    assert (pot(chain, contract), fen(chain, "alice")) == (30, [60])
    assert changed_keys(before, chain) == {purse_key(contract_purse(contract)), purse_key(alice)}


def test_a_mint_is_paid_settled_and_refunded_and_the_supply_stays(chain: SmallChain) -> None:
    chain.define()
    chain.mint()
    supply, platform = fen_supply(chain.records), chain.address("platform")
    call(chain, "refund", Refund(contract="ddc721", to=platform, fen=10, transaction=TRANSACTION))
    call(chain, "settlement", Settlement(contract="ddc721", fen=20))
    assert fen(chain, "platform", "operator") == [FEN["platform"] - 20, FEN["operator"] + 20]
    assert fen_supply(chain.records) == supply


# ---- fees ----


def test_a_fee_is_set_and_told_and_stands_in_order(chain: SmallChain) -> None:
    before = chain.content()
    events = call(chain, "setFee", SetFee(contract="ddc721", method="crossSafeMint", fen=500))
    assert events == told("SetFee", "ddc721", "crossSafeMint", 500)
    fees = dict(chain.rules.profile.fees["ddc721"]) | {"crossSafeMint": 500}
    assert tariff_of(chain.records, "ddc721") == Tariff(registered=True, fees=tuple(sorted(fees.items())))
    assert changed_keys(before, chain) == {tariff_key("ddc721")}


def test_a_fee_that_there_is_is_replaced(chain: SmallChain) -> None:
    call(chain, "setFee", SetFee(contract="ddc721", method="mint", fen=31))
    fees = dict(chain.rules.profile.fees["ddc721"]) | {"mint": 31}
    assert tariff_of(chain.records, "ddc721") == Tariff(registered=True, fees=tuple(sorted(fees.items())))


@pytest.mark.parametrize("method", ["mint", "crossSafeMint"])
def test_a_fee_of_nothing_is_no_fee(chain: SmallChain, method: str) -> None:
    events = call(chain, "setFee", SetFee(contract="ddc721", method=method, fen=0))
    assert events == told("SetFee", "ddc721", method, 0)
    fees = {name: fee for name, fee in chain.rules.profile.fees["ddc721"].items() if name != method}
    assert tariff_of(chain.records, "ddc721") == Tariff(registered=True, fees=tuple(sorted(fees.items())))


def test_a_fee_is_at_most_a_million_fen(chain: SmallChain) -> None:
    call(chain, "setFee", SetFee(contract="ddc721", method="mint", fen=FEE_FEN_MAX))
    assert fee_of(chain.records, "ddc721", "mint") == FEE_FEN_MAX
    for wrong in (-1, FEE_FEN_MAX + 1):
        with chain.refuses("arguments-malformed"):
            call(chain, "setFee", SetFee(contract="ddc721", method="mint", fen=wrong))


def test_the_new_fee_is_taken_from_the_next_call_on(chain: SmallChain) -> None:
    chain.define()
    chain.mint(1)
    call(chain, "setFee", SetFee(contract="ddc721", method="mint", fen=1))
    chain.mint(2)
    assert pot(chain, "ddc721") == 30 + 1


@pytest.mark.parametrize("method", ["mint", "crossSafeMint"])
def test_a_fee_is_deleted_and_the_contract_stays_registered(chain: SmallChain, method: str) -> None:
    before = chain.content()
    events = call(chain, "delFee", DelFee(contract="ddc721", method=method))
    assert events == told("DelFee", "ddc721", method)
    fees = {name: fee for name, fee in chain.rules.profile.fees["ddc721"].items() if name != method}
    assert tariff_of(chain.records, "ddc721") == Tariff(registered=True, fees=tuple(sorted(fees.items())))
    assert fee_of(chain.records, "ddc721", method) == 0
    assert changed_keys(before, chain) <= {tariff_key("ddc721")}


UNPRICED: Final = [
    ("ddc721", "freeze"),
    ("ddc721", "nothing"),
    ("classes", "defineClass"),
    ("charge", "buyGas"),
    ("x", "mint"),
]


@pytest.mark.parametrize(("contract", "method"), UNPRICED)
def test_what_has_no_price_gets_no_fee(chain: SmallChain, contract: str, method: str) -> None:
    with chain.refuses("method-unpriced", contract, method):
        call(chain, "setFee", SetFee(contract=contract, method=method, fen=1))


@pytest.mark.parametrize("contract", ["ddc721", "ddc1155", "evidence", "storage"])
def test_a_deregistered_contract_forgets_its_fees(chain: SmallChain, contract: str) -> None:
    before = chain.content()
    assert call(chain, "delDDC", DelDDC(contract=contract)) == told("DelDDC", contract)
    assert tariff_of(chain.records, contract) == Tariff(registered=False, fees=())
    assert changed_keys(before, chain) == {tariff_key(contract)}


@pytest.mark.parametrize("fee", [0, 5])
def test_old_fees_do_not_survive_a_deregistration(chain: SmallChain, fee: int) -> None:
    call(chain, "delDDC", DelDDC(contract="ddc721"))
    call(chain, "setFee", SetFee(contract="ddc721", method="burn", fen=fee))
    expected = (("burn", fee),) if fee else ()
    assert tariff_of(chain.records, "ddc721") == Tariff(registered=True, fees=expected)
    assert fee_of(chain.records, "ddc721", "mint") == 0


def test_a_contract_is_registered_again_by_its_first_fee(chain: SmallChain) -> None:
    chain.define()
    call(chain, "delDDC", DelDDC(contract="ddc721"))
    with chain.refuses("contract-deregistered", "ddc721"):
        chain.mint()
    call(chain, "setFee", SetFee(contract="ddc721", method="burn", fen=1))
    chain.mint()
    assert pot(chain, "ddc721") == 0


@pytest.mark.parametrize("contract", ["charge", "classes", "nothing"])
def test_what_never_took_fees_cannot_be_deregistered(chain: SmallChain, contract: str) -> None:
    with chain.refuses("contract-unregistered", contract):
        call(chain, "delDDC", DelDDC(contract=contract))
    with chain.refuses("contract-unregistered", contract):
        call(chain, "delFee", DelFee(contract=contract, method="mint"))


def test_a_contract_is_deregistered_once(chain: SmallChain) -> None:
    call(chain, "delDDC", DelDDC(contract="ddc721"))
    with chain.refuses("contract-unregistered", "ddc721"):
        call(chain, "delDDC", DelDDC(contract="ddc721"))
    with chain.refuses("contract-unregistered", "ddc721"):
        call(chain, "delFee", DelFee(contract="ddc721", method="mint"))


# ---- the switch ----


def test_batches_are_switched_off_and_on_and_single_recharges_stay(chain: SmallChain) -> None:
    items = (RechargeItem(to=chain.address("alice"), fen=1),)
    before = chain.content()
    events = call(chain, "setSwitcherStateOfBatch", SetSwitch(on=False))
    assert events == told("SetSwitcherStateOfBatch", chain.address("operator"), False)
    assert changed_keys(before, chain) == {switches_key()}
    assert switches_of(chain.records) == Switches(platforms_add=True, batch_accounts=True, batch_recharges=False)
    with chain.refuses("batches-off", "charge"):
        call(chain, "rechargeBatch", RechargeBatch(items=items))
    call(chain, "recharge", Recharge(to=chain.address("alice"), fen=1))
    call(chain, "setSwitcherStateOfBatch", SetSwitch(on=True))
    call(chain, "rechargeBatch", RechargeBatch(items=items))
    assert fen(chain, "alice") == [2]


@pytest.mark.parametrize("on", [True, False])
def test_a_switch_that_is_so_already_is_refused_and_the_others_stay(chain: SmallChain, on: bool) -> None:
    others = Switches(platforms_add=False, batch_accounts=True, batch_recharges=not on)
    chain.write(switches_key(), others)
    call(chain, "setSwitcherStateOfBatch", SetSwitch(on=on))
    assert switches_of(chain.records) == Switches(platforms_add=False, batch_accounts=True, batch_recharges=on)
    with chain.refuses("no-change", "charge"):
        call(chain, "setSwitcherStateOfBatch", SetSwitch(on=on))


# ---- reads ----


def read(chain: SmallChain, name: str, given: Record) -> Value:
    return VIEWS[name].read(chain.records, given)


def test_a_reader_sees_purses_pots_fees_and_supply(chain: SmallChain) -> None:
    chain.define()
    chain.mint()
    needed = 300 * chain.rules.profile.gas_per_fen // 1_000
    platform = OfPurse(address=chain.address("platform"))
    assert read(chain, "balanceOf", platform) == FEN["platform"] - 30
    assert read(chain, "gasOf", platform) == GAS - needed
    assert read(chain, "potOf", OfContract(contract="ddc721")) == 30
    assert read(chain, "totalSupply", OfSupply()) == sum(FEN.values())
    assert read(chain, "queryFee", OfFee(contract="ddc721", method="mint")) == 30
    assert read(chain, "queryFee", OfFee(contract="ddc721", method="crossSafeMint")) == 0


def test_who_has_nothing_has_nothing(chain: SmallChain) -> None:
    nobody = OfPurse(address=b"nobody")
    assert (read(chain, "balanceOf", nobody), read(chain, "gasOf", nobody)) == (0, 0)
    assert read(chain, "potOf", OfContract(contract="classes")) == 0


def test_the_fee_of_a_contract_that_takes_none_is_refused(chain: SmallChain) -> None:
    call(chain, "delDDC", DelDDC(contract="ddc721"))
    for contract in ("ddc721", "classes"):
        with pytest.raises(ContractReverted) as refusal:
            read(chain, "queryFee", OfFee(contract=contract, method="mint"))
        assert (refusal.value.code, refusal.value.values) == ("contract-deregistered", (contract,))
