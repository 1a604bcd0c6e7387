"""What is answered in front of the router is answered as the router would; and no node is believed there either."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from chain.light_client import Trusted, header_fault
from chain.rpc import Answer, Refused, StateAnswer
from chain.state import check
from chain.universal_id import parse_token
from contracts.keys import certificate_key
from credentials.bundle import certified_header, parse_bundle, state_proof
from gateway import app as module
from gateway.chains import Chain
from gateway.routes import certificates as endpoints
from gateway.routes import proven_reads
from gateway.routes.proven_reads import ProvenReads
from gateway.services.certificates import MintOrder, mint
from gateway.services.gateway import Gateway
from tests.gateway.lies import lies_about_state
from tests.gateway.memory_network import CLASS, MemoryNetwork, close, define

CHAIN = "wuhan"
FIRST_ASKED = 0
PATIENCE_S = 30
Play = Callable[[httpx.AsyncClient, Gateway, list[str]], Awaitable[Any]]


def run(memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch, play: Play, count: int = 3) -> None:
    """Play with a gateway's application and the ids of so many minted certificates."""

    async def whole() -> None:
        gateway = memory.open()
        monkeypatch.setattr(module, "open_gateway", lambda _settings: gateway)
        tenant = await memory.tenant(gateway)
        await define(gateway, tenant)
        holder, names = memory.address(CHAIN, "alice"), []
        for number in range(count):
            order = MintOrder(chain_id=CHAIN, class_id=CLASS, holder=holder, content={"name": f"李 {number}"})
            names.append((await mint(gateway, tenant, order, None)).proven.name.path)
        settings: Any = None
        transport = httpx.ASGITransport(module.create_app(settings), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway", timeout=PATIENCE_S) as client:
            await play(client, gateway, names)
        await close(gateway)

    asyncio.run(whole())


@pytest.fixture
def passed_on(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of the requests that the layer leaves to the router."""
    paths: list[str] = []
    whole = ProvenReads.__call__

    async def noted(self: ProvenReads, scope: Any, receive: Any, send: Any) -> None:
        inner = self._app

        async def app(scope: Any, receive: Any, send: Any) -> None:
            paths.append(scope["path"])
            await inner(scope, receive, send)

        self._app = app
        try:
            await whole(self, scope, receive, send)
        finally:
            self._app = inner

    monkeypatch.setattr(ProvenReads, "__call__", noted)
    return paths


def assert_proven(chain: Chain, name: str, data: bytes) -> None:
    """The bundle proves the record of that very certificate under a header that the replicas certified."""
    bundle, token = parse_bundle(data), name.rsplit(".", 1)[1]
    certified = certified_header(bundle, bundle.header, bundle.certificate)
    trusted = Trusted(height=0, time=chain.genesis.time, membership=chain.membership)
    assert header_fault(chain.rules, trusted, certified) is None
    key = certificate_key(CLASS, parse_token(chain.profile.token_id_style, token))
    record, root = bytes.fromhex(bundle.state.record), certified.header.state_root
    assert check(chain.rules.digest, state_proof(bundle), root, key=key, value=record)
    assert bundle.id == f"bsn:{CHAIN}/ddc721:{CLASS}/{token}"


def test_the_router_answers_alike(memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch, passed_on: list[str]) -> None:
    """With a parameter that no endpoint has, the same request goes to the router."""

    async def play(client: httpx.AsyncClient, _gateway: Gateway, names: list[str]) -> None:
        for clock in (proven_reads, endpoints):
            monkeypatch.setattr(clock, "now_ms", lambda: 1_800_000_000_000)
        unknown = (
            "1",
            "nowhere.ddc721.degree.1",
            f"{CHAIN}.ddc721.none.1",
            f"{CHAIN}.ddc721.{CLASS}.x",
            "é",
            "%00",
            "%",
        )
        for name in (*names, *unknown, "x" * 200):
            for path in (f"/v1/certificates/{name}", f"/v1/certificates/{name}/proof"):
                passed_on.clear()
                answer = await client.get(path)
                assert passed_on == []
                by_router = await client.get(path, params={"plain": "1"})
                assert len(passed_on) == 1
                assert (answer.status_code, answer.content) == (by_router.status_code, by_router.content)
                assert answer.headers == by_router.headers
                assert answer.status_code == (200 if name in names else answer.json()["status"])

    run(memory, monkeypatch, play)


def test_what_is_not_a_strangers_plain_read_goes_to_the_router(
    memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch, passed_on: list[str]
) -> None:
    async def play(client: httpx.AsyncClient, _gateway: Gateway, names: list[str]) -> None:
        path = f"/v1/certificates/{names[0]}"
        key = {"Authorization": f"Bearer {memory.api_keys['platform']}"}
        passed_on.clear()
        requests = [
            ("GET", path, key, 200),
            ("GET", f"{path}/proof", key, 200),
            ("GET", path, {"Authorization": "Bearer nothing"}, 401),
            ("GET", f"{path}/proof?reveal=all", {}, 403),
            ("GET", f"{path}/history", {}, 200),
            ("HEAD", path, {}, 405),
            ("DELETE", f"{path}/document", {}, 401),
            ("GET", "/v1/certificates/" + "x" * 201, {}, 400),
            ("GET", "/v1/certificates", {}, 200),
        ]
        for method, url, headers, status in requests:
            answer = await client.request(method, url, headers=headers)
            assert answer.status_code == status, (method, url, answer.text)
        assert len(passed_on) == len(requests)
        shown = (await client.get(path, headers=key)).json()
        assert shown["document"]["content"] == {"name": "李 0"}
        assert "document" not in (await client.get(path)).json()

    run(memory, monkeypatch, play)


def test_no_lie_reaches_a_stranger(memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(client: httpx.AsyncClient, gateway: Gateway, names: list[str]) -> None:
        chain = gateway.chain(CHAIN)
        told = 0

        def lie(answer: Answer) -> Answer | None:
            nonlocal told
            if not isinstance(answer, StateAnswer) or len(answer.values) != 1:
                return answer
            every = list(lies_about_state(chain, answer))
            told += 1
            return every[told % len(every)]

        memory.links[FIRST_ASKED].lie = lie
        for _ in range(25):
            answer = await client.get(f"/v1/certificates/{names[0]}/proof")
            assert_proven(chain, names[0], answer.content)
        assert told == 25

    run(memory, monkeypatch, play)


def test_reads_at_the_same_time_are_one_request_and_each_has_its_own_proof(
    memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def play(client: httpx.AsyncClient, gateway: Gateway, names: list[str]) -> None:
        before = len(memory.links[FIRST_ASKED].requests)
        answers = await asyncio.gather(*(client.get(f"/v1/certificates/{name}/proof") for name in names * 3))
        assert len(memory.links[FIRST_ASKED].requests) < before + len(answers)
        for name, answer in zip(names * 3, answers, strict=True):
            assert_proven(gateway.chain(CHAIN), name, answer.content)

    run(memory, monkeypatch, play)


def test_when_no_node_is_believed_a_stranger_is_told_so(memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(client: httpx.AsyncClient, _gateway: Gateway, names: list[str]) -> None:
        for link in memory.links:
            link.lie = lambda answer: Refused(request=answer.request, code="height-out-of-reach", values=(1, 0))
        answer = await client.get(f"/v1/certificates/{names[0]}")
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
        assert json.loads(answer.content)["code"] == "height-out-of-reach"

    run(memory, monkeypatch, play)


def test_a_fault_of_ours_has_a_number_as_everywhere(memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(*_: object) -> None:
        raise RuntimeError("ours")

    async def play(client: httpx.AsyncClient, _gateway: Gateway, names: list[str]) -> None:
        monkeypatch.setattr(proven_reads.certificates, "read", fails)
        answer = await client.get(f"/v1/certificates/{names[0]}")
        assert (answer.status_code, answer.json()["code"]) == (500, "internal")
        assert "RuntimeError" not in answer.text

    run(memory, monkeypatch, play)
