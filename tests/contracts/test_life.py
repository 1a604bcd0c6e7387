"""A certificate is accepted or declined by its holder, locked and unlocked for cross-chain work (protocol 17)."""

from typing import Any

import pytest
from msgspec.structs import replace

from contracts.certificate import Recorded
from contracts.interface import Role
from contracts.issuing import SafeMint
from contracts.keys import balance_key
from contracts.owning import Pause
from tests.contracts.certificate_calls import (
    amount,
    because,
    call,
    certificate_of,
    held,
    mark,
    redefine,
    settle,
    since,
    stored,
    told,
)
from tests.contracts.certificate_spoils import IN_TRANSFER, KNOWN, LIVE, NOT_FROZEN, NOT_LOCKED, OPEN, PERMITTED, marked
from tests.contracts.check_order import Play, Spoil, assert_order, by
from tests.contracts.small_chain import CLASS, SmallChain, item, token

UNLOCKERS = ["dave", "operator"]


@pytest.fixture
def offered(chain: SmallChain) -> SmallChain:
    """A certificate that waits for its holder."""
    redefine(chain, acceptance=True)
    chain.mint()
    return chain


@pytest.fixture
def bridged(chain: SmallChain) -> SmallChain:
    """A certificate, and dave, who works across chains."""
    chain.mint()
    settle(chain, "dave", Role.CROSS_CHAIN)
    return chain


def test_an_offered_certificate_is_in_force_once_its_holder_accepts(offered: SmallChain) -> None:
    before, content, alice = certificate_of(offered), offered.content(), offered.address("alice")
    assert before.recorded == Recorded.OFFERED
    assert call(offered, "alice", "accept", held()) == (told("Accepted", CLASS, token(1), alice),)
    assert since(content, offered) == stored(replace(before, recorded=int(Recorded.ACTIVE)))
    with offered.refuses("certificate-not-offered", token(1)):
        call(offered, "alice", "accept", held())
    with offered.refuses("certificate-not-offered", token(1)):
        call(offered, "alice", "decline", held())


def test_an_offered_certificate_is_gone_once_its_holder_declines(offered: SmallChain) -> None:
    before, content, alice = certificate_of(offered), offered.content(), offered.address("alice")
    assert call(offered, "alice", "decline", held(holder=alice)) == (
        told("Transfer", CLASS, alice, b"", token(1)),
        told("Declined", CLASS, token(1), alice, "declined"),
    )
    assert since(content, offered) == {
        **stored(replace(before, recorded=int(Recorded.BURNT))),
        balance_key(CLASS, alice): amount(0),
    }
    assert (offered.balance(), offered.supply()) == (0, 1)
    for method in ("accept", "decline"):
        with offered.refuses("certificate-not-offered", token(1)):
            call(offered, "alice", method, held())


def test_what_no_acceptance_was_asked_for_is_neither_accepted_nor_declined(chain: SmallChain) -> None:
    chain.mint()
    for method in ("accept", "decline"):
        with chain.refuses("certificate-not-offered", token(1)):
            call(chain, "alice", method, held())


def test_a_safe_mint_waits_in_a_class_that_asks_for_nothing(chain: SmallChain) -> None:
    call(chain, "platform", "safeMint", SafeMint(class_id=CLASS, item=item(chain.address("alice"), 1), data=b""))
    assert certificate_of(chain).recorded == Recorded.OFFERED
    call(chain, "alice", "accept", held())
    assert certificate_of(chain).recorded == Recorded.ACTIVE


@pytest.mark.parametrize("method", ["accept", "decline"])
@pytest.mark.parametrize("person", ["platform", "operator", "rival"])
def test_nobody_but_its_holder_accepts_or_declines(offered: SmallChain, method: str, person: str) -> None:
    with offered.refuses("not-holder", token(1)):
        call(offered, person, method, held())


@pytest.mark.parametrize("method", ["accept", "decline"])
def test_a_frozen_offer_waits_until_it_is_unfrozen(offered: SmallChain, method: str) -> None:
    offered.change("freeze")
    with offered.refuses("certificate-frozen", token(1)):
        call(offered, "alice", method, held())
    offered.change("unfreeze")
    call(offered, "alice", method, held())


def test_an_offer_can_be_revoked_and_is_then_accepted_no_more(offered: SmallChain) -> None:
    offered.change("revoke")
    with offered.refuses("certificate-not-offered", token(1)):
        call(offered, "alice", "accept", held())


@pytest.mark.parametrize("unlocker", UNLOCKERS)
def test_a_certificate_is_locked_and_unlocked_across_chains(bridged: SmallChain, unlocker: str) -> None:
    before, content, alice = certificate_of(bridged), bridged.content(), bridged.address("alice")
    assert call(bridged, "dave", "lock", held()) == (told("Locklist", CLASS, token(1), alice),)
    assert since(content, bridged) == stored(replace(before, locked=True))
    with bridged.refuses("certificate-locked", token(1)):
        call(bridged, "dave", "lock", held())
    content = bridged.content()
    assert call(bridged, unlocker, "unlock", held()) == (told("UnLocklist", CLASS, token(1), alice),)
    assert since(content, bridged) == stored(before)
    with bridged.refuses("certificate-not-locked", token(1)):
        call(bridged, unlocker, "unlock", held())


@pytest.mark.parametrize("unlocker", UNLOCKERS)
@pytest.mark.parametrize("meanwhile", [["freeze"], ["revoke"], ["freeze", "revoke"], ["freeze", "unfreeze"]], ids=str)
def test_a_freeze_or_revoke_while_locked_is_stored_and_outlives_the_unlock(
    bridged: SmallChain, unlocker: str, meanwhile: list[str]
) -> None:
    before = certificate_of(bridged)
    call(bridged, "dave", "lock", held())
    for method in meanwhile:
        bridged.change(method)
    expected = replace(
        before,
        locked=True,
        frozen=meanwhile[-1] != "unfreeze" and "freeze" in meanwhile,
        recorded=int(Recorded.REVOKED if "revoke" in meanwhile else Recorded.ACTIVE),
    )
    assert certificate_of(bridged) == expected
    call(bridged, unlocker, "unlock", held())
    assert certificate_of(bridged) == replace(expected, locked=False)


@pytest.mark.parametrize("person", ["platform", "alice", "operator"])
def test_only_the_cross_chain_role_locks(bridged: SmallChain, person: str) -> None:
    role = {"platform": Role.PLATFORM, "alice": Role.CONSUMER, "operator": Role.OPERATOR}[person]
    with bridged.refuses("method-not-permitted", role, "ddc721", "lock"):
        call(bridged, person, "lock", held())
    if person != "operator":
        call(bridged, "dave", "lock", held())
        with bridged.refuses("method-not-permitted", role, "ddc721", "unlock"):
            call(bridged, person, "unlock", held())


def test_what_is_offered_frozen_or_final_is_not_locked(bridged: SmallChain) -> None:
    mark(bridged, recorded=int(Recorded.OFFERED))
    with bridged.refuses("certificate-offered", token(1)):
        call(bridged, "dave", "lock", held())
    mark(bridged, recorded=int(Recorded.ACTIVE), frozen=True)
    with bridged.refuses("certificate-frozen", token(1)):
        call(bridged, "dave", "lock", held())
    for recorded in (Recorded.REVOKED, Recorded.BURNT, Recorded.MOVED):
        mark(bridged, recorded=int(recorded), frozen=False)
        with bridged.refuses("certificate-final", token(1), recorded.name.lower()):
            call(bridged, "dave", "lock", held())


def test_a_pause_does_not_keep_the_cross_chain_role_and_the_operator_out(bridged: SmallChain) -> None:
    bridged.call("owner", "ddc721", "pause", Pause())
    call(bridged, "dave", "lock", held())
    bridged.change("freeze")
    call(bridged, "operator", "unlock", held())
    with bridged.refuses("contract-paused", "ddc721"):
        call(bridged, "platform", "revoke", because())
    bridged.call("owner", "ddc721", "unpause", Pause())
    call(bridged, "platform", "revoke", because())


def in_order(method: str, sender: str, *spoils: tuple[str, Spoil], **state: Any) -> None:
    def play() -> Play:
        chain = SmallChain.founded()
        chain.define()
        chain.mint()
        settle(chain, "dave", Role.CROSS_CHAIN)
        mark(chain, **state)
        return Play(chain, sender, "ddc721", method, held())

    assert_order(play, *spoils)


def bridge_paused(play: Play) -> None:
    """The contract is paused, and somebody whom that keeps out calls."""
    by("alice")(play)
    OPEN[0][1](play)


HOLDERS_OFFER = (
    *OPEN,
    *KNOWN,
    ("not-holder", marked(holder=lambda play: play.chain.address("rival"))),
    ("certificate-not-offered", marked(recorded=int(Recorded.ACTIVE))),
    *NOT_FROZEN,
)


def test_the_checks_of_accept_stand_in_order() -> None:
    in_order("accept", "alice", *HOLDERS_OFFER, recorded=int(Recorded.OFFERED))


def test_the_checks_of_decline_stand_in_order() -> None:
    in_order("decline", "alice", *HOLDERS_OFFER, *NOT_LOCKED, recorded=int(Recorded.OFFERED))


def test_the_checks_of_lock_stand_in_order() -> None:
    offer = ("certificate-offered", marked(recorded=int(Recorded.OFFERED)))
    gates = (("contract-paused", bridge_paused), *PERMITTED)
    in_order("lock", "dave", *gates, *KNOWN, *LIVE, offer, *NOT_FROZEN, *NOT_LOCKED)


def test_the_checks_of_unlock_stand_in_order() -> None:
    gates = (("contract-paused", bridge_paused), *PERMITTED)
    in_order(
        "unlock", "dave", *gates, *KNOWN, ("certificate-not-locked", marked(locked=False)), *IN_TRANSFER, locked=True
    )
