"""Speed has left no check out: who signs, what is durable, what is executed, counted on the way of every transaction."""

from collections import Counter
from collections.abc import Iterator

import pytest

from chain.codec import decode
from chain.transaction import SignedTransaction
from tests.node.cluster import Cluster
from tests.node.small_chain import MEMBERSHIP, RULES, define

REPLICAS = len(MEMBERSHIP.replicas)


@pytest.fixture
def checked() -> Iterator[Counter[bytes]]:
    """How often a signature over each message was checked, by whomever."""
    count, scheme = Counter[bytes](), RULES.scheme
    real = scheme.verify

    def verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
        count[message] += 1
        return real(public_key, message, signature)

    object.__setattr__(scheme, "verify", verify)
    try:
        yield count
    finally:
        object.__setattr__(scheme, "verify", real)


def transaction_id(raw: bytes) -> bytes:
    """What its sender signed."""
    return RULES.transaction_id(decode(raw, SignedTransaction).body)


@pytest.mark.parametrize("at", range(REPLICAS))
def test_every_replica_checks_every_signature_and_none_twice(checked: Counter[bytes], at: int) -> None:
    cluster = Cluster()
    raws = [define(number) for number in range(40)]
    for raw in raws:
        cluster.submit(raw, at=at)
    cluster.settle()
    cluster.check_all_committed()
    assert {checked[transaction_id(raw)] for raw in raws} == {REPLICAS}


def test_a_transaction_that_comes_first_in_a_block_is_checked_as_well(checked: Counter[bytes]) -> None:
    """Nobody but the primary has heard of it."""
    cluster = Cluster()
    primary = cluster.member(0)
    assert primary.host is not None
    raw = define(1)
    primary.host.admit(raw, local=True)
    cluster.submitted[transaction_id(raw)] = raw
    primary.host.requests_admitted()
    cluster.settle()
    cluster.check_all_committed()
    assert checked[transaction_id(raw)] == REPLICAS
