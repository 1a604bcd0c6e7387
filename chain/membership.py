"""Who the replicas are, and the one home of quorum arithmetic (protocol 5).

Quorum is the least count of which any two share a correct replica: (n + f) // 2 + 1. It is 2f + 1 only when
n = 3f + 1; with n = 5 and f = 1 a quorum of three would be unsafe.
"""

from functools import lru_cache
from typing import Annotated

from msgspec import Meta

from chain.codec import Record, encode
from chain.domains import Domain, prefix
from chain.ids import Digest, ReplicaId, View
from chain.merkle import DigestFunction

REPLICAS_MIN = 4
REPLICAS_MAX = 64


ReplicaName = Annotated[str, Meta(pattern=r"\A[a-z][a-z0-9-]{0,31}\Z")]


class Replica(Record, frozen=True):
    """One member: its name, its Ed25519 consensus key and the SHA-256 of its TLS public key (SPKI DER)."""

    name: ReplicaName
    consensus_key: Digest
    tls_key_digest: Digest


class Membership(Record, frozen=True):
    """The replicas of a chain in order; a replica's place is its `ReplicaId`."""

    replicas: Annotated[tuple[Replica, ...], Meta(min_length=REPLICAS_MIN, max_length=REPLICAS_MAX)]

    @property
    def size(self) -> int:
        """N."""
        return len(self.replicas)

    @property
    def faulty_max(self) -> int:
        """f: how many replicas may be Byzantine while safety and liveness hold."""
        return (self.size - 1) // 3

    @property
    def quorum(self) -> int:
        """The least count of which any two share a correct replica; 2f+1 when n = 3f+1."""
        return (self.size + self.faulty_max) // 2 + 1

    @property
    def weak_quorum(self) -> int:
        """F + 1: at least one of these is correct."""
        return self.faulty_max + 1

    def primary(self, view: View, offset: int) -> ReplicaId:
        """The primary of `view`: (view + the chain's offset) mod n."""
        return ReplicaId((view + offset) % self.size)

    def has(self, replica: int) -> bool:
        """Whether `replica` is the place of a member."""
        return 0 <= replica < self.size

    def key(self, replica: int) -> bytes:
        """The consensus key of a member."""
        return self.replicas[replica].consensus_key


@lru_cache(maxsize=256)
def membership_digest(digest: DigestFunction, network_id: bytes, chain_id: str, membership: Membership) -> bytes:
    """What a header commits to (protocol 5.2)."""
    return digest(prefix(Domain.MEMBERSHIP, network_id, chain_id) + encode(membership))
