"""Signed transactions, answered in front of the router: what a busy gateway is sent most.

`POST /v1/chains/{chain}/transactions` with a key, a JSON body and no parameters. The router's endpoint answers these
requests alike and documents them; finding and calling it takes 230 us, which is more than all the rest. Whatever is
unusual is handed on, as it came. A chain that has enough on its way refuses here, before a body is read.
"""

import re
import sqlite3
from collections.abc import Callable
from typing import Final

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway import views
from gateway.errors import Problem
from gateway.routes.ledger import succeeded_view
from gateway.services import transactions
from gateway.services.bulk import read_signed
from gateway.services.gateway import Gateway

_PATH: Final = re.compile(r"/v1/chains/([^/]{1,40})/transactions(:bulk)?")


class _Unusual(Exception):
    """A request that the router is to answer."""


class SignedWrites:
    """An ASGI layer; `refuse` makes the response of a problem."""

    def __init__(self, app: ASGIApp, gateway: Gateway, refuse: Callable[[Problem], Response]) -> None:
        self._app, self._gateway, self._refuse = app, gateway, refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, refuse it, or hand it on."""
        is_post = scope["type"] == "http" and scope["method"] == "POST"
        match = _PATH.fullmatch(scope["path"]) if is_post else None
        if match is None or match[1] not in self._gateway.chains.rules:
            await self._app(scope, receive, send)
            return
        try:
            self._gateway.check_room(match[1])
            key = None if match[2] else _plain_key(scope)
            if key is None or not await self._is_known(key):
                await self._app(scope, receive, send)
            else:
                await self._submit(match[1], scope, receive, send)
        except Problem as problem:
            await self._refuse(problem)(scope, receive, send)

    async def _is_known(self, key: str) -> bool:
        """Whether the key is somebody's; why it is not, the router says."""
        try:
            await self._gateway.tenant(key)
        except (Problem, sqlite3.Error):
            return False
        return True

    async def _submit(self, chain: str, scope: Scope, receive: Receive, send: Send) -> None:
        messages = [await receive()]
        while messages[-1].get("more_body"):
            messages.append(await receive())
        try:
            placed = await transactions.relay_one(self._gateway, chain, _signed(messages))
        except (_Unusual, sqlite3.Error):  # the same bytes, sent again, have the same outcome
            await self._app(scope, _again(messages, receive), send)
            return
        body = views.rendered(succeeded_view(placed))
        headers = [(b"content-length", str(len(body)).encode()), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _signed(messages: list[Message]) -> bytes:
    """The signed transaction in a body; what is wrong with one that does not fit or is not whole, the router says."""
    if messages[-1]["type"] != "http.request":
        raise _Unusual
    try:
        return read_signed(b"".join(message.get("body", b"") for message in messages))
    except Problem:
        raise _Unusual from None


def _plain_key(scope: Scope) -> str | None:
    """The key that came along; None if anything about the request is unusual."""
    headers = dict(scope["headers"])
    kind, authorization = headers.get(b"content-type"), headers.get(b"authorization", b"")
    if kind != b"application/json" or not authorization.startswith(b"Bearer ") or scope["query_string"]:
        return None
    return None if scope.get("root_path") else authorization[7:].decode("latin-1")


def _again(messages: list[Message], receive: Receive) -> Receive:
    """What was read of a request, then the rest of it."""
    left = iter(messages)

    async def receive_again() -> Message:
        for message in left:
            return message
        return await receive()

    return receive_again
