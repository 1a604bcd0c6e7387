"""The composition root: settings in, application out."""

import asyncio
import contextlib
import gc
import logging
import secrets
import sqlite3
from collections.abc import AsyncIterator
from functools import partial
from importlib import metadata
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi_offline import FastAPIOffline
from prometheus_client import CollectorRegistry, Gauge
from starlette.exceptions import HTTPException

from chain.profiles import load_profiles
from gateway import vault
from gateway.chains import Chains
from gateway.clients.node_link import NodeLink, client_context
from gateway.database import Database
from gateway.errors import Problem
from gateway.index import open_index
from gateway.limits import Limits
from gateway.routes import certificates, contracts, crosschain, directory, ledger, life, operations, statements
from gateway.routes.proven_reads import ProvenReads
from gateway.routes.signed_writes import SignedWrites
from gateway.services.follow import follow_chain
from gateway.services.gateway import Gateway
from gateway.services.jobs import resume_jobs
from gateway.services.stream import EventStream
from gateway.settings import Settings

PROBLEM_TYPE = "application/problem+json"
PROBLEM_MEMBERS = {
    "type": {"type": "string", "examples": ["/v1/problems/class-unknown"], "description": "its page on this gateway"},
    "title": {"type": "string"},
    "title_zh": {"type": "string"},
    "status": {"type": "integer"},
    "detail": {"type": "string", "description": "cause and next step"},
    "detail_zh": {"type": "string"},
    "code": {"type": "string", "examples": ["class-unknown"]},
    "fields": {"type": "array", "items": {"type": "object"}, "description": "what is wrong, field by field"},
    "rows": {"type": "array", "items": {"type": "object"}, "description": "what is wrong, line by line of a file"},
}
PROBLEM_SCHEMA = {
    "type": "object",
    "title": "Problem",
    "required": [name for name in PROBLEM_MEMBERS if name not in ("fields", "rows")],
    "properties": PROBLEM_MEMBERS,
}
PROBLEM_RESPONSE: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "A problem (RFC 9457): GET /v1/problems lists every type",
        "content": {PROBLEM_TYPE: {"schema": PROBLEM_SCHEMA}},
    }
}
DESCRIPTION = """Mint and verify **non-transferable** certificates on ten simulated chains 在十条模拟链上签发和验证不可转让的证书。

Every answer can be proven offline: `GET /v1/certificates/{id}/proof` is a bundle that
`python3 scripts verify --offline` checks with nothing but the genesis document. Writes need an API key
(`Authorization: Bearer`); a write is answered when it is final. Repeat a request with the same `Idempotency-Key`
as often as you like. Problems are RFC 9457 documents with a page each under `/v1/problems`.
"""
_log = logging.getLogger("certnet.gateway")


def create_app(settings: Settings) -> FastAPI:
    """The gateway of one network; `DatabaseUnusable` or `VaultLocked` if its databases cannot be opened."""
    gateway = open_gateway(settings)
    app = FastAPIOffline(
        title="certnet gateway",
        version=metadata.version("certnet"),
        description=DESCRIPTION,
        redoc_url=None,
        lifespan=lambda _: _lifespan(gateway),
        license_info={"name": "Apache-2.0"},
        responses=PROBLEM_RESPONSE,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.gateway = gateway
    for router in (
        certificates.router,
        life.router,
        contracts.router,
        crosschain.router,
        directory.router,
        ledger.router,
        operations.router,
        statements.router,
    ):
        app.include_router(router)
    app.add_middleware(ProvenReads, gateway=gateway, refuse=_answer)
    app.add_middleware(SignedWrites, gateway=gateway, refuse=_answer)
    app.add_middleware(Limits)
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(sqlite3.Error, _on_database)
    app.add_exception_handler(Exception, _on_bug)
    return app


@contextlib.asynccontextmanager
async def _lifespan(gateway: Gateway) -> AsyncIterator[None]:
    for link in gateway.chains.links:
        link.start()
    loop = asyncio.get_running_loop()
    following = [loop.create_task(follow_chain(gateway, chain)) for chain in gateway.chains]
    await resume_jobs(gateway)
    gc.freeze()  # what is here stays: the collector need not look at it with every request
    gc.set_threshold(50_000, 20, 50)
    try:
        yield
    finally:
        await gateway.jobs.stop()
        for task in following:
            task.cancel()
        for link in gateway.chains.links:
            link.stop()
        gateway.vault.close()
        gateway.index.close()


def open_gateway(settings: Settings) -> Gateway:
    """Open the databases and make the links, which are not dialled yet."""
    genesis = settings.genesis
    context = client_context(settings.folder)
    pins = {replica.name: replica.tls_key_digest for replica in genesis.membership.replicas}
    links = tuple(
        NodeLink(place, settings.nodes[place], pins.get(name), genesis.network_id, context, name)
        for place, name in enumerate(settings.names)
    )
    kept = Database(settings.data / "vault.db", vault.SCHEMA, vault.VERSION)
    seal = None
    if settings.passphrase is not None:
        seal = vault.Seal(kept.connection, settings.passphrase, genesis.network_id)
    profiles = load_profiles()
    gateway = Gateway(
        chains=Chains(genesis, profiles, links),
        profiles=profiles,
        vault=kept,
        index=open_index(settings.data / "index.db"),
        seal=seal,
        stream=EventStream(),
        genesis_bytes=settings.genesis_bytes,
        own_accounts=settings.accounts,
    )
    _measure(gateway, gateway.metrics)
    return gateway


def _is_connected(link: NodeLink) -> float:
    return float(link.connected)


def _measure(gateway: Gateway, registry: CollectorRegistry) -> None:
    """Gauges that are read when they are asked for."""
    connected = Gauge("certnet_node_connected", "Whether the link to a node is up", ("node",), registry=registry)
    for link in gateway.chains.links:
        connected.labels(link.name).set_function(partial(_is_connected, link))
    jobs = Gauge("certnet_jobs_running", "Batch jobs under way", registry=registry)
    jobs.set_function(lambda: float(len(gateway.jobs)))
    listeners = Gauge("certnet_event_listeners", "Open event streams", registry=registry)
    listeners.set_function(lambda: float(len(gateway.stream)))


def _answer(problem: Problem) -> JSONResponse:
    headers = {"WWW-Authenticate": "Bearer"} if problem.type.status == 401 else {}
    if problem.type.status == 503:
        headers["Retry-After"] = "1"
    return JSONResponse(problem.document(), problem.type.status, headers, media_type=PROBLEM_TYPE)


async def _on_problem(_request: Request, problem: Any) -> JSONResponse:
    return _answer(problem)


async def _on_invalid(_request: Request, invalid: Any) -> JSONResponse:
    faults = [
        {"field": ".".join(str(part) for part in fault["loc"]), "problem": fault["msg"]} for fault in invalid.errors()
    ]
    shown = "; ".join(f"{fault['field']}: {fault['problem']}" for fault in faults[:3])
    in_body = any(fault["loc"][0] == "body" for fault in invalid.errors())
    code = "body-malformed" if in_body else "parameter-malformed"
    return _answer(Problem(code, shown, fields=faults[:50]))


async def _on_http(request: Request, fault: Any) -> JSONResponse:
    if fault.status_code == 405:
        answer = _answer(Problem("method-not-allowed", request.method))
        answer.headers.update(fault.headers or {})  # Allow
        return answer
    if fault.status_code == 404:
        return _answer(Problem("not-found", request.url.path[:200]))
    return _answer(Problem("body-malformed", str(fault.detail)))


async def _on_database(request: Request, fault: Any) -> JSONResponse:
    """A full disk, most likely: nothing was promised."""
    _log.error("%s %s: %s", request.method, request.url.path, fault)
    return _answer(Problem("vault-unusable", str(fault)))


async def _on_bug(request: Request, bug: Exception) -> JSONResponse:
    """Our own fault: the log has all of it, the answer a number to find it by."""
    number = secrets.token_hex(6)
    _log.error("%s: %s %s", number, request.method, request.url.path, exc_info=bug)
    return _answer(Problem("internal", number))
