"""Who gets past the caller's check of which method: every method, every role, and who has no account or is frozen.

The expectation is what the methods themselves say (`Check.roles`), so that the page of the contracts, which is written
from it, tells the truth; and the table, written by hand, says whether that is what was meant.
"""

from functools import cache
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.transaction import Event
from contracts.accounts import AddAccount, UpdateAccountState
from contracts.authority import OfFunction
from contracts.gates import running
from contracts.interface import Check, ContractReverted, Method, Role
from contracts.registry import METHODS
from tests.chain.record_strategies import any_of
from tests.contracts.small_chain import SmallChain

PEOPLE: Final = {
    "owner": Role.OWNER, "operator": Role.OPERATOR, "platform": Role.PLATFORM, "alice": Role.CONSUMER,
    "carol": Role.CROSS_CHAIN, "dave": Role.RELAYER,
}  # fmt: skip
UNKNOWN: Final = "bob"
GATED: Final = {place: method for place, method in METHODS.items() if any(check.roles for check in method.checks)}
OPEN: Final = {place: method for place, method in METHODS.items() if place not in GATED}
LISTED: Final = [(place, check) for place, method in GATED.items() for check in method.checks if check.listed]
BUSINESS: Final = frozenset({Role.OPERATOR, Role.PLATFORM, Role.CONSUMER})
OWNED: Final = "pause unpause setNameAndSymbol"
SHARED: Final = (
    "setURI metaSafeMint metaSafeMintBatch metaBurn safeMint safeMintBatch accept decline revoke burn setUser "
    "setAttribute requestRebind objectRebind completeRebind"
)
MEANT: Final[list[tuple[frozenset[Role], dict[str, str]]]] = [
    (frozenset({Role.OWNER}), {
        "authority": "addOperator addCrossChain addRelayer",
        "ddc721": OWNED,
        "ddc1155": OWNED,
        "crosschain": OWNED,
        "evidence": f"{OWNED} setThreshold configureAuditor setStatus",
        "mirrors": OWNED,
        "storage": OWNED,
    }),
    (frozenset({Role.OPERATOR}), {
        "authority": "addAccountByOperator addBatchAccountByOperator setSwitcherStateOfPlatform "
        "setSwitcherStateOfBatch syncPlatformDID addFunction delFunction crossPlatformApproval",
        "charge": "selfRecharge settlement refund setFee delFee delDDC setSwitcherStateOfBatch",
        "ddc721": "freeze unfreeze approveRebind",
        "ddc1155": "freeze unfreeze freezeEdition unfreezeEdition approveRebind",
    }),
    (frozenset({Role.PLATFORM}), {"authority": "addAccountByPlatform addBatchAccountByPlatform"}),
    (frozenset({Role.OPERATOR, Role.PLATFORM}), {
        "authority": "updateAccountState",
        "classes": "defineClass setIssuer delegateIssuing setSignatories setRequirements",
        "crosschain": "addTargetChainId deleteTargetChainId",
        "storage": "openFile storeData deleteData",
    }),
    (BUSINESS, {
        "authority": "joinDid",
        "charge": "recharge rechargeBatch",
        "ddc721": f"{SHARED} mint mintBatch mintSigned mintRequired metaMint metaMintBatch reissue reissueSigned",
        "ddc1155": f"{SHARED} createEdition withdrawEdition burnBatch metaBurnBatch",
        "crosschain": "crossChainTransfer confirm cancel",
        "evidence": "createSaveRequest deleteSaveRequest voteSaveRequest",
    }),
    (BUSINESS | {Role.RELAYER}, {
        "crosschain": "receive acknowledge timeOut tellFate followRequirement",
        "mirrors": "attest refresh",
    }),
    (frozenset({Role.CROSS_CHAIN}), {"ddc721": "crossSafeMint lock", "ddc1155": "crossSafeMint lock"}),
    (frozenset({Role.OPERATOR, Role.CROSS_CHAIN}), {"ddc721": "unlock", "ddc1155": "unlock"}),
    (frozenset(Role) - {Role.OWNER}, {"charge": "buyGas"}),
    (frozenset(Role), {"clients": "reportFork", "did": "create rotate setService"}),
]  # fmt: skip
"""Who may call what in the first state, as the reference has it and where it leaves room as we do."""
gated = pytest.mark.parametrize("place", GATED, ids=".".join)
"""Who calls them is asked."""
listed = pytest.mark.parametrize(("place", "check"), LISTED, ids=[".".join(place) for place, _ in LISTED])


@cache
def chain() -> SmallChain:
    """One account of every role; nobody in this module commits to it."""
    founded = SmallChain.founded()
    for method, person in (("addCrossChain", "carol"), ("addRelayer", "dave")):
        founded.call("owner", "authority", method, AddAccount(item=founded.new_account(person)))
    return founded


@cache
def frozen_chain(person: str) -> SmallChain:
    """The same with one of them frozen; the operator by another operator."""
    founded = SmallChain.founded()
    for method, new in (("addCrossChain", "carol"), ("addRelayer", "dave"), ("addOperator", "bob")):
        founded.call("owner", "authority", method, AddAccount(item=founded.new_account(new)))
    record = UpdateAccountState(address=founded.address(person), active=False, platform_flag=False)
    founded.call("bob", "authority", "updateAccountState", record)
    return founded


def answer(on: SmallChain, place: tuple[str, str], check: Check, person: str) -> tuple[object, ...] | None:
    """What a caller's check says to a person; it needs no arguments."""
    try:
        check.test(on.context(person, *place), None)
    except ContractReverted as refusal:
        return refusal.code, *refusal.values
    return None


def gates(method: Method) -> list[Check]:
    return [check for check in method.checks if check.roles is not None]


def turned_away(place: tuple[str, str], check: Check, role: Role) -> tuple[object, ...]:
    """How a role that is not named is refused; the list has pairs of a role and a contract first."""
    if not check.listed:
        return "role-not-allowed", role
    contract_known = any(role in (other.roles or ()) for (name, _), other in LISTED if name == place[0])
    return ("method-not-permitted", role, *place) if contract_known else ("contract-not-listed", role, place[0])


def test_the_methods_name_the_roles_that_are_meant() -> None:
    """A method with two caller's checks is for who passes both."""
    named = {
        place: frozenset.intersection(*(check.roles or frozenset() for check in gates(method)))
        for place, method in GATED.items()
    }
    assert named == {
        (contract, method): roles
        for roles, contracts in MEANT
        for contract, methods in contracts.items()
        for method in methods.split()
    }


@gated
def test_a_role_passes_the_caller_s_check_exactly_if_the_method_names_it(place: tuple[str, str]) -> None:
    for check in gates(GATED[place]):
        for person, role in PEOPLE.items():
            expected = None if role in (check.roles or ()) else turned_away(place, check, role)
            assert answer(chain(), place, check, person) == expected


@gated
def test_who_has_no_account_passes_no_caller_s_check(place: tuple[str, str]) -> None:
    for check in gates(GATED[place]):
        assert answer(chain(), place, check, UNKNOWN) == ("account-unknown", chain().address(UNKNOWN))


@gated
def test_who_is_frozen_passes_no_caller_s_check(place: tuple[str, str]) -> None:
    for person in PEOPLE:
        on = frozen_chain(person)
        for check in gates(GATED[place]):
            assert answer(on, place, check, person) == ("account-frozen", on.address(person))


def refusing(on: SmallChain, place: tuple[str, str], person: str, arguments: Any) -> int:
    """The number of the first check that refuses the whole call, or how many there are; later ones are not run."""
    context = on.context(person, *place)
    checks = METHODS[place].checks
    for number, check in enumerate(checks):
        try:
            check.test(context, arguments)
        except ContractReverted:
            return number
    return len(checks)


@gated
@settings(max_examples=5)
@given(data=st.data())
def test_a_whole_call_is_stopped_by_a_caller_s_check_where_it_does_not_name_the_role_and_nowhere_else(
    place: tuple[str, str], data: st.DataObject
) -> None:
    """Whatever its arguments are. A check before it may stop anybody; behind it comes nobody who is not named."""
    method = GATED[place]
    assert method.arguments is not None
    arguments = data.draw(any_of(method.arguments))
    for person, role in (*PEOPLE.items(), (UNKNOWN, None)):
        stopped_at = refusing(chain(), place, person, arguments)
        stopping = [method.checks.index(gate) for gate in gates(method) if role not in (gate.roles or ())]
        assert stopped_at <= min(stopping, default=len(method.checks))
        assert stopped_at in stopping or stopped_at not in map(method.checks.index, gates(method))


@pytest.mark.parametrize("place", OPEN, ids=".".join)
def test_a_method_without_a_caller_s_check_refuses_everybody_or_asks_for_proof(place: tuple[str, str]) -> None:
    """A transfer is nobody's; the chain's own acts prove themselves, or harm nobody."""
    if METHODS[place].arguments is None:
        for person in (*PEOPLE, UNKNOWN):
            assert answer(chain(), place, METHODS[place].checks[0], person) == ("non-transferable",)
    else:
        assert place[0] == "system"
        assert place[1] in {"touch", "changeMembership", "reportEvidence", "restartClient"}


@listed
def test_a_listed_method_asks_whether_the_contract_runs_before_it_asks_the_list(
    place: tuple[str, str], check: Check
) -> None:
    """Unless neither platforms nor consumers, whom a pause keeps out, are on the first state's list."""
    checks = METHODS[place].checks
    assert running in checks[: checks.index(check)] or place == ("ddc721", "crossSafeMint")
    assert place != ("ddc721", "crossSafeMint") or check.roles == {Role.CROSS_CHAIN}


def set_function(on: SmallChain, method: str, role: Role, place: tuple[str, str]) -> tuple[Event, ...]:
    record = OfFunction(role=int(role), contract=place[0], method=place[1])
    return on.call("operator", "authority", method, record)


@listed
def test_a_listed_method_is_open_to_whom_the_operator_adds_and_closed_to_whom_it_strikes(
    place: tuple[str, str], check: Check
) -> None:
    on = SmallChain.founded()
    for method, person in (("addCrossChain", "carol"), ("addRelayer", "dave")):
        on.call("owner", "authority", method, AddAccount(item=on.new_account(person)))
    for person, role in PEOPLE.items():
        others = {other: answer(on, place, check, other) for other in PEOPLE if other != person}
        if role in (check.roles or ()):
            set_function(on, "delFunction", role, place)
            assert answer(on, place, check, person) == ("method-not-permitted", role, *place)
        set_function(on, "addFunction", role, place)
        assert answer(on, place, check, person) is None
        if role not in (check.roles or ()):
            set_function(on, "delFunction", role, place)
            assert answer(on, place, check, person) == ("method-not-permitted", role, *place)
        assert {other: answer(on, place, check, other) for other in others} == others
