"""Building and executing a block: one way to run, every claim of the header compared, every rule of the body."""

import dataclasses

import pytest
from msgspec.structs import replace

from chain.block import BlockHeader
from chain.codec import decode, encode
from chain.merkle import leaf_hash, root
from chain.transaction import TRANSACTION_WINDOW_MS, SignedTransaction, Transaction
from contracts.interface import ContractContext, ContractReverted
from node import execution
from node.execution import BlockFault, Executed, dry_run, execute_block
from node.ledger import Ledger
from node.mempool import Checked, Refusal
from tests.node.small_chain import (
    RULES,
    checked,
    define,
    definition,
    grow,
    new_ledger,
    next_block,
    signed_call,
    touch,
)


def executed(ledger: Ledger, block, known=lambda _: None) -> Executed | BlockFault:
    """The block, executed on the ledger's head."""
    head = ledger.head
    return execute_block(ledger.rules, ledger.state, head.header, head.digest, block, known=known, seen=ledger.seen)


def why(ledger: Ledger, block) -> str:
    """Why the block is not valid."""
    fault = executed(ledger, block)
    assert isinstance(fault, BlockFault)
    return fault.why


def test_what_one_builds_the_other_executes_to_the_same() -> None:
    built = next_block(new_ledger(), define(1), touch(2), define(3))
    result = executed(new_ledger(), built.block)
    assert isinstance(result, Executed)
    assert (result.digest, result.receipts, result.layer.root) == (built.digest, built.receipts, built.layer.root)
    assert result.block == built.block


def test_a_failed_call_stays_in_its_block_with_a_receipt_and_no_other_effect() -> None:
    ledger = new_ledger()
    too_soon = next_block(ledger, touch(1), time=ledger.head.header.time + 1)
    assert [receipt.code for receipt in too_soon.receipts] == ["touched-recently"]
    assert too_soon.receipts[0].events == ()
    assert too_soon.layer.root == ledger.state.root
    beside = next_block(ledger, define(1), touch(1), define(2), time=ledger.head.header.time + 1)
    assert [receipt.succeeded for receipt in beside.receipts] == [True, False, True]
    assert beside.layer.root == next_block(ledger, define(1), define(2), time=ledger.head.header.time + 1).layer.root


def test_what_a_call_wrote_before_it_was_refused_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = new_ledger()

    def call(context: ContractContext, transaction: Transaction) -> None:
        context.records.put(b"Z" + transaction.nonce, b"written")
        if transaction.nonce[-1] % 2:
            raise ContractReverted("odd")

    monkeypatch.setattr(execution, "call", call)
    built = next_block(ledger, *(touch(number) for number in range(4)))
    assert [receipt.code for receipt in built.receipts] == ["", "odd", "", "odd"]
    nonces = [number.to_bytes(16, "big") for number in range(4)]
    assert [built.layer.get(b"Z" + nonce) for nonce in nonces] == [b"written", None, b"written", None]


def test_transactions_see_what_the_ones_before_them_left() -> None:
    ledger = new_ledger()
    twin = signed_call("defineClass", definition(1), nonce=50)
    assert [receipt.code for receipt in next_block(ledger, define(1), twin).receipts] == ["", "class-exists"]
    assert [receipt.code for receipt in next_block(ledger, twin, define(1)).receipts] == ["", "class-exists"]


def test_the_roots_are_over_the_bytes_sent_and_the_receipts_in_order() -> None:
    raws = (define(1), define(2))
    built = next_block(new_ledger(), *raws)
    header = built.block.header
    assert header.transaction_root == root(RULES.digest, [leaf_hash(RULES.digest, raw) for raw in raws])
    leaves = [leaf_hash(RULES.digest, encode(receipt)) for receipt in built.receipts]
    assert header.receipt_root == root(RULES.digest, leaves)
    assert list(built.receipt_leaves) == leaves


@pytest.mark.parametrize("field", BlockHeader.__struct_fields__[1:])
def test_every_field_of_the_header_is_compared(field: str) -> None:
    block = next_block(new_ledger(), define(1)).block
    value = getattr(block.header, field)
    other = bytes(32) if isinstance(value, bytes) else "chengdu" if isinstance(value, str) else value + 1
    changed = replace(block, header=replace(block.header, **{field: other}))
    if field in ("view", "proposer"):  # execution takes them from the proposal, whose form the replica checks
        assert isinstance(executed(new_ledger(), changed), Executed)
    else:
        assert f"{'state_root' if field == 'time' else field} differs" in why(new_ledger(), changed)


def test_a_block_holds_at_least_one_transaction_and_at_most_the_limits() -> None:
    rules = dataclasses.replace(RULES, profile=replace(RULES.profile, block_transactions_max=2, block_bytes_max=1_000))
    ledger = new_ledger(rules)
    block = next_block(ledger, define(1), define(2), define(3)).block
    assert "holds 1 to 2 transactions, got 3" in why(ledger, block)
    assert "got 0" in why(ledger, replace(block, transactions=()))
    assert "at most 1000 bytes" in why(ledger, replace(block, transactions=(bytes(1_001),)))


def test_a_transaction_that_may_not_be_in_a_block_makes_it_invalid() -> None:
    ledger = new_ledger()
    grow(ledger, 1)
    time = ledger.head.header.time + 1_000
    cases = {
        "expired": next_block(ledger, define(5, valid_until=time - 1)).block,
        "too far": next_block(ledger, define(5, valid_until=time + TRANSACTION_WINDOW_MS + 1)).block,
        "in an earlier block": next_block(ledger, define(0)).block,
        "twice": next_block(ledger, define(5), define(5)).block,
    }
    for block in cases.values():
        assert why(ledger, block) == "a transaction is out of its window or repeats an earlier one"
    for valid_until in (time, time + TRANSACTION_WINDOW_MS):
        assert isinstance(executed(ledger, next_block(ledger, define(5, valid_until=valid_until)).block), Executed)


def test_a_signature_is_checked_unless_exactly_these_bytes_were() -> None:
    ledger = new_ledger()
    good = next_block(ledger, define(1)).block
    forged = encode(replace(decode(define(1), SignedTransaction), signature=bytes(64)))
    waiting = {define(1): checked(define(1), ledger)}
    block = replace(good, transactions=(forged,))
    assert isinstance(executed(ledger, block, known=waiting.get), BlockFault)
    assert why(ledger, block) == "a transaction may not be in a block: signature-invalid"
    asked: list[bytes] = []

    def known(raw: bytes) -> Checked | None:
        asked.append(raw)
        return waiting.get(raw)

    assert isinstance(executed(ledger, good, known=known), Executed)
    assert asked == [define(1)]


def test_a_dry_run_says_why_a_call_would_fail_and_writes_nothing() -> None:
    ledger = new_ledger()
    head = ledger.head.header
    one = checked(touch(1), ledger)
    assert dry_run(RULES, ledger.state, head, one, time=head.time + 60_000) is None
    refusal = dry_run(RULES, ledger.state, head, one, time=0)
    assert refusal == Refusal("touched-recently", (1, RULES.profile.touch_interval_s * 1_000))
