"""One chain's ledger: what is appended, found again after a restart, served to others, and forgotten in time."""

import pytest
from msgspec.structs import replace

from chain.ids import ZERO_DIGEST
from chain.light_client import Trusted, follow, header_fault
from chain.transaction import TRANSACTION_WINDOW_MS
from node import ledger as module
from node.execution import BlockFault, Executed
from node.ledger import UNDO_WINDOW_MS, Ledger, LedgerMismatch
from node.storage.memory import MemoryStore
from tests.node.small_chain import (
    CHAIN,
    GENESIS,
    MEMBERSHIP,
    RULES,
    certify,
    committed,
    define,
    genesis_of,
    grow,
    new_ledger,
    next_block,
    rules_of,
    touch,
)
from tests.node.snapshot_play import change_membership, define_classes


def reopened(ledger: Ledger) -> Ledger:
    """A ledger on the same store."""
    return Ledger(ledger.rules, GENESIS, ledger._store)


def test_height_0_is_what_the_genesis_document_leads_to() -> None:
    ledger = new_ledger()
    assert (ledger.height, ledger.head.certificate) == (0, None)
    assert ledger.head.header == ledger.genesis
    assert ledger.genesis.state_root == ledger.state.root
    assert ledger.certified(0) is None
    assert ledger.block(0) is None


def test_a_block_is_appended_with_receipts_state_and_the_ids_of_its_transactions() -> None:
    ledger = new_ledger()
    (block,) = grow(ledger, 1)
    assert ledger.height == 1
    assert ledger.state.root == block.header.state_root
    stored = ledger.block(1)
    assert stored is not None
    assert stored.committed == block
    assert ledger.seen.height_of(stored.receipts[0].transaction_id) == 1
    certified = ledger.certified(1)
    assert certified is not None
    assert certified.certificate == block.certificate


def test_everything_is_there_after_a_restart() -> None:
    ledger = new_ledger()
    grow(ledger, 5)
    again = reopened(ledger)
    assert (again.height, again.head, again.state.root) == (5, ledger.head, ledger.state.root)
    assert again.genesis == ledger.genesis
    for height in range(1, 6):
        stored = again.block(height)
        assert stored is not None
        assert stored == ledger.block(height)
        assert again.seen.height_of(stored.receipts[0].transaction_id) == height
    assert again.certified(3) == ledger.certified(3)
    assert grow(again, 1, start=5)[0].header.height == 6


def test_a_store_of_another_network_is_refused() -> None:
    ledger = new_ledger()
    other = genesis_of(CHAIN)
    with pytest.raises(LedgerMismatch, match="another network; use another folder"):
        Ledger(rules_of(other), other, ledger._store)


def test_blocks_are_served_in_order_within_the_limits() -> None:
    ledger = new_ledger()
    blocks = tuple(grow(ledger, 6))
    size = sum(map(len, blocks[0].block.transactions))
    assert ledger.blocks_from(1, blocks_max=4, bytes_max=10**9) == blocks[:4]
    assert ledger.blocks_from(4, blocks_max=64, bytes_max=10**9) == blocks[3:]
    assert ledger.blocks_from(1, blocks_max=64, bytes_max=2 * size + 1) == blocks[:2]
    assert ledger.blocks_from(2, blocks_max=64, bytes_max=0) == blocks[1:2]
    for nothing in (0, 7, 2**53 - 1):
        assert ledger.blocks_from(nothing, blocks_max=64, bytes_max=10**9) == ()


def nobody(_raw: bytes) -> None:
    return None


def test_a_committed_block_is_executed_only_if_it_follows_and_is_certified() -> None:
    ledger = new_ledger()
    good = committed(RULES, next_block(ledger, define(1)))
    assert isinstance(ledger.execute_committed(good, nobody), Executed)
    header = good.header
    elsewhere = replace(good, block=replace(good.block, header=replace(header, parent=ZERO_DIGEST)))
    assert ledger.execute_committed(elsewhere, nobody) == BlockFault("it does not follow the head")
    later = replace(good, block=replace(good.block, header=replace(header, height=2)))
    assert ledger.execute_committed(later, nobody) == BlockFault("it does not follow the head")
    uncertified = replace(good, certificate=replace(good.certificate, signatures=(bytes(64),) * 3))
    assert ledger.execute_committed(uncertified, nobody) == BlockFault("signature-invalid")
    early = replace(header, time=ledger.head.header.time)
    at_once = replace(good, block=replace(good.block, header=early), certificate=certify(RULES, early))
    assert ledger.execute_committed(at_once, nobody) == BlockFault("time-not-increasing")
    wrong = replace(header, state_root=ZERO_DIGEST)
    other = replace(good, block=replace(good.block, header=wrong), certificate=certify(RULES, wrong))
    fault = ledger.execute_committed(other, nobody)
    assert isinstance(fault, BlockFault)
    assert fault.why.startswith("state_root differs")
    assert ledger.height == 0


def test_recent_states_can_be_read_and_old_and_future_ones_cannot() -> None:
    ledger = new_ledger()
    roots = [ledger.state.root] + [block.header.state_root for block in grow(ledger, 4)]
    for height, root in enumerate(roots):
        view = ledger.state_at(height)
        assert view is not None
        assert view.root == root
    assert ledger.state_at(4) is ledger.state
    assert ledger.state_at(5) is None


def aged(ledger: Ledger, gap: int, number: int) -> None:
    """A block `gap` ms after the head."""
    time = ledger.head.header.time + gap
    executed = next_block(ledger, touch(number, valid_until=time), time=time)
    ledger.append(executed, certify(RULES, executed.block.header))


def test_undo_records_and_ids_are_forgotten_when_their_windows_have_passed() -> None:
    ledger = new_ledger()
    first = grow(ledger, 1)[0]
    stored = ledger.block(1)
    assert stored is not None
    transaction_id = stored.receipts[0].transaction_id
    aged(ledger, TRANSACTION_WINDOW_MS + 1, 1)
    assert transaction_id not in ledger.seen
    assert ledger.state_at(0) is not None
    aged(ledger, UNDO_WINDOW_MS - TRANSACTION_WINDOW_MS, 2)
    for one in (ledger, reopened(ledger)):
        assert one.state_at(0) is None
        assert one.state_at(1) is not None
        assert one.state_at(2) is not None
        assert transaction_id not in one.seen
        assert one.block(1) is not None
    assert first.header.height == 1


# ---- pruning ----


def held(ledger: Ledger) -> list[int]:
    """The heights whose blocks are there."""
    return [height for height in range(ledger.height + 2) if ledger.block(height) is not None]


def spaced(ledger: Ledger, blocks: int, gap: int = UNDO_WINDOW_MS) -> None:
    """So many blocks, far apart."""
    for number in range(blocks):
        aged(ledger, gap, ledger.height * 1_000 + number)


def test_old_blocks_go_and_the_latest_stay() -> None:
    ledger = Ledger(RULES, GENESIS, MemoryStore(), history=4)
    for height in range(1, 12):
        spaced(ledger, 1)
        assert held(ledger) == list(range(max(1, height - 3), height + 1))
        assert ledger.oldest_block == max(1, height - 3)
    again = Ledger(RULES, GENESIS, ledger._store, history=4)
    assert (held(again), again.head, again.genesis) == (held(ledger), ledger.head, ledger.genesis)
    assert again.certified(7) is None
    assert again.blocks_from(7, blocks_max=64, bytes_max=10**9) == ()
    assert [block.header.height for block in again.blocks_from(8, blocks_max=64, bytes_max=10**9)] == [8, 9, 10, 11]


def test_no_block_of_the_window_goes_nor_the_one_that_proves_its_oldest_state() -> None:
    ledger = Ledger(RULES, GENESIS, MemoryStore(), history=1)
    grow(ledger, 6)
    assert held(ledger) == [1, 2, 3, 4, 5, 6]
    aged(ledger, UNDO_WINDOW_MS - 2_000, 1)
    oldest = ledger.oldest_block
    assert oldest > 1
    assert ledger.state_at(oldest) is not None
    assert ledger.certified(oldest) is not None
    assert ledger.state_at(oldest - 1) is None


def test_blocks_go_in_small_steps_when_the_history_is_made_shorter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PRUNE_STEP", 3)
    store = MemoryStore()
    spaced(Ledger(RULES, GENESIS, store), 20)
    ledger = Ledger(RULES, GENESIS, store, history=5)
    oldest = []
    for _ in range(8):
        spaced(ledger, 1)
        oldest.append(ledger.oldest_block)
        assert held(ledger) == list(range(ledger.oldest_block, ledger.height + 1))
    assert oldest == [4, 7, 10, 13, 16, 19, 22, 24]


def test_what_is_pruned_is_gone_from_the_store_too() -> None:
    store = MemoryStore()
    ledger = Ledger(RULES, GENESIS, store, history=3)
    spaced(ledger, 12)
    blocks = [key for key in store.entries if key[:1] == b"b"]
    undone = [key for key in store.entries if key[:1] == b"u"]
    assert len(blocks) == 1 + 3
    assert len(undone) == 2


def test_every_handover_stays_when_its_block_is_pruned() -> None:
    ledger = Ledger(RULES, GENESIS, MemoryStore(), history=2)
    assert ledger.handovers(0, 2**53) == ()
    change_membership(ledger)
    at = ledger.height
    (handover,) = ledger.handovers(0, 2**53)
    define_classes(ledger, range(10), gap=UNDO_WINDOW_MS)
    assert ledger.block(at) is None
    for one in (ledger, Ledger(RULES, GENESIS, ledger._store, history=2)):
        assert one.handovers(0, 2**53) == one.handovers(at - 1, at + 1) == (handover,)
        assert one.handovers(at, 2**53) == one.handovers(0, at) == ()
    start = Trusted(height=0, time=ledger.genesis.time, membership=MEMBERSHIP)
    followed = follow(RULES, start, ledger.handovers(0, 2**53))
    assert isinstance(followed, Trusted)
    assert (followed.height, followed.membership) == (at, ledger.head.membership)
    certified = ledger.certified(ledger.height)
    assert certified is not None
    assert header_fault(RULES, followed, certified) is None


# ---- the past ----


def test_the_way_back_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = new_ledger()
    grow(ledger, 3)
    monkeypatch.setattr(module, "UNDO_KEYS_MAX", 4)
    assert ledger.state_at(2) is not None
    assert ledger.state_at(0) is None


def test_ledgers_of_two_chains_share_nothing_but_the_network() -> None:
    other = Ledger(rules_of(chain_id="chengdu"), GENESIS, MemoryStore())
    assert other.genesis.network_id == new_ledger().genesis.network_id
    assert other.genesis.state_root != new_ledger().genesis.state_root
