"""Mutated frames at the two borders of a node: nothing crashes, only the sender's link is closed, and work goes on.

`CERTNET_FUZZ_EXAMPLES` says how many frames each border gets (2,000). The seed of a failing run is in the test's name.
"""

import asyncio
import os
import secrets
from pathlib import Path
from random import Random

import pytest

from chain.codec import decode, encode
from chain.rpc import Answer, Follow, Hello, ReadBlock, ReadState, ReadStatus, StatusAnswer, Submit
from contracts.keys import class_key
from node.consensus.messages import Commit, NewView, ViewChange
from node.network.frames import ConsensusFrame, Fetch, PeerFrame
from tests.node.cluster import Cluster
from tests.node.in_process import NodeHere, hear
from tests.node.mutations import mutated, resigned
from tests.node.network.talk import run
from tests.node.small_chain import CHAIN, NOW, OTHER_CHAIN, define
from tests.node.test_cluster import quiet
from tests.node.test_primaries import losing

EXAMPLES = int(os.environ.get("CERTNET_FUZZ_EXAMPLES", "2000")) // 2
SEEDS = [1, secrets.randbelow(2**32)]
BLOCKS = 4


def traffic() -> list[tuple[int, bytes]]:
    """What the others say to replica 1 while four blocks are committed, in order, by sender."""
    cluster = Cluster()
    heard: list[tuple[int, bytes]] = []
    for number in range(BLOCKS):
        cluster.submit(define(number), at=2)
        for _ in range(10):
            cluster.sync()
            heard += [(sender, data) for sender, receiver, data in cluster.frames if receiver == 1]
            cluster.deliver_all()
    cluster.crash(cluster.member(1))
    quiet(cluster, 2)
    cluster.member(1).disk.records, cluster.member(1).disk.entries = [], {}
    cluster.start(cluster.member(1))
    for _ in range(12):
        cluster.tick()
        heard += [(sender, data) for sender, receiver, data in cluster.frames if receiver == 1]
        cluster.deliver_all()
    assert cluster.member(1).host.ledger.height == BLOCKS
    return heard


def change_of_view() -> list[bytes]:
    """What is said to replica 1 while the dead primary 0 is replaced, with a block prepared: view changes, a new view."""
    cluster = Cluster()
    cluster.loses = losing(Commit, view=0)
    cluster.submit(define(0), at=2)
    quiet(cluster, 4)
    cluster.crash(cluster.member(0))
    heard: list[bytes] = []
    for _ in range(60):
        cluster.sync()
        heard += [data for _, receiver, data in cluster.frames if receiver in (1, 2)]
        cluster.deliver_all()
        cluster.tick()
    assert cluster.member(2).host.replica.view == 1
    return heard


TRAFFIC = traffic()
CHANGE_OF_VIEW = change_of_view()


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.process._now_ms", lambda: NOW)


def healthy(here: NodeHere) -> None:
    """What must be true of a node at any time."""
    for host in here.node._hosts.values():
        assert host.ledger.state.root == host.ledger.head.header.state_root
        assert len(host.replica._future.kept) <= 4 * 3 * 9
        assert len(host.replica._changes.kept) <= 4
        assert len(host._signed.records) <= 8
    assert not [note for note in here.notes if "led to" in note]  # no fault of ours was found
    assert len(here.node._rpc._ingress) <= 50_000


def test_the_traffic_alone_brings_a_node_to_the_height_of_the_others(tmp_path: Path) -> None:
    async def story() -> None:
        here = NodeHere(tmp_path / "node")
        links = {peer: here.peer(peer)[0] for peer in (0, 2, 3)}
        for sender, data in TRAFFIC:
            hear(links[sender], data)
            await asyncio.sleep(0)
        assert here.node._hosts[CHAIN].ledger.height == BLOCKS
        here.close()

    run(story())


@pytest.mark.parametrize("seed", SEEDS)
def test_mutated_frames_of_a_peer_end_at_most_its_own_link_and_the_chain_goes_on(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    bodies = (
        [data for _, data in TRAFFIC]
        + CHANGE_OF_VIEW * 3
        + [
            encode(Fetch(chain_id=CHAIN, start=1)),
            encode(Fetch(chain_id="?", start=0)),
        ]
    )

    async def story() -> None:
        here = NodeHere(tmp_path / "node")
        honest = {peer: here.peer(peer)[0] for peer in (0, 2)}
        due = list(TRAFFIC)
        links = 0
        for example in range(EXAMPLES):
            if example % max(1, EXAMPLES // len(TRAFFIC)) == 0 and due:
                sender, data = due.pop(0)
                hear(honest.get(sender, honest[0]), data)
            link, transport = here.peer(3)
            body = random.choice(bodies)
            hear(link, resigned(random, body, 3) if random.random() < 0.3 else mutated(random, body, bodies))
            links += transport.closing
            await asyncio.sleep(0)
            assert all(link.open for link in honest.values()), (seed, example, here.notes[-1:])
            if example % 50 == 0:
                healthy(here)
        assert links > EXAMPLES // 10
        for sender, data in due + TRAFFIC:
            hear(honest.get(sender, honest[0]), data)
            await asyncio.sleep(0)
        healthy(here)
        assert here.node._hosts[CHAIN].ledger.height == BLOCKS
        here.close()

    run(story())


def requests() -> list[bytes]:
    """One good request of every kind, and more."""
    return [
        encode(record)
        for record in (
            Submit(request=1, chain_id=CHAIN, transactions=(define(0), define(1))),
            Submit(request=2, chain_id=OTHER_CHAIN, transactions=(define(2),)),
            ReadState(request=3, chain_id=CHAIN, keys=(class_key("class-0"), b"", b"x" * 256), height=None),
            ReadState(request=4, chain_id=CHAIN, keys=(class_key("class-0"),), height=2),
            ReadBlock(request=5, chain_id=CHAIN, height=1),
            ReadBlock(request=6, chain_id=CHAIN, height=0),
            ReadStatus(request=7),
            Follow(request=8, chain_id=CHAIN, height=0),
            Hello(version=1, network_id=bytes(32), speaker=None),
        )
    ]


@pytest.mark.parametrize("seed", SEEDS)
def test_mutated_requests_of_a_caller_end_at_most_its_own_link_and_others_are_answered(
    tmp_path: Path, seed: int
) -> None:
    random = Random(seed)
    bodies = requests()

    async def story() -> None:
        here = NodeHere(tmp_path / "node")
        links = {peer: here.peer(peer)[0] for peer in (0, 2, 3)}
        for sender, data in TRAFFIC:
            hear(links[sender], data)
            await asyncio.sleep(0)
        good, answers = here.caller()
        closed = 0
        for example in range(EXAMPLES):
            link, transport = here.caller()
            hear(link, mutated(random, random.choice(bodies), bodies))
            closed += transport.closing
            await asyncio.sleep(0)
            for answer in transport.sent:
                decode(answer, Answer)
            assert good.open, (seed, example)
            link.close()
            if example % 50 == 0:
                healthy(here)
        assert closed > EXAMPLES // 10
        for body in bodies[:-1]:
            hear(good, body)
        for _ in range(10):
            await asyncio.sleep(0)
        heard = [decode(answer, Answer) for answer in answers.sent]
        assert {answer.request for answer in heard} == set(range(1, 9))
        assert any(isinstance(answer, StatusAnswer) for answer in heard)
        healthy(here)
        here.close()

    run(story())


def test_the_frames_that_are_mutated_are_of_every_kind_of_message() -> None:
    frames = [decode(data, PeerFrame) for data in CHANGE_OF_VIEW]
    messages = [frame.envelope.message for frame in frames if isinstance(frame, ConsensusFrame)]
    assert any(isinstance(message, NewView) for message in messages)
    assert any(isinstance(message, ViewChange) and message.prepared is not None for message in messages)


def test_every_prefix_of_a_frame_is_no_frame() -> None:
    for data in [data for _, data in TRAFFIC[:10]] + CHANGE_OF_VIEW[-4:]:
        for length in range(len(data)):
            with pytest.raises(Exception, match="not a canonical"):
                decode(data[:length], PeerFrame)
