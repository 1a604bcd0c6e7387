"""Whatever is called in whatever order: all purses hold the supply between them, and none is in debt (protocol 27.1)."""

from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from chain.codec import Record, decode
from chain.transaction import Event
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
from contracts.interface import ContractReverted
from contracts.issuing import MintBatch
from contracts.keys import contract_purse, purse_key
from contracts.life import ChangeStatus
from contracts.purses import Purse, fen_supply, purse_of
from tests.contracts.small_chain import CLASS, SmallChain, item, token
from tests.contracts.small_ledger import TRANSACTION

NATURAL_MAX: Final = 2**53 - 1
people = st.sampled_from(["operator", "operator", "platform", "platform", "rival", "alice", "owner", "bob"])
"""Bob has no account."""
contracts = st.sampled_from(["ddc721", "ddc721", "charge", "evidence", "classes"])
methods = st.sampled_from(["mintBatch", "burn"])
ALL, ONE_MORE = -1, -2
"""Amounts that depend on what there is: everything that whoever gives has, and one fen more."""
amounts = st.integers(0, 500) | st.sampled_from([ALL, ONE_MORE]) | st.integers(0, NATURAL_MAX)
Step = tuple[Any, ...]
steps = st.one_of(
    st.tuples(st.just("recharge"), people, people, amounts),
    st.tuples(st.just("rechargeBatch"), people, st.lists(st.tuples(people, amounts), min_size=1, max_size=3)),
    st.tuples(st.just("selfRecharge"), people, amounts),
    st.tuples(st.just("buyGas"), people, people, amounts),
    st.tuples(st.just("settlement"), people, contracts, amounts),
    st.tuples(st.just("refund"), people, contracts, people, amounts),
    st.tuples(st.just("setFee"), people, methods, st.integers(0, 1_000_000)),
    st.tuples(st.just("delFee"), people, methods),
    st.tuples(st.just("delDDC"), people, contracts),
    st.tuples(st.just("freeze"), people, st.booleans()),
    st.tuples(st.just("mintBatch"), people, st.integers(1, 3)),
    st.tuples(st.just("mintAgain"), people),
    st.tuples(st.just("burn"), people, st.integers(0, 5)),
)


def amount_of(chain: SmallChain, owner: bytes, amount: int) -> int:
    """A number of fen, given what `owner` has."""
    has = purse_of(chain.records, owner).fen
    return min({ALL: has, ONE_MORE: has + 1}.get(amount, amount), NATURAL_MAX)


def take(chain: SmallChain, numbers: Iterator[int], step: Step) -> tuple[Event, ...]:
    """Do one step; `ContractReverted` if it is refused."""
    match step:
        case "recharge", sender, to, amount:
            fen = amount_of(chain, chain.address(sender), amount)
            return charge(chain, sender, "recharge", Recharge(to=chain.address(to), fen=fen))
        case "rechargeBatch", sender, pairs:
            items = tuple(
                RechargeItem(to=chain.address(to), fen=amount_of(chain, chain.address(sender), amount))
                for to, amount in pairs
            )
            return charge(chain, sender, "rechargeBatch", RechargeBatch(items=items))
        case "selfRecharge", sender, amount:
            return charge(chain, sender, "selfRecharge", SelfRecharge(fen=max(amount, 0)))
        case "buyGas", sender, to, amount:
            fen = amount_of(chain, chain.address(sender), amount)
            return charge(chain, sender, "buyGas", BuyGas(to=chain.address(to), fen=fen))
        case "settlement", sender, contract, amount:
            fen = amount_of(chain, contract_purse(contract), amount)
            return charge(chain, sender, "settlement", Settlement(contract=contract, fen=fen))
        case "refund", sender, contract, to, amount:
            fen = amount_of(chain, contract_purse(contract), amount)
            back = Refund(contract=contract, to=chain.address(to), fen=fen, transaction=TRANSACTION)
            return charge(chain, sender, "refund", back)
        case "setFee", sender, method, fee:
            return charge(chain, sender, "setFee", SetFee(contract="ddc721", method=method, fen=fee))
        case "delFee", sender, method:
            return charge(chain, sender, "delFee", DelFee(contract="ddc721", method=method))
        case "delDDC", sender, contract:
            return charge(chain, sender, "delDDC", DelDDC(contract=contract))
        case "freeze", person, active:
            chain.set_flag(person, active=active)
            return ()
    return issue_or_burn(chain, numbers, step)


def issue_or_burn(chain: SmallChain, numbers: Iterator[int], step: Step) -> tuple[Event, ...]:
    match step:
        case "mintBatch", sender, size:
            items = tuple(item(chain.address("alice"), next(numbers)) for _ in range(size))
            return chain.call(sender, "ddc721", "mintBatch", MintBatch(class_id=CLASS, items=items))
        case "mintAgain", sender:
            return chain.mint(0, sender=sender)
        case "burn", sender, number:
            arguments = ChangeStatus(class_id=CLASS, token=token(number), holder=None, reason="error")
            return chain.call(sender, "ddc721", "burn", arguments)
    raise AssertionError(step)


def charge(chain: SmallChain, sender: str, method: str, arguments: Record) -> tuple[Event, ...]:
    return chain.call(sender, "charge", method, arguments)


def purses(chain: SmallChain) -> list[Purse]:
    """Every purse of the state, of accounts and contracts."""
    return [decode(value, Purse) for key, value in chain.content().items() if key.startswith(purse_key(b""))]


def values_of(events: tuple[Event, ...], name: str) -> list[Any]:
    return [event.values for event in events if event.name == name]


@given(st.lists(steps, max_size=25))
@settings(max_examples=200, deadline=None)
def test_no_sequence_of_calls_makes_or_loses_fen(sequence: list[Step]) -> None:
    chain, numbers = SmallChain.founded(), count()
    chain.define()
    supply, gas = fen_supply(chain.records), sum(purse.gas for purse in purses(chain))
    for step in sequence:
        events: tuple[Event, ...] = ()
        before = chain.content()
        with suppress(ContractReverted):
            events = take(chain, numbers, step)
        if step[0] == "selfRecharge" and events:
            supply += step[2]
        gas += sum(bought for *_, bought in values_of(events, "BuyGas"))
        gas -= sum(used for _, _, _, used, _ in values_of(events, "Pay"))
        assert fen_supply(chain.records) == supply <= NATURAL_MAX
        held = purses(chain)
        assert sum(purse.fen for purse in held) == supply
        assert sum(purse.gas for purse in held) == gas
        assert all(0 <= amount <= NATURAL_MAX for purse in held for amount in (purse.fen, purse.gas))
        assert events or step[0] == "freeze" or chain.content() == before, "a refused call costs nothing"


def test_the_sequences_reach_what_they_are_about() -> None:
    chain, numbers = SmallChain.founded(), count()
    chain.define()
    told = [
        event.name
        for step in (
            ("mintBatch", "platform", 2),
            ("recharge", "platform", "alice", 100),
            ("buyGas", "alice", "alice", 50),
            ("burn", "alice", 1),
            ("settlement", "operator", "ddc721", ALL),
            ("settlement", "operator", "charge", ALL),
            ("selfRecharge", "operator", 5),
            ("delDDC", "operator", "ddc721"),
            ("setFee", "operator", "burn", 3),
            ("mintBatch", "platform", 1),
        )
        for event in take(chain, numbers, step)
    ]
    assert told == [
        "Pay", "TransferBatch", "LockedBatch", "IssuedBatch", "Recharge", "BuyGas", "Pay", "Transfer", "Burnt",
        "Settlement", "Settlement", "Recharge", "DelDDC", "SetFee", "Pay", "TransferBatch", "LockedBatch", "IssuedBatch",
    ]  # fmt: skip
