"""One document, as JSON, as a page and as tables."""

import json
from pathlib import Path

import pytest

from scripts.bench.report import as_markdown, kept_sections, show, shown
from tests.scripts.bench.small_document import DOORS, document


def test_the_document_has_limits_and_six_figures_for_every_scenario_and_door() -> None:
    written = json.loads(json.dumps(document()))
    limits = written["limits"]
    assert (limits["signature_per_s"], limits["http_per_s"], limits["fdatasync_ms"]) == (10_000, 10_000, 0.1)
    assert limits["verify_us"] == {"ed25519": 50.0, "secp256k1": 25.0, "p-256": 40.0, "sm2": 200.0}
    assert set(written["scenarios"]["single"]) == set(DOORS)
    for doors in written["scenarios"].values():
        for members in doors.values():
            assert {"per_s", "ratio", "p50_ms", "p99_ms", "cpu_us", "rss_mb"} <= members.keys()


def test_the_page_says_how_it_was_made_and_links_to_its_plots() -> None:
    page = as_markdown(document(), "python3 scripts bench single", {"single": "plots/single.svg"})
    assert page.startswith("# Benchmarks\n")
    assert "`python3 scripts bench single`" in page
    assert "| crypto limit c / (n * t), Ed25519 | 10,000 single transactions per second |" in page
    assert "![single](plots/single.svg)" in page
    assert "plots/latency.svg" not in page
    assert "| per second (median run) | 5,000 | 5,000 | 5,000 |" in page
    assert "| of it on one backup, us | signature 40, state 8.5 |" in page


def test_doors_with_one_setting_share_a_line_and_each_names_its_bar() -> None:
    page = as_markdown(document(), "bench", {})
    assert page.count("the same for all") == 1
    assert "- node-rpc, gateway-bulk, gateway-single: the same for all." in page
    assert "- Bars: node-rpc bar of node-rpc; gateway-bulk bar of gateway-bulk; gateway-single" in page
    assert "- Bar: 10 ms." in page


def test_points_are_a_table_of_their_own() -> None:
    page = as_markdown(document(), "bench", {})
    assert "| certificates there | per second (median run) | ratio to the limit |" in page
    assert "| 100,000 | 4,500 | 0.45 |" in page


@pytest.mark.parametrize("first", ["What limits the figures", "Simulation and faults"])
def test_sections_that_people_write_stay(tmp_path: Path, first: str) -> None:
    page = tmp_path / "benchmarks.md"
    assert kept_sections(page) == ""
    page.write_text(f"# Benchmarks\n\nold figures\n\n## {first}\n\nprose\n\n## Simulation and faults\n\nmore\n")
    kept = kept_sections(page)
    assert kept.startswith(f"\n## {first}\n")
    assert kept.endswith("more\n")
    page.write_text("# Benchmarks\n\nnothing else\n")
    assert kept_sections(page) == ""


def test_the_tables_show_every_figure_that_says_something(capsys: pytest.CaptureFixture[str]) -> None:
    show(document())
    said = capsys.readouterr().out
    assert "single by gateway-bulk: the same for all" in said
    assert "4900-5100" in said
    assert "None" not in said


def test_figures_are_written_for_people() -> None:
    assert [shown(value) for value in (None, 1234, 0.5, 1234.5678, "4-5", {"a": 1.0, "b": 2})] == [
        "", "1,234", "0.5", "1,234.568", "4-5", "a 1, b 2",
    ]  # fmt: skip
