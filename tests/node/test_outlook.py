"""Why a write would wait: what a node says of the others, in the order in which it matters."""

import pytest

from node.consensus.effects import Censored, MayNotSign
from node.consensus.head import OUTSIDE
from node.outlook import Outlook
from tests.chain.small_network import FIRST
from tests.node.consensus.stage import Stage

NODES = ("xian", "guangzhou", "shanghai", "beijing")
"""Their numbers are not their places: beijing has place 0 and number 3."""


def outlook(*connected: int, replica_id: int = 2, nodes: tuple[str, ...] = NODES) -> Outlook:
    """What the replica of guangzhou sees, which is node 1."""
    return Outlook(Stage(replica_id=replica_id).replica, nodes, lambda: frozenset(connected))


def test_places_and_numbers_are_told_apart() -> None:
    assert [outlook().node_of(place) for place in range(4)] == [3, 2, 1, 0]
    assert [outlook().place_of(node) for node in range(4)] == [3, 2, 1, 0]


def test_a_node_that_is_no_member_has_no_place_and_an_unknown_member_no_number() -> None:
    assert outlook(nodes=(*NODES, "dalian")).place_of(4) == OUTSIDE
    assert outlook(nodes=NODES[:3]).node_of(0) == OUTSIDE
    assert not outlook(OUTSIDE, nodes=NODES).is_connected(0)


def test_nothing_stands_in_the_way_of_a_write_when_all_are_there() -> None:
    assert (outlook(0, 2, 3).refuses(), outlook(0, 2, 3).waits_for()) == ("", "")


def test_itself_and_two_others_are_a_quorum_and_itself_and_one_are_none() -> None:
    assert outlook(2, 3).waits_for() == ""
    assert (outlook(3).refuses(), outlook(3).waits_for()) == ("no-quorum", "no-quorum")


def test_a_node_outside_the_set_makes_no_quorum() -> None:
    assert outlook(3, 4, 5, nodes=(*NODES, "dalian", "wuxi")).refuses() == "no-quorum"


@pytest.mark.parametrize("silent", [(0,), (2,), (3,)])
def test_one_silent_node_of_four_can_be_spared_and_two_cannot(silent: tuple[int, ...]) -> None:
    seen = outlook(0, 2, 3)
    for node in silent:
        seen.heard(node, signs=False)
    assert seen.refuses() == ""
    seen.replica.step(MayNotSign())
    assert (seen.refuses(), seen.waits_for()) == ("votes-forgotten", "votes-forgotten")
    for node in silent:
        seen.heard(node, signs=True)
    assert seen.refuses() == ""


def test_a_primary_that_cannot_be_reached_and_a_change_of_view_are_reasons_to_wait_and_not_to_refuse() -> None:
    seen = outlook(0, 2)
    assert (seen.refuses(), seen.waits_for(), seen.reaches_primary()) == ("", "primary-unreachable", False)
    seen.replica.step(Censored())
    assert (seen.refuses(), seen.waits_for()) == ("", "view-change")
    assert seen.reaches_primary(), "shanghai is the primary of view 1"


def test_a_primary_reaches_itself() -> None:
    assert outlook(replica_id=0).reaches_primary()
    assert FIRST.names[0] == "beijing"


def test_who_signs_is_what_each_says() -> None:
    seen = outlook(0, 2, 3)
    seen.heard(3, signs=False)
    assert [seen.signs(place) for place in range(4)] == [False, True, True, True]
