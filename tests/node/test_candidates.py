"""Blocks that are executed and not committed: each once, few at a time, and one ready while another is agreed."""

import pytest

from chain.block import Block
from node import candidates as module
from node.candidates import EXECUTED_MAX, READY_AGE_MAX, Candidates
from node.execution import BlockFault, Executed
from node.ledger import Ledger
from node.mempool import Mempool
from tests.node.small_chain import NOW, RULES, certify, checked, define, new_ledger, next_block

SKEW = RULES.profile.clock_skew_ms


class Primary:
    """A ledger, its pool and the blocks between."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, block_size: int = 2) -> None:
        self.ledger: Ledger = new_ledger()
        self.pool = Mempool(RULES)
        self.candidates = Candidates(self.ledger, self.pool)
        original = Mempool.next_block
        monkeypatch.setattr(Mempool, "next_block", lambda *args: original(*args)[:block_size])
        monkeypatch.setattr(Mempool, "fills_a_block_beside", lambda pool, held: len(pool) - len(held) >= block_size)

    def waits(self, *numbers: int) -> None:
        """These wait in the pool."""
        for number in numbers:
            assert self.pool.add(checked(define(number), self.ledger))

    def build(self, *, view: int = 0, now: int = NOW) -> Block | None:
        """The next block."""
        return self.candidates.build(view, 0, now)

    def commit(self, block: Block) -> None:
        """The block is committed, as a host does it."""
        executed = self.candidates.executed(RULES.block_digest(block.header))
        self.ledger.append(executed, certify(RULES, block.header))
        self.pool.remove(one.transaction_id for one in executed.transactions)
        self.candidates.committed()

    def prepare_next(self, block: Block, *, view: int = 0, now: int = NOW) -> None:
        """Another block is built on this one."""
        self.candidates.prepare_next(RULES.block_digest(block.header), view, 0, now)


@pytest.fixture
def primary(monkeypatch: pytest.MonkeyPatch) -> Primary:
    return Primary(monkeypatch)


def test_an_empty_pool_makes_no_block(primary: Primary) -> None:
    assert primary.build() is None


def test_a_block_is_made_of_the_oldest_and_is_not_before_its_parent(primary: Primary) -> None:
    primary.waits(0, 1, 2)
    block = primary.build(now=0)
    assert block.transactions == (define(0), define(1))
    assert block.header.time == primary.ledger.genesis.time + 1
    assert primary.build().header.time == NOW
    assert len(primary.candidates.held()) == 2


def test_a_block_is_executed_once_however_often_it_is_proposed(
    primary: Primary, monkeypatch: pytest.MonkeyPatch
) -> None:
    block = next_block(primary.ledger, define(0)).block
    digest = RULES.block_digest(block.header)
    first = primary.candidates.validate(block, digest)
    assert isinstance(first, Executed)
    monkeypatch.setattr(Ledger, "execute", lambda *_: pytest.fail("it is executed already"))
    assert primary.candidates.validate(block, digest) is first
    assert primary.candidates.executed(digest) is first


def test_a_block_that_is_refused_is_not_kept(primary: Primary) -> None:
    block = next_block(primary.ledger, define(0)).block
    bad = Block(header=block.header, transactions=())
    assert isinstance(primary.candidates.validate(bad, RULES.block_digest(bad.header)), BlockFault)
    assert primary.candidates.held() == set()


def test_only_a_few_are_kept_the_last_ones(primary: Primary) -> None:
    blocks = [next_block(primary.ledger, define(number)).block for number in range(EXECUTED_MAX + 1)]
    digests = [RULES.block_digest(block.header) for block in blocks]
    for block, digest in zip(blocks[:EXECUTED_MAX], digests, strict=False):
        primary.candidates.validate(block, digest)
    primary.candidates.validate(blocks[0], digests[0])
    primary.candidates.validate(blocks[-1], digests[-1])
    assert set(primary.candidates._executed) == {digests[0], *digests[2:]}
    found = [primary.candidates.find(define(number)) is not None for number in range(EXECUTED_MAX + 1)]
    assert found == [number != 1 for number in range(EXECUTED_MAX + 1)]
    primary.candidates.committed()
    assert primary.candidates.find(define(0)) is None


def test_a_ready_block_follows_the_one_that_is_agreed_and_commits_on_it(primary: Primary) -> None:
    primary.waits(*range(5))
    first = primary.build()
    primary.prepare_next(first)
    primary.commit(first)
    second = primary.build(now=NOW + 50)
    assert second.transactions == (define(2), define(3))
    assert second.header.parent == RULES.block_digest(first.header)
    assert second.header.time == NOW + 1, "it was ready"
    primary.commit(second)
    assert primary.ledger.height == 2
    third = primary.build(now=NOW + 60)
    assert (third.transactions, third.header.time) == ((define(4),), NOW + 60)


def test_a_ready_block_is_the_one_that_would_have_been_made_then(primary: Primary) -> None:
    primary.waits(*range(4))
    first = primary.build()
    primary.prepare_next(first)
    primary.commit(first)
    ready = primary.build()
    again = primary.candidates._build_on_head(0, 0, NOW + 1)
    assert ready.header == again.block.header


def test_nothing_is_made_ready_of_less_than_a_block(primary: Primary) -> None:
    primary.waits(0, 1, 2)
    first = primary.build()
    primary.prepare_next(first)
    assert primary.candidates._ready is None


def test_one_block_is_made_ready_and_not_made_again(primary: Primary, monkeypatch: pytest.MonkeyPatch) -> None:
    primary.waits(*range(6))
    first = primary.build()
    primary.prepare_next(first)
    monkeypatch.setattr(module, "build_block", lambda *_, **__: pytest.fail("one is ready"))
    primary.prepare_next(first)


def test_what_waits_but_cannot_go_into_a_block_yet_makes_nothing_ready(
    primary: Primary, monkeypatch: pytest.MonkeyPatch
) -> None:
    primary.waits(*range(4))
    first = primary.build()
    monkeypatch.setattr(Mempool, "next_block", lambda *_: [])
    primary.prepare_next(first)
    assert primary.candidates._ready is None


def ready(primary: Primary) -> Block:
    """The first block of four requests, the second one ready."""
    primary.waits(*range(4))
    first = primary.build()
    primary.prepare_next(first)
    return first


def test_a_ready_block_of_an_earlier_view_is_dropped(primary: Primary) -> None:
    primary.commit(ready(primary))
    assert primary.build(view=1, now=NOW + 9).header.time == NOW + 9


def test_a_change_of_view_drops_it(primary: Primary) -> None:
    first = ready(primary)
    primary.candidates.drop_ready()
    primary.commit(first)
    assert primary.build(now=NOW + 9).header.time == NOW + 9


def test_a_ready_block_on_a_block_that_was_not_committed_is_dropped(primary: Primary) -> None:
    ready(primary)
    other = next_block(primary.ledger, define(9))
    primary.ledger.append(other, certify(RULES, other.block.header))
    primary.candidates.committed()
    assert primary.build(now=NOW + 9).header.parent == other.digest


@pytest.mark.parametrize(("late", "used"), [(0, True), (1, False)])
def test_a_ready_block_is_used_while_its_time_is_near(primary: Primary, late: int, used: bool) -> None:
    primary.commit(ready(primary))
    now = NOW + 1 + SKEW // READY_AGE_MAX + late
    assert (primary.build(now=now).header.time == NOW + 1) == used
