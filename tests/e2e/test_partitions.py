"""Partitions between processes: a minority answers no write, one side goes on, and all agree when the wires are whole."""

import asyncio
from collections.abc import Iterator
from itertools import permutations, product

import pytest

from tests.e2e.fault_network import FaultNetwork, Load, fault_network, under_load
from tests.e2e.fault_proxy import CUT, HELD, FaultProxies
from tests.node.network.talk import run
from tests.node.real_network import NAMES

CHAIN = "nanjing"

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultNetwork]:
    with fault_network(tmp_path_factory.mktemp("partitions") / "network", proxies=True) as up:
        yield up


def wires(network: FaultNetwork) -> FaultProxies:
    assert network.proxies is not None
    return network.proxies


async def in_order(network: FaultNetwork) -> tuple[str, ...]:
    """The nodes, the primary of CHAIN first, when all are linked and at rest."""
    wires(network).heal()
    await network.linked()
    await network.equal_heads(CHAIN)
    first = NAMES.index(await network.primary(CHAIN, NAMES[0]))
    return NAMES[first:] + NAMES[:first]


async def whole_again(network: FaultNetwork, *loads: Load) -> None:
    """The wires are open: all get to one head in time, with everything that was acknowledged on whichever side."""
    wires(network).heal()
    await network.linked()
    await network.equal_heads(CHAIN)
    for load in loads:
        await network.check_none_lost(load)


async def answers_no_write(network: FaultNetwork, name: str, seconds: float = 3) -> None:
    """A node that is cut off from a quorum takes no write, and says why."""
    client_id, raw = network.numbered_definition(CHAIN)
    try:
        async with asyncio.timeout(seconds):
            answer = await network.submit(name, CHAIN, raw)
    except TimeoutError:
        answer = {}
    assert answer.get(0) != "", f"{client_id} was answered by {name} alone"
    assert await network.missing(name, CHAIN, [client_id]) == [client_id]


def test_s29_a_primary_alone_answers_no_write_and_the_majority_goes_on_without_it(network: FaultNetwork) -> None:
    async def story() -> None:
        primary, *others = await in_order(network)
        async with under_load(network, CHAIN, *others, callers=4) as load:
            wires(network).part((primary,), tuple(others))
            await load.count(20)
            height = (await network.chain(primary, CHAIN)).height
            await answers_no_write(network, primary)
            assert (await network.chain(primary, CHAIN)).height == height
            assert (await network.chain(primary, CHAIN)).waits_for == "no-quorum"
            wires(network).heal()
            await load.count(20)
        assert sum(wires(network).wires[primary, other].refused for other in others) >= 3
        await whole_again(network, load)

    run(story())


def test_s29_two_halves_answer_no_write_on_either_side(network: FaultNetwork) -> None:
    async def story() -> None:
        nodes = await in_order(network)
        wires(network).part(nodes[:2], nodes[2:])
        await asyncio.sleep(0.3)
        heads = {name: (await network.chain(name, CHAIN)).height for name in nodes}
        await asyncio.gather(*(answers_no_write(network, name) for name in (nodes[0], nodes[3])))
        assert {name: (await network.chain(name, CHAIN)).height for name in nodes} == heads
        wires(network).heal()
        async with under_load(network, CHAIN, *nodes, callers=4) as load:
            await load.count(20)
        await whole_again(network, load)

    run(story())


def test_s29_a_primary_that_nobody_hears_though_it_hears_all_is_replaced(network: FaultNetwork) -> None:
    """One way: what it says is held, what is said to it arrives."""

    async def story() -> None:
        primary, *others = await in_order(network)
        view = (await network.chain(others[0], CHAIN)).view
        silent = [(primary, other) for other in others]
        async with under_load(network, CHAIN, *others, callers=4) as load:
            wires(network).turn(HELD, *silent)
            await load.count(30)
            assert (await network.chain(others[0], CHAIN)).view > view
            assert sum(wires(network).wires[pair].kept_back for pair in silent) > 0
            wires(network).heal()
            await load.count(30)
        await whole_again(network, load)

    run(story())


def test_s29_a_backup_that_hears_nothing_stops_nobody_and_follows_later(network: FaultNetwork) -> None:
    """The other way: what it says arrives, what is said to it is held."""

    async def story() -> None:
        primary, *others = await in_order(network)
        deaf = others[1]
        held = [(name, deaf) for name in NAMES if name != deaf]
        async with under_load(network, CHAIN, primary, callers=4) as load:
            wires(network).turn(HELD, *held)
            await load.count(100)
            assert (await network.chain(deaf, CHAIN)).height < (await network.chain(primary, CHAIN)).height
            wires(network).heal()
        assert sum(wires(network).wires[pair].kept_back for pair in held) > 0
        await whole_again(network, load)

    run(story())


def test_s29_halves_that_only_one_backup_joins_go_on(network: FaultNetwork) -> None:
    """A bridge: the primary and a backup on one side, a backup on the other, one that hears both: a quorum is whole."""

    async def story() -> None:
        primary, left, bridge, right = await in_order(network)
        async with under_load(network, CHAIN, primary, callers=4) as load:
            wires(network).part((primary, left, bridge), (bridge, right))
            await load.count(60)
            assert wires(network).wires[left, right].refused > 0
        await whole_again(network, load)

    run(story())


def test_s29_a_primary_across_a_bridge_is_replaced_or_followed_but_never_forks(network: FaultNetwork) -> None:
    """The primary alone hears only the bridge: no quorum is whole around it."""

    async def story() -> None:
        primary, bridge, *far = await in_order(network)
        async with under_load(network, CHAIN, *far, callers=4) as load:
            wires(network).part((primary, bridge), (bridge, *far))
            await load.count(40)
            assert sum(wires(network).wires[primary, name].refused for name in far) > 0
        await whole_again(network, load)

    run(story())


def test_s29_wires_that_come_and_go_lose_nothing(network: FaultNetwork) -> None:
    async def story() -> None:
        nodes = await in_order(network)
        pairs = list(permutations(nodes, 2))
        before = sum(wire.refused for wire in wires(network).wires.values())
        async with under_load(network, CHAIN, *nodes, callers=4) as load:
            for turn, (mode, _) in enumerate(product((CUT, HELD), range(6))):
                wires(network).turn(mode, *pairs[turn % 3 :: 3])
                await asyncio.sleep(0.15)
                wires(network).heal()
                await asyncio.sleep(0.1)
            await load.count(20)
        assert sum(wire.refused for wire in wires(network).wires.values()) > before + 12
        await whole_again(network, load)

    run(story())


def test_s21_slow_wires_slow_writes_and_nothing_else(network: FaultNetwork) -> None:
    async def story() -> None:
        nodes = await in_order(network)
        view = (await network.chain(nodes[0], CHAIN)).view
        wires(network).delay(0.05)
        async with under_load(network, CHAIN, *nodes, callers=8) as load:
            await load.count(30)
        assert (await network.chain(nodes[0], CHAIN)).view == view
        await whole_again(network, load)

    run(story())
