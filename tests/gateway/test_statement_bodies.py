"""Bodies of statements are taken as they are documented, by their kind, and nothing else is."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from chain.did import Rebinding
from contracts.signatories import MintSigned
from gateway.arguments import read_arguments, read_record
from gateway.errors import Problem
from gateway.services.did_statements import DidStatementOrder
from gateway.services.statements import IssueOrder, MetaOrder
from gateway.statement_bodies import DID, EXAMPLES
from tests.chain.small_genesis import did_base
from tests.chain.small_network import rules_of
from tests.gateway.statement_play import BODIES

KEY = "02" + "0a" * 32
BASE = {"home": "wuhan", "authentication": KEY, "recovery": KEY}
WRONG: list[tuple[str, dict[str, Any]]] = [
    ("creation", {"did": "did:web:a"}),
    ("creation", {"did": None, "base": {}}),
    ("creation", {"did": None, "base": BASE | {"home": "Wuhan"}}),
    ("creation", {"did": None, "base": BASE | {"version": 1}}),
    ("rotation", {"did": None}),
    ("rotation", {"sequence": -1}),
    ("rotation", {"sequence": 2**53}),
    ("rotation", {"sequence": "1"}),
    ("rotation", {"authentication": "04" + "0a" * 32}),
    ("service-change", {"service": None}),
    ("service-change", {"endpoint": "x" * 201}),
    ("joining", {"address": "x" * 129}),
    ("joining", {"public_key": "0a" * 31}),
    ("joining", {"public_key": "0a" * 34}),
    ("joining", {"public_key": "zz" * 32}),
    ("rebinding", {"contract": "authority"}),
    ("rebinding", {"to": None}),
    ("objection", {"requested_at": 1.5}),
    ("meta", {"arguments": []}),
    ("meta", {"counter": -1}),
    ("meta", {"deadline": 1.5}),
    ("meta", {"sign": "yes"}),
    ("meta", {"method": "x" * 41}),
    ("issue", {"items": []}),
    ("issue", {"items": [{}] * 101}),
    ("issue", {"items": ["item"]}),
    ("issue", {"deadline": None}),
    ("issue", {"contract": "ddc1155"}),
    ("issue", {"supersedes": 1, "reason": "misspelt"}),
    ("issue", {"supersedes": "1", "reason": "Miss Spelt"}),
]


def order_of(kind: str, **changed: Any) -> Any:
    return BODIES.validate_python(EXAMPLES[kind] | changed).to_order("wenchang")


def test_there_is_an_example_of_every_kind() -> None:
    schemas = BODIES.json_schema()
    assert set(schemas["discriminator"]["mapping"]) == set(EXAMPLES)
    for kind, place in schemas["discriminator"]["mapping"].items():
        body = schemas["$defs"][place.removeprefix("#/$defs/")]
        assert body["examples"] == [EXAMPLES[kind]]
        assert body["description"]


@pytest.mark.parametrize("kind", EXAMPLES)
def test_a_body_without_unknown_members_is_taken(kind: str) -> None:
    assert order_of(kind).sign
    assert not order_of(kind, sign=False).sign
    with pytest.raises(ValidationError):
        order_of(kind, unknown=1)


@pytest.mark.parametrize(("kind", "changed"), WRONG)
def test_a_member_that_is_not_as_documented_is_refused(kind: str, changed: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        order_of(kind, **changed)


@pytest.mark.parametrize("kind", [None, 1, "promise", "Rotation"])
def test_a_kind_that_there_is_not_is_refused(kind: Any) -> None:
    with pytest.raises(ValidationError):
        BODIES.validate_python({"kind": kind, "did": DID})


def test_the_examples_are_of_the_chain_that_they_are_shown_for() -> None:
    rules = rules_of("wenchang")
    meta = order_of("meta")
    assert isinstance(meta, MetaOrder)
    signed = {"signed": {"counter": 1, "deadline": 1, "signature": ""}}
    assert read_arguments(rules, meta.contract, meta.method, meta.arguments | signed) is not None
    issue = order_of("issue")
    assert isinstance(issue, IssueOrder)
    members = {"class_id": issue.class_id, "items": issue.items, "deadline": issue.deadline}
    assert read_record(rules, MintSigned, members | {"signers": [], "signatures": []}, "issue").items
    rebinding = order_of("rebinding", sequence=0)
    assert read_record(rules, Rebinding, rebinding.members, "rebinding").holder == rules.addresses.parse(issue.signer)


def test_members_that_were_not_given_are_left_to_the_chain() -> None:
    order = order_of("rotation", did=DID.removeprefix("did:bsn:"))
    assert order == DidStatementOrder(
        chain_id="wenchang", kind="rotation", did=bytes.fromhex(DID.removeprefix("did:bsn:")), base=None, sign=True,
        members={"did": DID.removeprefix("did:bsn:")},
    )  # fmt: skip
    assert order_of("rotation", sequence=0).members["sequence"] == 0
    assert (order_of("meta").counter, order_of("meta").deadline) == (None, None)
    assert order_of("meta", counter=0, deadline="2030-12-31").deadline == 1_924_905_600_000


def test_a_creation_names_a_did_or_its_document() -> None:
    base = did_base("alice")
    given_base = {"home": base.home, "authentication": base.authentication.hex(), "recovery": base.recovery.hex()}
    order = order_of("creation", did=None, base=given_base)
    assert (order.did, order.base, order.members) == (base.did, base, {"did": f"did:bsn:{base.did.hex()}"})
    for neither_nor in ({"did": None}, {"base": given_base}):
        with pytest.raises(Problem) as refused:
            order_of("creation", **neither_nor)
        assert refused.value.code == "body-malformed"


def test_a_reissue_is_of_one_item_in_place_of_a_token_for_a_reason() -> None:
    (item,) = EXAMPLES["issue"]["items"]
    place = {"supersedes": "7", "reason": "misspelt"}
    assert order_of("issue").supersedes is None
    assert order_of("issue", **place).supersedes == ("7", "misspelt")
    for wrong in ({"supersedes": "7"}, {"reason": "misspelt"}, place | {"items": [item, item]}):
        with pytest.raises(Problem) as refused:
            order_of("issue", **wrong)
        assert refused.value.code == "body-malformed"


@given(st.sampled_from(sorted(EXAMPLES)), st.data())
def test_any_json_is_a_body_or_refused(kind: str, data: st.DataObject) -> None:
    values = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50) | st.just({}) | st.just([])
    names = sorted(
        {
            *(name for example in EXAMPLES.values() for name in example),
            "base",
            "sequence",
            "sign",
            "supersedes",
            "reason",
        }
        - {"kind"}
    )
    members = data.draw(st.dictionaries(st.sampled_from(names), values))
    with contextlib.suppress(ValidationError, Problem):
        assert order_of(kind, **members)
