"""How a replica asks for another view, and the proof of what it prepared before (protocol 21.2).

Records and checks alone: when to ask, and what a new view follows from, is for whoever runs a replica.
"""

from itertools import pairwise
from typing import Annotated

from msgspec import Meta

from chain.codec import Record, encode
from chain.domains import Domain, prefix
from chain.ids import Digest, Natural, Signature
from chain.light_client import CertifiedHeader
from chain.membership import REPLICAS_MAX, Membership
from chain.rules import ChainRules

ReplicaPlace = Annotated[int, Meta(ge=0, lt=REPLICAS_MAX)]


class PreparedCertificate(Record, frozen=True):
    """That a block was prepared in a view: its primary's pre-prepare and quorum - 1 prepares of distinct backups.

    Only signatures: the block itself travels apart, and its digest binds it.
    """

    view: Natural
    height: Natural
    block: Digest
    pre_prepare: Signature
    signers: Annotated[tuple[ReplicaPlace, ...], Meta(max_length=REPLICAS_MAX)]
    """The backups, ascending."""
    prepares: Annotated[tuple[Signature, ...], Meta(max_length=REPLICAS_MAX)]


class ViewChange(Record, frozen=True, tag=4):
    """Its sender wants `view`, and shows how far it has come.

    `committed` is its head (None before the first block), `prepared` what it prepared at the height after that.
    """

    view: Natural
    committed: CertifiedHeader | None
    prepared: PreparedCertificate | None

    @property
    def height(self) -> int:
        """The height that it goes on with."""
        return 1 if self.committed is None else self.committed.header.height + 1


def view_change_bytes(rules: ChainRules, change: ViewChange) -> tuple[bytes, bytes]:
    """The exact bytes that the sender of `change` signs, and the digest in them: that of the message itself."""
    domain = Domain.VIEW_CHANGE
    digest = rules.digest(prefix(domain, rules.network_id, rules.chain_id) + encode(change))
    return rules.vote_bytes(domain, view=change.view, height=change.height, block=digest), digest


def is_prepared(rules: ChainRules, prepared: PreparedCertificate, membership: Membership, *, primary: int) -> bool:
    """Whether the certificate shows what it claims; `primary` is the primary of its view."""
    signers = prepared.signers
    if len(signers) != membership.quorum - 1 or len(prepared.prepares) != len(signers):
        return False
    if any(later <= earlier for earlier, later in pairwise(signers)):
        return False
    if primary in signers or not all(membership.has(signer) for signer in signers):
        return False
    verify = rules.consensus_verify
    block, view, height = prepared.block, prepared.view, prepared.height
    proposal = rules.vote_bytes(Domain.PRE_PREPARE, view=view, height=height, block=block)
    if not verify(membership.key(primary), proposal, prepared.pre_prepare):
        return False
    prepare = rules.vote_bytes(Domain.PREPARE, view=view, height=height, block=block)
    pairs = zip(signers, prepared.prepares, strict=True)
    return all(verify(membership.key(signer), prepare, signature) for signer, signature in pairs)
