"""The one encoding of everything that is hashed, signed, stored or sent (protocol 1).

MessagePack with these restrictions: records are arrays in field order, integers and lengths take their
shortest form, there are no maps, floats, extension types or optional trailing fields. `decode` accepts a
byte string if and only if encoding its value again gives the same bytes.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import msgpack
import msgspec

from chain.errors import Malformed

Plain = None | bool | int | str | bytes | tuple["Plain", ...]
"""What a canonical byte string holds when nobody says which record it is."""

T = TypeVar("T")


class Record(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, kw_only=True):
    """A value with one encoding: an array of its fields in the order they are written down."""


class CodecMalformed(Malformed):
    """Bytes that are not the canonical encoding of the record that was expected."""

    def __init__(self, expected: str, reason: str) -> None:
        super().__init__(f"not a canonical {expected}: {reason}")
        self.expected = expected
        self.reason = reason


encode: Callable[[object], bytes] = msgspec.msgpack.Encoder().encode


def decoder(record: type[T]) -> Callable[[bytes], T]:
    """A decoder of `record` that refuses every non-canonical form with `CodecMalformed`."""
    parse = msgspec.msgpack.Decoder(record).decode
    name = getattr(record, "__name__", str(record))

    def decode_canonical(data: bytes) -> T:
        try:
            value = parse(data)
        except (msgspec.DecodeError, RecursionError) as problem:
            raise CodecMalformed(name, str(problem)) from None
        if encode(value) != data:
            raise CodecMalformed(name, "another encoding of the same value is the canonical one")
        return value

    return decode_canonical


def decode(data: bytes, record: type[T]) -> T:
    """The value of type `record` whose canonical encoding is `data`; else `CodecMalformed`."""
    if record not in _decoders:
        _decoders[record] = decoder(record)
    value: T = _decoders[record](data)
    return value


_decoders: dict[object, Callable[[bytes], Any]] = {}


def decode_plain(data: bytes) -> Plain:
    """Any canonical value as nested tuples, for a person to look at; else `CodecMalformed`."""
    try:
        value = msgpack.unpackb(data, use_list=False, strict_map_key=True)
    except (ValueError, RecursionError, msgpack.exceptions.UnpackException) as problem:
        raise CodecMalformed("value", str(problem)) from None
    if not _is_plain(value) or msgpack.packb(value) != data:
        raise CodecMalformed("value", "only arrays, text, bytes, booleans, nil and shortest integers")
    plain: Plain = value
    return plain


def _is_plain(value: object) -> bool:
    if isinstance(value, tuple):
        return all(_is_plain(part) for part in value)
    return value is None or isinstance(value, (bool, int, str, bytes))
