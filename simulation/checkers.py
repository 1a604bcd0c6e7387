"""What must hold, watched from outside (I1 to I11 of the design; I12 to I14 are watched where runs are compared).

A checker raises `Violation` at the moment at which it sees something that must not be. It counts what it has checked:
a run in which a checker had nothing to check proves nothing.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from chain.block import BlockHeader
from chain.codec import decode, encode
from chain.domains import Domain
from chain.membership import Membership
from chain.quorum import QuorumCertificate
from chain.rules import ChainRules
from chain.transaction import SignedTransaction, Transaction
from node.consensus.evidence import VIEWS_MAX
from node.consensus.log import FUTURE_HEIGHTS_MAX
from node.consensus.messages import Envelope, place, signed_bytes
from node.execution import Executed
from node.ledger import Ledger, StoredBlock
from simulation.machine import Machine
from simulation.observer import Observer, Violation

CARRIED_MAX: Final = 300
"""Records of the height in flight that a log may have to carry over."""


class Checker(Observer):
    """Counts what it checks."""

    name = ""

    def __init__(self) -> None:
        self.checked = 0

    def require(self, holds: bool, sentence: str) -> None:  # noqa: FBT001 - it reads as an assertion
        """One check; `sentence` says what was seen instead."""
        self.checked += 1
        if not holds:
            raise Violation(f"{self.name}: {sentence}")


class Agreement(Checker):
    """I1, I7: honest machines have one block and one state root for every height."""

    name = "agreement"

    def __init__(self) -> None:
        super().__init__()
        self.blocks: dict[int, tuple[bytes, bytes]] = {}
        """Height -> digest and state root of the block that was seen first."""

    def committed(self, machine: Machine, executed: Executed, certificate: QuorumCertificate) -> None:
        """Compared with what others have there, and with what execution gave here."""
        header = executed.block.header
        self.compare(machine, header, executed.digest)
        self.require(
            executed.layer.root == header.state_root,
            f"{machine.name} has executed block {header.height} to another state than its header claims",
        )

    def finished(self, machines: Sequence[Machine]) -> None:
        """Every block of every machine, and the state behind the head."""
        for machine in machines:
            assert machine.process is not None
            ledger = machine.process.host.ledger
            for block in kept_blocks(ledger):
                header = block.committed.header
                self.compare(machine, header, ledger.rules.block_digest(header))
            self.require(
                ledger.state.root == ledger.head.header.state_root,
                f"{machine.name} stands on another state than its head",
            )

    def compare(self, machine: Machine, header: BlockHeader, digest: bytes) -> None:
        """One block of one machine."""
        first = self.blocks.setdefault(header.height, (digest, header.state_root))
        self.require(
            first == (digest, header.state_root),
            f"{machine.name} has block {header.height} {digest.hex()[:6]}, others have {first[0].hex()[:6]}",
        )


class Order(Checker):
    """I2: in one life blocks are told of one after the other; no transaction is in two blocks."""

    name = "order"

    def __init__(self) -> None:
        super().__init__()
        self.heights: dict[bytes, int] = {}
        """Transaction id -> height of its block."""
        self._told: dict[int, int] = {}

    def started(self, machine: Machine) -> None:
        """A new life goes on where recovery ended."""
        assert machine.process is not None
        self._told[machine.number] = machine.process.host.ledger.height

    def committed(self, machine: Machine, executed: Executed, certificate: QuorumCertificate) -> None:
        """The next height, with transactions of its own."""
        assert machine.process is not None
        height = executed.block.header.height
        before, installed = self._told[machine.number], machine.process.installed
        follows = height - 1 in (before, max(before, installed))
        self.require(follows, f"{machine.name} tells of block {height} after block {before}")
        self._told[machine.number] = height
        for checked in executed.transactions:
            earlier = self.heights.setdefault(checked.transaction_id, height)
            self.require(earlier == height, f"a transaction of block {height} is in block {earlier} already")


class Validity(Checker):
    """I3: what is in a block was sent by a client, and its sender's key signed it. Checked once for a block."""

    name = "validity"

    def __init__(self, rules: ChainRules, keys: dict[bytes, bytes], sent: Callable[[bytes], bool]) -> None:
        super().__init__()
        self._rules = rules
        self._keys = keys
        self._sent = sent
        self._seen: set[bytes] = set()

    def committed(self, machine: Machine, executed: Executed, certificate: QuorumCertificate) -> None:
        """From the bytes on."""
        if executed.digest in self._seen:
            return
        self._seen.add(executed.digest)
        for raw in executed.block.transactions:
            signed = decode(raw, SignedTransaction)
            transaction = decode(signed.body, Transaction)
            if transaction.self_proving:
                continue  # its contract has checked what it carries, and another checker whom it convicts
            key = self._keys[transaction.sender]
            valid = self._rules.scheme.verify(key, self._rules.transaction_id(signed.body), signed.signature)
            self.require(valid and self._sent(raw), f"block {executed.block.header.height} holds what nobody sent")


class Certificates(Checker):
    """I4: a quorum of distinct members signed the commit of exactly this block, in a view not before its own."""

    name = "certificates"

    def __init__(self, rules: ChainRules, membership: Membership) -> None:
        super().__init__()
        self._rules = rules
        self._membership = membership
        self._seen: set[tuple[bytes, QuorumCertificate]] = set()

    def committed(self, machine: Machine, executed: Executed, certificate: QuorumCertificate) -> None:
        """Counted and verified anew, not by the code that the replicas use."""
        if (executed.digest, certificate) in self._seen:
            return
        self._seen.add((executed.digest, certificate))
        header = executed.block.header
        statement = self._rules.vote_bytes(
            Domain.COMMIT, view=certificate.view, height=header.height, block=executed.digest
        )
        signers = {
            signer
            for signer, signature in zip(certificate.signers, certificate.signatures, strict=True)
            if self._rules.consensus_verify(self._membership.replicas[signer].consensus_key, statement, signature)
        }
        faulty = (self._membership.size - 1) // 3
        quorum = (self._membership.size + faulty) // 2 + 1
        self.require(
            len(signers) >= quorum and certificate.view >= header.view,
            f"{machine.name} took block {header.height} with the commits of {sorted(signers)}",
        )


class Votes(Checker):
    """I5: an honest replica never says two things for one height, view and phase, and says nothing undurable."""

    name = "votes"

    def __init__(self, rules: ChainRules, unaware: set[int]) -> None:
        super().__init__()
        self._rules = rules
        self._unaware = unaware
        self._said: dict[tuple[int, str, int, int], bytes] = {}
        self._seen: set[bytes] = set()

    def cast(self, machine: Machine, envelope: Envelope) -> None:
        """Looked up on the disk at the moment it leaves, across restarts."""
        if envelope.signature in self._seen or machine.place in self._unaware:
            return
        self._seen.add(envelope.signature)
        message = envelope.message
        height, view = place(message)
        kind = type(message).__name__
        digest = signed_bytes(self._rules, message)[1]
        first = self._said.setdefault((machine.place, kind, height, view), digest)
        self.require(first == digest, f"{machine.name} says two things as {kind} at height {height}, view {view}")
        self.require(
            machine.disk.holds(envelope.signature), f"{machine.name} sends a {kind} that its disk does not hold"
        )


class Evidence(Checker):
    """I11: only the guilty are convicted, and who says two things to one honest replica that lives on is."""

    name = "evidence"

    def __init__(self, rules: ChainRules, membership: Membership, guilty: Callable[[int], bool]) -> None:
        super().__init__()
        self.convictions: set[tuple[int, int, int]] = set()
        """(place, height, kind)."""
        self._rules = rules
        self._places = {replica.consensus_key: place for place, replica in enumerate(membership.replicas)}
        self._guilty = guilty
        self._heard: dict[tuple[int, int, str, int], dict[int, bytes]] = {}
        """(machine, signer, kind, height) -> digest by view."""
        self._owed: dict[tuple[int, int], set[int]] = {}
        """(place, height) of two statements -> the machines that heard both in one life."""

    def heard(self, machine: Machine, envelope: Envelope) -> None:
        """A message of a replica that lies reaches an honest one."""
        height, view = place(envelope.message)
        assert machine.process is not None
        if height > machine.process.host.ledger.height + 1 + FUTURE_HEIGHTS_MAX:
            return  # so far ahead a witness keeps nothing
        views = self._heard.setdefault((machine.number, envelope.signer, type(envelope.message).__name__, height), {})
        if view not in views and len(views) == VIEWS_MAX:
            return  # a witness keeps no more of them either
        digest = signed_bytes(self._rules, envelope.message)[1]
        if views.setdefault(view, digest) != digest:
            self._owed.setdefault((envelope.signer, height), set()).add(machine.number)

    def crashed(self, machine: Machine, why: str) -> None:
        """What it heard is forgotten, and what it could prove."""
        self._heard = {key: views for key, views in self._heard.items() if key[0] != machine.number}
        for witnesses in self._owed.values():
            witnesses.discard(machine.number)

    def committed(self, machine: Machine, executed: Executed, certificate: QuorumCertificate) -> None:
        """Convictions are events of the contract `system`."""
        for receipt in executed.receipts:
            for event in receipt.events:
                if (event.contract, event.name) == ("system", "Convicted"):
                    self._convicted(*event.values[:4])

    def _convicted(self, key: bytes, name: str, kind: int, height: int) -> None:
        convict = self._places[key]
        self.require(self._guilty(convict), f"{name} is convicted of kind {kind} at height {height}, and is honest")
        self.convictions.add((convict, height, kind))

    def at_large(self, height: int) -> set[int]:
        """The places whose two statements somebody who lives has heard, for a height up to `height`, unconvicted."""
        caught = {place for (place, at), witnesses in self._owed.items() if witnesses and at <= height}
        return caught - {convict for convict, _, kind in self.convictions if kind == 1}


class Durability(Checker):
    """I6: when a block is told of for the first time, it is on the disks of a quorum, whatever is lost afterwards.

    A Byzantine signer, and one that has lost its disk since it signed, counts as having it: they are at most f.
    """

    name = "durability"

    def __init__(self, machines: Sequence[Machine], quorum: int, forgetful: set[int]) -> None:
        super().__init__()
        self._machines = machines
        self._quorum = quorum
        self._forgetful = forgetful
        self._seen: set[bytes] = set()

    def committed(self, machine: Machine, executed: Executed, certificate: QuorumCertificate) -> None:
        """Counted at the moment at which it is told."""
        if executed.digest in self._seen:
            return
        self._seen.add(executed.digest)
        header = executed.block.header
        part = encode(header)
        holders = {signer for signer in certificate.signers if self._counts(signer, header.height, part)}
        self.require(
            len(holders) >= self._quorum, f"block {header.height} is told of and on the disks of {sorted(holders)} only"
        )

    def _counts(self, signer: int, height: int, part: bytes) -> bool:
        machine = self._machines[signer]
        if not machine.honest or signer in self._forgetful or machine.disk.holds(part):
            return True
        stored = machine.disk.entries.get(b"b" + height.to_bytes(8, "big"))
        return stored is not None and part in stored


class BlockTime(Checker):
    """I10: the time of blocks grows, and is not ahead of every honest clock by more than the chain allows."""

    name = "block time"

    def __init__(self, machines: Sequence[Machine], skew_ms: int) -> None:
        super().__init__()
        self._machines = machines
        self._skew_ms = skew_ms
        self._times: dict[int, int] = {}

    def committed(self, machine: Machine, executed: Executed, certificate: QuorumCertificate) -> None:
        """After the block before, not after the latest clock."""
        header = executed.block.header
        if header.height in self._times:
            return
        self._times[header.height] = header.time
        before = self._times.get(header.height - 1, 0)
        latest = max(machine.clock.latest_ms for machine in self._machines if machine.honest)
        self.require(before < header.time, f"block {header.height} has time {header.time}, its parent {before}")
        self.require(
            header.time <= latest + self._skew_ms,
            f"block {header.height} has time {header.time}, the latest honest clock says {latest}",
        )


class Bounds(Checker):
    """I9: pools, logs and what waits in memory stay within their limits. Looked at whenever a block is told of."""

    name = "bounds"

    def committed(self, machine: Machine, executed: Executed, certificate: QuorumCertificate) -> None:
        """The machine that tells."""
        assert machine.process is not None
        host = machine.process.host
        self.require(
            len(host.pool) <= host.rules.profile.pool_transactions_max, f"the pool of {machine.name} is over its limit"
        )
        self.require(
            len(host.carried()) <= CARRIED_MAX, f"{machine.name} holds {len(host.carried())} records of one height"
        )
        self.require(len(machine.disk.segments) <= 3, f"the log of {machine.name} is not cut")


def kept_blocks(ledger: Ledger) -> Iterator[StoredBlock]:
    """The blocks that a ledger keeps whole."""
    for height in range(ledger.oldest_block, ledger.height + 1):
        stored = ledger.block(height)
        assert stored is not None
        yield stored


class Kept(Checker):
    """I6 at the end: what a client was told is in every honest chain."""

    name = "kept"

    def __init__(self) -> None:
        super().__init__()
        self._told: dict[bytes, int] = {}

    def committed(self, machine: Machine, executed: Executed, certificate: QuorumCertificate) -> None:
        """Somebody heard of it."""
        for checked in executed.transactions:
            self._told.setdefault(checked.transaction_id, executed.block.header.height)

    def finished(self, machines: Sequence[Machine]) -> None:
        """Nothing is missing, and nothing is twice."""
        for machine in machines:
            assert machine.process is not None
            ledger = machine.process.host.ledger
            found: Counter[bytes] = Counter()
            for block in kept_blocks(ledger):
                found.update(receipt.transaction_id for receipt in block.receipts)
            for transaction_id, height in self._told.items():
                if ledger.oldest_block <= height <= ledger.height:
                    times = found[transaction_id]
                    self.require(times == 1, f"{machine.name} has a transaction of block {height} {times} times")
