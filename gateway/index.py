"""What the index of on-chain fields is, and how blocks get into it: rebuilt from the ledger at any time.

Blocks arrive checked and in order; each goes in whole, with the height it brings the index to. Rows hold bytes as the
ledger does; `gateway.search` writes them as their chain does. A mint is one row: it is the certificate and its event,
and both have one number. A status is kept as the ledger records it, as facts that each event changes alone.

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
from chain.transaction import SignedTransaction
from contracts.certificate import Recorded
from contracts.classes import DefineClass, SetRequirements
from gateway import directory, journeys
from gateway.clients.answers import HeardBlock, outline_of
from gateway.database import Database, DatabaseUnusable
from gateway.events import HeardEvent, Minted, arrived_by, events_of, minted_by, told, values_of

_log = logging.getLogger("certnet.gateway")

VERSION: Final = 5
RUN: Final = 4_096
"""How many numbers of the stream share a tree of keys."""
INSERT_ROWS_MAX: Final = 256
TABLES: Final = ("heads", "transactions", "classes", "certificates", "events", "accounts", "moves", "ways")
SCHEMA: Final = f"""
CREATE TABLE heads (chain TEXT PRIMARY KEY, height INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE transactions (
  run INTEGER NOT NULL, id BLOB NOT NULL, chain TEXT NOT NULL, height INTEGER NOT NULL, place INTEGER NOT NULL,
  PRIMARY KEY (run, id, chain)
) WITHOUT ROWID;
CREATE TABLE classes (
  chain TEXT NOT NULL, class TEXT NOT NULL, name_en TEXT NOT NULL, name_zh TEXT NOT NULL, issuer TEXT NOT NULL,
  schema BLOB NOT NULL, height INTEGER NOT NULL, standard INTEGER NOT NULL, rules TEXT NOT NULL,
  PRIMARY KEY (chain, class)
) WITHOUT ROWID;
CREATE TABLE certificates (
  seq INTEGER PRIMARY KEY, chain TEXT NOT NULL, class TEXT NOT NULL, token BLOB NOT NULL, issuer BLOB NOT NULL,
  holder BLOB NOT NULL, minted_to BLOB, recorded INTEGER NOT NULL, frozen INTEGER NOT NULL, locked INTEGER NOT NULL,
  suspended INTEGER NOT NULL,
  valid_until INTEGER, valid_from INTEGER NOT NULL, height INTEGER NOT NULL, time INTEGER NOT NULL,
  transaction_id BLOB NOT NULL,
  status TEXT GENERATED ALWAYS AS (
    CASE WHEN recorded = 2 THEN 'revoked' WHEN recorded = 3 THEN 'burnt' WHEN recorded = 4 THEN 'moved'
         WHEN frozen THEN 'frozen' WHEN locked THEN 'locked' WHEN suspended THEN 'suspended' WHEN recorded = 1 THEN 'offered' ELSE 'active' END
  ) VIRTUAL
);
CREATE INDEX certificates_token ON certificates (seq / {RUN}, token);
CREATE INDEX certificates_holder ON certificates (seq / {RUN}, holder);
CREATE TABLE events (
  seq INTEGER PRIMARY KEY, chain TEXT NOT NULL, height INTEGER NOT NULL, kind TEXT NOT NULL, class TEXT, token BLOB,
  data TEXT NOT NULL
);
CREATE INDEX events_token ON events (token, class, chain) WHERE token IS NOT NULL;
{directory.SCHEMA}
{journeys.SCHEMA}
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
FIND_TRANSACTION: Final = """
WITH RECURSIVE runs(run) AS (SELECT MAX(run) FROM transactions UNION ALL SELECT run - 1 FROM runs WHERE run > 0)
SELECT height, place FROM runs CROSS JOIN transactions USING (run) WHERE id = ?2 AND chain = ?1 LIMIT 1
"""
_CHANGES: Final = {
    name: f"UPDATE certificates SET {change} WHERE seq = ({FIND_CERTIFICATE})"  # noqa: S608 - of ours
    for name, change in {
        "Accepted": f"recorded = {Recorded.ACTIVE}",
        "Burnt": f"recorded = {Recorded.BURNT}",
        "Declined": f"recorded = {Recorded.BURNT}",
        "EnterBlacklist": "frozen = 1",
        "ExitBlacklist": "frozen = 0",
        "Locklist": "locked = 1",
        "Rebound": "minted_to = COALESCE(minted_to, holder), holder = ?4",
        "Returned": f"recorded = {Recorded.ACTIVE}, locked = 0, frozen = 0, holder = ?4",
        "Revoked": f"recorded = {Recorded.REVOKED}",
        "Suspended": "suspended = 1",
        "Transfer": f"recorded = {Recorded.MOVED}, locked = 0",
        "UnLocklist": "locked = 0",
        "Unsuspended": "suspended = 0",
    }.items()
}
"""What an event changes of a certificate's row; after a rebind it still says to whom it was minted.

A transfer that is told is one to another chain; what comes back from there has a row already.
"""


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
    offers: dict[str, bool] = field(default_factory=dict)
    """Whether certificates of a class are offered, as far as it was looked up."""
    certificates: list[tuple[Any, ...]] = field(default_factory=list)
    events: list[tuple[Any, ...]] = field(default_factory=list)

    def write(self) -> None:
        """Everything that was added since the last time."""
        marks = "(?, ?, ?, ?, ?, ?, NULL, ?, 0, 0, 0, ?, ?, ?, ?, ?)"
        _insert(self.connection, "INSERT INTO certificates VALUES", marks, self.certificates)
        _insert(self.connection, "INSERT INTO events VALUES", "(?, ?, ?, ?, ?, ?, ?)", self.events)
        self.certificates, self.events = [], []

    def add_call(self, call: _Call, transaction_id: bytes, receipt: Raw) -> None:
        """A call that took effect."""
        shown = {"transaction": transaction_id.hex()}
        if (call.contract, call.method) == ("classes", "defineClass"):
            self.add_class(call, shown)
            return
        if (call.contract, call.method) == ("classes", "setRequirements"):
            asked = decode(call.arguments, SetRequirements)
            journeys.learn_requirements(self.connection, self.rules.chain_id, asked.class_id, asked.requires)
        minted = minted_by(call.contract, call.method, call.arguments)
        if minted is not None:
            self.add_minted(call.sender, transaction_id, minted)
        arrived = arrived_by(call.contract, call.method, call.arguments, receipt)
        if arrived is not None:
            self.add_arrived(transaction_id, *arrived)
        for event in events_of(receipt):
            self.add_told(event, shown)

    def add_minted(self, sender: bytes, transaction_id: bytes, minted: Minted) -> None:
        """Certificates that were issued by one call."""
        chain, height, time, class_id = self.rules.chain_id, self.height, self.time, minted.class_id
        recorded = int(self._recorded_first(class_id) if minted.recorded is None else minted.recorded)
        self.certificates += [
            (seq, chain, class_id, item.token, sender, item.holder, recorded,
             item.valid_until, time if item.valid_from is None else item.valid_from, height, time, transaction_id)
            for seq, item in enumerate(minted.items, start=self.next)
        ]  # fmt: skip
        self.next += len(minted.items)

    def add_arrived(self, transaction_id: bytes, issuer: bytes, arrived: Minted) -> None:
        """A certificate that came from another chain: a new row, or its own if it has been here before."""
        self.write()
        (item,) = arrived.items
        place = (self.rules.chain_id, arrived.class_id, item.token)
        if self.connection.execute(FIND_CERTIFICATE, place).fetchone() is None:
            self.add_minted(issuer, transaction_id, arrived)
        else:
            self.connection.execute(_CHANGES["Returned"], (*place, item.holder))

    def add_class(self, call: _Call, shown: dict[str, Any]) -> None:
        """A class that was defined."""
        defined = decode(call.arguments, DefineClass)
        issuer = self.rules.addresses.format(call.sender)
        self.connection.execute(
            "INSERT OR REPLACE INTO classes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                self.rules.chain_id,
                defined.class_id,
                defined.name_en,
                defined.name_zh,
                issuer,
                defined.schema,
                self.height,
                defined.standard,
                json.dumps({name: getattr(defined.rules, name) for name in defined.rules.__struct_fields__}),
            ),
        )
        self.add_event("class", defined.class_id, None, {**shown, "class": defined.class_id})

    def add_told(self, event: HeardEvent, shown: dict[str, Any]) -> None:
        """What a contract tells, and what that changes of certificates, accounts and moves."""
        kept = told(self.rules, event)
        if kept.token is not None and event.name in _CHANGES:
            self.write()  # it may have been minted in this very block
            place = (self.rules.chain_id, kept.class_id, kept.token)
            more = (values_of(event)[3],) if event.name == "Rebound" else ()
            self.connection.execute(_CHANGES[event.name], (*place, *more))
        directory.learn_accounts(self.connection, self.rules.chain_id, event)
        journeys.learn_move(self.connection, self.rules.chain_id, event, self.time)
        self.add_event(kept.kind, kept.class_id, kept.token, shown | kept.data)

    def add_event(self, kind: str, class_id: str | None, token: bytes | None, data: dict[str, Any]) -> None:
        """One event, with the place and time of the block."""
        text = _json({"height": self.height, "time": self.time, **data}).decode()
        self.events.append((self.next, self.rules.chain_id, self.height, kind, class_id, token, text))
        self.next += 1

    def _recorded_first(self, class_id: str) -> Recorded:
        """As what certificates of a class begin where the method does not say; active if the class was never heard of."""
        if class_id not in self.offers:
            query = "SELECT rules FROM classes WHERE chain = ? AND class = ?"
            row = self.connection.execute(query, (self.rules.chain_id, class_id)).fetchone()
            self.offers[class_id] = row is not None and json.loads(row[0])["acceptance"]
        return Recorded.OFFERED if self.offers[class_id] else Recorded.ACTIVE


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


_signed = msgspec.msgpack.Decoder(SignedTransaction).decode
_call = msgspec.msgpack.Decoder(_Call).decode
_json = msgspec.json.Encoder().encode
