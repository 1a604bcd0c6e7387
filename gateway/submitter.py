"""What is on its way to one chain: transactions that come in one turn of the event loop share a request to a node.

Every outcome goes to whoever waits for it. Whoever waits has a deadline of its own, and nodes of its own that it does
not believe: a caller that gives up, or a node that lied to it, leaves the others of the same request alone.
"""

import asyncio
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import partial
from typing import Final, Protocol

from chain.rpc import REQUEST_TRANSACTIONS_MAX, Submit
from chain.rules import ChainRules
from gateway.clients.answers import HeardAnswer
from gateway.clients.node_link import NodeLink, NodeUnreachable
from gateway.outcomes import NotServed, Outcome, SetUnknown
from gateway.trust import Trust

FINAL_TIMEOUT_S: Final = 8.0
RESEND_PAUSE_S: Final = 0.05
SUBMIT_TRANSACTIONS_MAX: Final = REQUEST_TRANSACTIONS_MAX
SUBMIT_BYTES_MAX: Final = 4_000_000
"""Of the transactions in one request, far below what a frame may hold."""
WEIGHT_BYTES: Final = 4_096
"""A transaction counts once, and once more for every so many bytes, where it is said how many are on their way."""
IN_FLIGHT_MAX: Final = 5_000
"""A second or two of work. What comes below it is taken whole, so that with the largest bulk body it may be 15,000."""
IN_FLIGHT_FEW: Final = 1_000
AGE_MAX_S: Final = 4.0
"""With more than a few on their way, none is taken while the oldest waits longer: it would be too late for its caller."""


class Believing(Protocol):
    """The chain as a submitter needs it: which node to ask, and what to believe of its answers."""

    @property
    def rules(self) -> ChainRules:
        """The chain's functions."""

    @property
    def trust(self) -> Trust:
        """The sets of replicas that are known."""

    def best_link(self, avoid: Collection[int] = ()) -> NodeLink:
        """The link to ask first; `NotServed` if there is none."""

    def replicas_up(self) -> set[int]:
        """The replicas that are connected."""

    def checked_outcomes(self, answer: HeardAnswer, ids: Sequence[bytes]) -> dict[int, Outcome]:
        """The outcomes in an answer, by place in the request; `NotServed` if it is not to be believed."""

    async def catch_up_from(self, link: NodeLink) -> None:
        """Learn the sets of replicas that this node can show."""


class _Caller:
    """Whoever waits for the outcomes of some transactions."""

    __slots__ = ("avoid", "done", "ids", "left", "outcomes", "raws", "requests")

    def __init__(self, raws: Sequence[bytes], ids: Sequence[bytes], done: asyncio.Future[None]) -> None:
        self.raws, self.ids, self.done = raws, ids, done
        self.outcomes: list[Outcome | None] = [None] * len(raws)
        self.left = len(raws)
        self.avoid: set[int] = set()
        """Replicas that have lied about these transactions."""
        self.requests: set[_Request] = set()

    def hear(self, place: int, outcome: Outcome) -> None:
        """One outcome; the first that is heard counts."""
        if self.outcomes[place] is None:
            self.outcomes[place] = outcome
            self.left -= 1
            if not self.left and not self.done.done():
                self.done.set_result(None)

    def fail(self, problem: NotServed) -> None:
        """There will be no outcome."""
        if not self.done.done():
            self.done.set_exception(problem)


Entry = tuple[_Caller, int]
"""A caller and the place of one of its transactions."""


class _Request:
    """Transactions on their way through one node."""

    __slots__ = ("callers", "entries", "ids", "link", "number")

    def __init__(self, link: NodeLink, entries: list[Entry]) -> None:
        self.link, self.entries = link, entries
        self.ids = [caller.ids[place] for caller, place in entries]
        self.callers = {caller for caller, _ in entries}
        self.number = 0

    def unanswered(self) -> list[Entry]:
        """What still has no outcome, of those who still wait."""
        return [entry for entry in self.entries if entry[0] in self.callers and entry[0].outcomes[entry[1]] is None]


class Submitter:
    """All transactions on their way to one chain."""

    def __init__(self, chain: Believing) -> None:
        self._chain = chain
        self._waiting: list[Entry] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.in_flight = 0
        """The weight of the transactions that callers wait for."""
        self._since: dict[_Caller, float] = {}
        """Since when each caller waits, the oldest first."""

    @property
    def busy(self) -> bool:
        """Whether so much is on its way that no more should be taken."""
        if self.in_flight < min(IN_FLIGHT_FEW, IN_FLIGHT_MAX):
            return False
        oldest = next(iter(self._since.values()))
        return self.in_flight >= IN_FLIGHT_MAX or asyncio.get_running_loop().time() - oldest > AGE_MAX_S

    async def submit(self, raws: Sequence[bytes], ids: Sequence[bytes]) -> list[Outcome]:
        """The outcome of each signed transaction; `NotServed` if they are not final in time."""
        loop = asyncio.get_running_loop()
        caller = _Caller(raws, ids, loop.create_future())
        late = NotServed("not-final", self._chain.rules.chain_id, int(FINAL_TIMEOUT_S))
        timer = loop.call_later(FINAL_TIMEOUT_S, caller.fail, late)
        weight = sum(1 + len(raw) // WEIGHT_BYTES for raw in raws)
        self.in_flight += weight
        self._since[caller] = loop.time()
        self._enqueue((caller, place) for place in range(len(raws)))
        try:
            await caller.done
        finally:
            timer.cancel()
            self.in_flight -= weight
            del self._since[caller]
            for request in tuple(caller.requests):
                self._leave(request, caller)
        return [outcome for outcome in caller.outcomes if outcome is not None]

    def _enqueue(self, entries: Iterable[Entry]) -> None:
        """To be sent at the end of this turn, with whatever else comes until then."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._flush)
        self._waiting += entries

    def _flush(self) -> None:
        entries, self._waiting = self._waiting, []
        links: dict[_Caller, NodeLink] = {}
        by_link: dict[NodeLink, list[Entry]] = {}
        for entry in entries:
            caller = entry[0]
            if caller.done.done():
                continue
            if caller not in links:
                try:
                    links[caller] = self._chain.best_link(caller.avoid)
                except NotServed as refused:
                    caller.fail(refused)
                    continue
            by_link.setdefault(links[caller], []).append(entry)
        for link, together in by_link.items():
            for part in _parts(together):
                self._send(_Request(link, part))

    def _send(self, request: _Request) -> None:
        for caller in request.callers:
            caller.requests.add(request)
        chain_id = self._chain.rules.chain_id
        transactions = tuple(caller.raws[place] for caller, place in request.entries)
        try:
            request.number = request.link.listen(
                lambda n: Submit(request=n, chain_id=chain_id, transactions=transactions), partial(self._heard, request)
            )
        except NodeUnreachable:
            self._again_later(request)

    def _heard(self, request: _Request, answer: HeardAnswer | None) -> None:
        if answer is None:
            self._again_later(request)
            return
        try:
            found = self._chain.checked_outcomes(answer, request.ids)
        except SetUnknown as refused:
            request.link.forget(request.number)
            task = asyncio.get_running_loop().create_task(self._learn(request, refused))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        except NotServed as lie:
            self._disbelieve(request, lie)
        else:
            for index, outcome in found.items():
                caller, place = request.entries[index]
                caller.hear(place, outcome)

    def _again_later(self, request: _Request) -> None:
        """The node is lost: what it left unanswered is sent to another; the same bytes have the same outcome."""
        asyncio.get_running_loop().call_later(RESEND_PAUSE_S, self._again, request)

    def _again(self, request: _Request) -> None:
        entries = request.unanswered()
        for caller in tuple(request.callers):
            self._leave(request, caller)
        if entries:
            self._enqueue(entries)

    def _disbelieve(self, request: _Request, lie: NotServed) -> None:
        """The node lied; another one is asked, as long as there is one."""
        for caller in request.callers:
            caller.avoid.add(request.link.replica)
            if caller.avoid.issuperset(self._chain.replicas_up()):
                caller.fail(lie)
        self._again(request)

    async def _learn(self, request: _Request, refused: SetUnknown) -> None:
        """The node speaks of an unknown set: it is to show how that came about, then the same bytes are sent again."""
        known = self._chain.trust.height
        try:
            await self._chain.catch_up_from(request.link)
        except NodeUnreachable:
            self._again_later(request)
            return
        if self._chain.trust.height == known:
            self._disbelieve(request, refused)
        else:
            self._again(request)

    def _leave(self, request: _Request, caller: _Caller) -> None:
        """The caller waits for this request no more; when nobody does, neither does the link."""
        request.callers.discard(caller)
        caller.requests.discard(request)
        if not request.callers:
            request.link.forget(request.number)


def _parts(entries: list[Entry]) -> Iterator[list[Entry]]:
    """Portions of one request each."""
    part, size = list[Entry](), 0
    for caller, place in entries:
        length = len(caller.raws[place])
        if part and (len(part) == SUBMIT_TRANSACTIONS_MAX or size + length > SUBMIT_BYTES_MAX):
            yield part
            part, size = [], 0
        part.append((caller, place))
        size += length
    if part:
        yield part
