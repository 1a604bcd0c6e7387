"""Percentiles, and what a result says of itself."""

import os
from pathlib import Path

import psutil
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.bench.measure import Result, Usage, folder_bytes, in_ms, own_rss, peak_rss, percentile, used_since

SIX = {"per_s", "ratio", "p50_ms", "p99_ms", "cpu_us", "rss_mb"}


@given(st.lists(st.integers(), min_size=1), st.floats(min_value=0, max_value=1))
@settings(deadline=None)
def test_a_percentile_is_the_least_value_that_the_share_does_not_exceed(values: list[int], share: float) -> None:
    found = percentile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values)
    assert all(sum(value <= less for value in values) < share * len(values) for less in values if less < found)


def test_the_median_of_one_is_that_one_and_of_nothing_there_are_no_times() -> None:
    assert percentile([3.0], 0.5) == percentile([3.0], 0.99) == 3.0
    assert in_ms([]) == {}
    assert in_ms([0.001, 0.002, 0.010]) == {"p50_ms": 2.0, "p99_ms": 10.0}


def test_every_result_has_the_six_figures_though_some_say_nothing() -> None:
    bare = Result(scenario="start", door="up", figures={"p50_ms": 7.0}, setting="once").members()
    assert bare.keys() == SIX | {"setting", "bar"}
    assert {name for name in SIX if bare[name] is not None} == {"p50_ms"}
    along = Result(scenario="growth", door="up", figures={}, setting="", points=[{"certificates": 1}]).members()
    assert along["points"] == [{"certificates": 1}]


def test_used_is_what_was_added_and_a_new_process_counts_from_its_start() -> None:
    before, after = Usage(cpu_s={"xian": 2.0}, peak={}), Usage(cpu_s={"xian": 2.5, "dalian": 0.5}, peak={})
    assert used_since(before, after) == {"xian": 0.5, "dalian": 0.5}


def test_the_size_of_a_folder_is_what_its_files_take_on_disk(tmp_path: Path) -> None:
    assert folder_bytes(tmp_path) == 0
    (tmp_path / "below").mkdir()
    with (tmp_path / "below" / "sparse").open("wb") as file:
        file.truncate(1_000_000)
    assert folder_bytes(tmp_path) < 1_000_000
    (tmp_path / "below" / "whole").write_bytes(os.urandom(100_000))
    assert 100_000 <= folder_bytes(tmp_path) < 1_000_000


def test_the_peak_of_a_process_is_not_below_its_own_pages() -> None:
    process = psutil.Process()
    assert peak_rss(process) >= own_rss(process) > 1_000_000
