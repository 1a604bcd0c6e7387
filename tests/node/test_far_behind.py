"""A replica that is further behind than anybody remembers takes a snapshot, and votes again (protocol 21.6)."""

from msgspec.structs import replace

from chain.codec import decode, encode
from chain.light_client import CertifiedHeader, commit_fault
from node.mempool import Checked
from node.network.frames import PairsChunk, PeerFrame, SnapshotChunk
from tests.node.cluster import Cluster, Member
from tests.node.small_chain import MEMBERSHIP, RULES, define

BLOCKS = 12
HISTORY = 3
FAR = 3
PAUSE_MS = 400_000
"""Between two blocks: two of them are in the window, so that blocks are pruned early."""


def quiet(cluster: Cluster, rounds: int = 60) -> None:
    for _ in range(rounds):
        cluster.sync()
        cluster.deliver_all()
        cluster.tick()


def pause_and_submit(cluster: Cluster, number: int) -> None:
    """A request after a long pause, and time for its block."""
    cluster.now += PAUSE_MS
    cluster.submit(define(number, valid_until=cluster.now + 100_000), at=0)
    quiet(cluster, 12)


def far_behind(history: int = HISTORY) -> tuple[Cluster, Member]:
    """Three members went on while one was down, and have forgotten what it would need."""
    cluster = Cluster(history=history)
    far = cluster.member(FAR)
    pause_and_submit(cluster, 0)
    cluster.crash(far)
    for number in range(1, BLOCKS):
        pause_and_submit(cluster, number)
    return cluster, far


def heads(cluster: Cluster) -> set[bytes]:
    return {member.host.ledger.head.digest for member in cluster.up}


def check(cluster: Cluster, member: Member) -> None:
    """The member stands where all stand, with a state that it can prove and blocks that are certified."""
    ledger = member.host.ledger
    assert heads(cluster) == {ledger.head.digest}
    assert ledger.state.root == ledger.head.header.state_root
    for height in range(ledger.oldest_block, ledger.height + 1):
        committed = ledger.block(height).committed
        certified = CertifiedHeader(header=committed.header, certificate=committed.certificate)
        assert commit_fault(RULES, certified, MEMBERSHIP) is None


def test_without_pruning_it_fetches_every_block() -> None:
    cluster, far = far_behind(history=10_000)
    cluster.start(far)
    cluster.settle()
    check(cluster, far)
    assert far.host.ledger.oldest_block == 1


def test_it_takes_a_snapshot_and_its_vote_counts_again() -> None:
    cluster, far = far_behind()
    assert {member.host.ledger.height for member in cluster.up} == {BLOCKS}
    assert all(member.host.ledger.oldest_block > 2 for member in cluster.up)
    cluster.start(far)
    assert far.host.ledger.height == 1
    cluster.settle()
    check(cluster, far)
    assert far.host.ledger.oldest_block > 2
    assert f"{FAR}: has the snapshot at height {BLOCKS}" in cluster.notes
    cluster.crash(cluster.member(2))
    pause_and_submit(cluster, 100)
    assert far.host.ledger.height == BLOCKS + 1
    check(cluster, far)
    cluster.settle()
    check(cluster, cluster.member(2))


def test_it_takes_a_snapshot_while_blocks_go_on() -> None:
    cluster, far = far_behind()
    cluster.start(far)
    for number in range(100, 130):
        cluster.now += 20_000
        cluster.submit(define(number, valid_until=cluster.now + 100_000), at=0)
        cluster.sync()
        cluster.deliver_all()
        cluster.tick()
    cluster.settle()
    check(cluster, far)
    assert far.host.ledger.height > BLOCKS


def test_what_waited_at_it_and_stands_in_a_block_of_the_snapshot_is_not_forgotten() -> None:
    cluster, far = far_behind()
    cluster.start(far)
    last = cluster.member(0).host.ledger.block(BLOCKS)
    raw = last.committed.block.transactions[0]
    (transaction_id,) = (receipt.transaction_id for receipt in last.receipts)
    assert isinstance(far.host.admit(raw, local=False), Checked)
    quiet(cluster)
    assert far.host.ledger.seen.height_of(transaction_id) == BLOCKS
    assert len(far.host.pool) == 0
    assert [checked.transaction_id for checked in far.host.expire(cluster.now)] == [transaction_id]
    assert far.host.expire(cluster.now) == []
    cluster.settle()
    check(cluster, far)


def lied_to(liar: int) -> bool:
    """Whether the one that is behind asked `liar`, which sends no true part; it gets there all the same."""
    cluster, far = far_behind()
    cluster.start(far)

    def said(sender: int, data: bytes) -> bytes:
        frame = decode(data, PeerFrame)
        is_lie = sender == liar and isinstance(frame, SnapshotChunk)
        return encode(replace(frame, content=PairsChunk(pairs=()))) if is_lie else data

    for _ in range(60):
        cluster.sync()
        cluster.frames = [(sender, receiver, said(sender, data)) for sender, receiver, data in cluster.frames]
        cluster.deliver_all()
        cluster.tick()
    check(cluster, far)
    return any(f"takes no snapshot from replica {liar}" in note for note in cluster.notes)


def test_a_source_that_lies_is_left_and_another_one_asked() -> None:
    assert sum(map(lied_to, range(FAR)))


def dies(crash_at: int) -> tuple[Cluster, bool]:
    """The one that is behind dies at call number `crash_at` after it has come back; whether it did."""
    cluster, far = far_behind()
    cluster.start(far)
    far.crash_at = crash_at
    for _ in range(40):
        cluster.sync()
        cluster.deliver_all()
        cluster.tick()
    died = far.host is None
    cluster.settle()
    check(cluster, far)
    return cluster, died


def test_it_may_die_at_any_call_meanwhile_and_begins_again_cleanly() -> None:
    crash_at, taken = 0, 0
    while True:
        cluster, died = dies(crash_at)
        asked = [note for note in cluster.notes if "asking for a snapshot" in note]
        taken += len(asked) > 1
        if not died:
            break
        crash_at += 1
    assert crash_at > 8
    assert taken > 2, "it died in the middle of taking"
