"""One kept-open mutual TLS link to one node: requests out, answers back to whoever asked."""

import asyncio
import hashlib
import ssl
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final, cast

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chain.codec import CodecMalformed, encode
from chain.framing import PROTOCOL_VERSION, FrameMalformed, FrameReader, frame
from chain.rpc import Hello, Request
from gateway.clients.answers import HeardAnswer, read_answer

REDIAL_S: Final = (0.05, 0.1, 0.2, 0.5, 1.0)
ANSWER_TIMEOUT_S: Final = 10.0
PINS_MAX: Final = 2
"""A node with a new TLS key may still show the old one until it is started again."""


class NodeUnreachable(Exception):
    """The link is down, or went down before the answer."""


def client_context(folder: Path) -> ssl.SSLContext:
    """TLS 1.3 with the gateway's own certificate; the node is identified by its pinned key, not by a name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.load_verify_locations(folder / "ca.crt")
    context.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    return context


class NodeLink(asyncio.Protocol):
    """The link to the node `name`, number `replica`, dialled again whenever it is lost. `pin` is None while unknown."""

    def __init__(
        self,
        replica: int,
        address: tuple[str, int],
        pin: bytes | None,
        network_id: bytes,
        context: ssl.SSLContext,
        name: str = "",
    ) -> None:
        self.replica, self.name = replica, name
        self._address, self._network_id, self._context = address, network_id, context
        self._pins = deque([] if pin is None else [pin], maxlen=PINS_MAX)
        self._transport: asyncio.Transport | None = None
        self._reader = FrameReader()
        self._listeners: dict[int, Callable[[HeardAnswer | None], None]] = {}
        self._requests = 0
        self._task: asyncio.Task[None] | None = None
        self._lost = asyncio.Event()
        self._refused = False
        self.up = asyncio.Event()
        self.problem = "not dialled yet"

    @property
    def connected(self) -> bool:
        """Whether requests can be sent now."""
        return self.up.is_set()

    def start(self) -> None:
        """Begin to dial."""
        self._task = asyncio.get_running_loop().create_task(self._keep_dialled())

    def stop(self) -> None:
        """Dial no more and close."""
        if self._task is not None:
            self._task.cancel()
        if self._transport is not None:
            self._transport.close()

    def learn(self, pin: bytes) -> None:
        """The node's TLS key as the present replicas name it; the one before counts until there is a newer."""
        if pin not in self._pins:
            self._pins.append(pin)

    def listen(self, make: Callable[[int], Request], heard: Callable[[HeardAnswer | None], None]) -> int:
        """Send the request that `make` gives for a number; `heard` gets every answer, and None if the link is lost."""
        if not self.connected or self._transport is None:
            raise NodeUnreachable(self.problem)
        self._requests += 1
        self._listeners[self._requests] = heard
        self._transport.write(frame(encode(make(self._requests))))
        return self._requests

    def forget(self, request: int) -> None:
        """No more answers to this request are wanted."""
        self._listeners.pop(request, None)

    async def ask(self, make: Callable[[int], Request]) -> HeardAnswer:
        """One request, one answer; `NodeUnreachable` if there is none in time."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[HeardAnswer | None] = loop.create_future()
        request = self.listen(make, lambda answer: None if future.done() else future.set_result(answer))
        late = NodeUnreachable(f"replica {self.replica} does not answer")
        timer = loop.call_later(ANSWER_TIMEOUT_S, lambda: None if future.done() else future.set_exception(late))
        try:
            answer = await future
        finally:
            timer.cancel()
            self.forget(request)
        if answer is None:
            raise NodeUnreachable(f"replica {self.replica} was lost")
        return answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The handshake is over: the node is known by its pinned key before a byte of it is read."""
        self._transport = cast("asyncio.Transport", transport)
        self._reader = FrameReader()
        self._refused = False
        if self._is_pinned(self._transport):
            hello = Hello(version=PROTOCOL_VERSION, network_id=self._network_id, speaker=None)
            self._transport.write(frame(encode(hello)))
        else:
            self._refuse(f"{self._address} is not replica {self.replica}: its TLS key is not the pinned one")

    def data_received(self, data: bytes) -> None:
        """Answers, each to whoever asked; a node that sends what is no answer is cut off."""
        if self._refused:
            return
        try:
            for body in self._reader.feed(data):
                answer = read_answer(body)
                if isinstance(answer, Hello):
                    self._greeted(answer)
                    continue
                heard = self._listeners.get(answer.request)
                if heard is not None:
                    heard(answer)
        except (FrameMalformed, CodecMalformed) as problem:
            self._refuse(f"replica {self.replica} sent what is no answer: {problem}")

    def connection_lost(self, _problem: Exception | None) -> None:
        """Whoever waits is told."""
        self._transport = None
        self.up.clear()
        if not self._refused:
            self.problem = f"replica {self.replica} was lost"
        listeners, self._listeners = self._listeners, {}
        for heard in listeners.values():
            heard(None)
        self._lost.set()

    async def _keep_dialled(self) -> None:
        attempt = 0
        while True:
            self._lost = asyncio.Event()
            try:
                loop = asyncio.get_running_loop()
                await asyncio.wait_for(
                    loop.create_connection(lambda: self, *self._address, ssl=self._context), timeout=5
                )
                await self._lost.wait()
                attempt = attempt if self._refused else 0
            except (OSError, TimeoutError) as problem:
                self.problem = f"replica {self.replica} cannot be reached: {problem}"
            await asyncio.sleep(REDIAL_S[min(attempt, len(REDIAL_S) - 1)])
            attempt += 1

    def _greeted(self, hello: Hello) -> None:
        """Who it is, its key has shown: any node's greeting will do."""
        if (hello.version, hello.network_id) == (PROTOCOL_VERSION, self._network_id) and hello.speaker is not None:
            self.up.set()
            return
        self._refuse(f"the node at {self._address} speaks another protocol version or of another network")

    def _is_pinned(self, transport: asyncio.Transport) -> bool:
        tls: ssl.SSLObject = transport.get_extra_info("ssl_object")
        certificate = tls.getpeercert(binary_form=True)
        if certificate is None:
            return False
        key = x509.load_der_x509_certificate(certificate).public_key()
        spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return hashlib.sha256(spki).digest() in self._pins

    def _refuse(self, why: str) -> None:
        """Cut the node off; `why` stays to be read until it is dialled again."""
        self._refused, self.problem = True, why
        if self._transport is not None:
            self._transport.close()
