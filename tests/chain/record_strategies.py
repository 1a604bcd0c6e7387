"""Any value of any record, drawn from what the record itself says of its fields."""

import importlib
import pkgutil
from functools import cache
from types import ModuleType
from typing import Any, Final

import msgspec
from hypothesis import strategies as st

from chain.codec import Record

ITEMS_MAX: Final = 3
texts = st.text(st.characters(exclude_categories=["Cs"]))
"""Text without lone surrogates, which no UTF-8 has."""
values = st.lists(
    st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | texts
    | st.binary(max_size=40)
    | st.lists(st.binary(max_size=40), max_size=ITEMS_MAX).map(tuple),
    max_size=8,
).map(tuple)


def records_of(*packages: ModuleType) -> list[type[Record]]:
    """Every record that the modules of `packages` define, by name."""
    names = {package.__name__ for package in packages}
    for package in packages:
        for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    found = {record for record in _below(Record) if record.__module__.split(".")[0] in names}
    return sorted(found, key=lambda record: (record.__module__, record.__name__))


@cache
def any_of(record: type[Record]) -> st.SearchStrategy[Any]:
    """Any value of `record`."""
    return of_type(msgspec.inspect.type_info(record))


def of_type(info: Any) -> st.SearchStrategy[Any]:
    """Any value of a type as msgspec describes it."""
    match info:
        case msgspec.inspect.StructType():
            fields = {field.name: _of_field(field) for field in info.fields}
            return st.builds(info.cls, **fields)
        case msgspec.inspect.IntType():
            low = info.gt + 1 if info.gt is not None else info.ge
            high = info.lt - 1 if info.lt is not None else info.le
            return st.integers(-(2**63) if low is None else low, 2**64 - 1 if high is None else high)
        case msgspec.inspect.BytesType():
            return st.binary(min_size=info.min_length or 0, max_size=_cap(info.max_length, 100))
        case msgspec.inspect.StrType():
            return _text(info)
        case msgspec.inspect.VarTupleType():
            length = info.min_length or 0
            items = st.lists(of_type(info.item_type), min_size=length, max_size=max(length, ITEMS_MAX))
            return items.map(tuple)
        case msgspec.inspect.TupleType():
            return st.tuples(*(of_type(part) for part in info.item_types))
        case msgspec.inspect.UnionType():
            return st.one_of(*(of_type(part) for part in info.types))
        case msgspec.inspect.LiteralType():
            return st.sampled_from(info.values)
        case msgspec.inspect.BoolType():
            return st.booleans()
        case msgspec.inspect.NoneType():
            return st.none()
    raise AssertionError(f"no record may hold {info}")


def _of_field(field: Any) -> st.SearchStrategy[Any]:
    return values if holds_values(field) else of_type(field.type)


def holds_values(field: Any) -> bool:
    """Whether a field is one of `chain.transaction.Values`, whose items the record itself checks."""
    return isinstance(field.type, msgspec.inspect.VarTupleType) and field.type.item_type == msgspec.inspect.AnyType()


def _text(info: Any) -> st.SearchStrategy[str]:
    if info.pattern is not None:
        return st.from_regex(info.pattern, fullmatch=True)
    characters = st.characters(exclude_categories=["Cs"])
    return st.text(characters, min_size=info.min_length or 0, max_size=_cap(info.max_length, 40))


def _cap(limit: int | None, most: int) -> int:
    return most if limit is None else min(limit, most)


def _below(record: type[Record]) -> set[type[Record]]:
    below = set(record.__subclasses__())
    return below.union(*(_below(child) for child in below))
