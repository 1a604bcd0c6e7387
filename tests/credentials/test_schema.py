"""Class schemas: what a document may say, its canonical form, and how contents and CSV rows are judged."""

import hashlib
import json
import random
import re
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.errors import Malformed
from credentials.formats import FORMATS
from credentials.schema import (
    DOCUMENT_BYTES_MAX,
    SCHEMA_BYTES_MAX,
    ClassSchema,
    SchemaMalformed,
    content_faults,
    content_of_row,
    parse_schema,
)

TITLES = {"title": "Value", "x-title-zh": "数值"}
STRING = {"type": "string"} | TITLES
INTEGER = {"type": "integer"} | TITLES
BOOLEAN = {"type": "boolean"} | TITLES
DATE = STRING | {"format": "date"}
DECIMAL = STRING | {"format": "decimal"}


def document(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    """A schema document with these properties."""
    return {
        "title": "Mill test",
        "x-title-zh": "质量证明书",
        "type": "object",
        "additionalProperties": False,
        "required": list(required),
        "properties": properties,
    }


def one(form: dict[str, Any]) -> ClassSchema:
    """The schema with the one required field `value`."""
    return parse_schema(document(("value",), value=form))


def whys(schema: ClassSchema, content: dict[str, Any]) -> list[tuple[str, str]]:
    """The faults as (field, English sentence)."""
    faults = content_faults(schema, content)
    assert all(fault.why.isprintable() and fault.why_zh != fault.why for fault in faults)
    return [(fault.field, fault.why) for fault in faults]


FULL = document(
    ("heat_number", "c_pct"),
    heat_number=STRING | {"format": "heat-number", "description": "As stamped on the product."},
    c_pct=DECIMAL | {"x-minimum": "0.00", "x-maximum": "2.10", "x-scale": 2},
    impact_j=INTEGER | {"minimum": 1, "maximum": 450},
    product=STRING | {"enum": ["plate", "coil"]},
    tested=BOOLEAN,
    inspected_on=DATE,
    remark=STRING | {"minLength": 2, "maxLength": 10},
)


# --- documents ------------------------------------------------------------------------------------------------------


def test_a_schema_lists_its_fields_in_the_order_of_their_names() -> None:
    schema = parse_schema(FULL)
    names = [field.name for field in schema.fields]
    assert names == sorted(FULL["properties"])
    assert {field.name: field.type for field in schema.fields} == {
        "c_pct": "decimal",
        "heat_number": "string",
        "impact_j": "integer",
        "inspected_on": "date",
        "product": "string",
        "remark": "string",
        "tested": "boolean",
    }
    assert {field.name for field in schema.fields if field.required} == {"heat_number", "c_pct"}
    assert (schema.title, schema.title_zh) == ("Mill test", "质量证明书")


def test_the_canonical_form_is_rfc_8785_of_the_document_and_the_digest_is_its_sha_256() -> None:
    schema = parse_schema(FULL)
    assert schema.canonical == rfc8785.dumps(FULL)
    assert schema.digest == hashlib.sha256(schema.canonical).digest()
    assert parse_schema(schema.canonical) == schema


@given(st.randoms(use_true_random=False), st.sampled_from([None, 1, 2, 4]), st.booleans())
@settings(deadline=None, max_examples=50)
def test_white_space_escapes_and_the_order_of_members_do_not_change_a_schema(
    chance: random.Random, indent: int | None, ascii_only: bool
) -> None:
    def shuffled(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        members = [(key, shuffled(member)) for key, member in value.items()]
        chance.shuffle(members)
        return dict(members)

    text = json.dumps(shuffled(FULL), indent=indent, ensure_ascii=ascii_only)
    assert parse_schema(text.encode()) == parse_schema(FULL)


@pytest.mark.parametrize(
    ("form", "named"),
    [
        (STRING | {"pattern": "^a$"}, "pattern"),
        (STRING | {"$ref": "#/x"}, "$ref"),
        (STRING | {"default": "x"}, "default"),
        (INTEGER | {"multipleOf": 2}, "multipleOf"),
        (INTEGER | {"minLength": 2}, "minLength"),
        (INTEGER | {"format": "date"}, "format"),
        (BOOLEAN | {"enum": [True]}, "enum"),
        (STRING | {"minimum": 2}, "minimum"),
        ({"type": "number"} | TITLES, "number"),
        ({"type": ["string", "null"]} | TITLES, "type"),
        (TITLES, "type"),
        ({"type": "string", "title": "x"}, "x-title-zh"),
        ({"type": "string", "x-title-zh": "x"}, "title"),
        (STRING | {"title": ""}, "title"),
        (STRING | {"title": "x" * 81}, "title"),
        (STRING | {"description": "x" * 501}, "description"),
        (STRING | {"description": None}, "description"),
        (STRING | {"title": "a\u202eb"}, "character 2"),
        (STRING | {"description": "e\u0301"}, "character 1"),
        (STRING | {"format": "personal-id"}, "personal-id"),
        (STRING | {"format": "e-mail\u202e"}, "e-mail\\u202e"),
        (STRING | {"minLength": -1}, "minLength"),
        (STRING | {"minLength": True}, "minLength"),
        (STRING | {"maxLength": 2001}, "maxLength"),
        (STRING | {"minLength": 5, "maxLength": 4}, "minLength"),
        (STRING | {"enum": []}, "enum"),
        (STRING | {"enum": ["a", "a"]}, "enum"),
        (STRING | {"enum": ["a", 1]}, "enum"),
        (STRING | {"enum": ["e\u0301"]}, "enum"),
        (STRING | {"enum": [str(n) for n in range(257)]}, "enum"),
        (STRING | {"enum": ["abc"], "maxLength": 2}, "enum"),
        (STRING | {"enum": ["XX"], "format": "country"}, "enum"),
        (DATE | {"enum": ["2023-02-29"]}, "enum"),
        (DATE | {"minLength": 1}, "minLength"),
        (DATE | {"x-minimum": "1"}, "x-minimum"),
        (DECIMAL | {"maxLength": 9}, "maxLength"),
        (DECIMAL | {"x-minimum": "01"}, "01"),
        (DECIMAL | {"x-maximum": 3}, "x-maximum"),
        (DECIMAL | {"x-minimum": "1", "x-maximum": "0.9"}, "minimum"),
        (DECIMAL | {"x-scale": 19}, "x-scale"),
        (DECIMAL | {"x-scale": 1, "enum": ["0.25"]}, "enum"),
        (STRING | {"x-scale": 1}, "x-scale"),
        (INTEGER | {"minimum": 2, "maximum": 1}, "minimum"),
        (INTEGER | {"minimum": 0.5}, "minimum"),
        (INTEGER | {"maximum": 2**53}, "maximum"),
        (INTEGER | {"minimum": -(10**5000)}, "minimum"),
        (INTEGER | {"enum": [1, 9], "maximum": 8}, "enum"),
        (INTEGER | {"enum": [1, True]}, "enum"),
        ("string", "object"),
        (None, "object"),
        ([STRING], "object"),
    ],
)
def test_a_property_that_says_anything_else_is_refused_and_the_cause_named(form: Any, named: str) -> None:
    with pytest.raises(SchemaMalformed) as refused:
        one(form)
    assert named in str(refused.value)
    assert "property `value`" in str(refused.value)
    assert "docs/class-schemas.md" in str(refused.value)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"$schema": "https://json-schema.org/draft/2020-12/schema"}, "$schema"),
        ({"$defs": {}}, "$defs"),
        ({"type": "array"}, "array"),
        ({"additionalProperties": True}, "additionalProperties"),
        ({"additionalProperties": "false"}, "additionalProperties"),
        ({"required": ["value", "value"]}, "twice"),
        ({"required": ["other"]}, "other"),
        ({"required": ["Value"]}, "required"),
        ({"required": None}, "required"),
        ({"properties": {}}, "properties"),
        ({"properties": {f"f{n}": STRING for n in range(65)}}, "64"),
        ({"properties": {"Value": STRING}}, "properties"),
        ({"properties": {"9value": STRING}}, "properties"),
        ({"properties": {"value\n": STRING}}, "properties"),
        ({"properties": {"v" * 41: STRING}}, "properties"),
        ({"title": "a\x07"}, "character 2"),
        ({"title": 3}, "title"),
        ({"description": "\ud800"}, "UTF-8"),
        ({"\ud800": 1}, "utf-8"),
    ],
)
def test_a_document_that_says_anything_else_is_refused_and_the_cause_named(change: dict[str, Any], named: str) -> None:
    with pytest.raises(SchemaMalformed) as refused:
        parse_schema(document(value=STRING) | change)
    assert named in str(refused.value)


@pytest.mark.parametrize("member", ["title", "x-title-zh", "type", "additionalProperties", "required", "properties"])
def test_a_document_without_one_of_its_members_is_refused(member: str) -> None:
    short = document(value=STRING)
    del short[member]
    with pytest.raises(SchemaMalformed, match=member):
        parse_schema(short)


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"", "Expecting value"),
        (b"[]", "array"),
        (b"null", "null"),
        (b"{", "Expecting"),
        (b"\xff\xfe", "utf-8"),
        (b"\xef\xbb\xbf{}", "BOM"),
        (b"[" * 50_000, "recursion"),
        (b"9" * 5_000, "digits"),
        (b'{"title":"a","title":"b"}', "twice"),
        (b" " * (DOCUMENT_BYTES_MAX + 1), str(DOCUMENT_BYTES_MAX)),
    ],
)
def test_bytes_that_are_no_document_are_refused(data: bytes, named: str) -> None:
    with pytest.raises(SchemaMalformed, match=named):
        parse_schema(data)


def test_a_schema_whose_canonical_form_is_too_long_is_refused() -> None:
    def padded(length: int) -> dict[str, Any]:
        spare = {f"f{n}": STRING | {"description": "x" * 500} for n in range(27)}
        return document((), last=STRING | {"description": "x" * length}, **spare)

    short = SCHEMA_BYTES_MAX - len(rfc8785.dumps(padded(0)))
    assert 0 < short < 500
    assert len(parse_schema(padded(short)).canonical) == SCHEMA_BYTES_MAX
    with pytest.raises(SchemaMalformed, match=str(SCHEMA_BYTES_MAX)):
        parse_schema(padded(short + 1))


def test_sixty_four_fields_are_allowed() -> None:
    assert len(parse_schema(document((), **{f"f{n}": BOOLEAN for n in range(64)})).fields) == 64


def test_a_refusal_is_a_malformed_input_of_the_chain() -> None:
    with pytest.raises(Malformed):
        parse_schema({})


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@given(st.binary(max_size=60))
@settings(deadline=None)
def test_any_bytes_are_refused_or_parsed(data: bytes) -> None:
    with pytest.raises(SchemaMalformed):
        parse_schema(data)


@given(st.sampled_from(sorted({*document(), "value"})), JSON_VALUES)
@settings(deadline=None, max_examples=200)
def test_any_value_in_any_place_of_a_document_is_refused_or_parsed(member: str, value: Any) -> None:
    changed = document(value=value) if member == "value" else document(value=STRING) | {member: value}
    sentence = ""
    try:
        schema: ClassSchema | None = parse_schema(changed)
    except SchemaMalformed as refused:
        schema, sentence = None, str(refused)
    assert sentence.isprintable()
    assert schema is None or parse_schema(schema.canonical) == schema


# --- the page -------------------------------------------------------------------------------------------------------

PAGE = (Path(__file__).parents[2] / "docs" / "class-schemas.md").read_text("utf-8")


def test_the_example_of_the_page_is_a_schema_with_all_five_types() -> None:
    [example] = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    types = {field.type for field in parse_schema(example.encode()).fields}
    assert types == {"string", "integer", "boolean", "date", "decimal"}


def test_the_page_lists_every_named_format() -> None:
    table = PAGE.split("## Named formats")[1].split("##")[0]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert sorted(re.findall(r"`([a-z0-9-]+)`", " ".join(cells))) == sorted(FORMATS)


# --- contents -------------------------------------------------------------------------------------------------------

SOUND = {
    "heat_number": "24P103086",
    "c_pct": "0.16",
    "impact_j": 112,
    "product": "plate",
    "tested": False,
    "inspected_on": "2024-03-04",
    "remark": "合格品",
}


def test_a_sound_content_has_no_fault_with_or_without_its_optional_fields() -> None:
    schema = parse_schema(FULL)
    assert content_faults(schema, SOUND) == ()
    assert content_faults(schema, {name: SOUND[name] for name in ("heat_number", "c_pct")}) == ()


@pytest.mark.parametrize(
    ("field", "value", "cause"),
    [
        ("heat_number", "24p103086", "heat number"),
        ("heat_number", 24, "text"),
        ("heat_number", None, "null"),
        ("c_pct", "2.11", "from 0.00 to 2.10"),
        ("c_pct", "-0.01", "from 0.00 to 2.10"),
        ("c_pct", "0.165", "2 digits after the point"),
        ("c_pct", "00.16", "decimal"),
        ("c_pct", 0.16, "decimal"),
        ("c_pct", 1, "decimal"),
        ("impact_j", 0, "from 1 to 450"),
        ("impact_j", 451, "from 1 to 450"),
        ("impact_j", True, "whole number"),
        ("impact_j", 112.0, "whole number"),
        ("impact_j", "112", "whole number"),
        ("impact_j", 2**53, "53 bits"),
        pytest.param("impact_j", 10**5000, "53 bits", id="an integer too long to print"),
        ("impact_j", None, "null"),
        ("product", "pipe", "one of: plate, coil"),
        ("product", ["plate"], "text"),
        ("tested", 1, "true or false"),
        ("tested", "false", "true or false"),
        ("tested", 0, "true or false"),
        ("inspected_on", "2024-02-30", "day of the calendar"),
        ("inspected_on", "04.03.2024", "day of the calendar"),
        ("inspected_on", 20240304, "day of the calendar"),
        ("remark", "x", "2 to 10 characters, has 1"),
        ("remark", "x" * 11, "2 to 10 characters, has 11"),
        ("remark", "good\u202e", "character 5"),
        ("remark", "e\u0301e\u0301", "character 1"),
        ("remark", {}, "text"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_and_its_field_named(field: str, value: Any, cause: str) -> None:
    [(named, why)] = whys(parse_schema(FULL), SOUND | {field: value})
    assert named == field
    assert cause in why


def test_a_missing_required_field_and_an_unknown_field_are_named() -> None:
    faults = whys(parse_schema(FULL), {"heat_number": "24P103086", "weight\u202e": 1, "Heat_number": "x"})
    assert [field for field, _ in faults] == ["weight\\u202e", "Heat_number", "c_pct"]
    assert "no field of this class" in faults[0][1]
    assert "missing" in faults[2][1]


def test_every_faulty_field_is_named_once_in_schema_order() -> None:
    faults = whys(parse_schema(FULL), dict.fromkeys(SOUND))
    assert [field for field, _ in faults] == sorted(SOUND)


@pytest.mark.parametrize(
    ("form", "fits", "fails", "cause"),
    [
        (INTEGER | {"minimum": 3}, [3, 2**53 - 1], [2], "at least 3, is 2"),
        (INTEGER | {"maximum": -3}, [-3, -(2**53) + 1], [-2], "at most -3, is -2"),
        (INTEGER, [0, -(2**53) + 1], [-(2**53)], "53 bits"),
        (INTEGER | {"enum": [1, 3]}, [1, 3], [2], "one of: 1, 3"),
        (DECIMAL | {"x-minimum": "-1.5"}, ["-1.5", "-1.500", "9" * 40], ["-1.6"], "at least -1.5, is -1.6"),
        (DECIMAL | {"x-maximum": "0.30"}, ["0.3", "0.300", "-5"], ["0.31"], "at most 0.30, is 0.31"),
        (DECIMAL | {"x-scale": 0}, ["0", "-12"], ["0.0"], "0 digits after the point"),
        (DECIMAL | {"enum": ["0.5", "0.50"]}, ["0.50"], ["0.500"], "one of"),
        (DATE | {"enum": ["2024-02-29"]}, ["2024-02-29"], ["2024-02-28"], "one of"),
        (STRING | {"enum": [str(n) for n in range(20)]}, ["19"], ["20"], "10, 11, ..."),
        (STRING, ["", "x" * 2000], ["x" * 2001], "0 to 2000 characters, has 2001"),
        (STRING | {"maxLength": 2}, ["钢铁", "👍👍"], ["钢铁厂"], "has 3"),
        (STRING | {"format": "country", "maxLength": 2}, ["CN"], ["XX"], "ISO 3166-1"),
    ],
)
def test_a_limit_takes_its_own_value_and_refuses_the_next(
    form: dict[str, Any], fits: list[Any], fails: list[Any], cause: str
) -> None:
    schema = one(form)
    for value in fits:
        assert content_faults(schema, {"value": value}) == ()
    for value in fails:
        [(_, why)] = whys(schema, {"value": value})
        assert cause in why


@given(st.dictionaries(st.sampled_from(sorted(SOUND)) | st.text(st.characters(codec=None), max_size=8), JSON_VALUES))
@settings(deadline=None, max_examples=300)
def test_any_content_is_judged_and_a_content_without_fault_is_typed(content: dict[str, Any]) -> None:
    schema = parse_schema(FULL)
    faults = content_faults(schema, content)
    for fault in faults:
        assert (fault.field + fault.why + fault.why_zh).encode("utf-8")
    if not faults:
        assert all(type(content[name]) is type(SOUND[name]) for name in content)


# --- rows of CSV files ----------------------------------------------------------------------------------------------


def test_the_cells_of_a_row_become_typed_values() -> None:
    row = {name: str(value) for name, value in SOUND.items()} | {"tested": "false"}
    assert content_of_row(parse_schema(FULL), row) == SOUND


def test_an_empty_cell_is_an_absent_field() -> None:
    schema = parse_schema(FULL)
    content = content_of_row(schema, {"heat_number": "", "c_pct": "0.16", "impact_j": "", "tested": ""})
    assert content == {"c_pct": "0.16"}
    assert whys(schema, content) == [("heat_number", "is required and missing")]


def test_the_reserved_columns_are_no_content() -> None:
    row = {"@holder": "x", "@valid_from": "2024-01-01", "@valid_until": "2034-01-01", "tested": "true"}
    assert content_of_row(parse_schema(FULL), row) == {"tested": True}


def test_a_column_of_no_field_stays_for_the_fault_to_name() -> None:
    schema = one(STRING)
    content = content_of_row(schema, {"value": "x", "colour": "red", "@issuer": "y"})
    assert [field for field, _ in whys(schema, content)] == ["colour", "@issuer"]


@given(st.dictionaries(st.sampled_from(sorted(SOUND)), st.text(max_size=12)))
@settings(deadline=None)
def test_any_row_is_read_and_judged(row: dict[str, str]) -> None:
    schema = parse_schema(FULL)
    for fault in content_faults(schema, content_of_row(schema, row)):
        assert fault.field in SOUND
