"""Whom a node knows: whoever the genesis document or a set on a chain names, by one number for ever."""

from hypothesis import given, settings
from hypothesis import strategies as st

from chain.digests import sha256
from chain.membership import Membership, Replica
from node.network.directory import Directory
from tests.node.network.small_pki import NAMES


def replica(name: str, key: int = 0) -> Replica:
    return Replica(name=name, consensus_key=sha256(name.encode()), tls_key_digest=pin(name, key))


def pin(name: str, key: int = 0) -> bytes:
    return sha256(f"{name} {key}".encode())


def members(*replicas: Replica) -> Membership:
    return Membership(replicas=replicas)


FIRST = members(*map(replica, NAMES))
SUZHOU = replica("suzhou")
FIVE = members(*FIRST.replicas, SUZHOU)


def test_the_first_replicas_have_the_numbers_of_their_places() -> None:
    directory = Directory(FIRST, "xian")
    assert (directory.names, directory.own) == (list(NAMES), 3)
    assert [directory.find(pin(name)) for name in NAMES] == [0, 1, 2, 3]
    assert directory.find(pin("suzhou")) is None


def test_a_node_that_joins_comes_after_them_at_itself_and_is_known_only_once_a_set_names_it() -> None:
    directory = Directory(FIRST, "suzhou")
    assert (directory.names[directory.own], directory.own) == ("suzhou", 4)
    assert directory.find(pin("suzhou")) is None
    directory.learn("nanjing", past=(), live=(FIRST, FIVE))
    assert directory.find(pin("suzhou")) == 4


def test_who_has_left_is_still_known_for_it_follows() -> None:
    directory = Directory(FIRST, "xian")
    directory.learn("nanjing", past=(FIRST, FIVE), live=(members(*FIVE.replicas[1:]),))
    assert (directory.find(pin("beijing")), directory.find(pin("suzhou"))) == (0, 4)
    directory.learn(
        "nanjing",
        past=(FIRST, FIVE, members(*FIVE.replicas[1:])),
        live=(members(*FIRST.replicas[1:], replica("dalian")),),
    )
    assert (directory.find(pin("suzhou")), directory.find(pin("dalian"))) == (4, 5)


def test_a_key_that_was_replaced_opens_nothing_once_no_chain_holds_to_it() -> None:
    directory = Directory(FIRST, "xian")
    renewed = members(replica("beijing", key=1), *FIRST.replicas[1:])
    directory.learn("nanjing", past=(), live=(FIRST, renewed))
    directory.learn("wuhan", past=(), live=(FIRST,))
    assert (directory.find(pin("beijing")), directory.find(pin("beijing", 1))) == (0, 0)
    directory.learn("nanjing", past=(FIRST,), live=(renewed,))
    assert directory.find(pin("beijing")) == 0  # on the other chain it is a replica yet
    directory.learn("wuhan", past=(FIRST,), live=(renewed,))
    assert (directory.find(pin("beijing")), directory.find(pin("beijing", 1))) == (None, 0)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["nanjing", "wuhan"]), st.sets(st.integers(0, 9), min_size=4))))
def test_a_number_is_never_given_to_another_name(changes: list[tuple[str, set[int]]]) -> None:
    directory, seen = Directory(FIRST, "xian"), dict(enumerate(NAMES))
    for chain_id, numbers in changes:
        directory.learn(chain_id, past=(), live=(members(*(replica(f"node-{number}") for number in sorted(numbers))),))
        now = dict(enumerate(directory.names))
        assert seen.items() <= now.items()
        assert len(set(directory.names)) == len(directory.names)
        assert all(directory.find(pin(f"node-{number}")) is not None for number in numbers)
        seen = now
