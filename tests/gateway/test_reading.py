"""Reads of one turn share a request: everybody gets the values of their own keys, or hears what became of the request."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from chain.codec import encode
from chain.profiles import load_profiles
from chain.rpc import REQUEST_KEYS_MAX, Answer, ProvenValue, ReadState, StateAnswer
from chain.state import StateProof, check
from chain.transaction import SignedTransaction, Transaction
from contracts.keys import account_key
from contracts.system import Touch
from gateway.chains import Chains
from gateway.clients.node_link import NodeUnreachable
from gateway.reading import HeadReads, ProvenState
from tests.chain.small_genesis import ROLES, account_key_pair, address_of
from tests.chain.small_network import FIRST, header_of, rules_of
from tests.gateway.memory_chain import GENESIS
from tests.gateway.memory_network import MemoryNetwork

RULES = rules_of("wuhan")
HEADER = header_of(RULES, 7, FIRST.membership, FIRST.membership)
CERTIFIED = FIRST.certify(RULES, HEADER)
NO_PROOF = StateProof(branches=(), bucket=b"")
KEYS = st.lists(st.binary(max_size=3), max_size=REQUEST_KEYS_MAX)


class Link:
    """The node of a number."""

    def __init__(self, replica: int) -> None:
        self.replica = replica


class Nodes:
    """Nodes at which the value of a key is the key after the node's number; some of them are lost."""

    def __init__(self, *lost: int) -> None:
        self.lost = lost
        self.asked: list[tuple[int, tuple[bytes, ...]]] = []

    async def ask(self, link: Any, keys: tuple[bytes, ...]) -> ProvenState:
        self.asked.append((link.replica, keys))
        await asyncio.sleep(0)
        if link.replica in self.lost:
            raise NodeUnreachable("lost")
        values = tuple(ProvenValue(value=value_at(link.replica, key), proof=NO_PROOF) for key in keys)
        return ProvenState(header=HEADER, certified=CERTIFIED, values=values)


def value_at(replica: int, key: bytes) -> bytes:
    return bytes([replica]) + key


async def read_all(heads: HeadReads, reads: Sequence[tuple[int, list[bytes]]]) -> list[Any]:
    """What each of these reads, all made in one turn, comes to."""
    links: list[Any] = [Link(replica) for replica in range(3)]
    return await asyncio.gather(*(heads.read(links[at], keys) for at, keys in reads), return_exceptions=True)


@given(st.lists(st.tuples(st.integers(0, 2), KEYS), max_size=20), st.sets(st.integers(0, 2)))
@settings(deadline=None)
def test_every_reader_gets_the_values_of_its_own_keys(reads: list[tuple[int, list[bytes]]], lost: set[int]) -> None:
    nodes = Nodes(*lost)
    for (replica, keys), state in zip(reads, asyncio.run(read_all(HeadReads(nodes.ask), reads)), strict=True):
        if replica in lost:
            assert isinstance(state, NodeUnreachable)
        else:
            assert [proven.value for proven in state.values] == [value_at(replica, key) for key in keys]
            assert (state.header, state.certified) == (HEADER, CERTIFIED)
    assert all(len(keys) <= REQUEST_KEYS_MAX for _, keys in nodes.asked)
    for replica in range(3):
        sent = [key for at, keys in nodes.asked if at == replica for key in keys]
        assert sent == [key for at, keys in reads if at == replica for key in keys]


@pytest.mark.parametrize(("count", "requests"), [(1, [1]), (16, [16]), (17, [16, 1]), (34, [16, 16, 2])])
def test_a_turn_needs_as_few_requests_as_hold_its_keys(count: int, requests: list[int]) -> None:
    nodes = Nodes()
    asyncio.run(read_all(HeadReads(nodes.ask), [(0, [b"%d" % number]) for number in range(count)]))
    assert [len(keys) for _, keys in nodes.asked] == requests


def test_a_read_of_many_keys_is_one_request() -> None:
    nodes = Nodes()
    keys = [b"%d" % number for number in range(REQUEST_KEYS_MAX)]
    asyncio.run(read_all(HeadReads(nodes.ask), [(0, [b"a"]), (0, keys), (0, [b"b"])]))
    assert [len(asked) for _, asked in nodes.asked] == [1, REQUEST_KEYS_MAX, 1]


def test_a_later_turn_asks_anew() -> None:
    async def play() -> None:
        nodes = Nodes()
        heads = HeadReads(nodes.ask)
        link: Any = Link(0)
        first = asyncio.create_task(heads.read(link, [b"a"]))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert nodes.asked == [(0, (b"a",))]
        assert not first.done()
        second = asyncio.create_task(heads.read(link, [b"b"]))
        await asyncio.gather(first, second)
        assert nodes.asked == [(0, (b"a",)), (0, (b"b",))]

    asyncio.run(play())


@pytest.mark.parametrize("lost", [(), (0,)])
def test_who_reads_no_longer_takes_nothing_from_the_others(lost: tuple[int, ...]) -> None:
    async def play() -> None:
        heads = HeadReads(Nodes(*lost).ask)
        link: Any = Link(0)
        readers = [asyncio.create_task(heads.read(link, [key])) for key in (b"a", b"b", b"c")]
        await asyncio.sleep(0)
        readers[1].cancel()
        found: list[Any] = await asyncio.gather(*readers, return_exceptions=True)
        assert isinstance(found[1], asyncio.CancelledError)
        for key, state in ((b"a", found[0]), (b"c", found[2])):
            assert isinstance(state, NodeUnreachable) if lost else state.values[0].value == value_at(0, key)

    asyncio.run(play())


def test_a_fault_of_ours_is_heard_by_whoever_reads() -> None:
    async def ask(_link: Any, _keys: tuple[bytes, ...]) -> ProvenState:
        raise AssertionError("ours")

    found = asyncio.run(read_all(HeadReads(ask), [(0, [b"a"]), (0, [b"b"])]))
    assert [str(problem) for problem in found] == ["ours", "ours"]


def test_an_answer_with_one_bad_proof_is_believed_by_nobody(memory: MemoryNetwork) -> None:
    """Whoever shared the request asks another node, together again."""
    keys = [account_key(address_of(memory.chains["wuhan"].rules, person)) for person in ROLES] + [b"A nobody"]
    links: Any = tuple(memory.links)

    def lie(place: int, answer: Answer) -> Answer | None:
        if not isinstance(answer, StateAnswer):
            return answer
        values = list(answer.values)
        values[place] = replace(values[place], value=b"lie")
        return replace(answer, values=tuple(values))

    async def play() -> None:
        chain = Chains(GENESIS, load_profiles(), links).get("wuhan")
        for place in range(len(keys)):
            memory.links[0].lie = partial(lie, place)
            before = [len(link.requests) for link in memory.links]
            states = await asyncio.gather(*(chain.read([key]) for key in keys))
            assert [len(link.requests) - count for link, count in zip(memory.links, before, strict=True)] == [
                1,
                1,
                0,
                0,
            ]
            for key, state in zip(keys, states, strict=True):
                assert [proven.value for proven in state.values] == [memory.chains["wuhan"].state.get(key)]
                assert check(
                    chain.rules.digest,
                    state.values[0].proof,
                    state.header.state_root,
                    key=key,
                    value=state.values[0].value,
                )

    asyncio.run(play())


def test_each_reader_of_a_request_keeps_its_own_floor(memory: MemoryNetwork) -> None:
    """A node that is behind answers whoever may be shown its height; who may not asks the next one."""
    chain_of = memory.chains["wuhan"]
    links: Any = tuple(memory.links)

    async def play() -> None:
        chain = Chains(GENESIS, load_profiles(), links).get("wuhan")
        old = await links[0].ask(lambda n: ReadState(request=n, chain_id="wuhan", keys=(), height=None))
        memory.links[0].lie = lambda answer: replace(old, request=answer.request)  # type: ignore[union-attr]
        take_touch(memory)
        states = await asyncio.gather(chain.read([]), chain.read([], at_least=1), chain.read([]))
        assert [state.header.height for state in states] == [0, 1, 0]
        assert states[1].header == chain_of.head
        assert (await chain.read([])).header == chain_of.head, "what was shown is not taken back"

    asyncio.run(play())


def take_touch(memory: MemoryNetwork) -> None:
    """One block more."""
    chain = memory.chains["wuhan"]
    rules, pair = chain.rules, account_key_pair("wuhan", "alice")
    touch = Transaction(
        chain_id="wuhan",
        sender=address_of(rules, "alice"),
        nonce=bytes(16),
        valid_until=chain.now() + 100_000,
        contract="system",
        method="touch",
        arguments=encode(Touch()),
    )
    body = encode(touch)
    chain.take((encode(SignedTransaction(body=body, signature=pair.sign(rules.transaction_id(body)))),))
    assert chain.head.height == 1
