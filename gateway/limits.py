"""Limits on requests before anything is read, and what is counted of them."""

import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from prometheus_client import Counter, Histogram
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse

from gateway.errors import Problem

BODY_BYTES_MAX: Final = 1_000_000
LARGE_BODY_BYTES_MAX: Final = 32_000_000
LARGE_PATHS: Final = ("/v1/certificates:batch", "transactions:bulk")

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_REQUESTS: Final = Counter("certnet_http_requests_total", "Requests by method and status", ("method", "status"))
_SECONDS: Final = Histogram("certnet_http_request_seconds", "Time to answer", ("method",))


class Limits:
    """An ASGI layer: answers 413 to a body over its limit while it arrives, counts requests and times."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _Body(receive, _limit(scope["path"]))
        answer = _Answer(send, scope, body)
        if body.announced_over(dict(scope["headers"]).get(b"content-length")):
            await answer.refuse()
            return
        try:
            await self._app(scope, body.receive, answer.send)
        except ClientDisconnect:  # the client went away, or its body was cut off at the limit
            if body.over:
                await answer.refuse()


class _Body:
    """A request's body, cut off at its limit."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive, self.limit, self._read = receive, limit, 0
        self.over = False

    def announced_over(self, length: bytes | None) -> bool:
        """Whether the header already says that the body is too large."""
        self.over = length is not None and length.isdigit() and int(length) > self.limit
        return self.over

    async def receive(self) -> Message:
        """The next part; an end of the request instead of what is over the limit."""
        if self.over:
            return {"type": "http.disconnect"}
        message = await self._receive()
        self._read += len(message.get("body", b""))
        self.over = self._read > self.limit
        return {"type": "http.disconnect"} if self.over else message


class _Answer:
    """A response; the one to a body over its limit is always 413."""

    def __init__(self, send: Send, scope: Scope, body: _Body) -> None:
        self._send, self._scope, self._body = send, scope, body
        self._since, self._begun, self._refused = time.perf_counter(), False, False

    async def send(self, message: Message) -> None:
        """Pass on a part of the response, unless it was replaced."""
        if self._body.over and not self._begun:
            await self.refuse()
        if self._refused:
            return
        if message["type"] == "http.response.start":
            self._begun = True
            self._count(message["status"])
        await self._send(message)

    async def refuse(self) -> None:
        """Answer 413 instead, unless an answer has begun."""
        if self._begun:
            return
        self._begun = self._refused = True
        problem = Problem("body-too-large", self._body.limit)
        response = JSONResponse(problem.document(), problem.type.status, media_type="application/problem+json")
        self._count(problem.type.status)
        await response(self._scope, self._body.receive, self._send)

    def _count(self, status: int) -> None:
        method = self._scope["method"]
        _REQUESTS.labels(method, status).inc()
        _SECONDS.labels(method).observe(time.perf_counter() - self._since)


def _limit(path: str) -> int:
    return LARGE_BODY_BYTES_MAX if path.endswith(LARGE_PATHS) else BODY_BYTES_MAX
