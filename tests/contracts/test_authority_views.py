"""What anybody may ask about accounts, roles, the access list and platforms (protocol 15)."""

from typing import Any

import pytest

from contracts import registry
from contracts.access import functions_of
from contracts.accounts import AddAccount
from contracts.authority import CONTRACT, VIEWS, CrossPlatformApproval, OfFunction
from contracts.interface import ContractReverted, Role
from tests.chain.small_genesis import did_of
from tests.contracts.small_chain import SmallChain


@pytest.fixture
def chain() -> SmallChain:
    """Bob is a consumer of the rival."""
    founded = SmallChain.founded()
    founded.add("bob", sender="rival")
    return founded


def view(chain: SmallChain, name: str, **fields: Any) -> Any:
    found = VIEWS[name]
    return found.read(chain.records, found.arguments(**fields))


def pair(chain: SmallChain, name: str, first: str, second: str) -> Any:
    return view(chain, name, first=chain.address(first), second=chain.address(second))


def test_every_view_is_one_of_these_and_can_be_found() -> None:
    assert list(VIEWS) == [
        "accountAvailable", "checkAvailableAndRole", "hasFunctionPermission", "getFunctions", "onePlatformCheck",
        "crossPlatformCheck", "switcherStateOfPlatform", "switcherStateOfBatch",
    ]  # fmt: skip
    assert all(registry.VIEWS[CONTRACT, name] is found for name, found in VIEWS.items())


@pytest.mark.parametrize("platform_flag", [True, False])
def test_an_account_is_available_while_nobody_has_frozen_it(chain: SmallChain, platform_flag: bool) -> None:
    alice = chain.address("alice")
    assert view(chain, "accountAvailable", address=alice) is True
    assert view(chain, "checkAvailableAndRole", address=alice, role=2) is True
    assert view(chain, "hasFunctionPermission", address=alice, contract="ddc721", method="burn") is True
    chain.set_flag("alice", active=False, platform_flag=platform_flag)
    assert view(chain, "accountAvailable", address=alice) is False
    assert view(chain, "checkAvailableAndRole", address=alice, role=2) is False
    assert view(chain, "hasFunctionPermission", address=alice, contract="ddc721", method="burn") is False


def test_nobody_is_available_who_has_no_account(chain: SmallChain) -> None:
    carol = chain.address("carol")
    assert view(chain, "accountAvailable", address=carol) is False
    assert view(chain, "hasFunctionPermission", address=carol, contract="ddc721", method="burn") is False
    assert not any(view(chain, "checkAvailableAndRole", address=carol, role=int(role)) for role in Role)


@pytest.mark.parametrize("person", ["owner", "operator", "platform", "alice"])
def test_an_account_has_one_role(chain: SmallChain, person: str) -> None:
    account = chain.account(person)
    assert account is not None
    roles = [role for role in Role if view(chain, "checkAvailableAndRole", address=account.address, role=int(role))]
    assert roles == [account.role]


def test_the_list_says_who_may_call_what_and_follows_the_operator(chain: SmallChain) -> None:
    asked = {"address": chain.address("alice"), "contract": "ddc721", "method": "freeze"}
    assert view(chain, "hasFunctionPermission", **asked) is False
    chain.call("operator", "authority", "addFunction", OfFunction(role=2, contract="ddc721", method="freeze"))
    assert view(chain, "hasFunctionPermission", **asked) is True
    chain.call("operator", "authority", "delFunction", OfFunction(role=2, contract="ddc721", method="freeze"))
    assert view(chain, "hasFunctionPermission", **asked) is False
    assert view(chain, "hasFunctionPermission", **asked | {"contract": "authority"}) is False


def test_the_functions_of_a_role_are_told_in_order(chain: SmallChain) -> None:
    told = view(chain, "getFunctions", role=int(Role.PLATFORM), contract="ddc721")
    listed = functions_of(chain.records, Role.PLATFORM, "ddc721")
    assert listed is not None
    assert told.split(" ") == sorted(listed)
    assert "mint" in listed
    assert view(chain, "getFunctions", role=int(Role.RELAYER), contract="ddc721") == ""


ONE_PLATFORM = {
    ("platform", "alice"): True, ("alice", "alice"): True, ("platform", "platform"): True, ("rival", "bob"): True,
    ("platform", "rival"): False, ("alice", "bob"): False, ("platform", "bob"): False, ("operator", "alice"): False,
    ("operator", "operator"): False, ("owner", "owner"): False, ("carol", "carol"): False, ("operator", "platform"): False,
}  # fmt: skip


@pytest.mark.parametrize(("people", "answer"), ONE_PLATFORM.items(), ids=map(" and ".join, ONE_PLATFORM))
def test_two_accounts_stand_under_one_platform_or_not(chain: SmallChain, people: tuple[str, str], answer: bool) -> None:
    """Never so of who stands beside platforms and consumers, though it be one account."""
    chain.call("owner", "authority", "addCrossChain", AddAccount(item=chain.new_account("carol")))
    assert pair(chain, "onePlatformCheck", *people) is answer
    assert pair(chain, "onePlatformCheck", *reversed(people)) is answer


def test_a_platform_may_issue_to_its_own_and_to_whom_an_approval_covers(chain: SmallChain) -> None:
    def may(first: str, second: str) -> Any:
        return pair(chain, "crossPlatformCheck", first, second)

    assert (may("platform", "alice"), may("platform", "bob"), may("rival", "alice")) == (True, False, False)
    record = CrossPlatformApproval(issuer=did_of("platform"), to=did_of("rival"), approved=True)
    chain.call("operator", "authority", "crossPlatformApproval", record)
    assert (may("platform", "bob"), may("alice", "bob"), may("platform", "rival")) == (True, True, True)
    assert (may("rival", "alice"), may("bob", "alice")) == (False, False)
    assert (may("operator", "bob"), may("bob", "operator"), may("owner", "bob")) == (True, False, False)


@pytest.mark.parametrize("name", ["onePlatformCheck", "crossPlatformCheck"])
@pytest.mark.parametrize("order", [1, -1])
def test_a_question_about_two_needs_two_usable_accounts(chain: SmallChain, name: str, order: int) -> None:
    with pytest.raises(ContractReverted) as refusal:
        pair(chain, name, *["alice", "carol"][::order])
    assert (refusal.value.code, refusal.value.values) == ("account-unknown", (chain.address("carol"),))
    chain.set_flag("bob", active=False)
    with pytest.raises(ContractReverted) as refusal:
        pair(chain, name, *["alice", "bob"][::order])
    assert (refusal.value.code, refusal.value.values) == ("account-frozen", (chain.address("bob"),))


def test_switches_are_on_at_first(chain: SmallChain) -> None:
    assert view(chain, "switcherStateOfPlatform") is True
    assert view(chain, "switcherStateOfBatch") is True
