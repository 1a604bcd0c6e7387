"""The house's limits: sizes of functions and files, names of modules, words."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("chain", "contracts", "credentials", "node", "gateway", "relayer", "simulation", "scripts")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))

FUNCTION_LINES_MEDIAN, FUNCTION_LINES_P90, FUNCTION_LINES_MAX = 10, 30, 60
FILE_LINES_MEDIAN, FILE_LINES_P90, FILE_LINES_MAX = 150, 350, 500
COMMAND_LINES_MAX = 100
FORBIDDEN_MODULES = {"utils", "util", "common", "helpers", "helper", "misc", "base", "manager"}
FORBIDDEN_WORDS = {
    "node/consensus": ("leader", "follower", "validator", "miner", "epoch", "election", "failover"),
    "node": ("validator", "miner", "epoch", "soulbound"),
    "chain": ("validator", "miner", "epoch", "soulbound"),
    "contracts": ("validator", "miner", "soulbound", "nft"),
}
"""Words that the glossary gives another name; DIDs and roles of accounts have a `leader` by the reference's name."""


def functions() -> Iterator[tuple[str, int]]:
    """(place, lines of the body without its docstring) of every function."""
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                body = node.body
                if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
                    body = body[1:]
                lines = (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
                yield f"{path.relative_to(ROOT)}:{node.name}", lines


def share(values: list[int], part: float) -> int:
    return sorted(values)[int(part * len(values))]


def test_functions_are_small() -> None:
    sizes = dict(functions())
    assert len(sizes) > 500
    assert median(sizes.values()) <= FUNCTION_LINES_MEDIAN
    assert share(list(sizes.values()), 0.9) <= FUNCTION_LINES_P90
    assert {place: size for place, size in sizes.items() if size > FUNCTION_LINES_MAX} == {}


def test_files_are_medium() -> None:
    sizes = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in FILES}
    assert median(sizes.values()) <= FILE_LINES_MEDIAN
    assert share(list(sizes.values()), 0.9) <= FILE_LINES_P90
    assert {place: size for place, size in sizes.items() if size > FILE_LINES_MAX} == {}


def test_commands_only_parse_call_and_show() -> None:
    long = {
        path.name: lines
        for path in (ROOT / "scripts" / "commands").glob("*.py")
        if (lines := len(path.read_text("utf-8").splitlines())) > COMMAND_LINES_MAX
    }
    assert long == {}


def test_no_module_is_named_for_nothing() -> None:
    assert [path for path in FILES if path.stem in FORBIDDEN_MODULES] == []


@pytest.mark.parametrize("folder", FORBIDDEN_WORDS)
def test_the_words_are_the_fields_own(folder: str) -> None:
    pattern = re.compile(rf"\b({'|'.join(FORBIDDEN_WORDS[folder])})s?\b", re.IGNORECASE)
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in FILES
        if path.is_relative_to(ROOT / folder)
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1)
        if pattern.search(line)
    ]
    assert found == []


def test_tests_mirror_the_tree() -> None:
    """`tests/<folder>/test_x.py` speaks of `<folder>/x.py`, or of a theme that its folder allows."""
    themes = {
        "tests/docs",
        "tests/e2e",
        "tests/interop",
        "tests/fuzz",
        "tests/scenarios",
        "tests/architecture",
        "tests/vectors",
    }
    packages = [ROOT / "tests" / package for package in PACKAGES]
    assert all(folder.is_dir() for folder in packages)
    known = {*(str(path.relative_to(ROOT)) for path in packages), *themes}
    strange = [
        path
        for path in (ROOT / "tests").iterdir()
        if path.is_dir() and path.name != "__pycache__" and str(path.relative_to(ROOT)) not in known
    ]
    assert strange == []


def test_no_package_sits_in_tests() -> None:
    """A package in tests would replace the real one of its name."""
    assert list((ROOT / "tests").rglob("__init__.py")) == []
