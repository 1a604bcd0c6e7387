"""Admission: what cannot succeed at the head is refused without a trace, and a retry is harmless."""

import dataclasses

import pytest
from msgspec.structs import replace

from chain.codec import decode, encode
from chain.transaction import SignedTransaction
from contracts.interface import ContractReverted
from contracts.system import change_transaction, evidence_transaction
from node import execution
from node.admission import admit, drop_outdated
from node.ledger import Ledger
from node.mempool import Checked, Mempool, Refusal
from tests.contracts.membership_changes import FOUR, agreed, first
from tests.contracts.misconduct import two_commits
from tests.node.small_chain import NOW, RULES, checked, define, definition, grow, new_ledger, signed_call, touch


def outcome(ledger: Ledger, pool: Mempool, raw: bytes, *, try_out: bool = True) -> Checked | str:
    """The checked transaction, or the code of its refusal."""
    result = admit(ledger, pool, raw, now=NOW, try_out=try_out)
    return result.code if isinstance(result, Refusal) else result


def resigned(raw: bytes) -> bytes:
    """The same body with a signature of nobody."""
    return encode(replace(decode(raw, SignedTransaction), signature=bytes(64)))


def test_a_good_transaction_waits_and_sending_it_again_gives_the_same() -> None:
    ledger, pool = new_ledger(), Mempool(RULES)
    first = outcome(ledger, pool, define(1))
    assert isinstance(first, Checked)
    assert outcome(ledger, pool, define(1)) == first
    assert len(pool) == 1


def test_a_call_that_would_fail_at_the_head_is_refused_by_its_own_code_and_leaves_no_trace() -> None:
    ledger, pool = new_ledger(), Mempool(RULES)
    grow(ledger, 1)
    root = ledger.state.root
    again = signed_call("defineClass", definition(0), nonce=77)
    assert outcome(ledger, pool, again) == "class-exists"
    assert (len(pool), ledger.state.root) == (0, root)
    assert isinstance(outcome(ledger, pool, again, try_out=False), Checked)
    assert len(pool) == 1


def test_a_transaction_of_a_recent_block_is_answered_and_does_not_wait_again() -> None:
    ledger, pool = new_ledger(), Mempool(RULES)
    grow(ledger, 1)
    assert isinstance(outcome(ledger, pool, define(0)), Checked)
    assert len(pool) == 0


def test_what_was_checked_with_a_proposed_block_waits_without_another_check(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger, pool = new_ledger(), Mempool(RULES)
    in_block = checked(define(0), ledger)
    unasked = dataclasses.replace(
        RULES, scheme=dataclasses.replace(RULES.scheme, verify=lambda *_: pytest.fail("asked"))
    )
    monkeypatch.setattr(ledger, "rules", unasked)
    assert admit(ledger, pool, define(0), now=NOW, try_out=False, in_block=in_block) is in_block
    assert pool.find(define(0)) is in_block


def test_what_proves_itself_is_tried_out_though_it_stands_in_a_proposed_block() -> None:
    ledger, pool = new_ledger(), Mempool(RULES)
    worthless = change_transaction(RULES, agreed(RULES, FOUR, FOUR, 3), now=NOW, nonce=b"n" * 16)
    refused = admit(ledger, pool, worthless, now=NOW, try_out=False, in_block=checked(worthless, ledger))
    assert isinstance(refused, Refusal)
    assert len(pool) == 0


def test_a_caller_s_transaction_is_tried_out_though_it_stands_in_a_proposed_block() -> None:
    ledger, pool = new_ledger(), Mempool(RULES)
    grow(ledger, 1)
    again = signed_call("defineClass", definition(0), nonce=77)
    refused = admit(ledger, pool, again, now=NOW, try_out=True, in_block=checked(again, ledger))
    assert isinstance(refused, Refusal)
    assert len(pool) == 0


@pytest.mark.parametrize("settle", ["waits", "in a block"])
def test_bytes_with_another_signature_are_checked_on_their_own(settle: str) -> None:
    ledger, pool = new_ledger(), Mempool(RULES)
    if settle == "waits":
        outcome(ledger, pool, define(0))
    else:
        grow(ledger, 1)
    assert outcome(ledger, pool, resigned(define(0))) == "signature-invalid"


def test_a_second_valid_signature_of_a_waiting_body_waits_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger, pool = new_ledger(), Mempool(RULES)
    first = outcome(ledger, pool, define(0))
    lenient = dataclasses.replace(RULES, scheme=dataclasses.replace(RULES.scheme, verify=lambda *_: True))
    monkeypatch.setattr(ledger, "rules", lenient)
    second = outcome(ledger, pool, resigned(define(0)))
    assert isinstance(first, Checked)
    assert isinstance(second, Checked)
    assert second.transaction_id == first.transaction_id
    assert pool.waiting() == [first]


def test_a_full_pool_refuses_what_is_new_and_answers_what_is_known() -> None:
    rules = dataclasses.replace(RULES, profile=replace(RULES.profile, pool_transactions_max=1))
    ledger, pool = new_ledger(rules), Mempool(rules)
    grow(ledger, 1)
    assert isinstance(outcome(ledger, pool, define(5)), Checked)
    assert outcome(ledger, pool, define(6)) == "pool-full"
    assert isinstance(outcome(ledger, pool, define(5)), Checked)
    assert isinstance(outcome(ledger, pool, define(0)), Checked)
    assert len(pool) == 1


def test_windows_are_held_against_the_clock_of_the_node() -> None:
    ledger, pool = new_ledger(), Mempool(RULES)
    assert outcome(ledger, pool, define(1, valid_until=NOW - 1)) == "transaction-expired"
    assert outcome(ledger, pool, define(1, valid_until=NOW + 300_001)) == "valid-until-too-far"


def test_form_comes_before_everything() -> None:
    ledger, pool = new_ledger(), Mempool(RULES)
    assert outcome(ledger, pool, b"\xc1") == "transaction-malformed"


def test_the_dry_run_looks_at_the_later_of_clock_and_head(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger, pool = new_ledger(), Mempool(RULES)
    times: list[int] = []

    def check(context, transaction) -> None:
        times.append(context.time)
        raise ContractReverted("noted")

    monkeypatch.setattr(execution, "check", check)
    head = ledger.head.header.time
    for now in (NOW, head - 50_000):
        admit(ledger, pool, touch(1, valid_until=head + 150_000), now=now, try_out=True)
    assert times == [NOW, head + 1]


def test_what_proved_itself_and_does_not_any_more_is_dropped_with_the_reason_and_nothing_else_is() -> None:
    ledger, pool = new_ledger(), Mempool(RULES)
    report = evidence_transaction(RULES, two_commits(RULES, 1), now=NOW, nonce=bytes(16))
    change = change_transaction(RULES, agreed(RULES, FOUR, first(5), 3), now=NOW, nonce=bytes(16))
    raws = [define(7), report, change, define(8)]
    waiting = [outcome(ledger, pool, raw) for raw in raws]
    assert pool.self_proving() == waiting[1:3]
    assert drop_outdated(ledger, pool, now=NOW) == []
    assert len(pool) == 4
    grow(ledger, 2)
    assert drop_outdated(ledger, pool, now=NOW) == [
        (waiting[2], Refusal("effective-height-out-of-range", (3, 5, 1_003)))
    ]
    assert pool.waiting() == [waiting[0], waiting[1], waiting[3]]
    assert pool.self_proving() == [waiting[1]]
    pool.remove([waiting[1].transaction_id])
    assert pool.self_proving() == []
