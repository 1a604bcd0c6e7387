"""A node's folder: what it must hold, what the environment overrides, and one sentence for everything that is wrong."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from node.settings import SettingsInvalid, load_settings
from scripts.network import local_addresses, make_network


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("network") / "net"
    make_network(folder, local_addresses(4, 21_000))
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy of a node's folder beside its genesis document."""
    shutil.copytree(made, tmp_path / "net")
    return tmp_path / "net" / "nodes" / "shanghai"


def test_a_folder_made_by_the_tools_is_read(folder: Path) -> None:
    settings = load_settings(folder)
    assert (settings.replica_id, settings.host, settings.port) == (1, "127.0.0.1", 21_002)
    assert settings.peers == {0: ("127.0.0.1", 21_001), 2: ("127.0.0.1", 21_003), 3: ("127.0.0.1", 21_004)}
    assert settings.data == folder / "data"
    assert settings.consensus_key.public_key == settings.genesis.membership.key(1)


def test_the_environment_overrides_what_differs_between_machines(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CERTNET_HOST", "0.0.0.0")
    monkeypatch.setenv("CERTNET_PORT", "7000")
    monkeypatch.setenv("CERTNET_DATA", "/var/lib/certnet")
    settings = load_settings(folder)
    assert (settings.host, settings.port, settings.data) == ("0.0.0.0", 7_000, Path("/var/lib/certnet"))


@pytest.mark.parametrize("port", ["", "seven", "0", "65536", "-1", "1e3"])
def test_a_port_that_is_none_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    monkeypatch.setenv("CERTNET_PORT", port)
    with pytest.raises(SettingsInvalid, match="cannot read the node's folder"):
        load_settings(folder)


def edited(folder: Path, **changes: object) -> None:
    """Change `node.json`."""
    path = folder / "node.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def other_key(folder: Path) -> None:
    (folder / "consensus.key").write_text("00" * 32)


SPOILT: dict[str, tuple[Callable[[Path], object], str]] = {
    "no settings": (lambda folder: (folder / "node.json").unlink(), "node.json"),
    "settings that are no JSON": (lambda folder: (folder / "node.json").write_text("{"), "cannot read"),
    "another version of settings": (lambda folder: edited(folder, version=2), "version"),
    "an unknown field": (lambda folder: edited(folder, colour="red"), "colour"),
    "a port too large": (lambda folder: edited(folder, port=70_000), "port"),
    "no genesis document": (lambda folder: edited(folder, genesis="nowhere.json"), "nowhere.json"),
    "a damaged genesis document": (
        lambda folder: (folder / "genesis.json").write_text("{}") and edited(folder, genesis="genesis.json"),
        "not a genesis document",
    ),
    "a name that the network does not have": (lambda folder: edited(folder, name="paris"), "must name this node"),
    "an address missing": (lambda folder: edited(folder, peers={}), "an address for each of"),
    "no TLS key": (lambda folder: (folder / "tls.key").unlink(), "tls.key"),
    "no certificate authority": (lambda folder: (folder / "ca.crt").unlink(), "ca.crt"),
    "no consensus key": (lambda folder: (folder / "consensus.key").unlink(), "consensus.key"),
    "a key that is no hex": (lambda folder: (folder / "consensus.key").write_text("secret"), "cannot read"),
    "a key too short": (
        lambda folder: (folder / "consensus.key").write_text("00" * 31),
        "is not the key of this replica",
    ),
    "the key of another replica": (other_key, "is not the key of this replica"),
}


@pytest.mark.parametrize(("spoil", "why"), list(SPOILT.values()), ids=list(SPOILT))
def test_a_folder_with_a_fault_is_refused_in_one_sentence(
    folder: Path, spoil: Callable[[Path], object], why: str
) -> None:
    spoil(folder)
    with pytest.raises(SettingsInvalid, match=why) as refused:
        load_settings(folder)
    assert str(folder) in str(refused.value)
    assert "\n" not in str(refused.value)
