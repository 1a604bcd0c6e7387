"""Every refusal of the ledger's methods, in order, and who governs it (protocol 27)."""

from typing import Any, Final

import pytest
from msgspec.structs import replace

from chain.codec import CodecMalformed, decode, encode
from contracts.access import Account, Switches
from contracts.charge import (
    FEN_MAX,
    METHODS,
    BuyGas,
    DelDDC,
    DelFee,
    Recharge,
    RechargeBatch,
    RechargeItem,
    Refund,
    SelfRecharge,
    SetFee,
    SetSwitch,
    Settlement,
)
from contracts.interface import Role
from contracts.keys import account_key, contract_purse, fen_supply_key, purse_key, switches_key, tariff_key
from contracts.purses import EMPTY, Purse, Tariff
from tests.chain.small_genesis import did_of
from tests.contracts.check_order import Play, Spoil, arguments, assert_order, by, item, sender_frozen
from tests.contracts.small_chain import SmallChain
from tests.contracts.small_ledger import TRANSACTION, account, call, fill_pot


@pytest.fixture
def chain() -> SmallChain:
    return SmallChain.founded()


def empty(person: str) -> Spoil:
    """Somebody's purse is empty."""
    return lambda play: play.chain.write(purse_key(play.chain.address(person)), EMPTY)


def name_receiver(play: Play, address: bytes) -> None:
    (arguments if hasattr(play.arguments, "to") else item)(to=address)(play)


def to_nobody(play: Play) -> None:
    """It is for an address without an account."""
    name_receiver(play, b"nobody" + bytes(14))


def to_another_operator(play: Play) -> None:
    """It is for somebody whom nobody recharges."""
    name_receiver(play, account(play.chain, b"other" + bytes(15), Role.OPERATOR, did_of("alice"), did_of("alice")))


def nothing(play: Play) -> None:
    """The amount is nothing."""
    (arguments if hasattr(play.arguments, "fen") else item)(fen=0)(play)


def to_oneself(play: Play) -> None:
    """It is for who sends it."""
    name_receiver(play, play.address)


def receiver_frozen(play: Play) -> None:
    """Whoever it is for is frozen."""
    single = hasattr(play.arguments, "to")
    address = play.arguments.to if single else play.arguments.items[0].to
    receiver = decode(play.chain.content()[account_key(address)], Account)
    play.chain.write(account_key(address), replace(receiver, operator_active=False))


def batches_off(play: Play) -> None:
    """Batches are switched off."""
    switches = Switches(platforms_add=True, batch_accounts=True, batch_recharges=False)
    play.chain.write(switches_key(), switches)


def deregistered(play: Play) -> None:
    """The contract takes no fees."""
    play.chain.write(tariff_key(play.arguments.contract), Tariff(registered=False, fees=()))


def pot_empty(play: Play) -> None:
    """The contract has taken nothing."""
    play.chain.write(purse_key(contract_purse(play.arguments.contract)), EMPTY)


SENDER: Final = (("account-unknown", by("bob")), ("account-frozen", sender_frozen))
OPERATOR: Final = (*SENDER, ("role-not-allowed", by("alice")))
RECEIVER: Final = (("account-unknown", to_nobody), ("account-frozen", receiver_frozen))
RECHARGE: Final = (
    ("own-account", to_oneself),
    ("amount-zero", nothing),
    *SENDER,
    ("role-not-allowed", by("owner")),
    *RECEIVER,
    ("recharge-not-allowed", to_another_operator),
    ("fee-short", empty("operator")),
)
GIVEN: Final[dict[str, Any]] = {
    "recharge": lambda chain: Recharge(to=chain.address("platform"), fen=9),
    "rechargeBatch": lambda chain: RechargeBatch(
        items=(
            RechargeItem(to=chain.address("platform"), fen=9),
            RechargeItem(to=chain.address("alice"), fen=9),
        )
    ),
    "selfRecharge": lambda _: SelfRecharge(fen=9),
    "buyGas": lambda chain: BuyGas(to=chain.address("platform"), fen=9),
    "settlement": lambda _: Settlement(contract="ddc721", fen=9),
    "refund": lambda chain: Refund(contract="ddc721", to=chain.address("alice"), fen=9, transaction=TRANSACTION),
    "setFee": lambda _: SetFee(contract="ddc721", method="mint", fen=9),
    "delFee": lambda _: DelFee(contract="ddc721", method="mint"),
    "delDDC": lambda _: DelDDC(contract="ddc721"),
    "setSwitcherStateOfBatch": lambda _: SetSwitch(on=False),
}


def full_gas(play: Play) -> None:
    """Whoever it is for has as much gas as there can be."""
    play.chain.write(purse_key(play.arguments.to), Purse(fen=0, gas=2**53 - 1))


REFUSALS: Final[dict[str, tuple[tuple[str, Spoil], ...]]] = {
    "recharge": RECHARGE,
    "rechargeBatch": (("batches-off", batches_off), *RECHARGE),
    "selfRecharge": (
        ("amount-zero", nothing),
        *OPERATOR,
        ("supply-full", lambda play: play.chain.write(fen_supply_key(), FEN_MAX.to_bytes(8, "big"))),
    ),
    "buyGas": (
        ("amount-zero", nothing),
        *SENDER,
        ("role-not-allowed", by("owner")),
        *RECEIVER,
        ("recharge-not-allowed", to_another_operator),
        ("fee-short", empty("operator")),
        ("gas-full", full_gas),
    ),
    "settlement": (
        ("amount-zero", nothing),
        ("contract-unregistered", arguments(contract="classes")),
        *OPERATOR,
        ("pot-short", pot_empty),
    ),
    "refund": (
        ("amount-zero", nothing),
        ("contract-unregistered", arguments(contract="classes")),
        *OPERATOR,
        ("account-unknown", to_nobody),
        ("pot-short", pot_empty),
    ),
    "setFee": (*OPERATOR, ("method-unpriced", arguments(method="freeze"))),
    "delFee": (*OPERATOR, ("contract-unregistered", deregistered), ("method-unpriced", arguments(method="freeze"))),
    "delDDC": (*OPERATOR, ("contract-unregistered", deregistered)),
    "setSwitcherStateOfBatch": (*OPERATOR, ("no-change", arguments(on=True))),
}


@pytest.mark.parametrize("method", METHODS)
def test_the_checks_of_a_method_stand_in_order(method: str) -> None:
    def play() -> Play:
        chain = SmallChain.founded()
        fill_pot(chain, "ddc721", 9)
        return Play(chain, "operator", "charge", method, GIVEN[method](chain))

    assert_order(play, *REFUSALS[method])


OPERATORS_ALONE: Final = [
    "selfRecharge",
    "settlement",
    "refund",
    "setFee",
    "delFee",
    "delDDC",
    "setSwitcherStateOfBatch",
]


@pytest.mark.parametrize("method", OPERATORS_ALONE)
@pytest.mark.parametrize("role", [role for role in Role if role != Role.OPERATOR], ids=lambda role: role.name.lower())
def test_only_an_operator_governs_the_ledger(chain: SmallChain, method: str, role: Role) -> None:
    fill_pot(chain, "ddc721", 9)
    sender = account(chain, b"other" + bytes(15), role, did_of("operator"), did_of("operator"))
    with chain.refuses("role-not-allowed", role):
        chain.call(sender, "charge", method, GIVEN[method](chain))


@pytest.mark.parametrize("method", METHODS)
def test_a_ledger_s_method_is_free_and_tells_of_itself_alone(method: str) -> None:
    chain = SmallChain.founded()
    fill_pot(chain, "ddc721", 9)
    assert METHODS[method].price is None
    events = call(chain, method, GIVEN[method](chain))
    assert [event.name for event in events] == list(METHODS[method].events)


@pytest.mark.parametrize("fen", [-1, 2**53])
def test_an_amount_is_a_natural_number(fen: int) -> None:
    for record in (
        Recharge(to=b"a", fen=fen),
        RechargeItem(to=b"a", fen=fen),
        SelfRecharge(fen=fen),
        BuyGas(to=b"a", fen=fen),
        Settlement(contract="ddc721", fen=fen),
        Refund(contract="ddc721", to=b"a", fen=fen, transaction=TRANSACTION),
    ):
        data = encode(record)
        with pytest.raises(CodecMalformed):
            decode(data, type(record))
