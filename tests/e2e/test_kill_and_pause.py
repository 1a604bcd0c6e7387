"""SIGKILL, SIGSTOP and SIGCONT of nodes under load: somebody else takes over, nothing acknowledged is lost.

Scenarios go by their numbers in docs/scenarios.md, here and in the files beside this one.
"""

import asyncio
from collections.abc import Iterator

import pytest

from tests.e2e.fault_network import FaultNetwork, fault_network, under_load
from tests.node.network.talk import run
from tests.node.real_network import NAMES

CHAIN = "nanjing"

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultNetwork]:
    with fault_network(tmp_path_factory.mktemp("signals") / "network") as up:
        yield up


async def roles(network: FaultNetwork) -> tuple[str, tuple[str, ...]]:
    """The primary of CHAIN and its backups, when all are at rest."""
    network.start_what_is_down()
    await network.linked()
    await network.equal_heads(CHAIN)
    primary = await network.primary(CHAIN, NAMES[0])
    return primary, tuple(name for name in NAMES if name != primary)


async def all_is_well(network: FaultNetwork, *loads) -> None:
    """All four stand at one head and hold what was acknowledged."""
    await network.linked()
    await network.equal_heads(CHAIN)
    for load in loads:
        await network.check_none_lost(load)


@pytest.mark.parametrize("how", ["killed", "paused"])
def test_s07_a_primary_that_is_gone_is_replaced_and_follows_when_it_is_back(network: FaultNetwork, how: str) -> None:
    async def story() -> None:
        primary, backups = await roles(network)
        view = (await network.chain(backups[0], CHAIN)).view
        async with under_load(network, CHAIN, *backups) as load:
            (network.kill if how == "killed" else network.pause)(primary)
            before = len(load.acknowledged)
            await load.count(50)
            assert len(load.acknowledged) > before
            assert (await network.chain(backups[0], CHAIN)).view > view
            assert await network.primary(CHAIN, backups[0]) != primary
            (network.start if how == "killed" else network.resume)(primary)
            await load.count(50)
        await all_is_well(network, load)
        assert (await network.chain(primary, CHAIN)).view == (await network.chain(backups[0], CHAIN)).view > view

    run(story())


@pytest.mark.parametrize("how", ["killed", "paused"])
def test_s12_writes_go_on_without_one_backup_in_the_same_view(network: FaultNetwork, how: str) -> None:
    async def story() -> None:
        primary, backups = await roles(network)
        view = (await network.chain(primary, CHAIN)).view
        async with under_load(network, CHAIN, primary, backups[0]) as load:
            (network.kill if how == "killed" else network.pause)(backups[2])
            await load.count(100)
            height = (await network.chain(primary, CHAIN)).height
            (network.start if how == "killed" else network.resume)(backups[2])
            await load.count(20)
            assert (await network.chain(primary, CHAIN)).height > height
        await all_is_well(network, load)
        assert await network.heads_and_views(CHAIN, *NAMES) == {(await network.equal_heads(CHAIN), view)}

    run(story())


def test_s39_two_paused_nodes_stop_writes_but_no_reads_and_all_goes_on_when_they_wake(network: FaultNetwork) -> None:
    async def story() -> None:
        _, backups = await roles(network)
        working = tuple(name for name in NAMES if name not in backups[:2])
        async with under_load(network, CHAIN, *working, callers=4) as load:
            network.pause(*backups[:2])
            await asyncio.sleep(1)  # what was on its way is decided
            before = len(load.acknowledged)
            await asyncio.sleep(4)
            assert len(load.acknowledged) == before
            assert await network.missing(working[0], CHAIN, list(load.acknowledged)) == []
            network.resume(*backups[:2])
            await load.count(20)
        await all_is_well(network, load)

    run(story())


def test_s32_a_network_killed_as_a_whole_comes_up_one_by_one_with_all_it_acknowledged(network: FaultNetwork) -> None:
    async def story() -> None:
        await roles(network)
        async with under_load(network, CHAIN, *NAMES) as load:
            network.kill(*NAMES)
            assert not network.processes
            acknowledged = len(load.acknowledged)
            for name in reversed(NAMES):
                network.start(name)
            await load.count(20)
            assert len(load.acknowledged) >= acknowledged + 20
        await all_is_well(network, load)

    run(story())
