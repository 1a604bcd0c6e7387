"""One seed: faults without limit first, then a healthy world in which everything accepted must be committed."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from simulation.byzantine import LIARS, VICTIM
from simulation.checkers import (
    Agreement,
    BlockTime,
    Bounds,
    Certificates,
    Checker,
    Durability,
    Evidence,
    Kept,
    Order,
    Validity,
    Votes,
)
from simulation.clients import Clients
from simulation.clock import MILLISECOND_US
from simulation.cluster import Cluster
from simulation.faults import Faults
from simulation.observer import Violation
from simulation.swarm import Settings, draw
from simulation.twins import Twins
from simulation.view_checkers import Leaps, Promises

SETTLE_US: Final = 1_500_000
PATIENCE_MAX: Final = 8
"""By how much a time-out may have grown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run has shown."""

    seed: int
    replicas: int
    chain_id: str
    trace_hash: str
    blocks: int
    views: int
    """The highest view that an honest replica reached."""
    requests: int
    faults: dict[str, int]
    """Kind -> how often it was injected; Byzantine behaviours by the number of their lies."""
    evidence: int
    restarts: int
    snapshots: int
    frames: int
    lost: int
    doubled: int
    signatures: int
    checks: dict[str, int]
    ticks: int
    """How long the whole run was."""
    recovery_ticks: int
    """How long it took, once the world was healthy, until all was committed."""


class Run:
    """A world, its clients, its faults and its checkers."""

    def __init__(self, settings: Settings, show: Callable[[str], None] | None = None) -> None:
        self.settings = settings
        twins = tuple(place for place, behaviour in settings.byzantine if behaviour == "twin")
        self.cluster = Cluster(settings, twins, show)
        self.clients = Clients(self.cluster)
        self.twins = Twins(self.cluster)
        self.lies: Counter[str] = Counter()
        self.agreement = Agreement()
        self.faults = Faults(self.cluster, lambda: len(self.agreement.blocks))
        self.evidence = Evidence(self.cluster.rules, self.cluster.foundation.membership, self._is_guilty)
        self.checkers = self._make_checkers()
        self.cluster.watch.add(self.clients, *self.checkers)
        self._corrupt()

    def whole(self) -> Outcome:
        """Both phases; `Violation` if anything does not hold."""
        self._begin()
        self.cluster.clock.run(self.settings.safety_us)
        healed_us = self.cluster.clock.now_us
        self._heal()
        self._everything_commits(healed_us)
        self._rests()
        self.cluster.watch.finished(self.cluster.up)
        return self._outcome(self.cluster.clock.now_us - healed_us)

    # ---- inside ----

    def _begin(self) -> None:
        cluster = self.cluster
        cluster.transcript.say("world", described(self.settings))
        for machine in cluster.machines:
            cluster.start(machine)
        cluster.restarts = 0
        self.clients.begin()
        self.twins.begin()
        if self.settings.faults:
            self.faults.begin()

    def _heal(self) -> None:
        self.cluster.transcript.say("world", "is healthy from now on: what was accepted must be committed")
        self.faults.heal()
        self.clients.insist()
        if any(behaviour == "censoring" for _, behaviour in self.settings.byzantine):
            self.clients.keep_busy(VICTIM)

    def _everything_commits(self, since_us: int) -> None:
        """I8. Time-outs may have grown, every liar may be primary once, and a slow one may be so for every block."""
        settings, clock = self.settings, self.cluster.clock
        tick_us = settings.tick_ms * MILLISECOND_US
        liars = len(settings.byzantine) + 1
        bound = settings.progress_ticks * (PATIENCE_MAX * 2 * liars + settings.requests) + 200
        if not clock.run(since_us + bound * tick_us, self._all_is_done):
            raise Violation(
                f"liveness: not everything is committed {bound} ticks after the world healed: {self._stand()}"
            )

    def _all_is_done(self) -> bool:
        settings = self.settings
        if self.clients.unanswered or len(self.clients.requests) < settings.requests:
            return False
        height = len(self.agreement.blocks)
        if any(
            machine.process is None or machine.process.host.ledger.height < height for machine in self.cluster.honest
        ):
            return False
        if height < settings.blocks_min:
            self.clients.send_new()
            return False
        return not self.evidence.at_large(height)

    def _rests(self) -> None:
        """With nothing pending nothing happens: no block, no change of view. Liars may keep the others busy.

        First a pool may have to find out that what it holds has expired.
        """
        if self.settings.byzantine:
            return
        clock = self.cluster.clock
        rest_us = (self.settings.progress_ticks + 5) * self.settings.tick_ms * MILLISECOND_US
        clock.run(clock.now_us + SETTLE_US)
        before = self._views(), len(self.agreement.blocks)
        clock.run(clock.now_us + rest_us)
        after = self._views(), len(self.agreement.blocks)
        if before != after:
            raise Violation(f"liveness: a network at rest goes on: (views, blocks) {before}, then {after}")

    def _views(self) -> list[int]:
        return [machine.process.host.replica.view for machine in self.cluster.up if machine.process is not None]

    def _stand(self) -> str:
        parts = []
        for machine in self.cluster.up:
            assert machine.process is not None
            status = machine.process.host.status()
            parts.append(f"{machine.name} height {status.height} view {status.view} {status.phase} pool {status.pool}")
        return "; ".join(parts) + f"; {len(self.clients.unanswered)} requests without an answer"

    def _make_checkers(self) -> list[Checker]:
        cluster, rules = self.cluster, self.cluster.rules
        membership = cluster.foundation.membership
        foundation = cluster.foundation
        keys = {foundation.addresses[person]: pair.public_key for person, pair in foundation.accounts.items()}
        return [
            self.agreement,
            Order(),
            Validity(rules, keys, lambda raw: raw in self.clients.requests),
            Certificates(rules, membership),
            Votes(rules, cluster.unaware),
            self.evidence,
            Durability(cluster.machines, membership.quorum, cluster.forgetful),
            BlockTime(cluster.machines, rules.profile.clock_skew_ms),
            Bounds(),
            Kept(),
            Promises(cluster.forgetful, cluster.unaware),
            Leaps(),
        ]

    def _is_guilty(self, place: int) -> bool:
        return place in self.cluster.unaware or any(place == liar for liar, _ in self.settings.byzantine)

    def _corrupt(self) -> None:
        for place, behaviour in self.settings.byzantine:
            for machine in self.cluster.at(place):
                machine.honest = False
                if behaviour != "twin":
                    machine.behaviour = LIARS[behaviour](behaviour, self.settings.seed, self.lies)

    def _outcome(self, recovery_us: int) -> Outcome:
        cluster, settings = self.cluster, self.settings
        checks = {checker.name: checker.checked for checker in self.checkers}
        idle = [name for name, count in checks.items() if not count and name != Evidence.name]
        if idle or len(self.agreement.blocks) < settings.blocks_min:
            raise Violation(f"the run proves nothing: {len(self.agreement.blocks)} blocks, nothing checked by {idle}")
        tick_us = settings.tick_ms * MILLISECOND_US
        return Outcome(
            seed=settings.seed,
            replicas=settings.replicas,
            chain_id=settings.chain_id,
            trace_hash=cluster.transcript.trace_hash,
            blocks=len(self.agreement.blocks),
            views=max(self._views()),
            requests=len(self.clients.requests),
            faults=dict(sorted((self.faults.injected + self.lies).items())),
            evidence=len(self.evidence.convictions),
            restarts=cluster.restarts,
            snapshots=cluster.snapshots,
            frames=cluster.frames,
            lost=cluster.network.lost,
            doubled=cluster.network.doubled,
            signatures=cluster.signatures.checks,
            checks=checks,
            ticks=cluster.clock.now_us // tick_us,
            recovery_ticks=recovery_us // tick_us,
        )


def run(
    seed: int, *, replicas: int | None = None, twins: bool = False, show: Callable[[str], None] | None = None
) -> Outcome:
    """The whole run of a seed, maybe with nothing but twins; `show` is told every line of its transcript."""
    return Run(draw(seed, replicas=replicas, twins=twins), show).whole()


def described(settings: Settings) -> str:
    """A run's settings in one line."""
    liars = ", ".join(f"{place} is {behaviour}" for place, behaviour in settings.byzantine) or "nobody lies"
    return (
        f"seed {settings.seed}: {settings.replicas} replicas of {settings.chain_id}, "
        f"loss {settings.loss:.0%}, doubled {settings.duplication:.0%}; {liars}; faults: {', '.join(settings.faults)}"
    )
