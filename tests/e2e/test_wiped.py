"""Nodes whose data folder is gone: they follow and answer reads, and vote only when they cannot contradict themselves."""

import shutil
from collections.abc import Iterator

import pytest

from tests.e2e.fault_network import FaultNetwork, fault_network, under_load
from tests.node.network.talk import run
from tests.node.real_network import NAMES

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
