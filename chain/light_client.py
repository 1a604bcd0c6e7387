"""Checking what a stranger says of a chain, with nothing but the genesis document in hand (protocol 11).

One predicate per sentence; a verdict lists them in order. Nothing here fetches, waits or reads a clock.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final

from msgspec import Meta

from chain.block import BlockHeader
from chain.codec import Record
from chain.domains import Domain
from chain.membership import Membership
from chain.quorum import CertificateFault, QuorumCertificate, certificate_fault
from chain.rules import ChainRules

HANDOVERS_MAX: Final = 16
"""Changes of membership that one sighting may carry; whoever is further behind is shown several."""


class HeaderFault(StrEnum):
    """Why a header is not one that this chain's replicas certified."""

    NETWORK_DIFFERS = "network-differs"
    CHAIN_DIFFERS = "chain-differs"
    MEMBERSHIP_DIFFERS = "membership-differs"
    HEIGHT_NOT_INCREASING = "height-not-increasing"
    TIME_NOT_INCREASING = "time-not-increasing"


class CertifiedHeader(Record, frozen=True):
    """A header with the certificate of its commit, not yet believed."""

    header: BlockHeader
    certificate: QuorumCertificate


class Handover(Record, frozen=True):
    """A certified header whose `next_membership` differs from its own, and the set it names."""

    certified: CertifiedHeader
    next_membership: Membership


class Sighting(Record, frozen=True):
    """A certified header of a chain, with every change of membership since whoever is shown it last saw one.

    `next_membership` is the set that the header names as the next, where that is another than certified it.
    """

    handovers: Annotated[tuple[Handover, ...], Meta(max_length=HANDOVERS_MAX)]
    certified: CertifiedHeader
    next_membership: Membership | None

    @property
    def header(self) -> BlockHeader:
        """The header that is shown."""
        return self.certified.header


@dataclass(frozen=True, slots=True, kw_only=True)
class Trusted:
    """What is believed of a chain: a height and time, and the set that certifies what comes after."""

    height: int
    time: int
    membership: Membership


Fault = HeaderFault | CertificateFault


def same_network(rules: ChainRules, header: BlockHeader) -> bool:
    """The header speaks of this network."""
    return header.network_id == rules.network_id


def same_chain(rules: ChainRules, header: BlockHeader) -> bool:
    """The header speaks of this chain."""
    return header.chain_id == rules.chain_id


def is_certified_by(rules: ChainRules, header: BlockHeader, membership: Membership) -> bool:
    """The header names `membership` as the set that certifies it."""
    return header.membership == rules.membership_digest(membership)


def header_fault(rules: ChainRules, trusted: Trusted, certified: CertifiedHeader) -> Fault | None:
    """Why `certified` is not a header after `trusted` that its membership certified; None if it is one."""
    header = certified.header
    if not same_network(rules, header):
        return HeaderFault.NETWORK_DIFFERS
    if not same_chain(rules, header):
        return HeaderFault.CHAIN_DIFFERS
    if header.height <= trusted.height:
        return HeaderFault.HEIGHT_NOT_INCREASING
    if header.time <= trusted.time:
        return HeaderFault.TIME_NOT_INCREASING
    if not is_certified_by(rules, header, trusted.membership):
        return HeaderFault.MEMBERSHIP_DIFFERS
    return commit_fault(rules, certified, trusted.membership)


def commit_fault(rules: ChainRules, certified: CertifiedHeader, membership: Membership) -> CertificateFault | None:
    """Why the certificate does not show that a quorum of `membership` committed the header; None if it does."""
    header, certificate = certified.header, certified.certificate
    commit = rules.vote_bytes(
        Domain.COMMIT, view=certificate.view, height=header.height, block=rules.block_digest(header)
    )
    return certificate_fault(certificate, commit, membership, proposal_view=header.view, verify=rules.consensus_verify)


def follow(rules: ChainRules, trusted: Trusted, handovers: tuple[Handover, ...]) -> Trusted | Fault:
    """Trust carried along every change of membership, each certified by the set before it."""
    for handover in handovers:
        header = handover.certified.header
        fault = header_fault(rules, trusted, handover.certified)
        if fault is not None:
            return fault
        if header.next_membership == header.membership or not is_named_next(rules, handover):
            return HeaderFault.MEMBERSHIP_DIFFERS
        trusted = Trusted(height=header.height, time=header.time, membership=handover.next_membership)
    return trusted


def is_named_next(rules: ChainRules, handover: Handover) -> bool:
    """The set handed over is the one that the header names."""
    return handover.certified.header.next_membership == rules.membership_digest(handover.next_membership)


def sighted(rules: ChainRules, trusted: Trusted, sighting: Sighting) -> Trusted | Fault:
    """What is believed after a sighting, or why it shows nothing; forms first, signatures last."""
    followed = follow(rules, trusted, sighting.handovers)
    if not isinstance(followed, Trusted):
        return followed
    fault = header_fault(rules, followed, sighting.certified)
    if fault is not None:
        return fault
    header, following = sighting.header, sighting.next_membership
    if following is None:
        stays = header.next_membership == header.membership
        following = followed.membership if stays else None
    elif header.next_membership != rules.membership_digest(following) or header.next_membership == header.membership:
        following = None
    if following is None:
        return HeaderFault.MEMBERSHIP_DIFFERS
    return Trusted(height=header.height, time=header.time, membership=following)
