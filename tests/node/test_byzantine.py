"""One member of four does as it likes: it cannot divide the others, stop them (unless it is the primary), or lie to them."""

from collections.abc import Callable
from itertools import product

import pytest
from msgspec.structs import replace

from chain.block import Block, CommittedBlock
from chain.codec import decode, encode
from chain.ids import ZERO_DIGEST
from chain.light_client import CertifiedHeader
from chain.quorum import QuorumCertificate
from chain.transaction import SignedTransaction
from node.consensus.messages import (
    Commit,
    Envelope,
    Message,
    NewView,
    Prepare,
    PreparedCertificate,
    PrePrepare,
    SignedViewChange,
    ViewChange,
    signed_bytes,
)
from node.network.frames import Blocks, ChainHead, ConsensusFrame, Fetch, Heads, PeerFrame, Relay
from tests.chain.small_network import FIRST
from tests.node.cluster import Cluster
from tests.node.small_chain import (
    CHAIN,
    GENESIS,
    NOW,
    OTHER_CHAIN,
    RULES,
    define,
    new_ledger,
    next_block,
    rules_of,
)
from tests.node.test_cluster import quiet, storm


class Traitor:
    """A member with a key and no rules. It is linked to everybody."""

    def __init__(self, cluster: Cluster, replica_id: int) -> None:
        self.cluster = cluster
        self.replica_id = replica_id
        self.heard: list[tuple[int, PeerFrame]] = []
        cluster.traitors[replica_id] = lambda sender, frame: self.heard.append((sender, frame))
        for member in cluster.up:
            member.host.peer_connected(replica_id)

    def send(self, frame: PeerFrame, *receivers: int) -> None:
        """Send a frame to some, or to all."""
        for receiver in receivers or [member.replica_id for member in self.cluster.members]:
            self.cluster.frames.append((self.replica_id, receiver, encode(frame)))

    def envelope(self, message: Message) -> Envelope:
        """A message with its own signature."""
        statement, _ = signed_bytes(RULES, message)
        return Envelope(signer=self.replica_id, signature=FIRST.sign(self.replica_id, statement), message=message)

    def say(self, message: Message, *receivers: int) -> None:
        """Send a signed message."""
        self.send(ConsensusFrame(chain_id=CHAIN, envelope=self.envelope(message)), *receivers)


def rival_blocks(*, time: int = NOW) -> dict[str, Block]:
    """Two valid first blocks of the primary 0."""
    ledger = new_ledger()
    return {
        name: next_block(ledger, define(number, valid_until=time + 100_000), time=time).block
        for number, name in enumerate("AB")
    }


def pre_prepare(block: Block) -> PrePrepare:
    """The first proposal of the chain."""
    return PrePrepare(view=0, block=block, parent_certificate=None)


def with_traitor(replica_id: int, seed: int = 0) -> tuple[Cluster, Traitor]:
    """Three honest members and a traitor."""
    cluster = Cluster(seed, absent=frozenset({replica_id}))
    for number in range(2):
        cluster.submitted[RULES.transaction_id(body_of(define(number)))] = define(number)
    return cluster, Traitor(cluster, replica_id)


def body_of(raw: bytes) -> bytes:
    """The body of a signed transaction."""
    return decode(raw, SignedTransaction).body


VOTES = [(), ("A",), ("B",), ("A", "B")]


@pytest.mark.parametrize("votes", VOTES, ids=lambda votes: "+".join(votes) or "none")
def test_a_primary_that_tells_everybody_another_block_cannot_divide_them(votes: tuple[str, ...]) -> None:
    blocks = rival_blocks()
    committed = set()
    for told in product(["A", "B", None], repeat=3):
        for heard_by in ((1,), (1, 2), (1, 2, 3)):
            cluster, traitor = with_traitor(0)
            for receiver, name in zip((1, 2, 3), told, strict=True):
                if name is not None:
                    traitor.say(pre_prepare(blocks[name]), receiver)
            for name in votes:
                digest = RULES.block_digest(blocks[name].header)
                traitor.say(Prepare(view=0, height=1, block=digest), *heard_by)
                traitor.say(Commit(view=0, height=1, block=digest), *heard_by)
            quiet(cluster, rounds=8)
            if cluster.check():
                committed.add(told)
    assert ("A", "A", "A") in committed
    assert ("B", "B", "B") in committed
    assert ("A", "B", None) not in committed


def test_two_honest_backups_and_a_lying_primary_are_enough_to_commit_and_not_to_divide() -> None:
    cluster, traitor = with_traitor(0)
    blocks = rival_blocks()
    traitor.say(pre_prepare(blocks["A"]), 1, 2)
    traitor.say(pre_prepare(blocks["B"]), 3)
    digests = {name: RULES.block_digest(block.header) for name, block in blocks.items()}
    traitor.say(Commit(view=0, height=1, block=digests["A"]), 1, 2)
    traitor.say(Commit(view=0, height=1, block=digests["B"]), 3)
    quiet(cluster)
    assert [cluster.chain(member)[0][0] for member in cluster.members] == [digests["A"]] * 3
    cluster.check()


def test_a_primary_that_proposes_twice_is_held_to_the_first() -> None:
    cluster, traitor = with_traitor(0)
    blocks = rival_blocks()
    for name in "AB":
        traitor.say(pre_prepare(blocks[name]))
    quiet(cluster, rounds=8)
    assert cluster.check() == 1
    assert cluster.chain(cluster.member(2))[0][0] == RULES.block_digest(blocks["A"].header)


INVALID: dict[str, Callable[[Block], Block]] = {
    "a wrong state root": lambda block: replace(block, header=replace(block.header, state_root=ZERO_DIGEST)),
    "a wrong transaction root": lambda block: replace(
        block, header=replace(block.header, transaction_root=ZERO_DIGEST)
    ),
    "a wrong receipt root": lambda block: replace(block, header=replace(block.header, receipt_root=ZERO_DIGEST)),
    "a transaction left out": lambda block: replace(block, transactions=()),
    "a transaction twice": lambda block: replace(block, transactions=block.transactions * 2),
    "a transaction of nobody": lambda block: replace(block, transactions=(b"\x00",)),
    "a time an hour ahead": lambda _: rival_blocks(time=NOW + 3_600_000)["A"],
}


@pytest.mark.parametrize("spoil", list(INVALID.values()), ids=list(INVALID))
def test_a_block_that_is_not_what_its_header_claims_is_voted_for_by_nobody(spoil: Callable[[Block], Block]) -> None:
    cluster, traitor = with_traitor(0)
    block = spoil(rival_blocks()["A"])
    traitor.say(pre_prepare(block))
    traitor.say(Commit(view=0, height=1, block=RULES.block_digest(block.header)))
    quiet(cluster)
    assert cluster.check() == 0
    assert not any(kind in (Prepare, Commit) for _, kind, _, _ in cluster.said)


def test_a_refused_time_is_told_to_the_operator_once_and_not_remembered_against_the_primary() -> None:
    cluster, traitor = with_traitor(0)
    early = rival_blocks(time=NOW + 12_000)["A"]
    cluster.submitted[RULES.transaction_id(body_of(early.transactions[0]))] = early.transactions[0]
    for _ in range(3):
        traitor.say(pre_prepare(early))
        quiet(cluster, rounds=1)
    assert len(cluster.notes) == 3  # one of each member
    quiet(cluster, rounds=20)  # two seconds later it is near enough
    traitor.say(pre_prepare(early))
    quiet(cluster)
    assert cluster.check() == 1


@pytest.mark.parametrize("happens", ["peer_connected", "peer_lost"])
def test_an_old_proposal_counts_only_on_a_link_that_is_younger(happens: str) -> None:
    cluster, traitor = with_traitor(0)
    old = rival_blocks(time=NOW + 1)["A"]
    cluster.submitted[RULES.transaction_id(body_of(old.transactions[0]))] = old.transactions[0]
    for _ in range(300):
        cluster.tick()
    traitor.say(pre_prepare(old))
    quiet(cluster, rounds=6)
    assert cluster.check() == 0
    for member in cluster.up:
        getattr(member.host, happens)(0)
    traitor.say(pre_prepare(old))
    quiet(cluster, rounds=6)
    assert cluster.check() == 1


def honest_run(cluster: Cluster, blocks: int, *, start: int = 10) -> None:
    """Blocks of one transaction each."""
    for number in range(start, start + blocks):
        cluster.submit(define(number), at=0)
        quiet(cluster, rounds=6)


def test_a_backup_that_votes_for_other_blocks_does_not_stop_the_others() -> None:
    cluster, traitor = with_traitor(3)
    for height in range(1, 5):
        for kind in (Prepare, Commit):
            for block in (ZERO_DIGEST, b"\x01" * 32):
                traitor.say(kind(view=0, height=height, block=block))
        traitor.say(Commit(view=height, height=height, block=ZERO_DIGEST))
    honest_run(cluster, 4)
    assert cluster.check() == 4


def test_a_backup_that_proposes_is_not_heard() -> None:
    cluster, traitor = with_traitor(3)
    block = rival_blocks()["A"]
    own = replace(block, header=replace(block.header, proposer=3))
    traitor.say(pre_prepare(block))
    traitor.say(pre_prepare(own))
    traitor.say(PrePrepare(view=3, block=replace(own, header=replace(own.header, view=3)), parent_certificate=None))
    quiet(cluster, rounds=4)
    assert cluster.check() == 0
    honest_run(cluster, 2)
    assert cluster.check() == 2


def test_nobody_speaks_for_another() -> None:
    cluster, traitor = with_traitor(3)
    block = rival_blocks()["A"]
    for signer in range(3):
        forged = replace(traitor.envelope(pre_prepare(block)), signer=signer)
        traitor.send(ConsensusFrame(chain_id=CHAIN, envelope=forged))
    quiet(cluster, rounds=4)
    assert cluster.check() == 0
    assert {member.host.dropped["not-authentic"] for member in cluster.members} == {3}


def test_a_replica_does_not_count_its_own_words_when_they_come_from_outside() -> None:
    cluster = Cluster()
    cluster.submit(define(0), at=0)
    sent: list[tuple[int, bytes]] = []
    for _ in range(12):
        cluster.sync()
        sent += [(sender, data) for sender, _, data in cluster.frames]
        cluster.deliver_all()
    for sender, data in sent:
        cluster.hand_over(3 if sender != 3 else 2, sender, data)
    assert all(member.host.dropped["own"] > 0 for member in cluster.members)
    assert not any(member.host.replica.abstains for member in cluster.members)
    cluster.settle()
    cluster.check_all_committed()


def test_everything_ever_sent_may_be_sent_again_and_changes_nothing() -> None:
    cluster = Cluster()
    sent: list[tuple[int, int, bytes]] = []
    for number in range(4):
        cluster.submit(define(number), at=number % 4)
        for _ in range(12):
            cluster.sync()
            sent += cluster.frames
            cluster.deliver_all()
    cluster.settle()
    heights = [member.host.ledger.height for member in cluster.members]
    cluster.crash(cluster.member(2))
    cluster.start(cluster.member(2))
    for frame in sent:
        cluster.hand_over(*frame)
    cluster.settle()
    assert [member.host.ledger.height for member in cluster.members] == heights
    cluster.check_all_committed()


def lies_about_blocks() -> dict[str, Callable[[list[CommittedBlock]], tuple[CommittedBlock, ...] | None]]:
    """What a traitor may answer to a question for blocks; it has the real ones."""
    other_chain = new_ledger(rules_of(chain_id=OTHER_CHAIN), GENESIS)
    foreign = next_block(other_chain, define(0, rules=rules_of(chain_id=OTHER_CHAIN)))
    certified_elsewhere = CommittedBlock(
        block=foreign.block, certificate=FIRST.certify(other_chain.rules, foreign.block.header).certificate
    )

    def with_header(**change: object) -> Callable[[list[CommittedBlock]], tuple[CommittedBlock, ...]]:
        def lie(blocks: list[CommittedBlock]) -> tuple[CommittedBlock, ...]:
            first = blocks[0]
            return (replace(first, block=replace(first.block, header=replace(first.header, **change))),)

        return lie

    return {
        "nothing at all": lambda blocks: None,
        "no blocks": lambda blocks: (),
        "the second block first": lambda blocks: tuple(blocks[1:]),
        "a block of another chain": lambda blocks: (certified_elsewhere,),
        "a transaction left out": lambda blocks: (replace(blocks[0], block=replace(blocks[0].block, transactions=())),),
        "other transactions": lambda blocks: (
            replace(blocks[0], block=replace(blocks[0].block, transactions=blocks[1].block.transactions)),
        ),
        "a certificate of another block": lambda blocks: (replace(blocks[0], certificate=blocks[1].certificate),),
        "one signature for a quorum": lambda blocks: (
            replace(
                blocks[0],
                certificate=replace(
                    blocks[0].certificate,
                    signers=blocks[0].certificate.signers[:1],
                    signatures=blocks[0].certificate.signatures[:1],
                ),
            ),
        ),
        "another state root": with_header(state_root=ZERO_DIGEST),
        "another network": with_header(network_id=ZERO_DIGEST),
        "one good block, then a bad one": lambda blocks: (
            blocks[0],
            replace(blocks[1], certificate=blocks[0].certificate),
        ),
    }


LIES = lies_about_blocks()


@pytest.mark.parametrize("lie", list(LIES.values()), ids=list(LIES))
def test_who_lies_about_blocks_is_not_believed_and_another_one_is_asked(
    lie: Callable[[list[CommittedBlock]], tuple[CommittedBlock, ...] | None],
) -> None:
    cluster = Cluster()
    cluster.crash(cluster.member(2))
    honest_run(cluster, 5)
    ledger = cluster.member(3).host.ledger
    blocks = [ledger.block(height).committed for height in range(1, 6)]
    cluster.crash(cluster.member(3))
    cluster.members = [member for member in cluster.members if member.replica_id != 3]
    traitor = Traitor(cluster, 3)

    def answer(sender: int, frame: PeerFrame) -> None:
        told = lie(blocks) if isinstance(frame, Fetch) else None
        if told is not None:
            traitor.send(Blocks(chain_id=CHAIN, blocks=told), sender)

    cluster.traitors[3] = answer
    cluster.start(cluster.member(2))
    boast = Heads(heads=(ChainHead(chain_id=CHAIN, height=2**40, view=0, head=ZERO_DIGEST, signs=True),))
    for _ in range(60):
        cluster.frames.insert(0, (3, 2, encode(boast)))  # before anybody else says how far it is
        quiet(cluster, rounds=1)
    assert cluster.member(2).host.ledger.height == 5
    assert cluster.check() == 5


def test_a_boast_does_not_stop_a_chain_that_has_nobody_ahead() -> None:
    cluster, traitor = with_traitor(3)
    traitor.send(Heads(heads=(ChainHead(chain_id=CHAIN, height=2**40, view=0, head=ZERO_DIGEST, signs=True),)))
    traitor.say(Commit(view=0, height=2**50, block=ZERO_DIGEST))
    honest_run(cluster, 3)
    assert cluster.check() == 3
    assert any(isinstance(frame, Fetch) for _, frame in traitor.heard)


def test_blocks_that_nobody_asked_for_are_not_worth_a_word() -> None:
    cluster, traitor = with_traitor(3)
    bad = CommittedBlock(block=rival_blocks()["A"], certificate=QuorumCertificate(view=0, signers=(), signatures=()))
    for _ in range(10):
        traitor.send(Blocks(chain_id=CHAIN, blocks=(bad,)))
    quiet(cluster, rounds=3)
    assert cluster.check() == 0
    assert cluster.notes == []


def noise(cluster: Cluster, traitor: Traitor) -> None:
    """A signed message of any kind about any block that the traitor has heard of."""
    random = cluster.random
    digests = [ZERO_DIGEST]
    for _, frame in traitor.heard:
        if isinstance(frame, ConsensusFrame):
            digests.append(signed_bytes(RULES, frame.envelope.message)[1])
    height, view = random.randrange(12), random.choice([0, 0, 0, 1, 2**50])
    change = ViewChange(view=view, committed=None, prepared=None)
    signed = SignedViewChange(signer=0, signature=bytes(64), message=change)
    message = random.choice(
        [
            Prepare(view=view, height=height, block=random.choice(digests)),
            Commit(view=view, height=height, block=random.choice(digests)),
            change,
            NewView(view=view, view_changes=(signed,)),
            pre_prepare(rival_blocks()["A"]),
        ]
    )
    receiver = random.choice(cluster.members).replica_id
    traitor.say(message, receiver)
    if random.random() < 0.1:
        traitor.send(
            Relay(chain_id=CHAIN, transactions=(b"\x00", define(random.randrange(3))), urgent=random.random() < 0.5),
            receiver,
        )


@pytest.mark.parametrize("seed", range(12))
def test_whatever_a_traitor_says_in_a_storm_the_honest_stay_together(seed: int) -> None:
    traitor_id = 1 + seed % 3
    cluster, traitor = with_traitor(traitor_id, seed)
    for number in range(3):
        raw = define(number)
        cluster.submitted[RULES.transaction_id(body_of(raw))] = raw
    numbers = iter(range(10, 10_000))
    for _ in range(600):
        storm(cluster, numbers.__next__)
        noise(cluster, traitor)
    cluster.check()
    cluster.settle()
    for raw in list(cluster.submitted.values()):
        cluster.submit(raw, at=0)
    cluster.settle()
    cluster.check_all_committed()


def test_a_head_whose_block_its_maker_withholds_halts_nobody() -> None:
    """The primary makes the certificate of its block alone, and shows it in view changes, never the block."""
    cluster, traitor = with_traitor(0)
    block = rival_blocks()["A"]
    digest = RULES.block_digest(block.header)
    traitor.say(pre_prepare(block), 1, 2)
    commits: dict[int, bytes] = {}
    shown: set[int] = set()

    def hear(_sender: int, frame: PeerFrame) -> None:
        message = frame.envelope.message if isinstance(frame, ConsensusFrame) else None
        if isinstance(message, Commit) and message.height == 1:
            commits[frame.envelope.signer] = frame.envelope.signature
        wanted = message.view + isinstance(message, NewView) if isinstance(message, NewView | ViewChange) else 1
        if len(commits) >= 2 and wanted not in shown:
            shown.add(wanted)
            own = traitor.envelope(Commit(view=0, height=1, block=digest)).signature
            signatures = dict(sorted({0: own, **commits}.items())[:3])
            certificate = QuorumCertificate(view=0, signers=tuple(signatures), signatures=tuple(signatures.values()))
            committed = CertifiedHeader(header=block.header, certificate=certificate)
            traitor.say(ViewChange(view=wanted, committed=committed, prepared=None))

    cluster.traitors[0] = hear
    cluster.submit(define(7), at=1)
    quiet(cluster, 200)
    assert shown
    assert {member.host.ledger.height for member in cluster.up} == {2}


def test_a_prepared_certificate_whose_block_nobody_prepared_halts_nobody() -> None:
    """The prepares of two backups reach the primary alone: it can show a certificate that no correct replica has."""
    cluster, traitor = with_traitor(0)
    block = rival_blocks()["A"]
    digest = RULES.block_digest(block.header)
    traitor.say(pre_prepare(block), 1, 2)
    prepares: dict[int, bytes] = {}
    shown: set[int] = set()

    def hear(_sender: int, frame: PeerFrame) -> None:
        message = frame.envelope.message if isinstance(frame, ConsensusFrame) else None
        if isinstance(message, Prepare) and message.view == 0:
            prepares[frame.envelope.signer] = frame.envelope.signature
        if len(prepares) >= 2 and not shown:
            shown.add(1)
            certificate = PreparedCertificate(
                view=0,
                height=1,
                block=digest,
                pre_prepare=traitor.envelope(pre_prepare(block)).signature,
                signers=tuple(sorted(prepares)),
                prepares=tuple(prepares[signer] for signer in sorted(prepares)),
            )
            traitor.say(ViewChange(view=1, committed=None, prepared=certificate))

    def is_late(_sender: int, receiver: int, frame: PeerFrame) -> bool:
        return (
            receiver != 0
            and isinstance(frame, ConsensusFrame)
            and isinstance(frame.envelope.message, Prepare)
            and frame.envelope.message.view == 0
        )

    cluster.traitors[0], cluster.loses = hear, is_late
    cluster.submit(define(7), at=1)
    for _ in range(200):
        quiet(cluster, 1)
        if any(member.host.replica.view for member in cluster.up):
            cluster.loses = lambda *_: False
    assert shown
    assert {member.host.ledger.height for member in cluster.up} == {2}
