"""When a replica that has forgotten what it signed may sign again: two heights above what its peers had then."""

import pytest
from hypothesis import given
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
def test_nothing_is_known_until_a_quorum_less_itself_has_reported(size: int) -> None:
    membership = crowd(size).membership
    needed = membership.quorum - 1
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


def test_of_seven_the_one_liar_that_is_left_does_not_count() -> None:
    """f = 2, and this replica is one of the two: a boast is not the f-th highest."""
    assert reported(4, 10**6, 5, 3, membership=crowd(7).membership).until == 7


def test_what_a_peer_says_later_does_not_matter_nor_who_reports_when_enough_have() -> None:
    abstention = Abstention(FOUR)
    abstention.reported(1, 5)
    abstention.reported(1, 50)
    assert abstention.until is None
    abstention.reported(2, 6)
    assert abstention.until == 8
    abstention.reported(3, 70)
    abstention.reported(1, 80)
    assert abstention.until == 8


@given(data=st.data(), size=st.sampled_from(SIZES))
def test_with_one_liar_less_than_f_it_ends_above_every_height_that_a_correct_peer_reported_unless_liars_stood_for_it(
    data: st.DataObject, size: int
) -> None:
    membership = crowd(size).membership
    needed, liars_max = membership.quorum - 1, membership.faulty_max - 1
    honest = data.draw(st.lists(st.integers(0, 50), min_size=needed - liars_max, max_size=needed - liars_max))
    lies = data.draw(st.lists(st.sampled_from([0, 10**9]), min_size=liars_max, max_size=liars_max))
    order = data.draw(st.permutations([*honest, *lies]))
    until = reported(*order, membership=membership).until
    assert until is not None
    assert until - 2 <= max(honest), "liars cannot keep it silent for ever"
    assert until - 2 >= min(honest), "nor can they let it sign below everybody"
