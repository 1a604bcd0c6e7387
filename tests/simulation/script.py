"""A world in which only what a test says happens: the simulated network under scripted faults, with all its checkers."""

from collections import Counter
from collections.abc import Callable, Iterable

from chain.quorum import QuorumCertificate
from node.consensus.messages import Envelope, Message, NewView, ViewChange, place
from node.host import Host
from node.network.frames import ConsensusFrame, PeerFrame
from simulation.clock import MILLISECOND_US
from simulation.machine import Behaviour, Machine
from simulation.network import Pair
from simulation.observer import Observer
from simulation.run import Outcome, Run
from simulation.swarm import Settings

Frames = Callable[[int, PeerFrame], bool]


class Record(Observer):
    """What honest machines said and did."""

    def __init__(self) -> None:
        self.cast_kinds: Counter[str] = Counter()
        self.changes: set[tuple[int, int]] = set()
        """(machine, view) of every view change."""
        self.opened: set[int] = set()
        """Views that a new view has opened."""
        self.notes: list[str] = []
        self.crashes = 0

    def cast(self, machine: Machine, envelope: Envelope) -> None:
        message = envelope.message
        self.cast_kinds[type(message).__name__] += 1
        if isinstance(message, ViewChange):
            self.changes.add((machine.number, message.view))
        elif isinstance(message, NewView):
            self.opened.add(message.view)

    def noted(self, machine: Machine, sentence: str) -> None:
        self.notes.append(f"{machine.number}: {sentence}")

    def crashed(self, machine: Machine, why: str) -> None:
        self.crashes += 1


class Script:
    """One world. Faults last until they are taken back; `finish` takes back all of them and checks everything."""

    def __init__(
        self,
        replicas: int = 4,
        *,
        liars: tuple[tuple[int, str], ...] = (),
        behaviours: dict[int, Behaviour] | None = None,
        start: Iterable[int] | None = None,
        **settings: object,
    ) -> None:
        """`behaviours` are lies that have no name in the swarm; `start` says who is started, else all are."""
        given = {"seed": 1, "requests": 0, "blocks_min": 1, "progress_ticks": 10, **settings}
        unnamed = tuple((at, "silent") for at in behaviours or {})
        self.run = Run(Settings(replicas=replicas, byzantine=(*liars, *unnamed), **given))  # type: ignore[arg-type]
        self.cluster = self.run.cluster
        self.machines = self.cluster.machines
        self.record = Record()
        self.cluster.watch.add(self.record)
        for at, behaviour in (behaviours or {}).items():
            self.machines[at].behaviour = behaviour
        self._cut: list[tuple[list[Pair], str]] = []
        self._withheld: list[Frames] = []
        for machine in self.machines:
            if start is None or machine.number in start:
                self.cluster.start(machine)
        self.cluster.restarts = 0

    # ---- looking ----

    def host(self, number: int) -> Host:
        """The host of a machine that is up."""
        process = self.machines[number].process
        assert process is not None
        return process.host

    def height(self, number: int) -> int:
        """How far a machine is."""
        return self.host(number).ledger.height

    def view(self, number: int) -> int:
        """The view that a machine is in, or wants."""
        return self.host(number).replica.view

    def block(self, number: int, height: int) -> tuple[bytes, QuorumCertificate]:
        """The digest and certificate of a block that a machine has."""
        ledger = self.host(number).ledger
        stored = ledger.block(height)
        assert stored is not None
        return ledger.rules.block_digest(stored.committed.header), stored.committed.certificate

    def noted(self, sentence: str) -> int:
        """How often an operator would have read that."""
        return sum(sentence in note for note in self.record.notes)

    # ---- doing ----

    def ask(self, count: int = 1, *, at: int | None = None) -> list[bytes]:
        """Clients send new requests, to anybody or to one machine; their bytes."""
        raws = []
        for _ in range(count):
            request = self.run.clients._next()
            self.run.clients.requests[request.raw] = request
            self.run.clients.unanswered[request.transaction_id] = request
            up = [machine.number for machine in self.cluster.up if not machine.paused]
            self.run.clients._submit(self.machines[up[0] if at is None else at], request)
            raws.append(request.raw)
        return raws

    def go(self, ms: int) -> None:
        """So much time passes."""
        clock = self.cluster.clock
        clock.run(clock.now_us + ms * MILLISECOND_US)

    def until(self, happens: Callable[[], bool], ms: int = 60_000) -> None:
        """Time passes until something is so; it must be so in time."""
        clock = self.cluster.clock
        assert clock.run(clock.now_us + ms * MILLISECOND_US, happens), self.run._stand()

    def commit(self, count: int = 1, *, at: Iterable[int] | None = None) -> None:
        """So many more blocks, one after the other, at these machines or at all that are up."""
        for _ in range(count):
            numbers = [machine.number for machine in self.cluster.up] if at is None else list(at)
            goal = max(map(self.height, numbers)) + 1
            self.ask(at=numbers[0])
            self.until(lambda goal=goal, numbers=numbers: all(self.height(number) >= goal for number in numbers))

    def apart(self, few: Iterable[int], others: Iterable[int] | None = None, *, noticed: bool = True) -> list[Pair]:
        """Some can neither hear nor be heard by the rest, or by those others."""
        some = [self.machines[number] for number in few]
        rest = [m for m in self.machines if m not in some] if others is None else [self.machines[n] for n in others]
        pairs = [*self.cluster.pairs(some, rest), *self.cluster.pairs(rest, some)]
        return self.cut(pairs, noticed=noticed)

    def cut(self, pairs: list[Pair], *, noticed: bool = True) -> list[Pair]:
        """These directions carry nothing."""
        self.cluster.network.cut(pairs, noticed=noticed)
        self._cut.append((pairs, "cut"))
        return pairs

    def mend(self, pairs: list[Pair]) -> None:
        """They carry again, and links are made."""
        self._cut = [(cut, kind) for cut, kind in self._cut if cut is not pairs]
        self.cluster.network.mend(pairs)
        self.run.faults._link_all()

    def withhold(self, loses: Frames) -> Frames:
        """Frames that `loses` (receiver, frame) picks are lost."""
        self.cluster.network.withhold(loses)
        self._withheld.append(loses)
        return loses

    def let_through(self, loses: Frames) -> None:
        """They are lost no more."""
        self._withheld.remove(loses)
        self.cluster.network.withhold_no_more(loses)

    def crash(self, *numbers: int) -> None:
        """Processes are killed."""
        for number in numbers:
            self.cluster.crash(self.machines[number], "is killed")

    def start(self, *numbers: int) -> None:
        """Processes begin."""
        for number in numbers:
            self.cluster.start(self.machines[number])

    def finish(self) -> Outcome:
        """No more faults: everything commits, everybody agrees, nothing goes on for ever; what every checker says."""
        for loses in list(self._withheld):
            self.let_through(loses)
        for pairs, _ in list(self._cut):
            self.mend(pairs)
        for machine in self.machines:
            self.cluster.resume(machine)
        if not self.run.clients.unanswered:
            self.ask()
        run = self.run
        before = self.cluster.clock.now_us
        run._heal()
        run._everything_commits(before)
        run._rests()
        run.cluster.watch.finished(run.cluster.up)
        return run._outcome(self.cluster.clock.now_us - before)


def says(*kinds: type[Message], view: int | None = None, but: Iterable[int] = ()) -> Frames:
    """Consensus messages of these kinds, of one view or any, to everybody `but` some."""
    happy = frozenset(but)

    def loses(receiver: int, frame: PeerFrame) -> bool:
        if receiver in happy or not isinstance(frame, ConsensusFrame):
            return False
        message = frame.envelope.message
        return isinstance(message, kinds) and view in (None, place(message)[1])

    return loses


def frames(*kinds: type[PeerFrame], to: Iterable[int] | None = None) -> Frames:
    """Frames of these kinds, to some or to all."""
    victims = None if to is None else frozenset(to)
    return lambda receiver, frame: isinstance(frame, kinds) and (victims is None or receiver in victims)


class Count:
    """Loses nothing and counts what passes."""

    def __init__(self, picks: Frames) -> None:
        self.seen = 0
        self._picks = picks

    def __call__(self, receiver: int, frame: PeerFrame) -> bool:
        self.seen += self._picks(receiver, frame)
        return False
