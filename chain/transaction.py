"""Transactions, receipts and events (protocol 6).

A transaction carries a random nonce and an end of validity instead of a counter: a platform may have hundreds
in flight, and a lost one blocks nobody. Its id is the digest of the body; a signature is part of no id.
"""

from typing import Annotated, Any, Final

from msgspec import Meta, Raw

from chain.codec import Record, encode
from chain.ids import Address, Digest, Natural, Signature

TRANSACTION_WINDOW_MS: Final = 300_000
"""How far ahead of its block's time a transaction may be valid, and how long its id is remembered."""

Name = Annotated[str, Meta(pattern=r"\A[a-z][A-Za-z0-9]{0,39}\Z")]
Values = tuple[Any, ...]
"""What events and receipts carry: booleans, integers, text, bytes, or flat lists of them.

Not narrowed when read: a receipt is believed only after its hash was found under a certified root.
"""


class Transaction(Record, frozen=True):
    """A call and the account that makes it. `arguments` is the canonical array that the method defines."""

    chain_id: Annotated[str, Meta(max_length=32)]
    sender: Address
    nonce: Annotated[bytes, Meta(min_length=16, max_length=16)]
    valid_until: Natural
    contract: Name
    method: Name
    arguments: Raw


class SignedTransaction(Record, frozen=True):
    """The canonical bytes of a `Transaction` and its sender's signature over its id."""

    body: Annotated[bytes, Meta(max_length=262_144)]
    signature: Signature


class Event(Record, frozen=True):
    """What a contract tells the world: its name, the event's name, and values in documented order."""

    contract: Name
    name: str
    values: Values


class Receipt(Record, frozen=True):
    """The outcome of one transaction. `code` is empty for success; else a stable code with its values."""

    transaction_id: Digest
    code: str
    values: Values
    events: tuple[Event, ...]

    @property
    def succeeded(self) -> bool:
        """Whether the call took effect."""
        return not self.code


def call_arguments(arguments: Record) -> Raw:
    """The canonical arguments of a call, ready for a transaction."""
    return Raw(encode(arguments))
