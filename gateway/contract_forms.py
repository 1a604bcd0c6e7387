"""What the contracts offer, as JSON for people and clients: methods with their checks, reads, and one example of each.

Made from the methods themselves (docs/contracts.md), so it cannot drift.
"""

from functools import cache
from typing import Any, Final

import msgspec
from msgspec import Struct, inspect

from chain.codec import Record, encode
from chain.ids import Address, Did, TokenId
from contracts.interface import Method
from contracts.registry import METHODS, VIEWS
from gateway.arguments import EVIDENCE

Json = dict[str, Any]
HOLDER: Final = "iaa1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqxpqw9v"
"""An address as wenchang writes it: examples are of that chain."""
_WRITTEN: Final = (
    (inspect.type_info(Address), ("address, as the chain writes it", HOLDER)),
    (inspect.type_info(Did), ("DID", "did:bsn:9d4f1c1a0e6d2b1f7c5e3a8b6d0c4f2e1a7b9c3d")),
    (inspect.type_info(TokenId), ("token id, as the chain writes it", "12345")),
)
_TEXTS: Final = {
    "class_id": "diploma",
    "contract": "ddc721",
    "endpoint": "https://certificates.example/verify",
    "home": "wenchang",
    "interface": "80ac58cd",
    "method": "mint",
    "name": "batch",
    "reason": "issued-in-error",
    "service": "verify",
    "value": "A-17",
    "fields": "degree",
}
"""Texts that must be of a form, by the member's name."""


@cache
def catalogue() -> Json:
    """Every contract with its methods and reads."""
    contracts: dict[str, Json] = {}
    for (contract, name), method in METHODS.items():
        _entry(contracts, contract)["methods"].append(method_form(name, method))
    for (contract, name), view in VIEWS.items():
        _entry(contracts, contract)["reads"].append(
            {"read": name, "arguments": _members(view.arguments), "example": example_of(view.arguments)}
        )
    return {"contracts": list(contracts.values())}


def method_form(name: str, method: Method) -> Json:
    """A method: who may call it, its checks in order, what it does and tells, what it costs, what it takes."""
    price = method.price
    roles = next((check.roles for check in method.checks if check.roles is not None), None)
    return {
        "method": name,
        "callers": None if roles is None else [role.name.lower().replace("_", "-") for role in sorted(roles)],
        "callers_listed": any(check.listed for check in method.checks if check.roles is not None),
        "checks": [{"says": check.says, "codes": list(check.codes)} for check in method.checks],
        "effect": " ".join((method.effect.__doc__ or "").split("\n\n")[0].split()),
        "events": list(method.events),
        "gas_steps": None if price is None else {"once": price.steps, "each": price.steps_each},
        "arguments": {} if method.arguments is None else _members(method.arguments),
        "example": {"arguments": {} if method.arguments is None else example_of(method.arguments)},
    }


def method_examples() -> dict[str, Json]:
    """For OpenAPI: an example body of every method, by its name."""
    return {
        f"{contract}.{name}": {
            "summary": f"{contract}.{name}",
            "value": {"arguments": {} if method.arguments is None else example_of(method.arguments)},
        }
        for (contract, name), method in METHODS.items()
    }


@cache
def example_of(record: type[Record]) -> Json:
    """Arguments in form, as a client writes them."""
    example: Json = _example("", inspect.type_info(record))
    return example


def _entry(contracts: dict[str, Json], contract: str) -> Json:
    return contracts.setdefault(contract, {"contract": contract, "methods": [], "reads": []})


def _members(record: type[Struct]) -> Json:
    form = inspect.type_info(record)
    assert isinstance(form, inspect.StructType)
    return {field.name: _words(field.type) for field in form.fields}


def _words(expected: inspect.Type) -> Any:
    """How a member is written."""
    known = _written(expected)
    match expected:
        case _ if known is not None:
            return known[0]
        case inspect.UnionType(types=types):
            parts = [_words(option) for option in types if not isinstance(option, inspect.NoneType)]
            nullable = len(parts) < len(types)
            return {"one of": parts} if len(parts) > 1 else {"or null": parts[0]} if nullable else parts[0]
        case inspect.VarTupleType(item_type=item, max_length=high):
            return {"list of": _words(item), "at most": high}
        case inspect.TupleType(item_types=items):
            return [_words(item) for item in items]
        case inspect.StructType(cls=record):
            return _members(record)
    return _plain_words(expected)


def _plain_words(expected: inspect.Type) -> str:
    match expected:
        case inspect.BytesType(min_length=low, max_length=high):
            return f"hex, {high} bytes" if low == high else f"hex, at most {high} bytes"
        case inspect.IntType(ge=low, le=high, lt=under):
            return f"integer from {low or 0} to {high if under is None else under - 1}"
        case inspect.StrType(max_length=high, pattern=pattern):
            return f"text of the form {pattern}" if pattern else f"text of at most {high} characters"
        case inspect.LiteralType(values=values):
            return f"one of {', '.join(map(str, values))}"
    assert isinstance(expected, inspect.BoolType), f"no words for {expected}"
    return "true or false"


def _example(name: str, expected: inspect.Type) -> Any:
    known = _written(expected)
    match expected:
        case _ if known is not None:
            return known[1]
        case inspect.UnionType(types=types):
            return _example(name, next(option for option in types if not isinstance(option, inspect.NoneType)))
        case inspect.VarTupleType(item_type=item, min_length=low):
            return [_example(name, item)] * (low or 1)
        case inspect.TupleType(item_types=items):
            return [_example(name, item) for item in items]
        case inspect.StructType(fields=fields, tag=tag):
            members = {field.name: _example(field.name, field.type) for field in fields}
            return members if tag is None else {"kind": tag} | members
    return _plain_example(name, expected)


def _raw(name: str, expected: inspect.Type) -> Any:
    """What a record in form is made of; nothing where there may be nothing."""
    match expected:
        case inspect.UnionType(types=types):
            nothing = any(isinstance(option, inspect.NoneType) for option in types)
            return None if nothing else _raw(name, types[0])
        case inspect.VarTupleType(item_type=item, min_length=low):
            return [_raw(name, item)] * (low or 0)
        case inspect.StructType(fields=fields, tag=tag):
            members = [_raw(field.name, field.type) for field in fields]
            return members if tag is None else [tag, *members]
        case inspect.BytesType(min_length=low):
            return b"\x5e" * (low or 0)
        case inspect.LiteralType(values=(first, *_)):
            return first
    return _plain_example(name, expected)


def _plain_example(name: str, expected: inspect.Type) -> bool | int | str:
    match expected:
        case inspect.BytesType(min_length=low):
            return "5e" * (low or 2)
        case inspect.IntType(ge=low):
            return low or 1
        case inspect.StrType():
            return _TEXTS.get(name, "text")
        case inspect.LiteralType(values=(str() | int() as first, *_)):
            return first
    return True


def _written(expected: inspect.Type) -> tuple[str, str] | None:
    """How what a chain writes in its own way, or what is shown as it came, is written, and an example of it."""
    if isinstance(expected, inspect.StructType) and expected.cls in EVIDENCE:
        example = encode(msgspec.convert(_raw("", expected), expected.cls)).hex()
        return f"hex, the canonical bytes of a {expected.cls.__name__}", example
    return next((shown for kind, shown in _WRITTEN if expected == kind), None)
