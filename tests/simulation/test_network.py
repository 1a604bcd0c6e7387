"""Links that lose, delay, double, overtake, hold back and break."""

from dataclasses import replace
from random import Random

from node.network.frames import Fetch, PeerFrame
from simulation.clock import Clock
from simulation.network import Network
from simulation.swarm import Settings

PERFECT = Settings(seed=0)


class World:
    def __init__(self, settings: Settings = PERFECT, machines: int = 3) -> None:
        self.clock = Clock()
        self.arrived: list[tuple[int, int, int]] = []
        self.changes: list[tuple[int, int, bool]] = []
        self.network = Network(
            self.clock, settings, Random(1), machines, self._deliver, lambda a, b, up: self.changes.append((a, b, up))
        )
        self.network.link(0, 1)

    def _deliver(self, sender: int, receiver: int, frame: PeerFrame) -> None:
        assert isinstance(frame, Fetch)
        self.arrived.append((sender, receiver, frame.start))

    def post(self, number: int, count: int = 1) -> None:
        for start in range(number, number + count):
            self.network.post(0, 1, Fetch(chain_id="nanjing", start=start))

    def pass_time(self) -> None:
        self.clock.run(self.clock.now_us + 10_000_000)


def test_frames_arrive_later_and_in_order() -> None:
    world = World()
    world.post(0, 50)
    assert world.arrived == []
    world.pass_time()
    assert world.arrived == [(0, 1, number) for number in range(50)]


def test_nothing_travels_without_a_link() -> None:
    world = World()
    world.network.post(0, 2, Fetch(chain_id="nanjing", start=1))
    world.pass_time()
    assert world.arrived == []


def test_a_lossy_network_loses_some_until_it_is_healed() -> None:
    world = World(replace(PERFECT, loss=0.3))
    world.post(0, 200)
    world.pass_time()
    assert 0 < world.network.lost == 200 - len(world.arrived)
    world.network.heal()
    world.arrived.clear()
    world.post(0, 200)
    world.pass_time()
    assert len(world.arrived) == 200


def test_a_doubling_network_doubles_some() -> None:
    world = World(replace(PERFECT, duplication=0.5))
    world.post(0, 100)
    world.pass_time()
    assert len(world.arrived) == 100 + world.network.doubled > 100


def test_a_reordering_network_lets_frames_overtake() -> None:
    world = World(replace(PERFECT, reordering=True))
    world.post(0, 100)
    world.pass_time()
    starts = [start for _, _, start in world.arrived]
    assert sorted(starts) == list(range(100)) != starts


def test_a_cut_that_is_noticed_breaks_the_link_and_loses_what_is_on_its_way() -> None:
    world = World()
    world.post(0)
    world.network.cut([(0, 1)], noticed=True)
    world.pass_time()
    assert (world.arrived, world.changes[-2:]) == ([], [(0, 1, False), (1, 0, False)])
    world.network.link(0, 1)
    assert world.network.linked(0) == set()
    world.network.mend([(0, 1)])
    world.network.link(0, 1)
    world.post(1)
    world.pass_time()
    assert world.arrived == [(0, 1, 1)]


def test_a_cut_that_nobody_notices_swallows_one_direction() -> None:
    world = World()
    world.network.cut([(0, 1)], noticed=False)
    world.post(0)
    world.network.post(1, 0, Fetch(chain_id="nanjing", start=7))
    world.pass_time()
    assert (world.arrived, world.network.linked(0), world.network.lost) == ([(1, 0, 7)], {1}, 1)


def test_a_clogged_link_lets_everything_go_at_once_and_in_order() -> None:
    world = World()
    world.network.clog([(0, 1)])
    world.post(0, 10)
    world.pass_time()
    assert world.arrived == []
    world.network.unclog([(0, 1)])
    world.pass_time()
    assert [start for _, _, start in world.arrived] == list(range(10))


def test_what_is_withheld_reaches_only_those_who_are_spared() -> None:
    world = World()

    def loses(receiver: int, frame: PeerFrame) -> bool:
        return receiver == 1 and isinstance(frame, Fetch) and frame.start % 2 == 0

    world.network.withhold(loses)
    world.post(0, 4)
    world.pass_time()
    assert [start for _, _, start in world.arrived] == [1, 3]
    world.network.withhold_no_more(loses)
    world.post(4)
    world.pass_time()
    assert [start for _, _, start in world.arrived] == [1, 3, 4]


def test_a_link_that_broke_and_is_new_does_not_deliver_what_was_sent_before() -> None:
    world = World()
    world.post(0)
    world.network.unlink(0, 1)
    world.network.link(0, 1)
    world.post(1)
    world.pass_time()
    assert world.arrived == [(0, 1, 1)]
