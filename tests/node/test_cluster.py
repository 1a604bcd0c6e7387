"""Four hosts under a seed: agreement, validity, nothing acknowledged lost, nothing twice - and something committed."""

from collections.abc import Callable

import pytest

from tests.node.cluster import Cluster, Member
from tests.node.small_chain import RULES, define

SEEDS = range(30)
STORM_STEPS = 1_500


def test_four_hosts_commit_what_is_submitted_to_any_of_them() -> None:
    cluster = Cluster()
    for number in range(8):
        cluster.submit(define(number), at=number % 4)
    cluster.settle()
    cluster.check_all_committed()


@pytest.mark.parametrize("silent", range(1, 4))
def test_three_of_four_commit_without_a_backup_and_it_catches_up_when_it_is_back(silent: int) -> None:
    cluster = Cluster()
    cluster.crash(cluster.member(silent))
    for number in range(5):
        cluster.submit(define(number), at=0)
        quiet(cluster)
    assert {member.host.ledger.height for member in cluster.up} == {5}
    cluster.settle()
    cluster.check_all_committed()


def test_a_dead_primary_is_replaced_and_catches_up_when_it_is_back() -> None:
    cluster = Cluster()
    cluster.submit(define(0), at=1)
    cluster.settle()
    cluster.crash(cluster.member(0))
    cluster.submit(define(1), at=2)
    assert {member.host.outlook.waits_for() for member in cluster.up} == {"primary-unreachable"}
    quiet(cluster)
    assert {member.host.ledger.height for member in cluster.up} == {2}
    assert {(member.host.replica.view, member.host.outlook.waits_for()) for member in cluster.up} == {(1, "")}
    cluster.settle()
    cluster.check_all_committed()
    assert {member.host.replica.view for member in cluster.up} == {1}


def test_two_of_four_are_no_quorum() -> None:
    cluster = Cluster()
    for replica_id in (2, 3):
        cluster.crash(cluster.member(replica_id))
    cluster.submit(define(0), at=0)
    quiet(cluster)
    assert {member.host.ledger.height for member in cluster.up} == {0}
    assert {member.host.outlook.waits_for() for member in cluster.up} == {"no-quorum"}
    cluster.settle()
    cluster.check_all_committed()


def quiet(cluster: Cluster, rounds: int = 60) -> None:
    """So many rounds in which everything arrives."""
    for _ in range(rounds):
        cluster.sync()
        cluster.deliver_all()
        cluster.tick()


def test_the_whole_network_is_killed_and_goes_on_after_a_night() -> None:
    cluster = Cluster()
    cluster.submit(define(0), at=0)
    cluster.settle()
    cluster.submit(define(1), at=0)
    cluster.sync()  # the proposal is durable at the primary and on its way
    for member in list(cluster.up):
        cluster.crash(member)
    cluster.frames.clear()
    cluster.now += 12 * 3_600_000
    for member in cluster.members:
        cluster.start(member)
    cluster.settle()
    cluster.check_all_committed()


def test_a_machine_that_sleeps_with_everything_on_it_goes_on_when_it_wakes() -> None:
    cluster = Cluster()
    cluster.submit(define(0), at=0)
    cluster.sync()  # the proposal is on its way
    assert cluster.frames
    cluster.now += 3_600_000
    for _ in range(RULES.profile.progress_ticks + 1):
        cluster.tick()
    cluster.settle()
    cluster.check_all_committed()


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_a_seed_does_to_network_disks_and_processes_the_chain_is_one(seed: int) -> None:
    cluster = Cluster(seed)
    numbers = iter(range(10_000))
    for _ in range(STORM_STEPS):
        storm(cluster, numbers.__next__)
    cluster.check()
    cluster.settle()
    cluster.check()
    for raw in list(cluster.submitted.values()):  # what nobody acknowledged may be gone: callers send it again
        cluster.submit(raw, at=cluster.random.randrange(4))
    cluster.settle()
    cluster.check_all_committed()


def storm(cluster: Cluster, number: Callable[[], int]) -> None:
    """One thing happens; what, the seed decides."""
    random = cluster.random
    member = random.choice(cluster.members)
    deeds = {
        "deliver": 60,
        "sync": 25,
        "start": 8,
        "tick": 6,
        "submit": 6,
        "flush": 2,
        "break": 1,
        "crash": 1,
        "crash soon": 1,
    }
    deed = random.choices(list(deeds), list(deeds.values()))[0]
    if deed == "deliver":
        for _ in range(random.randrange(8)):
            deliver(cluster)
    elif deed == "tick":
        cluster.tick()
    elif deed == "submit":
        cluster.submit(define(number()), at=member.replica_id)
    elif deed == "start" and member.host is None:
        cluster.start(member)
    elif member.host is not None:
        disturb(cluster, member, deed)


def deliver(cluster: Cluster) -> None:
    """One of the frames in flight arrives, now and then twice or never."""
    if not cluster.frames:
        return
    frame = cluster.frames[cluster.random.randrange(min(len(cluster.frames), 16))]
    chance = cluster.random.random()
    if chance > 0.05:
        cluster.frames.remove(frame)
    if chance < 0.97:
        cluster.hand_over(*frame)


def disturb(cluster: Cluster, member: Member, deed: str) -> None:
    """Something happens to a living member."""
    match deed:
        case "sync":
            cluster.alive(member, member.journal.sync)
        case "flush":
            cluster.alive(member, member.flush)
        case "crash":
            cluster.crash(member)
        case "crash soon":
            member.crash_at = cluster.random.randrange(12)
        case "break":
            cluster.break_link(member, cluster.random.choice([m for m in cluster.members if m is not member]))


def lived_through(victim: int, crash_at: int | None) -> tuple[Cluster, bool]:
    """Three heights, a flush in between, and one process that dies at its call number `crash_at`; whether it did."""
    cluster = Cluster()
    member = cluster.member(victim)
    member.crash_at = crash_at
    for number in range(3):
        cluster.submit(define(number), at=1 if victim == 0 else 0)
        quiet(cluster, rounds=4)
        cluster.alive(member, member.flush) if member.host is not None else None
    died = crash_at is not None and member.crash_at is None
    cluster.check()
    cluster.settle()
    cluster.check_all_committed()
    return cluster, died


@pytest.mark.parametrize("victim", [0, 1])
def test_a_process_may_die_at_any_call_it_makes_and_comes_back_bound_by_what_it_said(victim: int) -> None:
    crash_at = 0
    while lived_through(victim, crash_at)[1]:
        crash_at += 1
    assert crash_at > 40


@pytest.mark.parametrize("victim", [0, 1])
def test_a_process_may_die_at_any_call_of_its_recovery_too(victim: int) -> None:
    crash_at = 0
    while died_again(victim, crash_at):
        crash_at += 1
    assert crash_at > 3


def died_again(victim: int, crash_at: int) -> bool:
    """A process dies in the middle of a height and again at call number `crash_at` of its recovery; whether it did."""
    cluster = Cluster()
    member = cluster.member(victim)
    cluster.submit(define(0), at=2)
    cluster.settle()
    member.crash_at = 7
    cluster.submit(define(1), at=2)
    quiet(cluster, rounds=6)
    assert member.host is None
    member.crash_at = crash_at
    cluster.start(member)
    quiet(cluster, rounds=1)
    died = member.crash_at is None
    cluster.check()
    cluster.settle()
    cluster.check_all_committed()
    return died
