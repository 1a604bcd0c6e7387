"""Requests that the gateway can read, and what its answers are counted as."""

import json
from pathlib import Path

from chain.codec import decode
from chain.transaction import SignedTransaction
from gateway.services.bulk import read_bulk
from scripts.bench.doors import Counts, bulk_request, in_turns, single_request
from scripts.bench.http_load import Answer
from scripts.bench.network import BenchNetwork
from tests.scripts.bench.test_transactions import signer_of

BENCH = BenchNetwork(
    folder=Path("/nowhere"),
    network={"url": "http://127.0.0.1:8080", "api_keys": {"platform": "a-key"}, "chains": [{"id": "nanjing"}]},
    keys={},
    nodes=4,
)
RAWS = [signer_of("nanjing")[0].mint(bytes(15) + bytes([number])) for number in range(3)]


def answer(status: int, body: bytes = b"", seconds: float = 0.5) -> Answer:
    return Answer(status, b"", body, seconds)


def test_a_bulk_body_holds_the_very_bytes_that_were_signed() -> None:
    head, body = bulk_request(BENCH, "nanjing", RAWS).split(b"\r\n\r\n", 1)
    assert head.startswith(b"POST /v1/chains/nanjing/transactions:bulk HTTP/1.1\r\n")
    assert b"\r\nAuthorization: Bearer a-key\r\n" in head
    assert read_bulk(body, "application/msgpack") == RAWS


def test_a_single_body_holds_body_and_signature_in_hex() -> None:
    head, body = single_request(BENCH, "nanjing", RAWS[0]).split(b"\r\n\r\n", 1)
    assert head.startswith(b"POST /v1/chains/nanjing/transactions HTTP/1.1\r\n")
    members = json.loads(body)
    signed = decode(RAWS[0], SignedTransaction)
    assert {name: bytes.fromhex(text) for name, text in members.items()} == {
        "body": signed.body,
        "signature": signed.signature,
    }


def test_the_network_is_reached_where_it_says() -> None:
    assert BENCH.address == ("127.0.0.1", 8080)
    assert BENCH.entry("nanjing") == {"id": "nanjing"}


def test_chains_take_turns() -> None:
    assert in_turns([[b"a1", b"a2", b"a3"], [b"b1"], [b"c1", b"c2"]]) == [b"a1", b"b1", b"c1", b"a2", b"c2", b"a3"]


def test_of_a_bulk_answer_only_what_is_committed_counts() -> None:
    counts = Counts()
    committed, refused = b'{"index":0,"outcome":"committed"}\n', b'{"index":1,"outcome":"refused"}\n'
    counts.bulk(0, answer(200, 3 * committed + refused))
    counts.bulk(1, answer(503))
    sent = counts.sent(2.0, 0.1)
    assert (sent.committed, sent.latencies, sent.seconds) == (3, [0.5] * 3, 2.0)
    assert sent.refused == {"not committed": 1, "503": 1}


def test_of_single_answers_only_a_success_counts() -> None:
    counts = Counts()
    for status in (200, 200, 202, 409, 429):
        counts.single(0, answer(status))
    sent = counts.sent(1.0, 0.1)
    assert (sent.committed, len(sent.latencies)) == (2, 2)
    assert sent.refused == {"202": 1, "409": 1, "429": 1}
