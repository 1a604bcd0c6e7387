"""A machine that outlives its processes, and one life of a replica on it: the counterpart of `node.process`.

Every call that a process makes into the world passes a hook, and any of them may be its last.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Final

from chain.codec import decode
from chain.genesis import Genesis
from chain.membership import Membership
from chain.quorum import QuorumCertificate
from chain.rpc import Hello
from chain.rules import ChainRules
from node.consensus.messages import Envelope
from node.execution import Executed
from node.host import Host
from node.ledger import Ledger
from node.mempool import Checked, Refusal
from node.network.frames import (
    ConsensusFrame,
    Heads,
    PeerFrame,
    Relay,
    relays,
)
from node.ports import Ports
from node.recovery import Recovery
from node.storage.interface import LogRecord
from simulation.clock import MILLISECOND_US, SECOND_US, Clock, LocalClock
from simulation.disk import Disk, SimulatedJournal, SimulatedStore
from simulation.signatures import Sign

FLUSH_US: Final = 20_000
CALLS: Final = ("append", "sync", "told", "send", "committed", "segment", "flush", "drop")
"""The kinds of call that a process makes into the world."""


class Crashed(Exception):
    """The process dies at this call."""


class Behaviour:
    """What a replica makes of what it says and hears. This one is honest: it changes nothing."""

    def outgoing(self, process: "Process", peer: int, frame: PeerFrame) -> tuple[PeerFrame, ...]:
        """What really leaves for the replica at `peer`."""
        del process, peer
        return (frame,)

    def incoming(self, process: "Process", sender: int, frame: PeerFrame) -> tuple[PeerFrame, ...]:
        """What its host really hears."""
        del process, sender
        return (frame,)

    def ticked(self, process: "Process") -> None:
        """What it does unasked, once a tick."""


HONEST = Behaviour()


@dataclass(slots=True)
class Doom:
    """How many more calls into the world a process makes before it dies: calls of that kind, or any."""

    calls: int
    call: str = ""


@dataclass(slots=True)
class Machine:
    """One place's machine: a disk, a clock, a key. Twins are two machines of one place."""

    number: int
    place: int
    name: str
    disk: Disk
    clock: LocalClock
    public_key: bytes
    sign: Sign
    random: Random
    behaviour: Behaviour = HONEST
    honest: bool = True
    process: "Process | None" = None
    doom: "Doom | None" = None
    died_at: set[str] = field(default_factory=set)
    """The kinds of call at which a process died here."""
    sync_us: int = 1_000
    paused: bool = False
    backlog: list[tuple["Process", Callable[[], None]]] = field(default_factory=list)
    """What a paused process will find when it goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What surrounds a process: time, the network, and who looks on."""

    clock: Clock
    rules: ChainRules
    genesis: Genesis
    membership: Membership
    nodes: tuple[str, ...]
    flush_us: int
    history: int
    """How many blocks are kept whole at least."""
    post: Callable[[Machine, int, PeerFrame], None]
    """A frame leaves a machine for a place."""
    connected: Callable[[Machine], frozenset[int]]
    act: Callable[["Process", Callable[[], None]], None]
    """Let a process do something, if it still lives; it may die of it."""
    cast: Callable[[Machine, Envelope], None]
    """An honest replica lets a message of its own out."""
    committed: Callable[[Machine, Executed, QuorumCertificate], None]
    installed: Callable[[Machine], None]
    """A ledger has jumped to a snapshot."""
    note: Callable[[Machine, str], None]


class Process:
    """One life: it begins with recovery and ends with a crash."""

    def __init__(self, machine: Machine, world: World) -> None:
        self.machine = machine
        self.world = world
        self.journal = SimulatedJournal(machine.disk, self.hook, self._schedule_sync)
        self.store = SimulatedStore(machine.disk)
        self.host = self._recovered()
        self.installed = 0
        """The height of the last snapshot that was taken from others."""
        self._ticks = 0
        self._flushing = False
        self._flushed_us = world.clock.now_us
        self._connected: frozenset[int] | None = None

    def go_on(self) -> None:
        """The replica goes on where it stood, and ticks begin."""
        self.host.resume()
        phase = self.machine.random.randrange(self.host.rules.profile.tick_ms) * MILLISECOND_US
        self.later(phase, self._tick)

    def hook(self, what: str) -> None:
        """Every call into the world passes here."""
        doom = self.machine.doom
        if doom is not None and (not doom.call or doom.call == what):
            doom.calls -= 1
            if doom.calls < 0:
                self.machine.doom = None
                self.machine.died_at.add(what)
                raise Crashed

    def later(self, delay_us: int, act: Callable[[], None]) -> None:
        """Do something in a while, if this process lives then."""
        self.world.clock.after(delay_us, partial(self.world.act, self, act))

    def hear(self, sender: int, frame: PeerFrame) -> None:
        """A frame of the replica at `sender` arrives."""
        if self.machine.behaviour is HONEST:
            self._dispatch(sender, frame)
            return
        for heard in self.machine.behaviour.incoming(self, sender, frame):
            self._dispatch(sender, heard)

    def submit(self, raw: bytes) -> Checked | Refusal:
        """A caller gives a transaction; it is passed to all."""
        outcome = self.host.admit(raw, local=True)
        if isinstance(outcome, Checked):
            for relay in relays(self.world.rules.chain_id, [raw]):
                self._broadcast(relay)
            self.host.requests_admitted()
        return outcome

    def linked(self, peer: int) -> None:
        """A link is new: say how far this replica is, and what the peer may have missed."""
        self._connected = None
        self._send(peer, self._heads())
        self.host.peer_connected(peer)

    def unlinked(self, peer: int, *, gone: bool) -> None:
        """A link broke; `gone` if it was the last one to that place."""
        self._connected = None
        if gone:
            self.host.peer_lost(peer)

    def say(self, peer: int, frame: PeerFrame) -> None:
        """Put a frame on the way, whatever the behaviour would make of it."""
        self.world.post(self.machine, peer, frame)

    # ---- inside ----

    def _recovered(self) -> Host:
        machine, world = self.machine, self.world
        disk = machine.disk
        disk.judge()
        ledger = Ledger(world.rules, world.genesis, self.store, history=world.history)
        recovery = Recovery(ledger)
        for data in disk.replay():
            recovery.take(decode(data, LogRecord))  # type: ignore[arg-type] # a union is no type to mypy
        host = Host(
            ledger=ledger,
            key=machine.public_key,
            nodes=world.nodes,
            primary_offset=0,
            ports=self._ports(),
            taken_back=recovery.finish(),
            abstains=disk.abstains,
        )
        older = self.journal.start_segment(host.carried())
        self.store.flush()
        self.hook("flush")
        self.store.flushed()
        self.journal.drop_segments(older)
        disk.may_sign = False
        return host

    def _ports(self) -> Ports:
        machine, world = self.machine, self.world
        return Ports(
            journal=self.journal,
            broadcast=self._broadcast,
            send=self._send,
            connected=self._peers,
            sign=machine.sign,
            now=machine.clock.now_ms,
            committed=self._committed,
            signs=self._signs,
            flush=self._install,
            note=lambda _, sentence: world.note(machine, sentence),
        )

    def _peers(self) -> frozenset[int]:
        if self._connected is None:
            self._connected = self.world.connected(self.machine)
        return self._connected

    def _broadcast(self, frame: PeerFrame) -> None:
        self._check_cast(frame)
        for peer in sorted(self._peers()):
            self._let_out(peer, frame)

    def _send(self, peer: int, frame: PeerFrame) -> None:
        self._check_cast(frame)
        self._let_out(peer, frame)

    def _check_cast(self, frame: PeerFrame) -> None:
        if isinstance(frame, ConsensusFrame) and frame.envelope.signer == self.machine.place and self.machine.honest:
            self.world.cast(self.machine, frame.envelope)

    def _let_out(self, peer: int, frame: PeerFrame) -> None:
        self.hook("send")
        if self.machine.behaviour is HONEST:
            self.world.post(self.machine, peer, frame)
            return
        for said in self.machine.behaviour.outgoing(self, peer, frame):
            self.world.post(self.machine, peer, said)

    def _committed(self, _chain_id: str, executed: Executed, certificate: QuorumCertificate) -> None:
        self.hook("committed")
        self.world.committed(self.machine, executed, certificate)

    def _signs(self, _chain_id: str, signs: bool) -> None:  # noqa: FBT001 - a callback
        self.hook("signs")
        self.machine.disk.abstains = not signs

    def _dispatch(self, sender: int, frame: PeerFrame) -> None:
        host = self.host
        match frame:
            case Relay(transactions=transactions, urgent=False):
                for raw in transactions:
                    host.admit(raw, local=False)
                host.requests_admitted()
            case Heads(heads=heads):
                for head in heads:
                    host.peer_head(sender, head)
            case Hello():
                pass
            case _:
                host.hear(sender, frame)

    def _heads(self) -> Heads:
        return Heads(heads=(self.host.chain_head(),))

    def _schedule_sync(self, sync: Callable[[], None]) -> None:
        self.later(self.machine.sync_us, sync)

    def _tick(self) -> None:
        """As `node.process` ticks: the host, once a second the heads and what has expired, now and then a flush."""
        tick_us = self.host.rules.profile.tick_ms * MILLISECOND_US
        self.later(tick_us, self._tick)
        self._ticks += 1
        self.host.tick()
        self.machine.behaviour.ticked(self)
        if self._ticks * tick_us % SECOND_US < tick_us:
            self._broadcast(self._heads())
            self.host.expire(self.machine.clock.now_ms())
        self._flush_if_due()

    def _flush_if_due(self) -> None:
        now = self.world.clock.now_us
        if self._flushing or not self.store.buffered or now - self._flushed_us < self.world.flush_us:
            return
        self._flushed_us = now
        older = self.journal.start_segment(self.host.carried())
        self._flush(lambda: self.journal.drop_segments(older))

    def _install(self, then: Callable[[], None]) -> None:
        """The ledger stands at a snapshot."""
        self.installed = self.host.ledger.height
        self.world.installed(self.machine)
        self._flush(then)

    def _flush(self, then: Callable[[], None]) -> None:
        """One flush after the other: it takes a while, and is durable all at once."""
        if self._flushing:
            self.later(FLUSH_US, lambda: self._flush(then))
            return
        self.store.flush()
        self._flushing = True
        self.later(FLUSH_US, lambda: self._flushed(then))

    def _flushed(self, then: Callable[[], None]) -> None:
        self.hook("flush")
        self.store.flushed()
        self._flushing = False
        then()
