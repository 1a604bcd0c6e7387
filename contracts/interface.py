"""All that a contract call may see and do, and how a contract is written (protocol 13).

A call has three beats: checks, state, events. It sees the context and nothing else: no clock, no randomness,
no file. A refusal is a `ContractReverted` with a stable code and typed values; sentences are rendered elsewhere.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from msgspec import Struct

from chain.codec import Record
from chain.rules import ChainRules
from chain.transaction import Event, Values


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
    sender: bytes
    """The address whose key signed the transaction; nobody's if it proves itself."""
    height: int
    time: int
    """The block's time, ms."""
    parent_time: int
    """The parent block's time, ms."""
    events: list[Event] = []

    def emit(self, contract: str, name: str, *values: bool | int | str | bytes | tuple[bytes, ...]) -> None:
        """Tell the world; the event is part of the receipt if the call succeeds."""
        self.events.append(Event(contract=contract, name=name, values=values))


Call = Callable[[ContractContext, Any], None]


@dataclass(frozen=True, slots=True)
class Method:
    """One callable method: the record its arguments must decode to, and what it does.

    Without `arguments` the method refuses whatever it is given, before anything else is looked at.
    """

    arguments: type[Record] | None
    call: Call


Reader = Callable[[Records, Any], bool | int | str | bytes]


@dataclass(frozen=True, slots=True)
class View:
    """One read: the record its arguments must be, and what it answers from the state alone."""

    arguments: type[Record]
    read: Reader
