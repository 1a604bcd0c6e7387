"""A node whose data folder is gone or an old one: it follows, and votes only when it cannot contradict itself."""

import shutil
from collections.abc import Iterator
from pathlib import Path

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


def test_s15_a_wiped_primary_is_replaced_fetches_everything_abstains_and_signs_again_later(
    network: FaultNetwork,
) -> None:
    async def story() -> None:
        await network.linked()
        victim = await network.primary(CHAIN, NAMES[0])
        others = tuple(name for name in NAMES if name != victim)
        async with under_load(network, CHAIN, *others, callers=4) as before:
            await before.count(60)
        wipe(network, victim)
        network.start(victim)
        await network.linked()
        height = await network.equal_heads(CHAIN)
        (view,) = {view for _, view in await network.heads_and_views(CHAIN, *others)}
        await network.check_none_lost(before)
        assert not await signs(network, victim, asked=victim)
        assert "is not in" in network.log(victim)
        async with under_load(network, CHAIN, *others, callers=4) as after:
            await after.count(40)
        assert await network.equal_heads(CHAIN) > height + 2
        assert (await network.chain(victim, CHAIN)).view > view
        await network.check_none_lost(after)
        assert await signs(network, victim, asked=victim)
        assert "this replica signs again" in network.log(victim)

    run(story())


def test_s15_a_node_with_an_older_copy_of_its_data_follows_and_signs_nothing_twice(
    network: FaultNetwork, tmp_path: Path
) -> None:
    async def story() -> None:
        await network.linked()
        await network.equal_heads(CHAIN)
        primary = await network.primary(CHAIN, NAMES[0])
        victim = NAMES[(NAMES.index(primary) + 2) % 4]
        others = tuple(name for name in NAMES if name != victim)
        data = network.node(victim) / "data"
        async with under_load(network, CHAIN, *others, callers=4) as load:
            network.kill(victim)
            shutil.copytree(data, tmp_path / "older")
            network.start(victim)
            await network.linked()
            await load.count(60)
            network.kill(victim)
            shutil.rmtree(data)
            (tmp_path / "older").rename(data)
            network.start(victim)
            await network.linked()
            await load.count(60)
        await network.equal_heads(CHAIN)
        await network.check_none_lost(load)
        for name in NAMES:
            members = (await network.chain(name, CHAIN)).members
            assert {member.replica.name: member.convictions for member in members} == dict.fromkeys(NAMES, 0)

    run(story())
