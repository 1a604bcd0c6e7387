"""Evidence on its way into the chain: reported until the state holds the conviction, a bounded number at a time."""

from dataclasses import replace as replaced

import pytest
from msgspec.structs import replace

from chain.codec import decode
from chain.domains import Domain
from chain.evidence import EVIDENCE_HEIGHTS, ConflictingStatements, SignedDigest, conflict
from chain.transaction import TRANSACTION_WINDOW_MS, SignedTransaction, Transaction
from contracts.evidence import ReportEvidence
from node.execution import dry_run
from node.ledger import Ledger
from node.reports import REPORTS_MAX, Reports
from tests.node.small_chain import (
    MEMBERSHIP,
    NOW,
    RULES,
    certify,
    checked,
    grow,
    new_ledger,
    next_block,
    vote_signature,
)


def guilt(place: int = 3, *, height: int = 1, view: int = 0) -> ConflictingStatements:
    """Two prepares of one replica."""
    one, other = (
        SignedDigest(
            block=block, signature=vote_signature(RULES, Domain.PREPARE, place, view=view, height=height, block=block)
        )
        for block in (b"\x01" * 32, b"\x02" * 32)
    )
    return conflict(MEMBERSHIP.key(place), Domain.PREPARE, view=view, height=height, one=one, other=other)


def reports(*found: ConflictingStatements) -> Reports:
    """These are to be reported."""
    made = Reports()
    for evidence in found:
        assert made.add(evidence)
    return made


def call_of(raw: bytes) -> Transaction:
    """What a report calls."""
    return decode(decode(raw, SignedTransaction).body, Transaction)


def test_a_report_is_a_transaction_that_any_replica_takes() -> None:
    ledger = new_ledger()
    (raw,) = reports(guilt()).due(ledger, NOW)
    assert decode(call_of(raw).arguments, ReportEvidence).evidence == guilt()
    assert dry_run(RULES, ledger.state, ledger.head.header, checked(raw, ledger), time=NOW) is None


def test_the_same_report_is_sent_until_it_expires_and_then_one_that_is_valid_again() -> None:
    ledger, made = new_ledger(), reports(guilt())
    first = made.due(ledger, NOW)
    half = TRANSACTION_WINDOW_MS // 2
    assert made.due(ledger, NOW + half - 1) == first
    (second,) = made.due(ledger, NOW + half)
    assert call_of(second).valid_until == NOW + 2 * half
    assert call_of(first[0]).valid_until == NOW + half


def test_one_offence_is_reported_once_and_others_beside_it() -> None:
    made = reports(guilt())
    assert not made.add(guilt())
    assert not made.add(guilt(view=1)), "one conviction for a height and kind is enough"
    assert made.add(guilt(2))
    assert made.add(guilt(height=2))
    assert len(made.due(new_ledger(), NOW)) == 2, "height 2 cannot be judged by block 1"


@pytest.mark.parametrize(("head", "due"), [(0, 0), (1, 1), (2, 1)])
def test_what_speaks_of_a_height_to_come_waits_for_it(head: int, due: int) -> None:
    ledger = new_ledger()
    grow(ledger, head)
    assert len(reports(guilt(height=2)).due(ledger, NOW + 10_000)) == due


def test_what_the_chain_knows_is_reported_no_more() -> None:
    ledger, made = new_ledger(), reports(guilt(), guilt(2))
    executed = next_block(ledger, made.due(ledger, NOW)[0], time=NOW)
    ledger.append(executed, certify(RULES, executed.block.header))
    assert [place[0] for place in made.open] == [MEMBERSHIP.key(3), MEMBERSHIP.key(2)]
    assert len(made.due(ledger, NOW)) == 1
    assert [place[0] for place in made.open] == [MEMBERSHIP.key(2)]


@pytest.mark.parametrize(("age", "due"), [(EVIDENCE_HEIGHTS - 1, 1), (EVIDENCE_HEIGHTS, 0)])
def test_what_is_too_old_to_be_judged_is_reported_no_more(age: int, due: int) -> None:
    ledger: Ledger = new_ledger()
    grow(ledger, 1)
    ledger.head = replaced(ledger.head, header=replace(ledger.head.header, height=1 + age))
    assert len(reports(guilt()).due(ledger, NOW)) == due


def test_the_number_of_open_reports_is_bounded() -> None:
    made = reports(*(guilt(height=height) for height in range(1, REPORTS_MAX + 1)))
    assert not made.add(guilt(2))
    assert len(made.open) == REPORTS_MAX
