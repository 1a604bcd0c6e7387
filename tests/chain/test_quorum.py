"""A quorum certificate proves one commit statement, and every way to fall short of that has its name (protocol 5.3)."""

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from chain.codec import CodecMalformed, decode, encode
from chain.domains import Domain, prefix
from chain.membership import REPLICAS_MAX
from chain.quorum import (
    CertificateFault,
    QuorumCertificate,
    Statement,
    certificate_fault,
    consensus_verify,
    statement_bytes,
)
from tests.chain.small_network import FIRST, NETWORK, SECOND, Signers, key_pair

VIEW, HEIGHT, BLOCK = 3, 7, bytes(range(32, 64))
STATEMENT = Statement(view=VIEW, height=HEIGHT, block=BLOCK)
COMMIT = statement_bytes(Domain.COMMIT, NETWORK, "wuhan", STATEMENT)


def certificate_of(signers: Iterable[int], *, group: Signers = FIRST, message: bytes = COMMIT) -> QuorumCertificate:
    places = tuple(signers)
    signatures = tuple(group.sign(place, message) for place in places)
    return QuorumCertificate(view=VIEW, signers=places, signatures=signatures)


def fault_of(certificate: QuorumCertificate, group: Signers = FIRST, **changed: Any) -> CertificateFault | None:
    given_view = changed.pop("proposal_view", VIEW)
    return certificate_fault(certificate, COMMIT, group.membership, proposal_view=given_view, **changed)


@pytest.mark.parametrize("signers", [(0, 1, 2), (0, 1, 3), (0, 2, 3), (1, 2, 3)])
def test_any_quorum_of_four_proves_the_statement(signers: tuple[int, ...]) -> None:
    assert fault_of(certificate_of(signers)) is None


def test_a_quorum_of_five_is_four() -> None:
    assert fault_of(certificate_of((0, 1, 2), group=SECOND), SECOND) == CertificateFault.NOT_A_QUORUM
    assert fault_of(certificate_of((0, 1, 2, 4), group=SECOND), SECOND) is None


@pytest.mark.parametrize("signers", [(), (0,), (0, 1), (0, 1, 2, 3)])
def test_less_or_more_than_a_quorum_is_refused(signers: tuple[int, ...]) -> None:
    assert fault_of(certificate_of(signers)) == CertificateFault.NOT_A_QUORUM


@pytest.mark.parametrize("signers", [(0, 0, 1), (0, 1, 1), (2, 1, 0), (0, 2, 1), (1, 1, 1)])
def test_signers_repeated_or_out_of_order_are_refused(signers: tuple[int, ...]) -> None:
    assert fault_of(certificate_of(signers)) == CertificateFault.SIGNERS_NOT_ASCENDING


@pytest.mark.parametrize("stranger", [4, 63, 2**53 - 1])
def test_a_signer_outside_the_set_is_refused(stranger: int) -> None:
    certificate = replace(certificate_of((0, 1, 2)), signers=(0, 1, stranger))
    assert fault_of(certificate) == CertificateFault.SIGNER_UNKNOWN


def test_a_signature_too_few_or_too_many_is_refused() -> None:
    certificate = certificate_of((0, 1, 2))
    for signatures in (certificate.signatures[:2], (*certificate.signatures, certificate.signatures[0]), ()):
        assert fault_of(replace(certificate, signatures=signatures)) == CertificateFault.SIGNATURE_COUNT


@pytest.mark.parametrize("place", range(3))
def test_one_wrong_signature_is_refused_wherever_it_stands(place: int) -> None:
    certificate = certificate_of((0, 1, 2))
    signatures = list(certificate.signatures)
    signatures[place] = FIRST.sign(3, COMMIT)
    assert fault_of(replace(certificate, signatures=tuple(signatures))) == CertificateFault.SIGNATURE_INVALID


def test_a_certificate_of_an_earlier_view_than_the_proposal_is_refused() -> None:
    certificate = certificate_of((0, 1, 2))
    assert fault_of(certificate, proposal_view=VIEW - 1) is None
    assert fault_of(certificate, proposal_view=VIEW) is None
    assert fault_of(certificate, proposal_view=VIEW + 1) == CertificateFault.VIEW_BEFORE_PROPOSAL


OTHER_STATEMENTS = {
    "view": (Domain.COMMIT, NETWORK, "wuhan", replace(STATEMENT, view=VIEW + 1)),
    "height": (Domain.COMMIT, NETWORK, "wuhan", replace(STATEMENT, height=HEIGHT + 1)),
    "block": (Domain.COMMIT, NETWORK, "wuhan", replace(STATEMENT, block=bytes(32))),
    "chain": (Domain.COMMIT, NETWORK, "taian", STATEMENT),
    "network": (Domain.COMMIT, bytes(32), "wuhan", STATEMENT),
    "prepare": (Domain.PREPARE, NETWORK, "wuhan", STATEMENT),
    "pre-prepare": (Domain.PRE_PREPARE, NETWORK, "wuhan", STATEMENT),
}


@pytest.mark.parametrize("other", OTHER_STATEMENTS.values(), ids=OTHER_STATEMENTS)
def test_signatures_over_another_statement_prove_nothing(other: tuple[Domain, bytes, str, Statement]) -> None:
    message = statement_bytes(*other)
    assert message != COMMIT
    assert fault_of(certificate_of((0, 1, 2), message=message)) == CertificateFault.SIGNATURE_INVALID


def test_the_signed_bytes_are_prefix_and_statement() -> None:
    assert prefix(Domain.COMMIT, NETWORK, "wuhan") + encode(STATEMENT) == COMMIT


def test_every_bit_of_a_signature_counts() -> None:
    certificate = certificate_of((1, 2, 3))
    for bit in range(0, 512, 7):
        wrong = (int.from_bytes(certificate.signatures[1], "big") ^ 1 << bit).to_bytes(64, "big")
        signatures = (certificate.signatures[0], wrong, certificate.signatures[2])
        assert fault_of(replace(certificate, signatures=signatures)) == CertificateFault.SIGNATURE_INVALID


def test_the_check_asks_no_signature_before_the_form_is_right() -> None:
    def never(_key: bytes, _message: bytes, _signature: bytes) -> bool:
        raise AssertionError("asked too early")

    certificate = certificate_of((0, 1, 2))
    malformed = [
        replace(certificate, signers=(0, 1)),
        replace(certificate, signers=(0, 1, 4)),
        replace(certificate, signers=(1, 0, 2)),
        replace(certificate, signatures=()),
        replace(certificate, view=VIEW - 1),
    ]
    assert all(fault_of(wrong, verify=never) is not None for wrong in malformed)


@given(st.lists(st.integers(0, 8), max_size=8), st.integers(0, 8), st.integers(0, 8))
@settings(max_examples=200)
def test_exactly_the_ascending_quorums_of_members_are_accepted(signers: list[int], view: int, proposal: int) -> None:
    certificate = QuorumCertificate(view=view, signers=tuple(signers), signatures=(bytes(64),) * len(signers))
    fault = fault_of(certificate, SECOND, proposal_view=proposal, verify=lambda *_: True)
    members = sorted(set(signers)) == signers and all(place < 5 for place in signers)
    assert (fault is None) == (members and len(signers) == 4 and view >= proposal)


def test_a_certificate_longer_than_any_membership_is_refused_unread() -> None:
    many = REPLICAS_MAX + 1
    certificate = QuorumCertificate(view=0, signers=tuple(range(many)), signatures=(bytes(64),) * many)
    with pytest.raises(CodecMalformed):
        decode(encode(certificate), QuorumCertificate)


def test_consensus_keys_are_ed25519() -> None:
    pair = key_pair("beijing")
    assert consensus_verify(pair.public_key, COMMIT, pair.sign(COMMIT))
    assert not consensus_verify(pair.public_key, COMMIT + b"\0", pair.sign(COMMIT))
