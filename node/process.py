"""The composition root: one operating-system process that hosts one replica of every chain of the network.

One log and one store serve all chains. Records appended in one turn of the loop share one sync; the store is
flushed behind them, and then the log is cut.
"""

import asyncio
import contextlib
import errno
import fcntl
import gc
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from chain.codec import CodecMalformed, decode
from chain.errors import ChainError
from chain.profile import ChainProfile
from chain.profiles import load_profiles
from chain.quorum import QuorumCertificate
from chain.rpc import Hello
from chain.rules import ChainRules
from contracts.membership import current_memberships
from node.execution import Executed
from node.host import Host
from node.ledger import Ledger, LedgerMismatch
from node.members import Members
from node.network.directory import Directory
from node.network.frames import (
    Fetch,
    FetchChunk,
    FetchSnapshot,
    Heads,
    PeerFrame,
    Relay,
    relays,
)
from node.network.peers import Peers
from node.network.reception import Reception
from node.network.tls import client_context, server_context
from node.ports import Ports
from node.recovery import Recovery
from node.rpc_server import RpcServer
from node.settings import Settings, SettingsInvalid, check_place, read_node_file
from node.sign_state import MAY_SIGN, SignState
from node.storage.disk import DiskStore, StoreUnusable
from node.storage.footprint import share_one_heap
from node.storage.interface import LogDamaged, LoggedMessage, LogRecord
from node.storage.journal import DiskJournal
from node.storage.memory import ChainStore
from node.timers import timer_fault

HANDSHAKE_S: Final = 5
HEADS_INTERVAL_S: Final = 1.0
FLUSH_INTERVAL_S: Final = 3.0
FLUSH_KEYS: Final = 20_000
"""The store's pages that a flush changes stand in memory meanwhile, 4 kB for each key in a large state."""
SEGMENT_BYTES_MAX: Final = 256_000_000
"""What one segment may hold while the store has nothing to flush: messages that no block takes the place of."""
EXIT_UNUSABLE: Final = 2


class Node:
    """One process. `run` returns when it is told to stop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._genesis = settings.genesis
        self._directory = Directory(settings.genesis.membership, settings.name)
        self._unsaid: list[tuple[str, str]] | None = []
        """What is to be said once the node has started."""
        self._members = Members(self._directory, settings.consensus_key.public_key, self._note)
        self._loop = asyncio.get_running_loop()
        self._stopped = asyncio.Event()
        self._exit_code = 0
        self._waiting: list[Callable[[], None]] = []
        """Who waits for the next flush to be over."""
        settings.data.mkdir(parents=True, exist_ok=True)
        self._lock = _lock_folder(settings.data)
        self._store = DiskStore(settings.data / "store")
        self._journal = DiskJournal(settings.data, self._loop.call_soon, self._cannot_write)
        self._signs = SignState(settings.data)
        self._peers = self._make_peers()
        self._hosts = self._recovered_hosts()
        self._rpc = RpcServer(
            name=settings.name,
            hosts=self._hosts,
            connected=lambda: tuple(self._directory.names[peer] for peer in sorted(self._peers.connected)),
            relay=self._relay,
            schedule=self._loop.call_soon,
        )
        self._last_flush = self._loop.time()

    async def run(self) -> int:
        """Go on, listen, dial, tick; the exit code."""
        self._store.fail = self._cannot_read  # until now whoever makes the node is told
        for host in self._hosts.values():
            host.resume()
        gc.freeze()  # the collector's pauses over a large state would look like a dead primary
        gc.set_threshold(50_000, 20, 50)
        server = await self._listen()
        notes, self._unsaid = self._unsaid or [], None
        for chain_id, sentence in notes:
            self._note(chain_id, sentence)
        self._peers.start()
        for name in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(name, self._stopped.set)
        self._loop.add_signal_handler(signal.SIGHUP, self._read_addresses)
        ticking = self._loop.create_task(self._tick_for_ever())
        ticking.add_done_callback(self._no_longer_ticking)
        self._note("", f"ready on {self._settings.host}:{self._settings.port}")
        await self._stopped.wait()
        ticking.cancel()
        server.close()
        self._peers.stop()
        self._journal.close()
        self._store.close()
        return self._exit_code

    def _make_peers(self) -> Peers:
        return Peers(
            directory=self._directory,
            network_id=self._genesis.network_id,
            addresses=self._settings.peers,
            context=client_context(self._settings.folder),
            received=self._from_peer,
            changed=self._peer_changed,
            note=lambda sentence: self._note("", sentence),
        )

    def _make_ledgers(self) -> dict[str, Ledger]:
        ledgers = {}
        profiles = self._profiles()
        for number, chain_id in enumerate(profiles):
            rules = ChainRules.of_network(self._genesis.network_id, profiles, chain_id)
            store = ChainStore(self._store, bytes([number]))
            try:
                ledgers[chain_id] = Ledger(rules, self._genesis, store, history=self._settings.history)
            except LedgerMismatch as mismatch:
                raise SettingsInvalid(f"{self._settings.data}: {mismatch}") from None
        return ledgers

    def _profiles(self) -> dict[str, ChainProfile]:
        """The profiles of the genesis document's chains, in its order."""
        sections, known = self._genesis.document.chains, load_profiles()
        profiles = {section.chain_id: known[section.chain_id] for section in sections if section.chain_id in known}
        fault = timer_fault(profiles.values())
        if fault:
            raise SettingsInvalid(f"the profiles of the chains do not go together: {fault}")
        for section in sections:
            profile = profiles.get(section.chain_id)
            if profile is None or profile.digest().hex() != section.profile:
                raise SettingsInvalid(
                    f"this program's profile of {section.chain_id} is not the one in the genesis document; "
                    "use the program version that made the network"
                )
        return profiles

    def _look_at_membership(self, *hosts: Host) -> bool:
        """Whoever is in a set on a chain is known; whether there are others than before."""
        looked = [
            self._members.look(host.rules.chain_id, current_memberships(host.ledger.state), host.ledger.height)
            for host in hosts
        ]
        return any(looked)

    def _meet(self, *hosts: Host) -> None:
        """Dial whoever is new."""
        if self._look_at_membership(*hosts):
            self._peers.start()

    def _read_addresses(self) -> None:
        """SIGHUP: `peers` of `node.json` is another one."""
        try:
            self._peers.readdress(read_node_file(self._settings.folder).peers)
            self._note("", "has read the addresses of its peers again")
        except (OSError, msgspec.MsgspecError) as problem:
            self._note(
                "", f"cannot read {self._settings.folder / 'node.json'}: {problem}; the addresses stay as they were"
            )

    def _recovered_hosts(self) -> dict[str, Host]:
        """Replay the log onto the store, flush, and go on in a new segment."""
        ledgers = self._make_ledgers()
        self._judge_log(tuple(ledgers))
        recoveries = {chain_id: Recovery(ledger) for chain_id, ledger in ledgers.items()}
        for data in self._journal.replay():
            record = _log_record(data)
            if record.chain_id not in recoveries:
                raise LogDamaged(f"the log speaks of {record.chain_id}, a chain of another network; use its own folder")
            recoveries[record.chain_id].take(record)
        hosts = {
            chain_id: self._make_host(ledgers[chain_id], recovery.finish()) for chain_id, recovery in recoveries.items()
        }
        self._look_at_membership(*hosts.values())
        check_place(self._settings, self._members.known(self._genesis.membership))
        older = self._journal.start_segment(_carried(hosts))
        self._store.flush_now()
        self._journal.drop_segments(older)
        if self._signs.may_sign:
            self._say("", f"{self._settings.data / MAY_SIGN} is there: the replicas sign whatever they signed before")
        self._signs.use_up()
        return hosts

    def _judge_log(self, chain_ids: tuple[str, ...]) -> None:
        """Without its log a replica does not know what it has signed, unless somebody answers for this start."""
        if self._signs.may_sign:
            self._signs.knows(*chain_ids)
        elif self._journal.empty:
            self._signs.forgot(*chain_ids)
        abstaining = [chain_id for chain_id in chain_ids if self._signs.abstains(chain_id)]
        if abstaining:
            self._note(
                "",
                f"what this node has signed on {', '.join(abstaining)} is not in {self._settings.data}: it follows and "
                "answers reads, and signs again once each chain has passed what it may have signed",
            )

    def _make_host(self, ledger: Ledger, taken_back: tuple[LoggedMessage, ...]) -> Host:
        section = self._genesis.section(ledger.rules.chain_id)
        assert section is not None
        return Host(
            ledger=ledger,
            key=self._settings.consensus_key.public_key,
            nodes=self._directory.names,
            primary_offset=section.primary_offset,
            ports=self._ports(),
            taken_back=taken_back,
            abstains=self._signs.abstains(ledger.rules.chain_id),
        )

    def _ports(self) -> Ports:
        return Ports(
            journal=self._journal,
            broadcast=self._peers.broadcast,
            send=self._peers.send,
            connected=lambda: self._peers.connected,
            sign=self._settings.consensus_key.sign,
            now=_now_ms,
            committed=self._committed,
            signs=self._sign_state_changed,
            flush=self._when_durable,
            note=self._note,
        )

    async def _listen(self) -> asyncio.Server:
        reception = Reception(
            directory=self._directory,
            network_id=self._genesis.network_id,
            to_peer=self._peers.accept,
            to_caller=lambda link: link.hand_over(self._rpc.receive, self._rpc.closed),
            note=lambda sentence: self._note("", sentence),
        )
        host, port = self._settings.host, self._settings.port
        context = server_context(self._settings.folder)
        try:
            return await self._loop.create_server(
                reception.link, host, port, ssl=context, ssl_handshake_timeout=HANDSHAKE_S
            )
        except OSError as problem:
            if problem.errno != errno.EADDRINUSE:
                raise
            raise SettingsInvalid(
                f"port {port} of {host} is in use; stop what listens there, or choose another by CERTNET_PORT"
            ) from None

    def _committed(self, chain_id: str, executed: Executed, certificate: QuorumCertificate) -> None:
        self._rpc.committed(self._hosts[chain_id], executed, certificate)

    def _sign_state_changed(self, chain_id: str, signs: bool) -> None:  # noqa: FBT001 - a callback
        (self._signs.knows if signs else self._signs.forgot)(chain_id)

    def _relay(self, chain_id: str, transactions: tuple[bytes, ...]) -> None:
        for relay in relays(chain_id, transactions):
            self._peers.broadcast(relay)

    def _from_peer(self, peer: int, record: PeerFrame) -> None:
        if isinstance(record, Heads):
            for head in record.heads:
                if head.chain_id in self._hosts:
                    self._hosts[head.chain_id].peer_head(peer, head)
            return
        if isinstance(record, Hello) or record.chain_id not in self._hosts:
            return
        host = self._hosts[record.chain_id]
        match record:
            case Relay(transactions=transactions, urgent=False):
                self._rpc.relayed(host, peer, transactions)
            case Fetch() | FetchSnapshot() | FetchChunk() if not self._peers.reads(peer):
                pass  # a large answer would pile up
            case _:
                host.hear(peer, record)

    def _peer_changed(self, peer: int, up: bool) -> None:  # noqa: FBT001 - a callback
        self._note("", f"{self._directory.names[peer]} {'connected' if up else 'lost'}")
        if up:
            self._peers.send(peer, self._heads())
        for host in self._hosts.values():
            if up:
                host.peer_connected(peer)
            else:
                host.peer_lost(peer)

    def _heads(self) -> Heads:
        return Heads(heads=tuple(host.chain_head() for host in self._hosts.values()))

    async def _tick_for_ever(self) -> None:
        tick_s = min(host.rules.profile.tick_ms for host in self._hosts.values()) / 1_000
        last_heads = 0.0
        while True:
            await asyncio.sleep(tick_s)
            for host in self._hosts.values():
                host.tick()
            now = self._loop.time()
            if now - last_heads >= HEADS_INTERVAL_S:
                last_heads = now
                self._peers.broadcast(self._heads())
                self._meet(*self._hosts.values())
                for host in self._hosts.values():
                    self._rpc.expire(host, _now_ms())
            self._flush_if_due(now)

    def _no_longer_ticking(self, task: asyncio.Task[None]) -> None:
        """Without ticks a node would look alive and do nothing: stop it, and show why."""
        if not task.cancelled():
            self._exit_code = 1
            self._stopped.set()
            task.result()

    def _flush_if_due(self, now: float) -> None:
        """Move what the log holds into the store, then cut the log; an idle node does nothing here.

        A log that grows though nothing is committed is cut as well.
        """
        due = bool(self._waiting) or now - self._last_flush >= FLUSH_INTERVAL_S or self._store.buffered >= FLUSH_KEYS
        nothing = not self._store.buffered
        if self._store.busy or (self._journal.segment_bytes <= SEGMENT_BYTES_MAX if nothing else not due):
            return
        self._last_flush = now
        try:
            older = self._journal.start_segment(_carried(self._hosts))
            if nothing:  # what is committed is in the store, what binds is in the new segment
                self._journal.drop_segments(older)
                return
        except OSError as problem:
            self._cannot_write(problem)
            return

        waiting, self._waiting = self._waiting, []

        def done(problem: Exception | None) -> None:
            self._loop.call_soon_threadsafe(self._flushed, problem, older, waiting)

        self._store.flush(done)

    def _when_durable(self, then: Callable[[], None]) -> None:
        """What is in the store by now will be durable soon: then go on."""
        self._waiting.append(then)

    def _flushed(self, problem: Exception | None, older: list[int], waiting: Sequence[Callable[[], None]] = ()) -> None:
        if self._stopped.is_set():
            return
        if problem is not None:
            self._cannot_write(problem)
            return
        self._store.flushed()
        try:
            self._journal.drop_segments(older)
        except OSError as failure:
            self._cannot_write(failure)
            return
        for then in waiting:
            then()
        if waiting:
            self._meet(*self._hosts.values())

    def _cannot_write(self, problem: Exception) -> None:
        """What cannot be made durable must not be promised: stop."""
        if not self._stopped.is_set():
            self._note("", f"cannot write to {self._settings.data}: {_disk_advice(problem)} and start the node again")
        self._exit_code = EXIT_UNUSABLE
        self._stopped.set()

    def _cannot_read(self, problem: Exception) -> None:
        """A node that does not know its own state must say nothing about it: stop."""
        if not self._stopped.is_set():
            self._note("", str(problem))
        self._exit_code = EXIT_UNUSABLE
        self._stopped.set()

    def _note(self, chain_id: str, sentence: str) -> None:
        """Say it; but whoever cannot start says that alone."""
        if self._unsaid is not None:
            self._unsaid.append((chain_id, sentence))
        else:
            self._say(chain_id, sentence)

    def _say(self, chain_id: str, sentence: str) -> None:
        where = f"{chain_id}: " if chain_id else ""
        name = self._settings.name
        with contextlib.suppress(OSError):  # whoever read our words may be gone
            print(f"{time.strftime('%H:%M:%S')} {name} {where}{sentence}", file=sys.stderr, flush=True)  # noqa: T201


def main(folder: Path, load: Callable[[Path], Settings]) -> int:
    """Run the node in `folder`; an exit code other than 0 comes with one line that says why."""
    if not __debug__:
        print("a node does not run under python -O: its own checks must stay on", file=sys.stderr)  # noqa: T201
        return EXIT_UNUSABLE

    share_one_heap()

    async def run() -> int:
        return await Node(load(folder)).run()

    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(run())
    except (SettingsInvalid, StoreUnusable, LogDamaged, ChainError) as problem:
        print(problem, file=sys.stderr)  # noqa: T201
    except OSError as problem:
        print(f"cannot start the node in {folder}: {_disk_advice(problem)} and start it again", file=sys.stderr)  # noqa: T201
    return EXIT_UNUSABLE


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        import uvloop  # noqa: PLC0415 - has no wheel everywhere
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


def _carried(hosts: dict[str, Host]) -> list[bytes]:
    return [record for host in hosts.values() for record in host.carried()]


def _log_record(data: bytes) -> LogRecord:
    try:
        return decode(data, LogRecord)  # type: ignore[arg-type] # a union is no type to mypy
    except CodecMalformed as problem:
        raise LogDamaged(f"the log holds a record that is {problem}; use the program version that wrote it") from None


def _disk_advice(problem: Exception) -> str:
    full = os.strerror(errno.ENOSPC) in str(problem)  # LMDB has exceptions of its own for it
    return "the disk is full; make room" if full else f"{problem}; put that right"


def _lock_folder(data: Path) -> int:
    """Two processes with one key would sign two different votes: refuse the second. Held until the process ends."""
    handle = os.open(data / "lock", os.O_CREAT | os.O_WRONLY, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SettingsInvalid(f"another node runs in {data}; stop it first") from None
    return handle


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
