"""How long a replica waits for a primary: twice as long after every view that fails, half as long after a commit."""

from hypothesis import given, settings
from hypothesis import strategies as st

from node.consensus.patience import GROWTH_MAX, UNREACHABLE_WEIGHT, Patience


def ticks_until_given_up(patience: Patience, *, reachable: bool = True) -> int:
    """How many ticks it bears."""
    count = 1
    while not patience.tick(reachable=reachable):
        count += 1
    return count


def test_the_ticks_without_progress_run_out() -> None:
    assert ticks_until_given_up(Patience(20)) == 20


def test_a_primary_that_cannot_be_reached_is_given_up_several_times_sooner() -> None:
    assert UNREACHABLE_WEIGHT == 5
    assert ticks_until_given_up(Patience(20), reachable=False) == 4


def test_what_was_waited_for_begins_the_count_anew() -> None:
    patience = Patience(20)
    for _ in range(19):
        assert not patience.tick(reachable=True)
    patience.begin()
    assert ticks_until_given_up(patience) == 20


def test_the_time_out_doubles_with_every_view_that_fails_and_is_capped() -> None:
    patience = Patience(20)
    borne = []
    for _ in range(6):
        borne.append(ticks_until_given_up(patience))
        patience.failed()
    assert borne == [20, 40, 80, 160, 160, 160]
    assert GROWTH_MAX == 3


def test_the_time_out_halves_with_every_commit_down_to_where_it_began() -> None:
    patience = Patience(20)
    for _ in range(5):
        patience.failed()
    borne = []
    for _ in range(5):
        patience.succeeded()
        borne.append(ticks_until_given_up(patience))
    assert borne == [80, 40, 20, 20, 20]


def test_an_entered_view_does_not_shorten_the_time_out_only_a_commit_does() -> None:
    patience = Patience(20)
    patience.failed()
    patience.begin()
    assert patience.limit == 40


def test_a_view_that_fails_and_a_commit_begin_the_count_anew() -> None:
    patience = Patience(20)
    for happens in (patience.failed, patience.succeeded):
        patience.tick(reachable=True)
        happens()
        assert patience.ticks == 0


@settings(deadline=None)
@given(base=st.integers(1, 100), story=st.lists(st.sampled_from(["failed", "succeeded", "begin"]), max_size=30))
def test_the_time_out_never_leaves_its_bounds(base: int, story: list[str]) -> None:
    patience = Patience(base)
    for happens in story:
        getattr(patience, happens)()
        assert base <= patience.limit <= 8 * base
