"""Every refusal of the chain's acts on itself, in order (protocol 19)."""

from typing import Any, Final

from msgspec.structs import replace

from chain.evidence import EVIDENCE_HEIGHTS
from chain.membership import Membership, Replica
from contracts.evidence import Conviction, ReportEvidence, kind_of
from contracts.keys import evidence_key, memberships_key
from contracts.membership import MEMBERSHIPS_MAX, MembershipFrom, Memberships
from contracts.system import Touch
from tests.contracts.check_order import Play, Spoil, arguments, assert_order
from tests.contracts.membership_changes import FOUR, agreed, first, joined, replica_of
from tests.contracts.misconduct import forgotten, two_commits
from tests.contracts.small_chain import SmallChain

EFFECTIVE: Final = 900
"""A height that stays within reach while a spoiled chain grows."""


def test_a_touch_is_refused_for_one_reason() -> None:
    def play() -> Play:
        chain = SmallChain.founded()
        chain.time += 10**6
        return Play(chain, "alice", "system", "touch", Touch())

    def just_now(play: Play) -> None:
        play.chain.time = play.chain.parent_time + 1

    assert_order(play, ("touched-recently", just_now))


# ---- evidence ----


def at_height(height: int) -> Spoil:
    """The chain is at another height."""

    def spoil(play: Play) -> None:
        play.chain.height = height

    return spoil


def known(play: Play) -> None:
    """The replica was convicted of it already."""
    shown = play.arguments.evidence
    conviction = Conviction(
        signer=shown.signer,
        name="xian",
        kind=kind_of(shown),
        height=shown.height,
        view=2,
        recorded_height=9,
        recorded_at=9,
    )
    play.chain.write(evidence_key(shown.signer, shown.height, kind_of(shown)), conviction)


def one_statement_twice(play: Play) -> None:
    shown = two_commits(play.chain.rules)
    play.arguments = ReportEvidence(evidence=replace(shown, second=shown.first))


def not_forgotten(play: Play) -> None:
    play.arguments = ReportEvidence(evidence=replace(forgotten(play.chain.rules), view=5))


def not_signed(play: Play) -> None:
    shown = two_commits(play.chain.rules)
    unsigned = replace(shown.first, signature=bytes(64))
    play.arguments = ReportEvidence(evidence=replace(shown, first=unsigned))


def of_a_stranger(play: Play) -> None:
    stranger = replica_of("dalian").consensus_key
    play.arguments = ReportEvidence(evidence=replace(play.arguments.evidence, signer=stranger))


def test_the_checks_of_evidence_stand_in_order() -> None:
    def play() -> Play:
        chain = SmallChain.founded()
        chain.height = 10
        return Play(chain, "alice", "system", "reportEvidence", ReportEvidence(evidence=two_commits(chain.rules)))

    assert_order(
        play,
        ("evidence-too-early", at_height(8)),
        ("evidence-expired", at_height(9 + EVIDENCE_HEIGHTS + 1)),
        ("evidence-of-no-member", of_a_stranger),
        ("evidence-known", known),
        ("evidence-no-conflict", one_statement_twice),
        ("evidence-not-forgotten", not_forgotten),
        ("evidence-signature-invalid", not_signed),
    )


# ---- a change of membership ----


def sets(*entries: tuple[int, Membership]) -> Spoil:
    """The sets that the chain has had, each with its first height."""
    record = Memberships(entries=tuple(MembershipFrom(from_height=height, membership=one) for height, one in entries))
    return lambda play: play.chain.write(memberships_key(), record)


def change(old: Membership, new: Membership, **more: Any) -> Spoil:
    """Another change, of another present set."""

    def spoil(play: Play) -> None:
        sets((0, old))(play)
        play.arguments = replace(agreed(play.chain.rules, old, new, EFFECTIVE), **more)

    return spoil


def few_that_stay(play: Play) -> None:
    """Of six, four sign, and one of them leaves."""
    sets((0, first(6)))(play)
    play.arguments = agreed(play.chain.rules, first(6), first(5), EFFECTIVE, signers=(0, 1, 2, 5))


def joins(newcomer: Replica) -> Spoil:
    """Somebody else joins."""
    return arguments(membership=joined(FOUR, newcomer))


def signed_by_one(play: Play) -> None:
    play.arguments = replace(play.arguments, signers=(0,), signatures=(bytes(64),))


CHANGE: Final[tuple[tuple[str, Spoil], ...]] = (
    ("change-pending", sets((0, FOUR), (800, FOUR))),
    ("effective-height-out-of-range", arguments(effective_height=2)),
    ("not-one-replica", arguments(membership=FOUR)),
    ("signers-malformed", arguments(signers=(2, 1, 0))),
    ("change-not-signed", signed_by_one),
    ("no-live-quorum", few_that_stay),
    ("signers-malformed", change(first(5), FOUR, possession=bytes(64))),
    ("replica-repeats", joins(replica_of("beijing", "kunming"))),
    ("public-key-malformed", joins(replace(replica_of("dalian"), consensus_key=bytes(32)))),
    ("replica-key-not-proven", arguments(possession=bytes(64))),
    ("change-signature-invalid", arguments(signatures=(bytes(64),) * 4)),
    ("changes-too-frequent", sets(*((height, FOUR) for height in range(MEMBERSHIPS_MAX)))),
)


def test_the_checks_of_a_change_of_membership_stand_in_order() -> None:
    def play() -> Play:
        chain = SmallChain.founded()
        chain.height = 20
        return Play(chain, "alice", "system", "changeMembership", agreed(chain.rules, FOUR, first(5), EFFECTIVE))

    assert_order(play, *CHANGE)
