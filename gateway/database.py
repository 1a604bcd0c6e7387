"""One SQLite file behind one thread: what is written at the same time shares one transaction and one sync."""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

T = TypeVar("T")
GROUP_MAX: Final = 500
DURABLE: Final = {"synchronous": "FULL"}


class DatabaseUnusable(Exception):
    """A file that this version cannot use."""


class Database:
    """A connection and the thread that owns it. Calls run in their order, each alone or in one group commit."""

    def __init__(self, path: Path, schema: str, version: int, *, settings: Mapping[str, str | int] = DURABLE) -> None:
        self._queue: queue.SimpleQueue[
            tuple[Callable[[sqlite3.Connection], Any], Callable[[Any, Exception | None], None]] | None
        ]
        self._queue = queue.SimpleQueue()
        self.connection = open_database(path, schema, version, settings=settings)
        self._thread = threading.Thread(target=self._serve, name=path.stem, daemon=True)
        self._thread.start()

    async def run(self, call: Callable[[sqlite3.Connection], T]) -> T:
        """The result of `call(connection)`, durable if it wrote. What it raises is raised here, its writes undone."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def settle(result: T, problem: Exception | None) -> None:
            if future.done():
                return
            if problem is not None:
                future.set_exception(problem)
            else:
                future.set_result(result)

        def done(result: T, problem: Exception | None) -> None:
            loop.call_soon_threadsafe(settle, result, problem)

        self._queue.put((call, done))
        return await future

    def close(self) -> None:
        """Finish what was asked for and close the file."""
        self._queue.put(None)
        self._thread.join()
        self.connection.close()

    def _serve(self) -> None:
        while True:
            first = self._queue.get()
            group = [first]
            while len(group) < GROUP_MAX and not self._queue.empty():
                group.append(self._queue.get())
            results = self._commit([item for item in group if item is not None])
            for done, result, problem in results:
                done(result, problem)
            if None in group:
                return

    def _commit(self, group: list[Any]) -> list[tuple[Callable[..., None], Any, Exception | None]]:
        """Run a group in one transaction; a call that raises loses its own writes only."""
        connection = self.connection
        results: list[tuple[Callable[..., None], Any, Exception | None]] = []
        try:
            connection.execute("BEGIN")
            for call, done in group:
                connection.execute("SAVEPOINT one")
                try:
                    results.append((done, call(connection), None))
                except Exception as problem:  # whatever it is, it belongs to whoever asked
                    if not connection.in_transaction:
                        raise  # a full disk: SQLite has rolled the whole group back
                    connection.execute("ROLLBACK TO one")
                    results.append((done, None, problem))
                connection.execute("RELEASE one")
            connection.execute("COMMIT")
        except Exception as problem:  # noqa: BLE001 - nothing of the group is durable, and the thread must live
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            return [(done, None, problem) for _, done in group]
        return results


def open_database(
    path: Path, schema: str, version: int, *, settings: Mapping[str, str | int] = DURABLE
) -> sqlite3.Connection:
    """A connection in WAL mode to a file of this `version`, with these pragmas; `schema` makes a new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = not path.exists()
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    if fresh:
        path.chmod(0o600)
    for name, value in settings.items():  # before the mode: in WAL mode a page has the size it has
        connection.execute(f"PRAGMA {name}={value}")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA foreign_keys=ON")
    found = connection.execute("PRAGMA user_version").fetchone()[0]
    if found == 0:
        connection.executescript(schema)
        connection.execute(f"PRAGMA user_version={version}")
    elif found != version:
        connection.close()
        raise DatabaseUnusable(
            f"{path} has format {found}, this program reads format {version}; use the program version that wrote it"
        )
    return connection
