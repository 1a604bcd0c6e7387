"""Every way to be wrong has its own documented problem, in two languages, and changes nothing."""

import re
from typing import Any

import httpx
import pytest

from contracts.clients import HEADER_CODES
from gateway.errors import PROBLEMS
from tests.gateway import (
    refused_accounts,
    refused_calls,
    refused_certificates,
    refused_changes,
    refused_crossings,
    refused_deposits,
    refused_editions,
    refused_fees,
    refused_requests,
    refused_rights,
    refused_statements,
)
from tests.gateway.refusals import CASES, CHAIN
from tests.gateway.running import CHAINS, RunningNetwork

pytestmark = pytest.mark.processes
CHINESE = re.compile(r"[\u4e00-\u9fff]")
TRANSFERS = (
    "transferFrom",
    "safeTransferFrom",
    "batchTransferFrom",
    "safeBatchTransferFrom",
    "metaTransferFrom",
    "metaSafeTransferFrom",
    "approve",
    "setApprovalForAll",
)
OF_THE_OPERATION = {
    "refused-by-chain": "a code of a newer chain, which this gateway has no sentence for",
    "read-only": "no passphrase",
    "vault-unusable": "a full disk",
    "no-node": "no node",
    "node-not-believed": "a lying node",
    "not-final": "a slow network",
    "primary-unreachable": "a dead primary, until it is replaced",
    "view-change": "a dead primary, until it is replaced",
    "votes-forgotten": "wiped nodes",
    "no-quorum": "dead nodes",
    "chain-busy": "a flood",
    "gateway-busy": "a flood",
    "queue-full": "a flood",
    "pool-full": "a flood",
    "height-out-of-reach": "no path asks for the state at a height yet",
    "height-pruned": "ten thousand blocks",
    "internal": "our own fault",
    "too-many-listeners": "a crowd",
    "change-pending": "the signatures of the replicas",
    "changes-too-frequent": "the signatures of the replicas",
    "no-live-quorum": "more than four replicas",
    "evidence-known": "a guilty replica",
    "evidence-expired": "a thousand blocks",
}
"""Codes that no request brings about by itself; each is tested where its cause can be made."""
OF_OTHER_CHAINS = {
    **dict.fromkeys(
        (*HEADER_CODES, "header-too-old", "fork-not-shown"), "a header of another chain, or what was made of one"
    ),
    **dict.fromkeys(("proof-invalid", "arrival-of-other-packet", "time-out-too-early"), "a proof from another chain"),
    **dict.fromkeys(
        ("packet-of-other-chain", "packet-out-of-order", "packet-received", "packet-unknown"),
        "a packet of another chain",
    ),
    **dict.fromkeys(("mirror-exists", "mirror-newer", "mirror-unknown"), "a proof from another chain"),
    **dict.fromkeys(("requirement-not-held", "requirement-not-followed"), "a certificate of another chain"),
    **dict.fromkeys(("certificate-follows-others", "certificate-suspended"), "a certificate of another chain"),
    **dict.fromkeys(("client-frozen", "client-not-frozen", "restart-repeats"), "a fork of another chain"),
    "fate-told": "a confirmed move",
    "packet-without-deadline": "a fate on its way",
    "relays-too-many": "hundreds of proofs from another chain in one block",
    "transfer-exists": "two moves of one certificate in one block",
    "nothing-to-show": "a chain without blocks",
}
"""Codes of work between chains: each is met in tests/contracts and tests/interop, where chains fork, move and prove."""


def assert_problem(network: RunningNetwork, answer: httpx.Response, code: str) -> dict[str, Any]:
    """The answer is the problem of that code, whole and documented; its document."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem = dict(answer.json())
    assert problem["code"] == code, problem
    kind = PROBLEMS[code]
    assert (answer.status_code, problem["status"], problem["title"]) == (kind.status, kind.status, kind.title)
    assert problem["detail"].endswith(kind.next_step)
    assert problem["detail_zh"].endswith(kind.next_step_zh)
    assert CHINESE.search(problem["detail_zh"])
    assert "{" not in kind.next_step
    assert not re.search(r"(^|\s)\?([\s,.]|$)", problem["detail"]), "a value of the sentence is missing"
    page = network.client("nobody").get(problem["type"])
    assert (page.status_code, page.json()["code"], page.json()["status"]) == (200, code, kind.status)
    return problem


@pytest.mark.parametrize("name", CASES)
def test_a_refusal_has_its_own_problem_and_changes_nothing(network: RunningNetwork, name: str) -> None:
    code, prepare = CASES[name]
    request = prepare(network)
    try:
        before = network.standing()
        assert_problem(network, request.send(network), code)
        assert network.standing() == before
    finally:
        if request.undo is not None:
            request.undo()


def test_the_table_has_every_problem_that_a_request_can_bring_about() -> None:
    assert all(
        (
            refused_accounts,
            refused_calls,
            refused_certificates,
            refused_changes,
            refused_crossings,
            refused_deposits,
            refused_editions,
            refused_fees,
            refused_requests,
            refused_rights,
            refused_statements,
        )
    )
    assert {code for code, _ in CASES.values()} == set(PROBLEMS) - set(OF_THE_OPERATION) - set(OF_OTHER_CHAINS)


@pytest.mark.parametrize("chain", CHAINS)
def test_an_address_of_another_chain_is_refused_wherever_one_is_taken(network: RunningNetwork, chain: str) -> None:
    """Chains that write addresses alike (0x and 40 digits) cannot tell them apart; there it names nobody."""
    codec = network.rules(chain).addresses
    before = network.standing()
    foreign = 0
    for other in CHAINS:
        address = network.address(other, "alice")
        if other == chain or codec.name == network.rules(other).addresses.name:
            continue
        looks_alike = codec.example.startswith("0x") and address.startswith("0x")
        codes = ("holder-unknown", "account-not-found") if looks_alike and address == address.lower() else ()
        foreign += not codes
        mint = network.client().post("/v1/certificates", json=network.mint_body(chain, holder=address))
        assert_problem(network, mint, _one_of(mint, codes[:1], "address-malformed"))
        read = network.client().get(f"/v1/chains/{chain}/accounts/{address}")
        assert_problem(network, read, _one_of(read, codes[1:], "address-malformed"))
        body = {"sender": address, "contract": "system", "method": "touch", "arguments": {}}
        encoded = network.client().post(f"/v1/chains/{chain}/transactions:encode", json=body)
        if not codes:
            assert_problem(network, encoded, "address-malformed")
    assert foreign >= 6
    assert network.standing() == before


def _one_of(answer: httpx.Response, codes: tuple[str, ...], default: str) -> str:
    """The code of the answer if it is one of `codes`; else the one that it must have."""
    return answer.json()["code"] if answer.json()["code"] in codes else default


@pytest.mark.parametrize("chain", CHAINS)
def test_no_method_of_transfer_or_approval_ever_succeeds(network: RunningNetwork, chain: str) -> None:
    """Signed by the holder, with arguments and without: the certificate stays where it is."""
    minted = network.mint(chain)
    before = network.standing()
    for method in TRANSFERS:
        for arguments in (
            {},
            {"from": minted["holder"], "to": network.address(chain, "bob"), "token": minted["token"]},
        ):
            answer = network.submit(chain, network.signed_call(chain, "alice", method, arguments))
            assert_problem(network, answer, "non-transferable")
    assert network.standing() == before
    read = network.client().get(f"/v1/certificates/{minted['id']}").json()
    assert (read["holder"], read["status"]) == (minted["holder"], "active")


@pytest.mark.parametrize("chain", CHAINS)
def test_the_signature_of_another_chain_is_no_signature_here(network: RunningNetwork, chain: str) -> None:
    signed = network.signed_call(chain, "alice", "transferFrom", {})
    before = network.standing()
    for other in CHAINS:
        if other == chain:
            continue
        assert_problem(network, network.submit(other, signed), "wrong-chain")
        message = network.rules(other).transaction_id(bytes.fromhex(signed["body"]))
        forged = signed | {"signature": network.key_pair(chain, "alice").sign(message).hex()}
        assert_problem(network, network.submit(chain, forged), "signature-invalid")
    assert network.standing() == before


@pytest.mark.parametrize("chain", CHAINS)
def test_a_replayed_transaction_has_its_first_outcome_and_no_second_block(network: RunningNetwork, chain: str) -> None:
    token = network.mint(chain)["token"]
    arguments = {"class_id": network.class_of(chain), "token": token, "reason": "replayed"}
    signed = network.signed_call(chain, "platform", "revoke", arguments)
    first = network.submit(chain, signed)
    assert first.status_code == 200
    before = network.standing()
    again = [network.submit(chain, signed) for _ in range(3)]
    assert {answer.status_code for answer in again} == {200}
    for answer in again:
        assert {name: answer.json()[name] for name in ("transaction", "height", "place", "receipt")} == {
            name: first.json()[name] for name in ("transaction", "height", "place", "receipt")
        }
    assert network.standing() == before
    hits = network.rows("SELECT height FROM transactions WHERE id = ?", bytes.fromhex(first.json()["transaction"]))
    assert hits == [(first.json()["height"],)]


def test_a_path_that_takes_another_method_says_which(network: RunningNetwork) -> None:
    answer = network.client().put("/v1/certificates")
    assert {method.strip() for method in answer.headers["allow"].split(",")} <= {"GET", "POST"}


def test_whoever_brings_no_key_is_told_how(network: RunningNetwork) -> None:
    answer = network.client("nobody").post("/v1/certificates", json=network.mint_body(CHAIN))
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_refusal_says_every_field_that_is_wrong(network: RunningNetwork) -> None:
    answer = network.client().post("/v1/certificates", json=network.mint_body(CHAIN, content={"colour": "red"}))
    fields = answer.json()["fields"]
    assert fields[0]["field"] == "colour"
    assert len(fields) > 3
    assert all(CHINESE.search(fault["problem_zh"]) and not CHINESE.search(fault["problem"]) for fault in fields)
    answer = network.client().post("/v1/certificates", json={"chain": 7})
    assert {fault["field"] for fault in answer.json()["fields"]} == {
        "body.chain",
        "body.class",
        "body.holder",
        "body.content",
    }


def test_the_answer_to_very_many_faults_is_short(network: RunningNetwork) -> None:
    content = {f"field{number}": number for number in range(20_000)}
    answer = network.client().post("/v1/certificates", json=network.mint_body(CHAIN, content=content))
    assert_problem(network, answer, "content-invalid")
    assert len(answer.content) < 50_000
    answer = network.client().post("/v1/verify", json={"bundle": {"number": int("1" * 4_000)}})
    assert_problem(network, answer, "bundle-malformed")
    assert len(answer.content) < 5_000
