"""The table of pitfalls: every number once, and every test and function that it names is there."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PITFALLS = range(1, 58)
WITH_A_TEST_MIN = 45
ROW = re.compile(r"^\| P(\d+) \| [^|]+ \| [^|]+ \| ([^|]+) \|$", re.MULTILINE)
NAMED = re.compile(r"`([\w/]+\.py)::([\w.]+)`")
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def rows() -> list[tuple[int, list[tuple[str, str]]]]:
    """(number of a pitfall, the (path, name) that its row names), in the order of the page."""
    page = (ROOT / "docs" / "pitfalls.md").read_text("utf-8")
    return [(int(number), NAMED.findall(names)) for number, names in ROW.findall(page)]


@cache
def functions(path: str) -> frozenset[str]:
    """The functions of a module, and the methods of its classes as Class.method."""
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    methods = (
        f"{node.name}.{inner.name}"
        for node in tree.body
        if isinstance(node, ast.ClassDef)
        for inner in node.body
        if isinstance(inner, FUNCTIONS)
    )
    return frozenset({*(node.name for node in tree.body if isinstance(node, FUNCTIONS)), *methods})


def is_test(path: str, name: str) -> bool:
    return path.startswith("tests/") and Path(path).name.startswith("test_") and name.startswith("test_")


def test_every_pitfall_is_there_once() -> None:
    assert [number for number, _ in rows()] == list(PITFALLS)


def test_every_test_and_function_that_is_named_exists() -> None:
    named = {place for _, places in rows() for place in places}
    assert not [f"{path}::{name}" for path, name in sorted(named) if name not in functions(path)]


def test_most_pitfalls_have_a_test_and_the_others_a_line_of_the_code() -> None:
    tested = [number for number, places in rows() if any(is_test(*place) for place in places)]
    assert len(tested) >= WITH_A_TEST_MIN
    assert all(places for _, places in rows())
    without = [places for number, places in rows() if number not in tested]
    assert all(not path.startswith("tests/") for places in without for path, _ in places)
