"""The host's own promises: what it carries over, what it sends again, when it says that something is durable."""

from chain.codec import decode
from node.consensus.messages import Commit, NewView, Prepare, PrePrepare, ViewChange, is_prepared
from node.host import RESEND_TRANSACTIONS_MAX
from node.network.frames import ConsensusFrame, Fetch, PeerFrame, Relay
from node.storage.interface import LoggedCommit, LoggedMessage, LogRecord
from tests.node.cluster import Cluster, Member
from tests.node.small_chain import MEMBERSHIP, NOW, RULES, define
from tests.node.test_cluster import quiet
from tests.node.test_primaries import losing


def in_flight(cluster: Cluster) -> list[PeerFrame]:
    """The frames in flight."""
    return [decode(data, PeerFrame) for _, _, data in cluster.frames]


def carried(member: Member) -> list[LoggedMessage]:
    """What a new segment would begin with."""
    records = [decode(record, LogRecord) for record in member.host.carried()]
    assert all(isinstance(record, LoggedMessage) for record in records)
    return records


def until_prepared(cluster: Cluster, replica_id: int) -> Member:
    """The member when it has cast its commit for the first height, and not seen a quorum of them."""
    member = cluster.member(replica_id)
    cluster.submit(define(0), at=0)
    while member.host.replica.prepared is None:
        cluster.sync()
        cluster.deliver_all()
    return member


def test_a_prepared_certificate_is_in_the_log_beside_the_commit_and_survives_cut_and_restart() -> None:
    cluster = Cluster()
    member = until_prepared(cluster, 2)
    prepared = member.host.replica.prepared
    assert is_prepared(RULES, prepared, MEMBERSHIP, primary=0)
    cluster.alive(member, member.flush)
    logged = [record for record in carried(member) if record.prepared is not None]
    assert [(type(record.envelope.message), record.prepared) for record in logged] == [(Commit, prepared)]
    cluster.crash(member)
    cluster.start(member)
    assert member.host.replica.prepared == prepared
    cluster.settle()
    cluster.check_all_committed()
    assert member.host.replica.prepared is None


def test_what_is_carried_is_the_height_in_flight_and_nothing_older() -> None:
    cluster = Cluster()
    member = until_prepared(cluster, 1)
    kinds = [type(record.envelope.message).__name__ for record in carried(member)]
    assert kinds == ["PrePrepare", "Prepare", "Commit"]
    cluster.settle()
    for each in cluster.members:
        assert carried(each) == []
        assert each.host._candidates._executed == {}


def test_a_block_is_durable_only_when_the_log_is_synced() -> None:
    cluster = Cluster()
    member = cluster.member(0)
    cluster.submit(define(0), at=0)
    while member.host.ledger.height == 0:
        cluster.sync()
        cluster.deliver_all()
    assert member.host.durable_height == 0
    assert not cluster.acknowledged
    cluster.sync()
    assert member.host.durable_height == 1
    assert cluster.acknowledged
    assert any(isinstance(decode(record, LogRecord), LoggedCommit) for record in member.disk.records)


def test_a_new_link_brings_own_durable_messages_and_what_waits() -> None:
    cluster = Cluster()
    member = cluster.member(0)
    cluster.submit(define(0), at=0)
    cluster.submit(define(1), at=0)
    cluster.frames.clear()
    member.host.peer_connected(2)
    assert [type(frame) for frame in in_flight(cluster)] == [Relay]  # the proposal is not durable yet
    cluster.sync()
    cluster.frames.clear()
    member.host.peer_connected(2)
    first, second = in_flight(cluster)
    assert isinstance(first, ConsensusFrame)
    assert isinstance(second, Relay)
    assert second.transactions == (define(0), define(1))


def test_a_new_link_shows_a_peer_its_own_votes_before_anything_that_it_could_vote_on() -> None:
    cluster = Cluster()
    cluster.loses = losing(Commit)
    cluster.submit(define(0), at=0)
    quiet(cluster, 6)
    cluster.frames.clear()
    cluster.loses = lambda *_: False
    cluster.member(0).host.peer_connected(2)
    shown = [frame.envelope for frame in in_flight(cluster) if isinstance(frame, ConsensusFrame)]
    said = [(envelope.signer, type(envelope.message)) for envelope in shown]
    assert said == [(2, Prepare), (0, PrePrepare), (0, Commit)]


def test_an_accepted_new_view_is_in_the_log_and_is_carried_until_a_certificate_takes_its_place() -> None:
    cluster = Cluster()
    cluster.loses = losing(PrePrepare)
    cluster.crash(cluster.member(0))
    cluster.submit(define(0), at=2)
    quiet(cluster, 40)
    member = cluster.member(2)
    assert (member.host.replica.view, member.host.replica.changing) == (1, False)
    assert [type(record.envelope.message) for record in carried(member)] == [ViewChange, NewView]
    cluster.loses = lambda *_: False
    quiet(cluster, 60)
    assert member.host.ledger.height == 1
    assert carried(member) == []


def test_without_progress_a_backup_sends_its_votes_and_the_oldest_of_its_pool_to_all() -> None:
    cluster = Cluster()
    member = cluster.member(1)
    for number in range(RESEND_TRANSACTIONS_MAX + 5):
        assert member.host.admit(define(number), local=False)
    member.host.requests_admitted()
    cluster.frames.clear()
    for _ in range(RULES.profile.progress_ticks // 4):
        assert cluster.frames == []
        member.host.tick()
    assert {receiver for _, receiver, _ in cluster.frames} == {0, 2, 3}
    assert sum(len(frame.transactions) for frame in in_flight(cluster)) == 3 * RESEND_TRANSACTIONS_MAX
    cluster.sync()
    quiet(cluster, 30)
    assert cluster.member(0).host.ledger.height >= 1


def test_what_expires_is_given_up_and_the_clocks_stand_still_again() -> None:
    cluster = Cluster()
    member = cluster.member(1)
    member.host.admit(define(0, valid_until=NOW + 50), local=True)
    member.host.requests_admitted()
    assert member.host.replica.pending
    assert member.host.expire(NOW + 50) == []
    (expired,) = member.host.expire(NOW + 51)
    assert expired.raw == define(0, valid_until=NOW + 50)
    assert not member.host.replica.pending
    assert member.host.expire(NOW + 51) == []


def test_a_transaction_in_a_block_on_its_way_does_not_expire() -> None:
    cluster = Cluster()
    member = cluster.member(0)
    cluster.submit(define(0, valid_until=NOW + 50), at=0)
    assert member.host.expire(NOW + 10_000) == []
    cluster.settle()
    cluster.check_all_committed()


def test_a_primary_asks_again_when_what_waits_can_go_into_a_block() -> None:
    cluster = Cluster()
    member = cluster.member(0)
    far = NOW + 310_000
    cluster.now += 20_000
    member.host.admit(define(0, valid_until=far), local=True)
    cluster.now -= 20_000  # the clock is set back: too far ahead for a block now
    member.host.requests_admitted()
    quiet(cluster, 10)
    assert member.host.ledger.height == 0
    assert member.host.replica.pending
    cluster.now += 20_000
    quiet(cluster, 30)
    assert member.host.ledger.height == 1


def test_a_status_tells_how_the_chain_stands() -> None:
    cluster = Cluster()
    cluster.submit(define(0), at=0)
    cluster.settle()
    cluster.tell_heads()
    cluster.deliver_all()
    cluster.submit(define(1), at=0)
    status = cluster.member(0).host.status()
    assert (status.chain_id, status.height, status.view, status.primary) == (RULES.chain_id, 1, 0, 0)
    assert (status.phase, status.pool, status.waits_for, status.behind) == ("building", 1, "", ())
    assert status.head == cluster.member(0).host.ledger.head.digest
    quiet(cluster, 10)
    assert cluster.member(1).host.status().phase == "idle"


def test_a_question_to_a_peer_that_is_lost_is_put_to_another() -> None:
    cluster = Cluster()
    cluster.crash(cluster.member(2))
    cluster.submit(define(0), at=0)
    quiet(cluster, 10)
    member = cluster.member(2)
    cluster.start(member)
    cluster.deliver_all()
    asked: list[int] = []
    for _ in range(10):  # fewer than patience has
        cluster.frames.clear()
        member.host.tick()
        asked += [receiver for _, receiver, data in cluster.frames if isinstance(decode(data, PeerFrame), Fetch)]
        if len(asked) == 1:
            member.host.peer_lost(asked[0])
    assert len(asked) == 2
    assert asked[0] != asked[1]
