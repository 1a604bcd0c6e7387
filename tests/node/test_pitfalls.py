"""Failures of other ledgers that no other test would catch here (docs/pitfalls.md)."""

import asyncio
import zlib
from pathlib import Path

import psutil
import pytest

from node.consensus.effects import Reason
from node.consensus.messages import Commit, NewView, Prepare, PrePrepare
from node.ledger import LedgerMismatch
from node.storage.interface import LogDamaged
from node.storage.journal import HEADER_BYTES
from tests.node.cluster import Cluster, Disk
from tests.node.consensus.stage import Stage
from tests.node.consensus.views_play import cast, dropped
from tests.node.network.small_pki import make_pki
from tests.node.network.talk import connect, greeted, hello, until
from tests.node.network.test_reception import Door, with_door
from tests.node.small_chain import define
from tests.node.storage.test_journal import GROUPS, RECORDS, ends, replayed, written
from tests.node.test_cluster import quiet
from tests.node.test_primaries import TICKS, heights, losing, views


def with_length(data: bytes, start: int, length: int) -> bytes:
    """The log, but for one group whose header names another length, under a checksum of its own."""
    head = length.to_bytes(4, "big") + data[start + 4 : start + 8]
    return data[:start] + head + zlib.crc32(head).to_bytes(4, "big") + data[start + HEADER_BYTES :]


@pytest.mark.parametrize("length", [0, 1, 2**16, 2**31, 2**32 - 1])
def test_a_length_in_the_log_that_is_made_up_is_cut_off_at_the_end_and_refused_before_it(
    tmp_path: Path, length: int
) -> None:
    path = written(tmp_path)
    data = path.read_bytes()
    *starts, last = ends()[:-1]
    for start in starts:
        path.write_bytes(with_length(data, start, length))
        with pytest.raises(LogDamaged, match=f"at byte {start}, before its end"):
            replayed(tmp_path)
    path.write_bytes(with_length(data, last, length))
    assert replayed(tmp_path) == RECORDS[: -len(GROUPS[-1])]
    assert path.stat().st_size == last


def test_whoever_has_fetched_a_height_casts_nothing_there() -> None:
    """A certified block ends its height: nothing that was in flight there or comes later is voted for."""
    stage = Stage(replica_id=2)
    stage.propose(0, "A")
    stage.sync("B")
    proposal = PrePrepare(view=0, block=stage.block("A"), parent_certificate=None)
    for _ in range(2):
        assert stage.valid("A") == ()
        assert dropped(stage.hear(0, proposal)) == [Reason.STALE]
        for kind in (Prepare, Commit):
            for signer in (1, 3):
                effects = stage.vote(signer, kind, "A", height=1)
                assert (cast(effects), dropped(effects)) == ([], [Reason.STALE])
        stage.restart()


def test_a_prepared_block_survives_several_views_that_fail() -> None:
    """It is proposed again in each of them and committed in none, and comes out of the last as it went in."""
    cluster = Cluster()
    cluster.loses = losing(Commit)
    cluster.submit(define(0), at=2)
    quiet(cluster, rounds=4)
    prepared = {member.host.replica.prepared.block for member in cluster.members}
    assert len(prepared) == 1
    for _ in range(40):
        if min(views(cluster)) < 4:
            quiet(cluster, rounds=TICKS)
    assert min(views(cluster)) >= 4
    assert heights(cluster) == {0}
    cluster.settle()
    heads = [member.host.ledger.head for member in cluster.members]
    assert {head.digest for head in heads} == prepared
    assert {head.header.view for head in heads} == {0}
    assert min(head.certificate.view for head in heads) >= 4
    cluster.check_all_committed()


def test_views_that_fail_leave_no_more_in_the_log_than_the_last_of_them() -> None:
    """Nor after a restart."""
    cluster = Cluster()
    cluster.loses = losing(NewView)
    cluster.crash(cluster.member(0))
    cluster.submit(define(0), at=1)
    bound = []
    for least in (2, 8):
        for _ in range(60):
            if min(views(cluster)) < least:
                quiet(cluster, rounds=TICKS)
        assert min(views(cluster)) >= least
        for member in cluster.up:
            member.flush()
            cluster.crash(member)
            cluster.start(member)
        bound.append(max(len(member.disk.records) for member in cluster.up))
    assert bound[1] <= bound[0] <= 4
    cluster.settle()
    cluster.check_all_committed()


def alter_the_state(disk: Disk) -> None:
    """One bit of every node of the state's tree is another."""
    for key, value in disk.entries.items():
        if key[:1] == b"n":
            disk.entries[key] = value[:40] + bytes([value[40] ^ 1]) + value[41:]


def test_a_replica_whose_state_is_altered_does_not_start_and_is_mended_by_fetching_anew() -> None:
    """The others go on without it."""
    cluster = Cluster()
    for number in range(2):
        cluster.submit(define(number), at=0)
        cluster.settle()
    odd = cluster.member(3)
    odd.flush()
    cluster.crash(odd)
    alter_the_state(odd.disk)
    with pytest.raises(LedgerMismatch, match="the state of nanjing is not the one that its head names"):
        cluster.start(odd)
    cluster.submit(define(2), at=0)
    quiet(cluster, rounds=10)
    assert {member.host.ledger.height for member in cluster.up} == {3}
    odd.wipe()
    cluster.settle()
    cluster.check_all_committed()


def test_links_that_come_and_go_leave_nothing_behind_and_the_door_open(tmp_path: Path) -> None:
    """Hundreds of connections without a word, and of links that say who they are and hang up."""
    pki = make_pki(tmp_path)

    async def come_and_go(door: Door, count: int) -> None:
        for _ in range(count):
            _, writer = await asyncio.open_connection("127.0.0.1", door.port)
            writer.transport.abort()
        for _ in range(count // 10):
            client = await connect(door.port, pki.of("xian"))
            client.send(hello("xian"))
            client.close()

    async def story(door: Door) -> None:
        before = psutil.Process().num_fds()
        await come_and_go(door, 300)
        await until(lambda: psutil.Process().num_fds() <= before + 10)
        client = await connect(door.port, pki.of("shanghai"))
        assert (await greeted(client, "shanghai")).speaker == "beijing"

    assert with_door(pki, story).peers[-1] == 1
