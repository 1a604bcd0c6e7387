"""Clients that mint, revoke and read the same certificates while nodes die and freeze: one register explains it all."""

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random

import httpx
import pytest

from scripts import processes
from tests.e2e.cluster import NODES, TestNetwork, running_network
from tests.e2e.fault_network import state_of
from tests.e2e.history import Operation, heights_that_went_back, is_linearizable

CHAIN = "nanjing"
CLIENTS, CERTIFICATES = 6, 4

pytestmark = pytest.mark.processes


@pytest.fixture
def network(tmp_path: Path) -> Iterator[TestNetwork]:
    with running_network(tmp_path / "network") as up:
        yield up


@dataclass
class Clients:
    """Everybody calls at once; what each saw is kept."""

    network: TestNetwork
    history: list[Operation] = field(default_factory=list)
    unknown: dict[str, int] = field(default_factory=dict)
    round: int = 0
    going_on: bool = True

    def __post_init__(self) -> None:
        self.body = self.network.mint_body(CHAIN)
        self.prefix = f"{CHAIN}.ddc721.{self.body['class']}."

    def client(self, number: int) -> None:
        """One client for as long as it goes on."""
        random, turns = Random(number), count()
        with httpx.Client(base_url=self.network.url, headers=self.network.headers(), timeout=8) as client:
            while self.going_on:
                token = str(1_000_000 + CERTIFICATES * self.round + random.randrange(CERTIFICATES))
                kind = random.choices(("mint", "revoke", "read"), (3, 1, 6))[0]
                self.history.append(self.call(client, kind, token, f"{number}-{next(turns)}"))
                time.sleep(random.uniform(0, 0.05))

    def call(self, client: httpx.Client, kind: str, token: str, who: str) -> Operation:
        """One call, and what became of it."""
        root, called = "", time.monotonic()
        answer = None
        with suppress(httpx.HTTPError):
            if kind == "mint":
                body = self.body | {"token": token, "uri": f"https://example.org/{who}"}
                root = body["uri"]
                answer = client.post("/v1/certificates", json=body)
            elif kind == "revoke":
                answer = client.post(f"/v1/certificates/{self.prefix}{token}:revoke")
            else:
                answer = client.get(f"/v1/certificates/{self.prefix}{token}")
        answered = time.monotonic()
        operation = Operation(certificate=token, kind=kind, called=called, root=root)  # type: ignore[arg-type]
        return operation if answer is None else self.answered(operation, answered, answer)

    def answered(self, operation: Operation, answered: float, answer: httpx.Response) -> Operation:
        """The operation with its answer; a refusal that is not for the certificate's state leaves it open."""
        seen = answer.json()
        about = {"certificate": operation.certificate, "kind": operation.kind, "called": operation.called}
        if operation.kind == "read" and answer.status_code in (200, 404):
            state = (seen["uri"], seen["recorded_status"]) if answer.status_code == 200 else None
            return Operation(**about, answered=answered, seen=state, height=seen.get("height"))
        if answer.status_code in (200, 201):
            about["height"] = seen["height"]
            return Operation(**about, answered=answered, done=True, root=operation.root)
        if answer.status_code in (404, 409, 422):
            return Operation(**about, answered=answered, done=False, root=operation.root)
        self.unknown[seen["code"]] = self.unknown.get(seen["code"], 0) + 1
        return operation


def kill_the_primary(network: TestNetwork) -> None:
    network.kill(network.primary_of(CHAIN))
    time.sleep(1.2)
    network.restart(network.primary_of(CHAIN))


def freeze(network: TestNetwork, name: str, seconds: float) -> None:
    process = processes.alive(network.folder)[name]
    process.suspend()
    assert state_of(process.pid) == "T"
    time.sleep(seconds)
    process.resume()


def kill_the_gateway(network: TestNetwork) -> None:
    network.kill("gateway")
    network.restart("gateway")
    network.wait_ready()


def test_s30_what_clients_see_is_explained_by_one_register_per_certificate(network: TestNetwork) -> None:
    clients = Clients(network)
    threads = [threading.Thread(target=clients.client, args=(number,)) for number in range(CLIENTS)]
    faults = [
        lambda: time.sleep(1),
        lambda: kill_the_primary(network),
        lambda: freeze(network, NODES[1], 1.0),
        lambda: freeze(network, NODES[3], 1.0),
        lambda: kill_the_gateway(network),
    ]
    for thread in threads:
        thread.start()
    try:
        for number, fault in enumerate(faults):
            clients.round = number
            fault()
            time.sleep(0.8)
    finally:
        clients.going_on = False
        for thread in threads:
            thread.join()
    history = clients.history
    minted = {one.certificate for one in history if one.kind == "mint" and one.done}
    assert len(minted) >= CERTIFICATES * (len(faults) - 1)
    assert sum(one.kind == "mint" and one.done is False for one in history) > 5
    assert sum(one.kind == "read" and one.seen is not None for one in history) > 50
    assert is_linearizable(history)
    assert heights_that_went_back(history) == []
