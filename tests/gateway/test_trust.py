"""Every set of replicas is believed for its own heights, and a new one only from the one before (protocol 11.3)."""

import dataclasses

import pytest
from msgspec.structs import replace

from chain.block import BlockHeader
from chain.light_client import CertifiedHeader, Handover, HeaderFault
from chain.quorum import CertificateFault
from gateway import trust as module
from gateway.trust import Trust
from tests.chain.small_network import FIRST, SECOND, START_MS, THIRD, Signers, header_of, rules_of

RULES = rules_of("wuhan")


def header(height: int, group: Signers = FIRST, to: Signers | None = None) -> BlockHeader:
    return header_of(RULES, height, group.membership, (to or group).membership)


def certified(height: int, group: Signers = FIRST) -> CertifiedHeader:
    return group.certify(RULES, header(height, group))


def handover(height: int, group: Signers, to: Signers) -> Handover:
    return Handover(certified=group.certify(RULES, header(height, group, to)), next_membership=to.membership)


@pytest.fixture
def trust() -> Trust:
    return Trust(RULES, START_MS, FIRST.membership)


def test_every_set_certifies_its_own_heights_alone(trust: Trust) -> None:
    assert trust.learn(handover(3, FIRST, SECOND)) is None
    assert trust.learn(handover(8, SECOND, THIRD)) is None
    assert (trust.height, trust.membership) == (8, THIRD.membership)
    reigns = {1: FIRST, 3: FIRST, 4: SECOND, 8: SECOND, 9: THIRD, 100: THIRD}
    for height, group in reigns.items():
        for other in (FIRST, SECOND, THIRD):
            fault = trust.fault(certified(height, other))
            assert fault == (None if other is group else HeaderFault.MEMBERSHIP_DIFFERS)


def test_the_hand_overs_lead_to_the_set_of_a_height(trust: Trust) -> None:
    steps = (handover(3, FIRST, SECOND), handover(8, SECOND, THIRD))
    for step in steps:
        trust.learn(step)
    assert [len(trust.handovers_to(height)) for height in (1, 3, 4, 8, 9)] == [0, 0, 1, 1, 2]
    assert trust.handovers_to(9) == steps


def test_a_set_that_nobody_handed_over_is_not_learnt(trust: Trust) -> None:
    forged = handover(3, FIRST, SECOND)
    unsigned = replace(forged.certified, certificate=replace(forged.certified.certificate, signatures=(bytes(64),) * 3))
    refused = {
        CertificateFault.SIGNATURE_INVALID: replace(forged, certified=unsigned),
        HeaderFault.MEMBERSHIP_DIFFERS: replace(forged, next_membership=THIRD.membership),
    }
    for fault, step in refused.items():
        assert trust.learn(step) == fault
    assert trust.learn(handover(3, SECOND, THIRD)) == HeaderFault.MEMBERSHIP_DIFFERS
    assert (trust.height, trust.membership, trust.handovers_to(10**6)) == (0, FIRST.membership, ())


def test_a_set_is_learnt_once(trust: Trust) -> None:
    trust.learn(handover(3, FIRST, SECOND))
    assert trust.learn(handover(3, FIRST, SECOND)) == HeaderFault.HEIGHT_NOT_INCREASING
    assert len(trust.handovers_to(10**6)) == 1


def test_only_a_header_above_what_is_known_may_be_of_another_set(trust: Trust) -> None:
    assert trust.may_be_of_another_set(certified(5, SECOND))
    assert not trust.may_be_of_another_set(certified(5))
    unsigned = replace(certified(5), certificate=certified(6).certificate)
    assert not trust.may_be_of_another_set(unsigned)
    trust.learn(handover(6, FIRST, SECOND))
    assert not trust.may_be_of_another_set(certified(5, SECOND))
    assert not trust.may_be_of_another_set(certified(6, SECOND))
    assert trust.may_be_of_another_set(certified(7, FIRST))


def test_a_header_is_remembered_with_that_very_certificate(trust: Trust) -> None:
    header = certified(5)
    assert trust.fault(header) is None
    spoilt = replace(header, certificate=replace(header.certificate, signatures=(bytes(64),) * 3))
    assert trust.fault(spoilt) == CertificateFault.SIGNATURE_INVALID
    assert trust.fault(header) is None


def test_only_the_latest_headers_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TRUSTED_HEADERS_MAX", 2)
    checked = 0

    def verify(key: bytes, message: bytes, signature: bytes) -> bool:
        nonlocal checked
        checked += 1
        return RULES.consensus_verify(key, message, signature)

    trust = Trust(dataclasses.replace(RULES, consensus_verify=verify), START_MS, FIRST.membership)
    signatures = FIRST.membership.quorum
    for height, checks in ((1, 1), (1, 1), (2, 2), (1, 2), (2, 2), (3, 3), (2, 3), (1, 4)):
        assert trust.fault(certified(height)) is None
        assert checked == checks * signatures
