"""Which accounts and DIDs there are on which chain, as the index knows them: the genesis document's, and those of events.

An account's DID is for good, so a row never changes but from none to one.
"""

import sqlite3
from collections.abc import Iterable
from typing import Any, Final

from chain.genesis import Genesis
from chain.rules import ChainRules
from contracts.access import NO_DID
from gateway.events import HeardEvent, values_of

SCHEMA: Final = """
CREATE TABLE accounts (
  chain TEXT NOT NULL, address BLOB NOT NULL, did BLOB NOT NULL, PRIMARY KEY (chain, address)
) WITHOUT ROWID;
CREATE INDEX accounts_did ON accounts (did);
"""
_FOUND: Final = "INSERT INTO accounts VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET did = excluded.did"
ACCOUNTS_MAX: Final = 1_000
Pair = tuple[str, bytes]
"""A chain and what is named there: the raw address of an account."""


def add_founders(connection: sqlite3.Connection, genesis: Genesis, rules: ChainRules) -> None:
    """The accounts of a chain's first state; nothing if they are there."""
    section = genesis.section(rules.chain_id)
    assert section is not None
    accounts = [(rules.addresses.parse(one.address), bytes.fromhex(one.did)) for one in section.accounts]
    connection.executemany(
        "INSERT OR IGNORE INTO accounts VALUES (?, ?, ?)", [(rules.chain_id, *account) for account in accounts]
    )


def learn_accounts(connection: sqlite3.Connection, chain: str, event: HeardEvent) -> None:
    """What an event tells of accounts and their DIDs."""
    connection.executemany(_FOUND, [(chain, address, did) for address, did in _told(event)])


def accounts_of(connection: sqlite3.Connection, did: bytes) -> list[Pair]:
    """The accounts of a DID, by chain, at most `ACCOUNTS_MAX`."""
    query = "SELECT chain, address FROM accounts WHERE did = ? ORDER BY chain, address LIMIT ?"
    return connection.execute(query, (did, ACCOUNTS_MAX)).fetchall()


def dids_of(connection: sqlite3.Connection, accounts: Iterable[Pair]) -> list[bytes]:
    """The DIDs of accounts, each once; those without one have none."""
    found = dict.fromkeys(
        row[0]
        for account in accounts
        for row in connection.execute("SELECT did FROM accounts WHERE chain = ? AND address = ?", account)
    )
    return [did for did in found if did != NO_DID]


def list_dids(connection: sqlite3.Connection, chain: str | None, limit: int) -> list[bytes]:
    """The DIDs that have an account on a chain, or on any."""
    rows = connection.execute(
        "SELECT DISTINCT did FROM accounts WHERE (?1 IS NULL OR chain = ?1) AND did <> ?2 ORDER BY did LIMIT ?3",
        (chain, NO_DID, limit),
    )
    return [row[0] for row in rows]


def _told(event: HeardEvent) -> list[tuple[bytes, bytes]]:
    if event.contract != "authority":
        return []
    values: list[Any] = values_of(event)
    if event.name == "AddAccount":
        return [(values[1], values[3])]
    if event.name == "AddBatchAccount":
        return list(zip(values[1], values[2], strict=True))
    return [(values[0], values[1])] if event.name == "JoinDid" else []
