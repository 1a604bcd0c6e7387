"""Proofs and documents: who may see what, what a stranger believes, and that no changed bit is believed."""

import asyncio
import json
import random
from typing import Any

import httpx
import pytest

from credentials.verifier import Reason, Verdict, verify_bundle
from gateway.services.certificates import MintOrder, bundle_of, mint
from gateway.services.gateway import now_ms
from tests.gateway.memory_network import CLASS, MemoryNetwork, close, define
from tests.gateway.running import CHAINS, RunningNetwork

pytestmark = pytest.mark.processes
JSON = {"Content-Type": "application/json"}
BITS = 400
"""How many bits are flipped; every single one is flipped where bundles are verified offline."""


def proof(network: RunningNetwork, id_: str, tenant: str = "platform", **parameters: str) -> httpx.Response:
    return network.client(tenant).get(f"/v1/certificates/{id_}/proof", params=parameters)


def verdict_of(network: RunningNetwork, bundle: bytes) -> Verdict:
    return verify_bundle(bundle, network.genesis, network.gateway.profiles, now=now_ms())


@pytest.mark.parametrize("chain", CHAINS)
def test_a_proof_reveals_what_is_asked_for_and_nothing_else(network: RunningNetwork, chain: str) -> None:
    id_ = network.mint(chain)["id"]
    sample = network.entry(chain)["sample"]
    some = sorted(sample)[:2]
    for reveal, expected in (("all", set(sample)), ("none", set()), (",".join(some), set(some)), (some[0], {some[0]})):
        answer = proof(network, id_, reveal=reveal)
        assert answer.status_code == 200
        verdict = verdict_of(network, answer.content)
        assert verdict.valid
        told = {name: value for name, value in verdict.revealed.items() if value is not None}
        assert told == {name: sample[name] for name in expected}
        assert all(
            str(value) not in answer.text for name, value in sample.items() if name not in expected and secret(value)
        )


def secret(value: Any) -> bool:
    """Whether a value is long enough not to stand in a proof by chance."""
    return isinstance(value, str) and len(value) > 9


def test_without_a_key_a_proof_reveals_nothing_but_proves_all_the_same(network: RunningNetwork) -> None:
    id_ = network.mint("wuhan")["id"]
    for tenant in ("nobody", "operator", "regulator"):
        verdict = verdict_of(network, proof(network, id_, tenant).content)
        assert (verdict.valid, dict(verdict.revealed)) == (True, {})
    assert verdict_of(network, proof(network, id_).content).revealed


def test_the_bytes_of_a_proof_are_canonical(network: RunningNetwork) -> None:
    answer = proof(network, network.mint("wuhan")["id"])
    assert answer.headers["content-type"] == "application/json"
    assert json.dumps(
        json.loads(answer.content), separators=(",", ":"), sort_keys=True, ensure_ascii=False
    ).encode() == (answer.content)


def test_a_document_is_shown_to_issuer_and_holder_alone(network: RunningNetwork) -> None:
    minted = network.mint("wuhan")
    path = f"/v1/certificates/{minted['id']}"
    assert network.client().get(path).json()["document"] == minted["document"]
    for tenant in ("nobody", "operator", "regulator"):
        assert "document" not in network.client(tenant).get(path).json()
    for tenant, code in (("operator", "document-forbidden"), ("nobody", "document-forbidden")):
        assert proof(network, minted["id"], tenant, reveal="all").json()["code"] == code
    frozen = network.client("operator").post(f"{path}:freeze").json()
    assert frozen["document"] is None
    assert all(set(entry) == {"leaf"} or "value" not in entry for entry in frozen["proof"]["content"])


def test_the_key_of_the_holder_alone_reads_and_erases(network: RunningNetwork) -> None:
    minted = network.mint("zunyi", holder=network.address("zunyi", "bob"))
    path = f"/v1/certificates/{minted['id']}"
    holder, stranger, elsewhere = (
        {"Authorization": f"Bearer {network.new_api_key(tenant, chain, person)}"}
        for tenant, chain, person in (("bob", "zunyi", "bob"), ("carol", "zunyi", "alice"), ("dave", "wuhan", "bob"))
    )
    nobody = network.client("nobody")
    assert nobody.get(path, headers=holder).json()["document"] == minted["document"]
    for headers in (stranger, elsewhere):
        assert "document" not in nobody.get(path, headers=headers).json()
        assert nobody.delete(f"{path}/document", headers=headers).json()["code"] == "document-forbidden"
    assert nobody.delete(f"{path}/document", headers=holder).status_code == 204


def test_an_erased_document_is_gone_and_the_ledger_stays_valid(network: RunningNetwork) -> None:
    minted = network.mint("chengdu")
    path = f"/v1/certificates/{minted['id']}"
    assert network.client("nobody").delete(f"{path}/document").json()["code"] == "api-key-missing"
    assert network.client().delete(f"{path}/document").status_code == 204
    assert "document" not in network.client().get(path).json()
    assert network.client().delete(f"{path}/document").json()["code"] == "document-unknown"
    assert proof(network, minted["id"], reveal="all").json()["code"] == "document-unknown"
    assert verdict_of(network, proof(network, minted["id"]).content).valid
    held = json.dumps(minted["proof"], separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()
    verdict = verdict_of(network, held)
    assert verdict.valid, "whoever holds the proof of old still proves every field"
    assert dict(verdict.revealed) == dict.fromkeys(verdict.revealed) | minted["document"]["content"]


def verify(network: RunningNetwork, body: Any) -> httpx.Response:
    return network.client("nobody").post("/v1/verify", json=body)


def test_a_certificate_is_verified_by_either_form_of_its_id_or_by_a_bundle(network: RunningNetwork) -> None:
    minted = network.mint("yanan")
    for body in ({"id": minted["id"]}, {"id": minted["uid"]}, {"bundle": minted["proof"]}):
        verdict = verify(network, body).json()
        assert (verdict["valid"], verdict["status"], verdict["reasons"]) == (True, "active", [])
        assert verdict["height"] >= minted["height"]
    assert verify(network, {"bundle": minted["proof"]}).json()["revealed"]


def test_freshness_is_asked_for(network: RunningNetwork) -> None:
    minted = network.mint("anshun")
    old = verify(network, {"bundle": minted["proof"], "max_age": 0}).json()
    assert (old["valid"], old["proven"], old["reasons"]) == (False, True, [Reason.TOO_OLD])
    fresh = verify(network, {"id": minted["id"], "max_age": 60}).json()
    assert fresh["valid"]
    touched = verify(network, {"id": minted["id"], "max_age": 0}).json()
    assert touched["proven"], "a head that is too young to be touched again is as fresh as it gets"


def test_no_changed_bit_of_a_bundle_is_believed(network: RunningNetwork) -> None:
    bundle = proof(network, network.mint("qingdao")["id"], reveal="all").content
    assert (
        network.client("nobody").post("/v1/verify", content=b'{"bundle":' + bundle + b"}", headers=JSON).json()["valid"]
    )
    before = network.standing()
    for bit in random.Random(7).sample(range(8 * len(bundle)), BITS):
        changed = bytearray(bundle)
        changed[bit // 8] ^= 1 << bit % 8
        answer = network.client("nobody").post("/v1/verify", content=b'{"bundle":' + changed + b"}", headers=JSON)
        if answer.status_code == 200:
            verdict = answer.json()
            assert (verdict["valid"], verdict["proven"]) == (False, False), bit
            assert verdict["reasons"]
        else:
            assert answer.json()["code"] in ("body-malformed", "bundle-malformed"), answer.text
    assert network.standing() == before


def test_a_bundle_of_another_network_proves_nothing_here(network: RunningNetwork, memory: MemoryNetwork) -> None:
    async def minted_elsewhere() -> dict[str, Any]:
        gateway = memory.open()
        tenant = await memory.tenant(gateway)
        await define(gateway, tenant)
        order = MintOrder(
            chain_id="wuhan", class_id=CLASS, holder=memory.address("wuhan", "alice"), content={"name": "李雷"}
        )
        changed = await mint(gateway, tenant, order, None)
        await close(gateway)
        return bundle_of(changed.proven, ()).members()

    before = network.standing()
    foreign = asyncio.run(minted_elsewhere())
    verdict = verify(network, {"bundle": foreign}).json()
    assert (verdict["valid"], verdict["proven"]) == (False, False)
    assert verdict["reasons"][0].startswith(Reason.NETWORK_DIFFERS)
    renamed = foreign | {"network_id": network.document["network_id"]}
    assert verify(network, {"bundle": renamed}).json()["reasons"][0].startswith(Reason.HEADER_INVALID)
    assert network.standing() == before


def test_what_is_no_bundle_is_said_to_be_none(network: RunningNetwork) -> None:
    for bundle in ({}, {"format": "certnet-bundle/2"}, network.mint("wuhan")["proof"] | {"more": 1}):
        verdict = verify(network, {"bundle": bundle}).json()
        assert verdict["reasons"][0].startswith(Reason.BUNDLE_MALFORMED)
