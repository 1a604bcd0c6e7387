"""Evidence convicts whoever made both statements, and nothing that a correct replica signs convicts it (protocol 5.5)."""

import dataclasses
from itertools import combinations, product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from chain.codec import decode, encode
from chain.digests import sha256
from chain.domains import Domain
from chain.errors import Malformed
from chain.evidence import (
    ConflictingStatements,
    Evidence,
    EvidenceFault,
    ForgottenCommit,
    SignedDigest,
    conflict,
    evidence_fault,
    kind_of,
)
from chain.rules import ChainRules
from chain.view_change import PreparedCertificate, ViewChange, view_change_bytes
from tests.chain.small_network import FIRST, header_of, rules_of

RULES = rules_of("wuhan")
ACCUSED = 2
KEY = FIRST.membership.key(ACCUSED)
PHASES = {
    "pre-prepare": Domain.PRE_PREPARE,
    "prepare": Domain.PREPARE,
    "commit": Domain.COMMIT,
    "view-change": Domain.VIEW_CHANGE,
    "new-view": Domain.NEW_VIEW,
}
BLOCKS = tuple(sha256(b"block %d" % number) for number in range(3))
phases = pytest.mark.parametrize("phase", PHASES)


def signed(phase: str, view: int, height: int, block: bytes, *, signer: int = ACCUSED) -> SignedDigest:
    statement = RULES.vote_bytes(PHASES[phase], view=view, height=height, block=block)
    return SignedDigest(block=block, signature=FIRST.sign(signer, statement))


def conflicting(phase: str = "commit", view: int = 3, height: int = 7) -> ConflictingStatements:
    one, other = (signed(phase, view, height, block) for block in BLOCKS[:2])
    return conflict(KEY, PHASES[phase], view=view, height=height, one=one, other=other)


def prepared(view: int, height: int = 7) -> PreparedCertificate:
    """What a view change shows; evidence looks at its place alone."""
    return PreparedCertificate(
        view=view, height=height, block=BLOCKS[0], pre_prepare=bytes(64), signers=(1, 2), prepares=(bytes(64),) * 2
    )


def change(view: int, shown: PreparedCertificate | None = None, height: int = 7) -> ViewChange:
    committed = FIRST.certify(RULES, header_of(RULES, height - 1, FIRST.membership)) if height > 1 else None
    return ViewChange(view=view, committed=committed, prepared=shown)


def forgotten(wanted: ViewChange, view: int = 3, block: bytes = BLOCKS[0]) -> ForgottenCommit:
    commit = signed("commit", view, wanted.height, block)
    statement, _ = view_change_bytes(RULES, wanted)
    return ForgottenCommit(
        signer=KEY,
        view=view,
        block=block,
        commit=commit.signature,
        view_change=wanted,
        signature=FIRST.sign(ACCUSED, statement),
    )


GUILTY: dict[str, Evidence] = {
    **{f"two of {phase}": conflicting(phase) for phase in PHASES},
    "at height 0 and view 0": conflicting("prepare", 0, 0),
    "nothing shown": forgotten(change(4)),
    "nothing shown before the first block": forgotten(change(1, height=1), view=0),
    "an older view shown": forgotten(change(9, prepared(2))),
    "another height shown": forgotten(change(9, prepared(5, height=6))),
}
guilty = pytest.mark.parametrize("evidence", GUILTY.values(), ids=GUILTY)


@guilty
def test_the_guilty_is_convicted(evidence: Evidence) -> None:
    assert evidence_fault(RULES, evidence) is None
    assert decode(encode(evidence), type(evidence)) == evidence
    assert kind_of(evidence) == (1 if isinstance(evidence, ConflictingStatements) else 2)


def test_two_statements_make_one_piece_of_evidence_in_whatever_order_they_were_heard() -> None:
    one, other = (signed("commit", 3, 7, block) for block in BLOCKS[:2])
    made = {conflict(KEY, Domain.COMMIT, view=3, height=7, one=a, other=b) for a, b in ((one, other), (other, one))}
    assert made == {conflicting()}


@guilty
def test_another_replica_is_not_convicted_by_it(evidence: Evidence) -> None:
    for place in (0, 1, 3):
        framed = replace(evidence, signer=FIRST.membership.key(place))
        assert evidence_fault(RULES, framed) == EvidenceFault.SIGNATURE_INVALID


@guilty
def test_nobody_is_convicted_on_another_chain_or_network(evidence: Evidence) -> None:
    for rules in (rules_of("taian"), rules_of("wuhan", bytes(32))):
        assert evidence_fault(rules, evidence) == EvidenceFault.SIGNATURE_INVALID


@phases
def test_one_statement_is_no_conflict(phase: str) -> None:
    one = signed(phase, 3, 7, BLOCKS[0])
    assert evidence_fault(RULES, replace(conflicting(phase), first=one, second=one)) == EvidenceFault.NO_CONFLICT


def test_the_statements_stand_in_one_order() -> None:
    evidence = conflicting()
    turned = replace(evidence, first=evidence.second, second=evidence.first)
    assert evidence_fault(RULES, turned) == EvidenceFault.NO_CONFLICT


CHANGED: list[dict[str, Any]] = [{"view": 4}, {"height": 8}, {"phase": "prepare"}, {"phase": "new-view"}]


@pytest.mark.parametrize("changed", CHANGED, ids=str)
def test_statements_of_another_place_are_not_these(changed: dict[str, Any]) -> None:
    assert evidence_fault(RULES, replace(conflicting(), **changed)) == EvidenceFault.SIGNATURE_INVALID


@pytest.mark.parametrize(
    ("phase", "view", "height"), [("prepare", 3, 7), ("commit", 4, 7), ("commit", 3, 8), ("pre-prepare", 3, 7)]
)
def test_different_blocks_at_different_places_are_no_conflict(phase: str, view: int, height: int) -> None:
    for of, at_view, at_height in (("commit", 3, 7), (phase, view, height)):
        one, other = signed("commit", 3, 7, BLOCKS[0]), signed(phase, view, height, BLOCKS[1])
        claimed = conflict(KEY, PHASES[of], view=at_view, height=at_height, one=one, other=other)
        assert evidence_fault(RULES, claimed) == EvidenceFault.SIGNATURE_INVALID


@pytest.mark.parametrize("shown", [3, 4, 8])
def test_a_commit_that_is_shown_or_followed_by_a_later_one_is_not_forgotten(shown: int) -> None:
    assert evidence_fault(RULES, forgotten(change(9, prepared(shown)))) == EvidenceFault.NOT_FORGOTTEN


@pytest.mark.parametrize("wanted", [0, 2, 3])
def test_a_view_change_before_the_commit_has_forgotten_nothing(wanted: int) -> None:
    assert evidence_fault(RULES, forgotten(change(wanted))) == EvidenceFault.NOT_FORGOTTEN


def test_a_commit_of_a_height_below_or_above_is_not_the_one() -> None:
    for height in (6, 8):
        commit = signed("commit", 3, height, BLOCKS[0])
        evidence = replace(forgotten(change(4)), commit=commit.signature)
        assert evidence_fault(RULES, evidence) == EvidenceFault.SIGNATURE_INVALID


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_evidence_with_one_field_changed_convicts_nobody(data: st.DataObject) -> None:
    """Signatures cover everything but what was shown: a change of that breaks the view change's own signature."""
    evidence = data.draw(st.sampled_from(list(GUILTY.values())))
    encoded = bytearray(encode(evidence))
    encoded[data.draw(st.integers(0, len(encoded) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        changed = decode(bytes(encoded), type(evidence))
    except Malformed:
        return
    assert evidence_fault(RULES, changed) is not None


class Correct:
    """A replica that keeps the rules, and remembers what it signed."""

    def __init__(self) -> None:
        self.height, self.view = 1, 0
        self.shown: PreparedCertificate | None = None
        self.cast: set[tuple[str, int, int]] = set()
        self.accepted: dict[tuple[int, int], bytes] = {}
        self.statements: set[bytes] = set()
        self.changes: list[ViewChange] = []

    def sign(self, phase: str, block: bytes) -> None:
        """A message of the present height and view, unless one of its kind was cast already."""
        if phase == "commit":
            block = self.accepted.setdefault((self.height, self.view), block)
        if (phase, self.height, self.view) in self.cast:
            return
        self.cast.add((phase, self.height, self.view))
        self.statements.add(RULES.vote_bytes(PHASES[phase], view=self.view, height=self.height, block=block))
        if phase == "commit":
            self.shown = replace(prepared(self.view, self.height), block=block)

    def change_view(self, to: int) -> None:
        """Ask for a later view, and show what is prepared; from now on nothing is said in a lower one."""
        self.view = to
        wanted = change(to, self.shown, self.height)
        self.changes.append(wanted)
        self.statements.add(view_change_bytes(RULES, wanted)[0])

    def advance(self) -> None:
        """The height is committed: by its own votes or fetched."""
        self.height, self.shown = self.height + 1, None

    def rules(self) -> ChainRules:
        """The chain's rules where a signature is valid if this replica made it."""

        def verify(key: bytes, message: bytes, _signature: bytes) -> bool:
            return key == KEY and message in self.statements

        return dataclasses.replace(RULES, consensus_verify=verify)


steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("sign"), st.sampled_from(["pre-prepare", "prepare", "commit", "new-view"]), st.integers(0, 2)
        ),
        st.tuples(st.just("change"), st.integers(1, 2)),
        st.tuples(st.just("advance")),
    ),
    max_size=16,
)


def lived(life: list[tuple[Any, ...]]) -> Correct:
    replica = Correct()
    for step in life:
        match step:
            case ("sign", phase, block):
                replica.sign(phase, BLOCKS[block])
            case ("change", further):
                replica.change_view(replica.view + further)
            case _:
                replica.advance()
    return replica


def accusations(replica: Correct) -> list[Evidence]:
    """Everything that the whole world could make of a correct replica's messages, whatever it joins and tampers with."""
    nothing = bytes(64)
    places = set(product(PHASES, range(replica.view + 2), range(1, replica.height + 2)))
    digests = [*BLOCKS, *(view_change_bytes(RULES, wanted)[1] for wanted in replica.changes)]
    conflicts: list[Evidence] = [
        conflict(
            KEY,
            PHASES[phase],
            view=view,
            height=height,
            one=SignedDigest(block=one, signature=nothing),
            other=SignedDigest(block=other, signature=nothing),
        )
        for phase, view, height in places
        for one, other in combinations(digests, 2)
    ]
    return conflicts + [
        ForgottenCommit(signer=KEY, view=view, block=block, commit=nothing, view_change=shown, signature=nothing)
        for wanted in replica.changes
        for shown in (wanted, replace(wanted, prepared=None), replace(wanted, view=wanted.view + 1))
        for view in range(replica.view + 1)
        for block in BLOCKS
    ]


@given(steps)
@settings(max_examples=150, deadline=None)
def test_nothing_that_a_correct_replica_signs_convicts_it(life: list[tuple[Any, ...]]) -> None:
    replica = lived(life)
    rules = replica.rules()
    assert all(evidence_fault(rules, accusation) is not None for accusation in accusations(replica))


@given(steps, st.sampled_from(["pre-prepare", "prepare", "commit", "new-view"]), st.integers(0, 2))
@settings(max_examples=100, deadline=None)
def test_one_statement_too_many_convicts(life: list[tuple[Any, ...]], phase: str, block: int) -> None:
    """The same search finds a replica that says one more thing about a place where it has spoken."""
    replica = lived(life)
    replica.sign(phase, BLOCKS[block])
    place = (phase, replica.height, replica.view)
    for other in BLOCKS:
        replica.cast.discard(place)
        replica.accepted.clear()
        replica.sign(phase, other)
    rules = replica.rules()
    assert any(evidence_fault(rules, accusation) is None for accusation in accusations(replica))


@given(steps)
@settings(max_examples=60, deadline=None)
def test_a_replica_that_forgets_what_it_prepared_is_convicted(life: list[tuple[Any, ...]]) -> None:
    replica = lived(life)
    replica.sign("commit", BLOCKS[0])
    replica.shown = None
    replica.change_view(replica.view + 1)
    rules = replica.rules()
    found = [accusation for accusation in accusations(replica) if evidence_fault(rules, accusation) is None]
    assert found
    assert all(isinstance(accusation, ForgottenCommit) for accusation in found)
