"""A stranger believes a header for one reason only, and every other header has a fault with a name (protocol 11)."""

import dataclasses
from typing import Any

import pytest
from msgspec.structs import replace

from chain import light_client
from chain.block import BlockHeader
from chain.light_client import CertifiedHeader, Handover, HeaderFault, Trusted, commit_fault, follow, header_fault
from chain.quorum import CertificateFault
from tests.chain.small_network import FIRST, NETWORK, SECOND, START_MS, THIRD, Signers, header_of, rules_of

RULES = rules_of("wuhan")
GENESIS = Trusted(height=0, time=START_MS, membership=FIRST.membership)


def header(height: int, group: Signers = FIRST, to: Signers | None = None) -> BlockHeader:
    return header_of(RULES, height, group.membership, (to or group).membership)


def handover(height: int, group: Signers, to: Signers) -> Handover:
    certified = group.certify(RULES, header(height, group, to))
    return Handover(certified=certified, next_membership=to.membership)


def fault_after_genesis(certified: CertifiedHeader) -> Any:
    return header_fault(RULES, GENESIS, certified)


@pytest.mark.parametrize("height", [1, 2, 1_000])
@pytest.mark.parametrize("view", [0, 5])
def test_a_header_that_a_quorum_committed_is_believed(height: int, view: int) -> None:
    certified = FIRST.certify(RULES, replace(header(height), view=1), view=view + 1, signers=(0, 2, 3))
    assert fault_after_genesis(certified) is None


@pytest.mark.parametrize("chain_id", ["wenchang", "yanan", "nanjing"])
def test_it_is_the_same_on_chains_with_other_digests(chain_id: str) -> None:
    rules = rules_of(chain_id)
    certified = FIRST.certify(rules, header_of(rules, 3, FIRST.membership))
    assert header_fault(rules, GENESIS, certified) is None
    assert header_fault(RULES, GENESIS, certified) == HeaderFault.CHAIN_DIFFERS


CHANGES: dict[str, tuple[dict[str, Any], HeaderFault]] = {
    "another network": ({"network_id": bytes(32)}, HeaderFault.NETWORK_DIFFERS),
    "another chain": ({"chain_id": "taian"}, HeaderFault.CHAIN_DIFFERS),
    "the trusted height": ({"height": 0}, HeaderFault.HEIGHT_NOT_INCREASING),
    "the trusted time": ({"time": START_MS}, HeaderFault.TIME_NOT_INCREASING),
    "an earlier time": ({"time": START_MS - 1}, HeaderFault.TIME_NOT_INCREASING),
    "another membership": ({"membership": bytes(32)}, HeaderFault.MEMBERSHIP_DIFFERS),
}


@pytest.mark.parametrize(("changed", "fault"), CHANGES.values(), ids=CHANGES)
def test_a_header_of_elsewhere_is_refused_though_the_quorum_signed_it(
    changed: dict[str, Any], fault: HeaderFault
) -> None:
    assert fault_after_genesis(FIRST.certify(RULES, replace(header(5), **changed))) == fault


def test_a_header_at_or_below_what_is_trusted_is_refused() -> None:
    trusted = Trusted(height=5, time=header(5).time, membership=FIRST.membership)
    for height in (1, 4, 5):
        later = replace(header(height), time=header(9).time)
        assert header_fault(RULES, trusted, FIRST.certify(RULES, later)) == HeaderFault.HEIGHT_NOT_INCREASING
    assert header_fault(RULES, trusted, FIRST.certify(RULES, header(6))) is None


def test_a_header_changed_after_it_was_certified_is_refused() -> None:
    certified = FIRST.certify(RULES, header(5))
    for field in ("parent", "transaction_root", "receipt_root", "state_root", "next_membership"):
        changed = replace(certified, header=replace(certified.header, **{field: bytes(32)}))
        assert fault_after_genesis(changed) == CertificateFault.SIGNATURE_INVALID
    for field in ("height", "time", "proposer"):
        changed = replace(certified, header=replace(certified.header, **{field: 2**50}))
        assert fault_after_genesis(changed) == CertificateFault.SIGNATURE_INVALID


def test_a_certificate_of_an_earlier_view_than_the_header_s_is_refused() -> None:
    certified = FIRST.certify(RULES, replace(header(5), view=2), view=1)
    assert fault_after_genesis(certified) == CertificateFault.VIEW_BEFORE_PROPOSAL


def test_a_certificate_of_another_set_is_refused() -> None:
    forged = header_of(RULES, 5, FIRST.membership)
    assert fault_after_genesis(THIRD.certify(RULES, forged)) == CertificateFault.SIGNATURE_INVALID
    assert fault_after_genesis(THIRD.certify(RULES, header(5, THIRD))) == HeaderFault.MEMBERSHIP_DIFFERS


def test_a_certificate_over_another_header_is_refused() -> None:
    swapped = replace(FIRST.certify(RULES, header(5)), header=header(6))
    assert commit_fault(RULES, swapped, FIRST.membership) == CertificateFault.SIGNATURE_INVALID
    assert commit_fault(RULES, FIRST.certify(RULES, header(6)), FIRST.membership) is None


def test_the_verifier_of_the_rules_is_asked() -> None:
    certified = FIRST.certify(RULES, header(5))
    for verdict, fault in ((True, None), (False, CertificateFault.SIGNATURE_INVALID)):
        asked: list[bytes] = []

        def verify(key: bytes, _message: bytes, _signature: bytes, *, answer: bool = verdict) -> bool:
            asked.append(key)  # noqa: B023 - called within this turn
            return answer

        rules = dataclasses.replace(RULES, consensus_verify=verify)
        assert header_fault(rules, GENESIS, certified) == fault
        assert commit_fault(rules, certified, FIRST.membership) == fault
        handed = Handover(certified=FIRST.certify(RULES, header(3, FIRST, SECOND)), next_membership=SECOND.membership)
        assert isinstance(follow(rules, GENESIS, (handed,)), Trusted) == verdict
        assert len(asked) == (9 if verdict else 3)


def test_nothing_to_follow_leaves_trust_as_it_was() -> None:
    assert follow(RULES, GENESIS, ()) == GENESIS


def test_trust_follows_every_handover() -> None:
    trusted = follow(RULES, GENESIS, (handover(3, FIRST, SECOND), handover(8, SECOND, THIRD)))
    assert trusted == Trusted(height=8, time=header(8).time, membership=THIRD.membership)
    assert header_fault(RULES, trusted, THIRD.certify(RULES, header(9, THIRD))) is None


@pytest.mark.parametrize("retired", [FIRST, SECOND])
def test_a_retired_set_is_never_accepted_for_a_later_height(retired: Signers) -> None:
    trusted = follow(RULES, GENESIS, (handover(3, FIRST, SECOND), handover(8, SECOND, THIRD)))
    assert isinstance(trusted, Trusted)
    own_name = retired.certify(RULES, header(9, retired))
    borrowed_name = retired.certify(RULES, header(9, THIRD), signers=range(THIRD.membership.quorum))
    assert header_fault(RULES, trusted, own_name) == HeaderFault.MEMBERSHIP_DIFFERS
    assert header_fault(RULES, trusted, borrowed_name) == CertificateFault.SIGNATURE_INVALID


def test_a_retired_set_hands_nothing_over() -> None:
    steps = (handover(3, FIRST, SECOND), handover(8, FIRST, THIRD))
    assert follow(RULES, GENESIS, steps) == HeaderFault.MEMBERSHIP_DIFFERS


def test_handovers_out_of_order_or_repeated_are_refused() -> None:
    first, second = handover(3, FIRST, SECOND), handover(8, SECOND, FIRST)
    assert follow(RULES, GENESIS, (second, first)) == HeaderFault.MEMBERSHIP_DIFFERS
    assert follow(RULES, GENESIS, (first, second, first)) == HeaderFault.HEIGHT_NOT_INCREASING
    assert follow(RULES, GENESIS, (first, first)) == HeaderFault.HEIGHT_NOT_INCREASING


def test_a_header_that_changes_nothing_is_no_handover() -> None:
    assert follow(RULES, GENESIS, (handover(3, FIRST, FIRST),)) == HeaderFault.MEMBERSHIP_DIFFERS


def test_a_set_that_the_header_does_not_name_is_not_handed_to() -> None:
    wrong = replace(handover(3, FIRST, SECOND), next_membership=THIRD.membership)
    assert not light_client.is_named_next(RULES, wrong)
    assert light_client.is_named_next(RULES, handover(3, FIRST, SECOND))
    assert follow(RULES, GENESIS, (wrong,)) == HeaderFault.MEMBERSHIP_DIFFERS


def test_a_handover_that_nobody_certified_is_refused() -> None:
    good = handover(3, FIRST, SECOND)
    certificate = replace(good.certified.certificate, signatures=(bytes(64),) * 3)
    forged = replace(good, certified=replace(good.certified, certificate=certificate))
    assert follow(RULES, GENESIS, (forged,)) == CertificateFault.SIGNATURE_INVALID


def test_each_predicate_answers_its_sentence() -> None:
    own, elsewhere = header(1), header_of(rules_of("taian", bytes(32)), 1, SECOND.membership)
    assert own.network_id == NETWORK
    assert light_client.same_network(RULES, own)
    assert not light_client.same_network(RULES, elsewhere)
    assert light_client.same_chain(RULES, own)
    assert not light_client.same_chain(RULES, elsewhere)
    assert light_client.is_certified_by(RULES, own, FIRST.membership)
    assert not light_client.is_certified_by(RULES, own, SECOND.membership)
