"""What an operator decides beside accounts: switches, platforms and their approvals, the access list (protocol 15)."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.codec import Record, encode
from chain.transaction import Event
from contracts import registry
from contracts.access import NO_DID, Functions, Switches, functions_of, is_approved, is_platform
from contracts.accounts import AddAccount
from contracts.authority import (
    METHODS,
    CrossPlatformApproval,
    OfFunction,
    SetSwitch,
    SyncPlatformDID,
)
from contracts.interface import ContractReverted, Role
from contracts.keys import approval_key, functions_key, platform_key, switches_key
from tests.chain.small_genesis import did_of
from tests.contracts.check_order import Play, Spoil, arguments, assert_order, by, sender_frozen
from tests.contracts.small_chain import SmallChain

SWITCHES = {"setSwitcherStateOfPlatform": "platforms_add", "setSwitcherStateOfBatch": "batch_accounts"}
LISTED = [place for place, method in registry.METHODS.items() if any(check.listed for check in method.checks)]
UNLISTED = [place for place in registry.METHODS if place not in LISTED]
SENDER: list[tuple[str, Spoil]] = [
    ("account-unknown", by("bob")), ("account-frozen", sender_frozen), ("role-not-allowed", by("platform")),
]  # fmt: skip
MINTING = OfFunction(role=Role.RELAYER, contract="ddc721", method="mint")


@pytest.fixture
def chain() -> SmallChain:
    return SmallChain.founded()


def decide(chain: SmallChain, method: str, record: Record, sender: str = "operator") -> tuple[Event, ...]:
    return chain.call(sender, "authority", method, record)


def told(name: str, *values: Any) -> tuple[Event, ...]:
    return (Event(contract="authority", name=name, values=values),)


def view(chain: SmallChain, name: str, **fields: Any) -> Any:
    found = registry.VIEWS["authority", name]
    return found.read(chain.records, found.arguments(**fields))


def test_the_roles_have_the_reference_network_s_numbers_and_two_of_ours() -> None:
    assert {role.name: int(role) for role in Role} == {
        "OPERATOR": 0, "PLATFORM": 1, "CONSUMER": 2, "CROSS_CHAIN": 3, "RELAYER": 4, "OWNER": 5,
    }  # fmt: skip


def test_every_method_is_one_of_these() -> None:
    assert list(METHODS) == [
        "addOperator", "addCrossChain", "addRelayer", "addAccountByPlatform", "addBatchAccountByPlatform",
        "addAccountByOperator", "addBatchAccountByOperator", "joinDid", "updateAccountState",
        "setSwitcherStateOfPlatform", "setSwitcherStateOfBatch", "syncPlatformDID", "addFunction", "delFunction",
        "crossPlatformApproval",
    ]  # fmt: skip


@pytest.mark.parametrize("method", SWITCHES)
def test_a_switch_is_turned_off_and_on_and_no_other_with_it(chain: SmallChain, method: str) -> None:
    before = chain.content()
    for on in (False, True):
        events = decide(chain, method, SetSwitch(on=on))
        assert events == told(method[0].upper() + method[1:], chain.address("operator"), on)
        fields = {"platforms_add": True, "batch_accounts": True, "batch_recharges": True} | {SWITCHES[method]: on}
        assert chain.content() == before | {switches_key(): encode(Switches(**fields))}
        switches = {name: view(chain, name[3].lower() + name[4:]) for name in SWITCHES}
        assert switches == {name: on or name != method for name in SWITCHES}


@pytest.mark.parametrize("method", SWITCHES)
def test_a_switch_that_is_so_already_is_refused(chain: SmallChain, method: str) -> None:
    for on in (True, False):
        with chain.refuses("no-change", "authority"):
            decide(chain, method, SetSwitch(on=on))
        decide(chain, method, SetSwitch(on=not on))


@pytest.mark.parametrize("method", SWITCHES)
def test_the_checks_of_a_switch_stand_in_order(method: str) -> None:
    assert_order(
        lambda: Play(SmallChain.founded(), "operator", "authority", method, SetSwitch(on=False)),
        *SENDER,
        ("no-change", arguments(on=True)),
    )


def test_dids_that_the_chain_knows_are_registered_as_platforms(chain: SmallChain) -> None:
    before, dids = chain.content(), (did_of("alice"), did_of("owner"))
    assert not is_platform(chain.records, did_of("alice"))
    events = decide(chain, "syncPlatformDID", SyncPlatformDID(dids=dids))
    assert events == told("SyncPlatformDID", chain.address("operator"), dids)
    assert chain.content() == before | {platform_key(did): b"\x01" for did in dids}
    decide(chain, "addAccountByOperator", AddAccount(item=chain.new_account(leader=did_of("alice"))))


def test_a_did_may_be_registered_again_and_one_unknown_did_registers_none(chain: SmallChain) -> None:
    decide(chain, "syncPlatformDID", SyncPlatformDID(dids=(did_of("platform"),) * 100))
    for unknown in (did_of("bob"), NO_DID):
        with chain.refuses("did-unknown", unknown):
            decide(chain, "syncPlatformDID", SyncPlatformDID(dids=(did_of("alice"), unknown)))


@pytest.mark.parametrize("count", [0, 101])
def test_one_to_a_hundred_dids_are_registered_at_once(chain: SmallChain, count: int) -> None:
    with chain.refuses("arguments-malformed"):
        decide(chain, "syncPlatformDID", SyncPlatformDID(dids=(did_of("platform"),) * count))


def test_the_checks_of_registering_stand_in_order() -> None:
    record = SyncPlatformDID(dids=(did_of("alice"),))
    assert_order(
        lambda: Play(SmallChain.founded(), "operator", "authority", "syncPlatformDID", record),
        *SENDER,
        ("did-unknown", arguments(dids=(did_of("bob"),))),
    )


def approval(issuer: str = "platform", to: str = "rival", *, approved: bool = True) -> CrossPlatformApproval:
    return CrossPlatformApproval(issuer=did_of(issuer), to=did_of(to), approved=approved)


def test_an_approval_is_given_in_one_direction_and_taken_back(chain: SmallChain) -> None:
    before, dids = chain.content(), (did_of("platform"), did_of("rival"))
    events = decide(chain, "crossPlatformApproval", approval())
    assert events == told("CrossPlatformApproval", *dids, True)
    assert chain.content() == before | {approval_key(*dids): b"\x01"}
    assert not is_approved(chain.records, dids[1], dids[0])
    events = decide(chain, "crossPlatformApproval", approval(approved=False))
    assert events == told("CrossPlatformApproval", *dids, False)
    assert chain.content() == before


def test_an_approval_is_between_two_registered_platforms_and_changes_something(chain: SmallChain) -> None:
    for issuer, to, unknown in [("alice", "rival", "alice"), ("rival", "bob", "bob"), ("bob", "alice", "bob")]:
        with chain.refuses("leader-unknown", did_of(unknown)):
            decide(chain, "crossPlatformApproval", approval(issuer, to))
    with chain.refuses("same-platform", did_of("rival")):
        decide(chain, "crossPlatformApproval", approval("rival", "rival"))
    with chain.refuses("no-change", did_of("rival")):
        decide(chain, "crossPlatformApproval", approval(approved=False))
    decide(chain, "crossPlatformApproval", approval())
    with chain.refuses("no-change", did_of("rival")):
        decide(chain, "crossPlatformApproval", approval())


def test_the_checks_of_an_approval_stand_in_order() -> None:
    assert_order(
        lambda: Play(SmallChain.founded(), "operator", "authority", "crossPlatformApproval", approval()),
        *SENDER,
        ("leader-unknown", arguments(issuer=did_of("alice"))),
        ("same-platform", arguments(issuer=did_of("rival"))),
        ("no-change", arguments(approved=False)),
    )


def test_a_method_is_listed_for_a_role_and_struck_again(chain: SmallChain) -> None:
    before, operator = chain.content(), chain.address("operator")
    assert functions_of(chain.records, Role.RELAYER, "ddc721") is None
    events = decide(chain, "addFunction", MINTING)
    assert events == told("AddFunction", operator, 4, "ddc721", "mint")
    key = functions_key(Role.RELAYER, "ddc721")
    assert chain.content() == before | {key: encode(Functions(methods=("mint",)))}
    decide(chain, "addFunction", OfFunction(role=4, contract="ddc721", method="burn"))
    assert chain.content() == before | {key: encode(Functions(methods=("burn", "mint")))}
    assert view(chain, "getFunctions", role=4, contract="ddc721") == "burn mint"
    events = decide(chain, "delFunction", MINTING)
    assert events == told("DelFunction", operator, 4, "ddc721", "mint")
    assert chain.content() == before | {key: encode(Functions(methods=("burn",)))}
    decide(chain, "delFunction", OfFunction(role=4, contract="ddc721", method="burn"))
    assert chain.content() == before | {key: encode(Functions(methods=()))}, "the contract stays listed"


def test_the_list_knows_six_roles(chain: SmallChain) -> None:
    for role in (-1, 6):
        with chain.refuses("arguments-malformed"):
            decide(chain, "addFunction", OfFunction(role=role, contract="ddc721", method="mint"))
    for role in (3, 5):
        decide(chain, "addFunction", OfFunction(role=role, contract="ddc721", method="mint"))
        assert functions_of(chain.records, role, "ddc721") >= {"mint"}
    with chain.refuses("function-listed", 0, "ddc721", "mint"):
        decide(chain, "addFunction", OfFunction(role=0, contract="ddc721", method="mint"))


def test_a_method_is_listed_once_and_struck_once(chain: SmallChain) -> None:
    with chain.refuses("contract-not-listed", 4, "ddc721"):
        decide(chain, "delFunction", MINTING)
    decide(chain, "addFunction", MINTING)
    with chain.refuses("function-listed", 4, "ddc721", "mint"):
        decide(chain, "addFunction", MINTING)
    with chain.refuses("function-not-listed", 4, "ddc721", "burn"):
        decide(chain, "delFunction", OfFunction(role=4, contract="ddc721", method="burn"))
    decide(chain, "delFunction", MINTING)
    with chain.refuses("function-not-listed", 4, "ddc721", "mint"):
        decide(chain, "delFunction", MINTING)


@pytest.mark.parametrize("decision", ["addFunction", "delFunction"])
@pytest.mark.parametrize("place", [*UNLISTED, ("ddc721", "unknown"), ("nothing", "mint")], ids=".".join)
def test_what_is_not_on_the_list_is_neither_added_nor_struck(
    chain: SmallChain, decision: str, place: tuple[str, str]
) -> None:
    """Who administers the chain is not for the list to say, and nothing makes a certificate transferable."""
    for role in Role:
        with chain.refuses("method-unknown", *place):
            decide(chain, decision, OfFunction(role=role, contract=place[0], method=place[1]))


@settings(max_examples=20)
@given(st.lists(st.tuples(st.booleans(), st.sampled_from(Role), st.sampled_from(LISTED)), max_size=12))
def test_the_list_is_what_was_added_less_what_was_struck(acts: list[tuple[bool, Role, tuple[str, str]]]) -> None:
    chain = SmallChain.founded()
    pairs = {(role, contract) for role in Role for contract, _ in LISTED}
    listed = {pair: functions_of(chain.records, *pair) for pair in pairs}
    for adding, role, (contract, method) in acts:
        methods = listed[role, contract] or frozenset()
        record = OfFunction(role=role, contract=contract, method=method)
        if adding == (method in methods):
            with pytest.raises(ContractReverted):
                decide(chain, "addFunction" if adding else "delFunction", record)
            continue
        decide(chain, "addFunction" if adding else "delFunction", record)
        listed[role, contract] = methods | {method} if adding else methods - {method}
    assert {pair: functions_of(chain.records, *pair) for pair in pairs} == listed


def test_the_checks_of_listing_stand_in_order() -> None:
    assert_order(
        lambda: Play(SmallChain.founded(), "operator", "authority", "addFunction", MINTING),
        *SENDER,
        ("method-unknown", arguments(method="transferFrom")),
        ("function-listed", arguments(role=int(Role.OPERATOR))),
    )


def test_the_checks_of_striking_stand_in_order() -> None:
    record = OfFunction(role=Role.PLATFORM, contract="ddc721", method="mint")
    assert_order(
        lambda: Play(SmallChain.founded(), "operator", "authority", "delFunction", record),
        *SENDER,
        ("method-unknown", arguments(contract="nothing")),
        ("contract-not-listed", arguments(role=int(Role.RELAYER))),
        ("function-not-listed", arguments(method="freeze")),
    )


@pytest.mark.parametrize(
    "method", [*SWITCHES, "syncPlatformDID", "addFunction", "delFunction", "crossPlatformApproval"]
)
@pytest.mark.parametrize("sender", ["owner", "platform", "alice"])
def test_nobody_but_an_operator_decides(chain: SmallChain, method: str, sender: str) -> None:
    record = {
        "syncPlatformDID": SyncPlatformDID(dids=(did_of("alice"),)),
        "addFunction": MINTING,
        "delFunction": OfFunction(role=Role.PLATFORM, contract="ddc721", method="mint"),
        "crossPlatformApproval": approval(),
    }.get(method, SetSwitch(on=False))
    account = chain.account(sender)
    assert account is not None
    with chain.refuses("role-not-allowed", account.role):
        decide(chain, method, record, sender)
    decide(chain, method, record)
