"""A snapshot becomes durable before anything follows it in the log; meanwhile the replica hears and says nothing."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from chain.codec import decode
from chain.rpc import BlockAnswer, Follow, ReadBlock, Refused
from node import process
from node.host import Host
from node.ledger import UNDO_WINDOW_MS, Ledger, Snapshot
from node.network.frames import Blocks, Heads
from node.storage.interface import LoggedBlock, LogRecord
from node.storage.memory import MemoryStore
from tests.node.cluster import Cluster, Member
from tests.node.in_process import NodeHere
from tests.node.network.talk import run, until
from tests.node.small_chain import CHAIN, NOW, RULES, certify, define, next_block
from tests.node.snapshot_play import Play, add, define_classes, giving, ledger_on
from tests.node.test_rpc_server import Caller, Service

BLOCKS = 8


def pruned() -> Ledger:
    """A chain that has only its latest blocks; the last one is a second old."""
    ledger = ledger_on(MemoryStore(), history=2)
    define_classes(ledger, range(BLOCKS - 1), gap=UNDO_WINDOW_MS // 2 + 1)
    add(ledger, define(1_000, valid_until=ledger.head.header.time + 90_000))
    assert ledger.oldest_block > 2
    return ledger


def snapshot_for(host: Host, source: Ledger) -> Snapshot:
    """What the host would take of `source`."""
    snapshot = Play(host.ledger, {0: giving(source)}).run()
    assert isinstance(snapshot, Snapshot)
    return snapshot


def installing(cluster: Cluster, source: Ledger) -> tuple[Member, list[Callable[[], None]]]:
    """A member whose ledger stands at a snapshot, and what will be called when that is durable."""
    member = cluster.member(0)
    cluster.now = source.head.header.time + 10_000
    waiting: list[Callable[[], None]] = []
    object.__setattr__(member.host._ports, "flush", waiting.append)
    member.host._install(snapshot_for(member.host, source))
    return member, waiting


def next_committed(source: Ledger, number: int) -> Blocks:
    """The block after the source's head, as a peer sends it."""
    executed = next_block(source, define(number, valid_until=source.head.header.time + 9_000))
    source.append(executed, certify(RULES, executed.block.header))
    return Blocks(chain_id=CHAIN, blocks=(source.block(source.height).committed,))


def test_nothing_is_heard_cast_or_logged_until_the_snapshot_is_durable() -> None:
    cluster, source = Cluster(), pruned()
    member, waiting = installing(cluster, source)
    host = member.host
    assert (host.ledger.height, host.replica.height, len(waiting)) == (BLOCKS, 1, 1)
    before = list(member.disk.records)
    blocks = next_committed(source, 2_000)
    host.hear(1, blocks)
    host.admit(define(3_000, valid_until=cluster.now + 90_000), local=True)
    host.requests_admitted()
    for _ in range(3 * RULES.profile.progress_ticks):
        host.tick()
    cluster.sync()
    assert (host.ledger.height, host.replica.height, member.disk.records) == (BLOCKS, 1, before)
    waiting.pop()()
    assert (host.replica.height, host.durable_height) == (BLOCKS + 1, BLOCKS)
    host.hear(1, blocks)
    assert (host.ledger.height, host.replica.height) == (BLOCKS + 1, BLOCKS + 2)
    cluster.sync()
    logged = [decode(record, LogRecord) for record in member.disk.records]
    fetched = [record.committed.header.height for record in logged if isinstance(record, LoggedBlock)]
    assert fetched == [BLOCKS + 1]


def test_the_replica_goes_on_with_what_waits_when_it_is_durable() -> None:
    cluster, source = Cluster(), pruned()
    member, waiting = installing(cluster, source)
    for number in range(3):
        raw = define(3_000 + number, valid_until=cluster.now + 90_000)
        assert not isinstance(member.host.admit(raw, local=True), str)
    member.host.requests_admitted()
    assert member.host.replica.phase == "idle"
    waiting.pop()()
    assert member.host.replica.is_primary
    assert member.host.replica.phase == "building"
    cluster.sync()
    assert member.host.replica.phase != "idle"


def test_who_follows_is_told_where_the_blocks_begin_and_who_reads_an_older_one_too() -> None:
    service, caller, source = Service(), Caller(), pruned()
    service.ask(caller, Follow(request=3, chain_id=CHAIN, height=0))
    assert caller.answers == []
    host = service.host
    host._install(snapshot_for(host, source))
    oldest = host.ledger.oldest_block
    host.hear(1, next_committed(source, 2_000))
    service.cluster.sync()
    assert caller.answers == [Refused(request=3, code="height-pruned", values=(1, oldest))]
    assert service.server._followers == []
    service.ask(caller, Follow(request=4, chain_id=CHAIN, height=oldest - 1))
    followed = caller.answers[1:]
    assert [answer.request for answer in followed] == [4] * (BLOCKS + 2 - oldest)
    assert all(isinstance(answer, BlockAnswer) for answer in followed)
    for height in (1, oldest - 1):
        service.ask(caller, ReadBlock(request=5, chain_id=CHAIN, height=height))
        assert caller.answers[-1] == Refused(request=5, code="height-pruned", values=(height, oldest))
    service.ask(caller, ReadBlock(request=6, chain_id=CHAIN, height=0))
    assert caller.answers[-1].genesis == source.genesis
    service.ask(caller, ReadBlock(request=7, chain_id=CHAIN, height=10**6))
    assert caller.answers[-1] == Refused(request=7, code="block-unknown", values=(10**6, BLOCKS + 1))


def test_whoever_waits_for_what_a_snapshot_brought_is_answered_with_its_receipt() -> None:
    service, caller, source = Service(), Caller(), pruned()
    service.cluster.now = source.head.header.time + 10_000
    (raw,) = source.block(BLOCKS).committed.block.transactions
    service.submit(caller, 1, raw)
    service.turn()
    service.host._install(snapshot_for(service.host, source))
    assert caller.answers == []
    service.server.expire(service.host, service.cluster.now)
    assert caller.outcomes() == {(1, 0): f"block {BLOCKS}"}
    assert service.server._waiting == 0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_now_ms", lambda: NOW)


def height_of_a_copy(here: NodeHere, folder: Path) -> int:
    """How far another process on a copy of the disk as it is now comes back."""
    shutil.copytree(here.node._settings.folder.parent, folder)
    copy = NodeHere(folder)
    height = copy.node._hosts[CHAIN].ledger.height
    copy.close()
    return height


@pytest.mark.usefixtures("clock")
def test_a_process_that_is_killed_has_the_whole_snapshot_or_nothing_of_it(tmp_path: Path) -> None:
    async def story() -> None:
        source = pruned()
        here = NodeHere(tmp_path / "node")
        host = here.node._hosts[CHAIN]
        host._install(snapshot_for(host, source))
        assert host.ledger.height == BLOCKS
        assert height_of_a_copy(here, tmp_path / "before") == 0
        here.node._flush_if_due(here.node._loop.time())
        assert here.node._store.busy
        await until(lambda: not host._installing)
        host.hear(1, next_committed(source, 2_000))
        await asyncio.sleep(0.02)
        assert height_of_a_copy(here, tmp_path / "after") == BLOCKS + 1
        here.close()

    run(story())


@pytest.mark.usefixtures("clock")
def test_a_snapshot_that_comes_during_a_flush_waits_for_the_next_one(tmp_path: Path) -> None:
    async def story() -> None:
        source = pruned()
        here = NodeHere(tmp_path / "node")
        host = here.node._hosts[CHAIN]
        here.node._store.write({b"\xfe": b""})
        here.node._last_flush = 0
        here.node._flush_if_due(here.node._loop.time())
        host._install(snapshot_for(host, source))
        await until(lambda: not here.node._store.busy)
        assert host._installing
        assert height_of_a_copy(here, tmp_path / "before") == 0
        here.node._flush_if_due(here.node._loop.time())
        await until(lambda: not host._installing)
        assert height_of_a_copy(here, tmp_path / "after") == BLOCKS
        here.close()

    run(story())


def test_the_head_that_is_told_to_others_is_that_of_the_snapshot() -> None:
    cluster, source = Cluster(), pruned()
    member, waiting = installing(cluster, source)
    waiting.pop()()
    head = Heads(heads=(member.host.chain_head(),)).heads[0]
    assert (head.height, head.head) == (BLOCKS, source.head.digest)
