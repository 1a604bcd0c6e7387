"""Nodes whose data folder is gone: they follow and answer reads, and vote only when they cannot contradict themselves."""

import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest

from node.sign_state import MAY_SIGN
from tests.e2e.fault_network import FaultNetwork, fault_network, under_load
from tests.node.network.talk import run
from tests.node.real_network import NAMES, ROOT

CHAIN = "nanjing"

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultNetwork]:
    with fault_network(tmp_path_factory.mktemp("wiped") / "network") as up:
        yield up


def wipe(network: FaultNetwork, *names: str) -> None:
    """SIGKILL, and everything that the nodes had is gone."""
    network.kill(*names)
    for name in names:
        shutil.rmtree(network.node(name) / "data")


async def signs(network: FaultNetwork, name: str, asked: str) -> bool:
    """Whether a node signs on CHAIN, by what it or another says."""
    members = (await network.chain(asked, CHAIN)).members
    return next(member.signs for member in members if member.replica.name == name)


@pytest.mark.parametrize("role", ["backup", "primary"])
def test_a_wiped_node_fetches_everything_abstains_and_signs_again_later(network: FaultNetwork, role: str) -> None:
    async def story() -> None:
        await network.linked()
        primary = await network.primary(CHAIN, NAMES[0])
        victim = primary if role == "primary" else NAMES[(NAMES.index(primary) + 1) % 4]
        others = tuple(name for name in NAMES if name != victim)
        async with under_load(network, CHAIN, *others, callers=4) as before:
            await before.count(60)
        wipe(network, victim)
        network.start(victim)
        await network.linked()
        height = await network.equal_heads(CHAIN)
        await network.check_none_lost(before)
        assert not await signs(network, victim, asked=victim)
        assert "is not in" in network.log(victim)
        async with under_load(network, CHAIN, *others, callers=4) as after:
            await after.count(40)
        assert await network.equal_heads(CHAIN) > height + 2
        await network.check_none_lost(after)
        assert await signs(network, victim, asked=victim)
        assert "this replica signs again" in network.log(victim)

    run(story())


def test_three_wiped_nodes_follow_the_one_that_is_left_and_wait_for_an_operator(network: FaultNetwork) -> None:
    async def story() -> None:
        await network.linked()
        await network.equal_heads(CHAIN)
        left, *wiped = NAMES
        async with under_load(network, CHAIN, *NAMES, callers=4) as before:
            await before.count(100)
        wipe(network, *wiped)
        network.start(*wiped)
        await network.linked()
        height = await network.equal_heads(CHAIN, at_least=1)
        await network.check_none_lost(before)  # reads are answered by all
        for name in NAMES:
            assert await network.submit(name, CHAIN, network.definition(CHAIN)) == {0: "votes-forgotten"}
            assert (await network.chain(name, CHAIN)).waits_for == "votes-forgotten"
        let_sign_again(network, wiped[0])
        await network.linked()
        assert await network.submit(left, CHAIN, network.definition(CHAIN)) == {0: "votes-forgotten"}
        let_sign_again(network, wiped[1])
        await network.linked()
        async with under_load(network, CHAIN, *NAMES, callers=4) as after:
            await after.count(40)
        assert await network.equal_heads(CHAIN) > height
        await network.check_none_lost(before)
        await network.check_none_lost(after)
        assert await signs(network, wiped[2], asked=wiped[2])

    run(story())


def let_sign_again(network: FaultNetwork, name: str) -> None:
    """An operator answers for a node: the command, and a start of the node."""
    network.processes[name].terminate()
    network.processes.pop(name).wait()
    command = [sys.executable, "-m", "scripts.cli", "sign-again", name, "--data", str(network.folder), "--yes"]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    before = network.log(name).count(MAY_SIGN)
    network.start(name)
    assert network.log(name).count(MAY_SIGN) > before  # the node says that somebody answered for it
