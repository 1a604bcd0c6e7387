"""A personal value is found in every form and inside whatever can be opened, and no other is taken for it."""

import base64
import bz2
import gzip
import json
import lzma
import zlib
from typing import Any

import pytest

from chain.codec import encode
from chain.digests import sha256
from chain.transaction import SignedTransaction
from tests.e2e.personal_data import Needles, Personal, pieces

VALUE = "云砧精铸 Yunzhen Foundry"


def written(data: bytes) -> list[bytes]:
    """Bytes as they are, and as text of them, with something before and behind."""
    hidden = [b"x" * before + data + b"yz" for before in range(3)]
    texts = [data.hex(), data.hex().upper(), *(base64.b64encode(longer).decode() for longer in hidden)]
    return [b"\x93\x01" + form + b"\xc0" for form in (data, *(text.encode() for text in texts))]


@pytest.mark.parametrize(
    "value",
    [
        *(form for code in ("utf-8", "utf-16-le", "utf-16-be", "gb18030") for form in written(VALUE.encode(code))),
        *(form for spelling in (VALUE.upper(), VALUE.lower()) for form in written(spelling.encode())),
        *written(sha256(VALUE.encode())),
        base64.urlsafe_b64encode(b"??>" + VALUE.encode()),
        b"%E4%BA%91%E7%A0%A7%E7%B2%BE%E9%93%B8%20Yunzhen%20Foundry",
        json.dumps({"a": VALUE}).encode(),
        json.dumps(["\\", {"a": VALUE}]),
        {"a": [1, (VALUE,)]},
        {VALUE: 1},
        *(pack(VALUE.encode()) for pack in (gzip.compress, zlib.compress, bz2.compress, lzma.compress)),
        encode((1, encode((2, zlib.compress(VALUE.encode()))))),
        SignedTransaction(body=encode((VALUE,)), signature=bytes(64)),
    ],
    ids=lambda _: "",
)
def test_a_value_is_found_however_it_is_written(value: Any) -> None:
    assert Needles([Personal("this", VALUE)]).found(("", piece) for piece in pieces(value))
    assert not Needles([Personal("other", f"{VALUE}.")]).found(("", piece) for piece in pieces(value))


def test_short_texts_and_numbers_are_found_where_they_stand_alone() -> None:
    needles = Needles([Personal("grade", "R32"), Personal("count", 131_457), Personal("code", "520304")])
    assert [one.what for piece in pieces(("R32", 131_457)) for one in needles.in_piece(piece)] == ["grade", "count"]
    assert not [one for piece in pieces(("R320", 131_458, b"R32")) for one in needles.in_piece(piece)]
    assert list(needles.in_bytes(b'"520304"'))
    assert not list(needles.in_bytes(b"8520304"))
    assert not list(needles.in_bytes(b"520304f"))


def test_a_part_of_a_public_text_is_found_anywhere_else() -> None:
    needles = Needles([Personal("person", "Alice")], ["alice1111111"])
    assert not list(needles.in_bytes(b"to alice1111111 of " + b"alice1111111".hex().encode()))
    for data in (b"alice111111", b"alice1111111 alice", b"Alice", b"alice".hex().encode()):
        assert list(needles.in_bytes(data)), data
    needles = Needles([Personal("person", "Alice")], ["O=Alice Demo"])
    assert not [one for data in (b"O=Alice D", b"=Alice Demo") for one in needles.in_bytes(data, cut=True)]
    assert list(needles.in_bytes(b"=Alice D", cut=True))
