"""The log replayed: commits find their proposals, what the store has is skipped, what is missing is refused."""

import pytest
from msgspec.structs import replace

from chain.block import CommittedBlock
from chain.light_client import CertifiedHeader
from node.consensus.messages import (
    Commit,
    Envelope,
    Message,
    NewView,
    Prepare,
    PrePrepare,
    SignedViewChange,
    ViewChange,
)
from node.ledger import Ledger
from node.recovery import Recovery
from node.storage.interface import LogDamaged, LoggedBlock, LoggedCommit, LoggedMessage, LogRecord
from tests.node.small_chain import CHAIN, RULES, certify, define, grow, new_ledger, next_block


def chain_of(count: int) -> list[CommittedBlock]:
    """The first blocks of the chain."""
    return grow(new_ledger(), count)


def message(content: Message, signer: int = 0) -> LoggedMessage:
    """A message in the log; the log's own signatures are not checked again."""
    envelope = Envelope(signer=signer, signature=bytes(64), message=content)
    return LoggedMessage(chain_id=CHAIN, envelope=envelope, prepared=None)


def proposal(block: CommittedBlock, view: int = 0) -> LoggedMessage:
    """The logged proposal of a block."""
    return message(PrePrepare(view=view, block=block.block, parent_certificate=None))


def commit(block: CommittedBlock) -> LoggedCommit:
    """The logged commit of a block."""
    return LoggedCommit(chain_id=CHAIN, height=block.header.height, certificate=block.certificate)


def recovered(ledger: Ledger, *records: LogRecord) -> tuple[LoggedMessage, ...]:
    """What is left of the height in flight after these records."""
    recovery = Recovery(ledger)
    for record in records:
        recovery.take(record)
    return recovery.finish()


def test_commits_and_whole_blocks_are_executed_again_in_order() -> None:
    first, second, third = chain_of(3)
    ledger = new_ledger()
    left = recovered(
        ledger,
        proposal(first),
        commit(first),
        LoggedBlock(chain_id=CHAIN, committed=second),
        proposal(third),
        commit(third),
    )
    assert (ledger.height, left) == (3, ())
    assert ledger.state.root == third.header.state_root


def test_the_messages_of_the_height_in_flight_are_left_once_each() -> None:
    first, second = chain_of(2)
    ledger = new_ledger()
    vote = message(Prepare(view=0, height=2, block=RULES.block_digest(second.header)), signer=1)
    old = message(Prepare(view=0, height=1, block=RULES.block_digest(first.header)), signer=1)
    left = recovered(ledger, proposal(first), old, commit(first), proposal(second), vote, proposal(second), vote)
    assert left == (proposal(second), vote)


def test_what_the_store_has_already_is_skipped() -> None:
    first, second, third = chain_of(3)
    ledger = new_ledger()
    grow(ledger, 2)
    records = (
        proposal(first),
        commit(first),
        LoggedBlock(chain_id=CHAIN, committed=second),
        proposal(third),
        commit(third),
    )
    assert recovered(ledger, *records) == ()
    assert ledger.height == 3


def test_a_certificate_finds_its_own_proposal_among_several_of_one_height() -> None:
    (first,) = chain_of(1)
    ledger = new_ledger()
    executed = next_block(ledger, define(7))
    rival = CommittedBlock(block=executed.block, certificate=first.certificate)
    recovered(ledger, proposal(rival), proposal(first), commit(first))
    assert ledger.head.digest == RULES.block_digest(first.header)


def test_a_gap_between_store_and_log_is_refused_with_what_to_do() -> None:
    first, second, third = chain_of(3)
    for records in (
        (proposal(second), commit(second)),
        (LoggedBlock(chain_id=CHAIN, committed=third),),
        (proposal(first), proposal(second)),
        (message(Commit(view=0, height=5, block=bytes(32))),),
    ):
        with pytest.raises(
            LogDamaged, match=r"the log goes on at height [0-9], the store ends at 0; put back"
        ) as refused:
            recovered(new_ledger(), *records)
        assert CHAIN in str(refused.value)


def test_a_commit_without_its_block_is_refused() -> None:
    (first,) = chain_of(1)
    with pytest.raises(LogDamaged, match="block 1 of the log cannot be taken up: the log does not hold it"):
        recovered(new_ledger(), commit(first))


def test_a_block_that_does_not_execute_here_is_refused_with_the_reason() -> None:
    (first,) = chain_of(1)
    forged = replace(first, certificate=replace(first.certificate, signatures=(bytes(64),) * 3))
    with pytest.raises(LogDamaged, match="cannot be taken up: signature-invalid; use the program version"):
        recovered(new_ledger(), proposal(forged), commit(forged))


def certified_in(view: int, block: CommittedBlock) -> CommittedBlock:
    """The block with a certificate of a later view."""
    return replace(block, certificate=certify(RULES, block.header, view=view))


def change(view: int, committed: CertifiedHeader | None = None) -> LoggedMessage:
    """A logged view change."""
    return message(ViewChange(view=view, committed=committed, prepared=None), signer=1)


def opening(view: int, *changes: LoggedMessage) -> LoggedMessage:
    """A logged new view."""
    shown = tuple(
        SignedViewChange(signer=place, signature=bytes(64), message=logged.envelope.message)
        for place, logged in enumerate(changes)
    )
    return message(NewView(view=view, view_changes=shown), signer=view % 4)


def test_the_promise_of_a_view_outlives_the_blocks_of_lower_ones() -> None:
    first, second = chain_of(2)
    wanted = change(2)
    left = recovered(new_ledger(), wanted, proposal(first), commit(first), proposal(second), commit(second))
    assert left == (wanted,)
    left = recovered(new_ledger(), wanted, opening(2, change(2)), LoggedBlock(chain_id=CHAIN, committed=first))
    assert left == (wanted, opening(2, change(2)))


@pytest.mark.parametrize(("view", "binding"), [(1, True), (2, False), (3, False)])
def test_a_certificate_of_the_view_or_a_later_one_takes_its_place(view: int, binding: bool) -> None:
    (first,) = chain_of(1)
    records = (change(2), opening(2, change(2)))
    block = LoggedBlock(chain_id=CHAIN, committed=certified_in(view, first))
    assert (recovered(new_ledger(), *records, block) == records) == binding
    assert (recovered(new_ledger(), block, *records) == records) == binding


def test_a_view_change_or_new_view_that_goes_on_at_a_later_height_is_no_gap() -> None:
    first, second, _ = chain_of(3)
    head = CertifiedHeader(header=second.header, certificate=second.certificate)
    records = (change(2, head), opening(2, change(2, head)))
    ledger = new_ledger()
    assert recovered(ledger, proposal(first), commit(first), *records) == records
    assert ledger.height == 1


def test_a_block_that_was_proposed_in_two_views_is_found_by_its_certificate() -> None:
    (first,) = chain_of(1)
    ledger = new_ledger()
    later = certified_in(1, first)
    assert recovered(ledger, proposal(first), change(1), proposal(first, view=1), commit(later)) == ()
    assert (ledger.height, ledger.head.certificate.view) == (1, 1)
