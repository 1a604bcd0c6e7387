"""Whose turn it is to be asked for blocks, to the tick, and what is remembered of whoever is not asked."""

import pytest

from node.consensus.block_sync import BlockSync

ALL = frozenset({1, 2, 3})
ASK_AFTER_TICKS, LATE_TICKS, PATIENCE_TICKS = 2, 5, 20


def asked_in(sync: BlockSync, ticks: int, height: int = 5) -> list[int]:
    """The peers asked in so many ticks."""
    return [peer for _ in range(ticks) if (peer := sync.tick(height, ALL)) is not None]


def asking(*peers: int, height: int = 9) -> BlockSync:
    """The first of these peers is asked; all of them say that they are at `height`."""
    sync = BlockSync()
    for peer in peers:
        sync.claimed(peer, height)
    assert asked_in(sync, ASK_AFTER_TICKS) == [peers[0]]
    return sync


def test_what_a_message_implies_never_lowers_what_is_known_of_its_sender() -> None:
    sync = BlockSync()
    sync.implied(2, 9)
    sync.implied(2, 7)
    assert sync.lagging(9) == ()
    sync.implied(3, 0)
    assert (sync.lagging(0), sync.lagging(1)) == ((), (3,))


def test_an_answer_is_awaited_until_the_peer_that_was_asked_is_lost_and_no_other() -> None:
    sync = asking(1, 2)
    sync.lost(2)
    assert sync.asked == 1
    sync.lost(1)
    assert sync.asked is None


def test_a_silent_peer_has_all_its_ticks() -> None:
    sync = asking(1, 2)
    assert asked_in(sync, PATIENCE_TICKS - 1) == []
    assert asked_in(sync, 1) == [2]


def test_whoever_had_caught_up_gives_votes_their_moment_again() -> None:
    sync = asking(1)
    assert asked_in(sync, 3, height=9) == []
    sync.claimed(1, 10)
    assert asked_in(sync, ASK_AFTER_TICKS - 1, height=9) == []
    assert asked_in(sync, 1, height=9) == [1]


@pytest.mark.parametrize(("ticks", "next_asked"), [(LATE_TICKS, 1), (LATE_TICKS + 1, 2)])
def test_an_answer_is_late_after_so_many_ticks_and_not_before(ticks: int, next_asked: int) -> None:
    sync = asking(1, 2)
    assert asked_in(sync, ticks) == []
    assert sync.answered(1, 6, ALL, useful=True) == next_asked


def test_an_empty_answer_to_whoever_has_nothing_voids_the_claim_too() -> None:
    sync = BlockSync()
    sync.claimed(1, 9)
    assert asked_in(sync, ASK_AFTER_TICKS, height=0) == [1]
    assert sync.answered(1, 0, ALL, useful=False) is None
    assert asked_in(sync, 5 * PATIENCE_TICKS, height=0) == []
    assert sync.lagging(0) == (), "it is not below the first block"


def test_a_peer_that_claims_again_at_once_was_asked_in_vain_all_the_same() -> None:
    sync = asking(1)
    assert sync.is_pruned(1, 5, ALL)
    sync.claimed(2, 9)
    assert not sync.is_pruned(1, 5, ALL)


def test_whoever_says_that_it_is_above_a_height_leads_it() -> None:
    sync = BlockSync()
    for peer, height in ((3, 9), (1, 6), (2, 5)):
        sync.claimed(peer, height)
    assert (sync.leading(5), sync.leading(6), sync.leading(9)) == ((1, 3), (3,), ())
