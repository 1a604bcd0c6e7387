"""A replica that says two things is convicted on the chain, once, whoever heard it; nobody else ever is."""

import pytest

from chain.ids import ZERO_DIGEST
from contracts.evidence import convictions_of, find_conviction
from node.consensus.messages import Commit, NewView, Prepare, PrePrepare, SignedViewChange, ViewChange, signed_bytes
from tests.chain.small_network import FIRST
from tests.node.cluster import Cluster
from tests.node.small_chain import MEMBERSHIP, RULES
from tests.node.test_byzantine import Traitor, honest_run, pre_prepare, rival_blocks, with_traitor
from tests.node.test_cluster import quiet

ONE, OTHER = b"\x01" * 32, b"\x02" * 32


def votes(kind: type, *, height: int = 1, view: int = 0) -> tuple[Prepare | Commit, Prepare | Commit]:
    """Two votes that contradict each other."""
    return kind(view=view, height=height, block=ONE), kind(view=view, height=height, block=OTHER)


def signed_change(signer: int, view: int) -> SignedViewChange:
    """A view change as a new view shows it."""
    change = ViewChange(view=view, committed=None, prepared=None)
    signature = FIRST.sign(signer, signed_bytes(RULES, change)[0])
    return SignedViewChange(signer=signer, signature=signature, message=change)


def a_second_passes(cluster: Cluster) -> None:
    """Every host gives up what has expired, and reports what is not recorded yet."""
    for member in cluster.up:
        member.host.expire(cluster.now)
    quiet(cluster, rounds=10)


@pytest.mark.parametrize("kind", [Prepare, Commit])
def test_a_replica_that_votes_for_two_blocks_is_convicted_once_though_all_heard_it(kind: type) -> None:
    cluster, traitor = with_traitor(3)
    for vote in votes(kind):
        traitor.say(vote)
    honest_run(cluster, 3)
    cluster.check()
    assert cluster.convicted() == {(3, 1): 1}
    for member in cluster.up:
        assert convictions_of(member.host.ledger.state, MEMBERSHIP.key(3)) == 1
        conviction = find_conviction(member.host.ledger.state, MEMBERSHIP.key(3), 1, 1)
        assert (conviction.name, conviction.height, conviction.view) == ("xian", 1, 0)
    assert sum("has signed what no correct replica signs" in note for note in cluster.notes) == 3


def test_two_halves_that_heard_one_vote_each_convict_when_the_votes_meet() -> None:
    cluster, traitor = with_traitor(3)
    one, other = votes(Prepare)
    traitor.say(one, 0, 1)
    traitor.say(other, 2)
    honest_run(cluster, 1)
    assert cluster.convicted() == {}
    traitor.say(other, 1)
    honest_run(cluster, 2)
    cluster.check()
    assert cluster.convicted() == {(3, 1): 1}


def test_a_primary_that_proposes_two_blocks_is_convicted_by_whoever_hears_both() -> None:
    cluster, traitor = with_traitor(0)
    blocks = rival_blocks()
    for name in "AB":
        traitor.say(pre_prepare(blocks[name]))
    quiet(cluster, rounds=60)
    assert cluster.check() >= 1
    assert cluster.convicted() == {(0, 1): 1}


def test_a_commit_that_a_view_change_forgets_convicts() -> None:
    cluster, traitor = with_traitor(3)
    traitor.say(Commit(view=0, height=1, block=ONE))
    traitor.say(ViewChange(view=1, committed=None, prepared=None))
    honest_run(cluster, 3)
    cluster.check()
    assert cluster.convicted() == {(3, 2): 1}


def test_a_replica_that_changes_its_mind_about_a_view_change_or_a_new_view_is_convicted() -> None:
    cluster, traitor = with_traitor(1)
    quorums = [(0, 1, 2), (0, 1, 3)]
    for quorum in quorums:
        traitor.say(NewView(view=1, view_changes=tuple(signed_change(signer, 1) for signer in quorum)))
    quiet(cluster, rounds=40)
    honest_run(cluster, 4)
    quiet(cluster, rounds=40)
    cluster.check()
    assert cluster.convicted() == {(1, 1): 1}


def test_votes_of_one_replica_at_other_heights_and_views_convict_nobody() -> None:
    cluster, traitor = with_traitor(3)
    for height, view in ((1, 0), (2, 0), (1, 1), (2, 1)):
        traitor.say(Prepare(view=view, height=height, block=bytes([height, view]) * 16))
    honest_run(cluster, 4)
    cluster.check()
    assert cluster.convicted() == {}


def test_nobody_is_convicted_by_what_another_signed() -> None:
    cluster, traitor = with_traitor(3)
    for vote in votes(Prepare):
        envelope = traitor.envelope(vote)
        for framed in range(3):
            forged = type(envelope)(signer=framed, signature=envelope.signature, message=vote)
            for member in cluster.up:
                member.host.receive(forged)
    honest_run(cluster, 3)
    cluster.check()
    assert cluster.convicted() == {}


def test_two_offences_of_two_kinds_or_heights_are_two_convictions() -> None:
    cluster, traitor = with_traitor(3)
    for height in (1, 2):
        for vote in votes(Commit, height=height):
            traitor.say(vote)
    traitor.say(ViewChange(view=1, committed=None, prepared=None))
    honest_run(cluster, 5)
    a_second_passes(cluster)
    cluster.check()
    assert cluster.convicted() == {(3, 1): 2, (3, 2): 1}


def test_what_speaks_of_a_height_to_come_is_reported_when_the_chain_is_there() -> None:
    cluster, traitor = with_traitor(3)
    for vote in votes(Prepare, height=4):
        traitor.say(vote)
    honest_run(cluster, 2)
    a_second_passes(cluster)
    assert cluster.convicted() == {}
    honest_run(cluster, 2, start=20)
    a_second_passes(cluster)
    cluster.check()
    assert cluster.convicted() == {(3, 1): 1}


def test_a_report_that_no_block_took_in_its_time_is_made_anew() -> None:
    cluster, traitor = with_traitor(3)
    for place in (0, 2):
        cluster.crash(cluster.member(place))
    member = cluster.member(1)
    for vote in votes(Prepare):
        traitor.say(vote, 1)
    cluster.deliver_all()
    assert len(member.host.pool) == 1
    cluster.now += 400_000
    assert len(member.host.expire(cluster.now)) == 1
    assert len(member.host.pool) == 1
    cluster.settle()
    cluster.check()
    assert cluster.convicted() == {(3, 1): 1}


def noisy(seed: int) -> tuple[Cluster, Traitor]:
    """A traitor that says everything that can be said about two blocks, to some."""
    cluster, traitor = with_traitor(2, seed)
    random = cluster.random
    for _ in range(60):
        view, height = random.randrange(2), random.randrange(1, 4)
        block = random.choice([ONE, OTHER, ZERO_DIGEST])
        message = random.choice(
            [
                Prepare(view=view, height=height, block=block),
                Commit(view=view, height=height, block=block),
                ViewChange(view=view, committed=None, prepared=None),
                PrePrepare(view=2, block=rival_blocks()["A"], parent_certificate=None),
            ]
        )
        traitor.say(message, random.choice(cluster.members).replica_id)
    return cluster, traitor


@pytest.mark.parametrize("seed", range(6))
def test_in_any_noise_the_guilty_are_convicted_and_nobody_else(seed: int) -> None:
    cluster, _ = noisy(seed)
    honest_run(cluster, 4)
    cluster.settle()
    cluster.check()
    convicted = cluster.convicted()
    assert {place for place, _ in convicted} == {2}
    assert all(kind in (1, 2) for _, kind in convicted)
