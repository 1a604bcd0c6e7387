"""Hosts of one chain in one thread: a network, disks and a clock that a seed decides about.

Every host is the one that a real process runs. A frame travels as bytes; it may be lost, doubled or overtaken. A
disk keeps what was synced; a crash loses the rest, at any call that a host makes. What an honest replica sends is
checked at the moment it is sent, everything else when the run is over.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random

from chain.codec import decode, encode
from chain.evidence import Evidence, kind_of
from chain.light_client import CertifiedHeader, commit_fault
from chain.quorum import QuorumCertificate
from chain.transaction import SignedTransaction, Transaction
from contracts.evidence import ReportEvidence
from node.consensus.head import place_of
from node.consensus.messages import Envelope, ViewChange, place, signed_bytes
from node.execution import Executed
from node.host import Host
from node.ledger import HISTORY_BLOCKS, Ledger
from node.mempool import Checked, Refusal
from node.network.frames import (
    ConsensusFrame,
    Heads,
    PeerFrame,
    Relay,
    relays,
)
from node.ports import Ports
from node.recovery import Recovery
from node.storage.interface import LoggedCommit, LoggedMessage, LogRecord
from tests.chain.small_network import FIRST
from tests.node.small_chain import GENESIS, MEMBERSHIP, NOW, RULES

TICK_MS = 100
HEADS_TICKS = 10
SETTLE_ROUNDS = 400
Hook = Callable[[str], None]


class Crashed(Exception):
    """The process dies at this call."""


@dataclass(slots=True)
class Disk:
    """What survives a crash."""

    records: list[bytes] = field(default_factory=list)
    entries: dict[bytes, bytes] = field(default_factory=dict)
    log_begun: bool = False
    abstains: bool = False
    """As in the file of that name."""

    def holds(self, envelope: Envelope) -> bool:
        """Whether a vote or proposal is durable."""
        logged = (decode(record, LogRecord) for record in self.records)
        return any(isinstance(record, LoggedMessage) and record.envelope == envelope for record in logged)

    def holds_commit(self, height: int) -> bool:
        """Whether the commit of a block is durable, in the log or in the store."""
        for record in (decode(data, LogRecord) for data in self.records):
            if isinstance(record, LoggedMessage):
                continue
            at = record.height if isinstance(record, LoggedCommit) else record.committed.header.height
            if at >= height:
                return True
        return b"b" + height.to_bytes(8, "big") in self.entries


@dataclass(slots=True)
class SimulatedStore:
    """A map over a disk with a buffer, as the store of a node."""

    disk: Disk
    buffer: dict[bytes, bytes | None] = field(default_factory=dict)

    def get(self, key: bytes) -> bytes | None:
        """The bytes under `key`."""
        return self.buffer[key] if key in self.buffer else self.disk.entries.get(key)

    def write(self, changes: Mapping[bytes, bytes | None]) -> None:
        """Buffer changes."""
        self.buffer.update(changes)

    def flush(self) -> None:
        """The buffer reaches the disk, all or nothing."""
        for key, value in self.buffer.items():
            if value is None:
                self.disk.entries.pop(key, None)
            else:
                self.disk.entries[key] = value
        self.buffer = {}


@dataclass(slots=True)
class SimulatedJournal:
    """A log over a disk; what waits is lost in a crash."""

    disk: Disk
    hook: Hook
    waiting: list[tuple[bytes, Callable[[], None] | None]] = field(default_factory=list)

    def append(self, record: bytes, then: Callable[[], None] | None = None) -> None:
        """Keep a record until the next sync."""
        self.hook("append")
        self.waiting.append((record, then))

    def sync(self) -> None:
        """One group becomes durable, then whoever waits is told."""
        waiting, self.waiting = self.waiting, []
        if not waiting:
            return
        self.hook("sync")
        self.disk.records.extend(record for record, _ in waiting)
        for _, then in waiting:
            if then is not None:
                self.hook("told")
                then()


class Member:
    """One node's part of the chain: its disk, and its host while the process lives."""

    def __init__(self, cluster: "Cluster", replica_id: int) -> None:
        self.cluster = cluster
        self.replica_id = replica_id
        self.disk = Disk()
        self.may_sign = True
        """Whether somebody answers for the next start: whoever made the network does for the first."""
        self.host: Host | None = None
        self.crash_at: int | None = None
        """How many more calls the process makes before it dies."""
        self.calls = 0

    def start(self) -> None:
        """Recover from the disk, as `node.process` does."""
        self.journal = SimulatedJournal(self.disk, self.hook)
        self.store = SimulatedStore(self.disk)
        self.disk.abstains = not self.may_sign and (self.disk.abstains or not self.disk.log_begun)
        ledger = Ledger(RULES, GENESIS, self.store, history=self.cluster.history)
        recovery = Recovery(ledger)
        for data in self.disk.records:
            recovery.take(decode(data, LogRecord))
        host = Host(
            ledger=ledger,
            key=MEMBERSHIP.key(self.replica_id),
            nodes=tuple(replica.name for replica in MEMBERSHIP.replicas),
            primary_offset=0,
            ports=self._ports(),
            taken_back=recovery.finish(),
            abstains=self.disk.abstains,
        )
        self._cut_log(host)
        self.disk.log_begun, self.may_sign = True, False
        self.host = host
        host.resume()

    def wipe(self) -> None:
        """The disk of a dead process is replaced by an empty one."""
        assert self.host is None
        self.disk = Disk()

    def flush(self) -> None:
        """The store takes what the log holds, and the log is cut."""
        assert self.host is not None
        self.journal.sync()
        self._cut_log(self.host)

    def hook(self, _what: str) -> None:
        """Every call into the world passes here; one of them may be the last."""
        self.calls += 1
        if self.crash_at is not None:
            self.crash_at -= 1
            if self.crash_at < 0:
                self.crash_at = None
                raise Crashed

    def _cut_log(self, host: Host) -> None:
        older = len(self.disk.records)
        self.hook("new segment")
        self.disk.records.extend(host.carried())
        self.hook("flush")
        self.store.flush()
        self.hook("drop segments")
        del self.disk.records[:older]

    def _ports(self) -> Ports:
        return Ports(
            journal=self.journal,
            broadcast=self._broadcast,
            send=self._send,
            connected=lambda: self.cluster.connected(self.replica_id),
            sign=lambda message: FIRST.sign(self.replica_id, message),
            now=lambda: self.cluster.now,
            committed=self._committed,
            signs=self._sign_state_changed,
            flush=self._make_durable,
            note=lambda _, sentence: self.cluster.notes.append(f"{self.replica_id}: {sentence}"),
        )

    def _make_durable(self, then: Callable[[], None]) -> None:
        self.hook("flush")
        self.store.flush()
        then()

    def _sign_state_changed(self, _: str, signs: bool) -> None:
        self.hook("signs")
        self.disk.abstains = not signs

    def _broadcast(self, frame: PeerFrame) -> None:
        for peer in sorted(self.cluster.connected(self.replica_id)):
            self._send(peer, frame)

    def _send(self, peer: int, frame: PeerFrame) -> None:
        self.hook("send")
        if isinstance(frame, ConsensusFrame):
            self.cluster.check_sent(self, frame.envelope)
        if not self.cluster.loses(self.replica_id, peer, frame):
            self.cluster.frames.append((self.replica_id, peer, encode(frame)))

    def _committed(self, _chain_id: str, executed: Executed, certificate: QuorumCertificate) -> None:
        self.hook("committed")
        assert self.disk.holds_commit(executed.block.header.height)
        callers = (checked for checked in executed.transactions if not checked.transaction.self_proving)
        self.cluster.acknowledged.update(checked.transaction_id for checked in callers)


def reported(raw: bytes) -> Evidence | None:
    """The evidence that a transaction reports; None if it is a caller's."""
    call = decode(decode(raw, SignedTransaction).body, Transaction)
    return decode(call.arguments, ReportEvidence).evidence if call.self_proving else None


class Cluster:
    """Four members, the frames between them, and what has been seen."""

    def __init__(self, seed: int = 0, absent: frozenset[int] = frozenset(), history: int = HISTORY_BLOCKS) -> None:
        self.random = Random(seed)
        self.history = history
        self.now = NOW
        self.frames: list[tuple[int, int, bytes]] = []
        self.notes: list[str] = []
        self.submitted: dict[bytes, bytes] = {}
        self.acknowledged: set[bytes] = set()
        self.said: dict[tuple[int, type, int, int], bytes] = {}
        self.given_up: Counter[int] = Counter()
        """The highest view that each honest member has asked for."""
        self.ticks = 0
        self.loses: Callable[[int, int, PeerFrame], bool] = lambda *_: False
        """Whether the network loses what one member sends to another."""
        self.traitors: dict[int, Callable[[int, PeerFrame], None]] = {}
        """Who hears what is sent to a place that no honest member has."""
        self.members = [Member(self, place) for place in range(MEMBERSHIP.size) if place not in absent]
        for member in self.members:
            self.start(member)

    # ---- processes and links ----

    def member(self, replica_id: int) -> Member:
        """The member at that place."""
        return next(member for member in self.members if member.replica_id == replica_id)

    @property
    def up(self) -> list[Member]:
        """The members whose process lives."""
        return [member for member in self.members if member.host is not None]

    def connected(self, replica_id: int) -> frozenset[int]:
        """The peers that a member can send to."""
        return (frozenset(member.replica_id for member in self.up) | frozenset(self.traitors)) - {replica_id}

    def start(self, member: Member) -> None:
        """A process begins, and is linked to all that live."""
        if not self.alive(member, member.start):
            return
        for other in self.up:
            if other is not member:
                self.link(other, member)

    def link(self, first: Member, second: Member) -> None:
        """A new link: both sides say how far they are, and what the other may have missed."""
        for one, peer in ((first, second), (second, first)):
            self.alive(one, lambda one=one, peer=peer: self._greet(one, peer.replica_id))

    def _greet(self, one: Member, peer: int) -> None:
        assert one.host is not None
        one._send(peer, Heads(heads=(one.host.chain_head(),)))
        one.host.peer_connected(peer)

    def break_link(self, first: Member, second: Member) -> None:
        """Everything in flight between two members is lost, and they link anew."""
        pair = {first.replica_id, second.replica_id}
        self.frames = [frame for frame in self.frames if {frame[0], frame[1]} != pair]
        for one, peer in ((first, second), (second, first)):
            if one.host is not None:
                one.host.peer_lost(peer.replica_id)
        if first.host is not None and second.host is not None:
            self.link(first, second)

    def crash(self, member: Member) -> None:
        """A process dies with all that was not synced; what it had sent may still arrive."""
        member.host = None
        self.frames = [frame for frame in self.frames if frame[1] != member.replica_id]
        for other in self.up:
            assert other.host is not None
            other.host.peer_lost(member.replica_id)

    def alive(self, member: Member, act: Callable[[], None]) -> bool:
        """Let a member act; False if its process died of it, or is dead."""
        if member.host is None and act != member.start:
            return False
        try:
            act()
        except Crashed:
            self.crash(member)
            return False
        return True

    # ---- what happens ----

    def submit(self, raw: bytes, at: int) -> Checked | Refusal | None:
        """A caller gives a transaction to one member, which passes it to all."""
        member = self.member(at)
        outcomes: list[Checked | Refusal] = []

        def act() -> None:
            assert member.host is not None
            outcomes.append(member.host.admit(raw, local=True))
            for relay in relays(RULES.chain_id, [raw]):
                member._broadcast(relay)
            member.host.requests_admitted()

        self.alive(member, act)
        if outcomes and isinstance(outcomes[0], Checked):
            self.submitted[outcomes[0].transaction_id] = raw
        return outcomes[0] if outcomes else None

    def deliver_all(self) -> None:
        """What is in flight arrives in order; what is sent meanwhile is in flight then."""
        for _ in range(len(self.frames)):
            if self.frames:  # a crash loses what was on its way to the dead
                self.hand_over(*self.frames.pop(0))

    def hand_over(self, sender: int, receiver: int, data: bytes) -> None:
        """A frame arrives."""
        if receiver in self.traitors:
            self.traitors[receiver](sender, decode(data, PeerFrame))
        elif any(member.replica_id == receiver for member in self.members):
            member = self.member(receiver)
            self.alive(member, lambda: self._receive(member, sender, decode(data, PeerFrame)))

    def tick(self) -> None:
        """One tick everywhere; the heads are told now and then."""
        self.now += TICK_MS
        self.ticks += 1
        for member in self.up:
            self.alive(member, lambda member=member: member.host.tick())
        if self.ticks % HEADS_TICKS == 0:
            self.tell_heads()

    def tell_heads(self) -> None:
        """Everybody says how far it is."""
        for member in self.up:
            self.alive(member, lambda member=member: member._broadcast(Heads(heads=(member.host.chain_head(),))))

    def sync(self) -> None:
        """Every log is synced."""
        for member in self.up:
            self.alive(member, lambda member=member: member.journal.sync())

    def settle(self, rounds: int = SETTLE_ROUNDS) -> None:
        """No more faults: everybody lives, everything arrives in order, until nothing is left to do."""
        self.loses = lambda *_: False
        for member in self.members:
            member.crash_at = None
            if member.host is None:
                self.start(member)
        for _ in range(rounds):
            self.sync()
            self.deliver_all()
            if self.at_rest:
                return
            if not self.frames and not any(member.journal.waiting for member in self.up):
                self.tick()
        raise AssertionError(
            f"the cluster does not come to rest: {[m.host.status() for m in self.up]}, {self.notes[-5:]}"
        )

    @property
    def at_rest(self) -> bool:
        """Nothing is in flight or waits, and all stand at the same height."""
        hosts = [member.host for member in self.up]
        return (
            not self.frames
            and not any(member.journal.waiting for member in self.up)
            and not any(len(host.pool) or (host.replica.pending and not host.replica.changing) for host in hosts)
            and sum(host.replica.changing for host in hosts) <= MEMBERSHIP.faulty_max
            and len({host.ledger.height for host in hosts}) == 1
        )

    # ---- what must hold ----

    def check_sent(self, member: Member, envelope: Envelope) -> None:
        """An honest message is durable when it is sent, contradicts no earlier one, and is of no view given up.

        That holds across restarts too. What it shows of others was signed by them.
        """
        if envelope.signer != member.replica_id:
            return
        height, view = place(envelope.message)
        key = (member.replica_id, type(envelope.message), height, view)
        digest = signed_bytes(RULES, envelope.message)[1]
        said_before = key in self.said
        assert said_before or member.disk.holds(envelope)
        assert self.said.setdefault(key, digest) == digest
        assert said_before or view >= self.given_up[member.replica_id]
        if isinstance(envelope.message, ViewChange):
            self.given_up[member.replica_id] = max(view, self.given_up[member.replica_id])

    def chain(self, member: Member) -> list[tuple[bytes, bytes, tuple[bytes, ...]]]:
        """The member's blocks: digest, state root, ids of the transactions."""
        assert member.host is not None
        ledger = member.host.ledger
        blocks = []
        for height in range(1, ledger.height + 1):
            stored = ledger.block(height)
            assert stored is not None
            header = stored.committed.header
            certified = CertifiedHeader(header=header, certificate=stored.committed.certificate)
            assert commit_fault(RULES, certified, MEMBERSHIP) is None
            raws = stored.committed.block.transactions
            of_callers = [receipt for raw, receipt in zip(raws, stored.receipts, strict=True) if reported(raw) is None]
            ids = tuple(receipt.transaction_id for receipt in of_callers)
            blocks.append((RULES.block_digest(header), header.state_root, ids))
        assert ledger.state.root == ledger.head.header.state_root
        return blocks

    def convicted(self) -> dict[tuple[int, int], int]:
        """Whom the longest chain convicts: how often of which kind, by (place, kind)."""
        ledger = max((member.host.ledger for member in self.up), key=lambda ledger: ledger.height)
        found: Counter[tuple[int, int]] = Counter()
        for height in range(1, ledger.height + 1):
            for raw in ledger.block(height).committed.block.transactions:
                evidence = reported(raw)
                if evidence is not None:
                    found[place_of(MEMBERSHIP, evidence.signer), kind_of(evidence)] += 1
        return found

    def check(self) -> int:
        """Agreement, validity, none twice, and if all live none that was acknowledged lost; the number committed."""
        chains = [self.chain(member) for member in self.up]
        shortest = min(map(len, chains))
        assert len({tuple(chain[:shortest]) for chain in chains}) == 1
        longest = max(chains, key=len)
        ids = Counter(transaction_id for _, _, block in longest for transaction_id in block)
        assert all(count == 1 for count in ids.values())
        assert set(ids) <= set(self.submitted)
        assert len(self.up) < len(self.members) or self.acknowledged <= set(ids)
        assert {place for place, _ in self.convicted()} <= set(self.traitors)
        return len(ids)

    def check_all_committed(self) -> None:
        """When all is settled: every member has everything, and something was committed."""
        committed = self.check()
        assert committed == len(self.submitted) > 0
        assert len({tuple(self.chain(member)) for member in self.members}) == 1

    def _receive(self, member: Member, sender: int, frame: PeerFrame) -> None:
        host = member.host
        assert host is not None
        match frame:
            case Heads(heads=heads):
                for head in heads:
                    host.peer_head(sender, head)
            case Relay(transactions=transactions, urgent=False):
                for raw in transactions:
                    host.admit(raw, local=False)
                host.requests_admitted()
            case _:
                host.hear(sender, frame)
