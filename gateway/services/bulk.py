"""Many signed transactions in one body, one outcome line each."""

import json
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from chain.codec import encode
from chain.transaction import SignedTransaction
from gateway.chains import Chain, Outcome, Rejected
from gateway.errors import Problem
from gateway.services.calls import refusal_of

BULK_TRANSACTIONS_MAX: Final = 10_000
MSGPACK_TYPES: Final = ("application/msgpack", "application/x-msgpack", "application/vnd.msgpack")
Hex = Annotated[str, Meta(pattern=r"\A([0-9a-fA-F]{2})*\Z")]


class Line(msgspec.Struct, forbid_unknown_fields=True):
    """A line of JSON: body and signature in hex."""

    body: Hex
    signature: Annotated[Hex, Meta(min_length=128, max_length=128)]


def read_bulk(data: bytes, content_type: str) -> list[bytes]:
    """The signed transactions in a body: a msgpack array of byte strings, else JSON lines."""
    try:
        if content_type.split(";", maxsplit=1)[0].strip() in MSGPACK_TYPES:
            return _counted(_read_msgpack(data, type=list[bytes]))
        lines = _counted([line for line in data.splitlines() if line.strip()])
        return [_signed(_read_line(line)) for line in lines]
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as problem:
        raise Problem("body-malformed", str(problem)) from None


def outcome_lines(chain: Chain, outcomes: list[tuple[bytes, Outcome]]) -> bytes:
    """One JSON line per transaction, in order."""
    return b"".join(_line(chain, index, *outcome) for index, outcome in enumerate(outcomes))


def _counted(given: list[bytes]) -> list[bytes]:
    if not given:
        raise Problem("body-malformed", "it holds no transaction")
    if len(given) > BULK_TRANSACTIONS_MAX:
        raise Problem("too-many-transactions", BULK_TRANSACTIONS_MAX)
    return given


def _line(chain: Chain, index: int, transaction_id: bytes, outcome: Outcome) -> bytes:
    place = f'{{"index":{index},"transaction":"{transaction_id.hex()}","outcome":'
    if not isinstance(outcome, Rejected) and outcome.receipt.succeeded:
        header = outcome.certified.header
        return f'{place}"committed","height":{header.height},"place":{outcome.place}}}\n'.encode()
    how = "refused" if isinstance(outcome, Rejected) else "failed"
    problem = json.dumps(refusal_of(chain, outcome).document(), ensure_ascii=False)
    return f'{place}"{how}","problem":{problem}}}\n'.encode()


def _signed(line: Line) -> bytes:
    return encode(SignedTransaction(body=bytes.fromhex(line.body), signature=bytes.fromhex(line.signature)))


_read_line = msgspec.json.Decoder(Line).decode
_read_msgpack = msgspec.msgpack.decode
