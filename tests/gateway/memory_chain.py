"""A chain as all honest nodes have it: it executes at once what is submitted, and forgets ids as real nodes do."""

import time
from dataclasses import dataclass, field
from typing import Any, Final

from chain.block import BlockHeader
from chain.codec import encode
from chain.committed import State
from chain.light_client import CertifiedHeader, Handover
from chain.rpc import BlockAnswer
from chain.rules import ChainRules
from chain.state import layer
from chain.transaction import TRANSACTION_WINDOW_MS
from contracts.genesis import genesis_header, initial_state
from contracts.membership import membership_at
from gateway.clients.answers import HeardBlock, read_answer
from node.execution import build_block, dry_run
from node.mempool import Checked, Refusal, check_transaction, window_refusal
from tests.chain.memory_nodes import MemoryNodes
from tests.chain.small_genesis import genesis_of
from tests.chain.small_network import network_rules_of
from tests.contracts.membership_changes import certified_by

CHAIN_IDS: Final = ("wuhan", "zhongyi")
GENESIS: Final = genesis_of(*CHAIN_IDS)


def heard(block: BlockAnswer) -> HeardBlock:
    """The block as a gateway reads it from a frame."""
    answer = read_answer(encode(block))
    assert isinstance(answer, HeardBlock)
    return answer


@dataclass
class MemoryChain:
    """A chain as all honest nodes have it; every submission that brings something new makes one block."""

    rules: ChainRules
    state: State
    headers: list[BlockHeader]
    blocks: list[BlockAnswer] = field(default_factory=list)
    seen: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    handovers: list[Handover] = field(default_factory=list)
    ahead_ms: int = 0
    """How far this chain's clock is ahead of the machine's."""

    @classmethod
    def founded(cls, chain_id: str) -> "MemoryChain":
        rules = network_rules_of(chain_id, GENESIS.network_id, CHAIN_IDS)
        state = State(rules.digest, MemoryNodes())
        first = layer(state, initial_state(GENESIS, rules))
        state.commit(first, 0)
        return cls(rules, state, [genesis_header(GENESIS, rules, first.root)])

    @property
    def head(self) -> BlockHeader:
        return self.headers[-1]

    @property
    def certified(self) -> CertifiedHeader | None:
        return self.blocks[-1].certified if self.blocks else None

    def pass_window(self) -> None:
        """Five minutes and more go by: ids are forgotten, as real nodes forget them."""
        self.ahead_ms += TRANSACTION_WINDOW_MS + 1_000
        self.seen.clear()

    def now(self) -> int:
        return time.time_ns() // 1_000_000 + self.ahead_ms

    def take(self, raws: tuple[bytes, ...]) -> tuple[dict[int, Refusal], dict[int, tuple[int, int]]]:
        """Refusals by place in `raws`, and (height, place in the block) of what is committed."""
        refused: dict[int, Refusal] = {}
        taken: dict[int, Any] = {}
        for place, raw in enumerate(raws):
            checked = check_transaction(self.rules, raw, self.state)
            if not isinstance(checked, Refusal) and checked.transaction_id not in self.seen:
                checked = self._refusal(checked) or checked
            if isinstance(checked, Refusal):
                refused[place] = checked
            else:
                taken[place] = checked
        once = {checked.transaction_id: checked for checked in taken.values()}
        self._commit([checked for checked in once.values() if checked.transaction_id not in self.seen])
        return refused, {place: self.seen[checked.transaction_id] for place, checked in taken.items()}

    def _refusal(self, checked: Checked) -> Refusal | None:
        late = window_refusal(checked.transaction, self.now())
        return late or dry_run(self.rules, self.state, self.head, checked, time=self.now())

    def _commit(self, transactions: list[Any]) -> None:
        if not transactions:
            return
        parent = self.head
        membership = membership_at(self.state, parent.height + 1)
        assert membership is not None
        executed = build_block(
            self.rules,
            self.state,
            parent,
            self.rules.block_digest(parent),
            transactions,
            time=max(parent.time + 1, self.now()),
            view=0,
            proposer=0,
        )
        header = executed.block.header
        certified = certified_by(self.rules, membership, header)
        if executed.next_membership != membership:
            self.handovers.append(Handover(certified=certified, next_membership=executed.next_membership))
        self.state.commit(executed.layer, header.height)
        self.headers.append(header)
        for place, checked in enumerate(transactions):
            self.seen[checked.transaction_id] = (header.height, place)
        self.blocks.append(
            BlockAnswer(
                request=0,
                certified=certified,
                genesis=None,
                transactions=executed.block.transactions,
                receipts=executed.receipts,
            )
        )
