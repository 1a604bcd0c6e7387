"""Every holding of an edition has a life of its own, under the edition's (protocol 30.2)."""

from itertools import product
from typing import Any

import pytest

from contracts import ddc721
from contracts.certificate import Holding, Recorded, Status, holding_status_at, status_at
from contracts.holdings import holding_methods
from contracts.keys import balance_key, contract_purse, edition_key, holding_key, purse_key
from tests.contracts.certificate_calls import fund, redefine, since
from tests.contracts.check_order import Spoil
from tests.contracts.holding_calls import CALLS, HOUR_MS, arguments_of, events_of, leaves_of, prepared, with_life
from tests.contracts.small_chain import CLASS, SmallChain, token
from tests.contracts.small_editions import (
    balance,
    because,
    call,
    create,
    edition_in,
    ended,
    founded,
    holding_in,
    issue,
    mark_edition,
    mark_holding,
)

Spoils = tuple[tuple[str, Spoil], ...]
every_method = pytest.mark.parametrize("method", CALLS)


@pytest.fixture(params=["wuhan", "zhongyi"])
def chain(request: pytest.FixtureRequest) -> SmallChain:
    return with_life(request.param)


FOUNDED = founded(holders=("alice",))
OWN: list[tuple[dict[str, Any], str]] = [
    ({}, "active"),
    ({"recorded": 1}, "offered"),
    ({"locked": True}, "locked"),
    ({"frozen": True}, "frozen"),
    ({"frozen": True, "locked": True, "recorded": 1}, "frozen"),
    ({"valid_from": 11}, "not-yet-valid"),
    ({"valid_until": 10}, "expired"),
    ({"valid_until": 11}, "active"),
    ({"recorded": 2}, "revoked"),
    ({"recorded": 3}, "burnt"),
    ({"recorded": 4}, "moved"),
    ({"recorded": 3, "frozen": True, "locked": True}, "burnt"),
]
"""A holding at time 10, and its status by itself."""


@pytest.mark.parametrize(("state", "own"), OWN)
@pytest.mark.parametrize(("frozen", "withdrawn"), list(product([False, True], repeat=2)))
def test_the_status_of_a_holding_minds_its_edition(
    state: dict[str, Any], own: str, frozen: bool, withdrawn: bool
) -> None:
    """What ended by itself stays ended as it did; of the rest a withdrawal revokes and a freeze suspends."""
    edition, holding = edition_in(FOUNDED), holding_in(FOUNDED)
    given: dict[str, Any] = fields_of(holding) | {"valid_from": 0, "valid_until": None} | state
    of: dict[str, Any] = fields_of(edition) | {"frozen": frozen, "withdrawn": withdrawn}
    final = own in ("revoked", "burnt", "moved")
    expected = own if final or not (frozen or withdrawn) else "revoked" if withdrawn else "frozen"
    assert holding_status_at(type(edition)(**of), Holding(**given), 10) == expected
    assert status_at(Holding(**given), 10) == own


def fields_of(record: Any) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__struct_fields__}


def statuses(chain: SmallChain) -> list[Status]:
    """Of alice's, carol's and dave's holdings of edition 1, and alice's of edition 2."""
    pairs = [("alice", 1), ("carol", 1), ("dave", 1), ("alice", 2)]
    return [
        holding_status_at(edition_in(chain, number), holding_in(chain, holder, number), chain.time)
        for holder, number in pairs
    ]


def test_what_becomes_of_an_edition_shows_on_every_holding_of_it_and_writes_none(chain: SmallChain) -> None:
    create(chain, 2)
    issue(chain, number=2)
    mark_holding(chain, "dave", recorded=int(Recorded.BURNT))
    before = chain.content()
    assert statuses(chain) == ["active", "active", "burnt", "active"]
    call(chain, "operator", "freezeEdition", because())
    assert statuses(chain) == ["frozen", "frozen", "burnt", "active"]
    call(chain, "operator", "unfreezeEdition", because())
    assert statuses(chain) == ["active", "active", "burnt", "active"]
    call(chain, "platform", "withdrawEdition", because())
    assert statuses(chain) == ["revoked", "revoked", "burnt", "active"]
    assert set(since(before, chain)) == {edition_key(CLASS, token(1))}


@every_method
def test_a_call_changes_one_holding_and_tells_of_it(chain: SmallChain, method: str) -> None:
    prepared(chain, method)
    was, before, given = holding_in(chain), chain.content(), arguments_of(chain, method)
    expected = events_of(chain, method, given)
    sender = CALLS[method].sender
    events = call(chain, sender, method, given)
    assert tuple(event for event in events if event.name != "Pay") == expected
    assert fields_of(holding_in(chain)) == fields_of(was) | leaves_of(method, given)
    purses = {purse_key(contract_purse("ddc1155")), purse_key(chain.address(sender))}
    key = holding_key(CLASS, token(1), chain.address("alice"))
    assert set(since(before, chain)) - (purses if method == "burn" else set()) == {key}


@every_method
def test_no_balance_of_a_class_counts_holdings(chain: SmallChain, method: str) -> None:
    """An edition is withdrawn in one step, so a count of what its holders hold could not be kept."""
    prepared(chain, method)
    call(chain, CALLS[method].sender, method, arguments_of(chain, method))
    for person in ("alice", "carol", "dave"):
        assert chain.records.get(balance_key(CLASS, chain.address(person))) is None
    assert balance(chain) == int(method not in ("decline", "revoke", "burn"))
    assert (balance(chain, "carol"), balance(chain, "dave"), edition_in(chain).holdings) == (1, 1, 3)


WHILE_FROZEN = {"revoke", "freeze", "unfreeze", "unlock"}
"""What may still be done to a holding of a frozen edition; an operator burns it too."""


@every_method
def test_of_a_frozen_edition_s_holdings_only_some_things_are_done(chain: SmallChain, method: str) -> None:
    prepared(chain, method)
    mark_edition(chain, frozen=True)
    sender, given = CALLS[method].sender, arguments_of(chain, method)
    if method in WHILE_FROZEN:
        call(chain, sender, method, given)
    elif method == "burn":
        with chain.refuses("burn-not-authorised", token(1), "both"):
            call(chain, sender, method, given)
        call(chain, "operator", method, given)
    else:
        with chain.refuses("edition-frozen", CLASS, token(1)):
            call(chain, sender, method, given)


@every_method
def test_of_a_withdrawn_edition_s_holdings_nothing_is_done_but_unlocking(chain: SmallChain, method: str) -> None:
    prepared(chain, method)
    mark_edition(chain, withdrawn=True)
    sender, given = CALLS[method].sender, arguments_of(chain, method)
    if method == "unlock":
        call(chain, sender, method, given)
    else:
        with chain.refuses("edition-withdrawn", CLASS, token(1)):
            call(chain, sender, method, given)


def test_a_holding_s_own_freeze_outlasts_its_edition_s(chain: SmallChain) -> None:
    call(chain, "operator", "freezeEdition", because())
    call(chain, "operator", "freeze", ended(chain))
    call(chain, "operator", "unfreezeEdition", because())
    assert (holding_in(chain).frozen, holding_in(chain, "carol").frozen) == (True, False)


def test_a_holding_s_freeze_is_lifted_while_its_edition_is_frozen(chain: SmallChain) -> None:
    call(chain, "operator", "freeze", ended(chain))
    call(chain, "operator", "freezeEdition", because())
    call(chain, "operator", "unfreeze", ended(chain))
    status = holding_status_at(edition_in(chain), holding_in(chain), chain.time)
    assert (holding_in(chain).frozen, status) == (False, "frozen")


@every_method
def test_a_holder_must_be_named_and_have_a_holding(chain: SmallChain, method: str) -> None:
    prepared(chain, method)
    given: Any = arguments_of(chain, method)
    nobody = type(given)(**fields_of(given) | {"holder": None})
    with chain.refuses("holder-missing"):
        call(chain, CALLS[method].sender, method, nobody)
    with chain.refuses("holding-unknown", CLASS, token(1), chain.address("platform")):
        call(chain, CALLS[method].sender, method, arguments_of(chain, method, "platform"))


@every_method
def test_no_method_of_a_life_but_burning_costs_anything(chain: SmallChain, method: str) -> None:
    prepared(chain, method)
    sender = CALLS[method].sender
    fund(chain, sender, fen=0, gas=0)
    if method == "burn":
        with chain.refuses("fee-short", chain.rules.profile.fees["ddc1155"]["burn"], 0):
            call(chain, sender, method, arguments_of(chain, method))
    else:
        call(chain, sender, method, arguments_of(chain, method))


@pytest.mark.parametrize("method", ["accept", "decline", "setUser"])
def test_only_the_holder_itself_accepts_declines_and_lends(chain: SmallChain, method: str) -> None:
    prepared(chain, method)
    for sender in ("carol", "platform", "operator"):
        with chain.refuses("not-holder", token(1)):
            call(chain, sender, method, arguments_of(chain, method))


def test_a_class_may_keep_revoking_for_who_issued_the_holding(chain: SmallChain) -> None:
    """The issuer of the holding, not of the edition."""
    redefine(chain, issuer_revokes=True)
    chain.grant("operator")
    mark_holding(chain, "carol", issuer=chain.address("operator"))
    with chain.refuses("not-granted", CLASS):
        call(chain, "operator", "revoke", ended(chain, "alice"))
    for sender, holder in (("operator", "carol"), ("platform", "alice")):
        call(chain, sender, "revoke", ended(chain, holder))


def test_a_user_s_time_ends_with_the_holding_s(chain: SmallChain) -> None:
    mark_holding(chain, valid_until=chain.time + HOUR_MS)
    given = arguments_of(chain, "setUser")
    with chain.refuses("until-passed", chain.time + HOUR_MS, chain.time):
        call(chain, "alice", "setUser", given)
    mark_holding(chain, valid_until=chain.time + 10 * HOUR_MS)
    call(chain, "alice", "setUser", arguments_of(chain, "setUser"))


def test_every_method_of_a_certificate_s_life_is_there_for_holdings() -> None:
    certificates = {name for name in ddc721.METHODS if name in CALLS or "Rebind" in name}
    assert certificates == {*CALLS, *(name for name in holding_methods() if "Rebind" in name)}
    assert set(holding_methods()) == certificates - {"burn"}
