"""Who the replicas are at each height, and how that changes (protocol 19.2).

The first set is the genesis document's. A change is signed by the replicas themselves, as many as certify a block,
and those of them that stay, with the newcomer, must be a quorum of the new set: who signs is alive.
"""

from functools import lru_cache
from itertools import pairwise
from typing import Annotated, Final

from msgspec import Meta

from chain import ed25519
from chain.codec import Record, decoder, encode
from chain.domains import Domain, prefix
from chain.evidence import EVIDENCE_HEIGHTS
from chain.ids import Natural, Signature
from chain.membership import REPLICAS_MAX, Membership, Replica
from chain.rules import ChainRules
from chain.view_change import ReplicaPlace
from contracts.interface import ContractContext, ContractReverted, Readable, refuses
from contracts.keys import memberships_key

MEMBERSHIPS_MAX: Final = 16
EFFECT_HEIGHTS_MIN: Final = 2
"""A header names the set of the next height, so a change cannot reach the block that holds it or the next one."""
EFFECT_HEIGHTS_MAX: Final = 1_000


class MembershipFrom(Record, frozen=True):
    """A set, and the first height whose block it certifies."""

    from_height: Natural
    membership: Membership


class Memberships(Record, frozen=True):
    """The latest sets of the chain, ascending by height; the last one may not have begun yet."""

    entries: Annotated[tuple[MembershipFrom, ...], Meta(min_length=1, max_length=MEMBERSHIPS_MAX)]


class ChangeMembership(Record, frozen=True):
    """`changeMembership`: the whole new set, from when on, and who of the present set signs it.

    `possession` is the signature over the same bytes by the key of a replica that joins or is re-keyed.
    """

    membership: Membership
    effective_height: Natural
    signers: Annotated[tuple[ReplicaPlace, ...], Meta(max_length=REPLICAS_MAX)]
    signatures: Annotated[tuple[Signature, ...], Meta(max_length=REPLICAS_MAX)]
    possession: Signature | None


def first_memberships(membership: Membership) -> bytes:
    """The record at height 0."""
    return encode(Memberships(entries=(MembershipFrom(from_height=0, membership=membership),)))


def current_memberships(records: Readable) -> tuple[MembershipFrom, ...]:
    """Every set that the state still holds, ascending by height."""
    data = records.get(memberships_key())
    assert data is not None, "every state has its memberships from height 0 on"
    return memberships_of(data).entries


def membership_at(records: Readable, height: int) -> Membership | None:
    """The set that certifies the block at `height`; None if that is too long ago."""
    entries = current_memberships(records)
    return next((entry.membership for entry in reversed(entries) if entry.from_height <= height), None)


def change_bytes(rules: ChainRules, old: Membership, new: Membership, effective_height: int) -> bytes:
    """What a replica signs, with its consensus key, to agree that `new` follows `old`."""
    change = (rules.membership_digest(old), rules.membership_digest(new), effective_height)
    return prefix(Domain.CHANGE_MEMBERSHIP, rules.network_id, rules.chain_id) + encode(change)


@refuses("change-pending", "effective-height-out-of-range")
def time_fits(context: ContractContext, arguments: ChangeMembership) -> None:
    """The change before has taken effect, and this one will neither at once nor in a far future."""
    last = current_memberships(context.records)[-1]
    if last.from_height > context.height:
        raise ContractReverted("change-pending", last.from_height)
    lowest, highest = context.height + EFFECT_HEIGHTS_MIN, context.height + EFFECT_HEIGHTS_MAX
    if not lowest <= arguments.effective_height <= highest:
        raise ContractReverted("effective-height-out-of-range", arguments.effective_height, lowest, highest)


@refuses("not-one-replica")
def one_replica_changes(context: ContractContext, arguments: ChangeMembership) -> None:
    """One replica joins, leaves or has a new key, and all others stay in their places."""
    _newcomer(_present(context), arguments.membership)


@refuses("signers-malformed", "change-not-signed", "no-live-quorum")
def quorums_sign(context: ContractContext, arguments: ChangeMembership) -> None:
    """A quorum of the present set signs, and those who sign and stay are a quorum of the new set."""
    old, new, signers = _present(context), arguments.membership, arguments.signers
    newcomer = _newcomer(old, new)
    ascending = all(one < other for one, other in pairwise(signers))
    if not ascending or not all(map(old.has, signers)) or len(signers) != len(arguments.signatures):
        raise ContractReverted("signers-malformed")
    if len(signers) < old.quorum:
        raise ContractReverted("change-not-signed", len(signers), old.quorum)
    shown = {old.replicas[place] for place in signers} | ({newcomer} if newcomer is not None else set())
    alive = len(shown & set(new.replicas))
    if alive < new.quorum:
        raise ContractReverted("no-live-quorum", alive, new.quorum)


@refuses("signers-malformed", "replica-repeats", "public-key-malformed", "replica-key-not-proven")
def newcomer_proven(context: ContractContext, arguments: ChangeMembership) -> None:
    """Who joins or has a new key is no other replica's double and has signed; if one leaves, nobody else has."""
    old, new = _present(context), arguments.membership
    newcomer = _newcomer(old, new)
    if newcomer is not None:
        _require_distinct(new, newcomer)
        message = change_bytes(context.rules, old, new, arguments.effective_height)
        _require_possession(context.rules, arguments.possession, newcomer, message)
    elif arguments.possession is not None:
        raise ContractReverted("signers-malformed")


@refuses("change-signature-invalid")
def signatures_valid(context: ContractContext, arguments: ChangeMembership) -> None:
    """Every signature is its replica's over the change."""
    old = _present(context)
    message = change_bytes(context.rules, old, arguments.membership, arguments.effective_height)
    for place, signature in zip(arguments.signers, arguments.signatures, strict=True):
        if not context.rules.consensus_verify(old.key(place), message, signature):
            raise ContractReverted("change-signature-invalid", place)


@refuses("changes-too-frequent")
def evidence_kept(context: ContractContext, _arguments: ChangeMembership) -> None:
    """No set is pushed out that evidence can still ask for."""
    entries = current_memberships(context.records)
    if len(entries) == MEMBERSHIPS_MAX and entries[1].from_height > context.height - EVIDENCE_HEIGHTS:
        raise ContractReverted("changes-too-frequent", MEMBERSHIPS_MAX, EVIDENCE_HEIGHTS)


def change_membership(context: ContractContext, arguments: ChangeMembership) -> None:
    """Let one replica join, leave or be re-keyed; the oldest set goes if there are too many."""
    entries = current_memberships(context.records)
    old, new = entries[-1].membership, arguments.membership
    added = MembershipFrom(from_height=arguments.effective_height, membership=new)
    kept = (*entries, added)[-MEMBERSHIPS_MAX:]
    context.records.put(memberships_key(), encode(Memberships(entries=kept)))
    digest = context.rules.membership_digest
    context.emit("MembershipChanged", digest(old), digest(new), arguments.effective_height)


def _present(context: ContractContext) -> Membership:
    return current_memberships(context.records)[-1].membership


def _newcomer(old: Membership, new: Membership) -> Replica | None:
    """The replica that joins or has a new key; None if one leaves. Anything else is refused."""
    before, after = old.replicas, new.replicas
    shared = zip(before, after, strict=False)
    place = next((i for i, (one, other) in enumerate(shared) if one != other), min(len(before), len(after)))
    if len(after) == len(before) - 1 and after[place:] == before[place + 1 :]:
        return None
    joins = len(after) == len(before) + 1 and place == len(before)
    rekeyed = (
        len(after) == len(before) > place
        and before[place].name == after[place].name
        and before[place + 1 :] == after[place + 1 :]
    )
    if not (joins or rekeyed):
        raise ContractReverted("not-one-replica", len(before), len(after))
    return after[place]


def _require_distinct(membership: Membership, newcomer: Replica) -> None:
    others = [replica for replica in membership.replicas if replica != newcomer]
    taken = {value for other in others for value in (other.name, other.consensus_key, other.tls_key_digest)}
    if len(others) != membership.size - 1 or taken & {newcomer.name, newcomer.consensus_key, newcomer.tls_key_digest}:
        raise ContractReverted("replica-repeats", newcomer.name)


def _require_possession(rules: ChainRules, possession: bytes | None, newcomer: Replica, message: bytes) -> None:
    key = newcomer.consensus_key
    if not ed25519.check_public_key(key):
        raise ContractReverted("public-key-malformed", key)
    if possession is None or not rules.consensus_verify(key, message, possession):
        raise ContractReverted("replica-key-not-proven", newcomer.name)


CHECKS: Final = (
    time_fits, one_replica_changes, quorums_sign, newcomer_proven, signatures_valid, evidence_kept
)  # fmt: skip
memberships_of = lru_cache(maxsize=64)(decoder(Memberships))
