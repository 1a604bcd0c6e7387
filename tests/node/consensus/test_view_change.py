"""Who wants which view: f replicas move nobody, f + 1 do, and a quorum opens a view."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.light_client import CertifiedHeader
from node.consensus.messages import Authenticated, ViewChange
from node.consensus.view_change import ViewChanges
from tests.chain.small_network import Signers, header_of
from tests.node.consensus.crowd import SIZES, crowd
from tests.node.consensus.stage import Stage
from tests.node.small_chain import RULES

FOUR = Stage(replica_id=0)
HUGE = 2**53 - 1


def wish(signer: int, view: int, *, head: int = 0, signers: Signers = FOUR.signers) -> Authenticated:
    """A replica's view change, its head at a height. Nobody looks at signatures here."""
    committed: CertifiedHeader | None = None
    if head:
        committed = signers.certify(RULES, header_of(RULES, head, signers.membership))
    stage = Stage(replica_id=0, signers=signers)
    return stage.signed(signer, ViewChange(view=view, committed=committed, prepared=None))


def kept(*wishes: Authenticated) -> ViewChanges:
    """These are heard in this order."""
    changes = ViewChanges()
    for one in wishes:
        changes.add(one)
    return changes


def test_of_each_replica_only_the_view_change_of_the_highest_view_is_kept() -> None:
    changes = ViewChanges()
    assert changes.add(wish(1, 2))
    assert not changes.add(wish(1, 2))
    assert not changes.add(wish(1, 1, head=9))
    assert changes.add(wish(1, 3))
    assert changes.add(wish(2, 1))
    assert changes.kept == {1: wish(1, 3), 2: wish(2, 1)}


def test_in_one_view_the_view_change_of_the_higher_head_is_kept() -> None:
    changes = kept(wish(1, 2, head=4))
    assert not changes.add(wish(1, 2, head=3))
    assert not changes.add(wish(1, 2, head=4))
    assert changes.add(wish(1, 2, head=5))
    assert changes.kept[1] == wish(1, 2, head=5)


def test_a_view_that_is_entered_is_wanted_no_more_nor_is_any_lower_one() -> None:
    changes = kept(wish(0, 1), wish(1, 2), wish(2, 3))
    changes.forget(2)
    assert set(changes.kept) == {2}


def test_one_spammer_moves_nobody() -> None:
    membership = FOUR.signers.membership
    changes = kept(*(wish(3, view) for view in (5, 70, HUGE)))
    assert changes.reached(membership, 0) == 0
    assert not changes.has_quorum(membership, 1)


def test_two_others_of_four_move_a_replica_to_the_lower_of_their_views() -> None:
    membership = FOUR.signers.membership
    assert kept(wish(2, 7), wish(3, HUGE)).reached(membership, 0) == 7
    assert kept(wish(1, 3), wish(2, 7), wish(3, HUGE)).reached(membership, 0) == 7


def test_a_replica_does_not_follow_itself() -> None:
    membership = FOUR.signers.membership
    changes = kept(wish(0, 9), wish(3, 5))
    assert changes.reached(membership, 0) == 0
    assert changes.reached(membership, 1) == 5


@pytest.mark.parametrize("size", SIZES)
def test_f_replicas_move_nobody_and_one_more_does(size: int) -> None:
    signers = crowd(size)
    membership = signers.membership
    wishes = [wish(place, 4, signers=signers) for place in range(1, size)]
    faulty = membership.faulty_max
    assert kept(*wishes[:faulty]).reached(membership, 0) == 0
    assert kept(*wishes[: faulty + 1]).reached(membership, 0) == 4


@pytest.mark.parametrize("size", SIZES)
def test_a_quorum_opens_a_view_and_one_fewer_does_not(size: int) -> None:
    signers = crowd(size)
    membership = signers.membership
    quorum = membership.quorum
    wishes = [wish(place, 4, signers=signers) for place in range(size)]
    few, enough = kept(*wishes[: quorum - 1]), kept(*wishes[:quorum])
    assert not few.has_quorum(membership, 4)
    assert few.quorum_for(membership, 4, 0, 1) == ()
    assert enough.has_quorum(membership, 4)
    assert [change.signer for change in enough.quorum_for(membership, 4, 0, 1)] == list(range(quorum))


def test_higher_views_count_for_a_view_s_patience_and_not_for_its_new_view() -> None:
    membership = FOUR.signers.membership
    changes = kept(wish(0, 2), wish(1, 2), wish(2, 3))
    assert changes.has_quorum(membership, 2)
    assert not changes.has_quorum(membership, 3)
    assert changes.quorum_for(membership, 2, 0, 1) == ()


def test_a_new_view_is_made_of_the_primary_s_own_view_change_and_the_others_first_by_place() -> None:
    membership = FOUR.signers.membership
    wishes = [wish(place, 7) for place in range(4)]
    changes = kept(*wishes[::-1])
    shown = changes.quorum_for(membership, 7, 3, 1)
    assert [change.signer for change in shown] == [0, 1, 3]
    assert [(change.message, change.signature) for change in shown] == [
        (wishes[place].message, wishes[place].signature) for place in (0, 1, 3)
    ]
    assert kept(*wishes[:3]).quorum_for(membership, 7, 3, 1) == (), "it does not open a view that it does not want"


def test_a_new_view_is_made_of_those_first_that_are_not_ahead_of_the_primary() -> None:
    """The block under a higher head would have to be fetched before anything could be proposed."""
    membership = FOUR.signers.membership
    changes = kept(wish(0, 7, head=2), wish(1, 7), wish(2, 7, head=1), wish(3, 7))
    assert [change.signer for change in changes.quorum_for(membership, 7, 3, 1)] == [0, 1, 3]
    assert [change.signer for change in changes.quorum_for(membership, 7, 3, 2)] == [1, 2, 3]
    assert [change.signer for change in changes.quorum_for(membership, 7, 0, 3)] == [0, 1, 2]
    changes = kept(wish(0, 7, head=2), wish(1, 7, head=5), wish(2, 7, head=5))
    assert [change.signer for change in changes.quorum_for(membership, 7, 0, 3)] == [0, 1, 2], "these are all"


@settings(deadline=None)
@given(
    story=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 6), st.integers(0, 2)), max_size=12),
    own=st.integers(0, 3),
    liar=st.integers(0, 3),
)
def test_a_replica_is_never_moved_above_what_a_correct_one_wants(
    story: list[tuple[int, int, int]], own: int, liar: int
) -> None:
    membership = FOUR.signers.membership
    changes = kept(*(wish(signer, HUGE if signer == liar else view, head=head) for signer, view, head in story))
    honest = [view for signer, view, _ in story if signer not in (own, liar)]
    reached = changes.reached(membership, own)
    assert reached <= max(honest, default=0)
    assert len(changes.kept) <= 4
    if own != liar and {signer for signer, _, _ in story} == {0, 1, 2, 3}:
        others = [place for place in range(4) if place not in (own, liar)]
        assert reached == max(view for signer, view, _ in story if signer in others)
