"""What a caller is answered: every transaction of a request exactly once, reads with their proofs, and bounds."""

from collections import deque
from collections.abc import Callable
from contextlib import suppress

import pytest
from msgspec.structs import replace

from chain.codec import CodecMalformed, decode, encode
from chain.light_client import Trusted, header_fault
from chain.merkle import leaf_hash, root
from chain.rpc import (
    Answer,
    BlockAnswer,
    Follow,
    Hello,
    Outcomes,
    ReadStatus,
    Refused,
    StatusAnswer,
    Submit,
)
from chain.transaction import SignedTransaction
from contracts.system import change_transaction
from node import ingress, rpc_server
from node.host import Host
from node.ingress import SLICE_TRANSACTIONS
from node.network.frames import relays
from node.rpc_server import RpcServer
from tests.contracts.membership_changes import FOUR, agreed, first
from tests.node.cluster import Cluster
from tests.node.network.small_pki import NAMES
from tests.node.small_chain import CHAIN, MEMBERSHIP, NOW, RULES, define
from tests.node.test_cluster import quiet


class Caller:
    """A link to a caller, from the server's side."""

    def __init__(self) -> None:
        self.open = True
        self.paused = False
        self.drained: Callable[[], None] | None = None
        self.answers: list[Answer] = []

    def send(self, body: bytes) -> None:
        """What the server says."""
        if self.open:
            self.answers.append(decode(body, Answer))

    def close(self) -> None:
        """The server hangs up."""
        self.open = False

    def outcomes(self) -> dict[tuple[int, int], str]:
        """By (request, index): the code of a refusal, or "block" and the height. No transaction is answered twice."""
        found: dict[tuple[int, int], str] = {}
        for answer in self.answers:
            assert isinstance(answer, Outcomes)
            told = [(rejected.index, rejected.code) for rejected in answer.rejected]
            if answer.certified is not None:
                check_outcomes(answer)
                told += [(one.index, f"block {answer.certified.header.height}") for one in answer.included]
            for index, what in told:
                assert (answer.request, index) not in found
                found[answer.request, index] = what
        return found


def check_outcomes(answer: Outcomes) -> None:
    """An answer proves itself to a stranger."""
    assert answer.certified is not None
    trusted = Trusted(height=0, time=0, membership=MEMBERSHIP)
    assert header_fault(RULES, trusted, answer.certified) is None
    assert root(RULES.digest, answer.receipt_leaves) == answer.certified.header.receipt_root
    for included in answer.included:
        assert answer.receipt_leaves[included.place] == leaf_hash(RULES.digest, encode(included.receipt))


class Service:
    """The RPC server of one member of a cluster."""

    def __init__(self, replica_id: int = 0) -> None:
        self.cluster = Cluster()
        self.member = self.cluster.member(replica_id)
        self.scheduled: deque[Callable[[], None]] = deque()
        self.relayed: list[bytes] = []
        self.server = RpcServer(
            name=NAMES[replica_id],
            hosts={CHAIN: self.host},
            connected=lambda: tuple(NAMES[peer] for peer in sorted(self.cluster.connected(replica_id))),
            relay=self._relay,
            schedule=self.scheduled.append,
        )
        told = self.member._committed

        def committed(chain_id: str, executed, certificate) -> None:
            told(chain_id, executed, certificate)
            self.server.committed(self.host, executed, certificate)

        object.__setattr__(self.host._ports, "committed", committed)

    @property
    def host(self) -> Host:
        """The member's host."""
        assert self.member.host is not None
        return self.member.host

    def ask(self, caller: Caller, request: object) -> None:
        """A caller's request arrives."""
        self.server.receive(caller, encode(request))  # type: ignore[arg-type]

    def submit(self, caller: Caller, number: int, *raws: bytes, chain_id: str = CHAIN) -> None:
        """A caller's transactions arrive."""
        for raw in raws:
            with suppress(CodecMalformed):
                self.cluster.submitted[RULES.transaction_id(decode(raw, SignedTransaction).body)] = raw
        self.ask(caller, Submit(request=number, chain_id=chain_id, transactions=raws))

    def turn(self) -> None:
        """What is scheduled now is done."""
        for _ in range(len(self.scheduled)):
            self.scheduled.popleft()()

    def settle(self) -> None:
        """Everything is done, everywhere."""
        while self.scheduled:
            self.turn()
        self.cluster.settle()

    def _relay(self, chain_id: str, raws: tuple[bytes, ...]) -> None:
        self.relayed += raws
        for relay in relays(chain_id, raws):
            self.member._broadcast(relay)


def test_a_transaction_is_answered_with_its_receipt_and_proof_when_its_block_is_durable() -> None:
    service, caller = Service(), Caller()
    service.submit(caller, 7, define(0))
    service.turn()
    while service.host.ledger.height == 0:
        service.cluster.sync()
        service.cluster.deliver_all()
    assert caller.answers == []
    service.cluster.sync()
    assert caller.outcomes() == {(7, 0): "block 1"}
    assert service.relayed == [define(0)]


@pytest.mark.parametrize("replica_id", [0, 2])
def test_every_transaction_of_a_request_is_answered_once_with_a_reason_or_a_block(replica_id: int) -> None:
    service, caller = Service(replica_id), Caller()
    twin = define(1)
    service.submit(caller, 1, define(0), b"\xc1", twin, twin, define(2, valid_until=NOW - 1))
    service.submit(caller, 2, twin, define(3))
    service.settle()
    assert caller.outcomes() == {
        (1, 0): "block 1",
        (1, 1): "transaction-malformed",
        (1, 2): "block 1",
        (1, 3): "block 1",
        (1, 4): "transaction-expired",
        (2, 0): "block 1",
        (2, 1): "block 1",
    }
    assert service.relayed == [define(0), twin, define(3)]
    assert service.server._waiting == 0
    service.cluster.check()


def test_a_transaction_that_is_in_a_block_is_answered_like_the_first_time() -> None:
    service, caller, later = Service(), Caller(), Caller()
    service.submit(caller, 1, define(0), define(1))
    service.settle()
    service.submit(later, 9, define(1))
    service.settle()
    assert later.outcomes() == {(9, 0): "block 1"}
    first, again = caller.answers[0], later.answers[0]
    assert isinstance(first, Outcomes)
    assert isinstance(again, Outcomes)
    assert again.included[0].receipt == first.included[1].receipt
    assert (again.certified, again.receipt_leaves) == (first.certified, first.receipt_leaves)
    assert service.host.ledger.height == 1


def test_a_retry_between_commit_and_sync_is_answered_only_when_the_block_is_durable() -> None:
    service, caller = Service(), Caller()
    service.submit(Caller(), 1, define(0))
    service.turn()
    while service.host.ledger.height == 0:
        service.cluster.sync()
        service.cluster.deliver_all()
    service.submit(caller, 2, define(0))
    service.turn()
    assert caller.answers == []
    service.cluster.sync()
    assert caller.outcomes() == {(2, 0): "block 1"}


def test_a_transaction_that_is_committed_while_its_request_is_queued_is_answered() -> None:
    service, caller = Service(), Caller()
    service.submit(caller, 1, define(0))  # queued here
    service.cluster.submit(define(0), at=2)  # and given to another node
    quiet(service.cluster, 20)
    assert service.host.ledger.height == 1
    service.settle()
    assert caller.outcomes() == {(1, 0): "block 1"}
    assert service.relayed == []


def test_a_transaction_that_expires_while_its_request_is_queued_is_refused() -> None:
    service, caller = Service(), Caller()
    service.submit(caller, 1, define(0, valid_until=NOW + 10))
    service.cluster.now += 1_000
    service.turn()
    assert caller.outcomes() == {(1, 0): "transaction-expired"}


def test_whoever_waits_for_what_no_block_can_hold_any_more_is_told() -> None:
    service, caller = Service(2), Caller()
    service.submit(caller, 1, define(0, valid_until=NOW + 10), define(1))
    service.turn()
    service.server.expire(service.host, NOW + 10)
    assert caller.answers == []
    service.server.expire(service.host, NOW + 11)
    assert caller.outcomes() == {(1, 0): "transaction-expired"}
    rejected = caller.answers[0].rejected[0]
    assert rejected.values == (NOW + 10, NOW + 11)


def test_whoever_waits_for_a_change_that_comes_too_late_for_the_primary_is_told_with_the_next_block() -> None:
    service, caller = Service(2), Caller()
    change = change_transaction(RULES, agreed(RULES, FOUR, first(5), 3), now=NOW, nonce=bytes(16))
    for member in service.cluster.members:
        if member is not service.member:
            service.cluster.submit(define(0), at=member.replica_id)  # they are a block further when they hear of it
    service.cluster.frames = [frame for frame in service.cluster.frames if frame[1] != 2]
    service.submit(caller, 1, change)
    service.turn()
    service.cluster.settle()
    assert caller.outcomes() == {(1, 0): "effective-height-out-of-range"}
    assert len(service.host.pool) == 0


def test_a_chain_that_can_take_nothing_now_says_so_for_the_whole_request() -> None:
    service, caller = Service(2), Caller()
    service.submit(caller, 1, define(0), chain_id="nowhere")
    service.cluster.crash(service.cluster.member(0))
    service.host.peer_head(3, replace(service.host.chain_head(), signs=False))
    service.submit(caller, 2, define(0), define(1))
    service.cluster.crash(service.cluster.member(1))
    service.submit(caller, 3, define(0))
    assert caller.outcomes() == {
        (1, 0): "chain-unknown",
        (2, 0): "votes-forgotten",
        (2, 1): "votes-forgotten",
        (3, 0): "no-quorum",
    }
    assert not service.scheduled


def test_a_write_is_taken_while_the_primary_is_dead_for_it_is_replaced() -> None:
    service, caller = Service(2), Caller()
    service.cluster.crash(service.cluster.member(0))
    service.submit(caller, 1, define(0))
    service.settle()
    assert caller.outcomes()[1, 0].startswith("block")


@pytest.mark.parametrize(
    ("limit", "value"), [("QUEUE_TRANSACTIONS_MAX", 2), ("QUEUE_BYTES_MAX", 2 * len(define(0)) + 1), ("WAITERS_MAX", 2)]
)
def test_what_waits_to_be_checked_is_bounded(monkeypatch: pytest.MonkeyPatch, limit: str, value: int) -> None:
    monkeypatch.setattr(rpc_server if limit == "WAITERS_MAX" else ingress, limit, value)
    service, caller = Service(), Caller()
    if limit == "WAITERS_MAX":
        service.submit(caller, 1, define(0))
        service.turn()
        service.submit(caller, 2, define(1), define(2))
        assert caller.outcomes() == {(2, 0): "queue-full", (2, 1): "queue-full"}
    else:
        service.submit(caller, 1, define(0), define(1))
        service.submit(caller, 2, define(2))
        service.server.relayed(service.host, 1, (define(3),))
        assert caller.outcomes() == {(2, 0): "queue-full"}
        assert len(service.server._ingress) == 2
    service.settle()
    service.submit(caller, 3, define(4))
    service.settle()
    assert caller.outcomes()[3, 0].startswith("block")
    assert service.server._ingress.size == 0


def test_no_single_peer_fills_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingress, "QUEUE_PER_PEER_MAX", 2)
    service, caller = Service(), Caller()
    service.server.relayed(service.host, 3, (b"\xc1", b"\xc1"))
    service.server.relayed(service.host, 3, (define(8),))
    service.server.relayed(service.host, 2, (define(9),))
    service.submit(caller, 1, define(0))
    assert len(service.server._ingress) == 4
    service.settle()
    assert caller.outcomes() == {(1, 0): "block 1"}
    service.server.relayed(service.host, 3, (define(8),))
    assert len(service.server._ingress) == 1


def test_transactions_are_checked_in_slices_so_that_votes_are_heard_in_between() -> None:
    service, caller = Service(), Caller()
    service.submit(caller, 1, *(define(number) for number in range(SLICE_TRANSACTIONS + 3)))
    service.turn()
    assert len(service.host.pool) == SLICE_TRANSACTIONS
    service.turn()
    assert len(service.host.pool) == SLICE_TRANSACTIONS + 3
    assert not service.scheduled


def test_a_fault_in_one_slice_does_not_stop_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    service, caller = Service(), Caller()
    service.submit(caller, 1, *(define(number) for number in range(SLICE_TRANSACTIONS + 1)))
    real = service.host.admit

    def faulty(raw: bytes, *, local: bool):
        if raw == define(3):
            raise KeyError("a fault of ours")
        return real(raw, local=local)

    monkeypatch.setattr(service.host, "admit", faulty)
    with pytest.raises(KeyError):
        service.turn()
    service.settle()
    assert caller.outcomes()[1, SLICE_TRANSACTIONS].startswith("block")


def test_what_a_peer_passed_on_waits_here_and_is_not_passed_on_again() -> None:
    service = Service()
    service.server.relayed(service.host, 1, (define(0), b"\xc1"))
    service.turn()
    assert len(service.host.pool) == 1
    assert service.relayed == []
    service.settle()
    assert service.host.ledger.height == 1


def test_a_caller_that_is_gone_is_forgotten_and_its_transactions_go_their_way() -> None:
    service, gone, here = Service(), Caller(), Caller()
    service.submit(gone, 1, define(0), define(1))
    service.submit(here, 2, define(1))
    service.turn()
    service.submit(gone, 3, define(2))
    service.ask(gone, Follow(request=4, chain_id=CHAIN, height=0))
    gone.close()
    service.server.closed(gone)
    service.turn()
    assert service.server._waiting == 1
    service.settle()
    assert gone.answers == []
    assert here.outcomes() == {(2, 0): "block 1"}
    assert service.cluster.check() == 3
    assert not service.server._waiters
    assert service.server._waiting == 0


def with_blocks(count: int) -> tuple[Service, Caller]:
    """A service whose chain has so many blocks."""
    service = Service()
    for number in range(count):
        service.submit(Caller(), 1, define(number))
        service.settle()
    return service, Caller()


def test_a_status_names_the_replica_its_peers_and_every_chain() -> None:
    service, caller = with_blocks(1)
    service.ask(caller, ReadStatus(request=8))
    (answer,) = caller.answers
    assert isinstance(answer, StatusAnswer)
    assert (answer.request, answer.node, answer.connected) == (8, NAMES[0], NAMES[1:])
    assert tuple(member.replica for member in answer.chains[0].members) == MEMBERSHIP.replicas
    assert [(chain.chain_id, chain.height) for chain in answer.chains] == [(CHAIN, 1)]


def test_nobody_follows_a_chain_that_is_not_there() -> None:
    service, caller = Service(), Caller()
    service.ask(caller, Follow(request=5, chain_id="nowhere", height=0))
    assert caller.answers == [Refused(request=5, code="chain-unknown", values=("nowhere",))]


def heights(caller: Caller, request: int) -> list[int]:
    """The blocks that a follower was told of."""
    answers = [answer for answer in caller.answers if answer.request == request]
    assert all(isinstance(answer, BlockAnswer) for answer in answers)
    return [answer.certified.header.height for answer in answers]


def test_a_follower_is_told_of_every_block_after_its_height_in_order_and_as_they_come() -> None:
    service, caller = with_blocks(3)
    service.ask(caller, Follow(request=4, chain_id=CHAIN, height=1))
    assert heights(caller, 4) == [2, 3]
    service.submit(Caller(), 1, define(7))
    service.turn()
    while service.host.ledger.height == 3:
        service.cluster.sync()
        service.cluster.deliver_all()
    late = Caller()
    service.ask(late, Follow(request=6, chain_id=CHAIN, height=2))
    assert heights(late, 6) == [3]  # the next one is not durable yet
    assert heights(caller, 4) == [2, 3]
    service.settle()
    assert heights(caller, 4) == [2, 3, 4]
    service.ask(caller, Follow(request=5, chain_id=CHAIN, height=2**53 - 1))
    assert heights(caller, 5) == []


def test_a_follower_that_does_not_read_is_told_the_rest_when_it_does() -> None:
    service, caller = with_blocks(3)
    caller.paused = True
    service.ask(caller, Follow(request=4, chain_id=CHAIN, height=0))
    service.submit(Caller(), 1, define(7))
    service.settle()
    assert heights(caller, 4) == []
    caller.paused = False
    caller.drained()
    assert heights(caller, 4) == [1, 2, 3, 4]


def test_a_newer_wish_to_follow_a_chain_takes_the_place_of_the_older() -> None:
    service, caller = with_blocks(1)
    for request in range(50):
        service.ask(caller, Follow(request=request, chain_id=CHAIN, height=1))
    other = Caller()
    service.ask(other, Follow(request=1, chain_id=CHAIN, height=1))
    assert len(service.server._followers) == 2
    service.submit(Caller(), 1, define(7))
    service.settle()
    assert [answer.request for answer in caller.answers] == [49]
    assert heights(other, 1) == [2]


def test_a_second_greeting_or_a_malformed_request_ends_the_link() -> None:
    service, caller = Service(), Caller()
    with pytest.raises(CodecMalformed):
        service.server.receive(caller, b"\x92\x63\x01")  # type: ignore[arg-type]
    service.ask(caller, Hello(version=1, network_id=bytes(32), speaker=None))
    assert not caller.open


def test_bytes_with_another_signature_do_not_ride_on_a_checked_transaction() -> None:
    service, caller = Service(), Caller()
    forged = encode(replace(decode(define(0), SignedTransaction), signature=bytes(64)))
    service.submit(caller, 1, define(0), forged)
    service.settle()
    assert caller.outcomes() == {(1, 0): "block 1", (1, 1): "signature-invalid"}
