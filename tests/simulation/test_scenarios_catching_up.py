"""Scenarios of replays, late joiners, state transfer and changing members, by their numbers (docs/scenarios.md)."""

import pytest

from node.consensus.messages import PrePrepare
from node.mempool import Checked, Refusal
from node.network.frames import Blocks, Heads, PeerFrame, SnapshotChunk, SnapshotManifest
from simulation.faults import NIGHT_MS
from simulation.machine import Behaviour, Process
from tests.node import test_cluster_membership as members
from tests.node.cluster import Cluster
from tests.node.small_chain import RULES, define
from tests.node.test_cluster import quiet
from tests.simulation.script import Count, Script, frames, says


def submitted(script: Script, raw: bytes, number: int) -> Checked | Refusal:
    """What a machine says to a request."""
    process = script.machines[number].process
    assert process is not None
    return process.submit(raw)


@pytest.mark.parametrize("replicas", [4, 5])
def test_s10_a_request_counts_once_however_often_it_is_sent(replicas: int) -> None:
    """To all at once, after its commit, after a restart, and to a node that has it from others."""
    script = Script(replicas)
    away = script.apart([replicas - 1])
    (raw,) = script.ask(at=0)
    for number in range(replicas):
        submitted(script, raw, number)
    script.until(lambda: all(script.height(number) == 1 for number in range(replicas - 1)))
    script.mend(away)
    script.until(lambda: script.height(replicas - 1) == 1)
    answers = [submitted(script, raw, number) for number in range(replicas)]
    script.crash(0)
    script.start(0)
    answers.append(submitted(script, raw, 0))
    assert all(isinstance(answer, Refusal) or not script.host(0).pool.waiting() for answer in answers)
    script.go(5_000)
    assert {script.height(number) for number in range(replicas)} == {1}
    script.finish()


def test_s10_old_messages_and_requests_that_are_replayed_change_nothing() -> None:
    """A replica says again and again what anybody said."""
    script = Script(liars=((2, "replaying"),), requests=20)
    script.run.clients.begin()
    outcome = script.finish()
    assert outcome.faults["replaying"] > 0
    assert outcome.checks["order"] > 20


def test_s10_a_request_in_a_snapshot_is_not_executed_again() -> None:
    """Whoever took a snapshot knows the ids of its window."""
    script = behind_a_snapshot()
    (raw,) = script.ask(at=0)
    script.until(lambda: script.height(0) == script.height(1))
    script.start(3)
    script.until(lambda: script.cluster.snapshots == 1 and script.height(3) == script.height(0))
    height = script.height(3)
    submitted(script, raw, 3)
    script.go(5_000)
    assert script.height(3) == height
    script.finish()


def behind_a_snapshot(replicas: int = 4, **settings: object) -> Script:
    """The last replica is down, and what it lacks is pruned everywhere."""
    script = Script(replicas, history=5, **settings)  # type: ignore[arg-type]
    last = replicas - 1
    script.commit(2)
    script.crash(last)
    rest = range(last)
    for _ in range(2):
        script.commit(7, at=rest)
        script.cluster.sleep(NIGHT_MS)
    script.commit(5, at=rest)
    assert script.host(0).ledger.oldest_block > 3
    return script


def test_s11_blocks_are_fetched_while_a_view_change_delivers_the_same_height() -> None:
    """Replica 3 comes back, behind, at the moment at which the primary dies: its vote is needed for the new view."""
    script = Script()
    script.commit()
    alone = script.apart([3])
    script.commit(3, at=[0, 1, 2])
    fetched = Count(frames(Blocks, to=[3]))
    script.withhold(fetched)
    script.crash(0)
    script.mend(alone)
    script.ask(at=1)
    script.until(lambda: all(script.height(number) == 5 for number in (1, 2, 3)))
    assert fetched.seen >= 1
    assert script.view(3) >= 1
    assert script.finish().checks["order"] > 0


def test_s11_a_block_that_is_fetched_and_committed_at_once_is_delivered_once() -> None:
    """The commits for a height come late, when somebody has just sent the block."""
    script = Script()
    script.commit()
    script.cluster.network.clog([(0, 3), (1, 3)])
    script.commit(2, at=[0, 1, 2])
    fetched = Count(frames(Blocks, to=[3]))
    script.withhold(fetched)
    script.until(lambda: fetched.seen > 0)
    script.cluster.network.unclog([(0, 3), (1, 3)])
    script.until(lambda: script.height(3) == script.height(0))
    assert fetched.seen >= 1
    script.finish()


@pytest.mark.parametrize("replicas", [4, 7])
def test_s12_a_late_joiner_fetches_every_block(replicas: int) -> None:
    """One that was never there at first."""
    script = Script(replicas, start=range(replicas - 1))
    script.commit(12)
    fetched = Count(frames(Blocks, to=[replicas - 1]))
    script.withhold(fetched)
    script.start(replicas - 1)
    script.until(lambda: script.height(replicas - 1) == 12)
    assert fetched.seen >= 1
    script.finish()


def test_s12_one_that_stood_still_beyond_what_others_keep_takes_a_snapshot() -> None:
    """Stopped for two nights."""
    script = behind_a_snapshot()
    script.start(3)
    script.until(lambda: script.height(3) == script.height(0))
    assert script.cluster.snapshots == 1
    script.commit()
    script.finish()


def test_s12_several_wiped_replicas_come_back_from_one_peer() -> None:
    """Three of ten lose everything, and can hear only replica 0 until they have caught up."""
    script = Script(10)
    script.commit(15)
    wiped = [7, 8, 9]
    script.crash(*wiped)
    for number in wiped:
        script.cluster.wipe(script.machines[number])
    apart = script.apart(wiped, range(1, 7))
    fetched = Count(frames(Blocks, to=wiped))
    script.withhold(fetched)
    script.start(*wiped)
    script.until(lambda: all(script.height(number) == 15 for number in wiped))
    assert fetched.seen >= 3
    assert all(script.host(number).replica.abstains for number in wiped)
    script.mend(apart)
    script.commit(4, at=range(10))
    script.until(lambda: not any(script.host(number).replica.abstains for number in wiped))
    script.finish()


def test_s12_fetching_at_the_same_height_changes_nothing() -> None:
    """A replica restarts at everybody's height, again and again, while a block is on its way."""
    script = Script()
    script.commit(3)
    for _ in range(5):
        script.ask(at=0)
        script.crash(3)
        script.start(3)
        script.until(lambda: script.height(3) == script.height(0))
    assert script.record.crashes == 5
    assert script.finish().views == 0


class Spoiling(Behaviour):
    """Answers with parts of a snapshot that are not what was asked for."""

    def __init__(self, how: str) -> None:
        self.how = how
        self.lies = 0
        self.last: SnapshotChunk | None = None

    def outgoing(self, process: Process, peer: int, frame: PeerFrame) -> tuple[PeerFrame, ...]:
        if isinstance(frame, SnapshotManifest) and self.how == "no root":
            self.lies += 1
            return (SnapshotManifest(chain_id=frame.chain_id, certified=None, handovers=()),)
        if not isinstance(frame, SnapshotChunk):
            return (frame,)
        before, self.last = self.last, frame
        if self.how == "missing":
            self.lies += 1
            return ()
        if self.how == "another index" and before is not None:
            self.lies += 1
            return (
                SnapshotChunk(chain_id=frame.chain_id, height=frame.height, chunk=frame.chunk, content=before.content),
            )
        if self.how == "twice and out of order":
            self.lies += 1
            return (*(() if before is None else (before,)), frame, frame)
        return (frame,)


@pytest.mark.parametrize("how", ["no root", "missing"])
def test_s13_a_source_of_a_snapshot_that_lies_or_stops_is_left_for_another(how: str) -> None:
    """Replica 2 is the only one that replica 3 hears at first."""
    spoiling = Spoiling(how)
    script = behind_a_snapshot(behaviours={2: spoiling})
    apart = script.apart([3], [0, 1])
    script.start(3)
    script.until(lambda: spoiling.lies > 0)
    script.go(3_000)
    assert script.cluster.snapshots == 0
    script.mend(apart)
    script.until(lambda: script.height(3) == script.height(0))
    assert script.cluster.snapshots == 1
    script.finish()


def test_s13_a_source_with_a_wrong_part_is_named_a_liar() -> None:
    """The parts are checked against the state root."""
    script = behind_a_snapshot(liars=((2, "lying-source"),))
    apart = script.apart([3], [0, 1])
    script.start(3)
    script.until(lambda: script.noted("takes no snapshot from replica 2") > 0)
    assert script.cluster.snapshots == 0
    script.mend(apart)
    script.until(lambda: script.height(3) == script.height(0))
    assert script.cluster.snapshots == 1
    assert script.finish().faults["lying-source"] > 0


def test_s13_a_source_that_dies_and_a_primary_that_changes_meanwhile_do_no_harm() -> None:
    """The source is killed after its first part; so is the primary, in a network of seven."""
    script = behind_a_snapshot(7)
    script.withhold(parts := Count(frames(SnapshotChunk, to=[6])))
    script.start(6)
    script.until(lambda: parts.seen == 1)
    script.crash(0)
    script.ask(at=1)
    script.until(lambda: all(script.view(number) >= 1 for number in range(1, 6)))
    script.until(lambda: script.height(6) == script.height(1))
    assert script.cluster.snapshots == 1
    assert script.record.crashes >= 2
    script.finish()


@pytest.mark.parametrize("how", ["another index", "twice and out of order"])
def test_s27_a_part_with_the_right_hash_at_another_place_is_refused(how: str) -> None:
    """Every part is bound to its place; one that comes twice or late has no effect."""
    spoiling = Spoiling(how)
    script = behind_a_snapshot(behaviours={2: spoiling})
    apart = script.apart([3], [0, 1])
    script.start(3)
    script.go(5_000)
    assert spoiling.lies > 0
    script.mend(apart)
    script.until(lambda: script.height(3) == script.height(0))
    assert (script.noted("takes no snapshot from replica 2") > 0) == (how == "another index")
    script.finish()


@pytest.mark.parametrize("replicas", [4, 6])
def test_s14_a_peer_that_overstates_and_sends_bad_blocks_is_passed_over(replicas: int) -> None:
    """At first it is the only one that the late replica hears."""
    last = replicas - 1
    script = Script(replicas, liars=((1, "lying-source"),))
    script.commit()
    script.crash(last)
    script.commit(8, at=range(last))
    apart = script.apart([last], [number for number in range(last) if number != 1])
    script.start(last)
    script.until(lambda: script.noted("sent a block that is refused") > 0)
    assert script.height(last) < 9
    script.mend(apart)
    script.until(lambda: script.height(last) == 9)
    assert script.finish().faults["lying-source"] > 0


class Fickle(Behaviour):
    """Says that it is far ahead, then that it is not, and answers nothing."""

    def __init__(self, stalls: bool) -> None:
        self.stalls = stalls
        self.lies = 0

    def outgoing(self, process: Process, peer: int, frame: PeerFrame) -> tuple[PeerFrame, ...]:
        if isinstance(frame, Heads):
            self.lies += 1
            height = 10**9 if self.lies % 2 else 0
            heads = tuple(
                type(head)(**{**{n: getattr(head, n) for n in head.__struct_fields__}, "height": height})
                for head in frame.heads
            )
            return (Heads(heads=heads),)
        if isinstance(frame, Blocks):
            self.lies += 1
            return () if self.stalls else (Blocks(chain_id=frame.chain_id, blocks=()),)
        return (frame,)


@pytest.mark.parametrize("stalls", [True, False])
def test_s14_a_peer_that_lowers_what_it_said_and_stalls_does_not_stop_the_fetching(stalls: bool) -> None:
    """Its claims come before everybody else's."""
    fickle = Fickle(stalls)
    script = Script(behaviours={1: fickle})
    script.crash(3)
    script.commit(6, at=[0, 1, 2])
    script.start(3)
    script.until(lambda: script.height(3) == 6)
    assert fickle.lies > 0
    script.finish()


@pytest.mark.parametrize("what", ["add", "retire the primary"])
def test_s16_the_set_changes_while_the_view_does(what: str) -> None:
    """The change is on its way when the primary dies; light clients follow; a retired key signs no more."""
    cluster = Cluster()
    new = members.FIVE if what == "add" else members.rekeyed(members.FOUR, 0)
    arguments = members.agreed(RULES, members.FOUR, new, 4)
    raw = members.change_transaction(RULES, arguments, now=cluster.now, nonce=bytes(16))
    assert isinstance(cluster.submit(raw, at=1), Checked)
    cluster.crash(cluster.member(0))
    quiet(cluster)
    assert {member.host.replica.view for member in cluster.up} == {1}
    for number in range(4):
        cluster.submit(define(number, valid_until=cluster.now + 100_000), at=1)
        quiet(cluster)
    if what == "add":
        # Of five four are needed, and the newcomer is not there: nothing goes on without the old primary.
        assert members.height(cluster) == 3
        assert {member.host.outlook.waits_for() for member in cluster.up} == {"no-quorum"}
    else:
        assert members.height(cluster) >= 4
    cluster.settle()
    members.check_followed(cluster, [members.FOUR, new])
    if what != "add":
        ledger = cluster.member(1).host.ledger
        assert all(0 not in ledger.certified(at).certificate.signers for at in range(4, ledger.height + 1))


@pytest.mark.parametrize("signers", [(0, 1), (0, 1, 1)])
def test_s16_a_change_that_no_live_quorum_agrees_to_is_refused(signers: tuple[int, ...]) -> None:
    """Whoever signs it must be a quorum now, and those of them who stay a quorum afterwards: removing the living fails."""
    cluster = Cluster()
    arguments = members.agreed(RULES, members.FOUR, members.FIVE, 4)
    keep = [place for place, signer in enumerate(arguments.signers) if signer in set(signers)]
    few = type(arguments)(
        **{
            **{name: getattr(arguments, name) for name in arguments.__struct_fields__},
            "signers": tuple(arguments.signers[place] for place in keep),
            "signatures": tuple(arguments.signatures[place] for place in keep),
        }
    )
    raw = members.change_transaction(RULES, few, now=cluster.now, nonce=bytes(16))
    refused = cluster.submit(raw, at=1)
    assert isinstance(refused, Refusal)
    assert refused.code == "change-not-signed"
    members.define_one(cluster, 1)
    assert cluster.member(0).host.ledger.head.membership == members.FOUR


def test_s16_an_old_proposal_is_not_replayed_into_a_later_height() -> None:
    """An early proposal that is shown again after its height has no effect."""
    script = Script()
    kept: list[tuple[int, PeerFrame]] = []
    picks = says(PrePrepare)
    script.withhold(lambda receiver, frame: bool(picks(receiver, frame) and kept.append((receiver, frame))))
    script.commit(3)
    for receiver, frame in kept:
        process = script.machines[receiver].process
        assert process is not None
        process.hear(0, frame)
    assert len(kept) >= 9
    assert {script.host(number).dropped.get("stale", 0) > 0 for number in (1, 2, 3)} == {True}
    script.finish()
