"""One plot per scenario as SVG that loads nothing: no script, no font, no style from elsewhere."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from scripts.bench.report import FIGURES

AXES: Final = ("certificates", "replicas", "each")
SHOWN: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "latency": ("ms", ("p50_ms", "p99_ms")),
    "start": ("ms", ("p50_ms",)),
    "failover": ("ms", ("p50_ms", "p99_ms")),
    "backup-down": ("per second", ("four_per_s", "three_per_s")),
    "overload": ("per second", ("best_per_s", "per_s", "offered_per_s")),
    "idle": ("% of one core", ("node_cpu_percent", "gateway_cpu_percent")),
    "demo": ("s", ("whole_s",)),
    "contracts": ("us", ("single_us", "single_root_us", "each_us", "each_root_us")),
}
"""The scenarios whose plot is not their rate beside the limit: unit and figures."""
LIMITS: Final = {"verify": "http_per_s", "ten": "ten_signature_per_s"}
"""The limits of the scenarios whose limit is not the crypto limit of the Ed25519 chain."""
_SCRIPTS: Final = re.compile(r"<script\b.*?</script>", re.DOTALL)
_COMMENTS: Final = re.compile(r"<!--.*?-->", re.DOTALL)


def write_plots(document: Mapping[str, Any], folder: Path) -> dict[str, Path]:
    """Write `<scenario>.svg` for every scenario; the files by scenario."""
    folder.mkdir(parents=True, exist_ok=True)
    written = {}
    for scenario, doors in document["scenarios"].items():
        written[scenario] = folder / f"{scenario}.svg"
        written[scenario].write_text(plot(scenario, doors, document["limits"]), "utf-8")
    return written


def plot(scenario: str, doors: Mapping[str, Mapping[str, Any]], limits: Mapping[str, Any]) -> str:
    """The plot of one scenario: along its axis, or figures of its own, or rates by door beside the limit."""
    points = {door: members["points"] for door, members in doors.items() if members.get("points")}
    if points and scenario not in SHOWN:
        return _along(scenario, points)
    if scenario in SHOWN:
        unit, names = SHOWN[scenario]
        return _bars(scenario, unit, {FIGURES[name]: _values(doors, name) for name in names}, list(doors))
    limit = limits[LIMITS.get(scenario, "signature_per_s")]
    series = {"measured": _values(doors, "per_s"), "limit of this run": [limit] * len(doors)}
    return _bars(scenario, "per second", series, list(doors))


def _values(doors: Mapping[str, Mapping[str, Any]], name: str) -> list[float | None]:
    return [members.get(name) for members in doors.values()]


def _bars(title: str, unit: str, series: Mapping[str, list[Any]], labels: list[str]) -> str:
    from pygal import Bar  # noqa: PLC0415 - comes with `python3 scripts bench`; no other command needs it

    chart = Bar(**_options(title, unit), print_values=True)
    chart.x_labels = labels
    for name, values in series.items():
        chart.add(name, values)
    return _plain(chart)


def _along(title: str, points: Mapping[str, list[Mapping[str, float]]]) -> str:
    """Lines of the rate by door, and of the limit where it moves."""
    from pygal import Line  # noqa: PLC0415

    first = next(iter(points.values()))
    axis = next(name for name in AXES if name in first[0])
    chart = Line(**_options(title, "per second"), x_title=axis)
    chart.x_labels = [f"{point[axis]:,}" for point in first]
    for door, row in points.items():
        chart.add(door, [point["per_s"] for point in row])
    if "limit_per_s" in first[0]:
        chart.add("limit of this run", [point["limit_per_s"] for point in first])
    return _plain(chart)


def _options(title: str, unit: str) -> dict[str, Any]:
    from pygal.style import Style  # noqa: PLC0415

    style = Style(font_family="sans-serif", background="#ffffff", plot_background="#ffffff")
    return {
        "title": title,
        "y_title": unit,
        "js": [],
        "style": style,
        "width": 720,
        "height": 400,
        "legend_at_bottom": True,
        "include_x_axis": True,
        "min_scale": 3,
        "disable_xml_declaration": True,
    }


def _plain(chart: Any) -> str:
    """The SVG without the script that only a page of the library's own can use, and without its comments."""
    text: str = chart.render(is_unicode=True)
    return _COMMENTS.sub("", _SCRIPTS.sub("", text))
