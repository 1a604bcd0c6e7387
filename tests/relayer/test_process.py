"""The relayer's loop: what it hears it does, at once or later, and it goes on after a lost gateway."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from prometheus_client import generate_latest

from chain.profiles import load_profiles
from relayer import process
from relayer.calls import Chains
from relayer.duties import Duties, Duty
from relayer.gateway_client import GatewayLost
from relayer.hearing import Hearing
from relayer.process import Relayer, events

SENT = {"chain": "taian", "other_chain": "zunyi", "sequence": 0}
CHAINS = frozenset({"taian", "zunyi"})


class Nowhere:
    """Chains that nobody asks: `perform` is played."""

    def now(self) -> int:
        return 1_000_000


def stream(*told: tuple[int, str, dict[str, Any]]) -> bytes:
    """A stream of events as the gateway writes it."""
    return b": still here\n\n" + b"".join(
        f"id: {number}\nevent: {kind}\ndata: {json.dumps(data)}\n\n".encode() for number, kind, data in told
    )


def client(respond: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url="http://gateway", transport=httpx.MockTransport(respond))


def heard(respond: Any, after: int = 0) -> list[tuple[int, str, dict[str, Any]]]:
    async def all_events() -> list[tuple[int, str, dict[str, Any]]]:
        async with client(respond) as http:
            return [event async for event in events(http, after, ["packet-sent", "moved"])]

    return asyncio.run(all_events())


def test_events_are_read_from_where_it_left_off() -> None:
    asked: list[str] = []

    def respond(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers["Last-Event-ID"])
        assert request.url.params.get_list("kind") == ["packet-sent", "moved"]
        return httpx.Response(200, content=stream((8, "packet-sent", SENT), (9, "block", {"chain": "taian"})))

    assert heard(respond, 7) == [(8, "packet-sent", SENT), (9, "block", {"chain": "taian"})]
    assert asked == ["7"]


def test_a_gateway_that_has_no_room_is_lost_for_now() -> None:
    with pytest.raises(GatewayLost, match="503"):
        heard(lambda _request: httpx.Response(503, json={}))


def relayer() -> Relayer:
    chains: Any = Nowhere()
    return Relayer(Duties(CHAINS), chains, Hearing(load_profiles()))


def run(one: Relayer, respond: Any, enough: asyncio.Event) -> None:
    async def until_enough() -> None:
        async with client(respond) as http:
            running = asyncio.create_task(one.run(http))
            await asyncio.wait_for(enough.wait(), 10)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    asyncio.run(until_enough())


def test_what_it_hears_it_does_and_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    one, done, enough = relayer(), list[Duty](), asyncio.Event()

    async def perform(_chains: Chains, duty: Duty) -> bool:
        done.append(duty)
        enough.set()
        return True

    monkeypatch.setattr(process, "perform", perform)
    run(one, lambda _request: httpx.Response(200, content=stream((1, "packet-sent", SENT))), enough)
    assert len(done) == 1
    text = generate_latest(one.registry).decode()
    assert 'certnet_relayer_done_total{duty="Deliver"} 1.0' in text
    assert "certnet_relayer_open 0.0" in text


def test_a_lost_gateway_costs_no_duty(monkeypatch: pytest.MonkeyPatch) -> None:
    one, tries, enough = relayer(), [0], asyncio.Event()

    async def perform(_chains: Chains, _duty: Duty) -> bool:
        tries[0] += 1
        enough.set()
        raise GatewayLost("not there")

    monkeypatch.setattr(process, "perform", perform)
    run(one, lambda _request: httpx.Response(200, content=stream((1, "packet-sent", SENT))), enough)
    assert tries == [1]
    assert len(one.duties) == 1
    assert 'certnet_relayer_put_off_total{duty="Deliver"} 1.0' in generate_latest(one.registry).decode()


def test_it_listens_again_after_the_stream_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "RECONNECT_S", (0.001, 0.002))
    one, asked, enough = relayer(), list[str](), asyncio.Event()

    def respond(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers["Last-Event-ID"])
        if len(asked) == 1:
            raise httpx.ConnectError("refused")
        if len(asked) == 4:
            enough.set()
        return httpx.Response(200, content=stream((len(asked), "block", {"chain": "taian"})))

    run(one, respond, enough)
    assert asked[:4] == ["0", "0", "2", "3"]
