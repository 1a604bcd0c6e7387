"""Content roots: one root however much is revealed, another root for anything else."""

import hashlib
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.codec import encode
from chain.merkle import leaf_hash, root
from credentials.content import (
    SALT_BYTES,
    Entry,
    Hidden,
    Revealed,
    Value,
    content_root,
    entries,
    field_leaf,
    root_from_entries,
)
from credentials.schema import ClassSchema, content_faults, parse_schema


def digest(data: bytes) -> bytes:
    """SHA-256, as some of the chains use it."""
    return hashlib.sha256(data).digest()


def form(kind: str, **limits: Any) -> dict[str, Any]:
    """A property of that type."""
    return {"type": kind, "title": "Value", "x-title-zh": "数值"} | limits


SCHEMA = parse_schema(
    {
        "title": "Mill test",
        "x-title-zh": "质量证明书",
        "type": "object",
        "additionalProperties": False,
        "required": ["heat_number", "c_pct"],
        "properties": {
            "heat_number": form("string", format="heat-number"),
            "c_pct": form("string", format="decimal"),
            "impact_j": form("integer"),
            "tested": form("boolean"),
            "inspected_on": form("string", format="date"),
        },
    }
)
NAMES = tuple(field.name for field in SCHEMA.fields)
CONTENT: dict[str, Value] = {
    "heat_number": "24P103086",
    "c_pct": "0.16",
    "impact_j": 112,
    "tested": True,
    "inspected_on": "2024-03-04",
}
SALTS = tuple(bytes([n]) * SALT_BYTES for n in range(len(NAMES)))
ROOT = content_root(digest, SCHEMA, CONTENT, SALTS)


def shown(reveal: frozenset[str] | None, schema: ClassSchema = SCHEMA) -> tuple[Entry, ...]:
    """The entries of the example with these fields revealed."""
    return entries(digest, schema, CONTENT, SALTS, reveal)


def test_the_example_fits_its_schema() -> None:
    assert content_faults(SCHEMA, CONTENT) == ()


def test_the_root_is_a_merkle_root_over_name_type_value_and_salt_in_schema_order() -> None:
    types = ("decimal", "string", "integer", "date", "boolean")
    assert NAMES == ("c_pct", "heat_number", "impact_j", "inspected_on", "tested")
    leaves = [
        leaf_hash(digest, encode((name, kind, CONTENT[name], salt)))
        for name, kind, salt in zip(NAMES, types, SALTS, strict=True)
    ]
    assert root(digest, leaves) == ROOT


@given(st.sets(st.sampled_from(NAMES)))
@settings(deadline=None)
def test_none_some_or_all_fields_revealed_lead_to_the_same_root(names: set[str]) -> None:
    revealed = shown(frozenset(names))
    assert [entry.name for entry in revealed if isinstance(entry, Revealed)] == [
        name for name in NAMES if name in names
    ]
    assert root_from_entries(digest, revealed) == ROOT


def test_revealing_nothing_named_reveals_everything() -> None:
    assert shown(None) == shown(frozenset(NAMES))
    assert all(isinstance(entry, Hidden) for entry in shown(frozenset()))


@pytest.mark.parametrize("place", range(len(NAMES)))
def test_a_changed_name_type_value_or_salt_leads_to_another_root(place: int) -> None:
    revealed = shown(None)
    entry = revealed[place]
    assert isinstance(entry, Revealed)
    bit = bytes([entry.salt[0] ^ 1]) + entry.salt[1:]
    changed_type = "string" if entry.type != "string" else "decimal"
    for other in (
        replace(entry, value="0.17"),
        replace(entry, value=None),
        replace(entry, salt=bit),
        replace(entry, name=entry.name + "x"),
        replace(entry, type=changed_type),
    ):
        assert root_from_entries(digest, (*revealed[:place], other, *revealed[place + 1 :])) != ROOT


def test_true_one_and_the_text_of_one_are_three_values() -> None:
    leaves = {field_leaf(digest, "tested", "boolean", value, SALTS[0]) for value in (True, 1, "1", "true", None, "")}
    assert len(leaves) == 6


def test_an_absent_optional_field_has_a_leaf_of_its_own() -> None:
    without = {name: value for name, value in CONTENT.items() if name != "impact_j"}
    short = content_root(digest, SCHEMA, without, SALTS)
    assert short != ROOT
    assert short == root_from_entries(digest, entries(digest, SCHEMA, without, SALTS, None))
    assert short == content_root(digest, SCHEMA, without | {"impact_j": None}, SALTS)


def test_entries_in_another_order_or_one_fewer_lead_to_another_root() -> None:
    revealed = shown(None)
    assert root_from_entries(digest, (revealed[1], revealed[0], *revealed[2:])) != ROOT
    assert root_from_entries(digest, revealed[:-1]) != ROOT


def test_a_hidden_field_cannot_be_told_from_its_value_without_the_salt() -> None:
    [hidden] = [entry for entry in shown(frozenset(set(NAMES) - {"tested"})) if isinstance(entry, Hidden)]
    guesses = {field_leaf(digest, "tested", "boolean", value, bytes(SALT_BYTES)) for value in (True, False, None)}
    assert hidden.leaf not in guesses
    assert hidden.leaf == field_leaf(digest, "tested", "boolean", True, SALTS[NAMES.index("tested")])


@given(st.integers(0, len(NAMES) - 1), st.binary(min_size=32, max_size=32))
@settings(deadline=None)
def test_another_leaf_in_a_hidden_place_leads_to_another_root(place: int, leaf: bytes) -> None:
    hidden = shown(frozenset())
    changed = (*hidden[:place], Hidden(leaf), *hidden[place + 1 :])
    assert (root_from_entries(digest, changed) == ROOT) == (changed == hidden)


@pytest.mark.parametrize("count", [len(NAMES) - 1, len(NAMES) + 1])
def test_a_salt_too_few_or_too_many_is_a_fault_of_ours(count: int) -> None:
    with pytest.raises(ValueError, match="zip"):
        content_root(digest, SCHEMA, CONTENT, [bytes(SALT_BYTES)] * count)


def test_the_root_uses_the_digest_function_of_the_chain() -> None:
    def other(data: bytes) -> bytes:
        return hashlib.blake2b(data, digest_size=32).digest()

    assert content_root(other, SCHEMA, CONTENT, SALTS) == root_from_entries(
        other, entries(other, SCHEMA, CONTENT, SALTS, frozenset({"c_pct"}))
    )
    assert content_root(other, SCHEMA, CONTENT, SALTS) != ROOT
