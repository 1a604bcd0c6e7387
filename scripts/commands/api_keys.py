"""`keys new-api` and `keys revoke-api`: API keys of the gateway's tenants."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from gateway import vault
from gateway.database import open_database
from scripts.client import load_network
from scripts.commands.options import DEFAULT_DATA, Data
from scripts.errors import CommandFailed
from scripts.screen import out


def new_api(
    like: Annotated[
        str, typer.Argument(metavar="TENANT", help="Whose accounts and methods: owner, operator, platform, regulator.")
    ],
    data: Data = DEFAULT_DATA,
) -> None:
    """Make one more API key for a tenant; it is shown once and stored hashed."""
    api_keys = load_network(data)["api_keys"]
    if like not in api_keys:
        raise CommandFailed(f"there is no tenant {like!r}; there are {', '.join(api_keys)}")
    with _vault(data) as connection:
        tenant = vault.find_tenant(connection, api_keys[like])
        if tenant is None:
            raise CommandFailed(f"the key of {like} in network.json is revoked; use another tenant's")
        accounts = [(chain, address) for chain, addresses in tenant.accounts.items() for address in addresses]
        out.print(vault.new_api_key(connection, tenant.name, accounts, tenant.methods))


def revoke_api(
    key: Annotated[
        str, typer.Argument(metavar="KEY", help="The API key, or only its id: what stands between the underscores.")
    ],
    data: Data = DEFAULT_DATA,
) -> None:
    """Make an API key useless; a running gateway forgets it within two seconds."""
    key_id = key.split("_")[1] if key.count("_") == 2 else key
    with _vault(data) as connection:
        if not vault.revoke_api_key(connection, key_id):
            raise CommandFailed(f"there is no API key {key_id[:40]!r} in the vault of {data}")
    out.print(f"The API key {key_id} is revoked.")


@contextmanager
def _vault(data: Path) -> Iterator[sqlite3.Connection]:
    path = data / "gateway" / "vault.db"
    if not path.exists():
        raise CommandFailed(f"there is no vault in {data}")
    connection = open_database(path, vault.SCHEMA, vault.VERSION)
    try:
        yield connection
    finally:
        connection.close()
