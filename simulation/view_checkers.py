"""What must hold of views, watched from outside: promises are kept (protocol 21.3, R9), and nobody is dragged (21.5)."""

from node.consensus.messages import Envelope, ViewChange, place
from simulation.checkers import Checker
from simulation.machine import Machine


class Promises(Checker):
    """Whoever has asked for a view says nothing new in a lower one, across restarts too."""

    name = "promises"

    def __init__(self, forgetful: set[int], unaware: set[int]) -> None:
        super().__init__()
        self._forgetful = forgetful
        self._unaware = unaware
        self._asked: dict[int, int] = {}
        """Place -> the highest view that it has asked for."""
        self._seen: set[bytes] = set()

    def started(self, machine: Machine) -> None:
        """A replica that has lost its disk cannot keep a promise; it signs nothing until none is left to keep."""
        if machine.place in self._forgetful:
            self._asked.pop(machine.place, None)

    def cast(self, machine: Machine, envelope: Envelope) -> None:
        """Held against what it has asked for before."""
        if envelope.signature in self._seen or machine.place in self._unaware:
            return
        self._seen.add(envelope.signature)
        height, view = place(envelope.message)
        asked = self._asked.get(machine.place, 0)
        kind = type(envelope.message).__name__
        self.require(
            view >= asked, f"{machine.name} casts a {kind} at height {height} in view {view} and has asked for {asked}"
        )
        if isinstance(envelope.message, ViewChange):
            self._asked[machine.place] = view


class Leaps(Checker):
    """An honest replica speaks of no view beyond the one after the highest that an honest one has spoken of."""

    name = "leaps"

    def __init__(self) -> None:
        super().__init__()
        self.highest = 0

    def cast(self, machine: Machine, envelope: Envelope) -> None:
        """Liars may speak of any view; no f of them move anybody."""
        _, view = place(envelope.message)
        self.require(
            view <= self.highest + 1, f"{machine.name} is in view {view}, nobody honest was beyond {self.highest}"
        )
        self.highest = max(self.highest, view)
