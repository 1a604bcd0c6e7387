"""What became of a transaction, with what proves it; or why nobody can say."""

from msgspec import Struct

from chain.codec import decode
from chain.light_client import CertifiedHeader
from chain.transaction import Receipt, Value, Values


class NotServed(Exception):
    """No node gives an acceptable answer now. `code` and `values` name the problem."""

    def __init__(self, code: str, *values: Value) -> None:
        super().__init__(code, *values)
        self.code = code
        self.values: Values = values


class SetUnknown(NotServed):
    """A header names a set of replicas that was not handed over here yet: `Chain.catch_up`, then try again."""


class Finalised(Struct, frozen=True, kw_only=True):
    """A transaction in a certified block, with its receipt's bytes; `code` is empty if it took effect."""

    certified: CertifiedHeader
    place: int
    code: str
    receipt_bytes: bytes
    receipt_leaves: tuple[bytes, ...]

    @property
    def succeeded(self) -> bool:
        """Whether the call took effect."""
        return not self.code

    @property
    def receipt(self) -> Receipt:
        """The receipt."""
        return decode(self.receipt_bytes, Receipt)


class Rejected(Struct, frozen=True):
    """A transaction that no block holds: a code and its values."""

    code: str
    values: Values


Outcome = Finalised | Rejected
