"""What can be seen of a run from outside. Whoever looks on changes nothing."""

from collections.abc import Sequence

from chain.quorum import QuorumCertificate
from node.consensus.messages import Envelope
from node.execution import Executed
from simulation.machine import Machine


class Violation(AssertionError):
    """Something that must hold does not: a fault of the code, or of the simulation itself."""


class Observer:
    """Sees everything and minds nothing; a subclass minds something."""

    def cast(self, machine: Machine, envelope: Envelope) -> None:
        """An honest replica lets a message of its own out, for the first time or again."""

    def heard(self, machine: Machine, envelope: Envelope) -> None:
        """A message of a replica that is not honest reaches an honest one."""

    def committed(self, machine: Machine, executed: Executed, certificate: QuorumCertificate) -> None:
        """An honest machine tells its callers that a block is committed; it is durable there by now."""

    def started(self, machine: Machine) -> None:
        """A process has recovered."""

    def crashed(self, machine: Machine, why: str) -> None:
        """A process is no more."""

    def befell(self, kind: str, sentence: str) -> None:
        """A fault was injected."""

    def noted(self, machine: Machine, sentence: str) -> None:
        """A host told its operator something."""

    def finished(self, machines: Sequence[Machine]) -> None:
        """The run is over, and these honest machines are up."""


class Watch(Observer):
    """Several who look on together."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = list(observers)

    def add(self, *observers: Observer) -> None:
        """More of them."""
        self._observers.extend(observers)

    def cast(self, machine: Machine, envelope: Envelope) -> None:
        """Each is told."""
        for observer in self._observers:
            observer.cast(machine, envelope)

    def heard(self, machine: Machine, envelope: Envelope) -> None:
        """Each is told."""
        for observer in self._observers:
            observer.heard(machine, envelope)

    def committed(self, machine: Machine, executed: Executed, certificate: QuorumCertificate) -> None:
        """Each is told."""
        for observer in self._observers:
            observer.committed(machine, executed, certificate)

    def started(self, machine: Machine) -> None:
        """Each is told."""
        for observer in self._observers:
            observer.started(machine)

    def crashed(self, machine: Machine, why: str) -> None:
        """Each is told."""
        for observer in self._observers:
            observer.crashed(machine, why)

    def befell(self, kind: str, sentence: str) -> None:
        """Each is told."""
        for observer in self._observers:
            observer.befell(kind, sentence)

    def noted(self, machine: Machine, sentence: str) -> None:
        """Each is told."""
        for observer in self._observers:
            observer.noted(machine, sentence)

    def finished(self, machines: Sequence[Machine]) -> None:
        """Each is told."""
        for observer in self._observers:
            observer.finished(machines)
