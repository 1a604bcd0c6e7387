"""A holding goes to another account of its holder's DID: the old record stays, as moved (protocol 17.6, 30.2)."""

from typing import Any

import pytest
from msgspec.structs import replace

from chain.codec import encode
from chain.did import Objection, Rebinding, statement_digest
from contracts.certificate import Recorded
from contracts.keys import did_key, holding_key, rebind_key
from contracts.rebinding import ObjectRebind, OfRebind, OpenRebind, RequestRebind
from tests.chain.small_genesis import did_key_pair, did_of
from tests.contracts.certificate_calls import DAY_MS, settle, since
from tests.contracts.certificate_spoils import OPEN, OPERATOR, account, address
from tests.contracts.check_order import Play, Spoil, arguments, assert_order
from tests.contracts.small_chain import CLASS, SmallChain, token
from tests.contracts.small_editions import (
    balance,
    because,
    call,
    edition_in,
    ended,
    founded,
    holding_in,
    issue,
    mark_edition,
    mark_holding,
    of_edition,
    of_holding,
    told,
)

Spoils = tuple[tuple[str, Spoil], ...]


def ready(chain_id: str = "wuhan") -> SmallChain:
    """A chain on which alice and dave have holdings of edition 1, and carol is a second account of alice's DID."""
    chain = founded(chain_id, holders=("alice", "dave"))
    settle(chain, "carol", did="alice")
    return chain


@pytest.fixture(params=["wuhan", "zhongyi"])
def chain(request: pytest.FixtureRequest) -> SmallChain:
    return ready(request.param)


def request_of(chain: SmallChain, to: str = "carol", holder: str = "alice", **said: Any) -> RequestRebind:
    """Ask that a holding goes to another account, signed by the DID's authentication key."""
    fields: dict[str, Any] = {
        "did": did_of("alice"),
        "sequence": 0,
        "contract": "ddc1155",
        "class_id": CLASS,
        "token": token(1),
        "holder": chain.address(holder),
        "to": chain.address(to),
    }
    digest = statement_digest(chain.rules.network_id, chain.rules.chain_id, Rebinding(**fields | said))
    return RequestRebind(
        class_id=CLASS,
        token=token(1),
        holder=chain.address(holder),
        to=chain.address(to),
        did_sequence=0,
        signature=did_key_pair("alice").sign(digest),
    )


def of_rebind(chain: SmallChain, holder: str = "alice") -> OfRebind:
    return OfRebind(class_id=CLASS, token=token(1), holder=chain.address(holder))


def objection(chain: SmallChain, requested_at: int, key: str = "recovery") -> ObjectRebind:
    """Object by a key of the DID."""
    statement = Objection(
        did=did_of("alice"),
        contract="ddc1155",
        class_id=CLASS,
        token=token(1),
        holder=chain.address("alice"),
        to=chain.address("carol"),
        requested_at=requested_at,
    )
    digest = statement_digest(chain.rules.network_id, chain.rules.chain_id, statement)
    signature = did_key_pair("alice", key).sign(digest)
    return ObjectRebind(class_id=CLASS, token=token(1), holder=chain.address("alice"), signature=signature)


def ask(chain: SmallChain) -> int:
    """Ask for a rebind to carol; when that was."""
    asked_at = chain.time
    call(chain, "carol", "requestRebind", request_of(chain))
    return asked_at


def due(chain: SmallChain) -> SmallChain:
    """A rebind to carol is approved, and its time has come."""
    asked_at = ask(chain)
    call(chain, "operator", "approveRebind", of_rebind(chain))
    chain.time = asked_at + DAY_MS
    return chain


def test_a_holding_is_moved_and_its_old_record_says_so(chain: SmallChain) -> None:
    dave = chain.address("dave")
    mark_holding(chain, recorded=int(Recorded.OFFERED), user=dave, user_until=2**50, attributes=(("grade", "1"),))
    was, alice, carol = holding_in(chain), chain.address("alice"), chain.address("carol")
    key, before, asked_at = rebind_key(CLASS, token(1), alice), chain.content(), chain.time
    asked = call(chain, "carol", "requestRebind", request_of(chain))
    assert asked == (told("RebindRequested", CLASS, token(1), alice, carol, asked_at + DAY_MS),)
    opened = OpenRebind(to=carol, requested_at=asked_at, due_at=asked_at + DAY_MS, approved=False)
    assert since(before, chain) == {key: encode(opened)}
    approved = call(chain, "operator", "approveRebind", of_rebind(chain))
    assert approved == (told("RebindApproved", CLASS, token(1), alice, carol, chain.address("operator")),)
    assert since(before, chain) == {key: encode(replace(opened, approved=True))}
    chain.time = asked_at + DAY_MS
    done = call(chain, "rival", "completeRebind", of_rebind(chain))
    assert done == (told("Rebound", CLASS, token(1), alice, carol),)
    moved = replace(was, recorded=int(Recorded.MOVED))
    new = replace(was, holder=carol, user=None, user_until=None)
    assert since(before, chain) == {
        holding_key(CLASS, token(1), alice): encode(moved),
        holding_key(CLASS, token(1), carol): encode(new),
    }
    assert [balance(chain, person) for person in ("alice", "carol", "dave")] == [0, 1, 1]
    assert edition_in(chain).holdings == 2


def test_the_new_account_goes_on_with_the_holding_and_the_old_one_has_nothing_of_it(chain: SmallChain) -> None:
    call(due(chain), "carol", "completeRebind", of_rebind(chain))
    with chain.refuses("certificate-final", token(1), "moved"):
        call(chain, "platform", "revoke", ended(chain, "alice"))
    with chain.refuses("holding-exists", token(1), chain.address("alice")):
        issue(chain, "alice")
    call(chain, "platform", "revoke", ended(chain, "carol"))
    assert [holding_in(chain, person).recorded for person in ("alice", "carol", "dave")] == [4, 2, 0]


def test_a_rebind_goes_to_nobody_who_has_or_had_a_holding_of_the_edition(chain: SmallChain) -> None:
    """It is told when it is asked for, and again if one was issued since."""
    call(due(chain), "carol", "completeRebind", of_rebind(chain))
    back = replace(request_of(chain, "alice", "carol"))
    with chain.refuses("holding-exists", token(1), chain.address("alice")):
        call(chain, "carol", "requestRebind", back)


def test_a_holding_issued_to_the_new_account_while_one_waits_stops_the_rebind(chain: SmallChain) -> None:
    due(chain)
    issue(chain, "carol")
    with chain.refuses("holding-exists", token(1), chain.address("carol")):
        call(chain, "carol", "completeRebind", of_rebind(chain))


@pytest.mark.parametrize("by_key", [False, True])
def test_an_objection_closes_the_rebind_whatever_became_of_the_edition(chain: SmallChain, by_key: bool) -> None:
    before, asked_at = chain.content(), ask(chain)
    mark = edition_in(chain)
    mark_edition(chain, withdrawn=True, frozen=True)
    given = objection(chain, asked_at) if by_key else replace(objection(chain, asked_at), signature=b"")
    events = call(chain, "rival" if by_key else "alice", "objectRebind", given)
    assert events == (told("RebindRefused", CLASS, token(1), chain.address("alice"), chain.address("carol")),)
    mark_edition(chain, withdrawn=mark.withdrawn, frozen=mark.frozen)
    assert since(before, chain) == {}


def test_a_freeze_or_withdrawal_of_the_edition_stops_a_rebind_that_is_due(chain: SmallChain) -> None:
    due(chain)
    call(chain, "operator", "freezeEdition", because())
    with chain.refuses("edition-frozen", CLASS, token(1)):
        call(chain, "carol", "completeRebind", of_rebind(chain))
    call(chain, "platform", "withdrawEdition", because())
    with chain.refuses("edition-withdrawn", CLASS, token(1)):
        call(chain, "carol", "completeRebind", of_rebind(chain))


@pytest.mark.parametrize("said", [{"contract": "ddc721"}, {"token": token(2)}, {"sequence": 1}, {"class_id": "other"}])
def test_what_the_did_signed_is_this_holding_of_this_contract(chain: SmallChain, said: dict[str, Any]) -> None:
    with chain.refuses("did-not-signed", did_of("alice")):
        call(chain, "carol", "requestRebind", request_of(chain, **said))


KNOWN: Spoils = (("holder-missing", arguments(holder=None)), ("holding-unknown", arguments(token=token(9))))
UNTOUCHED: Spoils = (("edition-withdrawn", of_edition(withdrawn=True)), ("edition-frozen", of_edition(frozen=True)))
UNMOVED: Spoils = (
    ("certificate-final", of_holding(recorded=int(Recorded.REVOKED))),
    ("certificate-frozen", of_holding(frozen=True)),
    ("certificate-locked", of_holding(locked=True)),
)
CLOSED: Spoils = (
    ("rebind-unknown", lambda play: play.chain.write(rebind_key(CLASS, token(1), play.chain.address("alice")), None)),
)


def opened(**changed: Any) -> Spoil:
    """A rebind to carol is open, in this state."""

    def spoil(play: Play) -> None:
        fields: dict[str, Any] = {
            "to": play.chain.address("carol"),
            "requested_at": 0,
            "due_at": 0,
            "approved": True,
        }
        key = rebind_key(CLASS, token(1), play.chain.address("alice"))
        play.chain.write(key, OpenRebind(**fields | changed))

    return spoil


def taken(play: Play) -> None:
    """Carol has a holding of the edition already."""
    carol = play.chain.address("carol")
    play.chain.write(holding_key(CLASS, token(1), carol), replace(holding_in(play.chain), holder=carol))


def play_of(method: str, sender: str = "carol") -> Any:
    """A call that succeeds: of the open rebind, or to open one."""

    def play() -> Play:
        chain = ready()
        if method == "requestRebind":
            return Play(chain, sender, "ddc1155", method, request_of(chain))
        asked_at = ask(chain)
        if method == "objectRebind":
            return Play(chain, sender, "ddc1155", method, objection(chain, asked_at))
        if method == "completeRebind":
            call(chain, "operator", "approveRebind", of_rebind(chain))
            chain.time += DAY_MS
        return Play(chain, sender, "ddc1155", method, of_rebind(chain))

    return play


def test_the_checks_of_request_rebind_stand_in_order() -> None:
    assert_order(
        play_of("requestRebind", "rival"),
        *OPEN,
        *KNOWN,
        *UNTOUCHED,
        *UNMOVED,
        ("did-missing", of_holding(holder_did=bytes(20))),
        ("own-account", arguments(to=address("alice"))),
        ("account-unknown", arguments(to=address("bob"))),
        ("account-frozen", account("carol", operator_active=False)),
        ("rebind-other-did", account("carol", did=did_of("dave"))),
        ("rebind-open", opened()),
        ("did-unknown", lambda play: play.chain.write(did_key(did_of("alice")), None)),
        ("did-sequence-wrong", arguments(did_sequence=7)),
        ("did-not-signed", arguments(signature=bytes(64))),
        ("holding-exists", taken),
    )


def test_the_checks_of_approve_rebind_stand_in_order() -> None:
    known = frozenset({(2, "account-unknown"), (2, "account-frozen")})
    approved: Spoils = (("rebind-approved", opened()),)
    assert_order(play_of("approveRebind", "operator"), *OPERATOR, *KNOWN, *CLOSED, *approved, absent=known)


def test_the_checks_of_object_rebind_stand_in_order() -> None:
    spoils: Spoils = (
        ("not-holder", arguments(signature=b"")),
        (
            "did-not-signed",
            lambda play: arguments(signature=objection(play.chain, 0, "authentication").signature)(play),
        ),
    )
    assert_order(play_of("objectRebind", "rival"), *OPEN, *KNOWN, *CLOSED, *spoils)


def test_the_checks_of_complete_rebind_stand_in_order() -> None:
    spoils: Spoils = (
        ("rebind-not-approved", opened(approved=False)),
        ("rebind-too-early", opened(due_at=2**50)),
        ("account-frozen", account("carol", operator_active=False)),
        ("holding-exists", taken),
    )
    assert_order(play_of("completeRebind", "rival"), *OPEN, *KNOWN, *UNTOUCHED, *CLOSED, *UNMOVED, *spoils)
