"""Everything outside a host, as functions: a real process and a simulated world give it the same ones."""

from collections.abc import Callable
from dataclasses import dataclass

from chain.quorum import QuorumCertificate
from node.execution import Executed
from node.network.frames import PeerFrame
from node.storage.interface import Journal


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Everything outside: the log, the other replicas, the key, the clock, and who is told of commits."""

    journal: Journal
    broadcast: Callable[[PeerFrame], None]
    send: Callable[[int, PeerFrame], None]
    connected: Callable[[], frozenset[int]]
    sign: Callable[[bytes], bytes]
    now: Callable[[], int]
    committed: Callable[[str, Executed, QuorumCertificate], None]
    """Told (chain id, block, certificate) of every block once it is durable."""
    signs: Callable[[str, bool], None]
    """Told (chain id, whether) when the replica comes to know, or not to know, what it has signed."""
    flush: Callable[[Callable[[], None]], None]
    """Make durable what the ledger has written, without the log's help; then call."""
    note: Callable[[str, str], None]
    """Told (chain id, sentence) of what an operator should see in the log."""
