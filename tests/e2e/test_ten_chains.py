"""Ten chains on the same four processes: what happens to one of them changes no other."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.e2e.fault_network import FaultNetwork, fault_network, under_load
from tests.node.network.talk import run
from tests.node.real_network import NAMES

BUSY = "nanjing"
FLOOD = 3_000
BULK = 150

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultNetwork]:
    with fault_network(tmp_path_factory.mktemp("ten") / "network") as up:
        yield up


async def places(network: FaultNetwork, name: str) -> dict[str, tuple[int, int, int, bytes]]:
    """Of every chain by what one node says: height, view, primary, head."""
    status = await network.status(name)
    return {chain.chain_id: (chain.height, chain.view, chain.primary, chain.head) for chain in status.chains}


async def a_write_on_each(network: FaultNetwork, name: str, chains: list[str]) -> None:
    raws = {chain_id: network.definition(chain_id) for chain_id in chains}
    answers = await asyncio.gather(*(network.submit(name, chain_id, raw) for chain_id, raw in raws.items()))
    assert answers == [{0: ""}] * len(chains)


def test_s35_a_flood_on_one_chain_stops_no_write_and_changes_no_view_on_nine(network: FaultNetwork) -> None:
    async def story() -> None:
        await network.linked()
        before = await places(network, NAMES[0])
        others = [chain_id for chain_id in before if chain_id != BUSY]
        assert len(others) == 9
        raws = [network.definition(BUSY) for _ in range(FLOOD)]
        bodies = [raws[start : start + BULK] for start in range(0, FLOOD, BULK)]
        flood = [
            asyncio.create_task(network.submit(NAMES[number % 4], BUSY, *body)) for number, body in enumerate(bodies)
        ]
        await asyncio.sleep(0.2)
        assert not all(task.done() for task in flood)
        await a_write_on_each(network, NAMES[1], others)
        assert sum(map(len, await asyncio.gather(*flood))) == FLOOD
        for chain_id in others:
            assert await network.equal_heads(chain_id) == before[chain_id][0] + 1
        after = await places(network, NAMES[0])
        assert {chain_id: after[chain_id][1:3] for chain_id in others} == {
            chain_id: before[chain_id][1:3] for chain_id in others
        }
        assert after[BUSY][0] > before[BUSY][0]

    run(story())


def test_s35_a_killed_node_is_replaced_where_it_was_primary_and_nowhere_else(network: FaultNetwork) -> None:
    async def story() -> None:
        await network.linked()
        before = await places(network, NAMES[0])
        victim = NAMES.index(NAMES[2])
        led = [chain_id for chain_id, place in before.items() if place[2] == victim]
        others = [chain_id for chain_id in before if chain_id not in led]
        assert led
        assert len(others) >= 6
        network.kill(NAMES[2])
        await a_write_on_each(network, NAMES[0], others)
        for chain_id in led:
            async with under_load(network, chain_id, NAMES[0], callers=1):
                pass
        after = await places(network, NAMES[0])
        assert all(after[chain_id][1] > before[chain_id][1] for chain_id in led)
        assert all(after[chain_id][1:3] == before[chain_id][1:3] for chain_id in others)
        assert all(after[chain_id][0] == before[chain_id][0] + 1 for chain_id in others)
        network.start(NAMES[2])
        await network.linked()
        for chain_id in before:
            await network.equal_heads(chain_id)

    run(story())


def test_s35_chains_at_rest_stay_as_they_are_while_a_busy_one_replaces_its_frozen_primary(
    network: FaultNetwork,
) -> None:
    """A frozen primary of one chain: chains at rest make no block and change no view meanwhile."""

    async def story() -> None:
        await network.linked()
        for chain_id in await places(network, NAMES[0]):
            await network.equal_heads(chain_id)
        before = await places(network, NAMES[0])
        frozen = NAMES[before[BUSY][2]]
        asked = next(name for name in NAMES if name != frozen)
        async with under_load(network, BUSY, asked, callers=2) as load:
            network.pause(frozen)
            await load.count(20)
            network.resume(frozen)
        after = await places(network, asked)
        assert after[BUSY][1] > before[BUSY][1]
        assert {key: after[key] for key in after if key != BUSY} == {key: before[key] for key in before if key != BUSY}
        await network.equal_heads(BUSY)

    run(story())
