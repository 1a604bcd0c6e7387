"""A body over its limit is answered 413 before it is read, however it comes."""

import asyncio
import json
from typing import Any

import pytest
from prometheus_client import REGISTRY
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from gateway import limits
from gateway.limits import BODY_BYTES_MAX, LARGE_BODY_BYTES_MAX, Limits

LARGE = ("/v1/certificates:batch", "/v1/chains/wuhan/transactions:bulk")
PART = b"x" * 65_536


class Asked:
    """One request: its parts are counted as they are read."""

    def __init__(self, path: str, parts: list[bytes], headers: dict[str, str] | None = None) -> None:
        self.path, self.parts, self.headers = path, parts, headers or {}
        self.read = 0
        self.sent: list[dict[str, Any]] = []

    def scope(self) -> dict[str, Any]:
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": self.path,
            "raw_path": self.path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in self.headers.items()],
        }

    async def receive(self) -> dict[str, Any]:
        if self.read >= len(self.parts):
            return {"type": "http.disconnect"}
        self.read += 1
        return {"type": "http.request", "body": self.parts[self.read - 1], "more_body": self.read < len(self.parts)}

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)

    def answer(self, app: Any) -> tuple[int, bytes]:
        asyncio.run(app(self.scope(), self.receive, self.send))
        statuses = [message["status"] for message in self.sent if message["type"] == "http.response.start"]
        assert len(statuses) == 1, "there is one answer"
        return statuses[0], b"".join(message.get("body", b"") for message in self.sent)


async def length(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


async def careless(request: Request) -> PlainTextResponse:
    try:
        await request.body()
    except ClientDisconnect:
        return PlainTextResponse("never mind")
    return PlainTextResponse("read")


async def begun(request: Request) -> StreamingResponse:
    async def parts() -> Any:
        yield b"begun "
        try:
            await request.body()
        except ClientDisconnect:
            yield b"and ended"

    return StreamingResponse(parts())


ROUTES = [Route(path, length, methods=["POST"]) for path in ("/v1/verify", *LARGE)]
ROUTES += [Route("/careless", careless, methods=["POST"]), Route("/begun", begun, methods=["POST"])]
APP = Starlette(routes=ROUTES, middleware=[Middleware(Limits)])


def limit_of(path: str) -> int:
    return LARGE_BODY_BYTES_MAX if path in LARGE else BODY_BYTES_MAX


def parts_of(size: int) -> list[bytes]:
    whole, rest = divmod(size, len(PART))
    return [PART] * whole + [PART[:rest]]


def assert_refused(path: str, status: int, body: bytes) -> None:
    assert status == 413
    problem = json.loads(body)
    assert problem["code"] == "body-too-large"
    assert str(limit_of(path)) in problem["detail"]


@pytest.mark.parametrize("path", ["/v1/verify", *LARGE])
def test_an_announced_body_over_the_limit_is_not_read_at_all(path: str) -> None:
    asked = Asked(path, parts_of(limit_of(path) + 1), {"content-length": str(limit_of(path) + 1)})
    assert_refused(path, *asked.answer(APP))
    assert asked.read == 0


@pytest.mark.parametrize("path", ["/v1/verify", "/careless", *LARGE])
def test_a_body_in_chunks_is_cut_off_at_the_limit(path: str) -> None:
    asked = Asked(path, parts_of(2 * limit_of(path)))
    assert_refused(path, *asked.answer(APP))
    assert asked.read == limit_of(path) // len(PART) + 1


def test_a_body_that_is_longer_than_announced_is_cut_off_too() -> None:
    asked = Asked("/v1/verify", parts_of(2 * BODY_BYTES_MAX), {"content-length": "10"})
    assert_refused("/v1/verify", *asked.answer(APP))


@pytest.mark.parametrize("path", ["/v1/verify", *LARGE])
@pytest.mark.parametrize("announced", [True, False])
def test_a_body_of_exactly_the_limit_is_taken(path: str, announced: bool) -> None:
    headers = {"content-length": str(limit_of(path))} if announced else {}
    assert Asked(path, parts_of(limit_of(path)), headers).answer(APP) == (200, str(limit_of(path)).encode())


@pytest.mark.parametrize("length", ["", "many", "-1", "1e9", "9" * 400])
def test_a_length_that_is_no_number_announces_nothing_but_a_huge_one_does(length: str) -> None:
    status, body = Asked("/v1/verify", [b"abc"], {"content-length": length}).answer(APP)
    assert (status, body) == (200, b"3") if not length.isdigit() else status == 413


def test_an_answer_that_has_begun_is_not_replaced() -> None:
    status, body = Asked("/begun", parts_of(2 * BODY_BYTES_MAX)).answer(APP)
    assert (status, body) == (200, b"begun and ended")


def test_whoever_goes_away_gets_no_answer() -> None:
    asked = Asked("/v1/verify", [])
    asyncio.run(APP(asked.scope(), asked.receive, asked.send))
    assert asked.sent == []


def test_requests_are_counted_by_method_and_status() -> None:
    def count(status: int) -> float:
        labels = {"method": "POST", "status": str(status)}
        return REGISTRY.get_sample_value("certnet_http_requests_total", labels) or 0.0

    before = count(200), count(404), count(413)
    Asked("/v1/verify", [b""]).answer(APP)
    Asked("/nowhere", [b""]).answer(APP)
    Asked("/v1/verify", [], {"content-length": str(10**9)}).answer(APP)
    assert (count(200), count(404), count(413)) == tuple(one + 1 for one in before)


def test_what_is_no_request_is_passed_on() -> None:
    seen = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        seen.append(scope["type"])

    asyncio.run(Limits(app)({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert seen == ["lifespan"]


# ---- A crowd ----


def assert_busy(status: int, body: bytes, sent: list[dict[str, Any]]) -> None:
    assert (status, json.loads(body)["code"]) == (503, "gateway-busy")
    assert (b"retry-after", b"1") in sent[0]["headers"]


def crowd(asked: list[Asked]) -> None:
    """All of them at once: one application reads every body, and answers when it has read what it gets of them."""

    async def whole() -> None:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            body = await Request(scope, receive).body()
            await asyncio.sleep(0.02)
            await PlainTextResponse(str(len(body)))(scope, receive, send)

        own = Limits(app)
        await asyncio.gather(*(own(one.scope(), one.receive, one.send) for one in asked))  # type: ignore[arg-type]
        assert (own._requests, own._bytes) == (0, 0), "what is over is in hand no more"

    asyncio.run(whole())


def test_a_request_more_than_are_taken_is_refused_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REQUESTS_MAX", 2)
    asked = [Asked("/v1/verify", [b"abc"]) for _ in range(3)]
    crowd(asked)
    assert_busy(*answer_of(asked[2]), asked[2].sent)
    assert [one.read for one in asked] == [1, 1, 0]


def answer_of(asked: Asked) -> tuple[int, bytes]:
    return asked.sent[0]["status"], b"".join(message.get("body", b"") for message in asked.sent)


@pytest.mark.parametrize("announced", [True, False])
def test_bodies_that_are_too_much_together_are_refused(monkeypatch: pytest.MonkeyPatch, announced: bool) -> None:
    """Each for itself is within its limit; who comes when the room is taken is refused, before it is read if it says."""
    monkeypatch.setattr(limits, "BODIES_BYTES_MAX", 10 * len(PART))
    headers = {"content-length": str(6 * len(PART))} if announced else {}
    asked = [Asked("/v1/verify", [PART] * 6, headers) for _ in range(2)]
    crowd(asked)
    assert_busy(*answer_of(asked[1]), asked[1].sent)
    assert asked[1].read == (0 if announced else 5)


def test_what_was_read_and_answered_takes_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BODIES_BYTES_MAX", 2 * len(PART))
    own = Starlette(routes=ROUTES, middleware=[Middleware(Limits)])
    for _ in range(5):
        assert Asked("/v1/verify", [PART] * 2).answer(own)[0] == 200


def test_methods_that_there_are_not_are_counted_as_one() -> None:
    def count(method: str) -> float | None:
        return REGISTRY.get_sample_value("certnet_http_requests_total", {"method": method, "status": "405"})

    before = count("other") or 0.0
    for method in ("BREW", "STEEP"):
        asked = Asked("/v1/verify", [b""])
        scope = asked.scope() | {"method": method}
        asyncio.run(APP(scope, asked.receive, asked.send))
        assert count(method) is None
    assert count("other") == before + 2
