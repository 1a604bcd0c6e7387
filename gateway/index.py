"""What the index of on-chain fields is, and how blocks get into it: rebuilt from the ledger at any time.

Blocks arrive checked and in order; each goes in whole, with the height it brings the index to. Rows hold bytes as the
ledger does; `gateway.search` writes them as their chain does. A mint is one row: it is the certificate and its event,
and both have one number.

Keys are random, so that a tree over all of them would be written all over for every block, and ever slower. Every `RUN`
numbers therefore begin a tree of their own, by the first column: a block writes the few pages of the newest run, and
whoever looks for a key looks into each run (2 us each). At 100,000 certificates that took writing from 22 to 6 us per
certificate, at any number after.
"""

import json
import logging
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Raw

from chain.codec import decode
from chain.rules import ChainRules
from chain.transaction import Event, Receipt, SignedTransaction
from chain.universal_id import CertificateName, format_token
from contracts.access import Role
from contracts.certificate import Mint, MintBatch, MintItem
from contracts.classes import DefineClass
from gateway.clients.answers import HeardBlock, outline_of
from gateway.database import Database, DatabaseUnusable

_log = logging.getLogger("certnet.gateway")

VERSION: Final = 2
RUN: Final = 4_096
"""How many numbers of the stream share a tree of keys."""
INSERT_ROWS_MAX: Final = 256
TABLES: Final = ("heads", "transactions", "classes", "certificates", "events")
SCHEMA: Final = f"""
CREATE TABLE heads (chain TEXT PRIMARY KEY, height INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE transactions (
  run INTEGER NOT NULL, id BLOB NOT NULL, chain TEXT NOT NULL, height INTEGER NOT NULL, place INTEGER NOT NULL,
  PRIMARY KEY (run, id, chain)
) WITHOUT ROWID;
CREATE TABLE classes (
  chain TEXT NOT NULL, class TEXT NOT NULL, name_en TEXT NOT NULL, name_zh TEXT NOT NULL, issuer TEXT NOT NULL,
  schema BLOB NOT NULL, height INTEGER NOT NULL, PRIMARY KEY (chain, class)
) WITHOUT ROWID;
CREATE TABLE certificates (
  seq INTEGER PRIMARY KEY, chain TEXT NOT NULL, class TEXT NOT NULL, token BLOB NOT NULL, issuer BLOB NOT NULL,
  holder BLOB NOT NULL, status TEXT NOT NULL, valid_until INTEGER, valid_from INTEGER NOT NULL, height INTEGER NOT NULL,
  time INTEGER NOT NULL, transaction_id BLOB NOT NULL
);
CREATE INDEX certificates_token ON certificates (seq / {RUN}, token);
CREATE INDEX certificates_holder ON certificates (seq / {RUN}, holder);
CREATE TABLE events (
  seq INTEGER PRIMARY KEY, chain TEXT NOT NULL, height INTEGER NOT NULL, kind TEXT NOT NULL, class TEXT, token BLOB,
  data TEXT NOT NULL
);
CREATE INDEX events_token ON events (token, class, chain) WHERE token IS NOT NULL;
"""
SETTINGS: Final[dict[str, str | int]] = {
    "page_size": 8_192,
    "synchronous": "NORMAL",
    "cache_size": -16_000,
    "wal_autocheckpoint": 2_000,
}
"""The newest runs stay in memory; a page that is written again and again reaches the file itself but now and then."""
FIND_CERTIFICATE: Final = f"""
WITH RECURSIVE runs(run) AS (
  SELECT MAX(seq) / {RUN} FROM certificates UNION ALL SELECT run - 1 FROM runs WHERE run > 0
)
SELECT seq FROM runs CROSS JOIN certificates INDEXED BY certificates_token ON seq / {RUN} = run AND token = ?3
WHERE chain = ?1 AND class = ?2 LIMIT 1
"""  # noqa: S608 - a number of ours
"""The number of a certificate, by chain, class and token."""
_SET_STATUS: Final = f"UPDATE certificates SET status = ?4 WHERE seq = ({FIND_CERTIFICATE})"  # noqa: S608
FIND_TRANSACTION: Final = """
WITH RECURSIVE runs(run) AS (SELECT MAX(run) FROM transactions UNION ALL SELECT run - 1 FROM runs WHERE run > 0)
SELECT height, place FROM runs CROSS JOIN transactions USING (run) WHERE id = ?2 AND chain = ?1 LIMIT 1
"""
_STATUS_OF_EVENT: Final = {"Revoked": "revoked", "EnterBlacklist": "frozen", "ExitBlacklist": "active"}


class _Call(msgspec.Struct, array_like=True):
    """A `chain.transaction.Transaction`: under a certified root, so none of its bounds is checked again."""

    chain_id: str
    sender: bytes
    nonce: bytes
    valid_until: int
    contract: str
    method: str
    arguments: bytes


def open_index(path: Path) -> Database:
    """The index in a file; one of another format makes room for a new one, which following the chains fills."""
    try:
        return Database(path, SCHEMA, VERSION, settings=SETTINGS)
    except DatabaseUnusable as unusable:
        _log.warning("%s; the index is built anew", unusable)
        remove(path)
        return Database(path, SCHEMA, VERSION, settings=SETTINGS)


def remove(path: Path) -> None:
    """Delete the file of an index, and what SQLite keeps beside it."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def head(connection: sqlite3.Connection, chain: str) -> int:
    """The height the index stands at."""
    row = connection.execute("SELECT height FROM heads WHERE chain = ?", (chain,)).fetchone()
    return 0 if row is None else int(row[0])


def skip_to(connection: sqlite3.Connection, chain: str, height: int) -> None:
    """Go on after `height`: the blocks up to there are no longer to be had."""
    connection.execute("INSERT OR REPLACE INTO heads VALUES (?, ?)", (chain, height))


def latest_event(connection: sqlite3.Connection) -> int:
    """The number of the newest event."""
    rows = connection.execute("SELECT MAX(seq) FROM events UNION ALL SELECT MAX(seq) FROM certificates")
    return max(row[0] or 0 for row in rows)


def find_transaction(connection: sqlite3.Connection, chain: str, transaction_id: bytes) -> tuple[int, int] | None:
    """(height, place) of a transaction."""
    found: tuple[int, int] | None = connection.execute(FIND_TRANSACTION, (chain, transaction_id)).fetchone()
    return found


def forget(connection: sqlite3.Connection) -> None:
    """Empty the index; following the chains from height 0 fills it again."""
    for table in TABLES:
        connection.execute(f"DELETE FROM {table}")  # noqa: S608 - names are from the list above


def add_block(connection: sqlite3.Connection, rules: ChainRules, block: HeardBlock) -> range:
    """Index one checked block; the numbers of its events, none if the block is not the next one."""
    assert block.certified is not None
    header, chain = block.certified.header, rules.chain_id
    if header.height != head(connection, chain) + 1:
        return range(0)
    first = latest_event(connection) + 1
    rows = _Rows(connection, rules, header.height, header.time, first)
    rows.add_event("block", None, None, {"transactions": len(block.transactions)})
    run, ids = first // RUN, []
    for place, (raw, receipt) in enumerate(zip(block.transactions, block.receipt_bytes, strict=True)):
        outline = outline_of(receipt)
        ids.append((run, outline.transaction_id, chain, header.height, place))
        if not outline.code:
            rows.add_call(_call(_signed(raw).body), outline.transaction_id, receipt)
    _insert(connection, "INSERT OR REPLACE INTO transactions VALUES", "(?, ?, ?, ?, ?)", sorted(ids))
    rows.write()
    connection.execute("INSERT OR REPLACE INTO heads VALUES (?, ?)", (chain, header.height))
    return range(first, rows.next)


@dataclass(slots=True)
class _Rows:
    """The rows of one block; `next` is the number of the next event."""

    connection: sqlite3.Connection
    rules: ChainRules
    height: int
    time: int
    next: int
    certificates: list[tuple[Any, ...]] = field(default_factory=list)
    events: list[tuple[Any, ...]] = field(default_factory=list)

    def write(self) -> None:
        """Everything that was added since the last time."""
        marks = "(?, ?, ?, ?, ?, ?, 'active', ?, ?, ?, ?, ?)"
        _insert(self.connection, "INSERT INTO certificates VALUES", marks, self.certificates)
        _insert(self.connection, "INSERT INTO events VALUES", "(?, ?, ?, ?, ?, ?, ?)", self.events)
        self.certificates, self.events = [], []

    def add_call(self, call: _Call, transaction_id: bytes, receipt: Raw) -> None:
        """A call that took effect."""
        if call.contract == "ddc721" and call.method in _MINTED:
            self.add_minted(call, transaction_id, *_MINTED[call.method](call.arguments))
            return
        shown = {"transaction": transaction_id.hex()}
        if (call.contract, call.method) == ("classes", "defineClass"):
            self.add_class(call, shown)
            return
        for event in decode(bytes(receipt), Receipt).events:
            self.add_told(event, shown)

    def add_minted(self, call: _Call, transaction_id: bytes, class_id: str, items: tuple[MintItem, ...]) -> None:
        """Certificates that were issued by one call."""
        chain, height, time, sender = self.rules.chain_id, self.height, self.time, call.sender
        self.certificates += [
            (seq, chain, class_id, item.token, sender, item.holder,
             item.valid_until, time if item.valid_from is None else item.valid_from, height, time, transaction_id)
            for seq, item in enumerate(items, start=self.next)
        ]  # fmt: skip
        self.next += len(items)

    def add_class(self, call: _Call, shown: dict[str, Any]) -> None:
        """A class that was defined."""
        defined = decode(call.arguments, DefineClass)
        issuer = self.rules.addresses.format(call.sender)
        self.connection.execute(
            "INSERT OR REPLACE INTO classes VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                self.rules.chain_id,
                defined.class_id,
                defined.name_en,
                defined.name_zh,
                issuer,
                defined.schema,
                self.height,
            ),
        )
        self.add_event("class", defined.class_id, None, {**shown, "class": defined.class_id})

    def add_told(self, event: Event, shown: dict[str, Any]) -> None:
        """What a contract tells: of a certificate's status, or of something that is no certificate."""
        if event.name not in _STATUS_OF_EVENT:
            kind, more = _told(self.rules, event)
            self.add_event(kind, None, None, {**shown, "event": event.name, **more})
            return
        class_id, token, reason = msgspec.convert(event.values, tuple[str, bytes, str])
        status = _STATUS_OF_EVENT[event.name]
        self.write()  # it may have been minted in this very block
        self.connection.execute(_SET_STATUS, (self.rules.chain_id, class_id, token, status))
        name = CertificateName(self.rules.chain_id, class_id, format_token(self.rules.profile.token_id_style, token))
        kind = {"active": "unfrozen"}.get(status, status)
        self.add_event(kind, class_id, token, {**shown, "id": name.path, "reason": reason})

    def add_event(self, kind: str, class_id: str | None, token: bytes | None, data: dict[str, Any]) -> None:
        """One event, with the place and time of the block."""
        text = json.dumps({"height": self.height, "time": self.time, **data}, ensure_ascii=False)
        self.events.append((self.next, self.rules.chain_id, self.height, kind, class_id, token, text))
        self.next += 1


def _insert(connection: sqlite3.Connection, statement: str, marks: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Many rows in one statement, for which SQLite runs without the interpreter's lock.

    `executemany` gives the lock away and waits for it with every row. Powers of two, so that few statements are prepared.
    """
    start = 0
    while start < len(rows):
        count = min(INSERT_ROWS_MAX, 1 << (len(rows) - start).bit_length() - 1)
        values = [value for row in rows[start : start + count] for value in row]
        connection.execute(f"{statement} {', '.join([marks] * count)}", values)
        start += count


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


def _mint(arguments: bytes) -> tuple[str, tuple[MintItem, ...]]:
    mint = _one(arguments)
    return mint.class_id, (mint.item,)


def _mint_batch(arguments: bytes) -> tuple[str, tuple[MintItem, ...]]:
    batch = _batch(arguments)
    return batch.class_id, batch.items


_signed = msgspec.msgpack.Decoder(SignedTransaction).decode
_call = msgspec.msgpack.Decoder(_Call).decode
_one = msgspec.msgpack.Decoder(Mint).decode
_batch = msgspec.msgpack.Decoder(MintBatch).decode
_MINTED: Final = {"mint": _mint, "mintBatch": _mint_batch}
