"""Links between machines: frames are lost, late, doubled, overtaken; links are cut, one way or both, or clogged.

A cut may be noticed, as when a connection breaks, or not, as when a cable is pulled: then both ends still believe in
the link, and what they send is gone.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Final

from node.network.frames import PeerFrame
from simulation.clock import Clock
from simulation.swarm import Settings

DELAY_MAX: Final = 8
"""A frame takes at most so many times the mean."""
Pair = tuple[int, int]
Loses = Callable[[int, PeerFrame], bool]


@dataclass(slots=True)
class Way:
    """One direction between two machines."""

    cuts: int = 0
    clogs: int = 0
    generation: int = 0
    last_us: int = 0
    held: list[PeerFrame] = field(default_factory=list)


class Network:
    """The links of all machines. `deliver` hands a frame over, `changed` tells a machine of a link."""

    def __init__(
        self,
        clock: Clock,
        settings: Settings,
        random: Random,
        machines: int,
        deliver: Callable[[int, int, PeerFrame], None],
        changed: Callable[[int, int, bool], None],
    ) -> None:
        self.lost = self.doubled = 0
        self._clock = clock
        self._random = random
        self._deliver = deliver
        self._changed = changed
        self._settings = settings
        self._healthy = False
        self._withheld: list[Loses] = []
        self._ways = {(a, b): Way() for a in range(machines) for b in range(machines) if a != b}
        self._linked: dict[int, set[int]] = {machine: set() for machine in range(machines)}

    def linked(self, machine: int) -> set[int]:
        """The machines that this one believes it can send to."""
        return self._linked[machine]

    def heal(self) -> None:
        """From now on no frame is lost, doubled or overtaken."""
        self._healthy = True

    def link(self, a: int, b: int) -> None:
        """A new connection, if the machines can hear each other."""
        if b in self._linked[a] or self._ways[a, b].cuts or self._ways[b, a].cuts:
            return
        self._linked[a].add(b)
        self._linked[b].add(a)
        self._changed(a, b, True)
        self._changed(b, a, True)

    def unlink(self, a: int, b: int) -> None:
        """The connection breaks, and what is on its way is lost."""
        if b not in self._linked[a]:
            return
        self._linked[a].discard(b)
        self._linked[b].discard(a)
        for way in (self._ways[a, b], self._ways[b, a]):
            way.generation += 1
            way.held.clear()
        self._changed(a, b, False)
        self._changed(b, a, False)

    def cut(self, pairs: Iterable[Pair], *, noticed: bool) -> None:
        """These directions carry nothing."""
        for a, b in pairs:
            self._ways[a, b].cuts += 1
            if noticed:
                self.unlink(a, b)

    def mend(self, pairs: Iterable[Pair]) -> None:
        """They carry again; whoever lost a connection may connect."""
        for a, b in pairs:
            self._ways[a, b].cuts -= 1

    def clog(self, pairs: Iterable[Pair]) -> None:
        """These directions hold everything back."""
        for pair in pairs:
            self._ways[pair].clogs += 1

    def unclog(self, pairs: Iterable[Pair]) -> None:
        """What was held back comes at once, in order."""
        for a, b in pairs:
            way = self._ways[a, b]
            way.clogs -= 1
            if not way.clogs:
                held, way.held = way.held, []
                for frame in held:
                    self._travel(a, b, way, frame)

    def withhold(self, loses: Loses) -> None:
        """From now on some frames are lost that `loses` (receiver, frame) picks."""
        self._withheld.append(loses)

    def withhold_no_more(self, loses: Loses) -> None:
        """They are lost no more."""
        self._withheld.remove(loses)

    def post(self, a: int, b: int, frame: PeerFrame) -> None:
        """A frame leaves machine `a` for machine `b`."""
        if b not in self._linked[a]:
            return
        if self._withheld and any(loses(b, frame) for loses in self._withheld):
            self.lost += 1
            return
        way, settings = self._ways[a, b], self._settings
        if way.cuts or (settings.loss and not self._healthy and self._random.random() < settings.loss):
            self.lost += 1
        elif way.clogs:
            way.held.append(frame)
        else:
            self._travel(a, b, way, frame)
            if settings.duplication and not self._healthy and self._random.random() < settings.duplication:
                self.doubled += 1
                self._travel(a, b, way, frame)

    def _travel(self, a: int, b: int, way: Way, frame: PeerFrame) -> None:
        mean = self._settings.delay_us
        arrival = self._clock.now_us + 1 + int(min(self._random.expovariate(1 / mean), DELAY_MAX * mean))
        if self._healthy or not self._settings.reordering:
            arrival = way.last_us = max(arrival, way.last_us + 1)
        self._clock.after(arrival - self._clock.now_us, partial(self._arrive, a, b, way, way.generation, frame))

    def _arrive(self, a: int, b: int, way: Way, generation: int, frame: PeerFrame) -> None:
        if way.generation == generation:
            self._deliver(a, b, frame)
