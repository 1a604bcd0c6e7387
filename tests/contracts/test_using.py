"""What is set of a certificate that lives: its user for a time, its attributes, its URI once (protocol 17)."""

from typing import Any

import pytest
from msgspec.structs import replace

from contracts.certificate import ATTRIBUTES_MAX, Recorded
from contracts.ddc721 import SetUri
from contracts.ddc721_views import OfAttribute, OfToken
from tests.contracts.certificate_calls import (
    attribute,
    call,
    certificate_of,
    mark,
    redefine,
    settle,
    since,
    stored,
    told,
    user,
)
from tests.contracts.certificate_spoils import KNOWN, LIVE, NOT_FROZEN, NOT_LOCKED, OPEN, account, address, marked
from tests.contracts.check_order import Play, Spoil, arguments, assert_order
from tests.contracts.small_chain import CLASS, SmallChain, token

OF_TOKEN = OfToken(class_id=CLASS, token=token(1))


@pytest.fixture
def minted(chain: SmallChain) -> SmallChain:
    chain.mint()
    return chain


def set_uri(uri: str = "https://example.org/1") -> SetUri:
    return SetUri(class_id=CLASS, token=token(1), holder=None, uri=uri)


def test_a_holder_lets_somebody_use_it_until_a_time_and_takes_it_back(minted: SmallChain) -> None:
    alice, rival, until = minted.address("alice"), minted.address("rival"), minted.time + 50_000
    before, content = certificate_of(minted), minted.content()
    assert call(minted, "alice", "setUser", user(rival, until)) == (
        told("UpdateUser", CLASS, token(1), alice, rival, until),
    )
    assert since(content, minted) == stored(replace(before, user=rival, user_until=until))
    assert (minted.read("userOf", OF_TOKEN), minted.read("userExpires", OF_TOKEN)) == (rival, until)
    other = minted.address("platform")
    call(minted, "alice", "setUser", user(other, until + 1))
    assert certificate_of(minted) == replace(before, user=other, user_until=until + 1)
    content = minted.content()
    assert call(minted, "alice", "setUser", user(None, 77)) == (told("UpdateUser", CLASS, token(1), alice, b"", 0),)
    assert since(content, minted) == stored(before)
    assert (minted.read("userOf", OF_TOKEN), minted.read("userExpires", OF_TOKEN)) == (b"", 0)


def test_a_user_has_it_until_after_now_and_at_most_as_long_as_it_is_valid(chain: SmallChain) -> None:
    rival, end = chain.address("rival"), chain.time + 50_000
    chain.mint(valid_until=end)
    with chain.refuses("until-passed", end + 1, chain.time):
        call(chain, "alice", "setUser", user(rival, end + 1))
    with chain.refuses("until-passed", chain.time, chain.time):
        call(chain, "alice", "setUser", user(rival, chain.time))
    call(chain, "alice", "setUser", user(rival, chain.time + 1))
    call(chain, "alice", "setUser", user(rival, end))
    assert certificate_of(chain).user_until == end


def test_a_user_is_an_active_account(minted: SmallChain) -> None:
    bob, until = minted.address("bob"), minted.time + 50_000
    with minted.refuses("account-unknown", bob):
        call(minted, "alice", "setUser", user(bob, until))
    settle(minted, "bob")
    minted.set_flag("bob", active=False)
    with minted.refuses("account-frozen", bob):
        call(minted, "alice", "setUser", user(bob, until))


@pytest.mark.parametrize("person", ["platform", "operator", "rival"])
def test_nobody_but_the_holder_lends_it_not_even_its_user(minted: SmallChain, person: str) -> None:
    call(minted, "alice", "setUser", user(minted.address(person), minted.time + 50_000))
    with minted.refuses("not-holder", token(1)):
        call(minted, person, "setUser", user(minted.address(person), minted.time + 60_000))


MAY_SET = {0: set(), 1: {"platform", "rival"}, 2: {"alice"}, 3: {"platform", "rival", "alice"}}
"""The rival is an issuer of the class that did not issue this one."""


@pytest.mark.parametrize("rule", MAY_SET)
@pytest.mark.parametrize("person", ["platform", "rival", "alice", "operator"])
def test_who_sets_attributes_is_as_the_class_says(minted: SmallChain, rule: int, person: str) -> None:
    minted.grant("rival")
    redefine(minted, attributes=rule)
    before, content = certificate_of(minted), minted.content()
    if person in MAY_SET[rule]:
        assert call(minted, person, "setAttribute", attribute("grade", "1.3")) == (
            told("SetAttribute", CLASS, token(1), minted.address("alice"), "grade", "1.3"),
        )
        assert since(content, minted) == stored(replace(before, attributes=(("grade", "1.3"),)))
    else:
        with minted.refuses("attribute-not-allowed", CLASS):
            call(minted, person, "setAttribute", attribute("grade", "1.3"))


def test_attributes_are_set_replaced_and_removed_and_stand_in_order(minted: SmallChain) -> None:
    expected: dict[str, str] = {}
    for name, value in (("b", "1"), ("a", "2"), ("c", "3"), ("b", "4"), ("a", ""), ("c", ""), ("c", "5")):
        call(minted, "platform", "setAttribute", attribute(name, value))
        expected = {key: kept for key, kept in {**expected, name: value}.items() if kept}
        assert certificate_of(minted).attributes == tuple(sorted(expected.items()))
        read = OfAttribute(class_id=CLASS, token=token(1), name=name)
        assert minted.read("getAttribute", read) == value
    for name, value in (("b", "4"), ("a", "")):
        with minted.refuses("no-change", name):
            call(minted, "platform", "setAttribute", attribute(name, value))


def test_a_certificate_has_at_most_sixteen_attributes(minted: SmallChain) -> None:
    for number in range(ATTRIBUTES_MAX):
        call(minted, "platform", "setAttribute", attribute(f"a{number}", "1"))
    with minted.refuses("attributes-full", ATTRIBUTES_MAX):
        call(minted, "platform", "setAttribute", attribute("b", "1"))
    with minted.refuses("no-change", "b"):
        call(minted, "platform", "setAttribute", attribute("b", ""))
    call(minted, "platform", "setAttribute", attribute("a3", "2"))
    call(minted, "platform", "setAttribute", attribute("a3", ""))
    call(minted, "platform", "setAttribute", attribute("b", "1"))
    assert len(certificate_of(minted).attributes) == ATTRIBUTES_MAX


@pytest.mark.parametrize("name", ["", "Grade", "1st", "a" * 41, "等级", "grade\n"])
def test_the_name_of_an_attribute_is_a_word(minted: SmallChain, name: str) -> None:
    with minted.refuses("arguments-malformed"):
        call(minted, "platform", "setAttribute", attribute(name, "1"))


@pytest.mark.parametrize("value", ["Alice Smith", "v" * 65, "甲", "a\n", "a,b"])
def test_the_value_of_an_attribute_is_a_code_and_never_prose(minted: SmallChain, value: str) -> None:
    with minted.refuses("arguments-malformed"):
        call(minted, "platform", "setAttribute", attribute("grade", value))


def test_an_attribute_at_its_limits_is_set(minted: SmallChain) -> None:
    call(minted, "platform", "setAttribute", attribute("a" * 40, "v" * 64))
    call(minted, "platform", "setAttribute", attribute("b", "2026-01-01T00:00+08:00/A_b"))
    assert len(certificate_of(minted).attributes) == 2


@pytest.mark.parametrize("person", ["alice", "platform"])
def test_its_holder_or_its_issuer_sets_the_uri_once(minted: SmallChain, person: str) -> None:
    before, content = certificate_of(minted), minted.content()
    assert call(minted, person, "setURI", set_uri()) == (told("SetURI", CLASS, token(1), "https://example.org/1"),)
    assert since(content, minted) == stored(replace(before, uri="https://example.org/1"))
    assert minted.read("tokenURI", OF_TOKEN) == "https://example.org/1"
    for other in ("alice", "platform"):
        for uri in ("https://example.org/1", "https://example.org/2"):
            with minted.refuses("uri-set", token(1)):
                call(minted, other, "setURI", set_uri(uri))


def test_a_uri_of_the_mint_is_set_already(chain: SmallChain) -> None:
    chain.mint(uri="https://example.org/0")
    with chain.refuses("uri-set", token(1)):
        call(chain, "alice", "setURI", set_uri())


@pytest.mark.parametrize("person", ["rival", "operator"])
def test_nobody_else_sets_the_uri_not_even_another_issuer_of_the_class(minted: SmallChain, person: str) -> None:
    minted.grant(person)
    with minted.refuses("not-holder", token(1)):
        call(minted, person, "setURI", set_uri())


def test_a_uri_has_one_to_256_characters(minted: SmallChain) -> None:
    with minted.refuses("uri-empty"):
        call(minted, "alice", "setURI", set_uri(""))
    with minted.refuses("arguments-malformed"):
        call(minted, "alice", "setURI", set_uri("u" * 257))
    call(minted, "alice", "setURI", set_uri("u" * 256))


@pytest.mark.parametrize(
    ("state", "code", "values"),
    [
        ({"frozen": True}, "certificate-frozen", ()),
        ({"locked": True}, "certificate-locked", ()),
        ({"recorded": 2}, "certificate-final", ("revoked",)),
        ({"recorded": 3}, "certificate-final", ("burnt",)),
        ({"recorded": 4}, "certificate-final", ("moved",)),
    ],
    ids=str,
)
def test_nothing_is_set_of_what_is_frozen_locked_or_final(
    minted: SmallChain, state: dict[str, Any], code: str, values: tuple[str, ...]
) -> None:
    redefine(minted, attributes=3)
    mark(minted, **state)
    for method, given in (("setUser", user(None)), ("setAttribute", attribute("a", "1")), ("setURI", set_uri())):
        with minted.refuses(code, token(1), *values):
            call(minted, "alice", method, given)


def test_an_offer_has_no_user_yet_but_attributes(minted: SmallChain) -> None:
    mark(minted, recorded=int(Recorded.OFFERED))
    with minted.refuses("certificate-offered", token(1)):
        call(minted, "alice", "setUser", user(None))
    call(minted, "platform", "setAttribute", attribute("a", "1"))


def in_order(method: str, given: Any, *spoils: tuple[str, Spoil]) -> None:
    def play() -> Play:
        chain = SmallChain.founded()
        chain.define()
        redefine(chain, attributes=2)
        chain.mint()
        return Play(chain, "alice", "ddc721", method, given(chain))

    assert_order(play, *OPEN, *KNOWN, *spoils)


OTHER_HOLDER = marked(holder=address("platform"))


def test_the_checks_of_set_user_stand_in_order() -> None:
    in_order(
        "setUser",
        lambda chain: user(chain.address("rival"), 2**50),
        ("not-holder", OTHER_HOLDER),
        *LIVE,
        ("certificate-offered", marked(recorded=int(Recorded.OFFERED))),
        *NOT_FROZEN,
        *NOT_LOCKED,
        ("account-unknown", arguments(user=address("bob"))),
        ("account-frozen", account("rival", operator_active=False)),
        ("until-passed", arguments(until=0)),
    )


def test_the_checks_of_set_attribute_stand_in_order() -> None:
    in_order(
        "setAttribute",
        lambda _chain: attribute("grade", "1"),
        *LIVE,
        *NOT_FROZEN,
        *NOT_LOCKED,
        ("attribute-not-allowed", OTHER_HOLDER),
        ("no-change", arguments(value="")),
        ("attributes-full", marked(attributes=tuple((f"a{number:02}", "1") for number in range(ATTRIBUTES_MAX)))),
    )


def test_the_checks_of_set_uri_stand_in_order() -> None:
    in_order(
        "setURI",
        lambda _chain: set_uri(),
        *LIVE,
        *NOT_FROZEN,
        *NOT_LOCKED,
        ("not-holder", OTHER_HOLDER),
        ("uri-empty", arguments(uri="")),
        ("uri-set", marked(uri="https://example.org/0")),
    )
