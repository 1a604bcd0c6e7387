"""The signed commit statement and the quorum certificate made of such statements (protocol 5.3).

A quorum certificate is outside every digest: two replicas may hold different valid certificates for one
block, so blocks are compared by digest and never by certificate.
"""

import itertools
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from chain.codec import Record, encode
from chain.domains import Domain, prefix
from chain.ids import Digest, Natural, Signature
from chain.membership import REPLICAS_MAX, Membership
from chain.signatures import SchemeName, scheme

Verify = Callable[[bytes, bytes, bytes], bool]
"""(public key, message, signature) -> valid."""


class QuorumCertificate(Record, frozen=True):
    """Exactly a quorum of commits of one view for one block; signers ascend and stand beside their signatures."""

    view: Natural
    signers: Annotated[tuple[Natural, ...], Meta(max_length=REPLICAS_MAX)]
    signatures: Annotated[tuple[Signature, ...], Meta(max_length=REPLICAS_MAX)]


class CertificateFault(StrEnum):
    """Why a quorum certificate proves nothing."""

    VIEW_BEFORE_PROPOSAL = "view-before-proposal"
    SIGNERS_NOT_ASCENDING = "signers-not-ascending"
    SIGNER_UNKNOWN = "signer-unknown"
    NOT_A_QUORUM = "not-a-quorum"
    SIGNATURE_COUNT = "signature-count"
    SIGNATURE_INVALID = "signature-invalid"


class Statement(Record, frozen=True):
    """What a vote says: this block, at this height, in this view."""

    view: Natural
    height: Natural
    block: Digest


def statement_bytes(domain: Domain, network_id: bytes, chain_id: str, statement: Statement) -> bytes:
    """The exact bytes that a replica signs for a pre-prepare, prepare or commit (protocol 5.3)."""
    return prefix(domain, network_id, chain_id) + encode(statement)


def consensus_verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Ed25519 under the acceptance rule of protocol 4.1; consensus keys are Ed25519 on every chain."""
    return scheme(SchemeName.ED25519).verify(public_key, message, signature)


def certificate_fault(
    certificate: QuorumCertificate,
    commit: bytes,
    membership: Membership,
    *,
    proposal_view: int,
    verify: Verify = consensus_verify,
) -> CertificateFault | None:
    """Why `certificate` does not prove the commit statement `commit` under `membership`; None if it does."""
    fault = _form_fault(certificate, membership, proposal_view)
    if fault is not None:
        return fault
    for signer, signature in zip(certificate.signers, certificate.signatures, strict=True):
        if not verify(membership.key(signer), commit, signature):
            return CertificateFault.SIGNATURE_INVALID
    return None


def _form_fault(certificate: QuorumCertificate, membership: Membership, proposal_view: int) -> CertificateFault | None:
    """All that can be said before a signature is looked at."""
    signers = certificate.signers
    if certificate.view < proposal_view:
        return CertificateFault.VIEW_BEFORE_PROPOSAL
    if len(signers) != membership.quorum:
        return CertificateFault.NOT_A_QUORUM
    if len(certificate.signatures) != len(signers):
        return CertificateFault.SIGNATURE_COUNT
    if any(later <= earlier for earlier, later in itertools.pairwise(signers)):
        return CertificateFault.SIGNERS_NOT_ASCENDING
    if not all(membership.has(signer) for signer in signers):
        return CertificateFault.SIGNER_UNKNOWN
    return None
