"""The records between a node and its callers: each is read back as itself, and none is longer than it may be (protocol 12)."""

import re
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from chain import rpc
from chain.block import BLOCK_TRANSACTIONS_MAX
from chain.codec import CodecMalformed, Record, decode, decoder, encode
from chain.framing import FRAME_BYTES_MAX
from chain.light_client import Handover
from chain.membership import REPLICAS_MAX
from chain.rpc import (
    Answer,
    BlockAnswer,
    ChainStatus,
    Follow,
    Hello,
    MemberStatus,
    Outcomes,
    ReadBlock,
    ReadState,
    ReadStatus,
    Refused,
    Rejection,
    Request,
    StateAnswer,
    StatusAnswer,
    Submit,
)
from chain.state import StateProof
from chain.transaction import Receipt
from tests.chain.record_strategies import any_of
from tests.chain.small_network import FIRST, header_of, rules_of

read_request: Any = decoder(Request)  # type: ignore[arg-type]
read_answer: Any = decoder(Answer)  # type: ignore[arg-type]
REQUESTS: tuple[type[Record], ...] = get_args(Request)
ANSWERS: tuple[type[Record], ...] = get_args(Answer)
relaxed = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

RECEIPT = Receipt(transaction_id=bytes(32), code="", values=(), events=())
OUTCOMES = Outcomes(request=1, rejected=(), certified=None, receipt_leaves=(), included=())
BLOCK_ANSWER = BlockAnswer(request=1, certified=None, genesis=None, transactions=(), receipts=())
STATE_ANSWER = StateAnswer(request=1, certified=None, genesis=None, values=())
STATUS = ChainStatus(
    chain_id="wuhan",
    height=1,
    head=bytes(32),
    time=1,
    view=0,
    primary=0,
    phase="idle",
    pool=0,
    waits_for="",
    behind=(),
    members=(),
    pending=None,
)
MEMBER = MemberStatus(replica=FIRST.membership.replicas[0], connected=True, signs=True, convictions=0)
STATUS_ANSWER = StatusAnswer(request=1, node="beijing", connected=(), chains=(STATUS,))
HANDOVER = Handover(
    certified=FIRST.certify(rules_of("wuhan"), header_of(rules_of("wuhan"), 1, FIRST.membership)),
    next_membership=FIRST.membership,
)
SUBMIT = Submit(request=1, chain_id="wuhan", transactions=(b"a",))
READ_STATE = ReadState(request=1, chain_id="wuhan", keys=(), height=None)


@pytest.mark.parametrize("record", REQUESTS, ids=lambda record: record.__name__)
@relaxed
@given(data=st.data())
def test_a_request_is_read_back_as_itself(record: type[Record], data: st.DataObject) -> None:
    sent = data.draw(any_of(record))
    received = read_request(encode(sent))
    assert received == sent
    assert type(received) is record


@pytest.mark.parametrize("record", ANSWERS, ids=lambda record: record.__name__)
@relaxed
@given(data=st.data())
def test_an_answer_is_read_back_as_itself(record: type[Record], data: st.DataObject) -> None:
    sent = data.draw(any_of(record))
    received = read_answer(encode(sent))
    assert received == sent
    assert type(received) is record


def test_the_tags_are_these_for_ever() -> None:
    tags = {record.__name__: record.__struct_config__.tag for record in (*REQUESTS, *ANSWERS)}
    assert tags == {
        "Hello": 0, "Submit": 1, "ReadState": 2, "ReadBlock": 3, "ReadStatus": 4, "Follow": 5, "ReadHandovers": 6,
        "Outcomes": 33, "StateAnswer": 34, "BlockAnswer": 35, "StatusAnswer": 36, "Refused": 37,
        "HandoversAnswer": 38,
    }  # fmt: skip


@pytest.mark.parametrize("record", [*REQUESTS[1:], *ANSWERS[1:]], ids=lambda record: record.__name__)
@relaxed
@given(data=st.data())
def test_a_request_is_no_answer_and_an_answer_no_request(record: type[Record], data: st.DataObject) -> None:
    sent = encode(data.draw(any_of(record)))
    with pytest.raises(CodecMalformed):
        (read_answer if record in REQUESTS else read_request)(sent)


@pytest.mark.parametrize(
    "tag", [b"\x07", b"\x20", b"\x27", b"\xff", b"\xcc\x80", b"\xa1a", b"\xc0", b"\xcb" + bytes(8)]
)
def test_a_record_of_an_unknown_tag_is_refused(tag: bytes) -> None:
    encoded = encode(ReadStatus(request=1))
    assert encoded[:2] == b"\x92\x04"
    for read in (read_request, read_answer):
        with pytest.raises(CodecMalformed):
            read(encoded[:1] + tag + encoded[2:])


LIMITS: list[tuple[Record, str, Any, int]] = [
    (SUBMIT, "transactions", b"a", rpc.REQUEST_TRANSACTIONS_MAX),
    (READ_STATE, "keys", b"a", rpc.REQUEST_KEYS_MAX),
    (OUTCOMES, "rejected", Rejection(index=0, code="", values=()), rpc.REQUEST_TRANSACTIONS_MAX),
    (OUTCOMES, "receipt_leaves", bytes(32), BLOCK_TRANSACTIONS_MAX),
    (OUTCOMES, "included", rpc.Included(index=0, place=0, receipt=RECEIPT), rpc.REQUEST_TRANSACTIONS_MAX),
    (BLOCK_ANSWER, "transactions", b"a", BLOCK_TRANSACTIONS_MAX),
    (BLOCK_ANSWER, "receipts", RECEIPT, BLOCK_TRANSACTIONS_MAX),
    (STATUS, "behind", "xian", REPLICAS_MAX),
    (STATUS, "members", MEMBER, REPLICAS_MAX),
    (STATUS_ANSWER, "connected", "xian", REPLICAS_MAX),
    (STATUS_ANSWER, "chains", STATUS, rpc.CHAINS_MAX),
    (rpc.HandoversAnswer(request=1, handovers=()), "handovers", HANDOVER, rpc.HANDOVERS_MAX),
    (Refused(request=1, code="", values=()), "values", 1, 8),
    (Rejection(index=1, code="", values=()), "values", 1, 8),
]


@pytest.mark.parametrize(
    ("record", "field", "item", "limit"),
    LIMITS,
    ids=lambda part: type(part).__name__ if isinstance(part, Record) else None,
)
def test_a_list_ends_at_its_limit(record: Record, field: str, item: Any, limit: int) -> None:
    full = replace(record, **{field: (item,) * limit})
    assert decode(encode(full), type(record)) == full
    with pytest.raises(CodecMalformed):
        decode(encode(replace(record, **{field: (item,) * (limit + 1)})), type(record))


def test_a_state_answer_has_no_more_values_than_a_request_has_keys() -> None:
    value = rpc.ProvenValue(value=None, proof=StateProof(branches=(), bucket=b""))
    full = replace(STATE_ANSWER, values=(value,) * rpc.REQUEST_KEYS_MAX)
    assert decode(encode(full), StateAnswer) == full
    with pytest.raises(CodecMalformed):
        decode(encode(replace(full, values=(value,) * (rpc.REQUEST_KEYS_MAX + 1))), StateAnswer)


@pytest.mark.parametrize(
    "wrong",
    [
        replace(SUBMIT, transactions=()),
        replace(SUBMIT, chain_id="a" * 33),
        replace(READ_STATE, keys=(bytes(257),)),
        replace(READ_STATE, chain_id="a" * 33),
        replace(STATUS_ANSWER, chains=(replace(STATUS, chain_id="a" * 33),)),
        replace(STATUS_ANSWER, chains=(replace(STATUS, phase="p" * 41),)),
        replace(STATUS_ANSWER, chains=(replace(STATUS, waits_for="w" * 41),)),
        Refused(request=1, code="c" * 41, values=()),
        Rejection(index=1, code="c" * 41, values=()),
        Hello(version=1, network_id=bytes(31), speaker=None),
        Hello(version=-1, network_id=bytes(32), speaker=None),
        Hello(version=1, network_id=bytes(32), speaker=""),
        Hello(version=1, network_id=bytes(32), speaker="Xian"),
        Hello(version=1, network_id=bytes(32), speaker="x" * 33),
        ReadBlock(request=1, chain_id="wuhan", height=-1),
        Follow(request=2**53, chain_id="wuhan", height=0),
    ],
    ids=lambda record: re.sub(r"\(.*", "", repr(record)),
)
def test_a_record_beyond_its_form_is_refused(wrong: Record) -> None:
    with pytest.raises(CodecMalformed):
        decode(encode(wrong), type(wrong))


@pytest.mark.parametrize("value", [None, 1.5, {}, [1]])
def test_a_refusal_carries_values_of_one_form_only(value: object) -> None:
    with pytest.raises(ValueError, match="a value is"):
        Refused(request=1, code="", values=(value,))
    with pytest.raises(ValueError, match="a value is"):
        Rejection(index=1, code="", values=(value,))


def test_the_receipt_leaves_of_the_largest_block_fit_a_frame() -> None:
    leaves = replace(OUTCOMES, receipt_leaves=(bytes(32),) * BLOCK_TRANSACTIONS_MAX)
    assert len(encode(leaves)) < FRAME_BYTES_MAX
