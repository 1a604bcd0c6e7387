"""Which replicas can take part now, and why a write would wait if it would (protocol 22.1)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from node.consensus.head import OUTSIDE
from node.consensus.replica import Replica


@dataclass(slots=True)
class Outlook:
    """One replica's view of the others; `nodes` are the nodes' names in the order of the numbers links have."""

    replica: Replica
    nodes: Sequence[str]
    connected: Callable[[], frozenset[int]]
    silent: set[int] = field(default_factory=set)
    """The nodes that say that they do not know what they have signed."""

    def node_of(self, place: int) -> int:
        """The number of the node at a place of the membership; OUTSIDE if this node was never told of it."""
        name = self.replica.membership.replicas[place].name
        return self.nodes.index(name) if name in self.nodes else OUTSIDE

    def place_of(self, node: int) -> int:
        """The place of a node, or OUTSIDE."""
        names = [replica.name for replica in self.replica.membership.replicas]
        return names.index(self.nodes[node]) if self.nodes[node] in names else OUTSIDE

    def reaches_primary(self) -> bool:
        """Whether the primary of the present view can be sent to, or is this replica."""
        return self.is_connected(self.replica.primary)

    def heard(self, node: int, *, signs: bool) -> None:
        """A node says whether it knows what it has signed."""
        if signs:
            self.silent.discard(node)
        else:
            self.silent.add(node)

    def refuses(self) -> str:
        """Why a write cannot be made whatever a primary does, as a code; empty if it can."""
        membership = self.replica.membership
        reached = [place for place in range(membership.size) if self.is_connected(place)]
        if len(reached) < membership.quorum:
            return "no-quorum"
        return "" if sum(map(self.signs, reached)) >= membership.quorum else "votes-forgotten"

    def waits_for(self) -> str:
        """Why a write would wait now, as a code; empty if nothing stands in its way."""
        code = self.refuses()
        if code:
            return code
        if self.replica.changing:
            return "view-change"
        return "" if self.reaches_primary() else "primary-unreachable"

    def is_connected(self, place: int) -> bool:
        """Whether the replica at a place can be sent to, or is this one."""
        return place == self.replica.replica_id or self.node_of(place) in self.connected()

    def signs(self, place: int) -> bool:
        """Whether the replica at a place knows what it has signed, as far as it says."""
        if place == self.replica.replica_id:
            return not self.replica.abstains
        return self.node_of(place) not in self.silent
