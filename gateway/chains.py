"""The chains of the network as the gateway knows them: nothing a node says is believed without its proof.

A write is final when its receipt stands under a receipt root that a quorum certified; a read is one proven
answer. Any single node may lie, lag or die; then another one is asked.
"""

import asyncio
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeVar

from chain.block import BlockHeader
from chain.codec import encode
from chain.genesis import Genesis
from chain.light_client import CertifiedHeader
from chain.membership import Membership
from chain.merkle import InclusionProof, leaf_hash, prove, root
from chain.profile import ChainProfile
from chain.rpc import (
    Answer,
    BlockAnswer,
    ChainStatus,
    Follow,
    Outcomes,
    ProvenValue,
    ReadBlock,
    ReadState,
    ReadStatus,
    Refused,
    StateAnswer,
    StatusAnswer,
    Submit,
)
from chain.rules import ChainRules
from chain.state import State, check, layer
from chain.transaction import Receipt, SignedTransaction, Value, Values
from contracts.genesis import genesis_header, initial_state
from gateway.clients.node_link import NodeLink, NodeUnreachable
from gateway.handovers import catch_up
from gateway.trust import Trust

FINAL_TIMEOUT_S: Final = 8.0
READ_ATTEMPTS: Final = 40
READ_PAUSE_S: Final = 0.05
SUBMIT_TRANSACTIONS_MAX: Final = 500
SUBMIT_BYTES_MAX: Final = 4_000_000
"""Of the transactions in one request, far below what a frame may hold."""
T = TypeVar("T")


class NotServed(Exception):
    """No node gives an acceptable answer now. `code` and `values` name the problem."""

    def __init__(self, code: str, *values: Value) -> None:
        super().__init__(code, *values)
        self.code = code
        self.values: Values = values


class SetUnknown(NotServed):
    """A header names a set of replicas that was not handed over here yet: `Chain.catch_up`, then try again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finalised:
    """A transaction in a certified block, with its receipt."""

    certified: CertifiedHeader
    place: int
    receipt: Receipt
    receipt_leaves: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A transaction that no block holds: a code and its values."""

    code: str
    values: Values


Outcome = Finalised | Rejected


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenState:
    """Values under one certified header; at height 0 the header is the one the genesis document leads to."""

    header: BlockHeader
    certified: CertifiedHeader | None
    values: tuple[ProvenValue, ...]


@dataclass(slots=True)
class Chain:
    """One chain over the links to all nodes."""

    rules: ChainRules
    trust: Trust
    genesis: BlockHeader
    primary_offset: int
    links: tuple[NodeLink, ...]
    _doubted: tuple[int, int] | None = None
    """The replica that last showed a header of an unknown set while following, and the height known then."""
    _highest: int = 0
    """The height of the highest header that was believed: what callers were shown is not taken back by a later read."""

    @property
    def membership(self) -> Membership:
        """The latest set of replicas that is known."""
        return self.trust.membership

    @property
    def profile(self) -> ChainProfile:
        """The chain's profile."""
        return self.rules.profile

    def transaction_id(self, raw: SignedTransaction) -> bytes:
        """The id of a signed transaction."""
        return self.rules.transaction_id(raw.body)

    async def submit(self, raws: Sequence[bytes], ids: Sequence[bytes]) -> list[Outcome]:
        """The outcome of each signed transaction; `NotServed` if they are not final in time.

        A lost node's unanswered transactions are sent to another one: the same bytes have the same outcome.
        """
        outcomes: dict[int, Outcome] = {}
        avoid: set[int] = set()
        deadline = asyncio.get_running_loop().time() + FINAL_TIMEOUT_S
        while len(outcomes) < len(raws):
            link = self._best_link(avoid)
            try:
                async with asyncio.timeout_at(deadline):
                    await self._run(_Submission(self, link, raws, ids, outcomes))
            except NodeUnreachable:
                await asyncio.sleep(READ_PAUSE_S)
            except NotServed:
                avoid.add(link.replica)  # it lied; another one is asked
                if avoid.issuperset(up.replica for up in self._links_in_order()):
                    raise
            except TimeoutError:
                raise NotServed("not-final", self.rules.chain_id, int(FINAL_TIMEOUT_S)) from None
        return [outcomes[i] for i in range(len(raws))]

    async def read(self, keys: Sequence[bytes], *, height: int | None = None, at_least: int = 0) -> ProvenState:
        """Proven values of `keys` at `height` (None: the head, no lower than `at_least`)."""
        problem: Exception = NotServed("no-node", self.rules.chain_id)
        floor = max(at_least, self._highest) if height is None else at_least
        for attempt in range(READ_ATTEMPTS):
            for link in self._links_in_order():
                try:
                    answer = await link.ask(
                        lambda n: ReadState(request=n, chain_id=self.rules.chain_id, keys=tuple(keys), height=height)
                    )
                    state = await self._checked(link, partial(self._checked_state, answer, keys))
                except (NodeUnreachable, NotServed) as refused:
                    problem = refused
                    continue
                if state.header.height >= floor and height in (None, state.header.height):
                    return state
            if isinstance(problem, NotServed) and attempt >= 2 and at_least == 0:
                break
            await asyncio.sleep(READ_PAUSE_S)
        raise problem if isinstance(problem, NotServed) else NotServed("no-node", self.rules.chain_id)

    async def read_block(self, height: int) -> BlockAnswer:
        """A block with its transactions and receipts, all checked against its certified header."""
        problem = NotServed("no-node", self.rules.chain_id)
        for link in self._links_in_order():
            try:
                answer = await link.ask(lambda n: ReadBlock(request=n, chain_id=self.rules.chain_id, height=height))
                return await self._checked(link, partial(self.checked_block, answer, height))
            except NodeUnreachable:
                continue
            except NotServed as refused:
                problem = refused
        raise problem

    async def oldest_after(self, height: int) -> int | None:
        """The lowest block above `height` that some node still has, if every node says that it has removed that one.

        One node alone cannot make a gap: as long as another has the block, or has not got so far, there is none.
        """
        oldest: list[int] = []
        for link in self._links_in_order():
            try:
                answer = await link.ask(lambda n: ReadBlock(request=n, chain_id=self.rules.chain_id, height=height))
            except NodeUnreachable:
                continue
            values = answer.values if isinstance(answer, Refused) and answer.code == "height-pruned" else ()
            if len(values) != 2 or not isinstance(values[1], int) or values[1] <= height:
                return None
            oldest.append(values[1])
        return min(oldest, default=None)

    async def status(self) -> tuple[ChainStatus, StatusAnswer]:
        """What the best node says of this chain: for people to look at, proven by nothing."""
        for link in self._links_in_order():
            try:
                answer = await link.ask(lambda n: ReadStatus(request=n))
            except NodeUnreachable:
                continue
            if isinstance(answer, StatusAnswer):
                for chain in answer.chains:
                    if chain.chain_id == self.rules.chain_id:
                        return chain, answer
        raise NotServed("no-node", self.rules.chain_id)

    def follow(self, height: int, heard: Callable[[BlockAnswer | None], None], avoid: set[int]) -> None:
        """Hear every block after `height` in order, checked; None when that node is lost or not believed.

        Nodes in `avoid` are not asked; one that is not believed joins them.
        """
        link = self._best_link(avoid)
        expected = height + 1

        def on_answer(answer: Answer | None) -> None:
            nonlocal expected
            if answer is None:
                heard(None)
                return
            try:
                block = self.checked_block(answer, expected)
            except NotServed as refused:
                if not isinstance(refused, SetUnknown) or self._is_doubted_again(link):
                    avoid.add(link.replica)
                link.forget(request)
                heard(None)
                return
            expected += 1
            heard(block)

        request = link.listen(lambda n: Follow(request=n, chain_id=self.rules.chain_id, height=height), on_answer)

    async def catch_up(self) -> None:
        """Learn every change of membership that some node can show; what no node shows is left as it is."""
        for link in self._links_in_order():
            try:
                await self._catch_up_from(link)
            except NodeUnreachable:
                continue

    def believe(self, certified: CertifiedHeader) -> BlockHeader:
        """The header, once its certificate has been checked against the set of its height."""
        fault = self.trust.fault(certified)
        if fault is None:
            self._highest = max(self._highest, certified.header.height)
            return certified.header
        kind = SetUnknown if self.trust.may_be_of_another_set(certified) else NotServed
        raise kind("node-not-believed", str(fault))

    def checked_block(self, answer: Answer, height: int) -> BlockAnswer:
        """A block answer whose bodies and receipts have the roots of its certified header."""
        if isinstance(answer, Refused):
            raise NotServed(answer.code, *answer.values)
        if not isinstance(answer, BlockAnswer):
            raise NotServed("node-not-believed", "another record")
        if answer.certified is None:
            if height == 0 and answer.genesis == self.genesis:
                return answer
            raise NotServed("node-not-believed", "no-certificate")
        header = self.believe(answer.certified)
        bodies = self.rules.transaction_root(answer.transactions)
        receipts = root(self.rules.digest, self.receipt_leaves(answer.receipts))
        if (header.height, header.transaction_root, header.receipt_root) != (height, bodies, receipts):
            raise NotServed("node-not-believed", "roots-differ")
        return answer

    def receipt_leaves(self, receipts: Sequence[Receipt]) -> tuple[bytes, ...]:
        """The leaf hashes under a block's receipt root."""
        return tuple(leaf_hash(self.rules.digest, encode(receipt)) for receipt in receipts)

    def receipt_proof(self, final: Finalised) -> InclusionProof:
        """That the receipt stands under the header's receipt root."""
        return prove(self.rules.digest, final.receipt_leaves, final.place)

    def checked_outcomes(self, answer: Answer, ids: Sequence[bytes]) -> dict[int, Outcome]:
        """The outcomes in an answer, by place in the request; every receipt is found under its header."""
        if not isinstance(answer, Outcomes) or any(rejection.index >= len(ids) for rejection in answer.rejected):
            raise NotServed("node-not-believed", "another record")
        found: dict[int, Outcome] = {
            rejection.index: Rejected(rejection.code, rejection.values) for rejection in answer.rejected
        }
        if answer.certified is None:
            return found
        header = self.believe(answer.certified)
        digest = self.rules.digest
        if root(digest, answer.receipt_leaves) != header.receipt_root:
            raise NotServed("node-not-believed", "receipt-root-differs")
        for included in answer.included:
            receipt, place = included.receipt, included.place
            if (
                included.index >= len(ids)
                or receipt.transaction_id != ids[included.index]
                or place >= len(answer.receipt_leaves)
                or answer.receipt_leaves[place] != leaf_hash(digest, encode(receipt))
            ):
                raise NotServed("node-not-believed", "receipt-differs")
            found[included.index] = Finalised(
                certified=answer.certified, place=place, receipt=receipt, receipt_leaves=answer.receipt_leaves
            )
        return found

    async def _run(self, submission: "_Submission") -> None:
        """Run it; if the node speaks of an unknown set, learn that from it, and the same bytes are sent again."""
        known = self.trust.height
        try:
            await submission.run()
        except SetUnknown:
            await self._catch_up_from(submission.link)
            if self.trust.height == known:
                raise

    async def _checked(self, link: NodeLink, check_answer: Callable[[], T]) -> T:
        """What is found in an answer; if it is of an unknown set, after the node has shown how that came about."""
        try:
            return check_answer()
        except SetUnknown:
            await self._catch_up_from(link)
            return check_answer()

    async def _catch_up_from(self, link: NodeLink) -> None:
        """Learn what this node can show, and by which TLS keys the present replicas are to be known."""
        known = self.trust.height
        await catch_up(self.trust, self.rules.chain_id, link)
        if self.trust.height == known:
            return
        pins = {replica.name: replica.tls_key_digest for replica in self.membership.replicas}
        for one in self.links:
            if one.name in pins:
                one.learn(pins[one.name])

    def _is_doubted_again(self, link: NodeLink) -> bool:
        """Whether the node has shown a header of an unknown set before, and nothing was learnt since."""
        before, self._doubted = self._doubted, (link.replica, self.trust.height)
        return self._doubted == before

    def _checked_state(self, answer: Answer, keys: Sequence[bytes]) -> ProvenState:
        if isinstance(answer, Refused):
            raise NotServed(answer.code, *answer.values)
        if not isinstance(answer, StateAnswer) or len(answer.values) != len(keys):
            raise NotServed("node-not-believed", "another record")
        header = self.genesis if answer.certified is None else self.believe(answer.certified)
        for key, proven in zip(keys, answer.values, strict=True):
            if not check(self.rules.digest, proven.proof, header.state_root, key=key, value=proven.value):
                raise NotServed("node-not-believed", "state-proof-fails")
        return ProvenState(header=header, certified=answer.certified, values=answer.values)

    def _links_in_order(self) -> list[NodeLink]:
        """Connected links, the first primary's first: while it is primary it is never behind."""
        up = [link for link in self.links if link.connected]
        return sorted(up, key=lambda link: (link.replica - self.primary_offset) % len(self.links))

    def _best_link(self, avoid: Collection[int] = ()) -> NodeLink:
        links = [link for link in self._links_in_order() if link.replica not in avoid]
        if not links:
            raise NotServed("no-node", self.rules.chain_id)
        return links[0]


@dataclass(slots=True)
class _Submission:
    """Transactions on their way through one node."""

    chain: Chain
    link: NodeLink
    raws: Sequence[bytes]
    ids: Sequence[bytes]
    outcomes: dict[int, Outcome]
    _done: asyncio.Event = field(default_factory=asyncio.Event)
    _problem: Exception | None = None

    async def run(self) -> None:
        """Return when every transaction has its outcome; raise if the node is lost or not believed."""
        requests = []
        waiting = [i for i in range(len(self.raws)) if i not in self.outcomes]
        try:
            for part in self._parts(waiting):
                requests.append(self._send(part))  # noqa: PERF401 - what is sent must be known if one fails
            await self._done.wait()
        finally:
            for request in requests:
                self.link.forget(request)
        if self._problem is not None:
            raise self._problem

    def _parts(self, waiting: list[int]) -> Iterator[list[int]]:
        """The places in portions of one request each."""
        part, size = list[int](), 0
        for place in waiting:
            size += len(self.raws[place])
            if part and (len(part) == SUBMIT_TRANSACTIONS_MAX or size > SUBMIT_BYTES_MAX):
                yield part
                part, size = [], len(self.raws[place])
            part.append(place)
        if part:
            yield part

    def _send(self, part: list[int]) -> int:
        ids = [self.ids[i] for i in part]
        transactions = tuple(self.raws[i] for i in part)

        def heard(answer: Answer | None) -> None:
            if answer is None:
                self._end(NodeUnreachable(f"replica {self.link.replica} was lost"))
                return
            try:
                found = self.chain.checked_outcomes(answer, ids)
            except NotServed as problem:
                self._end(problem)
                return
            self.outcomes.update((part[index], outcome) for index, outcome in found.items())
            if len(self.outcomes) == len(self.raws):
                self._done.set()

        chain_id = self.chain.rules.chain_id
        return self.link.listen(lambda n: Submit(request=n, chain_id=chain_id, transactions=transactions), heard)

    def _end(self, problem: Exception) -> None:
        self._problem = problem
        self._done.set()


class Chains:
    """All chains of the network."""

    def __init__(self, genesis: Genesis, profiles: dict[str, ChainProfile], links: tuple[NodeLink, ...]) -> None:
        self.genesis = genesis
        self.links = links
        self._chains: dict[str, Chain] = {}
        for section in genesis.document.chains:
            rules = ChainRules.of(genesis.network_id, profiles[section.chain_id])
            first = layer(State(rules.digest, _Nothing()), initial_state(genesis, rules))
            self._chains[section.chain_id] = Chain(
                rules=rules,
                trust=Trust(rules, genesis.document.created_at, genesis.membership),
                genesis=genesis_header(genesis, rules, first.root),
                primary_offset=section.primary_offset,
                links=links,
            )

    def __iter__(self) -> Iterator[Chain]:
        return iter(self._chains.values())

    def get(self, chain_id: str) -> Chain:
        """The chain of that id; `NotServed` with `chain-unknown` otherwise."""
        chain = self._chains.get(chain_id)
        if chain is None:
            raise NotServed("chain-unknown", chain_id[:40])
        return chain


class _Nothing:
    """An empty node store: the first state is built on nothing."""

    def get(self, _key: bytes) -> bytes | None:
        return None

    def write(self, _changes: object) -> None:
        raise AssertionError("nothing is stored here")
