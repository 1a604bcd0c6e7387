"""The end of a chain as its replica sees it, and the replica's place in a set."""

from dataclasses import dataclass
from typing import Final

from chain.block import BlockHeader
from chain.membership import Membership
from chain.quorum import QuorumCertificate

OUTSIDE: Final = -1
"""The place of whoever is not, or no longer, a member: it follows and casts nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The last committed header, its digest and certificate (None only for the genesis header).

    `membership` certifies the height after it, `certified_by` certified it.
    """

    header: BlockHeader
    digest: bytes
    certificate: QuorumCertificate | None
    membership: Membership
    certified_by: Membership


def place_of(membership: Membership, key: bytes) -> int:
    """The place of the member with this consensus key, or OUTSIDE."""
    places = (place for place, replica in enumerate(membership.replicas) if replica.consensus_key == key)
    return next(places, OUTSIDE)
