"""Where a replica stands in a set: by its key, not by its name or an old place."""

from node.consensus.head import OUTSIDE, place_of
from tests.chain.small_network import FIRST, SECOND, THIRD, key_pair
from tests.node.consensus.stage import genesis_head
from tests.node.small_chain import MEMBERSHIP, RULES


def test_a_member_is_found_by_its_key_and_a_stranger_is_outside() -> None:
    assert [place_of(SECOND.membership, key_pair(name).public_key) for name in SECOND.names] == [0, 1, 2, 3, 4]
    assert place_of(THIRD.membership, FIRST.membership.key(0)) == OUTSIDE
    assert place_of(FIRST.membership, key_pair("dalian").public_key) == OUTSIDE
    assert not FIRST.membership.has(OUTSIDE)


def test_a_genesis_head_is_certified_by_nobody() -> None:
    head = genesis_head(RULES, MEMBERSHIP)
    assert head.certificate is None
    assert head.membership == head.certified_by == MEMBERSHIP
