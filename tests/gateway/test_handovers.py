"""The gateway goes on when the replicas change, and proves across the change; a node cannot make it believe in one."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from msgspec.structs import replace

import gateway.handovers
from chain.codec import encode
from chain.light_client import Handover, Trusted, follow, header_fault
from chain.profiles import load_profiles
from chain.rpc import Answer, HandoversAnswer, ReadHandovers, Refused
from chain.transaction import SignedTransaction
from contracts.keys import account_key
from contracts.system import Touch, change_transaction
from credentials.bundle import certified_header, handovers
from gateway.chains import Chain, Chains
from gateway.clients.answers import HeardBlock
from gateway.outcomes import Finalised, NotServed
from gateway.services import certificates
from gateway.services.calls import transaction_of
from gateway.services.certificates import MintOrder
from gateway.services.gateway import Gateway
from tests.chain.small_genesis import account_key_pair, address_of
from tests.chain.small_network import THIRD
from tests.contracts.membership_changes import FOUR, agreed, first, rekeyed
from tests.gateway import memory_network
from tests.gateway.memory_chain import GENESIS
from tests.gateway.memory_network import CLASS, MemoryNetwork, close, define

CHAIN = "wuhan"
FIRST_ASKED = 0
FIVE = first(5)
REKEYED = rekeyed(FIVE, 1)


def opened(memory: MemoryNetwork) -> Chain:
    links: Any = tuple(memory.links)
    return Chains(GENESIS, load_profiles(), links).get(CHAIN)


def changed(memory: MemoryNetwork) -> None:
    """A fifth replica joins at height 3, another is re-keyed at height 5; the chain is at height 6."""
    chain = memory.chains[CHAIN]
    steps = ((FOUR, FIVE, 3), None, (FIVE, REKEYED, 5), None, None, None)
    for number, step in enumerate(steps):
        chain.ahead_ms += 6_000
        if step is None:
            chain.take((touch(memory, number)[0],))
            continue
        old, new, height = step
        change = agreed(chain.rules, old, new, height)
        refused, _ = chain.take((change_transaction(chain.rules, change, now=chain.now(), nonce=bytes(16)),))
        assert not refused
    assert chain.head.height == len(steps)
    assert chain.head.next_membership == chain.rules.membership_digest(REKEYED)


def touch(memory: MemoryNetwork, number: int) -> tuple[bytes, bytes]:
    """(raw, id) of a signed touch."""
    chain = memory.chains[CHAIN]
    until = chain.now() + 100_000 + number
    seen = opened(memory)
    body = encode(transaction_of(seen, memory.address(CHAIN, "alice"), "system", "touch", Touch(), valid_until=until))
    id_ = chain.rules.transaction_id(body)
    return encode(SignedTransaction(body=body, signature=account_key_pair(CHAIN, "alice").sign(id_))), id_


def run(memory: MemoryNetwork, play: Callable[[Chain], Awaitable[Any]]) -> Any:
    """Play on a chain whose replicas have changed twice, as a gateway sees it that knows genesis alone."""

    async def whole() -> Any:
        changed(memory)
        return await play(opened(memory))

    return asyncio.run(whole())


def alice(memory: MemoryNetwork) -> bytes:
    return account_key(address_of(memory.chains[CHAIN].rules, "alice"))


def test_a_value_of_the_present_set_is_believed(memory: MemoryNetwork) -> None:
    async def play(chain: Chain) -> None:
        state = await chain.read([alice(memory)])
        assert state.header == memory.chains[CHAIN].head
        assert (chain.membership, chain.trust.height) == (REKEYED, 4)
        asked = len(memory.links[FIRST_ASKED].requests)
        await chain.read([alice(memory)])
        assert len(memory.links[FIRST_ASKED].requests) == asked + 1

    run(memory, play)


def test_nodes_are_known_by_the_keys_of_the_present_set(memory: MemoryNetwork) -> None:
    async def play(chain: Chain) -> None:
        await chain.read([alice(memory)])
        assert [link.pins for link in memory.links] == [[replica.tls_key_digest] for replica in REKEYED.replicas[:4]]
        await chain.catch_up()
        assert [len(link.pins) for link in memory.links] == [1] * 4

    run(memory, play)


def test_blocks_of_every_set_are_believed_in_any_order(memory: MemoryNetwork) -> None:
    async def play(chain: Chain) -> None:
        for height in (6, 1, 3, 5, 2, 4):
            assert (await chain.read_block(height)).certified == memory.chains[CHAIN].blocks[height - 1].certified

    run(memory, play)


def test_a_write_is_final_under_the_present_set_and_is_made_once(memory: MemoryNetwork) -> None:
    async def play(chain: Chain) -> None:
        memory.chains[CHAIN].ahead_ms += 6_000
        raw, id_ = touch(memory, 50)
        (outcome,) = await chain.submit([raw], [id_])
        assert isinstance(outcome, Finalised)
        assert outcome.certified.header.height == memory.chains[CHAIN].head.height == 7

    run(memory, play)


def heights(heard: list[HeardBlock | None]) -> list[int]:
    return [block.certified.header.height for block in heard if block is not None and block.certified is not None]


def test_a_follower_is_stopped_by_the_change_and_goes_on_when_it_has_caught_up(memory: MemoryNetwork) -> None:
    async def play(chain: Chain) -> None:
        heard: list[HeardBlock | None] = []
        avoid = set[int]()
        chain.follow(0, heard.append, avoid)
        await asyncio.sleep(0.01)
        assert (heights(heard), heard[-1], avoid) == ([1, 2], None, set())
        await chain.catch_up()
        chain.follow(2, heard.append, avoid)
        await asyncio.sleep(0.01)
        assert (heights(heard), avoid) == ([1, 2, 3, 4, 5, 6], set())

    run(memory, play)


def test_a_follower_leaves_a_node_that_shows_an_unknown_set_and_no_way_to_it(memory: MemoryNetwork) -> None:
    async def play(chain: Chain) -> None:
        for link in memory.links:
            link.lie = LIES["there was none"]
        heard: list[HeardBlock | None] = []
        avoid = set[int]()
        for expected in (set[int](), {FIRST_ASKED}):
            await chain.catch_up()
            chain.follow(2, heard.append, avoid)
            await asyncio.sleep(0.01)
            assert (heard[-1], avoid) == (None, expected)

    run(memory, play)


def with_handovers(answer: Answer, tell: Callable[[tuple[Handover, ...]], tuple[Handover, ...]]) -> Answer:
    """The node shows other hand-overs than there were."""
    return replace(answer, handovers=tell(answer.handovers)) if isinstance(answer, HandoversAnswer) else answer


def _by_third(handover: Handover) -> Handover:
    rules = Chains(GENESIS, load_profiles(), ()).get(CHAIN).rules
    return replace(handover, certified=THIRD.certify(rules, handover.certified.header))


TALES: dict[str, Callable[[tuple[Handover, ...]], tuple[Handover, ...]]] = {
    "there was none": lambda _: (),
    "another set": lambda told: tuple(replace(one, next_membership=THIRD.membership) for one in told),
    "headers that others certified": lambda told: tuple(map(_by_third, told)),
    "in another order": lambda told: told[::-1],
    "the second alone": lambda told: told[1:],
}
LIES: dict[str, Callable[[Answer], Answer]] = {
    name: lambda answer, tell=tell: with_handovers(answer, tell)  # type: ignore[misc]
    for name, tell in TALES.items()
} | {
    "another record": lambda answer: (
        Refused(request=answer.request, code="chain-unknown", values=(CHAIN,))
        if isinstance(answer, HandoversAnswer)
        else answer
    )
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_a_node_that_lies_about_the_sets_teaches_nothing_and_another_is_asked(
    memory: MemoryNetwork, lie: Callable[[Answer], Answer]
) -> None:
    async def play(chain: Chain) -> None:
        memory.links[FIRST_ASKED].lie = lie
        state = await chain.read([alice(memory)], at_least=1)
        assert state.header == memory.chains[CHAIN].head
        assert chain.membership == REKEYED

    run(memory, play)


def test_where_all_lie_nothing_is_believed(memory: MemoryNetwork) -> None:
    async def play(chain: Chain) -> None:
        for link in memory.links:
            link.lie = LIES["headers that others certified"]
        with pytest.raises(NotServed) as refused:
            await chain.read([alice(memory)])
        assert refused.value.code == "node-not-believed"
        assert chain.membership == FOUR

    run(memory, play)


def test_a_change_that_has_not_begun_is_not_known_yet(memory: MemoryNetwork) -> None:
    async def play() -> None:
        chain = memory.chains[CHAIN]
        change = agreed(chain.rules, FOUR, FIVE, 9)
        chain.take((change_transaction(chain.rules, change, now=chain.now(), nonce=bytes(16)),))
        seen = opened(memory)
        await seen.catch_up()
        assert seen.membership == FOUR
        assert (await seen.read([alice(memory)])).header == chain.head

    asyncio.run(play())


def test_more_changes_than_one_answer_holds_are_asked_for_in_turn(
    memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def play(chain: Chain) -> None:
        for module in (gateway.handovers, memory_network):
            monkeypatch.setattr(module, "HANDOVERS_MAX", 1)
        await chain.read([alice(memory)])
        assert chain.membership == REKEYED
        asked = [request for request in memory.links[FIRST_ASKED].requests if isinstance(request, ReadHandovers)]
        assert [request.after for request in asked] == [0, 2, 4]

    run(memory, play)


def test_a_bundle_holds_the_hand_overs_that_lead_to_its_header(memory: MemoryNetwork) -> None:
    async def play() -> None:
        opened_gateway = memory.open()
        tenant = await memory.tenant(opened_gateway)
        await define(opened_gateway, tenant)
        order = MintOrder(
            chain_id=CHAIN, class_id=CLASS, holder=memory.address(CHAIN, "alice"), content={"name": "Alice"}
        )
        name = (await certificates.mint(opened_gateway, tenant, order, None)).proven.name.path
        before = await bundle(opened_gateway, name)
        chain = memory.chains[CHAIN]
        height = chain.head.height
        change = agreed(chain.rules, FOUR, FIVE, height + 3)
        chain.take((change_transaction(chain.rules, change, now=chain.now(), nonce=bytes(16)),))
        for number in range(3):
            chain.ahead_ms += 6_000
            chain.take((touch(memory, number)[0],))
        after = await bundle(opened_gateway, name)
        assert [len(made.handovers) for made in (before, after)] == [0, 1]
        start = Trusted(height=0, time=GENESIS.document.created_at, membership=FOUR)
        for made in (before, after):
            trusted = follow(chain.rules, start, handovers(made))
            assert isinstance(trusted, Trusted)
            assert header_fault(chain.rules, trusted, certified_header(made, made.header, made.certificate)) is None
        await close(opened_gateway)

    async def bundle(of: Gateway, name: str) -> Any:
        return await certificates.prove(of, await memory.tenant(of), name, "all")

    asyncio.run(play())
