"""The current fails at any moment: a fresh node on whatever disk that leaves is bound by all that was said before.

Four whole nodes commit blocks on real files; every call of theirs to the disk is recorded, LMDB's among them. For each
moment between two calls, every disk that may be found then is opened by a fresh node: no vote that the old one sent
and no block that it acknowledged may be missing.
"""

import asyncio
import os
import sys
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import lmdb
import pytest

from chain.codec import decode
from node import process, sign_state
from node.consensus.messages import Commit, Envelope, NewView, Prepare, PrePrepare, ViewChange, place
from node.network.frames import ConsensusFrame
from node.process import Node
from node.recovery import binds
from node.sign_state import MAY_SIGN
from node.storage import disk, journal
from node.storage.interface import LoggedMessage
from tests.node.network.talk import run
from tests.node.small_chain import CHAIN, NOW, OTHER_CHAIN, define, rules_of
from tests.node.storage.node_story import NAMES, Story, leave, settings_of
from tests.node.storage.recorded_disk import Call, Content, Disk, Recording, Said, recorded

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
    forgotten: frozenset[str] = frozenset()
    """The chains on which it did not know what it had signed, and did not yet say that it signs again."""

    def hear(self, said: Said) -> None:
        if said.what == "vote":
            chain_id, data = said.about
            self.votes[chain_id, data] = decode(data, Envelope)
        elif said.what == "signs again":
            self.forgotten -= {said.about}
        else:
            chain_id, height, digest = said.about
            self.acknowledged[chain_id] = (height, digest)

    def copy(self) -> "Bound":
        return Bound(votes=dict(self.votes), acknowledged=dict(self.acknowledged), forgotten=self.forgotten)

    def has_voted(self, chain_id: str) -> bool:
        return any(voted_on == chain_id for voted_on, _ in self.votes)


def missing(node: Node, bound: Bound) -> list[str]:
    """What a fresh node does not know although its predecessor said it."""
    faults = []
    for chain_id, (height, digest) in bound.acknowledged.items():
        stored = node._hosts[chain_id].ledger.block(height) if height <= node._hosts[chain_id].ledger.height else None
        if stored is None or RULES[chain_id].block_digest(stored.committed.header) != digest:
            faults.append(f"the acknowledged block {height} of {chain_id}")
    for chain_id, host in node._hosts.items():
        abstains = node._signs.abstains(chain_id)
        if abstains and bound.has_voted(chain_id):
            faults.append(f"that it knows what it has signed on {chain_id}")
        if not abstains and chain_id in bound.forgotten:
            faults.append(f"that it does not know what it has signed on {chain_id}")
        carried = [decode(record, LoggedMessage).envelope for record in host.carried()]
        bodies = {
            RULES[chain_id].block_digest(e.message.block.header) for e in carried if isinstance(e.message, PrePrepare)
        }
        for (voted_on, _), envelope in bound.votes.items():
            message = envelope.message
            if voted_on != chain_id or not binds(message, host.ledger):
                continue
            if envelope not in carried:
                faults.append(f"a {type(message).__name__} of {chain_id} at {place(message)}")
            if isinstance(message, Commit) and message.block not in bodies:
                faults.append(f"the body of block {message.height} of {chain_id}, for which it sent a commit")
        assert host.ledger.state.root == host.ledger.head.header.state_root
    return faults


async def four_nodes_at_work(story: Story) -> None:
    """Blocks on two chains, flushes, a restart with a torn log, a node that fetches what it missed, another view."""
    for replica in range(4):
        story.open(replica)
    for number in range(8):
        await make_a_block(story, number, at=(0, 2, 3)[number % 3])
        if number == 4:
            story.kill(1)
            tear(story.root / NAMES[1])
        if number == 6:
            story.open(1)
            await story.tick(3)
    await another_view(story)
    for number in range(9, 16):
        await make_a_block(story, number, at=number % 4)
        if number in (11, 13):
            story.kill(3)
            story.open(3)
            await story.tick(3)
    heads = [{node._hosts[chain_id].ledger.height for node in story.nodes.values()} for chain_id in RULES]
    assert heads == [{16}, {8}], heads
    story.close()


async def make_a_block(story: Story, number: int, at: int) -> None:
    """A block on one chain, now and then one on the other, and a flush in the middle of it."""
    story.submit(CHAIN, define(number), at=at)
    if number % 2:
        story.submit(OTHER_CHAIN, define(number, rules=RULES[OTHER_CHAIN]), at=at)
    await story.carry(rounds=number % 5)
    if number % 3 == 2 and at in story.nodes:
        await story.flush(at)
    await story.carry()


async def another_view(story: Story) -> None:
    """The primary is cut off when a block is prepared: the next one proposes it again, and the old one follows."""
    primary = story.nodes[0]._hosts[CHAIN].replica.primary
    story.lost = lambda record: isinstance(record, ConsensusFrame) and isinstance(record.envelope.message, Commit)
    story.submit(CHAIN, define(8), at=(primary + 1) % 4)
    await story.carry()
    story.isolate(primary)
    story.lost = lambda record: False
    await story.tick(40)
    views = {node._hosts[CHAIN].replica.view for node in story.nodes.values()}
    assert views == {0, 1}, views
    story.heal()
    await story.tick(5)


async def one_without_its_log(story: Story) -> None:
    """The last node does not know what it has signed: it follows, and signs again when it may."""
    for replica in range(4):
        story.open(replica)
    for number in range(8):
        await make_a_block(story, number, at=number % 3)
        await story.tick(10 if number == 1 else 1)
        if number in (1, 4):
            story.kill(3)
            story.open(3)
            await story.tick(10)
    assert {node._hosts[CHAIN].ledger.height for node in story.nodes.values()} == {8}
    assert not story.nodes[3]._signs.abstains(CHAIN)
    story.close()


def tear(data: Path) -> None:
    """A log that ends in the middle of a group, as after an earlier cut."""
    handle = os.open(max(data.glob("log-*.seg")), os.O_WRONLY | os.O_APPEND)
    os.write(handle, journal._group([b"never told to anybody" * 30])[:-7])
    os.close(handle)


def recorded_story(
    root: Path,
    play: Callable[[Story], Coroutine[Any, Any, None]] = four_nodes_at_work,
    *,
    sure: tuple[str, ...] = NAMES,
) -> Recording:
    """The calls of four nodes at work; somebody answers for the first start of those that are `sure`."""
    for name in NAMES:
        (root / name / "store").mkdir(parents=True)
    for name in sure:
        (root / name / MAY_SIGN).touch()

    async def story() -> None:
        await play(Story(root, recording.said))

    with recorded(root) as recording:
        run(story())
    return recording


@dataclass
class Verdict:
    """What the disks of one node showed."""

    moments: int = 0
    disks: int = 0
    faults: list[str] = field(default_factory=list)


def try_every_cut(
    recording: Recording, replica: int, scratch: Path, *, sure: bool = True, stop_early: bool = False
) -> Verdict:
    """Every moment of one node; a disk that may be found at several is held to what was said until the last of them."""
    medium = Disk.holding({MAY_SIGN: b""} if sure else {})
    bound = Bound(forgotten=frozenset() if sure else frozenset(RULES))
    random, verdict = Random(replica), Verdict()
    latest: dict[tuple[tuple[str, bytes], ...], Bound] = {}
    for event in recording.below(NAMES[replica]):
        if isinstance(event, Said):
            bound.hear(event)
        else:
            medium.happened(event)
        verdict.moments += 1
        for content in medium.after_a_cut(random):
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
    for host in node._hosts.values():
        host.resume()
    leave(node)
    return faults


class BareNode(Node):
    """A node without links and words."""

    def _note(self, chain_id: str, sentence: str) -> None: ...

    def _make_peers(self) -> object:  # type: ignore[override]
        class Nobody:
            connected: frozenset[int] = frozenset()

            def send(self, *_: object) -> None: ...

            def broadcast(self, *_: object) -> None: ...

        return Nobody()


@contextmanager
def in_memory() -> Iterator[Path]:
    """A folder in memory where there is one: what matters here is the order of the calls, not what a disk makes of it."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture
def scratch() -> Iterator[Path]:
    with in_memory() as folder:
        yield folder


@pytest.fixture(scope="module")
def recording() -> Iterator[Recording]:
    with pytest.MonkeyPatch.context() as patch, in_memory() as folder:
        patch.setattr(process, "_now_ms", lambda: NOW)
        yield recorded_story(folder)


@pytest.mark.parametrize("replica", range(4), ids=NAMES)
def test_s24_whenever_the_current_fails_nothing_said_is_forgotten(
    recording: Recording, replica: int, scratch: Path
) -> None:
    verdict = try_every_cut(recording, replica, scratch)
    assert verdict.faults == []
    assert verdict.moments > 100
    assert verdict.disks > 100


def test_s15_whenever_the_current_fails_a_node_that_forgot_its_votes_knows_that(scratch: Path) -> None:
    recording = recorded_story(scratch / "nodes", one_without_its_log, sure=NAMES[:3])
    assert Said(f"{NAMES[3]} signs again", CHAIN) in recording.events
    assert any(event.what == f"{NAMES[3]} vote" for event in recording.events)
    verdict = try_every_cut(recording, 3, scratch / "disks", sure=False)
    assert verdict.faults == []
    assert verdict.disks > 100


def test_the_story_holds_every_kind_of_vote_and_of_call(recording: Recording) -> None:
    said = [
        decode(event.about[1], Envelope).message
        for event in recording.events
        if isinstance(event, Said) and event.what.endswith("vote")
    ]
    assert {type(message) for message in said} == {PrePrepare, Prepare, Commit, ViewChange, NewView}
    calls = {event.what for event in recording.events if isinstance(event, Call)}
    assert calls == {"create", "write", "truncate", "unlink", "rename", "sync", "sync write", "sync folder"}


def without_sync(patch: pytest.MonkeyPatch) -> None:
    """The log is written, but not synced before a vote is sent."""
    patch.setattr(journal, "_sync", lambda file: None)


def without_sync_of_names(patch: pytest.MonkeyPatch) -> None:
    """A new segment's name is not synced."""
    patch.setattr(journal, "sync_folder", lambda folder: None)


def without_sync_of_the_store(patch: pytest.MonkeyPatch) -> None:
    """The log is cut although the store may not have reached the disk."""
    patch.setattr(disk.lmdb, "open", partial(lmdb.open, sync=False))


def sent_before_the_sync(patch: pytest.MonkeyPatch) -> None:
    """A vote leaves before its record is synced."""

    def append(self, record: bytes, then=None) -> None:
        self._waiting.append((record, None))
        self._schedule(self._sync_waiting)
        if then is not None:
            self._schedule(then)

    patch.setattr(journal.DiskJournal, "append", lambda self, record, then=None: hasty(self, record, then))

    def hasty(self, record, then) -> None:
        if then is not None:
            then()
        append(self, record)


DEFECTS = [without_sync, without_sync_of_names, without_sync_of_the_store, sent_before_the_sync]


@pytest.mark.parametrize("defect", DEFECTS, ids=[defect.__name__ for defect in DEFECTS])
def test_s40_a_node_that_does_not_sync_is_found_out(monkeypatch: pytest.MonkeyPatch, scratch: Path, defect) -> None:
    with monkeypatch.context() as patch:
        defect(patch)
        recording = recorded_story(scratch / "nodes")
    verdict = try_every_cut(recording, 2, scratch / "disks", stop_early=True)
    assert verdict.faults


def test_s40_a_node_that_does_not_sync_that_it_forgot_is_found_out(
    monkeypatch: pytest.MonkeyPatch, scratch: Path
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sign_state, "_sync", lambda folder: None)
        recording = recorded_story(scratch / "nodes", one_without_its_log, sure=NAMES[:3])
    verdict = try_every_cut(recording, 3, scratch / "disks", sure=False, stop_early=True)
    assert verdict.faults
