"""The normal case at its edges: what a proposal must bring, what a proof holds, and when nothing is built (R1 to R6)."""

from msgspec.structs import replace

from chain.block import Block
from node.consensus.effects import (
    Accept,
    Behind,
    BuildBlock,
    Cast,
    Drop,
    Effect,
    NothingToBuild,
    Reason,
    RequestReceived,
    Show,
    SnapshotInstalled,
)
from node.consensus.head import Head
from node.consensus.messages import Commit, Prepare, PrePrepare, is_prepared
from tests.node.consensus.crowd import crowd
from tests.node.consensus.stage import Stage
from tests.node.consensus.views_play import dropped, tick, with_a_prepared


def kinds(effects: tuple[Effect, ...]) -> list[type]:
    """The kinds of what is done."""
    return [type(effect) for effect in effects]


def test_a_primary_builds_nothing_where_nothing_waits() -> None:
    stage = Stage(replica_id=0)
    assert stage.sync("A") == ()
    assert stage.step(RequestReceived()) == (BuildBlock(stage.replica.head.header, 0),)


def test_a_primary_that_had_nothing_to_build_asks_again_on_the_next_tick() -> None:
    stage = Stage(replica_id=0)
    stage.step(RequestReceived())
    assert tick(stage, 1) == ()
    assert stage.step(NothingToBuild()) == ()
    assert tick(stage, 1) == (BuildBlock(stage.replica.head.header, 0),)


def test_a_proposal_at_the_time_of_its_parent_is_refused() -> None:
    stage = Stage(replica_id=1)
    header = replace(stage.block("A").header, time=stage.replica.head.header.time)
    for later, refused in ((0, True), (1, False)):
        block = Block(header=replace(header, time=header.time + later), transactions=())
        effects = stage.hear(0, PrePrepare(view=0, block=block, parent_certificate=None))
        assert (dropped(effects) == [Reason.HEADER_MALFORMED]) == refused


def test_a_proof_of_preparation_shows_no_more_prepares_than_it_takes_however_many_came() -> None:
    stage = Stage(replica_id=1, signers=crowd(7))
    stage.propose(0, "A")
    for signer in range(2, 7):
        stage.vote(signer, Prepare, "A")
    (cast, *_) = [effect for effect in stage.valid("A") if isinstance(effect, Cast) and effect.prepared is not None]
    assert isinstance(cast.message, Commit)
    assert cast.prepared is not None
    assert cast.prepared.signers == (2, 3, 4, 5)
    assert is_prepared(stage.rules, cast.prepared, stage.replica.membership, primary=0)


def test_a_snapshot_that_ends_with_the_height_in_flight_is_taken() -> None:
    stage = Stage(replica_id=1)
    stage.sync("A")
    header = stage.block("B").header
    head = Head(
        header=header,
        digest=stage.digest("B"),
        certificate=stage.certificate(header),
        membership=stage.signers.membership,
        certified_by=stage.signers.membership,
    )
    assert stage.step(SnapshotInstalled(head)) == ()
    assert stage.replica.height == 3


def test_the_parent_before_a_change_of_the_set_is_certified_by_the_set_before() -> None:
    old, new = crowd(4), crowd(5)
    stage = Stage(replica_id=1, signers=old)
    stage.sync("A", next_membership=new.membership)
    head = stage.replica.head.header
    by_others = old.certify(stage.rules, head, signers=(1, 2, 3)).certificate
    by_the_new = new.certify(stage.rules, head).certificate
    stage.signers = new
    block = stage.block("B")
    for certificate, accepted in ((by_the_new, False), (by_others, True)):
        effects = stage.hear(0, PrePrepare(view=0, block=block, parent_certificate=certificate))
        assert (Accept in kinds(effects)) == accepted
        assert (effects == (Drop(Reason.PARENT_NOT_CERTIFIED),)) != accepted


def test_the_parent_of_an_early_proposal_is_certified_by_the_set_of_the_height_in_flight() -> None:
    old, new = crowd(4), crowd(5)
    stage = Stage(replica_id=1, signers=old)
    stage.sync("A", next_membership=new.membership)
    stage.signers = new
    stage.block("B")
    assert stage.propose(0, "C", height=3) == (Behind(0, 2),)


def test_a_bound_primary_that_has_the_block_shows_it_to_nobody() -> None:
    stage = with_a_prepared(1)
    stage.want(0, 1)
    stage.want(3, 1)
    stage.durable()
    effects = stage.durable()
    assert (stage.replica.view, stage.replica.changing) == (1, False)
    assert Show not in kinds(effects)
