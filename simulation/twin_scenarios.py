"""Twins, exhaustively: four replicas, one of them twice, two partitions in every view, four views.

After S. Bano and others, *Twins: BFT Systems Made Robust*, 2021. Of five instances two have one key. In every view the
network falls into two parts, in one of 16 ways, and for the commits it does so anew, or one honest instance alone hears
them: 19 ways more. Who is primary follows from the view. The replicas are the real ones; their host is as small as
can be: everything is durable at once, every block is valid, and a replica gives up its view when the scenario says so.

Ways that lead to the same situation are followed once, so that all of them can be.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from chain.block import CommittedBlock
from chain.evidence import evidence_fault
from node.consensus.effects import (
    Adopt,
    BlockBuilt,
    BlockSynced,
    BlockValidated,
    BuildBlock,
    Cast,
    CommitBlock,
    Effect,
    Input,
    MessageReceived,
    NothingToBuild,
    NothingWaits,
    RequestReceived,
    Show,
    ValidateBlock,
)
from node.consensus.messages import (
    Authenticated,
    Commit,
    Envelope,
    Message,
    NewView,
    PrePrepare,
    ViewChange,
    place,
    signed_bytes,
)
from simulation.observer import Violation
from simulation.puppets import Instance, Situation, Stage, block_of

REPLICAS: Final = 4
INSTANCES: Final = 5
VIEWS: Final = 4
WAYS: Final = 1 << (INSTANCES - 1)
"""Of dividing five instances in two: the last one is on the far side, so that none is counted twice."""
TOGETHER: Final = 0
COMMIT_WAYS: Final = WAYS + REPLICAS - 1
"""The same for the commits, and those in which one honest instance alone hears them."""


class Play:
    """The five instances at one moment."""

    def __init__(self, stage: Stage, instances: list[Instance]) -> None:
        self.stage = stage
        self.instances = instances
        self._inputs: deque[tuple[Instance, Input]] = deque()
        self._held: list[tuple[Instance, Authenticated]] = []
        """Commits of the first half, which are on their way in the second."""
        self._near: list[bool] = []
        """Of every instance, on which side it is."""
        self._only: Instance | None = None
        """Who alone hears anything."""
        self._second_half = False

    # ---- the two halves of a view ----

    def first_half(self, view: int, way: int) -> "Play":
        """A copy in which everybody wants `view`, and all but the commits arrives as the network is divided."""
        play = Play(self.stage, [instance.copy() for instance in self.instances])
        play._divide(way)
        for instance in play.instances:
            instance.has_built = False
            play._fetch(instance)
        for instance in play.instances:
            play._perform(instance, instance.replica.give_up(view))
        for instance in play.instances:
            play._inputs.append((instance, RequestReceived()))
        play._run()
        return play

    def second_half(self, way: int) -> "Play":
        """A copy in which the commits arrive, and what follows from them."""
        play = Play(self.stage, [instance.copy() for instance in self.instances])
        play._divide(way if way < WAYS else TOGETHER)
        play._only = play.honest[way - WAYS] if way >= WAYS else None
        play._second_half = True
        for sender, received in self._held:
            play._spread(play.instances[self._number(sender)], received)
        play._run()
        return play

    @property
    def commit_ways(self) -> range:
        """The ways of the second half that may differ: fewer commits than a quorum commit nothing, whoever hears them."""
        places = {sender.place for sender, _ in self._held}
        return range(COMMIT_WAYS if len(places) >= self.stage.foundation.membership.quorum else TOGETHER + 1)

    @property
    def situation(self) -> Situation:
        """Two plays that agree in this go on in the same way: after a view, or after its first half."""
        lasting = tuple((instance.replica.lasting, instance.committed_to) for instance in self.instances)
        if self._second_half:
            return lasting
        return lasting, tuple((instance.has_built, instance.replica.passing) for instance in self.instances)

    @property
    def honest(self) -> list[Instance]:
        """Those whose key nobody else has."""
        return [instance for instance in self.instances if instance.place != self.stage.twin]

    # ---- the small host ----

    def _divide(self, way: int) -> None:
        self._near = [bool(way >> number & 1) for number in range(INSTANCES)]

    def _number(self, instance: Instance) -> int:
        return next(number for number, other in enumerate(self.instances) if other is instance)

    def _hearers(self, sender: Instance) -> Iterator[Instance]:
        """Who is on the sender's side; twins do not know of each other."""
        side = self._near[self._number(sender)]
        for near, instance in zip(self._near, self.instances, strict=True):
            if near == side and instance.place != sender.place and self._only in (None, instance):
                yield instance

    def _fetch(self, instance: Instance) -> None:
        """The blocks that somebody on the same side has."""
        longest = max((other.blocks for other in self._hearers(instance)), key=len, default=())
        for block in longest[len(instance.blocks) :]:
            self._fetched(instance, block)
        self._run()

    def _fetched(self, instance: Instance, committed: CommittedBlock) -> None:
        if committed.header.height != len(instance.blocks) + 1:
            return
        digest = self.stage.rules.block_digest(committed.header)
        self._commit(instance, committed)
        self._inputs.append((instance, BlockSynced(committed, digest, instance.replica.membership)))

    def _run(self) -> None:
        while self._inputs:
            instance, incoming = self._inputs.popleft()
            self._perform(instance, instance.replica.step(incoming))

    def _perform(self, instance: Instance, effects: tuple[Effect, ...]) -> None:
        for effect in effects:
            match effect:
                case Cast(message):
                    self._cast(instance, message)
                case Show(peer, envelope):
                    self._show(instance, peer, envelope)
                case BuildBlock(view=view):
                    self._inputs.extend((instance, made) for made in self._build(instance, view))
                case ValidateBlock(block):
                    digest = self.stage.rules.block_digest(block.header)
                    self._inputs.append((instance, BlockValidated(digest, instance.replica.membership)))
                case CommitBlock(_, committed):
                    self._commit(instance, committed)
                case Adopt(committed):
                    self._fetched(instance, committed)
                case _:
                    pass

    def _cast(self, instance: Instance, message: Message) -> None:
        received = self.stage.sign(instance.place, message)
        if instance.place != self.stage.twin:
            self._check_said(instance, received)
        self._inputs.append((instance, MessageReceived(received)))
        if isinstance(message, Commit) and not self._second_half:
            self._held.append((instance, received))
        else:
            self._spread(instance, received)

    def _spread(self, sender: Instance, received: Authenticated) -> None:
        for hearer in self._hearers(sender):
            self._hear(hearer, received)

    def _show(self, sender: Instance, peer: int, envelope: Envelope) -> None:
        digest = signed_bytes(self.stage.rules, envelope.message)[1]
        for hearer in self._hearers(sender):
            if hearer.place == peer and envelope.signer != peer:
                self._hear(hearer, Authenticated(envelope, digest))

    def _hear(self, hearer: Instance, received: Authenticated) -> None:
        self._inputs.append((hearer, MessageReceived(received)))
        if hearer.place == self.stage.twin:
            return
        key = hearer.replica.membership.key(received.signer)
        evidence = hearer.witness.hear(received, key, len(hearer.blocks))
        if evidence is not None:
            self.stage.seen["evidence"] += 1
            guilty = self.stage.foundation.replicas[self.stage.twin].public_key
            _require(evidence.signer == guilty, f"replica {received.signer} is accused, the twin is {self.stage.twin}")
            _require(evidence_fault(self.stage.rules, evidence) is None, "evidence that does not hold")

    def _build(self, instance: Instance, view: int) -> tuple[Input, ...]:
        if instance.has_built:
            return (NothingToBuild(), NothingWaits())
        instance.has_built = True
        block = block_of(instance.replica.head, view, instance.place, self._number(instance))
        return (BlockBuilt(block),)

    # ---- what must hold ----

    def _commit(self, instance: Instance, committed: CommittedBlock) -> None:
        """Honest instances have one chain, and its blocks are certified."""
        instance.blocks += (committed,)
        if instance.place == self.stage.twin:
            return
        height, digest = len(instance.blocks), self.stage.rules.block_digest(committed.header)
        self.stage.seen["commits"] += 1
        _require(committed.header.height == height, f"block {committed.header.height} follows block {height - 1}")
        for other in self.honest:
            if len(other.blocks) >= height:
                theirs = self.stage.rules.block_digest(other.blocks[height - 1].header)
                _require(theirs == digest, f"two blocks of height {height}")

    def _check_said(self, instance: Instance, received: Authenticated) -> None:
        """An honest instance says one thing at one place, and forgets no commit."""
        message = received.message
        height, view = place(message)
        said = instance.said.setdefault((type(message).__name__, height, view), received.digest)
        _require(said == received.digest, f"replica {instance.place} says two things in view {view}")
        if isinstance(message, Commit):
            instance.committed_to = (height, view)
        elif isinstance(message, ViewChange) and instance.committed_to[0] == height:
            prepared = message.prepared
            shown = prepared is not None and prepared.view >= instance.committed_to[1]
            _require(shown, f"replica {instance.place} forgets what it has committed to in its view change to {view}")
        elif isinstance(message, PrePrepare) and message.block.header.view != view:
            self.stage.seen["proposed again"] += 1
        elif isinstance(message, NewView):
            self.stage.seen["views opened"] += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Explored:
    """What following every way has shown for one twin."""

    twin: int
    views: int
    scenarios: int
    situations: tuple[int, ...]
    """How many different ones there are at the end of each view."""
    steps: int
    seen: dict[str, int]


def explore(twin: int, views: int = VIEWS, done: Callable[[int, int], None] = lambda *_: None) -> Explored:
    """Every way through so many views, for the twin of one place; `Violation` if anything does not hold.

    Before the last view, from every situation a whole network must come to more blocks. `done` is told how many of
    how many situations of the last view are followed.
    """
    stage = Stage(twin, REPLICAS)
    plays, situations, steps = [Play(stage, stage.begin())], [], 0
    for view in range(views):
        is_last, halves, ends = view == views - 1, Distinct(), Distinct()
        following: list[Play] = []
        for number, play in enumerate(plays):
            if view:
                _recovers(play, view)
            for half in halves.new(play.first_half(view, way) for way in range(WAYS)):
                commit_ways = half.commit_ways
                steps += len(commit_ways)
                following += ends.new(half.second_half(way) for way in commit_ways)
                if is_last:
                    following.clear()
            if is_last:
                done(number + 1, len(plays))
        steps += len(plays) * WAYS
        situations.append(len(ends.seen))
        plays = following
    return Explored(
        twin=twin,
        views=views,
        scenarios=(WAYS * COMMIT_WAYS) ** views,
        situations=tuple(situations),
        steps=steps,
        seen=dict(sorted(stage.seen.items())),
    )


class Distinct:
    """Lets every situation pass once."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()

    def new(self, plays: Iterable[Play]) -> Iterator[Play]:
        """Those that are in a situation that was not seen before."""
        for play in plays:
            key = blake2b(repr(play.situation).encode(), digest_size=16).digest()
            if key not in self.seen:
                self.seen.add(key)
                yield play


def _recovers(play: Play, view: int) -> None:
    """The network is whole again: of two views one has an honest primary, and everybody has its block."""
    before = max(len(instance.blocks) for instance in play.honest)
    for later in (view, view + 1):
        play = play.first_half(later, TOGETHER).second_half(TOGETHER)
    heights = {len(instance.blocks) for instance in play.honest}
    _require(len(heights) == 1 and min(heights) > before, f"the network is whole and stands at {sorted(heights)}")


def _require(holds: bool, sentence: str) -> None:  # noqa: FBT001 - it reads as an assertion
    if not holds:
        raise Violation(f"twins: {sentence}")
