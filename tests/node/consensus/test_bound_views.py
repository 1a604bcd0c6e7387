"""What a new view is bound to, what carries a replica along, and who casts nothing (R11, R12)."""

import pytest

from chain.block import CommittedBlock
from chain.light_client import CertifiedHeader
from node.consensus.effects import (
    Accept,
    Adopt,
    Behind,
    BuildBlock,
    Censored,
    CommitBlock,
    Drop,
    Effect,
    MayNotSign,
    MaySign,
    MessageReceived,
    Reason,
    RequestReceived,
    Show,
    Tick,
    ValidateBlock,
)
from node.consensus.messages import Commit, NewView, Prepare, PrePrepare, ViewChange
from node.consensus.standing import BLOCKS_MAX
from tests.node.consensus.crowd import crowd
from tests.node.consensus.stage import Stage
from tests.node.consensus.views_play import TICKS, bound_to_a, cast, dropped, giving_up, tick, waiting, with_a_prepared

# ---- R11: what a view is bound to ----


def test_a_bound_primary_that_has_the_block_proposes_it_again_as_it_is() -> None:
    stage = with_a_prepared(1)
    tick(stage, TICKS)
    stage.durable()
    stage.want(0, 1)
    stage.want(3, 1)
    (proposal,) = cast(stage.durable())
    assert proposal == PrePrepare(view=1, block=stage.block("A"), parent_certificate=None)
    assert proposal.block.header.view == 0
    assert cast(stage.durable()) == []
    assert stage.replica.phase == "pre-prepared"


def test_a_bound_primary_that_lacks_the_block_builds_nothing_and_waits_to_be_shown_it() -> None:
    stage = bound_to_a(1, has_block=False)
    assert stage.step(RequestReceived()) == ()
    assert not any(isinstance(effect, BuildBlock) for effect in tick(stage, 50))
    stage.block("B")
    assert dropped(stage.propose(0, "B")) == [Reason.STALE]
    assert dropped(stage.vote(2, Prepare, "A")) == [Reason.STALE]
    (proposal,) = cast(stage.propose(0, "A"))
    assert proposal == PrePrepare(view=1, block=stage.block("A"), parent_certificate=None)
    assert cast(stage.propose(0, "A")) == []


def test_a_bound_view_is_pending_until_its_block_is_committed() -> None:
    """Else nobody would give up a primary that does not propose it, where no request waits."""
    stages = []
    for _ in range(2):
        stage = Stage(replica_id=2)
        stage.want(3, 1, shows=stage.prepared("A"))
        stage.open(1, 1, 0, 1, 3)
        assert stage.replica.pending
        stages.append(stage)
    assert [type(message) for message in cast(tick(stages[0], TICKS))] == [ViewChange]
    stages[1].sync("A", view=1)
    assert not stages[1].replica.pending


def test_only_the_primary_takes_up_a_block_of_an_earlier_view() -> None:
    stage = bound_to_a(2, has_block=False)
    assert dropped(stage.propose(0, "A")) == [Reason.STALE]


def test_whoever_has_the_block_shows_it_to_the_primary_now_and_whenever_it_sends_again() -> None:
    stage = with_a_prepared(2)
    stage.want(3, 1, shows=stage.prepared("A"))
    stage.want(0, 1)
    stage.durable()
    effects = stage.open(1, 1, 0, 1, 3)
    (show,) = [effect for effect in effects if isinstance(effect, Show)]
    assert (show.peer, show.envelope.signer) == (1, 0)
    assert show.envelope.message == PrePrepare(view=0, block=stage.block("A"), parent_certificate=None)
    assert show in tick(stage, 5)
    stage.propose(1, "A", view=1)
    assert not any(isinstance(effect, Show) for effect in tick(stage, 15))


def test_nothing_is_shown_by_whoever_has_another_block_or_none() -> None:
    effects = bound_to_a(2, has_block=False).step(Tick())
    assert not any(isinstance(effect, Show) for effect in effects)
    stage = with_a_prepared(2)
    stage.block("B", view=0)
    stage.want(3, 2, shows=stage.prepared("B", view=1))
    stage.want(0, 2)
    stage.durable()
    assert not any(isinstance(effect, Show) for effect in stage.open(2, 2, 0, 2, 3))


def test_a_bound_view_accepts_the_block_byte_for_byte_and_nothing_else() -> None:
    stage = bound_to_a(2, has_block=False)
    stage.block("B", view=1)
    assert dropped(stage.propose(1, "B", view=1)) == [Reason.CONFLICTS]
    remade = stage.block("A again", view=1)
    again = PrePrepare(view=1, block=remade, parent_certificate=None)
    assert dropped(stage.hear(1, again)) == [Reason.CONFLICTS]
    effects = stage.propose(1, "A", view=1)
    assert [type(effect) for effect in effects] == [Accept, ValidateBlock]
    assert cast(stage.valid("A")) == [Prepare(view=1, height=1, block=stage.digest("A"))]


def test_a_view_that_is_bound_to_nothing_accepts_no_block_of_an_earlier_one() -> None:
    stage = giving_up(2)
    stage.open(1, 1, 0, 1, 3)
    stage.block("A", view=0)
    stage.block("C", view=2)
    for letter in "AC":
        message = PrePrepare(view=1, block=stage.block(letter), parent_certificate=None)
        assert dropped(stage.hear(1, message)) == [Reason.HEADER_MALFORMED]
    assert isinstance(stage.propose(1, "B", view=1)[0], Accept)


def test_a_view_is_bound_at_one_height_only() -> None:
    stage = bound_to_a(2, has_block=False)
    stage.propose(1, "A", view=1)
    stage.valid("A")
    stage.durable()
    for signer in (0, 1, 3):
        stage.vote(signer, Commit, "A", view=1)
    assert stage.replica.height == 2
    old = stage.block("B", view=0)
    message = PrePrepare(view=1, block=old, parent_certificate=stage.replica.head.certificate)
    assert dropped(stage.hear(1, message)) == [Reason.HEADER_MALFORMED]
    assert isinstance(stage.propose(1, "C", view=1)[0], Accept)


def test_votes_are_cast_again_in_the_new_view_once_each() -> None:
    stage = with_a_prepared(2)
    stage.want(3, 1, shows=stage.prepared("A"))
    stage.want(0, 1)
    stage.durable()
    stage.open(1, 1, 0, 1, 3)
    stage.propose(1, "A", view=1)
    assert cast(stage.valid("A")) == [Prepare(view=1, height=1, block=stage.digest("A"))]
    stage.durable()
    assert cast(stage.vote(0, Prepare, "A", view=1)) == [Commit(view=1, height=1, block=stage.digest("A"))]
    assert cast(stage.vote(3, Prepare, "A", view=1)) == []


def test_a_new_view_is_kept_before_anything_follows_from_it_and_one_s_own_is_in_the_log_already() -> None:
    stage = giving_up(2)
    effects = stage.open(1, 1, 0, 1, 3)
    assert isinstance(effects[0], Accept)
    assert isinstance(effects[0].received.message, NewView)
    primary = giving_up(1)
    primary.want(0, 1)
    primary.want(3, 1)
    assert not any(isinstance(effect, Accept) for effect in primary.durable())


def test_a_new_view_carries_along_whoever_did_not_want_it() -> None:
    stage = Stage(replica_id=3)
    stage.open(2, 2, 0, 1, 2)
    assert (stage.replica.view, stage.replica.phase) == (2, "idle")


def test_a_new_view_that_shows_no_quorum_opens_nothing() -> None:
    stage = giving_up(2)
    assert dropped(stage.open(1, 1, 0, 1)) == [Reason.NEW_VIEW_MALFORMED]
    assert dropped(stage.open(3, 1, 0, 1, 3)) == [Reason.NEW_VIEW_MALFORMED]
    assert stage.replica.changing


def test_a_new_view_that_comes_late_or_twice_changes_nothing() -> None:
    stage = giving_up(2)
    stage.open(1, 1, 0, 1, 3)
    stage.propose(1, "A", view=1)
    assert dropped(stage.open(1, 1, 0, 1, 2)) == [Reason.STALE]
    assert stage.replica.phase == "pre-prepared"
    stage.step(Censored())
    assert dropped(stage.open(1, 1, 0, 1, 3)) == [Reason.STALE]
    assert (stage.replica.view, stage.replica.changing) == (2, True)


def test_messages_of_a_view_may_come_before_its_new_view_and_commits_before_the_proposal() -> None:
    stage = giving_up(2)
    stage.block("B", view=1)
    for signer in (0, 3):
        assert stage.vote(signer, Commit, "B", view=1) == ()
        assert stage.vote(signer, Prepare, "B", view=1) == ()
    assert stage.propose(1, "B", view=1) == ()
    effects = stage.open(1, 1, 0, 1, 3)
    assert [type(effect) for effect in effects] == [Accept, Accept, ValidateBlock]
    effects = stage.valid("B")
    assert [type(message) for message in cast(effects)] == [Prepare, Commit]
    assert any(isinstance(effect, CommitBlock) for effect in stage.durable())


def test_whoever_wants_a_view_that_is_open_is_shown_its_new_view() -> None:
    stage = giving_up(2)
    stage.open(1, 1, 0, 1, 3)
    for view in (0, 1):
        drop, show = stage.want(0, view)
        assert drop == Drop(Reason.STALE)
        assert isinstance(show, Show)
        assert (show.peer, show.envelope.signer, type(show.envelope.message)) == (0, 1, NewView)
    assert stage.step(MessageReceived(stage.wanted[2, 1])) == (Drop(Reason.STALE),), "nothing is shown to itself"


def test_whoever_was_carried_into_a_view_has_no_new_view_to_show() -> None:
    stage = Stage(replica_id=2)
    stage.sync("A", view=3)
    assert stage.want(0, 2) == (Drop(Reason.STALE),)


def test_an_entered_view_begins_with_the_patience_that_a_failed_one_left() -> None:
    stage = giving_up(2)
    stage.want(0, 1)
    stage.want(3, 1)
    tick(stage, TICKS)
    stage.open(1, 1, 0, 1, 3)
    assert cast(tick(stage, 2 * TICKS - 1)) == []
    assert len(cast(tick(stage, 1))) == 1


# ---- heads that differ ----


def test_a_view_change_of_whoever_is_ahead_says_whom_to_ask() -> None:
    stage = Stage(replica_id=2)
    stage.block("A")
    assert stage.want(3, 1, after="A") == (Behind(3, 1),)
    assert stage.want(0, 1) != (Behind(0, 0),)


def test_a_view_that_goes_on_at_a_later_height_is_entered_and_nothing_is_done_below_it() -> None:
    stage = waiting(2)
    stage.block("A")
    stage.want(3, 1, after="A")
    effects = stage.open(1, 1, 0, 1, 3)
    assert Behind(1, 1) in effects
    assert (stage.replica.view, stage.replica.changing, stage.replica.height) == (1, False, 1)
    assert dropped(stage.propose(1, "B", view=1)) == [Reason.COMMITTED_ELSEWHERE]
    stage.sync("A")
    assert isinstance(stage.propose(1, "C", view=1)[0], Accept)


def test_a_new_primary_that_is_behind_builds_nothing_until_it_has_caught_up() -> None:
    stage = giving_up(1)
    stage.block("A")
    stage.want(2, 1, after="A")
    stage.want(3, 1, after="A")
    stage.durable()
    assert (stage.replica.view, stage.replica.changing) == (1, False)
    assert not any(isinstance(effect, BuildBlock) for effect in tick(stage, 30))
    assert any(isinstance(effect, BuildBlock) for effect in stage.sync("A"))


def test_a_view_that_goes_on_at_an_earlier_height_leaves_whoever_is_ahead_where_it_is() -> None:
    stage = Stage(replica_id=2)
    stage.sync("A")
    for signer in (0, 1, 3):
        change = ViewChange(view=1, committed=None, prepared=stage.prepared("A"))
        stage.wanted[signer, 1] = stage.signed(signer, change)
    stage.open(1, 1, 0, 1, 3)
    assert (stage.replica.view, stage.replica.height) == (1, 2)
    assert isinstance(stage.propose(1, "B", view=1)[0], Accept), "it is bound at height 1 only"


# ---- R12: a certificate carries a replica along ----


def holding_a() -> Stage:
    """A replica that has found A valid in view 0."""
    stage = waiting(2)
    stage.propose(0, "A")
    stage.valid("A")
    return stage


def adopted(effects: tuple[Effect, ...]) -> list[CommittedBlock]:
    """The blocks that a shown certificate commits."""
    return [effect.committed for effect in effects if isinstance(effect, Adopt)]


def test_a_certificate_that_a_view_change_shows_commits_the_block_that_is_held_here() -> None:
    """Who made it may keep it for itself, and be the only one who has both."""
    (committed,) = adopted(holding_a().want(3, 1, after="A"))
    stage = holding_a()
    assert committed == CommittedBlock(block=stage.block("A"), certificate=stage.certified("A").certificate)


def test_a_certificate_that_a_new_view_shows_does_so_too() -> None:
    stage = holding_a()
    said = stage.signed(3, stage.view_change(1, after="A", shows=None))
    stage.wanted[3, 1] = said
    assert [one.header.height for one in adopted(stage.open(1, 1, 0, 1, 3))] == [1]


def test_a_certificate_of_a_block_that_is_not_held_or_of_another_height_commits_nothing() -> None:
    stage = waiting(2)
    stage.block("A")
    assert adopted(stage.want(3, 1, after="A")) == []
    behind = holding_a()
    behind.sync("A")
    assert adopted(behind.want(3, 1, after="A")) == []
    assert adopted(holding_a().want(3, 1)) == []


def test_only_the_latest_few_blocks_of_a_height_are_held_and_the_prepared_one_always() -> None:
    stage = bound_to_a(1, has_block=False)
    for number in range(BLOCKS_MAX + 3):
        stage.replica._keep_block(
            stage.signed(0, PrePrepare(view=0, block=stage.block(f"{number}"), parent_certificate=None))
        )
    assert [stage.letter(digest) for digest in stage.replica._blocks] == [str(n) for n in range(3, BLOCKS_MAX + 3)]
    stage = with_a_prepared(2)
    for number in range(BLOCKS_MAX + 3):
        stage.replica._keep_block(
            stage.signed(0, PrePrepare(view=0, block=stage.block(f"{number}"), parent_certificate=None))
        )
    assert stage.digest("A") in stage.replica._blocks
    assert len(stage.replica._blocks) == BLOCKS_MAX


@pytest.mark.parametrize("wanted", [0, 3])
def test_a_certificate_carries_whoever_sees_it_into_its_view(wanted: int) -> None:
    stage = Stage(replica_id=2)
    if wanted:
        stage.want(0, wanted)
        stage.want(1, wanted)
        assert stage.replica.changing
    assert cast(stage.sync("A", view=3)) == []
    assert (stage.replica.view, stage.replica.changing, stage.replica.height) == (3, False, 2)
    assert isinstance(stage.propose(3, "B", view=3)[0], Accept)


def test_a_certificate_of_an_earlier_view_does_not_take_back_a_view_change_but_makes_it_be_cast_again() -> None:
    stage = giving_up(2)
    effects = stage.sync("A")
    head = CertifiedHeader(header=stage.replica.head.header, certificate=stage.replica.head.certificate)
    assert cast(effects) == [ViewChange(view=1, committed=head, prepared=None)]
    assert (stage.replica.view, stage.replica.changing, stage.replica.height) == (1, True, 2)


def test_what_was_prepared_at_a_height_that_is_committed_is_shown_no_more() -> None:
    stage = with_a_prepared(2)
    tick(stage, TICKS)
    (change,) = cast(stage.sync("A"))
    assert isinstance(change, ViewChange)
    assert change.prepared is None


def test_a_certificate_of_the_present_view_changes_no_view() -> None:
    stage = giving_up(2)
    stage.open(1, 1, 0, 1, 3)
    stage.sync("A", view=1)
    assert (stage.replica.view, stage.replica.changing) == (1, False)
    assert isinstance(stage.want(0, 1)[1], Show), "its new view is at hand still"
    stage.sync("B", view=0)
    assert (stage.replica.view, stage.replica.changing) == (1, False)


# ---- whoever abstains, or is no member ----


def test_a_replica_that_abstains_casts_nothing_and_follows_all_the_same() -> None:
    stage = waiting(2, abstains=True)
    effects = tick(stage, 10 * TICKS)
    effects += stage.step(Censored())
    effects += stage.want(0, 1) + stage.want(3, 1) + stage.want(1, 1)
    effects += stage.open(1, 1, 0, 1, 3)
    assert (stage.replica.view, stage.replica.changing) == (1, False)
    effects += stage.propose(1, "A", view=1)
    effects += stage.valid("A")
    for signer in (0, 1, 3):
        effects += stage.vote(signer, Prepare, "A", view=1)
    for signer in (0, 1, 3):
        effects += stage.vote(signer, Commit, "A", view=1)
    assert cast(effects) == []
    assert any(isinstance(effect, CommitBlock) for effect in effects)
    assert stage.replica.prepared is None


def test_a_primary_that_abstains_proposes_nothing_until_it_may_sign() -> None:
    stage = waiting(0, abstains=True)
    assert tick(stage, 3) == ()
    assert stage.step(MaySign()) == (BuildBlock(stage.replica.head.header, 0),)


def test_a_replica_that_learns_that_it_has_forgotten_casts_nothing_from_then_on() -> None:
    stage = waiting(2)
    assert stage.step(MayNotSign()) == ()
    stage.propose(0, "A")
    assert cast(stage.valid("A") + tick(stage, 5 * TICKS)) == []
    stage.step(MaySign())
    stage.sync("A")
    stage.propose(0, "B")
    assert [type(message) for message in cast(stage.valid("B"))] == [Prepare]


# ---- a change of the membership ----


def test_a_replica_takes_its_place_in_the_next_set_and_forgets_what_the_last_one_wanted() -> None:
    five = crowd(5)
    stage = Stage(replica_id=1, signers=crowd(4))
    stage.want(3, 1)
    stage.vote(3, Prepare, "B", height=2)
    stage.sync("A", next_membership=five.membership)
    assert (stage.replica.replica_id, stage.replica.membership.size) == (1, 5)
    stage.signers = five
    assert cast(stage.want(2, 1)) == [], "the wish of before does not count"
    assert len(cast(stage.want(4, 1))) == 1


def test_whoever_is_left_out_follows_and_casts_nothing() -> None:
    stage = Stage(replica_id=3, signers=crowd(5))
    without = type(stage.signers)(tuple(name for name in stage.signers.names if name != "replica-3"))
    stage.sync("A", next_membership=without.membership)
    stage.signers = without
    effects = stage.step(RequestReceived()) + tick(stage, 10 * TICKS) + stage.step(Censored())
    effects += stage.propose(0, "B")
    effects += stage.valid("B")
    assert cast(effects) == []
    for signer in (0, 1, 2):
        effects = stage.vote(signer, Commit, "B")
    assert any(isinstance(effect, CommitBlock) for effect in effects)


def test_a_place_that_moves_is_found_again_by_the_key() -> None:
    stage = Stage(replica_id=3, signers=crowd(5))
    without = type(stage.signers)(tuple(name for name in stage.signers.names if name != "replica-1"))
    stage.sync("A", next_membership=without.membership)
    assert stage.replica.replica_id == 2
