"""The model of consensus speaks of rules that the protocol has, and its words are the ones that its checks use."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "model"
MODEL = (FOLDER / "pbft.pml").read_text("utf-8")
CHECK = (FOLDER / "check.py").read_text("utf-8")
PAGE = (FOLDER / "README.md").read_text("utf-8")
SIZES = {"VIEWS", "HEIGHTS", "BYZANTINE"}


def rules(text: str) -> set[str]:
    return set(re.findall(r"\bR\d+\b", text))


def words_of_the_model() -> set[str]:
    return set(re.findall(r"(?:ifdef|ifndef|defined\()\s*([A-Z_]+)", MODEL)) - SIZES


def test_every_rule_that_the_model_names_is_one_of_the_protocol() -> None:
    known = set(re.findall(r"^\| (R\d+) \|", (ROOT / "docs" / "protocol.md").read_text("utf-8"), re.MULTILINE))
    assert {"R7", "R9", "R10", "R11", "R12"} <= rules(MODEL) <= known
    assert rules(CHECK) | rules(PAGE) <= known


def test_every_word_of_the_model_is_checked_and_no_other_is_set() -> None:
    used = set(re.findall(r'"([A-Z_]{6,})"', CHECK)) - SIZES
    assert words_of_the_model() == used


def test_every_version_without_a_rule_is_explained() -> None:
    explained = set(re.findall(r"^\| `[a-z-]+` \| `([A-Z_]+)` \|", PAGE, re.MULTILINE))
    assert explained == {word for word in words_of_the_model() if not word.startswith("REACH_")} - {"PROGRESS"}
