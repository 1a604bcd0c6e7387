"""What befalls honest machines and their links while faults go on: one stroke after the other, each of some length."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Final

from node.consensus.messages import Commit, NewView, Prepare, PrePrepare, ViewChange
from node.network.frames import ConsensusFrame, PeerFrame
from simulation.cluster import Cluster
from simulation.machine import CALLS, Doom, Machine
from simulation.network import Pair

LENGTH_US: Final = (100_000, 3_000_000)
CALLS_MAX: Final = 60
SUCH_CALLS_MAX: Final = 3
"""A crash at an effect comes within so many calls of any kind, or of one kind."""
SLOW_SYNC_US: Final = 150_000
FLAPS_MAX: Final = 6
PHASES: Final = (PrePrepare, Prepare, Commit, ViewChange, NewView)
JUMP_MS_MAX: Final = 30_000
NIGHT_MS: Final = 4 * 3_600_000


class Faults:
    """Draws and applies them, and takes all of them back when the world heals."""

    def __init__(self, cluster: Cluster, height: Callable[[], int]) -> None:
        """`height` tells up to where blocks have been told of."""
        self.injected: Counter[str] = Counter()
        self._cluster = cluster
        self._random = Random(f"faults of {cluster.settings.seed}")
        self._height = height
        self._raging = True
        self._number = 0
        self._open: dict[int, Callable[[], None]] = {}
        """How to take back what is going on."""
        self._strokes: dict[str, Callable[[], str | None]] = {
            "one-way": self._one_way,
            "minority": self._minority,
            "bridge": self._bridge,
            "isolate": self._isolate,
            "flapping": self._flapping,
            "clog": self._clog,
            "withhold": self._withhold,
            "crash": self._crash,
            "crash-at-effect": self._crash_at_effect,
            "crash-all": self._crash_all,
            "pause": self._pause,
            "slow-disk": self._slow_disk,
            "disk-full": self._disk_full,
            "flip": self._flip,
            "wipe": self._wipe,
            "clock-jump": self._clock_jump,
            "night": self._night,
        }

    def begin(self) -> None:
        """The next stroke comes after a while, and so on."""
        delay = int(self._random.expovariate(1 / self._cluster.settings.between_faults_us))
        self._cluster.clock.after(delay, self._strike)

    def heal(self) -> None:
        """Everything is taken back; every machine runs, and can hear every other."""
        self._raging = False
        self._cluster.network.heal()
        for undo in list(self._open.values()):
            undo()
        self._open.clear()
        for machine in self._cluster.machines:
            machine.doom = None
            self._cluster.start(machine)
        self._link_all()

    def _strike(self) -> None:
        if not self._raging:
            return
        kind = self._random.choice(self._cluster.settings.faults)
        sentence = self._strokes[kind]()
        if sentence is not None:
            self.injected[kind] += 1
            self._cluster.watch.befell(kind, sentence)
        self.begin()

    def _for_a_while(self, undo: Callable[[], None], length_us: int | None = None) -> None:
        """`undo` is called once: after a while, or when the world heals."""
        self._number += 1
        number = self._number
        self._open[number] = undo

        def end() -> None:
            if self._open.pop(number, None) is not None:
                undo()

        self._cluster.clock.after(self._random.randint(*LENGTH_US) if length_us is None else length_us, end)

    def _one(self) -> Machine:
        return self._random.choice(self._cluster.honest)

    # ---- links ----

    def _cut(self, pairs: list[Pair], length_us: int | None = None) -> None:
        self._cluster.network.cut(pairs, noticed=self._random.random() < 0.5)

        def undo() -> None:
            self._cluster.network.mend(pairs)
            self._link_all()

        self._for_a_while(undo, length_us)

    def _link_all(self) -> None:
        machines = [machine for machine in self._cluster.machines if machine.process is not None]
        for place, a in enumerate(machines):
            for b in machines[place + 1 :]:
                if a.place != b.place:
                    self._cluster.network.link(a.number, b.number)

    def _one_way(self) -> str:
        a, b = self._random.sample(self._cluster.machines, 2)
        self._cut([(a.number, b.number)])
        return f"{a.name} cannot be heard by {b.name}"

    def _minority(self) -> str:
        machines = self._cluster.machines
        few = self._random.sample(machines, self._random.randint(1, len(machines) // 2))
        rest = [machine for machine in machines if machine not in few]
        self._cut(self._both_ways(few, rest))
        return f"{_names(few)} apart from the others"

    def _bridge(self) -> str:
        machines = self._random.sample(self._cluster.machines, len(self._cluster.machines))
        half = len(machines) // 2
        self._cut(self._both_ways(machines[1 : half + 1], machines[half + 1 :]))
        return f"only {machines[0].name} hears both {_names(machines[1 : half + 1])} and the others"

    def _isolate(self) -> str:
        machine = self._one()
        self._cut(self._both_ways([machine], [other for other in self._cluster.machines if other is not machine]))
        return f"{machine.name} is alone"

    def _flapping(self) -> str:
        a, b = self._random.sample(self._cluster.machines, 2)
        pairs = self._both_ways([a], [b])
        flaps = self._random.randint(2, FLAPS_MAX)
        self._flap(pairs, flaps)
        return f"the link of {a.name} and {b.name} comes and goes {flaps} times"

    def _flap(self, pairs: list[Pair], left: int) -> None:
        if not left or not self._raging:
            return
        length_us = self._random.randint(20_000, 300_000)
        self._cut(pairs, length_us)
        self._cluster.clock.after(2 * length_us, lambda: self._flap(pairs, left - 1))

    def _clog(self) -> str:
        a, b = self._random.sample(self._cluster.machines, 2)
        pairs = [(a.number, b.number)]
        self._cluster.network.clog(pairs)
        self._for_a_while(lambda: self._cluster.network.unclog(pairs))
        return f"what {a.name} sends to {b.name} is held back"

    def _withhold(self) -> str:
        """The classic trap: a phase that is over for some, and for the others has not happened."""
        kind = self._random.choice(PHASES)
        machines = self._cluster.machines
        happy = self._random.sample(machines, self._random.randint(0, len(machines) - 1))
        numbers = {machine.number for machine in happy}

        def loses(receiver: int, frame: PeerFrame) -> bool:
            return (
                receiver not in numbers
                and isinstance(frame, ConsensusFrame)
                and isinstance(frame.envelope.message, kind)
            )

        self._cluster.network.withhold(loses)
        self._for_a_while(lambda: self._cluster.network.withhold_no_more(loses))
        return f"{kind.__name__} reaches {_names(happy) or 'nobody'} and no other"

    def _both_ways(self, first: list[Machine], second: list[Machine]) -> list[Pair]:
        return [*self._cluster.pairs(first, second), *self._cluster.pairs(second, first)]

    # ---- processes ----

    def _crash(self) -> str:
        machine = self._one()
        self._cluster.crash(machine, "is killed")
        self._for_a_while(partial(self._cluster.start, machine))
        return f"{machine.name} is killed"

    def _crash_at_effect(self) -> str | None:
        machine = self._one()
        if machine.process is None:
            return None
        call = self._random.choice(("", *CALLS))
        machine.doom = Doom(self._random.randrange(SUCH_CALLS_MAX if call else CALLS_MAX), call)

        def undo() -> None:
            machine.doom = None
            self._cluster.start(machine)

        self._for_a_while(undo)
        return f"{machine.name} will die after {machine.doom.calls} {call or 'more'} calls"

    def _crash_all(self) -> str:
        for machine in self._cluster.honest:
            self._cluster.crash(machine, "loses power")
            self._for_a_while(partial(self._cluster.start, machine))
        return "power fails everywhere"

    def _pause(self) -> str | None:
        machine = self._one()
        if machine.process is None or machine.paused:
            return None
        self._cluster.pause(machine)
        self._for_a_while(partial(self._cluster.resume, machine))
        return f"{machine.name} stands still"

    # ---- disks and clocks ----

    def _slow_disk(self) -> str:
        machine, usual = self._one(), self._cluster.settings.sync_us
        machine.sync_us = SLOW_SYNC_US

        def undo() -> None:
            machine.sync_us = usual

        self._for_a_while(undo)
        return f"the disk of {machine.name} is slow"

    def _disk_full(self) -> str:
        machine = self._one()
        disk = machine.disk
        disk.full = True

        def undo() -> None:
            disk.full = False
            self._cluster.start(machine)

        self._for_a_while(undo)
        return f"the disk of {machine.name} is full"

    def _flip(self) -> str | None:
        machine = self._one()
        if not self._may_forget(machine) or not machine.disk.flip(self._random):
            return None
        self._cluster.forgetful.add(machine.place)
        self._cluster.crash(machine, "is killed")
        self._for_a_while(partial(self._cluster.start, machine))
        return f"a bit flips in the log of {machine.name}"

    def _wipe(self) -> str | None:
        machine = self._one()
        if not self._may_forget(machine):
            return None
        self._cluster.crash(machine, "is killed")
        self._cluster.wipe(machine)
        self._for_a_while(partial(self._cluster.start, machine))
        return f"{machine.name} loses its data folder"

    def _may_forget(self, machine: Machine) -> bool:
        """At most f at once are Byzantine or have forgotten what they promised."""
        self._cluster.forgive(self._height())
        traitors = {place for place, _ in self._cluster.settings.byzantine}
        return len(traitors | self._cluster.forgetful | {machine.place}) <= self._cluster.settings.faulty_max

    def _night(self) -> str:
        """Whatever was waiting then is too old; whatever is behind then may find no blocks any more."""
        self._cluster.sleep(NIGHT_MS)
        return "everybody sleeps for hours"

    def _clock_jump(self) -> str:
        machine = self._one()
        by_ms = self._random.randint(-JUMP_MS_MAX, JUMP_MS_MAX)
        machine.clock.jump(by_ms)
        self._for_a_while(partial(machine.clock.jump, -by_ms))
        return f"the clock of {machine.name} jumps by {by_ms} ms"


def _names(machines: list[Machine]) -> str:
    return " ".join(machine.name for machine in machines)
