"""How one chain stands at its node, for people and for peers: it proves nothing (protocol 12.3, 12.5)."""

from chain.membership import REPLICAS_MAX
from chain.rpc import ChainStatus, MemberStatus, PendingChange
from contracts.evidence import convictions_of
from contracts.membership import current_memberships
from node.consensus.replica import Replica
from node.ledger import Ledger
from node.network.frames import ChainHead
from node.outlook import Outlook


def chain_status(
    ledger: Ledger, replica: Replica, outlook: Outlook, *, pool: int, behind: tuple[int, ...]
) -> ChainStatus:
    """Head, view, phase, why a write would wait, who is behind, and every member as this replica sees it."""
    head = ledger.head
    return ChainStatus(
        chain_id=ledger.rules.chain_id,
        height=head.header.height,
        head=head.digest,
        time=head.header.time,
        view=replica.view,
        primary=replica.primary,
        phase=replica.phase,
        pool=pool,
        waits_for=outlook.waits_for(),
        behind=tuple(outlook.nodes[node] for node in behind)[:REPLICAS_MAX],
        members=tuple(_member(ledger, replica, outlook, place) for place in range(replica.membership.size)),
        pending=_pending_change(ledger),
    )


def chain_head(ledger: Ledger, replica: Replica) -> ChainHead:
    """How far the chain is, for peers."""
    head = ledger.head
    return ChainHead(
        chain_id=ledger.rules.chain_id,
        height=head.header.height,
        view=replica.view,
        head=head.digest,
        signs=not replica.abstains,
    )


def _member(ledger: Ledger, replica: Replica, outlook: Outlook, place: int) -> MemberStatus:
    member = replica.membership.replicas[place]
    return MemberStatus(
        replica=member,
        connected=outlook.is_connected(place),
        signs=outlook.signs(place),
        convictions=convictions_of(ledger.state, member.consensus_key),
    )


def _pending_change(ledger: Ledger) -> PendingChange | None:
    last = current_memberships(ledger.state)[-1]
    if last.from_height <= ledger.height + 1:
        return None
    return PendingChange(effective_height=last.from_height, membership=last.membership)
