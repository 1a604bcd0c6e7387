"""A bundle's bytes are those of RFC 8785, whichever way they are made."""

import string
from typing import Any

import pytest
import rfc8785
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from chain.block import BlockHeader
from chain.light_client import Handover
from chain.state import Siblings, StateProof
from credentials.bundle import INTEGER_MAX, Bundle, make_bundle, parse_bundle
from credentials.content import Hidden
from tests.chain.small_network import FIRST, SECOND, header_of, rules_of

RULES = rules_of("wuhan")
STRANGE = '\0\x08\t\n\x0b\x0c\r\x1f"\\/\x7f\x80\u2028\ufeff\uffff\U00010000\U0010ffff<>&é中'
TEXT = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from(STRANGE), max_size=20)
NAME = TEXT | st.text(string.ascii_letters, max_size=4)
NUMBER = st.integers(-INTEGER_MAX, INTEGER_MAX) | st.sampled_from((INTEGER_MAX, -INTEGER_MAX))
CONTENT = st.lists(st.dictionaries(NAME, TEXT | NUMBER | st.booleans() | st.none(), max_size=5), max_size=5)


def header(height: int) -> BlockHeader:
    return header_of(RULES, height, FIRST.membership, SECOND.membership)


def bundle() -> Bundle:
    """A bundle with every part that one can have."""
    return make_bundle(
        uid="bsn:wuhan/ddc721:degree/1",
        certified=FIRST.certify(RULES, header(9)),
        handovers=(Handover(certified=FIRST.certify(RULES, header(7)), next_membership=SECOND.membership),),
        record=b"record",
        proof=StateProof(branches=(Siblings(places=5, hashes=bytes(range(64))),), bucket=b"\xff" * 64),
        content=(Hidden(bytes(32)),),
    )


BUNDLE = bundle()


def test_the_bytes_are_those_of_rfc_8785() -> None:
    assert BUNDLE.canonical() == rfc8785.dumps(BUNDLE.members())
    assert parse_bundle(BUNDLE.canonical()) == BUNDLE


@given(CONTENT, TEXT)
@example([{"\uffff": 1, "\U00010000": 2}], "")
@example([{"value": INTEGER_MAX, "name": STRANGE}], STRANGE)
@settings(deadline=None, max_examples=300)
def test_whatever_is_in_it_the_bytes_are_those_of_rfc_8785(content: list[dict[str, Any]], uid: str) -> None:
    changed = replace(BUNDLE, content=tuple(content), id=uid)
    assert changed.canonical() == rfc8785.dumps(changed.members())


@pytest.mark.parametrize("number", [INTEGER_MAX + 1, -INTEGER_MAX - 1, 2**64, 2**70])
def test_a_number_that_json_does_not_carry_has_no_canonical_form(number: int) -> None:
    with pytest.raises(rfc8785.CanonicalizationError):
        replace(BUNDLE, content=({"value": number},)).canonical()
