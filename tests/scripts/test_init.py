"""`init` may be cut short anywhere and be run again: the compose cluster runs it at every start."""

import json
from pathlib import Path

import pytest

from gateway import vault
from gateway.database import open_database
from scripts import network
from scripts.commands.init import init


class Interrupted(Exception):
    """The container was ended."""


def test_a_second_init_keeps_the_network(tmp_path: Path) -> None:
    init(tmp_path, containers=True)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    init(tmp_path, containers=True)
    assert {path: path.read_bytes() for path in before} == before


def test_only_the_published_port_follows_the_second_init(tmp_path: Path) -> None:
    init(tmp_path, containers=True)
    before = json.loads((tmp_path / "network.json").read_text())
    init(tmp_path, containers=True, port=9090)
    assert json.loads((tmp_path / "network.json").read_text()) == before | {"url": "http://127.0.0.1:9090"}


def test_the_port_of_a_network_on_one_host_stays(tmp_path: Path) -> None:
    init(tmp_path, port=9090)
    init(tmp_path)
    assert json.loads((tmp_path / "network.json").read_text())["url"] == "http://127.0.0.1:9090"


def test_an_init_that_was_cut_short_begins_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise Interrupted

    monkeypatch.setattr(network, "_write_gateway", interrupted)
    with pytest.raises(Interrupted):
        init(tmp_path, containers=True)
    monkeypatch.undo()
    init(tmp_path, containers=True)
    homes = [tmp_path, tmp_path / "gateway", *(tmp_path / "nodes").iterdir()]
    assert len({(home / "genesis.json").read_bytes() for home in homes}) == 1


def test_an_init_that_lost_the_api_keys_draws_new_ones(tmp_path: Path) -> None:
    init(tmp_path, containers=True)
    before = json.loads((tmp_path / "network.json").read_text())
    (tmp_path / "network.json").unlink()
    init(tmp_path, containers=True)
    after = json.loads((tmp_path / "network.json").read_text())
    assert after["network_id"] == before["network_id"]
    connection = open_database(tmp_path / "gateway" / "vault.db", vault.SCHEMA, vault.VERSION)
    try:
        for tenant, key in after["api_keys"].items():
            found = vault.find_tenant(connection, key)
            assert found is not None
            assert found.name == tenant
    finally:
        connection.close()


def test_nodes_of_containers_are_reached_by_their_service_names(tmp_path: Path) -> None:
    init(tmp_path, containers=True)
    settings = json.loads((tmp_path / "nodes" / "xian" / "node.json").read_text())
    assert settings["host"] == "0.0.0.0"
    assert settings["peers"]["beijing"] == ["node-beijing", 7000]
