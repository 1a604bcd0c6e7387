"""`python -m gateway`: whatever keeps it from starting is said in one line, with exit code 2."""

import shutil
import socket
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from gateway import __main__ as program
from gateway import index, vault
from gateway.database import open_database
from scripts.network import local_addresses, make_network
from scripts.processes import free_port
from scripts.provision import provision


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("main") / "network"
    make_network(folder, local_addresses(4, free_port(6)))
    provision(folder, "http://127.0.0.1")
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A gateway's folder that may be spoilt."""
    return Path(shutil.copytree(made, tmp_path / "network")) / "gateway"


def said(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that is said when it does not start."""
    assert program.main(arguments) == program.EXIT_UNUSABLE
    line = capsys.readouterr().err.strip()
    assert line
    assert "\n" not in line
    return line


@pytest.mark.parametrize("arguments", [[], ["one", "two"], ["--rebuild-index"]])
def test_without_one_folder_its_use_is_shown(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert said(arguments, capsys) == "usage: python -m gateway FOLDER [--rebuild-index]"


def test_a_folder_that_is_none_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "cannot read the gateway's folder" in said([str(tmp_path)], capsys)


def test_a_vault_of_another_format_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    connection = sqlite3.connect(folder / "vault.db")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    assert "has format 99, this program reads format" in said_at_start(folder, capsys)


def test_another_passphrase_does_not_open_the_vault(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder.parent / "secrets" / "passphrase").write_text("wrong")
    assert "the passphrase is not this vault's" in said_at_start(folder, capsys)


def test_a_busy_port_is_said_and_ends_it(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        monkeypatch.setenv("CERTNET_PORT", str(busy.getsockname()[1]))
        assert program.main([str(folder)]) == program.EXIT_UNUSABLE
    assert capsys.readouterr().out == ""


def said_at_start(folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    return said([str(folder)], capsys)


def test_rebuilding_empties_the_index_and_leaves_the_vault(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled = open_database(folder / "index.db", index.SCHEMA, index.VERSION)
    filled.execute("INSERT INTO heads VALUES ('wuhan', 7)")
    filled.close()
    served: list[Any] = []
    monkeypatch.setattr(program, "serve", lambda settings: served.append(settings) or 0)
    assert program.main([str(folder)]) == 0
    connection = open_database(folder / "index.db", index.SCHEMA, index.VERSION)
    assert index.head(connection, "wuhan") == 7
    assert program.main([str(folder), "--rebuild-index"]) == 0
    assert index.head(connection, "wuhan") == 0
    connection.close()
    kept = open_database(folder / "vault.db", vault.SCHEMA, vault.VERSION)
    assert (
        kept.execute("SELECT COUNT(*) FROM custodial_keys").fetchone()[0] == 84
    )  # seven people: an account on each of ten chains, and two keys of a DID
    kept.close()
    assert len(served) == 2
