"""A relayer's process: it listens to the gateway's events, and does what there is to do (protocol 34.4).

It keeps nothing. After a start it hears everything from the beginning again, and finds most of it done.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import httpx
from prometheus_client import CollectorRegistry, Counter, Gauge

from relayer.calls import Chains, perform
from relayer.duties import Duties, Duty
from relayer.gateway_client import GatewayLost
from relayer.hearing import KINDS, Hearing

AT_ONCE: Final = 32
"""Duties in hand at a time."""
WAIT_S_MAX: Final = 15.0
RECONNECT_S: Final = (0.25, 10.0)
_log = logging.getLogger("relayer")


class Relayer:
    """One relayer: duties, those in hand, and its numbers."""

    def __init__(self, duties: Duties, chains: Chains, hearing: Hearing) -> None:
        self.duties = duties
        self.registry = CollectorRegistry()
        self._chains, self._hearing = chains, hearing
        self._woken = asyncio.Event()
        self._in_hand: dict[Duty, asyncio.Task[None]] = {}
        self._last_event = 0
        self._done = Counter(
            "certnet_relayer_done", "Duties of which nothing is left", ["duty"], registry=self.registry
        )
        self._put_off = Counter(
            "certnet_relayer_put_off", "Duties that could not be done yet", ["duty"], registry=self.registry
        )
        self._events = Counter("certnet_relayer_events", "Events heard", registry=self.registry)
        Gauge("certnet_relayer_open", "Duties that are open", registry=self.registry).set_function(lambda: len(duties))

    async def run(self, http: httpx.AsyncClient) -> None:
        """Listen and work until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen(http))
            group.create_task(self._work(group))

    async def _listen(self, http: httpx.AsyncClient) -> None:
        pause_s, pause_s_max = RECONNECT_S
        while True:
            try:
                async for event_id, kind, data in events(http, self._last_event, KINDS):
                    pause_s = RECONNECT_S[0]
                    self._take(event_id, kind, data)
            except (httpx.HTTPError, GatewayLost) as problem:
                _log.warning("the gateway's events ended (%s); again in %.1f s", problem, pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, pause_s_max)

    def _take(self, event_id: int, kind: str, data: dict[str, Any]) -> None:
        self._last_event = event_id
        self._events.inc()
        heard = self._hearing.heard(kind, data)
        if heard is not None:
            self.duties.heard(heard)
            self._woken.set()

    async def _work(self, group: asyncio.TaskGroup) -> None:
        while True:
            now = self._chains.now()
            due = self.duties.due(now, most=AT_ONCE)
            for duty in due:
                if duty not in self._in_hand and len(self._in_hand) < AT_ONCE:
                    self.duties.begin(duty)
                    self._in_hand[duty] = group.create_task(self._do(duty))
            self._woken.clear()
            next_ms = self.duties.next_due_ms()
            wait_s = WAIT_S_MAX if next_ms is None or self._in_hand else max(0.01, (next_ms - now) / 1_000)
            try:
                await asyncio.wait_for(self._woken.wait(), min(wait_s, WAIT_S_MAX))
            except TimeoutError:
                continue

    async def _do(self, duty: Duty) -> None:
        kind = type(duty).__name__
        try:
            nothing_left = await perform(self._chains, duty)
        except GatewayLost as problem:
            _log.warning("%s: %s", duty, problem)
            nothing_left = False
        finally:
            del self._in_hand[duty]
            self._woken.set()
        if nothing_left:
            self.duties.done(duty)
            self._done.labels(kind).inc()
        else:
            self.duties.put_off(duty, self._chains.now())
            self._put_off.labels(kind).inc()


async def events(
    http: httpx.AsyncClient, after: int, kinds: Sequence[str]
) -> AsyncIterator[tuple[int, str, dict[str, Any]]]:
    """Events of these kinds in the gateway's stream after number `after`: number, kind, data (HTML Living Standard, 9.2)."""
    headers = {"Last-Event-ID": str(after), "Accept": "text/event-stream"}
    timeout = httpx.Timeout(10, read=60)
    async with http.stream("GET", "/v1/events", params={"kind": kinds}, headers=headers, timeout=timeout) as answer:
        if not answer.is_success:
            raise GatewayLost(f"the gateway answers {answer.status_code} at /v1/events")
        fields: dict[str, str] = {}
        async for line in answer.aiter_lines():
            if line:
                name, _, value = line.partition(":")
                fields[name] = value.removeprefix(" ")
            elif "id" in fields and "data" in fields:
                yield int(fields["id"]), fields.get("event", "message"), json.loads(fields["data"])
                fields = {}
            else:
                fields = {}
