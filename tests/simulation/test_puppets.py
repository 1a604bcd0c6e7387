"""Puppets: a copy stands where the original does, and what happens to one does not happen to the other."""

from node.consensus.effects import MessageReceived
from node.consensus.messages import Prepare
from simulation.puppets import Instance, Stage, block_of
from simulation.twin_scenarios import COMMIT_WAYS, TOGETHER, WAYS, Distinct, Play

STAGE = Stage(3, 4)


def test_the_twin_has_the_key_of_its_place_and_is_the_last_one() -> None:
    instances = STAGE.begin()
    assert [instance.place for instance in instances] == [0, 1, 2, 3, 3]
    assert len({instance.replica.replica_id for instance in instances}) == 4


def test_a_copy_and_its_original_go_on_apart() -> None:
    first: Instance = STAGE.begin()[0]
    second = first.copy()
    assert second.replica.lasting == first.replica.lasting
    assert second.replica.passing == first.replica.passing
    block = block_of(first.replica.head, 0, 0, 0)
    vote = STAGE.sign(1, Prepare(view=0, height=1, block=STAGE.rules.block_digest(block.header)))
    second.replica.step(MessageReceived(vote))
    assert second.replica.passing != first.replica.passing
    assert first.replica._flight.prepares == {}
    second.replica.give_up(1)
    assert (first.replica.view, second.replica.view) == (0, 1)


def test_an_instance_makes_the_same_block_in_the_same_view_on_the_same_head() -> None:
    head = STAGE.begin()[0].replica.head
    assert block_of(head, 2, 1, 1) == block_of(head, 2, 1, 1)
    assert len({STAGE.rules.block_digest(block_of(head, 2, 3, number).header) for number in (3, 4)}) == 2


def test_a_whole_network_commits_in_every_half_and_nothing_is_told_twice() -> None:
    play = Play(STAGE, STAGE.begin()).first_half(0, TOGETHER).second_half(TOGETHER)
    assert [len(instance.blocks) for instance in play.honest] == [1, 1, 1]
    alone = Play(STAGE, STAGE.begin()).first_half(0, TOGETHER).second_half(WAYS)
    assert [len(instance.blocks) for instance in alone.honest] == [1, 0, 0]
    assert COMMIT_WAYS == WAYS + 3


def test_a_situation_passes_once() -> None:
    distinct = Distinct()
    half = Play(STAGE, STAGE.begin()).first_half(0, TOGETHER)
    again = Play(STAGE, STAGE.begin()).first_half(0, TOGETHER)
    assert list(distinct.new([half, again])) == [half]
