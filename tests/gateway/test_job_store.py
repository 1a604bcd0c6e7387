"""Jobs and their rows in the vault, as far as they are."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway import vault
from gateway.database import open_database
from gateway.job_store import (
    DONE,
    MINTED,
    PENDING,
    REFUSED,
    RUNNING,
    SKIPPED,
    Job,
    JobRow,
    batch_items,
    count_rows,
    find_job,
    find_job_by_key,
    finish_job,
    keep_batch_transactions,
    keep_job,
    list_rows,
    pending_batches,
    settle_batches,
    unfinished_jobs,
)

PROBLEM = json.dumps({"code": "content-invalid"})
ROWS = [
    JobRow(2, 0, "7", b"two"),
    JobRow(3, None, None, None, PROBLEM),
    JobRow(5, 0, "8", b"five"),
    JobRow(4, 1, "9", b"four"),
]


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    opened = open_database(tmp_path / "vault.db", vault.SCHEMA, vault.VERSION)
    keep_job(opened, job(), "name", b"request", ROWS)
    yield opened
    opened.close()


def job(**changed: Any) -> Job:
    fields = {
        "id": "j1",
        "key": "tenant",
        "chain": "wuhan",
        "class_id": "degree",
        "issuer": "0xA",
        "encoding": "utf-8",
        "state": RUNNING,
        "total": len(ROWS),
    }
    return Job(**fields | changed)


def test_a_job_is_found_by_its_id_and_under_its_key(connection: sqlite3.Connection) -> None:
    assert find_job(connection, "j1") == job()
    assert find_job(connection, "j2") is None
    assert find_job_by_key(connection, "tenant", "name") == (b"request", job())
    assert find_job_by_key(connection, "tenant", "other") is None
    assert find_job_by_key(connection, "other", "name") is None


def test_a_key_names_one_job(connection: sqlite3.Connection) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        keep_job(connection, job(id="j2"), "name", b"request", ROWS)
    keep_job(connection, job(id="j2", key="other"), "name", b"request", ROWS)


def test_rows_keep_the_order_of_the_file(connection: sqlite3.Connection) -> None:
    assert [row["line"] for row in list_rows(connection, "j1", 0, 10)] == [2, 3, 4, 5]
    assert [row["line"] for row in list_rows(connection, "j1", 2, 2)] == [3, 4]
    assert batch_items(connection, "j1", [1, 0]) == [[b"four"], [b"two", b"five"]]
    assert list_rows(connection, "j2", 0, 10) == []


def test_a_row_that_is_left_out_says_why(connection: sqlite3.Connection) -> None:
    assert list_rows(connection, "j1", 2, 1) == [
        {"line": 3, "outcome": SKIPPED, "token": None, "problem": {"code": "content-invalid"}}
    ]


def test_a_batch_is_pending_until_it_has_its_outcome(connection: sqlite3.Connection) -> None:
    assert pending_batches(connection, "j1") == [(0, None), (1, None)]
    keep_batch_transactions(connection, "j1", [(0, b"first"), (1, b"second")])
    assert pending_batches(connection, "j1") == [(0, b"first"), (1, b"second")]
    assert count_rows(connection, job()) == {PENDING: 3, MINTED: 0, REFUSED: 0, SKIPPED: 1}
    settle_batches(connection, "j1", [(0, MINTED, None)])
    assert pending_batches(connection, "j1") == [(1, b"second")]
    settle_batches(connection, "j1", [(1, REFUSED, PROBLEM)])
    assert pending_batches(connection, "j1") == []
    assert count_rows(connection, job()) == {PENDING: 0, MINTED: 2, REFUSED: 1, SKIPPED: 1}
    found = {row["line"]: (row["outcome"], row["problem"]) for row in list_rows(connection, "j1", 0, 10)}
    assert (found[2], found[5]) == ((MINTED, None), (MINTED, None))
    assert found[4] == (REFUSED, {"code": "content-invalid"})


def test_what_is_not_done_goes_on_after_a_restart(connection: sqlite3.Connection) -> None:
    keep_job(connection, job(id="j2", key="other"), "name", b"request", ROWS)
    finish_job(connection, "j1")
    assert [one.id for one in unfinished_jobs(connection)] == ["j2"]
    done = find_job(connection, "j1")
    assert done is not None
    assert done.state == DONE
