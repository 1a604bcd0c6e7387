"""Pending transactions of one chain: checked once, remembered by their exact bytes, bounded (protocol 22).

A transaction is looked up by the bytes that were signed and sent: an id is not enough, for a signature is part
of no id and bytes with another signature have not been checked.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import islice
from typing import Final

from msgspec import Struct

from chain.codec import CodecMalformed, decoder
from chain.rules import ChainRules
from chain.state import View
from chain.transaction import (
    NO_SIGNATURE,
    NOBODY,
    TRANSACTION_WINDOW_MS,
    SignedTransaction,
    Transaction,
    Values,
)
from contracts.access import Account, find_account

URGENT_TRANSACTIONS_MAX: Final = 256
"""How many transactions may go before all others, and be over the pool's limit."""
POOL_BLOCKS_MAX: Final = 8
"""How many blocks' worth of bytes the pool holds."""
SELF_PROVING_MAX: Final = 16
"""How many transactions of a block may prove themselves: whoever holds keys of a replica could make them for nothing."""

_signed = decoder(SignedTransaction)
_transaction = decoder(Transaction)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a transaction is not taken: a stable code and its values."""

    code: str
    values: Values = ()


class Checked(Struct, frozen=True, gc=False):
    """A transaction whose form and signature have been checked."""

    raw: bytes
    transaction_id: bytes
    transaction: Transaction


def read_transaction(rules: ChainRules, raw: bytes) -> tuple[SignedTransaction, Checked] | Refusal:
    """Form only: size, canonical bytes, chain."""
    limit = rules.profile.transaction_bytes_max
    if len(raw) > limit:
        return Refusal("transaction-too-large", (len(raw), limit))
    try:
        signed = _signed(raw)
        transaction = _transaction(signed.body)
    except CodecMalformed as problem:
        return Refusal("transaction-malformed", (problem.reason,))
    if transaction.chain_id != rules.chain_id:
        return Refusal("wrong-chain", (transaction.chain_id, rules.chain_id))
    return signed, Checked(raw, rules.transaction_id(signed.body), transaction)


def check_transaction(rules: ChainRules, raw: bytes, accounts: View) -> Checked | Refusal:
    """Form, then the signature against the sender's key in the state, never against a key it brings.

    One that proves itself is nobody's, and carries no signature but those in its arguments, which its call checks.
    """
    read = read_transaction(rules, raw)
    return read if isinstance(read, Refusal) else check_signature(rules, *read, accounts)


def check_signature(
    rules: ChainRules, signed: SignedTransaction, checked: Checked, accounts: View
) -> Checked | Refusal:
    """`checked`, if the sender's key in the state made the signature, or if it is nobody's and proves itself."""
    sender = checked.transaction.sender
    if sender == NOBODY:
        fits = checked.transaction.self_proving and signed.signature == NO_SIGNATURE
        return checked if fits else Refusal("signature-invalid", (sender,))
    account: Account | None = find_account(accounts, sender)
    if account is None:
        return Refusal("account-unknown", (sender,))
    if not rules.scheme.verify(account.public_key, checked.transaction_id, signed.signature):
        return Refusal("signature-invalid", (sender,))
    return checked


def window_refusal(transaction: Transaction, now: int) -> Refusal | None:
    """Whether the transaction's end of validity lies between `now` and the end of the window (ms)."""
    if transaction.valid_until < now:
        return Refusal("transaction-expired", (transaction.valid_until, now))
    if transaction.valid_until > now + TRANSACTION_WINDOW_MS:
        return Refusal("valid-until-too-far", (transaction.valid_until, now + TRANSACTION_WINDOW_MS))
    return None


class SeenIds:
    """The ids in blocks younger than the window: consensus data, derived from certified bodies alone."""

    def __init__(self) -> None:
        self._blocks: deque[tuple[int, tuple[bytes, ...]]] = deque()
        self._heights: dict[bytes, int] = {}

    def __contains__(self, transaction_id: bytes) -> bool:
        return transaction_id in self._heights

    def height_of(self, transaction_id: bytes) -> int | None:
        """The height of the block that holds the transaction, while it is remembered."""
        return self._heights.get(transaction_id)

    def add(self, height: int, time: int, ids: tuple[bytes, ...]) -> None:
        """The block at `height` and `time` holds `ids`; what the window has left behind is forgotten.

        A forgotten id cannot come back: its end of validity was at most one window after its block.
        """
        self._blocks.append((time, ids))
        self._heights.update(dict.fromkeys(ids, height))
        while self._blocks and self._blocks[0][0] + TRANSACTION_WINDOW_MS < time:
            for transaction_id in self._blocks.popleft()[1]:
                self._heights.pop(transaction_id, None)


class Mempool:
    """Checked transactions in the order of arrival, bounded in number and in bytes."""

    def __init__(self, rules: ChainRules) -> None:
        self._rules = rules
        self._waiting: dict[bytes, Checked] = {}
        self._by_id: dict[bytes, bytes] = {}
        self._urgent: dict[bytes, Checked] = {}
        """Those that go before all others, by id."""
        self._self_proving: dict[bytes, Checked] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, transaction_id: bytes) -> bool:
        return transaction_id in self._by_id

    @property
    def full(self) -> bool:
        """Whether no further transaction is taken."""
        profile = self._rules.profile
        return (
            len(self._waiting) >= profile.pool_transactions_max
            or self._bytes >= POOL_BLOCKS_MAX * profile.block_bytes_max
        )

    def find(self, raw: bytes) -> Checked | None:
        """The checked transaction of exactly these bytes."""
        return self._waiting.get(raw)

    def waiting(self, most: int | None = None) -> list[Checked]:
        """What waits, oldest first: everything, or the first so many."""
        return list(islice(self._waiting.values(), most))

    def self_proving(self) -> list[Checked]:
        """What waits and proves itself, oldest first."""
        return list(self._self_proving.values())

    @property
    def has_room_for_urgent(self) -> bool:
        """Whether an urgent transaction is taken even by a full pool."""
        return len(self._urgent) < URGENT_TRANSACTIONS_MAX

    def oldest(self, time: int) -> Checked | None:
        """What has waited longest of all that a block of `time` could have held."""
        waiting = self._waiting.values()
        return next((checked for checked in waiting if window_refusal(checked.transaction, time) is None), None)

    def urge(self, transaction_id: bytes) -> None:
        """Let a waiting transaction go before all others, if not too many do already."""
        raw = self._by_id.get(transaction_id)
        if raw is not None and self.has_room_for_urgent:
            self._urgent[transaction_id] = self._waiting[raw]

    def add(self, checked: Checked, *, urgent: bool = False) -> bool:
        """Keep a checked transaction; False if its id waits already or the pool is full."""
        full = self.full and not (urgent and self.has_room_for_urgent)
        if full or checked.transaction_id in self._by_id:
            return False
        self._waiting[checked.raw] = checked
        self._by_id[checked.transaction_id] = checked.raw
        self._bytes += len(checked.raw)
        if checked.transaction.self_proving:
            self._self_proving[checked.transaction_id] = checked
        return True

    def remove(self, ids: Iterable[bytes]) -> None:
        """Forget transactions that a block holds."""
        for transaction_id in ids:
            raw = self._by_id.pop(transaction_id, None)
            self._urgent.pop(transaction_id, None)
            self._self_proving.pop(transaction_id, None)
            if raw is not None:
                del self._waiting[raw]
                self._bytes -= len(raw)

    def expire(self, now: int, held: AbstractSet[bytes] = frozenset()) -> list[Checked]:
        """Forget and return what can no longer go into a block; ids in `held` are in one already, and stay."""
        expired = [
            checked
            for checked in self._waiting.values()
            if checked.transaction.valid_until < now and checked.transaction_id not in held
        ]
        self.remove(checked.transaction_id for checked in expired)
        return expired

    def _in_order(self) -> Iterator[Checked]:
        """Everything that waits: the urgent first, then by age."""
        yield from self._urgent.values()
        for checked in self._waiting.values():
            if checked.transaction_id not in self._urgent:
                yield checked

    def fills_a_block_beside(self, held: tuple[Checked, ...]) -> bool:
        """Whether what waits beside the transactions of a proposed block is as much as a block may hold."""
        rest = len(self._waiting) - len(held)
        room = self._bytes - sum(len(checked.raw) for checked in held)
        profile = self._rules.profile
        return rest >= profile.block_transactions_max or room >= profile.block_bytes_max

    def next_block(self, time: int, room: int, held: AbstractSet[bytes] = frozenset()) -> list[Checked]:
        """The oldest transactions that fit a block of `time`: within the limits of the profile and `room` bytes.

        Those whose id is in `held` are in a block already.
        """
        chosen: list[Checked] = []
        self_proving = 0
        for checked in self._in_order():
            if len(chosen) >= self._rules.profile.block_transactions_max or room < len(checked.raw):
                break
            if checked.transaction_id in held or window_refusal(checked.transaction, time) is not None:
                continue
            if checked.transaction.self_proving:
                if self_proving == SELF_PROVING_MAX:
                    continue
                self_proving += 1
            chosen.append(checked)
            room -= len(checked.raw)
        return chosen
