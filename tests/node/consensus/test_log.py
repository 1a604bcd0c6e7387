"""Messages that come early: how many are kept, which of them, and in which order they are heard."""

from hypothesis import given, settings
from hypothesis import strategies as st

from node.consensus.log import FUTURE_HEIGHTS_MAX, FUTURE_PROPOSALS_MAX, Future
from node.consensus.messages import Authenticated, Commit, Prepare, PrePrepare, place
from tests.node.consensus.stage import Stage

STAGE = Stage(replica_id=1)


def vote(
    kind: type[Prepare | Commit], height: int, *, view: int = 0, signer: int = 2, letter: str = "A"
) -> Authenticated:
    """A vote of a height to come."""
    return STAGE.signed(signer, kind(view=view, height=height, block=STAGE.digest(letter)))


def proposal(height: int, view: int = 0) -> Authenticated:
    """A proposal of a height to come."""
    return STAGE.signed(0, PrePrepare(view=view, block=STAGE.block("A", height=height), parent_certificate=None))


def test_only_a_few_heights_ahead_are_admitted_and_fewer_of_the_large_messages() -> None:
    future = Future()
    heights = [h for h in range(30) if future.admits(vote(Commit, h), 10)]
    assert heights == list(range(10, 11 + FUTURE_HEIGHTS_MAX))
    heights = [h for h in range(30) if future.admits(proposal(h), 10)]
    assert heights == list(range(10, 11 + FUTURE_PROPOSALS_MAX))


def test_of_one_sender_height_and_kind_only_the_message_of_the_highest_view_is_kept() -> None:
    future = Future()
    first, higher, lower = (vote(Prepare, 5, view=view) for view in (1, 3, 2))
    assert future.keep(first)
    assert not future.keep(vote(Prepare, 5, view=1, letter="B"))
    assert future.keep(higher)
    assert not future.keep(lower)
    assert future.keep(vote(Commit, 5))
    assert future.keep(vote(Prepare, 5, signer=3))
    assert future.take(5, 3) == [higher]


def test_messages_are_heard_proposals_first_and_those_of_lower_heights_and_views_are_forgotten() -> None:
    future = Future()
    kept = [
        vote(Commit, 3, view=1),
        vote(Prepare, 3, view=1, signer=3),
        vote(Prepare, 3, view=1),
        proposal(3, view=1),
        vote(Commit, 3, view=0, signer=3),
        vote(Prepare, 3, view=2, signer=0),
        vote(Commit, 4),
        vote(Commit, 2, view=9),
    ]
    for message in kept:
        assert future.keep(message)
    assert future.take(3, 1) == [kept[3], kept[2], kept[1], kept[0]]
    assert future.take(3, 2) == [kept[5]]
    assert future.take(4, 0) == [kept[6]]
    assert not future.kept


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([Prepare, Commit]), st.integers(0, 40), st.integers(0, 2**53 - 1), st.integers(0, 3))
    )
)
def test_what_one_sender_can_fill_is_bounded(story: list[tuple[type, int, int, int]]) -> None:
    future = Future()
    for kind, height, view, signer in story:
        message = vote(kind, height, view=view, signer=signer)
        if future.admits(message, 10):
            future.keep(message)
    for signer in range(4):
        assert sum(message.signer == signer for message in future.kept.values()) <= 2 * (FUTURE_HEIGHTS_MAX + 1)
    assert all(place(message.message)[0] >= 10 for message in future.kept.values())
