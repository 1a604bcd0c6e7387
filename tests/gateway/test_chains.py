"""No single node is believed: whatever it changes in an answer, another node is asked."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from chain.codec import decode, encode
from chain.genesis import Genesis
from chain.light_client import CertifiedHeader, Trusted, header_fault
from chain.profiles import load_profiles
from chain.rpc import Answer, BlockAnswer, Outcomes, ReadState, Refused, StateAnswer
from chain.transaction import SignedTransaction
from contracts.issuing import Mint
from contracts.keys import account_key
from contracts.system import Touch
from gateway import submitter as module
from gateway.chains import Chain, Chains
from gateway.clients.answers import HeardBlock
from gateway.outcomes import Finalised, NotServed, Rejected
from gateway.services.calls import transaction_of
from tests.chain.small_genesis import account_key_pair, address_of
from tests.contracts.small_chain import CLASS, class_of, item
from tests.gateway.index_play import Play
from tests.gateway.lies import lies_about_a_block, lies_about_outcomes, lies_about_state
from tests.gateway.memory_chain import GENESIS
from tests.gateway.memory_network import MemoryNetwork

CHAIN = "wuhan"
FIRST_ASKED = 0
"""The place of the node that the gateway asks first: the first primary of the chain."""


def run(memory: MemoryNetwork, play: Callable[[Chain], Awaitable[Any]]) -> Any:
    """Play on the chain as a gateway sees it, after two blocks."""

    async def whole() -> Any:
        chain = opened(memory)
        for _ in range(2):
            memory.chains[CHAIN].ahead_ms += 6_000
            await chain.submit(*touch(memory, chain))
        return await play(chain)

    return asyncio.run(whole())


def opened(memory: MemoryNetwork, genesis: Genesis = GENESIS) -> Chain:
    links: Any = tuple(memory.links)
    return Chains(genesis, load_profiles(), links).get(CHAIN)


def touch(memory: MemoryNetwork, chain: Chain, count: int = 1) -> tuple[list[bytes], list[bytes]]:
    """(raws, ids) of signed touches, of which a block takes the first."""
    pair = account_key_pair(CHAIN, "alice")
    raws, ids = [], []
    for _ in range(count):
        sender = memory.address(CHAIN, "alice")
        until = memory.chains[CHAIN].now() + 100_000
        body = encode(transaction_of(chain, sender, "system", "touch", Touch(), valid_until=until))
        ids.append(chain.rules.transaction_id(body))
        raws.append(encode(SignedTransaction(body=body, signature=pair.sign(ids[-1]))))
    return raws, ids


def told_lies(memory: MemoryNetwork, chain: Chain, kind: type, lies: Callable[[Chain, Any], Iterator[Answer]]) -> int:
    """Let the node that is asked first tell the next of `lies` each time it is asked; how many there are."""
    told = 0

    def lie(answer: Answer) -> Answer | None:
        nonlocal told
        if not isinstance(answer, kind):
            return answer
        every = list(lies(chain, answer))
        told += 1
        return every[(told - 1) % len(every)]

    memory.links[FIRST_ASKED].lie = lie
    return 30


def assert_certified(chain: Chain, certified: CertifiedHeader | None) -> None:
    """Whoever is handed the header can check it: the certificate is as good as it was when it was believed."""
    assert certified is not None
    trusted = Trusted(height=0, time=chain.genesis.time, membership=chain.membership)
    assert header_fault(chain.rules, trusted, certified) is None


def test_a_block_is_believed_only_with_its_roots_and_certificate(memory: MemoryNetwork) -> None:
    async def play(chain: Chain) -> None:
        for _ in range(told_lies(memory, chain, BlockAnswer, lies_about_a_block)):
            answer = await chain.read_block(1)
            assert answer.transactions == memory.chains[CHAIN].blocks[0].transactions
            assert_certified(chain, answer.certified)

    run(memory, play)


def test_a_value_is_believed_only_with_its_proof(memory: MemoryNetwork) -> None:
    key = account_key(address_of(memory.chains[CHAIN].rules, "alice"))

    async def play(chain: Chain) -> None:
        for _ in range(told_lies(memory, chain, StateAnswer, lies_about_state)):
            state = await chain.read([key], at_least=1)
            assert state.header == memory.chains[CHAIN].head
            assert state.values[0].value == memory.chains[CHAIN].state.get(key)
            assert_certified(chain, state.certified)

    run(memory, play)


def test_a_receipt_is_believed_only_under_its_certified_root(memory: MemoryNetwork) -> None:
    async def play(chain: Chain) -> None:
        memory.chains[CHAIN].ahead_ms += 6_000
        raws, ids = touch(memory, chain)
        for _ in range(told_lies(memory, chain, Outcomes, lies_about_outcomes)):
            (outcome,) = await chain.submit(raws, ids)
            assert isinstance(outcome, Finalised)
            assert (outcome.receipt.transaction_id, outcome.receipt.code) == (ids[0], "")
            assert outcome.certified.header.height == 3
            assert_certified(chain, outcome.certified)

    run(memory, play)


def shuffled(answer: Outcomes) -> Iterator[Outcomes]:
    """Everything that a node can exchange between the receipts of one true block."""
    one, two, *rest = answer.included
    yield replace(answer, included=(replace(one, receipt=two.receipt), two, *rest))
    yield replace(answer, included=(replace(one, receipt=two.receipt), replace(two, receipt=one.receipt), *rest))
    yield replace(answer, included=(replace(one, place=two.place), two, *rest))
    yield replace(answer, included=(replace(one, place=two.place), replace(two, place=one.place), *rest))
    yield replace(answer, included=(replace(one, index=two.index), replace(two, index=one.index), *rest))
    yield replace(answer, included=(replace(one, place=99), two, *rest))
    first, second, *others = answer.receipt_leaves
    yield replace(answer, receipt_leaves=(second, first, *others))
    yield replace(answer, receipt_leaves=(first, second))
    yield replace(answer, receipt_leaves=(first, second, *others, first))
    yield replace(answer, receipt_leaves=(first, second, bytes(32)))


@pytest.mark.parametrize("known", [True, False])
def test_receipts_of_one_block_are_not_taken_for_each_other(memory: MemoryNetwork, known: bool) -> None:
    """Whether the block's root was checked before or not: what is remembered of it opens no way round a check."""
    people = Play(chain=memory.chains[CHAIN])
    assert people.act("platform", "classes", "defineClass", class_of())
    minting = [Mint(class_id=CLASS, item=item(people.address("alice"), place)) for place in range(3)]
    raws = [people.signed("platform", "ddc721", "mint", arguments) for arguments in minting]

    async def play() -> None:
        ids = [opened(memory).transaction_id(decode(raw, SignedTransaction)) for raw in raws]
        honest = await opened(memory).submit(raws, ids)
        for number in range(10):
            chain, lied = opened(memory), 0

            def lie(answer: Answer, number: int = number) -> Answer:
                nonlocal lied
                if not isinstance(answer, Outcomes):
                    return answer
                lied += 1
                return list(shuffled(answer))[number]

            if known:
                assert await chain.submit(raws, ids) == honest
            memory.links[FIRST_ASKED].lie = lie
            before = len(memory.links[1].received)
            assert await chain.submit(raws, ids) == honest
            assert (lied, len(memory.links[1].received) - before) == (1, 3), "the next node was asked"
            memory.links[FIRST_ASKED].lie = lambda answer: answer

    asyncio.run(play())


def test_another_block_than_the_one_asked_for_is_not_taken(memory: MemoryNetwork) -> None:
    async def play(chain: Chain) -> None:
        other = memory.chains[CHAIN].blocks[1]
        memory.links[FIRST_ASKED].lie = lambda answer: replace(other, request=answer.request)  # type: ignore[union-attr]
        assert (await chain.read_block(1)).certified == memory.chains[CHAIN].blocks[0].certified

    run(memory, play)


def test_a_value_of_another_height_than_the_one_asked_for_is_not_taken(memory: MemoryNetwork) -> None:
    key = account_key(address_of(memory.chains[CHAIN].rules, "alice"))

    async def play(chain: Chain) -> None:
        old = (await memory.links[FIRST_ASKED].ask(_reading(key)),)
        memory.chains[CHAIN].ahead_ms += 6_000
        await chain.submit(*touch(memory, chain))
        memory.links[FIRST_ASKED].lie = lambda answer: replace(old[0], request=answer.request)  # type: ignore[union-attr,type-var]
        assert (await chain.read([key], height=3)).header.height == 3
        assert (await chain.read([key], at_least=3)).header.height == 3

    run(memory, play)


def test_a_node_that_is_behind_does_not_take_back_what_was_shown(memory: MemoryNetwork) -> None:
    """Its proof is right and its certificate too: it is only of a time before the last answer."""
    key = account_key(address_of(memory.chains[CHAIN].rules, "alice"))

    async def play(chain: Chain) -> None:
        old = await chain.links[FIRST_ASKED].ask(_reading(key))
        memory.chains[CHAIN].ahead_ms += 6_000
        await chain.submit(*touch(memory, chain))
        shown = (await chain.read([key])).header.height
        memory.links[FIRST_ASKED].lie = lambda answer: replace(old, request=answer.request)  # type: ignore[union-attr,type-var]
        assert (await chain.read([key])).header.height == shown > 0

    run(memory, play)


def _reading(key: bytes) -> Callable[[int], Any]:
    return lambda n: ReadState(request=n, chain_id=CHAIN, keys=(key,), height=None)


def test_when_every_node_lies_the_answer_is_that_none_is_believed(memory: MemoryNetwork) -> None:
    key = account_key(address_of(memory.chains[CHAIN].rules, "alice"))

    def lie(answer: Answer) -> Answer:
        if isinstance(answer, StateAnswer):
            return replace(answer, values=(replace(answer.values[0], value=b"lie"),))
        if isinstance(answer, BlockAnswer):
            return replace(answer, receipts=())
        return replace(answer, receipt_leaves=())

    async def play(chain: Chain) -> None:
        for link in memory.links:
            link.lie = lie
        memory.chains[CHAIN].ahead_ms += 6_000
        for reading in (chain.read([key]), chain.read_block(1), chain.submit(*touch(memory, chain))):
            with pytest.raises(NotServed) as refused:
                await reading
            assert refused.value.code == "node-not-believed"

    run(memory, play)


def test_a_follower_leaves_the_node_that_it_does_not_believe(memory: MemoryNetwork) -> None:
    async def play(chain: Chain) -> None:
        heard: list[HeardBlock | None] = []
        avoid = set[int]()
        memory.links[FIRST_ASKED].lie = lambda answer: replace(answer, receipts=())  # type: ignore[type-var]
        chain.follow(0, heard.append, avoid)
        await asyncio.sleep(0.01)
        assert (heard, avoid) == ([None], {FIRST_ASKED})
        chain.follow(0, heard.append, avoid)
        await asyncio.sleep(0.01)
        assert [block.certified.header.height for block in heard[1:]] == [1, 2]  # type: ignore[union-attr]
        memory.links[1].lose()
        assert heard[-1] is None
        for link in memory.links:
            avoid.add(link.replica)
        with pytest.raises(NotServed) as refused:
            chain.follow(0, heard.append, avoid)
        assert refused.value.code == "no-node"

    run(memory, play)


def test_blocks_that_are_pushed_out_of_turn_end_the_following(memory: MemoryNetwork) -> None:
    async def play(chain: Chain) -> None:
        heard: list[HeardBlock | None] = []
        second = memory.chains[CHAIN].blocks[1]
        memory.links[FIRST_ASKED].lie = lambda answer: replace(second, request=answer.request)  # type: ignore[union-attr]
        chain.follow(0, heard.append, set())
        await asyncio.sleep(0.01)
        assert heard == [None]

    run(memory, play)


def test_what_a_lost_node_left_unanswered_is_sent_to_another(memory: MemoryNetwork) -> None:
    async def play(chain: Chain) -> None:
        memory.chains[CHAIN].ahead_ms += 6_000
        raws, ids = touch(memory, chain)
        first = memory.links[FIRST_ASKED]
        first.lie = lambda _: None
        submitting = asyncio.ensure_future(chain.submit(raws, ids))
        await asyncio.sleep(0.02)
        first.lose()
        (outcome,) = await submitting
        assert isinstance(outcome, Finalised)
        assert memory.chains[CHAIN].head.height == 3

    run(memory, play)


def test_what_is_not_final_in_time_has_no_outcome_yet(memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(chain: Chain) -> None:
        monkeypatch.setattr(module, "FINAL_TIMEOUT_S", 0.05)
        for link in memory.links:
            link.lie = lambda _: None
        with pytest.raises(NotServed) as refused:
            await chain.submit(*touch(memory, chain))
        assert refused.value.code == "not-final"

    run(memory, play)


def test_without_a_node_nothing_is_served(memory: MemoryNetwork) -> None:
    async def play(chain: Chain) -> None:
        for link in memory.links:
            link.connected = False
        for asking in (chain.read([]), chain.read_block(1), chain.submit(*touch(memory, chain)), chain.status()):
            with pytest.raises(NotServed) as refused:
                await asking
            assert refused.value.code == "no-node"

    run(memory, play)


def test_many_transactions_go_in_requests_that_fit_their_limits(
    memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def play(chain: Chain) -> None:
        raws, ids = touch(memory, chain, 7)
        sizes = {"SUBMIT_TRANSACTIONS_MAX": 3, "SUBMIT_BYTES_MAX": len(raws[0]) * 2}
        for name, value in sizes.items():
            monkeypatch.setattr(module, name, value)
            before = len(memory.links[FIRST_ASKED].requests)
            outcomes = await chain.submit(raws, ids)
            assert {type(outcome) for outcome in outcomes} == {Rejected}
            requests = memory.links[FIRST_ASKED].requests[before:]
            counts = [len(request.transactions) for request in requests]  # type: ignore[union-attr]
            assert counts == ([3, 3, 1] if name == "SUBMIT_TRANSACTIONS_MAX" else [2, 2, 2, 1])
            assert [raw for request in requests for raw in request.transactions] == raws  # type: ignore[union-attr]
            monkeypatch.undo()

    run(memory, play)


def test_height_zero_is_believed_because_the_genesis_document_leads_to_it(memory: MemoryNetwork) -> None:
    key = account_key(address_of(memory.chains[CHAIN].rules, "alice"))

    async def play() -> None:
        chain = opened(memory)
        assert (await chain.read_block(0)).genesis == memory.chains[CHAIN].headers[0]
        state = await chain.read([key])
        assert (state.certified, state.header) == (None, memory.chains[CHAIN].headers[0])
        assert state.values[0].value is not None

    asyncio.run(play())


def test_a_chain_that_the_network_lacks_is_said_so(memory: MemoryNetwork) -> None:
    links: Any = tuple(memory.links)
    known = Chains(GENESIS, load_profiles(), links)
    assert [chain.rules.chain_id for chain in known] == ["wuhan", "zhongyi"]
    with pytest.raises(NotServed) as refused:
        known.get("atlantis")
    assert refused.value.code == "chain-unknown"


def test_a_gap_is_believed_only_if_every_node_says_so_and_says_where_it_ends(memory: MemoryNetwork) -> None:
    async def play(chain: Chain) -> None:
        assert await chain.oldest_after(1) is None
        for link in memory.links:
            link.oldest_block = 9 + link.replica
        assert await chain.oldest_after(1) == 9
        assert await chain.oldest_after(9) is None
        memory.links[2].connected = False
        assert await chain.oldest_after(1) == 9
        for wrong in (("height-pruned", (1,)), ("height-pruned", (1, "9")), ("height-pruned", (1, 1)), ("no", (1, 9))):
            code, values = wrong
            memory.links[1].lie = lambda answer, code=code, values=values: Refused(
                request=answer.request, code=code, values=values
            )
            assert await chain.oldest_after(1) is None
        for link in memory.links:
            link.connected = False
        assert await chain.oldest_after(1) is None

    run(memory, play)
