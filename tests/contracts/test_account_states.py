"""An account is frozen and freed by whoever is above it, by one flag at a time (protocol 15)."""

import pytest
from msgspec.structs import replace

from chain.codec import encode
from chain.transaction import Event
from contracts.access import Account
from contracts.accounts import AddAccount, UpdateAccountState
from contracts.interface import Role
from contracts.keys import account_key
from tests.contracts.small_chain import SmallChain

platform_or_operator = pytest.mark.parametrize("platform_flag", [True, False])


@pytest.fixture
def chain() -> SmallChain:
    return SmallChain.founded()


def account(chain: SmallChain, person: str = "alice") -> Account:
    found = chain.account(person)
    assert found is not None
    return found


def update(
    chain: SmallChain, sender: str, person: str, *, active: bool = False, platform_flag: bool = True
) -> tuple[Event, ...]:
    record = UpdateAccountState(address=chain.address(person), active=active, platform_flag=platform_flag)
    return chain.call(sender, "authority", "updateAccountState", record)


@pytest.mark.parametrize("person", ["owner", "platform", "alice", "dave"])
@platform_or_operator
def test_an_operator_sets_either_flag_of_anybody_else(chain: SmallChain, person: str, platform_flag: bool) -> None:
    chain.call("owner", "authority", "addRelayer", AddAccount(item=chain.new_account("dave")))
    before, content = account(chain, person), chain.content()
    for active in (False, True):
        events = update(chain, "operator", person, active=active, platform_flag=platform_flag)
        flags = (active, True) if platform_flag else (True, active)
        values = (before.address, *flags)
        assert events == (Event(contract="authority", name="UpdateAccountState", values=values),)
        changed = replace(before, platform_active=flags[0], operator_active=flags[1])
        assert chain.content() == content | {account_key(before.address): encode(changed)}


def test_a_flag_is_set_beside_the_other(chain: SmallChain) -> None:
    for platform_flag in (True, False):
        update(chain, "operator", "alice", platform_flag=platform_flag)
    events = update(chain, "operator", "alice", active=True, platform_flag=True)
    assert events[0].values == (chain.address("alice"), True, False)
    assert not account(chain).active
    update(chain, "operator", "alice", active=True, platform_flag=False)
    assert account(chain).active


def test_a_platform_freezes_and_frees_its_own_consumers_by_its_own_flag(chain: SmallChain) -> None:
    update(chain, "platform", "alice")
    assert (account(chain).platform_active, account(chain).operator_active) == (False, True)
    update(chain, "platform", "alice", active=True)
    assert account(chain).active


def test_a_platform_does_not_free_whom_the_operator_froze(chain: SmallChain) -> None:
    update(chain, "operator", "alice", platform_flag=False)
    with chain.refuses("role-not-allowed", Role.PLATFORM):
        update(chain, "platform", "alice", active=True, platform_flag=False)


@pytest.mark.parametrize(
    ("sender", "person", "platform_flag"),
    [
        ("platform", "alice", False),
        ("rival", "alice", True),
        ("platform", "platform", True),
        ("platform", "operator", True),
        ("platform", "owner", True),
        ("platform", "rival", True),
    ],
    ids=["the operator's flag", "another's consumer", "itself", "the operator", "the owner", "another platform"],
)
def test_a_platform_freezes_nobody_else(chain: SmallChain, sender: str, person: str, platform_flag: bool) -> None:
    with chain.refuses("role-not-allowed", Role.PLATFORM):
        update(chain, sender, person, platform_flag=platform_flag)


@pytest.mark.parametrize("role", set(Role) - {Role.CONSUMER})
def test_a_platform_freezes_no_other_role_that_names_it_as_leader(chain: SmallChain, role: Role) -> None:
    alice = account(chain)
    chain.write(account_key(alice.address), replace(alice, role=int(role)))
    with chain.refuses("role-not-allowed", Role.PLATFORM):
        update(chain, "platform", "alice")


@platform_or_operator
def test_an_operator_freezes_another_but_not_itself(chain: SmallChain, platform_flag: bool) -> None:
    """It could not undo it; another operator could."""
    chain.call("owner", "authority", "addOperator", AddAccount(item=chain.new_account("bob")))
    for active in (False, True):
        with chain.refuses("own-account", chain.address("operator")):
            update(chain, "operator", "operator", active=active, platform_flag=platform_flag)
    update(chain, "bob", "operator", platform_flag=platform_flag)
    with chain.refuses("account-frozen", chain.address("operator")):
        update(chain, "operator", "bob", platform_flag=platform_flag)
    update(chain, "bob", "operator", active=True, platform_flag=platform_flag)


@pytest.mark.parametrize("sender", ["owner", "alice", "dave"])
def test_no_other_role_freezes_anybody(chain: SmallChain, sender: str) -> None:
    chain.call("owner", "authority", "addCrossChain", AddAccount(item=chain.new_account("dave")))
    with chain.refuses("role-not-allowed", account(chain, sender).role):
        update(chain, sender, "alice")


def test_an_unknown_account_is_not_frozen(chain: SmallChain) -> None:
    with chain.refuses("account-unknown", chain.address("bob")):
        update(chain, "operator", "bob")


@pytest.mark.parametrize("active", [True, False])
@platform_or_operator
def test_a_flag_that_is_so_already_is_refused(chain: SmallChain, active: bool, platform_flag: bool) -> None:
    if not active:
        update(chain, "operator", "alice", platform_flag=platform_flag)
    with chain.refuses("no-change", chain.address("alice")):
        update(chain, "operator", "alice", active=active, platform_flag=platform_flag)


@pytest.mark.parametrize("person", ["platform", "alice"])
@platform_or_operator
def test_a_frozen_sender_creates_and_freezes_nobody_until_it_is_freed(
    chain: SmallChain, person: str, platform_flag: bool
) -> None:
    update(chain, "operator", person, platform_flag=platform_flag)
    for act in (lambda: update(chain, person, "alice"), lambda: chain.add(sender="platform")):
        if person == "platform":
            with chain.refuses("account-frozen", chain.address("platform")):
                act()
    update(chain, "operator", person, active=True, platform_flag=platform_flag)
    chain.add()
