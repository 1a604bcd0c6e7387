"""One value, one byte string: what is not the canonical form of a record is refused, whatever it is (protocol 1)."""

import struct
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgpack
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import chain
import contracts
import node
from chain.block import BlockHeader
from chain.codec import CodecMalformed, Record, decode, decoder, encode
from chain.committed import UndoEntry
from chain.errors import Malformed
from chain.merkle import InclusionProof
from chain.transaction import Event, Receipt, SignedTransaction, Transaction
from tests.chain.record_strategies import any_of, holds_values, records_of

RECORDS = records_of(chain)
every_record = pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
few = settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

TRANSACTION = Transaction(
    chain_id="wuhan",
    sender=b"\x01" * 20,
    nonce=b"\x02" * 16,
    valid_until=1_700_000_000_000,
    contract="ddc721",
    method="mint",
    arguments=b"\x90",
)
EVENT = Event(contract="ddc721", name="Locked", values=(True, 7, "text", b"bytes", (b"a", b"b")))
RECEIPT = Receipt(transaction_id=b"\x03" * 32, code="", values=(), events=(EVENT,))


class Token(NamedTuple):
    """One MessagePack item of a byte string; of an array, only its header."""

    start: int
    body: int
    end: int
    kind: str
    value: Any


def tokens(data: bytes) -> Iterator[Token]:
    """The items of canonical bytes, written from the MessagePack specification alone."""
    at = 0
    while at < len(data):
        token = token_at(data, at)
        yield token
        at = token.body if token.kind == "array" else token.end


def token_at(data: bytes, at: int) -> Token:
    first = data[at]
    if first <= 0x7F or first >= 0xE0:
        return Token(at, at + 1, at + 1, "int", first if first <= 0x7F else first - 256)
    if 0x90 <= first <= 0x9F:
        return Token(at, at + 1, at + 1, "array", first - 0x90)
    if 0xA0 <= first <= 0xBF:
        return Token(at, at + 1, at + 1 + first - 0xA0, "str", None)
    if first in (0xC0, 0xC2, 0xC3):
        return Token(at, at + 1, at + 1, "simple", first)
    signed = 0xD0 <= first <= 0xD3
    if signed or 0xCC <= first <= 0xCF:
        width = 1 << (first - (0xD0 if signed else 0xCC))
        number = int.from_bytes(data[at + 1 : at + 1 + width], "big", signed=signed)
        return Token(at, at + 1 + width, at + 1 + width, "int", number)
    kind, width = {
        0xC4: ("bin", 1), 0xC5: ("bin", 2), 0xC6: ("bin", 4), 0xD9: ("str", 1), 0xDA: ("str", 2), 0xDB: ("str", 4),
        0xDC: ("array", 2), 0xDD: ("array", 4),
    }[first]  # fmt: skip
    body = at + 1 + width
    length = int.from_bytes(data[at + 1 : body], "big")
    return Token(at, body, body if kind == "array" else body + length, kind, length)


LENGTHS = {"bin": (0xC4, 0xC5, 0xC6), "str": (0xD9, 0xDA, 0xDB), "array": (None, 0xDC, 0xDD)}


def other_headers(kind: str, length: int) -> Iterator[bytes]:
    """Every header of that kind and length."""
    for form, width in zip(LENGTHS[kind], (1, 2, 4), strict=True):
        if form is not None and length < 256**width:
            yield bytes([form]) + length.to_bytes(width, "big")


def other_integers(number: int) -> Iterator[bytes]:
    """Every integer form of a number, and the floats of the same value."""
    for order, width in enumerate((1, 2, 4, 8)):
        if 0 <= number < 256**width:
            yield bytes([0xCC + order]) + number.to_bytes(width, "big")
        if -(256**width) // 2 <= number < 256**width // 2:
            yield bytes([0xD0 + order]) + number.to_bytes(width, "big", signed=True)
    yield b"\xcb" + struct.pack(">d", number)
    if abs(number) < 2**24:
        yield b"\xca" + struct.pack(">f", number)


def other_forms(data: bytes) -> Iterator[bytes]:
    """The same record written otherwise: longer numbers and lengths, other kinds, one item more or less."""
    for token in tokens(data):
        before, header, rest = data[: token.start], data[token.start : token.body], data[token.body :]
        content = data[token.body : token.end]
        if token.kind == "int":
            yield from (before + form + rest for form in other_integers(token.value) if form != header)
        elif token.kind != "simple":
            length = token.value if token.kind == "array" else len(content)
            yield from (before + form + rest for form in other_headers(token.kind, length) if form != header)
        if token.kind in ("bin", "str"):
            swapped = next(other_headers("str" if token.kind == "bin" else "bin", len(content)), b"\xc1")
            yield before + swapped + rest
            yield before + b"\xc7" + bytes([len(content) % 256, 0x05]) + rest
        if token.kind == "array":
            yield before + bytes([0x80 + token.value % 16]) + rest
            yield before + bytes([0x90 + (token.value + 1) % 16]) + rest
            yield before + bytes([0x90 + (token.value + 1) % 16]) + b"\xc0" + rest
        yield before + b"\xc1" + rest
        yield before + b"\xd6\xff\x00\x00\x00\x00" + data[token.end :]


def plain(value: Any) -> Any:
    return msgspec.to_builtins(value, builtin_types=(bytes,))


@every_record
@few
@given(data=st.data())
def test_every_record_is_read_back_from_its_bytes(record: type[Record], data: st.DataObject) -> None:
    value = data.draw(any_of(record))
    assert decode(encode(value), record) == value


@every_record
@few
@given(data=st.data())
def test_another_library_writes_the_same_bytes(record: type[Record], data: st.DataObject) -> None:
    value = data.draw(any_of(record))
    assert msgpack.packb(plain(value)) == encode(value)


@every_record
@few
@given(data=st.data())
def test_every_other_form_of_a_record_is_refused(record: type[Record], data: st.DataObject) -> None:
    encoded = encode(data.draw(any_of(record)))
    read, others = decoder(record), 0
    for form in other_forms(encoded):
        others += 1
        try:
            value = read(form)
        except CodecMalformed:
            continue
        assert encode(value) == form != encoded  # another value, such as nil where a time may be absent
    assert others


@every_record
@few
@given(data=st.data())
def test_a_record_cut_short_or_run_on_is_refused(record: type[Record], data: st.DataObject) -> None:
    encoded = encode(data.draw(any_of(record)))
    cut = data.draw(st.integers(0, len(encoded) - 1))
    for wrong in (encoded[:cut], encoded + b"\x00", encoded + b"\xc1", encoded + encoded, b"\x00" + encoded):
        with pytest.raises(CodecMalformed):
            decode(wrong, record)


BOMBS = {
    "arrays in arrays": b"\x91" * 200_000 + b"\x90",
    "maps in maps": b"\x81\xa1a" * 100_000 + b"\x90",
    "an array of 2^32 items": b"\xdd\xff\xff\xff\xff",
    "an array of 2^26 items": b"\xdd\x04\x00\x00\x00" + b"\xc0" * 1_000,
    "a map of 2^32 items": b"\xdf\xff\xff\xff\xff",
    "bytes of 4 GiB": b"\xc6\xff\xff\xff\xff",
    "text of 4 GiB": b"\xdb\xff\xff\xff\xff",
    "an extension of 4 GiB": b"\xc9\xff\xff\xff\xff\x01",
    "nothing": b"",
    "the byte that is never used": b"\xc1",
}


@every_record
@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_a_bomb_is_refused_at_the_head_and_inside(record: type[Record], bomb: bytes) -> None:
    fields = len(msgspec.structs.fields(record)) + (record.__struct_config__.tag is not None)
    for wrong in (bomb, bytes([0x90 + fields]) + bomb * fields, b"\x91" + bomb):
        with pytest.raises(CodecMalformed):
            decode(wrong, record)


@pytest.mark.parametrize("depth", [1, 2, 10, 500, 900, 990, 1_000, 5_000, 200_000])
def test_nested_values_are_refused_at_any_depth(depth: int) -> None:
    inside = b"\x91" * depth + b"\x90"
    encoded = encode(Event(contract="a", name="b", values=((),)))
    assert encoded.endswith(b"\x91\x90")
    with pytest.raises(CodecMalformed):
        decode(encoded[:-1] + inside, Event)


def test_how_deep_the_caller_stands_decides_nothing() -> None:
    nested = encode(TRANSACTION).replace(b"\xc4\x01\x90", b"\xc4\xc8" + b"\x91" * 199 + b"\x90")

    def from_below(depth: int) -> Transaction:
        return decode(nested, Transaction) if depth == 0 else from_below(depth - 1)

    assert from_below(0) == from_below(700)


@pytest.mark.parametrize(
    "value",
    [
        b"\xc0",  # nil
        b"\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00",  # not a number
        b"\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00",  # 1.0
        b"\x80",  # a map
        b"\x81\xa1a\x01",
        b"\xd4\x05\x01",  # an extension
        b"\xd6\xff\x00\x00\x00\x01",  # a time
        b"\x91\x01",  # a list of numbers
        b"\x91\xa1a",  # a list of texts
        b"\x92\xc4\x00\xc0",
    ],
)
@pytest.mark.parametrize("record", [Event, Receipt])
def test_a_value_without_one_form_is_refused(record: type[Record], value: bytes) -> None:
    example = {Event: EVENT, Receipt: RECEIPT}[record]
    encoded = encode(msgspec.structs.replace(example, values=(False,)))
    assert encoded.count(b"\x91\xc2") == 1
    with pytest.raises(CodecMalformed):
        decode(encoded.replace(b"\x91\xc2", b"\x91" + value), record)


@pytest.mark.parametrize("text", [b"\xc3\x28", b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90\x80\x80", b"\xff"])
def test_text_that_is_not_utf_8_is_refused(text: bytes) -> None:
    encoded = encode(TRANSACTION)
    wrong = encoded.replace(b"\xa5wuhan", bytes([0xA0 + len(text)]) + text)
    with pytest.raises(CodecMalformed):
        decode(wrong, Transaction)


def test_a_refusal_names_the_record_and_the_reason() -> None:
    with pytest.raises(CodecMalformed, match="not a canonical SignedTransaction: ") as refusal:
        decode(b"\x92\xc4\x00\xc4\x00", SignedTransaction)
    assert isinstance(refusal.value, Malformed)
    assert refusal.value.expected == "SignedTransaction"
    assert refusal.value.reason in str(refusal.value)


def test_a_longer_form_is_refused_by_that_reason() -> None:
    encoded = encode(InclusionProof(sides=0, path=()))
    with pytest.raises(CodecMalformed, match="another encoding of the same value is the canonical one"):
        decode(encoded.replace(b"\x00", b"\xcc\x00"), InclusionProof)


def test_a_tuple_of_records_is_read_like_a_record() -> None:
    entries = (UndoEntry(key=b"a", value=None), UndoEntry(key=b"b", value=b""))
    assert decode(encode(entries), tuple[UndoEntry, ...]) == entries
    with pytest.raises(CodecMalformed, match="UndoEntry"):
        decode(encode(entries)[:-1], tuple[UndoEntry, ...])


ALL_RECORDS = records_of(chain, contracts, node)


@pytest.mark.parametrize("record", ALL_RECORDS, ids=lambda record: record.__name__)
def test_a_record_is_closed_down_to_its_leaves(record: type[Record]) -> None:
    info = msgspec.inspect.type_info(record)
    assert isinstance(info, msgspec.inspect.StructType)
    assert info.array_like
    assert info.forbid_unknown_fields
    for field in info.fields:
        assert field.required, "an optional trailing field would give one value two forms"
        if holds_values(field):
            with pytest.raises(ValueError, match="a value is"):
                record(**dict.fromkeys(record.__struct_fields__, ()) | {field.name: (None,)})
        else:
            assert is_closed(field.type), field.name


def is_closed(info: Any) -> bool:
    """Whether every value of a type has one form."""
    inspect = msgspec.inspect
    match info:
        case inspect.StrType() | inspect.BytesType() | inspect.IntType():
            return True
        case inspect.BoolType() | inspect.NoneType() | inspect.LiteralType():
            return True
        case inspect.StructType():
            return issubclass(info.cls, Record)
        case inspect.VarTupleType():
            return is_closed(info.item_type)
        case inspect.TupleType():
            return all(is_closed(part) for part in info.item_types)
        case inspect.UnionType():
            return all(is_closed(part) for part in info.types)
    return False


@pytest.mark.parametrize("record", records_of(chain, contracts), ids=lambda record: record.__name__)
def test_every_number_of_a_record_is_bounded(record: type[Record]) -> None:
    for number in numbers_of(msgspec.inspect.type_info(record)):
        assert (number.ge, number.gt) != (None, None)
        assert (number.le, number.lt) != (None, None)


def numbers_of(info: Any) -> Iterator[Any]:
    if isinstance(info, msgspec.inspect.IntType):
        yield info
    parts = [getattr(info, "item_type", None), *getattr(info, "types", ()), *getattr(info, "item_types", ())]
    parts += [field.type for field in getattr(info, "fields", ())]
    for part in parts:
        if part is not None:
            yield from numbers_of(part)


def test_a_header_of_another_version_is_refused() -> None:
    digest = bytes(32)
    fields: list[Any] = [1, digest, "wuhan", 1, digest, digest, digest, digest, 1, 0, 0, digest, digest]
    assert decode(encode(tuple(fields)), BlockHeader).version == 1
    with pytest.raises(CodecMalformed):
        decode(encode((2, *fields[1:])), BlockHeader)
