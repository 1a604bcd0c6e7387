"""All that a contract call may see and do, and how a contract is written (protocol 13).

A method is data: the record of its arguments, its checks in order, its effect, its events and its price. Checks look
and refuse, an effect writes and tells; nobody writes before every check has passed and the price is covered. A call
sees the context and nothing else: no clock, no randomness, no file. A refusal is a `ContractReverted` with a stable
code and typed values; sentences are rendered elsewhere.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Protocol

from msgspec import Struct

from chain.codec import Record
from chain.rules import ChainRules
from chain.transaction import Event, Values


class Role(IntEnum):
    """The reference network's roles, with its numbers; relayer and owner are ours."""

    OPERATOR = 0
    PLATFORM = 1
    CONSUMER = 2
    CROSS_CHAIN = 3
    RELAYER = 4
    OWNER = 5


class ContractReverted(Exception):
    """The call is refused and leaves no trace but its receipt."""

    def __init__(self, code: str, *values: bool | int | str | bytes) -> None:
        super().__init__(code, *values)
        self.code = code
        self.values: Values = values


class Readable(Protocol):
    """The state as a reader sees it."""

    def get(self, key: bytes) -> bytes | None:
        """The value under `key`; in a call, its own writes included."""


class Records(Readable, Protocol):
    """The state as a call sees it."""

    def put(self, key: bytes, value: bytes | None) -> None:
        """Write `value` under `key`."""


class ContractContext(Struct, kw_only=True):
    """One call: who makes it, in which block, and the state it may read and write."""

    rules: ChainRules
    records: Records
    contract: str
    method: str
    sender: bytes
    """The address whose key signed the transaction; nobody's if it proves itself."""
    height: int
    time: int
    """The block's time, ms."""
    parent_time: int
    """The parent block's time, ms."""
    events: list[Event] = []
    catalogue: "Catalogue" = {}
    """Every method that there is, by contract and name."""

    def emit(self, name: str, *values: bool | int | str | bytes | tuple[bytes, ...]) -> None:
        """Tell the world; the event is part of the receipt if the call succeeds."""
        self.events.append(Event(contract=self.contract, name=name, values=values))


Act = Callable[[ContractContext, Any], None]


@dataclass(frozen=True, slots=True)
class Check:
    """One condition of a call: what must be so, the codes that answer otherwise, in order, and the test itself."""

    says: str
    codes: tuple[str, ...]
    test: Act
    roles: frozenset[Role] | None = None
    """Who passes, where it asks for a role."""
    listed: bool = False
    """Whether `roles` are only those of the first state's access list, which an operator may change."""


def refuses(*codes: str) -> Callable[[Act], Check]:
    """Make a check of the function below: its docstring says what must be so."""

    def made(test: Act) -> Check:
        assert test.__doc__ is not None
        return Check(says=" ".join(test.__doc__.split()).rstrip("."), codes=codes, test=test)

    return made


def _one(_arguments: Any) -> int:  # noqa: ANN401 - any record
    return 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a call costs beside the fee table's fen per unit: steps of gas, and how many units (certificates) it has."""

    steps: int
    steps_each: int = 0
    units: Callable[[Any], int] = _one


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One callable method. Without `arguments` its first check refuses whatever it is given, unread."""

    arguments: type[Record] | None
    checks: tuple[Check, ...]
    effect: Act
    events: tuple[str, ...] = ()
    price: Price | None = None
    """None: free of fen and gas."""
    signed_parts: Callable[[Any], tuple[bytes, ...]] | None = None
    """What a holder signs of the arguments, part by part, where the call carries a holder's signature (`contracts.meta`)."""


Catalogue = Mapping[tuple[str, str], Method]
Answer = Record | bool | int | str | bytes | None
"""What a read answers; None: there is no such record."""
Reader = Callable[[Readable, Any], Answer]


class OfNothing(Record, frozen=True):
    """A read without arguments."""


@dataclass(frozen=True, slots=True)
class View:
    """One read: the record its arguments must be, and what it answers from the state alone."""

    arguments: type[Record]
    read: Reader
