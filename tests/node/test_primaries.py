"""Primaries that crash, fall silent or are cut off, at any moment and one after the other: the chain goes on, as one."""

from collections.abc import Callable

import pytest

from node.consensus.messages import Commit, NewView, PrePrepare, ViewChange, place
from node.network.frames import ConsensusFrame, PeerFrame
from tests.node.cluster import Cluster, Member
from tests.node.small_chain import RULES, define
from tests.node.test_cluster import quiet

TICKS = RULES.profile.progress_ticks


def heights(cluster: Cluster) -> set[int]:
    """How far the living members are."""
    return {member.host.ledger.height for member in cluster.up}


def views(cluster: Cluster) -> set[int]:
    """Which views the living members are in."""
    return {member.host.replica.view for member in cluster.up}


def losing(
    kind: type,
    *,
    sender: int | None = None,
    receivers: tuple[int, ...] = (0, 1, 2, 3),
    view: int | None = None,
    count: int = 10**9,
) -> Callable[[int, int, PeerFrame], bool]:
    """A network that loses so many messages of a kind."""
    left = [count]

    def loses(sent_by: int, receiver: int, frame: PeerFrame) -> bool:
        fits = isinstance(frame, ConsensusFrame) and isinstance(frame.envelope.message, kind)
        if not fits or receiver not in receivers or sender not in (None, sent_by) or not left[0]:
            return False
        if view not in (None, place(frame.envelope.message)[1]):
            return False
        left[0] -= 1
        return True

    return loses


def cutting_off(*members: int) -> Callable[[int, int, PeerFrame], bool]:
    """A network that carries nothing to or from these."""
    return lambda sender, receiver, _: sender in members or receiver in members


def go_on_without(victim: int, crash_at: int) -> bool:
    """A primary dies at call number `crash_at` and stays away; the others finish, then it comes back. Whether it died."""
    cluster = Cluster()
    cluster.submit(define(0), at=2)
    cluster.settle()
    member = cluster.member(victim)
    member.crash_at = crash_at
    cluster.submit(define(1), at=2)
    quiet(cluster, rounds=8)
    died, member.crash_at = member.host is None, None
    cluster.submit(define(2), at=3)
    quiet(cluster, rounds=3 * TICKS)
    assert len(heights(cluster)) == 1
    assert all(len(other.host.pool) == 0 for other in cluster.up)
    assert views(cluster) == ({1} if died else {0})
    cluster.check()
    cluster.settle()
    cluster.check_all_committed()
    return died


def test_a_primary_may_die_at_any_call_of_a_height_and_the_others_finish_it_without_waiting_for_it() -> None:
    crash_at = 0
    while go_on_without(0, crash_at):
        crash_at += 1
    assert crash_at > 12


def test_primaries_that_die_one_after_the_other_are_all_replaced() -> None:
    cluster = Cluster()
    for view in range(6):
        primary = cluster.member(view % 4)
        cluster.crash(primary)
        cluster.submit(define(view), at=(view + 1) % 4)
        quiet(cluster, rounds=2 * TICKS)
        assert views(cluster) == {view + 1}
        assert heights(cluster) == {view + 1}
        cluster.start(primary)
        quiet(cluster, rounds=TICKS)
    cluster.settle()
    cluster.check_all_committed()


def test_a_dead_primary_is_replaced_in_fewer_ticks_than_a_silent_one() -> None:
    cluster = Cluster()
    cluster.crash(cluster.member(0))
    cluster.submit(define(0), at=1)
    quiet(cluster, rounds=TICKS // 5 + 6)
    assert heights(cluster) == {1}


def test_a_silent_primary_is_replaced_when_its_time_is_up_and_follows_when_it_is_heard_again() -> None:
    cluster = Cluster()
    cluster.loses = cutting_off(0)
    cluster.submit(define(0), at=1)
    quiet(cluster, rounds=TICKS - 2)
    assert views(cluster) == {0}
    quiet(cluster, rounds=10)
    assert [member.host.replica.view for member in cluster.members] == [0, 1, 1, 1]
    assert [member.host.ledger.height for member in cluster.members] == [0, 1, 1, 1]
    cluster.loses = lambda *_: False
    quiet(cluster, rounds=TICKS)
    assert views(cluster) == {1}
    cluster.settle()
    cluster.check_all_committed()


def test_a_primary_whose_voice_is_lost_but_who_hears_everything_is_replaced() -> None:
    cluster = Cluster()
    cluster.loses = lambda sender, receiver, _: sender == 0
    cluster.submit(define(0), at=1)
    quiet(cluster, rounds=TICKS + 10)
    assert views(cluster) == {1}
    cluster.settle()
    cluster.check_all_committed()


def test_a_new_view_that_is_lost_is_sent_again() -> None:
    cluster = Cluster()
    cluster.crash(cluster.member(0))
    cluster.loses = losing(NewView, count=4)
    cluster.submit(define(0), at=1)
    quiet(cluster, rounds=4 * TICKS)
    assert (views(cluster), heights(cluster)) == ({1}, {1})
    cluster.settle()
    cluster.check_all_committed()


def test_a_new_view_that_never_arrives_makes_room_for_the_next() -> None:
    cluster = Cluster()
    cluster.loses = losing(NewView, sender=1)
    cluster.crash(cluster.member(0))
    cluster.submit(define(0), at=3)
    quiet(cluster, rounds=8 * TICKS)
    assert len(views(cluster)) == 1
    assert views(cluster).pop() >= 2
    assert heights(cluster) == {1}
    cluster.settle()
    cluster.check_all_committed()


@pytest.mark.parametrize("late", [2, 3])
def test_view_changes_that_come_late_do_no_harm(late: int) -> None:
    cluster = Cluster()
    cluster.loses = losing(ViewChange, sender=late)
    cluster.crash(cluster.member(0))
    cluster.submit(define(0), at=1)
    quiet(cluster, rounds=2 * TICKS)
    assert heights(cluster) == {0}, "three of four are needed"
    cluster.loses = lambda *_: False
    quiet(cluster, rounds=12 * TICKS)
    assert heights(cluster) == {1}
    cluster.settle()
    cluster.check_all_committed()


def test_rounds_that_start_apart_come_together() -> None:
    """Each hears of the request at another time, and the primary never."""
    cluster = Cluster()
    cluster.crash(cluster.member(0))
    for asked, rounds in ((1, 3), (2, 5), (3, 0)):
        cluster.loses = lambda *_: True
        cluster.submit(define(0), at=asked)
        cluster.loses = lambda *_: False
        quiet(cluster, rounds=rounds)
    quiet(cluster, rounds=6 * TICKS)
    assert heights(cluster) == {1}
    cluster.settle()
    cluster.check_all_committed()


def only_at_3(cluster: Cluster) -> bytes:
    """A block is committed at replica 3 and nowhere else, and replica 3 is cut off; the block's digest."""
    cluster.loses = losing(Commit, receivers=(0, 1, 2))
    cluster.submit(define(0), at=1)
    while cluster.member(3).host.ledger.height == 0:
        cluster.sync()
        cluster.deliver_all()
    cluster.sync()
    lost, cut = losing(Commit, view=0), cutting_off(3)
    cluster.loses = lambda *sent: lost(*sent) or cut(*sent)
    cluster.frames.clear()
    assert [member.host.ledger.height for member in cluster.members] == [0, 0, 0, 1]
    assert cluster.acknowledged
    return cluster.member(3).host.ledger.head.digest


def test_what_one_replica_alone_saw_committed_is_committed_by_the_others_in_the_next_view() -> None:
    cluster = Cluster()
    digest = only_at_3(cluster)
    quiet(cluster, rounds=2 * TICKS)
    assert [member.host.ledger.height for member in cluster.members] == [1, 1, 1, 1]
    heads = [member.host.ledger.head for member in cluster.members]
    assert {head.digest for head in heads} == {digest}
    assert [head.header.view for head in heads] == [0, 0, 0, 0], "byte for byte"
    assert [head.certificate.view for head in heads] == [1, 1, 1, 0]
    cluster.settle()
    cluster.check_all_committed()


def prepared_at_2_and_3(cluster: Cluster) -> None:
    """The next primary has neither the block nor a proof; the others have both, and no commit arrived anywhere."""
    original = losing(PrePrepare, receivers=(1,))
    commits = losing(Commit)
    cluster.loses = lambda *sent: original(*sent) or commits(*sent)
    cluster.submit(define(0), at=2)
    quiet(cluster, rounds=4)
    assert [member.host.replica.prepared is not None for member in cluster.members] == [True, False, True, True]
    cluster.crash(cluster.member(0))


def test_a_new_primary_that_is_bound_to_a_block_it_never_saw_gets_it_from_those_who_prepared_it() -> None:
    cluster = Cluster()
    prepared_at_2_and_3(cluster)
    block = cluster.member(2).host.replica.prepared.block
    cluster.loses = lambda *_: False
    quiet(cluster, rounds=2 * TICKS)
    assert heights(cluster) == {1}
    assert {member.host.ledger.head.digest for member in cluster.up} == {block}
    assert {member.host.ledger.head.certificate.view for member in cluster.up} == {1}
    cluster.settle()
    cluster.check_all_committed()


def test_a_block_that_is_proposed_again_hours_later_is_not_refused_for_its_time() -> None:
    cluster = Cluster()
    prepared_at_2_and_3(cluster)
    time = cluster.member(2).host.replica._flight.proposal.message.block.header.time
    cluster.loses = lambda *_: False
    cluster.now += 12 * 3_600_000
    quiet(cluster, rounds=2 * TICKS)
    assert {member.host.ledger.head.header.time for member in cluster.up} == {time}
    cluster.settle()
    cluster.check_all_committed()


@pytest.mark.parametrize("victim", [1, 2, 3])
def test_a_replica_may_die_at_any_call_of_a_change_of_view_and_is_bound_by_what_it_said(victim: int) -> None:
    crash_at = 0
    while died_while_changing(victim, crash_at):
        crash_at += 1
    assert crash_at > 15


def died_while_changing(victim: int, crash_at: int) -> bool:
    """The primary is silent; another member dies at its call `crash_at` from there on, and comes back at once."""
    cluster = Cluster()
    cluster.loses = losing(Commit)
    cluster.submit(define(0), at=1)
    quiet(cluster, rounds=3)
    cluster.loses = cutting_off(0)
    member = cluster.member(victim)
    member.crash_at = crash_at
    died = False
    for _ in range(3 * TICKS):
        quiet(cluster, rounds=1)
        if member.host is None:
            died = True
            cluster.start(member)
    assert {other.host.ledger.height for other in cluster.up if other.replica_id} == {1}
    cluster.check()
    cluster.settle()
    cluster.check_all_committed()
    return died


def test_a_replica_that_restarts_while_it_changes_views_wants_the_same_view() -> None:
    cluster = Cluster()
    cluster.loses = losing(ViewChange)
    cluster.crash(cluster.member(0))
    cluster.submit(define(0), at=2)
    quiet(cluster, rounds=TICKS)
    member: Member = cluster.member(2)
    assert member.host.replica.phase == "view-change"
    cluster.crash(member)
    cluster.start(member)
    assert (member.host.replica.view, member.host.replica.phase) == (1, "view-change")
    quiet(cluster, rounds=3)
    assert heights(cluster) == {0}
    cluster.settle()
    cluster.check_all_committed()
