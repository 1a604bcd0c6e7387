"""A whole network in one thread: machines, the links between them, and what befalls either."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from random import Random
from typing import Final

from msgspec.structs import replace as with_changes

from chain.codec import decode, encode
from chain.quorum import QuorumCertificate
from chain.rules import ChainRules
from node.consensus.messages import Envelope
from node.execution import Executed
from node.network.frames import ConsensusFrame, PeerFrame
from node.storage.interface import LogDamaged
from simulation.clock import MILLISECOND_US, Clock, LocalClock
from simulation.disk import Disk, DiskFull
from simulation.foundation import CITIES, START_MS, Foundation, found
from simulation.machine import Crashed, Machine, Process, World
from simulation.network import Network, Pair
from simulation.observer import Watch
from simulation.signatures import Signatures
from simulation.swarm import Settings
from simulation.transcript import Transcript

BEGIN_MS: Final = START_MS + 60_000


class Cluster:
    """The world of one run. Machines below `replicas` have the place of their number, twins come after them."""

    def __init__(
        self, settings: Settings, twins: tuple[int, ...] = (), show: Callable[[str], None] | None = None
    ) -> None:
        self.settings = settings
        self.clock = Clock()
        self.foundation = found(settings.replicas, settings.chain_id)
        self.signatures = Signatures(ideal=settings.ideal_signatures)
        self.rules = _rules(self.foundation, settings, self.signatures)
        self.transcript = Transcript(self.clock, show)
        self.watch = Watch(self.transcript)
        self.frames = self.restarts = self.snapshots = self.slept_ms = 0
        self.forgetful: set[int] = set()
        """Places whose machine has lost what it promised, and not made up for it yet."""
        self.unaware: set[int] = set()
        """Those of them that do not know it: a damaged end of a log looks like one that was never synced."""
        self._random = Random(f"machines of {settings.seed}")
        places = (*range(settings.replicas), *twins)
        self.machines = [self._machine(number, place) for number, place in enumerate(places)]
        self._numbers = [[machine.number for machine in self.at(place)] for place in range(settings.replicas)]
        self.network = Network(
            self.clock, settings, Random(f"network of {settings.seed}"), len(places), self._deliver, self._changed
        )
        self._world = self._make_world()

    # ---- who is there ----

    @property
    def honest(self) -> list[Machine]:
        """The machines that keep to the protocol."""
        return [machine for machine in self.machines if machine.honest]

    @property
    def up(self) -> list[Machine]:
        """The honest machines whose process lives."""
        return [machine for machine in self.machines if machine.honest and machine.process is not None]

    def at(self, place: int) -> list[Machine]:
        """The machines of a place: one, or twins."""
        return [machine for machine in self.machines if machine.place == place]

    def pairs(self, first: Iterable[Machine], second: Iterable[Machine]) -> list[Pair]:
        """Every direction from one of the first to one of the second."""
        seconds = list(second)
        return [(a.number, b.number) for a in first for b in seconds if a is not b]

    # ---- processes ----

    def start(self, machine: Machine) -> None:
        """A process begins, recovers, and is linked to all that live. It may die of it, or refuse to."""
        if machine.process is not None:
            return
        try:
            machine.process = Process(machine, self._world)
        except Crashed:
            self._ended(machine, "crashes while it recovers")
            return
        except DiskFull:
            self._ended(machine, "cannot start: its disk is full")
            return
        except LogDamaged:
            self.wipe(machine)
            self.start(machine)
            return
        self._notice_rot(machine)
        self.restarts += 1
        self.watch.started(machine)
        self.act(machine, machine.process.go_on)
        for other in self.machines:
            if other.process is not None and other.place != machine.place:
                self.network.link(machine.number, other.number)

    def crash(self, machine: Machine, why: str = "crashes") -> None:
        """A process dies with all that was not synced; what it had sent may still arrive."""
        process = machine.process
        if process is None:
            return
        machine.process, machine.doom = None, None
        machine.paused, machine.backlog = False, []
        fate = machine.disk.crash(process.journal.unsynced, machine.random)
        self._ended(machine, f"{why}, its last records {fate}" if fate else why)
        for other in self.machines:
            if other is not machine:
                self.network.unlink(machine.number, other.number)

    def wipe(self, machine: Machine) -> None:
        """The operator moves the data folder away: the replica forgets whatever it promised."""
        machine.disk = Disk(dict(self.foundation.entries))
        self.forgetful.add(machine.place)
        self.watch.befell("wiped", f"{machine.name} starts with an empty folder")

    @property
    def now_ms(self) -> int:
        """The time that a perfect clock shows (ms since 1970)."""
        return BEGIN_MS + self.clock.now_us // MILLISECOND_US + self.slept_ms

    def sleep(self, length_ms: int) -> None:
        """Nothing happens for so long, anywhere."""
        self.slept_ms += length_ms
        for machine in self.machines:
            machine.clock.jump(length_ms)

    def forgive(self, height: int) -> None:
        """Whoever signs again, and has on its disk what was committed up to `height`, has made up for its loss."""
        for machine in self.up:
            process = machine.process
            assert process is not None
            if not process.host.replica.abstains and process.host.durable_height >= height:
                self.forgetful -= {machine.place} - self.unaware

    def act(self, machine: Machine, action: Callable[[], None]) -> None:
        """Let the process of a machine do something; it may die of it. A paused one does it later."""
        if machine.process is None:
            return
        if machine.paused:
            machine.backlog.append((machine.process, action))
            return
        try:
            action()
        except Crashed:
            self.crash(machine)
        except DiskFull:
            self.crash(machine, "stops: it cannot write to its disk")

    def pause(self, machine: Machine) -> None:
        """The process stands still and knows nothing of it."""
        machine.paused = machine.process is not None

    def resume(self, machine: Machine) -> None:
        """It goes on with all that came meanwhile."""
        backlog, machine.backlog, machine.paused = machine.backlog, [], False
        for process, action in backlog:
            if machine.process is process:
                self.act(machine, action)

    # ---- inside ----

    def _machine(self, number: int, place: int) -> Machine:
        settings, random = self.settings, self._random
        return Machine(
            number=number,
            place=place,
            name=CITIES[place] + "'" * (number != place),
            disk=Disk(dict(self.foundation.entries), may_sign=True),
            clock=LocalClock(
                self.clock,
                BEGIN_MS,
                random.randint(-settings.skew_ms, settings.skew_ms) // 2,
                random.randint(-settings.drift_ppm, settings.drift_ppm),
            ),
            public_key=self.foundation.replicas[place].public_key,
            sign=self.signatures.holder(self.foundation.replicas[place]),
            random=Random(f"machine {number} of {settings.seed}"),
            sync_us=settings.sync_us,
        )

    def _make_world(self) -> World:
        return World(
            clock=self.clock,
            rules=self.rules,
            genesis=self.foundation.genesis,
            membership=self.foundation.membership,
            nodes=tuple(replica.name for replica in self.foundation.membership.replicas),
            flush_us=self.settings.flush_us,
            history=self.settings.history,
            post=self._post,
            connected=self._connected,
            act=self._act,
            cast=self._cast,
            committed=self._committed,
            installed=self._installed,
            note=self._noted,
        )

    def _act(self, process: Process, action: Callable[[], None]) -> None:
        if process.machine.process is process:
            self.act(process.machine, action)

    def _post(self, machine: Machine, place: int, frame: PeerFrame) -> None:
        for number in self._numbers[place]:
            self.network.post(machine.number, number, frame)

    def _connected(self, machine: Machine) -> frozenset[int]:
        return frozenset(self.machines[number].place for number in self.network.linked(machine.number))

    def _deliver(self, sender: int, receiver: int, frame: PeerFrame) -> None:
        machine = self.machines[receiver]
        process = machine.process
        if process is None:
            return
        self.frames += 1
        if isinstance(frame, ConsensusFrame) and machine.honest and not self.at(frame.envelope.signer)[0].honest:
            self.watch.heard(machine, frame.envelope)
        self.transcript.frame(sender, receiver)
        heard = _over_the_wire(frame) if self.settings.as_bytes else frame
        self.act(machine, partial(process.hear, self.machines[sender].place, heard))

    def _changed(self, number: int, other: int, up: bool) -> None:  # noqa: FBT001 - a callback
        machine, place = self.machines[number], self.machines[other].place
        process = machine.process
        if process is None:
            return
        if up:
            self.act(machine, partial(process.linked, place))
        else:
            gone = place not in self._connected(machine)
            self.act(machine, partial(process.unlinked, place, gone=gone))

    def _cast(self, machine: Machine, envelope: Envelope) -> None:
        self.watch.cast(machine, envelope)

    def _committed(self, machine: Machine, executed: Executed, certificate: QuorumCertificate) -> None:
        if machine.honest:
            self.watch.committed(machine, executed, certificate)

    def _installed(self, machine: Machine) -> None:
        self.snapshots += machine.honest

    def _noted(self, machine: Machine, sentence: str) -> None:
        if machine.honest:
            self.watch.noted(machine, sentence)

    def _notice_rot(self, machine: Machine) -> None:
        if machine.disk.rotten:
            machine.disk.rotten = False
            self.unaware.add(machine.place)

    def _ended(self, machine: Machine, why: str) -> None:
        machine.doom = None
        self.watch.crashed(machine, why)


def _rules(foundation: Foundation, settings: Settings, signatures: Signatures) -> ChainRules:
    """The chain's rules with the timers and sizes of this run, and its signatures."""
    profile = with_changes(
        foundation.rules.profile,
        tick_ms=settings.tick_ms,
        progress_ticks=settings.progress_ticks,
        block_transactions_max=settings.block_transactions_max,
    )
    return signatures.bind(replace(foundation.rules, profile=profile))


def _over_the_wire(frame: PeerFrame) -> PeerFrame:
    read: PeerFrame = decode(encode(frame), PeerFrame)  # type: ignore[arg-type] # a union is no type to mypy
    return read
