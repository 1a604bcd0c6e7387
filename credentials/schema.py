"""The schema of a class: which fields its certificates have, and what each may hold (docs/class-schemas.md).

A schema document is a subset of JSON Schema: one flat object, no reference, no pattern, and no keyword that is not
listed here. Its canonical form is RFC 8785; the chain keeps the SHA-256 of that. Schema order, the order of the leaves
under a content root, is the order of the names in the canonical form.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

import msgspec
import rfc8785
from msgspec import UNSET, Meta, UnsetType

from chain.errors import Malformed
from contracts.classes import FIELDS_MAX, FieldName, Label
from credentials.fields import (
    INTEGER_MAX,
    NO_DECIMAL,
    TEXT_CHARACTERS_MAX,
    Field,
    field_fault,
    value_fault,
    value_of_cell,
)
from credentials.formats import FORMATS, is_decimal, printable, text_fault

__all__ = [
    "RESERVED_COLUMNS",
    "ClassSchema",
    "Field",
    "FieldFault",
    "SchemaMalformed",
    "content_faults",
    "content_of_row",
    "parse_schema",
]

SCHEMA_BYTES_MAX: Final = 16_000
"""Of the canonical form."""
DOCUMENT_BYTES_MAX: Final = 64_000
"""Of a document as it is written, with its white space and escapes."""
RESERVED_COLUMNS: Final = ("@holder", "@valid_from", "@valid_until")
"""Columns of a CSV file that say something about the certificate and belong to no content."""

_UNKNOWN: Final = ("is no field of this class; remove it", "不是该类的字段,请删除")


class SchemaMalformed(Malformed):
    """A document that is no class schema."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassSchema:
    """A parsed schema; `fields` in schema order, `digest` the SHA-256 of `canonical`."""

    title: str
    title_zh: str
    fields: tuple[Field, ...]
    canonical: bytes
    digest: bytes


@dataclass(frozen=True, slots=True)
class FieldFault:
    """Why a content has not the form of its schema: the field, and a sentence that begins with its name."""

    field: str
    why: str
    why_zh: str


Note = Annotated[str, Meta(max_length=500)]
Length = Annotated[int, Meta(ge=0, le=TEXT_CHARACTERS_MAX)]
Integer = Annotated[int, Meta(ge=-INTEGER_MAX, le=INTEGER_MAX)]
Choices = Meta(min_length=1, max_length=256)


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A JSON object with these members only."""


class _Property(_Part, frozen=True, kw_only=True, tag_field="type"):
    title: Label
    title_zh: Label = msgspec.field(name="x-title-zh")
    description: Note | UnsetType = UNSET


class _Boolean(_Property, frozen=True, kw_only=True, tag="boolean"):
    """Says no more than that."""


class _Integer(_Property, frozen=True, kw_only=True, tag="integer"):
    minimum: Integer | UnsetType = UNSET
    maximum: Integer | UnsetType = UNSET
    enum: Annotated[tuple[Integer, ...], Choices] | UnsetType = UNSET


class _String(_Property, frozen=True, kw_only=True, tag="string"):
    format: str | UnsetType = UNSET
    min_length: Length | UnsetType = msgspec.field(name="minLength", default=UNSET)
    max_length: Length | UnsetType = msgspec.field(name="maxLength", default=UNSET)
    minimum: str | UnsetType = msgspec.field(name="x-minimum", default=UNSET)
    maximum: str | UnsetType = msgspec.field(name="x-maximum", default=UNSET)
    scale: Annotated[int, Meta(ge=0, le=18)] | UnsetType = msgspec.field(name="x-scale", default=UNSET)
    enum: Annotated[tuple[str, ...], Choices] | UnsetType = UNSET


class _Document(_Part, frozen=True, kw_only=True):
    title: Label
    title_zh: Label = msgspec.field(name="x-title-zh")
    description: Note | UnsetType = UNSET
    type: Literal["object"]
    closed: bool = msgspec.field(name="additionalProperties")
    required: Annotated[tuple[FieldName, ...], Meta(max_length=FIELDS_MAX)]
    properties: Annotated[dict[FieldName, Any], Meta(min_length=1, max_length=FIELDS_MAX)]


def parse_schema(document: bytes | Mapping[str, Any]) -> ClassSchema:
    """The schema that `document` (JSON in UTF-8, or its value) writes down; else `SchemaMalformed`."""
    try:
        value = _parse_json(document) if isinstance(document, bytes) else dict(document)
        head = msgspec.convert(value, _Document)
        forms = {name: _form(name, form) for name, form in sorted(head.properties.items())}
        canonical = rfc8785.dumps(msgspec.to_builtins(head) | {"properties": msgspec.to_builtins(forms)})
    except (msgspec.ValidationError, ValueError) as problem:
        raise _malformed("the document", str(problem)) from None
    if len(canonical) > SCHEMA_BYTES_MAX:
        raise _malformed("the document", f"its canonical form has {len(canonical)} bytes of {SCHEMA_BYTES_MAX}")
    _check_head(head)
    fields = tuple(_field(name, form, required=name in head.required) for name, form in forms.items())
    return ClassSchema(
        title=head.title,
        title_zh=head.title_zh,
        fields=fields,
        canonical=canonical,
        digest=hashlib.sha256(canonical).digest(),
    )


def content_faults(schema: ClassSchema, content: Mapping[str, Any]) -> tuple[FieldFault, ...]:
    """What is wrong with a content, unknown fields first and then in schema order; nothing if it fits."""
    names = {field.name for field in schema.fields}
    unknown = [FieldFault(printable(name), *_UNKNOWN) for name in content if name not in names]
    found = [(field.name, field_fault(field, content)) for field in schema.fields]
    return (*unknown, *(FieldFault(name, *why) for name, why in found if why is not None))


def content_of_row(schema: ClassSchema, row: Mapping[str, str]) -> dict[str, Any]:
    """The content that a row of a CSV file writes down; an empty cell is an absent field.

    A cell that does not convert stays text and a column of no field stays too, for `content_faults` to name.
    """
    types = {field.name: field.type for field in schema.fields}
    return {
        name: value_of_cell(types.get(name, "string"), cell)
        for name, cell in row.items()
        if cell and name not in RESERVED_COLUMNS
    }


_Form = _Boolean | _Integer | _String
_KEYWORDS: Final = {
    "format": "format",
    "min_length": "minLength",
    "max_length": "maxLength",
    "minimum": "minimum or x-minimum",
    "maximum": "maximum or x-maximum",
    "scale": "x-scale",
    "enum": "enum",
}
"""The members of `Field` that limit its values, and what a document calls them."""

_TAKEN: Final = {
    "boolean": (),
    "date": ("enum",),
    "decimal": ("minimum", "maximum", "scale", "enum"),
    "integer": ("minimum", "maximum", "enum"),
    "string": ("format", "min_length", "max_length", "enum"),
}
"""Which of them go with which type."""


def _parse_json(document: bytes) -> object:
    if len(document) > DOCUMENT_BYTES_MAX:
        raise _malformed("the document", f"it has {len(document)} bytes of {DOCUMENT_BYTES_MAX}")
    try:
        return json.loads(document.decode("utf-8"), object_pairs_hook=_object)
    except (ValueError, RecursionError) as problem:  # ValueError: no UTF-8, no JSON, or a number of too many digits
        raise _malformed("the document", str(problem)) from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("an object names a member twice")
    return members


def _form(name: str, form: object) -> _Form:
    try:
        read: _Form = msgspec.convert(form, _Form)
    except msgspec.ValidationError as problem:
        raise _malformed(f"property `{name}`", str(problem)) from None
    return read


def _check_head(head: _Document) -> None:
    if head.closed:
        raise _malformed("the document", "`additionalProperties` must be false")
    if len(set(head.required)) != len(head.required):
        raise _malformed("the document", "`required` names a property twice")
    for name in head.required:
        if name not in head.properties:
            raise _malformed("the document", f"`required` names `{name}`, which is no property")
    _check_texts("the document", head)


def _field(name: str, form: _Form, *, required: bool) -> Field:
    """The field of a property, whose limits leave room and whose `enum` keeps to them."""
    where = f"property `{name}`"
    _check_texts(where, form)
    limits = _limits(where, form)
    field = Field(name=name, required=required, title=form.title, title_zh=form.title_zh, **limits)
    if field.min_length > field.max_length:
        raise _malformed(where, "`minLength` is above `maxLength`")
    if field.minimum is not None and field.maximum is not None and field.minimum > field.maximum:
        raise _malformed(where, "its minimum is above its maximum")
    if len(set(field.enum)) != len(field.enum):
        raise _malformed(where, "`enum` names a value twice")
    for value in field.enum:
        why = value_fault(field, value)
        if why is not None:
            raise _malformed(where, f"the value {printable(str(value))} of its `enum` {why[0]}")
    return field


def _limits(where: str, form: _Form) -> dict[str, Any]:
    """The type of the field and the limits of its values, as members of `Field`."""
    said = {member: getattr(form, member, UNSET) for member in _KEYWORDS}
    limits = {member: value for member, value in said.items() if value is not UNSET}
    limits["type"] = _type_of(where, form, limits)
    for member in sorted(limits.keys() - {"type", *_TAKEN[limits["type"]]}):
        raise _malformed(where, f"`{_KEYWORDS[member]}` does not go with the type {limits['type']}")
    if limits["type"] == "decimal":
        limits |= {member: _decimal(where, limits[member]) for member in ("minimum", "maximum") if member in limits}
    return limits


def _type_of(where: str, form: _Form, limits: dict[str, Any]) -> str:
    if isinstance(form, _Boolean):
        return "boolean"
    if isinstance(form, _Integer):
        return "integer"
    if form.format in ("date", "decimal"):
        return str(limits.pop("format"))
    if isinstance(form.format, str) and form.format not in FORMATS:
        known = ", ".join(("date", "decimal", *FORMATS))
        raise _malformed(where, f"{printable(form.format)} is no format; known are {known}")
    return "string"


def _decimal(where: str, limit: str) -> Decimal:
    if not is_decimal(limit):
        raise _malformed(where, f"the limit {printable(limit)} {NO_DECIMAL[0]}")
    return Decimal(limit)


def _check_texts(where: str, part: _Document | _Form) -> None:
    for text in (part.title, part.title_zh, part.description):
        why = text_fault(text) if isinstance(text, str) else None
        if why is not None:
            raise _malformed(where, f"a title or description {why[0]}")


def _malformed(where: str, problem: str) -> SchemaMalformed:
    return SchemaMalformed(
        f"not a class schema: {where}: {printable(problem, 600)}; docs/class-schemas.md shows the form"
    )
