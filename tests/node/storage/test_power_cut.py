"""The current fails at any moment: a fresh node on whatever disk that leaves is bound by all that was said before.

Four whole nodes commit blocks on real files; every call of theirs to the disk is recorded, LMDB's among them. For each
moment between two calls, every disk that may be found then is opened by a fresh node: no vote that the old one sent
and no block that it acknowledged may be missing.
"""

import asyncio
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import lmdb
import pytest

from chain.codec import decode, encode
from node import process
from node.consensus.messages import Commit, Envelope, PrePrepare, place
from node.process import Node
from node.storage import journal
from node.storage.interface import LoggedMessage
from tests.node.small_chain import CHAIN, NOW, OTHER_CHAIN, define, rules_of
from tests.node.storage.node_story import NAMES, Story, leave, settings_of
from tests.node.storage.recorded_disk import Call, Content, Disk, Recording, Said, recorded
from tests.node.network.talk import run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="calls are seen through the tables of ELF objects")

RULES = {chain_id: rules_of(chain_id=chain_id) for chain_id in (CHAIN, OTHER_CHAIN)}


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_now_ms", lambda: NOW)


@dataclass(kw_only=True)
class Bound:
    """What a node had told the world until some moment."""

    votes: dict[tuple[str, bytes], Envelope] = field(default_factory=dict)
    acknowledged: dict[str, tuple[int, bytes]] = field(default_factory=dict)

    def hear(self, said: Said) -> None:
        if said.what == "vote":
            chain_id, data = said.about
            self.votes[chain_id, data] = decode(data, Envelope)
        else:
            chain_id, height, digest = said.about
            self.acknowledged[chain_id] = (height, digest)

    def copy(self) -> "Bound":
        return Bound(votes=dict(self.votes), acknowledged=dict(self.acknowledged))


def missing(node: Node, bound: Bound) -> list[str]:
    """What a fresh node does not know although its predecessor said it."""
    faults = []
    for chain_id, (height, digest) in bound.acknowledged.items():
        stored = node._hosts[chain_id].ledger.block(height) if height <= node._hosts[chain_id].ledger.height else None
        if stored is None or RULES[chain_id].block_digest(stored.committed.header) != digest:
            faults.append(f"the acknowledged block {height} of {chain_id}")
    for chain_id, host in node._hosts.items():
        carried = [decode(record, LoggedMessage).envelope for record in host.carried()]
        bodies = {RULES[chain_id].block_digest(e.message.block.header) for e in carried if isinstance(e.message, PrePrepare)}
        for (voted_on, _), envelope in bound.votes.items():
            message = envelope.message
            if voted_on != chain_id or place(message)[0] <= host.ledger.height:
                continue
            if envelope not in carried:
                faults.append(f"a {type(message).__name__} of {chain_id} at {place(message)}")
            if isinstance(message, Commit) and message.block not in bodies:
                faults.append(f"the body of block {message.height} of {chain_id}, for which it sent a commit")
        assert host.ledger.state.root == host.ledger.head.header.state_root
    return faults


async def four_nodes_at_work(story: Story) -> None:
    """Blocks on two chains, flushes, a restart with a torn log, a node that fetches what it missed."""
    for replica in range(4):
        story.open(replica)
    for number in range(8):
        story.submit(CHAIN, define(number), at=(0, 2, 3)[number % 3])
        if number % 2:
            story.submit(OTHER_CHAIN, define(number, rules=RULES[OTHER_CHAIN]), at=2)
        await story.carry(rounds=3)
        if number in (2, 5):
            await story.flush(number % 3)
        await story.carry()
        if number == 4:
            story.kill(1)
            tear(story.root / NAMES[1])
        if number == 6:
            story.open(1)
            await story.tick(3)
    assert {node._hosts[CHAIN].ledger.height for node in story.nodes.values()} == {8}
    assert {node._hosts[OTHER_CHAIN].ledger.height for node in story.nodes.values()} == {4}
    story.close()


def tear(data: Path) -> None:
    """A log that ends in the middle of a group, as after an earlier cut."""
    handle = os.open(max(data.glob("log-*.seg")), os.O_WRONLY | os.O_APPEND)
    os.write(handle, journal._group([b"never told to anybody" * 30])[:-7])
    os.close(handle)


def recorded_story(root: Path) -> Recording:
    """The calls of four nodes at work."""
    for name in NAMES:
        (root / name / "store").mkdir(parents=True)

    with recorded(root) as recording:
        run(_story(root, recording.said))
    return recording


async def _story(root: Path, said: Callable[[str, object], None]) -> None:
    await four_nodes_at_work(Story(root, said))


@dataclass
class Verdict:
    """What the disks of one node showed."""

    moments: int = 0
    disks: int = 0
    faults: list[str] = field(default_factory=list)


def try_every_cut(recording: Recording, replica: int, scratch: Path, *, stop_early: bool = False) -> Verdict:
    """Every moment of one node; a disk that may be found at several is held to what was said until the last of them."""
    random, disk, bound, verdict = Random(replica), Disk(), Bound(), Verdict()
    latest: dict[tuple[tuple[str, bytes], ...], Bound] = {}
    for event in recording.below(NAMES[replica]):
        if isinstance(event, Said):
            bound.hear(event)
        else:
            disk.happened(event)
        verdict.moments += 1
        for content in disk.after_a_cut(random):
            latest[tuple(sorted(content.items()))] = bound.copy()
    asyncio.run(_open_all(latest, replica, scratch, verdict, stop_early))
    return verdict


async def _open_all(latest, replica: int, scratch: Path, verdict: Verdict, stop_early: bool) -> None:
    for content, bound in latest.items():
        verdict.disks += 1
        verdict.faults += opened(dict(content), replica, scratch / f"{replica}-{verdict.disks}", bound)
        if stop_early and verdict.faults:
            return


def opened(content: Content, replica: int, data: Path, bound: Bound) -> list[str]:
    """What a fresh node on such a disk has lost; or why it does not start."""
    for path, found in content.items():
        (data / path).parent.mkdir(parents=True, exist_ok=True)
        (data / path).write_bytes(found)
    (data / "store").mkdir(parents=True, exist_ok=True)
    try:
        node = BareNode(settings_of(replica, data))
    except Exception as problem:
        return [f"it does not start: {type(problem).__name__}: {problem}"]
    faults = missing(node, bound)
    leave(node)
    return faults


class BareNode(Node):
    """A node without links."""

    def _make_peers(self) -> object:  # type: ignore[override]
        class Nobody:
            connected: frozenset[int] = frozenset()

            def send(self, *_: object) -> None: ...

            def broadcast(self, *_: object) -> None: ...

        return Nobody()


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(process, "_now_ms", lambda: NOW)
        return recorded_story(tmp_path_factory.mktemp("cut"))


@pytest.mark.parametrize("replica", range(4), ids=NAMES)
def test_whenever_the_current_fails_nothing_said_is_forgotten(recording: Recording, replica: int, tmp_path: Path) -> None:
    verdict = try_every_cut(recording, replica, tmp_path)
    print(verdict.moments, verdict.disks, len(verdict.faults))
    assert verdict.faults == []
    assert verdict.moments > 100
    assert verdict.disks > 100
