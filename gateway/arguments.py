"""Calls as people write and read them: JSON with addresses and token ids in the chain's own form, other bytes in hex.

The record that a method takes says what each member is; its name says how bytes are written.
"""

from functools import lru_cache
from typing import Any, Final

import msgspec
from msgspec import inspect

from chain.codec import CodecMalformed, Record, decode
from chain.errors import AddressMalformed, ChainError
from chain.rules import ChainRules
from chain.transaction import NOBODY, Transaction
from chain.universal_id import format_token, parse_token
from contracts.registry import METHODS

_ADDRESSES: Final = frozenset({"address", "holder", "sender"})
_TOKENS: Final = frozenset({"token"})
_KIND: Final = "kind"
"""The member that holds the tag of a record which stands beside others."""


class ArgumentsMalformed(ChainError):
    """JSON that is not what the method takes."""


def read_arguments(rules: ChainRules, contract: str, method: str, given: dict[str, Any]) -> Record | None:
    """The arguments of `contract.method` from JSON; None for a method that refuses whatever it is given."""
    found = METHODS.get((contract, method))
    if found is None:
        raise ArgumentsMalformed(f"there is no method {contract[:40]}.{method[:40]}")
    if found.arguments is None:
        return None
    try:
        form = _form(found.arguments)
        return msgspec.convert(_read(rules, given, form), found.arguments, from_attributes=False)
    except (msgspec.ValidationError, ValueError, TypeError, ChainError) as problem:
        raise ArgumentsMalformed(f"{contract}.{method} does not take these arguments: {problem}") from None


def show_transaction(rules: ChainRules, transaction: Transaction) -> dict[str, Any]:
    """A transaction as its sender should see it before signing: decoded from its bytes."""
    return {
        "chain": transaction.chain_id,
        "sender": "nobody" if transaction.sender == NOBODY else show_bytes(rules, "sender", transaction.sender),
        "nonce": transaction.nonce.hex(),
        "valid_until": transaction.valid_until,
        "contract": transaction.contract,
        "method": transaction.method,
        "arguments": show_arguments(rules, transaction),
    }


def show_arguments(rules: ChainRules, transaction: Transaction) -> Any:
    """The arguments of a call as JSON; hex if they are not what the method takes."""
    data = bytes(transaction.arguments)
    method = METHODS.get((transaction.contract, transaction.method))
    if method is None or method.arguments is None:
        return data.hex()
    try:
        return _show(rules, "", decode(data, method.arguments))
    except CodecMalformed:
        return data.hex()


def show_bytes(rules: ChainRules, name: str, value: bytes) -> str:
    """Bytes as the chain writes what `name` says they are."""
    if name in _ADDRESSES:
        try:
            return rules.addresses.format(value)
        except AddressMalformed:
            return value.hex()
    if name in _TOKENS and len(value) == 16:
        return format_token(rules.profile.token_id_style, value)
    return value.hex()


def _read(rules: ChainRules, given: Any, expected: inspect.StructType) -> list[Any]:
    """A JSON object as an array in the order of the record's fields, after the record's tag; texts of bytes as bytes."""
    if not isinstance(given, dict):
        raise ArgumentsMalformed("arguments are a JSON object with the record's members")
    names = {field.name for field in expected.fields} | ({_KIND} if expected.tag is not None else set())
    unknown = set(given) - names
    if unknown:
        raise ArgumentsMalformed(f"there is no member {min(unknown)[:60]!r}")
    members = [_read_member(rules, field.name, given.get(field.name), field.type) for field in expected.fields]
    return members if expected.tag is None else [expected.tag, *members]


def _read_member(rules: ChainRules, name: str, value: Any, expected: inspect.Type) -> Any:
    """A member as `msgspec.convert` takes it; what is not of its type is left as it is, to be refused there."""
    options = expected.types if isinstance(expected, inspect.UnionType) else (expected,)
    for option in options:
        match option:
            case inspect.BytesType() if isinstance(value, str):
                return _read_bytes(rules, name, value)
            case inspect.VarTupleType(item_type=item) if isinstance(value, list):
                return [_read_member(rules, name, part, item) for part in value]
            case inspect.StructType(tag=tag) if isinstance(value, dict) and tag in (None, value.get(_KIND)):
                return _read(rules, value, option)
    return value


def _read_bytes(rules: ChainRules, name: str, text: str) -> bytes:
    if name in _ADDRESSES:
        return rules.addresses.parse(text)
    if name in _TOKENS:
        return parse_token(rules.profile.token_id_style, text)
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise ArgumentsMalformed(f"{name} is written in hex") from None


def _show(rules: ChainRules, name: str, value: Any) -> Any:
    if isinstance(value, bytes):
        return show_bytes(rules, name, value)
    if isinstance(value, msgspec.Struct):
        tag = value.__struct_config__.tag
        kind = {} if tag is None else {_KIND: tag}
        return kind | {field: _show(rules, field, getattr(value, field)) for field in value.__struct_fields__}
    if isinstance(value, (tuple, list)):
        return [_show(rules, name, item) for item in value]
    return value


@lru_cache(maxsize=64)
def _form(record: type[Record]) -> inspect.StructType:
    """A record's fields and their types."""
    form = inspect.type_info(record)
    assert isinstance(form, inspect.StructType)
    return form
