"""What is said of a certificate is taken as it is documented, and never more than the contract takes."""

import contextlib
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.certificate import AttributeName, AttributeValue, Uri
from contracts.life import Reason
from credentials.schema import content_faults
from gateway.errors import Problem
from gateway.life_bodies import (
    AttributeBody,
    ChangeBody,
    HeldBody,
    ObjectRebindBody,
    ReissueBody,
    RequestRebindBody,
    StatusBody,
    UriBody,
    UserBody,
)
from scripts.sectors import load_sectors
from tests.chain.small_network import rules_of

GOOD: dict[type[ChangeBody], dict[str, Any]] = {
    HeldBody: {},
    StatusBody: {"reason": "issued-in-error"},
    UriBody: {"uri": "https://example.org/1"},
    UserBody: {"user": "0x", "until": "2030-12-31"},
    AttributeBody: {"name": "grade", "value": "A+"},
    RequestRebindBody: {"to": "0x", "did_sequence": 2, "signature": "0A" * 64},
    ObjectRebindBody: {"signature": "0a" * 64},
    ReissueBody: {"content": {"b": 1, "a": "x"}, "reason": "misspelt", "valid_until": 2**50, "uri": "x", "token": "7"},
}
WRONG: list[tuple[type[ChangeBody], dict[str, Any]]] = [
    *((kind, {"account": "x" * 129}) for kind in GOOD),
    *((kind, {"account": 7}) for kind in GOOD),
    *((kind, {"holder_did": "x"}) for kind in GOOD),
    (StatusBody, {"reason": "Issued in error"}),
    (StatusBody, {"reason": "x\n"}),
    (StatusBody, {"reason": "\0"}),
    (StatusBody, {"reason": ""}),
    (StatusBody, {"reason": "x" * 41}),
    (StatusBody, {"reason": None}),
    (UriBody, {"uri": "x" * 257}),
    (UriBody, {"uri": "https://example.org/\0"}),
    (UriBody, {"uri": "https://example.org/\n"}),
    (UriBody, {"uri": "https://example.org/\x85"}),
    (UriBody, {"uri": "https://example.org/a b"}),
    (UriBody, {"uri": None}),
    (UriBody, {"uri": "\ud800"}),
    (UserBody, {"user": "x" * 129}),
    (UserBody, {"user": 7}),
    (UserBody, {"until": 1.5}),
    (UserBody, {"until": True}),
    (UserBody, {"until": "x" * 41}),
    (AttributeBody, {"name": "Grade"}),
    (AttributeBody, {"name": ""}),
    (AttributeBody, {"name": "x" * 41}),
    (AttributeBody, {"name": "grade\n"}),
    (AttributeBody, {"value": "in prose"}),
    (AttributeBody, {"value": "A\0"}),
    (AttributeBody, {"value": "x" * 65}),
    (AttributeBody, {"value": None}),
    (RequestRebindBody, {"to": None}),
    (RequestRebindBody, {"to": "x" * 129}),
    (RequestRebindBody, {"did_sequence": -1}),
    (RequestRebindBody, {"did_sequence": 2**53}),
    (RequestRebindBody, {"did_sequence": True}),
    (RequestRebindBody, {"signature": "0a" * 63}),
    (RequestRebindBody, {"signature": "0x" + "0a" * 63}),
    (ObjectRebindBody, {"signature": "0a" * 65}),
    (ObjectRebindBody, {"signature": "0a" * 64 + "\n"}),
    (ObjectRebindBody, {"as_did": 1}),
    (ReissueBody, {"content": []}),
    (ReissueBody, {"content": None}),
    (ReissueBody, {"reason": None}),
    (ReissueBody, {"holder": "x" * 129}),
    (ReissueBody, {"uri": "\x1b[31m"}),
    (ReissueBody, {"uri": "x" * 257}),
    (ReissueBody, {"token": "7" * 41}),
    (ReissueBody, {"valid_from": "x" * 41}),
]
NEEDED = [
    (UriBody, "uri"), (UserBody, "user"), (AttributeBody, "name"), (AttributeBody, "value"), (RequestRebindBody, "to"),
    (ReissueBody, "content"), (ReissueBody, "reason"),
]  # fmt: skip


def body_of(kind: type[ChangeBody], **members: Any) -> Any:
    return kind.model_validate(members)


@pytest.mark.parametrize("kind", GOOD)
def test_a_body_without_unknown_members_is_taken(kind: type[ChangeBody]) -> None:
    body = body_of(kind, **GOOD[kind], account="0x")
    assert body.account == "0x"
    assert body.to_order() == body_of(kind, **GOOD[kind]).to_order(), "who signs is no part of what is asked for"


@pytest.mark.parametrize(("kind", "changed"), WRONG)
def test_a_member_that_is_not_as_documented_is_refused(kind: type[ChangeBody], changed: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        body_of(kind, **GOOD[kind] | changed)


@pytest.mark.parametrize(("kind", "missing"), NEEDED)
def test_what_must_be_said_is_asked_for(kind: type[ChangeBody], missing: str) -> None:
    with pytest.raises(ValidationError):
        body_of(kind, **{name: value for name, value in GOOD[kind].items() if name != missing})


@pytest.mark.parametrize("kind", GOOD)
def test_what_the_docs_fill_a_form_with_is_taken(kind: type[ChangeBody]) -> None:
    (example,) = kind.model_json_schema()["examples"]
    assert body_of(kind, **example).to_order()


def test_the_examples_of_the_docs_fit_what_they_are_examples_of() -> None:
    content = body_of(ReissueBody, **ReissueBody.model_json_schema()["examples"][0]).content
    assert content_faults(load_sectors()["wenchang"].schema, content) == ()
    for kind in (UserBody, RequestRebindBody):
        example = kind.model_json_schema()["examples"][0]
        assert rules_of("wenchang").addresses.parse(example.get("user", example.get("to")))


def test_a_user_and_a_time_go_together() -> None:
    order = body_of(UserBody, **GOOD[UserBody]).to_order()
    assert (order.user, order.until) == ("0x", 1_924_905_600_000)
    assert body_of(UserBody, user=None).to_order().until == 0
    for members in ({"user": None, "until": 5}, {"user": "0x"}, {"user": "0x", "until": None}):
        with pytest.raises(Problem) as refused:
            body_of(UserBody, **members).to_order()
        assert refused.value.code == "body-malformed"
    with pytest.raises(Problem) as refused:
        body_of(UserBody, user="0x", until="tomorrow").to_order()
    assert refused.value.code == "parameter-malformed"


def test_an_objection_is_signed_here_or_there_but_not_twice() -> None:
    assert body_of(ObjectRebindBody).to_order().signature is None
    assert body_of(ObjectRebindBody, **GOOD[ObjectRebindBody]).to_order().signature == b"\x0a" * 64
    assert body_of(ObjectRebindBody, as_did=True).to_order().as_did
    with pytest.raises(Problem) as refused:
        body_of(ObjectRebindBody, **GOOD[ObjectRebindBody], as_did=True).to_order()
    assert refused.value.code == "body-malformed"


def test_equal_reissues_are_equal_orders_whatever_the_order_of_their_members() -> None:
    one = body_of(ReissueBody, **GOOD[ReissueBody]).to_order()
    other = body_of(ReissueBody, **GOOD[ReissueBody] | {"content": {"a": "x", "b": 1}}).to_order()
    assert repr(one) == repr(other)
    assert (one.holder, one.valid_from, one.valid_until, one.token) == (None, None, 2**50, "7")


def takes(kind: Any, text: str) -> bool:
    """Whether the contract's record takes a text for a member of that type."""
    try:
        msgspec.convert(text, kind)
    except msgspec.ValidationError:
        return False
    return True


def accepted(kind: type[ChangeBody], **members: Any) -> bool:
    try:
        body_of(kind, **GOOD[kind] | members)
    except ValidationError:
        return False
    return True


@given(st.text(max_size=70) | st.from_regex(r"[a-z][a-z0-9_.:/+-]{0,70}", fullmatch=True))
def test_no_text_passes_that_the_contract_would_not_take(text: str) -> None:
    assert accepted(StatusBody, reason=text) == takes(Reason, text)
    assert accepted(AttributeBody, name=text) == takes(AttributeName, text)
    assert accepted(AttributeBody, value=text) == takes(AttributeValue, text)
    assert takes(Uri, text) or not accepted(UriBody, uri=text)


@given(st.sampled_from(sorted(GOOD, key=lambda kind: kind.__name__)), st.data())
def test_any_json_is_a_body_or_refused(kind: type[ChangeBody], data: st.DataObject) -> None:
    values = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50) | st.just({}) | st.just([])
    members = data.draw(st.dictionaries(st.sampled_from([*kind.model_fields]), values))
    with contextlib.suppress(ValidationError, Problem):
        assert body_of(kind, **GOOD[kind] | members).to_order()
