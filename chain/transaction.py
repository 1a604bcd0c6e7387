"""Transactions, receipts and events (protocol 6).

A transaction carries a random nonce and an end of validity instead of a counter: a platform may have hundreds
in flight, and a lost one blocks nobody. Its id is the digest of the body; a signature is part of no id.
"""

from typing import Annotated, Any, Final

from msgspec import Meta
from msgspec.structs import force_setattr

from chain.codec import Record
from chain.ids import Address, Digest, Natural, Signature

TRANSACTION_WINDOW_MS: Final = 300_000
"""How far ahead of its block's time a transaction may be valid, and how long its id is remembered."""

TRANSACTION_BYTES_MAX: Final = 262_144
NOBODY: Final = b"\0"
"""The sender of a transaction that proves itself: no account can have this address."""
NO_SIGNATURE: Final = bytes(64)
SELF_PROVING: Final = frozenset(
    {("system", "changeMembership"), ("system", "reportEvidence"), ("system", "restartClient")}
)
"""(contract, method) whose arguments carry the signatures that count: nobody's own, so nobody has to sign the call."""
Name = Annotated[str, Meta(pattern=r"\A[a-z][A-Za-z0-9]{0,39}\Z")]
Value = bool | int | str | bytes | tuple[bytes, ...]
Values = Annotated[tuple[Any, ...], Meta(max_length=8)]
"""What events, receipts and refusals carry: each a `Value`, which a record that holds them checks when it is made.

(The library that decodes cannot be told so: to it, text and bytes are one kind.)
"""
Code = Annotated[str, Meta(max_length=40)]
"""A stable code of lower-case words and hyphens; empty where nothing is refused."""


class Transaction(Record, frozen=True):
    """A call and the account that makes it.

    `arguments` are the canonical bytes of the record that the method defines; nobody but the method reads them.
    """

    chain_id: Annotated[str, Meta(max_length=32)]
    sender: Address
    nonce: Annotated[bytes, Meta(min_length=16, max_length=16)]
    valid_until: Natural
    contract: Name
    method: Name
    arguments: Annotated[bytes, Meta(max_length=TRANSACTION_BYTES_MAX)]

    @property
    def self_proving(self) -> bool:
        """Whether nobody sends it, and its method is one that needs no sender (protocol 6.6)."""
        return self.sender == NOBODY and (self.contract, self.method) in SELF_PROVING


class SignedTransaction(Record, frozen=True):
    """The canonical bytes of a `Transaction` and its sender's signature over its id."""

    body: Annotated[bytes, Meta(max_length=TRANSACTION_BYTES_MAX)]
    signature: Signature


class Event(Record, frozen=True):
    """What a contract tells the world: its name, the event's name, and values in documented order."""

    contract: Name
    name: Annotated[str, Meta(max_length=40)]
    values: Values

    def __post_init__(self) -> None:
        """Of `Value`s and nothing else."""
        values = checked_values(self.values)
        if values is not self.values:
            force_setattr(self, "values", values)


class Receipt(Record, frozen=True):
    """The outcome of one transaction. `code` is empty for success; else a stable code with its values."""

    transaction_id: Digest
    code: Code
    values: Values
    events: tuple[Event, ...]

    def __post_init__(self) -> None:
        """Of `Value`s and nothing else."""
        values = checked_values(self.values)
        if values is not self.values:
            force_setattr(self, "values", values)

    @property
    def succeeded(self) -> bool:
        """Whether the call took effect."""
        return not self.code


def checked_values(values: Values) -> tuple[Value, ...]:
    """The values, lists of bytes as tuples; `ValueError` for a nil, a float, a map or anything nested deeper."""
    if _PLAIN.issuperset(map(type, values)):  # nearly always; saves 1 us an event
        return values
    return tuple(_checked_value(value) for value in values)


_PLAIN: Final = frozenset({bool, int, str, bytes})


def _checked_value(value: object) -> Value:
    if isinstance(value, (bool, int, str, bytes)):
        return value
    if isinstance(value, (list, tuple)) and all(isinstance(part, bytes) for part in value):
        return tuple(value)
    raise ValueError("a value is a boolean, an integer, text, bytes or a list of bytes")
