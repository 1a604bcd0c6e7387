"""Limits on requests before anything is read, and what is counted of them."""

import time
from collections.abc import Awaitable, Callable, MutableMapping
from functools import lru_cache
from typing import Any, Final

from prometheus_client import Counter, Histogram
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse

from gateway.errors import Problem

BODY_BYTES_MAX: Final = 1_000_000
LARGE_BODY_BYTES_MAX: Final = 32_000_000
LARGE_PATHS: Final = ("/v1/certificates:batch", "transactions:bulk")
BODIES_BYTES_MAX: Final = 128_000_000
"""Of the bodies of all requests that are in hand: so much memory a crowd can take, and a few times that for what is made of it."""
REQUESTS_MAX: Final = 5_000
"""Requests in hand, those that wait and those that listen."""
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_REQUESTS: Final = Counter("certnet_http_requests_total", "Requests by method and status", ("method", "status"))
_SECONDS: Final = Histogram("certnet_http_request_seconds", "Time to answer", ("method",))
_counter_of = lru_cache(maxsize=1_000)(_REQUESTS.labels)
_timer_of = lru_cache(maxsize=100)(_SECONDS.labels)
"""Remembered: looking them up takes longer than counting."""


class Limits:
    """An ASGI layer: answers 413 to a body over its limit while it arrives, 503 to a crowd; counts requests and times."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._requests = 0
        self._bytes = 0
        """Of the bodies that were read, of all requests in hand."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _Body(receive, _limit(scope["path"]), self._hold)
        answer = _Answer(send, scope, body)
        self._requests += 1
        try:
            if self._requests > REQUESTS_MAX:
                body.refused = Problem("gateway-busy")
            body.look_at_length(scope["headers"], BODIES_BYTES_MAX - self._bytes)
            if body.refused is not None:
                await answer.refuse(body.refused)
                return
            await self._app(scope, body.receive, answer.send)
        except ClientDisconnect:  # the client went away, or its body was cut off at a limit
            if body.refused is not None:
                await answer.refuse(body.refused)
        finally:
            self._requests -= 1
            self._bytes -= body.read

    def _hold(self, count: int) -> bool:
        """Note that so many bytes more were read; whether there is room for them."""
        self._bytes += count
        return self._bytes <= BODIES_BYTES_MAX


class _Body:
    """A request's body, cut off at its limit and where all bodies together are too much; `refused` says why."""

    def __init__(self, receive: Receive, limit: int, hold: Callable[[int], bool]) -> None:
        self._receive, self._limit, self._hold = receive, limit, hold
        self.read = 0
        self.refused: Problem | None = None

    def look_at_length(self, headers: list[tuple[bytes, bytes]], room: int) -> None:
        """Refuse a body of which a header says already that it is too large, or more than there is room for."""
        for name, value in headers:
            if name == b"content-length" and value.isdigit() and int(value) > min(room, self._limit):
                self.refused = self._too_large() if int(value) > self._limit else Problem("gateway-busy")

    async def receive(self) -> Message:
        """The next part; an end of the request instead of what is over a limit."""
        if self.refused is None:
            message = await self._receive()
            count = len(message.get("body", b""))
            self.read += count
            has_room = self._hold(count)
            if self.read > self._limit:
                self.refused = self._too_large()
            elif not has_room:
                self.refused = Problem("gateway-busy")
            else:
                return message
        return {"type": "http.disconnect"}

    def _too_large(self) -> Problem:
        return Problem("body-too-large", self._limit)


class _Answer:
    """A response; the one to a refused body is always that problem."""

    def __init__(self, send: Send, scope: Scope, body: _Body) -> None:
        self._send, self._scope, self._body = send, scope, body
        self._since, self._begun, self._refused = time.perf_counter(), False, False

    async def send(self, message: Message) -> None:
        """Pass on a part of the response, unless it was replaced."""
        if self._body.refused is not None and not self._begun:
            await self.refuse(self._body.refused)
        if self._refused:
            return
        if message["type"] == "http.response.start":
            self._begun = True
            self._count(message["status"])
        await self._send(message)

    async def refuse(self, problem: Problem) -> None:
        """Answer the problem instead, unless an answer has begun."""
        if self._begun:
            return
        self._begun = self._refused = True
        status = problem.type.status
        headers = {"Retry-After": "1"} if status == 503 else None
        response = JSONResponse(problem.document(), status, headers, media_type="application/problem+json")
        self._count(status)
        await response(self._scope, self._body.receive, self._send)

    def _count(self, status: int) -> None:
        method = self._scope["method"] if self._scope["method"] in METHODS else "other"
        _counter_of(method, status).inc()
        _timer_of(method).observe(time.perf_counter() - self._since)


def _limit(path: str) -> int:
    return LARGE_BODY_BYTES_MAX if path.endswith(LARGE_PATHS) else BODY_BYTES_MAX
