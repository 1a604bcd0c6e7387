"""A gateway's folder is read whole, or refused in one sentence that says what is wrong with it."""

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.settings import SettingsInvalid, load_settings
from scripts.network import local_addresses, make_network


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("settings") / "network"
    make_network(folder, local_addresses(4, 21_000))
    return folder / "gateway"


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """The gateway's own folder, copied so that it may be spoilt."""
    copy = tmp_path / "network" / "gateway"
    copy.mkdir(parents=True)
    for name in ("gateway.json", "genesis.json"):
        (copy / name).write_bytes((made / name).read_bytes())
    (copy.parent / "secrets").mkdir()
    (copy.parent / "secrets" / "passphrase").write_text(" open sesame \n")
    return copy


def change(folder: Path, **changed: Any) -> None:
    file = json.loads((folder / "gateway.json").read_text())
    (folder / "gateway.json").write_text(json.dumps(file | changed))


def test_a_whole_folder_is_read(folder: Path) -> None:
    settings = load_settings(folder)
    assert (settings.host, settings.port, settings.data) == ("127.0.0.1", 21_000, folder)
    assert settings.nodes == {place: ("127.0.0.1", 21_001 + place) for place in range(4)}
    assert settings.names == ("beijing", "shanghai", "guangzhou", "xian")
    assert len(settings.accounts) == 10
    assert settings.passphrase == "open sesame"
    assert settings.genesis_bytes == (folder / "genesis.json").read_bytes()


def test_nodes_that_joined_come_after_those_of_the_genesis_document(folder: Path) -> None:
    nodes = json.loads((folder / "gateway.json").read_text())["nodes"]
    change(folder, nodes={"aksu": ["10.0.0.9", 9], **nodes, "wuxi": ["10.0.0.8", 8]})
    settings = load_settings(folder)
    assert settings.names == ("beijing", "shanghai", "guangzhou", "xian", "aksu", "wuxi")
    assert [settings.nodes[place] for place in (0, 4, 5)] == [tuple(nodes["beijing"]), ("10.0.0.9", 9), ("10.0.0.8", 8)]


def test_the_environment_may_say_otherwise(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "word").write_text("other")
    for name, value in {
        "HOST": "0.0.0.0",
        "PORT": "8080",
        "DATA": "/data",
        "PASSPHRASE_FILE": str(tmp_path / "word"),
    }.items():
        monkeypatch.setenv(f"CERTNET_{name}", value)
    settings = load_settings(folder)
    assert (settings.host, settings.port, settings.data, settings.passphrase) == (
        "0.0.0.0",
        8080,
        Path("/data"),
        "other",
    )


@pytest.mark.parametrize("text", ["", " \n"])
def test_an_empty_passphrase_is_none(folder: Path, text: str) -> None:
    (folder.parent / "secrets" / "passphrase").write_text(text)
    assert load_settings(folder).passphrase is None
    (folder.parent / "secrets" / "passphrase").unlink()
    assert load_settings(folder).passphrase is None


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"version": 2}, "version"),
        ({"port": 0}, "port"),
        ({"port": "8080"}, "port"),
        ({"more": 1}, "more"),
        ({"nodes": {"beijing": ["127.0.0.1", 1]}}, "an address for each of"),
        ({"accounts": {"wuhan": "0x"}}, "the gateway's account on each of"),
        ({"genesis": "nothing.json"}, "nothing.json"),
    ],
)
def test_a_file_that_is_not_as_it_should_be_is_refused(folder: Path, changed: dict[str, Any], why: str) -> None:
    change(folder, **changed)
    with pytest.raises(SettingsInvalid, match=why):
        load_settings(folder)


def test_a_folder_without_its_files_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="cannot read the gateway's folder"):
        load_settings(tmp_path)
    (folder / "genesis.json").write_bytes(b"{}")
    with pytest.raises(SettingsInvalid, match="cannot read the gateway's folder"):
        load_settings(folder)


@pytest.mark.parametrize("port", ["", "many", "0", "65536", "-1", "8080 "])
def test_a_port_that_is_none_is_refused(folder: Path, port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CERTNET_PORT", port)
    with pytest.raises(SettingsInvalid, match="give a port from 1 to 65535"):
        load_settings(folder)
