"""`backup` and `restore`: the vault, which cannot be rebuilt."""

import sqlite3
from pathlib import Path
from typing import Annotated

import typer

from gateway import vault
from gateway.database import DatabaseUnusable, open_database
from scripts import processes
from scripts.commands.options import DEFAULT_DATA, Data
from scripts.errors import CommandFailed
from scripts.screen import out

File = Annotated[Path, typer.Argument(metavar="FILE", help="The copy of the vault.")]


def backup(file: File, data: Data = DEFAULT_DATA) -> None:
    """Copy the vault, also while the gateway runs. Keep the passphrase (DIR/secrets) elsewhere."""
    source = _vault(data)
    if not source.exists():
        raise CommandFailed(f"there is no vault in {data}")
    if file.exists():
        raise CommandFailed(f"{file} exists already; choose another name")
    connection = open_database(source, vault.SCHEMA, vault.VERSION)
    vault.backup(connection, file)
    connection.close()
    out.print(f"{file.stat().st_size} bytes in {file}. Without {data / 'secrets' / 'passphrase'} its keys stay closed.")


def restore(file: File, data: Data = DEFAULT_DATA) -> None:
    """Put a copy of the vault in place; the gateway must not run."""
    if processes.GATEWAY in processes.alive(data):
        raise CommandFailed(f"the gateway runs; end it first: down --data {data}")
    if not file.exists():
        raise CommandFailed(f"there is no {file}")
    try:
        copy = open_database(file, vault.SCHEMA, vault.VERSION)
    except (DatabaseUnusable, sqlite3.Error) as problem:
        raise CommandFailed(f"{file} is no copy of a vault: {problem}") from None
    target = _vault(data)
    for path in (target, target.with_name("vault.db-wal"), target.with_name("vault.db-shm")):
        if path.exists():
            path.replace(path.with_name(path.name + ".before-restore"))
    vault.backup(copy, target)
    copy.close()
    out.print(f"The vault of {data} is the one in {file}; the one before is kept beside it.")


def _vault(data: Path) -> Path:
    return data / "gateway" / "vault.db"
