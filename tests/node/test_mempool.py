"""The pool and what it lets in: form and signature, windows, duplicates, bounds, and the choice for a block."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chain.codec import decode, encode
from chain.rules import ChainRules
from chain.transaction import TRANSACTION_WINDOW_MS, SignedTransaction, Transaction
from node.mempool import (
    POOL_BLOCKS_MAX,
    Checked,
    Mempool,
    Refusal,
    SeenIds,
    check_transaction,
    read_transaction,
    window_refusal,
)
from tests.node.small_chain import NOW, OTHER_CHAIN, RULES, checked, define, new_ledger, rules_of, touch

LEDGER = new_ledger()


def with_limits(**limits: int) -> ChainRules:
    """The chain's rules with other limits."""
    return dataclasses.replace(RULES, profile=replace(RULES.profile, **limits))


def of(number: int, *, valid_until: int = NOW + 100_000) -> Checked:
    """A checked transaction of its own."""
    return checked(define(number, valid_until=valid_until), LEDGER)


def refused(raw: bytes) -> str:
    """Why a transaction is not taken."""
    outcome = check_transaction(RULES, raw, LEDGER.state)
    assert isinstance(outcome, Refusal)
    return outcome.code


def test_a_transaction_is_read_from_its_canonical_bytes_and_nothing_else() -> None:
    raw = define(1)
    assert isinstance(read_transaction(RULES, raw), tuple)
    assert refused(b"") == "transaction-malformed"
    assert refused(raw + b"\0") == "transaction-malformed"
    assert refused(encode(SignedTransaction(body=b"\x90", signature=bytes(64)))) == "transaction-malformed"
    assert refused(bytes(RULES.profile.transaction_bytes_max + 1)) == "transaction-too-large"


def test_a_transaction_of_another_chain_is_refused_by_name() -> None:
    outcome = check_transaction(RULES, define(1, rules=rules_of(chain_id=OTHER_CHAIN)), LEDGER.state)
    assert outcome == Refusal("wrong-chain", (OTHER_CHAIN, RULES.chain_id))


def test_the_signature_must_be_the_sender_s_own() -> None:
    signed = decode(define(1), SignedTransaction)
    for signature in (bytes(64), signed.signature[:-1] + b"\0", decode(define(2), SignedTransaction).signature):
        assert refused(encode(replace(signed, signature=signature))) == "signature-invalid"
    body = decode(signed.body, Transaction)
    stranger = encode(replace(body, sender=b"\x07" * 20))
    assert refused(encode(replace(signed, body=stranger))) == "account-unknown"


def test_the_same_body_on_another_network_has_another_id_and_no_valid_signature() -> None:
    elsewhere = ChainRules.of(bytes(32), RULES.profile)
    outcome = check_transaction(elsewhere, define(1), LEDGER.state)
    assert isinstance(outcome, Refusal)
    assert outcome.code == "signature-invalid"


@pytest.mark.parametrize(
    ("valid_until", "code"),
    [
        (NOW - 1, "transaction-expired"),
        (NOW, None),
        (NOW + TRANSACTION_WINDOW_MS, None),
        (NOW + TRANSACTION_WINDOW_MS + 1, "valid-until-too-far"),
    ],
)
def test_a_transaction_is_valid_from_now_to_the_end_of_the_window(valid_until: int, code: str | None) -> None:
    refusal = window_refusal(of(1, valid_until=valid_until).transaction, NOW)
    assert (refusal.code if refusal else None) == code


def test_a_transaction_is_found_by_its_exact_bytes_only() -> None:
    pool, one = Mempool(RULES), of(1)
    assert pool.add(one)
    assert pool.find(one.raw) == one
    other = encode(replace(decode(one.raw, SignedTransaction), signature=bytes(64)))
    assert pool.find(other) is None
    assert one.transaction_id in pool
    assert not pool.add(Checked(other, one.transaction_id, one.transaction))
    assert len(pool) == 1


def test_a_pool_is_bounded_in_number() -> None:
    pool = Mempool(with_limits(pool_transactions_max=3))
    assert [pool.add(of(number)) for number in range(5)] == [True, True, True, False, False]
    assert pool.full
    pool.remove([of(1).transaction_id, of(99).transaction_id])
    assert not pool.full
    assert [checked.raw for checked in pool.waiting()] == [define(0), define(2)]


def test_a_pool_is_bounded_in_bytes() -> None:
    rules = with_limits(block_bytes_max=300_000)
    pool = Mempool(rules)
    big = [Checked(number.to_bytes(4, "big") * 75_000, bytes([number]), of(1).transaction) for number in range(20)]
    assert [pool.add(checked) for checked in big].count(True) == POOL_BLOCKS_MAX
    pool.remove([big[0].transaction_id])
    assert pool.add(big[-1])


def test_what_has_expired_is_given_back_but_for_what_a_block_holds_already() -> None:
    pool = Mempool(RULES)
    transactions = [of(number, valid_until=NOW + number) for number in range(5)]
    for transaction in transactions:
        pool.add(transaction)
    held = {transactions[1].transaction_id}
    assert pool.expire(NOW + 3, held) == [transactions[0], transactions[2]]
    assert pool.waiting() == [transactions[1], transactions[3], transactions[4]]
    assert pool.expire(NOW + 3) == [transactions[1]]


def test_a_block_takes_the_oldest_within_their_window_up_to_the_limits() -> None:
    pool = Mempool(with_limits(block_transactions_max=3))
    late, *rest = [of(0, valid_until=NOW - 1)] + [of(number) for number in range(1, 6)]
    for transaction in (late, *rest):
        pool.add(transaction)
    assert pool.next_block(NOW, 10**6) == rest[:3]
    assert pool.next_block(NOW, sum(len(checked.raw) for checked in rest[:2])) == rest[:2]
    assert pool.next_block(NOW - 1, 10**6)[0] == late
    assert pool.next_block(NOW + TRANSACTION_WINDOW_MS, 10**6) == []
    assert pool.next_block(NOW, 0) == []
    assert len(pool) == 6


def test_ids_are_remembered_for_the_window_and_then_forgotten() -> None:
    seen = SeenIds()
    seen.add(1, NOW, (b"a", b"b"))
    seen.add(2, NOW + TRANSACTION_WINDOW_MS, (b"c",))
    assert (seen.height_of(b"a"), seen.height_of(b"c"), seen.height_of(b"d")) == (1, 2, None)
    assert b"b" in seen
    seen.add(3, NOW + TRANSACTION_WINDOW_MS + 1, ())
    assert b"a" not in seen
    assert b"c" in seen


@given(st.lists(st.integers(0, 2 * TRANSACTION_WINDOW_MS), min_size=1, max_size=12))
def test_an_id_is_forgotten_only_when_no_block_could_hold_it_again(gaps: list[int]) -> None:
    seen, time = SeenIds(), NOW
    blocks: list[tuple[int, bytes]] = []
    for number, gap in enumerate(gaps):
        time += gap
        blocks.append((time, bytes([number])))
        seen.add(number, time, (bytes([number]),))
        for at, transaction_id in blocks:
            assert (transaction_id in seen) == (at + TRANSACTION_WINDOW_MS >= time)


def test_touch_is_a_transaction_like_any_other() -> None:
    assert checked(touch(1), LEDGER).transaction.contract == "system"
