"""One replica's host: feeds it inputs and performs its effects in order, through ports handed in (pure).

The host owns the pool, the ledger and the blocks executed but not yet committed. It holds no socket, clock or
file: a real process and a simulated world give it the same ports.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, assert_never

from chain.block import Block, BlockHeader, CommittedBlock
from chain.codec import encode
from chain.membership import Membership
from chain.quorum import QuorumCertificate, Verify
from chain.rpc import ChainStatus
from chain.rules import ChainRules
from node.admission import admit
from node.consensus.block_sync import BlockSync
from node.consensus.effects import (
    Accept,
    Behind,
    BlockBuilt,
    BlockSynced,
    BlockValidated,
    BuildBlock,
    Cast,
    CommitBlock,
    Drop,
    Effect,
    Input,
    MessageReceived,
    NothingToBuild,
    NothingWaits,
    RequestReceived,
    Resend,
    Tick,
    ValidateBlock,
)
from node.consensus.messages import Authenticated, Envelope, PrePrepare, authenticate, signed_bytes
from node.consensus.replica import Replica
from node.execution import BlockFault, Executed, build_block
from node.ledger import Ledger
from node.mempool import Checked, Mempool, Refusal
from node.network.frames import (
    FETCH_BLOCKS_MAX,
    FETCH_BYTES_MAX,
    Blocks,
    ChainHead,
    ConsensusFrame,
    Fetch,
    PeerFrame,
    relays,
)
from node.storage.interface import Journal, LoggedBlock, LoggedCommit, LoggedMessage, LogRecord
from node.timeliness import Timeliness

RESEND_TRANSACTIONS_MAX: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Everything outside: the log, the other replicas, the key, the clock, and who is told of commits."""

    journal: Journal
    broadcast: Callable[[PeerFrame], None]
    send: Callable[[int, PeerFrame], None]
    connected: Callable[[], frozenset[int]]
    sign: Callable[[bytes], bytes]
    verify: Verify
    now: Callable[[], int]
    committed: Callable[["Host", Executed, QuorumCertificate], None]
    """Told of every block once it is durable."""
    note: Callable[[str, str], None]
    """Told (chain id, sentence) of what an operator should see in the log."""


class Host:
    """The host of one chain's replica. `taken_back` is what the log holds of the height in flight."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        membership: Membership,
        replica_id: int,
        primary_offset: int,
        ports: Ports,
        taken_back: tuple[LoggedMessage, ...] = (),
    ) -> None:
        self.rules: ChainRules = ledger.rules
        self.ledger = ledger
        self.pool = Mempool(ledger.rules)
        self.replica = Replica(
            rules=ledger.rules,
            membership=membership,
            replica_id=replica_id,
            primary_offset=primary_offset,
            head=ledger.head,
        )
        self.durable_height = ledger.height
        """The height up to which the log is synced."""
        self.dropped: dict[str, int] = {}
        self._ports = ports
        self._membership = membership
        self._inputs: deque[Input] = deque()
        self._running = False
        self._executed: dict[bytes, Executed] = {}
        self._logged: list[LoggedMessage] = list(taken_back)
        """The log's records of the height in flight, durable or on their way to the disk."""
        self._sendable = [m.envelope for m in taken_back if m.envelope.signer == replica_id]
        """The own messages among them that are durable."""
        self._sync = BlockSync()
        self._timeliness = Timeliness(ledger.rules.profile.clock_skew_ms, ports.now())
        self._untimely_height = 0

    # ---- from the world ----

    def resume(self) -> None:
        """The log is open again: go on where the replica stood."""
        logged = tuple(Authenticated(m.envelope, signed_bytes(self.rules, m.envelope.message)[1]) for m in self._logged)
        prepared = next((m.prepared for m in self._logged if m.prepared is not None), None)
        self._perform_all(self.replica.restore(logged, prepared))
        self._run()

    def receive(self, envelope: Envelope) -> None:
        """A peer's message of consensus; one that its signer did not sign has no effect."""
        received = authenticate(self.rules, self._membership, envelope, self._ports.verify)
        if received is None or received.signer == self.replica.replica_id:
            self._count("not-authentic")
        elif isinstance(envelope.message, PrePrepare) and not self._is_timely(envelope.message, received.signer):
            self._refuse_untimely(envelope.message.block.header)
        else:
            self._feed(MessageReceived(received))

    def admit(self, raw: bytes, *, local: bool) -> Checked | Refusal:
        """Check a transaction once and take it into the pool. A `local` one is also tried out on the head."""
        return admit(self.ledger, self.pool, raw, now=self._ports.now(), try_out=local)

    def requests_admitted(self) -> None:
        """Some transactions were taken: the replica may propose."""
        if len(self.pool):
            self._feed(RequestReceived())

    def expire(self, now: int) -> list[Checked]:
        """Forget and return the transactions that no block can hold any more if it is `now` (ms)."""
        executed = self._executed.values()
        held = {checked.transaction_id for block in executed for checked in block.transactions}
        expired = self.pool.expire(now, held)
        if expired and not len(self.pool):
            self._feed(NothingWaits())
        return expired

    def tick(self) -> None:
        """One tick: timers of consensus while something is pending, patience with a peer that was asked."""
        self._timeliness.ticked(self._ports.now())
        if self.replica.pending:
            self._feed(Tick())
        self._fetch_from(self._sync.tick(self.ledger.height, self._ports.connected()))

    def peer_head(self, peer: int, head: ChainHead) -> None:
        """A peer says how far it is."""
        self._sync.claimed(peer, head.height)

    def peer_connected(self, peer: int) -> None:
        """A link is new: what a peer may have missed of the height in flight and the pool is sent again."""
        self._timeliness.linked(peer, self._ports.now())
        for envelope in self._sendable:
            self._ports.send(peer, ConsensusFrame(chain_id=self.rules.chain_id, envelope=envelope))
        for relay in relays(self.rules.chain_id, [checked.raw for checked in self.pool.waiting()]):
            self._ports.send(peer, relay)

    def peer_lost(self, peer: int) -> None:
        """A link is gone."""
        self._timeliness.lost(peer)
        self._sync.lost(peer)

    def serve(self, peer: int, request: Fetch) -> None:
        """Send committed blocks to a peer that is behind."""
        blocks = self.ledger.blocks_from(request.start, blocks_max=FETCH_BLOCKS_MAX, bytes_max=FETCH_BYTES_MAX)
        self._ports.send(peer, Blocks(chain_id=self.rules.chain_id, blocks=blocks))

    def fetched(self, peer: int, blocks: Blocks) -> None:
        """Blocks from a peer: certificate, parent and execution are checked before any is appended."""
        before = self.ledger.height
        for committed in blocks.blocks:
            if committed.header.height <= self.ledger.height:
                continue
            executed = self.ledger.execute_committed(committed, self._membership, self.pool.find)
            if isinstance(executed, BlockFault):
                if peer == self._sync.asked:
                    self._note(f"replica {peer} sent a block that is refused: {executed.why}; asking another")
                break
            self._append_fetched(committed, executed)
        useful = self.ledger.height > before
        self._fetch_from(self._sync.answered(peer, self.ledger.height, self._ports.connected(), useful=useful))

    # ---- what it tells ----

    def carried(self) -> list[bytes]:
        """The log records that a new segment must begin with: the messages of the height in flight."""
        return [encode(message) for message in self._logged]

    def chain_head(self) -> ChainHead:
        """How far this chain is here."""
        head = self.ledger.head
        return ChainHead(
            chain_id=self.rules.chain_id, height=head.header.height, view=self.replica.view, head=head.digest
        )

    def waits_for(self) -> str:
        """Why a write would wait now, as a code; empty if nothing stands in its way."""
        connected = self._ports.connected() | {self.replica.replica_id}
        if len(connected) < self._membership.quorum:
            return "no-quorum"
        if self.replica.primary not in connected:
            return "primary-unreachable"
        return ""

    def status(self) -> ChainStatus:
        """One chain's line of the node's status."""
        head, replica = self.ledger.head, self.replica
        return ChainStatus(
            chain_id=self.rules.chain_id,
            height=head.header.height,
            head=head.digest,
            time=head.header.time,
            view=replica.view,
            primary=replica.primary,
            phase=replica.phase,
            pool=len(self.pool),
            waits_for=self.waits_for(),
            behind=self._sync.lagging(self.ledger.height),
        )

    # ---- inside ----

    def _feed(self, incoming: Input) -> None:
        self._inputs.append(incoming)
        self._run()

    def _run(self) -> None:
        """Inputs one after the other; an effect that causes an input waits its turn."""
        if self._running:
            return
        self._running = True
        try:
            while self._inputs:
                self._perform_all(self.replica.step(self._inputs.popleft()))
        finally:
            self._running = False

    def _perform_all(self, effects: tuple[Effect, ...]) -> None:
        for effect in effects:
            self._perform(effect)

    def _perform(self, effect: Effect) -> None:
        match effect:
            case Cast():
                self._cast(effect)
            case Accept(proposal):
                self._log_message(
                    LoggedMessage(chain_id=self.rules.chain_id, envelope=proposal.envelope, prepared=None)
                )
            case Resend():
                self._resend()
            case BuildBlock(parent, view):
                self._build(parent, view)
            case ValidateBlock(block):
                self._validate(block)
            case CommitBlock(block, committed):
                self._commit(block, committed)
            case Behind(peer, height):
                self._sync.implied(peer, height)
            case Drop(reason):
                self._count(reason)
            case _:
                assert_never(effect)

    def _log(self, record: LogRecord, then: Callable[[], None] | None = None) -> None:
        self._ports.journal.append(encode(record), then)

    def _log_message(self, record: LoggedMessage, then: Callable[[], None] | None = None) -> None:
        self._logged.append(record)
        self._log(record, then)

    def _cast(self, cast: Cast) -> None:
        statement, digest = signed_bytes(self.rules, cast.message)
        envelope = Envelope(signer=self.replica.replica_id, signature=self._ports.sign(statement), message=cast.message)
        record = LoggedMessage(chain_id=self.rules.chain_id, envelope=envelope, prepared=cast.prepared)

        def durable() -> None:
            if record in self._logged:
                self._sendable.append(envelope)
            self._ports.broadcast(ConsensusFrame(chain_id=self.rules.chain_id, envelope=envelope))
            self._feed(MessageReceived(Authenticated(envelope, digest)))

        self._log_message(record, durable)

    def _resend(self) -> None:
        """To all, the own messages; to the primary, the oldest of what waits: its pool may have been full."""
        for envelope in self._sendable:
            self._ports.broadcast(ConsensusFrame(chain_id=self.rules.chain_id, envelope=envelope))
        if not self.replica.is_primary:
            waiting = [checked.raw for checked in self.pool.waiting()[:RESEND_TRANSACTIONS_MAX]]
            for relay in relays(self.rules.chain_id, waiting):
                self._ports.send(self.replica.primary, relay)

    def _build(self, parent: BlockHeader, view: int) -> None:
        assert parent == self.ledger.head.header
        time = max(self._ports.now(), parent.time + 1)
        chosen = self.pool.next_block(time, self.rules.profile.block_bytes_max)
        if not chosen:
            self._inputs.append(NothingToBuild())
            if not len(self.pool):
                self._inputs.append(NothingWaits())
            return
        executed = build_block(
            self.rules,
            self.ledger.state,
            parent,
            self.ledger.head.digest,
            chosen,
            time=time,
            view=view,
            proposer=self.replica.replica_id,
        )
        self._executed[executed.digest] = executed
        self._inputs.append(BlockBuilt(executed.block))

    def _is_timely(self, proposal: PrePrepare, primary: int) -> bool:
        return self._timeliness.allows(proposal.block.header.time, primary, self._ports.now())

    def _refuse_untimely(self, header: BlockHeader) -> None:
        """Heard again and again if it is sent again and again, told to the operator once."""
        self._count("untimely")
        if header.height == self.replica.height != self._untimely_height:
            self._untimely_height = header.height
            distance = header.time - self._ports.now()
            self._note(f"refused block {header.height}: its time is {distance} ms from this clock; compare the clocks")

    def _validate(self, block: Block) -> None:
        digest = self.rules.block_digest(block.header)
        executed = self.ledger.execute(block, self.pool.find)
        valid = isinstance(executed, Executed)
        if isinstance(executed, Executed):
            self._executed[digest] = executed
        else:
            self._note(f"refused block {block.header.height}: {executed.why}")
        self._inputs.append(BlockValidated(digest, valid))

    def _commit(self, digest: bytes, committed: CommittedBlock) -> None:
        record = LoggedCommit(
            chain_id=self.rules.chain_id, height=committed.header.height, certificate=committed.certificate
        )
        self._append(self._executed[digest], committed, record)

    def _append_fetched(self, committed: CommittedBlock, executed: Executed) -> None:
        self._append(executed, committed, LoggedBlock(chain_id=self.rules.chain_id, committed=committed))
        self._feed(BlockSynced(committed, executed.digest))

    def _append(self, executed: Executed, committed: CommittedBlock, record: LoggedCommit | LoggedBlock) -> None:
        self.ledger.append(executed, committed.certificate)
        self.pool.remove(checked.transaction_id for checked in executed.transactions)
        self._executed.clear()
        self._logged.clear()
        self._sendable.clear()
        if not len(self.pool):
            self._inputs.append(NothingWaits())

        def durable() -> None:
            self.durable_height = committed.header.height
            self._ports.committed(self, executed, committed.certificate)

        self._log(record, durable)

    def _fetch_from(self, peer: int | None) -> None:
        if peer is not None:
            self._ports.send(peer, Fetch(chain_id=self.rules.chain_id, start=self.ledger.height + 1))

    def _note(self, sentence: str) -> None:
        self._ports.note(self.rules.chain_id, sentence)

    def _count(self, reason: str) -> None:
        self.dropped[reason] = self.dropped.get(reason, 0) + 1
