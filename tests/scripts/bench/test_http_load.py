"""The load generator against a small server of its own."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from scripts.bench.http_load import LOST, Address, Answer, call_all, connect, request_bytes
from scripts.errors import CommandFailed

Serve = Callable[[bytes, bytes, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def served(serve: Serve) -> AsyncIterator[Address]:
    """A server that reads requests whole and hands head and body to `serve`."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next((int(line[16:]) for line in head.split(b"\r\n") if line[:16] == b"Content-Length: "), 0)
                await serve(head, await reader.readexactly(length), writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        yield host, port


def answer_bytes(body: bytes, *, status: int = 200, headers: str = "") -> bytes:
    return f"HTTP/1.1 {status} X\r\ncontent-length: {len(body)}\r\n{headers}\r\n".encode() + body


async def echo(_head: bytes, body: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(answer_bytes(body))


def test_a_request_is_whole_and_says_how_long_it_is() -> None:
    sent = request_bytes("POST", "/v1/x", b"abc", "Authorization: Bearer key")
    assert sent == (
        b"POST /v1/x HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer key\r\nContent-Length: 3\r\n\r\nabc"
    )
    assert request_bytes("GET", "/").endswith(b"Host: 127.0.0.1\r\n\r\n")


@pytest.mark.parametrize("in_flight", [1, 7])
def test_every_request_is_sent_once_and_its_answer_heard_by_its_number(in_flight: int) -> None:
    heard: dict[int, Answer] = {}
    requests = [request_bytes("POST", "/", str(number).encode() * 50) for number in range(100)]

    async def play() -> float:
        async with served(echo) as address:
            return await call_all(address, requests, in_flight, heard.__setitem__)

    assert asyncio.run(play()) > 0
    assert {number: answer.body for number, answer in heard.items()} == {
        number: str(number).encode() * 50 for number in range(100)
    }
    assert all(answer.status == 200 and answer.seconds > 0 for answer in heard.values())


def test_no_more_than_so_many_are_in_flight() -> None:
    counts: Counter[str] = Counter()

    async def slow(_head: bytes, _body: bytes, writer: asyncio.StreamWriter) -> None:
        counts["now"] += 1
        counts["most"] = max(counts["most"], counts["now"])
        await asyncio.sleep(0.01)
        counts["now"] -= 1
        writer.write(answer_bytes(b""))

    async def play() -> None:
        async with served(slow) as address:
            await call_all(address, [request_bytes("GET", "/")] * 20, 4, lambda *_: None)

    asyncio.run(play())
    assert counts["most"] == 4


def test_an_answer_may_come_in_any_portions() -> None:
    async def dribble(_head: bytes, _body: bytes, writer: asyncio.StreamWriter) -> None:
        for byte in answer_bytes(b"slowly", status=429, headers="Retry-After: 2\r\n"):
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)

    async def play() -> list[Answer]:
        async with served(dribble) as address:
            connection = await connect(address)
            return [await connection.call(request_bytes("GET", "/")) for _ in range(2)]

    for answer in asyncio.run(play()):
        assert (answer.status, answer.body, answer.retry_after) == (429, b"slowly", 2)


def test_an_answer_without_a_body_needs_no_length() -> None:
    async def nothing(_head: bytes, _body: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 204 No Content\r\ndate: today\r\n\r\n")

    async def play() -> Answer:
        async with served(nothing) as address:
            return await (await connect(address)).call(request_bytes("DELETE", "/"))

    answer = asyncio.run(play())
    assert (answer.status, answer.body, answer.retry_after) == (204, b"", None)


def test_a_connection_that_the_server_closes_is_not_used_again() -> None:
    async def close(_head: bytes, _body: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(answer_bytes(b"bye", headers="Connection: close\r\n"))
        writer.close()

    async def play() -> tuple[Answer, bool, Answer]:
        async with served(close) as address:
            connection = await connect(address)
            first = await connection.call(request_bytes("GET", "/"))
            return first, connection.open, await connection.call(request_bytes("GET", "/"))

    first, is_open, second = asyncio.run(play())
    assert (first.status, first.body, is_open, second.status) == (200, b"bye", False, LOST)


def test_a_run_whose_connection_is_lost_ends_with_a_sentence() -> None:
    async def hang_up(_head: bytes, _body: bytes, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def play() -> None:
        async with served(hang_up) as address:
            await call_all(address, [request_bytes("GET", "/")] * 5, 2, lambda *_: None)

    with pytest.raises(CommandFailed, match="closed a connection under load"):
        asyncio.run(play())


def test_whoever_hears_an_answer_can_end_the_run() -> None:
    def refuse(number: int, _answer: Answer) -> None:
        raise CommandFailed(f"number {number} is not wanted")

    async def play() -> None:
        async with served(echo) as address:
            await call_all(address, [request_bytes("GET", "/")] * 5, 1, refuse)

    with pytest.raises(CommandFailed, match="number 0 is not wanted"):
        asyncio.run(play())
