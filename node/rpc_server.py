"""Answers callers: the records of `chain.rpc` over accepted links (protocol 12)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from msgspec import Struct

from chain.codec import decoder, encode
from chain.light_client import CertifiedHeader
from chain.membership import REPLICAS_MAX
from chain.quorum import QuorumCertificate
from chain.rpc import (
    Answer,
    BlockAnswer,
    Follow,
    Hello,
    Included,
    Outcomes,
    ReadBlock,
    ReadHandovers,
    ReadState,
    ReadStatus,
    Refused,
    Rejection,
    Request,
    StatusAnswer,
    Submit,
)
from chain.transaction import Values
from node.execution import Executed
from node.host import Host
from node.ingress import Arrival, Ingress, Part
from node.mempool import Checked, Refusal
from node.network.link import Link
from node.reads import block_answer, certified_header, no_block, read_block, read_handovers, read_state, receipt_leaves

WAITERS_MAX: Final = 100_000


class Waiter(Struct, frozen=True):
    """A caller that waits for a transaction: its link, the number of its request, and the place in it."""

    link: Link
    request: int
    index: int


@dataclass(slots=True)
class Follower:
    """A caller that is told of every durable block from `next` on."""

    link: Link
    request: int
    host: Host
    next: int


@dataclass(slots=True)
class RpcServer:
    """All callers of one node."""

    name: str
    hosts: dict[str, Host]
    connected: Callable[[], tuple[str, ...]]
    """The names of the nodes that can be sent to."""
    relay: Callable[[str, tuple[bytes, ...]], None]
    schedule: Callable[[Callable[[], None]], object]
    _ingress: Ingress = field(default_factory=Ingress)
    _scheduled: bool = False
    _waiters: dict[bytes, list[Waiter]] = field(default_factory=dict)
    _waiting: int = 0
    """How many waiters there are."""
    _followers: list[Follower] = field(default_factory=list)

    def receive(self, link: Link, body: bytes) -> None:
        """One request of a caller."""
        match _request(body):
            case Submit() as submit:
                self._submit(link, submit)
            case ReadState() as read:
                _send(link, read_state(self.hosts, read))
            case ReadBlock() as read:
                _send(link, read_block(self.hosts, read))
            case ReadHandovers() as read:
                _send(link, read_handovers(self.hosts, read))
            case ReadStatus(request=request):
                _send(link, self._status(request))
            case Follow() as follow:
                self._follow(link, follow)
            case Hello():
                link.close()

    def closed(self, link: Link) -> None:
        """A caller is gone; its transactions go their way all the same."""
        self._followers = [follower for follower in self._followers if follower.link is not link]
        for transaction_id, waiters in list(self._waiters.items()):
            others = [waiter for waiter in waiters if waiter.link is not link]
            self._waiting -= len(waiters) - len(others)
            if others:
                self._waiters[transaction_id] = others
            else:
                del self._waiters[transaction_id]

    def relayed(self, host: Host, peer: int, transactions: tuple[bytes, ...]) -> None:
        """Transactions that a peer has taken. What does not fit is left out: the peer has them and sends them again."""
        if self._ingress.has_room(transactions, peer):
            self._enqueue(Arrival(host, transactions, peer=peer))

    def committed(self, host: Host, executed: Executed, certificate: QuorumCertificate) -> None:
        """A block is durable: whoever waits for one of its transactions, or follows the chain, is told."""
        certified = CertifiedHeader(header=executed.block.header, certificate=certificate)
        requests: dict[tuple[Link, int], list[Included]] = {}
        for place, checked in enumerate(executed.transactions):
            for waiter in self._dismiss(checked.transaction_id):
                included = Included(index=waiter.index, place=place, receipt=executed.receipts[place])
                requests.setdefault((waiter.link, waiter.request), []).append(included)
        for (link, request), included_all in requests.items():
            _send(link, _outcomes(request, certified, executed.receipt_leaves, tuple(included_all)))
        for follower in self._followers:
            if follower.host is host:
                self._advance(follower, executed, certified)
        for checked, refusal in host.outdated():
            for waiter in self._dismiss(checked.transaction_id):
                _reject(waiter, refusal.code, refusal.values)

    def expire(self, host: Host, now: int) -> None:
        """Tell whoever waits for a transaction that, by this node's clock, no block can hold any more.

        That is a hint: only a certified header later than its end of validity proves it. One that is in a block which
        came with a snapshot is answered as any other.
        """
        for checked in host.expire(now):
            height = host.ledger.seen.height_of(checked.transaction_id)
            for waiter in self._dismiss(checked.transaction_id):
                if height is None:
                    _reject(waiter, "transaction-expired", (checked.transaction.valid_until, now))
                else:
                    self._answer_committed(host, height, checked, waiter)

    def _submit(self, link: Link, submit: Submit) -> None:
        host = self.hosts.get(submit.chain_id)
        code = "chain-unknown" if host is None else host.outlook.refuses()
        if not code and not self._has_room(submit.transactions):
            code = "queue-full"
        if code or host is None:
            rejected = tuple(
                Rejection(index=i, code=code, values=(submit.chain_id,)) for i in range(len(submit.transactions))
            )
            _send(link, _outcomes(submit.request, None, (), (), rejected))
            return
        self._enqueue(Arrival(host, submit.transactions, link, submit.request))

    def _has_room(self, transactions: tuple[bytes, ...]) -> bool:
        return self._ingress.has_room(transactions) and self._waiting + len(transactions) <= WAITERS_MAX

    def _enqueue(self, arrival: Arrival) -> None:
        self._ingress.add(arrival)
        self._pump_soon()

    def _pump_soon(self) -> None:
        if not self._scheduled and len(self._ingress):
            self._scheduled = True
            self.schedule(self._pump)

    def _pump(self) -> None:
        """One slice of the queue: check, take, pass on, and let the replica propose."""
        self._scheduled = False
        parts = self._ingress.take()
        self._pump_soon()
        host = parts[0].arrival.host
        taken = [raw for part in parts for raw in self._take(part)]
        if taken:
            self.relay(host.rules.chain_id, tuple(taken))
        host.requests_admitted()

    def _take(self, part: Part) -> list[bytes]:
        """Take transactions into the pool; those that are new here from a caller, and so to be passed on."""
        host, caller = part.arrival.host, part.arrival.caller
        if caller is None:
            for raw in part.transactions:
                host.admit(raw, local=False)
            return []
        waiters = (Waiter(caller, part.arrival.request, part.start + i) for i in range(len(part.transactions)))
        return [
            raw for raw, waiter in zip(part.transactions, waiters, strict=True) if self._take_one(host, raw, waiter)
        ]

    def _take_one(self, host: Host, raw: bytes, waiter: Waiter) -> bool:
        """Take a caller's transaction; whether it is new here."""
        before = len(host.pool)
        outcome = host.admit(raw, local=True)
        if isinstance(outcome, Refusal):
            _reject(waiter, outcome.code, outcome.values)
            return False
        height = host.ledger.seen.height_of(outcome.transaction_id)
        if height is not None and height <= host.durable_height:
            self._answer_committed(host, height, outcome, waiter)
            return False
        if waiter.link.open:
            self._waiters.setdefault(outcome.transaction_id, []).append(waiter)
            self._waiting += 1
        return len(host.pool) > before

    def _dismiss(self, transaction_id: bytes) -> list[Waiter]:
        """Whoever waits for the transaction, from now on no more."""
        waiters = self._waiters.pop(transaction_id, [])
        self._waiting -= len(waiters)
        return waiters

    def _answer_committed(self, host: Host, height: int, checked: Checked, waiter: Waiter) -> None:
        """The transaction is in a block already: the same answer as the first time."""
        stored = host.ledger.block(height)
        assert stored is not None
        ids = [receipt.transaction_id for receipt in stored.receipts]
        place = ids.index(checked.transaction_id)
        included = Included(index=waiter.index, place=place, receipt=stored.receipts[place])
        leaves = receipt_leaves(host, stored)
        _send(waiter.link, _outcomes(waiter.request, certified_header(stored), leaves, (included,)))

    def _status(self, request: int) -> Answer:
        return StatusAnswer(
            request=request,
            node=self.name,
            connected=self.connected()[:REPLICAS_MAX],
            chains=tuple(host.status() for host in self.hosts.values()),
        )

    def _follow(self, link: Link, follow: Follow) -> None:
        host = self.hosts.get(follow.chain_id)
        if host is None:
            _send(link, Refused(request=follow.request, code="chain-unknown", values=(follow.chain_id,)))
            return
        # One per link and chain: a newer wish takes the place of the older.
        self._followers = [f for f in self._followers if not (f.link is link and f.host is host)]
        follower = Follower(link, follow.request, host, follow.height + 1)
        self._followers.append(follower)
        link.drained = lambda: self._drained(link)
        self._advance(follower)

    def _drained(self, link: Link) -> None:
        for follower in self._followers:
            if follower.link is link:
                self._advance(follower)

    def _advance(
        self, follower: Follower, executed: Executed | None = None, certified: CertifiedHeader | None = None
    ) -> None:
        """Send a follower what it has not had, as long as it reads; the newest block without a look at the disk."""
        while follower.next <= follower.host.durable_height and follower.link.open and not follower.link.paused:
            if executed is not None and executed.block.header.height == follower.next:
                answer = BlockAnswer(
                    request=follower.request,
                    certified=certified,
                    genesis=None,
                    transactions=executed.block.transactions,
                    receipts=executed.receipts,
                )
            else:
                stored = follower.host.ledger.block(follower.next)
                if stored is None:
                    self._followers = [other for other in self._followers if other is not follower]
                    _send(follower.link, no_block(follower.host, follower.request, follower.next))
                    return
                answer = block_answer(follower.request, stored)
            follower.next += 1
            _send(follower.link, answer)


_request: Callable[[bytes], Request] = decoder(Request)  # type: ignore[arg-type] # a union is no type to mypy


def _send(link: Link, answer: Answer) -> None:
    link.send(encode(answer))


def _reject(waiter: Waiter, code: str, values: Values) -> None:
    rejection = Rejection(index=waiter.index, code=code, values=values)
    _send(waiter.link, _outcomes(waiter.request, None, (), (), (rejection,)))


def _outcomes(
    request: int,
    certified: CertifiedHeader | None,
    leaves: tuple[bytes, ...],
    included: tuple[Included, ...],
    rejected: tuple[Rejection, ...] = (),
) -> Outcomes:
    return Outcomes(request=request, rejected=rejected, certified=certified, receipt_leaves=leaves, included=included)
