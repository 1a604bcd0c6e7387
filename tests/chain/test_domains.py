"""A prefix says purpose, network and chain, and no two of them begin the same bytes (protocol 2)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain.domains import Domain, prefix

NETWORK = bytes(range(32))
places = st.tuples(
    st.sampled_from(list(Domain)), st.binary(min_size=32, max_size=32), st.from_regex(r"[a-z]{2,32}", fullmatch=True)
)
TREE_BYTES = range(6)
"""What the nodes of our trees begin with."""


@given(places, places, st.binary(max_size=8), st.binary(max_size=8))
def test_two_places_give_two_messages_whatever_follows(
    one: tuple[Domain, bytes, str], other: tuple[Domain, bytes, str], after_one: bytes, after_other: bytes
) -> None:
    same = prefix(*one) + after_one == prefix(*other) + after_other
    assert same == (one == other and after_one == after_other)


@given(places, st.integers(0, 2))
def test_one_changed_part_gives_another_prefix(place: tuple[Domain, bytes, str], part: int) -> None:
    domain, network, chain = place
    others = (
        (Domain.BLOCK if domain != Domain.BLOCK else Domain.COMMIT, network, chain),
        (domain, bytes([network[0] ^ 1]) + network[1:], chain),
        (domain, network, chain + "a"),
    )
    assert not prefix(*others[part]).startswith(prefix(*place))
    assert not prefix(*place).startswith(prefix(*others[part]))


def test_a_prefix_is_its_parts_with_their_lengths() -> None:
    expected = b"\x0cbsn/commit/1" + NETWORK + b"\x05wuhan"
    assert prefix(Domain.COMMIT, NETWORK, "wuhan") == expected


@pytest.mark.parametrize("domain", list(Domain))
def test_no_prefix_begins_like_a_node_of_a_tree(domain: Domain) -> None:
    assert prefix(domain, NETWORK, "wuhan")[0] not in TREE_BYTES
    assert prefix(domain, NETWORK, "wuhan")[0] == len(domain.value) >= 9


def test_every_purpose_carries_a_version_and_differs() -> None:
    assert all(domain.value.startswith("bsn/") and domain.value.endswith("/1") for domain in Domain)
    assert len({domain.value for domain in Domain}) == len(Domain)


@pytest.mark.parametrize("network", [b"", bytes(31), bytes(33)])
def test_a_network_id_of_another_length_is_a_fault_of_ours(network: bytes) -> None:
    with pytest.raises(AssertionError):
        prefix(Domain.BLOCK, network, "wuhan")
