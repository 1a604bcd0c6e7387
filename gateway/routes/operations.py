"""Events, problem pages, health, readiness, metrics."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from pydantic import StringConstraints

from gateway.errors import PROBLEMS, Problem, page
from gateway.index import latest_event
from gateway.routes.dependencies import GatewayHere
from gateway.search import IndexedEvent, Wanted, events_after
from gateway.services.gateway import Gateway
from gateway.services.ready import readiness

router = APIRouter(tags=["operations"])
PAGE_EVENTS = 500
KINDS_MAX = 64
EventKind = Annotated[str, StringConstraints(min_length=1, max_length=40)]
KEEP_ALIVE_S = 15.0


def _room_for_one_more(gateway: GatewayHere) -> None:
    if gateway.stream.full:
        raise Problem("too-many-listeners")


@router.get("/v1/events", response_class=EventSourceResponse, dependencies=[Depends(_room_for_one_more)])
async def stream_events(
    gateway: GatewayHere,
    chain: Annotated[str | None, Query(max_length=40)] = None,
    kind: Annotated[
        list[EventKind],
        Query(max_length=KINDS_MAX, description="block, minted, revoked, ...; several may be named, none means all"),
    ] = [],  # noqa: B006 - read only
    last_event_id: Annotated[str | None, Header(alias="Last-Event-ID", pattern=r"^[0-9]{1,16}$")] = None,
) -> AsyncIterator[ServerSentEvent]:
    """Blocks and certificate events as they become final; resumes after Last-Event-ID, else begins now."""
    async for event in _events(gateway, last_event_id, Wanted(chain, frozenset(kind))):
        if event is None:
            yield ServerSentEvent(comment="still here")
        else:
            yield ServerSentEvent(data=event.data, event=event.kind, id=str(event.seq))


@router.get("/v1/problems")
async def list_problems() -> Any:
    """Every problem type."""
    return {"problems": [page(code) for code in PROBLEMS]}


@router.get("/v1/problems/{code}")
async def get_problem(code: Annotated[str, Path(max_length=60)]) -> Any:
    """What a problem type means and what to do."""
    if code not in PROBLEMS:
        raise Problem("problem-unknown", code)
    return page(code)


@router.get("/healthz")
async def healthz() -> Any:
    """The process lives."""
    return {"status": "ok"}


@router.get("/readyz")
async def readyz(gateway: GatewayHere) -> JSONResponse:
    """Whether certificates can be minted and read: nodes, index, vault."""
    ready = readiness(gateway)
    return JSONResponse(ready, 200 if ready["ready"] else 503)


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(gateway: GatewayHere) -> Response:
    """Prometheus text."""
    text = generate_latest(REGISTRY) + generate_latest(gateway.metrics)
    return Response(text, media_type=CONTENT_TYPE_LATEST)


async def _events(gateway: Gateway, last: str | None, wanted: Wanted) -> AsyncIterator[IndexedEvent | None]:
    """Wanted events stored after `last`, then live ones, each once; None now and then while nothing happens."""
    queue = gateway.stream.open(wanted)
    try:
        newest = await gateway.in_index(latest_event)
        seen = newest if last is None else min(int(last), newest)  # an index built anew may count less far
        while stored := await gateway.in_index(
            partial(events_after, rules=gateway.chains.rules, seq=seen, limit=PAGE_EVENTS, wanted=wanted)
        ):
            for event in stored:
                yield event
            seen = stored[-1].seq
        while True:
            try:
                live = await asyncio.wait_for(queue.get(), KEEP_ALIVE_S)
            except TimeoutError:
                yield None
                continue
            if live is None:
                return  # too slow: whoever listens comes back with its Last-Event-ID
            if live.seq > seen:
                yield live
    finally:
        gateway.stream.close(queue)
