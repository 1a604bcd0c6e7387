"""Sets of replicas whose keys are at hand, and the changes that they sign."""

from functools import cache
from typing import Final

from chain.block import BlockHeader
from chain.domains import Domain
from chain.light_client import CertifiedHeader
from chain.membership import Membership, Replica
from chain.quorum import QuorumCertificate
from chain.rules import ChainRules
from chain.signatures import KeyPair
from contracts.membership import ChangeMembership, change_bytes
from tests.chain.small_network import FIRST, key_pair, membership_of

NAMES: Final = (
    *FIRST.names, "dalian", "kunming", "ningbo", "suzhou", "harbin", "wuxi", "jinan", "foshan", "hefei", "xian anew",
)  # fmt: skip
FOUR: Final = FIRST.membership


@cache
def keys() -> dict[bytes, KeyPair]:
    """Every consensus key by its public part."""
    return {key_pair(name).public_key: key_pair(name) for name in NAMES}


def first(size: int) -> Membership:
    """The set of the first `size` names."""
    return membership_of(NAMES[:size])


def replica_of(name: str, key: str | None = None) -> Replica:
    """A replica, perhaps with keys that bear another name."""
    made = membership_of((key or name, *"abc")).replicas[0]
    return Replica(name=name, consensus_key=made.consensus_key, tls_key_digest=made.tls_key_digest)


def joined(membership: Membership, newcomer: Replica) -> Membership:
    """The set with one more."""
    return Membership(replicas=(*membership.replicas, newcomer))


def without(membership: Membership, place: int) -> Membership:
    """The set with one less."""
    return Membership(replicas=membership.replicas[:place] + membership.replicas[place + 1 :])


def rekeyed(membership: Membership, place: int, key: str = "xian anew") -> Membership:
    """The set with new keys for one."""
    replicas = list(membership.replicas)
    replicas[place] = replica_of(replicas[place].name, key)
    return Membership(replicas=tuple(replicas))


def certified_by(rules: ChainRules, membership: Membership, header: BlockHeader) -> CertifiedHeader:
    """The header with the commits of the first quorum of a set."""
    commit = rules.vote_bytes(Domain.COMMIT, view=0, height=header.height, block=rules.block_digest(header))
    places = tuple(range(membership.quorum))
    signatures = tuple(keys()[membership.key(place)].sign(commit) for place in places)
    return CertifiedHeader(header=header, certificate=QuorumCertificate(view=0, signers=places, signatures=signatures))


def agreed(
    rules: ChainRules,
    old: Membership,
    new: Membership,
    effective_height: int,
    *,
    signers: tuple[int, ...] | None = None,
) -> ChangeMembership:
    """The change, signed by these places of the old set (all), and by whoever is new."""
    message = change_bytes(rules, old, new, effective_height)
    places = tuple(range(old.size)) if signers is None else signers
    newcomers = [replica for replica in new.replicas if replica not in old.replicas]
    return ChangeMembership(
        membership=new,
        effective_height=effective_height,
        signers=places,
        signatures=tuple(keys()[old.key(place)].sign(message) for place in places),
        possession=keys()[newcomers[0].consensus_key].sign(message) if newcomers else None,
    )
