"""A set of replicas changes by its own signatures, one replica at a time, to a set that is alive (protocol 19.2)."""

import contextlib
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from chain.codec import encode
from chain.evidence import EVIDENCE_HEIGHTS
from chain.membership import REPLICAS_MIN, Membership, Replica
from chain.state import key_digest_of
from chain.transaction import NOBODY, Event
from contracts.interface import ContractReverted
from contracts.keys import memberships_key
from contracts.membership import (
    MEMBERSHIPS_MAX,
    ChangeMembership,
    MembershipFrom,
    change_bytes,
    current_memberships,
    first_memberships,
    membership_at,
)
from tests.contracts.membership_changes import FOUR, NAMES, agreed, first, joined, keys, rekeyed, replica_of, without
from tests.contracts.small_chain import SmallChain

FIVE = first(5)


@pytest.fixture
def chain() -> SmallChain:
    return SmallChain.founded()


def founded_with(membership: Membership, height: int = 1) -> SmallChain:
    """A chain whose first set is another than the genesis document's."""
    made = SmallChain.founded()
    place = made.state.find(key_digest_of(made.rules.digest, memberships_key()))
    assert place is not None
    made.nodes.write({b"v" + place: b"\0\1" + memberships_key() + first_memberships(membership)})
    made.height = height
    return made


def change(chain: SmallChain, arguments: ChangeMembership) -> tuple[Event, ...]:
    return chain.call(NOBODY, "system", "changeMembership", arguments)


def sets_of(chain: SmallChain) -> list[tuple[int, Membership]]:
    return [(entry.from_height, entry.membership) for entry in current_memberships(chain.records)]


def test_the_first_set_is_that_of_every_height(chain: SmallChain) -> None:
    assert current_memberships(chain.records) == (MembershipFrom(from_height=0, membership=FOUR),)
    assert all(membership_at(chain.records, height) == FOUR for height in (0, 1, 10**9))


CHANGES: dict[str, tuple[Membership, Membership, tuple[int, ...]]] = {
    "a fifth joins": (FOUR, FIVE, (0, 1, 2)),
    "a fifth joins, signed by all": (FOUR, FIVE, (0, 1, 2, 3)),
    "a fifth leaves and signs": (FIVE, FOUR, (0, 1, 2, 4)),
    "a fifth leaves that is not there": (FIVE, FOUR, (0, 1, 2, 3)),
    "the first leaves": (FIVE, without(FIVE, 0), (1, 2, 3, 4)),
    "one in the middle leaves": (FIVE, without(FIVE, 2), (0, 1, 3, 4)),
    "the last is re-keyed and does not sign": (FOUR, rekeyed(FOUR, 3), (0, 1, 2)),
    "the last is re-keyed and signs": (FOUR, rekeyed(FOUR, 3), (0, 1, 3)),
    "the first is re-keyed": (FOUR, rekeyed(FOUR, 0), (1, 2, 3)),
    "an eighth joins": (first(7), first(8), (0, 1, 2, 3, 4)),
    "a sixth leaves": (first(6), first(5), (0, 1, 2, 3)),
    "only the TLS key is new": (
        FOUR,
        Membership(replicas=(replace(FOUR.replicas[0], tls_key_digest=bytes(32)), *FOUR.replicas[1:])),
        (0, 1, 2),
    ),
}


@pytest.mark.parametrize(("old", "new", "signers"), CHANGES.values(), ids=CHANGES)
def test_a_change_that_a_quorum_signs_takes_effect_at_its_height(
    old: Membership, new: Membership, signers: tuple[int, ...]
) -> None:
    chain = founded_with(old, 10)
    events = change(chain, agreed(chain.rules, old, new, 12, signers=signers))
    digest = chain.rules.membership_digest
    assert events == (Event(contract="system", name="MembershipChanged", values=(digest(old), digest(new), 12)),)
    assert sets_of(chain) == [(0, old), (12, new)]
    assert [membership_at(chain.records, height) for height in (0, 11, 12, 10**6)] == [old, old, new, new]


def test_anyone_may_bring_it_and_it_costs_one_record(chain: SmallChain) -> None:
    before = chain.content()
    chain.call("alice", "system", "changeMembership", agreed(chain.rules, FOUR, FIVE, 3))
    assert set(chain.content()) == set(before)


@pytest.mark.parametrize("ahead", [2, 3, 1_000])
def test_it_takes_effect_between_two_and_a_thousand_heights_later(chain: SmallChain, ahead: int) -> None:
    chain.height = 50
    change(chain, agreed(chain.rules, FOUR, FIVE, 50 + ahead))
    assert sets_of(chain)[-1] == (50 + ahead, FIVE)


@pytest.mark.parametrize("ahead", [-50, -1, 0, 1, 1_001])
def test_it_takes_effect_neither_at_once_nor_in_a_far_future(chain: SmallChain, ahead: int) -> None:
    chain.height = 50
    with chain.refuses("effective-height-out-of-range", 50 + ahead, 52, 1_050):
        change(chain, agreed(chain.rules, FOUR, FIVE, 50 + ahead))


def test_the_next_change_waits_until_the_one_before_has_taken_effect(chain: SmallChain) -> None:
    change(chain, agreed(chain.rules, FOUR, FIVE, 20))
    for height in (2, 18, 19):
        chain.height = height
        with chain.refuses("change-pending", 20):
            change(chain, agreed(chain.rules, FIVE, FOUR, height + 2))
    chain.height = 20
    change(chain, agreed(chain.rules, FIVE, FOUR, 22))
    assert sets_of(chain) == [(0, FOUR), (20, FIVE), (22, FOUR)]


def swapped(membership: Membership) -> Membership:
    one, other, *rest = membership.replicas
    return Membership(replicas=(other, one, *rest))


def renamed(membership: Membership) -> Membership:
    return Membership(replicas=(*membership.replicas[:3], replica_of("kunming", "xian anew")))


NOT_ONE: dict[str, tuple[Membership, Membership]] = {
    "nothing changes": (FOUR, FOUR),
    "two join": (FOUR, first(6)),
    "two leave": (first(6), FOUR),
    "two change places": (FOUR, swapped(FOUR)),
    "two are re-keyed": (FOUR, rekeyed(rekeyed(FOUR, 0), 1, "kunming")),
    "a re-keyed one has another name": (FOUR, renamed(FOUR)),
    "one joins before the others": (FOUR, Membership(replicas=(replica_of("dalian"), *FOUR.replicas))),
    "one joins and one is re-keyed": (FOUR, joined(rekeyed(FOUR, 0), replica_of("dalian"))),
    "one leaves and one is re-keyed": (FIVE, rekeyed(without(FIVE, 4), 0)),
    "one leaves and the others change places": (FIVE, swapped(FOUR)),
}


@pytest.mark.parametrize(("old", "new"), NOT_ONE.values(), ids=NOT_ONE)
def test_more_or_less_than_one_replica_is_refused(old: Membership, new: Membership) -> None:
    chain = founded_with(old)
    with chain.refuses("not-one-replica", old.size, new.size):
        change(chain, agreed(chain.rules, old, new, 3))


def test_a_set_of_three_is_no_set(chain: SmallChain) -> None:
    data = encode(agreed(chain.rules, FOUR, FOUR, 3))
    of_three = data.replace(encode(FOUR), encode((FOUR.replicas[:3],)))
    assert of_three != data
    with chain.refuses("arguments-malformed"):
        chain.call(NOBODY, "system", "changeMembership", of_three)


@pytest.mark.parametrize("signers", [(), (0,), (0, 1), (2, 3)])
def test_fewer_than_a_quorum_change_nothing(chain: SmallChain, signers: tuple[int, ...]) -> None:
    with chain.refuses("change-not-signed", len(signers), 3):
        change(chain, agreed(chain.rules, FOUR, FIVE, 3, signers=signers))


@pytest.mark.parametrize("signers", [(0, 0, 1), (1, 0, 2), (0, 1, 1)])
def test_a_signer_counts_once_and_in_its_place(chain: SmallChain, signers: tuple[int, ...]) -> None:
    with chain.refuses("signers-malformed"):
        change(chain, agreed(chain.rules, FOUR, FIVE, 3, signers=signers))


def test_a_signer_that_is_no_member_or_has_no_signature_is_refused(chain: SmallChain) -> None:
    good = agreed(chain.rules, FOUR, FIVE, 3)
    for changed in ({"signers": (0, 1, 2, 4)}, {"signatures": good.signatures[:3]}, {"signers": (0, 1, 2)}):
        with chain.refuses("signers-malformed"):
            change(chain, replace(good, **changed))


def test_a_signature_of_another_or_over_another_change_is_refused(chain: SmallChain) -> None:
    good = agreed(chain.rules, FOUR, FIVE, 3)
    others = {
        "another height": agreed(chain.rules, FOUR, FIVE, 4),
        "another set": agreed(chain.rules, FOUR, joined(FOUR, replica_of("kunming")), 3),
        "another set before": agreed(chain.rules, rekeyed(FOUR, 3, "wuxi"), FIVE, 3, signers=(0, 1, 2)),
        "another chain": agreed(SmallChain.founded("zhongyi").rules, FOUR, FIVE, 3),
    }
    for other in others.values():
        with chain.refuses("change-signature-invalid", 0):
            change(chain, replace(good, signers=(0, 1, 2), signatures=other.signatures[:3]))
    turned = (*good.signatures[:2], good.signatures[3], good.signatures[2])
    with chain.refuses("change-signature-invalid", 2):
        change(chain, replace(good, signatures=turned))


def test_a_change_cannot_be_brought_again_when_the_set_is_back(chain: SmallChain) -> None:
    there = agreed(chain.rules, FOUR, FIVE, 3)
    change(chain, there)
    chain.height = 3
    change(chain, agreed(chain.rules, FIVE, FOUR, 5))
    chain.height = 5
    with chain.refuses("effective-height-out-of-range", 3, 7, 1_005):
        change(chain, there)


def test_a_retired_key_signs_nothing(chain: SmallChain) -> None:
    new = rekeyed(FOUR, 3)
    change(chain, agreed(chain.rules, FOUR, new, 3))
    chain.height = 3
    after = joined(new, replica_of("dalian"))
    message = change_bytes(chain.rules, new, after, 5)
    by_old_key = keys()[FOUR.key(3)].sign(message)
    good = agreed(chain.rules, new, after, 5)
    with chain.refuses("change-signature-invalid", 3):
        change(chain, replace(good, signatures=(*good.signatures[:3], by_old_key)))
    change(chain, good)


NO_LIVE_QUORUM: dict[str, tuple[Membership, Membership, tuple[int, ...], int, int]] = {
    "of six, one that signs leaves": (first(6), first(5), (0, 1, 2, 5), 3, 4),
    "of nine, one that signs leaves": (first(9), first(8), (0, 1, 2, 3, 4, 8), 5, 6),
}


@pytest.mark.parametrize(("old", "new", "signers", "alive", "needed"), NO_LIVE_QUORUM.values(), ids=NO_LIVE_QUORUM)
def test_those_who_sign_and_stay_must_be_a_quorum_of_the_new_set(
    old: Membership, new: Membership, signers: tuple[int, ...], alive: int, needed: int
) -> None:
    chain = founded_with(old)
    with chain.refuses("no-live-quorum", alive, needed):
        change(chain, agreed(chain.rules, old, new, 3, signers=signers))
    one_more = next(place for place in range(old.size) if place not in signers)
    change(chain, agreed(chain.rules, old, new, 3, signers=tuple(sorted((*signers, one_more)))))


def test_every_change_leaves_a_quorum_that_has_shown_itself() -> None:
    """For every size, whichever quorum signs: the change is taken exactly if those who stay are a quorum."""
    for size in range(4, 11):
        old = first(size)
        for new in (first(size + 1), *([without(old, size - 1)] if size > 4 else [])):
            chain = founded_with(old)
            signers = tuple(range(size - old.quorum, size))
            newcomer = new.size > old.size
            alive = old.quorum + (1 if newcomer else -1)
            arguments = agreed(chain.rules, old, new, 3, signers=signers)
            if alive >= new.quorum:
                change(chain, arguments)
            else:
                with chain.refuses("no-live-quorum", alive, new.quorum):
                    change(chain, arguments)


TAKEN: dict[str, dict[str, Any]] = {
    "name": {"name": "beijing"},
    "consensus key": {"consensus_key": FOUR.key(1)},
    "TLS key": {"tls_key_digest": FOUR.replicas[2].tls_key_digest},
    "a TLS key that is a consensus key": {"tls_key_digest": FOUR.key(2)},
}


@pytest.mark.parametrize("taken", TAKEN.values(), ids=TAKEN)
def test_a_newcomer_bears_nothing_that_is_another_s(chain: SmallChain, taken: dict[str, Any]) -> None:
    newcomer: Replica = replace(replica_of("dalian"), **taken)
    with chain.refuses("replica-repeats", newcomer.name):
        change(chain, agreed(chain.rules, FOUR, joined(FOUR, newcomer), 3))


def test_the_same_replica_does_not_join_twice(chain: SmallChain) -> None:
    good = agreed(chain.rules, FOUR, FIVE, 3)
    twice = joined(FOUR, FOUR.replicas[1])
    with chain.refuses("replica-repeats", "shanghai"):
        change(chain, replace(good, membership=twice))


@pytest.mark.parametrize("new", [FIVE, rekeyed(FOUR, 1)], ids=["joins", "re-keyed"])
def test_a_new_key_must_show_that_somebody_has_it(chain: SmallChain, new: Membership) -> None:
    good = agreed(chain.rules, FOUR, new, 3)
    name = next(replica.name for replica in new.replicas if replica not in FOUR.replicas)
    for possession in (None, bytes(64), good.signatures[0], agreed(chain.rules, FOUR, new, 4).possession):
        with chain.refuses("replica-key-not-proven", name):
            change(chain, replace(good, possession=possession))
    change(chain, good)


def test_a_key_that_is_no_point_of_the_curve_is_refused(chain: SmallChain) -> None:
    for key in (b"\1" + bytes(31), b"\xff" * 32):
        newcomer = replace(replica_of("dalian"), consensus_key=key)
        good = agreed(chain.rules, FOUR, FIVE, 3)
        with chain.refuses("public-key-malformed", key):
            change(chain, replace(good, membership=joined(FOUR, newcomer)))


def test_who_leaves_proves_no_key() -> None:
    chain = founded_with(FIVE)
    good = agreed(chain.rules, FIVE, FOUR, 3)
    with chain.refuses("signers-malformed"):
        change(chain, replace(good, possession=bytes(64)))
    change(chain, good)


def alternated(chain: SmallChain, times: int, step: int) -> None:
    """The fifth joins and leaves in turn, every `step` heights."""
    for number in range(times):
        old, new = (FOUR, FIVE) if number % 2 == 0 else (FIVE, FOUR)
        chain.height = 1 + number * step
        change(chain, agreed(chain.rules, old, new, chain.height + 2))


def test_the_sets_of_the_last_thousand_heights_are_never_forgotten(chain: SmallChain) -> None:
    alternated(chain, MEMBERSHIPS_MAX - 1, 4)
    entries = current_memberships(chain.records)
    assert len(entries) == MEMBERSHIPS_MAX
    replaced = entries[1].from_height
    for height in (1 + 15 * 4, replaced + EVIDENCE_HEIGHTS - 1):
        chain.height = height
        with chain.refuses("changes-too-frequent", MEMBERSHIPS_MAX, EVIDENCE_HEIGHTS):
            change(chain, agreed(chain.rules, FIVE, FOUR, height + 2))
    chain.height = replaced + EVIDENCE_HEIGHTS
    change(chain, agreed(chain.rules, FIVE, FOUR, chain.height + 2))
    now = current_memberships(chain.records)
    assert now[:-1] == entries[1:]
    assert membership_at(chain.records, replaced - 1) is None
    assert membership_at(chain.records, chain.height - EVIDENCE_HEIGHTS) == FIVE


attempts = st.lists(
    st.tuples(
        st.sampled_from(["joins", "leaves", "re-keyed"]),
        st.integers(0, 9),  # which replica, or which name
        st.integers(0, 3),  # how long after the last one, and how far ahead
        st.integers(0, 3),  # how many of the present set do not sign
    ),
    max_size=12,
)


def attempted(membership: Membership, kind: str, which: int) -> Membership | None:
    """The set that somebody would like, if there can be one."""
    place = which % membership.size
    if kind == "leaves":
        return without(membership, place) if membership.size > REPLICAS_MIN else None
    spare = [name for name in NAMES if keys_of(name) not in {replica.consensus_key for replica in membership.replicas}]
    if not spare:
        return None
    name = spare[which % len(spare)]
    return joined(membership, replica_of(name)) if kind == "joins" else rekeyed(membership, place, name)


def keys_of(name: str) -> bytes:
    return replica_of(name).consensus_key


@given(attempts)
@settings(max_examples=60, deadline=None)
def test_whatever_is_attempted_every_set_follows_from_the_one_before_by_those_who_are_alive(
    steps: list[tuple[str, int, int, int]],
) -> None:
    chain = SmallChain.founded()
    for kind, which, gap, silent in steps:
        chain.height += gap
        present = membership_at(chain.records, chain.height)
        last = current_memberships(chain.records)[-1]
        assert present is not None
        new = attempted(last.membership, kind, which)
        if new is None:
            continue
        signers = tuple(range(last.membership.size - min(silent, last.membership.size)))
        with contextlib.suppress(ContractReverted):
            change(chain, agreed(chain.rules, last.membership, new, chain.height + 1 + gap, signers=signers))
            assert last.membership == present, "the one before had taken effect"
            assert len(signers) >= present.quorum
    entries = current_memberships(chain.records)
    assert all(one.from_height < other.from_height for one, other in pairwise(entries))
    for one, other in pairwise(entries):
        shared = set(one.membership.replicas) & set(other.membership.replicas)
        assert len(shared) >= max(one.membership.size, other.membership.size) - 1
        assert len({value for r in other.membership.replicas for value in (r.name, r.consensus_key)}) == (
            2 * other.membership.size
        )
