"""When a proposal's time is near enough."""

import pytest

from node.timeliness import Timeliness

SKEW, NOW, PRIMARY = 10_000, 1_000_000, 2


def linked_long_ago() -> Timeliness:
    """A link that was there before every proposal."""
    times = Timeliness(SKEW, NOW)
    times.linked(PRIMARY, NOW - 500_000)
    return times


@pytest.mark.parametrize(
    ("distance", "allowed"), [(-SKEW - 1, False), (-SKEW, True), (0, True), (SKEW, True), (SKEW + 1, False)]
)
def test_a_time_is_allowed_within_the_skew_on_either_side(distance: int, allowed: bool) -> None:
    assert linked_long_ago().allows(NOW + distance, PRIMARY, NOW, earliest=0) == allowed


def test_an_old_time_is_allowed_only_if_it_is_older_than_the_link() -> None:
    times = linked_long_ago()
    times.linked(PRIMARY, NOW - 60_000)
    assert times.allows(NOW - 60_001, PRIMARY, NOW, earliest=0)
    assert not times.allows(NOW - 60_000, PRIMARY, NOW, earliest=0)
    assert not times.allows(NOW + SKEW + 1, PRIMARY, NOW, earliest=0)


def test_without_a_link_an_old_time_is_allowed() -> None:
    times = linked_long_ago()
    times.lost(PRIMARY)
    times.lost(3)
    assert times.allows(NOW - 60_000, PRIMARY, NOW, earliest=0)
    assert not times.allows(NOW + SKEW + 1, PRIMARY, NOW, earliest=0)


def test_after_a_sleep_what_was_sent_before_it_is_allowed() -> None:
    times = linked_long_ago()
    times.ticked(NOW + SKEW)
    assert not times.allows(NOW, PRIMARY, NOW + 60_000, earliest=0)
    times.ticked(NOW + SKEW + SKEW + 1)
    assert times.allows(NOW, PRIMARY, NOW + 60_000, earliest=0)


def test_ticks_that_come_in_time_change_nothing() -> None:
    times = linked_long_ago()
    for now in range(NOW, NOW + 100_000, SKEW):
        times.ticked(now)
    assert not times.allows(NOW + 10, PRIMARY, NOW + 100_000, earliest=0)


def test_the_first_time_after_the_head_is_always_allowed_when_all_clocks_were_set_back() -> None:
    times = linked_long_ago()
    head = NOW + 3_600_000
    assert times.allows(head + 1, PRIMARY, NOW, earliest=head + 1)
    assert not times.allows(head + 2, PRIMARY, NOW, earliest=head + 1)
