"""The one encoding of everything that is hashed, signed, stored or sent (protocol 1).

MessagePack with these restrictions: records are arrays in field order, integers and lengths take their
shortest form, there are no maps, floats, extension types or optional trailing fields. `decode` accepts a
byte string if and only if encoding its value again gives the same bytes.

A record says the type of every part down to the leaves. A part of any type could be nested as deeply as its
sender likes, and how deep a decoder follows is a matter of the interpreter's stack, not of the protocol. What
only its reader can type (a call's arguments) travels as bytes.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from chain.errors import Malformed

T = TypeVar("T")


class Record(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """A value with one encoding: an array of its fields in the order they are written down.

    Records hold values and no way back to themselves, so that the collector of cycles need not look at them.
    """


class CodecMalformed(Malformed):
    """Bytes that are not the canonical encoding of the record that was expected."""

    def __init__(self, expected: str, reason: str) -> None:
        super().__init__(f"not a canonical {expected}: {reason}")
        self.expected = expected
        self.reason = reason


encode: Callable[[object], bytes] = msgspec.msgpack.Encoder().encode


def decoder(record: type[T]) -> Callable[[bytes], T]:
    """A decoder of `record` that refuses every non-canonical form with `CodecMalformed`.

    Text that is not UTF-8 raises `UnicodeDecodeError` in the library. Nesting that exhausts the stack is far
    deeper than any record, so that it is refused wherever the limit lies.
    """
    parse = msgspec.msgpack.Decoder(record).decode
    name = record.__name__ if isinstance(record, type) else str(record)

    def decode_canonical(data: bytes) -> T:
        try:
            value = parse(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
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
