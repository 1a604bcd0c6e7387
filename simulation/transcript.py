"""The run as people read it - when, who, what - and the hash that says whether two runs were the same."""

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Final

from chain.quorum import QuorumCertificate
from node.consensus.messages import Commit, Envelope, NewView, Prepare, PrePrepare, ViewChange
from node.execution import Executed
from simulation.clock import MILLISECOND_US, SECOND_US, Clock
from simulation.machine import Machine
from simulation.observer import Observer

SHORT: Final = 6
"""Of a digest, so many characters are shown."""
WORLD: Final = "world"


class Transcript(Observer):
    """One line for everything that a reader wants to see; the hash covers more than is shown."""

    def __init__(self, clock: Clock, show: Callable[[str], None] | None = None) -> None:
        self._clock = clock
        self._show = show
        self._hash = blake2b(digest_size=16)
        self._heard: set[bytes] = set()

    @property
    def trace_hash(self) -> str:
        """Two runs with the same one were the same run."""
        return self._hash.hexdigest()

    def frame(self, sender: int, receiver: int) -> None:
        """A frame arrives: hashed, not shown."""
        self._hash.update(b"%d %d %d;" % (self._clock.now_us, sender, receiver))

    def say(self, who: str, what: str) -> None:
        """One line."""
        now = self._clock.now_us
        self._hash.update(f"{now} {who} {what};".encode())
        if self._show is not None:
            self._show(f"{now // SECOND_US:4d}.{now % SECOND_US // MILLISECOND_US:03d}  {who:<10} {what}")

    def cast(self, machine: Machine, envelope: Envelope) -> None:
        """Shown when it is said for the first time."""
        if envelope.signature not in self._heard:
            self._heard.add(envelope.signature)
            self._hash.update(envelope.signature)
            self.say(machine.name, described(envelope))

    def committed(self, machine: Machine, executed: Executed, certificate: QuorumCertificate) -> None:
        """A block is there for good."""
        header = executed.block.header
        signers = " ".join(map(str, certificate.signers))
        self.say(machine.name, f"block {header.height} is committed: {_short(executed.digest)}, signed by {signers}")

    def started(self, machine: Machine) -> None:
        """It is back."""
        assert machine.process is not None
        self.say(machine.name, f"is up at height {machine.process.host.ledger.height}")

    def crashed(self, machine: Machine, why: str) -> None:
        """It is gone."""
        self.say(machine.name, why)

    def befell(self, kind: str, sentence: str) -> None:
        """Bad luck."""
        self.say(WORLD, f"{kind}: {sentence}")

    def noted(self, machine: Machine, sentence: str) -> None:
        """What an operator would read."""
        self.say(machine.name, f"says: {sentence}")

    def finished(self, machines: Sequence[Machine]) -> None:
        """Where everybody stands."""
        for machine in machines:
            assert machine.process is not None
            head = machine.process.host.ledger.head
            self.say(machine.name, f"ends at height {head.header.height}: {_short(head.digest)}")


def described(envelope: Envelope) -> str:
    """A message in words."""
    match envelope.message:
        case PrePrepare(view=view, block=block):
            count = len(block.transactions)
            requests = "1 request" if count == 1 else f"{count} requests"
            return f"pre-prepare block {block.header.height} in view {view}: {requests}"
        case Prepare(view=view, height=height, block=digest):
            return f"prepare block {height} in view {view}: {_short(digest)}"
        case Commit(view=view, height=height, block=digest):
            return f"commit block {height} in view {view}: {_short(digest)}"
        case ViewChange(view=view, committed=committed, prepared=prepared):
            head = 0 if committed is None else committed.header.height
            bound = "nothing prepared" if prepared is None else f"block {prepared.height} prepared in {prepared.view}"
            return f"view change to view {view}: head {head}, {bound}"
        case NewView(view=view, view_changes=changes):
            return f"new view {view}: shown by {' '.join(str(change.signer) for change in changes)}"


def _short(digest: bytes) -> str:
    return digest.hex()[:SHORT]
