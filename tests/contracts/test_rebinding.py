"""What an account holds goes to another account of the same DID: asked, approved, waited for, objected to (protocol 17.6)."""

from typing import Any

import pytest
from msgspec.structs import replace

from chain.codec import encode
from chain.did import statement_digest
from chain.profiles import CHAIN_IDS
from contracts.access import NO_DID
from contracts.certificate import Recorded
from contracts.interface import Role
from contracts.keys import balance_key, rebind_key
from contracts.rebinding import OpenRebind, find_rebind
from tests.chain.small_genesis import did_key_pair, did_of
from tests.contracts.certificate_calls import (
    DAY_MS,
    amount,
    call,
    certificate_of,
    mark,
    objection,
    of_rebind,
    rebinding,
    rebinding_statement,
    redefine,
    settle,
    signed,
    since,
    stored,
    told,
)
from tests.contracts.did_statements import rotate, rotated_pair
from tests.contracts.small_chain import CLASS, SmallChain, token


@pytest.fixture
def lost(chain: SmallChain) -> SmallChain:
    """A certificate of alice's, and a second account of her DID, carol."""
    chain.mint()
    settle(chain, "carol", did="alice")
    return chain


def ask(chain: SmallChain, sender: str = "carol", **changed: Any) -> int:
    """Ask for a rebind to carol; when that was."""
    asked_at = chain.time
    call(chain, sender, "requestRebind", replace(rebinding(chain), **changed))
    return asked_at


def approve(chain: SmallChain) -> None:
    call(chain, "operator", "approveRebind", of_rebind())


def key_of(chain: SmallChain) -> bytes:
    return rebind_key(CLASS, token(1), chain.address("alice"))


@pytest.mark.parametrize("sender", ["carol", "alice", "platform", "rival"])
def test_a_rebind_is_asked_for_with_the_did_s_signature_whoever_brings_it(lost: SmallChain, sender: str) -> None:
    before, asked_at, carol = lost.content(), lost.time, lost.address("carol")
    assert call(lost, sender, "requestRebind", rebinding(lost)) == (
        told("RebindRequested", CLASS, token(1), lost.address("alice"), carol, asked_at + DAY_MS),
    )
    expected = OpenRebind(to=carol, requested_at=asked_at, due_at=asked_at + DAY_MS, approved=False)
    assert since(before, lost) == {key_of(lost): encode(expected)}
    assert find_rebind(lost.records, certificate_of(lost)) == expected


def test_an_approved_rebind_moves_the_certificate_and_the_balances_at_its_time(lost: SmallChain) -> None:
    redefine(lost, acceptance=False)
    rival = lost.address("rival")
    before = mark(lost, user=rival, user_until=2**50, attributes=(("grade", "1"),))
    alice, carol = lost.address("alice"), lost.address("carol")
    asked_at = ask(lost)
    content = lost.content()
    assert call(lost, "operator", "approveRebind", of_rebind(holder=alice)) == (
        told("RebindApproved", CLASS, token(1), alice, carol, lost.address("operator")),
    )
    approved = OpenRebind(to=carol, requested_at=asked_at, due_at=asked_at + DAY_MS, approved=True)
    assert since(content, lost) == {key_of(lost): encode(approved)}
    lost.time, content = asked_at + DAY_MS, lost.content()
    assert call(lost, "rival", "completeRebind", of_rebind()) == (told("Rebound", CLASS, token(1), alice, carol),)
    assert since(content, lost) == {
        key_of(lost): None,
        **stored(replace(before, holder=carol, user=None, user_until=None)),
        balance_key(CLASS, alice): amount(0),
        balance_key(CLASS, carol): amount(1),
    }
    assert (lost.balance(), lost.balance("carol"), lost.supply()) == (0, 1, 1)


def test_an_offer_stays_one_and_the_new_account_accepts_it(lost: SmallChain) -> None:
    mark(lost, recorded=int(Recorded.OFFERED))
    ask(lost)
    approve(lost)
    lost.time += DAY_MS
    call(lost, "carol", "completeRebind", of_rebind())
    assert certificate_of(lost).recorded == Recorded.OFFERED


@pytest.mark.parametrize("wait", [0, 1, 5_000, DAY_MS])
def test_the_class_s_waiting_time_is_over_at_its_very_millisecond_of_block_time(lost: SmallChain, wait: int) -> None:
    redefine(lost, rebind_wait_ms=wait)
    due_at = ask(lost) + wait
    redefine(lost, rebind_wait_ms=0 if wait else DAY_MS)
    approve(lost)
    lost.time = due_at - 1
    with lost.refuses("rebind-too-early", due_at, due_at - 1):
        call(lost, "carol", "completeRebind", of_rebind())
    lost.time = due_at
    call(lost, "carol", "completeRebind", of_rebind())
    assert certificate_of(lost).holder == lost.address("carol")


def test_nothing_moves_without_an_operator_s_approval_however_long_one_waits(lost: SmallChain) -> None:
    ask(lost)
    lost.time += 100 * DAY_MS
    with lost.refuses("rebind-not-approved", token(1)):
        call(lost, "carol", "completeRebind", of_rebind())
    for person, role in (("platform", Role.PLATFORM), ("alice", Role.CONSUMER)):
        with lost.refuses("method-not-permitted", role, "ddc721", "approveRebind"):
            call(lost, person, "approveRebind", of_rebind())
    approve(lost)
    with lost.refuses("rebind-approved", token(1)):
        approve(lost)


def test_a_rebind_is_asked_for_once_at_a_time_and_again_when_it_is_closed(lost: SmallChain) -> None:
    ask(lost)
    with lost.refuses("rebind-open", token(1)):
        ask(lost)
    call(lost, "alice", "objectRebind", objection(lost, 0))
    ask(lost)


def test_the_did_s_key_is_the_one_of_its_present_sequence(lost: SmallChain) -> None:
    rotate(lost, "alice")
    with lost.refuses("did-sequence-wrong", 1, 0):
        ask(lost)
    with lost.refuses("did-not-signed", did_of("alice")):
        call(lost, "carol", "requestRebind", rebinding(lost, sequence=1))
    call(lost, "carol", "requestRebind", rebinding(lost, sequence=1, key=rotated_pair("alice", 1)))


@pytest.mark.parametrize(
    "changed",
    [
        {"did": did_of("bob")},
        {"sequence": 1},
        {"contract": "ddc1155"},
        {"class_id": "licence"},
        {"token": token(2)},
        {"holder": b"somebody"},
        {"to": b"somebody"},
    ],
    ids=str,
)
def test_a_request_s_signature_covers_every_word_of_it(lost: SmallChain, changed: dict[str, Any]) -> None:
    statement = replace(rebinding_statement(lost), **changed)
    with lost.refuses("did-not-signed", did_of("alice")):
        ask(lost, signature=signed(lost, statement, "alice"))


def test_a_request_s_signature_is_good_on_one_chain_of_one_network(lost: SmallChain) -> None:
    """On the chain of the account, be it the DID's home or not."""
    network, own = lost.rules.network_id, lost.rules.chain_id
    for there in ((bytes(32), own), *((network, other) for other in CHAIN_IDS if other != own)):
        signature = did_key_pair("alice").sign(statement_digest(*there, rebinding_statement(lost)))
        with lost.refuses("did-not-signed", did_of("alice")):
            ask(lost, signature=signature)


@pytest.mark.parametrize("who", [("alice", "recovery"), ("carol", "authentication"), ("platform", "authentication")])
def test_no_other_key_than_the_did_s_authentication_key_asks(lost: SmallChain, who: tuple[str, str]) -> None:
    with lost.refuses("did-not-signed", did_of("alice")):
        ask(lost, signature=signed(lost, rebinding_statement(lost), *who))


def test_it_goes_to_an_active_account_of_the_same_did_only(lost: SmallChain) -> None:
    bob = lost.address("bob")
    with lost.refuses("account-unknown", bob):
        call(lost, "carol", "requestRebind", rebinding(lost, "bob"))
    for other, role in (("platform", None), ("rival", None), ("bob", Role.CONSUMER)):
        if role is not None:
            settle(lost, other, role)
        with lost.refuses("rebind-other-did", lost.address(other)):
            call(lost, "carol", "requestRebind", rebinding(lost, other))
    with lost.refuses("own-account", lost.address("alice")):
        call(lost, "carol", "requestRebind", rebinding(lost, "alice"))
    lost.set_flag("carol", active=False)
    with lost.refuses("account-frozen", lost.address("carol")):
        call(lost, "platform", "requestRebind", rebinding(lost))


def test_what_was_issued_to_an_account_without_did_is_never_rebound(lost: SmallChain) -> None:
    """Even if the account has joined one since: it was not issued to that DID."""
    mark(lost, holder_did=NO_DID)
    with lost.refuses("did-missing", lost.address("alice")):
        ask(lost)


def test_a_new_account_that_is_frozen_in_the_meantime_receives_nothing(lost: SmallChain) -> None:
    due_at = ask(lost) + DAY_MS
    approve(lost)
    lost.set_flag("carol", active=False)
    lost.time = due_at
    with lost.refuses("account-frozen", lost.address("carol")):
        call(lost, "alice", "completeRebind", of_rebind())
    lost.set_flag("carol", active=True)
    call(lost, "alice", "completeRebind", of_rebind())


@pytest.mark.parametrize(
    ("state", "code", "values"),
    [
        ({"frozen": True}, "certificate-frozen", ()),
        ({"locked": True}, "certificate-locked", ()),
        ({"recorded": int(Recorded.REVOKED)}, "certificate-final", ("revoked",)),
        ({"recorded": int(Recorded.BURNT)}, "certificate-final", ("burnt",)),
        ({"recorded": int(Recorded.MOVED)}, "certificate-final", ("moved",)),
    ],
    ids=str,
)
@pytest.mark.parametrize("asked_before", [False, True])
def test_what_is_frozen_locked_or_final_does_not_move(
    lost: SmallChain, state: dict[str, Any], code: str, values: tuple[str, ...], asked_before: bool
) -> None:
    if asked_before:
        ask(lost)
        approve(lost)
        lost.time += DAY_MS
    mark(lost, **state)
    with lost.refuses(code, token(1), *values):
        if asked_before:
            call(lost, "carol", "completeRebind", of_rebind())
        else:
            ask(lost)


@pytest.mark.parametrize("method", ["approveRebind", "completeRebind"])
def test_what_was_not_asked_for_is_neither_approved_nor_done(lost: SmallChain, method: str) -> None:
    with lost.refuses("rebind-unknown", token(1)):
        call(lost, "operator", method, of_rebind())


def test_what_went_to_a_new_account_can_go_on_and_back(lost: SmallChain) -> None:
    redefine(lost, rebind_wait_ms=0)
    for holder, to in (("alice", "carol"), ("carol", "alice"), ("alice", "carol")):
        call(lost, "rival", "requestRebind", rebinding(lost, to, holder=holder))
        approve(lost)
        call(lost, "rival", "completeRebind", of_rebind())
        assert certificate_of(lost).holder == lost.address(to)
        assert certificate_of(lost).holder_did == did_of("alice")
    assert (lost.balance(), lost.balance("carol")) == (0, 1)
