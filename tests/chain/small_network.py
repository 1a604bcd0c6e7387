"""Replicas with keys, headers and the certificates they make: what the tests of proofs are about."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from chain.block import HEADER_VERSION, BlockHeader
from chain.digests import sha256
from chain.domains import Domain
from chain.light_client import CertifiedHeader
from chain.membership import Membership, Replica
from chain.profiles import load_profiles
from chain.quorum import QuorumCertificate
from chain.rules import ChainRules
from chain.signatures import KeyPair, SchemeName, scheme

NETWORK = bytes(range(32))
START_MS = 1_700_000_000_000


@cache
def key_pair(name: str) -> KeyPair:
    """The consensus key of the replica `name`."""
    return scheme(SchemeName.ED25519).key_pair(sha256(name.encode()))


def membership_of(names: Iterable[str]) -> Membership:
    """The set of these replicas, in order."""
    return Membership(
        replicas=tuple(
            Replica(name=name, consensus_key=key_pair(name).public_key, tls_key_digest=sha256(b"tls " + name.encode()))
            for name in names
        )
    )


def rules_of(chain_id: str, network_id: bytes = NETWORK) -> ChainRules:
    """The rules of one of the ten chains."""
    return ChainRules.of(network_id, load_profiles()[chain_id])


def network_rules_of(chain_id: str, network_id: bytes, chain_ids: Iterable[str]) -> ChainRules:
    """The rules of one chain of a network of these chains, which know those of the others."""
    return ChainRules.of_network(network_id, {one: load_profiles()[one] for one in chain_ids}, chain_id)


@dataclass(frozen=True, slots=True)
class Signers:
    """A membership whose keys are at hand."""

    names: tuple[str, ...]

    @property
    def membership(self) -> Membership:
        """The set."""
        return membership_of(self.names)

    def sign(self, place: int, message: bytes) -> bytes:
        """The signature of the replica at `place`."""
        return key_pair(self.names[place]).sign(message)

    def certify(
        self, rules: ChainRules, header: BlockHeader, *, view: int | None = None, signers: Iterable[int] | None = None
    ) -> CertifiedHeader:
        """The header with the commits of `signers` (the first quorum) in `view` (the header's)."""
        voted = header.view if view is None else view
        places = tuple(range(self.membership.quorum)) if signers is None else tuple(signers)
        commit = rules.vote_bytes(Domain.COMMIT, view=voted, height=header.height, block=rules.block_digest(header))
        signatures = tuple(self.sign(place, commit) for place in places)
        certificate = QuorumCertificate(view=voted, signers=places, signatures=signatures)
        return CertifiedHeader(header=header, certificate=certificate)


FIRST = Signers(("beijing", "shanghai", "guangzhou", "xian"))
SECOND = Signers(("beijing", "shanghai", "guangzhou", "xian", "dalian"))
THIRD = Signers(("kunming", "ningbo", "suzhou", "harbin"))


def header_of(
    rules: ChainRules, height: int, membership: Membership, next_membership: Membership | None = None, view: int = 0
) -> BlockHeader:
    """A header of `height`, one second after the one before."""
    return BlockHeader(
        version=HEADER_VERSION,
        network_id=rules.network_id,
        chain_id=rules.chain_id,
        height=height,
        parent=sha256(b"parent of %d" % height),
        transaction_root=sha256(b"transactions"),
        receipt_root=sha256(b"receipts"),
        state_root=sha256(b"state"),
        time=START_MS + 1_000 * height,
        view=view,
        proposer=0,
        membership=rules.membership_digest(membership),
        next_membership=rules.membership_digest(next_membership or membership),
    )
