"""Relayers in a world: each hears the events in order, at its own pace, and does what there is to do."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from chain.codec import Record
from chain.transaction import Event
from contracts.interface import ContractReverted
from relayer.calls import Stood, perform
from relayer.duties import (
    Changed,
    Duties,
    Duty,
    Heard,
    Mirrored,
    Moving,
    PacketClosed,
    PacketReceived,
    PacketSent,
    Relied,
)
from tests.interop.world import World

PACKETS: Final = {"PacketSent": PacketSent, "PacketReceived": PacketReceived, "PacketClosed": PacketClosed}
CHANGES: Final = frozenset(
    {
        "Revoked",
        "EnterBlacklist",
        "ExitBlacklist",
        "Burnt",
        "Suspended",
        "Unsuspended",
        "Locklist",
        "UnLocklist",
        "Transfer",
    }
)


class Crashed(Exception):
    """The relayer ends here."""


def heard_of(chain: str, event: Event) -> list[Heard]:
    """What a relayer makes of an event."""
    values = event.values
    if event.name in PACKETS:
        return [PACKETS[event.name](chain, *values[:2])]  # type: ignore[arg-type]
    if event.name == "Attested":
        return [Mirrored(chain, tuple(values[:3]))]  # type: ignore[arg-type]
    if event.name == "Relied":
        return [Relied(chain, values[0], values[1], tuple(values[2:5]))]  # type: ignore[arg-type]
    if event.name == "CrossChainTransfer":
        return [Moving((chain, values[1], values[2]), values[0])]  # type: ignore[arg-type]
    if event.name in CHANGES and event.contract != "authority":
        class_id, token = values[0], values[3] if event.name == "Transfer" else values[1]
        return [Changed((chain, class_id, token))]  # type: ignore[arg-type]
    return []


@dataclass(slots=True)
class WorldChains:
    """A world as a relayer sees it (`relayer.calls.Chains`); `step` is called before every look and every call."""

    world: World
    sender: str = "relayer"
    step: Callable[[], None] = lambda: None
    down: set[str] = field(default_factory=set)
    """Chains that make no blocks now."""
    sent: list[tuple[str, str, str, Record]] = field(default_factory=list)
    """Every call that took effect: a relayer that replays remembers them."""

    async def stood(self, chain: str, key: bytes, since: int) -> Stood | None:
        """What stands under a key at the chain's head."""
        self.step()
        placed = self.world.chains[chain]
        if placed.last is None:
            return None
        return Stood(value=placed.chain.state.get(key), shown=placed.shown_since(key, since))

    async def value(self, chain: str, key: bytes) -> bytes | None:
        """What stands under a key."""
        self.step()
        return self.world[chain].state.get(key)

    async def send(self, chain: str, contract: str, method: str, arguments: Record) -> str:
        """A call in a block of its own."""
        self.step()
        if chain in self.down:
            return "no-quorum"
        try:
            self.world.call(chain, self.sender, contract, method, arguments)
        except ContractReverted as refused:
            return refused.code
        self.sent.append((chain, contract, method, arguments))
        self.step()
        return ""

    def now(self) -> int:
        """The world's clock."""
        return self.world.time


@dataclass(slots=True)
class WorldRelayer:
    """A relayer that can be stopped anywhere, and begins again with nothing."""

    world: World
    chains: WorldChains
    duties: Duties = field(init=False)
    listened: int = 0

    def __post_init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """It begins again."""
        self.duties, self.listened = Duties(frozenset(self.world.chains)), 0

    def listen(self) -> None:
        """Hear what was told since."""
        told = self.world.told[self.listened :]
        self.listened += len(told)
        for chain, event in told:
            for heard in heard_of(chain, event):
                self.duties.heard(heard)

    def work(self, most: int = 1) -> int:
        """Look at so many duties that are due; how many there were."""
        due = self.duties.due(self.world.time, most=most)
        for duty in due:
            self.do(duty)
        return len(due)

    def do(self, duty: Duty) -> None:
        """Look at one."""
        self.duties.begin(duty)
        if asyncio.run(perform(self.chains, duty)):
            self.duties.done(duty)
        else:
            self.duties.put_off(duty, self.world.time)

    def work_until_idle(self, rounds: int = 1_000) -> None:
        """Listen and work until nothing is due."""
        for _ in range(rounds):
            self.listen()
            if not self.work():
                return
        raise AssertionError("there is always something to do")


def relayer_of(world: World, sender: str = "relayer") -> WorldRelayer:
    """A relayer with an account of its own."""
    return WorldRelayer(world, WorldChains(world, sender))
