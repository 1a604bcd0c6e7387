"""Clients: they send requests, and send again what nobody has answered in time."""

from dataclasses import dataclass
from random import Random
from typing import Final

from chain.codec import encode
from chain.digests import sha256
from chain.quorum import QuorumCertificate
from chain.transaction import SignedTransaction, Transaction
from contracts.classes import DEFAULT_RULES, DefineClass
from node.execution import Executed
from node.mempool import Checked, Refusal
from simulation.cluster import Cluster
from simulation.foundation import PLATFORMS
from simulation.machine import Machine
from simulation.observer import Observer

VALID_MS: Final = 200_000
RETRY_US: Final = 2_500_000
BUSY_US: Final = 50_000
EXPIRED_MS: Final = 60_000
"""So long after its end a request is in no block by any honest clock."""


@dataclass(slots=True)
class Request:
    """A signed transaction and what became of it."""

    raw: bytes
    transaction_id: bytes
    person: str
    valid_until: int
    accepted: bool = False
    """Whether an honest replica took it."""
    answered: bool = False
    """Whether an honest replica said that it is committed."""


class Clients(Observer):
    """Two platforms that define certificate classes, one after the other."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._random = Random(f"clients of {cluster.settings.seed}")
        holder, accounts = cluster.signatures.holder, cluster.foundation.accounts
        self._signers = {person: holder(accounts[person]) for person in PLATFORMS}
        self._retrying = True
        self._number = 0
        self.requests: dict[bytes, Request] = {}
        """By the bytes that were signed and sent."""
        self.unanswered: dict[bytes, Request] = {}
        """By transaction id."""
        self.refusals: dict[str, int] = {}
        self.expired = 0

    def begin(self) -> None:
        """Requests come now and then, a few at a time, until the seed's number is reached."""
        settings = self._cluster.settings
        for _ in range(self._random.randint(1, settings.burst_max)):
            if len(self.requests) < settings.requests:
                self.send_new()
        if len(self.requests) < settings.requests:
            delay = int(self._random.expovariate(1 / settings.between_requests_us))
            self._cluster.clock.after(delay, self.begin)

    def send_new(self) -> None:
        """One more request, to some honest replica."""
        request = self._next()
        self.requests[request.raw] = request
        self.unanswered[request.transaction_id] = request
        self._send(request)

    def keep_busy(self, idle: str) -> None:
        """All but `idle` go on sending until everything that it has sent is answered: blocks are made without end."""
        if not any(request.person == idle for request in self.unanswered.values()):
            return
        while PLATFORMS[self._number % len(PLATFORMS)] == idle:
            self._number += 1
        self.send_new()
        self._cluster.clock.after(BUSY_US, lambda: self.keep_busy(idle))

    def insist(self) -> None:
        """The world is healthy: what is unanswered is sent once more, and then it must be enough."""
        self._retrying = False
        self.give_up_expired()
        for request in list(self.unanswered.values()):
            self._send(request)

    def give_up_expired(self) -> None:
        """What no block can hold any more is made anew, as a client does who finds that it has expired."""
        limit = self._cluster.now_ms - EXPIRED_MS
        old = [request for request in self.unanswered.values() if request.valid_until < limit]
        for request in old:
            del self.unanswered[request.transaction_id]
            self.expired += 1
        for _ in old:
            self.send_new()

    def committed(self, machine: Machine, executed: Executed, certificate: QuorumCertificate) -> None:
        """The answer to whoever waits."""
        for checked in executed.transactions:
            self._answered(checked.transaction_id)

    # ---- inside ----

    def _answered(self, transaction_id: bytes) -> None:
        request = self.unanswered.pop(transaction_id, None)
        if request is not None:
            request.answered = True

    def _send(self, request: Request) -> None:
        if request.answered or request.transaction_id not in self.unanswered:
            return
        up = [machine for machine in self._cluster.up if not machine.paused]
        if up:
            self._submit(self._random.choice(up), request)
        if self._retrying:
            self._cluster.clock.after(RETRY_US, lambda: self._retry(request))

    def _retry(self, request: Request) -> None:
        if self._retrying:
            self.give_up_expired()
            self._send(request)

    def _submit(self, machine: Machine, request: Request) -> None:
        process = machine.process
        assert process is not None

        def act() -> None:
            self._outcome(request, process.submit(request.raw))
            height = process.host.ledger.seen.height_of(request.transaction_id)
            if height is not None and height <= process.host.durable_height:
                self._answered(request.transaction_id)

        self._cluster.act(machine, act)

    def _outcome(self, request: Request, outcome: Checked | Refusal) -> None:
        if isinstance(outcome, Checked):
            request.accepted = True
        else:
            self.refusals[outcome.code] = self.refusals.get(outcome.code, 0) + 1

    def _next(self) -> Request:
        rules, number = self._cluster.rules, self._number
        self._number += 1
        person = PLATFORMS[number % len(PLATFORMS)]
        valid_until = self._cluster.now_ms + VALID_MS
        body = encode(
            Transaction(
                chain_id=rules.chain_id,
                sender=self._cluster.foundation.addresses[person],
                nonce=number.to_bytes(16, "big"),
                valid_until=valid_until,
                contract="classes",
                method="defineClass",
                arguments=encode(_definition(number)),
            )
        )
        transaction_id = rules.transaction_id(body)
        raw = encode(SignedTransaction(body=body, signature=self._signers[person](transaction_id)))
        return Request(raw=raw, transaction_id=transaction_id, person=person, valid_until=valid_until)


def _definition(number: int) -> DefineClass:
    return DefineClass(
        class_id=f"class-{number}",
        standard=721,
        name_en=f"Class {number}",
        name_zh=f"类 {number}",
        schema=sha256(b"schema"),
        fields=("name",),
        rules=DEFAULT_RULES,
    )
