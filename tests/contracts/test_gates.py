"""The checks that many methods share: who calls, by role or by the access list, and whether the contract runs (13.2)."""

import pytest
from msgspec.structs import replace

from contracts.access import ContractStanding, Functions, find_account
from contracts.gates import permitted, running, sender_is
from contracts.interface import Check, ContractReverted, Role
from contracts.keys import account_key, functions_key, standing_key
from tests.contracts.small_chain import SmallChain

FROZEN = [(False, True), (True, False), (False, False)]
role = pytest.mark.parametrize("role", Role)


@pytest.fixture
def chain() -> SmallChain:
    return SmallChain.founded()


def refusal(chain: SmallChain, check: Check, sender: str | bytes, method: str = "mint") -> tuple[object, ...] | None:
    """What the check answers, None if it lets the call pass; it looks and never writes."""
    context = chain.context(sender, "ddc721", method)
    try:
        check.test(context, None)
    except ContractReverted as refused:
        return refused.code, *refused.values
    finally:
        assert context.records.open == {}  # type: ignore[attr-defined]
        assert context.events == []
    return None


def become(chain: SmallChain, role: Role, person: str = "alice") -> None:
    """A person's account is of another role."""
    account = chain.account(person)
    assert account is not None
    chain.write(account_key(account.address), replace(account, role=int(role)))


@role
def test_a_sender_of_one_of_the_roles_passes_and_every_other_is_told_its_own(chain: SmallChain, role: Role) -> None:
    for own in Role:
        become(chain, own)
        expected = None if own in (role, Role.RELAYER) else ("role-not-allowed", own)
        assert refusal(chain, sender_is(role, Role.RELAYER), "alice") == expected


@pytest.mark.parametrize("check", [sender_is(*Role), permitted(*Role)], ids=["sender_is", "permitted"])
def test_a_sender_without_account_is_refused(chain: SmallChain, check: Check) -> None:
    for address in (chain.address("bob"), b"\0", chain.address("alice")[:-1]):
        assert refusal(chain, check, address) == ("account-unknown", address)


@pytest.mark.parametrize("check", [sender_is(*Role), permitted(*Role)], ids=["sender_is", "permitted"])
@pytest.mark.parametrize(("platform_active", "operator_active"), FROZEN)
def test_a_frozen_sender_is_refused_by_either_flag(
    chain: SmallChain, check: Check, platform_active: bool, operator_active: bool
) -> None:
    account = find_account(chain.records, chain.address("platform"))
    assert account is not None
    assert refusal(chain, check, "platform") is None
    frozen = replace(account, platform_active=platform_active, operator_active=operator_active)
    chain.write(account_key(account.address), frozen)
    assert refusal(chain, check, "platform") == ("account-frozen", account.address)


@role
def test_the_access_list_alone_says_which_role_calls_what(chain: SmallChain, role: Role) -> None:
    """Whatever roles the method names: they are those of the first state's list."""
    become(chain, role)
    check = permitted()
    chain.write(functions_key(role, "ddc721"), None)
    assert refusal(chain, check, "alice") == ("contract-not-listed", role, "ddc721")
    chain.write(functions_key(role, "ddc721"), Functions(methods=()))
    assert refusal(chain, check, "alice") == ("method-not-permitted", role, "ddc721", "mint")
    chain.write(functions_key(role, "ddc721"), Functions(methods=("burn", "mint")))
    assert refusal(chain, check, "alice") is None
    assert refusal(chain, check, "alice", "revoke") == ("method-not-permitted", role, "ddc721", "revoke")


def test_the_list_of_another_role_or_contract_permits_nothing(chain: SmallChain) -> None:
    for other in Role:
        chain.write(functions_key(other, "ddc721"), Functions(methods=("mint",)) if other != Role.CONSUMER else None)
    chain.write(functions_key(Role.CONSUMER, "ddc1155"), Functions(methods=("mint",)))
    assert refusal(chain, permitted(*Role), "alice") == ("contract-not-listed", Role.CONSUMER, "ddc721")


@role
def test_a_pause_keeps_out_platforms_and_consumers_and_nobody_else(chain: SmallChain, role: Role) -> None:
    become(chain, role)
    assert refusal(chain, running, "alice") is None
    chain.write(standing_key("ddc1155"), ContractStanding(paused=True, name="", symbol=""))
    assert refusal(chain, running, "alice") is None, "another contract is paused"
    chain.write(standing_key("ddc721"), ContractStanding(paused=True, name="", symbol=""))
    kept_out = role in (Role.PLATFORM, Role.CONSUMER)
    assert refusal(chain, running, "alice") == (("contract-paused", "ddc721") if kept_out else None)
    chain.write(standing_key("ddc721"), ContractStanding(paused=False, name="", symbol=""))
    assert refusal(chain, running, "alice") is None


def test_a_pause_keeps_out_who_has_no_account(chain: SmallChain) -> None:
    assert refusal(chain, running, "bob") is None, "that is for the next check to say"
    chain.write(standing_key("ddc721"), ContractStanding(paused=True, name="", symbol=""))
    assert refusal(chain, running, "bob") == ("contract-paused", "ddc721")


def test_a_check_tells_what_must_be_so_and_whom_it_lets_pass() -> None:
    gate = sender_is(Role.CROSS_CHAIN, Role.OPERATOR)
    assert gate.says == "The sender is an active cross-chain or operator"
    assert gate.codes == ("account-unknown", "account-frozen", "role-not-allowed")
    assert (gate.roles, gate.listed) == ({Role.CROSS_CHAIN, Role.OPERATOR}, False)
    listed = permitted(Role.PLATFORM)
    assert listed.codes == ("account-unknown", "account-frozen", "contract-not-listed", "method-not-permitted")
    assert (listed.roles, listed.listed) == ({Role.PLATFORM}, True)
    assert (running.roles, running.listed, running.codes) == (None, False, ("contract-paused",))
