"""SIGKILL of real processes during 1,000 concurrent mints: seen by the gateway's clients."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.cluster import NODES, Mints, TestNetwork, check_all_hold, new_keys, running_network

CHAIN = "nanjing"
OTHER_CHAIN = "taian"
"""Its primary is another node than that of CHAIN."""
MINTS = 1_000

pytestmark = pytest.mark.processes


@pytest.fixture
def network(tmp_path: Path) -> Iterator[TestNetwork]:
    with running_network(tmp_path / "network") as up:
        yield up


def begin(mints: Mints, keys: list[str]) -> threading.Thread:
    """Send in the background; returns once a part is acknowledged and much is under way."""
    sending = threading.Thread(target=mints.send, args=(keys,))
    sending.start()
    deadline = time.monotonic() + 30
    while len(mints.acknowledged) < 100:
        assert time.monotonic() < deadline, mints.problems[-3:]
        time.sleep(0.01)
    return sending


def test_mints_go_on_while_a_backup_is_dead_and_it_catches_up(network: TestNetwork) -> None:
    primary = network.primary_of(CHAIN)
    backup = next(name for name in NODES if name != primary)
    mints, keys = Mints(network, CHAIN), new_keys(MINTS)
    sending = begin(mints, keys)
    network.kill(backup)
    sending.join()
    assert len(mints.acknowledged) == MINTS, mints.problems[:3]
    network.restart(backup)
    check_all_hold(network, CHAIN, mints.acknowledged)


def test_a_dead_primary_is_replaced_while_mints_go_on_and_nothing_acknowledged_is_lost(network: TestNetwork) -> None:
    primary = network.primary_of(CHAIN)
    assert network.primary_of(OTHER_CHAIN) != primary
    mints, keys = Mints(network, CHAIN), new_keys(MINTS)
    with httpx.Client(base_url=network.url, headers=network.headers(), timeout=30) as client:
        before = {chain: client.get(f"/v1/chains/{chain}/consensus").json()["view"] for chain in (CHAIN, OTHER_CHAIN)}
        sending = begin(mints, keys)
        network.kill(primary)
        sending.join()
        mints.send_until_acknowledged(keys)
        after = {chain: client.get(f"/v1/chains/{chain}/consensus").json()["view"] for chain in (CHAIN, OTHER_CHAIN)}
        assert after[CHAIN] > before[CHAIN]
        assert after[OTHER_CHAIN] == before[OTHER_CHAIN]
        assert client.post("/v1/certificates", json=network.mint_body(OTHER_CHAIN)).status_code == 201
    network.restart(primary)
    check_all_hold(network, CHAIN, mints.acknowledged)


def test_all_four_nodes_killed_at_once_lose_nothing_acknowledged(network: TestNetwork) -> None:
    mints, keys = Mints(network, CHAIN), new_keys(MINTS)
    sending = begin(mints, keys)
    network.kill(*NODES)
    time.sleep(0.2)
    network.restart(*NODES)
    sending.join()
    mints.send_until_acknowledged(keys)
    check_all_hold(network, CHAIN, mints.acknowledged)


def test_a_killed_gateway_repeats_its_answers_and_mints_nothing_twice(network: TestNetwork) -> None:
    mints, keys = Mints(network, CHAIN), new_keys(MINTS)
    sending = begin(mints, keys)
    network.kill("gateway")
    network.restart("gateway")
    sending.join()
    network.wait_ready()
    again = Mints(network, CHAIN)
    again.send_until_acknowledged(keys)
    assert mints.acknowledged.items() <= again.acknowledged.items()
    check_all_hold(network, CHAIN, again.acknowledged)
