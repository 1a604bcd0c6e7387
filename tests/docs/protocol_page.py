"""docs/protocol.md as the tests read it: clauses, record tables, worked examples; and record types in its words."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from msgspec import inspect

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "protocol.md"
WIDTH: Final = 96

_CLAUSE: Final = re.compile(r"^##+ (\d+(?:\.\d+)?)\.? ", re.MULTILINE)
_TITLE: Final = re.compile(r"\*\*(?:Record|Object) `(\w+)`\*\*(?: · tag (\d+))?")
_EXAMPLE: Final = re.compile(r"^```example (\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ROW: Final = re.compile(r"\| `(\w+)` \| (.*?) \| (.*)\|")
_PATTERNS: Final = {
    r"[a-z0-9][a-z0-9-]{1,30}[a-z0-9]": "class id",
    r"[a-z][A-Za-z0-9]{0,39}": "name",
    r"([0-9a-f]{2})*": "hex",
    r"([0-9a-f]{2}){32,65}": "32 to 65 bytes hex",
    r"[0-9a-f]{40}": "20 bytes hex",
    r"[0-9a-f]{64}": "32 bytes hex",
    r"[0-9a-f]{66}": "33 bytes hex",
    r"[0-9a-f]{128}": "64 bytes hex",
}


@dataclass(frozen=True, slots=True)
class Table:
    """One record's table: (field, type) in order, and its tag if it has one."""

    tag: int | None
    fields: tuple[tuple[str, str], ...]


def clauses(page: str) -> frozenset[str]:
    """Every clause number that the page has: `6`, `6.2`."""
    return frozenset(_CLAUSE.findall(page))


def section(page: str, number: str) -> str:
    """The text of one clause, its sub-clauses included."""
    level = "##" if "." not in number else "###"
    start = re.search(rf"^{level} {re.escape(number)}\.? ", page, re.MULTILINE)
    assert start is not None
    rest = page[start.end() :]
    end = re.search(r"^## " if level == "##" else r"^##+ ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def tables(page: str) -> dict[str, Table]:
    """The tables of records and objects by name."""
    found = {}
    for title in _TITLE.finditer(page):
        rows = page[title.end() :].lstrip("\n").split("\n\n")[0].splitlines()
        fields = tuple((row[1], row[2]) for row in map(_ROW.fullmatch, rows) if row is not None)
        found[title[1]] = Table(int(title[2]) if title[2] else None, fields)
    return found


def with_types(page: str, types: dict[str, tuple[tuple[str, str], ...]]) -> str:
    """The page with the type column of every table as `types` has it."""
    parts, end = [], 0
    for title in _TITLE.finditer(page):
        stop = page.find("\n\n", title.end() + 2)
        parts += [page[end : title.end()], _typed(page[title.end() : stop], dict(types.get(title[1], ())))]
        end = stop
    return "".join([*parts, page[end:]])


def _typed(rows: str, types: dict[str, str]) -> str:
    return _ROW.sub(lambda row: f"| `{row[1]}` | {types.get(row[1], row[2])} | {row[3]}|", rows)


def examples(page: str) -> dict[str, dict[str, str]]:
    """Example -> label -> value."""
    found: dict[str, dict[str, str]] = {}
    for name, body in _EXAMPLE.findall(page):
        values: dict[str, str] = {}
        label = ""
        for line in body.splitlines():
            if line.startswith("  "):
                values[label] += line[2:]
            else:
                label = line
                values[label] = ""
        found[name] = values
    return found


def with_examples(page: str, values: dict[str, dict[str, str]]) -> str:
    """The page with the body of every example as `values` has it."""
    return _EXAMPLE.sub(lambda match: f"```example {match[1]}\n{_body(values[match[1]])}```", page)


def fields_of(record: type) -> tuple[tuple[str, str], ...]:
    """A record's fields with their types in the words of the page (1.3)."""
    info = inspect.type_info(record)
    assert isinstance(info, inspect.StructType)
    return tuple((field.encode_name, _words(field.type)) for field in info.fields)


def _body(values: dict[str, str]) -> str:
    return "".join(f"{label}\n" + "".join(f"  {line}\n" for line in _lines(value)) for label, value in values.items())


def _lines(value: str) -> Iterator[str]:
    """Pieces of at most WIDTH characters; none begins or ends with a space."""
    while value:
        cut = WIDTH
        while " " in value[cut - 1 : cut + 1]:
            cut -= 1
        yield value[:cut]
        value = value[cut:]


def _words(kind: inspect.Type) -> str:
    match kind:
        case inspect.IntType():
            return _integer(kind)
        case inspect.StrType() | inspect.BytesType():
            return _text(kind)
        case inspect.VarTupleType(item_type=item):
            length = _length(kind)
            if isinstance(item, inspect.AnyType):
                return "values"
            return f"list{length}{',' if length.startswith(',') else ''} of {_words(item)}"
        case inspect.TupleType(item_types=items):
            return f"({', '.join(map(_words, items))})"
        case inspect.DictType(key_type=key, value_type=value):
            return f"{_words(key)} → {_words(value)}"
        case inspect.StructType(cls=record):
            return f"`{record.__name__}`"
        case inspect.LiteralType(values=values):
            return ", ".join(f"`{value}`" for value in sorted(values))
        case inspect.EnumType(cls=names):
            return ", ".join(f"`{name.value}`" for name in names)
        case inspect.UnionType(types=kinds):
            return _union(kinds)
        case inspect.BoolType():
            return "boolean"
    raise AssertionError(f"the page has no words for {kind}")


def _union(kinds: tuple[inspect.Type, ...]) -> str:
    some = [_words(kind) for kind in kinds if not isinstance(kind, inspect.NoneType)]
    return " or ".join(some) + ("?" if len(some) < len(kinds) else "")


def _integer(kind: inspect.IntType) -> str:
    least = kind.ge if kind.ge is not None or kind.gt is None else kind.gt + 1
    most = kind.le if kind.le is not None or kind.lt is None else kind.lt - 1
    if (least, most) == (0, 2**53 - 1):
        return "natural"
    if most in (None, 2**53 - 1):
        return "integer" if least is None else f"integer ≥ {least:,}"
    return f"{least:,} to {most:,}"


def _text(kind: Any) -> str:
    name = "text" if isinstance(kind, inspect.StrType) else "bytes"
    pattern = getattr(kind, "pattern", None)
    if pattern is not None:
        pattern = pattern.removeprefix(r"\A").removesuffix(r"\Z")
        return _PATTERNS.get(pattern, f"text `{pattern}`")
    if name == "bytes" and kind.min_length is not None and kind.min_length == kind.max_length:
        return f"{kind.min_length} bytes"
    return name + _length(kind)


def _length(kind: Any) -> str:
    if kind.min_length is not None and kind.max_length is not None:
        return f", {kind.min_length:,} to {kind.max_length:,}"
    if kind.max_length is not None:
        return f" ≤ {kind.max_length:,}"
    return "" if kind.min_length is None else f" ≥ {kind.min_length:,}"
