"""The README's commands, run word for word in an empty folder; what it shows is what they print."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts import processes
from scripts.processes import ROOT

pytestmark = pytest.mark.processes
TEXT = (ROOT / "README.md").read_text("utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ELSEWHERE = ("python3 scripts demo", "docker compose up")
"""Blocks that other tests run: the demo and the tests themselves, and the compose cluster."""
VARIES = re.compile(r"[0-9a-f]{32,}|\d+")


def blocks() -> Iterator[tuple[str, str | None]]:
    """(commands, what they print or None if that is not shown)."""
    found = BLOCK.findall(TEXT)
    for place, (kind, content) in enumerate(found):
        if kind == "sh" and not content.startswith(ELSEWHERE):
            shown = found[place + 1] if place + 1 < len(found) else ("", "")
            yield content, shown[1] if shown[0] == "text" else None


def masked(text: str) -> str:
    """Numbers, hashes and ids as one sign each: they differ from network to network."""
    return VARIES.sub("#", text).strip()


def test_every_command_of_the_readme_does_what_it_shows(tmp_path: Path) -> None:
    (tmp_path / "scripts").symlink_to(ROOT / "scripts")
    port = processes.free_port(6)
    try:
        script, expected = ["set -euo pipefail"], []
        for number, (written, shown) in enumerate(blocks()):
            commands = written.replace("8080", str(port)).replace("up --detach", f"up --detach --port {port}")
            script.append(f"{{\n{commands}}} > out-{number}.txt")
            expected.append((tmp_path / f"out-{number}.txt", shown))
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "CERTNET_VENV": str(ROOT / ".venv")}
        done = subprocess.run(
            ["bash", "-c", "\n".join(script)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done
        for path, shown in expected:
            if shown is not None:
                assert masked(path.read_text("utf-8")) == masked(shown.replace("8080", str(port)))
        verified = next(path for path, _ in expected if "valid 有效" in path.read_text("utf-8"))
        assert "hs_code" in verified.read_text("utf-8")
        assert "goods" in verified.read_text("utf-8")
    finally:
        processes.stop_all(tmp_path / ".certnet")


def test_the_readme_has_five_curl_examples() -> None:
    assert TEXT.count("curl -s ") >= 5
