"""What a call may tell the world, and what a refusal carries (protocol 13)."""

import pytest

from chain.transaction import Event
from contracts.interface import ContractContext, ContractReverted
from tests.contracts.small_chain import SmallChain


@pytest.fixture
def context() -> ContractContext:
    chain = SmallChain.founded()
    return ContractContext(rules=chain.rules, records=chain.records, sender=b"a", height=1, time=2, parent_time=1)


def test_events_are_told_in_order_with_their_values(context: ContractContext) -> None:
    context.emit("ddc721", "First", 1, "text", b"bytes", True, (b"a", b"b"))
    context.emit("ddc721", "Second")
    assert context.events == [
        Event(contract="ddc721", name="First", values=(1, "text", b"bytes", True, (b"a", b"b"))),
        Event(contract="ddc721", name="Second", values=()),
    ]


def test_two_calls_share_no_events(context: ContractContext) -> None:
    context.emit("ddc721", "First")
    other = ContractContext(rules=context.rules, records=context.records, sender=b"a", height=1, time=2, parent_time=1)
    assert other.events == []


def test_a_refusal_carries_its_code_and_values() -> None:
    refusal = ContractReverted("role-not-allowed", 2, b"a")
    assert (refusal.code, refusal.values) == ("role-not-allowed", (2, b"a"))
    assert str(refusal) == "('role-not-allowed', 2, b'a')"
