"""What a new view is bound to: a pure function of a quorum of view changes, each proven in everything it shows."""

from dataclasses import dataclass
from itertools import combinations, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from chain.digests import sha256
from chain.light_client import CertifiedHeader
from chain.quorum import QuorumCertificate
from node.consensus.messages import NewView, PreparedCertificate, SignedViewChange, ViewChange
from node.consensus.new_view import Judge, Selection, select
from tests.chain.small_network import FIRST, SECOND, THIRD, Signers, header_of
from tests.node.consensus.crowd import SIZES, crowd
from tests.node.consensus.stage import Stage, shown
from tests.node.small_chain import MEMBERSHIP, OTHER_CHAIN, RULES, rules_of

NOT_LOOKED_AT = QuorumCertificate(view=0, signers=(), signatures=())


def block(letter: str) -> bytes:
    """The digest of some block."""
    return sha256(letter.encode())


def head(height: int) -> CertifiedHeader | None:
    """A head whose proof nobody looks at."""
    if height == 0:
        return None
    return CertifiedHeader(header=header_of(RULES, height, MEMBERSHIP), certificate=NOT_LOOKED_AT)


def claim(view: int, height: int, letter: str = "", prepared_in: int = 0) -> ViewChange:
    """Its sender goes on with `height`, where `letter` is prepared in a view, or nothing is."""
    prepared = None
    if letter:
        prepared = PreparedCertificate(
            view=prepared_in, height=height, block=block(letter), pre_prepare=bytes(64), signers=(), prepares=()
        )
    return ViewChange(view=view, committed=head(height - 1), prepared=prepared)


def test_where_nothing_is_prepared_the_primary_is_free() -> None:
    assert select([claim(1, 1), claim(1, 1), claim(1, 1)]) == Selection(1, None)


def test_what_is_prepared_in_the_highest_view_is_proposed_again() -> None:
    changes = [claim(5, 1, "A", 0), claim(5, 1, "B", 3), claim(5, 1), claim(5, 1, "C", 2)]
    for order in permutations(changes):
        assert select(order) == Selection(1, changes[1].prepared)


def test_only_what_is_prepared_after_the_highest_head_counts() -> None:
    changes = [claim(5, 3, "A", 4), claim(5, 4), claim(5, 4, "B", 1)]
    for order in permutations(changes):
        assert select(order) == Selection(4, changes[2].prepared)
    assert select([claim(5, 3, "A", 4), claim(5, 4)]) == Selection(4, None)


def test_two_blocks_prepared_in_one_view_are_told_apart_by_their_digests() -> None:
    """At most f faulty replicas cannot make two: with more of them the replicas still choose alike."""
    changes = [claim(2, 1, letter, 1) for letter in "ABC"]
    highest = max(changes, key=lambda change: change.prepared.block)
    for order in permutations(changes):
        assert select(order) == Selection(1, highest.prepared)


claims = st.one_of(
    st.builds(claim, st.just(9), st.integers(1, 4)),
    st.builds(claim, st.just(9), st.integers(1, 4), st.sampled_from("ABC"), st.integers(0, 8)),
)


@settings(deadline=None)
@given(changes=st.lists(claims, min_size=1, max_size=6), data=st.data())
def test_the_selection_is_total_and_does_not_depend_on_the_order(
    changes: list[ViewChange], data: st.DataObject
) -> None:
    selection = select(changes)
    assert select(data.draw(st.permutations(changes))) == selection
    assert select(iter(changes)) == selection
    assert selection.height == max(change.height for change in changes)
    there = [change.prepared for change in changes if change.height == selection.height and change.prepared]
    assert (selection.prepared is None) == (not there)
    if selection.prepared is not None:
        assert selection.prepared in there
        assert all(other.view <= selection.prepared.view for other in there)


@dataclass(frozen=True)
class History:
    """B may have been committed at height 2 in a view; what every replica can show of that later."""

    size: int
    quorum: int
    changes: tuple[ViewChange, ...]


@st.composite
def histories(draw: st.DrawFn) -> History:
    """A quorum cast commits for B in view w; honest ones keep the proof, up to f say what can be proven of others.

    What can be proven: before w any block may be prepared, from w on only B. After B anything may be.
    """
    membership = crowd(draw(st.sampled_from(SIZES))).membership
    places = range(membership.size)
    w = draw(st.integers(0, 3))
    view = draw(st.integers(w + 1, w + 4))
    since = st.builds(claim, st.just(view), st.just(2), st.just("B"), st.integers(w, view - 1))
    moved_on = st.builds(claim, st.just(view), st.just(3), st.sampled_from(["", "C", "D"]), st.integers(0, view - 1))
    before = st.builds(claim, st.just(view), st.just(2), st.sampled_from("AC"), st.integers(0, w - 1)) if w else since
    behind = st.builds(claim, st.just(view), st.sampled_from([1, 2]))
    committers = set(draw(st.permutations(places))[: membership.quorum])
    faulty = set(draw(st.permutations(places))[: membership.faulty_max])
    honest, anything = st.one_of(since, moved_on), st.one_of(behind, before, since, moved_on)
    return History(
        size=membership.size,
        quorum=membership.quorum,
        changes=tuple(draw(honest if place in committers - faulty else anything) for place in places),
    )


@settings(deadline=None, max_examples=120)
@given(history=histories(), data=st.data())
def test_no_quorum_of_view_changes_loses_what_could_have_been_committed(history: History, data: st.DataObject) -> None:
    places = data.draw(st.permutations(range(history.size)))[: history.quorum]
    selection = select(history.changes[place] for place in places)
    assert selection.height >= 2
    if selection.height == 2:
        assert selection.prepared is not None
        assert selection.prepared.block == block("B")


# ---- what a view change shows must be proven ----

ON_A = Stage(replica_id=1)
"""Its head is A; B and C are blocks of height 2."""
ON_A.sync("A")
for _letter in "BC":
    ON_A.block(_letter)
ON_A.block("D", height=3)


def judge(signers: Signers = FIRST, previous: Signers | None = None) -> Judge:
    """The judge of a replica whose set is that of `signers`."""
    return Judge(
        rules=RULES,
        membership=signers.membership,
        previous=None if previous is None else previous.membership,
        offset=0,
    )


def test_a_view_change_of_a_chain_without_blocks_shows_nothing_and_is_allowed() -> None:
    assert judge().allows(ViewChange(view=1, committed=None, prepared=None))


def test_a_view_change_may_show_a_certified_head_and_what_is_prepared_after_it() -> None:
    for shows in (None, ON_A.prepared("B"), ON_A.prepared("B", view=2), ON_A.prepared("C", signers=(1, 3))):
        assert judge().allows(ON_A.view_change(3, shows=shows))


def test_a_head_may_be_higher_than_the_judge_s_own() -> None:
    far = FIRST.certify(RULES, header_of(RULES, 70, MEMBERSHIP))
    assert judge().allows(ViewChange(view=3, committed=far, prepared=None))


HEADER = ON_A.block("A").header
SIGNED = ON_A.certified("A").certificate
FORGED_HEADS = {
    "the certificate of another block": FIRST.certify(RULES, ON_A.block("B").header).certificate,
    "of another view": replace(SIGNED, view=1),
    "a signer twice": replace(SIGNED, signers=(0, 1, 1), signatures=(*SIGNED.signatures[:2], SIGNED.signatures[1])),
    "signers exchanged": replace(SIGNED, signers=(0, 1, 3)),
    "one too few": replace(SIGNED, signers=(0, 1), signatures=SIGNED.signatures[:2]),
    "one too many": FIRST.certify(RULES, HEADER, signers=(0, 1, 2, 3)).certificate,
    "a stranger": replace(SIGNED, signers=(0, 1, 9)),
    "a signature missing": replace(SIGNED, signatures=SIGNED.signatures[:2]),
    "of another set": THIRD.certify(RULES, HEADER).certificate,
    "of another chain": FIRST.certify(rules_of(chain_id=OTHER_CHAIN), HEADER).certificate,
    "of another network": FIRST.certify(type(RULES).of(bytes(32), RULES.profile), HEADER).certificate,
    "of nobody": NOT_LOOKED_AT,
}


@pytest.mark.parametrize("certificate", list(FORGED_HEADS.values()), ids=list(FORGED_HEADS))
def test_a_view_change_with_a_forged_head_is_not_allowed(certificate: QuorumCertificate) -> None:
    forged = CertifiedHeader(header=HEADER, certificate=certificate)
    assert not judge().allows(ViewChange(view=1, committed=forged, prepared=None))


OTHER_HEADERS = {
    "another network": replace(HEADER, network_id=bytes(32)),
    "another chain": replace(HEADER, chain_id=OTHER_CHAIN),
    "another set": replace(HEADER, membership=bytes(32)),
    "a later view than its certificate": replace(HEADER, view=1),
}


@pytest.mark.parametrize("header", list(OTHER_HEADERS.values()), ids=list(OTHER_HEADERS))
def test_a_head_that_is_certified_but_not_of_this_chain_and_set_is_not_allowed(header: object) -> None:
    certified = FIRST.certify(RULES, header, view=0)
    assert not judge().allows(ViewChange(view=1, committed=certified, prepared=None))


PREPARED = ON_A.prepared("B")
FORGED_PROOFS = {
    "a good one of the height of the head": ON_A.prepared("A"),
    "a good one of a later height": ON_A.prepared("D"),
    "for another height": replace(PREPARED, height=3),
    "for the height of the head": replace(PREPARED, height=1),
    "in another view": replace(PREPARED, view=2),
    "of another block": replace(PREPARED, block=ON_A.digest("C")),
    "a backup too few": ON_A.prepared("B", signers=(1,)),
    "a backup too many": ON_A.prepared("B", signers=(1, 2, 3)),
    "a backup twice": replace(PREPARED, signers=(1, 1), prepares=PREPARED.prepares[:1] * 2),
    "backups exchanged": replace(PREPARED, signers=(1, 3)),
    "the primary among the backups": ON_A.prepared("B", signers=(0, 1)),
    "a stranger": replace(PREPARED, signers=(1, 9)),
    "without its pre-prepare": replace(PREPARED, pre_prepare=bytes(64)),
    "with another's pre-prepare": replace(PREPARED, pre_prepare=PREPARED.prepares[0]),
}


@pytest.mark.parametrize("prepared", list(FORGED_PROOFS.values()), ids=list(FORGED_PROOFS))
def test_a_view_change_with_a_forged_proof_of_preparation_is_not_allowed(prepared: PreparedCertificate) -> None:
    assert not judge().allows(ON_A.view_change(3, shows=prepared))


def test_nothing_can_be_prepared_in_the_view_that_is_wanted_or_a_later_one() -> None:
    for view in (0, 1, 2):
        shows = ON_A.prepared("B", view=view)
        assert judge().allows(ON_A.view_change(view + 1, shows=shows))
        assert not judge().allows(ON_A.view_change(view, shows=shows))


def test_the_primary_of_a_proof_follows_the_offset_of_the_chain() -> None:
    stage = Stage(replica_id=1, offset=2)
    stage.sync("A")
    stage.block("B")
    change = stage.view_change(3, shows=stage.prepared("B"))
    assert Judge(rules=RULES, membership=MEMBERSHIP, previous=None, offset=2).allows(change)
    assert not judge().allows(change)


# ---- around a change of the membership ----


def handed_over(letter: str = "M") -> CertifiedHeader:
    """The last block that the first set certifies; the second set goes on."""
    header = header_of(RULES, 1, FIRST.membership, SECOND.membership)
    return FIRST.certify(RULES, header)


def prepared_by_second(height: int = 2) -> PreparedCertificate:
    """A proof of the five."""
    stage = Stage(replica_id=0, signers=SECOND)
    stage.block("N", height=height)
    return stage.prepared("N")


def test_a_head_just_before_a_change_of_the_set_was_certified_by_the_set_before() -> None:
    change = ViewChange(view=1, committed=handed_over(), prepared=None)
    assert judge(SECOND, previous=FIRST).allows(change)
    assert not judge(SECOND).allows(change)
    assert not judge(SECOND, previous=THIRD).allows(change)


def test_what_is_prepared_after_a_change_of_the_set_was_prepared_by_the_new_one() -> None:
    change = ViewChange(view=1, committed=handed_over(), prepared=prepared_by_second())
    assert judge(SECOND, previous=FIRST).allows(change)
    four = Stage(replica_id=0)
    four.block("N", height=2)
    assert not judge(SECOND, previous=FIRST).allows(replace(change, prepared=four.prepared("N")))


def test_what_an_unknown_set_prepared_proves_nothing_to_who_is_behind_the_change() -> None:
    change = ViewChange(view=1, committed=handed_over(), prepared=None)
    assert judge(FIRST).allows(change)
    assert not judge(FIRST).allows(replace(change, prepared=prepared_by_second()))


# ---- a new view ----


def wishes(view: int = 1) -> list[SignedViewChange]:
    """What each of the four says; the third has prepared B, the last lags behind."""
    shows = [None, None, ON_A.prepared("B"), None]
    changes = [ON_A.view_change(view, shows=prepared) for prepared in shows]
    changes[3] = ViewChange(view=view, committed=None, prepared=None)
    return [shown(ON_A.signed(signer, change)) for signer, change in enumerate(changes)]


def opened(changes: list[SignedViewChange], *, view: int = 1, signer: int = 1) -> Selection | None:
    """What a new view of these is bound to."""
    return judge().opens(NewView(view=view, view_changes=tuple(changes)), signer)


@pytest.mark.parametrize("places", list(combinations(range(4), 3)))
def test_any_quorum_opens_a_view(places: tuple[int, ...]) -> None:
    expected = Selection(2, ON_A.prepared("B") if 2 in places else None)
    assert opened([wishes()[place] for place in places]) == expected


def test_only_the_primary_of_the_view_opens_it() -> None:
    for signer in (0, 2, 3, 5):
        assert opened(wishes()[:3], signer=signer) is None
    assert opened(wishes(2)[:3], view=2, signer=2) is not None


@pytest.mark.parametrize("size", SIZES)
def test_a_quorum_is_needed_and_no_more_is_shown(size: int) -> None:
    signers = crowd(size)
    stage = Stage(replica_id=1, signers=signers)
    quorum = signers.membership.quorum
    for count in range(1, size + 1):
        new_view = stage.new_view(1, *range(count))
        assert (judge(signers).opens(new_view, 1) is not None) == (count == quorum)


def other(change: SignedViewChange, **members: object) -> SignedViewChange:
    """A view change that says something else under the same signature."""
    return replace(change, message=replace(change.message, **members))


FIRST_WISH, SECOND_WISH, THIRD_WISH, FOURTH_WISH = wishes()
BAD_VIEWS = {
    "a replica twice": [FIRST_WISH, SECOND_WISH, SECOND_WISH],
    "out of order": [SECOND_WISH, FIRST_WISH, THIRD_WISH],
    "in another's name": [FIRST_WISH, SECOND_WISH, replace(THIRD_WISH, signer=3)],
    "in a stranger's name": [FIRST_WISH, SECOND_WISH, replace(THIRD_WISH, signer=9)],
    "a signature of nobody": [FIRST_WISH, SECOND_WISH, replace(THIRD_WISH, signature=bytes(64))],
    "the prepared block hidden": [FIRST_WISH, SECOND_WISH, other(THIRD_WISH, prepared=None)],
    "the head hidden": [FIRST_WISH, other(SECOND_WISH, committed=None), THIRD_WISH],
    "a wish for another view": [FIRST_WISH, SECOND_WISH, wishes(2)[2]],
    "a wish for an earlier view": [FIRST_WISH, SECOND_WISH, wishes(0)[3]],
    "a forged head": [
        FIRST_WISH,
        SECOND_WISH,
        shown(
            ON_A.signed(
                2,
                ViewChange(view=1, committed=CertifiedHeader(header=HEADER, certificate=NOT_LOOKED_AT), prepared=None),
            )
        ),
    ],
    "a forged proof": [
        FIRST_WISH,
        SECOND_WISH,
        shown(ON_A.signed(2, ON_A.view_change(1, shows=FORGED_PROOFS["a backup too few"]))),
    ],
}


@pytest.mark.parametrize("changes", list(BAD_VIEWS.values()), ids=list(BAD_VIEWS))
def test_a_new_view_with_one_bad_view_change_opens_nothing(changes: list[SignedViewChange]) -> None:
    assert opened([FIRST_WISH, SECOND_WISH, THIRD_WISH]) is not None
    assert opened(changes) is None


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_a_new_view_opens_exactly_if_it_shows_a_quorum_of_distinct_valid_view_changes_in_order(
    data: st.DataObject,
) -> None:
    good = {change.signer: change for change in wishes()}
    bad = [changes[-1] for changes in BAD_VIEWS.values()][2:]
    pool = st.one_of(st.sampled_from(sorted(good)).map(good.__getitem__), st.sampled_from(bad))
    changes = data.draw(st.lists(pool, min_size=1, max_size=5))
    signers = [change.signer for change in changes]
    whole = len(changes) == 3 and signers == sorted(set(signers)) and all(change in good.values() for change in changes)
    selection = opened(changes)
    assert (selection is not None) == whole
    if selection is not None:
        assert selection == select(change.message for change in changes)


def test_what_is_prepared_before_a_change_of_the_set_was_prepared_by_the_old_one() -> None:
    """The judge's own set may be the next one already, while the change was cast a height below."""
    before = FIRST.certify(RULES, header_of(RULES, 0, FIRST.membership))
    four, five = Stage(replica_id=0), Stage(replica_id=0, signers=SECOND)
    for stage in (four, five):
        stage.block("N", height=1)
    change = ViewChange(view=1, committed=before, prepared=four.prepared("N"))
    assert judge(SECOND, previous=FIRST).allows(change)
    assert not judge(SECOND, previous=FIRST).allows(replace(change, prepared=five.prepared("N")))
