"""Editions: what all holdings of one id share, and what becomes of it (protocol 30)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chain.codec import Record, encode
from contracts.certificate import Edition
from contracts.classes import DelegateIssuing, Grant, grant_of
from contracts.ddc1155_views import OfEditionId
from contracts.editions import SetEditionUri, edition_validity_fits
from contracts.interface import ContractReverted
from contracts.keys import class_key, edition_key
from tests.chain.small_genesis import did_of
from tests.contracts.certificate_calls import change_account, class_in, fund, redefine, since
from tests.contracts.certificate_spoils import OPEN, OPERATOR, grant, of_class
from tests.contracts.check_order import Play, Spoil, arguments, assert_order
from tests.contracts.small_chain import CLASS, SCHEMA, SmallChain, token
from tests.contracts.small_editions import (
    CONTENT,
    because,
    call,
    create,
    edition,
    edition_in,
    founded,
    mark_edition,
    of_edition,
    read,
    told,
)

FOUNDED = founded()
Spoils = tuple[tuple[str, Spoil], ...]
OF_1155: Spoils = (("class-unknown", arguments(class_id="other")), ("class-of-other-standard", of_class(standard=721)))
KNOWN: Spoils = (("edition-unknown", arguments(token=token(9))),)
IN_FORCE: Spoils = (("edition-withdrawn", of_edition(withdrawn=True)),)
NOT_FROZEN: Spoils = (("edition-frozen", of_edition(frozen=True)),)
MINE: Spoils = (("not-granted", lambda play: (of_edition(issuer=b"x")(play), of_class(issuer=b"y")(play))),)


@pytest.fixture(params=["wuhan", "zhongyi"])
def chain(request: pytest.FixtureRequest) -> SmallChain:
    """A chain with one class of editions and its edition 1."""
    return founded(request.param)


def playing(method: str, sender: str, given: Record, **marked: Any) -> Any:
    """A call that succeeds on an edition in that state."""

    def play() -> Play:
        chain = founded()
        if marked:
            mark_edition(chain, **marked)
        return Play(chain, sender, "ddc1155", method, given)

    return play


def of_uri(uri: str, number: int = 1) -> SetEditionUri:
    return SetEditionUri(class_id=CLASS, token=token(number), uri=uri)


def test_an_edition_is_recorded_with_its_class_s_schema_and_burn_rule(chain: SmallChain) -> None:
    redefine(chain, burn_authorisation=1)
    before, time = chain.content(), chain.time
    events = create(chain, 2, uri="https://example.org/2", valid_from=7, valid_until=8)
    expected = Edition(
        token=token(2),
        class_id=CLASS,
        schema=SCHEMA,
        issuer=chain.address("platform"),
        issuer_did=did_of("platform"),
        content_root=CONTENT,
        uri="https://example.org/2",
        issued_at=time,
        valid_from=7,
        valid_until=8,
        frozen=False,
        withdrawn=False,
        burn_authorisation=1,
        supersedes=None,
        superseded_by=None,
        holdings=0,
    )
    assert edition_in(chain, 2) == expected
    assert set(since(before, chain)) == {edition_key(CLASS, token(2))}
    assert events == (
        told("EditionCreated", CLASS, token(2), chain.address("platform")),
        told("Locked", CLASS, token(2)),
    )


def test_without_a_beginning_an_edition_begins_with_its_block(chain: SmallChain) -> None:
    time = chain.time
    create(chain, 2, valid_until=time + 1)
    assert (edition_in(chain, 2).valid_from, edition_in(chain, 2).valid_until) == (time, time + 1)


def test_an_edition_takes_nothing_of_a_quota_but_needs_the_grant(chain: SmallChain) -> None:
    right = DelegateIssuing(class_id=CLASS, address=chain.address("rival"), quota=1, until=chain.time + 60_000)
    chain.call("platform", "classes", "delegateIssuing", right)
    for number in (2, 3):
        create(chain, number, sender="rival")
    assert grant_of(chain.records, CLASS, chain.address("rival")) == Grant(quota=1, until=right.until)


def test_a_successor_and_its_predecessor_name_each_other(chain: SmallChain) -> None:
    before = edition_in(chain)
    create(chain, 2, supersedes=token(1))
    assert (edition_in(chain, 2).supersedes, edition_in(chain, 2).superseded_by) == (token(1), None)
    assert (edition_in(chain).supersedes, edition_in(chain).superseded_by) == (None, token(2))
    assert (edition_in(chain).withdrawn, edition_in(chain).uri) == (False, before.uri)


def test_a_withdrawn_edition_may_be_superseded_once(chain: SmallChain) -> None:
    call(chain, "platform", "withdrawEdition", because())
    create(chain, 2, supersedes=token(1))
    with chain.refuses("edition-superseded", CLASS, token(1), token(2)):
        create(chain, 3, supersedes=token(1))


def test_an_edition_cannot_supersede_itself(chain: SmallChain) -> None:
    with chain.refuses("edition-unknown", CLASS, token(2)):
        create(chain, 2, supersedes=token(2))


def test_only_who_issued_an_edition_or_defined_the_class_may_supersede_it(chain: SmallChain) -> None:
    """Else any issuer of the class could point the holders of another's edition to its own."""
    for person in ("rival", "operator"):
        chain.grant(person)
    create(chain, 2, sender="rival")
    for number, sender in ((1, "rival"), (2, "operator")):
        with chain.refuses("not-granted", CLASS):
            create(chain, 3, sender=sender, supersedes=token(number))
    create(chain, 3, sender="rival", supersedes=token(2))
    create(chain, 4, supersedes=token(3))


@given(
    time=st.integers(0, 40),
    start=st.none() | st.integers(0, 40),
    end=st.none() | st.integers(0, 80),
    most=st.none() | st.integers(1, 40),
)
def test_an_edition_ends_after_it_begins_and_within_the_class_s_limit(
    time: int, start: int | None, end: int | None, most: int | None
) -> None:
    context, defined = FOUNDED.context("platform", "ddc1155", "createEdition"), class_in(FOUNDED)
    context.time = time
    context.records.put(class_key(CLASS), encode(replace(defined, rules=replace(defined.rules, validity_ms_max=most))))
    begins = time if start is None else start
    expected: tuple[object, ...] | None = None
    if end is None:
        expected = None if most is None else ("validity-required", CLASS, most)
    elif end <= begins:
        expected = ("validity-inverted", begins, end)
    elif most is not None and end - begins > most:
        expected = ("validity-too-long", end - begins, most)
    found: tuple[object, ...] | None = None
    try:
        edition_validity_fits.test(context, edition(2, valid_from=start, valid_until=end))
    except ContractReverted as refused:
        found = (refused.code, *refused.values)
    assert found == expected


def test_a_uri_is_set_once(chain: SmallChain) -> None:
    before, was = chain.content(), edition_in(chain)
    events = call(chain, "platform", "setURI", of_uri("https://example.org/1"))
    assert events == (told("SetURI", CLASS, token(1), "https://example.org/1"),)
    assert set(since(before, chain)) == {edition_key(CLASS, token(1))}
    assert fields_of(edition_in(chain)) == fields_of(was) | {"uri": "https://example.org/1"}
    for name in ("uri", "ddcURI"):
        assert read(chain, name, OfEditionId(class_id=CLASS, token=token(1))) == "https://example.org/1"
    with chain.refuses("uri-set", token(1)):
        call(chain, "platform", "setURI", of_uri("https://example.org/2"))


def fields_of(record: Record) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__struct_fields__}


@pytest.mark.parametrize(
    ("method", "sender", "event", "marks", "leaves"),
    [
        ("freezeEdition", "operator", "EditionFrozen", {}, {"frozen": True}),
        ("unfreezeEdition", "operator", "EditionUnfrozen", {"frozen": True}, {"frozen": False}),
        ("withdrawEdition", "platform", "EditionWithdrawn", {}, {"withdrawn": True}),
        ("withdrawEdition", "platform", "EditionWithdrawn", {"frozen": True}, {"frozen": True, "withdrawn": True}),
    ],
)
def test_a_change_of_an_edition_writes_its_record_and_nothing_else(
    chain: SmallChain, method: str, sender: str, event: str, marks: dict[str, bool], leaves: dict[str, bool]
) -> None:
    mark_edition(chain, **marks)
    before, was = chain.content(), edition_in(chain)
    events = call(chain, sender, method, because(reason="found-wrong"))
    assert events == (told(event, CLASS, token(1), "found-wrong"),)
    assert set(since(before, chain)) == {edition_key(CLASS, token(1))}
    assert fields_of(edition_in(chain)) == fields_of(was) | leaves


def test_an_edition_is_withdrawn_by_who_issued_it_or_by_who_defined_the_class(chain: SmallChain) -> None:
    """A grant to issue is not enough: whoever has one withdraws what it issued itself."""
    for person in ("rival", "operator"):
        chain.grant(person)
    create(chain, 2, sender="rival")
    create(chain, 3, sender="rival")
    for number, sender in ((1, "rival"), (2, "operator")):
        with chain.refuses("not-granted", CLASS):
            call(chain, sender, "withdrawEdition", because(number))
    call(chain, "rival", "withdrawEdition", because(2))
    call(chain, "platform", "withdrawEdition", because(3))


def test_an_edition_stays_withdrawn(chain: SmallChain) -> None:
    call(chain, "operator", "freezeEdition", because())
    call(chain, "platform", "withdrawEdition", because())
    for sender, method in (("operator", "unfreezeEdition"), ("platform", "withdrawEdition")):
        with chain.refuses("edition-withdrawn", CLASS, token(1)):
            call(chain, sender, method, because())
    with chain.refuses("edition-withdrawn", CLASS, token(1)):
        call(chain, "platform", "setURI", of_uri("https://example.org/1"))


def test_a_frozen_issuer_withdraws_nothing(chain: SmallChain) -> None:
    change_account(chain, "platform", platform_active=False)
    with chain.refuses("account-frozen", chain.address("platform")):
        call(chain, "platform", "withdrawEdition", because())


def test_editions_cost_nothing(chain: SmallChain) -> None:
    fund(chain, "platform", fen=0, gas=0)
    create(chain, 2)
    call(chain, "platform", "setURI", of_uri("https://example.org/1"))
    call(chain, "platform", "withdrawEdition", because())


def test_the_checks_of_create_edition_stand_in_order() -> None:
    assert_order(
        playing("createEdition", "platform", edition(2, supersedes=token(1))),
        *OPEN,
        *OF_1155,
        ("not-granted", grant(None)),
        ("grant-expired", grant(Grant(quota=1, until=0))),
        ("edition-exists", lambda play: play.chain.write(edition_key(CLASS, token(2)), edition_in(play.chain))),
        ("edition-unknown", arguments(supersedes=token(9))),
        *MINE,
        ("edition-superseded", of_edition(superseded_by=token(8))),
        ("validity-inverted", arguments(valid_from=5, valid_until=5)),
        ("validity-required", lambda play: (of_class(validity_ms_max=9)(play), arguments(valid_until=None)(play))),
        (
            "validity-too-long",
            lambda play: (of_class(validity_ms_max=9)(play), arguments(valid_from=0, valid_until=10)(play)),
        ),
        absent=frozenset({"quota-exceeded"}),
    )


def test_the_checks_of_set_uri_stand_in_order() -> None:
    assert_order(
        playing("setURI", "platform", of_uri("https://example.org/1")),
        *OPEN,
        *OF_1155,
        *KNOWN,
        *IN_FORCE,
        *NOT_FROZEN,
        *MINE,
        ("uri-empty", arguments(uri="")),
        ("uri-set", of_edition(uri="https://example.org/0")),
    )


SENDER_KNOWN = frozenset({(2, "account-unknown"), (2, "account-frozen")})
"""What the check of the role has from the gate before it."""


def test_the_checks_of_freeze_edition_stand_in_order() -> None:
    spoils = (*OPERATOR, *KNOWN, *IN_FORCE, *NOT_FROZEN)
    assert_order(playing("freezeEdition", "operator", because()), *spoils, absent=SENDER_KNOWN)


def test_the_checks_of_unfreeze_edition_stand_in_order() -> None:
    spoils = (*OPERATOR, *KNOWN, *IN_FORCE, ("edition-not-frozen", of_edition(frozen=False)))
    assert_order(playing("unfreezeEdition", "operator", because(), frozen=True), *spoils, absent=SENDER_KNOWN)


def test_the_checks_of_withdraw_edition_stand_in_order() -> None:
    assert_order(playing("withdrawEdition", "platform", because()), *OPEN, *OF_1155, *KNOWN, *MINE, *IN_FORCE)
