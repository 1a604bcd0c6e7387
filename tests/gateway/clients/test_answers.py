"""Answers are read as `chain.rpc` defines them; a receipt's bytes are those that came."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import msgpack

from chain.codec import CodecMalformed, encode
from chain.rpc import BlockAnswer, Hello, Included, Outcomes, Refused, Rejection
from chain.transaction import Event, Receipt
from gateway.clients.answers import HeardBlock, HeardOutcomes, outline_of, read_answer
from tests.gateway.index_play import eventful

values = st.lists(
    st.one_of(st.booleans(), st.integers(0, 2**60), st.text(max_size=4), st.binary(max_size=4)), max_size=3
)
events = st.builds(
    lambda name, held: Event(contract="ddc721", name=name, values=tuple(held)), st.text(max_size=9), values
)
receipts = st.lists(
    st.builds(
        lambda id_, code, held, told: Receipt(transaction_id=id_, code=code, values=tuple(held), events=tuple(told)),
        st.binary(min_size=32, max_size=32),
        st.sampled_from(["", "token-exists"]),
        values,
        st.lists(events, max_size=2),
    ),
    max_size=4,
)
digests = st.lists(st.binary(min_size=32, max_size=32), max_size=3)


@settings(deadline=None)
@given(receipts, digests, st.lists(st.sampled_from(["pool-full", "refused"]), max_size=2))
def test_outcomes_are_read_as_they_were_sent(given_: list[Receipt], leaves: list[bytes], codes: list[str]) -> None:
    sent = Outcomes(
        request=7,
        rejected=tuple(Rejection(index=place, code=code, values=(place, b"x")) for place, code in enumerate(codes)),
        certified=None,
        receipt_leaves=tuple(leaves),
        included=tuple(Included(index=place, place=9, receipt=receipt) for place, receipt in enumerate(given_)),
    )
    heard = read_answer(encode(sent))
    assert isinstance(heard, HeardOutcomes)
    assert encode(heard) == encode(sent)
    assert (heard.request, heard.rejected, heard.receipt_leaves) == (7, sent.rejected, sent.receipt_leaves)
    assert [bytes(one.receipt) for one in heard.included] == [encode(receipt) for receipt in given_]
    outlines = [outline_of(bytes(one.receipt)) for one in heard.included]
    assert [(one.transaction_id, one.code) for one in outlines] == [(one.transaction_id, one.code) for one in given_]


@settings(deadline=None)
@given(receipts, st.lists(st.binary(max_size=9), max_size=3))
def test_a_block_is_read_as_it_was_sent(given_: list[Receipt], raws: list[bytes]) -> None:
    sent = BlockAnswer(request=7, certified=None, genesis=None, transactions=tuple(raws), receipts=tuple(given_))
    heard = read_answer(encode(sent))
    assert isinstance(heard, HeardBlock)
    assert (heard.transactions, heard.receipts) == (sent.transactions, sent.receipts)


def test_the_answers_that_hold_no_receipt_are_those_of_the_protocol() -> None:
    for sent in (
        Hello(version=1, network_id=bytes(32), speaker="xian"),
        Refused(request=3, code="block-unknown", values=(1, 0)),
    ):
        assert read_answer(encode(sent)) == sent


def test_a_true_block_is_read_with_its_certificate() -> None:
    for block in eventful().chain.blocks:
        heard = read_answer(encode(block))
        assert isinstance(heard, HeardBlock)
        assert (heard.certified, heard.receipts) == (block.certified, block.receipts)


@pytest.mark.parametrize("spoilt", ["cut", "longer", "number", "another"])
def test_what_is_no_answer_is_refused(spoilt: str) -> None:
    whole = encode(BlockAnswer(request=1, certified=None, genesis=None, transactions=(b"raw",), receipts=()))
    parts = msgpack.decode(whole)
    frames = {
        "cut": whole[:-1],
        "longer": whole + b"\0",
        "number": whole.replace(bytes([1]), b"\xcc\x01", 1),
        "another": encode([99, *parts[1:]]),
    }
    with pytest.raises(CodecMalformed):
        read_answer(frames[spoilt])
