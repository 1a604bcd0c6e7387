"""Accounts and the access list as records, and how they are found (protocol 15)."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chain.codec import CodecMalformed, decoder, encode
from contracts.access import (
    NO_DID,
    Account,
    ContractStanding,
    Functions,
    Switches,
    find_account,
    functions_of,
    is_approved,
    is_paused,
    is_platform,
    may_issue_to,
    platform_of,
    require_active,
    sender_account,
    standing_of,
    switches_of,
)
from contracts.interface import ContractReverted, Role
from contracts.keys import account_key, approval_key, functions_key, platform_key, standing_key, switches_key

ADDRESS, DID, LEADER, OTHER = b"address", b"d" * 20, b"l" * 20, b"o" * 20
ACCOUNT = Account(
    address=ADDRESS,
    public_key=bytes(33),
    role=int(Role.CONSUMER),
    did=DID,
    leader=LEADER,
    platform_active=True,
    operator_active=True,
)
flags = st.booleans()


def account(role: Role, did: bytes = DID, leader: bytes = LEADER) -> Account:
    return replace(ACCOUNT, role=int(role), did=did, leader=leader)


@pytest.mark.parametrize(("platform_active", "operator_active"), list(product([True, False], repeat=2)))
def test_an_account_is_usable_while_both_flags_are_set(platform_active: bool, operator_active: bool) -> None:
    flagged = replace(ACCOUNT, platform_active=platform_active, operator_active=operator_active)
    assert flagged.active is (platform_active and operator_active)
    records = {account_key(ADDRESS): encode(flagged)}
    if flagged.active:
        assert require_active(records, ADDRESS, unknown="u", frozen="f") == flagged
    else:
        with pytest.raises(ContractReverted) as refusal:
            require_active(records, ADDRESS, unknown="u", frozen="f")
        assert (refusal.value.code, refusal.value.values) == ("f", (ADDRESS,))


def test_an_account_that_is_not_is_refused_by_the_caller_s_code() -> None:
    records = {account_key(ADDRESS): encode(ACCOUNT)}
    assert find_account(records, b"other") is None
    with pytest.raises(ContractReverted) as refusal:
        require_active(records, b"other", unknown="u", frozen="f")
    assert (refusal.value.code, refusal.value.values) == ("u", (b"other",))


@pytest.mark.parametrize(
    "changed", [{"role": 6}, {"role": -1}, {"did": bytes(19)}, {"leader": bytes(21)}, {"public_key": bytes(31)}]
)
def test_a_record_that_is_no_account_is_none(changed: dict[str, object]) -> None:
    assert decoder(Account)(encode(ACCOUNT)) == ACCOUNT
    with pytest.raises(CodecMalformed):
        decoder(Account)(encode(replace(ACCOUNT, **changed)))


def test_the_calling_account_is_one_that_a_check_has_found(chain) -> None:
    assert sender_account(chain.context("alice", "ddc721", "mint")) == chain.account("alice")
    with pytest.raises(AssertionError):
        sender_account(chain.context("bob", "ddc721", "mint"))


def test_a_platform_and_an_approval_are_there_or_not() -> None:
    assert is_platform({platform_key(DID): b"\x01"}, DID)
    assert not is_platform({platform_key(OTHER): b"\x01"}, DID)
    records = {approval_key(DID, OTHER): b"\x01"}
    assert is_approved(records, DID, OTHER)
    assert not is_approved(records, OTHER, DID), "an approval has a direction"


def test_a_platform_stands_for_itself_and_a_consumer_under_its_leader() -> None:
    expected = {Role.PLATFORM: DID, Role.CONSUMER: LEADER}
    assert {role: platform_of(account(role)) for role in Role} == {role: expected.get(role) for role in Role}


BESIDE = {Role.OPERATOR, Role.CROSS_CHAIN}
"""Who issues to everybody: an operator is above all, the cross-chain account brings what was issued elsewhere."""


@pytest.mark.parametrize(("issuer", "holder"), list(product(BESIDE, Role)))
def test_an_operator_and_the_cross_chain_account_issue_to_everybody(issuer: Role, holder: Role) -> None:
    assert may_issue_to({}, account(issuer), account(holder, did=OTHER, leader=OTHER))


@pytest.mark.parametrize(("issuer", "holder"), list(product(set(Role) - BESIDE, Role)))
def test_others_issue_within_one_platform_or_as_approved(issuer: Role, holder: Role) -> None:
    """Nobody else beside the hierarchy of platforms and consumers issues or is issued to, whatever is approved."""
    inside = {issuer, holder} <= {Role.PLATFORM, Role.CONSUMER}
    one, same, other = (account(issuer, DID, DID), account(holder, DID, DID), account(holder, OTHER, OTHER))
    assert may_issue_to({}, one, same) is inside
    assert may_issue_to({}, one, other) is False
    assert may_issue_to({approval_key(DID, OTHER): b"\x01"}, one, other) is inside
    assert may_issue_to({approval_key(OTHER, DID): b"\x01"}, one, other) is False


def test_a_platform_s_own_did_counts_not_its_operator_s() -> None:
    assert may_issue_to({}, account(Role.PLATFORM, DID, LEADER), account(Role.CONSUMER, OTHER, DID))
    assert not may_issue_to({}, account(Role.PLATFORM, DID, LEADER), account(Role.PLATFORM, OTHER, LEADER))
    assert not may_issue_to({}, account(Role.PLATFORM, DID, LEADER), account(Role.CONSUMER, DID, LEADER))


@given(st.sets(st.from_regex(r"\A[a-z][A-Za-z0-9]{0,30}\Z"), max_size=64))
def test_the_list_has_what_was_written(methods: set[str]) -> None:
    key = functions_key(Role.PLATFORM, "ddc721")
    records = {key: encode(Functions(methods=tuple(sorted(methods))))}
    assert functions_of(records, Role.PLATFORM, "ddc721") == methods
    assert functions_of(records, Role.CONSUMER, "ddc721") is None
    assert functions_of(records, Role.PLATFORM, "ddc1155") is None


@given(flags, flags, flags)
def test_switches_are_on_until_they_are_set(platforms_add: bool, accounts: bool, recharges: bool) -> None:
    assert switches_of({}) == Switches(platforms_add=True, batch_accounts=True, batch_recharges=True)
    switches = Switches(platforms_add=platforms_add, batch_accounts=accounts, batch_recharges=recharges)
    assert switches_of({switches_key(): encode(switches)}) == switches


@given(flags, st.text(st.characters(exclude_categories=["Cs"]), max_size=64))
def test_a_contract_runs_without_a_name_until_its_owner_says_otherwise(paused: bool, name: str) -> None:
    assert standing_of({}, "ddc721") == ContractStanding(paused=False, name="", symbol="")
    standing = ContractStanding(paused=paused, name=name, symbol="S")
    records = {standing_key("ddc721"): encode(standing)}
    assert standing_of(records, "ddc721") == standing
    assert is_paused(records, "ddc721") is paused
    assert is_paused(records, "ddc1155") is False


@pytest.mark.parametrize("record", [
    Functions(methods=("mint",) * 64), ContractStanding(paused=True, name="n" * 64, symbol="s" * 16),
    replace(ACCOUNT, public_key=bytes(32)),
])  # fmt: skip
def test_a_record_holds_as_much_as_it_may(record: Functions | ContractStanding | Account) -> None:
    assert decoder(type(record))(encode(record)) == record


@pytest.mark.parametrize("record", [
    Functions(methods=("mint",) * 65), ContractStanding(paused=True, name="n" * 65, symbol="s"),
    ContractStanding(paused=True, name="n", symbol="s" * 17), replace(ACCOUNT, public_key=bytes(34)),
])  # fmt: skip
def test_a_record_holds_no_more(record: Functions | ContractStanding | Account) -> None:
    with pytest.raises(CodecMalformed):
        decoder(type(record))(encode(record))


def test_no_document_has_the_did_of_who_has_none() -> None:
    assert bytes(20) == NO_DID
