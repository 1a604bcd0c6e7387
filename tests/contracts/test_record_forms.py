"""Fields, order, types and limits of every record, as they are written down: a limit that moves splits the replicas.

After a deliberate change of a format, `python -m tests.contracts.test_record_forms` writes the file anew.
"""

import importlib
import json
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

import chain
import contracts
from chain.genesis import GenesisDocument
from chain.profile import ChainProfile
from contracts.registry import METHODS
from tests.chain.record_strategies import records_of

FILE: Final = Path(__file__).parents[1] / "vectors" / "record_forms.json"
LIMITS: Final = {
    "chain.block": ["HEADER_VERSION"],
    "chain.evidence": ["EVIDENCE_HEIGHTS"],
    "chain.framing": ["FRAME_BYTES_MAX", "PROTOCOL_VERSION"],
    "chain.genesis": ["GENESIS_BYTES_MAX"],
    "chain.state": ["BUCKET_ENTRIES_MAX", "DEPTH_MAX"],
    "chain.transaction": ["TRANSACTION_WINDOW_MS"],
    "contracts.charge": ["FEN_MAX"],
    "contracts.classes": ["REBIND_WAIT_MS"],
    "contracts.keys": ["CLASS_BYTES", "CONTRACT_BYTES"],
    "contracts.membership": ["EFFECT_HEIGHTS_MAX", "EFFECT_HEIGHTS_MIN", "MEMBERSHIPS_MAX"],
    "contracts.meta": ["DEADLINE_MS_MAX"],
    "contracts.purses": ["STEPS_PER_FEN"],
    "contracts.signatories": ["DEADLINE_MS_MAX"],
}
"""What decides beside the forms themselves."""
Forms = dict[str, dict[str, Any]]


def form_of(info: Any) -> str:
    """A type in one line: its kind and its limits."""
    match info:
        case msgspec.inspect.IntType():
            return f"integer {info.ge}..{info.le if info.lt is None else info.lt - 1}"
        case msgspec.inspect.BytesType():
            return f"bytes {info.min_length or 0}..{info.max_length}"
        case msgspec.inspect.StrType():
            return f"text {info.min_length or 0}..{info.max_length} {info.pattern or ''}".rstrip()
        case msgspec.inspect.VarTupleType():
            return f"list {info.min_length or 0}..{info.max_length} of ({form_of(info.item_type)})"
        case msgspec.inspect.TupleType():
            return " then ".join(f"({form_of(part)})" for part in info.item_types)
        case msgspec.inspect.UnionType():
            return " or ".join(form_of(part) for part in info.types)
        case msgspec.inspect.DictType():
            return f"map of ({form_of(info.key_type)}) to ({form_of(info.value_type)})"
        case msgspec.inspect.StructType():
            return str(info.cls.__name__)
        case msgspec.inspect.LiteralType():
            return f"one of {list(info.values)}"
        case msgspec.inspect.EnumType():
            return f"one of {[member.value for member in info.cls]}"
        case msgspec.inspect.BoolType() | msgspec.inspect.NoneType() | msgspec.inspect.AnyType():
            return type(info).__name__.removesuffix("Type").lower()
    raise AssertionError(info)


def fields_of(record: type[msgspec.Struct]) -> dict[str, str]:
    info = msgspec.inspect.type_info(record)
    assert isinstance(info, msgspec.inspect.StructType)
    tag = {} if info.tag is None else {"(tag)": str(info.tag)}
    return tag | {field.name: form_of(field.type) for field in info.fields}


def nested_structs(info: Any) -> list[type[msgspec.Struct]]:
    """A struct and all below it, once each."""
    found = [info.cls]
    for field in info.fields:
        item = getattr(field.type, "item_type", None)
        if isinstance(item, msgspec.inspect.StructType):
            found += nested_structs(item)
    return found


def forms() -> Forms:
    """Every record of both floors, the genesis document, the profile, the limits beside them, and what calls cost."""
    structs: list[type[msgspec.Struct]] = [
        *records_of(chain, contracts),
        *nested_structs(msgspec.inspect.type_info(GenesisDocument)),
        ChainProfile,
    ]
    limits = {
        f"{module}.{name}": getattr(importlib.import_module(module), name)
        for module, names in LIMITS.items()
        for name in names
    }
    records = {f"{struct.__module__}.{struct.__name__}": fields_of(struct) for struct in structs}
    return records | {"limits": limits, "prices": prices()}


def prices() -> dict[str, Any]:
    """The steps of gas of every method that has a price: for the call, and for each certificate."""
    priced = {".".join(place): method.price for place, method in METHODS.items() if method.price is not None}
    return {place: [price.steps, price.steps_each] for place, price in sorted(priced.items())}


WRITTEN: Forms = json.loads(FILE.read_text("utf-8")) if FILE.exists() else {}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_form_is_as_it_was_written_down(name: str) -> None:
    now = forms()[name]
    assert list(now.items()) == list(WRITTEN[name].items())


def test_no_record_is_new_or_missing() -> None:
    assert set(forms()) == set(WRITTEN)
    assert len(WRITTEN) > 40


if __name__ == "__main__":
    FILE.write_text(json.dumps(forms(), indent=1, ensure_ascii=False) + "\n", "utf-8")
