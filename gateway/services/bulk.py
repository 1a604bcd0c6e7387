"""Many signed transactions in one body, one outcome line each."""

import json
from binascii import unhexlify
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from chain.codec import encode
from chain.transaction import SignedTransaction
from gateway.chains import Chain
from gateway.errors import Problem
from gateway.outcomes import Outcome, Rejected
from gateway.services.calls import refusal_of

BULK_TRANSACTIONS_MAX: Final = 10_000
MSGPACK_TYPES: Final = ("application/msgpack", "application/x-msgpack", "application/vnd.msgpack")
_MALFORMED: Final = (msgspec.DecodeError, RecursionError, ValueError)


class Line(msgspec.Struct, forbid_unknown_fields=True):
    """A line of JSON: body and signature in hex."""

    body: str
    signature: Annotated[str, Meta(min_length=128, max_length=128)]


def read_bulk(data: bytes, content_type: str) -> list[bytes]:
    """The signed transactions in a body: a msgpack array of byte strings, else JSON lines."""
    try:
        if content_type.split(";", maxsplit=1)[0].strip() in MSGPACK_TYPES:
            return _counted(_read_msgpack(data, type=list[bytes]))
        lines = _counted([line for line in data.splitlines() if line.strip()])
        return [read_signed(line) for line in lines]
    except _MALFORMED as problem:
        raise Problem("body-malformed", str(problem)) from None


def read_signed(line: bytes) -> bytes:
    """The signed transaction in a JSON object."""
    try:
        found = _read_line(line)
        signed = SignedTransaction(body=unhexlify(found.body), signature=unhexlify(found.signature))
    except _MALFORMED as problem:
        raise Problem("body-malformed", str(problem)) from None
    return encode(signed)


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
    if not isinstance(outcome, Rejected) and outcome.succeeded:
        header = outcome.certified.header
        return f'{place}"committed","height":{header.height},"place":{outcome.place}}}\n'.encode()
    how = "refused" if isinstance(outcome, Rejected) else "failed"
    problem = json.dumps(refusal_of(chain, outcome).document(), ensure_ascii=False)
    return f'{place}"{how}","problem":{problem}}}\n'.encode()


_read_line = msgspec.json.Decoder(Line).decode
_read_msgpack = msgspec.msgpack.decode
