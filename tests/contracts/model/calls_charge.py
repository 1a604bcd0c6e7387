"""How calls of `charge` and `classes` are drawn."""

from typing import Any

from chain.digests import sha256
from contracts.charge import (
    BuyGas,
    DelDDC,
    DelFee,
    Recharge,
    RechargeBatch,
    RechargeItem,
    Refund,
    SelfRecharge,
    SetFee,
    Settlement,
)
from contracts.classes import ClassRules, DefineClass, DelegateIssuing, SetIssuer, SetSignatories
from tests.contracts.model.calls_authority import set_switch
from tests.contracts.model.dice import Dice, Draw, NothingThere
from tests.contracts.model.gates import EVERYDAY, PRICES
from tests.contracts.model.state import DAY_MS, MOST, Account, Call

CONTRACTS = ("ddc721", "ddc1155", "evidence", "storage")
CLASSES_ENOUGH = 24
HOUR_MS = 3_600_000


def _spender(dice: Dice) -> Account:
    """Mostly an operator, who has the most."""
    return dice.account("operator") if dice.often(0.7) else dice.account("platform", "consumer")


def _receiver(dice: Dice, sender: Account) -> bytes:
    """One whom the sender may recharge, mostly one with a right to issue."""
    if dice.slips():
        return dice.stranger()
    if dice.slips():
        return dice.frozen()
    if dice.slips():
        return dice.account("operator", "owner").address
    if sender.role == "operator":
        issuers = [dice.world.accounts[address] for _, address in dice.world.grants]
        issuers = [account for account in issuers if account.active and account.role not in ("operator", "owner")]
        if issuers and dice.often(0.6):
            return dice.pick(issuers).address
        return dice.account("platform", "consumer", "cross-chain", "relayer").address
    if sender.role == "platform":
        own = dice.index.members.get(sender.did, [])
        return dice.take(own, lambda address: dice.world.accounts[address].active)
    return dice.account("platform", good=lambda one: one.did == sender.leader).address


def _fen(dice: Dice) -> int:
    if dice.slips():
        return 0
    return dice.number(1, 4) if dice.often(0.5) else dice.number(50, 900)


def recharge(dice: Dice, contract: str, method: str) -> Call:
    sender = _spender(dice)
    items = [
        RechargeItem(to=_receiver(dice, sender), fen=_fen(dice))
        for _ in range(dice.number(1, 3) if method == "rechargeBatch" else 1)
    ]
    if dice.slips():
        items[-1] = RechargeItem(to=items[-1].to, fen=dice.world.purse(sender.address).fen + 1)
    if dice.slips():
        items[-1] = RechargeItem(to=sender.address, fen=1)
    caller = dice.caller(sender.address, *EVERYDAY)
    if method == "rechargeBatch":
        return Call(contract, method, caller, RechargeBatch(items=tuple(items)))
    return Call(contract, method, caller, Recharge(to=items[0].to, fen=items[0].fen))


def buy_gas(dice: Dice, contract: str, method: str) -> Call:
    sender = _spender(dice)
    to = sender.address if dice.often(0.3) else _receiver(dice, sender)
    fen = _fen(dice)
    if dice.slips():
        fen = dice.world.purse(sender.address).fen + 1
    if dice.slips():
        rich = dice.sample(
            list(dice.world.accounts), lambda one: dice.world.purse(one).fen * dice.world.gas_per_fen > MOST
        )
        if rich is not None:
            return Call(contract, method, rich, BuyGas(to=rich, fen=dice.world.purse(rich).fen))
    caller = dice.caller(sender.address, *EVERYDAY, "cross-chain", "relayer")
    return Call(contract, method, caller, BuyGas(to=to, fen=fen))


def self_recharge(dice: Dice, contract: str, method: str) -> Call:
    fen = 0 if dice.slips() else dice.number(1, 10**6) if dice.often(0.8) else MOST // 1_000
    if dice.slips():
        fen = MOST
    return Call(contract, method, dice.sender("operator"), SelfRecharge(fen=fen))


def take_out(dice: Dice, contract: str, method: str) -> Call:
    of = dice.pick(["charge", *CONTRACTS])
    pot = dice.world.purse(of).fen
    fen = dice.number(1, pot) if pot else 1
    if dice.slips():
        fen = pot + 1
    if dice.slips():
        fen = 0
    if dice.slips():
        of = dice.pick(["authority", "nothing"])
    sender = dice.sender("operator")
    if method == "settlement":
        return Call(contract, method, sender, Settlement(contract=of, fen=fen))
    to = dice.stranger() if dice.slips() else dice.pick(list(dice.world.accounts))
    return Call(contract, method, sender, Refund(contract=of, to=to, fen=fen, transaction=dice.draw_bytes(32)))


def _priced(dice: Dice) -> tuple[str, str]:
    of = dice.pick(CONTRACTS)
    if dice.slips():
        return dice.pick([(of, "pause"), ("charge", "recharge"), (of, "nothing")])
    return of, dice.pick(sorted(PRICES[of]))


def set_fee(dice: Dice, contract: str, method: str) -> Call:
    of, priced = _priced(dice)
    fen = dice.pick([0, 1, 2, 5, 30, 90])
    return Call(contract, method, dice.sender("operator"), SetFee(contract=of, method=priced, fen=fen))


def del_fee(dice: Dice, contract: str, method: str) -> Call:
    of, priced = _priced(dice)
    if dice.slips():
        of = dice.pick([one for one in CONTRACTS if not dice.world.tariffs[one].registered] or ["authority"])
    return Call(contract, method, dice.sender("operator"), DelFee(contract=of, method=priced))


def del_ddc(dice: Dice, contract: str, method: str) -> Call:
    of = "charge" if dice.slips() else dice.pick(CONTRACTS)
    return Call(contract, method, dice.sender("operator"), DelDDC(contract=of))


CHARGE: dict[str, Draw] = {
    "recharge": recharge,
    "rechargeBatch": recharge,
    "selfRecharge": self_recharge,
    "buyGas": buy_gas,
    "settlement": take_out,
    "refund": take_out,
    "setFee": set_fee,
    "delFee": del_fee,
    "delDDC": del_ddc,
    "setSwitcherStateOfBatch": set_switch,
}


def _rules(dice: Dice) -> ClassRules:
    return ClassRules(
        burn_authorisation=dice.pick([0, 1, 2, 2, 3]),
        issuer_revokes=dice.often(0.3),
        acceptance=dice.often(0.35),
        attributes=dice.number(0, 3),
        validity_ms_max=dice.number(1, 60) * DAY_MS if dice.often(0.4) else None,
        rebind_wait_ms=dice.pick([0, HOUR_MS, DAY_MS, 3 * DAY_MS]),
    )


def define_class(dice: Dice, contract: str, method: str) -> Call:
    if len(dice.world.classes) > CLASSES_ENOUGH and dice.mistake is None:
        raise NothingThere
    number = len(dice.world.classes) + 1
    fields = ("name", "name") if dice.slips() else ("name", "year")
    arguments = DefineClass(
        class_id=f"class-{number - 1 if number > 1 and dice.slips() else number}",
        standard=800 if dice.slips() else 721 if number % 2 else 1155,
        name_en=f"Class {number}",
        name_zh=f"第{number}类",
        schema=sha256(b"schema %d" % number),
        fields=fields,
        rules=_rules(dice),
    )
    return Call(contract, method, dice.sender("operator", "platform"), arguments)


def _own_class(dice: Dice, standard: int | None = None) -> tuple[str, bytes]:
    """A class, of one standard if it is to be, and its definer, who is active."""
    classes = list(dice.world.classes.items())
    if standard is not None:
        other = dice.slips()
        classes = [one for one in classes if (one[1].asked.standard != standard) == other]
    class_id, found = dice.take(classes, lambda one: dice.world.accounts[one[1].definer].active)
    definer = found.definer
    if dice.slips():
        class_id = "no-such-class"
    if dice.slips():
        definer = dice.account("operator", "platform", good=lambda one: one.address != found.definer).address
    return class_id, definer


def _near(dice: Dice, definer: bytes) -> bytes:
    """Somebody to be given a right: often one of the definer's own platform, sometimes the cross-chain role's."""
    account = dice.world.accounts[definer]
    if dice.index.roles["cross-chain"] and dice.often(0.2):
        return dice.account("cross-chain").address
    own = dice.index.members.get(account.platform or b"", [])
    if own and dice.often(0.6):
        return dice.take(own, lambda address: dice.world.accounts[address].active)
    return dice.somebody()


def set_issuer(dice: Dice, contract: str, method: str) -> Call:
    class_id, definer = _own_class(dice)
    address, granted = _near(dice, definer), True
    issuers = [address for of, address in dice.world.grants if of == class_id]
    if len(issuers) > 4 and dice.often(0.6):
        address, granted = dice.pick(issuers), False
    if dice.slips():
        address, granted = _unchanged(dice, class_id)
    arguments = SetIssuer(class_id=class_id, address=address, granted=granted)
    return Call(contract, method, dice.caller(definer, "operator", "platform"), arguments)


def _unchanged(dice: Dice, class_id: str) -> tuple[bytes, bool]:
    unlimited = [key[1] for key, one in dice.world.grants.items() if key[0] == class_id and one.quota is None]
    unlimited = [address for address in unlimited if dice.world.accounts[address].active]
    return (dice.pick(unlimited), True) if unlimited and dice.often(0.5) else (dice.draw_bytes(20), False)


def delegate_issuing(dice: Dice, contract: str, method: str) -> Call:
    class_id, definer = _own_class(dice)
    until = dice.now + dice.pick([HOUR_MS, 10 * DAY_MS, 100 * DAY_MS])
    arguments = DelegateIssuing(
        class_id=class_id,
        address=definer if dice.slips() else _near(dice, definer),
        quota=dice.pick([1, 2, dice.number(3, 8)]),
        until=dice.now - dice.number(0, 1) if dice.slips() else until,
    )
    return Call(contract, method, dice.caller(definer, "operator", "platform"), arguments)


def set_signatories(dice: Dice, contract: str, method: str) -> Call:
    class_id, definer = _own_class(dice, 721)
    named: list[Any] = []
    threshold = 0
    found = dice.world.classes.get(class_id)
    if found is not None and not found.threshold and dice.often(0.4):
        named = [dice.account(*EVERYDAY).address for _ in range(dice.number(1, 4))]
        named = list(dict.fromkeys(named))
        threshold = dice.number(1, len(named))
    if dice.slips():
        named, threshold = [*named, dice.account(*EVERYDAY).address], 0
    if dice.slips():
        named, threshold = [*named, *named, dice.somebody()], 1
    if dice.slips():
        named, threshold = [*named, dice.stranger()], 1
    if dice.slips():
        named, threshold = [*named, dice.frozen()], 1
    if dice.slips():
        threshold = len(named) + 1
    arguments = SetSignatories(class_id=class_id, threshold=threshold, signatories=tuple(named))
    return Call(contract, method, dice.caller(definer, "operator", "platform"), arguments)


CLASSES: dict[str, Draw] = {
    "defineClass": define_class,
    "setIssuer": set_issuer,
    "delegateIssuing": delegate_issuing,
    "setSignatories": set_signatories,
}
