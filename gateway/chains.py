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
from chain.committed import State
from chain.genesis import Genesis
from chain.light_client import CertifiedHeader
from chain.membership import Membership
from chain.merkle import InclusionProof
from chain.profile import ChainProfile
from chain.rpc import (
    ChainStatus,
    Follow,
    ReadBlock,
    ReadState,
    ReadStatus,
    Refused,
    StateAnswer,
    StatusAnswer,
)
from chain.rules import ChainRules
from chain.state import check, layer
from chain.transaction import SignedTransaction
from contracts.genesis import genesis_header, initial_state
from gateway.clients.answers import HeardAnswer, HeardBlock, HeardOutcomes, outline_of
from gateway.clients.node_link import NodeLink, NodeUnreachable
from gateway.handovers import catch_up
from gateway.outcomes import Finalised, NotServed, Outcome, Rejected, SetUnknown
from gateway.reading import HeadReads, ProvenState
from gateway.receipts import ReceiptRoots
from gateway.submitter import Submitter
from gateway.trust import Trust

READ_ATTEMPTS: Final = 40
READ_PAUSE_S: Final = 0.05
T = TypeVar("T")


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
    _in_order: list[NodeLink] = field(init=False)
    _heads: HeadReads = field(init=False)
    _roots: ReceiptRoots = field(init=False)
    _submitter: Submitter = field(init=False)

    def __post_init__(self) -> None:
        """Reads of the head go through one place, and so do writes."""
        count = len(self.links)
        self._in_order = sorted(self.links, key=lambda link: (link.replica - self.primary_offset) % count)
        self._heads = HeadReads(self._ask_state)
        self._roots = ReceiptRoots(self.rules.digest)
        self._submitter = Submitter(self)

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

    @property
    def in_flight(self) -> int:
        """How many transactions are on their way; a large one counts several times (`WEIGHT_BYTES`)."""
        return self._submitter.in_flight

    @property
    def busy(self) -> bool:
        """Whether so many are on their way that no more should be taken."""
        return self._submitter.busy

    async def submit(self, raws: Sequence[bytes], ids: Sequence[bytes]) -> list[Outcome]:
        """The outcome of each signed transaction; `NotServed` if they are not final in time.

        A lost node's unanswered transactions are sent to another one: the same bytes have the same outcome.
        """
        return await self._submitter.submit(raws, ids)

    async def read(self, keys: Sequence[bytes], *, height: int | None = None, at_least: int = 0) -> ProvenState:
        """Proven values of `keys` at `height` (None: the head, no lower than `at_least`)."""
        problem: Exception = NotServed("no-node", self.rules.chain_id)
        floor = max(at_least, self._highest) if height is None else at_least
        for attempt in range(READ_ATTEMPTS):
            for link in self._links_in_order():
                try:
                    if height is None:
                        state = await self._heads.read(link, keys)
                    else:
                        state = await self._ask_state(link, tuple(keys), height)
                except (NodeUnreachable, NotServed) as refused:
                    problem = refused
                    continue
                if state.header.height >= floor and height in (None, state.header.height):
                    return state
            if isinstance(problem, NotServed) and attempt >= 2 and at_least == 0:
                break
            await asyncio.sleep(READ_PAUSE_S)
        raise problem if isinstance(problem, NotServed) else NotServed("no-node", self.rules.chain_id)

    async def _ask_state(self, link: NodeLink, keys: tuple[bytes, ...], height: int | None = None) -> ProvenState:
        """What this node proves of `keys`; `NodeUnreachable` or `NotServed` if it does not."""
        chain_id = self.rules.chain_id
        answer = await link.ask(lambda n: ReadState(request=n, chain_id=chain_id, keys=keys, height=height))
        return await self._checked(link, partial(self._checked_state, answer, keys))

    async def read_block(self, height: int) -> HeardBlock:
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

    def follow(self, height: int, heard: Callable[[HeardBlock | None], None], avoid: set[int]) -> None:
        """Hear every block after `height` in order, checked; None when that node is lost or not believed.

        Nodes in `avoid` are not asked; one that is not believed joins them.
        """
        link = self.best_link(avoid)
        expected = height + 1

        def on_answer(answer: HeardAnswer | None) -> None:
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
                await self.catch_up_from(link)
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

    def checked_block(self, answer: HeardAnswer, height: int) -> HeardBlock:
        """A block answer whose bodies and receipts have the roots of its certified header."""
        if isinstance(answer, Refused):
            raise NotServed(answer.code, *answer.values)
        if not isinstance(answer, HeardBlock):
            raise NotServed("node-not-believed", "another record")
        if answer.certified is None:
            if height == 0 and answer.genesis == self.genesis:
                return answer
            raise NotServed("node-not-believed", "no-certificate")
        header = self.believe(answer.certified)
        bodies = self.rules.transaction_root(answer.transactions)
        leaves = self._roots.leaves_of(header.receipt_root, answer.receipt_bytes)
        if (header.height, header.transaction_root) != (height, bodies) or not self._roots.is_over(
            header.receipt_root, leaves
        ):
            raise NotServed("node-not-believed", "roots-differ")
        return answer

    def receipt_leaves(self, block: HeardBlock) -> tuple[bytes, ...]:
        """The leaf hashes under the receipt root of a block that was checked."""
        assert block.certified is not None
        return self._roots.leaves_of(block.certified.header.receipt_root, block.receipt_bytes)

    def receipt_proof(self, final: Finalised) -> InclusionProof:
        """That the receipt stands under the header's receipt root."""
        receipt_root = final.certified.header.receipt_root
        return self._roots.prove(receipt_root, final.receipt_leaves, final.place)

    def checked_outcomes(self, answer: HeardAnswer, ids: Sequence[bytes]) -> dict[int, Outcome]:
        """The outcomes in an answer, by place in the request; every receipt is found under its header."""
        if not isinstance(answer, HeardOutcomes) or any(rejection.index >= len(ids) for rejection in answer.rejected):
            raise NotServed("node-not-believed", "another record")
        found: dict[int, Outcome] = {
            rejection.index: Rejected(rejection.code, rejection.values) for rejection in answer.rejected
        }
        certified = answer.certified
        if certified is None:
            return found
        receipt_root = self.believe(certified).receipt_root
        if not self._roots.is_over(receipt_root, answer.receipt_leaves):
            raise NotServed("node-not-believed", "receipt-root-differs")
        for included in answer.included:
            receipt = bytes(included.receipt)
            stands = included.index < len(ids) and self._roots.has(receipt_root, included.place, receipt)
            if not stands or (outline := outline_of(receipt)).transaction_id != ids[included.index]:
                raise NotServed("node-not-believed", "receipt-differs")
            found[included.index] = Finalised(
                certified=certified,
                place=included.place,
                code=outline.code,
                receipt_bytes=receipt,
                receipt_leaves=answer.receipt_leaves,
            )
        return found

    async def _checked(self, link: NodeLink, check_answer: Callable[[], T]) -> T:
        """What is found in an answer; if it is of an unknown set, after the node has shown how that came about."""
        try:
            return check_answer()
        except SetUnknown:
            await self.catch_up_from(link)
            return check_answer()

    async def catch_up_from(self, link: NodeLink) -> None:
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

    def _checked_state(self, answer: HeardAnswer, keys: Sequence[bytes]) -> ProvenState:
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
        return [link for link in self._in_order if link.connected]

    def replicas_up(self) -> set[int]:
        """The replicas that are connected."""
        return {link.replica for link in self.links if link.connected}

    def best_link(self, avoid: Collection[int] = ()) -> NodeLink:
        """The link to ask first, of those not to be avoided; `NotServed` if there is none."""
        links = [link for link in self._links_in_order() if link.replica not in avoid]
        if not links:
            raise NotServed("no-node", self.rules.chain_id)
        return links[0]


class Chains:
    """All chains of the network."""

    def __init__(self, genesis: Genesis, profiles: dict[str, ChainProfile], links: tuple[NodeLink, ...]) -> None:
        self.genesis = genesis
        self.links = links
        self._chains: dict[str, Chain] = {}
        self.rules: dict[str, ChainRules] = {}
        """The rules of every chain, by its id."""
        own = {section.chain_id: profiles[section.chain_id] for section in genesis.document.chains}
        for section in genesis.document.chains:
            rules = ChainRules.of_network(genesis.network_id, own, section.chain_id)
            self.rules[section.chain_id] = rules
            first = layer(State(rules.digest, _Nothing()), initial_state(genesis, rules))
            self._chains[section.chain_id] = Chain(
                rules=rules,
                trust=Trust(rules, genesis.document.created_at, genesis.membership_of(section.chain_id)),
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
