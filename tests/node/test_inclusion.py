"""Whether a primary leaves a request out: counted in blocks, so that an overloaded primary is not taken for one."""

from chain.profiles import load_profiles
from node.inclusion import INCLUSION_BLOCKS, URGENT_BLOCKS, Inclusion
from node.mempool import POOL_BLOCKS_MAX, URGENT_TRANSACTIONS_MAX

ONE, OTHER = b"\x01" * 32, b"\x02" * 32


def after(inclusion: Inclusion, height: int, oldest: bytes | None = ONE) -> tuple[bool, bool]:
    """Whether the oldest request is urgent and overdue after a block."""
    inclusion.committed(height, oldest)
    return inclusion.is_urgent(height), inclusion.is_overdue(height)


def test_the_oldest_request_becomes_urgent_and_then_the_primary_is_given_up() -> None:
    inclusion = Inclusion(since=100)
    told = [after(inclusion, height) for height in range(101, 101 + INCLUSION_BLOCKS + 1)]
    assert told.index((True, False)) == URGENT_BLOCKS
    assert told.index((True, True)) == INCLUSION_BLOCKS


def test_the_count_begins_when_a_request_becomes_the_oldest() -> None:
    inclusion = Inclusion()
    for height in range(1, 10):
        after(inclusion, height)
    after(inclusion, 10, OTHER)
    assert after(inclusion, 10 + URGENT_BLOCKS - 1, OTHER) == (False, False)
    assert after(inclusion, 10 + URGENT_BLOCKS, OTHER) == (True, False)


def test_an_empty_pool_misses_nothing() -> None:
    inclusion = Inclusion()
    for height in range(1, 100):
        assert after(inclusion, height, None) == (False, False)
    assert after(inclusion, 100, ONE) == (False, False)


def test_another_primary_has_the_same_time() -> None:
    inclusion = Inclusion()
    after(inclusion, 1)
    inclusion.restart(20)
    assert after(inclusion, 20 + URGENT_BLOCKS - 1) == (False, False)
    assert after(inclusion, 20 + INCLUSION_BLOCKS - 1) == (True, False)
    assert after(inclusion, 20 + INCLUSION_BLOCKS) == (True, True)


def test_a_primary_that_takes_the_oldest_first_comes_to_every_request_of_a_full_pool_in_time() -> None:
    for profile in load_profiles().values():
        by_number = -(-(profile.pool_transactions_max + URGENT_TRANSACTIONS_MAX) // profile.block_transactions_max)
        # A block may end one transaction short of its bytes, so that it takes twice as many at worst.
        by_bytes = 2 * POOL_BLOCKS_MAX
        assert max(by_number, by_bytes) < INCLUSION_BLOCKS
