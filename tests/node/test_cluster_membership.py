"""Replicas that go on while their set changes: one that joins but is not there, one that is retired, a restart between."""

import pytest

from chain.light_client import Trusted, follow, header_fault
from chain.membership import Membership
from contracts.system import change_transaction
from node.mempool import Checked
from tests.chain.small_network import START_MS
from tests.contracts.membership_changes import FOUR, agreed, first, rekeyed
from tests.node.cluster import Cluster
from tests.node.small_chain import RULES, define
from tests.node.test_cluster import quiet

FIVE = first(5)
RETIRED = 3
REKEYED = rekeyed(FOUR, RETIRED)


def height(cluster: Cluster) -> int:
    (height,) = {member.host.ledger.height for member in cluster.up}
    return height


def define_one(cluster: Cluster, number: int) -> None:
    assert isinstance(cluster.submit(define(number, valid_until=cluster.now + 100_000), at=number % 3), Checked)
    cluster.settle()


def change(cluster: Cluster, old: Membership, new: Membership, effective_height: int) -> None:
    """The set changes: anyone brings the transaction, and three more blocks take the chain past it."""
    arguments = agreed(RULES, old, new, effective_height)
    raw = change_transaction(RULES, arguments, now=cluster.now, nonce=effective_height.to_bytes(16, "big"))
    assert isinstance(cluster.submit(raw, at=1), Checked)
    cluster.settle()


def check_followed(cluster: Cluster, sets: list[Membership]) -> None:
    """Every member keeps the hand-overs, and they lead a stranger from genesis to the head."""
    for member in cluster.up:
        ledger = member.host.ledger
        handovers = ledger.handovers(0, ledger.height + 1)
        assert [step.next_membership for step in handovers] == sets[1:]
        trusted = follow(RULES, Trusted(height=0, time=START_MS, membership=FOUR), handovers)
        assert isinstance(trusted, Trusted)
        assert trusted.membership == ledger.head.membership == sets[-1]
        certified = ledger.certified(ledger.height)
        assert certified is not None
        assert header_fault(RULES, trusted, certified) is None


def test_four_go_on_as_four_of_five_while_the_newcomer_is_not_there() -> None:
    cluster = Cluster()
    change(cluster, FOUR, FIVE, 3)
    for number in range(6):
        define_one(cluster, number)
    assert height(cluster) == 7
    check_followed(cluster, [FOUR, FIVE])
    certificate = cluster.member(0).host.ledger.head.certificate
    assert len(certificate.signers) == FIVE.quorum == 4


def test_the_newcomer_leaves_again() -> None:
    cluster = Cluster()
    change(cluster, FOUR, FIVE, 3)
    for number in range(2):
        define_one(cluster, number)
    change(cluster, FIVE, FOUR, 6)
    for number in range(2, 6):
        define_one(cluster, number)
    check_followed(cluster, [FOUR, FIVE, FOUR])


def test_a_retired_key_votes_no_more_and_its_node_follows_the_chain() -> None:
    cluster = Cluster()
    change(cluster, FOUR, REKEYED, 3)
    for number in range(6):
        define_one(cluster, number)
    check_followed(cluster, [FOUR, REKEYED])
    ledger = cluster.member(0).host.ledger
    signers = [set(ledger.certified(at).certificate.signers) for at in range(3, height(cluster) + 1)]
    assert all(RETIRED not in voted for voted in signers)


@pytest.mark.parametrize("crashed", [0, 1, 2])
def test_a_member_that_restarts_knows_the_set_of_every_height(crashed: int) -> None:
    cluster = Cluster()
    change(cluster, FOUR, REKEYED, 4)
    define_one(cluster, 0)
    member = cluster.member(crashed)
    cluster.crash(member)
    cluster.start(member)
    for number in range(1, 5):
        define_one(cluster, number)
    member.flush()
    cluster.crash(member)
    cluster.start(member)
    define_one(cluster, 5)
    check_followed(cluster, [FOUR, REKEYED])


def test_one_that_was_away_while_the_set_changed_twice_catches_up() -> None:
    cluster = Cluster()
    away = cluster.member(2)
    cluster.crash(away)
    steps = ((FOUR, FIVE, 3), None, None, (FIVE, FOUR, 6))
    for number, step in enumerate(steps):
        if step is None:
            cluster.submit(define(number, valid_until=cluster.now + 100_000), at=0)
        else:
            old, new, effective_height = step
            arguments = agreed(RULES, old, new, effective_height)
            raw = change_transaction(RULES, arguments, now=cluster.now, nonce=bytes(15) + bytes([number]))
            cluster.submit(raw, at=0)
        quiet(cluster)
    cluster.settle()
    for number in range(10, 14):
        define_one(cluster, number)
    check_followed(cluster, [FOUR, FIVE, FOUR])
