"""When a primary is given up, and how the next one opens its view (R8 to R10)."""

import pytest
from msgspec.structs import replace

from chain.light_client import CertifiedHeader
from node.consensus.effects import (
    Behind,
    BlockBuilt,
    BuildBlock,
    Censored,
    NothingWaits,
    Reason,
    RequestReceived,
    Resend,
    Tick,
)
from node.consensus.messages import Commit, NewView, Prepare, PrePrepare, ViewChange, place
from tests.node.consensus.crowd import SIZES, crowd
from tests.node.consensus.stage import Stage
from tests.node.consensus.views_play import TICKS, cast, dropped, giving_up, tick, waiting, with_a_prepared

# ---- R8, R9: when a primary is given up ----


def test_an_idle_replica_bears_any_number_of_ticks() -> None:
    stage = Stage(replica_id=1)
    assert tick(stage, 1_000, reachable=False) == ()


def test_a_silent_primary_is_given_up_after_as_many_ticks_as_the_profile_says_while_something_waits() -> None:
    stage = waiting()
    assert cast(tick(stage, TICKS - 1)) == []
    assert cast(tick(stage, 1)) == [ViewChange(view=1, committed=None, prepared=None)]
    assert (stage.replica.view, stage.replica.phase) == (1, "view-change")


def test_a_primary_that_cannot_be_reached_is_given_up_sooner() -> None:
    stage = waiting()
    assert cast(tick(stage, TICKS // 5 - 1, reachable=False)) == []
    assert len(cast(tick(stage, 1, reachable=False))) == 1


def test_a_proposal_that_is_not_committed_is_reason_enough() -> None:
    stage = Stage(replica_id=2)
    stage.propose(0, "A")
    assert len(cast(tick(stage, TICKS))) == 1


def test_a_primary_does_not_give_itself_up() -> None:
    stage = waiting(0)
    assert cast(tick(stage, 20 * TICKS, reachable=False)) == []


def test_ticks_before_something_waited_do_not_count() -> None:
    stage = waiting()
    tick(stage, TICKS - 1)
    stage.step(NothingWaits())
    tick(stage, 1)
    stage.step(RequestReceived())
    assert cast(tick(stage, TICKS - 1)) == []


def test_a_committed_block_begins_the_count_anew() -> None:
    stage = waiting()
    tick(stage, TICKS - 1)
    stage.sync("A")
    assert cast(tick(stage, TICKS - 1)) == []
    head = CertifiedHeader(header=stage.replica.head.header, certificate=stage.replica.head.certificate)
    assert cast(tick(stage, 1)) == [ViewChange(view=1, committed=head, prepared=None)]


def test_while_nothing_moves_what_was_sent_is_sent_again_ever_less_often() -> None:
    stage = waiting(0)
    times = [count for count in range(1, 700) if Resend() in stage.step(Tick())]
    assert times == [5, 10, 20, 40, 80, 160, 240, 320, 400, 480, 560, 640]


def test_a_new_height_is_sent_again_as_soon_as_the_first() -> None:
    stage = waiting(0)
    tick(stage, 300)
    stage.sync("A")
    times = [count for count in range(1, 30) if Resend() in stage.step(Tick())]
    assert times == [5, 10, 20]


def test_a_request_that_is_left_out_is_reason_to_give_the_primary_up_at_once() -> None:
    stage = Stage(replica_id=2)
    assert cast(stage.step(Censored())) == [ViewChange(view=1, committed=None, prepared=None)]
    assert stage.step(Censored()) == (), "a view that nobody has opened leaves nothing out"
    assert Stage(replica_id=0).step(Censored()) == ()


def test_the_next_view_has_patience_only_once_a_quorum_wants_it_and_twice_as_much() -> None:
    stage = giving_up()
    assert cast(tick(stage, 10 * TICKS)) == []
    stage.want(0, 1)
    assert cast(tick(stage, 10 * TICKS)) == []
    stage.want(3, 1)
    assert cast(tick(stage, 2 * TICKS - 1)) == []
    assert cast(tick(stage, 1)) == [ViewChange(view=2, committed=None, prepared=None)]


def test_replicas_in_higher_views_count_for_the_patience_too() -> None:
    stage = giving_up()
    stage.want(0, 1)
    stage.want(3, 9)
    assert len(cast(tick(stage, 2 * TICKS))) == 1


def test_one_replica_in_a_high_view_moves_nobody_and_two_do() -> None:
    stage = Stage(replica_id=2)
    assert cast(stage.want(3, 70)) == []
    assert (stage.replica.view, stage.replica.changing) == (0, False)
    assert cast(stage.want(0, 4)) == [ViewChange(view=4, committed=None, prepared=None)]
    assert cast(stage.want(1, 5)) == [ViewChange(view=5, committed=None, prepared=None)]


def test_a_jump_to_others_makes_the_next_view_more_patient_as_well() -> None:
    stage = Stage(replica_id=2)
    stage.want(3, 1)
    stage.want(0, 1)
    stage.durable()
    assert cast(tick(stage, 2 * TICKS - 1)) == []
    assert len(cast(tick(stage, 1))) == 1


def test_a_view_change_that_proves_nothing_does_not_count_and_says_so() -> None:
    stage = Stage(replica_id=2)
    forged = replace(stage.prepared("A"), pre_prepare=bytes(64))
    for signer in (0, 3):
        assert dropped(stage.want(signer, 1, shows=forged)) == [Reason.VIEW_CHANGE_MALFORMED]
    assert stage.replica.view == 0


def test_a_view_change_that_is_heard_twice_counts_once() -> None:
    stage = Stage(replica_id=2)
    stage.want(3, 1)
    assert dropped(stage.want(3, 1)) == [Reason.DUPLICATE]
    assert stage.replica.view == 0


@pytest.mark.parametrize("size", SIZES)
def test_f_others_move_nobody_in_any_size_and_one_more_does(size: int) -> None:
    stage = Stage(replica_id=0, signers=crowd(size))
    faulty = stage.replica.membership.faulty_max
    for signer in range(1, faulty + 1):
        assert cast(stage.want(signer, 3)) == []
    assert len(cast(stage.want(faulty + 1, 3))) == 1


def test_whoever_has_given_a_view_up_casts_nothing_in_it() -> None:
    stage = waiting()
    stage.propose(0, "A")
    tick(stage, TICKS)
    assert stage.valid("A") == ()
    assert dropped(stage.vote(0, Commit, "A")) == [Reason.STALE]
    assert dropped(stage.propose(0, "A")) == [Reason.STALE]
    assert cast(stage.durable()) == []


def test_whoever_has_given_a_view_up_still_learns_that_others_go_on_in_it() -> None:
    stage = giving_up(2)
    assert stage.vote(0, Commit, "B", height=2) == (Behind(0, 1),)


def test_a_primary_that_gives_its_view_up_proposes_no_more() -> None:
    stage = waiting(0)
    stage.want(1, 1)
    stage.want(2, 1)
    assert stage.replica.changing
    assert stage.step(RequestReceived()) == ()
    assert cast(stage.durable()) == []


def test_a_view_change_shows_what_is_prepared_in_the_highest_view() -> None:
    stage = with_a_prepared()
    assert cast(stage.step(Censored())) == [
        ViewChange(view=1, committed=None, prepared=stage.prepared("A", signers=(1, 2)))
    ]
    stage.durable()
    stage.want(0, 1)
    stage.want(1, 1)
    stage.open(1, 1, 0, 1, 2)
    stage.propose(1, "A", view=1)
    stage.valid("A")
    stage.vote(0, Prepare, "A", view=1)
    assert stage.replica.prepared == stage.prepared("A", signers=(1, 2)), "one backup is not enough"
    stage.durable()
    (change,) = cast(stage.step(Censored()))
    assert isinstance(change, ViewChange)
    assert change.prepared == stage.prepared("A", view=1, signers=(0, 2))


def test_what_was_prepared_is_shown_until_something_else_is_prepared_in_a_later_view() -> None:
    stage = with_a_prepared()
    stage.open(1, 1, 0, 1, 3)  # nobody of them has prepared A
    stage.propose(1, "B", view=1)
    stage.valid("B")
    stage.durable()
    stage.want(0, 2)
    (change,) = cast(stage.want(3, 2))
    assert isinstance(change, ViewChange)
    assert change.prepared == stage.prepared("A", signers=(1, 2))
    stage.open(2, 2, 0, 1, 3)
    assert stage.replica.prepared == change.prepared


# ---- R10: the new primary ----


def test_the_new_primary_opens_its_view_with_a_quorum_its_own_view_change_among_them_once() -> None:
    stage = giving_up(1)
    assert cast(stage.want(3, 1)) == []
    (opened,) = cast(stage.want(2, 1))
    assert opened == stage.new_view(1, 1, 2, 3)
    assert cast(stage.want(0, 1)) == []
    assert stage.replica.changing, "its own new view is not durable yet"
    assert stage.durable() == (BuildBlock(stage.replica.head.header, 1),)
    assert (stage.replica.view, stage.replica.phase) == (1, "building")


def test_a_view_is_not_opened_before_the_own_view_change_is_durable() -> None:
    stage = waiting(1)
    tick(stage, TICKS)
    assert cast(stage.want(0, 1)) == []
    assert cast(stage.want(2, 1)) == []
    assert [type(message) for message in cast(stage.durable())] == [NewView]


def test_nobody_opens_the_view_of_another() -> None:
    stage = giving_up(2)
    stage.want(0, 1)
    assert cast(stage.want(3, 1)) == []


def test_view_changes_that_show_nothing_proven_open_nothing() -> None:
    stage = giving_up(1)
    stage.want(0, 1)
    forged = replace(stage.prepared("A"), pre_prepare=bytes(64))
    assert cast(stage.want(3, 1, shows=forged)) == []


def test_the_primary_of_a_free_view_proposes_a_block_of_its_own_view() -> None:
    stage = giving_up(1)
    stage.want(2, 1)
    stage.want(3, 1)
    stage.durable()
    assert stage.replica.phase == "building"
    for view in (0, 2):
        assert stage.step(BlockBuilt(stage.block(f"of view {view}", view=view))) == ()
    proposal = PrePrepare(view=1, block=stage.block("B", view=1), parent_certificate=None)
    assert cast(stage.step(BlockBuilt(proposal.block))) == [proposal]


def test_a_new_primary_opens_a_view_only_once_even_if_its_head_moves_meanwhile() -> None:
    """Two new views of one primary would convict it."""
    stage = giving_up(1)
    stage.block("A")
    stage.want(2, 1, after="A")
    (opened,) = cast(stage.want(3, 1, after="A"))
    assert place(opened) == (2, 1)
    stage.sync("A")  # before the new view is durable
    assert [type(message) for message in cast(stage.want(0, 1, after="A"))] == []
    assert [type(message) for message in cast(stage.durable())] == []
    assert (stage.replica.view, stage.replica.changing, stage.replica.height) == (1, False, 2)
