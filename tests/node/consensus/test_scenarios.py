"""Golden transcripts: every file of `tests/scenarios` is a dialogue with one replica, compared byte for byte.

A line that begins with `>` is a command; the lines under it are what the replica does, and in brackets where it
stands then. `CERTNET_WRITE_SCENARIOS=1` writes the files anew; the difference is for a person to judge.
"""

import os
from pathlib import Path

import pytest

from tests.node.consensus.stage import Stage
from tests.node.consensus.transcript import perform, stands, told

SCENARIOS = Path(__file__).parents[2] / "scenarios"
FILES = sorted(SCENARIOS.glob("*.txt"))


def played(text: str) -> str:
    """The transcript that the commands of `text` lead to; comments and empty lines stay."""
    lines: list[str] = []
    stage: Stage | None = None
    for line in text.splitlines():
        if line.startswith("#") or not line:
            lines.append(line)
        elif line.startswith("> replica "):
            words = line.split()
            stage = Stage(replica_id=int(words[2]), abstains="abstains" in words)
            lines += [line, f"  {stands(stage)}"]
        elif line.startswith("> "):
            assert stage is not None
            effects = perform(stage, line[2:])
            lines += [line, *(f"  {told(stage, effect)}" for effect in effects), f"  {stands(stage)}"]
    return "\n".join(lines) + "\n"


def test_there_are_scenarios() -> None:
    assert len(FILES) >= 8


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_replica_plays_the_scenario_as_it_is_written(path: Path) -> None:
    written = path.read_text("utf-8")
    transcript = played(written)
    if os.environ.get("CERTNET_WRITE_SCENARIOS"):
        path.write_text(transcript, "utf-8")
    assert transcript == path.read_text("utf-8")
