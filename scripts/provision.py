"""A new network's first contents: the vault's keys and tenants, `network.json`, and the demo classes."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from chain.genesis import Genesis, fingerprint, parse_genesis
from chain.profiles import load_profiles
from gateway import vault
from gateway.database import open_database
from scripts.network import DemoDids, DemoKeys
from scripts.pki import write_secret
from scripts.sectors import Sector, load_sectors

FREEZING: Final = (
    "ddc721.freeze", "ddc721.unfreeze", "ddc1155.freeze", "ddc1155.unfreeze", "ddc1155.freezeEdition",
    "ddc1155.unfreezeEdition",
)  # fmt: skip
TENANTS: Final = {
    "owner": (("owner",), ()),
    "operator": (("operator",), ()),
    "platform": (("platform", "alice", "bob"), ()),
    "regulator": (("operator",), FREEZING),
    "relayer": ((), ()),
}
"""Tenant -> the people whose accounts its key may sign with, the first one by default; and the methods (empty: all)."""
SHOWN_PEOPLE: Final = ("owner", "operator", "platform", "alice", "bob")


def provision(folder: Path, url: str) -> dict[str, Any]:
    """Fill the vault of a network that has none yet, and write `network.json`; its content."""
    genesis = parse_genesis((folder / "genesis.json").read_bytes())
    keys: DemoKeys = json.loads((folder / "demo-keys.json").read_text("utf-8"))
    dids: DemoDids = json.loads((folder / "demo-dids.json").read_text("utf-8"))
    api_keys = _fill_vault(folder, genesis, keys, dids)
    _write_relayer(folder, keys, api_keys.pop("relayer"), url)
    network = describe(folder, genesis, keys, api_keys, url)
    write_network(folder, network)
    return network


def write_network(folder: Path, network: dict[str, Any]) -> None:
    """Write `network.json`, whole or not at all: a folder that has it needs no first start."""
    new = folder / "network.json.new"
    write_secret(new, json.dumps(network, ensure_ascii=False, indent=1).encode())
    new.replace(folder / "network.json")


def describe(folder: Path, genesis: Genesis, keys: DemoKeys, api_keys: dict[str, str], url: str) -> dict[str, Any]:
    """What `network.json` says."""
    sectors = load_sectors()
    return {
        "version": 1,
        "url": url,
        "network_id": genesis.network_id.hex(),
        "fingerprint": fingerprint(genesis.network_id),
        "genesis": str((folder / "genesis.json").resolve()),
        "api_keys": api_keys,
        "chains": [
            _chain(chain_id, sectors[chain_id], keys[chain_id]) for chain_id in load_profiles() if chain_id in keys
        ],
    }


def _write_relayer(folder: Path, keys: DemoKeys, api_key: str, url: str) -> None:
    """The relayer's settings: its own accounts, and a key to the gateway that signs for nobody."""
    accounts = {
        chain_id: {name: people["relayer"][name] for name in ("address", "seed")} for chain_id, people in keys.items()
    }
    settings = {"version": 1, "url": url, "api_key": api_key, "metrics_port": 0, "accounts": accounts}
    write_secret(folder / "relayer" / "relayer.json", json.dumps(settings, ensure_ascii=False, indent=1).encode())


def _chain(chain_id: str, sector: Sector, people: dict[str, dict[str, str]]) -> dict[str, Any]:
    return {
        "id": chain_id,
        "native_name": load_profiles()[chain_id].name_zh,
        "class": sector.class_id,
        "sample": sector.sample(),
        "accounts": {
            person: {"address": people[person]["address"], "did": f"did:bsn:{people[person]['did']}"}
            for person in SHOWN_PEOPLE
        },
    }


def _fill_vault(folder: Path, genesis: Genesis, keys: DemoKeys, dids: DemoDids) -> dict[str, str]:
    passphrase = (folder / "secrets" / "passphrase").read_text("utf-8").strip()
    connection = open_database(folder / "gateway" / "vault.db", vault.SCHEMA, vault.VERSION)
    try:
        connection.execute("BEGIN")
        seal = vault.Seal(connection, passphrase, genesis.network_id)
        for chain_id, people in keys.items():
            for person in people.values():
                vault.keep_key(connection, seal, chain_id, person["address"], bytes.fromhex(person["seed"]))
        for did, own in dids.items():
            authentication, recovery = (bytes.fromhex(own[name]) for name in ("authentication", "recovery"))
            vault.keep_did_keys(connection, seal, bytes.fromhex(did), authentication, recovery)
        api_keys = {
            tenant: vault.new_api_key(connection, tenant, _signs_for(keys, people, methods), methods)
            for tenant, (people, methods) in TENANTS.items()
        }
        connection.execute("COMMIT")
    finally:
        connection.close()
    return api_keys


def _signs_for(keys: DemoKeys, people: Sequence[str], methods: tuple[str, ...]) -> list[tuple[str, str]]:
    """The accounts of these people, and their DIDs unless the key is for certain methods alone."""
    accounts = [(chain_id, keys[chain_id][person]["address"]) for chain_id in keys for person in people]
    dids = dict.fromkeys(keys[chain_id][person]["did"] for chain_id in keys for person in people)
    return accounts if methods else [*accounts, *((vault.DIDS, did) for did in dids)]
