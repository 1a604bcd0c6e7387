"""The nodes that a node knows, by name (protocol 12.2): whoever the genesis document or a set on a chain names.

A node has one name on all chains and one local number, in the order in which they became known. It is recognised by
the pin of its TLS key alone.
"""

from collections.abc import Iterable, Mapping, Sequence

from chain.membership import Membership, Replica


class Directory:
    """Names, numbers and pins. `names` only ever grows, so that a number stays a node's own."""

    def __init__(self, first: Membership, own: str) -> None:
        self.names: list[str] = []
        self._first = first
        self._live: dict[str, tuple[Membership, ...]] = {}
        self._past: dict[str, tuple[Membership, ...]] = {}
        self._pins: Mapping[bytes, int] = {}
        self._recount()
        self.own = self._number(own)
        """The number of the node itself."""

    def learn(self, chain_id: str, *, past: Iterable[Membership], live: Iterable[Membership]) -> None:
        """The sets that a chain names: those of the past, and the one in force with the one that follows it, if any."""
        self._past[chain_id], self._live[chain_id] = tuple(past), tuple(live)
        self._recount()

    def find(self, pin: bytes) -> int | None:
        """The number of the node with this TLS key, or None."""
        return self._pins.get(pin)

    def _recount(self) -> None:
        """Pins of live sets count; whoever is in none of them any more is known by its last one, for it may follow."""
        live = _replicas(self._live.values())
        named = {replica.name for replica in live}
        last = {replica.name: replica for replica in (*self._first.replicas, *_replicas(self._past.values()))}
        known = [*live, *(replica for name, replica in last.items() if name not in named)]
        for replica in (*self._first.replicas, *known):
            self._number(replica.name)
        self._pins = {replica.tls_key_digest: self._number(replica.name) for replica in reversed(known)}

    def _number(self, name: str) -> int:
        if name not in self.names:
            self.names.append(name)
        return self.names.index(name)


def _replicas(chains: Iterable[Sequence[Membership]]) -> list[Replica]:
    return [replica for sets in chains for membership in sets for replica in membership.replicas]
