"""A relayer brings everything to its end, whatever it hears first, and finds nothing to do where others were before."""

import pytest

from chain.ids import ZERO_DIGEST
from contracts.certificate import Recorded
from contracts.life import ChangeStatus
from contracts.transfers import State
from relayer.calls import NOTHING_LEFT
from relayer.duties import Deliver, Follow, Refresh, Settle, TellFate
from tests.contracts.small_chain import codes_of, token
from tests.interop.relaying import WorldRelayer, relayer_of
from tests.interop.world import DIPLOMA, LICENCE, World, world_to_move, world_to_require


def change(world: World, chain: str, method: str, sender: str = "operator") -> None:
    """Freeze, unfreeze or revoke the diploma."""
    arguments = ChangeStatus(class_id=DIPLOMA, token=token(1), holder=None, reason="by-request")
    world.call(chain, sender, "ddc721", method, arguments)


def sent_move(world: World, ms: int = 60_000) -> bytes:
    """A move that is confirmed; its id."""
    transfer = world.open_move("wenchang", "zunyi", ms=ms)
    world.confirm("wenchang", transfer)
    return transfer.cross_id


def test_it_delivers_a_packet_and_brings_back_what_became_of_it() -> None:
    world = world_to_move()
    cross_id = sent_move(world)
    relayer = relayer_of(world)
    relayer.work_until_idle()
    assert world.transfer("wenchang", cross_id).state == State.DONE
    assert world.certificate("zunyi").recorded == Recorded.ACTIVE
    assert len(relayer.duties) == 0
    assert [call[:3] for call in relayer.chains.sent] == [
        ("zunyi", "crosschain", "receive"), ("wenchang", "crosschain", "acknowledge"),
    ]  # fmt: skip


def test_a_second_relayer_finds_nothing_to_do() -> None:
    world = world_to_move()
    sent_move(world)
    relayer_of(world).work_until_idle()
    told = len(world.told)
    second = relayer_of(world, "second")
    second.work_until_idle()
    assert second.chains.sent == []
    assert len(world.told) == told


def test_two_that_race_do_it_once() -> None:
    world = world_to_move()
    cross_id = sent_move(world)
    one, other = relayer_of(world), relayer_of(world, "second")
    one.listen()
    other.listen()
    assert one.work() == other.work() == 1  # both found it to be done
    assert [len(relayer.chains.sent) for relayer in (one, other)] == [1, 0]
    one.work_until_idle()
    other.work_until_idle()
    assert world.transfer("wenchang", cross_id).state == State.DONE


def test_packets_are_delivered_in_their_order_whatever_is_looked_at_first() -> None:
    world = world_to_move()
    world.mint("wenchang", 2)
    for number in (1, 2):
        world.confirm("wenchang", world.open_move("wenchang", "zunyi", number))
    relayer = relayer_of(world)
    relayer.listen()
    later = Deliver("wenchang", "zunyi", 1)
    relayer.do(later)
    assert relayer.chains.sent == []
    world.rest(1_000)
    relayer.work_until_idle()
    world.rest(1_000)
    relayer.work_until_idle()
    assert [one.recorded for one in (world.certificate("wenchang", 1), world.certificate("wenchang", 2))] == [4, 4]


def test_what_a_chain_that_is_down_does_not_receive_in_time_comes_back_and_arrives_expired() -> None:
    world = world_to_move()
    cross_id = sent_move(world, ms=5_000)
    relayer = relayer_of(world)
    relayer.chains.down.add("zunyi")
    relayer.work_until_idle()
    assert world.transfer("wenchang", cross_id).state == State.SENT
    world.rest(10_000)
    relayer.work_until_idle()
    assert world.transfer("wenchang", cross_id).state == State.SENT, "no header of the other chain is late enough"
    relayer.chains.down.clear()
    world.touch("zunyi")
    relayer.chains.down.add("zunyi")
    world.rest(60_000)
    relayer.work_until_idle()
    assert world.transfer("wenchang", cross_id).state == State.TIMED_OUT
    assert not world.certificate("wenchang").locked
    relayer.chains.down.clear()
    world.rest(60_000)
    relayer.work_until_idle()
    assert world.find("zunyi") is None
    assert len(relayer.duties) == 0


def test_what_is_frozen_on_the_way_is_told() -> None:
    world = world_to_move()
    sent_move(world)
    change(world, "wenchang", "freeze")
    relayer_of(world).work_until_idle()
    assert world.certificate("zunyi").frozen
    assert world.certificate("wenchang").recorded == Recorded.MOVED


def test_mirrors_follow() -> None:
    world = world_to_move()
    world.attest("wenchang", "zunyi")
    relayer = relayer_of(world)
    relayer.work_until_idle()
    assert relayer.chains.sent == []
    change(world, "wenchang", "revoke", "platform")
    relayer.work_until_idle()
    assert world.mirror("wenchang", "zunyi").certificate.recorded == Recorded.REVOKED
    assert [call[:3] for call in relayer.chains.sent] == [("zunyi", "mirrors", "refresh")]


def test_licences_follow() -> None:
    world = world_to_require()
    world.license("wenchang", "zunyi")
    relayer = relayer_of(world)
    relayer.work_until_idle()
    assert relayer.chains.sent == []
    for method, suspended in (("freeze", True), ("unfreeze", False)):
        change(world, "wenchang", method)
        relayer.work_until_idle()
        assert world.certificate("zunyi", 7, LICENCE).suspended == suspended


def test_a_licence_that_follows_nothing_is_left_alone() -> None:
    world = world_to_require(follow=False)
    world.license("wenchang", "zunyi")
    change(world, "wenchang", "revoke", "platform")
    relayer = relayer_of(world)
    relayer.work_until_idle()
    assert relayer.chains.sent == []


@pytest.mark.parametrize(
    "duty",
    [
        Deliver("wenchang", "zunyi", 0),
        Settle("wenchang", "zunyi", 0),
        TellFate("wenchang", ZERO_DIGEST),
        Refresh(("wenchang", DIPLOMA, token(1)), "zunyi"),
        Follow(("wenchang", DIPLOMA, token(1)), "zunyi", LICENCE, token(7)),
    ],
)
def test_a_duty_about_nothing_changes_nothing(duty) -> None:
    world = world_to_move()
    relayer = WorldRelayer(world, relayer_of(world).chains)
    relayer.duties._add(duty)
    relayer.do(duty)
    assert relayer.chains.sent == []


def test_answers_that_end_a_duty_are_codes_of_the_calls() -> None:
    known = {
        code
        for contract, method in (
            ("crosschain", "receive"), ("crosschain", "acknowledge"), ("crosschain", "tellFate"), ("mirrors", "refresh"),
            ("crosschain", "followRequirement"),
        )
        for code in codes_of(contract, method)
    }  # fmt: skip
    assert NOTHING_LEFT - {""} <= known
