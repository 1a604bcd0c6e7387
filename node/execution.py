"""From ordered transactions to state, receipts and roots; the same on every replica (protocol 23).

`build_block` makes a block, `execute_block` repeats it and compares; both run `_run`, so there is one way to
execute. A transaction that fails stays in its block with a failed receipt and no other effect.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chain.block import HEADER_VERSION, Block, BlockHeader
from chain.codec import encode
from chain.membership import Membership
from chain.merkle import leaf_hash, root
from chain.rules import ChainRules
from chain.state import Layer, Overlay, View
from chain.transaction import Receipt
from contracts.interface import ContractContext, ContractReverted
from contracts.membership import membership_at
from contracts.registry import call, check
from node.mempool import SELF_PROVING_MAX, Checked, Refusal, SeenIds, check_transaction, window_refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Executed:
    """A block with everything that follows from it: digest, receipts and their leaf hashes, the next state and set."""

    block: Block
    digest: bytes
    transactions: tuple[Checked, ...]
    receipts: tuple[Receipt, ...]
    receipt_leaves: tuple[bytes, ...]
    layer: Layer
    next_membership: Membership
    """The set that certifies the next block."""


@dataclass(frozen=True, slots=True)
class BlockFault:
    """Why a block is not valid; for the log, not for the chain."""

    why: str


def build_block(
    rules: ChainRules,
    state: View,
    parent: BlockHeader,
    parent_digest: bytes,
    transactions: Sequence[Checked],
    *,
    time: int,
    view: int,
    proposer: int,
) -> Executed:
    """The block of `transactions` on `parent`. The caller has chosen transactions that a block may hold."""
    receipts, layer = _run(rules, state, parent, transactions, time)
    leaves = tuple(leaf_hash(rules.digest, encode(receipt)) for receipt in receipts)
    raw = tuple(checked.raw for checked in transactions)
    next_membership = membership_at(layer, parent.height + 2)
    assert next_membership is not None
    header = BlockHeader(
        version=HEADER_VERSION,
        network_id=rules.network_id,
        chain_id=rules.chain_id,
        height=parent.height + 1,
        parent=parent_digest,
        transaction_root=rules.transaction_root(raw),
        receipt_root=root(rules.digest, leaves),
        state_root=layer.root,
        time=time,
        view=view,
        proposer=proposer,
        membership=parent.next_membership,
        next_membership=rules.membership_digest(next_membership),
    )
    return Executed(
        block=Block(header=header, transactions=raw),
        digest=rules.block_digest(header),
        transactions=tuple(transactions),
        receipts=receipts,
        receipt_leaves=leaves,
        layer=layer,
        next_membership=next_membership,
    )


def execute_block(
    rules: ChainRules,
    state: View,
    parent: BlockHeader,
    parent_digest: bytes,
    block: Block,
    *,
    known: Callable[[bytes], Checked | None],
    seen: SeenIds,
) -> Executed | BlockFault:
    """Execute `block` on `parent` and compare with what its header claims."""
    transactions = _check_body(rules, state, block, known, seen)
    if isinstance(transactions, BlockFault):
        return transactions
    header = block.header
    executed = build_block(
        rules,
        state,
        parent,
        parent_digest,
        transactions,
        time=header.time,
        view=header.view,
        proposer=header.proposer,
    )
    for name in BlockHeader.__struct_fields__:
        got, expected = getattr(header, name), getattr(executed.block.header, name)
        if got != expected:
            return BlockFault(f"{name} differs: the header says {got!r}, execution gives {expected!r}")
    return executed


def dry_run(rules: ChainRules, state: View, parent: BlockHeader, checked: Checked, *, time: int) -> Refusal | None:
    """Why the call would fail in a block on `parent` now, without touching the chain; None if it would succeed."""
    try:
        check(_context(rules, Overlay(state), parent, checked, max(time, parent.time + 1)), checked.transaction)
    except ContractReverted as refused:
        return Refusal(refused.code, refused.values)
    return None


def _check_body(
    rules: ChainRules,
    state: View,
    block: Block,
    known: Callable[[bytes], Checked | None],
    seen: SeenIds,
) -> list[Checked] | BlockFault:
    """Every transaction of the block, each checked once per replica."""
    profile = rules.profile
    raws, time = block.transactions, block.header.time
    if not 1 <= len(raws) <= profile.block_transactions_max:
        return BlockFault(f"a block holds 1 to {profile.block_transactions_max} transactions, got {len(raws)}")
    if sum(map(len, raws)) > profile.block_bytes_max:
        return BlockFault(f"a block holds at most {profile.block_bytes_max} bytes of transactions")
    transactions: list[Checked] = []
    ids: set[bytes] = set()
    for raw in raws:
        checked = known(raw) or check_transaction(rules, raw, state)
        if isinstance(checked, Refusal):
            return BlockFault(f"a transaction may not be in a block: {checked.code}")
        refusal = window_refusal(checked.transaction, time)
        if refusal is not None or checked.transaction_id in seen or checked.transaction_id in ids:
            return BlockFault("a transaction is out of its window or repeats an earlier one")
        ids.add(checked.transaction_id)
        transactions.append(checked)
    if sum(checked.transaction.self_proving for checked in transactions) > SELF_PROVING_MAX:
        return BlockFault(f"a block holds at most {SELF_PROVING_MAX} transactions that nobody signs")
    return transactions


def _run(
    rules: ChainRules, state: View, parent: BlockHeader, transactions: Sequence[Checked], time: int
) -> tuple[tuple[Receipt, ...], Layer]:
    overlay = Overlay(state)
    receipts = tuple(_run_one(rules, overlay, parent, checked, time) for checked in transactions)
    return receipts, overlay.seal()


def _run_one(rules: ChainRules, overlay: Overlay, parent: BlockHeader, checked: Checked, time: int) -> Receipt:
    context = _context(rules, overlay, parent, checked, time)
    try:
        call(context, checked.transaction)
    except ContractReverted as refused:
        overlay.drop()
        return Receipt(transaction_id=checked.transaction_id, code=refused.code, values=refused.values, events=())
    overlay.keep()
    return Receipt(transaction_id=checked.transaction_id, code="", values=(), events=tuple(context.events))


def _context(rules: ChainRules, overlay: Overlay, parent: BlockHeader, checked: Checked, time: int) -> ContractContext:
    transaction = checked.transaction
    return ContractContext(
        rules=rules,
        records=overlay,
        contract=transaction.contract,
        method=transaction.method,
        sender=transaction.sender,
        height=parent.height + 1,
        time=time,
        parent_time=parent.time,
    )
