"""A primary that leaves a request out is replaced, one that never had it is given it, one with too much to do stays."""

import pytest

from node.host import URGENT_MAX
from node.inclusion import INCLUSION_BLOCKS, URGENT_BLOCKS
from node.mempool import Checked, Mempool
from node.network.frames import PeerFrame, Relay
from tests.chain.small_network import FIRST
from tests.node.cluster import Cluster, Member
from tests.node.small_chain import RULES, define
from tests.node.test_cluster import quiet
from tests.node.test_primaries import heights, views

VICTIM = define(999)


def deaf_to(raw: bytes, *, urgent: bool) -> object:
    """A network that carries a request to everybody but the primary 0, unless it is urgent and `urgent` says so."""

    def loses(_sender: int, receiver: int, frame: PeerFrame) -> bool:
        known = isinstance(frame, Relay) and raw in frame.transactions
        return known and receiver == 0 and not (frame.urgent and urgent)

    return loses


def blocks(cluster: Cluster, start: int, count: int) -> None:
    """Blocks of one other request each, each given to the primary."""
    for number in range(start, start + count):
        cluster.submit(define(number), at=0)
        quiet(cluster, rounds=8)


def id_of(cluster: Cluster) -> bytes:
    """The id of the request that is left out."""
    return next(key for key, raw in cluster.submitted.items() if raw == VICTIM)


def is_committed(cluster: Cluster) -> bool:
    """Whether the request stands in a block."""
    return id_of(cluster) in cluster.member(1).host.ledger.seen


def test_a_primary_that_leaves_a_request_out_is_replaced_and_the_next_one_takes_it() -> None:
    cluster = Cluster()
    cluster.loses = deaf_to(VICTIM, urgent=False)
    cluster.submit(VICTIM, at=1)
    blocks(cluster, 0, INCLUSION_BLOCKS)
    assert (views(cluster), is_committed(cluster)) == ({0}, False)
    blocks(cluster, INCLUSION_BLOCKS, 1)
    quiet(cluster, rounds=20)
    assert views(cluster) == {1}
    assert is_committed(cluster)
    assert {note.split(": ", 1)[1] for note in cluster.notes if "left" in note or "not in the primary" in note} == {
        "a request that has waited long is not in the primary's blocks: it is given up"
    }
    cluster.settle()
    cluster.check_all_committed()


def test_time_alone_makes_no_request_overdue() -> None:
    cluster = Cluster()
    cluster.loses = deaf_to(VICTIM, urgent=False)
    cluster.submit(VICTIM, at=1)
    for number in range(5):
        cluster.submit(define(number), at=0)
        quiet(cluster, rounds=RULES.profile.progress_ticks - 4)
    assert views(cluster) == {0}


def test_a_request_that_the_primary_never_had_is_passed_on_as_urgent_half_way() -> None:
    cluster = Cluster()
    cluster.loses = deaf_to(VICTIM, urgent=True)
    cluster.submit(VICTIM, at=1)
    blocks(cluster, 0, URGENT_BLOCKS)
    assert not is_committed(cluster)
    blocks(cluster, URGENT_BLOCKS, 2)
    assert is_committed(cluster)
    assert views(cluster) == {0}


def test_an_urgent_request_goes_before_all_others_even_into_a_full_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster()
    member: Member = cluster.member(0)
    for number in range(5):
        member.host.admit(define(number), local=True)
    monkeypatch.setattr(Mempool, "full", property(lambda _: True))
    assert not isinstance(member.host.admit(VICTIM, local=False), Checked)
    member.host._urge((VICTIM,))
    assert member.host.replica.phase == "building"
    cluster.sync()
    proposal = member.host.replica._flight.proposal.message.block
    assert proposal.transactions[0] == VICTIM


def test_one_peer_puts_only_so_many_requests_before_all_others_at_once() -> None:
    cluster = Cluster()
    member = cluster.member(2)
    member.host._urge(tuple(define(number) for number in range(URGENT_MAX + 5)))
    assert len(member.host.pool) == URGENT_MAX


def test_what_is_urged_and_no_request_at_all_is_not_taken() -> None:
    cluster = Cluster()
    member = cluster.member(2)
    member.host._urge((b"\x00", VICTIM[:-1]))
    assert len(member.host.pool) == 0
    assert not member.host.replica.pending


def test_an_overloaded_primary_that_takes_the_oldest_first_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """One transaction a block and a pool that is always full of ten: nobody waits for twelve blocks."""
    original = Mempool.next_block
    monkeypatch.setattr(Mempool, "next_block", lambda *args: original(*args)[:1])
    cluster = Cluster()
    urgent: list[Relay] = []

    def notes_urgent(_sender: int, _receiver: int, frame: PeerFrame) -> bool:
        if isinstance(frame, Relay) and frame.urgent:
            urgent.append(frame)
        return False

    cluster.loses = notes_urgent
    for number in range(10):
        cluster.submit(define(number), at=number % 4)
    for number in range(10, 70):
        quiet(cluster, rounds=5)
        cluster.submit(define(number), at=number % 4)
    quiet(cluster, rounds=20)
    assert views(cluster) == {0}
    assert min(heights(cluster)) > 2 * INCLUSION_BLOCKS
    assert urgent == []
    cluster.settle(rounds=2_000)
    cluster.check_all_committed()


def test_one_liar_cannot_have_a_primary_replaced_by_calling_requests_overdue() -> None:
    assert FIRST.membership.faulty_max == 1
    cluster = Cluster()
    cluster.loses = lambda sender, _receiver, frame: isinstance(frame, Relay) and sender == 3
    cluster.submit(VICTIM, at=3)  # nobody else ever hears of it
    blocks(cluster, 0, INCLUSION_BLOCKS + 3)
    assert {member.host.replica.view for member in cluster.members[:3]} == {0}
    assert cluster.member(3).host.replica.view == 1


def test_blocks_that_a_member_missed_say_nothing_about_its_primary() -> None:
    cluster = Cluster()
    member = cluster.member(3)
    cluster.crash(member)
    blocks(cluster, 0, INCLUSION_BLOCKS + 5)
    cluster.start(member)
    member.host.admit(VICTIM, local=False)
    quiet(cluster, rounds=30)
    assert member.host.ledger.height > INCLUSION_BLOCKS
    assert not [note for note in cluster.notes if "given up" in note]
    assert views(cluster) == {0}
