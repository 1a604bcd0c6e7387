"""A run: one seed, one chain, one model, and every call made to both."""

from collections import Counter
from dataclasses import dataclass, field
from random import Random

from chain.codec import encode
from chain.state import Overlay
from chain.transaction import Transaction
from contracts import registry
from contracts.interface import ContractContext, ContractReverted
from tests.chain.state_model import root_of
from tests.contracts.model.content import content
from tests.contracts.model.dice import Index
from tests.contracts.model.drawing import Drawer
from tests.contracts.model.facts import Facts
from tests.contracts.model.founding import founded
from tests.contracts.model.invariants import violations
from tests.contracts.model.methods import outcome
from tests.contracts.model.people import People
from tests.contracts.model.state import Call
from tests.contracts.small_chain import SmallChain

COMPARE_EVERY = 1_000
CHAINS = ("wuhan", "zhongyi", "wuhan", "wuhan")
"""Which chain the next seeds have: addresses follow from keys, or are names that somebody chose."""
Tally = Counter[tuple[str, str, str]]
"""Contract, method and code (empty: applied) -> calls."""


class Differs(AssertionError):
    """The chain did something else than the model says."""


@dataclass(slots=True)
class Play:
    """Both, side by side, and who draws the calls."""

    seed: int
    chain: SmallChain = field(init=False)
    drawer: Drawer = field(init=False)
    chance: Random = field(init=False)
    fixed: dict[bytes, bytes] = field(init=False)
    """Replicas, network and what is believed of other chains, which no call of these changes."""
    tally: Tally = field(default_factory=Counter)
    calls: int = 0

    def __post_init__(self) -> None:
        self.chance = Random(self.seed)
        self.chain = SmallChain.founded(CHAINS[self.seed % len(CHAINS)])
        self.fixed = {key: value for key, value in self.chain.content().items() if key[:1] in (b"M", b"N", b"H")}
        people = People(self.chain.rules, Facts(), crowded=self.chance.random() < 0.25)
        self.drawer = Drawer(Index(founded(self.chain, people)), people, self.chance)

    def run(self, calls: int) -> Tally:
        """So many calls; `Differs` if the chain is not what the model says."""
        for _ in range(calls):
            self.step()
            if self.calls % COMPARE_EVERY == 0:
                self.compare()
        self.compare()
        return self.tally

    def step(self) -> None:
        """One call to both, now or in a later block."""
        self._pass_time()
        call = self.drawer.draw()
        self.calls += 1
        world = self.drawer.index.world
        world.now = self.chain.time
        got, expected = self._call(call), outcome(world, call)
        if got != expected:
            raise Differs(f"{self._where(call)}: the chain says {got or 'applied'}, the model {expected or 'applied'}")
        self.tally[call.contract, call.method, got] += 1
        if not got:
            self.drawer.index.renew()

    def compare(self) -> None:
        """Every record, the root that grew and what always holds."""
        stored = self.chain.content()
        expected = content(self.drawer.index.world) | self.fixed
        if stored != expected:
            keys = sorted(key for key in stored | expected if stored.get(key) != expected.get(key))
            raise Differs(f"seed {self.seed}, call {self.calls}: {len(keys)} records differ, the first is {keys[0]!r}")
        if root_of(self.chain.rules.digest, stored) != self.chain.state.root:
            raise Differs(f"seed {self.seed}, call {self.calls}: the tree that grew has another root")
        wrong = violations(stored)
        if wrong:
            raise Differs(f"seed {self.seed}, call {self.calls}: {wrong[0]}")

    def _pass_time(self) -> None:
        """Most blocks have several calls; now and then hours or days pass between two."""
        if self.chance.random() < 0.6:
            return
        luck = self.chance.random()
        most = 5_000 if luck < 0.9 else 7_200_000 if luck < 0.985 else 2 * 86_400_000
        chain = self.chain
        chain.parent_time, chain.time = chain.time, chain.time + self.chance.randint(1, most)

    def _call(self, call: Call) -> str:
        chain = self.chain
        overlay = Overlay(chain.state)
        context = ContractContext(
            rules=chain.rules,
            records=overlay,
            contract=call.contract,
            method=call.method,
            sender=call.sender,
            height=chain.height,
            time=chain.time,
            parent_time=chain.parent_time,
        )
        try:
            registry.call(context, self._transaction(call))
        except ContractReverted as refused:
            if overlay.open or context.events:
                raise Differs(f"{self._where(call)}: refused, and yet it wrote or told something") from refused
            return refused.code
        except Exception as broken:
            raise Differs(f"{self._where(call)}: the chain broke with {broken!r}") from broken
        self._require_declared(call, context)
        overlay.keep()
        chain.state.commit(overlay.seal(), chain.height, forget=(chain.height,))
        chain.height += 1
        return ""

    def _transaction(self, call: Call) -> Transaction:
        return Transaction(
            chain_id=self.chain.rules.chain_id,
            sender=call.sender,
            nonce=bytes(16),
            valid_until=self.chain.time,
            contract=call.contract,
            method=call.method,
            arguments=b"\xc1" if call.arguments is None else encode(call.arguments),
        )

    def _require_declared(self, call: Call, context: ContractContext) -> None:
        method = registry.METHODS[call.contract, call.method]
        declared = {*method.events, *(() if method.price is None else ("Pay",))}
        told = {event.name for event in context.events}
        if not told <= declared:
            raise Differs(f"{self._where(call)}: told {sorted(told - declared)}, which it does not declare")

    def _where(self, call: Call) -> str:
        return f"seed {self.seed}, call {self.calls}, {call.contract}.{call.method} by {call.sender.hex()}"
