"""What fits into a frame: transactions passed on in parts, the largest records, and limits before allocation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain.codec import CodecMalformed, decode, encode
from chain.framing import FRAME_BYTES_MAX
from chain.transaction import TRANSACTION_BYTES_MAX
from node.network.frames import RELAY_BYTES_MAX, RELAY_TRANSACTIONS_MAX, Blocks, PeerFrame, Relay, relays


@given(st.lists(st.integers(0, 400_000), max_size=30))
def test_transactions_are_passed_on_in_order_in_parts_within_the_limits(sizes: list[int]) -> None:
    transactions = tuple(bytes([number % 256]) * size for number, size in enumerate(sizes))
    parts = list(relays("nanjing", transactions))
    assert tuple(raw for part in parts for raw in part.transactions) == transactions
    for part in parts:
        assert part.transactions
        assert len(part.transactions) == 1 or sum(map(len, part.transactions)) <= RELAY_BYTES_MAX


def test_parts_are_bounded_in_number_and_no_larger_than_they_must_be() -> None:
    parts = list(relays("nanjing", [b"x"] * (2 * RELAY_TRANSACTIONS_MAX + 1)))
    assert [len(part.transactions) for part in parts] == [RELAY_TRANSACTIONS_MAX, RELAY_TRANSACTIONS_MAX, 1]
    half = bytes(RELAY_BYTES_MAX // 2)
    assert [len(part.transactions) for part in relays("nanjing", [half, half, b"x"])] == [2, 1]


def test_the_largest_relay_fits_into_a_frame() -> None:
    largest = [bytes(TRANSACTION_BYTES_MAX)] * 70
    assert all(len(encode(part)) <= FRAME_BYTES_MAX for part in relays("nanjing", largest))


@pytest.mark.parametrize(
    "data",
    [
        encode(Relay(chain_id="nanjing", transactions=(b"",) * RELAY_TRANSACTIONS_MAX, urgent=False)).replace(
            b"\xdc\x03\xe8", b"\xdc\x03\xe9"
        )
        + b"\xc4\x00",
        encode(Relay(chain_id="x" * 32, transactions=(), urgent=False)).replace(
            b"\xd9\x20" + b"x" * 32, b"\xd9\x21" + b"x" * 33
        ),
        b"\x93\x05\xa7nanjing\xdd\xff\xff\xff\xff",
        b"\x93\x02\xa7nanjing\xdd\xff\xff\xff\xff",
    ],
    ids=["a transaction too many", "a name too long", "four billion blocks", "four billion transactions"],
)
def test_a_frame_over_a_limit_is_refused(data: bytes) -> None:
    with pytest.raises(CodecMalformed):
        decode(data, PeerFrame)


def test_an_empty_answer_is_a_frame() -> None:
    assert decode(encode(Blocks(chain_id="nanjing", blocks=())), PeerFrame) == Blocks(chain_id="nanjing", blocks=())
