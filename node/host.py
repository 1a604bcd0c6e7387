"""One replica's host: feeds it inputs and performs its effects in order, through ports handed in (pure).

The host owns the pool, the ledger and the blocks executed but not yet committed. It holds no socket, clock or
file: a real process and a simulated world give it the same ports.
"""

from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Final, assert_never

from chain.block import Block, CommittedBlock
from chain.codec import encode
from chain.rpc import ChainStatus
from chain.rules import ChainRules
from node.admission import admit, drop_outdated
from node.candidates import Candidates
from node.catching_up import CatchingUp, Wanted
from node.consensus.abstention import Abstention
from node.consensus.effects import (
    Accept,
    Adopt,
    Behind,
    BlockBuilt,
    BlockSynced,
    BlockValidated,
    BuildBlock,
    Cast,
    Censored,
    CommitBlock,
    Drop,
    Effect,
    Input,
    MayNotSign,
    MaySign,
    MessageReceived,
    NothingToBuild,
    NothingWaits,
    RequestReceived,
    Resend,
    Show,
    SnapshotInstalled,
    Tick,
    ValidateBlock,
)
from node.consensus.head import OUTSIDE
from node.consensus.messages import (
    Authenticated,
    Envelope,
    Message,
    NewView,
    PrePrepare,
    ViewChange,
    authenticate,
    place,
    signed_bytes,
)
from node.consensus.replica import Replica
from node.execution import BlockFault, Executed
from node.inclusion import URGENT_MAX, Inclusion
from node.ledger import Ledger, Snapshot
from node.mempool import Checked, Mempool, Refusal
from node.network.frames import (
    ChainFrame,
    ChainHead,
    ConsensusFrame,
    Relay,
    relays,
)
from node.outlook import Outlook
from node.ports import Ports
from node.reports import Reports
from node.signed import Signed
from node.status import chain_head, chain_status
from node.storage.interface import LoggedBlock, LoggedCommit, LoggedMessage, LogRecord
from node.timeliness import Timeliness

RESEND_TRANSACTIONS_MAX: Final = 500
OUTDATED_MAX: Final = 1_000


class Host:
    """The host of one chain's replica, known by its consensus `key`.

    `nodes` are the names of all nodes in the order of their numbers, by which ports know them, and may grow; a
    replica's place in the membership may change. `taken_back` is what the log holds that still binds. With `abstains`
    nobody knows what this replica has signed.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        key: bytes,
        nodes: Sequence[str],
        primary_offset: int,
        ports: Ports,
        taken_back: tuple[LoggedMessage, ...] = (),
        abstains: bool = False,
    ) -> None:
        self.rules: ChainRules = ledger.rules
        self.ledger = ledger
        self.pool = Mempool(ledger.rules)
        self.replica = Replica(
            rules=ledger.rules, key=key, primary_offset=primary_offset, head=ledger.head, abstains=abstains
        )
        self.durable_height = ledger.height
        """The height up to which the log is synced."""
        self.dropped: Counter[str] = Counter()
        self._ports = ports
        self.outlook = Outlook(self.replica, nodes, ports.connected)
        self._inputs: deque[Input] = deque()
        self._running = False
        self._candidates = Candidates(ledger, self.pool)
        self._signed = Signed(ledger.rules, taken_back, self.replica.replica_id)
        self._abstention = Abstention(ledger.head.membership) if abstains else None
        self._inclusion = Inclusion(since=ledger.height)
        self._outdated: deque[tuple[Checked, Refusal]] = deque(maxlen=OUTDATED_MAX)
        self._reports = Reports()
        self._catching_up = CatchingUp(
            ledger=ledger,
            send=ports.send,
            connected=ports.connected,
            known=self.pool.find,
            append=self._append_fetched,
            install=self._install,
            note=self._note,
        )
        self._overtaken: list[Checked] = []
        """What waited here and stands in a block that came with a snapshot; nobody was told yet."""
        self._installing = False
        """Whether the ledger stands at a snapshot that is not durable yet: until then nothing is heard or cast."""
        self._timeliness = Timeliness(ledger.rules.profile.clock_skew_ms, ports.now())
        self._untimely_height = 0

    # ---- from the world ----

    def resume(self) -> None:
        """The log is open again: go on where the replica stood."""
        self._perform_all(self.replica.restore(*self._signed.taken_back()))
        self._run()

    def hear(self, peer: int, frame: ChainFrame) -> None:
        """A frame of a peer that is about this chain. Transactions that are not urgent may wait: see `admit`."""
        if isinstance(frame, ConsensusFrame):
            self.receive(frame.envelope)
        elif isinstance(frame, Relay):
            self._urge(frame.transactions)
        elif isinstance(frame, Wanted):
            self._catching_up.serve(peer, frame)
        elif not self._installing:
            self._catching_up.fetched(peer, frame)

    def receive(self, envelope: Envelope) -> None:
        """A message of consensus, whoever delivers it; one that its signer did not sign has no effect."""
        received = authenticate(self.rules, self.replica.membership, envelope, self.rules.consensus_verify)
        if received is None:
            self.dropped["not-authentic"] += 1
            return
        if received.signer == self.replica.replica_id:
            self._hear_own(received)
            return
        self._witness_message(received)
        if not self._is_timely(envelope.message, received.signer):
            self._refuse_untimely(envelope.message)
        else:
            self._feed(MessageReceived(received))

    def admit(self, raw: bytes, *, local: bool) -> Checked | Refusal:
        """Check a transaction once and take it into the pool. A `local` one is also tried out on the head."""
        in_block = self._candidates.find(raw)
        return admit(self.ledger, self.pool, raw, now=self._ports.now(), try_out=local, in_block=in_block)

    def requests_admitted(self) -> None:
        """Some transactions were taken: the replica may propose."""
        if len(self.pool):
            self._feed(RequestReceived())

    def expire(self, now: int) -> list[Checked]:
        """Forget and return the transactions that wait no longer: no block can hold them any more if it is `now` (ms).

        Or they stand in one that came with a snapshot.
        """
        expired = self.pool.expire(max(now, self.ledger.head.header.time), self._candidates.held())
        if expired and not len(self.pool):
            self._feed(NothingWaits())
        self._report()
        overtaken, self._overtaken = self._overtaken, []
        return [*expired, *overtaken]

    def outdated(self) -> list[tuple[Checked, Refusal]]:
        """The transactions that proved themselves once and do not any more; each is told once."""
        outdated = list(self._outdated)
        self._outdated.clear()
        return outdated

    def tick(self) -> None:
        """One tick: patience with the primary while something is pending, and with a peer that was asked."""
        self._timeliness.ticked(self._ports.now())
        if self.replica.pending:
            self._feed(Tick(reachable=self.outlook.reaches_primary()))
        if not self._installing:
            self._catching_up.tick()

    def peer_head(self, peer: int, head: ChainHead) -> None:
        """A peer says how far it is, and whether it knows what it has signed."""
        self._catching_up.sync.claimed(peer, head.height)
        self.outlook.heard(peer, signs=head.signs)
        if self._abstention is not None and head.signs and self.outlook.place_of(peer) != OUTSIDE:
            self._abstention.reported(peer, head.height)  # one that has forgotten as well may be anywhere

    def peer_connected(self, peer: int) -> None:
        """A link is new: what a peer may have forgotten of its own, before it votes again, and what it may have missed."""
        self._timeliness.linked(peer, self._ports.now())
        place = self.outlook.place_of(peer)
        for envelope in (
            *(shown.envelope for shown in self.replica.shown_to(place)),
            *self._signed.current(self.replica.view),
        ):
            self._ports.send(peer, ConsensusFrame(chain_id=self.rules.chain_id, envelope=envelope))
        for relay in relays(self.rules.chain_id, [checked.raw for checked in self.pool.waiting()]):
            self._ports.send(peer, relay)

    def peer_lost(self, peer: int) -> None:
        """A link is gone."""
        self._timeliness.lost(peer)
        self._catching_up.sync.lost(peer)

    # ---- what it tells ----

    def carried(self) -> list[bytes]:
        """The log records that a new segment must begin with: those that bind."""
        return [encode(record) for record in self._signed.records]

    def chain_head(self) -> ChainHead:
        """How far this chain is here."""
        return chain_head(self.ledger, self.replica)

    def status(self) -> ChainStatus:
        """One chain's line of the node's status."""
        behind = self._catching_up.sync.lagging(self.ledger.height)
        return chain_status(self.ledger, self.replica, self.outlook, pool=len(self.pool), behind=behind)

    # ---- inside ----

    def _feed(self, incoming: Input) -> None:
        if not self._installing:
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

    def _perform(self, effect: Effect) -> None:  # noqa: C901 - one effect, one case
        match effect:
            case Cast():
                self._cast(effect)
            case Accept(received):
                self._log_message(
                    LoggedMessage(chain_id=self.rules.chain_id, envelope=received.envelope, prepared=None)
                )
            case Resend():
                self._resend()
            case Show(peer, envelope):
                node, chain_id = self.outlook.node_of(peer), self.rules.chain_id
                self._ports.send(node, ConsensusFrame(chain_id=chain_id, envelope=envelope))
            case BuildBlock(view=view):
                self._build(view)
            case ValidateBlock(block):
                self._validate(block)
            case CommitBlock(block, committed):
                self._commit(block, committed)
            case Adopt(committed):
                self._adopt(committed)
            case Behind(peer, height):
                self._catching_up.sync.implied(self.outlook.node_of(peer), height)
            case Drop(reason):
                self.dropped[reason] += 1
            case _:
                assert_never(effect)

    def _log(self, record: LogRecord, then: Callable[[], None] | None = None) -> None:
        self._ports.journal.append(encode(record), then)

    def _log_message(self, record: LoggedMessage, then: Callable[[], None] | None = None) -> None:
        self._signed.add(record)
        self._log(record, then)

    def _cast(self, cast: Cast) -> None:
        statement, digest = signed_bytes(self.rules, cast.message)
        envelope = Envelope(signer=self.replica.replica_id, signature=self._ports.sign(statement), message=cast.message)
        record = LoggedMessage(chain_id=self.rules.chain_id, envelope=envelope, prepared=cast.prepared)
        if isinstance(cast.message, ViewChange):
            self._inclusion.restart(self.ledger.height)
            self._candidates.drop_ready()

        def durable() -> None:
            self._signed.durable(record)
            self._ports.broadcast(ConsensusFrame(chain_id=self.rules.chain_id, envelope=envelope))
            self._feed(MessageReceived(Authenticated(envelope, digest)))

        self._log_message(record, durable)

    def _resend(self) -> None:
        """To all, the own messages and the oldest of what waits: the primary's pool may have been full."""
        for envelope in self._signed.current(self.replica.view):
            self._ports.broadcast(ConsensusFrame(chain_id=self.rules.chain_id, envelope=envelope))
        waiting = [checked.raw for checked in self.pool.waiting(RESEND_TRANSACTIONS_MAX)]
        for relay in relays(self.rules.chain_id, waiting):
            self._ports.broadcast(relay)

    def _urge(self, transactions: tuple[bytes, ...]) -> None:
        """Requests that a peer has waited for too long: they go before all others."""
        for raw in transactions[:URGENT_MAX]:
            outcome = admit(self.ledger, self.pool, raw, now=self._ports.now(), try_out=False, urgent=True)
            if isinstance(outcome, Checked):
                self.pool.urge(outcome.transaction_id)
        self.requests_admitted()

    def _witness_message(self, received: Authenticated) -> None:
        """Two statements that no correct replica makes convict their signer: on the chain, where all see it."""
        key = self.replica.membership.key(received.signer)
        if self._reports.hear(received, key, self.ledger.height):
            self._note(f"replica {received.signer} has signed what no correct replica signs: it is reported")
            self._report()

    def _report(self) -> None:
        """Pass on what is not recorded yet; a report that waits in the pool is the same one."""
        now = self._ports.now()
        due = self._reports.due(self.ledger, max(now, self.ledger.head.header.time))
        taken = [raw for raw in due if isinstance(self.admit(raw, local=True), Checked)]
        for relay in relays(self.rules.chain_id, taken):
            self._ports.broadcast(relay)
        if taken:
            self.requests_admitted()

    def _hear_own(self, received: Authenticated) -> None:
        """A peer shows this replica's own vote: if the log does not hold it, the log is not the last one.

        Votes of views that were given up do not matter: the log holds the promise instead.
        """
        height, view = place(received.message)
        if isinstance(received.message, ViewChange | NewView):
            binding = view > self.replica.view
        else:
            binding = (height, view) >= (self.replica.height, self.replica.view)
        if not binding or self.replica.abstains or self._signed.holds(received.envelope):
            self.dropped["own"] += 1
            return
        self._note(
            f"a peer shows a vote of this replica for height {height}, view {view}, that its log does not hold: the "
            "log is an old one; this replica signs nothing until the chain has passed what it may have signed"
        )
        self._abstention = Abstention(self.replica.membership)
        self._ports.signs(self.rules.chain_id, False)  # noqa: FBT003 - it does not
        self._feed(MayNotSign())

    def _build(self, view: int) -> None:
        block = self._candidates.build(view, self.replica.replica_id, self._ports.now())
        if block is not None:
            self._inputs.append(BlockBuilt(block))
            return
        self._inputs.append(NothingToBuild())
        if not len(self.pool):
            self._inputs.append(NothingWaits())

    def _validate(self, block: Block) -> None:
        digest, replica = self.rules.block_digest(block.header), self.replica
        executed = self._candidates.validate(block, digest)
        if isinstance(executed, BlockFault):
            self._note(f"refused block {block.header.height}: {executed.why}")
            self._inputs.append(BlockValidated(digest, None))
            return
        self._inputs.append(BlockValidated(digest, executed.next_membership))
        if replica.is_primary:
            self._candidates.prepare_next(digest, replica.view, replica.replica_id, self._ports.now())

    def _is_timely(self, message: Message, primary: int) -> bool:
        """A first proposal's time is held against the clock; one that is made again in a later view is not."""
        if not isinstance(message, PrePrepare) or message.block.header.view != message.view:
            return True
        return self._timeliness.allows(
            message.block.header.time,
            self.outlook.node_of(primary),
            self._ports.now(),
            earliest=self.ledger.head.header.time + 1,
        )

    def _refuse_untimely(self, message: Message) -> None:
        """Heard again and again if it is sent again and again, told to the operator once."""
        assert isinstance(message, PrePrepare)
        header = message.block.header
        self.dropped["untimely"] += 1
        if header.height == self.replica.height != self._untimely_height:
            self._untimely_height = header.height
            distance = header.time - self._ports.now()
            self._note(f"refused block {header.height}: its time is {distance} ms from this clock; compare the clocks")

    def _commit(self, digest: bytes, committed: CommittedBlock) -> None:
        record = LoggedCommit(
            chain_id=self.rules.chain_id, height=committed.header.height, certificate=committed.certificate
        )
        self._append(self._candidates.executed(digest), committed, record)
        self._look_back()

    def _adopt(self, committed: CommittedBlock) -> None:
        executed = self.ledger.execute_committed(committed, self.pool.find)
        if isinstance(executed, Executed):
            self._append_fetched(committed, executed)

    def _append_fetched(self, committed: CommittedBlock, executed: Executed) -> None:
        self._append(executed, committed, LoggedBlock(chain_id=self.rules.chain_id, committed=committed))
        # Before whatever else waits: the replica is not to stand behind its ledger.
        self._inputs.appendleft(BlockSynced(committed, executed.digest, self.ledger.head.membership))
        self._inclusion.restart(self.ledger.height)  # a block of the past says nothing about the present primary
        self._look_back()
        self._run()

    def _append(self, executed: Executed, committed: CommittedBlock, record: LoggedCommit | LoggedBlock) -> None:
        self._catching_up.before(executed.layer)
        self.ledger.append(executed, committed.certificate)
        self.pool.remove(checked.transaction_id for checked in executed.transactions)
        self._outdated.extend(drop_outdated(self.ledger, self.pool, now=self._ports.now()))
        self._candidates.committed()
        self._signed.committed(self.ledger)
        if not len(self.pool):
            self._inputs.append(NothingWaits())

        def durable() -> None:
            self.durable_height = max(self.durable_height, committed.header.height)
            self._ports.committed(self.rules.chain_id, executed, committed.certificate)

        self._log(record, durable)

    def _install(self, snapshot: Snapshot) -> None:
        """Stand at a snapshot. The log does not lead there: nothing may follow in it before the store is durable."""
        self.ledger.install(snapshot)
        self._overtaken += [checked for checked in self.pool.waiting() if checked.transaction_id in self.ledger.seen]
        self.pool.remove(checked.transaction_id for checked in self._overtaken)
        self._candidates.committed()
        self._candidates.drop_ready()
        self._signed.committed(self.ledger)
        self._installing = True
        self._ports.flush(self._installed)

    def _installed(self) -> None:
        self._installing = False
        self.durable_height = self.ledger.height
        self._inclusion.restart(self.ledger.height)
        self._feed(SnapshotInstalled(self.ledger.head))
        self._feed(RequestReceived() if len(self.pool) else NothingWaits())
        self._look_back()
        self._run()

    def _look_back(self) -> None:
        """After a block: whether this replica may sign again, and whether a request is left out."""
        self._reports.forget_below(self.ledger.height)
        if self._abstention is not None and self._is_past_its_votes(self._abstention):
            self._note(f"height {self.ledger.height} is certified: this replica signs again")
            self._abstention = None
            self._ports.signs(self.rules.chain_id, True)  # noqa: FBT003 - it does
            self._inputs.append(MaySign())
        self._watch_inclusion()

    def _is_past_its_votes(self, abstention: Abstention) -> bool:
        """By the set in force; not while more than f of its members say that they are further still."""
        height, abstention.membership = self.ledger.height, self.ledger.head.membership
        leading = [node for node in self._catching_up.sync.leading(height) if self.outlook.place_of(node) != OUTSIDE]
        return len(leading) <= abstention.membership.faulty_max and abstention.is_over(height)

    def _watch_inclusion(self) -> None:
        """What has waited too long is urged on everybody, or the primary is given up."""
        height, inclusion = self.ledger.height, self._inclusion
        oldest = self.pool.oldest(self.ledger.head.header.time)
        inclusion.committed(height, None if oldest is None else oldest.transaction_id)
        if inclusion.is_overdue(height):
            inclusion.restart(height)
            self._note("a request that has waited long is not in the primary's blocks: it is given up")
            self._inputs.append(Censored())
        elif inclusion.is_urgent(height):
            urgent = [checked.raw for checked in self.pool.waiting(URGENT_MAX)]
            for relay in relays(self.rules.chain_id, urgent, urgent=True):
                self._ports.broadcast(relay)

    def _note(self, sentence: str) -> None:
        self._ports.note(self.rules.chain_id, sentence)
