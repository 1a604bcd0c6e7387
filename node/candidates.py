"""Blocks that are executed and not committed: proposals of the height in flight, and the one this primary has ready.

While a full block is being agreed a primary that has another one's worth of requests builds it on the first one's
layer, for itself alone: it is sent only when its parent is certified, and a change of view drops it.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from chain.block import Block
from node.execution import BlockFault, Executed, build_block
from node.ledger import Ledger
from node.mempool import Checked, Mempool

EXECUTED_MAX: Final = 4
"""A height has one proposal, but for views that failed."""
READY_AGE_MAX: Final = 4
"""A ready block is used while its time is within this part of the allowed skew from the clock."""


class Candidates:
    """The executed blocks of one chain above its head, by digest."""

    def __init__(self, ledger: Ledger, pool: Mempool) -> None:
        self._ledger = ledger
        self._pool = pool
        self._executed: dict[bytes, Executed] = {}
        self._checked: dict[bytes, Checked] = {}
        """The transactions of the executed blocks, by their bytes."""
        self._ready: Executed | None = None

    def executed(self, digest: bytes) -> Executed:
        """A block that was built or found valid here."""
        return self._executed[digest]

    def find(self, raw: bytes) -> Checked | None:
        """The transaction of exactly these bytes, if it stands in a block that was executed here."""
        return self._checked.get(raw)

    def build(self, view: int, proposer: int, now: int) -> Block | None:
        """The next block on the head, if something in the pool can go into one."""
        executed = self._take_ready(view, now) or self._build_on_head(view, proposer, now)
        if executed is None:
            return None
        self._keep(executed)
        return executed.block

    def validate(self, block: Block, digest: bytes) -> Executed | BlockFault:
        """Execute a proposal on the head; once per block, however often it is proposed."""
        executed = self._executed.get(digest) or self._ledger.execute(block, self._pool.find)
        if isinstance(executed, Executed):
            self._keep(executed)
        return executed

    def prepare_next(self, digest: bytes, view: int, proposer: int, now: int) -> None:
        """Build on a block of this primary that is being agreed, if what waits beside it fills another one."""
        first = self._executed[digest]
        if self._ready is not None or not self._pool.fills_a_block_beside(first.transactions):
            return
        parent = first.block.header
        time = max(now, parent.time + 1)
        chosen = self._choose(time, first.transactions)
        if chosen:
            rules = self._ledger.rules
            self._ready = build_block(
                rules, first.layer, parent, digest, chosen, time=time, view=view, proposer=proposer
            )

    def committed(self) -> None:
        """The head has moved: what was executed on the old one is of no use."""
        self._executed.clear()
        self._checked.clear()

    def drop_ready(self) -> None:
        """Another view: its primary builds its own blocks."""
        self._ready = None

    def _take_ready(self, view: int, now: int) -> Executed | None:
        """The ready block, if it is one of this view on this head and its time is still good."""
        ready, self._ready = self._ready, None
        if ready is None:
            return None
        header, state = ready.block.header, self._ledger.state
        old = now - header.time > self._ledger.rules.profile.clock_skew_ms // READY_AGE_MAX
        if old or header.parent != self._ledger.head.digest or header.view != view:
            return None
        return replace(ready, layer=replace(ready.layer, parent=state, parent_root=state.root))

    def _build_on_head(self, view: int, proposer: int, now: int) -> Executed | None:
        ledger = self._ledger
        parent = ledger.head.header
        time = max(now, parent.time + 1)
        chosen = self._choose(time, ())
        if not chosen:
            return None
        return build_block(
            ledger.rules, ledger.state, parent, ledger.head.digest, chosen, time=time, view=view, proposer=proposer
        )

    def _choose(self, time: int, beside: Iterable[Checked]) -> list[Checked]:
        held = {checked.transaction_id for checked in beside}
        return self._pool.next_block(time, self._ledger.rules.profile.block_bytes_max, held)

    def _keep(self, executed: Executed) -> None:
        self._executed.pop(executed.digest, None)
        self._executed[executed.digest] = executed
        self._checked.update((checked.raw, checked) for checked in executed.transactions)
        while len(self._executed) > EXECUTED_MAX:
            del self._executed[next(iter(self._executed))]
            self._checked = {one.raw: one for kept in self._executed.values() for one in kept.transactions}

    def held(self) -> set[bytes]:
        """The ids of the transactions that stand in a block here."""
        return {checked.transaction_id for block in self._executed.values() for checked in block.transactions}
