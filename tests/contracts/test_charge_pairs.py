"""Who recharges whom, and who buys gas for whom: a table of all pairs of roles (protocol 27)."""

from itertools import product
from typing import Final

import pytest

from contracts.access import NO_DID
from contracts.charge import BuyGas, Recharge, RechargeBatch, RechargeItem
from contracts.interface import Role
from contracts.purses import Purse, purse_of
from tests.contracts.small_chain import SmallChain
from tests.contracts.small_ledger import account


@pytest.fixture
def chain() -> SmallChain:
    return SmallChain.founded()


ALWAYS, OWN, NEVER = "always", "its own", "never"
PAIRS: Final = {
    (Role.OPERATOR, Role.PLATFORM): ALWAYS,
    (Role.OPERATOR, Role.CONSUMER): ALWAYS,
    (Role.OPERATOR, Role.CROSS_CHAIN): ALWAYS,
    (Role.OPERATOR, Role.RELAYER): ALWAYS,
    (Role.PLATFORM, Role.PLATFORM): OWN,
    (Role.PLATFORM, Role.CONSUMER): OWN,
    (Role.CONSUMER, Role.PLATFORM): OWN,
}
"""Sender and receiver; every pair that is not here never recharges."""
GIVERS: Final = {Role.OPERATOR, Role.PLATFORM, Role.CONSUMER}
BUYERS: Final = {*GIVERS, Role.CROSS_CHAIN, Role.RELAYER}
all_pairs = pytest.mark.parametrize(
    ("sender", "receiver"), list(product(Role, Role)), ids=lambda role: role.name.lower()
)
A, B, C = (bytes([number]) * 20 for number in (1, 2, 3))
"""DIDs."""


def two(chain: SmallChain, sender: Role, receiver: Role, *, own: bool) -> tuple[bytes, bytes]:
    """Two accounts: of one DID that leads both, or of two DIDs with other leaders."""
    giver = account(chain, b"giver" + bytes(15), sender, A, A if own else B, fen=100)
    return giver, account(chain, b"taker" + bytes(15), receiver, A if own else C, A if own else NO_DID)


def allowed(sender: Role, receiver: Role, *, own: bool) -> bool:
    rule = PAIRS.get((sender, receiver), NEVER)
    return rule == ALWAYS or (rule == OWN and own)


@all_pairs
@pytest.mark.parametrize("own", [True, False], ids=["own", "foreign"])
@pytest.mark.parametrize("method", ["recharge", "rechargeBatch"])
def test_who_recharges_whom(chain: SmallChain, sender: Role, receiver: Role, own: bool, method: str) -> None:
    giver, taker = two(chain, sender, receiver, own=own)
    one = RechargeItem(to=taker, fen=60)
    given = Recharge(to=taker, fen=60) if method == "recharge" else RechargeBatch(items=(one,))
    if allowed(sender, receiver, own=own):
        chain.call(giver, "charge", method, given)
        assert (purse_of(chain.records, giver).fen, purse_of(chain.records, taker).fen) == (40, 60)
        return
    expected = ("recharge-not-allowed", taker) if sender in GIVERS else ("role-not-allowed", int(sender))
    with chain.refuses(*expected):
        chain.call(giver, "charge", method, given)


@all_pairs
@pytest.mark.parametrize("own", [True, False], ids=["own", "foreign"])
def test_who_buys_gas_for_whom(chain: SmallChain, sender: Role, receiver: Role, own: bool) -> None:
    giver, taker = two(chain, sender, receiver, own=own)
    if allowed(sender, receiver, own=own):
        chain.call(giver, "charge", "buyGas", BuyGas(to=taker, fen=60))
        gas = 60 * chain.rules.profile.gas_per_fen
        assert purse_of(chain.records, taker) == Purse(fen=0, gas=gas)
        return
    expected = ("recharge-not-allowed", taker) if sender in BUYERS else ("role-not-allowed", int(sender))
    with chain.refuses(*expected):
        chain.call(giver, "charge", "buyGas", BuyGas(to=taker, fen=60))


NEAR: Final[dict[str, tuple[tuple[Role, bytes, bytes], tuple[Role, bytes, bytes], bool]]] = {
    "a platform, another led by the same operator": ((Role.PLATFORM, A, C), (Role.PLATFORM, B, C), False),
    "a platform, another account of its DID": ((Role.PLATFORM, A, B), (Role.PLATFORM, A, C), True),
    "a platform, a consumer of its DID under another platform": ((Role.PLATFORM, A, C), (Role.CONSUMER, A, B), False),
    "a platform, a consumer that it leads": ((Role.PLATFORM, A, C), (Role.CONSUMER, B, A), True),
    "a platform, a consumer under its operator": ((Role.PLATFORM, A, C), (Role.CONSUMER, B, C), False),
    "a consumer, its platform": ((Role.CONSUMER, B, A), (Role.PLATFORM, A, C), True),
    "a consumer without a DID, its platform": ((Role.CONSUMER, NO_DID, A), (Role.PLATFORM, A, C), True),
    "a consumer, a platform of its own DID": ((Role.CONSUMER, A, B), (Role.PLATFORM, A, C), False),
    "a consumer, one of the same platform": ((Role.CONSUMER, A, C), (Role.CONSUMER, B, C), False),
    "a consumer, one of its own DID": ((Role.CONSUMER, A, C), (Role.CONSUMER, A, C), False),
    "two consumers without DID": ((Role.CONSUMER, NO_DID, C), (Role.CONSUMER, NO_DID, C), False),
    "an operator, another of its DID": ((Role.OPERATOR, A, A), (Role.OPERATOR, A, A), False),
}


@pytest.mark.parametrize(("sender", "receiver", "may"), NEAR.values(), ids=NEAR)
def test_what_counts_as_its_own(
    chain: SmallChain, sender: tuple[Role, bytes, bytes], receiver: tuple[Role, bytes, bytes], may: bool
) -> None:
    giver = account(chain, b"giver" + bytes(15), *sender, fen=9)
    taker = account(chain, b"taker" + bytes(15), *receiver)
    if may:
        chain.call(giver, "charge", "recharge", Recharge(to=taker, fen=9))
        assert purse_of(chain.records, taker).fen == 9
    else:
        with chain.refuses("recharge-not-allowed", taker):
            chain.call(giver, "charge", "recharge", Recharge(to=taker, fen=9))


@pytest.mark.parametrize("role", sorted(BUYERS), ids=lambda role: role.name.lower())
def test_whoever_may_have_to_pay_buys_gas_for_itself(chain: SmallChain, role: Role) -> None:
    own = account(chain, b"giver" + bytes(15), role, A, B, fen=5)
    chain.call(own, "charge", "buyGas", BuyGas(to=own, fen=5))
    assert purse_of(chain.records, own) == Purse(fen=0, gas=5 * chain.rules.profile.gas_per_fen)


def test_an_owner_pays_for_nothing_and_buys_none(chain: SmallChain) -> None:
    with chain.refuses("role-not-allowed", Role.OWNER):
        chain.call("owner", "charge", "buyGas", BuyGas(to=chain.address("owner"), fen=5))
