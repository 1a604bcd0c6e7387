"""Replicas that can be copied, with a host as small as can be, for those who look at every way things can go."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from msgspec.structs import replace as with_changes

from chain.block import HEADER_VERSION, Block, BlockHeader, CommittedBlock
from chain.ids import ZERO_DIGEST, View
from chain.rules import ChainRules
from node.consensus.evidence import Witness
from node.consensus.head import Head
from node.consensus.log import Future, InFlight
from node.consensus.messages import (
    Authenticated,
    Envelope,
    Message,
    ViewChange,
    place,
    signed_bytes,
)
from node.consensus.patience import Patience
from node.consensus.replica import Replica
from node.consensus.standing import Effects
from node.consensus.view_change import ViewChanges
from simulation.foundation import Foundation, found
from simulation.signatures import Signatures

CHAIN: Final = "nanjing"
Situation = tuple[object, ...]


class Puppet(Replica):
    """A replica whose patience ends when somebody else says so, and which can be copied."""

    def give_up(self, view: int) -> Effects:
        """Ask for a view."""
        return () if self.view >= view else self._change_view(View(view))

    def copy(self) -> "Puppet":
        """Another one that stands where this one does."""
        other = object.__new__(Puppet)
        other.__dict__.update(self.__dict__)
        for name, value in self.__dict__.items():
            apart = _COPIES.get(type(value))
            if apart is not None:
                other.__dict__[name] = apart(value)
        return other

    @property
    def lasting(self) -> Situation:
        """What still matters when everybody is about to give up the view: the rest is of this view alone."""
        certificate, prepared = self.head.certificate, self.prepared
        return (
            self.head.digest,
            None if certificate is None else certificate.view,
            None if prepared is None else (prepared.view, prepared.block),
            tuple(sorted(self._blocks)),
        )

    @property
    def passing(self) -> Situation:
        """What matters for the rest of the view as well."""
        flight, bound = self._flight, self._bound
        proposal = flight.proposal
        return (
            self.changing,
            None if proposal is None else proposal.digest,
            flight.valid,
            tuple(sorted((signer, vote.digest) for signer, vote in flight.prepares.items())),
            tuple(sorted((signer, vote.digest) for signer, vote in flight.commits.items())),
            tuple(sorted((key, kept.digest) for key, kept in self._future.kept.items())),
            tuple(sorted((signer, _wanted(kept.message)) for signer, kept in self._changes.kept.items())),
            None if bound is None else (bound.height, bound.prepared is not None and bound.prepared.block),
            tuple(sorted(kind.__name__ for kind in self._cast_kinds)),
            (self._building, self._wanted),
        )


def _wanted(message: Message) -> Situation:
    """What a view change says, whatever signatures prove it."""
    prepared = message.prepared if isinstance(message, ViewChange) else None
    return (*place(message), (-1, b"") if prepared is None else (prepared.view, prepared.block))


@dataclass(slots=True)
class Instance:
    """A replica with what its host would keep."""

    place: int
    replica: Puppet
    blocks: tuple[CommittedBlock, ...] = ()
    has_built: bool = False
    """Whether it has made its block of this view: one is enough."""
    committed_to: tuple[int, int] = (0, 0)
    """(height, view) of its last commit."""
    said: dict[tuple[str, int, int], bytes] = field(default_factory=dict)
    """In this half of the view: (kind, height, view) -> digest."""
    witness: Witness = field(default_factory=Witness)

    def copy(self) -> "Instance":
        """Another one, with nothing said or heard yet."""
        return Instance(self.place, self.replica.copy(), self.blocks, self.has_built, self.committed_to)


class Stage:
    """What does not change - the keys, the rules, and who is twice - and what has been seen so far."""

    def __init__(self, twin: int, replicas: int) -> None:
        self.twin = twin
        self.foundation = found(replicas, CHAIN)
        self.seen: Counter[str] = Counter()
        signatures = Signatures(ideal=True)
        self.rules = signatures.bind(self.foundation.rules)
        self._sign = [signatures.holder(pair) for pair in self.foundation.replicas]

    def sign(self, signer: int, message: Message) -> Authenticated:
        """A message as every receiver would have authenticated it."""
        statement, digest = signed_bytes(self.rules, message)
        return Authenticated(Envelope(signer=signer, signature=self._sign[signer](statement), message=message), digest)

    def begin(self) -> list[Instance]:
        """Five instances that have seen nothing; the last one is the twin."""
        head = _genesis(self.foundation, self.rules)
        return [
            Instance(
                at, Puppet(rules=self.rules, key=self.foundation.replicas[at].public_key, primary_offset=0, head=head)
            )
            for at in (*range(len(self.foundation.replicas)), self.twin)
        ]


def _flight(flight: InFlight) -> InFlight:
    return replace(flight, prepares=dict(flight.prepares), commits=dict(flight.commits))


_COPIES: Final[dict[type, Callable[[Any], Any]]] = {
    dict: dict,
    set: set,
    InFlight: _flight,
    Future: lambda future: Future(dict(future.kept)),
    ViewChanges: lambda changes: ViewChanges(dict(changes.kept)),
    Patience: replace,
}
"""How to copy the parts of a replica that change; all others are values."""


def _genesis(foundation: Foundation, rules: ChainRules) -> Head:
    membership = foundation.membership
    digest = rules.membership_digest(membership)
    header = _header(rules, height=0, parent=ZERO_DIGEST, time=0, view=0, proposer=0, membership=digest)
    return Head(
        header=header,
        digest=rules.block_digest(header),
        certificate=None,
        membership=membership,
        certified_by=membership,
    )


def block_of(head: Head, view: int, proposer: int, number: int) -> Block:
    """The block of one instance in one view on one parent: always the same one."""
    parent = head.header
    header = with_changes(
        parent,
        height=parent.height + 1,
        parent=head.digest,
        time=parent.time + 1 + number,
        view=view,
        proposer=proposer,
    )
    return Block(header=header, transactions=(b"a request",))


def _header(
    rules: ChainRules, *, height: int, parent: bytes, time: int, view: int, proposer: int, membership: bytes
) -> BlockHeader:
    return BlockHeader(
        version=HEADER_VERSION,
        network_id=rules.network_id,
        chain_id=rules.chain_id,
        height=height,
        parent=parent,
        transaction_root=ZERO_DIGEST,
        receipt_root=ZERO_DIGEST,
        state_root=ZERO_DIGEST,
        time=time,
        view=view,
        proposer=proposer,
        membership=membership,
        next_membership=membership,
    )
