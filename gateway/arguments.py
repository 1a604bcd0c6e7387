"""Calls as people write and read them: JSON with addresses, DIDs and token ids in their own form, other bytes in hex.

The record that a method takes says what each member is; the type of its bytes says how they are written.
"""

from functools import lru_cache
from typing import Any, Final, TypeVar

import msgspec
from msgspec import inspect

from chain.codec import CodecMalformed, Record, decode, encode
from chain.errors import AddressMalformed, ChainError
from chain.ids import Address, Did, TokenId
from chain.rules import ChainRules
from chain.transaction import NOBODY, Transaction
from chain.universal_id import format_token, parse_token
from contracts.certificate import Certificate
from contracts.packets import Packet
from contracts.registry import METHODS, VIEWS
from contracts.relaying import Shown

T = TypeVar("T", bound=inspect.Type)
R = TypeVar("R", bound=Record)
DID_PREFIX: Final = "did:bsn:"
DIGITS_MAX: Final = 16
"""Of a number in a query: no record takes 2^53 or more."""
_ADDRESS: Final = inspect.type_info(Address)
_DID: Final = inspect.type_info(Did)
_TOKEN: Final = inspect.type_info(TokenId)
EVIDENCE: Final = frozenset({Certificate, Packet, Shown})
"""Inside another record these are another chain's: written as canonical bytes in hex, since no chain writes another's addresses."""
_KIND: Final = "kind"
"""The member that holds the tag of a record which may stand beside others."""


class ArgumentsMalformed(ChainError):
    """JSON that is not what the method takes."""


def format_did(did: bytes) -> str:
    """A DID as text: `did:bsn:` and its 20 bytes in hex."""
    return DID_PREFIX + did.hex()


def parse_did(text: str) -> bytes:
    """A DID from its text, or from its hex alone; `ValueError` if it is neither."""
    return bytes.fromhex(text.removeprefix(DID_PREFIX))


def read_arguments(rules: ChainRules, contract: str, method: str, given: dict[str, Any]) -> Record | None:
    """The arguments of `contract.method` from JSON; None for a method that refuses whatever it is given."""
    found = METHODS.get((contract, method))
    if found is None:
        raise ArgumentsMalformed(f"there is no method {contract[:40]}.{method[:40]}")
    if found.arguments is None:
        return None
    return read_record(rules, found.arguments, given, f"{contract}.{method}")


def read_view_arguments(rules: ChainRules, contract: str, name: str, given: list[tuple[str, str]]) -> Record:
    """The arguments of a read from the names and values of a query; a list is a name given several times."""
    found = VIEWS.get((contract, name))
    if found is None:
        raise ArgumentsMalformed(f"there is no read {contract[:40]}.{name[:40]}")
    types = {field.name: field.type for field in _form(found.arguments).fields}
    members: dict[str, Any] = {}
    for member, text in given:
        expected = types.get(member)
        if isinstance(expected, inspect.VarTupleType):
            members.setdefault(member, []).append(text)
        elif member in members:
            raise ArgumentsMalformed(f"{member[:60]} is given twice")
        else:
            is_number = isinstance(expected, inspect.IntType) and text.isascii() and text.isdigit()
            members[member] = int(text) if is_number and len(text) <= DIGITS_MAX else text
    return read_record(rules, found.arguments, members, f"{contract}.{name}")


def read_record(rules: ChainRules, record: type[R], given: Any, taker: str) -> R:
    """A record from JSON; `taker` is what a refusal says that it is for."""
    try:
        return msgspec.convert(_read(rules, given, _form(record)), record, from_attributes=False)
    except (msgspec.ValidationError, ValueError, TypeError, ChainError) as problem:
        raise ArgumentsMalformed(f"{taker} does not take these arguments: {problem}") from None


def show_record(rules: ChainRules, record: Record) -> dict[str, Any]:
    """A record as JSON."""
    return _show_members(rules, record)


def show_transaction(rules: ChainRules, transaction: Transaction) -> dict[str, Any]:
    """A transaction as its sender should see it before signing: decoded from its bytes."""
    return {
        "chain": transaction.chain_id,
        "sender": "nobody" if transaction.sender == NOBODY else _show_bytes(rules, transaction.sender, _ADDRESS),
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
        return _show_members(rules, decode(data, method.arguments))
    except CodecMalformed:
        return data.hex()


def _read(rules: ChainRules, given: Any, expected: inspect.StructType) -> list[Any]:
    """A JSON object as an array in the order of the record's fields, after the record's tag; texts of bytes as bytes."""
    if not isinstance(given, dict):
        raise ArgumentsMalformed("arguments are a JSON object with the record's members")
    names = {field.name for field in expected.fields} | ({_KIND} if expected.tag is not None else set())
    unknown = set(given) - names
    if unknown:
        raise ArgumentsMalformed(f"there is no member {min(unknown)[:60]!r}")
    members = [_read_member(rules, field.name, given.get(field.name), field.type) for field in expected.fields]
    missing = [field.name for field in expected.fields if field.name not in given and not _may_be_none(field.type)]
    if missing:
        raise ArgumentsMalformed(f"the member {missing[0]!r} is missing")
    return members if expected.tag is None else [given.get(_KIND, expected.tag), *members]


def _read_member(rules: ChainRules, name: str, value: Any, expected: inspect.Type) -> Any:
    """A member as `msgspec.convert` takes it; what is not of its type is left as it is, to be refused there.

    A record that stands alone need not say its kind.
    """
    options = _options(expected)
    for option in options:
        match option:
            case inspect.BytesType() if isinstance(value, str):
                return _read_bytes(rules, name, value, option)
            case inspect.VarTupleType(item_type=item) if isinstance(value, list):
                return [_read_member(rules, name, part, item) for part in value]
            case inspect.StructType(cls=record) if record in EVIDENCE and isinstance(value, str):
                return _read_evidence(name, value)
            case inspect.StructType(tag=tag) if isinstance(value, dict) and (
                tag is None or len(options) == 1 or tag == value.get(_KIND)
            ):
                return _read(rules, value, option)
    return value


def _read_evidence(name: str, text: str) -> Any:
    try:
        return msgspec.msgpack.decode(bytes.fromhex(text))
    except (ValueError, msgspec.DecodeError):
        raise ArgumentsMalformed(f"{name} is a record's canonical bytes in hex") from None


def _read_bytes(rules: ChainRules, name: str, text: str, expected: inspect.BytesType) -> bytes:
    if expected == _ADDRESS:
        return rules.addresses.parse(text)
    if expected == _TOKEN:
        return parse_token(rules.profile.token_id_style, text)
    try:
        return parse_did(text) if expected == _DID else bytes.fromhex(text)
    except ValueError:
        raise ArgumentsMalformed(f"{name} is written in hex") from None


def _show_members(rules: ChainRules, value: msgspec.Struct) -> dict[str, Any]:
    form = _form(type(value))
    kind = {} if form.tag is None else {_KIND: form.tag}
    return kind | {field.name: _show(rules, getattr(value, field.name), field.type) for field in form.fields}


def _show(rules: ChainRules, value: Any, expected: inspect.Type) -> Any:
    if isinstance(value, bytes):
        return _show_bytes(rules, value, _option(inspect.BytesType, expected))
    if isinstance(value, Record) and type(value) in EVIDENCE:
        return encode(value).hex()
    if isinstance(value, msgspec.Struct):
        return _show_members(rules, value)
    if isinstance(value, tuple):
        item = _option(inspect.VarTupleType, expected).item_type
        return [_show(rules, part, item) for part in value]
    return value


def _show_bytes(rules: ChainRules, value: bytes, expected: inspect.Type) -> str:
    """Bytes as what they are is written; in hex if it is nothing that the chain could write."""
    if expected == _ADDRESS:
        try:
            return rules.addresses.format(value)
        except AddressMalformed:
            return value.hex()
    if expected == _TOKEN:
        return format_token(rules.profile.token_id_style, value)
    return format_did(value) if expected == _DID else value.hex()


def _may_be_none(expected: inspect.Type) -> bool:
    return any(isinstance(option, inspect.NoneType) for option in _options(expected))


def _options(expected: inspect.Type) -> tuple[inspect.Type, ...]:
    return expected.types if isinstance(expected, inspect.UnionType) else (expected,)


def _option(kind: type[T], expected: inspect.Type) -> T:
    """The option of a type that is of this kind; no record has two of bytes, or two lists, in one place."""
    return next(option for option in _options(expected) if isinstance(option, kind))


@lru_cache(maxsize=256)
def _form(record: type[msgspec.Struct]) -> inspect.StructType:
    """A record's fields and their types."""
    form = inspect.type_info(record)
    assert isinstance(form, inspect.StructType)
    return form
