"""Batch jobs in the vault: rows with their items, and the signed transactions that carry them.

A row's token id and content root are fixed when the job is stored, so no retry can mint it twice.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

PENDING: Final = "pending"
MINTED: Final = "minted"
REFUSED: Final = "refused"
SKIPPED: Final = "skipped"
RUNNING: Final = "running"
DONE: Final = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job: whose it is, what it mints, and how far it is."""

    id: str
    key: str
    chain: str
    class_id: str
    issuer: str
    encoding: str
    state: str
    total: int


@dataclass(frozen=True, slots=True)
class JobRow:
    """A row: its line in the file, its batch (None if it is left out), token text, encoded item, and what is wrong."""

    line: int
    batch: int | None
    token: str | None
    item: bytes | None
    problem: str | None = None


def keep_job(
    connection: sqlite3.Connection, job: Job, idempotency: str, request: bytes, rows: Sequence[JobRow]
) -> None:
    """Store a new job with all its rows."""
    connection.execute(
        "INSERT INTO jobs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            job.id,
            job.key,
            idempotency,
            request,
            job.chain,
            job.class_id,
            job.issuer,
            job.encoding,
            job.state,
            job.total,
        ),
    )
    connection.executemany(
        "INSERT INTO job_rows VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (job.id, row.line, row.batch, row.token, row.item, SKIPPED if row.batch is None else PENDING, row.problem)
            for row in rows
        ],
    )
    sizes = Counter(row.batch for row in rows if row.batch is not None)
    connection.executemany(
        "INSERT INTO job_batches VALUES (?, ?, ?, NULL, ?)",
        [(job.id, batch, size, PENDING) for batch, size in sizes.items()],
    )


def find_job(connection: sqlite3.Connection, job_id: str) -> Job | None:
    """The job of that id."""
    return _job(connection.execute(f"{_SELECT} WHERE id = ?", (job_id,)).fetchone())


def find_job_by_key(connection: sqlite3.Connection, key: str, idempotency: str) -> tuple[bytes, Job] | None:
    """The request digest and job stored under an Idempotency-Key."""
    row = connection.execute(
        "SELECT request, id FROM jobs WHERE key = ? AND idempotency = ?", (key, idempotency)
    ).fetchone()
    if row is None:
        return None
    job = find_job(connection, row[1])
    assert job is not None
    return row[0], job


def unfinished_jobs(connection: sqlite3.Connection) -> list[Job]:
    """Jobs that go on after a restart."""
    rows = connection.execute(f"{_SELECT} WHERE state = ?", (RUNNING,)).fetchall()
    return [job for row in rows if (job := _job(row)) is not None]


def pending_batches(connection: sqlite3.Connection, job_id: str) -> list[tuple[int, bytes | None]]:
    """(number, signed transaction or None) of the batches without an outcome."""
    return connection.execute(
        "SELECT batch, raw FROM job_batches WHERE job = ? AND state = ? ORDER BY batch", (job_id, PENDING)
    ).fetchall()


def batch_items(connection: sqlite3.Connection, job_id: str, batches: Sequence[int]) -> list[list[bytes]]:
    """The encoded items of each batch, in the order of the file."""
    return [
        [
            row[0]
            for row in connection.execute(
                "SELECT item FROM job_rows WHERE job = ? AND batch = ? ORDER BY line", (job_id, batch)
            )
        ]
        for batch in batches
    ]


def keep_batch_transactions(connection: sqlite3.Connection, job_id: str, signed: Sequence[tuple[int, bytes]]) -> None:
    """Store the signed transactions of batches before they are sent."""
    connection.executemany(
        "UPDATE job_batches SET raw = ? WHERE job = ? AND batch = ?",
        [(raw, job_id, batch) for batch, raw in signed],
    )


def settle_batches(connection: sqlite3.Connection, job_id: str, settled: Sequence[tuple[int, str, str | None]]) -> None:
    """Batches have their outcome: (number, outcome, problem)."""
    for batch, outcome, problem in settled:
        connection.execute("UPDATE job_batches SET state = ? WHERE job = ? AND batch = ?", (outcome, job_id, batch))
        connection.execute(
            "UPDATE job_rows SET outcome = ?, problem = ? WHERE job = ? AND batch = ?",
            (outcome, problem, job_id, batch),
        )


def finish_job(connection: sqlite3.Connection, job_id: str) -> None:
    """Every batch has its outcome."""
    connection.execute("UPDATE jobs SET state = ? WHERE id = ?", (DONE, job_id))


def count_rows(connection: sqlite3.Connection, job: Job) -> dict[str, int]:
    """How many rows have each outcome: a sum over batches, since rows are many."""
    sums = dict(
        connection.execute(
            "SELECT state, SUM(size) FROM job_batches WHERE job = ? GROUP BY state", (job.id,)
        ).fetchall()
    )
    return {PENDING: 0, MINTED: 0, REFUSED: 0, SKIPPED: job.total - sum(sums.values())} | sums


def list_rows(connection: sqlite3.Connection, job_id: str, after: int, limit: int) -> list[dict[str, Any]]:
    """Rows after line `after`: line, outcome, token, problem."""
    rows = connection.execute(
        "SELECT line, outcome, token, problem FROM job_rows WHERE job = ? AND line > ? ORDER BY line LIMIT ?",
        (job_id, after, limit),
    )
    return [
        {"line": line, "outcome": outcome, "token": token, "problem": None if problem is None else json.loads(problem)}
        for line, outcome, token, problem in rows
    ]


_SELECT: Final = "SELECT id, key, chain, class, issuer, encoding, state, total FROM jobs"


def _job(row: tuple[Any, ...] | None) -> Job | None:
    if row is None:
        return None
    names = ("id", "key", "chain", "class_id", "issuer", "encoding", "state", "total")
    return Job(**dict(zip(names, row, strict=True)))
