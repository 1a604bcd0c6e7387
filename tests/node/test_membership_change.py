"""A change of membership from its transaction to the light client that follows it, and evidence on its way (6.6, 19)."""

import pytest
from msgspec.structs import replace

from chain.codec import decode, encode
from chain.evidence import Evidence
from chain.light_client import CertifiedHeader, Handover, HeaderFault, Trusted, follow, header_fault
from chain.membership import Membership
from chain.transaction import NOBODY, SignedTransaction, Transaction
from contracts.evidence import convictions_of
from contracts.membership import current_memberships
from contracts.system import change_transaction, evidence_transaction
from node.admission import admit
from node.execution import BlockFault, execute_block
from node.ledger import Ledger
from node.mempool import SELF_PROVING_MAX, Checked, Mempool, Refusal, check_transaction
from tests.chain.small_network import START_MS
from tests.contracts.membership_changes import FOUR, agreed, certified_by, first, rekeyed
from tests.contracts.misconduct import two_commits
from tests.node.small_chain import GENESIS, NOW, RULES, checked, define, new_ledger, next_block, touch

FIVE = first(5)
START = Trusted(height=0, time=START_MS, membership=FOUR)


def append(ledger: Ledger, *raws: bytes) -> CertifiedHeader:
    """The next block, certified by whoever must."""
    executed = next_block(ledger, *raws)
    certified = certified_by(RULES, ledger.head.membership, executed.block.header)
    ledger.append(executed, certified.certificate)
    return certified


def nonce(number: int) -> bytes:
    return number.to_bytes(16, "big")


def change(old: Membership, new: Membership, effective_height: int) -> bytes:
    return change_transaction(
        RULES, agreed(RULES, old, new, effective_height), now=START_MS, nonce=nonce(effective_height)
    )


def evidence(number: int = 0, shown: Evidence | None = None, now: int = START_MS) -> bytes:
    return evidence_transaction(RULES, shown or two_commits(RULES, 1), now=now, nonce=nonce(number))


def digests(certified: CertifiedHeader) -> tuple[bytes, bytes]:
    return certified.header.membership, certified.header.next_membership


def test_the_header_before_the_effective_height_hands_over() -> None:
    ledger = new_ledger()
    four, five = RULES.membership_digest(FOUR), RULES.membership_digest(FIVE)
    grown = [append(ledger, change(FOUR, FIVE, 4)), *(append(ledger, define(number)) for number in range(4))]
    assert [digests(certified) for certified in grown] == [
        (four, four), (four, four), (four, five), (five, five), (five, five),
    ]  # fmt: skip
    assert [entry.from_height for entry in current_memberships(ledger.state)] == [0, 4]
    assert (ledger.head.membership, ledger.membership_for(3), ledger.membership_for(4)) == (FIVE, FOUR, FIVE)


def test_a_light_client_follows_what_execution_handed_over() -> None:
    ledger = new_ledger()
    third = rekeyed(FIVE, 0)
    grown = [append(ledger, change(FOUR, FIVE, 3)), append(ledger, define(1)), append(ledger, change(FIVE, third, 5))]
    grown += [append(ledger, define(number)) for number in range(2, 5)]
    handovers = (
        Handover(certified=grown[1], next_membership=FIVE),
        Handover(certified=grown[3], next_membership=third),
    )
    trusted = follow(RULES, START, handovers)
    assert trusted == Trusted(height=4, time=grown[3].header.time, membership=third)
    for certified in grown[4:]:
        assert header_fault(RULES, trusted, certified) is None
        assert header_fault(RULES, START, certified) == HeaderFault.MEMBERSHIP_DIFFERS
    assert follow(RULES, START, handovers[1:]) == HeaderFault.MEMBERSHIP_DIFFERS


def test_a_header_that_hands_over_to_another_set_is_refused() -> None:
    ledger = new_ledger()
    append(ledger, change(FOUR, FIVE, 3))
    block = next_block(ledger, define(1)).block
    for other in (FOUR, rekeyed(FOUR, 0)):
        lying = replace(block, header=replace(block.header, next_membership=RULES.membership_digest(other)))
        fault = ledger.execute(lying, lambda _: None)
        assert isinstance(fault, BlockFault)
        assert fault.why.startswith("next_membership differs")


def test_a_chain_comes_back_with_the_sets_it_had() -> None:
    ledger = new_ledger()
    append(ledger, change(FOUR, FIVE, 3))
    append(ledger, define(1))
    again = Ledger(RULES, GENESIS, ledger._store)
    assert again.head == ledger.head
    assert again.head.membership == FIVE


def altered(raw: bytes, **fields: object) -> bytes:
    """The transaction with other fields of its body, still signed by nobody."""
    signed = decode(raw, SignedTransaction)
    return encode(replace(signed, body=encode(replace(decode(signed.body, Transaction), **fields))))


def test_nobody_s_transaction_is_taken_for_two_methods_alone_and_with_no_signature() -> None:
    ledger = new_ledger()
    good = evidence()
    assert isinstance(check_transaction(RULES, good, ledger.state), Checked)
    signed = decode(good, SignedTransaction)
    refused = [
        encode(replace(signed, signature=bytes(63) + b"\1")),
        altered(good, method="touch"),
        altered(good, contract="authority"),
        altered(good, contract="ddc721", method="mint"),
        altered(touch(1), sender=NOBODY),
    ]
    for raw in refused:
        assert check_transaction(RULES, raw, ledger.state) == Refusal("signature-invalid", (NOBODY,))
    for sender in (b"\0\0", b"\1", bytes(20)):
        stranger = check_transaction(RULES, altered(good, sender=sender), ledger.state)
        assert stranger == Refusal("account-unknown", (sender,))


def test_it_is_in_its_window_and_stands_once_like_any_other() -> None:
    ledger = new_ledger()
    append(ledger, evidence())
    assert convictions_of(ledger.state, FOUR.key(3)) == 1
    again = next_block(ledger, evidence()).block
    late = next_block(ledger, evidence(1, now=START_MS - 150_000)).block
    for block in (again, late):
        fault = ledger.execute(block, lambda _: None)
        assert fault == BlockFault("a transaction is out of its window or repeats an earlier one")


def test_evidence_that_is_known_by_now_stays_in_its_block_and_fails() -> None:
    ledger = new_ledger()
    executed = next_block(ledger, evidence(1), evidence(2))
    assert [receipt.code for receipt in executed.receipts] == ["", "evidence-known"]


@pytest.mark.parametrize("try_out", [True, False])
def test_what_proves_nothing_is_kept_in_no_pool_whoever_brings_it(try_out: bool) -> None:
    ledger, pool = new_ledger(), Mempool(RULES)
    good = two_commits(RULES, 1)
    raws = {
        "": evidence(1, now=NOW),
        "evidence-no-conflict": evidence(2, replace(good, second=good.first), now=NOW),
        "evidence-signature-invalid": evidence(3, replace(good, signer=FOUR.key(0)), now=NOW),
        "change-not-signed": change_transaction(
            RULES, agreed(RULES, FOUR, FIVE, 3, signers=(0, 1)), now=NOW, nonce=nonce(4)
        ),
    }
    for code, raw in raws.items():
        result = admit(ledger, pool, raw, now=NOW, try_out=try_out)
        assert isinstance(result, Checked) if not code else isinstance(result, Refusal) and result.code == code
    assert [waiting.raw for waiting in pool.waiting()] == [raws[""]]


def test_a_block_holds_few_that_prove_themselves() -> None:
    ledger = new_ledger()
    raws = [evidence(number) for number in range(SELF_PROVING_MAX + 1)]

    def fault(*block: bytes) -> object:
        executed = next_block(ledger, *block)
        head = ledger.head
        return execute_block(
            RULES, ledger.state, head.header, head.digest, executed.block, known=lambda _: None, seen=ledger.seen
        )

    assert not isinstance(fault(*raws[:-1], define(1)), BlockFault)
    assert fault(define(1), *raws) == BlockFault("a block holds at most 16 transactions that nobody signs")


def test_the_pool_offers_no_more_of_them_than_a_block_may_hold() -> None:
    ledger, pool = new_ledger(), Mempool(RULES)
    many = [checked(evidence(number, now=NOW), ledger) for number in range(SELF_PROVING_MAX + 3)]
    plain = [checked(define(number), ledger) for number in range(2)]
    for one in (plain[0], *many, plain[1]):
        assert pool.add(one)
    assert pool.next_block(NOW, 10**6) == [plain[0], *many[:SELF_PROVING_MAX], plain[1]]
