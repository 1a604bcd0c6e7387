"""What is written into nodes' folders when one comes, has a new key, or may sign again."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.settings import load_settings as load_gateway_settings
from node.settings import check_place, load_settings
from scripts import nodes
from scripts.cli import make_app
from scripts.errors import CommandFailed
from scripts.network import local_addresses, make_network

NAMES = ["beijing", "shanghai", "guangzhou", "xian"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nodes") / "net"
    make_network(folder, local_addresses(4, 24_100))
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "net")
    return tmp_path / "net"


def test_an_entry_is_what_the_genesis_document_says(folder: Path) -> None:
    document = json.loads((folder / "genesis.json").read_bytes())
    assert nodes.node_names(folder) == NAMES
    for name, replica in zip(NAMES, document["replicas"], strict=True):
        entry = nodes.entry_of(nodes.home_of(folder, name))
        assert (entry.name, entry.consensus_key, entry.tls_key_digest) == (
            replica["name"],
            replica["consensus_key"],
            replica["tls_key_digest"],
        )


def test_a_newcomer_has_keys_of_its_own_knows_all_and_is_known_to_all(folder: Path) -> None:
    entry = nodes.make_newcomer(folder, "suzhou", ("10.0.0.5", 7_000))
    assert nodes.node_names(folder) == [*NAMES, "suzhou"]
    assert nodes.make_newcomer(folder, "suzhou") == entry  # a second time changes nothing
    settings = load_settings(folder / "nodes" / "suzhou")
    assert (settings.name, settings.joins, settings.port) == ("suzhou", True, 7_000)
    assert settings.consensus_key.public_key.hex() == entry.consensus_key
    check_place(settings, [settings.genesis.membership])
    assert (settings.data / "may-sign").exists()
    for name in [*NAMES, "suzhou"]:
        assert load_settings(folder / "nodes" / name).peers["suzhou"] == ("10.0.0.5", 7_000)
    assert load_gateway_settings(folder / "gateway").names == (*NAMES, "suzhou")
    assert len({nodes.entry_of(folder / "nodes" / name).tls_key_digest for name in nodes.node_names(folder)}) == 5


def test_a_newcomer_without_an_address_listens_beside_the_others(folder: Path) -> None:
    nodes.make_newcomer(folder, "suzhou")
    taken = [port for _, port in nodes.listening(folder).values()]
    assert len(set(taken)) == 5
    assert nodes.listening(folder)["suzhou"][1] > 24_104


@pytest.mark.parametrize("name", ["", "Suzhou", "苏州", "-a", "a b", "gateway", "relayer", "../x", "a" * 33])
def test_a_name_that_is_none_makes_no_folder(folder: Path, name: str) -> None:
    before = sorted(folder.rglob("*"))
    with pytest.raises(CommandFailed, match="a node's name is"):
        nodes.make_newcomer(folder, name)
    assert sorted(folder.rglob("*")) == before


def test_a_new_key_waits_beside_the_old_one_until_its_change_is_in_force(folder: Path) -> None:
    home = nodes.home_of(folder, "xian")
    (home / "data" / "may-sign").unlink()
    old = nodes.entry_of(home)
    new = nodes.make_next_key(folder, "xian")
    assert nodes.make_next_key(folder, "xian") == new
    assert (new.name, new.tls_key_digest) == (old.name, old.tls_key_digest)
    assert new.consensus_key != old.consensus_key
    assert nodes.entry_of(home) == old
    assert [key.public_key.hex() for key in nodes.keys_of(home)] == [old.consensus_key, new.consensus_key]
    nodes.take_next_key(folder, "xian")
    assert nodes.entry_of(home) == new
    settings = load_settings(home)
    check_place(settings, [settings.genesis.membership])
    assert (home / "data" / "may-sign").exists()  # the new key has signed nothing


def test_a_replica_that_knows_its_votes_is_not_let_sign_again(folder: Path) -> None:
    done = CliRunner().invoke(make_app("sign-again"), ["sign-again", "xian", "--yes", "--data", str(folder)])
    assert str(done.exception) == "xian knows what it has signed; there is nothing to decide"


def test_an_operator_is_told_the_risk_and_may_still_say_no(folder: Path) -> None:
    home = nodes.home_of(folder, "xian")
    (home / "data" / "may-sign").unlink()
    (home / "data" / "abstains").write_text("nanjing\nwuhan\n")
    arguments = ["sign-again", "xian", "--data", str(folder)]
    done = CliRunner().invoke(make_app("sign-again"), arguments, input="n\n")
    assert "xian does not know what it has signed on nanjing, wuhan." in done.output
    assert "a fork, and evidence against xian" in done.output
    assert str(done.exception) == "xian stays as it is"
    assert not (home / "data" / "may-sign").exists()
    done = CliRunner().invoke(make_app("sign-again"), arguments, input="y\n")
    assert done.exit_code == 0, done.exception
    assert (home / "data" / "may-sign").exists()


def test_a_node_that_is_not_there_is_named_with_those_that_are(folder: Path) -> None:
    with pytest.raises(
        CommandFailed, match=r"there is no node 'paris' in .*; there are beijing, shanghai, guangzhou, xian"
    ):
        nodes.home_of(folder, "paris")
