"""Callers share requests and nothing else: each has its own outcomes, its own deadline and its own distrust."""

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.rpc import Submit
from gateway import submitter as module
from gateway.chains import Chain
from gateway.clients.node_link import NodeUnreachable
from gateway.outcomes import Finalised, NotServed, Outcome, Rejected, SetUnknown
from gateway.submitter import Submitter
from tests.gateway.memory_network import MemoryNetwork
from tests.gateway.test_chains import opened, touch

CHAIN = "wuhan"
LIE, UNKNOWN = "a lie", "of an unknown set"


class Link:
    """A node that answers when the test says so."""

    def __init__(self, replica: int) -> None:
        self.replica, self.connected, self.breaks = replica, True, False
        self.listeners: dict[int, Callable[[Any], None]] = {}
        self.submits: list[Submit] = []

    def listen(self, make: Callable[[int], Any], heard: Callable[[Any], None]) -> int:
        if not self.connected or self.breaks:
            self.breaks = self.connected = False
            raise NodeUnreachable("down")
        self.submits.append(make(len(self.submits)))
        self.listeners[len(self.submits) - 1] = heard
        return len(self.submits) - 1

    def forget(self, request: int) -> None:
        self.listeners.pop(request, None)

    def tell(self, request: int, answer: Any) -> None:
        """An answer; nobody hears it who does not listen any more."""
        if request in self.listeners:
            self.listeners[request](answer)

    def lose(self) -> None:
        self.connected = False
        listeners, self.listeners = self.listeners, {}
        for heard in listeners.values():
            heard(None)

    def answer_all(self) -> None:
        """The whole truth about every request that is open."""
        for number in list(self.listeners):
            self.tell(number, list(range(len(self.submits[number].transactions))))


class Nodes:
    """What a submitter sees of a chain; an answer is a list of places, and the truth about them is the id itself."""

    def __init__(self, count: int = 3) -> None:
        self.links = [Link(replica) for replica in range(count)]
        self.rules = SimpleNamespace(chain_id=CHAIN)
        self.trust = SimpleNamespace(height=0)
        self.shown = 0
        """What a node shows when it is to explain itself: the height of a set not known before."""

    def replicas_up(self) -> set[int]:
        return {link.replica for link in self.links if link.connected}

    def best_link(self, avoid: Any) -> Link:
        for link in self.links:
            if link.connected and link.replica not in avoid:
                return link
        raise NotServed("no-node", CHAIN)

    def checked_outcomes(self, answer: Any, ids: list[bytes]) -> dict[int, Outcome]:
        if answer == LIE:
            raise NotServed("node-not-believed", "a lie")
        if answer == UNKNOWN and self.trust.height == 0:
            raise SetUnknown("node-not-believed", "unknown")
        places = range(len(ids)) if answer == UNKNOWN else answer
        return {place: truth(ids[place]) for place in places}

    async def catch_up_from(self, link: Link) -> None:
        if not link.connected:
            raise NodeUnreachable("lost")
        self.trust.height = self.shown


def truth(id_: bytes) -> Outcome:
    return Rejected(id_.decode(), ())


def raws_of(name: str, count: int) -> list[bytes]:
    return [f"{name}-{place}".encode() for place in range(count)]


def run(play: Callable[[Submitter, Nodes], Awaitable[Any]]) -> Any:
    async def whole() -> Any:
        nodes: Any = Nodes()
        own = Submitter(nodes)
        result = await play(own, nodes)
        await asyncio.sleep(0)
        assert own.in_flight == 0
        assert all(link.listeners == {} for link in nodes.links), "nothing is listened for that nobody waits for"
        return result

    return asyncio.run(whole())


def begin(own: Submitter, name: str, count: int) -> "asyncio.Future[list[Outcome]]":
    raws = raws_of(name, count)
    return asyncio.ensure_future(own.submit(raws, raws))


def truths(name: str, count: int) -> list[Outcome]:
    return [truth(id_) for id_ in raws_of(name, count)]


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RESEND_PAUSE_S", 0.0)


def test_what_comes_in_one_turn_is_one_request(memory: MemoryNetwork) -> None:
    """Over the whole chain: the nodes get one frame, and every caller its own proven receipt."""

    async def play() -> None:
        chain: Chain = opened(memory)
        memory.chains[CHAIN].ahead_ms += 6_000
        raws, ids = touch(memory, chain, 3)
        own = [chain.submit([raw], [id_]) for raw, id_ in zip(raws, ids, strict=True)]
        outcomes = [outcome for (outcome,) in await asyncio.gather(*own)]
        submits = [request for request in memory.links[0].requests if isinstance(request, Submit)]
        assert [request.transactions for request in submits] == [tuple(raws)]
        final = [outcome for outcome in outcomes if isinstance(outcome, Finalised)]
        assert [outcome.receipt.transaction_id for outcome in final] == ids
        assert chain.in_flight == 0

    asyncio.run(play())


def test_what_comes_later_is_a_request_of_its_own() -> None:
    async def play(own: Submitter, nodes: Nodes) -> None:
        first = begin(own, "a", 2)
        await asyncio.sleep(0.001)
        second = begin(own, "b", 1)
        await asyncio.sleep(0.001)
        assert [len(submit.transactions) for submit in nodes.links[0].submits] == [2, 1]
        assert own.in_flight == 3
        nodes.links[0].answer_all()
        assert (await first, await second) == (truths("a", 2), truths("b", 1))

    run(play)


events = st.lists(
    st.one_of(
        st.tuples(st.just("submit"), st.integers(1, 7)),
        st.tuples(st.just("tell"), st.integers(0, 2), st.integers(0, 9), st.lists(st.integers(0, 2), max_size=3)),
        st.tuples(st.just("lie"), st.integers(0, 9)),
        st.tuples(st.just("lose")),
        st.tuples(st.just("turn")),
    ),
    max_size=25,
)


@settings(deadline=None, max_examples=150)
@given(events)
def test_whatever_nodes_do_every_caller_gets_its_own_outcomes_in_its_order(events: list[tuple[Any, ...]]) -> None:
    """Answers come in any order and any portions, a node lies, a node is lost; the last one tells the truth."""

    async def play(own: Submitter, nodes: Nodes) -> None:
        callers: list[tuple[str, int, asyncio.Future[list[Outcome]]]] = []
        for event in [*events, ("turn",)]:
            match event:
                case ("submit", count):
                    callers.append((str(len(callers)), count, begin(own, str(len(callers)), count)))
                case ("tell", replica, number, places):
                    submits = nodes.links[replica].submits
                    if number < len(submits):
                        size = len(submits[number].transactions)
                        nodes.links[replica].tell(number, [place for place in places if place < size])
                case ("lie", number):
                    nodes.links[0].tell(number, LIE)
                case ("lose",):
                    nodes.links[1].lose()
                case _:
                    await asyncio.sleep(0)
        while not all(waiting.done() for _, _, waiting in callers):
            for link in nodes.links:
                link.answer_all()
            await asyncio.sleep(0)
        for name, count, waiting in callers:
            assert await waiting == truths(name, count)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, "SUBMIT_TRANSACTIONS_MAX", 3)
        run(play)


def test_a_lost_nodes_unanswered_transactions_alone_are_sent_again() -> None:
    async def play(own: Submitter, nodes: Nodes) -> None:
        first, second = begin(own, "a", 2), begin(own, "b", 2)
        await asyncio.sleep(0.001)
        nodes.links[0].tell(0, [0, 3])
        nodes.links[0].lose()
        await asyncio.sleep(0.001)
        assert nodes.links[1].submits[0].transactions == (b"a-1", b"b-0")
        nodes.links[1].answer_all()
        assert (await first, await second) == (truths("a", 2), truths("b", 2))

    run(play)


def test_a_link_that_breaks_while_it_is_written_to_is_another_nodes_turn() -> None:
    async def play(own: Submitter, nodes: Nodes) -> None:
        nodes.links[0].breaks = True
        waiting = begin(own, "a", 2)
        await asyncio.sleep(0.005)
        assert nodes.links[1].submits[0].transactions == (b"a-0", b"a-1")
        nodes.links[1].answer_all()
        assert await waiting == truths("a", 2)

    run(play)


def test_a_node_that_lied_is_asked_no_more_for_those_it_lied_to() -> None:
    async def play(own: Submitter, nodes: Nodes) -> None:
        lied_to = begin(own, "a", 1)
        await asyncio.sleep(0.001)
        nodes.links[0].tell(0, LIE)
        other = begin(own, "b", 1)
        await asyncio.sleep(0.001)
        assert nodes.links[1].submits[0].transactions == (b"a-0",)
        assert nodes.links[0].submits[1].transactions == (b"b-0",)
        for link in nodes.links:
            link.answer_all()
        assert (await lied_to, await other) == (truths("a", 1), truths("b", 1))

    run(play)


def test_when_every_node_has_lied_nobody_is_believed() -> None:
    async def play(own: Submitter, nodes: Nodes) -> None:
        both = [begin(own, name, 1) for name in "ab"]
        for link in nodes.links:
            await asyncio.sleep(0.001)
            link.tell(0, LIE)
        for waiting in both:
            with pytest.raises(NotServed) as refused:
                await waiting
            assert refused.value.code == "node-not-believed"

    run(play)


def test_without_a_node_whoever_asks_is_told_at_once() -> None:
    async def play(own: Submitter, nodes: Nodes) -> None:
        waiting = begin(own, "a", 1)
        await asyncio.sleep(0.001)
        for link in nodes.links:
            link.lose()
        for refused_ in (waiting, begin(own, "b", 1)):
            with pytest.raises(NotServed) as refused:
                await refused_
            assert refused.value.code == "no-node"

    run(play)


def test_an_unknown_set_is_learnt_and_the_same_bytes_are_sent_again() -> None:
    async def play(own: Submitter, nodes: Nodes) -> None:
        nodes.shown = 7
        waiting = begin(own, "a", 2)
        await asyncio.sleep(0.001)
        nodes.links[0].tell(0, UNKNOWN)
        await asyncio.sleep(0.001)
        assert nodes.links[0].submits[1].transactions == (b"a-0", b"a-1")
        nodes.links[0].answer_all()
        assert await waiting == truths("a", 2)

    run(play)


@pytest.mark.parametrize("lost", [True, False])
def test_a_set_that_the_node_cannot_explain_is_a_lie(lost: bool) -> None:
    async def play(own: Submitter, nodes: Nodes) -> None:
        waiting = begin(own, "a", 1)
        await asyncio.sleep(0.001)
        nodes.links[0].tell(0, UNKNOWN)
        nodes.links[0].connected = not lost
        await asyncio.sleep(0.001)
        assert nodes.links[1].submits[0].transactions == (b"a-0",)
        nodes.links[1].answer_all()
        assert await waiting == truths("a", 1)

    run(play)


def test_the_deadline_of_one_caller_is_no_others() -> None:
    """Two share a request; one is answered in part and its time is up, the other has all it wants."""

    async def play(own: Submitter, nodes: Nodes) -> None:
        late, served = begin(own, "a", 2), begin(own, "b", 2)
        await asyncio.sleep(0.001)
        assert [len(submit.transactions) for submit in nodes.links[0].submits] == [4]
        nodes.links[0].tell(0, [0, 2])
        next(iter(own._since)).fail(NotServed("not-final", CHAIN, 8))
        with pytest.raises(NotServed) as refused:
            await late
        assert refused.value.code == "not-final"
        assert own.in_flight == 2
        nodes.links[0].answer_all()
        assert await served == truths("b", 2)

    run(play)


def test_every_caller_has_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FINAL_TIMEOUT_S", 0.0)

    async def play(own: Submitter, nodes: Nodes) -> None:
        for name in "ab":
            with pytest.raises(NotServed) as refused:
                await begin(own, name, 2)
            assert refused.value.code == "not-final"

    run(play)


def test_a_caller_that_goes_away_takes_nobody_along() -> None:
    async def play(own: Submitter, nodes: Nodes) -> None:
        gone, stays = begin(own, "a", 2), begin(own, "b", 1)
        await asyncio.sleep(0.001)
        gone.cancel()
        await asyncio.sleep(0.001)
        assert own.in_flight == 1
        nodes.links[0].answer_all()
        assert await stays == truths("b", 1)
        assert gone.cancelled()

    run(play)


def test_who_gives_up_before_anything_is_sent_sends_nothing() -> None:
    async def play(own: Submitter, nodes: Nodes) -> None:
        gone = begin(own, "a", 2)
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(0.001)
        assert nodes.links[0].submits == []

    run(play)


def test_requests_are_cut_at_their_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SUBMIT_TRANSACTIONS_MAX", 4)
    monkeypatch.setattr(module, "SUBMIT_BYTES_MAX", 10)

    async def play(own: Submitter, nodes: Nodes) -> None:
        waiting = begin(own, "a", 5), begin(own, "b", 2)
        await asyncio.sleep(0.001)
        assert [len(submit.transactions) for submit in nodes.links[0].submits] == [3, 3, 1]
        nodes.links[0].answer_all()
        assert [await one for one in waiting] == [truths("a", 5), truths("b", 2)]

    run(play)


def test_a_large_transaction_counts_several_times() -> None:
    async def play(own: Submitter, nodes: Nodes) -> None:
        raws = [b"small", b"x" * (3 * module.WEIGHT_BYTES)]
        waiting = asyncio.ensure_future(own.submit(raws, [b"a", b"b"]))
        await asyncio.sleep(0.001)
        assert own.in_flight == 5
        nodes.links[0].answer_all()
        await waiting

    run(play)


def test_no_more_is_taken_when_enough_is_on_its_way_or_the_oldest_of_many_waits_too_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "IN_FLIGHT_FEW", 3)
    monkeypatch.setattr(module, "IN_FLIGHT_MAX", 6)

    async def play(own: Submitter, nodes: Nodes) -> None:
        assert not own.busy
        waiting = [begin(own, "a", 2)]
        await asyncio.sleep(0.001)
        monkeypatch.setattr(module, "AGE_MAX_S", 0.0)
        assert not own.busy, "a few may wait as long as they must"
        waiting.append(begin(own, "b", 2))
        await asyncio.sleep(0.001)
        assert own.busy, "the oldest of many waits too long"
        monkeypatch.setattr(module, "AGE_MAX_S", 60.0)
        assert not own.busy
        waiting.append(begin(own, "c", 2))
        await asyncio.sleep(0.001)
        assert own.busy, "enough is on its way"
        nodes.links[0].answer_all()
        await asyncio.gather(*waiting)
        assert not own.busy

    run(play)
