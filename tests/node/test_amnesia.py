"""Replicas that do not know what they have signed: they follow, say nothing, and sign again when that is safe."""

from copy import deepcopy

import pytest

from node.consensus.messages import Commit, NewView, Prepare, place
from tests.node.cluster import Cluster, Member
from tests.node.small_chain import define
from tests.node.test_cluster import quiet, storm
from tests.node.test_primaries import cutting_off, heights, losing


def grow(cluster: Cluster, start: int, blocks: int) -> None:
    """Blocks of one transaction each."""
    for number in range(start, start + blocks):
        cluster.submit(define(number), at=0)
        quiet(cluster, rounds=12)


def wiped(cluster: Cluster, replica_id: int) -> Member:
    """A member whose disk was replaced by an empty one, started again."""
    member = cluster.member(replica_id)
    cluster.crash(member)
    member.wipe()
    cluster.start(member)
    return member


def heights_of_votes(cluster: Cluster, replica_id: int) -> set[int]:
    """The heights at which a member has been heard to vote."""
    return {height for signer, kind, height, _ in cluster.said if signer == replica_id and kind in (Prepare, Commit)}


def test_a_wiped_member_follows_in_silence_and_signs_again_two_heights_later() -> None:
    cluster = Cluster()
    grow(cluster, 0, 3)
    member = wiped(cluster, 3)
    assert member.host.replica.abstains
    quiet(cluster, rounds=20)
    assert (member.host.ledger.height, member.host.replica.abstains) == (3, True)
    grow(cluster, 3, 1)
    assert (member.host.ledger.height, member.host.replica.abstains) == (4, True)
    grow(cluster, 4, 1)
    assert (member.host.ledger.height, member.host.replica.abstains) == (5, False)
    assert max(heights_of_votes(cluster, 3)) == 3
    assert any("height 5 is certified: this replica signs again" in note for note in cluster.notes)
    grow(cluster, 5, 2)
    assert heights_of_votes(cluster, 3) >= {6, 7}
    cluster.settle()
    cluster.check_all_committed()


def test_a_restart_does_not_make_up_for_what_is_forgotten_and_a_later_one_does_not_forget_it_again() -> None:
    cluster = Cluster()
    grow(cluster, 0, 2)
    member = wiped(cluster, 2)
    grow(cluster, 2, 1)
    cluster.crash(member)
    cluster.start(member)
    assert member.host.replica.abstains
    grow(cluster, 3, 4)
    assert not member.host.replica.abstains
    cluster.crash(member)
    cluster.start(member)
    assert not member.host.replica.abstains
    cluster.settle()
    cluster.check_all_committed()


def test_a_wiped_primary_is_replaced_and_follows() -> None:
    cluster = Cluster()
    grow(cluster, 0, 1)
    member = wiped(cluster, 0)
    quiet(cluster, rounds=12)
    for number in range(1, 5):
        cluster.submit(define(number), at=1)
        quiet(cluster, rounds=40)
    assert heights(cluster) == {5}
    assert {other.host.replica.view for other in cluster.up} == {1}
    assert not member.host.replica.abstains
    cluster.settle()
    cluster.check_all_committed()


def older_log(cluster: Cluster, replica_id: int) -> Member:
    """A member votes for a block that is not committed yet, and comes back with the disk it had before."""
    member = cluster.member(replica_id)
    older = deepcopy(member.disk)
    cluster.loses = losing(Commit)
    cluster.submit(define(100), at=0)
    quiet(cluster, rounds=6)
    assert member.disk.records != older.records
    cluster.crash(member)
    member.disk = older
    cluster.start(member)
    cluster.loses = lambda *_: False
    return member


@pytest.mark.parametrize("replica_id", [0, 2])
def test_a_member_with_an_older_log_hears_of_its_own_vote_and_abstains(replica_id: int) -> None:
    cluster = Cluster()
    grow(cluster, 0, 2)
    member = older_log(cluster, replica_id)
    assert not member.host.replica.abstains
    cluster.deliver_all()
    assert member.host.replica.abstains
    assert member.disk.abstains
    assert not member.host.chain_head().signs
    told = [note for note in cluster.notes if note.startswith(f"{replica_id}: a peer shows a vote of this replica")]
    assert len(told) == 1
    assert "height 3, view 0" in told[0]
    cluster.tell_heads()
    for number in range(101, 105):
        cluster.submit(define(number), at=1)
        quiet(cluster, rounds=60)
    assert not member.host.replica.abstains
    cluster.settle()
    cluster.check_all_committed()


def test_a_member_with_an_older_log_hears_of_a_view_that_it_asked_for_and_abstains() -> None:
    cluster = Cluster()
    grow(cluster, 0, 1)
    member = cluster.member(2)
    older = deepcopy(member.disk)
    cluster.loses = losing(NewView)
    cluster.crash(cluster.member(0))
    cluster.submit(define(1), at=1)
    quiet(cluster, rounds=12)
    assert member.host.replica.changing
    cluster.crash(member)
    member.disk = older
    cluster.start(member)
    cluster.deliver_all()
    assert member.host.replica.abstains
    assert any("a vote of this replica for height 2, view 1" in note for note in cluster.notes)
    cluster.settle()
    for number in range(2, 6):
        cluster.submit(define(number), at=1)
        cluster.settle()
    assert not member.host.replica.abstains
    cluster.check_all_committed()


def test_what_a_member_knows_that_it_has_said_does_not_silence_it() -> None:
    cluster = Cluster()
    cluster.loses = losing(Commit)
    cluster.submit(define(0), at=0)
    quiet(cluster, rounds=6)
    member = cluster.member(2)
    cluster.crash(member)
    cluster.start(member)
    cluster.deliver_all()
    assert member.host.dropped["own"] > 0
    assert not member.host.replica.abstains
    cluster.settle()
    cluster.check_all_committed()


def test_votes_of_a_view_that_was_given_up_are_not_missed() -> None:
    """With a view change the log drops them; a peer that shows them shows nothing new."""
    cluster = Cluster()
    cluster.loses = losing(Commit)
    cluster.submit(define(0), at=1)
    quiet(cluster, rounds=6)
    own = [
        frame
        for frame in cluster.member(2).host._signed.records
        if frame.envelope.signer == 2 and isinstance(frame.envelope.message, Prepare)
    ]
    assert [place(record.envelope.message) for record in own] == [(1, 0)]
    cut = cutting_off(0)
    lost = losing(Commit)
    cluster.loses = lambda *sent: cut(*sent) or lost(*sent)
    quiet(cluster, rounds=30)
    member = cluster.member(2)
    assert member.host.replica.view == 1
    member.host.receive(own[0].envelope)
    assert not member.host.replica.abstains
    cluster.settle()
    cluster.check_all_committed()


def test_when_too_many_have_forgotten_the_network_waits_and_says_so() -> None:
    cluster = Cluster()
    grow(cluster, 0, 2)
    for replica_id in (2, 3):
        wiped(cluster, replica_id)
    cluster.tell_heads()
    cluster.deliver_all()
    grow(cluster, 2, 1)
    quiet(cluster, rounds=100)
    assert heights(cluster) == {2}
    assert {member.host.outlook.waits_for() for member in cluster.up} == {"votes-forgotten"}
    assert {member.host.outlook.refuses() for member in cluster.up} == {"votes-forgotten"}


def test_an_operator_lets_them_go_on_by_a_start_that_somebody_answers_for() -> None:
    cluster = Cluster()
    grow(cluster, 0, 2)
    for replica_id in (2, 3):
        wiped(cluster, replica_id)
    quiet(cluster, rounds=20)
    for replica_id in (2, 3):
        member = cluster.member(replica_id)
        cluster.crash(member)
        member.may_sign = True
        cluster.start(member)
        assert not member.host.replica.abstains
    cluster.settle()
    grow(cluster, 2, 2)
    assert {member.host.outlook.waits_for() for member in cluster.up} == {""}
    assert heights(cluster) == {4}
    cluster.check_all_committed()


def test_one_that_has_forgotten_and_one_that_is_down_are_too_many() -> None:
    cluster = Cluster()
    grow(cluster, 0, 1)
    cluster.crash(cluster.member(1))
    wiped(cluster, 2)
    quiet(cluster, rounds=20)
    grow(cluster, 1, 1)
    assert {member.host.ledger.height for member in cluster.up} == {1}
    assert cluster.member(0).host.outlook.refuses() == "votes-forgotten"
    cluster.start(cluster.member(1))
    quiet(cluster, rounds=100)
    grow(cluster, 2, 3)
    assert not cluster.member(2).host.replica.abstains
    cluster.settle()
    cluster.check_all_committed()


def test_only_what_members_report_counts_for_the_end_of_an_abstention() -> None:
    cluster = Cluster()
    grow(cluster, 0, 1)
    member = wiped(cluster, 3)
    head = member.host.chain_head()
    member.host.outlook.nodes = (*member.host.outlook.nodes, "observer-1", "observer-2")
    for observer in (4, 5):
        member.host.peer_head(observer, head)
    assert member.host._abstention.until is None


def test_nothing_that_a_replica_said_before_it_forgot_is_contradicted_when_it_signs_again() -> None:
    """It votes at height 3 just before its disk is lost; the block is committed later, in another view."""
    cluster = Cluster()
    grow(cluster, 0, 2)
    cluster.loses = losing(Commit)
    cluster.submit(define(50), at=0)
    quiet(cluster, rounds=6)
    assert 3 in heights_of_votes(cluster, 3)
    wiped(cluster, 3)
    cluster.loses = lambda *_: False
    for number in range(51, 56):
        cluster.submit(define(number), at=1)
        quiet(cluster, rounds=60)
    assert not cluster.member(3).host.replica.abstains
    cluster.settle()
    cluster.check_all_committed()


def forget(cluster: Cluster) -> bool:
    """One member loses its disk in the middle of everything, if all others know what they have signed; whether it did."""
    member = cluster.random.choice(cluster.members)
    others = [other for other in cluster.members if other is not member]
    if any(other.disk.abstains or not other.disk.log_begun for other in others):
        return False
    if member.host is not None:
        cluster.crash(member)
    member.wipe()
    return True


@pytest.mark.parametrize("seed", range(8))
def test_in_a_storm_that_takes_one_disk_at_a_time_nobody_contradicts_what_it_forgot(seed: int) -> None:
    cluster = Cluster(seed)
    numbers = iter(range(10_000))
    forgotten = 0
    for step in range(1_200):
        storm(cluster, numbers.__next__)
        if step % 300 == 150:
            forgotten += forget(cluster)
    cluster.settle()
    for number in range(5_000, 5_006):
        cluster.submit(define(number), at=number % 4)
        cluster.settle()
    assert forgotten
    assert not any(member.host.replica.abstains for member in cluster.members)
    for raw in list(cluster.submitted.values()):
        cluster.submit(raw, at=cluster.random.randrange(4))
    cluster.settle()
    cluster.check_all_committed()
