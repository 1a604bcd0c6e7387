"""The wires between the nodes of a network, one per directed pair, in a hand that can cut, hold and delay them.

A node sends on the link that it has dialled: holding the wire from one node to another keeps everything back that the
one has to say to the other, and nothing else.
"""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import permutations
from typing import Any

OPEN, CUT, HELD = "open", "cut", "held"
CHUNK_BYTES = 65_536


@dataclass
class Wire:
    """From one node to another: what is done to it now, and what was done to it so far."""

    port_to: int
    mode: str = OPEN
    delay_s: float = 0.0
    port: int = 0
    carried: int = 0
    """Bytes that went through."""
    refused: int = 0
    """Connections that were refused or ended."""
    kept_back: int = 0
    """Bytes that came while the wire was held."""
    writers: set[asyncio.StreamWriter] = field(default_factory=set)
    opened: asyncio.Event = field(default_factory=asyncio.Event)

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection from its first byte to its last."""
        if self.mode == CUT:
            self.refused += 1
            writer.close()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.port_to)
        except OSError:
            writer.close()
            return
        ends = {writer, far_writer}
        self.writers |= ends
        try:
            await asyncio.gather(self._carry(reader, far_writer), self._carry(far_reader, writer))
        except OSError:
            pass
        finally:
            self.writers -= ends
            for end in ends:
                end.close()

    def turn(self, mode: str) -> None:
        """From now on."""
        self.mode = mode
        if mode == OPEN:
            self.opened.set()
        else:
            self.opened.clear()
        if mode == CUT:
            self.refused += len(self.writers) // 2
            for writer in self.writers:
                writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK_BYTES):
            if self.delay_s:
                await asyncio.sleep(self.delay_s)
            if self.mode == HELD:
                self.kept_back += len(data)
                await self.opened.wait()
            writer.write(data)
            self.carried += len(data)
            await writer.drain()
        writer.close()


class FaultProxies:
    """All wires of a network, served by a thread of their own."""

    def __init__(self, ports: dict[str, int]) -> None:
        self.wires = {pair: Wire(ports[pair[1]]) for pair in permutations(ports, 2)}
        self._loop = asyncio.new_event_loop()
        self._servers: list[asyncio.Server] = []
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxies", daemon=True)
        self._thread.start()
        self._in_loop(self._listen())

    def port(self, sender: str, receiver: str) -> int:
        """Where `sender` reaches `receiver`."""
        return self.wires[sender, receiver].port

    def turn(self, mode: str, *pairs: tuple[str, str]) -> None:
        """Cut, hold or open these directed wires."""
        self._call(lambda: [self.wires[pair].turn(mode) for pair in pairs])

    def part(self, *groups: tuple[str, ...], mode: str = CUT) -> None:
        """Only nodes of a common group hear each other."""
        apart = [
            (one, other) for one, other in self.wires if not any(one in group and other in group for group in groups)
        ]
        self.turn(mode, *apart)

    def heal(self) -> None:
        """All wires are open and quick."""
        self._call(lambda: [wire.turn(OPEN) for wire in self.wires.values()])
        self.delay(0.0)

    def delay(self, seconds: float, *pairs: tuple[str, str]) -> None:
        """What these wires (all) carry comes so much later."""
        for pair in pairs or tuple(self.wires):
            self.wires[pair].delay_s = seconds

    def close(self) -> None:
        """End everything."""
        self._call(lambda: [wire.turn(CUT) for wire in self.wires.values()])
        self._call(lambda: [server.close() for server in self._servers])
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        _end_tasks(self._loop)

    async def _listen(self) -> None:
        for wire in self.wires.values():
            wire.opened.set()
            server = await asyncio.start_server(wire.accept, "127.0.0.1", 0)
            wire.port = server.sockets[0].getsockname()[1]
            self._servers.append(server)

    def _call(self, act: Callable[[], object]) -> None:
        async def acting() -> None:
            act()

        self._in_loop(acting())

    def _in_loop(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)


def _end_tasks(loop: asyncio.AbstractEventLoop) -> None:
    async def end() -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    loop.run_until_complete(end())
    loop.close()
