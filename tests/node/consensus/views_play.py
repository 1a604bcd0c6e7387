"""A backup that gives its primary up, and replicas in a view that is bound: what the tests of view changes begin with."""

from node.consensus.effects import Cast, Drop, Effect, Reason, RequestReceived, Tick
from node.consensus.messages import Message, Prepare
from tests.node.consensus.stage import Stage
from tests.node.small_chain import RULES

TICKS = RULES.profile.progress_ticks


def dropped(effects: tuple[Effect, ...]) -> list[Reason]:
    """Why inputs were dropped."""
    return [effect.reason for effect in effects if isinstance(effect, Drop)]


def cast(effects: tuple[Effect, ...]) -> list[Message]:
    """What is cast."""
    return [effect.message for effect in effects if isinstance(effect, Cast)]


def tick(stage: Stage, count: int, *, reachable: bool = True) -> tuple[Effect, ...]:
    """So many ticks."""
    return tuple(effect for _ in range(count) for effect in stage.step(Tick(reachable=reachable)))


def waiting(replica_id: int = 2, **options: object) -> Stage:
    """A backup with a request."""
    stage = Stage(replica_id=replica_id, **options)
    stage.step(RequestReceived())
    return stage


def giving_up(replica_id: int = 2) -> Stage:
    """A backup that has given up the primary of view 0; its view change is durable."""
    stage = waiting(replica_id)
    tick(stage, TICKS)
    stage.durable()
    assert stage.replica.changing
    return stage


def with_a_prepared(replica_id: int = 2) -> Stage:
    """A backup at which A is prepared in view 0."""
    stage = waiting(replica_id)
    stage.propose(0, "A")
    stage.valid("A")
    stage.durable()
    for signer in range(1, 4):
        if signer != replica_id:
            stage.vote(signer, Prepare, "A")
    stage.durable()
    assert stage.replica.prepared is not None
    return stage


def bound_to_a(replica_id: int = 2, *, has_block: bool = True) -> Stage:
    """A replica in view 1, which is bound to A; the primary 1 has opened it."""
    stage = with_a_prepared(replica_id) if has_block else waiting(replica_id)
    stage.want(3, 1, shows=stage.prepared("A"))
    stage.want(0, 1)
    stage.durable()
    if replica_id == 1:
        stage.durable()
    else:
        stage.open(1, 1, 0, 1, 3)
    assert (stage.replica.view, stage.replica.changing) == (1, False)
    return stage
