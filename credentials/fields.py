"""One field of a class, and whether a value fits it (docs/class-schemas.md)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from credentials.formats import FORMATS, Why, decimal_scale, in_range, is_date, is_decimal, text_fault

TEXT_CHARACTERS_MAX: Final = 2_000
INTEGER_MAX: Final = 2**53 - 1

_INTEGER: Final = re.compile(r"-?(0|[1-9][0-9]{0,15})")
_BOOLEANS: Final = {"true": True, "TRUE": True, "false": False, "FALSE": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a class. Lengths are in characters; `format` is a name of `FORMATS`."""

    name: str
    type: str
    """`string`, `integer`, `boolean`, `date` or `decimal`; a date and a decimal are text."""
    required: bool
    title: str
    title_zh: str
    enum: tuple[str | int, ...] = ()
    """The only values allowed; empty: any."""
    min_length: int = 0
    max_length: int = TEXT_CHARACTERS_MAX
    minimum: int | Decimal | None = None
    maximum: int | Decimal | None = None
    scale: int | None = None
    """The most digits a decimal has after its point."""
    format: str | None = None


_MISSING: Final = ("is required and missing", "为必填项,不能缺失")
_NULL: Final = ("is null; leave an absent field out", "为null,没有值的字段请省略")
_NO_BOOLEAN: Final = ("must be true or false", "须为true或false")
_NO_INTEGER: Final = ("must be a whole number of at most 53 bits", "须为不超过53位二进制的整数")
_NO_TEXT: Final = ("must be text", "须为文本")
_NO_DATE: Final = ("must be a day of the calendar as YYYY-MM-DD", "须为真实日期,格式为YYYY-MM-DD")
NO_DECIMAL: Final = (
    'must be a decimal such as "-12.50": no sign +, no exponent, no leading zero, at most 40 characters',
    '须为十进制数文本,例如"-12.50":无加号、指数、前导零,最多40个字符',
)


def field_fault(field: Field, content: Mapping[str, object]) -> Why | None:
    """Why what a content says of a field, or that it says nothing, is refused; None if it fits."""
    if field.name not in content:
        return _MISSING if field.required else None
    value = content[field.name]
    return _NULL if value is None else value_fault(field, value)


def value_fault(field: Field, value: object) -> Why | None:
    """Why the field does not take a value; None if it does."""
    why = _JUDGES[field.type](field, value)
    if why is None and field.enum and value not in field.enum:
        return _one_of(field.enum)
    return why


def _boolean_fault(_: Field, value: object) -> Why | None:
    return None if isinstance(value, bool) else _NO_BOOLEAN


def _integer_fault(field: Field, value: object) -> Why | None:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > INTEGER_MAX:
        return _NO_INTEGER
    return _range_fault(field, value)


def _string_fault(field: Field, value: object) -> Why | None:
    if not isinstance(value, str):
        return _NO_TEXT
    if not field.min_length <= len(value) <= field.max_length:
        least, most = field.min_length, field.max_length
        return (
            f"must have {least} to {most} characters, has {len(value)}",
            f"须为{least}至{most}个字符,现为{len(value)}个",
        )
    why = text_fault(value)
    if why is None and field.format is not None and not FORMATS[field.format].holds(value):
        return FORMATS[field.format].why, FORMATS[field.format].why_zh
    return why


def _date_fault(_: Field, value: object) -> Why | None:
    return None if isinstance(value, str) and is_date(value) else _NO_DATE


def _decimal_fault(field: Field, value: object) -> Why | None:
    if not isinstance(value, str) or not is_decimal(value):
        return NO_DECIMAL
    if field.scale is not None and decimal_scale(value) > field.scale:
        return (f"must have at most {field.scale} digits after the point", f"小数点后最多{field.scale}位")
    return _range_fault(field, Decimal(value))


def _range_fault(field: Field, value: int | Decimal) -> Why | None:
    if in_range(value, field.minimum, field.maximum):
        return None
    if field.minimum is None or field.maximum is None:
        limit = field.maximum if field.minimum is None else field.minimum
        en, zh = ("at most", "不大于") if field.minimum is None else ("at least", "不小于")
        return (f"must be {en} {limit}, is {value}", f"须{zh}{limit},现为{value}")
    return (
        f"must be from {field.minimum} to {field.maximum}, is {value}",
        f"须在{field.minimum}至{field.maximum}之间,现为{value}",
    )


_JUDGES: Final = {
    "boolean": _boolean_fault,
    "date": _date_fault,
    "decimal": _decimal_fault,
    "integer": _integer_fault,
    "string": _string_fault,
}


def _one_of(values: Iterable[str | int]) -> Why:
    names = [str(value) for value in values]
    listed = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    return (f"must be one of: {listed}", f"须为下列值之一:{listed}")


def value_of_cell(type_name: str, cell: str) -> str | int | bool:
    """The value that the text of a CSV cell writes down; text that does not convert stays text."""
    if type_name == "integer" and _INTEGER.fullmatch(cell) and cell != "-0":
        return int(cell)
    if type_name == "boolean":
        return _BOOLEANS.get(cell, cell)
    return cell
