"""Fen and gas: what contracts refuse of them."""

from dataclasses import replace

from contracts.charge import (
    BuyGas,
    DelDDC,
    Recharge,
    RechargeBatch,
    RechargeItem,
    SelfRecharge,
    SetFee,
    SetSwitch,
    Settlement,
)
from contracts.life import ChangeStatus
from contracts.owning import Pause
from contracts.storage import OpenFile
from tests.gateway.people import settle
from tests.gateway.refusals import Request, act, call, case, raw_address
from tests.gateway.refused_certificates import minted
from tests.gateway.running import RunningNetwork

A_FILE = OpenFile(slices=(b"\x01" * 32,))


def recharge(network: RunningNetwork, sender: str, receiver: str, fen: int) -> Request:
    return call(network, sender, ("charge", "recharge"), Recharge(to=raw_address(network, receiver), fen=fen))


@case("amount-zero")
def a_recharge_of_nothing(network: RunningNetwork) -> Request:
    return recharge(network, "operator", "platform", 0)


@case("own-account")
def a_recharge_of_oneself(network: RunningNetwork) -> Request:
    return recharge(network, "platform", "platform", 1)


@case("recharge-not-allowed")
def a_recharge_from_consumer_to_consumer(network: RunningNetwork) -> Request:
    return recharge(network, "alice", "bob", 1)


@case("fee-short")
def a_recharge_of_more_than_one_has(network: RunningNetwork) -> Request:
    return recharge(network, "platform", "alice", 2**50)


@case("gas-short")
def a_burn_without_gas(network: RunningNetwork) -> Request:
    carol = settle(network, "platform", "addAccountByPlatform")
    act(network, "platform", ("charge", "recharge"), Recharge(to=carol.address, fen=1_000))
    class_id, number = minted(network, carol.address)
    arguments = ChangeStatus(class_id=class_id, token=number, holder=None, reason="mine")
    return call(network, "alice", ("ddc721", "burn"), arguments, **carol.signer)


@case("batches-off")
def a_batch_while_batches_are_off(network: RunningNetwork) -> Request:
    place = ("charge", "setSwitcherStateOfBatch")
    act(network, "operator", place, SetSwitch(on=False))
    items = (RechargeItem(to=raw_address(network, "alice"), fen=1),)
    request = call(network, "platform", ("charge", "rechargeBatch"), RechargeBatch(items=items))
    return replace(request, undo=lambda: act(network, "operator", place, SetSwitch(on=True)))


@case("contract-deregistered")
def a_call_of_a_contract_that_takes_no_fees(network: RunningNetwork) -> Request:
    act(network, "operator", ("charge", "delDDC"), DelDDC(contract="storage"))
    request = call(network, "platform", ("storage", "openFile"), A_FILE)

    def undo() -> None:
        for method in ("openFile", "storeData"):
            act(network, "operator", ("charge", "setFee"), SetFee(contract="storage", method=method, fen=20))

    return replace(request, undo=undo)


@case("contract-paused")
def a_call_of_a_paused_contract(network: RunningNetwork) -> Request:
    act(network, "owner", ("storage", "pause"), Pause())
    request = call(network, "platform", ("storage", "openFile"), A_FILE)
    return replace(request, undo=lambda: act(network, "owner", ("storage", "unpause"), Pause()))


@case("contract-unregistered")
def a_settlement_with_a_contract_that_takes_nothing(network: RunningNetwork) -> Request:
    return call(network, "operator", ("charge", "settlement"), Settlement(contract="classes", fen=1))


@case("pot-short")
def a_settlement_of_more_than_was_paid(network: RunningNetwork) -> Request:
    return call(network, "operator", ("charge", "settlement"), Settlement(contract="charge", fen=2**50))


@case("method-unpriced")
def a_fee_for_a_method_without_price(network: RunningNetwork) -> Request:
    return call(network, "operator", ("charge", "setFee"), SetFee(contract="ddc721", method="freeze", fen=1))


@case("supply-full")
def more_fen_than_there_can_be(network: RunningNetwork) -> Request:
    return call(network, "operator", ("charge", "selfRecharge"), SelfRecharge(fen=2**53 - 1))


@case("gas-full")
def more_gas_than_there_can_be(network: RunningNetwork) -> Request:
    arguments = BuyGas(to=raw_address(network, "operator"), fen=4 * 10**11)
    return call(network, "operator", ("charge", "buyGas"), arguments)
