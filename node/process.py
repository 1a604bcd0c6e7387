"""The composition root: one operating-system process that hosts one replica of every chain of the network.

One log and one store serve all chains. Records appended in one turn of the loop share one sync; the store is
flushed behind them, and then the log is cut.
"""

import asyncio
import errno
import fcntl
import gc
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from chain.codec import CodecMalformed, decode, encode
from chain.framing import PROTOCOL_VERSION
from chain.profiles import load_profiles
from chain.quorum import QuorumCertificate, consensus_verify
from chain.rpc import Hello
from chain.rules import ChainRules
from chain.signatures import KeyPair, SchemeName, scheme
from node.consensus.messages import Authenticated
from node.execution import Executed
from node.host import Host, Ports
from node.ledger import Ledger, LedgerMismatch
from node.network.frames import Blocks, ConsensusFrame, Fetch, Heads, PeerFrame, Relay
from node.network.link import Link
from node.network.peers import Peers
from node.network.tls import LinkRole, client_context, identify, server_context
from node.rpc_server import RpcServer
from node.settings import Settings, SettingsInvalid
from node.storage.disk import DiskStore, StoreUnusable
from node.storage.interface import LogRecord
from node.storage.journal import DiskJournal, LogDamaged
from node.storage.memory import ChainStore

HEADS_INTERVAL_S: Final = 1.0
FLUSH_INTERVAL_S: Final = 3.0
FLUSH_KEYS: Final = 100_000
EXIT_UNUSABLE: Final = 2


class Node:
    """One process. `run` returns when it is told to stop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._genesis = settings.genesis
        self._membership = settings.genesis.membership
        self._own = settings.replica_id
        self._key = _own_key(settings)
        self._loop = asyncio.get_running_loop()
        self._stopped = asyncio.Event()
        self._exit_code = 0
        settings.data.mkdir(parents=True, exist_ok=True)
        self._lock = _lock_folder(settings.data)
        self._store = DiskStore(settings.data / "store")
        self._journal = DiskJournal(settings.data, self._loop.call_soon, self._cannot_write)
        self._peers = self._make_peers()
        self._hosts = self._make_hosts()
        self._rpc = RpcServer(
            replica_id=self._own,
            membership=self._membership,
            hosts=self._hosts,
            connected=lambda: self._peers.connected,
            relay=lambda chain_id, raws: self._peers.broadcast(Relay(chain_id=chain_id, transactions=raws)),
            schedule=self._loop.call_soon,
        )
        self._last_flush = self._loop.time()

    async def run(self) -> int:
        """Recover, listen, dial, tick; the exit code."""
        self._recover()
        gc.freeze()  # the collector's pauses over a large state would look like a dead primary
        gc.set_threshold(50_000, 20, 50)
        server = await self._listen()
        self._peers.start()
        for name in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(name, self._stopped.set)
        ticking = self._loop.create_task(self._tick_for_ever())
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
            own=self._own,
            membership=self._membership,
            network_id=self._genesis.network_id,
            addresses=self._settings.peers,
            context=client_context(self._settings.folder),
            received=self._from_peer,
            changed=self._peer_changed,
            note=lambda sentence: self._note("", sentence),
        )

    def _make_hosts(self) -> dict[str, Host]:
        hosts = {}
        profiles = load_profiles()
        for number, section in enumerate(self._genesis.document.chains):
            profile = profiles.get(section.chain_id)
            if profile is None or profile.digest().hex() != section.profile:
                raise SettingsInvalid(
                    f"this program's profile of {section.chain_id} is not the one in the genesis document; "
                    "use the program version that made the network"
                )
            rules = ChainRules.of(self._genesis.network_id, profile)
            store = ChainStore(self._store, bytes([number]))
            hosts[section.chain_id] = Host(
                ledger=Ledger(rules, self._genesis, store),
                membership=self._membership,
                replica_id=self._own,
                primary_offset=section.primary_offset,
                ports=self._ports(),
            )
        return hosts

    def _ports(self) -> Ports:
        return Ports(
            journal=self._journal,
            broadcast=self._peers.broadcast,
            send=self._peers.send,
            connected=lambda: self._peers.connected,
            sign=self._key.sign,
            verify=consensus_verify,
            now=_now_ms,
            committed=self._committed,
            note=self._note,
        )

    def _recover(self) -> None:
        """Replay the log onto the store, and go on in a new segment."""
        kept: dict[str, dict[bytes, Authenticated]] = {chain_id: {} for chain_id in self._hosts}
        for data in self._journal.replay():
            record: LogRecord = decode(data, LogRecord)  # type: ignore[arg-type]
            self._hosts[record.chain_id].replay(record, kept[record.chain_id])
        resumed = [(host, kept[chain_id]) for chain_id, host in self._hosts.items()]
        for host, messages in resumed:
            host.take_back(messages)
        older = self._journal.start_segment(self._carried())
        self._store.flush(lambda problem: None)
        self._store.flushed()
        self._journal.drop_segments(older)
        for host, _ in resumed:
            host.resume()

    def _carried(self) -> list[bytes]:
        return [record for host in self._hosts.values() for record in host.carried()]

    async def _listen(self) -> asyncio.Server:
        context = server_context(self._settings.folder)
        note = lambda sentence: self._note("", sentence)  # noqa: E731
        return await self._loop.create_server(
            lambda: Link(opened=lambda link: None, received=self._first_frame, closed=lambda link: None, note=note),
            self._settings.host,
            self._settings.port,
            ssl=context,
        )

    def _first_frame(self, link: Link, body: bytes) -> None:
        """Who is it? The pin decides for replicas, the key usage for callers."""
        identity = identify(link.certificate, self._membership)
        hello = decode(body, Hello)
        own = Hello(version=PROTOCOL_VERSION, network_id=self._genesis.network_id, speaker=self._own)
        link.send(encode(own))
        if (hello.version, hello.network_id) != (own.version, own.network_id):
            self._note("", f"closed a link: protocol version {hello.version} or network differs from ours")
            link.close()
        elif identity.replica is not None and identity.replica == hello.speaker:
            peer = identity.replica
            link.hand_over(lambda _, frame: self._peers.accept(peer, frame), lambda _: None)
        elif LinkRole.GATEWAY in identity.roles or LinkRole.RELAYER in identity.roles:
            link.hand_over(self._rpc.receive, self._rpc.closed)
        else:
            self._note("", "closed a link: its certificate is neither a replica's pinned key nor a caller's")
            link.close()

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
            case ConsensusFrame(envelope=envelope):
                host.receive(envelope)
            case Relay(transactions=transactions):
                self._rpc.relayed(host, transactions)
            case Fetch():
                host.serve(peer, record)
            case Blocks():
                host.fetched(peer, record)

    def _peer_changed(self, peer: int, up: bool) -> None:  # noqa: FBT001
        self._note("", f"replica {peer} {'connected' if up else 'lost'}")
        if up:
            self._peers.send(peer, self._heads())
        for host in self._hosts.values():
            if up:
                host.peer_connected(peer)
            else:
                host.peer_lost(peer)

    def _committed(self, host: Host, executed: Executed, certificate: QuorumCertificate) -> None:
        self._rpc.committed(host, executed, certificate)

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
                for host in self._hosts.values():
                    if len(host.pool):
                        self._rpc.expired(host, _now_ms())
            self._flush_if_due(now)

    def _flush_if_due(self, now: float) -> None:
        """Move what the log holds into the store, then cut the log; an idle node does nothing here."""
        due = now - self._last_flush >= FLUSH_INTERVAL_S or self._store.buffered >= FLUSH_KEYS
        if self._store.busy or not self._store.buffered or not due:
            return
        self._last_flush = now
        older = self._journal.start_segment(self._carried())

        def done(problem: BaseException | None) -> None:
            self._loop.call_soon_threadsafe(self._flushed, problem, older)

        self._store.flush(done)

    def _flushed(self, problem: BaseException | None, older: list[int]) -> None:
        self._store.flushed()
        if problem is not None:
            self._cannot_write(problem)
            return
        self._journal.drop_segments(older)

    def _cannot_write(self, problem: BaseException) -> None:
        """What cannot be made durable must not be promised: stop."""
        full = isinstance(problem, OSError) and problem.errno == errno.ENOSPC
        cause = "the disk is full; make room" if full else f"{problem}; look at the disk"
        self._note("", f"cannot write to {self._settings.data}: {cause} and start the node again")
        self._exit_code = EXIT_UNUSABLE
        self._stopped.set()

    def _note(self, chain_id: str, sentence: str) -> None:
        where = f"{chain_id}: " if chain_id else ""
        name = self._membership.replicas[self._own].name
        print(f"{time.strftime('%H:%M:%S')} {name} {where}{sentence}", file=sys.stderr, flush=True)  # noqa: T201


def main(folder: Path, load: Callable[[Path], Settings]) -> int:
    """Run the node in `folder`; an exit code other than 0 comes with one line that says why."""
    if not __debug__:
        print("a node does not run under python -O: its own checks must stay on", file=sys.stderr)  # noqa: T201
        return EXIT_UNUSABLE

    async def run() -> int:
        return await Node(load(folder)).run()

    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(run())
    except (SettingsInvalid, LedgerMismatch, StoreUnusable, LogDamaged, CodecMalformed) as problem:
        print(problem, file=sys.stderr)  # noqa: T201
    except OSError as problem:
        print(f"cannot start the node in {folder}: {problem}", file=sys.stderr)  # noqa: T201
    return EXIT_UNUSABLE


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        import uvloop  # noqa: PLC0415 - has no wheel everywhere
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


def _own_key(settings: Settings) -> KeyPair:
    key = scheme(SchemeName.ED25519).key_pair(settings.consensus_seed)
    if key.public_key != settings.genesis.membership.key(settings.replica_id):
        raise SettingsInvalid(f"{settings.folder / 'consensus.key'} is not the key of this replica in the genesis document")
    return key


def _lock_folder(data: Path) -> object:
    """Two processes with one key would sign two different votes: refuse the second."""
    handle = (data / "lock").open("w")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise SettingsInvalid(f"another node runs in {data}; stop it first") from None
    return handle


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
