"""Whom a lagging replica asks for blocks: claims are not believed, liars and slow peers cannot starve it."""

from node.consensus.block_sync import ASK_AFTER_TICKS, LATE_TICKS, PATIENCE_TICKS, BlockSync

ALL = frozenset({1, 2, 3})


def ticks(sync: BlockSync, count: int, height: int, connected: frozenset[int] = ALL) -> list[int]:
    """The peers asked in so many ticks."""
    return [peer for _ in range(count) if (peer := sync.tick(height, connected)) is not None]


def test_nobody_is_asked_while_nobody_is_ahead() -> None:
    sync = BlockSync()
    sync.claimed(1, 5)
    sync.implied(2, 4)
    assert ticks(sync, 100, 5) == []
    assert sync.lagging(5) == (2,)


def test_votes_on_their_way_are_given_a_moment_before_anybody_is_asked() -> None:
    sync = BlockSync()
    sync.claimed(1, 6)
    assert ticks(sync, ASK_AFTER_TICKS - 1, 5) == []
    assert ticks(sync, 1, 5) == [1]
    assert sync.asked == 1


def test_a_peer_that_is_silent_is_replaced_after_a_while_and_asked_last() -> None:
    sync = BlockSync()
    for peer in ALL:
        sync.claimed(peer, 9)
    asked = ticks(sync, ASK_AFTER_TICKS + 3 * PATIENCE_TICKS, 5)
    assert asked == [1, 2, 3, 1]


def test_a_useful_answer_is_followed_by_the_next_question_at_once() -> None:
    sync = BlockSync()
    sync.claimed(1, 9)
    ticks(sync, ASK_AFTER_TICKS, 5)
    assert sync.answered(1, 7, ALL, useful=True) == 1
    assert sync.answered(1, 9, ALL, useful=True) is None


def test_a_liar_that_claims_the_most_and_gives_nothing_does_not_keep_others_from_being_asked() -> None:
    sync = BlockSync()
    sync.claimed(1, 2**50)
    sync.claimed(2, 9)
    ticks(sync, ASK_AFTER_TICKS, 5)
    assert sync.answered(1, 5, ALL, useful=False) is None
    sync.claimed(1, 2**50)
    assert ticks(sync, 1, 5) == [2]
    height = 5
    while height < 9:
        sync.claimed(1, 2**50)
        height += 1
        asked = sync.answered(2, height, ALL, useful=True)
        assert asked == (2 if height < 9 else 1)


def test_an_empty_answer_voids_the_claim_until_it_is_made_again() -> None:
    sync = BlockSync()
    sync.claimed(1, 9)
    ticks(sync, ASK_AFTER_TICKS, 5)
    sync.answered(1, 5, ALL, useful=False)
    assert ticks(sync, 100, 5) == []
    sync.claimed(1, 9)
    assert ticks(sync, ASK_AFTER_TICKS, 5) == [1]


def test_a_peer_that_drips_blocks_slowly_is_asked_last() -> None:
    sync = BlockSync()
    sync.claimed(1, 9)
    sync.claimed(2, 9)
    ticks(sync, ASK_AFTER_TICKS, 5)
    ticks(sync, LATE_TICKS + 1, 5)
    assert sync.answered(1, 6, ALL, useful=True) == 2


def test_an_answer_that_was_not_asked_for_changes_nothing() -> None:
    sync = BlockSync()
    sync.claimed(1, 9)
    sync.claimed(2, 9)
    ticks(sync, ASK_AFTER_TICKS, 5)
    assert sync.answered(2, 5, ALL, useful=False) is None
    assert sync.asked == 1


def test_a_lost_peer_is_forgotten_and_the_question_is_put_to_another() -> None:
    sync = BlockSync()
    sync.claimed(1, 9)
    sync.claimed(2, 9)
    ticks(sync, ASK_AFTER_TICKS, 5)
    sync.lost(1)
    sync.lost(3)
    assert ticks(sync, ASK_AFTER_TICKS, 5, frozenset({2, 3})) == [2]
    assert sync.lagging(10) == (2,)


def test_a_peer_without_a_link_is_not_asked() -> None:
    sync = BlockSync()
    sync.implied(1, 9)
    sync.implied(1, 7)
    assert ticks(sync, 50, 5, frozenset()) == []
    assert ticks(sync, 1, 5, frozenset({1})) == [1]


def test_whoever_has_caught_up_stops_waiting_for_the_answer() -> None:
    sync = BlockSync()
    sync.claimed(1, 9)
    ticks(sync, ASK_AFTER_TICKS, 5)
    assert ticks(sync, 1, 9) == []
    assert sync.asked is None


def asked_in_vain(sync: BlockSync, peer: int, height: int) -> bool:
    """`peer` is asked next, and has nothing: whether nobody has it."""
    while sync.asked != peer:
        sync.tick(height, ALL)
    sync.answered(peer, height, ALL, useful=False)
    return sync.is_pruned(peer, height, ALL)


def test_a_block_is_gone_when_everybody_who_claims_to_be_ahead_was_asked_in_vain() -> None:
    sync = BlockSync()
    for peer in ALL:
        sync.claimed(peer, 9)
    assert not asked_in_vain(sync, 1, 5)
    assert not asked_in_vain(sync, 2, 5)
    sync.claimed(1, 9)  # it says again how far it is
    assert asked_in_vain(sync, 3, 5)


def test_a_peer_that_never_answers_was_asked_in_vain_too_and_one_that_is_gone_or_not_ahead_does_not_count() -> None:
    sync = BlockSync()
    for peer, height in ((1, 9), (2, 9), (3, 5)):
        sync.claimed(peer, height)
    ticks(sync, ASK_AFTER_TICKS + PATIENCE_TICKS, 5)
    assert sync.asked == 2
    assert asked_in_vain(sync, 2, 5)
    sync = BlockSync()
    sync.claimed(1, 9)
    sync.claimed(2, 9)
    ticks(sync, ASK_AFTER_TICKS, 5)
    sync.answered(1, 5, ALL, useful=False)
    assert not sync.is_pruned(1, 5, ALL)
    assert sync.is_pruned(1, 5, frozenset({1, 3}))


def test_whoever_had_nothing_at_one_height_is_asked_again_at_the_next() -> None:
    sync = BlockSync()
    for peer in (1, 2):
        sync.claimed(peer, 9)
    assert not asked_in_vain(sync, 1, 5)
    sync.claimed(1, 9)
    assert not asked_in_vain(sync, 2, 6)
