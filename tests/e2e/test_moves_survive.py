"""Certificates on their way between chains while relayers, the gateway and a node are killed: each ends on one chain."""

import contextlib
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from scripts import processes
from tests.e2e.cluster import PATIENCE_S, TestNetwork, running_network

SOURCE, TARGET = "taian", "nanjing"
MOVES = 6
SCHEMA = {
    "title": "Note",
    "x-title-zh": "便条",
    "type": "object",
    "additionalProperties": False,
    "required": [],
    "properties": {"text": {"type": "string", "title": "Text", "x-title-zh": "文字"}},
}
pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestNetwork]:
    """A network with three relayers: its own and two more, which have the same account."""
    with running_network(tmp_path_factory.mktemp("moves") / "network") as up:
        command = [sys.executable, "-m", "relayer", str(up.folder / "relayer")]
        more = [subprocess.Popen(command, cwd=Path(__file__).parents[2], stderr=subprocess.DEVNULL) for _ in range(2)]
        try:
            yield up
        finally:
            for process in more:
                process.terminate()
                process.wait(10)


class People:
    """The platform's and alice's doings over REST, repeated until they are answered."""

    def __init__(self, network: TestNetwork) -> None:
        self.network = network
        self.http = httpx.Client(base_url=network.url, headers=network.headers(), timeout=30)
        self.class_id = f"c-{uuid.uuid4().hex[:12]}"
        for chain in (SOURCE, TARGET):
            body = {"chain": chain, "class": self.class_id, "name_en": "Note", "name_zh": "便条", "schema": SCHEMA}
            self.post("/v1/classes", body)
        for chain, other in ((SOURCE, TARGET), (TARGET, SOURCE)):
            place = f"/v1/chains/{chain}/contracts/crosschain/addTargetChainId"
            self.post(place, {"arguments": {"class_id": self.class_id, "chain_id": other}})

    def post(self, path: str, body: Any) -> dict[str, Any]:
        key, deadline = uuid.uuid4().hex, time.monotonic() + PATIENCE_S
        while True:
            try:
                answer = self.http.post(path, json=body, headers={"Idempotency-Key": key})
                if answer.is_success or answer.status_code < 500:
                    assert answer.is_success, answer.text
                    return dict(answer.json())
            except httpx.HTTPError:
                pass
            assert time.monotonic() < deadline, f"{path} is not answered"
            time.sleep(0.05)

    def close(self) -> None:
        self.http.close()

    def get(self, path: str) -> dict[str, Any] | None:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                answer = self.http.get(path)
                if answer.is_success or answer.status_code == 404:
                    return dict(answer.json()) if answer.is_success else None
            except httpx.HTTPError:
                pass
            assert time.monotonic() < deadline, f"{path} is not answered"
            time.sleep(0.05)

    def address(self, chain: str) -> str:
        return str(self.network.entry(chain)["accounts"]["alice"]["address"])

    def mint(self) -> str:
        body = {"chain": SOURCE, "class": self.class_id, "holder": self.address(SOURCE), "content": {"text": "x"}}
        return str(self.post("/v1/certificates", body)["id"])

    def open(self, certificate: str) -> str:
        body = {"id": certificate, "chain": TARGET, "to": self.address(TARGET)}
        move = self.post("/v1/crosschain/moves", body)
        return f"/v1/crosschain/moves/{SOURCE}/{move['cross_id']}"

    def status(self, certificate: str) -> str | None:
        found = self.get(f"/v1/certificates/{certificate}")
        return None if found is None else str(found["status"])

    def until(self, holds: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < deadline, what
            time.sleep(0.05)


def there(certificate: str) -> str:
    """Both chains write token ids alike."""
    return certificate.replace(SOURCE, TARGET, 1)


def nothing(_network: TestNetwork) -> None:
    """Everything goes well."""


def kill_relayer(network: TestNetwork) -> None:
    network.kill(processes.RELAYER)
    network.restart(processes.RELAYER)


def kill_gateway(network: TestNetwork) -> None:
    network.kill(processes.GATEWAY)
    network.restart(processes.GATEWAY)


def kill_primary(network: TestNetwork) -> None:
    name = network.primary_of(TARGET)
    network.kill(name)
    network.restart(name)


@pytest.mark.parametrize("harm", [nothing, kill_relayer, kill_gateway, kill_primary])
def test_every_move_ends_on_one_chain_whatever_is_killed(
    network: TestNetwork, harm: Callable[[TestNetwork], None]
) -> None:
    with contextlib.closing(People(network)) as people:
        _play(network, people, harm)


def _play(network: TestNetwork, people: People, harm: Callable[[TestNetwork], None]) -> None:
    moves = {}
    for number in range(MOVES):
        certificate = people.mint()
        path = people.open(certificate)
        people.post(path + ":confirm", {})
        moves[certificate] = path
        if number == MOVES // 2:
            harm(network)
        live = [
            status for status in (people.status(certificate), people.status(there(certificate))) if status == "active"
        ]
        assert len(live) <= 1
    for certificate, path in moves.items():
        people.until(
            lambda path=path: (people.get(path) or {}).get("state") == "done", f"{certificate} does not arrive"
        )
        assert (people.status(certificate), people.status(there(certificate))) == ("moved", "active")
    network.wait_ready()


def test_when_all_is_done_no_chain_makes_a_block(network: TestNetwork) -> None:
    """With three relayers that listen."""
    with httpx.Client(base_url=network.url, timeout=30) as http:

        def heights() -> dict[str, int]:
            return {chain["id"]: chain["height"] for chain in http.get("/v1/chains").json()["chains"]}

        time.sleep(1)
        before = heights()
        time.sleep(5)
        assert heights() == before
