"""Scenarios of failing primaries and changing views, by their numbers (docs/scenarios.md)."""

import pytest

from node.consensus.messages import Commit, NewView, Prepare, PrePrepare, ViewChange
from node.network.frames import Blocks, Relay
from tests.simulation.script import Count, Script, frames, says


@pytest.mark.parametrize(("replicas", "lucky"), [(4, 0), (4, 2), (7, 3), (13, 5)])
def test_s01_a_block_that_exactly_one_replica_has_committed_is_proposed_again_by_the_next_view(
    replicas: int, lucky: int
) -> None:
    """The commits of view 0 reach one replica, which is cut off; the view changes; the network heals."""
    script = Script(replicas)
    script.commit()
    script.withhold(says(Commit, view=0, but=[lucky]))
    script.ask()
    script.until(lambda: script.height(lucky) == 2)
    assert [script.height(number) for number in range(replicas)].count(2) == 1
    script.apart([lucky])
    others = [number for number in range(replicas) if number != lucky]
    script.until(lambda: all(script.height(number) >= 2 for number in others))
    assert script.cluster.network.lost >= replicas - 1
    digest, certificate = script.block(lucky, 2)
    assert certificate.view == 0
    for number in others:
        again, later = script.block(number, 2)
        assert again == digest
        assert later.view >= 1
    assert script.finish().views >= 1


def test_s03_primary_after_primary_is_killed_and_a_new_view_is_lost() -> None:
    """Seven replicas: the primaries of views 0 and 1 die one after the other, the new view of view 2 reaches nobody."""
    script = Script(7)
    script.commit()
    lost = script.withhold(says(NewView, view=2))
    script.crash(0)
    script.ask(at=1)
    script.until(lambda: all(script.view(number) >= 1 for number in range(1, 7)))
    script.crash(1)
    script.until(lambda: all(script.height(number) >= 2 for number in range(2, 7)))
    assert script.record.crashes == 2
    assert {2, 3} <= script.record.opened  # view 2 was opened, and nobody heard of it
    assert min(script.view(number) for number in range(2, 7)) >= 3
    script.let_through(lost)
    assert script.finish().views >= 3


@pytest.mark.parametrize("replicas", [4, 5, 6, 10])
def test_s03_view_changes_that_start_in_different_views_meet(replicas: int) -> None:
    """Everybody is alone for a while and long enough together in twos: their views differ, and they meet again."""
    script = Script(replicas)
    script.commit()
    late = script.withhold(says(ViewChange, but=range(0, replicas, 2)))
    script.crash(0)
    script.ask(at=1)
    script.go(8_000)
    script.let_through(late)
    assert script.cluster.network.lost > 0
    script.until(lambda: all(script.height(number) >= 2 for number in range(1, replicas)))
    assert len(script.record.changes) >= replicas - 1
    script.finish()


@pytest.mark.parametrize("liar", ["silent", "wrong-state-root", "equivocating-proposals"])
def test_s07_a_primary_that_does_not_do_its_part_is_replaced(liar: str) -> None:
    """It says nothing of consensus and goes on telling its height, or proposes what is not valid, or two blocks."""
    script = Script(liars=((0, liar),))
    script.ask(4)
    script.until(lambda: all(script.height(number) >= 1 for number in (1, 2, 3)))
    outcome = script.finish()
    assert outcome.faults[liar] > 0
    assert outcome.views >= 1 or liar == "equivocating-proposals"


def test_s07_a_primary_that_is_frozen_is_replaced_and_follows_when_it_goes_on() -> None:
    """As by SIGSTOP: its links stand, and it does nothing."""
    script = Script()
    script.commit()
    script.cluster.pause(script.machines[0])
    script.commit(3, at=[1, 2, 3])
    assert script.machines[0].backlog
    assert min(script.view(number) for number in (1, 2, 3)) == 1
    script.cluster.resume(script.machines[0])
    script.finish()
    assert script.view(0) >= 1


@pytest.mark.parametrize("replicas", [4, 5, 7])
def test_s08_one_that_spams_views_moves_nobody(replicas: int) -> None:
    """View changes for far views, and votes from far ahead, ten a second for twenty seconds."""
    script = Script(replicas, liars=((replicas - 1, "future-view-spam"),))
    for _ in range(10):
        script.commit(at=range(replicas - 1))
        script.go(2_000)
    assert script.run.lies["future-view-spam"] >= 100
    assert {script.view(number) for number in range(replicas - 1)} == {0}
    outcome = script.finish()
    assert outcome.views == 0


def test_s08_one_that_asks_for_a_view_alone_gives_nobody_a_reason() -> None:
    """It is cut off, wants view 1, and comes back."""
    script = Script()
    script.commit()
    pairs = script.apart([3], noticed=False)
    script.ask(at=3)
    script.until(lambda: (3, 1) in script.record.changes)
    script.go(10_000)
    assert script.view(3) == 1  # nobody is with it, so it asks for no later one
    script.mend(pairs)
    script.commit(2, at=[0, 1, 2])
    assert {script.view(number) for number in (0, 1, 2)} == {0}
    script.finish()


def test_s09_replicas_that_have_prepared_two_blocks_come_to_one() -> None:
    """Block A is prepared by replica 1 alone in view 0, block B by replica 3 alone in view 2: B is chosen."""
    script = Script()
    script.commit()
    script.withhold(says(Prepare, view=0, but=[1]))
    script.withhold(says(Commit, view=0))
    script.ask(at=0)
    prepared = lambda number: script.host(number).replica.prepared  # noqa: E731 - it reads as a name
    script.until(lambda: prepared(1) is not None)
    first = prepared(1).block
    alone = script.apart([1], noticed=False)
    script.withhold(says(Prepare, view=2, but=[3]))
    script.withhold(says(Commit, view=2))
    script.until(lambda: prepared(3) is not None and prepared(3).view == 2)
    second = prepared(3).block
    assert first != second
    assert [prepared(number) is None for number in (0, 2)] == [True, True]
    script.mend(alone)
    script.finish()
    assert {script.block(number, 2)[0] for number in range(4)} == {second}


def test_s09_votes_that_overtake_their_proposal_are_heard_after_it() -> None:
    """What the primary sends to replica 3 is held back until the others have voted."""
    script = Script()
    script.cluster.network.clog([(0, 3)])
    script.ask(at=1)
    script.until(lambda: all(script.height(number) == 1 for number in (0, 1, 2)))
    assert script.height(3) == 0
    assert script.host(3).replica._flight.commits
    script.cluster.network.unclog([(0, 3)])
    script.until(lambda: script.height(3) == 1, ms=100)
    fetched = Count(frames(Blocks))
    script.withhold(fetched)
    script.finish()
    assert fetched.seen == 0


def test_s20_a_primary_that_leaves_out_one_caller_is_replaced() -> None:
    """It makes blocks of everybody else's requests without end."""
    script = Script(liars=((0, "censoring"),), requests=8, blocks_min=20)
    script.run.clients.begin()
    script.go(5_000)
    outcome = script.finish()
    assert outcome.faults["censoring"] > 0
    assert outcome.views >= 1
    assert not script.run.clients.unanswered


def test_s20_a_request_that_reaches_only_one_backup_is_committed() -> None:
    """Nobody else hears of it at first."""
    script = Script()
    lost = script.withhold(frames(Relay))
    script.ask(at=2)
    script.go(100)
    assert [len(script.host(number).pool) for number in range(4)] == [0, 0, 1, 0]
    assert script.cluster.network.lost >= 3
    script.let_through(lost)
    script.until(lambda: all(script.height(number) == 1 for number in range(4)))
    script.finish()


@pytest.mark.parametrize("replicas", [4, 6])
def test_s23_an_idle_chain_does_nothing_and_a_burst_after_it_is_committed(replicas: int) -> None:
    """Ten minutes of nothing before the first block, an hour after it, then forty requests at once."""
    script = Script(replicas)
    script.go(600_000)
    assert script.record.cast_kinds == {}
    script.commit()
    script.go(1_000)
    said = dict(script.record.cast_kinds)
    script.go(3_600_000)
    assert script.record.cast_kinds == said
    script.ask(40)
    script.until(lambda: not script.run.clients.unanswered, ms=5_000)
    assert script.finish().views == 0


def test_s39_f_and_one_down_wait_and_say_why_and_go_on() -> None:
    """Two of four are killed: nothing is committed, nobody changes views without end, and the status says why."""
    script = Script()
    script.commit()
    script.crash(2, 3)
    script.ask(at=0)
    script.go(60_000)
    assert script.record.crashes == 2
    assert [script.height(number) for number in (0, 1)] == [1, 1]
    assert {script.host(number).outlook.waits_for() for number in (0, 1)} == {"no-quorum"}
    assert max(script.view(number) for number in (0, 1)) <= 1
    script.start(2)
    script.until(lambda: all(script.height(number) == 2 for number in (0, 1, 2)))
    assert {script.host(number).outlook.waits_for() for number in (0, 1, 2)} == {""}
    script.finish()
    assert PrePrepare.__name__ in script.record.cast_kinds


def test_s39_f_and_one_that_fork_the_chain_are_all_found_out() -> None:
    """Two of four are twins, one of each on either side of a partition: two blocks of one height, and who made them."""
    script = Script(liars=((0, "twin"), (1, "twin")))
    for checker in script.run.checkers:
        script.cluster.watch._observers.remove(checker)  # nothing holds any more, and that is the point
    apart = script.apart([0, 1, 2], [3, 4, 5])
    script.ask(at=2)
    script.ask(at=3)
    script.until(lambda: script.height(2) == script.height(3) == 1)
    assert script.block(2, 1)[0] != script.block(3, 1)[0]
    script.mend(apart)
    script.go(20_000)
    accused = {place for place in range(4) if script.noted(f"replica {place} has signed what no correct replica signs")}
    assert accused == {0, 1}
    assert script.block(2, 1)[0] != script.block(3, 1)[0]
