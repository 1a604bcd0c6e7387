"""Twins: two machines with one key, both honest. Together they equivocate as no liar could think of.

Each of the others hears sometimes one of them, sometimes the other, sometimes both; who hears whom is drawn anew now
and then.
"""

from random import Random
from typing import Final

from simulation.cluster import Cluster
from simulation.machine import Machine
from simulation.network import Pair

SHUFFLE_US: Final = 1_500_000


class Twins:
    """The pairs of machines that share a place."""

    def __init__(self, cluster: Cluster) -> None:
        self.shuffles = 0
        self._cluster = cluster
        self._random = Random(f"twins of {cluster.settings.seed}")
        self._cuts: list[Pair] = []
        self._second = [machine for machine in cluster.machines if machine.number != machine.place]

    def begin(self) -> None:
        """Draw who hears whom, again and again, to the end of the run."""
        if self._second:
            self._shuffle()

    def _shuffle(self) -> None:
        cluster = self._cluster
        cluster.network.mend(self._cuts)
        self._cuts = [pair for twin in self._second for pair in self._draw(cluster.machines[twin.place], twin)]
        cluster.network.cut(self._cuts, noticed=True)
        self.shuffles += 1
        self._link()
        cluster.clock.after(self._random.randint(SHUFFLE_US // 3, SHUFFLE_US), self._shuffle)

    def _draw(self, first: Machine, second: Machine) -> list[Pair]:
        pairs: list[Pair] = []
        for other in self._cluster.machines:
            if other.place != first.place:
                apart = self._random.choice(([first], [second], []))
                pairs += self._cluster.pairs(apart, [other]) + self._cluster.pairs([other], apart)
        return pairs

    def _link(self) -> None:
        alive = [machine for machine in self._cluster.machines if machine.process is not None]
        for twin in self._second:
            for machine in (self._cluster.machines[twin.place], twin):
                for other in alive:
                    if machine in alive and other.place != machine.place:
                        self._cluster.network.link(machine.number, other.number)
