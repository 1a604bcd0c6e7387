"""Evidence ends as one record per replica, height and kind, of a replica of that height, and punishes nobody (19.3)."""

import pytest
from msgspec.structs import replace

from chain.evidence import EVIDENCE_HEIGHTS, Evidence
from chain.transaction import NOBODY, Event
from contracts.evidence import Conviction, ReportEvidence, convictions_of, find_conviction
from contracts.keys import convictions_key
from tests.chain.small_network import FIRST
from tests.contracts.membership_changes import FOUR, agreed, first, rekeyed, replica_of
from tests.contracts.misconduct import forgotten, two_commits
from tests.contracts.small_chain import SmallChain

XIAN = FIRST.membership.key(3)


@pytest.fixture
def chain() -> SmallChain:
    made = SmallChain.founded()
    made.height = 10
    return made


def report(chain: SmallChain, evidence: Evidence, sender: str | bytes = NOBODY) -> tuple[Event, ...]:
    return chain.call(sender, "system", "reportEvidence", ReportEvidence(evidence=evidence))


@pytest.mark.parametrize("kind", [1, 2])
def test_a_conviction_is_recorded_and_said(chain: SmallChain, kind: int) -> None:
    evidence = two_commits(chain.rules) if kind == 1 else forgotten(chain.rules)
    before, time = chain.content(), chain.time
    assert report(chain, evidence) == (Event(contract="system", name="Convicted", values=(XIAN, "xian", kind, 9, 2)),)
    assert find_conviction(chain.records, XIAN, 9, kind) == Conviction(
        signer=XIAN, name="xian", kind=kind, height=9, view=2, recorded_height=10, recorded_at=time
    )
    assert convictions_of(chain.records, XIAN) == 1
    assert len(chain.content()) == len(before) + 2
    assert chain.content()[convictions_key(XIAN)] == bytes(7) + b"\1"
    assert find_conviction(chain.records, XIAN, 9, 3 - kind) is None
    assert convictions_of(chain.records, FOUR.key(0)) == 0


def test_anyone_may_report(chain: SmallChain) -> None:
    report(chain, two_commits(chain.rules), "alice")
    assert convictions_of(chain.records, XIAN) == 1


def test_every_height_kind_and_replica_is_recorded_once(chain: SmallChain) -> None:
    for name, height in (("xian", 8), ("xian", 9), ("beijing", 9)):
        for evidence in (two_commits(chain.rules, height, name=name), forgotten(chain.rules, height, name=name)):
            report(chain, evidence)
            with chain.refuses("evidence-known", name, height):
                report(chain, evidence)
    assert [convictions_of(chain.records, FOUR.key(place)) for place in (0, 3)] == [2, 4]


def test_another_pair_of_statements_at_the_same_height_is_known_already(chain: SmallChain) -> None:
    report(chain, two_commits(chain.rules, view=2))
    with chain.refuses("evidence-known", "xian", 9):
        report(chain, two_commits(chain.rules, view=3))


def test_what_convicts_nobody_is_refused_with_its_reason(chain: SmallChain) -> None:
    good, lost = two_commits(chain.rules), forgotten(chain.rules)
    refused: dict[str, tuple[Evidence, str]] = {
        "evidence-no-conflict": (replace(good, second=good.first), "xian"),
        "evidence-not-forgotten": (replace(lost, view=5), "xian"),
        "evidence-signature-invalid": (replace(good, signer=FOUR.key(1)), "shanghai"),
    }
    for code, (evidence, name) in refused.items():
        with chain.refuses(code, name):
            report(chain, evidence)
    with chain.refuses("evidence-signature-invalid", "xian"):
        report(chain, two_commits(SmallChain.founded("zhongyi").rules))


@pytest.mark.parametrize("ahead", [1, 2, 1_000])
def test_evidence_of_a_height_to_come_waits(chain: SmallChain, ahead: int) -> None:
    with chain.refuses("evidence-too-early", 10 + ahead, 10):
        report(chain, two_commits(chain.rules, 10 + ahead))


def test_evidence_of_the_height_in_flight_is_taken(chain: SmallChain) -> None:
    report(chain, two_commits(chain.rules, 10))
    assert convictions_of(chain.records, XIAN) == 1


@pytest.mark.parametrize("height", [5_000, 4_000 + EVIDENCE_HEIGHTS + 1, 10**9])
def test_evidence_expires_after_a_thousand_heights(chain: SmallChain, height: int) -> None:
    chain.height = height
    old = height - EVIDENCE_HEIGHTS - 1
    with chain.refuses("evidence-expired", old, height):
        report(chain, two_commits(chain.rules, old))
    report(chain, two_commits(chain.rules, old + 1))


def test_whose_key_it_was_is_judged_at_the_height_of_the_statements(chain: SmallChain) -> None:
    new = rekeyed(FOUR, 3)
    chain.call(NOBODY, "system", "changeMembership", agreed(chain.rules, FOUR, new, 12))
    chain.height = 20
    report(chain, two_commits(chain.rules, 11))
    with chain.refuses("evidence-of-no-member", XIAN, 12):
        report(chain, two_commits(chain.rules, 12))
    anew = replica_of("xian", "xian anew").consensus_key
    with chain.refuses("evidence-of-no-member", anew, 11):
        report(chain, two_commits(chain.rules, 11, name="xian anew"))
    report(chain, two_commits(chain.rules, 12, name="xian anew"))
    conviction = find_conviction(chain.records, anew, 12, 1)
    assert conviction is not None
    assert conviction.name == "xian"


def test_a_stranger_is_no_member(chain: SmallChain) -> None:
    stranger = first(5).key(4)
    with chain.refuses("evidence-of-no-member", stranger, 9):
        report(chain, two_commits(chain.rules, name="dalian"))
