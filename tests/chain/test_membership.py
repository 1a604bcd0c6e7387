"""Quorum arithmetic for every size a membership may have, and what a membership digest binds (protocol 5)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chain.codec import CodecMalformed, decode, encode
from chain.digests import sha256
from chain.domains import Domain, prefix
from chain.ids import View
from chain.membership import REPLICAS_MAX, REPLICAS_MIN, Membership, Replica, membership_digest
from tests.chain.small_network import FIRST, NETWORK, membership_of

sizes = pytest.mark.parametrize("size", range(REPLICAS_MIN, REPLICAS_MAX + 1))


def membership_of_size(size: int) -> Membership:
    """A set of `size` whose keys are only digests: nobody signs here."""
    return Membership(
        replicas=tuple(
            Replica(name=f"r{place}", consensus_key=sha256(b"%d" % place), tls_key_digest=sha256(b"tls %d" % place))
            for place in range(size)
        )
    )


@sizes
def test_any_two_quorums_share_a_correct_replica(size: int) -> None:
    members = membership_of_size(size)
    assert 2 * members.quorum - size > members.faulty_max


@sizes
def test_the_correct_replicas_alone_are_a_quorum(size: int) -> None:
    members = membership_of_size(size)
    assert members.quorum <= size - members.faulty_max


@sizes
def test_no_smaller_count_would_do(size: int) -> None:
    members = membership_of_size(size)
    assert 2 * (members.quorum - 1) - size <= members.faulty_max


@sizes
def test_as_many_replicas_as_possible_may_be_faulty(size: int) -> None:
    members = membership_of_size(size)
    assert 3 * members.faulty_max + 1 <= size < 3 * (members.faulty_max + 1) + 1


@sizes
def test_a_weak_quorum_has_one_correct_replica_and_no_more_than_needed(size: int) -> None:
    members = membership_of_size(size)
    assert members.weak_quorum == members.faulty_max + 1


def test_the_textbook_sizes() -> None:
    table = {4: (1, 3), 5: (1, 4), 6: (1, 4), 7: (2, 5), 10: (3, 7), 13: (4, 9), 64: (21, 43)}
    for size, (faulty, quorum) in table.items():
        members = membership_of_size(size)
        assert (members.faulty_max, members.quorum) == (faulty, quorum)


def test_of_five_replicas_three_are_no_quorum() -> None:
    members = membership_of_size(5)
    assert members.quorum == 4
    assert members.faulty_max >= 2 * 3 - 5, "two sets of 2f + 1 may share the faulty replica alone"


@sizes
def test_every_replica_is_primary_in_turn(size: int) -> None:
    members = membership_of_size(size)
    for offset in (0, 1, size - 1, size, 63):
        turn = [members.primary(View(view), offset) for view in range(size)]
        assert sorted(turn) == list(range(size))
        assert turn[0] == offset % size
        assert members.primary(View(size), offset) == turn[0]


def test_only_places_inside_the_set_are_members() -> None:
    members = membership_of_size(4)
    assert [members.has(place) for place in (-1, 0, 3, 4, 63)] == [False, True, True, False, False]
    assert [members.key(place) for place in range(4)] == [replica.consensus_key for replica in members.replicas]


@pytest.mark.parametrize("size", [0, 1, 3, 65, 100])
def test_a_set_too_small_or_too_large_is_refused(size: int) -> None:
    with pytest.raises(CodecMalformed):
        decode(encode(membership_of_size(size)), Membership)


@pytest.mark.parametrize("size", [4, 64])
def test_a_set_at_the_limits_is_read(size: int) -> None:
    assert decode(encode(membership_of_size(size)), Membership).size == size


@pytest.mark.parametrize("name", ["", "Beijing", "1st", "-a", "a_b", "北京", "a" * 33, "a\n"])
def test_a_name_out_of_form_is_refused(name: str) -> None:
    members = membership_of_size(4)
    wrong = replace(members, replicas=(replace(members.replicas[0], name=name), *members.replicas[1:]))
    with pytest.raises(CodecMalformed):
        decode(encode(wrong), Membership)


def test_the_digest_is_of_purpose_network_chain_and_set() -> None:
    members = FIRST.membership
    expected = sha256(prefix(Domain.MEMBERSHIP, NETWORK, "wuhan") + encode(members))
    assert membership_digest(sha256, NETWORK, "wuhan", members) == expected


@given(st.sampled_from(["network", "chain", "order", "name", "consensus_key", "tls_key_digest"]))
def test_the_digest_binds_every_part(part: str) -> None:
    members = FIRST.membership
    first = members.replicas[0]
    others = {
        "network": (bytes(32), "wuhan", members),
        "chain": (NETWORK, "taian", members),
        "order": (NETWORK, "wuhan", membership_of(FIRST.names[::-1])),
    } | {
        field: (NETWORK, "wuhan", replace(members, replicas=(replace(first, **{field: value}), *members.replicas[1:])))
        for field, value in (("name", "other"), ("consensus_key", bytes(32)), ("tls_key_digest", bytes(32)))
    }
    assert membership_digest(sha256, *others[part]) != membership_digest(sha256, NETWORK, "wuhan", members)
