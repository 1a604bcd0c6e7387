"""The set of replicas changes while the network runs: one joins, leaves, has a new key; proofs lead through it all."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import Result
from typer.testing import CliRunner

from chain.profiles import load_profiles
from chain.rpc import ReadStatus, StatusAnswer
from credentials.verifier import verify_bundle
from gateway.clients.node_link import NodeLink, client_context
from scripts import nodes, processes
from scripts.cli import make_app
from scripts.errors import CommandFailed
from scripts.pki import pin_of
from tests.e2e.cluster import NODES, PATIENCE_S, Mints, TestNetwork, check_all_hold, new_keys, running_network

CHAIN = "nanjing"
OTHER_CHAIN = "yanan"
NEWCOMER = "suzhou"

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestNetwork]:
    with running_network(tmp_path_factory.mktemp("membership") / "network") as up:
        yield up


def run(*arguments: object) -> Result:
    """A command, in this process: what it starts is ended with the test."""
    return CliRunner().invoke(make_app(), [str(argument) for argument in arguments])


def certnet(network: TestNetwork, *arguments: object) -> str:
    done = run(*arguments, "--data", network.folder)
    assert done.exit_code == 0, (done.output, done.exception)
    return done.stdout


def refused(*arguments: object) -> str:
    """Why a command does nothing."""
    done = run(*arguments)
    assert isinstance(done.exception, CommandFailed), done
    return str(done.exception)


def client_of(network: TestNetwork) -> httpx.Client:
    return httpx.Client(base_url=network.url, headers=network.headers(), timeout=30)


def replicas(network: TestNetwork, chain: str = CHAIN) -> dict[str, dict[str, Any]]:
    """The members of a chain by name, as one node sees them."""
    with client_of(network) as client:
        view = client.get(f"/v1/chains/{chain}/consensus").json()
    return {one["name"]: one for one in view["replicas"]}


def mint(mints: Mints) -> str:
    """The id of one more certificate that is final."""
    (key,) = new_keys(1)
    mints.send_until_acknowledged([key])
    return mints.acknowledged[key]


@contextmanager
def under_load(mints: Mints) -> Iterator[None]:
    """Others mint meanwhile, and none of them is refused."""
    stop, earlier = threading.Event(), len(mints.problems)

    def go_on() -> None:
        while not stop.is_set():
            mints.send(new_keys(16), in_flight=4)

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    assert mints.problems[earlier:] == []


def signers(network: TestNetwork, chain: str = CHAIN) -> set[str]:
    """Who certified the newest block."""
    names = list(replicas(network, chain))
    with client_of(network) as client:
        header = client.get(f"/v1/chains/{chain}/blocks", params={"limit": 1}).json()["headers"][0]
    return {names[place] for place in header["certificate"]["signers"]}


def bundle_of(network: TestNetwork, certificate: str) -> bytes:
    with client_of(network) as client:
        assert client.post("/v1/verify", json={"id": certificate}).json()["valid"]
        return client.get(f"/v1/certificates/{certificate}/proof").content


def check_offline(network: TestNetwork, bundle: bytes, handovers: int) -> None:
    """The bundle leads from the genesis document through so many changes."""
    assert len(json.loads(bundle)["handovers"]) == handovers
    assert verify_bundle(bundle, network.genesis, load_profiles(), now=time.time_ns() // 1_000_000).valid


def status_of(network: TestNetwork, name: str) -> StatusAnswer:
    """What a node says itself, whoever else knows it."""
    home = network.folder / "nodes" / name
    address = nodes.listening(network.folder)[name]

    async def ask() -> StatusAnswer:
        context = client_context(network.folder / "gateway")
        link = NodeLink(0, address, pin_of(home), network.genesis.network_id, context)
        link.start()
        try:
            await asyncio.wait_for(link.up.wait(), PATIENCE_S)
            answer = await link.ask(lambda number: ReadStatus(request=number))
        finally:
            link.stop()
            await asyncio.sleep(0.05)  # what is closed is told so
        assert isinstance(answer, StatusAnswer)
        return answer

    return asyncio.run(ask())


def height_at(network: TestNetwork, name: str, chain: str = CHAIN) -> int:
    return next(one.height for one in status_of(network, name).chains if one.chain_id == chain)


def log_of(network: TestNetwork, name: str) -> str:
    return (network.folder / "logs" / f"{name}.log").read_text()


def test_a_fifth_node_joins_votes_and_leaves_and_another_gets_a_new_key(network: TestNetwork) -> None:
    mints = Mints(network, CHAIN)
    before = mint(mints)
    old_bundle = bundle_of(network, before)

    with under_load(mints):
        certnet(network, "replicas", "add", NEWCOMER)
    for chain in load_profiles():
        assert list(replicas(network, chain)) == [*NODES, NEWCOMER]
    network.kill("shanghai")
    joined = mint(mints)
    assert signers(network) == {*NODES, NEWCOMER} - {
        "shanghai"
    }  # four of five: without the newcomer there is no quorum
    check_offline(network, bundle_of(network, joined), handovers=1)
    network.restart("shanghai")
    processes.wait_for(lambda: replicas(network)["shanghai"]["connected"], "shanghai to be back")

    with under_load(mints):
        certnet(network, "replicas", "remove", NEWCOMER, "--keep-running")
    assert list(replicas(network)) == list(NODES)
    left = mint(mints)
    assert NEWCOMER not in signers(network)
    check_offline(network, bundle_of(network, left), handovers=2)
    height = height_at(network, "beijing")
    processes.wait_for(lambda: height_at(network, NEWCOMER) == height, "the removed node to follow")
    told = f"{CHAIN}: the key of this node is none of the present replicas': it follows and casts nothing"
    assert log_of(network, NEWCOMER).count(told) == 2  # before it joined, and since it left

    key = replicas(network)["guangzhou"]["consensus_key"]
    with under_load(mints):
        certnet(network, "replicas", "rekey", "guangzhou")
    assert replicas(network)["guangzhou"]["consensus_key"] != key
    network.kill("beijing")
    renewed = mint(mints)
    assert signers(network) == {*NODES} - {"beijing"}
    check_offline(network, bundle_of(network, renewed), handovers=3)
    check_offline(network, bundle_of(network, before), handovers=3)
    check_offline(network, old_bundle, handovers=0)  # what was handed out long ago holds for ever
    network.restart("beijing")
    processes.wait_for(lambda: replicas(network)["beijing"]["connected"], "beijing to be back")
    assert len(mints.acknowledged) > 100
    check_all_hold(network, CHAIN, mints.acknowledged)


def sign(network: TestNetwork, file: Path, name: str) -> str:
    """A node's operator signs; what was shown."""
    done = run("replicas", "sign", file, "--node", network.folder / "nodes" / name, "--yes")
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


def test_signers_on_hosts_apart_sign_copies_of_one_proposal(network: TestNetwork, tmp_path: Path) -> None:
    proposal = tmp_path / "change.json"
    certnet(network, "replicas", "add", "kunming", "--chain", OTHER_CHAIN, "--ahead", 3, "--propose", proposal)
    copies = []
    for name in ("beijing", "shanghai", "kunming"):
        copies.append(tmp_path / f"{name}.json")
        copies[-1].write_bytes(proposal.read_bytes())
        assert "kunming joins" in sign(network, copies[-1], name)
    missing = refused("replicas", "submit", *copies, "--data", network.folder)
    assert missing == f"{OTHER_CHAIN}: 1 more of guangzhou, xian must sign"
    again = refused("replicas", "sign", copies[0], "--node", network.folder / "nodes" / "beijing", "--yes")
    assert "has signed already" in again
    copies.append(tmp_path / "xian.json")
    copies[-1].write_bytes(proposal.read_bytes())
    sign(network, copies[-1], "xian")
    processes.start(network.folder, "kunming")
    certnet(network, "replicas", "submit", *copies)
    assert list(replicas(network, OTHER_CHAIN)) == [*NODES, "kunming"]
    processes.wait_for(lambda: replicas(network, OTHER_CHAIN)["kunming"]["connected"], "kunming to be connected")
    assert "kunming" in certnet(network, "replicas")
