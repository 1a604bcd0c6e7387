"""The composition of a node: the log is cut behind the store, a kill at any moment loses nothing, a sick disk stops it."""

import asyncio
import dataclasses
import errno
import json
import os
import shutil
import sys
from pathlib import Path

import lmdb
import pytest
from msgspec.structs import replace

from chain.codec import decode, encode
from node import process
from node.network.frames import Blocks, ConsensusFrame, Fetch, Heads, PeerFrame
from node.process import FLUSH_KEYS, Node, main
from node.settings import SettingsInvalid, load_settings
from node.sign_state import MAY_SIGN
from node.storage import journal
from node.storage.disk import DiskStore
from scripts.network import local_addresses, make_network
from tests.chain.small_network import key_pair
from tests.node.in_process import NodeHere, hear, settings_of
from tests.node.network.talk import run, until
from tests.node.small_chain import CHAIN, GENESIS, NOW, new_ledger
from tests.node.test_hostile_frames import BLOCKS, TRAFFIC


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_now_ms", lambda: NOW)


async def fed(here: NodeHere, part: slice = slice(None)) -> None:
    """The node hears what the others said while they committed four blocks."""
    links = {peer: here.peer(peer)[0] for peer in (0, 2, 3)}
    for sender, data in TRAFFIC[part]:
        hear(links[sender], data)
        await asyncio.sleep(0)


def height(here: NodeHere) -> int:
    """How far the busy chain is."""
    return here.node._hosts[CHAIN].ledger.height


def segments(here: NodeHere) -> list[str]:
    """The files of the log."""
    return sorted(path.name for path in here.node._settings.data.glob("log-*.seg"))


async def flushed(here: NodeHere) -> None:
    """Flush and cut the log."""
    here.node._last_flush = 0
    here.node._flush_if_due(here.node._loop.time())
    await until(lambda: not here.node._store.busy)


def as_after_a_kill(here: NodeHere, folder: Path) -> NodeHere:
    """Another process on a copy of the disk as it is now."""
    shutil.copytree(here.node._settings.folder.parent, folder)
    return NodeHere(folder)


def test_the_log_is_cut_when_the_store_has_what_it_held(tmp_path: Path) -> None:
    async def story() -> None:
        here = NodeHere(tmp_path / "node")
        assert segments(here) == ["log-0000000001.seg"]
        await fed(here)
        await flushed(here)
        assert segments(here) == ["log-0000000002.seg"]
        assert here.node._store.buffered == 0
        here.node._flush_if_due(here.node._loop.time() + 1_000)
        assert segments(here) == ["log-0000000002.seg"]  # nothing to flush: nothing is done
        here.close()

    run(story())


def test_a_log_that_grows_without_a_block_is_cut_and_what_binds_is_carried_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "SEGMENT_BYTES_MAX", 2_000)

    async def story() -> None:
        here = NodeHere(tmp_path / "node")
        await flushed(here)
        host = here.node._hosts[CHAIN]
        await fed(here, slice(6))
        await asyncio.sleep(0.02)
        carried = host.carried()
        assert carried
        assert here.node._store.buffered == 0
        before = segments(here)
        here.node._flush_if_due(here.node._loop.time())
        assert segments(here) == before
        here.node._journal.append(host.carried()[0] + bytes(2_000))
        await asyncio.sleep(0.02)
        here.node._flush_if_due(here.node._loop.time())
        assert len(segments(here)) == 1
        assert segments(here) != before
        again = as_after_a_kill(here, tmp_path / "copy")
        assert again.node._hosts[CHAIN].carried() == carried
        again.close()
        here.close()

    run(story())


def test_addresses_are_read_again_when_the_node_is_told_to_and_a_spoilt_file_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        here = NodeHere(tmp_path / "node")
        given: list[object] = []
        monkeypatch.setattr(here.node._peers, "readdress", given.append)
        file = here.node._settings.folder / "node.json"
        file.write_text("{")
        here.node._read_addresses()
        assert "the addresses stay as they were" in here.notes[-1]
        peers = {"xian": ["127.0.0.1", 7_001]}
        settings = {"version": 1, "name": "shanghai", "host": "127.0.0.1", "port": 1, "peers": peers, "genesis": "g"}
        file.write_text(json.dumps(settings))
        here.node._read_addresses()
        assert given == [{"xian": ("127.0.0.1", 7_001)}]
        here.close()

    run(story())


def test_a_key_that_is_nobody_s_is_refused_and_leaves_the_first_start_to_the_right_one(tmp_path: Path) -> None:
    async def story() -> None:
        with pytest.raises(SettingsInvalid, match="is the key of no replica"):
            NodeHere(tmp_path / "node", key=key_pair("suzhou"))
        assert (tmp_path / "node" / "data" / MAY_SIGN).exists()

    run(story())


def test_timers_that_do_not_go_together_are_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    profiles = {name: replace(profile, progress_ticks=3) for name, profile in process.load_profiles().items()}
    monkeypatch.setattr(process, "load_profiles", lambda: profiles)

    async def story() -> None:
        with pytest.raises(SettingsInvalid, match=r"do not go together: progress_ticks of \w+ is 3, less than 10"):
            NodeHere(tmp_path / "node")

    run(story())


def test_the_data_of_another_network_is_refused_with_its_folder(tmp_path: Path) -> None:
    async def story() -> None:
        NodeHere(tmp_path / "node").close()
        other = dataclasses.replace(GENESIS, network_id=bytes(32))
        settings = dataclasses.replace(settings_of(tmp_path / "node"), genesis=other)
        with pytest.raises(
            SettingsInvalid, match=r"node/data: the data folder belongs to another network; use another"
        ):
            Node(settings)

    run(story())


def test_a_node_that_joins_follows_and_casts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        here = NodeHere(tmp_path / "node", key=key_pair("suzhou"), joins=True)
        sent: list[PeerFrame] = []
        monkeypatch.setattr(here.node._peers, "broadcast", sent.append)
        await fed(here)
        assert height(here) > 0
        assert not [frame for frame in sent if isinstance(frame, ConsensusFrame)]
        here.close()

    run(story())


def test_a_flush_waits_for_its_time_or_for_many_keys(tmp_path: Path) -> None:
    async def story() -> None:
        here = NodeHere(tmp_path / "node")
        await fed(here)
        here.node._last_flush = here.node._loop.time()
        here.node._flush_if_due(here.node._loop.time())
        assert not here.node._store.busy
        here.node._store.write({b"\xfe" + number.to_bytes(4, "big"): b"" for number in range(FLUSH_KEYS)})
        here.node._flush_if_due(here.node._loop.time())
        assert here.node._store.busy
        here.node._flush_if_due(here.node._loop.time() + 100)  # one at a time
        await until(lambda: not here.node._store.busy)
        here.close()

    run(story())


def test_a_kill_after_any_frame_leaves_a_folder_that_goes_on_where_the_node_stood(tmp_path: Path) -> None:
    async def story() -> None:
        here = NodeHere(tmp_path / "node")
        links = {peer: here.peer(peer)[0] for peer in (0, 2, 3)}
        for number, (sender, data) in enumerate(TRAFFIC):
            hear(links[sender], data)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            if number == len(TRAFFIC) // 2:
                await flushed(here)
            if number % 5 == 0:
                again = as_after_a_kill(here, tmp_path / f"copy-{number}")
                assert height(again) == here.node._hosts[CHAIN].durable_height
                assert again.node._hosts[CHAIN].carried() == here.node._hosts[CHAIN].carried()
                assert again.node._hosts[CHAIN].replica.phase == here.node._hosts[CHAIN].replica.phase
                again.close()
        assert height(here) == BLOCKS
        here.close()

    run(story())


@pytest.mark.parametrize("moment", ["before the flush", "before the old segments are dropped", "after one is dropped"])
def test_a_kill_while_the_log_is_cut_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    copies: list[Path] = []

    async def story() -> None:
        here = NodeHere(tmp_path / "node")

        def copy() -> None:
            copies.append(tmp_path / f"copy-{len(copies)}")
            shutil.copytree(here.node._settings.folder.parent, copies[-1])

        put, drop = DiskStore._put, journal.DiskJournal.drop_segments

        def copied_put(store: DiskStore, changes: dict) -> None:
            copy()
            put(store, changes)

        def copied_drop(log: journal.DiskJournal, numbers: list[int]) -> None:
            if moment == "after one is dropped":
                drop(log, numbers[:1])
                copy()
            else:
                copy()
                drop(log, numbers)

        await fed(here)
        if moment == "before the flush":
            monkeypatch.setattr(DiskStore, "_put", copied_put)
        else:
            monkeypatch.setattr(journal.DiskJournal, "drop_segments", copied_drop)
        await flushed(here)
        monkeypatch.undo()
        monkeypatch.setattr(process, "_now_ms", lambda: NOW)
        again = NodeHere(copies[0])
        assert height(again) == height(here) == BLOCKS
        assert again.node._hosts[CHAIN].ledger.state.root == here.node._hosts[CHAIN].ledger.state.root
        again.close()
        here.close()

    run(story())


def test_the_first_state_is_in_the_store_before_anything_else(tmp_path: Path) -> None:
    async def story() -> None:
        here = NodeHere(tmp_path / "node")
        again = as_after_a_kill(here, tmp_path / "copy")
        assert again.node._hosts[CHAIN].ledger.state.root == new_ledger().state.root
        again.close()
        here.close()

    run(story())


def lose_log(folder: Path) -> None:
    """The log's files are gone, the store is not."""
    for path in (folder / "data").glob("log-*.seg"):
        path.unlink()


def test_a_lost_log_is_not_taken_for_a_new_one_and_no_restart_makes_up_for_it(tmp_path: Path) -> None:
    async def story() -> None:
        folder = tmp_path / "node"
        here = NodeHere(folder)
        assert not any(host.replica.abstains for host in here.node._hosts.values())
        here.close()
        lose_log(folder)
        for _ in range(2):
            here = NodeHere(folder)
            assert all(host.replica.abstains for host in here.node._hosts.values())
            assert not any(host.chain_head().signs for host in here.node._hosts.values())
            here.close()

    run(story())


def test_a_node_that_has_forgotten_is_told_by_its_operator_to_sign_and_that_serves_one_start(tmp_path: Path) -> None:
    async def story() -> None:
        folder = tmp_path / "node"
        NodeHere(folder).close()
        lose_log(folder)
        NodeHere(folder).close()
        (folder / "data" / MAY_SIGN).touch()
        here = NodeHere(folder)
        assert not any(host.replica.abstains for host in here.node._hosts.values())
        assert not (folder / "data" / MAY_SIGN).exists()
        here.close()
        here = NodeHere(folder)
        assert not any(host.replica.abstains for host in here.node._hosts.values())
        here.close()
        lose_log(folder)
        here = NodeHere(folder)
        assert all(host.replica.abstains for host in here.node._hosts.values())
        here.close()

    run(story())


def test_a_replica_that_may_sign_again_or_not_writes_that_down_at_once(tmp_path: Path) -> None:
    async def story() -> None:
        folder = tmp_path / "node"
        here = NodeHere(folder)
        here.node._sign_state_changed("nanjing", False)
        here.close()
        here = NodeHere(folder)
        assert [host.replica.abstains for host in here.node._hosts.values()] == [True, False]
        here.node._sign_state_changed("nanjing", True)
        here.close()
        here = NodeHere(folder)
        assert not any(host.replica.abstains for host in here.node._hosts.values())
        here.close()

    run(story())


def full(*_arguments: object, **_options: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_stops_the_node_with_one_sentence_and_no_vote_goes_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        here = NodeHere(tmp_path / "node")
        sent: list[object] = []
        monkeypatch.setattr(here.node._peers, "broadcast", sent.append)
        monkeypatch.setattr(journal, "_write_all", full)
        await fed(here, slice(6))
        await asyncio.sleep(0)
        assert here.node._stopped.is_set()
        assert here.node._exit_code == 2
        assert here.notes == [
            f"cannot write to {here.node._settings.data}: the disk is full; make room and start the node again"
        ]
        await fed(here)
        assert [frame for frame in sent if not isinstance(frame, Heads)] == []
        here.close()

    run(story())


def test_a_log_that_cannot_be_cut_or_a_store_that_cannot_be_flushed_stops_the_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken_put(store: DiskStore, changes: dict) -> None:
        raise lmdb.DiskError(f"mdb_txn_commit: {os.strerror(errno.ENOSPC)}")

    def broken_drop(log: journal.DiskJournal, numbers: list[int]) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    async def story() -> None:
        for number, (where, what, value, why) in enumerate(
            (
                (journal, "_write_all", full, "the disk is full; make room"),
                (DiskStore, "_put", broken_put, "the disk is full; make room"),
                (journal.DiskJournal, "drop_segments", broken_drop, "Read-only file system; put that right"),
            )
        ):
            here = NodeHere(tmp_path / f"node-{number}")
            await fed(here)
            with monkeypatch.context() as patched:
                patched.setattr(where, what, value)
                here.node._last_flush = 0
                here.node._flush_if_due(here.node._loop.time())
                await until(here.node._stopped.is_set)
            assert why in here.notes[-1]
            assert here.node._exit_code == 2
            here.node._flushed(None, [], [])  # what comes later changes nothing
            here.close()

    run(story())


def test_a_node_that_cannot_tick_stops_instead_of_looking_alive(tmp_path: Path) -> None:
    async def story() -> None:
        here = NodeHere(tmp_path / "node")

        async def fails() -> None:
            raise KeyError("a fault of ours")

        ticking = asyncio.get_running_loop().create_task(fails())
        await asyncio.wait([ticking])
        with pytest.raises(KeyError):
            here.node._no_longer_ticking(ticking)
        assert (here.node._stopped.is_set(), here.node._exit_code) == (True, 1)
        here.close()

    run(story())


def test_what_is_said_of_chains_that_the_node_does_not_have_is_ignored(tmp_path: Path) -> None:
    async def story() -> None:
        here = NodeHere(tmp_path / "node")
        link, _ = here.peer(0)
        hear(link, encode(Blocks(chain_id="atlantis", blocks=())))
        assert link.open
        assert here.notes == []
        here.close()

    run(story())


def test_a_peer_that_does_not_read_is_not_served_blocks(tmp_path: Path) -> None:
    async def story() -> None:
        here = NodeHere(tmp_path / "node")
        await fed(here)
        link, _ = here.peer(3)
        dialled = here.node._peers._links[3]
        sent = dialled._transport.sent
        sent.clear()
        dialled.paused = True
        for _ in range(100):
            hear(link, encode(Fetch(chain_id=CHAIN, start=1)))
        assert sent == []
        dialled.paused = False
        hear(link, encode(Fetch(chain_id=CHAIN, start=1)))
        (answer,) = sent
        blocks = decode(answer, PeerFrame)
        assert isinstance(blocks, Blocks)
        assert len(blocks.blocks) == BLOCKS
        del here.node._peers._links[3]
        hear(link, encode(Fetch(chain_id=CHAIN, start=1)))
        assert len(sent) == 1
        here.close()

    run(story())


def test_words_to_nobody_do_not_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def write(self, _text: str) -> None:
            raise BrokenPipeError

        def flush(self) -> None:
            raise BrokenPipeError

    async def story() -> None:
        here = NodeHere(tmp_path / "node")
        del here.node._note
        here.node._unsaid = None
        monkeypatch.setattr(sys, "stderr", Broken())
        here.node._note("", "anybody there?")
        monkeypatch.undo()
        here.close()

    run(story())


def test_every_reason_not_to_start_is_one_line_and_a_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "net"
    make_network(folder, local_addresses(4, 23_000))
    node = folder / "nodes" / "beijing"

    def refuse(_folder: Path) -> None:
        raise SettingsInvalid("the reason")

    assert main(node, refuse) == 2  # type: ignore[arg-type]
    assert capsys.readouterr().err == "the reason\n"
    assert main(tmp_path / "nowhere", load_settings) == 2
    assert "cannot read the node's folder" in capsys.readouterr().err
    (node / "tls.key").write_text("no key")
    assert main(node, load_settings) == 2
    said = capsys.readouterr().err
    assert f"cannot start the node in {node}" in said
    assert said.count("\n") == 1
    monkeypatch.setattr(Path, "mkdir", full)
    assert main(node, load_settings) == 2
    assert (
        capsys.readouterr().err == f"cannot start the node in {node}: the disk is full; make room and start it again\n"
    )
