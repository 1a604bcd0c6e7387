"""One history over all contracts, played to lines of roots: `python -m tests.contracts.determinism`.

The calls and lines in tests/vectors/determinism.json are kept, so that whoever plays them compares itself with every
Python that ever did. `--seed N --calls M` plays calls that the model draws instead, `--shuffled` with every mapping whose
order must not matter in another order, and `--record` writes the file anew after a deliberate change of what contracts do.

Playing needs no test library and no model: an environment with the packages of chain and contracts is enough.
"""

import argparse
import base64
import hashlib
import json
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any, Final, TypeVar
from unittest import mock

import rfc8785
from msgspec.structs import replace

from chain import genesis as genesis_documents
from chain.codec import CodecMalformed, Record, decode, encode
from chain.committed import State
from chain.genesis import Genesis
from chain.merkle import DigestFunction
from chain.profiles import load_profiles
from chain.rules import ChainRules
from chain.state import Overlay, layer
from chain.transaction import NOBODY, Receipt, Transaction
from contracts import registry
from contracts.clients import ReportFork
from contracts.evidence import ReportEvidence
from contracts.genesis import initial_state
from contracts.interface import ContractContext, ContractReverted, Readable, View
from contracts.system import Touch
from tests.chain.memory_nodes import MemoryNodes, stored_values
from tests.chain.small_genesis import address_of, genesis_of
from tests.chain.small_network import FIRST, START_MS, header_of
from tests.contracts.membership_changes import FOUR, agreed, first
from tests.contracts.misconduct import forgotten, two_commits

FILE: Final = Path(__file__).parents[1] / "vectors" / "determinism.json"
NETWORK: Final = ("wuhan", "zhongyi")
CALLS: Final = 1_500
"""Of each chain in the file."""
SEEDS: Final = {"wuhan": 4, "zhongyi": 1}
"""From which the file's calls were drawn."""
LINE_EVERY: Final = 250
READS_EACH: Final = 40
"""How often each view is read."""
KNOWN: Final = {
    "interface": "01ffc9a7", "number": 0, "role": 2, "service": "hub", "name": "note", "chain_id": "wuhan", "kind": 1,
    "height": 1, "signer": bytes(32), "cross_id": bytes(32), "sequence": 0, "trust": 1,
}  # fmt: skip
"""What views ask for that a call may not name."""
K = TypeVar("K")
V = TypeVar("V")


class Made(Record, frozen=True):
    """One call, in the block of this time."""

    time: int
    sender: bytes
    contract: str
    method: str
    arguments: bytes


History = tuple[Made, ...]


@dataclass(slots=True)
class Order:
    """In which order what has no order is handed in: as it comes, or as `chance` says."""

    chance: Random | None = None

    def of(self, mapping: Mapping[K, V]) -> dict[K, V]:
        """The same mapping."""
        entries = list(mapping.items())
        if self.chance is not None:
            self.chance.shuffle(entries)
        return dict(entries)

    def deep(self, value: Any) -> Any:
        """The same value, all mappings inside it too."""
        if isinstance(value, dict):
            return self.of({name: self.deep(part) for name, part in value.items()})
        return [self.deep(part) for part in value] if isinstance(value, list | tuple) else value


@contextmanager
def ordered(order: Order) -> Iterator[None]:
    """The catalogue of methods and views, and the JSON of genesis documents, in this order."""
    dumps = SimpleNamespace(dumps=lambda value: rfc8785.dumps(order.deep(value)))
    with (
        mock.patch.dict(registry.METHODS, order.of(registry.METHODS), clear=True),
        mock.patch.dict(registry.VIEWS, order.of(registry.VIEWS), clear=True),
        mock.patch.object(genesis_documents, "rfc8785", dumps),
    ):
        genesis_of.cache_clear()
        yield
    genesis_of.cache_clear()


class OrderedNodes(MemoryNodes):
    """A store that is written in this order."""

    order = Order()

    def write(self, changes: Mapping[bytes, bytes | None]) -> None:
        super().write(self.order.of(changes))


@dataclass
class Chain:
    """A chain of the small genesis document, its blocks made of what is played."""

    chain_id: str
    order: Order
    rules: ChainRules = field(init=False)
    state: State = field(init=False)
    nodes: OrderedNodes = field(init=False)
    genesis: Genesis = field(init=False)
    height: int = 0
    time: int = START_MS
    calls: int = 0
    applied: set[tuple[str, str]] = field(default_factory=set)
    receipts: bytes = bytes(32)
    """A digest over every receipt, with its events or the code and values of its refusal."""

    def __post_init__(self) -> None:
        profile = load_profiles()[self.chain_id]
        fees = self.order.of({contract: self.order.of(own) for contract, own in profile.fees.items()})
        self.genesis = genesis_of(*NETWORK)
        profiles = {one: load_profiles()[one] for one in NETWORK} | {self.chain_id: replace(profile, fees=fees)}
        self.rules = ChainRules.of_network(self.genesis.network_id, profiles, self.chain_id)
        self.nodes = OrderedNodes()
        self.nodes.order = self.order
        self.state = State(self.rules.digest, self.nodes)
        self.state.commit(layer(self.state, self.order.of(initial_state(self.genesis, self.rules))), 0)

    def block(self, time: int, calls: Sequence[Made]) -> None:
        """One block of these calls."""
        self.height, parent_time, self.time = self.height + 1, self.time, time
        overlay = Overlay(self.state)
        for made in calls:
            receipt = self._called(overlay, made, parent_time)
            self.receipts = hashlib.sha256(self.receipts + encode(receipt)).digest()
        self.state.commit(layer(self.state, self.order.of(overlay.kept)), self.height)

    def _called(self, overlay: Overlay, made: Made, parent_time: int) -> Receipt:
        self.calls += 1
        transaction = Transaction(
            chain_id=self.chain_id,
            sender=made.sender,
            nonce=self.calls.to_bytes(16, "big"),
            valid_until=made.time,
            contract=made.contract,
            method=made.method,
            arguments=made.arguments,
        )
        receipt = partial(Receipt, transaction_id=self.rules.transaction_id(encode(transaction)))
        context = ContractContext(
            rules=self.rules,
            records=overlay,
            contract=made.contract,
            method=made.method,
            sender=made.sender,
            height=self.height,
            time=made.time,
            parent_time=parent_time,
        )
        try:
            registry.call(context, transaction)
        except ContractReverted as refused:
            overlay.drop()
            return receipt(code=refused.code, values=refused.values, events=())
        overlay.keep()
        self.applied.add((made.contract, made.method))
        return receipt(code="", values=(), events=tuple(context.events))


def lines(chain_id: str, history: History, order: Order | None = None) -> list[str]:
    """What is to be equal wherever it is played."""
    order = order or Order()
    with ordered(order):
        chain = Chain(chain_id, order)
        told = [f"{chain_id} network {chain.genesis.network_id.hex()}"]
        for block in blocks(history):
            before = chain.calls // LINE_EVERY
            chain.block(block[0].time, block)
            if chain.calls // LINE_EVERY > before:
                told.append(_line(chain))
        told.append(_line(chain))
        told.append(
            f"{chain_id} grown anew {grown(chain.rules.digest, stored_values(chain.nodes.entries), order).hex()}"
        )
        told.append(f"{chain_id} answers {answers(Overlay(chain.state), history).hex()}")
        return [*told, f"{chain_id} end"]


def _line(chain: Chain) -> str:
    return f"{chain.chain_id} {chain.calls} calls {chain.state.root.hex()} {chain.receipts.hex()}"


def blocks(history: History) -> Iterator[History]:
    """The calls of each time."""
    for _, group in groupby(history, lambda made: made.time):
        yield tuple(group)


def grown(digest: DigestFunction, content: Mapping[bytes, bytes], order: Order) -> bytes:
    """The root of a tree that takes up the content in three parts."""
    state, entries = State(digest, MemoryNodes()), list(order.of(content).items())
    for part in range(3):
        state.commit(layer(state, dict(entries[part::3])), part)
    return state.root


def answers(records: Readable, history: History) -> bytes:
    """A digest over what every view says of what the calls were about."""
    told, reads = hashlib.sha256(), dict.fromkeys(sorted(registry.VIEWS), 0)
    for about in abouts(history):
        for place, count in reads.items():
            view = registry.VIEWS[place]
            if count < READS_EACH and about.keys() >= set(view.arguments.__struct_fields__):
                reads[place] += 1
                told.update(encode((*place, _answer(records, view, about))))
    unread = [place for place, count in reads.items() if not count]
    assert not unread, f"no call is about what these read: {unread}"
    return told.digest()


def _answer(records: Readable, view: View, about: Mapping[str, Any]) -> Any:
    try:
        return view.read(records, view.arguments(**{name: about[name] for name in view.arguments.__struct_fields__}))
    except ContractReverted as refused:
        return refused.code, *refused.values


def abouts(history: History) -> Iterator[dict[str, Any]]:
    """What each call names, by the name that views have for it."""
    for made in history:
        method = registry.METHODS.get((made.contract, made.method))
        if method is None or method.arguments is None:
            continue
        try:
            arguments = decode(made.arguments, method.arguments)
        except CodecMalformed:
            continue
        about = dict.fromkeys(("address", "holder", "first", "second", "owner", "operator"), made.sender) | KNOWN
        about |= {"contract": made.contract, "method": made.method} | _named(arguments)
        yield about | {"holders": (about["holder"],), "tokens": (about["token"],)} if "token" in about else about


def _named(record: Record) -> dict[str, Any]:
    """The fields of a record, and of the one that it is about."""
    found = {name: value for name in record.__struct_fields__ if (value := getattr(record, name)) is not None}
    inner = found.get("evidence", found.get("item", next(iter(found.get("items", ())), None)))
    return _named(inner) | found if isinstance(inner, Record) else found


def drawn(seed: int, calls: int) -> tuple[str, History]:
    """Calls as the model draws them; the chain that they are for."""
    from tests.contracts.model.play import Play  # noqa: PLC0415 - whoever plays what is recorded has no test library

    made: list[Made] = []

    def call(context: ContractContext, transaction: Transaction) -> None:
        given = {name: getattr(transaction, name) for name in ("sender", "contract", "method", "arguments")}
        made.append(Made(time=context.time, **given))
        real(context, transaction)

    real, play = registry.call, Play(seed)
    with mock.patch.object(registry, "call", call):
        while len(made) < calls:
            play.step()
    return play.chain.rules.chain_id, tuple(made)


def crowned(chain_id: str, history: History) -> History:
    """The same with a touch, a conviction and changes of membership at the end, which the model does not draw."""
    network_id, other = genesis_of(*NETWORK).network_id, next(one for one in NETWORK if one != chain_id)
    rules = ChainRules.of(network_id, load_profiles()[chain_id])
    height, time = len(list(blocks(history))), history[-1].time
    changes = [
        agreed(rules, FOUR, first(5), height + 8),
        agreed(rules, FOUR, first(5), height + 8, signers=(0, 1)),
        agreed(rules, first(5), first(6), height + 12),
    ]
    given: list[tuple[bytes, str, Record]] = [
        (address_of(rules, "alice"), "touch", Touch()),
        (address_of(rules, "alice"), "touch", Touch()),
        *((NOBODY, "reportEvidence", ReportEvidence(evidence=one)) for one in (two_commits(rules), forgotten(rules))),
        *((NOBODY, "changeMembership", change) for change in (changes[1], changes[0], changes[2])),
    ]
    later = rules.profile.touch_interval_s * 1_000
    fork = Made(
        time=time,
        sender=address_of(rules, "alice"),
        contract="clients",
        method="reportFork",
        arguments=encode(forked(ChainRules.of(network_id, load_profiles()[other]))),
    )
    own = (
        Made(time=time + later + place, sender=sender, contract="system", method=method, arguments=encode(arguments))
        for place, (sender, method, arguments) in enumerate(given)
    )
    return (*history, fork, *own)


def forked(rules: ChainRules) -> ReportFork:
    """Two headers of one height of another chain, which its replicas have both certified."""
    one = header_of(rules, 5, FIRST.membership)
    other = replace(one, parent=bytes(32))
    return ReportFork(chain_id=rules.chain_id, first=FIRST.certify(rules, one), second=FIRST.certify(rules, other))


def recorded() -> dict[str, History]:
    """The calls in the file, by chain."""
    return {chain_id: unpacked(part["history"]) for chain_id, part in json.loads(FILE.read_text("utf-8")).items()}


def written() -> list[str]:
    """The lines in the file."""
    return [line for part in json.loads(FILE.read_text("utf-8")).values() for line in part["lines"]]


def packed(history: History) -> list[str]:
    """A history as lines of text."""
    text = base64.b64encode(zlib.compress(encode(history), 9)).decode()
    return [text[start : start + 120] for start in range(0, len(text), 120)]


def unpacked(text: Sequence[str]) -> History:
    """The history."""
    return decode(zlib.decompress(base64.b64decode("".join(text))), History)


def record() -> None:
    """Draw the file's calls and write down what they lead to."""
    parts = {}
    for chain_id, seed in SEEDS.items():
        drawn_for, history = drawn(seed, CALLS)
        assert drawn_for == chain_id
        history = crowned(chain_id, history)
        parts[chain_id] = {"lines": lines(chain_id, history), "history": packed(history)}
    FILE.write_text(json.dumps(parts, indent=1) + "\n", "utf-8")


def main(arguments: list[str]) -> int:
    """Play and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.contracts.determinism", description=__doc__)
    parser.add_argument("--seed", type=int, help="play what the model draws from this seed, not what is recorded")
    parser.add_argument("--calls", type=int, default=CALLS, help="how many calls it draws")
    parser.add_argument("--shuffled", type=int, nargs="?", const=1, help="in which other order (1)")
    parser.add_argument("--record", action="store_true", help="write the file anew")
    given = parser.parse_args(arguments)
    if given.record:
        record()
    histories = recorded() if given.seed is None else dict([drawn(given.seed, given.calls)])
    for chain_id, history in histories.items():
        order = Order(None if given.shuffled is None else Random(given.shuffled))
        print(*lines(chain_id, history, order), sep="\n", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
