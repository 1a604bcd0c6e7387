"""A new network's vault: keys of accounts and DIDs, and who may sign with which."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chain.profiles import load_profiles
from gateway import vault
from gateway.database import open_database
from scripts.network import local_addresses, make_network
from scripts.provision import FREEZING, SHOWN_PEOPLE, TENANTS, provision


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("network")
    make_network(folder, local_addresses(4, 20_000))
    provision(folder, "http://127.0.0.1:20000")
    return folder


@pytest.fixture(scope="module")
def network(folder: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / "network.json").read_text("utf-8"))
    return document


@pytest.fixture(scope="module")
def connection(folder: Path) -> Iterator[sqlite3.Connection]:
    opened = open_database(folder / "gateway" / "vault.db", vault.SCHEMA, vault.VERSION)
    yield opened
    opened.close()


def tenant_of(connection: sqlite3.Connection, network: dict[str, Any], name: str) -> vault.Tenant:
    found = vault.find_tenant(connection, network["api_keys"][name])
    assert found is not None
    return found


def test_network_json_shows_everybody_on_every_chain(network: dict[str, Any]) -> None:
    assert [entry["id"] for entry in network["chains"]] == [*load_profiles()]
    for entry in network["chains"]:
        assert [*entry["accounts"]] == [*SHOWN_PEOPLE]
        dids = [account["did"] for account in entry["accounts"].values()]
        assert len({*dids}) == len(dids)
        assert all(did.startswith("did:bsn:") for did in dids)


def test_the_vault_keeps_the_keys_of_every_did_sealed(
    folder: Path, network: dict[str, Any], connection: sqlite3.Connection
) -> None:
    kept = json.loads((folder / "demo-dids.json").read_text())
    passphrase = (folder / "secrets" / "passphrase").read_text().strip()
    seal = vault.Seal(connection, passphrase, bytes.fromhex(network["network_id"]))
    stored = (folder / "gateway" / "vault.db").read_bytes()
    for did, own in kept.items():
        seeds = [bytes.fromhex(own[name]) for name in ("authentication", "recovery")]
        assert vault.take_did_keys(connection, seal, bytes.fromhex(did)) == ([seeds[0]], [seeds[1]])
        assert not any(seed in stored for seed in seeds)


def test_a_tenant_signs_for_its_people_and_their_dids_alone(
    network: dict[str, Any], connection: sqlite3.Connection
) -> None:
    assert network["api_keys"].keys() == TENANTS.keys() - {"relayer"}
    entry = network["chains"][0]
    for name in ("owner", "operator", "platform"):
        tenant, people = tenant_of(connection, network, name), TENANTS[name][0]
        assert tenant.accounts[entry["id"]] == tuple(entry["accounts"][person]["address"] for person in people)
        for person, account in entry["accounts"].items():
            assert tenant.has_did(bytes.fromhex(account["did"].removeprefix("did:bsn:"))) == (person in people)


def test_a_regulator_freezes_and_unfreezes_and_does_nothing_else(
    network: dict[str, Any], connection: sqlite3.Connection
) -> None:
    regulator = tenant_of(connection, network, "regulator")
    assert all(regulator.may(method) for method in FREEZING)
    for method in ("ddc721.revoke", "ddc721.burn", "ddc1155.withdrawEdition", "charge.selfRecharge", "did.rotate"):
        assert not regulator.may(method)
    operator = network["chains"][0]["accounts"]["operator"]["did"]
    assert not regulator.has_did(bytes.fromhex(operator.removeprefix("did:bsn:")))
