"""Search over on-chain fields: rebuilt from the ledger at any time, so it syncs lazily and may be deleted.

Blocks arrive checked and in order; each goes in whole, with the height it brings the index to.
"""

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from chain.codec import decode, decoder
from chain.rpc import BlockAnswer
from chain.rules import ChainRules
from chain.transaction import Event, Receipt, SignedTransaction, Transaction
from chain.universal_id import CertificateName, format_token
from contracts.access import Role
from contracts.certificate import Mint, MintBatch, MintItem
from contracts.classes import DefineClass

VERSION: Final = 1
SCHEMA: Final = """
CREATE TABLE heads (chain TEXT PRIMARY KEY, height INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE transactions (
  chain TEXT NOT NULL, id BLOB NOT NULL, height INTEGER NOT NULL, place INTEGER NOT NULL, PRIMARY KEY (chain, id)
) WITHOUT ROWID;
CREATE TABLE classes (
  chain TEXT NOT NULL, class TEXT NOT NULL, name_en TEXT NOT NULL, name_zh TEXT NOT NULL, issuer TEXT NOT NULL,
  schema BLOB NOT NULL, height INTEGER NOT NULL, PRIMARY KEY (chain, class)
) WITHOUT ROWID;
CREATE TABLE certificates (
  seq INTEGER PRIMARY KEY, chain TEXT NOT NULL, class TEXT NOT NULL, token TEXT NOT NULL, issuer TEXT NOT NULL,
  holder TEXT NOT NULL, status TEXT NOT NULL, valid_until INTEGER, issued_at INTEGER NOT NULL, height INTEGER NOT NULL,
  UNIQUE (chain, class, token)
);
CREATE INDEX certificates_holder ON certificates (chain, holder);
CREATE TABLE events (
  seq INTEGER PRIMARY KEY, chain TEXT NOT NULL, height INTEGER NOT NULL, kind TEXT NOT NULL, class TEXT, token TEXT,
  data TEXT NOT NULL
);
CREATE INDEX events_certificate ON events (chain, class, token);
"""
_STATUS_OF_EVENT: Final = {"Revoked": "revoked", "EnterBlacklist": "frozen", "ExitBlacklist": "active"}


@dataclass(frozen=True, slots=True)
class IndexedEvent:
    """An event with its place in the gateway's stream."""

    seq: int
    kind: str
    data: dict[str, Any]


def head(connection: sqlite3.Connection, chain: str) -> int:
    """The height the index stands at."""
    row = connection.execute("SELECT height FROM heads WHERE chain = ?", (chain,)).fetchone()
    return 0 if row is None else int(row[0])


def skip_to(connection: sqlite3.Connection, chain: str, height: int) -> None:
    """Go on after `height`: the blocks up to there are no longer to be had."""
    connection.execute("INSERT OR REPLACE INTO heads VALUES (?, ?)", (chain, height))


def add_block(connection: sqlite3.Connection, rules: ChainRules, block: BlockAnswer) -> list[IndexedEvent]:
    """Index one checked block; the events that go out to whoever listens."""
    assert block.certified is not None
    header = block.certified.header
    chain, height = rules.chain_id, header.height
    if height != head(connection, chain) + 1:
        return []
    ids = [receipt.transaction_id for receipt in block.receipts]
    connection.executemany(
        "INSERT OR REPLACE INTO transactions VALUES (?, ?, ?, ?)",
        [(chain, id_, height, place) for place, id_ in enumerate(ids)],
    )
    rows: list[tuple[str, str | None, str | None, dict[str, Any]]] = [
        ("block", None, None, {"height": height, "time": header.time, "transactions": len(ids)})
    ]
    for raw, receipt in zip(block.transactions, block.receipts, strict=True):
        if receipt.succeeded:
            rows.extend(_index_call(connection, rules, height, header.time, raw, receipt))
    connection.execute("INSERT OR REPLACE INTO heads VALUES (?, ?)", (chain, height))
    return _keep_events(connection, chain, height, rows)


def find_transaction(connection: sqlite3.Connection, chain: str, transaction_id: bytes) -> tuple[int, int] | None:
    """(height, place) of a transaction."""
    row = connection.execute(
        "SELECT height, place FROM transactions WHERE chain = ? AND id = ?", (chain, transaction_id)
    ).fetchone()
    return None if row is None else (row[0], row[1])


def list_classes(connection: sqlite3.Connection, chain: str | None) -> list[dict[str, Any]]:
    """All classes, or those of one chain, by chain and id."""
    rows = connection.execute(
        "SELECT chain, class, name_en, name_zh, issuer, schema, height FROM classes "
        "WHERE ? IS NULL OR chain = ? ORDER BY chain, class",
        (chain, chain),
    )
    names = ("chain", "class", "name_en", "name_zh", "issuer", "schema", "height")
    return [dict(zip(names, (*row[:5], row[5].hex(), row[6]), strict=True)) for row in rows]


def search(
    connection: sqlite3.Connection, filters: dict[str, str], cursor: int, limit: int
) -> tuple[list[dict[str, Any]], int | None]:
    """Certificates that fit all `filters`, in the order in which they were indexed, after `cursor`."""
    names = [name for name in ("chain", "class", "issuer", "holder", "status") if name in filters]
    where = " AND ".join([f"{name} = ?" for name in names] + ["seq > ?"])
    rows = connection.execute(
        "SELECT seq, chain, class, token, issuer, holder, status, valid_until, issued_at, height "  # noqa: S608 - from the list above
        f"FROM certificates WHERE {where} ORDER BY seq LIMIT ?",
        (*(filters[name] for name in names), cursor, limit + 1),
    ).fetchall()
    found = [_found(row) for row in rows[:limit]]
    return found, rows[limit - 1][0] if len(rows) > limit else None


def history(connection: sqlite3.Connection, chain: str, class_id: str, token: str) -> list[dict[str, Any]]:
    """What happened to one certificate, oldest first."""
    rows = connection.execute(
        "SELECT kind, data FROM events WHERE chain = ? AND class = ? AND token = ? ORDER BY seq",
        (chain, class_id, token),
    )
    return [{"event": kind, **json.loads(data)} for kind, data in rows]


def events_after(connection: sqlite3.Connection, seq: int, limit: int) -> list[IndexedEvent]:
    """Events of the stream after `seq`."""
    rows = connection.execute("SELECT seq, kind, data FROM events WHERE seq > ? ORDER BY seq LIMIT ?", (seq, limit))
    return [IndexedEvent(row[0], row[1], json.loads(row[2])) for row in rows]


def latest_event(connection: sqlite3.Connection) -> int:
    """The place of the newest event."""
    return int(connection.execute("SELECT COALESCE(MAX(seq), 0) FROM events").fetchone()[0])


def forget(connection: sqlite3.Connection) -> None:
    """Empty the index; following the chains from height 0 fills it again."""
    for table in ("heads", "transactions", "classes", "certificates", "events"):
        connection.execute(f"DELETE FROM {table}")  # noqa: S608 - names are from the list above


Row = tuple[str, str | None, str | None, dict[str, Any]]


def _index_call(
    connection: sqlite3.Connection, rules: ChainRules, height: int, time: int, raw: bytes, receipt: Receipt
) -> Iterator[Row]:
    transaction = _transaction(_signed(raw).body)
    place = (transaction.contract, transaction.method)
    shown = {"height": height, "time": time, "transaction": receipt.transaction_id.hex()}
    if place in {("ddc721", "mint"), ("ddc721", "mintBatch")}:
        yield from _index_mint(connection, rules, height, time, transaction, shown)
    elif place == ("classes", "defineClass"):
        yield _index_class(connection, rules, height, transaction, shown)
    else:
        for event in receipt.events:
            yield _index_event(connection, rules, event, shown)


def _index_mint(
    connection: sqlite3.Connection,
    rules: ChainRules,
    height: int,
    time: int,
    transaction: Transaction,
    shown: dict[str, Any],
) -> Iterator[Row]:
    class_id, items = _minted(transaction)
    issuer = rules.addresses.format(transaction.sender)
    style = rules.profile.token_id_style
    rows = [
        (rules.chain_id, class_id, format_token(style, item.token), issuer, rules.addresses.format(item.holder),
         item.valid_until, time if item.valid_from is None else item.valid_from, height)
        for item in items
    ]  # fmt: skip
    connection.executemany(
        "INSERT OR REPLACE INTO certificates (chain, class, token, issuer, holder, status, valid_until, issued_at, height) "
        "VALUES (?, ?, ?, ?, ?, 'active', ?, ?, ?)",
        rows,
    )
    for row in rows:
        name = CertificateName(rules.chain_id, class_id, row[2])
        yield "minted", class_id, row[2], {**shown, "id": name.path, "issuer": issuer, "holder": row[4]}


def _minted(transaction: Transaction) -> tuple[str, tuple[MintItem, ...]]:
    arguments = bytes(transaction.arguments)
    if transaction.method == "mint":
        mint = decode(arguments, Mint)
        return mint.class_id, (mint.item,)
    batch = decode(arguments, MintBatch)
    return batch.class_id, batch.items


def _index_class(
    connection: sqlite3.Connection, rules: ChainRules, height: int, transaction: Transaction, shown: dict[str, Any]
) -> Row:
    defined = decode(bytes(transaction.arguments), DefineClass)
    issuer = rules.addresses.format(transaction.sender)
    connection.execute(
        "INSERT OR REPLACE INTO classes VALUES (?, ?, ?, ?, ?, ?, ?)",
        (rules.chain_id, defined.class_id, defined.name_en, defined.name_zh, issuer, defined.schema, height),
    )
    return "class", defined.class_id, None, {**shown, "chain": rules.chain_id, "class": defined.class_id}


def _index_event(connection: sqlite3.Connection, rules: ChainRules, event: Event, shown: dict[str, Any]) -> Row:
    if event.name in _STATUS_OF_EVENT:
        class_id, token, reason = msgspec.convert(event.values, tuple[str, bytes, str])
        text = format_token(rules.profile.token_id_style, token)
        status = _STATUS_OF_EVENT[event.name]
        connection.execute(
            "UPDATE certificates SET status = ? WHERE chain = ? AND class = ? AND token = ?",
            (status, rules.chain_id, class_id, text),
        )
        name = CertificateName(rules.chain_id, class_id, text)
        kind = {"active": "unfrozen"}.get(status, status)
        return kind, class_id, text, {**shown, "id": name.path, "reason": reason}
    kind, more = _told(rules, event)
    return kind, None, None, {**shown, "chain": rules.chain_id, "event": event.name, **more}


def _told(rules: ChainRules, event: Event) -> tuple[str, dict[str, Any]]:
    """The kind of an event that is about no certificate, and what its values mean."""
    match event.name:
        case "AddAccount":
            _, address, role, did = msgspec.convert(event.values, tuple[bytes, bytes, int, bytes])
            more: dict[str, Any] = {"role": Role(role).name.lower(), "did": did.hex()}
            return "account", {"address": rules.addresses.format(address), **more}
        case "MembershipChanged":
            old, new, height = msgspec.convert(event.values, tuple[bytes, bytes, int])
            more = {"membership": old.hex(), "next_membership": new.hex()}
            return "membership", {**more, "effective_height": height}
        case "Convicted":
            key, name, kind, height, view = msgspec.convert(event.values, tuple[bytes, str, int, int, int])
            more = {"evidence_kind": kind, "evidence_height": height, "evidence_view": view}
            return "conviction", {"replica": name, "consensus_key": key.hex(), **more}
        case _:
            return "account" if event.contract == "access" else "event", {}


def _keep_events(connection: sqlite3.Connection, chain: str, height: int, rows: list[Row]) -> list[IndexedEvent]:
    first = latest_event(connection) + 1
    events = [IndexedEvent(first + i, kind, {"chain": chain, **data}) for i, (kind, _, _, data) in enumerate(rows)]
    connection.executemany(
        "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (event.seq, chain, height, event.kind, row[1], row[2], json.dumps(event.data, ensure_ascii=False))
            for event, row in zip(events, rows, strict=True)
        ],
    )
    return events


def _found(row: tuple[Any, ...]) -> dict[str, Any]:
    name = CertificateName(row[1], row[2], row[3])
    return {
        "id": name.path,
        "uid": name.universal,
        "chain": row[1],
        "class": row[2],
        "issuer": row[4],
        "holder": row[5],
        "recorded_status": row[6],
        "valid_until": row[7],
        "valid_from": row[8],
        "height": row[9],
    }


_signed = decoder(SignedTransaction)
_transaction = decoder(Transaction)
