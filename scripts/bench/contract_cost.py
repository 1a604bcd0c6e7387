"""The scenario `contracts`: what the contracts' work costs in one process, without signatures, network and disk's sync."""

import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

from chain.codec import Record, encode
from chain.committed import State
from chain.digests import sha256
from chain.ids import ZERO_DIGEST
from chain.profiles import load_profiles
from chain.rules import ChainRules
from chain.state import Overlay, layer
from chain.transaction import Transaction
from contracts.classes import DEFAULT_RULES, DefineClass
from contracts.genesis import initial_state
from contracts.interface import ContractContext
from contracts.issuing import BATCH_CERTIFICATES_MAX, Mint, MintBatch, MintItem
from contracts.registry import call
from node.storage.disk import DiskStore
from scripts.bench.loop import no_pauses
from scripts.bench.measure import Result
from scripts.bench.plan import Plan
from scripts.bench.transactions import drawn_tokens, parts
from scripts.network import local_addresses, make_network

CHAIN: Final = "nanjing"
CLASS: Final = "measured"
BLOCK: Final = 500
"""Transactions of a block."""
SINGLES: Final = 10_000
BATCHES: Final = 500
SIZES: Final = (10_000, 1_000_000)
FLUSH_KEYS: Final = 20_000
"""As a node has it: what is written is on disk behind so many keys."""


Made = tuple[str, str, Record]
"""A call: contract, method, arguments."""


@dataclass(slots=True)
class Chain:
    """A chain without consensus: its state on disk, and how long contracts and roots took."""

    rules: ChainRules
    state: State
    store: DiskStore
    sender: bytes
    holder: bytes
    height: int = 0
    contract_s: list[float] = field(default_factory=list)
    """Of every call."""
    root_s: float = 0.0

    def block(self, calls: list[Made]) -> None:
        """Run a block of calls, which all succeed."""
        overlay, self.height = Overlay(self.state), self.height + 1
        transactions = [self._transaction(*one) for one in calls]
        for transaction in transactions:
            started = time.perf_counter()
            call(self._context(overlay, transaction), transaction)
            overlay.keep()
            self.contract_s.append(time.perf_counter() - started)
        started = time.perf_counter()
        self.state.commit(overlay.seal(), self.height)
        self.root_s += time.perf_counter() - started
        if self.store.buffered > FLUSH_KEYS:
            self.store.flush_now()

    def _transaction(self, contract: str, method: str, arguments: Record) -> Transaction:
        return Transaction(
            chain_id=CHAIN,
            sender=self.sender,
            nonce=bytes(16),
            valid_until=0,
            contract=contract,
            method=method,
            arguments=encode(arguments),
        )

    def _context(self, overlay: Overlay, transaction: Transaction) -> ContractContext:
        return ContractContext(
            rules=self.rules,
            records=overlay,
            contract=transaction.contract,
            method=transaction.method,
            sender=self.sender,
            height=self.height,
            time=1_800_000_000_000 + self.height,
            parent_time=1_800_000_000_000 + self.height - 1,
        )

    def item(self, token: bytes) -> MintItem:
        """One certificate for alice."""
        return MintItem(
            token=token, holder=self.holder, content_root=sha256(token), uri="", valid_from=None, valid_until=None
        )


def contracts(plan: Plan) -> list[Result]:
    """CPU of a single mint and of a mint in a batch of 100, at two sizes; the root's beside it."""
    sizes = SIZES if plan.sizes[-1] >= SIZES[-1] else plan.sizes
    with tempfile.TemporaryDirectory(prefix="certnet-bench-") as folder, no_pauses():
        chain = founded(Path(folder))
        points = []
        there = 0
        for size in sizes:
            there += fill(chain, size - there, plan)
            points.append({"certificates": size, **measured(chain)})
            there += SINGLES + BATCHES * BATCH_CERTIFICATES_MAX
        chain.store.close()
    first, last = points[0], points[-1]
    figures = {
        **last,
        "single_over_smallest": round(last["single_us"] / first["single_us"], 3),
        "each_over_smallest": round(last["each_us"] / first["each_us"], 3),
    }
    setting = (
        f"{SINGLES:,} single mints and {BATCHES} of 100 in one process, medians per mint: arguments read, checks, fees, "
        "effect, puts; the root of the state beside it; no signatures, no network"
    )
    bar = "60 us a single mint, 15 us in a batch; 1,000,000 over 10,000 at most 1.3"
    return [Result(scenario="contracts", door="in process", figures=figures, setting=setting, bar=bar, points=points)]


def founded(folder: Path) -> Chain:
    """A chain with the demo's accounts and a class."""
    genesis = make_network(folder / "network", local_addresses(4, 9_000))
    keys = json.loads((folder / "network" / "demo-keys.json").read_text("utf-8"))[CHAIN]
    rules = ChainRules.of_network(genesis.network_id, load_profiles(), CHAIN)
    (folder / "store").mkdir()
    store = DiskStore(folder / "store")
    state = State(rules.digest, store)
    state.commit(layer(state, initial_state(genesis, rules)), 0)
    sender, holder = (rules.addresses.parse(keys[name]["address"]) for name in ("platform", "alice"))
    chain = Chain(rules=rules, state=state, store=store, sender=sender, holder=holder)
    defined = DefineClass(
        class_id=CLASS,
        standard=721,
        name_en="Measured",
        name_zh="测量",
        schema=ZERO_DIGEST,
        fields=("level",),
        rules=DEFAULT_RULES,
    )
    chain.block([("classes", "defineClass", defined)])
    return chain


def fill(chain: Chain, count: int, plan: Plan) -> int:
    """Issue so many certificates, 100 in a transaction."""
    for number, tokens in enumerate(parts(drawn_tokens(count), 50 * BATCH_CERTIFICATES_MAX)):
        if number % 20 == 0:
            plan.told(f"contracts: filling, {number * 50 * BATCH_CERTIFICATES_MAX:,} of {count:,}")
        chain.block(list(_batches(chain, tokens)))
    return count


def measured(chain: Chain) -> dict[str, float]:
    """Microseconds per mint: of the contract's work and of the root, singly and in batches."""
    figures: dict[str, float] = {}
    singles: list[Made] = [
        ("ddc721", "mint", Mint(class_id=CLASS, item=chain.item(token))) for token in drawn_tokens(SINGLES)
    ]
    figures["single_us"], figures["single_root_us"] = _run(chain, list(parts(singles, BLOCK)), 1)
    batches = list(_batches(chain, drawn_tokens(BATCHES * BATCH_CERTIFICATES_MAX)))
    figures["each_us"], figures["each_root_us"] = _run(chain, list(parts(batches, 50)), BATCH_CERTIFICATES_MAX)
    return figures


def _run(chain: Chain, blocks: list[list[Made]], each: int) -> tuple[float, float]:
    chain.contract_s, chain.root_s = [], 0.0
    for block in blocks:
        chain.block(block)
    mints = each * len(chain.contract_s)
    return round(1e6 * median(chain.contract_s) / each, 1), round(1e6 * chain.root_s / mints, 1)


def _batches(chain: Chain, tokens: list[bytes]) -> Iterator[Made]:
    for part in parts(tokens, BATCH_CERTIFICATES_MAX):
        yield "ddc721", "mintBatch", MintBatch(class_id=CLASS, items=tuple(map(chain.item, part)))
