"""What there is to do between chains, from what they tell: no clock, no network (protocol 34.4).

A duty is a reason to look, not an order: whoever looks reads both chains first and finds nothing to do if another
relayer was there before. So nothing is lost with a relayer, and whatever is heard twice changes nothing.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final

PAUSE_MS: Final = 250
PAUSE_MS_MAX: Final = 60_000

Name = tuple[str, str, bytes]
"""A certificate: chain, class, token."""


@dataclass(frozen=True, slots=True)
class Deliver:
    """A packet of `source` waits to be received on `target`."""

    source: str
    target: str
    sequence: int


@dataclass(frozen=True, slots=True)
class Settle:
    """What became of a packet on `target` waits to be acknowledged on `source`."""

    source: str
    target: str
    sequence: int


@dataclass(frozen=True, slots=True)
class TellFate:
    """A certificate was revoked or frozen while it moves; the other chain may not know."""

    source: str
    cross_id: bytes


@dataclass(frozen=True, slots=True)
class Refresh:
    """A certificate has changed that `target` mirrors."""

    name: Name
    target: str


@dataclass(frozen=True, slots=True)
class Follow:
    """A certificate has changed on which one of `target` was issued."""

    name: Name
    target: str
    class_id: str
    token: bytes


Duty = Deliver | Settle | TellFate | Refresh | Follow


@dataclass(frozen=True, slots=True)
class PacketSent:
    """A chain sent a packet to another."""

    chain: str
    other: str
    sequence: int


@dataclass(frozen=True, slots=True)
class PacketReceived:
    """A chain received a packet of another."""

    chain: str
    other: str
    sequence: int


@dataclass(frozen=True, slots=True)
class PacketClosed:
    """A packet of a chain to another is open no longer."""

    chain: str
    other: str
    sequence: int


@dataclass(frozen=True, slots=True)
class Mirrored:
    """A chain has begun to mirror a certificate of another."""

    chain: str
    name: Name


@dataclass(frozen=True, slots=True)
class Relied:
    """A certificate of a chain was issued on another one."""

    chain: str
    class_id: str
    token: bytes
    name: Name


@dataclass(frozen=True, slots=True)
class Moving:
    """A certificate begins to move."""

    name: Name
    cross_id: bytes


@dataclass(frozen=True, slots=True)
class Changed:
    """Something has become of a certificate."""

    name: Name


Heard = PacketSent | PacketReceived | PacketClosed | Mirrored | Relied | Moving | Changed


@dataclass(slots=True)
class _Try:
    due_ms: int
    pause_ms: int = PAUSE_MS
    begun: bool = False
    """Whether somebody looks just now: what is heard meanwhile asks for another look."""


@dataclass(slots=True)
class Duties:
    """What is to be looked at, and when; `chains` are those that are served."""

    chains: frozenset[str]
    _open: dict[Duty, _Try] = field(default_factory=dict)
    _mirrors: defaultdict[Name, set[str]] = field(default_factory=lambda: defaultdict(set))
    _followers: defaultdict[Name, set[tuple[str, str, bytes]]] = field(default_factory=lambda: defaultdict(set))
    _moves: dict[Name, bytes] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._open)

    def heard(self, event: Heard) -> None:
        """Take in one event; the same one again changes nothing."""
        match event:
            case PacketSent(chain, other, sequence):
                self._add(Deliver(chain, other, sequence))
            case PacketReceived(chain, other, sequence):
                self._open.pop(Deliver(other, chain, sequence), None)
                self._add(Settle(other, chain, sequence))
            case PacketClosed(chain, other, sequence):
                self._open.pop(Deliver(chain, other, sequence), None)
                self._open.pop(Settle(chain, other, sequence), None)
            case Mirrored(chain, name):
                self._mirrors[name].add(chain)
                self._add(Refresh(name, chain))
            case Relied(chain, class_id, token, name):
                self._followers[name].add((chain, class_id, token))
                self._add(Follow(name, chain, class_id, token))
            case Moving(name, cross_id):
                self._moves[name] = cross_id
            case Changed(name):
                self._changed(name)

    def due(self, now_ms: int, *, most: int) -> list[Duty]:
        """Up to so many duties whose time has come, those that wait longest first."""
        waiting = sorted((one.due_ms, place, duty) for place, (duty, one) in enumerate(self._open.items()))
        return [duty for due_ms, _, duty in waiting[:most] if due_ms <= now_ms]

    def next_due_ms(self) -> int | None:
        """When the next duty is due; None while there is nothing to do."""
        return min((one.due_ms for one in self._open.values()), default=None)

    def begin(self, duty: Duty) -> None:
        """Somebody looks now."""
        self._open[duty].begun = True

    def done(self, duty: Duty) -> None:
        """There was nothing left to do about it when somebody looked."""
        if duty in self._open and self._open[duty].begun:
            del self._open[duty]

    def put_off(self, duty: Duty, now_ms: int) -> None:
        """It could not be done yet: look again after a pause that doubles, up to a minute."""
        one = self._open.get(duty)
        if one is not None and one.begun:
            self._open[duty] = _Try(now_ms + one.pause_ms, min(2 * one.pause_ms, PAUSE_MS_MAX))

    def _changed(self, name: Name) -> None:
        for target in sorted(self._mirrors.get(name, ())):
            self._add(Refresh(name, target))
        for target, class_id, token in sorted(self._followers.get(name, ())):
            self._add(Follow(name, target, class_id, token))
        if name in self._moves:
            self._add(TellFate(name[0], self._moves[name]))

    def _add(self, duty: Duty) -> None:
        """Look at once, also at what was put off: something has changed."""
        if _chains_of(duty) <= self.chains:
            self._open[duty] = _Try(due_ms=0)


def _chains_of(duty: Duty) -> set[str]:
    match duty:
        case Deliver(source, target, _) | Settle(source, target, _):
            return {source, target}
        case TellFate(source, _):
            return {source}
        case Refresh(name, target) | Follow(name, target, _, _):
            return {name[0], target}
