"""Evidence is saved by auditors' votes, or refused when a pass became impossible (protocol 31)."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.codec import encode
from contracts.auditing import Auditing, SetThreshold, auditing_of
from contracts.deposit import FAILED, METHODS, PASSED, VOTING, SaveRequest, VoteSaveRequest, find_request
from contracts.interface import ContractReverted
from contracts.keys import auditing_key, contract_purse, purse_key, save_request_key, vote_key
from tests.contracts.certificate_calls import since
from tests.contracts.small_chain import SmallChain
from tests.contracts.small_votes import (
    AUDITORS,
    EVIDENCE,
    PAPER,
    REMARKS,
    ask,
    call,
    configure,
    enable,
    founded,
    read,
    request_in,
    request_of,
    take_back,
    told,
    vote,
)


@pytest.fixture(params=["wuhan", "zhongyi"])
def chain(request: pytest.FixtureRequest) -> SmallChain:
    """A chain with three auditors, two of whom save evidence."""
    return founded(request.param)


def outcome(chain: SmallChain) -> tuple[int, bool]:
    """What came of the request, and whether it counts: as recorded and as read."""
    request = request_in(chain)
    assert read(chain, "getRequestData") == request.status
    assert read(chain, "getEvidence") is request.enabled
    return request.status, request.enabled


def test_every_method_is_one_of_these() -> None:
    assert set(METHODS) == {
        "setThreshold", "configureAuditor", "createSaveRequest", "deleteSaveRequest", "voteSaveRequest", "setStatus",
        "pause", "unpause", "setNameAndSymbol",
    }  # fmt: skip


def test_a_request_is_recorded_with_the_rules_that_hold_for_it(chain: SmallChain) -> None:
    before, time = chain.content(), chain.time
    events = ask(chain)
    platform, alice = chain.address("platform"), chain.address("alice")
    gas, fen = 100 * chain.rules.profile.gas_per_fen // 1_000, chain.rules.profile.fees[EVIDENCE]["createSaveRequest"]
    assert events == (
        told("Pay", platform, "createSaveRequest", fen, gas, 1),
        told("CreateSaveRequest", PAPER, alice, platform),
    )
    expected = SaveRequest(
        digest=PAPER,
        number=1,
        owner=alice,
        requester=platform,
        remarks=REMARKS,
        created_at=time,
        yes=0,
        no=0,
        threshold=2,
        auditors=3,
        status=VOTING,
        enabled=False,
    )
    changes = since(before, chain)
    assert changes.pop(purse_key(platform)) is not None
    assert changes.pop(purse_key(contract_purse(EVIDENCE))) is not None
    assert changes == {
        save_request_key(PAPER): encode(expected),
        auditing_key(): encode(Auditing(threshold=2, auditors=3, requests=1)),
    }
    assert outcome(chain) == (VOTING, False)


def test_anybody_asks_for_anybody(chain: SmallChain) -> None:
    ask(chain, "alice", "platform")
    assert (request_in(chain).requester, request_in(chain).owner) == (chain.address("alice"), chain.address("platform"))


def test_evidence_is_saved_at_the_threshold_and_counts_from_then_on(chain: SmallChain) -> None:
    ask(chain)
    before = chain.content()
    first = vote(chain, "rival")
    assert first == (told("VoteSaveRequest", PAPER, chain.address("rival"), True, VOTING),)
    assert set(since(before, chain)) == {save_request_key(PAPER), vote_key(PAPER, chain.address("rival"))}
    assert (request_in(chain).yes, request_in(chain).no, *outcome(chain)) == (1, 0, VOTING, False)
    second = vote(chain, "operator")
    assert second == (told("VoteSaveRequest", PAPER, chain.address("operator"), True, PASSED),)
    assert (request_in(chain).yes, request_in(chain).no, *outcome(chain)) == (2, 0, PASSED, True)
    with chain.refuses("evidence-decided", PAPER):
        vote(chain, "carol")


def test_a_request_fails_when_a_pass_became_impossible(chain: SmallChain) -> None:
    """Two of three have to say yes: one no leaves it open, the second ends it."""
    ask(chain)
    vote(chain, "rival", approve=False)
    assert (request_in(chain).yes, request_in(chain).no, *outcome(chain)) == (0, 1, VOTING, False)
    last = vote(chain, "operator", approve=False)
    assert last == (told("VoteSaveRequest", PAPER, chain.address("operator"), False, FAILED),)
    assert (request_in(chain).yes, request_in(chain).no, *outcome(chain)) == (0, 2, FAILED, False)
    with chain.refuses("evidence-decided", PAPER):
        vote(chain, "carol")


@settings(max_examples=60)
@given(
    auditors=st.integers(1, 4),
    threshold=st.integers(1, 4),
    votes=st.lists(st.tuples(st.sampled_from(AUDITORS), st.booleans()), max_size=8),
)
def test_votes_decide_as_soon_as_they_can_and_not_before(
    auditors: int, threshold: int, votes: list[tuple[str, bool]]
) -> None:
    chain = founded(auditors=auditors, threshold=threshold)
    if auditors < threshold:
        with chain.refuses("too-few-auditors", auditors, threshold):
            ask(chain)
        return
    ask(chain)
    counted: dict[str, bool] = {}
    for person, approve in votes:
        yes, no = list(counted.values()).count(True), list(counted.values()).count(False)
        decided = PASSED if yes >= threshold else FAILED if auditors - no < threshold else VOTING
        assert outcome(chain) == (decided, decided == PASSED)
        fits = person in AUDITORS[:auditors] and decided == VOTING and person not in counted
        before = chain.content()
        try:
            vote(chain, person, approve=approve)
        except ContractReverted:
            assert (fits, chain.content()) == (False, before)
        else:
            assert fits
            counted[person] = approve
    assert request_in(chain).yes + request_in(chain).no == len(counted)


def test_an_auditor_votes_once_whatever_it_votes(chain: SmallChain) -> None:
    ask(chain)
    vote(chain, "rival", approve=False)
    for approve in (True, False):
        with chain.refuses("voted-already", PAPER):
            vote(chain, "rival", approve=approve)


def test_an_auditor_votes_on_every_request(chain: SmallChain) -> None:
    other = bytes(range(32))
    ask(chain)
    call(chain, "platform", "createSaveRequest", request_of(chain, digest=other))
    vote(chain, "rival")
    call(chain, "rival", "voteSaveRequest", VoteSaveRequest(digest=other, approve=True))
    assert (request_in(chain).number, auditing_of(chain.records).requests) == (1, 2)


@pytest.mark.parametrize("same_block", [False, True])
def test_a_request_that_was_taken_back_and_made_again_starts_from_zero(chain: SmallChain, same_block: bool) -> None:
    """Even within one block, whose time is one: who has voted votes again, and the old vote does not count."""
    ask(chain)
    made_at = request_in(chain).created_at
    vote(chain, "rival")
    take_back(chain)
    assert (find_request(chain.records, PAPER), read(chain, "getEvidence")) == (None, False)
    if same_block:
        chain.time = made_at
    ask(chain, "alice")
    again = request_in(chain)
    assert (again.number, again.yes, again.no, again.requester) == (2, 0, 0, chain.address("alice"))
    assert (again.created_at == made_at) is same_block
    vote(chain, "rival")
    assert (request_in(chain).yes, request_in(chain).status) == (1, VOTING)
    vote(chain, "operator")
    assert outcome(chain) == (PASSED, True)


def test_a_request_that_failed_is_made_again_by_anybody(chain: SmallChain) -> None:
    ask(chain)
    for person in ("rival", "operator"):
        vote(chain, person, approve=False)
    ask(chain, "alice", "platform")
    assert (request_in(chain).number, request_in(chain).no, *outcome(chain)) == (2, 0, VOTING, False)
    vote(chain, "rival")
    vote(chain, "operator")
    assert outcome(chain) == (PASSED, True)


def test_only_who_asked_takes_a_request_back_and_not_once_it_has_passed(chain: SmallChain) -> None:
    ask(chain)
    for sender in ("alice", "operator", "rival"):
        with chain.refuses("not-requester", PAPER):
            take_back(chain, sender)
    before = chain.content()
    assert take_back(chain) == (told("DeleteSaveRequest", PAPER, chain.address("platform")),)
    assert since(before, chain) == {save_request_key(PAPER): None}
    ask(chain)
    for person in ("rival", "operator"):
        vote(chain, person)
    with chain.refuses("evidence-passed", PAPER):
        take_back(chain)


def test_a_request_that_failed_may_be_taken_back(chain: SmallChain) -> None:
    ask(chain)
    for person in ("rival", "operator"):
        vote(chain, person, approve=False)
    take_back(chain)
    assert find_request(chain.records, PAPER) is None


@pytest.mark.parametrize("status", [VOTING, PASSED])
def test_there_is_one_request_for_a_digest_at_a_time(chain: SmallChain, status: int) -> None:
    ask(chain)
    if status == PASSED:
        for person in ("rival", "operator"):
            vote(chain, person)
    with chain.refuses("evidence-request-exists", PAPER):
        ask(chain, "alice")


def test_a_new_threshold_is_for_requests_to_come(chain: SmallChain) -> None:
    ask(chain)
    call(chain, "owner", "setThreshold", SetThreshold(threshold=1))
    vote(chain, "rival")
    assert outcome(chain) == (VOTING, False)
    vote(chain, "operator")
    assert (request_in(chain).threshold, *outcome(chain)) == (2, PASSED, True)


def test_who_became_an_auditor_later_has_no_vote_on_a_request(chain: SmallChain) -> None:
    """Its no would end what the auditors of the request could still pass, and its yes would pass what they refuse."""
    ask(chain)
    configure(chain, "dave")
    for approve in (True, False):
        with chain.refuses("auditor-too-new", PAPER, chain.address("dave")):
            vote(chain, "dave", approve=approve)
    take_back(chain)
    ask(chain)
    vote(chain, "dave")
    assert (request_in(chain).auditors, request_in(chain).yes) == (4, 1)


def test_who_no_longer_audits_has_no_vote_and_does_not_get_the_old_one_back(chain: SmallChain) -> None:
    ask(chain)
    configure(chain, "rival", approved=False)
    with chain.refuses("not-auditor", chain.address("rival")):
        vote(chain, "rival")
    configure(chain, "rival")
    with chain.refuses("auditor-too-new", PAPER, chain.address("rival")):
        vote(chain, "rival")


def test_a_vote_of_who_no_longer_audits_stays_counted(chain: SmallChain) -> None:
    ask(chain)
    vote(chain, "rival")
    configure(chain, "rival", approved=False)
    vote(chain, "operator")
    assert outcome(chain) == (PASSED, True)


def test_the_owner_says_whether_saved_evidence_counts(chain: SmallChain) -> None:
    ask(chain)
    for person in ("rival", "operator"):
        vote(chain, person)
    for enabled in (False, True):
        before = chain.content()
        assert enable(chain, enabled=enabled) == (told("SetStatus", PAPER, enabled),)
        assert set(since(before, chain)) == {save_request_key(PAPER)}
        assert outcome(chain) == (PASSED, enabled)


@pytest.mark.parametrize("sender", ["operator", "platform", "rival", "alice"])
def test_nobody_but_the_owner_says_so(chain: SmallChain, sender: str) -> None:
    """In the reference anybody can: neither who asked, nor whose it is, nor an auditor may here."""
    ask(chain)
    for person in ("rival", "operator"):
        vote(chain, person)
    account = chain.account(sender)
    assert account is not None
    with chain.refuses("role-not-allowed", account.role):
        enable(chain, enabled=False, sender=sender)


@pytest.mark.parametrize("approve", [None, False])
def test_what_was_not_saved_cannot_be_made_to_count(chain: SmallChain, approve: bool | None) -> None:
    ask(chain)
    for person in ("rival", "operator") if approve is False else ():
        vote(chain, person, approve=False)
    with chain.refuses("evidence-not-passed", PAPER):
        enable(chain, enabled=True)


def test_reads_of_what_was_never_asked_for(chain: SmallChain) -> None:
    assert read(chain, "getEvidence", bytes(32)) is False
    with chain.refuses("evidence-request-unknown", PAPER):
        read(chain, "getRequestData")


def test_numbers_of_requests_only_grow(chain: SmallChain) -> None:
    numbers = []
    for _ in range(4):
        ask(chain)
        numbers.append(request_in(chain).number)
        take_back(chain)
    assert all(one < other for one, other in pairwise(numbers))
