"""Nodes whose data is gone: they follow and serve, and sign nothing until it cannot contradict what they have signed."""

import shutil
from collections.abc import Iterator

import httpx
import pytest
from typer.testing import CliRunner

from scripts import processes
from scripts.cli import make_app
from tests.e2e.cluster import NODES, Mints, TestNetwork, check_all_hold, linked_everywhere, new_keys, running_network

CHAIN = "nanjing"

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestNetwork]:
    with running_network(tmp_path_factory.mktemp("amnesia") / "network") as up:
        yield up


@pytest.fixture
def mints(network: TestNetwork) -> Mints:
    """Some certificates are there, and everybody is linked and signs."""
    made = Mints(network, CHAIN, acknowledged=KEPT)
    made.send_until_acknowledged(new_keys(20))
    processes.wait_for(lambda: one_more(made) and signing(network) == set(NODES), "all four to sign")
    return made


KEPT: dict[str, str] = {}
"""What this network has acknowledged so far."""


def signing(network: TestNetwork) -> set[str]:
    """Who is linked and says that it signs."""
    with httpx.Client(base_url=network.url, timeout=30) as client:
        view = client.get(f"/v1/chains/{CHAIN}/consensus").json()
    return {one["name"] for one in view["replicas"] if one["connected"] and one["signs"]}


def one_more(mints: Mints) -> bool:
    """One more block."""
    mints.send_until_acknowledged(new_keys(1))
    return True


def refusal(network: TestNetwork) -> str:
    """Why a mint is refused now; empty if it is not."""
    with httpx.Client(base_url=network.url, headers=network.headers(), timeout=30) as client:
        answer = client.post("/v1/certificates", json=network.mint_body(CHAIN))
    if answer.status_code == 201:
        KEPT[str(len(KEPT))] = str(answer.json()["id"])
        return ""
    assert answer.status_code == 503, answer.text
    return str(answer.json()["code"])


def wipe(network: TestNetwork, *names: str) -> None:
    """Kill these nodes, take their data away, and start them again.

    Whoever comes back signs two heights above what its peers report first: all must have done so before more is sent.
    """
    network.kill(*names)
    for name in names:
        shutil.rmtree(network.folder / "nodes" / name / "data")
    network.restart(*names)
    processes.wait_for(lambda: linked_everywhere(network, CHAIN), "each of the four to be linked to all")


def sign_again(network: TestNetwork, name: str) -> None:
    done = CliRunner().invoke(make_app("sign-again"), ["sign-again", name, "--yes", "--data", str(network.folder)])
    assert done.exit_code == 0, (done.output, done.exception)
    assert "may certify a second block" in done.output
    assert "the replicas sign whatever they signed before" in log_of(network, name)


def log_of(network: TestNetwork, name: str) -> str:
    return (network.folder / "logs" / f"{name}.log").read_text()


def test_one_that_was_wiped_serves_signs_nothing_and_is_back_two_heights_later(
    network: TestNetwork, mints: Mints
) -> None:
    wipe(network, "xian")
    check_all_hold(network, CHAIN, mints.acknowledged)
    assert signing(network) == set(NODES) - {"xian"}
    assert "is not in" in log_of(network, "xian")
    one_more(mints)
    assert signing(network) == set(NODES) - {"xian"}
    one_more(mints)
    processes.wait_for(lambda: signing(network) == set(NODES), "xian to sign again")
    assert f"{CHAIN}: height" in log_of(network, "xian")
    network.kill("beijing")
    one_more(mints)  # three of four: without xian there is no quorum
    network.restart("beijing")
    check_all_hold(network, CHAIN, mints.acknowledged)


def test_with_two_wiped_writes_wait_and_say_so_until_an_operator_decides(network: TestNetwork, mints: Mints) -> None:
    wipe(network, "guangzhou", "xian")
    check_all_hold(network, CHAIN, mints.acknowledged)
    assert refusal(network) == "votes-forgotten"
    assert signing(network) == {"beijing", "shanghai"}
    sign_again(network, "xian")
    processes.wait_for(lambda: refusal(network) == "", "writes to go on")
    assert "guangzhou" not in signing(network)
    one_more(mints)
    one_more(mints)
    processes.wait_for(lambda: signing(network) == set(NODES), "guangzhou to sign by itself")
    check_all_hold(network, CHAIN, mints.acknowledged)


def test_three_that_were_wiped_fetch_everything_from_the_one_that_is_left(network: TestNetwork, mints: Mints) -> None:
    wiped = [name for name in NODES if name != "shanghai"]
    wipe(network, *wiped)
    check_all_hold(network, CHAIN, mints.acknowledged)
    assert refusal(network) == "votes-forgotten"
    for name in wiped[:2]:
        sign_again(network, name)
    processes.wait_for(lambda: refusal(network) == "", "writes to go on")
    one_more(mints)
    check_all_hold(network, CHAIN, mints.acknowledged)
