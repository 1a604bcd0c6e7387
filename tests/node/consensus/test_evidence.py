"""What convicts a replica: two things said where a correct one says one, or a commit that a view change forgets."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.evidence import EVIDENCE_HEIGHTS, ConflictingStatements, Evidence, ForgottenCommit, evidence_fault, kind_of
from node.consensus.evidence import VIEWS_MAX, Witness
from node.consensus.log import FUTURE_HEIGHTS_MAX
from node.consensus.messages import Authenticated, Commit, Message, Prepare, PrePrepare, place
from tests.node.consensus.stage import Stage
from tests.node.small_chain import MEMBERSHIP, RULES

STAGE = Stage(replica_id=1)
A, B = STAGE.digest("A"), STAGE.digest("B")


def heard(witness: Witness, *messages: Message, signer: int = 2, head: int = 0) -> list[Evidence | None]:
    """One replica says these, in this order; what each of them proves."""
    return [hear(witness, STAGE.signed(signer, message), head) for message in messages]


def hear(witness: Witness, said: Authenticated, head: int = 0) -> Evidence | None:
    """What this proves; evidence convicts its signer and holds by itself."""
    key = MEMBERSHIP.key(said.signer)
    evidence = witness.hear(said, key, head)
    if evidence is not None:
        assert evidence_fault(RULES, evidence) is None
        assert (evidence.signer, evidence.height) == (key, place(said.message)[0])
    return evidence


def prepare(letter: str, *, view: int = 0, height: int = 1) -> Prepare:
    """A vote of the first phase."""
    return Prepare(view=view, height=height, block=STAGE.digest(letter))


def commit(letter: str, *, view: int = 0, height: int = 1) -> Commit:
    """A vote of the second phase."""
    return Commit(view=view, height=height, block=STAGE.digest(letter))


def proposal(letter: str, view: int = 0) -> PrePrepare:
    """A proposal of the first height."""
    return PrePrepare(view=view, block=STAGE.block(letter), parent_certificate=None)


PAIRS: dict[str, tuple[Message, Message]] = {
    "pre-prepare": (proposal("A"), proposal("B")),
    "prepare": (prepare("A"), prepare("B")),
    "commit": (commit("A"), commit("B")),
    "view-change": (STAGE.view_change(1, shows=None), STAGE.view_change(1, shows=STAGE.prepared("A"))),
    "new-view": (STAGE.new_view(1, 0, 1, 2), STAGE.new_view(1, 0, 1, 3)),
}


@pytest.mark.parametrize("phase", PAIRS)
def test_two_statements_of_one_place_convict_in_whatever_order_they_are_heard(phase: str) -> None:
    one, other = PAIRS[phase]
    found = heard(Witness(), one, other)
    assert found[0] is None
    assert isinstance(found[1], ConflictingStatements)
    assert (found[1].phase, kind_of(found[1])) == (phase, 1)
    assert heard(Witness(), other, one) == found
    assert found[1].first.block < found[1].second.block


@pytest.mark.parametrize("phase", PAIRS)
def test_the_same_statement_again_convicts_nobody(phase: str) -> None:
    assert heard(Witness(), PAIRS[phase][0], PAIRS[phase][0]) == [None, None]


def test_one_statement_under_two_signatures_convicts_nobody() -> None:
    witness = Witness()
    said = STAGE.signed(2, prepare("A"))
    assert hear(witness, said) is None
    other = STAGE.signed(3, prepare("A")).signature
    assert witness.hear(Authenticated(type(said.envelope)(2, other, said.message), said.digest), b"", 0) is None


def test_statements_of_other_replicas_views_heights_and_kinds_do_not_conflict() -> None:
    witness = Witness()
    assert heard(witness, prepare("A"), signer=2) == [None]
    assert heard(witness, prepare("B"), signer=3) == [None]
    assert heard(witness, prepare("B", view=1), prepare("B", height=2), commit("B", view=2)) == [None, None, None]


def test_a_third_statement_convicts_by_the_first() -> None:
    found = heard(Witness(), prepare("A"), prepare("B"), prepare("C"))
    assert [evidence is None for evidence in found] == [True, False, False]
    assert found[2].height == 1


def test_a_commit_that_a_later_view_change_does_not_show_convicts_in_whatever_order_they_are_heard() -> None:
    change = STAGE.view_change(1, shows=None)
    found = heard(Witness(), commit("A"), change)
    assert found[0] is None
    assert isinstance(found[1], ForgottenCommit)
    assert (found[1].view, found[1].block, found[1].view_change) == (0, A, change)
    assert heard(Witness(), change, commit("A")) == [None, found[1]]


def test_a_view_change_that_shows_only_something_of_an_earlier_view_has_forgotten_too() -> None:
    earlier = STAGE.view_change(3, shows=STAGE.prepared("B", view=0))
    assert isinstance(heard(Witness(), commit("A", view=1), earlier)[1], ForgottenCommit)
    assert isinstance(heard(Witness(), earlier, commit("A", view=1))[1], ForgottenCommit)


def test_a_view_change_that_shows_the_view_of_the_commit_or_a_later_one_is_in_order() -> None:
    for view in (1, 2):
        shows = STAGE.view_change(3, shows=STAGE.prepared("A", view=view))
        assert heard(Witness(), commit("A", view=1), shows) == [None, None]
        assert heard(Witness(), shows, commit("A", view=1)) == [None, None]


def test_a_commit_in_the_wanted_view_or_a_later_one_was_not_forgotten_by_it() -> None:
    change = STAGE.view_change(1, shows=None)
    for view in (1, 2):
        assert heard(Witness(), change, commit("A", view=view)) == [None, None]
        assert heard(Witness(), commit("A", view=view), change) == [None, None]


def test_a_view_change_for_another_height_or_of_another_replica_has_forgotten_nothing() -> None:
    witness = Witness()
    heard(witness, commit("A"), commit("A", height=2))
    after = STAGE.view_change(1, after="A", shows=STAGE.prepared("B"))
    assert heard(witness, after, signer=3) == [None]
    assert place(after)[0] == 2
    assert heard(Witness(), commit("A"), after) == [None, None]


def test_of_several_commits_any_forgotten_one_convicts_and_of_several_view_changes_any() -> None:
    witness = Witness()
    heard(witness, commit("A", view=0), commit("A", view=2))
    shows = STAGE.view_change(3, shows=STAGE.prepared("A", view=1))
    (found,) = heard(witness, shows)
    assert isinstance(found, ForgottenCommit)
    assert found.view == 2
    witness = Witness()
    heard(witness, STAGE.view_change(1, shows=None), shows)
    (found,) = heard(witness, commit("A", view=2))
    assert isinstance(found, ForgottenCommit)
    assert found.view_change == shows


def test_only_heights_that_evidence_may_speak_of_are_kept() -> None:
    head = 5_000
    for height, kept in (
        (head - EVIDENCE_HEIGHTS, False),
        (head - EVIDENCE_HEIGHTS + 1, True),
        (head + 1 + FUTURE_HEIGHTS_MAX, True),
        (head + 2 + FUTURE_HEIGHTS_MAX, False),
    ):
        found = heard(Witness(), prepare("A", height=height), prepare("B", height=height), head=head)
        assert (found[1] is not None) == kept, height


def test_what_is_too_old_is_forgotten_and_nothing_else() -> None:
    witness = Witness()
    for height in (1, 2, 3):
        heard(witness, prepare("A", height=height), commit("A", height=height))
    witness.forget_below(EVIDENCE_HEIGHTS + 1)
    assert set(witness._heard) == {2, 3}
    found = [heard(witness, prepare("B", height=height))[0] for height in (1, 2, 3)]
    assert [evidence is not None for evidence in found] == [False, True, True]


def test_view_changes_are_forgotten_with_their_height() -> None:
    witness = Witness()
    heard(witness, STAGE.view_change(1, shows=None))
    witness.forget_below(EVIDENCE_HEIGHTS)
    assert heard(witness, commit("A")) != [None]
    witness.forget_below(EVIDENCE_HEIGHTS + 1)
    assert witness._heard == witness._changes == {}


def test_of_one_replica_height_and_kind_only_so_many_views_are_kept() -> None:
    witness = Witness()
    heard(witness, *(prepare("A", view=view) for view in range(VIEWS_MAX + 1)))
    assert heard(witness, prepare("B", view=VIEWS_MAX - 1))[0] is not None
    assert heard(witness, prepare("B", view=VIEWS_MAX)) == [None]
    assert heard(witness, commit("A", view=VIEWS_MAX), commit("B", view=VIEWS_MAX))[1] is not None
    assert heard(witness, prepare("A", view=20), prepare("B", view=20), signer=3)[1] is not None


@settings(deadline=None)
@given(
    story=st.lists(
        st.tuples(st.sampled_from([prepare, commit]), st.integers(0, 60), st.integers(0, 400), st.sampled_from("AB")),
        max_size=80,
    )
)
def test_what_is_kept_is_bounded(story: list[tuple[type, int, int, str]]) -> None:
    witness = Witness()
    for vote, view, height, letter in story:
        heard(witness, vote(letter, view=view, height=height), head=200)
        witness.forget_below(200)
    assert all(height <= 201 + FUTURE_HEIGHTS_MAX for height in witness._heard)
    assert all(len(statements) <= 2 * VIEWS_MAX for statements in witness._heard.values())


def test_a_view_change_of_another_replica_that_came_first_convicts_nobody() -> None:
    witness = Witness()
    heard(witness, STAGE.view_change(1, shows=None), signer=3)
    assert heard(witness, commit("A"), signer=2) == [None]


def test_statements_of_different_kinds_at_one_place_do_not_conflict() -> None:
    kinds = [proposal("A", 1), prepare("B", view=1), commit("C", view=1), STAGE.new_view(1, 0, 1, 2)]
    shows = STAGE.view_change(2, shows=STAGE.prepared("C", view=1))
    assert heard(Witness(), *kinds, STAGE.view_change(1, shows=None)) == [None] * 5
    assert heard(Witness(), *reversed(kinds), shows, STAGE.new_view(2, 0, 1, 3)) == [None] * 6


def test_of_one_replica_and_kind_eight_views_are_kept() -> None:
    for views, found in ((7, True), (8, False)):
        witness = Witness()
        heard(witness, *(prepare("A", view=view) for view in range(views)))
        assert (heard(witness, prepare("A", view=50), prepare("B", view=50))[1] is not None) == found
