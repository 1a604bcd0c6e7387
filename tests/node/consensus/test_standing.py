"""What begins anew with a height, a view or a request, and what does not."""

import dataclasses

import msgspec

from node.consensus.effects import (
    Behind,
    BuildBlock,
    Censored,
    Drop,
    NothingWaits,
    Reason,
    RequestReceived,
    Resend,
    Tick,
)
from node.consensus.messages import Prepare, PrePrepare, ViewChange
from node.consensus.replica import Replica
from tests.node.consensus.stage import Stage
from tests.node.consensus.views_play import TICKS, cast, giving_up, tick, waiting
from tests.node.small_chain import RULES


def resent_at(stage: Stage, ticks: int) -> list[int]:
    """The ticks at which things are sent again."""
    return [count for count in range(1, ticks + 1) if Resend() in stage.step(Tick())]


def test_more_requests_do_not_make_a_silent_primary_s_time_longer() -> None:
    stage = waiting()
    tick(stage, TICKS - 1)
    assert stage.step(RequestReceived()) == ()
    assert [type(message) for message in cast(tick(stage, 1))] == [ViewChange]


def test_a_proposal_where_nothing_waited_has_the_whole_time() -> None:
    stage = waiting()
    tick(stage, TICKS - 1)
    stage.step(NothingWaits())
    stage.propose(0, "A")
    assert cast(tick(stage, TICKS - 1)) == []
    assert len(cast(tick(stage, 1))) == 1


def test_after_an_idle_time_things_are_sent_again_as_soon_as_at_first() -> None:
    stage = waiting()
    assert resent_at(stage, 12) == [5, 10]
    stage.step(NothingWaits())
    stage.step(RequestReceived())
    assert resent_at(stage, 12) == [5, 10]


def test_what_was_in_flight_in_a_view_is_not_in_flight_in_the_next() -> None:
    stage = Stage(replica_id=3)
    stage.propose(0, "A")
    stage.vote(1, Prepare, "A")
    assert (stage.replica.phase, len(stage.replica.shown_to(1))) == ("pre-prepared", 1)
    stage.open(1, 1, 0, 1, 2)
    assert (stage.replica.view, stage.replica.phase, stage.replica.shown_to(1)) == (1, "idle", ())


def test_a_wish_is_kept_until_its_view_is_entered_and_one_for_a_later_view_beyond() -> None:
    stage = giving_up(2)
    stage.want(0, 1)
    stage.want(3, 4)
    assert stage.replica.shown_to(0) == (stage.wanted[0, 1],)
    stage.open(1, 1, 0, 1, 2)
    assert stage.replica.shown_to(0) == ()
    assert stage.replica.shown_to(3) == (stage.wanted[3, 4],)


def test_whoever_gives_its_view_up_shows_nobody_how_it_was_opened() -> None:
    stage = giving_up(2)
    stage.open(1, 1, 0, 1, 3)
    assert stage.want(0, 1) != (Drop(Reason.STALE),)
    stage.step(Censored())
    assert stage.want(0, 1) == (Drop(Reason.STALE),)


def test_where_patience_is_short_things_are_sent_again_on_every_second_tick_at_first() -> None:
    rules = dataclasses.replace(RULES, profile=msgspec.structs.replace(RULES.profile, progress_ticks=4))
    assert resent_at(waiting(0, rules=rules), 20) == [2, 4, 8, 16]


def test_a_replica_signs_unless_it_is_said_to_abstain() -> None:
    stage = Stage(replica_id=0)
    replica = Replica(rules=RULES, key=stage.signers.membership.key(0), primary_offset=0, head=stage.replica.head)
    assert not replica.abstains
    assert replica.step(RequestReceived()) == (BuildBlock(stage.replica.head.header, 0),)


def test_eight_blocks_of_a_height_are_held_and_none_of_a_height_that_is_committed() -> None:
    stage = Stage(replica_id=2)
    for number in range(9):
        block = stage.block(f"block {number}")
        stage.replica._keep_block(stage.signed(0, PrePrepare(view=0, block=block, parent_certificate=None)))
    assert len(stage.replica._blocks) == 8
    stage.sync("block 8")
    assert stage.replica._blocks == {}


def test_whoever_opens_a_view_at_a_later_height_is_who_has_the_blocks_below() -> None:
    stage = Stage(replica_id=2)
    stage.block("A")
    stage.wanted[0, 3] = stage.signed(0, stage.view_change(3, after="A", shows=None))
    effects = stage.open(3, 3, 0, 1, 3)
    assert Behind(3, 1) in effects
    assert stage.replica.view == 3
