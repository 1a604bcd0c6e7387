"""What a restart must not undo: whatever was logged binds, in every phase and while views change."""

from hypothesis import given, settings
from hypothesis import strategies as st

from node.consensus.effects import (
    Accept,
    BlockBuilt,
    BuildBlock,
    Cast,
    Censored,
    Drop,
    Effect,
    Reason,
    RequestReceived,
    Show,
    Tick,
    ValidateBlock,
)
from node.consensus.evidence import Witness
from node.consensus.messages import Commit, Message, NewView, Prepare, PrePrepare, ViewChange, place
from tests.node.consensus.stage import Stage
from tests.node.consensus.views_play import bound_to_a, cast, dropped, giving_up, tick, waiting, with_a_prepared


def test_a_proposal_that_was_accepted_is_still_the_only_one() -> None:
    stage = Stage(replica_id=2)
    stage.propose(0, "A")
    assert stage.restart() == (ValidateBlock(stage.block("A")),)
    assert dropped(stage.propose(0, "B")) == [Reason.CONFLICTS]
    assert [type(message) for message in cast(stage.valid("A"))] == [Prepare]


def test_a_vote_that_was_cast_is_not_cast_again() -> None:
    stage = with_a_prepared()
    stage.restart()
    assert cast(stage.valid("A")) == []
    assert cast(stage.vote(3, Prepare, "A")) == []


def test_own_votes_count_after_a_restart_and_those_of_others_are_asked_for_anew() -> None:
    stage = with_a_prepared()
    stage.restart()
    stage.valid("A")
    stage.vote(0, Commit, "A")
    assert stage.replica.height == 1
    stage.vote(1, Commit, "A")
    assert stage.replica.height == 2


def test_what_is_prepared_is_known_and_shown_after_a_restart() -> None:
    stage = with_a_prepared()
    proof = stage.replica.prepared
    stage.restart()
    assert (stage.replica.prepared, stage.replica.phase) == (proof, "prepared")
    assert cast(stage.step(Censored())) == [ViewChange(view=1, committed=None, prepared=proof)]


def test_a_view_that_is_wanted_is_wanted_after_a_restart_and_no_lower_one_is_voted_in() -> None:
    stage = giving_up(2)
    assert stage.restart() == ()
    assert (stage.replica.view, stage.replica.phase) == (1, "view-change")
    assert dropped(stage.propose(0, "A")) == [Reason.STALE]
    assert cast(stage.want(0, 1)) == []
    assert cast(stage.open(1, 1, 0, 1, 2)) == []
    assert isinstance(stage.propose(1, "B", view=1)[0], Accept)


def test_the_own_view_change_counts_after_a_restart() -> None:
    stage = giving_up(1)
    stage.restart()
    stage.want(0, 1)
    assert [type(message) for message in cast(stage.want(2, 1))] == [NewView]


def test_the_proof_that_a_view_change_showed_is_there_after_a_restart_and_so_is_the_block() -> None:
    stage = with_a_prepared()
    stage.step(Censored())
    stage.restart()
    proof = stage.prepared("A", signers=(1, 2))
    assert stage.replica.prepared == proof
    effects = stage.open(1, 1, 1, 2, 3)
    assert any(isinstance(effect, Show) and effect.peer == 1 for effect in effects)
    (change,) = cast(stage.step(Censored()))
    assert isinstance(change, ViewChange)
    assert (change.view, change.prepared) == (2, proof)


def test_of_two_proposals_in_the_log_the_prepared_one_is_shown() -> None:
    stage = with_a_prepared()
    stage.open(1, 1, 0, 1, 3)
    stage.propose(1, "B", view=1)
    stage.restart()
    stage.want(3, 3, shows=stage.prepared("A"))
    (show,) = [effect for effect in stage.open(3, 3, 0, 1, 3) if isinstance(effect, Show)]
    assert show.envelope.message == PrePrepare(view=0, block=stage.block("A"), parent_certificate=None)


def test_a_bound_primary_that_restarts_takes_its_block_from_the_log() -> None:
    stage = with_a_prepared(1)
    stage.step(Censored())
    stage.restart()
    stage.want(0, 1)
    stage.want(3, 1)
    assert cast(stage.durable()) == [PrePrepare(view=1, block=stage.block("A"), parent_certificate=None)]


def test_a_view_that_was_entered_is_the_view_after_a_restart_and_binds_as_before() -> None:
    stage = bound_to_a(2, has_block=False)
    stage.restart()
    assert (stage.replica.view, stage.replica.changing) == (1, False)
    stage.block("B", view=1)
    assert dropped(stage.propose(1, "B", view=1)) == [Reason.CONFLICTS]
    assert isinstance(stage.propose(1, "A", view=1)[0], Accept)
    drop, show = stage.want(0, 1)
    assert drop == Drop(Reason.STALE)
    assert isinstance(show, Show)


def test_a_primary_that_opened_its_view_does_not_open_it_again() -> None:
    stage = giving_up(1)
    stage.want(0, 1)
    stage.want(2, 1)
    stage.restart()
    assert (stage.replica.view, stage.replica.changing) == (1, False)
    assert cast(stage.want(3, 1)) == []
    assert stage.step(RequestReceived()) == (BuildBlock(stage.replica.head.header, 1),)


def test_a_primary_that_proposed_in_its_view_proposes_nothing_else_there() -> None:
    stage = giving_up(1)
    stage.want(0, 1)
    stage.want(2, 1)
    stage.durable()
    stage.step(BlockBuilt(stage.block("B", view=1)))
    assert stage.restart() == (ValidateBlock(stage.block("B")),)
    assert stage.step(RequestReceived()) == ()
    assert stage.step(BlockBuilt(stage.block("C", view=1))) == ()


def test_the_messages_of_views_before_are_not_taken_for_those_of_the_view() -> None:
    stage = with_a_prepared(2)
    stage.want(3, 1, shows=stage.prepared("A"))
    stage.want(0, 1)
    stage.durable()
    stage.open(1, 1, 0, 1, 3)
    stage.restart()
    assert stage.replica.phase == "idle", "A is prepared, in view 0"
    stage.propose(1, "A", view=1)
    assert [type(message) for message in cast(stage.valid("A"))] == [Prepare]


def test_a_replica_whose_head_moved_on_since_says_so_in_the_view_that_it_wants() -> None:
    """The process died between the block and the view change that follows it: that is cast when the log is read."""
    stage = giving_up(2)
    durable = list(stage.logged)
    stage.sync("A")
    stage.logged = durable
    (change,) = cast(stage.restart())
    assert isinstance(change, ViewChange)
    assert (change.view, change.height) == (1, 2)


def test_a_certificate_of_the_wanted_view_makes_it_the_entered_one_across_a_restart() -> None:
    stage = giving_up(2)
    stage.sync("A", view=1)
    assert stage.logged == []
    stage.restart()
    assert (stage.replica.view, stage.replica.changing) == (1, False)


def test_a_restart_without_a_log_on_a_certified_head_begins_in_the_view_of_its_certificate() -> None:
    stage = Stage(replica_id=2)
    stage.sync("A", view=6)
    assert stage.restart() == ()
    assert (stage.replica.view, stage.replica.pending) == (6, False)


def test_a_peer_s_own_messages_are_there_to_be_shown_to_it() -> None:
    stage = waiting(2)
    stage.propose(0, "A")
    stage.valid("A")
    stage.durable()
    stage.vote(3, Commit, "A")
    stage.vote(0, Commit, "A")
    kinds = {peer: [type(said.message) for said in stage.replica.shown_to(peer)] for peer in range(4)}
    assert kinds == {0: [PrePrepare, Commit], 1: [], 2: [Prepare], 3: [Commit]}
    stage.want(3, 1)
    stage.want(1, 2)
    kinds = {peer: [type(said.message) for said in stage.replica.shown_to(peer)] for peer in (1, 3)}
    assert kinds == {1: [ViewChange], 3: [ViewChange]}, "it went with them, and gave view 0 up"


def test_a_block_of_another_digest_found_valid_changes_nothing() -> None:
    stage = Stage(replica_id=2)
    stage.propose(0, "A")
    assert stage.valid("B") == ()


# ---- any story ----

SAYINGS = ["propose", "prepare", "commit", "want", "open"]
DEEDS = [*SAYINGS, "valid", "invalid", "durable", "restart", "request", "built", "sync", "tick", "censored"]
story = st.lists(
    st.tuples(st.sampled_from(DEEDS), st.integers(0, 3), st.sampled_from("AB"), st.integers(0, 3), st.booleans()),
    max_size=60,
)


def do(stage: Stage, deed: str, signer: int, letter: str, view: int, shows: bool) -> tuple[Effect, ...]:
    """One deed; of the others nobody need be correct."""
    name = f"{letter}{stage.replica.height}"
    match deed:
        case "propose":
            return stage.propose(stage.primary(view), name, view=view)
        case "prepare" | "commit":
            return stage.vote(signer, Prepare if deed == "prepare" else Commit, name, view=view)
        case "want":
            prepared = stage.prepared(name, view=view - 1) if shows and view else None
            return stage.want(signer, view, shows=prepared)
        case "open":
            signers = [place for place in range(4) if place != signer]
            return stage.open(stage.primary(view), view, *signers)
        case "valid":
            return stage.valid(name)
        case "invalid":
            return stage.invalid(name)
        case "durable":
            return stage.durable()
        case "restart":
            return stage.restart()
        case "request":
            return stage.step(RequestReceived())
        case "built":
            return stage.step(BlockBuilt(stage.block(f"{name} of view {stage.replica.view}", view=stage.replica.view)))
        case "tick":
            return tick(stage, 10)
        case "censored":
            return stage.step(Censored())
        case _:
            certificate = stage.replica.head.certificate  # along a chain the views of certificates do not fall
            return stage.sync(name, view=max(view, 0 if certificate is None else certificate.view))


def speaker(stage: Stage, deed: str, signer: int, view: int) -> int | None:
    """In whose name something is said: a host never feeds in what claims to be the replica's own."""
    if deed in ("propose", "open"):
        return stage.primary(view)
    return signer if deed in SAYINGS else None


@settings(deadline=None, max_examples=200)
@given(replica_id=st.integers(0, 3), deeds=story)
def test_whatever_happens_a_replica_convicts_itself_of_nothing_and_goes_back_to_no_view(
    replica_id: int, deeds: list[tuple[str, int, str, int, bool]]
) -> None:
    stage = Stage(replica_id=replica_id)
    stage.step(RequestReceived())
    witness, said, wanted = Witness(), set[tuple[type, int, int]](), 0
    for deed, signer, letter, view, shows in deeds:
        if speaker(stage, deed, signer, view) == replica_id:
            continue
        before = stage.replica.view
        for message in cast(do(stage, deed, signer, letter, view, shows)):
            own = stage.signed(replica_id, message)
            assert witness.hear(own, stage.signers.membership.key(replica_id), 1) is None
            height, spoken = place(message)
            assert (type(message), height, spoken) not in said
            said.add((type(message), height, spoken))
            assert spoken >= wanted
            wanted = max(wanted, spoken) if isinstance(message, ViewChange) else wanted
        assert stage.replica.view >= before
        assert not (stage.replica.changing and stage.replica.view < wanted)


def test_the_deeds_of_the_stories_do_what_they_say() -> None:
    """Else the property above would hold for want of anything that happens."""
    stage = Stage(replica_id=1)
    kinds: set[type[Message | Effect]] = set()
    for deed in (
        ("request", 0, "A", 0, False),
        ("propose", 0, "A", 0, False),
        ("valid", 0, "A", 0, False),
        ("durable", 0, "A", 0, False),
        ("prepare", 2, "A", 0, False),
        ("tick", 0, "A", 0, False),
        ("tick", 0, "A", 0, False),
        ("durable", 0, "A", 0, False),
        ("want", 2, "A", 1, True),
        ("want", 3, "A", 1, False),
        ("restart", 0, "A", 0, False),
        ("durable", 0, "A", 0, False),
        ("sync", 0, "A", 1, False),
        ("request", 0, "A", 0, False),
        ("built", 0, "A", 0, False),
    ):
        for effect in do(stage, *deed):
            kinds.add(type(effect.message) if isinstance(effect, Cast) else type(effect))
    assert kinds >= {Prepare, Commit, ViewChange, NewView, PrePrepare, Accept, ValidateBlock}
    assert Tick not in kinds


def test_of_several_view_changes_in_the_log_the_highest_binds() -> None:
    stage = giving_up(2)
    logged = [stage.signed(2, stage.view_change(view, shows=None)) for view in (1, 3, 2)]
    again = Stage(replica_id=2)
    assert again.replica.restore(tuple(logged), None) == ()
    assert (again.replica.view, again.replica.changing) == (3, True)
