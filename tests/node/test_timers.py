"""Timers that do not go together are named, with the reason."""

import pytest
from msgspec.structs import replace

from chain.profiles import load_profiles
from node.timers import timer_fault

WUHAN = load_profiles()["wuhan"]


def test_the_ten_profiles_go_together() -> None:
    assert timer_fault(load_profiles().values()) == ""


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"progress_ticks": 9}, "progress_ticks of wuhan is 9, less than 10"),
        ({"clock_skew_ms": 1_999}, "clock_skew_ms of wuhan is 1999, less than progress_ticks x tick_ms = 2000"),
        ({"progress_ticks": 101}, "clock_skew_ms of wuhan is 10000, less than progress_ticks x tick_ms = 10100"),
        ({"clock_skew_ms": 150_001}, "clock_skew_ms of wuhan is 150001, more than half the transaction window"),
    ],
)
def test_a_timer_against_another_is_refused_with_the_setting_and_the_reason(changes: dict[str, int], why: str) -> None:
    assert timer_fault([replace(WUHAN, **changes)]).startswith(why)


@pytest.mark.parametrize(
    "changes", [{"progress_ticks": 10}, {"clock_skew_ms": 2_000}, {"progress_ticks": 100}, {"clock_skew_ms": 150_000}]
)
def test_at_the_bound_they_go_together(changes: dict[str, int]) -> None:
    assert timer_fault([replace(WUHAN, **changes)]) == ""


def test_chains_that_tick_differently_cannot_share_a_node() -> None:
    slow = replace(load_profiles()["nanjing"], tick_ms=200)
    assert (
        timer_fault([WUHAN, slow]) == "tick_ms is 100 and 200: a node ticks all its chains at once, give all the same"
    )
