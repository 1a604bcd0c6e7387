"""A node's folder: what it must hold, what the environment overrides, and one sentence for everything that is wrong."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import rfc8785
from msgspec.structs import replace

from chain.membership import Membership
from node.settings import SettingsInvalid, check_place, load_settings
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
    assert (settings.name, settings.joins, settings.host, settings.port) == ("shanghai", False, "127.0.0.1", 21_002)
    assert settings.peers == {
        name: ("127.0.0.1", 21_001 + place) for place, name in enumerate(("beijing", "shanghai", "guangzhou", "xian"))
    }
    assert settings.data == folder / "data"
    assert settings.history == 10_000
    assert settings.consensus_key.public_key == settings.genesis.membership.key(1)


def test_the_environment_overrides_what_differs_between_machines(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CERTNET_HOST", "0.0.0.0")
    monkeypatch.setenv("CERTNET_PORT", "7000")
    monkeypatch.setenv("CERTNET_DATA", "/var/lib/certnet")
    monkeypatch.setenv("CERTNET_HISTORY", "1000")
    settings = load_settings(folder)
    assert (settings.host, settings.port, settings.data) == ("0.0.0.0", 7_000, Path("/var/lib/certnet"))
    assert settings.history == 1_000


@pytest.mark.parametrize("history", ["", "all", "0", "999", "-1", str(2**53)])
def test_a_history_that_is_none_or_too_short_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, history: str
) -> None:
    monkeypatch.setenv("CERTNET_HISTORY", history)
    with pytest.raises(SettingsInvalid, match="cannot read the node's folder"):
        load_settings(folder)


@pytest.mark.parametrize("port", ["", "seven", "0", "65536", "-1", "1e3"])
def test_a_port_that_is_none_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    monkeypatch.setenv("CERTNET_PORT", port)
    with pytest.raises(SettingsInvalid, match="cannot read the node's folder"):
        load_settings(folder)


def edited(folder: Path, **changes: object) -> None:
    """Change `node.json`."""
    path = folder / "node.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def genesis_of(folder: Path, **changes: object) -> None:
    """Another genesis document, canonical like any."""
    document = json.loads((folder / "genesis.json").read_bytes())
    (folder / "genesis.json").write_bytes(rfc8785.dumps(document | changes))


def replicas_of(folder: Path) -> list[dict[str, str]]:
    return list(json.loads((folder / "genesis.json").read_bytes())["replicas"])


def one_address_twice(folder: Path) -> None:
    peers = json.loads((folder / "node.json").read_text())["peers"]
    edited(folder, peers=peers | {"xian": peers["beijing"]})


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
    "an address missing": (lambda folder: edited(folder, peers={}), "an address for each of"),
    "one address for two nodes": (one_address_twice, "gives one address, 127.0.0.1:21001, to several nodes"),
    "a name that is none": (lambda folder: edited(folder, name="Paris"), "name"),
    "three replicas": (lambda folder: genesis_of(folder, replicas=replicas_of(folder)[:3]), "length >= 4.*replicas"),
    "one name twice": (
        lambda folder: genesis_of(
            folder, replicas=[*replicas_of(folder)[:3], replicas_of(folder)[3] | {"name": "beijing"}]
        ),
        "names each replica name once",
    ),
    "one consensus key twice": (
        lambda folder: genesis_of(
            folder,
            replicas=[
                *replicas_of(folder)[:3],
                replicas_of(folder)[3] | {"consensus_key": replicas_of(folder)[0]["consensus_key"]},
            ],
        ),
        "names each consensus key once",
    ),
    "no TLS key": (lambda folder: (folder / "tls.key").unlink(), "tls.key"),
    "no certificate authority": (lambda folder: (folder / "ca.crt").unlink(), "ca.crt"),
    "no consensus key": (lambda folder: (folder / "consensus.key").unlink(), "consensus.key"),
    "a key that is no hex": (lambda folder: (folder / "consensus.key").write_text("secret"), "cannot read"),
    "a key too short": (
        lambda folder: (folder / "consensus.key").write_text("00" * 31),
        "is no key of 32 bytes",
    ),
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


def placed(folder: Path, *more: Membership) -> None:
    settings = load_settings(folder)
    check_place(settings, [settings.genesis.membership, *more])


def test_a_key_that_the_genesis_document_or_a_set_on_a_chain_names_may_start(folder: Path) -> None:
    placed(folder)
    (folder / "consensus.key").write_text("ab" * 32)
    settings = load_settings(folder)
    own = replace(settings.genesis.membership.replicas[1], consensus_key=settings.consensus_key.public_key)
    changed = (*settings.genesis.membership.replicas[:1], own, *settings.genesis.membership.replicas[2:])
    placed(folder, Membership(replicas=changed))


def test_a_key_that_nobody_names_is_refused_with_the_way_out_and_may_join_if_that_is_meant(folder: Path) -> None:
    (folder / "consensus.key").write_text("ab" * 32)
    with pytest.raises(SettingsInvalid, match=r'consensus.key is the key of no replica.*write "joins": true into node'):
        placed(folder)
    edited(folder, joins=True)
    placed(folder)
    edited(folder, name="suzhou")
    placed(folder)


@pytest.mark.parametrize("joins", [False, True])
def test_the_key_of_another_replica_is_refused(folder: Path, joins: bool) -> None:
    shutil.copy(folder.parent / "xian" / "consensus.key", folder / "consensus.key")
    edited(folder, joins=joins)
    with pytest.raises(SettingsInvalid, match=r"gives the name shanghai, but the membership knows the key .* as xian"):
        placed(folder)
