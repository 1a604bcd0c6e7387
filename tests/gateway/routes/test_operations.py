"""Health, readiness, metrics, problem pages, and the stream of events."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.errors import PROBLEMS
from gateway.routes import operations
from gateway.services import stream
from tests.gateway.running import RunningNetwork

pytestmark = pytest.mark.processes


def test_a_gateway_that_lives_says_so(network: RunningNetwork) -> None:
    answer = network.client("nobody").get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_a_gateway_is_ready_while_a_quorum_of_nodes_is_connected(network: RunningNetwork) -> None:
    answer = network.client("nobody").get("/readyz")
    assert answer.status_code == 200
    ready = answer.json()
    assert (ready["ready"], ready["quorum"], ready["vault"]) == (True, 3, "open")
    assert set(ready["nodes"].values()) == {"connected"}
    links = network.gateway.chains.links
    try:
        for link in links[:2]:
            link.up.clear()
        answer = network.client("nobody").get("/readyz")
        assert (answer.status_code, answer.json()["ready"]) == (503, False)
    finally:
        for link in links[:2]:
            link.up.set()


def test_the_gateway_counts_what_it_does(network: RunningNetwork) -> None:
    def sample(name: str, **labels: str) -> float:
        answer = network.client("nobody").get("/metrics")
        assert answer.headers["content-type"].startswith("text/plain")
        for family in text_string_to_metric_families(answer.text):
            for one in family.samples:
                if one.name == name and labels.items() <= one.labels.items():
                    return one.value
        raise LookupError(name)

    before = sample("certnet_http_requests_total", method="POST", status="201")
    network.mint("wuhan")
    assert sample("certnet_http_requests_total", method="POST", status="201") == before + 1
    for replica in network.genesis.membership.replicas:
        assert sample("certnet_node_connected", node=replica.name) == 1
    assert sample("certnet_jobs_running") >= 0
    assert sample("certnet_event_listeners") >= 0
    assert sample("certnet_http_request_seconds_count", method="POST") > 0


def test_every_problem_has_its_page_in_two_languages(network: RunningNetwork) -> None:
    listed = network.client("nobody").get("/v1/problems").json()["problems"]
    assert [page["code"] for page in listed] == list(PROBLEMS)
    for page in listed:
        assert network.client("nobody").get(page["type"]).json() == page
        assert all(page[name] for name in ("title", "title_zh", "cause", "cause_zh", "next", "next_zh"))


@contextmanager
def listening(
    network: RunningNetwork, last: int | None = None, **parameters: str | list[str]
) -> Iterator[Iterator[dict[str, Any]]]:
    """Events as they come, each with `id`, `event` and `data`."""
    headers = {} if last is None else {"Last-Event-ID": str(last)}
    with (
        httpx.Client(base_url=network.url, timeout=10) as client,
        client.stream("GET", "/v1/events", params=parameters, headers=headers) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield _events(answer)


def _events(answer: httpx.Response) -> Iterator[dict[str, Any]]:
    event: dict[str, Any] = {}
    for line in answer.iter_lines():
        name, _, value = line.partition(": ")
        if name in ("id", "event"):
            event[name] = value
        elif name == "data":
            event["data"] = json.loads(value)
        elif not line and event:
            yield event
            event = {}


def newest(network: RunningNetwork) -> int:
    queries = ("SELECT MAX(seq) FROM events", "SELECT MAX(seq) FROM certificates")
    return max(network.rows(query)[0][0] or 0 for query in queries)


def settled(network: RunningNetwork) -> int:
    """The number of the newest event, when the index stands at every head."""
    network.standing()
    return newest(network)


def test_whoever_listens_hears_what_becomes_final(network: RunningNetwork) -> None:
    settled(network)
    with listening(network, chain="yanan") as events:
        minted = network.mint("yanan")
        network.client().post(f"/v1/certificates/{minted['id']}:revoke").raise_for_status()
        heard = [next(events) for _ in range(5)]
    assert [event["event"] for event in heard] == ["block", "minted", "paid", "block", "revoked"]
    assert heard[1]["data"]["id"] == heard[4]["data"]["id"] == minted["id"]
    assert heard[0]["data"]["height"] == minted["height"]
    numbers = [int(event["id"]) for event in heard]
    assert numbers == sorted(numbers)


def test_whoever_comes_back_hears_what_was_missed_once(network: RunningNetwork) -> None:
    last = settled(network)
    made = [network.mint("taian")["id"] for _ in range(3)]
    settled(network)
    with listening(network, last, chain="taian", kind="minted") as events:
        first = next(events)
    assert first["data"]["id"] == made[0]
    with listening(network, int(first["id"]), chain="taian", kind="minted") as events:
        made.append(network.mint("taian")["id"])
        heard = [next(events) for _ in range(3)]
    assert [event["data"]["id"] for event in heard] == made[1:]


def test_a_number_that_is_ahead_of_the_index_begins_now(network: RunningNetwork) -> None:
    """An index that was built anew counts less far than the listener remembers."""
    settled(network)
    with listening(network, 10**15, chain="wuhan", kind="minted") as events:
        minted = network.mint("wuhan")
        assert next(events)["data"]["id"] == minted["id"]


def test_events_of_other_chains_and_kinds_are_left_out(network: RunningNetwork) -> None:
    last = settled(network)
    network.mint("wuhan")
    minted = network.mint("zunyi")
    settled(network)
    with listening(network, last, chain="zunyi", kind="minted") as events:
        assert next(events)["data"]["id"] == minted["id"]


def test_several_kinds_are_named_one_by_one(network: RunningNetwork) -> None:
    last = settled(network)
    minted = network.mint("zunyi")["id"]
    for tenant, action in (("operator", "freeze"), ("operator", "unfreeze"), ("platform", "revoke")):
        network.client(tenant).post(f"/v1/certificates/{minted}:{action}").raise_for_status()
    with listening(network, last, chain="zunyi", kind=["minted", "revoked"]) as events:
        assert [next(events)["event"] for _ in range(2)] == ["minted", "revoked"]


def test_many_listen_at_once_and_all_hear_the_same(network: RunningNetwork) -> None:
    last = settled(network)
    heard: list[list[str]] = []

    def listen() -> None:
        with listening(network, last, kind="minted") as events:
            heard.append([next(events)["data"]["id"] for _ in range(5)])

    threads = [threading.Thread(target=listen) for _ in range(10)]
    for thread in threads:
        thread.start()
    made = [network.mint(chain)["id"] for chain in ("wuhan", "wuhan", "wuhan", "wuhan", "wuhan")]
    for thread in threads:
        thread.join(10)
    assert heard == [made] * 10


def test_a_crowd_is_turned_away_with_the_reason(network: RunningNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "LISTENERS_MAX", 0)
    answer = network.client("nobody").get("/v1/events")
    assert (answer.status_code, answer.json()["code"]) == (503, "too-many-listeners")
    assert answer.headers["retry-after"] == "1"


def test_a_number_that_is_none_is_refused(network: RunningNetwork) -> None:
    answer = network.client("nobody").get("/v1/events", headers={"Last-Event-ID": "yesterday"})
    assert (answer.status_code, answer.json()["code"]) == (400, "parameter-malformed")


def test_whoever_waits_is_told_now_and_then_that_the_stream_lives(
    network: RunningNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "KEEP_ALIVE_S", 0.01)
    settled(network)
    with (
        httpx.Client(base_url=network.url, timeout=10) as client,
        client.stream("GET", "/v1/events", params={"chain": "none"}) as answer,
    ):
        assert next(line for line in answer.iter_lines() if line) == ": still here"


def test_whoever_is_too_slow_is_cut_off_and_comes_back_by_number(
    network: RunningNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = settled(network)
    made = [network.mint("wuhan")["id"]]
    with listening(network, last, kind="minted") as events:
        heard = [next(events)]
        with monkeypatch.context() as patched:
            patched.setattr(stream, "QUEUE_MAX", 0)
            made.append(network.mint("wuhan")["id"])
            heard += list(events)  # ends, because the gateway has ended it
    settled(network)
    if len(heard) < 2:
        with listening(network, int(heard[0]["id"]), kind="minted") as events:
            heard.append(next(events))
    assert [event["data"]["id"] for event in heard] == made


def test_a_listener_that_goes_away_is_forgotten(network: RunningNetwork) -> None:
    def nobody_listens() -> None:
        deadline = time.monotonic() + 10
        while len(network.gateway.stream):
            assert time.monotonic() < deadline, "a listener is not forgotten"
            time.sleep(0.005)

    nobody_listens()
    with listening(network, settled(network) - 1) as events:
        next(events)
        assert len(network.gateway.stream) == 1
    nobody_listens()
