"""A certificate moves between every two chains, whatever their digests, curves and replica sets are."""

from itertools import pairwise

import pytest

from contracts.certificate import Origin, Recorded
from contracts.transfers import State
from tests.contracts.small_chain import token
from tests.interop.world import DIPLOMA, TEN, live_in, world_to_move

PAIRS = [(source, target) for source in TEN for target in TEN if source != target]


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_a_certificate_moves_to_the_holders_account_on_the_other_chain(source: str, target: str) -> None:
    world = world_to_move(source, target)
    before = world.certificate(source)
    transfer = world.move(source, target)
    assert transfer.state == State.DONE
    assert world.certificate(source).recorded == Recorded.MOVED
    moved = world.certificate(target)
    assert moved.holder == world[target].address("alice")
    assert moved.origin == Origin(chain_id=source, class_id=DIPLOMA, token=token(1))
    assert (moved.issuer_did, moved.content_root, moved.holder_did) == (
        before.issuer_did, before.content_root, before.holder_did,
    )  # fmt: skip
    assert live_in(world) == [target]


def test_it_goes_back_and_forth_as_often_as_its_holder_likes() -> None:
    world = world_to_move("wenchang", "zunyi", "yanan")
    for source, target in (("zunyi", "wenchang"), ("zunyi", "yanan"), ("yanan", "wenchang")):
        world.let_move(source, target)
    way = ["wenchang", "zunyi", "wenchang", "zunyi", "yanan", "wenchang", "zunyi"]
    for source, target in pairwise(way):
        assert world.move(source, target).state == State.DONE, (source, target)
        assert live_in(world) == [target]
    assert world.certificate("wenchang").origin is None
    assert world.certificate("zunyi").origin == Origin(chain_id="wenchang", class_id=DIPLOMA, token=token(1))
