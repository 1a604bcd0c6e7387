"""When a replica that has forgotten what it signed may sign again: two heights above what its peers had then."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.consensus.abstention import Abstention
from tests.node.consensus.crowd import SIZES, crowd

FOUR = crowd(4).membership


def reported(*heights: int, membership: object = FOUR) -> Abstention:
    """So many peers have said how far they are."""
    abstention = Abstention(membership)
    for peer, height in enumerate(heights):
        abstention.reported(peer, height)
    return abstention


@pytest.mark.parametrize("size", SIZES)
def test_nothing_is_known_until_so_many_have_reported_that_a_correct_one_of_them_knows(size: int) -> None:
    membership = crowd(size).membership
    needed = size - membership.quorum + membership.faulty_max
    before = reported(*[5] * (needed - 1), membership=membership)
    assert before.until is None
    assert not before.is_over(10**9)
    assert reported(*[5] * needed, membership=membership).until == 7


def test_it_is_over_two_heights_above_the_highest_of_four() -> None:
    abstention = reported(4, 6)
    assert abstention.until == 8
    assert not abstention.is_over(7)
    assert abstention.is_over(8)
    assert abstention.is_over(9)


def test_of_seven_the_one_liar_that_is_left_does_not_count_once_five_have_reported() -> None:
    """f = 2, and this replica is one of the two: among four reports only the highest is safe, among five the second."""
    seven = crowd(7).membership
    assert reported(4, 10**6, 5, 3, membership=seven).until == 10**6 + 2
    assert reported(4, 10**6, 5, 3, 4, membership=seven).until == 7


def test_what_a_peer_says_later_does_not_matter() -> None:
    abstention = Abstention(FOUR)
    abstention.reported(1, 5)
    abstention.reported(1, 50)
    assert abstention.until is None
    abstention.reported(2, 6)
    assert abstention.until == 8
    abstention.reported(1, 80)
    assert abstention.until == 8
    abstention.reported(3, 9)
    assert abstention.until == 11


def test_a_set_that_has_grown_meanwhile_asks_for_more_reports() -> None:
    abstention = reported(5, 6)
    abstention.membership = crowd(7).membership
    assert abstention.until is None


@settings(deadline=None)
@given(data=st.data(), size=st.sampled_from(SIZES))
def test_it_never_ends_before_the_height_that_the_last_vote_may_have_been_cast_at_and_liars_cannot_put_it_off_for_ever(
    data: st.DataObject, size: int
) -> None:
    """Who committed the parent of the last vote is any quorum; who lies, and who reports, is anybody."""
    membership, last = crowd(size).membership, 100
    faulty, others = membership.faulty_max, list(range(1, size))
    signers = set(data.draw(st.permutations(others))[: membership.quorum - 1])
    liars = set(data.draw(st.permutations(others))[: data.draw(st.integers(0, faulty - 1))])
    abstention = Abstention(membership)
    for peer in data.draw(st.permutations(others)):
        if peer in liars:
            height = data.draw(st.sampled_from([0, last, 10**9]))
        else:
            height = data.draw(st.integers(last - 2 if peer in signers else 0, last))
        if peer not in liars or data.draw(st.booleans()):
            abstention.reported(peer, height)
        assert abstention.until is None or abstention.until >= last
    assert abstention.until is not None
    assert abstention.until <= last + 2
