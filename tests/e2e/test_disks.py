"""Sick disks under real processes: what cannot be made durable is not promised, what is damaged is found out."""

import asyncio
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.fault_network import FaultNetwork, fault_network, under_load
from tests.node.network.talk import run
from tests.node.real_network import NAMES, wait_until

CHAIN = "nanjing"

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultNetwork]:
    with fault_network(tmp_path_factory.mktemp("disks") / "network") as up:
        yield up


async def roles(network: FaultNetwork) -> tuple[str, tuple[str, ...]]:
    network.start_what_is_down()
    await network.linked()
    await network.equal_heads(CHAIN)
    primary = await network.primary(CHAIN, NAMES[0])
    return primary, tuple(name for name in NAMES if name != primary)


def last_segment(data: Path) -> Path:
    return max(data.glob("log-*.seg"))


def flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 0x10
    path.write_bytes(data)


def torn(data: Path) -> None:
    """The last write came to the disk in part."""
    with last_segment(data).open("ab") as file:
        file.write(b"\x00\x00\x40\x00half a group" * 20)


def zeros(data: Path) -> None:
    """The file grew, its new part was never written."""
    with last_segment(data).open("ab") as file:
        file.write(bytes(5_000))


TORN = [torn, zeros]


@pytest.mark.parametrize("spoil", TORN, ids=[one.__name__ for one in TORN])
def test_s24_a_torn_end_of_the_log_is_cut_off_and_the_node_goes_on(
    network: FaultNetwork, spoil: Callable[[Path], None]
) -> None:
    async def story() -> None:
        _, backups = await roles(network)
        victim = backups[0]
        async with under_load(network, CHAIN, backups[1], callers=4) as load:
            network.kill(victim)
            before = last_segment(network.node(victim) / "data").stat().st_size
            spoil(network.node(victim) / "data")
            assert last_segment(network.node(victim) / "data").stat().st_size > before
            network.start(victim)
            assert network.processes[victim].poll() is None
            await load.count(20)
        assert (await network.chain(victim, CHAIN)).height > 0
        await network.linked()
        await network.equal_heads(CHAIN)
        await network.check_none_lost(load)

    run(story())


def log_flipped(data: Path) -> None:
    """One bit in the first group of the log."""
    flip(last_segment(data), 14 + 12 + 30)


def store_flipped(data: Path) -> None:
    """One bit in each of the two first pages of the store, which say where everything is."""
    for page in (0, 1):
        flip(data / "store" / "data.mdb", page * 4_096 + 16)


def store_cut(data: Path) -> None:
    """The second half of the store is gone."""
    path = data / "store" / "data.mdb"
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


DAMAGES = [log_flipped, store_flipped, store_cut]


@pytest.mark.parametrize("spoil", DAMAGES, ids=[one.__name__ for one in DAMAGES])
def test_s24_a_damaged_node_says_so_and_stays_out_while_the_others_go_on(
    network: FaultNetwork, spoil: Callable[[Path], None], tmp_path: Path
) -> None:
    """What it holds is never answered or voted on. Put back as it was, it goes on."""

    async def story() -> None:
        primary, backups = await roles(network)
        victim = backups[0]
        data = network.node(victim) / "data"
        async with under_load(network, CHAIN, primary, callers=4) as load:
            await load.count(60)
            network.kill(victim)
            shutil.copytree(data, tmp_path / "good")
            spoil(data)
            code, said = network.run(victim)
            shutil.rmtree(data)
            (tmp_path / "good").rename(data)
            assert (code, said.count("\n")) == (2, 1), said
            assert "move the node's data folder away" in said, said
            await load.count(20)
            network.start(victim)
        await network.linked()
        await network.equal_heads(CHAIN)
        await network.check_none_lost(load)

    run(story())


@pytest.mark.parametrize(("word", "why"), [("full", "the disk is full; make room"), ("failing-sync", "Input/output")])
@pytest.mark.parametrize("role", ["backup", "primary"])
def test_s25_a_node_that_cannot_write_stops_and_says_why_and_the_others_go_on(
    network: FaultNetwork, word: str, why: str, role: str
) -> None:
    async def story() -> None:
        primary, backups = await roles(network)
        victim = primary if role == "primary" else backups[0]
        others = tuple(name for name in NAMES if name != victim)
        network.kill(victim)
        network.sicken(victim, "")
        network.start_on_a_sick_disk(victim)
        await network.linked()
        if role == "primary":
            await make_primary(network, victim)
        async with under_load(network, CHAIN, *others, callers=4) as load:
            noted, said = len(network.done_by_the_disk(victim)), len(network.log(victim))
            network.sicken(victim, word)
            await asyncio.to_thread(wait_until, lambda: network.processes[victim].poll() is not None, "it goes on")
            assert network.processes.pop(victim).returncode == 2
            assert len(network.done_by_the_disk(victim)) > noted
            assert why in network.log(victim)[said:]
            await load.count(20)
            network.sicken(victim, "")
            network.start(victim)
        await network.linked()
        await network.equal_heads(CHAIN)
        await network.check_none_lost(load)

    run(story())


async def make_primary(network: FaultNetwork, wanted: str) -> None:
    """Let the others be replaced until a node is primary."""
    while (primary := await network.primary(CHAIN, wanted)) != wanted:
        others = tuple(name for name in NAMES if name != primary)
        async with under_load(network, CHAIN, *others, callers=2) as load:
            network.pause(primary)
            await load.count(10)
            network.resume(primary)
        await network.linked()
        await network.equal_heads(CHAIN)


def test_s21_a_slow_disk_slows_its_own_node_and_not_the_others(network: FaultNetwork) -> None:
    async def story() -> None:
        primary, backups = await roles(network)
        victim = backups[0]
        network.kill(victim)
        network.start_on_a_sick_disk(victim)
        await network.linked()
        view = (await network.chain(primary, CHAIN)).view
        noted = network.done_by_the_disk(victim).count("s")
        network.sicken(victim, "slow-sync")
        async with under_load(network, CHAIN, primary, callers=4) as load:
            while network.done_by_the_disk(victim).count("s") < noted + 4:
                await load.count(20)
        assert (await network.chain(primary, CHAIN)).view == view
        network.sicken(victim, "")
        await network.equal_heads(CHAIN)
        await network.check_none_lost(load)

    run(story())
