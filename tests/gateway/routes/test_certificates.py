"""Certificates over REST in key-trust mode: minted, read, searched, changed, on all ten chains."""

import time
import uuid
from typing import Any

import pytest

from credentials.verifier import verify_bundle
from gateway.services.gateway import now_ms
from tests.gateway.refusals import SCHEMA
from tests.gateway.running import CHAINS, RunningNetwork

pytestmark = pytest.mark.processes


@pytest.mark.parametrize("chain", CHAINS)
def test_a_mint_is_answered_with_everything_that_its_holder_needs(network: RunningNetwork, chain: str) -> None:
    answer = network.client().post("/v1/certificates", json=network.mint_body(chain, valid_until="2099-01-01"))
    assert answer.status_code == 201
    minted = answer.json()
    name = f"{chain}.ddc721.{network.class_of(chain)}.{minted['token']}"
    assert (minted["id"], answer.headers["location"]) == (name, f"/v1/certificates/{name}")
    assert minted["uid"] == f"bsn:{chain}/ddc721:{network.class_of(chain)}/{minted['token']}"
    assert (minted["issuer"], minted["holder"]) == (network.address(chain, "platform"), network.address(chain, "alice"))
    assert (minted["status"], minted["recorded_status"]) == ("active", "active")
    assert minted["valid_until"] == 4_070_908_800_000
    assert minted["document"]["content"] == network.entry(chain)["sample"]
    assert minted["height"] >= 2
    assert len(bytes.fromhex(minted["transaction"])) == 32
    assert minted["proof"]["id"] == minted["uid"]
    for id_ in (minted["id"], minted["uid"]):
        read = network.client("nobody").get(f"/v1/certificates/{id_}").json()
        assert {name: read[name] for name in ("id", "holder", "content_root", "issued_at")} == {
            name: minted[name] for name in ("id", "holder", "content_root", "issued_at")
        }


@pytest.mark.parametrize("chain", CHAINS)
def test_a_certificate_lives_from_mint_to_revocation(network: RunningNetwork, chain: str) -> None:
    id_ = network.mint(chain)["id"]
    steps = [
        ("operator", "freeze", "frozen"),
        ("operator", "unfreeze", "active"),
        ("regulator", "freeze", "frozen"),
        ("platform", "revoke", "revoked"),
    ]
    for tenant, method, status in steps:
        answer = network.client(tenant).post(f"/v1/certificates/{id_}:{method}", json={"reason": "by-the-book"})
        assert (answer.status_code, answer.json()["status"]) == (200, status), answer.text
        height = answer.json()["height"]
    network.wait_indexed(chain, height)
    told = network.client("nobody").get(f"/v1/certificates/{id_}/history").json()
    assert [event["event"] for event in told["events"]] == ["minted", "frozen", "unfrozen", "frozen", "revoked"]
    assert {event["reason"] for event in told["events"][1:]} == {"by-the-book"}
    assert [event["height"] for event in told["events"]] == sorted(event["height"] for event in told["events"])
    verdict = network.client("nobody").post("/v1/verify", json={"id": id_}).json()
    assert (verdict["valid"], verdict["proven"], verdict["status"]) == (False, True, "revoked")


def test_a_reason_need_not_be_given(network: RunningNetwork) -> None:
    id_ = network.mint("wuhan")["id"]
    answer = network.client().post(f"/v1/certificates/{id_}:revoke")
    assert answer.json()["status"] == "revoked"
    network.wait_indexed("wuhan", answer.json()["height"])
    told = network.client().get(f"/v1/certificates/{id_}/history").json()["events"]
    assert told[-1]["reason"] == "unspecified"


def test_a_certificate_is_judged_by_the_clock_and_recorded_by_the_chain(network: RunningNetwork) -> None:
    soon = now_ms() + 800
    expiring = network.mint("anshun", valid_until=soon)
    assert expiring["status"] == "active"
    coming = network.mint("anshun", valid_from="2098-01-01")
    assert (coming["status"], coming["recorded_status"]) == ("not-yet-valid", "active")
    while now_ms() < soon:
        time.sleep(0.02)
    read = network.client().get(f"/v1/certificates/{expiring['id']}").json()
    assert (read["status"], read["recorded_status"]) == ("expired", "active")
    assert read["judged_at"] >= soon > read["time"]


def test_the_same_idempotency_key_answers_the_same_certificate(network: RunningNetwork) -> None:
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    body = network.mint_body("qingdao")
    first, again = (network.client().post("/v1/certificates", json=body, headers=headers) for _ in range(2))
    shuffled = dict(reversed(body.items())) | {"content": dict(reversed(body["content"].items()))}
    third = network.client().post("/v1/certificates", json=shuffled, headers=headers)
    assert first.status_code == again.status_code == third.status_code == 201
    assert {answer.json()["id"] for answer in (again, third)} == {first.json()["id"]}
    assert again.json()["transaction"] == first.json()["transaction"]


def test_a_token_id_may_be_the_issuers_own(network: RunningNetwork) -> None:
    for chain, token in (("wuhan", str(uuid.uuid4().int)), ("zunyi", str(uuid.uuid4()))):
        assert network.mint(chain, token=token)["token"] == token


def test_a_mint_under_a_taken_token_id_leaves_the_first_document_alone(network: RunningNetwork) -> None:
    """Its salts are others: with them in its place, the first could reveal nothing any more."""
    first = network.mint("taian")
    body = network.mint_body("taian", token=first["token"])
    assert network.client().post("/v1/certificates", json=body).json()["code"] == "token-exists"
    read = network.client().get(f"/v1/certificates/{first['id']}").json()
    assert read["document"] == first["document"]


def found(network: RunningNetwork, **filters: Any) -> list[dict[str, Any]]:
    """All pages of a search."""
    entries, cursor = [], 0
    while cursor is not None:
        page = network.client("nobody").get("/v1/certificates", params=filters | {"cursor": cursor, "limit": 3}).json()
        entries += page["certificates"]
        cursor = page["next"]
    return entries


def test_a_search_finds_by_every_field_in_one_order(network: RunningNetwork) -> None:
    chain = "zhongyi"
    made = [network.mint(chain, holder=network.address(chain, "bob")) for _ in range(7)]
    network.client().post(f"/v1/certificates/{made[3]['id']}:revoke").raise_for_status()
    network.wait_indexed(chain, network.client().get(f"/v1/chains/{chain}").json()["height"])
    filters = {"chain": chain, "holder": network.address(chain, "bob"), "class": network.class_of(chain)}
    ids = [entry["id"] for entry in found(network, **filters)]
    assert ids[-7:] == [certificate["id"] for certificate in made]
    revoked = found(network, **filters, status="revoked")
    assert made[3]["id"] in {entry["id"] for entry in revoked}
    assert found(network, **filters, issuer=network.address(chain, "operator")) == []
    assert {entry["recorded_status"] for entry in found(network, status="active", chain=chain)} == {"active"}


def test_a_cursor_holds_while_certificates_are_minted(network: RunningNetwork) -> None:
    chain = "nanjing"
    for _ in range(4):
        network.mint(chain)
    network.wait_indexed(chain, network.client().get(f"/v1/chains/{chain}").json()["height"])
    ask = {"chain": chain, "limit": 2}
    first = network.client().get("/v1/certificates", params=ask).json()
    second = network.client().get("/v1/certificates", params=ask | {"cursor": first["next"]}).json()
    more = network.mint(chain)
    network.wait_indexed(chain, more["height"])
    assert network.client().get("/v1/certificates", params=ask).json() == first
    assert network.client().get("/v1/certificates", params=ask | {"cursor": first["next"]}).json() == second


def test_classes_are_listed_with_their_schemas(network: RunningNetwork) -> None:
    listed = network.client("nobody").get("/v1/classes").json()["classes"]
    shown = {entry["chain"]: entry for entry in listed if entry["class"] == network.class_of(entry["chain"])}
    assert set(shown) == set(CHAINS)
    for chain, entry in shown.items():
        assert entry["issuer"] == network.address(chain, "platform")
        assert set(network.entry(chain)["sample"]) <= set(entry["definition"]["properties"])
    (only,) = [
        entry
        for entry in network.client("nobody").get("/v1/classes", params={"chain": "wuhan"}).json()["classes"]
        if entry["class"] == network.class_of("wuhan")
    ]
    assert only == shown["wuhan"]


def test_a_class_of_ones_own_can_be_minted_at_once(network: RunningNetwork) -> None:
    class_id = f"note-{uuid.uuid4().hex[:8]}"
    schema = {
        "title": "Note",
        "x-title-zh": "便条",
        "type": "object",
        "additionalProperties": False,
        "required": ["text"],
        "properties": {"text": {"type": "string", "title": "Text", "x-title-zh": "文字"}},
    }
    body = {"chain": "wenchang", "class": class_id, "name_en": "Note", "name_zh": "便条", "schema": schema}
    answer = network.client().post("/v1/classes", json=body, headers={"Idempotency-Key": class_id})
    assert (answer.status_code, answer.headers["location"]) == (201, "/v1/classes?chain=wenchang")
    assert len(bytes.fromhex(answer.json()["schema"])) == 32
    assert network.client().post("/v1/classes", json=body, headers={"Idempotency-Key": class_id}).status_code == 201
    minted = network.mint("wenchang", **{"class": class_id}, content={"text": "hello 你好"})
    assert minted["document"]["content"] == {"text": "hello 你好"}


def test_a_class_may_ask_its_holders_for_acceptance(network: RunningNetwork) -> None:
    class_id, chain = f"note-{uuid.uuid4().hex[:8]}", "zunyi"
    body = {"chain": chain, "class": class_id, "name_en": "Note", "name_zh": "便条", "schema": SCHEMA}
    rules = {"acceptance": True, "attributes": 2, "validity_ms_max": 10**12}
    made = network.client().post("/v1/classes", json=body | {"rules": rules}).json()
    defaults = {"burn_authorisation": 2, "issuer_revokes": False, "rebind_wait_ms": 86_400_000}
    assert (made["standard"], made["rules"]) == (721, defaults | rules)
    network.wait_indexed(chain, made["height"])
    listed = network.client("nobody").get("/v1/classes", params={"chain": chain}).json()["classes"]
    (entry,) = (entry for entry in listed if entry["class"] == class_id)
    assert (entry["standard"], entry["rules"]) == (721, defaults | rules)

    minted = network.mint(chain, **{"class": class_id}, content={}, valid_until=now_ms() + 10**9)
    assert (minted["status"], minted["recorded_status"], minted["burn_authorisation"]) == ("offered", "offered", 2)
    assert network.client().post("/v1/verify", json={"id": minted["id"]}).json()["reasons"] == ["not-active: offered"]
    held = {"class_id": class_id, "token": minted["token"]}
    for method, more in (("accept", {}), ("setAttribute", {"name": "grade", "value": "A"})):
        answer = network.submit(chain, network.signed_call(chain, "alice", method, held | more))
        assert answer.status_code == 200, answer.text
    read = network.client().get(f"/v1/certificates/{minted['id']}").json()
    assert (read["status"], read["attributes"], read["user"], read["locked"]) == ("active", {"grade": "A"}, None, False)
    network.wait_indexed(chain, read["height"])
    told = network.client("nobody").get(f"/v1/certificates/{minted['id']}/history").json()["events"]
    assert [event["event"] for event in told] == ["minted", "accepted", "attribute-set"]
    assert [entry["recorded_status"] for entry in found(network, chain=chain, **{"class": class_id})] == ["active"]


@pytest.mark.parametrize("chain", CHAINS)
def test_the_proof_that_comes_with_a_mint_convinces_a_stranger(network: RunningNetwork, chain: str) -> None:
    minted = network.mint(chain)
    bundle = network.client().get(f"/v1/certificates/{minted['id']}/proof").content
    verdict = verify_bundle(bundle, network.genesis, network.gateway.profiles, now=now_ms())
    assert (verdict.valid, verdict.height) == (True, minted["height"])
    assert dict(verdict.revealed) == dict.fromkeys(verdict.revealed) | network.entry(chain)["sample"]
