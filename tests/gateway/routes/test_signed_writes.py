"""What is answered in front of the router is what the router answers; a chain that has enough refuses before it reads."""

import asyncio
import json
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import httpx
import pytest

import gateway.app
from chain.codec import encode
from chain.rpc import Answer, Outcomes, Rejection
from contracts.issuing import Mint
from contracts.system import Touch
from gateway import submitter
from gateway.app import create_app
from gateway.services import gateway as service
from gateway.services.calls import transaction_of
from gateway.services.gateway import Gateway
from tests.chain.small_genesis import account_key_pair
from tests.contracts.small_chain import CLASS, class_of, item
from tests.gateway.index_play import Play
from tests.gateway.memory_network import MemoryNetwork, close
from tests.gateway.running import RunningNetwork

CHAIN = "wuhan"
BY_THE_ROUTER = {"wait": "committed"}
"""The default, said aloud: a request with a parameter is handed on."""
JSON = {"Content-Type": "application/json"}
MSGPACK = "application/msgpack"
LINES = {"Content-Type": "application/x-ndjson"}


def post(network: RunningNetwork, body: Any, chain: str = CHAIN, **more: Any) -> tuple[httpx.Response, httpx.Response]:
    """The same request twice: answered in front of the router, and by the router."""
    more = {"headers": JSON, "tenant": "platform"} | more
    client, path = network.client(more["tenant"]), f"/v1/chains/{chain}/transactions"
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    front = client.post(path, content=content, headers=more["headers"])
    return front, client.post(path, content=content, headers=more["headers"], params=BY_THE_ROUTER)


def assert_alike(front: httpx.Response, behind: httpx.Response) -> None:
    assert (front.status_code, front.content) == (behind.status_code, behind.content)
    for name in ("content-type", "content-length", "www-authenticate", "retry-after"):
        assert front.headers.get(name) == behind.headers.get(name)


@pytest.mark.processes
def test_a_transaction_is_answered_as_by_the_router(network: RunningNetwork) -> None:
    for chain in ("wuhan", "wenchang", "zhongyi", "zunyi"):
        token = network.mint(chain)["token"]
        revoke = {"class_id": network.class_of(chain), "token": token, "reason": "by-request"}
        answers = post(network, network.signed_call(chain, "platform", "revoke", revoke), chain)
        assert answers[0].status_code == 200, answers[0].text
        assert_alike(*answers)


@pytest.mark.processes
def test_a_refused_transaction_is_the_same_problem(network: RunningNetwork) -> None:
    signed = network.signed_call(CHAIN, "alice", "transferFrom", {})
    assert_alike(*post(network, signed))
    for other in ({"body": "", "signature": "00" * 64}, {"body": "93010203", "signature": "00" * 64}):
        answers = post(network, other)
        assert answers[0].json()["code"] == "transaction-malformed"
        assert_alike(*answers)


GOOD = {"body": "00", "signature": "00" * 64}
BODIES: dict[str, Any] = {
    "no JSON": b'{"body": ',
    "nothing": b"",
    "a list": [],
    "a member too many": GOOD | {"more": 1},
    "a member too few": {"body": "00"},
    "no hex": GOOD | {"body": "0g"},
    "half a byte": GOOD | {"body": "000"},
    "a short signature": GOOD | {"signature": "00"},
    "a number": GOOD | {"body": 7},
    "half a surrogate pair": b'{"body": "\\ud800", "signature": ""}',
    "no UTF-8": b'{"body": "\xff", "signature": ""}',
    "deep": b"[" * 100_000,
}


@pytest.mark.processes
@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_does_not_fit_is_the_same_problem(network: RunningNetwork, name: str) -> None:
    answers = post(network, BODIES[name])
    assert (answers[0].status_code, answers[0].json()["code"]) == (400, "body-malformed")
    assert_alike(*answers)


@pytest.mark.processes
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "text/plain"}, 400),
        ({}, 400),
        (JSON | {"Authorization": "Basic eDp5"}, 401),
        (JSON | {"Authorization": "Bearer"}, 401),
        (JSON | {"Authorization": "Bearer ck_0_0"}, 401),
        (JSON | {"Authorization": b"Bearer \xff\xfe"}, 401),
        (JSON, 401),
    ],
)
def test_unusual_headers_are_the_routers_affair(network: RunningNetwork, headers: Any, status: int) -> None:
    tenant = "nobody" if status == 401 else "platform"
    answers = post(network, network.signed_call(CHAIN, "alice", "transferFrom", {}), headers=headers, tenant=tenant)
    assert answers[0].status_code == status, answers[0].text
    assert_alike(*answers)


@pytest.mark.processes
def test_what_the_router_takes_besides_is_left_to_it(network: RunningNetwork) -> None:
    signed = network.signed_call(CHAIN, "alice", "transferFrom", {})
    client, path = network.client(), f"/v1/chains/{CHAIN}/transactions"
    assert (
        client.post(path, json=signed, headers={"Content-Type": "application/json; charset=utf-8"}).status_code == 422
    )
    assert client.post(path, json=signed, params={"wait": "none"}).status_code == 202
    assert client.post(path, json=signed, params={"wait": "for ever"}).status_code == 400
    assert client.post("/v1/chains/atlantis/transactions", json=signed).json()["code"] == "chain-unknown"
    assert client.get(path).status_code == 405
    parts = (part for part in (json.dumps(signed)[:50].encode(), json.dumps(signed)[50:].encode()))
    assert client.post(path, content=parts, headers=JSON).json()["code"] == "non-transferable"


# ---- More than fits ----


class Untouched:
    """A body that must not be asked for."""

    asked = 0

    def __iter__(self) -> Iterator[bytes]:
        self.asked += 1
        yield b"{}"


def asking(memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch, play: Callable[..., Awaitable[Any]]) -> Any:
    """Play on the application over nodes in memory."""

    async def whole() -> Any:
        opened = memory.open()
        monkeypatch.setattr(gateway.app, "open_gateway", lambda _settings: opened)
        app: Any = create_app(None)  # type: ignore[arg-type]
        headers = {"Authorization": f"Bearer {memory.api_keys['platform']}"}
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway", headers=headers) as client:
            try:
                return await play(opened, client)
            finally:
                await close(opened)

    return asyncio.run(whole())


def touches(memory: MemoryNetwork, gateway: Gateway, count: int) -> list[dict[str, str]]:
    made = []
    for _ in range(count):
        until = memory.chains[CHAIN].now() + 100_000
        chain, sender = gateway.chain(CHAIN), memory.address(CHAIN, "alice")
        body = encode(transaction_of(chain, sender, "system", "touch", Touch(), valid_until=until))
        signature = account_key_pair(CHAIN, "alice").sign(chain.rules.transaction_id(body))
        made.append({"body": body.hex(), "signature": signature.hex()})
    return made


@pytest.mark.parametrize(("where", "limit"), [(submitter, "IN_FLIGHT_MAX"), (service, "IN_FLIGHT_ALL_MAX")])
def test_a_chain_that_has_enough_refuses_before_it_reads(
    memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch, where: Any, limit: str
) -> None:
    """Every way to write, without a byte of a body and without a row in the vault; what is on its way goes on."""

    async def play(gateway: Gateway, client: httpx.AsyncClient) -> None:
        memory.chains[CHAIN].ahead_ms += 6_000
        path, signed = f"/v1/chains/{CHAIN}/transactions", touches(memory, gateway, 2)
        monkeypatch.setattr(where, limit, 1)
        held = Held(memory)
        first = asyncio.ensure_future(client.post(path, json=signed[0]))
        await held.arrived.wait()
        assert gateway.chain(CHAIN).in_flight == 1
        for door in (path, f"{path}:bulk"):
            body = Untouched()
            answer = await client.post(door, content=aiter_of(body), headers=JSON)
            assert_busy(answer)
            assert body.asked == 0
        assert_busy(await client.post(path, json=signed[1], params={"wait": "none"}))
        account = {"chain": CHAIN, "role": "consumer"}
        assert_busy(await client.post("/v1/accounts", json=account))
        assert gateway.vault.connection.execute("SELECT COUNT(*) FROM submissions").fetchone() == (0,)
        held.let_go()
        assert (await first).status_code == 200
        assert len(memory.raws()) == 1
        monkeypatch.undo()
        memory.chains[CHAIN].ahead_ms += 6_000
        assert (await client.post(path, json=signed[1])).status_code == 200

    asking(memory, monkeypatch, play)


class Held:
    """What is submitted to the first node waits there until it is let go."""

    def __init__(self, memory: MemoryNetwork) -> None:
        self._link: Any = memory.links[0]
        self._submit = self._link._submit
        self._link._submit = self._hold
        self._requests: list[Any] = []
        self.arrived = asyncio.Event()

    def _hold(self, request: Any) -> None:
        self._requests.append(request)
        self.arrived.set()

    def let_go(self) -> None:
        self._link._submit = self._submit
        for request in self._requests:
            self._submit(request)


async def aiter_of(body: Untouched) -> Any:
    for part in body:
        yield part


def assert_busy(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.json()["code"]) == (503, "chain-busy"), answer.text
    assert answer.headers["retry-after"] == "1"
    assert CHAIN in answer.json()["detail"]


@pytest.mark.parametrize("end", ["gone", "whole"])
def test_a_body_whose_end_never_came_is_not_sent(
    memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """It may look whole all the same; whoever went away has not said that it was."""

    async def play(gateway: Gateway, client: httpx.AsyncClient) -> None:
        (signed,) = touches(memory, gateway, 1)
        memory.chains[CHAIN].ahead_ms += 6_000
        content = json.dumps(signed).encode()
        last = (
            {"type": "http.disconnect"} if end == "gone" else {"type": "http.request", "body": b"", "more_body": False}
        )
        messages = [
            {"type": "http.request", "body": content[:40], "more_body": True},
            {"type": "http.request", "body": content[40:], "more_body": True},
            last,
        ]
        sent: list[Any] = []
        headers = JSON | {"Authorization": client.headers["Authorization"]}
        scope = {
            "type": "http",
            "method": "POST",
            "path": f"/v1/chains/{CHAIN}/transactions",
            "query_string": b"",
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        }

        async def receive() -> Any:
            return messages.pop(0) if messages else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        await client._transport.app(scope, receive, send)  # type: ignore[attr-defined]
        assert len(memory.raws()) == (end == "whole")
        assert sent[0]["status"] == (200 if end == "whole" else 400)

    asking(memory, monkeypatch, play)


def test_an_index_that_cannot_be_read_is_the_same_problem(
    memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A transaction that its nodes call expired is looked for in the index."""

    async def broken(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    async def play(gateway: Gateway, client: httpx.AsyncClient) -> None:
        (signed,) = touches(memory, gateway, 1)
        memory.chains[CHAIN].pass_window()
        path = f"/v1/chains/{CHAIN}/transactions"
        monkeypatch.setattr(gateway.index, "run", broken)
        front, behind = await client.post(path, json=signed), await client.post(path, json=signed, params=BY_THE_ROUTER)
        assert (front.status_code, front.json()["code"]) == (503, "vault-unusable")
        assert_alike(front, behind)

    with caplog.at_level(logging.ERROR):
        asking(memory, monkeypatch, play)
    assert caplog.text.count("disk I/O error") == 2


@pytest.mark.parametrize("code", ["pool-full", "queue-full"])
def test_a_body_that_no_node_had_room_for_is_refused_as_a_whole(
    memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    def full(count: int) -> Callable[[Answer], Answer]:
        refused = tuple(Rejection(index=place, code=code, values=(20_000,)) for place in range(count))
        return lambda answer: Outcomes(
            request=answer.request,  # type: ignore[union-attr]
            rejected=refused,
            certified=None,
            receipt_leaves=(),
            included=(),
        )

    async def play(gateway: Gateway, client: httpx.AsyncClient) -> None:
        memory.chains[CHAIN].ahead_ms += 6_000
        path, signed = f"/v1/chains/{CHAIN}/transactions", touches(memory, gateway, 3)
        memory.links[0].lie = full(1)
        single = await client.post(path, json=signed[0])
        assert (single.status_code, single.json()["code"]) == (503, code)
        assert single.headers["retry-after"] == "1"
        lines = "\n".join(map(json.dumps, signed))
        memory.links[0].lie = full(3)
        answer = await client.post(f"{path}:bulk", content=lines.encode(), headers=LINES)
        assert (answer.status_code, answer.json()["code"]) == (503, code)
        assert answer.headers["retry-after"] == "1"
        told_so = asyncio.Event()

        def two_of_them(answer: Answer) -> Answer:
            told_so.set()
            return full(2)(answer)

        memory.links[0].lie = two_of_them
        serve = asyncio.ensure_future(client.post(f"{path}:bulk", content=lines.encode(), headers=LINES))
        await told_so.wait()
        memory.links[0].lose()
        told = [json.loads(line)["problem"]["code"] for line in (await serve).text.splitlines()]
        assert told == [code, code, "touched-recently"]

    asking(memory, monkeypatch, play)


def test_of_ten_times_what_fits_the_acknowledged_is_in_a_block_and_the_refused_was_never_sent(
    memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit, bodies, size = 10, 100, 3
    people = Play(chain=memory.chains[CHAIN])
    assert people.act("platform", "classes", "defineClass", class_of())
    minting = [Mint(class_id=CLASS, item=item(people.address("alice"), place)) for place in range(bodies * size)]
    raws = [people.signed("platform", "ddc721", "mint", arguments) for arguments in minting]

    async def play(gateway: Gateway, client: httpx.AsyncClient) -> None:
        monkeypatch.setattr(submitter, "IN_FLIGHT_MAX", limit)
        most = 0

        async def send(mine: list[bytes]) -> httpx.Response:
            nonlocal most
            answer = await client.post(
                f"/v1/chains/{CHAIN}/transactions:bulk", content=encode(mine), headers={"Content-Type": MSGPACK}
            )
            most = max(most, gateway.chain(CHAIN).in_flight)
            return answer

        groups = [raws[start : start + size] for start in range(0, len(raws), size)]
        held = Held(memory)
        sending = asyncio.gather(*map(send, groups))
        await held.arrived.wait()
        held.let_go()
        answers = await sending
        assert most < limit + size
        received = set(memory.raws())
        taken = [group for group, answer in zip(groups, answers, strict=True) if answer.status_code == 200]
        for group, answer in zip(groups, answers, strict=True):
            if answer.status_code == 200:
                lines = [json.loads(line) for line in answer.text.splitlines()]
                assert [line["outcome"] for line in lines] == ["committed"] * size
                for raw, line in zip(group, lines, strict=True):
                    assert memory.chains[CHAIN].blocks[line["height"] - 1].transactions[line["place"]] == raw
            else:
                assert_busy(answer)
                assert not received & set(group)
        assert 0 < len(taken) < bodies

    asking(memory, monkeypatch, play)
