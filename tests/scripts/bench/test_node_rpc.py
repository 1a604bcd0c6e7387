"""Submissions by node RPC: never more outstanding than the window, and nothing counted that is not proven."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest
from msgspec.structs import replace

from chain.codec import decode, encode
from chain.digests import sha256
from chain.framing import FrameReader
from chain.light_client import CertifiedHeader
from chain.merkle import leaf_hash, root
from chain.rpc import Answer, Included, Outcomes, Rejection, StatusAnswer, Submit
from chain.transaction import Receipt
from scripts.bench.node_rpc import NodeCaller, Submission, submit_frames
from scripts.errors import CommandFailed
from tests.chain.small_network import FIRST, START_MS, Signers, header_of, rules_of

RULES = rules_of("nanjing")
GENESIS: Any = SimpleNamespace(
    document=SimpleNamespace(created_at=START_MS), membership_of={"nanjing": FIRST.membership}.__getitem__
)
SENT = [f"transaction {number}".encode() for number in range(10)]
Reply = Callable[[Submit], list[Answer]]


def receipt(raw: bytes, code: str = "") -> Receipt:
    return Receipt(transaction_id=sha256(raw), code=code, values=(), events=())


def block(submit: Submit, *, code: str = "", group: Signers = FIRST, height: int | None = None) -> Outcomes:
    """All of a submission's transactions in one block."""
    receipts = [receipt(raw, code) for raw in submit.transactions]
    leaves = tuple(leaf_hash(RULES.digest, encode(one)) for one in receipts)
    header = header_of(RULES, submit.request + 1 if height is None else height, FIRST.membership)
    certified = group.certify(RULES, replace(header, receipt_root=root(RULES.digest, leaves)))
    included = tuple(Included(index=i, place=i, receipt=one) for i, one in enumerate(receipts))
    return Outcomes(request=submit.request, rejected=(), certified=certified, receipt_leaves=leaves, included=included)


@dataclass
class FakeNode:
    """Hears frames and answers each some turns of the loop later."""

    reply: Reply
    heard: Callable[[Answer], None] = lambda _: None
    lost: Any = field(default_factory=lambda: SimpleNamespace(done=lambda: False))
    waiting: int = 0
    most_waiting: int = 0
    submits: list[Submit] = field(default_factory=list)

    def write(self, frames: bytes) -> None:
        for body in FrameReader().feed(frames):
            submit = decode(body, Submit)
            self.submits.append(submit)
            self.waiting += len(submit.transactions)
            self.most_waiting = max(self.most_waiting, self.waiting)
            asyncio.get_running_loop().call_later(0.001, self._answer, submit)

    def _answer(self, submit: Submit) -> None:
        self.waiting -= len(submit.transactions)
        for answer in self.reply(submit):
            self.heard(answer)


def submitted(reply: Reply, *, window: int = 6, per_frame: int = 3) -> tuple[Submission, FakeNode]:
    async def play() -> tuple[Submission, FakeNode]:
        node = FakeNode(reply)
        frames, sizes = submit_frames("nanjing", SENT, per_frame)
        submission = Submission(
            caller=cast("NodeCaller", node), rules=RULES, genesis=GENESIS, frames=frames, sizes=sizes, window=window
        )
        await submission.run()
        submission.check_receipts()
        return submission, node

    return asyncio.run(play())


def test_every_transaction_is_sent_once_in_frames_and_counted_when_it_is_proven() -> None:
    submission, node = submitted(lambda submit: [block(submit)])
    assert [raw for submit in node.submits for raw in submit.transactions] == SENT
    assert [len(submit.transactions) for submit in node.submits] == [3, 3, 3, 1]
    assert (submission.committed, len(submission.latencies), dict(submission.refused)) == (10, 10, {})


@pytest.mark.parametrize("window", [3, 6, 100])
def test_no_more_are_outstanding_than_the_window_holds(window: int) -> None:
    _, node = submitted(lambda submit: [block(submit)], window=window)
    assert node.most_waiting == min(window, len(SENT))


def test_what_failed_or_was_rejected_is_counted_by_its_code_and_not_as_committed() -> None:
    def reply(submit: Submit) -> list[Answer]:
        if submit.request == 0:
            return [block(submit, code="not-granted")]
        if submit.request == 1:
            rejected = tuple(Rejection(index=i, code="queue-full", values=()) for i in range(3))
            return [Outcomes(request=1, rejected=rejected, certified=None, receipt_leaves=(), included=())]
        return [block(submit)]

    submission, _ = submitted(reply)
    assert submission.committed == len(submission.latencies) == 4
    assert submission.refused == {"not-granted": 3, "queue-full": 3}


def test_transactions_of_one_request_may_come_in_several_blocks() -> None:
    def reply(submit: Submit) -> list[Answer]:
        whole = block(submit)
        parts = [replace(whole, included=(included,)) for included in whole.included]
        return [*parts]

    submission, _ = submitted(reply)
    assert submission.committed == len(SENT)


def test_a_header_that_no_quorum_certified_ends_the_run() -> None:
    strangers = Signers(("kunming", "ningbo", "suzhou", "harbin"))
    with pytest.raises(CommandFailed, match="no quorum certified"):
        submitted(lambda submit: [block(submit, group=strangers)])


def test_a_second_header_at_a_height_is_checked_as_well() -> None:
    def reply(submit: Submit) -> list[Answer]:
        good = block(submit, height=7)
        assert good.certified is not None
        if submit.request == 0:
            return [good]
        other = CertifiedHeader(
            header=replace(good.certified.header, time=START_MS + 1), certificate=good.certified.certificate
        )
        return [replace(good, certified=other)]

    with pytest.raises(CommandFailed, match="no quorum certified"):
        submitted(reply)


def test_a_receipt_that_does_not_stand_under_its_header_ends_the_run() -> None:
    def reply(submit: Submit) -> list[Answer]:
        good = block(submit)
        forged = replace(good.included[0], receipt=receipt(b"another"))
        return [replace(good, included=(forged, *good.included[1:]))]

    with pytest.raises(CommandFailed, match="does not stand under its header"):
        submitted(reply)


def test_leaves_that_are_not_those_of_the_header_end_the_run() -> None:
    def reply(submit: Submit) -> list[Answer]:
        good = block(submit)
        return [replace(good, receipt_leaves=(*good.receipt_leaves, bytes(32)))]

    with pytest.raises(CommandFailed, match="does not stand under its header"):
        submitted(reply)


def test_an_answer_of_another_kind_ends_the_run() -> None:
    with pytest.raises(CommandFailed, match="answered a submission with StatusAnswer"):
        submitted(lambda submit: [StatusAnswer(request=submit.request, node="xian", connected=(), chains=())])
