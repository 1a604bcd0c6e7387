"""The business-fee ledger: recharges, settlements and refunds, gas, fees and who takes them (protocol 27)."""

from typing import Annotated, Any, Final

from msgspec import Meta
from msgspec.structs import replace

from chain.codec import Record, encode
from chain.ids import Address, Digest, Natural
from chain.transaction import Name
from contracts.access import Account, SetSwitch, find_account, require_active, sender_account, switches_of
from contracts.gates import sender_is
from contracts.interface import ContractContext, ContractReverted, Method, Readable, Reader, Role, View, refuses
from contracts.keys import contract_purse, fen_supply_key, switches_key, tariff_key
from contracts.purses import FEE_FEN_MAX, Tariff, fee_of, fen_supply, give, purse_of, put_purse, tariff_of

CONTRACT: Final = "charge"
FEN_MAX: Final = 2**53 - 1
RECHARGES_MAX: Final = 100


class RechargeItem(Record, frozen=True):
    """Fen for one account."""

    to: Address
    fen: Natural


class Recharge(Record, frozen=True):
    """`recharge`: fen from the sender to another account."""

    to: Address
    fen: Natural

    @property
    def items(self) -> tuple[RechargeItem, ...]:
        """The one recharge, as a batch has them."""
        return (RechargeItem(to=self.to, fen=self.fen),)


class RechargeBatch(Record, frozen=True):
    """`rechargeBatch`: up to 100 recharges, all or none."""

    items: Annotated[tuple[RechargeItem, ...], Meta(min_length=1, max_length=RECHARGES_MAX)]


class SelfRecharge(Record, frozen=True):
    """`selfRecharge`: new fen for the operator that calls."""

    fen: Natural


class BuyGas(Record, frozen=True):
    """`buyGas`: gas for an account, paid by the sender with so many fen."""

    to: Address
    fen: Natural

    @property
    def items(self) -> tuple[RechargeItem, ...]:
        """The one purchase, as a batch of recharges has them."""
        return (RechargeItem(to=self.to, fen=self.fen),)


class Settlement(Record, frozen=True):
    """`settlement`: fen from a contract's purse to the operator that calls."""

    contract: Name
    fen: Natural


class Refund(Record, frozen=True):
    """`refund`: fen from a contract's purse back to who paid, for which transaction."""

    contract: Name
    to: Address
    fen: Natural
    transaction: Digest


class SetFee(Record, frozen=True):
    """`setFee`: what a method costs per unit from now on; its contract is registered by it."""

    contract: Name
    method: Name
    fen: Annotated[int, Meta(ge=0, le=FEE_FEN_MAX)]


class DelFee(Record, frozen=True):
    """`delFee`: the method is free of fen from now on."""

    contract: Name
    method: Name


class DelDDC(Record, frozen=True):
    """`delDDC`: the contract takes no fees, so no method of it that has a price can be called."""

    contract: Name


class OfFee(Record, frozen=True):
    """A read about a method's fee."""

    contract: Name
    method: Name


class OfPurse(Record, frozen=True):
    """A read about an account's purse."""

    address: Address


class OfContract(Record, frozen=True):
    """A read about a contract's purse."""

    contract: Name


class OfSupply(Record, frozen=True):
    """A read about all fen that there are."""


@refuses("own-account")
def not_to_oneself(context: ContractContext, arguments: Recharge | RechargeBatch) -> None:
    """Nobody recharges itself."""
    if any(item.to == context.sender for item in arguments.items):
        raise ContractReverted("own-account", context.sender)


@refuses("amount-zero")
def amounts_positive(_context: ContractContext, arguments: Any) -> None:  # noqa: ANN401 - any record with fen
    """Every amount is at least one fen."""
    items = getattr(arguments, "items", (arguments,))
    if not all(item.fen for item in items):
        raise ContractReverted("amount-zero")


@refuses("account-unknown", "account-frozen")
def receivers_active(context: ContractContext, arguments: Recharge | RechargeBatch | BuyGas) -> None:
    """Every receiver has an active account."""
    for item in arguments.items:
        require_active(context.records, item.to, unknown="account-unknown", frozen="account-frozen")


@refuses("recharge-not-allowed")
def pairs_allowed(context: ContractContext, arguments: Recharge | RechargeBatch | BuyGas) -> None:
    """An operator recharges all but operators and owners, a platform its own and its consumers, a consumer its platform."""
    sender = sender_account(context)
    for item in arguments.items:
        receiver = find_account(context.records, item.to)
        assert receiver is not None
        if item.to != context.sender and not _may_recharge(sender, receiver):
            raise ContractReverted("recharge-not-allowed", item.to)


@refuses("fee-short")
def fen_covered(context: ContractContext, arguments: Recharge | RechargeBatch | BuyGas) -> None:
    """The sender has so many fen."""
    wanted, purse = sum(item.fen for item in arguments.items), purse_of(context.records, context.sender)
    if purse.fen < wanted:
        raise ContractReverted("fee-short", wanted, purse.fen)


@refuses("batches-off")
def batches_on(context: ContractContext, _arguments: RechargeBatch) -> None:
    """The switch for batches of recharges is on."""
    if not switches_of(context.records).batch_recharges:
        raise ContractReverted("batches-off", CONTRACT)


def recharge(context: ContractContext, arguments: Recharge) -> None:
    """Move fen from the sender to another account."""
    _move(context, arguments.items)
    context.emit("Recharge", context.sender, arguments.to, arguments.fen)


def recharge_batch(context: ContractContext, arguments: RechargeBatch) -> None:
    """Move fen from the sender to many accounts; the event lists the receivers."""
    _move(context, arguments.items)
    total = sum(item.fen for item in arguments.items)
    context.emit("RechargeBatch", context.sender, tuple(item.to for item in arguments.items), total)


@refuses("supply-full")
def supply_has_room(context: ContractContext, arguments: SelfRecharge) -> None:
    """The supply stays within 2^53 - 1 fen."""
    supply = fen_supply(context.records)
    if supply + arguments.fen > FEN_MAX:
        raise ContractReverted("supply-full", supply)


def self_recharge(context: ContractContext, arguments: SelfRecharge) -> None:
    """Make new fen: supply and the operator's purse grow."""
    supply = fen_supply(context.records) + arguments.fen
    context.records.put(fen_supply_key(), supply.to_bytes(8, "big"))
    give(context.records, context.sender, arguments.fen)
    context.emit("Recharge", b"", context.sender, arguments.fen)


@refuses("gas-full")
def gas_has_room(context: ContractContext, arguments: BuyGas) -> None:
    """The receiver's gas stays within 2^53 - 1."""
    gas = purse_of(context.records, arguments.to).gas
    if gas + arguments.fen * context.rules.profile.gas_per_fen > FEN_MAX:
        raise ContractReverted("gas-full", gas)


def buy_gas(context: ContractContext, arguments: BuyGas) -> None:
    """Turn the sender's fen, which go to this contract's purse, into gas for an account."""
    gas = arguments.fen * context.rules.profile.gas_per_fen
    give(context.records, context.sender, -arguments.fen)
    give(context.records, contract_purse(CONTRACT), arguments.fen)
    purse = purse_of(context.records, arguments.to)
    put_purse(context.records, arguments.to, replace(purse, gas=purse.gas + gas))
    context.emit("BuyGas", context.sender, arguments.to, arguments.fen, gas)


@refuses("contract-unregistered")
def contract_registered(context: ContractContext, arguments: Any) -> None:  # noqa: ANN401 - any record with a contract
    """The contract is registered."""
    tariff = tariff_of(context.records, arguments.contract)
    if tariff is None or not tariff.registered:
        raise ContractReverted("contract-unregistered", arguments.contract)


@refuses("contract-unregistered")
def contract_ever_registered(context: ContractContext, arguments: Any) -> None:  # noqa: ANN401 - as above
    """The contract was registered once, or it is this one, which sells gas: what it has taken can be taken out for good."""
    if arguments.contract != CONTRACT and tariff_of(context.records, arguments.contract) is None:
        raise ContractReverted("contract-unregistered", arguments.contract)


@refuses("pot-short")
def pot_covers(context: ContractContext, arguments: Settlement | Refund) -> None:
    """The contract's purse has so many fen."""
    pot = purse_of(context.records, contract_purse(arguments.contract))
    if pot.fen < arguments.fen:
        raise ContractReverted("pot-short", arguments.fen, pot.fen)


def settle(context: ContractContext, arguments: Settlement) -> None:
    """Move fen from the contract's purse to the operator that calls."""
    give(context.records, contract_purse(arguments.contract), -arguments.fen)
    give(context.records, context.sender, arguments.fen)
    context.emit("Settlement", context.sender, arguments.contract, arguments.fen)


@refuses("account-unknown")
def payer_known(context: ContractContext, arguments: Refund) -> None:
    """Who is refunded has an account, frozen or not."""
    if find_account(context.records, arguments.to) is None:
        raise ContractReverted("account-unknown", arguments.to)


def refund(context: ContractContext, arguments: Refund) -> None:
    """Move fen from the contract's purse back to who paid."""
    give(context.records, contract_purse(arguments.contract), -arguments.fen)
    give(context.records, arguments.to, arguments.fen)
    context.emit("Refund", arguments.contract, arguments.to, arguments.fen, arguments.transaction)


@refuses("method-unpriced")
def method_priced(context: ContractContext, arguments: SetFee | DelFee) -> None:
    """The contract has such a method, and it is one that has a price."""
    method = context.catalogue.get((arguments.contract, arguments.method))
    if method is None or method.price is None:
        raise ContractReverted("method-unpriced", arguments.contract, arguments.method)


def set_fee(context: ContractContext, arguments: SetFee) -> None:
    """Set a fee; a contract that was deregistered begins with this one alone."""
    fees = _fees_without(context.records, arguments)
    if arguments.fen:
        fees = tuple(sorted((*fees, (arguments.method, arguments.fen))))
    context.records.put(tariff_key(arguments.contract), encode(Tariff(registered=True, fees=fees)))
    context.emit("SetFee", arguments.contract, arguments.method, arguments.fen)


def del_fee(context: ContractContext, arguments: DelFee) -> None:
    """Make a method free of fen; its contract stays registered."""
    fees = _fees_without(context.records, arguments)
    context.records.put(tariff_key(arguments.contract), encode(Tariff(registered=True, fees=fees)))
    context.emit("DelFee", arguments.contract, arguments.method)


def del_ddc(context: ContractContext, arguments: DelDDC) -> None:
    """Deregister the contract, and forget its fees."""
    context.records.put(tariff_key(arguments.contract), encode(Tariff(registered=False, fees=())))
    context.emit("DelDDC", arguments.contract)


@refuses("no-change")
def switch_differs(context: ContractContext, arguments: SetSwitch) -> None:
    """The switch is not what it is to be."""
    if switches_of(context.records).batch_recharges == arguments.on:
        raise ContractReverted("no-change", CONTRACT)


def set_batch_switch(context: ContractContext, arguments: SetSwitch) -> None:
    """Turn batches of recharges on or off."""
    switches = replace(switches_of(context.records), batch_recharges=arguments.on)
    context.records.put(switches_key(), encode(switches))
    context.emit("SetSwitcherStateOfBatch", context.sender, arguments.on)


def _may_recharge(sender: Account, receiver: Account) -> bool:
    match sender.role, receiver.role:
        case Role.OPERATOR, Role.PLATFORM | Role.CONSUMER | Role.CROSS_CHAIN | Role.RELAYER:
            return True
        case Role.PLATFORM, Role.PLATFORM:
            return sender.did == receiver.did
        case Role.PLATFORM, Role.CONSUMER:
            return receiver.leader == sender.did
        case Role.CONSUMER, Role.PLATFORM:
            return sender.leader == receiver.did
    return False


def _move(context: ContractContext, items: tuple[RechargeItem, ...]) -> None:
    give(context.records, context.sender, -sum(item.fen for item in items))
    for item in items:
        give(context.records, item.to, item.fen)


def _fees_without(records: Readable, arguments: SetFee | DelFee) -> tuple[tuple[str, int], ...]:
    tariff = tariff_of(records, arguments.contract)
    return () if tariff is None else tuple(fee for fee in tariff.fees if fee[0] != arguments.method)


def _query_fee(records: Readable, read: OfFee) -> int:
    return fee_of(records, read.contract, read.method)


def _balance_of(records: Readable, read: OfPurse) -> int:
    return purse_of(records, read.address).fen


def _gas_of(records: Readable, read: OfPurse) -> int:
    return purse_of(records, read.address).gas


def _pot_of(records: Readable, read: OfContract) -> int:
    return purse_of(records, contract_purse(read.contract)).fen


def _total_supply(records: Readable, _read: OfSupply) -> int:
    return fen_supply(records)


_OPERATOR: Final = sender_is(Role.OPERATOR)
_RECHARGER: Final = sender_is(Role.OPERATOR, Role.PLATFORM, Role.CONSUMER)
_BUYER: Final = sender_is(Role.OPERATOR, Role.PLATFORM, Role.CONSUMER, Role.CROSS_CHAIN, Role.RELAYER)
_RECHARGING: Final = (
    not_to_oneself, amounts_positive, _RECHARGER, receivers_active, pairs_allowed, fen_covered
)  # fmt: skip
METHODS: Final = {
    "recharge": Method(arguments=Recharge, checks=_RECHARGING, effect=recharge, events=("Recharge",)),
    "rechargeBatch": Method(
        arguments=RechargeBatch, checks=(batches_on, *_RECHARGING), effect=recharge_batch, events=("RechargeBatch",)
    ),
    "selfRecharge": Method(
        arguments=SelfRecharge,
        checks=(amounts_positive, _OPERATOR, supply_has_room),
        effect=self_recharge,
        events=("Recharge",),
    ),
    "buyGas": Method(
        arguments=BuyGas,
        checks=(amounts_positive, _BUYER, receivers_active, pairs_allowed, fen_covered, gas_has_room),
        effect=buy_gas,
        events=("BuyGas",),
    ),
    "settlement": Method(
        arguments=Settlement,
        checks=(amounts_positive, contract_ever_registered, _OPERATOR, pot_covers),
        effect=settle,
        events=("Settlement",),
    ),
    "refund": Method(
        arguments=Refund,
        checks=(amounts_positive, contract_ever_registered, _OPERATOR, payer_known, pot_covers),
        effect=refund,
        events=("Refund",),
    ),
    "setFee": Method(arguments=SetFee, checks=(_OPERATOR, method_priced), effect=set_fee, events=("SetFee",)),
    "delFee": Method(
        arguments=DelFee, checks=(_OPERATOR, contract_registered, method_priced), effect=del_fee, events=("DelFee",)
    ),
    "delDDC": Method(arguments=DelDDC, checks=(_OPERATOR, contract_registered), effect=del_ddc, events=("DelDDC",)),
    "setSwitcherStateOfBatch": Method(
        arguments=SetSwitch,
        checks=(_OPERATOR, switch_differs),
        effect=set_batch_switch,
        events=("SetSwitcherStateOfBatch",),
    ),
}
_READERS: Final[dict[str, tuple[type[Record], Reader]]] = {
    "queryFee": (OfFee, _query_fee),
    "balanceOf": (OfPurse, _balance_of),
    "gasOf": (OfPurse, _gas_of),
    "potOf": (OfContract, _pot_of),
    "totalSupply": (OfSupply, _total_supply),
}
VIEWS: Final = {name: View(arguments, read) for name, (arguments, read) in _READERS.items()}
