"""Plots that anyone can open anywhere: they load nothing."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from scripts.bench.plots import write_plots
from tests.scripts.bench.small_document import document

HOSTS = re.compile(r"(?:[a-z]+:)?//[^\"' )<>]+")
NAMESPACES = {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}


@pytest.fixture(scope="module")
def plots(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder: Path = tmp_path_factory.mktemp("plots") / "new"
    return {name: path.read_text("utf-8") for name, path in write_plots(document(), folder).items()}


def test_every_scenario_has_one(plots: dict[str, str]) -> None:
    assert plots.keys() == document()["scenarios"].keys()
    for svg in plots.values():
        assert ET.fromstring(svg).tag.endswith("svg")


def test_none_names_another_host_or_holds_a_script(plots: dict[str, str]) -> None:
    for svg in plots.values():
        assert set(HOSTS.findall(svg)) <= NAMESPACES
        for word in ("<script", "<!--", "@import", "url(http", "<image", "foreignObject"):
            assert word not in svg


def test_a_rate_stands_beside_its_limit(plots: dict[str, str]) -> None:
    for word in ("node-rpc", "gateway-bulk", "gateway-single", "limit of this run", "5000", "10000"):
        assert word in plots["single"]


def test_what_was_measured_along_an_axis_is_drawn_along_it(plots: dict[str, str]) -> None:
    for word in ("10,000", "100,000", "certificates", "node-rpc"):
        assert word in plots["growth"]
    assert "limit of this run" not in plots["growth"]
    assert "limit of this run" in plots["replicas"]
    for word in ("100", "each", "node-rpc"):
        assert word in plots["scattered"]


def test_costs_are_drawn_as_costs(plots: dict[str, str]) -> None:
    for word in ("22.5", "contract, us a single mint", "in process"):
        assert word in plots["contracts"]


def test_times_are_drawn_as_times(plots: dict[str, str]) -> None:
    assert "median, ms" in plots["latency"]
    assert "1270" in plots["start"]
