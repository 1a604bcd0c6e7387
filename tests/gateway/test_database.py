"""One thread, one transaction for what comes together; a call that raises loses its own writes and no other's."""

import asyncio
import sqlite3
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.database import GROUP_MAX, Database, DatabaseUnusable, open_database

SCHEMA = "CREATE TABLE numbers (number INTEGER PRIMARY KEY, word TEXT NOT NULL);"


def run(path: Path, play: Callable[[Database], Awaitable[Any]]) -> Any:
    async def whole() -> Any:
        database = Database(path / "numbers.db", SCHEMA, 1)
        try:
            return await play(database)
        finally:
            database.close()

    return asyncio.run(whole())


def put(number: int) -> Callable[[sqlite3.Connection], None]:
    return lambda connection: void(connection.execute("INSERT INTO numbers VALUES (?, 'word')", (number,)))


def void(_: object) -> None:
    """Nothing."""


def count(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT COUNT(*) FROM numbers").fetchone()[0])


def stored(path: Path) -> int:
    connection = sqlite3.connect(path / "numbers.db")
    try:
        return count(connection)
    finally:
        connection.close()


def held_up(database: Database) -> threading.Event:
    """The database's thread is busy until the event is set: what is asked for meanwhile makes one group."""
    begun, event = threading.Event(), threading.Event()

    def hold(_: sqlite3.Connection) -> None:
        begun.set()
        event.wait(10)

    database._queue.put((hold, lambda *_: None))
    begun.wait(10)
    return event


def commits_of(database: Database) -> list[str]:
    """Every COMMIT that the connection runs from now on."""
    seen: list[str] = []
    database.connection.set_trace_callback(lambda statement: seen.append(statement) if statement == "COMMIT" else None)
    return seen


def test_what_is_written_together_shares_one_commit(tmp_path: Path) -> None:
    async def play(database: Database) -> int:
        go_on = held_up(database)
        writing = [asyncio.ensure_future(database.run(put(number))) for number in range(50)]
        await asyncio.sleep(0)
        commits = commits_of(database)
        go_on.set()
        await asyncio.gather(*writing)
        return len(commits)

    assert run(tmp_path, play) == 2, "one for the call that held the thread up, one for the fifty"
    assert stored(tmp_path) == 50


def test_a_group_has_its_limit(tmp_path: Path) -> None:
    async def play(database: Database) -> int:
        go_on = held_up(database)
        writing = [asyncio.ensure_future(database.run(put(number))) for number in range(GROUP_MAX + 1)]
        await asyncio.sleep(0)
        commits = commits_of(database)
        go_on.set()
        await asyncio.gather(*writing)
        return len(commits)

    assert run(tmp_path, play) == 3
    assert stored(tmp_path) == GROUP_MAX + 1


def test_a_call_that_raises_loses_its_own_writes_only(tmp_path: Path) -> None:
    def broken(connection: sqlite3.Connection) -> None:
        put(100)(connection)
        raise LookupError("no")

    async def play(database: Database) -> list[Any]:
        go_on = held_up(database)
        calls = [put(1), broken, put(2), put(1), put(3)]
        running = asyncio.gather(*(database.run(call) for call in calls), return_exceptions=True)
        await asyncio.sleep(0)
        go_on.set()
        return await running

    results = run(tmp_path, play)
    assert [type(result) for result in results] == [
        type(None),
        LookupError,
        type(None),
        sqlite3.IntegrityError,
        type(None),
    ]
    assert stored(tmp_path) == 3


def test_calls_run_in_their_order_and_see_what_came_before(tmp_path: Path) -> None:
    async def play(database: Database) -> list[Any]:
        both = [put(1), count, put(2), count]
        return await asyncio.gather(*(database.run(call) for call in both))

    assert run(tmp_path, play) == [None, 1, None, 2]


def test_on_a_full_disk_the_whole_group_is_told_and_nothing_is_half_written(tmp_path: Path) -> None:
    async def play(database: Database) -> list[Any]:
        await database.run(put(1))
        pages = database.connection.execute("PRAGMA page_count").fetchone()[0]
        await database.run(lambda connection: void(connection.execute(f"PRAGMA max_page_count={pages}")))
        long = "x" * 100_000
        go_on = held_up(database)
        full = asyncio.gather(
            database.run(put(2)),
            database.run(lambda connection: void(connection.execute("INSERT INTO numbers VALUES (3, ?)", (long,)))),
            return_exceptions=True,
        )
        await asyncio.sleep(0)
        go_on.set()
        answers = await full
        assert isinstance(answers[1], sqlite3.OperationalError)
        assert "full" in str(answers[1])
        await database.run(put(4))
        return [await database.run(count), answers[0]]

    found, first = run(tmp_path, play)
    assert found == (2 if isinstance(first, Exception) else 3)
    assert stored(tmp_path) == found


def test_a_commit_that_fails_fails_everything_in_it(tmp_path: Path) -> None:
    class Failing:
        """A connection whose disk gives up at the end."""

        def __init__(self, connection: sqlite3.Connection) -> None:
            self.connection = connection

        def execute(self, statement: str, *values: Any) -> Any:
            if statement == "COMMIT":
                raise sqlite3.OperationalError("disk I/O error")
            return self.connection.execute(statement, *values)

        @property
        def in_transaction(self) -> bool:
            return self.connection.in_transaction

        def close(self) -> None:
            self.connection.close()

    async def play(database: Database) -> None:
        true = database.connection
        database.connection = Failing(true)  # type: ignore[assignment]
        answers = await asyncio.gather(*(database.run(put(number)) for number in range(3)), return_exceptions=True)
        assert {type(answer) for answer in answers} == {sqlite3.OperationalError}
        database.connection = true
        await database.run(put(9))

    run(tmp_path, play)
    assert stored(tmp_path) == 1


def test_whoever_stops_waiting_stops_nobody_else(tmp_path: Path) -> None:
    async def play(database: Database) -> None:
        go_on = held_up(database)
        gone = asyncio.ensure_future(database.run(put(1)))
        stays = asyncio.ensure_future(database.run(put(2)))
        await asyncio.sleep(0)
        gone.cancel()
        go_on.set()
        await stays

    run(tmp_path, play)
    assert stored(tmp_path) == 2


def test_closing_finishes_what_was_asked_for(tmp_path: Path) -> None:
    done: list[object] = []
    database = Database(tmp_path / "numbers.db", SCHEMA, 1)
    for number in range(10):
        database._queue.put((put(number), lambda *outcome: done.append(outcome)))
    database.close()
    assert len(done) == 10
    assert stored(tmp_path) == 10


def test_a_file_of_another_format_is_refused_in_one_sentence(tmp_path: Path) -> None:
    open_database(tmp_path / "numbers.db", SCHEMA, 1).close()
    with pytest.raises(DatabaseUnusable, match="has format 1, this program reads format 2; use the program version"):
        open_database(tmp_path / "numbers.db", SCHEMA, 2)


def test_a_new_file_is_its_owners_alone_and_syncs_before_it_answers(tmp_path: Path) -> None:
    connection = open_database(tmp_path / "deep" / "numbers.db", SCHEMA, 1)
    assert (tmp_path / "deep" / "numbers.db").stat().st_mode & 0o777 == 0o600
    assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2
    assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    connection.close()
