"""The contract `charge`: recharges, settlements and refunds, gas, fees."""

from typing import Any

from tests.contracts.model.gates import EVERYDAY, PRICES, active, sender_of
from tests.contracts.model.state import MOST, Account, Call, Rule, World, demand


def _may_recharge(sender: Account, receiver: Account) -> bool:
    """An operator all but operators and owners, a platform its own DID's and its consumers, a consumer its platform."""
    if sender.role == "operator":
        return receiver.role not in ("operator", "owner")
    if sender.role == "platform" and receiver.role == "platform":
        return sender.did == receiver.did
    if sender.role == "platform":
        return receiver.role == "consumer" and receiver.leader == sender.did
    return sender.role == "consumer" and receiver.role == "platform" and sender.leader == receiver.did


def _require_receivers(world: World, sender: Account, items: list[Any]) -> None:
    receivers = [active(world, item.to) for item in items]
    for receiver in receivers:
        demand(receiver is sender or _may_recharge(sender, receiver), "recharge-not-allowed")
    demand(world.purse(sender.address).fen >= sum(item.fen for item in items), "fee-short")


def _recharge(world: World, call: Call) -> None:
    items = getattr(call.arguments, "items", None) if call.method == "rechargeBatch" else [call.arguments]
    assert items
    if call.method == "rechargeBatch":
        demand(world.on("batch-recharges"), "batches-off")
    demand(all(item.to != call.sender for item in items), "own-account")
    demand(all(item.fen for item in items), "amount-zero")
    _require_receivers(world, sender_of(world, call, *EVERYDAY), list(items))
    for item in items:
        world.own_purse(call.sender).fen -= item.fen
        world.own_purse(item.to).fen += item.fen


def _self_recharge(world: World, call: Call) -> None:
    fen = call.arguments.fen
    demand(fen, "amount-zero")
    sender_of(world, call, "operator")
    demand(sum(purse.fen for purse in world.purses.values()) + fen <= MOST, "supply-full")
    world.own_purse(call.sender).fen += fen


def _buy_gas(world: World, call: Call) -> None:
    asked = call.arguments
    demand(asked.fen, "amount-zero")
    sender = sender_of(world, call, *EVERYDAY, "cross-chain", "relayer")
    _require_receivers(world, sender, [asked])
    gas = asked.fen * world.gas_per_fen
    demand(world.purse(asked.to).gas + gas <= MOST, "gas-full")
    world.own_purse(call.sender).fen -= asked.fen
    world.own_purse("charge").fen += asked.fen
    world.own_purse(asked.to).gas += gas


def _take_out(world: World, call: Call) -> None:
    """`settlement` to the operator that calls, `refund` to who paid."""
    asked = call.arguments
    demand(asked.fen, "amount-zero")
    demand(asked.contract == "charge" or asked.contract in world.tariffs, "contract-unregistered")
    sender_of(world, call, "operator")
    to = call.sender if call.method == "settlement" else asked.to
    demand(to in world.accounts, "account-unknown")
    demand(world.purse(asked.contract).fen >= asked.fen, "pot-short")
    world.own_purse(asked.contract).fen -= asked.fen
    world.own_purse(to).fen += asked.fen


def _set_fee(world: World, call: Call) -> None:
    asked = call.arguments
    sender_of(world, call, "operator")
    demand(asked.method in PRICES.get(asked.contract, {}), "method-unpriced")
    tariff = world.tariffs[asked.contract]
    tariff.registered = True
    tariff.fees.pop(asked.method, None)
    if asked.fen:
        tariff.fees[asked.method] = asked.fen


def _del_fee(world: World, call: Call) -> None:
    asked = call.arguments
    sender_of(world, call, "operator")
    tariff = world.tariffs.get(asked.contract)
    demand(tariff is not None and tariff.registered, "contract-unregistered")
    demand(asked.method in PRICES.get(asked.contract, {}), "method-unpriced")
    world.tariffs[asked.contract].fees.pop(asked.method, None)


def _del_ddc(world: World, call: Call) -> None:
    contract = call.arguments.contract
    sender_of(world, call, "operator")
    tariff = world.tariffs.get(contract)
    demand(tariff is not None and tariff.registered, "contract-unregistered")
    world.tariffs[contract].registered = False
    world.tariffs[contract].fees.clear()


def _set_batch_switch(world: World, call: Call) -> None:
    sender_of(world, call, "operator")
    demand(world.on("batch-recharges") != call.arguments.on, "no-change")
    world.switches["batch-recharges"] = call.arguments.on


METHODS: dict[str, Rule] = {
    "recharge": _recharge,
    "rechargeBatch": _recharge,
    "selfRecharge": _self_recharge,
    "buyGas": _buy_gas,
    "settlement": _take_out,
    "refund": _take_out,
    "setFee": _set_fee,
    "delFee": _del_fee,
    "delDDC": _del_ddc,
    "setSwitcherStateOfBatch": _set_batch_switch,
}
