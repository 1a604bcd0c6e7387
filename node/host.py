"""One replica's host: feeds it inputs and performs its effects in order, through ports handed in (pure).

The host owns the pool, the ledger and the blocks executed but not yet committed. It holds no socket, clock or
file: a real process and a simulated world give it the same ports.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

from chain.block import Block, CommittedBlock
from chain.codec import encode
from chain.light_client import CertifiedHeader, Trusted, header_fault
from chain.membership import Membership
from chain.quorum import QuorumCertificate, Verify
from chain.rpc import ChainStatus
from chain.rules import ChainRules
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
    RequestReceived,
    Resend,
    Tick,
    ValidateBlock,
)
from node.consensus.messages import Authenticated, Envelope, Message, PrePrepare, authenticate, place, signed_bytes
from node.consensus.replica import Replica
from node.execution import BlockFault, Executed, build_block, dry_run, execute_block
from node.ledger import Ledger
from node.mempool import Checked, Mempool, Refusal, check_transaction, window_refusal
from node.network.frames import (
    FETCH_BLOCKS_MAX,
    FETCH_BYTES_MAX,
    Blocks,
    ChainHead,
    ConsensusFrame,
    Fetch,
    PeerFrame,
    Relay,
)
from node.storage.interface import Journal, LoggedBlock, LoggedCommit, LoggedMessage

FETCH_PATIENCE_TICKS = 20
FETCH_DELAY_TICKS = 2
"""A block usually commits by votes that are already on their way; asking at once would ask for nothing."""


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
    note: Callable[[str, str], None]
    """Told (chain id, sentence) of what an operator should see in the log."""


class Host:
    """The host of one chain's replica."""

    def __init__(
        self, *, ledger: Ledger, membership: Membership, replica_id: int, primary_offset: int, ports: Ports
    ) -> None:
        self.rules: ChainRules = ledger.rules
        self.ledger = ledger
        self.pool = Mempool(ledger.rules)
        self._ports = ports
        self._membership = membership
        self.replica = Replica(
            rules=ledger.rules,
            membership=membership,
            place_=replica_id,
            primary_offset=primary_offset,
            head=ledger.head,
        )
        self._inputs: deque[Input] = deque()
        self._running = False
        self._executed: dict[bytes, Executed] = {}
        self._own: list[Envelope] = []
        self._taken_back: tuple[Effect, ...] = ()
        self._peer_heights: dict[int, int] = {}
        self._fetch_ticks = 0
        self._fetch_from: int | None = None
        self.dropped: dict[str, int] = {}

    # ---- from the world ----

    def receive(self, envelope: Envelope) -> None:
        """A peer's message of consensus; one that its signer did not sign has no effect."""
        received = authenticate(self.rules, self._membership, envelope, self._ports.verify)
        if received is None or received.signer == self.replica.replica_id:
            self._count("not-authentic")
            return
        self._feed(MessageReceived(received))

    def admit(self, raw: bytes, *, local: bool) -> Checked | Refusal:
        """Check a transaction once and take it into the pool. A `local` one is also tried out on the head."""
        waiting = self.pool.find(raw)
        if waiting is not None:
            return waiting
        if self.pool.full:
            return Refusal("pool-full", (len(self.pool),))
        checked = check_transaction(self.rules, raw, self.ledger.state)
        if isinstance(checked, Refusal):
            return checked
        if checked.transaction_id in self.ledger.seen:
            return checked
        refusal = window_refusal(checked.transaction, self._ports.now())
        if refusal is None and local:
            head = self.ledger.head.header
            refusal = dry_run(self.rules, self.ledger.state, head, checked, time=self._ports.now())
        if refusal is not None:
            return refusal
        if not self.pool.add(checked):
            return Refusal("transaction-waits-already", (checked.transaction_id,))
        return checked

    def requests_admitted(self) -> None:
        """Some transactions were taken: the replica may propose."""
        if len(self.pool):
            self._feed(RequestReceived())

    def tick(self) -> None:
        """One tick: timers of consensus while something is pending, patience with a peer that was asked."""
        if self.replica.pending:
            self._feed(Tick())
        if max(self._peer_heights.values(), default=0) > self.ledger.height:
            self._fetch_ticks += 1
            self._fetch_if_due()
        else:
            self._fetch_ticks, self._fetch_from = 0, None

    def peer_head(self, peer: int, head: ChainHead) -> None:
        """A peer says how far it is."""
        self._peer_heights[peer] = head.height
        if head.height > self.ledger.height and self._fetch_from is None:
            self._fetch_ticks = max(self._fetch_ticks, FETCH_DELAY_TICKS)

    def peer_connected(self, peer: int) -> None:
        """A link is new: what a peer may have missed of the height in flight and the pool is sent again."""
        for envelope in self._own:
            self._ports.send(peer, ConsensusFrame(chain_id=self.rules.chain_id, envelope=envelope))
        waiting = [checked.raw for checked in self.pool.waiting()]
        for start in range(0, len(waiting), 500):
            part = tuple(waiting[start : start + 500])
            self._ports.send(peer, Relay(chain_id=self.rules.chain_id, transactions=part))

    def peer_lost(self, peer: int) -> None:
        """A link is gone."""
        self._peer_heights.pop(peer, None)
        if self._fetch_from == peer:
            self._fetch_from, self._fetch_ticks = None, FETCH_DELAY_TICKS

    def serve(self, peer: int, request: Fetch) -> None:
        """Send committed blocks to a peer that is behind."""
        blocks: list[CommittedBlock] = []
        size = 0
        for height in range(request.start, min(request.start + FETCH_BLOCKS_MAX, self.ledger.height + 1)):
            stored = self.ledger.block(height)
            if stored is None:
                break
            size += sum(map(len, stored.committed.block.transactions))
            if blocks and size > FETCH_BYTES_MAX:
                break
            blocks.append(stored.committed)
        self._ports.send(peer, Blocks(chain_id=self.rules.chain_id, blocks=tuple(blocks)))

    def fetched(self, peer: int, blocks: Blocks) -> None:
        """Blocks from a peer: certificate, parent and execution are checked before any is appended."""
        for committed in blocks.blocks:
            if committed.header.height <= self.ledger.height:
                continue
            if not self._append_fetched(committed):
                self._ports.note(self.rules.chain_id, f"peer {peer} sent a block that does not check; asking another")
                self._peer_heights.pop(peer, None)
                break
        if self._fetch_from == peer:
            self._fetch_from, self._fetch_ticks = None, FETCH_DELAY_TICKS
            if max(self._peer_heights.values(), default=0) > self.ledger.height and blocks.blocks:
                self._fetch_if_due()

    # ---- recovery ----

    def replay(self, record: LoggedMessage | LoggedCommit | LoggedBlock, kept: dict[bytes, Authenticated]) -> None:
        """One record of the log, in its order; `kept` gathers the messages of the height in flight."""
        match record:
            case LoggedMessage(envelope=envelope):
                _, block = signed_bytes(self.rules, envelope.message)
                kept[encode(envelope)] = Authenticated(envelope, block)
            case LoggedCommit(height=height, certificate=certificate):
                if height == self.ledger.height + 1:
                    self._replay_commit(certificate, kept)
            case LoggedBlock(committed=committed):
                if committed.header.height == self.ledger.height + 1:
                    executed = self._execute(committed)
                    assert executed is not None, "a block of the own log does not execute"
                    self.ledger.append(executed, committed.certificate)

    def take_back(self, kept: dict[bytes, Authenticated]) -> None:
        """All records are replayed: the replica is bound again by what it had sent for the height in flight."""
        self.replica.head = self.ledger.head
        current = tuple(m for m in kept.values() if self._is_current(m.message))
        self._own = [m.envelope for m in current if m.signer == self.replica.replica_id]
        self._taken_back = self.replica.restore(current)

    def resume(self) -> None:
        """The log is open again: go on where the replica stood."""
        self._perform_all(self._taken_back)
        self._taken_back = ()
        self._run()

    def carried(self) -> list[bytes]:
        """The log records that a new segment must begin with: the messages of the height in flight."""
        proposal = self.replica.proposal
        envelopes = list(self._own)
        if proposal is not None and proposal.envelope not in envelopes:
            envelopes.insert(0, proposal.envelope)
        return [encode(LoggedMessage(chain_id=self.rules.chain_id, envelope=envelope)) for envelope in envelopes]

    # ---- what it tells ----

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
            behind=tuple(sorted(peer for peer, height in self._peer_heights.items() if height < self.ledger.height)),
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
            case Cast(message):
                self._cast(message)
            case Resend(_):
                for envelope in self._own:
                    self._ports.broadcast(ConsensusFrame(chain_id=self.rules.chain_id, envelope=envelope))
            case BuildBlock(_, view):
                self._build(view)
            case ValidateBlock(block, fresh):
                self._validate(block, fresh=fresh)
            case CommitBlock(block, committed):
                self._commit(block, committed)
            case Accept(proposal):
                self._log(LoggedMessage(chain_id=self.rules.chain_id, envelope=proposal.envelope))
            case Behind(peer, height):
                self._peer_heights[peer] = max(height, self._peer_heights.get(peer, 0))
            case Drop(reason):
                self._count(reason)
            case _:
                assert_never(effect)

    def _log(self, record: LoggedMessage | LoggedCommit | LoggedBlock, then: Callable[[], None] | None = None) -> None:
        self._ports.journal.append(encode(record), then)

    def _cast(self, message: Message) -> None:
        statement, block = signed_bytes(self.rules, message)
        envelope = Envelope(
            signer=self.replica.replica_id, signature=self._ports.sign(statement), message=message
        )
        own = Authenticated(envelope, block)
        self._own.append(envelope)

        def durable() -> None:
            self._ports.broadcast(ConsensusFrame(chain_id=self.rules.chain_id, envelope=envelope))
            self._feed(MessageReceived(own))

        self._log(LoggedMessage(chain_id=self.rules.chain_id, envelope=envelope), durable)

    def _build(self, view: int) -> None:
        head = self.ledger.head
        time = max(self._ports.now(), head.header.time + 1)
        chosen = self.pool.next_block(time, self.rules.profile.block_bytes_max)
        if not chosen:
            self._inputs.append(NothingToBuild())
            return
        executed = build_block(
            self.rules,
            self.ledger.state,
            head.header,
            head.digest,
            chosen,
            time=time,
            view=view,
            proposer=self.replica.replica_id,
        )
        self._executed[executed.digest] = executed
        self._inputs.append(BlockBuilt(executed.block))

    def _validate(self, block: Block, *, fresh: bool) -> None:
        digest = self.rules.block_digest(block.header)
        distance = abs(block.header.time - self._ports.now())
        if fresh and distance > self.rules.profile.clock_skew_ms:
            self._ports.note(self.rules.chain_id, f"refused a block whose time is {distance} ms from the clock")
            self._inputs.append(BlockValidated(digest, valid=False))
            return
        executed = self._executed_block(block)
        if executed is not None:
            self._executed[digest] = executed
        self._inputs.append(BlockValidated(digest, valid=executed is not None))

    def _executed_block(self, block: Block) -> Executed | None:
        head = self.ledger.head
        executed = execute_block(
            self.rules,
            self.ledger.state,
            head.header,
            head.digest,
            block,
            known=self.pool.find,
            seen=self.ledger.seen,
        )
        if isinstance(executed, BlockFault):
            self._ports.note(self.rules.chain_id, f"refused block {block.header.height}: {executed.why}")
            return None
        return executed

    def _commit(self, digest: bytes, committed: CommittedBlock) -> None:
        executed = self._executed.pop(digest)
        self._apply(executed, committed.certificate)
        record = LoggedCommit(
            chain_id=self.rules.chain_id,
            height=committed.header.height,
            certificate=committed.certificate,
        )
        self._log(record, lambda: self._ports.committed(self, executed, committed.certificate))

    def _apply(self, executed: Executed, certificate: QuorumCertificate) -> None:
        self.ledger.append(executed, certificate)
        self.pool.remove(checked.transaction_id for checked in executed.transactions)
        self._executed.clear()
        self._own.clear()
        if not len(self.pool):
            self._inputs.append(NothingToBuild())

    def _append_fetched(self, committed: CommittedBlock) -> bool:
        executed = self._execute(committed)
        if executed is None:
            return False
        self._apply(executed, committed.certificate)
        self._log(
            LoggedBlock(chain_id=self.rules.chain_id, committed=committed),
            lambda: self._ports.committed(self, executed, committed.certificate),
        )
        self._feed(BlockSynced(committed, executed.digest))
        return True

    def _execute(self, committed: CommittedBlock) -> Executed | None:
        """A fetched or logged block, if it is certified, follows the head and executes to its roots."""
        header, head = committed.header, self.ledger.head
        trusted = Trusted(height=head.header.height, time=head.header.time, membership=self._membership)
        certified = CertifiedHeader(header=header, certificate=committed.certificate)
        if header.height != head.header.height + 1 or header.parent != head.digest:
            return None
        if header_fault(self.rules, trusted, certified, verify=self._ports.verify) is not None:
            return None
        return self._executed_block(committed.block)

    def _replay_commit(self, certificate: QuorumCertificate, kept: dict[bytes, Authenticated]) -> None:
        for message in kept.values():
            proposal = message.message
            if isinstance(proposal, PrePrepare) and proposal.block.header.height == self.ledger.height + 1:
                committed = CommittedBlock(block=proposal.block, certificate=certificate)
                executed = self._execute(committed)
                if executed is not None:
                    self.ledger.append(executed, certificate)
                    kept.clear()
                    return
        raise AssertionError("the log commits a block that it does not hold")

    def _is_current(self, message: Message) -> bool:
        return place(message) == (self.ledger.height + 1, self.replica.view)

    def _fetch_if_due(self) -> None:
        if self._fetch_from is not None and self._fetch_ticks < FETCH_PATIENCE_TICKS:
            return
        if self._fetch_ticks < FETCH_DELAY_TICKS:
            return
        peer = self._best_peer(avoid=self._fetch_from)
        if peer is None:
            return
        self._fetch_from, self._fetch_ticks = peer, 0
        self._ports.send(peer, Fetch(chain_id=self.rules.chain_id, start=self.ledger.height + 1))

    def _best_peer(self, *, avoid: int | None) -> int | None:
        """A connected peer that says it is ahead, another one than the last that did not answer if there is."""
        ahead = sorted(
            (peer == avoid, -height, peer)
            for peer, height in self._peer_heights.items()
            if peer in self._ports.connected() and height > self.ledger.height
        )
        return ahead[0][2] if ahead else None

    def _count(self, reason: str) -> None:
        self.dropped[reason] = self.dropped.get(reason, 0) + 1
