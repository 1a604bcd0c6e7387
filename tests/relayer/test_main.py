"""`python -m relayer` as somebody runs it."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from relayer.__main__ import main
from scripts.network import local_addresses, make_network
from scripts.provision import provision

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("arguments", [[], ["one", "two"]])
def test_without_a_folder_it_says_how_it_is_called(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr().err == "usage: python -m relayer FOLDER\n"


def test_a_folder_that_is_none_is_refused_in_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.processes
def test_it_waits_for_its_gateway_and_ends_when_it_is_told(tmp_path: Path) -> None:
    make_network(tmp_path, local_addresses(4, 9_200))
    provision(tmp_path, "http://127.0.0.1:9")
    command = [sys.executable, "-m", "relayer", str(tmp_path / "relayer")]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        deadline = time.monotonic() + 20
        while "the gateway's events ended" not in (line := process.stderr.readline()):
            assert line or time.monotonic() < deadline
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.communicate()
