"""What cannot be rebuilt: documents and salts, custodial keys of accounts and DIDs, API keys, submitted transactions, jobs.

Synchronous functions over a connection; `gateway.database` runs them in the vault's thread. Custodial keys are
encrypted with AES-256-GCM under a key that scrypt derives from the passphrase; account and network are the
associated data, so a ciphertext fits no other place.
"""

import hashlib
import hmac
import json
import secrets
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

VERSION: Final = 1
SCRYPT_N: Final = 2**15
DIDS: Final = "did"
"""Where a key has its accounts, and the vault the keys of accounts, they have DIDs and their keys too: under this, not a chain."""
SCHEMA: Final = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE api_keys (
  id TEXT PRIMARY KEY, hash BLOB NOT NULL, tenant TEXT NOT NULL, methods TEXT NOT NULL, revoked INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE api_key_accounts (
  key TEXT NOT NULL, chain TEXT NOT NULL, address TEXT NOT NULL, place INTEGER NOT NULL,
  PRIMARY KEY (key, chain, address)
) WITHOUT ROWID;
CREATE TABLE custodial_keys (
  chain TEXT NOT NULL, address TEXT NOT NULL, nonce BLOB NOT NULL, sealed BLOB NOT NULL,
  PRIMARY KEY (chain, address, nonce)
) WITHOUT ROWID;
CREATE TABLE submissions (
  key TEXT NOT NULL, idempotency TEXT NOT NULL, request BLOB NOT NULL, chain TEXT NOT NULL,
  raw BLOB NOT NULL, reference TEXT NOT NULL, PRIMARY KEY (key, idempotency)
) WITHOUT ROWID;
CREATE TABLE documents (
  chain TEXT NOT NULL, class TEXT NOT NULL, token TEXT NOT NULL, issuer TEXT NOT NULL, holder TEXT NOT NULL,
  content_root BLOB NOT NULL, content TEXT NOT NULL, salts BLOB NOT NULL,
  PRIMARY KEY (chain, class, token, content_root)
) WITHOUT ROWID;
CREATE TABLE schemas (digest BLOB PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE jobs (
  id TEXT PRIMARY KEY, key TEXT NOT NULL, idempotency TEXT NOT NULL, request BLOB NOT NULL, chain TEXT NOT NULL,
  class TEXT NOT NULL, issuer TEXT NOT NULL, encoding TEXT NOT NULL, state TEXT NOT NULL, total INTEGER NOT NULL,
  UNIQUE (key, idempotency)
) WITHOUT ROWID;
CREATE TABLE job_rows (
  job TEXT NOT NULL, line INTEGER NOT NULL, batch INTEGER, token TEXT, item BLOB, outcome TEXT NOT NULL,
  problem TEXT, PRIMARY KEY (job, line)
) WITHOUT ROWID;
CREATE INDEX job_rows_batch ON job_rows (job, batch);
CREATE TABLE job_batches (
  job TEXT NOT NULL, batch INTEGER NOT NULL, size INTEGER NOT NULL, raw BLOB, state TEXT NOT NULL,
  PRIMARY KEY (job, batch)
) WITHOUT ROWID;
"""


class VaultLocked(Exception):
    """The vault has no passphrase, or not the right one."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """Who an API key speaks for: the accounts it may sign with, by chain, its DIDs, and the methods (empty: all)."""

    key_id: str
    name: str
    accounts: dict[str, tuple[str, ...]]
    methods: frozenset[str]

    def may(self, method: str) -> bool:
        """Whether the key may call `contract.method`."""
        return not self.methods or method in self.methods

    def has_did(self, did: bytes) -> bool:
        """Whether the keys of the DID that the gateway keeps may sign for it."""
        return did.hex() in self.accounts.get(DIDS, ())


@dataclass(frozen=True, slots=True)
class Submission:
    """A signed transaction that was stored before it was sent. `reference` is what the answer needs besides."""

    chain: str
    raw: bytes
    reference: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Document:
    """A certificate's content and salts, held for its issuer and holder.

    It is stored before the mint is sent, so the root tells it from one that was refused under the same token id.
    """

    chain: str
    class_id: str
    token: str
    content_root: bytes
    issuer: str
    holder: str
    content: dict[str, str | int | bool | None]
    salts: tuple[bytes, ...]


class Seal:
    """Encrypts custodial keys; made from the passphrase once, at start."""

    def __init__(self, connection: sqlite3.Connection, passphrase: str, network_id: bytes) -> None:
        self._network_id = network_id
        salt = _meta(connection, "salt")
        if salt is None:
            salt = secrets.token_bytes(16)
            self._cipher = AESGCM(_stretched(passphrase, salt))
            both = (salt, self._seal_check())  # one statement: a vault with one of them would never open
            connection.execute("INSERT INTO meta VALUES ('salt', ?), ('check', ?)", both)
            return
        self._cipher = AESGCM(_stretched(passphrase, salt))
        check = _meta(connection, "check") or b""
        try:
            self._cipher.decrypt(check[:12], check[12:], b"check" + network_id)
        except (InvalidTag, ValueError):
            raise VaultLocked("the passphrase is not this vault's, or the vault is another network's") from None

    def close_over(self, chain: str, address: str, seed: bytes) -> tuple[bytes, bytes]:
        """(nonce, ciphertext) of a key's seed, bound to its account."""
        nonce = secrets.token_bytes(12)
        return nonce, self._cipher.encrypt(nonce, seed, self._account(chain, address))

    def open(self, chain: str, address: str, nonce: bytes, sealed: bytes) -> bytes:
        """The seed of an account's key."""
        return self._cipher.decrypt(nonce, sealed, self._account(chain, address))

    def _account(self, chain: str, address: str) -> bytes:
        return self._network_id + json.dumps([chain, address]).encode()

    def _seal_check(self) -> bytes:
        nonce = secrets.token_bytes(12)
        return nonce + self._cipher.encrypt(nonce, b"certnet", b"check" + self._network_id)


def new_api_key(
    connection: sqlite3.Connection, tenant: str, accounts: Iterable[tuple[str, str]], methods: Iterable[str] = ()
) -> str:
    """A new key of 32 random bytes for `tenant`: shown once, stored hashed."""
    key_id, secret = secrets.token_hex(6), secrets.token_bytes(32)
    connection.execute(
        "INSERT INTO api_keys VALUES (?, ?, ?, ?, 0)",
        (key_id, hashlib.sha256(secret).digest(), tenant, json.dumps(sorted(methods))),
    )
    for place, (chain, address) in enumerate(accounts):
        connection.execute("INSERT INTO api_key_accounts VALUES (?, ?, ?, ?)", (key_id, chain, address, place))
    return f"ck_{key_id}_{secret.hex()}"


def find_tenant(connection: sqlite3.Connection, api_key: str) -> Tenant | None:
    """The tenant of a key that is neither unknown nor revoked; compared in constant time."""
    parts = api_key.split("_")
    if len(parts) != 3 or parts[0] != "ck" or len(parts[2]) != 64:
        return None
    row = connection.execute("SELECT hash, tenant, methods, revoked FROM api_keys WHERE id = ?", (parts[1],)).fetchone()
    try:
        digest = hashlib.sha256(bytes.fromhex(parts[2])).digest()
    except ValueError:
        return None
    if row is None or not hmac.compare_digest(digest, row[0]) or row[3]:
        return None
    accounts: dict[str, tuple[str, ...]] = {}
    for chain, address in connection.execute(
        "SELECT chain, address FROM api_key_accounts WHERE key = ? ORDER BY place", (parts[1],)
    ):
        accounts[chain] = (*accounts.get(chain, ()), address)
    return Tenant(parts[1], row[1], accounts, frozenset(json.loads(row[2])))


def revoke_api_key(connection: sqlite3.Connection, key_id: str) -> bool:
    """Make a key useless; False if there is none of that id."""
    return connection.execute("UPDATE api_keys SET revoked = 1 WHERE id = ?", (key_id,)).rowcount > 0


def add_account(connection: sqlite3.Connection, key_id: str, chain: str, address: str) -> None:
    """Let a key sign with one more account."""
    connection.execute(
        "INSERT OR IGNORE INTO api_key_accounts VALUES (?, ?, ?, (SELECT COUNT(*) FROM api_key_accounts))",
        (key_id, chain, address),
    )


def keep_key(connection: sqlite3.Connection, seal: Seal, chain: str, address: str, seed: bytes) -> None:
    """Keep an account's key, encrypted; one that is kept already stays."""
    nonce, sealed = seal.close_over(chain, address, seed)
    connection.execute("INSERT INTO custodial_keys VALUES (?, ?, ?, ?)", (chain, address, nonce, sealed))


def take_keys(connection: sqlite3.Connection, seal: Seal, chain: str, address: str) -> list[bytes]:
    """The seeds kept for an account: several if its name was asked for several times; the chain says whose it is."""
    rows = connection.execute(
        "SELECT nonce, sealed FROM custodial_keys WHERE chain = ? AND address = ?", (chain, address)
    ).fetchall()
    return [seal.open(chain, address, nonce, sealed) for nonce, sealed in rows]


def keep_did_keys(
    connection: sqlite3.Connection, seal: Seal, did: bytes, authentication: bytes, recovery: bytes
) -> None:
    """Keep the seeds of both keys of a DID, encrypted; those that are kept already stay."""
    keep_authentication_key(connection, seal, did, authentication)
    keep_key(connection, seal, DIDS, f"{did.hex()}:recovery", recovery)


def keep_authentication_key(connection: sqlite3.Connection, seal: Seal, did: bytes, seed: bytes) -> None:
    """Keep the seed of a key that a DID is to be rotated to, encrypted; those that are kept already stay."""
    keep_key(connection, seal, DIDS, f"{did.hex()}:authentication", seed)


def take_did_keys(connection: sqlite3.Connection, seal: Seal, did: bytes) -> tuple[list[bytes], list[bytes]]:
    """The seeds kept for a DID, of authentication and recovery keys: a rotated DID has several, and a chain says which counts."""
    authentication, recovery = (
        take_keys(connection, seal, DIDS, f"{did.hex()}:{what}") for what in ("authentication", "recovery")
    )
    return authentication, recovery


def find_submission(connection: sqlite3.Connection, key_id: str, idempotency: str) -> tuple[bytes, Submission] | None:
    """The request digest and submission stored under an Idempotency-Key."""
    row = connection.execute(
        "SELECT request, chain, raw, reference FROM submissions WHERE key = ? AND idempotency = ?",
        (key_id, idempotency),
    ).fetchone()
    return None if row is None else (row[0], Submission(row[1], row[2], json.loads(row[3])))


def keep_submission(
    connection: sqlite3.Connection, key_id: str, idempotency: str, request: bytes, submission: Submission
) -> None:
    """Store a signed transaction before it is sent; replaces one that is proven expired."""
    connection.execute(
        "INSERT OR REPLACE INTO submissions VALUES (?, ?, ?, ?, ?, ?)",
        (key_id, idempotency, request, submission.chain, submission.raw, json.dumps(submission.reference)),
    )


def keep_documents(connection: sqlite3.Connection, documents: Iterable[Document]) -> None:
    """Store contents and salts."""
    connection.executemany(
        "INSERT OR IGNORE INTO documents VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (
                d.chain,
                d.class_id,
                d.token,
                d.issuer,
                d.holder,
                d.content_root,
                json.dumps(d.content, ensure_ascii=False),
                b"".join(d.salts),
            )
            for d in documents
        ),
    )


def find_document(
    connection: sqlite3.Connection, chain: str, class_id: str, token: str, content_root: bytes
) -> Document | None:
    """The content and salts of the certificate with this content root, or None if they are not held here."""
    row = connection.execute(
        "SELECT issuer, holder, content, salts FROM documents "
        "WHERE chain = ? AND class = ? AND token = ? AND content_root = ?",
        (chain, class_id, token, content_root),
    ).fetchone()
    if row is None:
        return None
    salts = tuple(row[3][i : i + 16] for i in range(0, len(row[3]), 16))
    return Document(chain, class_id, token, content_root, row[0], row[1], json.loads(row[2]), salts)


def erase_document(connection: sqlite3.Connection, chain: str, class_id: str, token: str) -> bool:
    """Forget content and salts for good, of refused mints under the id too; the ledger stays valid."""
    cursor = connection.execute(
        "DELETE FROM documents WHERE chain = ? AND class = ? AND token = ?", (chain, class_id, token)
    )
    return cursor.rowcount > 0


def erase_own_documents(
    connection: sqlite3.Connection, chain: str, class_id: str, token: str, issuers: Iterable[str]
) -> bool:
    """Forget for good what these accounts have kept under the id; False if it is nothing."""
    own = [(chain, class_id, token, issuer) for issuer in issuers]
    statement = "DELETE FROM documents WHERE chain = ? AND class = ? AND token = ? AND issuer = ?"
    return connection.executemany(statement, own).rowcount > 0


def keep_schema(connection: sqlite3.Connection, digest: bytes, document: bytes) -> None:
    """Store a class schema under its digest."""
    connection.execute("INSERT OR IGNORE INTO schemas VALUES (?, ?)", (digest, document.decode("utf-8")))


def find_schema(connection: sqlite3.Connection, digest: bytes) -> str | None:
    """The canonical schema of that digest."""
    row = connection.execute("SELECT document FROM schemas WHERE digest = ?", (digest,)).fetchone()
    return None if row is None else row[0]


def backup(connection: sqlite3.Connection, target: Path) -> None:
    """A consistent copy of the vault while it is in use."""
    copy = sqlite3.connect(target)
    with copy:
        connection.backup(copy)
    copy.close()
    target.chmod(0o600)


def _meta(connection: sqlite3.Connection, name: str) -> bytes | None:
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return None if row is None else row[0]


def _stretched(passphrase: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, n=SCRYPT_N, r=8, p=1).derive(passphrase.encode("utf-8"))
