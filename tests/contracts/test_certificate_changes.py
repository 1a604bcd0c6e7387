"""Who revokes, freezes and unfreezes, and which status allows it (protocol 17)."""

from typing import Any

import pytest
from msgspec.structs import replace

from contracts.certificate import Recorded
from contracts.classes import DelegateIssuing
from contracts.interface import Role
from contracts.keys import balance_key
from contracts.life import ChangeStatus
from tests.contracts.certificate_calls import (
    amount,
    because,
    call,
    certificate_of,
    mark,
    redefine,
    settle,
    since,
    stored,
    told,
)
from tests.contracts.certificate_spoils import KNOWN, LIVE, NOT_FROZEN, OPEN, OPERATOR, grant, marked
from tests.contracts.check_order import Play, Spoil, assert_order
from tests.contracts.small_chain import CLASS, MAY_CHANGE, SmallChain, token

EVENTS = {"revoke": "Revoked", "freeze": "EnterBlacklist", "unfreeze": "ExitBlacklist"}
FINAL = [Recorded.REVOKED, Recorded.BURNT, Recorded.MOVED]


@pytest.fixture
def minted(chain: SmallChain) -> SmallChain:
    chain.mint()
    return chain


@pytest.mark.parametrize("locked", [False, True])
@pytest.mark.parametrize("recorded", [Recorded.ACTIVE, Recorded.OFFERED])
@pytest.mark.parametrize("method", EVENTS)
def test_a_change_of_status_is_recorded_and_told_locked_or_not(
    minted: SmallChain, method: str, recorded: Recorded, locked: bool
) -> None:
    before = mark(minted, recorded=int(recorded), locked=locked, frozen=method == "unfreeze")
    content, alice = minted.content(), minted.address("alice")
    assert minted.change(method) == (told(EVENTS[method], CLASS, token(1), alice, "by-request"),)
    changes: dict[str, dict[str, Any]] = {
        "revoke": {"recorded": int(Recorded.REVOKED)},
        "freeze": {"frozen": True},
        "unfreeze": {"frozen": False},
    }
    changed = changes[method]
    gone = {balance_key(CLASS, alice): amount(0)} if method == "revoke" else {}
    assert since(content, minted) == {**stored(replace(before, **changed)), **gone}


def test_a_frozen_certificate_is_revoked_and_stays_frozen(minted: SmallChain) -> None:
    minted.change("freeze")
    minted.change("revoke")
    certificate = certificate_of(minted)
    assert (certificate.recorded, certificate.frozen) == (Recorded.REVOKED, True)
    with minted.refuses("certificate-final", token(1), "revoked"):
        minted.change("unfreeze")


@pytest.mark.parametrize("method", EVENTS)
@pytest.mark.parametrize("recorded", FINAL)
def test_what_is_final_changes_no_more(minted: SmallChain, method: str, recorded: Recorded) -> None:
    mark(minted, recorded=int(recorded), frozen=method == "unfreeze")
    with minted.refuses("certificate-final", token(1), recorded.name.lower()):
        minted.change(method)


def test_a_certificate_is_frozen_once_and_unfrozen_once(minted: SmallChain) -> None:
    with minted.refuses("certificate-not-frozen", token(1)):
        minted.change("unfreeze")
    minted.change("freeze")
    with minted.refuses("certificate-frozen", token(1)):
        minted.change("freeze")
    minted.change("unfreeze")
    with minted.refuses("certificate-not-frozen", token(1)):
        minted.change("unfreeze")


@pytest.mark.parametrize("person", ["operator", "rival", "alice"])
def test_whoever_is_no_issuer_of_the_class_does_not_revoke_nor_does_the_holder(minted: SmallChain, person: str) -> None:
    with minted.refuses("not-granted", CLASS):
        minted.change("revoke", sender=person)


@pytest.mark.parametrize("person", ["operator", "rival", "platform"])
def test_any_issuer_of_the_class_revokes_unless_the_class_says_otherwise(minted: SmallChain, person: str) -> None:
    if person != "platform":
        minted.grant(person)
    minted.change("revoke", sender=person)
    assert certificate_of(minted).recorded == Recorded.REVOKED


def test_only_who_issued_it_or_the_definer_revokes_where_the_class_says_so(minted: SmallChain) -> None:
    redefine(minted, issuer_revokes=True)
    minted.grant("rival")
    minted.grant("operator")
    for number in (2, 3):
        minted.mint(number, sender="operator")
    for person in ("rival", "operator", "alice"):
        with minted.refuses("not-granted", CLASS):
            minted.change("revoke", 1, person)
    minted.grant("operator", granted=False)
    minted.change("revoke", 2, "operator")
    minted.change("revoke", 3, "platform")
    minted.change("revoke", 1, "platform")
    assert minted.balance() == 0


def test_a_delegate_revokes_as_long_as_its_delegation_is_not_over_whatever_its_quota(minted: SmallChain) -> None:
    settle(minted, "bob", leader="rival")
    until = minted.time + 50_000
    arguments = DelegateIssuing(class_id=CLASS, address=minted.address("bob"), quota=1, until=until)
    minted.call("platform", "classes", "delegateIssuing", arguments)
    minted.time = until
    with minted.refuses("not-granted", CLASS):
        minted.change("revoke", 1, "bob")
    minted.time = until - 1
    minted.change("revoke", 1, "bob")
    assert certificate_of(minted).recorded == Recorded.REVOKED


@pytest.mark.parametrize("method", ["freeze", "unfreeze"])
@pytest.mark.parametrize("person", ["platform", "alice"])
def test_only_an_operator_freezes_and_unfreezes(minted: SmallChain, method: str, person: str) -> None:
    mark(minted, frozen=method == "unfreeze")
    with minted.refuses(
        "method-not-permitted", Role.PLATFORM if person == "platform" else Role.CONSUMER, "ddc721", method
    ):
        minted.change(method, sender=person)


@pytest.mark.parametrize("method", EVENTS)
def test_what_was_never_minted_is_unknown(chain: SmallChain, method: str) -> None:
    with chain.refuses("certificate-unknown", CLASS, token(1)):
        chain.change(method)


@pytest.mark.parametrize("method", EVENTS)
def test_who_holds_it_may_be_said_and_must_be_right(minted: SmallChain, method: str) -> None:
    mark(minted, frozen=method == "unfreeze")
    alice, rival = minted.address("alice"), minted.address("rival")
    with minted.refuses("holder-differs", alice):
        call(minted, MAY_CHANGE[method], method, because(holder=rival))
    call(minted, MAY_CHANGE[method], method, because(holder=alice))


def test_a_frozen_certificate_counts_and_a_revoked_one_does_not(chain: SmallChain) -> None:
    chain.mint(1)
    chain.mint(2)
    chain.change("freeze")
    assert (chain.balance(), chain.supply()) == (2, 2)
    chain.change("revoke")
    assert (chain.balance(), chain.supply()) == (1, 2)
    chain.change("revoke", 2)
    assert (chain.balance(), chain.supply()) == (0, 2)


@pytest.mark.parametrize(
    "reason", ["", "By", "by request", "-by", "because of Alice", "r" * 41, "原因", "by-request\n", "b1"]
)
@pytest.mark.parametrize("method", [*EVENTS, "burn"])
def test_a_reason_is_a_code_and_never_prose(minted: SmallChain, method: str, reason: str) -> None:
    with minted.refuses("arguments-malformed"):
        arguments = ChangeStatus(class_id=CLASS, token=token(1), holder=None, reason=reason)
        minted.call("operator", "ddc721", method, arguments)


@pytest.mark.parametrize("reason", ["b", "r" * 40, "by-request"])
def test_a_reason_at_its_limits_is_told(minted: SmallChain, reason: str) -> None:
    (event,) = minted.change("revoke", reason=reason)
    assert event.values[-1] == reason


def in_order(method: str, sender: str, *spoils: tuple[str, Spoil], **state: bool) -> None:
    def play() -> Play:
        chain = SmallChain.founded()
        chain.define()
        chain.mint()
        mark(chain, **state)
        return Play(chain, sender, "ddc721", method, because())

    absent = frozenset({(2, "account-unknown"), (2, "account-frozen")}) if sender == "operator" else frozenset()
    assert_order(play, *spoils, absent=absent)


def test_the_checks_of_revoke_stand_in_order() -> None:
    in_order("revoke", "platform", *OPEN, *KNOWN, ("not-granted", grant(None)), *LIVE)


def test_the_checks_of_freeze_stand_in_order() -> None:
    in_order("freeze", "operator", *OPERATOR, *KNOWN, *LIVE, *NOT_FROZEN)


def test_the_checks_of_unfreeze_stand_in_order() -> None:
    spoils = (*OPERATOR, *KNOWN, *LIVE, ("certificate-not-frozen", marked(frozen=False)))
    in_order("unfreeze", "operator", *spoils, frozen=True)
