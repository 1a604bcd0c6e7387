"""What a node answers, as the gateway takes it: receipts stay the bytes that came until somebody looks into one.

Their bytes are all that a receipt root needs: what stands under a certified root is canonical, for replicas hash nothing
else. Decoding and encoding every receipt again cost 4 us per transaction and check, the bytes 0.2 us.
"""

from collections.abc import Callable
from typing import Annotated

import msgspec
from msgspec import Meta, Raw

from chain.block import BLOCK_TRANSACTIONS_MAX, BlockHeader
from chain.codec import decode, decoder
from chain.ids import Digest, Natural
from chain.light_client import CertifiedHeader
from chain.rpc import (
    REQUEST_TRANSACTIONS_MAX,
    HandoversAnswer,
    Hello,
    Refused,
    Rejection,
    StateAnswer,
    StatusAnswer,
)
from chain.transaction import Receipt


class Heard(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, kw_only=True):
    """A record of the protocol as it is read here: the same bytes, some of them left as they are."""


class HeardReceipt(Heard, frozen=True):
    """`chain.rpc.Included`: a transaction's place in its request and in the block, and its receipt's bytes."""

    index: Natural
    place: Natural
    receipt: Raw


class HeardOutcomes(Heard, frozen=True, tag=33):
    """`chain.rpc.Outcomes`."""

    request: Natural
    rejected: Annotated[tuple[Rejection, ...], Meta(max_length=REQUEST_TRANSACTIONS_MAX)]
    certified: CertifiedHeader | None
    receipt_leaves: Annotated[tuple[Digest, ...], Meta(max_length=BLOCK_TRANSACTIONS_MAX)]
    included: Annotated[tuple[HeardReceipt, ...], Meta(max_length=REQUEST_TRANSACTIONS_MAX)]


class HeardBlock(Heard, frozen=True, tag=35):
    """`chain.rpc.BlockAnswer`."""

    request: Natural
    certified: CertifiedHeader | None
    genesis: BlockHeader | None
    transactions: Annotated[tuple[bytes, ...], Meta(max_length=BLOCK_TRANSACTIONS_MAX)]
    receipt_bytes: Annotated[tuple[Raw, ...], Meta(max_length=BLOCK_TRANSACTIONS_MAX)]

    @property
    def receipts(self) -> tuple[Receipt, ...]:
        """All receipts, decoded; only for a block whose roots were checked."""
        return tuple(decode(bytes(receipt), Receipt) for receipt in self.receipt_bytes)


class Outline(msgspec.Struct, array_like=True):
    """The first two fields of a `Receipt`, for whoever needs no more."""

    transaction_id: bytes
    code: str


HeardAnswer = Hello | HeardOutcomes | StateAnswer | HeardBlock | StatusAnswer | Refused | HandoversAnswer

read_answer: Callable[[bytes], HeardAnswer] = decoder(HeardAnswer)  # type: ignore[arg-type] # a union is no type to mypy
"""The answer in a frame; `CodecMalformed` for what is none."""

outline_of: Callable[[bytes], Outline] = msgspec.msgpack.Decoder(Outline).decode
"""The outline of a receipt that stands under a certified root."""
