"""A plain TLS client that speaks frames by hand: everything that an honest node would never say."""

import asyncio
import ssl
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from chain.codec import decode, encode
from chain.framing import PROTOCOL_VERSION, frame
from chain.rpc import Hello
from node.network.tls import client_context
from node.process import _loop_factory

NETWORK = bytes(range(32))
PATIENCE_S = 10
_TO_CLOSE: list[Callable[[], object]] = []


class Client:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, *bodies: bytes) -> None:
        """Send frames."""
        self.writer.write(b"".join(map(frame, bodies)))

    async def receive(self) -> bytes | None:
        """The next frame, or None if the other side has closed."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                length = int.from_bytes(await self.reader.readexactly(4), "big")
                return await self.reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            return None  # but a time-out is no answer of the other side

    async def is_closed(self) -> bool:
        """Whether the other side closes, whatever it says before."""
        while (await self.receive()) is not None:
            pass
        return True

    def close(self) -> None:
        """Hang up."""
        self.writer.transport.abort()


async def connect(port: int, folder: Path | None, context: ssl.SSLContext | None = None) -> Client:
    """A connection to a port of this machine with the certificate in `folder`."""
    context = context or client_context(folder)  # type: ignore[arg-type]
    async with asyncio.timeout(PATIENCE_S):
        client = Client(*await asyncio.open_connection("127.0.0.1", port, ssl=context, limit=2**26))
    _TO_CLOSE.append(client.close)
    return client


async def listening(
    protocol: Callable[[], asyncio.BaseProtocol], context: ssl.SSLContext, port: int = 0
) -> asyncio.Server:
    """A server of these protocols on this machine, closed when the test ends."""
    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", port, ssl=context)
    _TO_CLOSE.append(server.close)
    return server


def port_of(server: asyncio.Server) -> int:
    """Where it listens."""
    port: int = server.sockets[0].getsockname()[1]
    return port


def hello(speaker: str | None, *, version: int = PROTOCOL_VERSION, network_id: bytes = NETWORK) -> bytes:
    """A greeting."""
    return encode(Hello(version=version, network_id=network_id, speaker=speaker))


async def greeted(client: Client, speaker: str | None) -> Hello:
    """Greet, and hear the greeting of the other side."""
    client.send(hello(speaker))
    answer = await client.receive()
    assert answer is not None
    return decode(answer, Hello)


async def until(condition: Callable[[], object]) -> None:
    """Wait for something to become true."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - any condition, not one event
            await asyncio.sleep(0.005)


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run a test's coroutine in a loop of its own; a callback that raises fails the test."""
    problems: list[dict[str, Any]] = []

    async def watched() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context))
        try:
            await work
        finally:
            while _TO_CLOSE:
                _TO_CLOSE.pop()()
            await asyncio.sleep(0.02)  # what is closed is told so

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(watched())
    assert not problems
