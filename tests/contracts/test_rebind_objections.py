"""A rebind is stopped by the old account or by the recovery key; and the checks of all its steps in order (protocol 17.6)."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from chain.did import statement_digest
from contracts.certificate import Recorded
from contracts.keys import did_key, rebind_key
from contracts.rebinding import OpenRebind, find_rebind
from tests.chain.small_genesis import did_key_pair, did_of
from tests.contracts.certificate_calls import (
    DAY_MS,
    call,
    certificate_of,
    mark,
    objection,
    objection_statement,
    of_rebind,
    rebinding,
    settle,
    signed,
    since,
    told,
)
from tests.contracts.certificate_spoils import (
    KNOWN,
    LIVE,
    NOT_FROZEN,
    NOT_LOCKED,
    OPEN,
    OPERATOR,
    account,
    address,
    marked,
)
from tests.contracts.check_order import Play, Spoil, arguments, assert_order
from tests.contracts.did_statements import rotate
from tests.contracts.small_chain import CLASS, SmallChain, token


def asked_for(chain: SmallChain) -> int:
    """Alice's certificate, a second account of her DID, and a rebind to it; when it was asked for."""
    chain.mint()
    settle(chain, "carol", did="alice")
    asked_at = chain.time
    call(chain, "carol", "requestRebind", rebinding(chain))
    return asked_at


def unsigned(chain: SmallChain) -> Any:
    return replace(objection(chain, 0), signature=b"")


@pytest.mark.parametrize("approved", [False, True])
@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("by_key", [False, True])
def test_the_old_account_or_the_recovery_key_stops_it_until_it_is_done(
    chain: SmallChain, approved: bool, late: bool, by_key: bool
) -> None:
    asked_at = asked_for(chain)
    if approved:
        call(chain, "operator", "approveRebind", of_rebind())
    chain.time += 10 * DAY_MS if late else 0
    before, alice, carol = chain.content(), chain.address("alice"), chain.address("carol")
    sender, arguments = ("rival", objection(chain, asked_at)) if by_key else ("alice", unsigned(chain))
    assert call(chain, sender, "objectRebind", arguments) == (told("RebindRefused", CLASS, token(1), alice, carol),)
    assert since(before, chain) == {rebind_key(CLASS, token(1), alice): None}
    assert find_rebind(chain.records, certificate_of(chain)) is None
    for method in ("approveRebind", "completeRebind"):
        with chain.refuses("rebind-unknown", token(1)):
            call(chain, "operator", method, of_rebind())
    with chain.refuses("rebind-unknown", token(1)):
        call(chain, sender, "objectRebind", arguments)


@pytest.mark.parametrize("person", ["carol", "platform", "operator", "rival"])
def test_nobody_else_stops_it_by_itself(chain: SmallChain, person: str) -> None:
    asked_for(chain)
    with chain.refuses("not-holder", token(1)):
        call(chain, person, "objectRebind", unsigned(chain))


@pytest.mark.parametrize("who", [("alice", "authentication"), ("carol", "recovery"), ("platform", "recovery")])
def test_no_other_key_stops_it(chain: SmallChain, who: tuple[str, str]) -> None:
    statement = objection_statement(chain, asked_for(chain))
    with chain.refuses("did-not-signed", did_of("alice")):
        call(chain, "carol", "objectRebind", replace(unsigned(chain), signature=signed(chain, statement, *who)))


@pytest.mark.parametrize("signature", [b"\0", bytes(63), bytes(64)], ids=len)
def test_what_is_no_signature_stops_nothing(chain: SmallChain, signature: bytes) -> None:
    asked_for(chain)
    with chain.refuses("did-not-signed", did_of("alice")):
        call(chain, "carol", "objectRebind", replace(unsigned(chain), signature=signature))


def test_a_signature_is_at_most_64_bytes(chain: SmallChain) -> None:
    asked_for(chain)
    with chain.refuses("arguments-malformed"):
        call(chain, "alice", "objectRebind", replace(unsigned(chain), signature=bytes(65)))


def test_the_old_account_needs_no_signature_not_even_a_right_one(chain: SmallChain) -> None:
    asked_for(chain)
    call(chain, "alice", "objectRebind", replace(unsigned(chain), signature=bytes(64)))
    assert find_rebind(chain.records, certificate_of(chain)) is None


@pytest.mark.parametrize(
    "changed",
    [
        {"did": did_of("bob")},
        {"contract": "ddc1155"},
        {"class_id": "licence"},
        {"token": token(2)},
        {"holder": b"somebody"},
        {"to": b"somebody"},
        {"requested_at": 1},
    ],
    ids=str,
)
def test_an_objection_s_signature_covers_every_word_of_it(chain: SmallChain, changed: dict[str, Any]) -> None:
    statement = replace(objection_statement(chain, asked_for(chain)), **changed)
    with chain.refuses("did-not-signed", did_of("alice")):
        signature = signed(chain, statement, "alice", "recovery")
        call(chain, "carol", "objectRebind", replace(unsigned(chain), signature=signature))


def test_an_objection_s_signature_is_good_on_one_chain_of_one_network(chain: SmallChain) -> None:
    statement, network = objection_statement(chain, asked_for(chain)), chain.rules.network_id
    for there in ((network, "zunyi"), (bytes(32), chain.rules.chain_id)):
        signature = did_key_pair("alice", "recovery").sign(statement_digest(*there, statement))
        with chain.refuses("did-not-signed", did_of("alice")):
            call(chain, "carol", "objectRebind", replace(unsigned(chain), signature=signature))


def test_an_objection_stops_that_very_request_and_no_later_one(chain: SmallChain) -> None:
    old = objection(chain, asked_for(chain))
    call(chain, "rival", "objectRebind", old)
    asked_at = chain.time
    call(chain, "carol", "requestRebind", rebinding(chain))
    with chain.refuses("did-not-signed", did_of("alice")):
        call(chain, "rival", "objectRebind", old)
    assert find_rebind(chain.records, certificate_of(chain)) is not None
    call(chain, "rival", "objectRebind", objection(chain, asked_at))


def test_an_objection_made_before_its_request_stops_nothing(chain: SmallChain) -> None:
    chain.mint()
    settle(chain, "carol", did="alice")
    early = objection(chain, chain.time)
    with chain.refuses("rebind-unknown", token(1)):
        call(chain, "rival", "objectRebind", early)


def test_the_recovery_key_stops_it_whatever_has_become_of_the_authentication_key(chain: SmallChain) -> None:
    asked_at = asked_for(chain)
    rotate(chain, "alice")
    call(chain, "rival", "objectRebind", objection(chain, asked_at))
    with chain.refuses("did-sequence-wrong", 1, 0):
        call(chain, "carol", "requestRebind", rebinding(chain))


@pytest.mark.parametrize("state", [{"frozen": True}, {"locked": True}, {"recorded": int(Recorded.REVOKED)}], ids=str)
def test_it_is_stopped_also_where_it_could_not_be_done_anyway(chain: SmallChain, state: dict[str, Any]) -> None:
    asked_for(chain)
    mark(chain, **state)
    call(chain, "alice", "objectRebind", unsigned(chain))
    assert find_rebind(chain.records, certificate_of(chain)) is None


def of_carol(**changed: Any) -> Spoil:
    """The open rebind is another."""
    opened = OpenRebind(to=b"", requested_at=0, due_at=0, approved=True)

    def spoil(play: Play) -> None:
        holder = certificate_of(play.chain).holder
        rebind = replace(opened, to=play.chain.address("carol"), **changed)
        play.chain.write(rebind_key(CLASS, token(1), holder), rebind)

    return spoil


def not_asked(play: Play) -> None:
    """No rebind is open."""
    play.chain.write(rebind_key(CLASS, token(1), certificate_of(play.chain).holder), None)


def in_order(
    method: str, sender: str, given: Callable[[SmallChain, int], Any], *spoils: tuple[str, Spoil], **opened: bool
) -> None:
    def play() -> Play:
        chain = SmallChain.founded()
        chain.define()
        asked_at = asked_for(chain)
        made = Play(chain, sender, "ddc721", method, given(chain, asked_at))
        if opened:
            of_carol(**opened)(made)
        elif method == "requestRebind":
            not_asked(made)
        return made

    absent = frozenset({(2, "account-unknown"), (2, "account-frozen")}) if sender == "operator" else frozenset()
    assert_order(play, *spoils, absent=absent)


UNMOVED = LIVE + NOT_FROZEN + NOT_LOCKED
ASKED = (("rebind-unknown", not_asked),)


def test_the_checks_of_request_rebind_stand_in_order() -> None:
    in_order(
        "requestRebind",
        "carol",
        lambda chain, _: rebinding(chain),
        *OPEN,
        *KNOWN,
        *UNMOVED,
        ("did-missing", marked(holder_did=bytes(20))),
        ("own-account", arguments(to=address("alice"))),
        ("account-unknown", arguments(to=address("bob"))),
        (
            "account-frozen",
            lambda play: (settle(play.chain, "dave"), arguments(to=address("dave"))(play), FROZEN(play)),
        ),
        ("rebind-other-did", arguments(to=address("rival"))),
        ("rebind-open", of_carol()),
        ("did-unknown", lambda play: play.chain.write(did_key(did_of("alice")), None)),
        ("did-sequence-wrong", arguments(did_sequence=1)),
        ("did-not-signed", arguments(signature=bytes(64))),
    )


FROZEN = account("dave", operator_active=False)


def test_the_checks_of_approve_rebind_stand_in_order() -> None:
    approved = ("rebind-approved", of_carol())
    in_order("approveRebind", "operator", lambda *_: of_rebind(), *OPERATOR, *KNOWN, *ASKED, approved)


def test_the_checks_of_object_rebind_stand_in_order() -> None:
    in_order(
        "objectRebind",
        "platform",
        objection,
        *OPEN,
        *KNOWN,
        *ASKED,
        ("not-holder", arguments(signature=b"")),
        ("did-not-signed", arguments(signature=bytes(64))),
    )


def test_the_checks_of_complete_rebind_stand_in_order() -> None:
    in_order(
        "completeRebind",
        "platform",
        lambda *_: of_rebind(),
        *OPEN,
        *KNOWN,
        *ASKED,
        *UNMOVED,
        ("rebind-not-approved", of_carol(approved=False)),
        ("rebind-too-early", of_carol(due_at=2**50)),
        ("account-frozen", account("carol", operator_active=False)),
        approved=True,
    )
