"""What a node makes of the sets on its chains: whom it knows from now on, and what it says of itself, once."""

from chain.membership import Membership
from contracts.membership import MembershipFrom
from node.members import Members
from node.network.directory import Directory
from tests.contracts.membership_changes import FOUR, first, rekeyed

FIVE = first(5)
OWN = 4
SENTENCE = "the key of this node is none of the present replicas': it follows and casts nothing"


def entry(height: int, membership: Membership) -> MembershipFrom:
    return MembershipFrom(from_height=height, membership=membership)


class Watched:
    """The fifth node of the network, and what it says."""

    def __init__(self, own: int = OWN) -> None:
        self.said: list[str] = []
        self.directory = Directory(FOUR, FIVE.replicas[own].name)
        self.members = Members(self.directory, FIVE.key(own), lambda _, sentence: self.said.append(sentence))

    def look(self, height: int, *entries: MembershipFrom) -> bool:
        return self.members.look("nanjing", entries, height)


def test_a_newcomer_says_that_it_follows_then_from_when_it_will_vote_then_that_it_does() -> None:
    node, start, change = Watched(), entry(0, FOUR), entry(6, FIVE)
    assert node.look(0, start)
    assert node.said == [SENTENCE]
    assert [node.look(height, start) for height in (1, 2)] == [False, False]
    assert node.look(3, start, change)
    assert node.directory.find(FIVE.replicas[OWN].tls_key_digest) == OWN
    assert not node.look(4, start, change)
    assert node.look(5, start, change)
    assert not node.look(6, start, change)
    assert node.said[1:] == [
        "this node joins the replicas at height 6",
        "this node is one of 5 replicas from height 6 on",
    ]


def test_a_node_that_is_removed_or_has_another_key_says_once_that_it_only_follows() -> None:
    for following in (first(4), rekeyed(FIVE, OWN)):
        node, start, change = Watched(), entry(0, FIVE), entry(6, following)
        node.look(0, start)
        assert node.said == []
        for height in range(3, 9):
            node.look(height, start, change)
        assert node.said == ["this node leaves the replicas at height 6", SENTENCE]


def test_every_set_that_a_chain_still_holds_tells_whose_key_it_is() -> None:
    node = Watched()
    assert node.members.known(FOUR) == [FOUR]
    node.look(9, entry(0, FOUR), entry(3, FIVE), entry(7, FOUR))
    assert node.members.known(FOUR) == [FOUR, FOUR, FIVE, FOUR]
    assert node.directory.find(FIVE.replicas[OWN].tls_key_digest) == OWN  # it has left, and may follow
