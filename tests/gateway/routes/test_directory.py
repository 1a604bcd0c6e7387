"""One search over ten chains, on a network that runs: classes, DIDs, certificates, by anything that names one."""

import uuid
from typing import Any

import pytest

from tests.gateway.refusals import SCHEMA
from tests.gateway.running import RunningNetwork

pytestmark = pytest.mark.processes
CONTENT = {"text": "to be found"}


def found(network: RunningNetwork, q: str = "", **more: Any) -> dict[str, Any]:
    answer = network.client("nobody").get("/v1/directory", params={"q": q, **more})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


@pytest.fixture(scope="module")
def class_id(network: RunningNetwork) -> str:
    """One class on two chains."""
    named = f"d-{uuid.uuid4().hex[:12]}"
    for chain in ("wenchang", "zunyi"):
        body = {"chain": chain, "class": named, "name_en": f"Findable {named}", "name_zh": "可寻", "schema": SCHEMA}
        answer = network.client().post("/v1/classes", json=body)
        assert answer.status_code == 201, answer.text
    return named


def mint(network: RunningNetwork, chain: str, class_id: str) -> dict[str, Any]:
    body = {"chain": chain, "class": class_id, "holder": network.address(chain, "alice"), "content": CONTENT}
    answer = network.client().post("/v1/certificates", json=body)
    assert answer.status_code == 201, answer.text
    network.wait_indexed(chain, answer.json()["height"])
    return dict(answer.json())


def did_of(network: RunningNetwork, chain: str, person: str) -> str:
    entry = next(one for one in network.document["chains"] if one["id"] == chain)
    return str(entry["accounts"][person]["did"])


def test_a_class_is_found_by_its_id_and_part_of_its_name_with_its_issuer(
    network: RunningNetwork, class_id: str
) -> None:
    mint(network, "zunyi", class_id)
    for q in (class_id, class_id.upper(), f"findable {class_id[:6]}", f"bsn:zunyi/ddc721:{class_id}"):
        classes = [one for one in found(network, q)["classes"] if one["class"] == class_id]
        assert {one["chain"] for one in classes} >= {"zunyi"}, q
        for one in classes:
            assert one["uid"] == f"bsn:{one['chain']}/ddc721:{class_id}"
            assert one["issuer_did"] == did_of(network, one["chain"], "platform")
    assert found(network, class_id, chain="taian")["classes"] == []


def test_a_did_is_found_with_its_accounts_on_all_chains_and_what_they_hold(
    network: RunningNetwork, class_id: str
) -> None:
    held = {mint(network, chain, class_id)["id"] for chain in ("wenchang", "zunyi")}
    did = did_of(network, "wenchang", "alice")
    answer = found(network, did, limit=200)
    (own,) = [one for one in answer["dids"] if one["did"] == did]
    accounts = {one["chain"]: one["address"] for one in own["accounts"]}
    assert accounts["wenchang"] == network.address("wenchang", "alice")
    assert accounts["zunyi"] == network.address("zunyi", "alice")
    assert len(accounts) == 10
    assert held <= {one["id"] for one in answer["certificates"]}
    listed = network.client("nobody").get("/v1/certificates", params={"holder_did": did, "class": class_id}).json()
    assert held <= {one["id"] for one in listed["certificates"]}
    assert {one["chain"] for one in listed["certificates"]} == {"wenchang", "zunyi"}
    issued = {"issuer_did": did_of(network, "wenchang", "platform"), "class": class_id}
    by_issuer = network.client("nobody").get("/v1/certificates", params=issued).json()["certificates"]
    assert held <= {one["id"] for one in by_issuer}


def test_an_address_of_any_chain_names_its_did(network: RunningNetwork) -> None:
    for chain in ("wenchang", "zunyi", "zhongyi", "chengdu"):
        answer = found(network, network.address(chain, "alice"))
        assert [one["did"] for one in answer["dids"]] == [did_of(network, chain, "alice")]


def test_a_certificate_is_found_by_id_uid_and_token(network: RunningNetwork, class_id: str) -> None:
    for chain in ("wenchang", "zunyi"):
        minted = mint(network, chain, class_id)
        for q in (minted["id"], minted["uid"], minted["id"].rsplit(".", 1)[1]):
            assert [one["id"] for one in found(network, q)["certificates"]] == [minted["id"]], q
        assert found(network, minted["id"], chain="taian")["certificates"] == []


def test_without_a_word_every_class_and_did_is_listed_with_what_it_issues(
    network: RunningNetwork, class_id: str
) -> None:
    mint(network, "zunyi", class_id)
    everything = found(network, limit=200)
    assert class_id in {one["class"] for one in everything["classes"]}
    assert everything["certificates"] == []
    platform = did_of(network, "zunyi", "platform")
    issuer = next(one for one in everything["dids"] if one["did"] == platform)
    assert {"chain": "zunyi", "class": class_id} in issuer["issues"]
    assert found(network, limit=1)["more"]
    assert len(found(network, limit=1)["dids"]) == 1


def test_a_new_account_and_one_that_joins_its_did_later_are_found(network: RunningNetwork) -> None:
    answer = network.client().post("/v1/accounts", json={"chain": "taian"})
    assert answer.status_code == 201, answer.text
    account = answer.json()
    network.wait_indexed("taian", account["height"])
    (own,) = found(network, account["address"])["dids"]
    assert own["accounts"] == [{"chain": "taian", "address": account["address"]}]


def test_what_names_nothing_finds_nothing_and_a_chain_that_is_none_is_refused(network: RunningNetwork) -> None:
    nothing = {"classes": [], "dids": [], "certificates": [], "more": False}
    for q in ("did:bsn:" + "00" * 20, "no such thing at all", "%", "'; DROP TABLE accounts; --"):
        assert found(network, q) == nothing
    refused = network.client("nobody").get("/v1/directory", params={"chain": "atlantis"})
    assert refused.json()["code"] == "chain-unknown"
    assert network.client("nobody").get("/v1/directory", params={"q": "x" * 201}).status_code == 400
    bad = network.client("nobody").get("/v1/certificates", params={"holder_did": "alice"})
    assert bad.json()["code"] == "parameter-malformed"
