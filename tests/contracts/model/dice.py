"""Chance for a call: sensible choices from what there is, and slips.

A call that is to be wrong has exactly one slip: the first throw counts the places where one could be, the second one repeats the
same choices and slips at one of them. So late checks are reached as often as early ones.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from random import Random
from typing import Any, TypeVar

from tests.contracts.model.gates import EVERYDAY, ROLES
from tests.contracts.model.people import People, twisted
from tests.contracts.model.state import NO_DID, Account, Call, Certificate, Edition, Held, HeldKey, World

T = TypeVar("T")
RECENT = 250
TRIES = 40


class NothingThere(Exception):
    """There is nothing yet to which the call could be made."""


@dataclass(slots=True)
class Index:
    """Lists of what is in the world, to draw from; nothing of these kinds ever goes."""

    world: World
    roles: dict[str, list[bytes]] = field(default_factory=lambda: {role: [] for role in ROLES})
    members: dict[bytes, list[bytes]] = field(default_factory=dict)
    """The DID of a platform -> accounts that are or stand under it."""
    dids: dict[bytes, list[bytes]] = field(default_factory=dict)
    """DID -> its accounts."""
    certificates: list[Certificate] = field(default_factory=list)
    holdings: list[HeldKey] = field(default_factory=list)
    editions: list[Edition] = field(default_factory=list)
    seen: int = 0

    def renew(self) -> None:
        """Take in what has come."""
        world = self.world
        for account in islice(world.accounts.values(), self.seen, None):
            self.roles[account.role].append(account.address)
            self.dids.setdefault(account.did, []).append(account.address)
            if account.platform is not None:
                self.members.setdefault(account.platform, []).append(account.address)
        self.seen = len(world.accounts)
        waiting = self.dids.get(NO_DID, [])
        for address in [one for one in waiting if world.accounts[one].did != NO_DID]:
            waiting.remove(address)
            self.dids.setdefault(world.accounts[address].did, []).append(address)
        self.certificates.extend(islice(world.certificates.values(), len(self.certificates), None))
        self.holdings.extend(islice(world.holdings, len(self.holdings), None))
        self.editions.extend(islice(world.editions.values(), len(self.editions), None))


@dataclass(slots=True)
class Dice:
    """One throw."""

    index: Index
    people: People
    chance: Random
    mistake: int | None = None
    """At which place it slips."""
    places: int = 0
    """Where it could have slipped."""

    @property
    def world(self) -> World:
        return self.index.world

    @property
    def now(self) -> int:
        return self.index.world.now

    def slips(self) -> bool:
        """Whether the mistake is made here."""
        self.places += 1
        return self.places - 1 == self.mistake

    def often(self, share: float) -> bool:
        return self.chance.random() < share

    def pick(self, things: Sequence[T]) -> T:
        if not things:
            raise NothingThere
        return self.chance.choice(things)

    def some(self, things: Sequence[T], least: int, most: int) -> list[T]:
        """Some of them, none twice."""
        if len(things) < least:
            raise NothingThere
        return self.chance.sample(list(things), self.chance.randint(least, min(most, len(things))))

    def number(self, least: int, most: int) -> int:
        return self.chance.randint(least, most)

    def draw_bytes(self, count: int) -> bytes:
        return self.chance.randbytes(count)

    def sample(self, things: Sequence[T], good: Callable[[T], bool]) -> T | None:
        """One that is good, from the latest as a rule; None if none comes up."""
        for _ in range(TRIES if things else 0):
            start = max(0, len(things) - RECENT) if self.often(0.7) else 0
            found = things[self.chance.randrange(start, len(things))]
            if good(found):
                return found
        return None

    def take(self, things: Sequence[T], good: Callable[[T], bool]) -> T:
        """One that is good, or the call is not made."""
        found = self.sample(things, good)
        if found is None:
            raise NothingThere
        return found

    def way(self, good: T, *bad: T) -> T:
        """The good one; where something goes wrong, one of the bad ones."""
        for other in bad:
            if self.slips():
                return other
        return good

    def account(self, *roles: str, good: Callable[[Account], bool] = lambda _: True) -> Account:
        """An active account of one of the roles."""
        accounts = self.world.accounts
        addresses = [address for role in roles for address in self.index.roles[role]]
        found = self.take(addresses, lambda address: accounts[address].active and good(accounts[address]))
        return accounts[found]

    def stranger(self) -> bytes:
        """An address that nobody has."""
        return self.draw_bytes(20)

    def frozen(self) -> bytes:
        """A frozen account, or somebody."""
        frozen = [account.address for account in self.world.accounts.values() if not account.active]
        return self.pick(frozen or list(self.world.accounts))

    def caller(self, address: bytes, *roles: str) -> bytes:
        """Who calls: `address`, if nothing goes wrong; `roles` are those that may."""
        if self.slips():
            return self.stranger()
        if self.slips():
            return self.frozen()
        others = [role for role in ROLES if role not in roles]
        if others and self.slips():
            return self.account(self.pick([role for role in others if self.index.roles[role]])).address
        return address

    def sender(self, *roles: str) -> bytes:
        """Somebody of one of the roles calls, if nothing goes wrong."""
        return self.caller(self.account(*roles).address, *roles)

    def everyday(self) -> bytes:
        """An operator, platform or consumer calls, if nothing goes wrong."""
        return self.sender(*EVERYDAY)

    def somebody(self) -> bytes:
        """An active account, or if something goes wrong none or a frozen one."""
        if self.slips():
            return self.stranger()
        if self.slips():
            return self.frozen()
        return self.account("platform", "consumer", "operator").address

    def held(self, contract: str, good: Callable[[Held], bool], *bad: Callable[[Held], bool]) -> Held:
        """What is held and good; where something goes wrong, one that is bad in one of these ways."""
        return self._one_held(contract, self.way(good, *bad))

    def _one_held(self, contract: str, good: Callable[[Held], bool]) -> Held:
        if contract == "ddc721":
            return self.take(self.index.certificates, good)
        holdings = self.world.holdings
        return holdings[self.take(self.index.holdings, lambda key: good(holdings[key]))]

    def signature(self, key: bytes, statement: tuple[Any, ...]) -> bytes:
        """The key's signature over the statement, if nothing goes wrong."""
        if self.slips():
            return self.draw_bytes(64)
        if self.slips():
            return self.people.sign(self.people.new_did_key(), statement)
        if self.slips():
            return self.people.sign(key, twisted(self.chance, statement))
        return self.people.sign(key, statement)


Draw = Callable[[Dice, str, str], Call]
"""How a call of a method of a contract is drawn."""
