"""A load generator for HTTP/1.1 that costs little: kept-open connections, prepared bytes, no headers looked at.

One request and its answer cost it 21 us of CPU, the kernel's part with it (a general client takes 500), so that the
gateway is measured and not the client. It reads answers with a Content-Length, which is all that the gateway sends.
"""

import asyncio
import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, cast

from scripts.errors import CommandFailed

Address = tuple[str, int]
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_RETRY_AFTER: Final = re.compile(rb"\r\nretry-after: *(\d+)", re.IGNORECASE)
_CLOSE: Final = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
LOST: Final = 0
"""The status of a request whose connection ended before the answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, and the seconds from the first byte of the request to the last of the answer."""

    status: int
    head: bytes
    body: bytes
    seconds: float

    @property
    def retry_after(self) -> int | None:
        """The header Retry-After, s; None if there is none."""
        found = _RETRY_AFTER.search(self.head)
        return int(found[1]) if found else None


def request_bytes(method: str, path: str, body: bytes | None = None, *headers: str) -> bytes:
    """A whole request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *headers]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + (body or b"")


class Connection(asyncio.Protocol):
    """One connection with at most one request on its way."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._heard: Callable[[Answer], None] | None = None
        self._buffer = b""
        self._head, self._end = b"", 0
        self._sent_at = 0.0
        self._gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def open(self) -> bool:
        """Whether a request can be sent once the one before is answered."""
        return self._transport is not None

    def send(self, request: bytes, heard: Callable[[Answer], None]) -> None:
        """Send a whole request; `heard` gets its answer, with status 0 if the connection is lost."""
        assert self._heard is None, "one request at a time"
        self._heard, self._sent_at = heard, time.perf_counter()
        if self._transport is None:
            self._answer(LOST, b"")
        else:
            self._transport.write(request)

    async def call(self, request: bytes) -> Answer:
        """One request and its answer."""
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.send(request, answered.set_result)
        return await answered

    async def end(self) -> None:
        """No more requests; return when the connection is gone."""
        if self._transport is not None:
            self._transport.abort()
        await self._gone

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """A part of the answer."""
        self._buffer = self._buffer + data if self._buffer else data
        if not self._end:
            head = self._buffer.find(b"\r\n\r\n")
            if head < 0:
                return
            self._head = self._buffer[:head]
            length = _LENGTH.search(self._head)
            self._end = head + 4 + (int(length[1]) if length else 0)
        if len(self._buffer) >= self._end:
            head_bytes, body = self._head, self._buffer[len(self._head) + 4 : self._end]
            if _CLOSE.search(head_bytes) and self._transport is not None:
                self._transport.close()
                self._transport = None
            self._answer(int(head_bytes[9:12]), body, head_bytes)

    def connection_lost(self, _problem: Exception | None) -> None:
        """Whoever waits is told."""
        self._transport = None
        self._gone.set_result(None)
        if self._heard is not None:
            self._answer(LOST, b"")

    def _answer(self, status: int, body: bytes, head: bytes = b"") -> None:
        heard, self._heard = self._heard, None
        self._buffer, self._end = b"", 0
        if heard is not None:
            heard(Answer(status, head, body, time.perf_counter() - self._sent_at))


async def connect(address: Address) -> Connection:
    """A new connection."""
    _, connection = await asyncio.get_running_loop().create_connection(Connection, *address)
    return connection


async def call_all(
    address: Address, requests: Iterable[bytes], in_flight: int, heard: Callable[[int, Answer], None]
) -> float:
    """Send requests on so many connections, on each the next as soon as one is answered; the seconds it took.

    `heard` gets the number of a request and its answer; what it raises ends the run.
    """
    connections = [await connect(address) for _ in range(in_flight)]
    run = _Run(iter(enumerate(requests)), heard, len(connections), asyncio.get_running_loop().create_future())
    started = time.perf_counter()
    try:
        for connection in connections:
            run.go_on(connection)
        await run.done
        return time.perf_counter() - started
    finally:
        await asyncio.gather(*(connection.end() for connection in connections))


@dataclass(slots=True)
class _Run:
    """The requests that are left, shared by all connections."""

    requests: Iterator[tuple[int, bytes]]
    heard: Callable[[int, Answer], None]
    busy: int
    done: asyncio.Future[None]

    def go_on(self, connection: Connection) -> None:
        """Send the next request on a connection that is free."""
        numbered = next(self.requests, None)
        if numbered is None:
            self.busy -= 1
            if not self.busy and not self.done.done():
                self.done.set_result(None)
            return
        number, request = numbered
        connection.send(request, lambda answer: self._answered(connection, number, answer))

    def _answered(self, connection: Connection, number: int, answer: Answer) -> None:
        if self.done.done():
            return
        if answer.status == LOST:
            self.done.set_exception(CommandFailed("the gateway closed a connection under load; look at its log"))
            return
        try:
            self.heard(number, answer)
        except Exception as problem:  # noqa: BLE001 - handed to whoever waits for the run
            self.done.set_exception(problem)
        else:
            self.go_on(connection)
