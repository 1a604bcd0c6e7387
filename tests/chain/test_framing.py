"""Frames come out as they went in, however the stream is cut; a length over the limit is refused unread."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain.errors import Malformed
from chain.framing import FRAME_BYTES_MAX, PROTOCOL_VERSION, FrameMalformed, FrameReader, frame

bodies = st.lists(st.binary(max_size=300), max_size=8)


@given(bodies, st.data())
def test_any_cut_of_the_stream_gives_the_same_bodies(sent: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(map(frame, sent))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    reader, received = FrameReader(), []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        received += reader.feed(stream[start:end])
    assert received == sent


@given(bodies)
def test_byte_by_byte_gives_the_same_bodies(sent: list[bytes]) -> None:
    reader = FrameReader()
    received = [body for byte in b"".join(map(frame, sent)) for body in reader.feed(bytes([byte]))]
    assert received == sent


def test_a_frame_is_four_bytes_of_length_and_the_body() -> None:
    assert frame(b"body") == b"\x00\x00\x00\x04body"
    assert FrameReader().feed(b"\x00\x00\x00\x00") == [b""]


def test_a_body_comes_with_its_last_byte_and_not_before() -> None:
    reader = FrameReader()
    assert reader.feed(b"\x00\x00\x00\x02a") == []
    assert reader.feed(b"") == []
    assert reader.feed(b"b\x00") == [b"ab"]
    assert reader.feed(b"\x00\x00\x01c") == [b"c"]


@pytest.mark.parametrize("limit", [0, 1, 100, FRAME_BYTES_MAX])
def test_the_limit_itself_is_allowed_and_one_more_is_not(limit: int) -> None:
    allowed = FrameReader(limit)
    assert allowed.feed(limit.to_bytes(4, "big")) == ([b""] if limit == 0 else [])
    with pytest.raises(FrameMalformed, match=f"at most {limit} bytes, got a length of {limit + 1}"):
        FrameReader(limit).feed((limit + 1).to_bytes(4, "big"))


def test_a_frame_over_the_limit_is_malformed_input() -> None:
    reader = FrameReader(8)
    assert reader.feed(b"\x00\x00\x00\x01a") == [b"a"]
    with pytest.raises(Malformed):
        reader.feed(b"\xff\xff\xff\xff")


def test_an_announced_length_takes_no_memory() -> None:
    reader = FrameReader()
    tracemalloc.start()
    try:
        assert reader.feed(FRAME_BYTES_MAX.to_bytes(4, "big") + b"first bytes") == []
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


def test_what_was_read_is_not_kept() -> None:
    reader = FrameReader()
    assert reader.feed(frame(bytes(1_000)) * 10 + b"\x00\x00") == [bytes(1_000)] * 10
    assert reader._buffer == b"\x00\x00"


def test_a_body_over_the_limit_is_a_fault_of_ours() -> None:
    assert len(frame(bytes(FRAME_BYTES_MAX))) == FRAME_BYTES_MAX + 4
    with pytest.raises(AssertionError):
        frame(bytes(FRAME_BYTES_MAX + 1))


def test_limit_and_version_are_those_of_the_protocol() -> None:
    assert (FRAME_BYTES_MAX, PROTOCOL_VERSION) == (16_000_000, 1)


def test_a_length_is_judged_once_all_its_bytes_are_there() -> None:
    reader = FrameReader(8)
    assert reader.feed(frame(b"a") + b"\xff\xff\xff") == [b"a"]
    with pytest.raises(FrameMalformed):
        reader.feed(b"\xff")
