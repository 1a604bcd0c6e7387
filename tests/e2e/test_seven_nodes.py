"""Seven nodes, of which two may be gone: the primary and one that would be the next."""

from collections.abc import Iterator

import httpx
import pytest

from scripts import processes
from scripts.network import NODE_NAMES
from tests.e2e.cluster import Mints, TestNetwork, check_all_hold, new_keys, running_network

CHAIN = "nanjing"
SEVEN = NODE_NAMES[:7]

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestNetwork]:
    with running_network(tmp_path_factory.mktemp("seven") / "network", nodes=len(SEVEN)) as up:
        yield up


def consensus(network: TestNetwork) -> dict:
    with httpx.Client(base_url=network.url, timeout=30) as client:
        return client.get(f"/v1/chains/{CHAIN}/consensus").json()


def test_s39_two_of_seven_may_be_gone_a_third_stops_writes_and_all_is_there_when_they_are_back(
    network: TestNetwork,
) -> None:
    mints = Mints(network, CHAIN)
    mints.send_until_acknowledged(new_keys(40))
    before = consensus(network)
    assert (before["quorum"], len(before["replicas"])) == (5, 7)
    first = SEVEN.index(before["primary"])
    gone = [SEVEN[(first + step) % 7] for step in range(3)]
    network.kill(*gone[:2])
    mints.send_until_acknowledged(new_keys(40))
    after = consensus(network)
    assert after["view"] >= before["view"] + 2
    assert after["primary"] not in gone[:2]
    network.kill(next(name for name in SEVEN if name not in (*gone[:2], after["primary"])))
    with httpx.Client(base_url=network.url, headers=network.headers(), timeout=30) as client:
        refused = client.post("/v1/certificates", json=network.mint_body(CHAIN))
        assert refused.json()["code"] == "no-quorum"
        assert client.get(f"/v1/certificates/{next(iter(mints.acknowledged.values()))}").status_code == 200
    network.restart(*[name for name in SEVEN if name not in processes.alive(network.folder)])
    mints.send_until_acknowledged(new_keys(10))
    check_all_hold(network, CHAIN, mints.acknowledged)
