"""Certificates and their proofs for strangers, answered in front of the router: what a gateway is asked most.

`GET /v1/certificates/{id}` and `.../proof` without a key and without parameters. The router's endpoints answer these
requests alike and document them; finding and calling them takes 140 us, three times what it takes to read, check and
write the proof.
"""

import re
from collections.abc import Callable
from typing import Final

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway import views
from gateway.errors import Problem
from gateway.services import certificates
from gateway.services.gateway import Gateway, now_ms

_PATH: Final = re.compile(r"/v1/certificates/([^/]{1,200})(/proof)?")


class ProvenReads:
    """An ASGI layer; `refuse` makes the response of a problem."""

    def __init__(self, app: ASGIApp, gateway: Gateway, refuse: Callable[[Problem], Response]) -> None:
        self._app, self._gateway, self._refuse = app, gateway, refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or pass it on."""
        match = _PATH.fullmatch(scope["path"]) if _is_a_strangers(scope) else None
        if match is None:
            await self._app(scope, receive, send)
            return
        try:
            answer = await (self._proof(match[1]) if match[2] else self._certificate(match[1]))
        except Problem as problem:
            await self._refuse(problem)(scope, receive, send)
            return
        length = str(len(answer)).encode()
        headers = [(b"content-length", length), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    async def _proof(self, certificate_id: str) -> bytes:
        return (await certificates.prove(self._gateway, None, certificate_id, None)).canonical()

    async def _certificate(self, certificate_id: str) -> bytes:
        return views.rendered(views.certificate_view(await certificates.read(self._gateway, certificate_id), now_ms()))


def _is_a_strangers(scope: Scope) -> bool:
    """Whether it is a plain GET, with neither a key nor parameters."""
    return (
        scope["type"] == "http"
        and scope["method"] == "GET"
        and not scope["query_string"]
        and not scope.get("root_path")
        and all(name != b"authorization" for name, _ in scope["headers"])
    )
