"""Where a record stands: found by its entry alone, wherever else the same bytes happen to be."""

from chain.committed import _place_in, path_of

PLACES = bytes(range(24))


def bucket(*parts: bytes) -> bytes:
    """A bucket of these 32-byte parts: key digest, value digest and so on."""
    return b"\x02" + b"".join(part.ljust(32, b"\0") for part in parts)


def test_the_place_of_an_entry_is_the_one_beside_it() -> None:
    node = bucket(b"a", b"1", b"b", b"2", b"c", b"3")
    found = [_place_in(node, PLACES, key.ljust(32, b"\0")) for key in (b"a", b"b", b"c", b"d")]
    assert found == [PLACES[:8], PLACES[8:16], PLACES[16:], None]


def test_a_value_s_digest_that_looks_like_a_key_s_is_no_entry() -> None:
    node = bucket(b"a", b"c", b"b", b"d", b"c", b"3")
    assert _place_in(node, PLACES, b"c".ljust(32, b"\0")) == PLACES[16:]
    assert _place_in(node, PLACES, b"d".ljust(32, b"\0")) is None


def test_bytes_across_two_digests_are_no_entry() -> None:
    key = b"\x07" * 32
    node = b"\x02" + bytes(16) + key + bytes(16) + key + bytes(32)
    assert _place_in(node, PLACES, key) == PLACES[8:16]
    assert _place_in(node[:65], PLACES, key) is None


def test_the_way_down_is_one_byte_per_nibble() -> None:
    digest = bytes.fromhex("a3f0") + bytes(30)
    assert [path_of(digest, depth) for depth in range(5)] == [
        b"",
        b"\x0a",
        b"\x0a\x03",
        b"\x0a\x03\x0f",
        b"\x0a\x03\x0f\x00",
    ]
    assert path_of(b"\xff" * 32, 64) == b"\x0f" * 64
