"""What waits to be checked: transactions of callers and peers, a slice at a time, chain after chain (protocol 22.1).

A frame's transactions stay together: an object for each of them would cost 2 us.
"""

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from node.host import Host
from node.network.link import Link

SLICE_TRANSACTIONS: Final = 64
"""How many transactions are checked before votes are heard again."""
QUEUE_TRANSACTIONS_MAX: Final = 50_000
QUEUE_BYTES_MAX: Final = 64_000_000
QUEUE_PER_PEER_MAX: Final = 20_000
"""So that no single peer fills the queue with transactions that are worth nothing."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """The transactions of one frame: a caller's, who waits for the outcome of its `request`, or a peer's."""

    host: Host
    transactions: tuple[bytes, ...]
    caller: Link | None = None
    request: int = 0
    peer: int | None = None


class Part(NamedTuple):
    """Transactions of one arrival, from place `start` on."""

    arrival: Arrival
    start: int
    transactions: tuple[bytes, ...]


@dataclass(slots=True)
class Ingress:
    """The queue of one node. A chain with a long queue does not keep the others waiting."""

    size: int = 0
    """In bytes."""
    _chains: dict[str, deque[Part]] = field(default_factory=dict)
    """What is left of every arrival, by chain: the one whose turn it is first."""
    _from_peer: Counter[int | None] = field(default_factory=Counter)
    """How many transactions of each peer are in the queue."""

    def __len__(self) -> int:
        return self._from_peer.total()

    def has_room(self, transactions: tuple[bytes, ...], peer: int | None = None) -> bool:
        """Whether so much is taken: in all, and from this peer."""
        return (
            len(self) + len(transactions) <= QUEUE_TRANSACTIONS_MAX
            and self.size + sum(map(len, transactions)) <= QUEUE_BYTES_MAX
            and (peer is None or self._from_peer[peer] + len(transactions) <= QUEUE_PER_PEER_MAX)
        )

    def add(self, arrival: Arrival) -> None:
        """Let transactions wait; whoever adds them has asked for room."""
        self._chains.setdefault(arrival.host.rules.chain_id, deque()).append(Part(arrival, 0, arrival.transactions))
        self.size += sum(map(len, arrival.transactions))
        self._from_peer[arrival.peer] += len(arrival.transactions)

    def take(self) -> list[Part]:
        """The next slice, all of one chain; another chain comes next. Nothing if nothing waits."""
        if not self._chains:
            return []
        chain_id = next(iter(self._chains))
        waiting = self._chains.pop(chain_id)
        parts, room = list[Part](), SLICE_TRANSACTIONS
        while waiting and room:
            arrival, start, rest = waiting.popleft()
            parts.append(Part(arrival, start, rest[:room]))
            if len(rest) > room:
                waiting.appendleft(Part(arrival, start + room, rest[room:]))
            room -= len(parts[-1].transactions)
        if waiting:
            self._chains[chain_id] = waiting
        self._count_out(parts)
        return parts

    def _count_out(self, parts: list[Part]) -> None:
        for arrival, _, transactions in parts:
            self.size -= sum(map(len, transactions))
            self._from_peer[arrival.peer] -= len(transactions)
