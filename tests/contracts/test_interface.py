"""What a call may tell the world, what a refusal carries, and how a method is written (protocol 13)."""

from typing import Any

import pytest

from chain.transaction import Event
from contracts.interface import Check, ContractContext, ContractReverted, Method, Price, Role, refuses
from contracts.system import Touch
from tests.contracts.small_chain import SmallChain


@pytest.fixture
def context() -> ContractContext:
    return SmallChain.founded().context("alice", "ddc721", "mint")


def test_events_are_told_in_order_with_their_values_by_the_contract_called(context: ContractContext) -> None:
    context.emit("First", 1, "text", b"bytes", True, (b"a", b"b"))
    context.emit("Second")
    assert context.events == [
        Event(contract="ddc721", name="First", values=(1, "text", b"bytes", True, (b"a", b"b"))),
        Event(contract="ddc721", name="Second", values=()),
    ]


def test_two_calls_share_no_events(context: ContractContext) -> None:
    context.emit("First")
    other = ContractContext(
        rules=context.rules,
        records=context.records,
        contract="ddc721",
        method="mint",
        sender=b"a",
        height=1,
        time=2,
        parent_time=1,
    )
    assert other.events == []
    assert other.catalogue == {}


def test_a_refusal_carries_its_code_and_values() -> None:
    refusal = ContractReverted("role-not-allowed", 2, b"a")
    assert (refusal.code, refusal.values) == ("role-not-allowed", (2, b"a"))
    assert str(refusal) == "('role-not-allowed', 2, b'a')"


def test_a_check_says_in_one_line_what_must_be_so(context: ContractContext) -> None:
    @refuses("one", "other")
    def long_story(_context: ContractContext, _arguments: Any) -> None:
        """The thing is so,
        and so is the other.
        """
        raise ContractReverted("other", 7)

    assert isinstance(long_story, Check)
    assert long_story.says == "The thing is so, and so is the other"
    assert long_story.codes == ("one", "other")
    assert (long_story.roles, long_story.listed) == (None, False)
    with pytest.raises(ContractReverted, match="other"):
        long_story.test(context, None)


def test_a_check_that_says_nothing_is_a_fault_of_ours() -> None:
    with pytest.raises(AssertionError):

        @refuses("one")
        def silent(_context: ContractContext, _arguments: Any) -> None:
            raise ContractReverted("one")


def test_a_method_is_free_and_a_price_is_for_one_unit_unless_it_is_said() -> None:
    method = Method(arguments=Touch, checks=(), effect=lambda _context, _arguments: None)
    assert (method.price, method.events) == (None, ())
    price = Price(steps=7)
    assert (price.steps, price.steps_each, price.units(Touch())) == (7, 0, 1)
    assert Price(steps=7, units=len).units((1, 2, 3)) == 3


def test_the_roles_have_the_reference_network_s_numbers() -> None:
    assert {role.name: int(role) for role in Role} == {
        "OPERATOR": 0, "PLATFORM": 1, "CONSUMER": 2, "CROSS_CHAIN": 3, "RELAYER": 4, "OWNER": 5,
    }  # fmt: skip
