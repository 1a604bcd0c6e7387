"""Key-upload mode on all ten chains: encode, sign at home, submit; the gateway only relays."""

import json
import time
import uuid
from typing import Any

import msgspec
import pytest

from chain.codec import decode
from chain.transaction import Transaction
from tests.gateway.running import CHAINS, RunningNetwork, encoded_transaction

pytestmark = pytest.mark.processes


def draw_token(network: RunningNetwork, chain: str) -> str:
    drawn = uuid.uuid4()
    return str(drawn) if network.rules(chain).profile.token_id_style == "uuid" else str(drawn.int)


def mint_arguments(network: RunningNetwork, chain: str, **changed: Any) -> dict[str, Any]:
    item = {
        "token": draw_token(network, chain),
        "holder": network.address(chain, "bob"),
        "content_root": "0a" * 32,
        "uri": "https://a.example/1",
        "valid_from": None,
        "valid_until": None,
    }
    return {"class_id": network.class_of(chain), "item": item | changed}


@pytest.mark.parametrize("chain", CHAINS)
def test_a_client_that_signs_at_home_mints(network: RunningNetwork, chain: str) -> None:
    arguments = mint_arguments(network, chain)
    encoded = network.encode(chain, "platform", "mint", arguments)
    assert encoded["decoded"]["arguments"] == arguments
    assert encoded["signature_scheme"] == str(network.rules(chain).scheme.name)
    transaction = decode(bytes.fromhex(encoded["body"]), Transaction)
    assert network.rules(chain).transaction_id(bytes.fromhex(encoded["body"])).hex() == encoded["digest"]
    assert (transaction.contract, transaction.method) == ("ddc721", "mint")
    answer = network.submit(chain, network.sign(chain, "platform", encoded))
    assert answer.status_code == 200, answer.text
    placed = answer.json()
    assert (placed["transaction"], placed["chain"], placed["receipt"]["succeeded"]) == (encoded["digest"], chain, True)
    events = {event["name"]: event["values"] for event in placed["receipt"]["events"]}
    assert events["Transfer"][2:] == [arguments["item"]["holder"], arguments["item"]["token"]]
    id_ = f"{chain}.ddc721.{arguments['class_id']}.{arguments['item']['token']}"
    read = network.client("nobody").get(f"/v1/certificates/{id_}").json()
    assert (read["holder"], read["uri"]) == (network.address(chain, "bob"), "https://a.example/1")


def test_nonce_and_end_of_validity_may_be_the_clients_own(network: RunningNetwork) -> None:
    until = int(time.time() * 1_000) + 100_000
    nonce = uuid.uuid4().hex
    one, other = (
        network.encode("wuhan", "alice", "transferFrom", {}, nonce=nonce, valid_until=until) for _ in range(2)
    )
    assert one == other
    assert (one["decoded"]["nonce"], one["decoded"]["valid_until"]) == (nonce, until)
    assert network.encode("wuhan", "alice", "transferFrom", {})["digest"] != one["digest"]


def test_whoever_does_not_wait_gets_the_hash_and_finds_the_transaction_later(network: RunningNetwork) -> None:
    signed = network.signed_call("chengdu", "platform", "mint", mint_arguments(network, "chengdu"))
    answer = network.submit("chengdu", signed, wait="none")
    assert (answer.status_code, answer.json()["state"]) == (202, "sent")
    path = f"/v1/chains/chengdu/transactions/{answer.json()['transaction']}"
    deadline = time.monotonic() + 10
    while (found := network.client("nobody").get(path)).status_code == 404:
        assert time.monotonic() < deadline, "the transaction is not found"
        time.sleep(0.01)
    assert found.json()["receipt"]["succeeded"]


def test_a_refusal_that_nobody_waits_for_harms_nobody(network: RunningNetwork) -> None:
    signed = network.signed_call("chengdu", "alice", "transferFrom", {})
    assert network.submit("chengdu", signed, wait="none").status_code == 202
    assert network.client("nobody").get("/healthz").status_code == 200


@pytest.mark.parametrize("chain", ["chengdu", "yanan", "zunyi"])
@pytest.mark.parametrize("kind", ["application/x-ndjson", "application/msgpack"])
def test_many_transactions_have_one_line_each_in_their_order(network: RunningNetwork, chain: str, kind: str) -> None:
    good = [network.signed_call(chain, "platform", "mint", mint_arguments(network, chain)) for _ in range(5)]
    bad = network.signed_call(chain, "alice", "approve", {})
    unsigned = good[0] | {"signature": "00" * 64}
    all_ = [good[0], bad, *good[1:], good[0], unsigned]
    lines = network.bulk(chain, all_, kind)
    assert [line["index"] for line in lines] == list(range(len(all_)))
    outcomes = [line["outcome"] for line in lines]
    assert outcomes == ["committed", "refused", *["committed"] * 5, "refused"]
    assert lines[1]["problem"]["code"] == "non-transferable"
    assert lines[1]["problem"]["detail_zh"]
    assert lines[-1]["problem"]["code"] == "signature-invalid"
    assert (lines[0]["transaction"], lines[0]["height"]) == (lines[6]["transaction"], lines[6]["height"])
    block = network.client("nobody").get(f"/v1/chains/{chain}/blocks/{lines[0]['height']}").json()
    assert block["transactions"][lines[0]["place"]]["receipt"]["transaction"] == lines[0]["transaction"]


def test_a_bulk_sent_again_has_the_same_outcomes(network: RunningNetwork) -> None:
    signed = [network.signed_call("nanjing", "platform", "mint", mint_arguments(network, "nanjing")) for _ in range(20)]
    first = network.bulk("nanjing", signed)
    before = network.standing()
    assert network.bulk("nanjing", signed) == first
    assert network.standing() == before


def test_a_bulk_larger_than_any_frame_is_sent_in_parts(network: RunningNetwork) -> None:
    """Eighty transactions of 250 kB: 20 MB, where a frame holds 16."""
    signed = [network.signed_record("chengdu", "alice", ("ddc721", "approve"), bytes(250_000)) for _ in range(80)]
    data = msgspec.msgpack.encode([encoded_transaction(one) for one in signed])
    answer = network.client().post(
        "/v1/chains/chengdu/transactions:bulk", content=data, headers={"Content-Type": "application/msgpack"}
    )
    codes = [json.loads(line)["problem"]["code"] for line in answer.text.splitlines()]
    assert codes == ["non-transferable"] * 80


def test_a_transaction_that_fails_in_its_block_is_a_problem_with_its_proof(network: RunningNetwork) -> None:
    """Two mints of one token id, both admitted before either is in a block."""
    chain = "nanjing"
    for _ in range(20):
        arguments = mint_arguments(network, chain)
        both = [network.signed_call(chain, "platform", "mint", arguments) for _ in range(2)]
        failed = [line for line in network.bulk(chain, both) if line["outcome"] == "failed"]
        if failed:
            break
    (line,) = failed
    signed = next(
        one
        for one in both
        if network.rules(chain).transaction_id(bytes.fromhex(one["body"])).hex() == line["transaction"]
    )
    answer = network.submit(chain, signed)
    assert (answer.status_code, answer.headers["content-type"]) == (409, "application/problem+json")
    problem = answer.json()
    assert (problem["code"], problem["transaction"]) == ("token-exists", line["transaction"])
    assert problem["receipt"]["succeeded"] is False
    assert problem["proof"]["header"]["height"] == problem["height"]
