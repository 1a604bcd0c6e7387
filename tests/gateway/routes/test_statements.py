"""Statements and drafts over REST: what is answered goes as it is into the calls that need it, and the chain takes it."""

from typing import Any

import pytest

from chain.did import BaseDocument
from gateway.services.gateway import now_ms
from tests.chain.small_genesis import did_of
from tests.gateway.memory_chain import CHAIN_IDS
from tests.gateway.memory_network import CLASS, MemoryNetwork
from tests.gateway.rest_play import CONTENT, Rest, tell
from tests.gateway.statement_play import DID_SCHEME, EDITIONS

ALICE = f"did:bsn:{did_of('alice').hex()}"
MEMBERS = ["chain", "kind", "signed_by", "key", "signature_scheme", "good_on", "digest", "body", "statement"]
OWN = DID_SCHEME.key_pair(b"o" * 32)


def at(rest: Rest) -> str:
    return f"/v1/chains/{rest.chain}/statements"


async def call(
    rest: Rest, contract: str, method: str, arguments: dict[str, Any], tenant: str = "platform"
) -> dict[str, Any]:
    """A call with a kept key that takes effect."""
    return await rest.do(f"/v1/chains/{rest.chain}/contracts/{contract}/{method}", {"arguments": arguments}, tenant)


async def draft(rest: Rest, **changed: Any) -> dict[str, Any]:
    body = {"chain": rest.chain, "class": CLASS, "holder": rest.name("alice"), "content": CONTENT}
    return await rest.do("/v1/certificates:draft", body | changed)


@pytest.mark.parametrize("chain", CHAIN_IDS)
def test_a_certificate_that_two_must_sign_is_issued(
    memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch, chain: str
) -> None:
    async def story(rest: Rest) -> None:
        await rest.define()
        signatories = [rest.name("operator"), rest.name("rival")]
        await call(rest, "classes", "setSignatories", {"class_id": CLASS, "threshold": 2, "signatories": signatories})
        drawn, deadline = await draft(rest), now_ms() + 60_000
        body = {"kind": "issue", "class_id": CLASS, "items": [drawn["item"]], "deadline": deadline}
        found = [
            await rest.do(at(rest), body | {"signer": rest.name(person)}, person) for person in ("operator", "rival")
        ]
        assert list(found[0]) == [*MEMBERS, "items", "place", "signatures"]
        assert [(one["signed_by"], one["place"]) for one in found] == [(signatories[0], 0), (signatories[1], 1)]
        signed = {"signers": [0, 1], "signatures": [one["signatures"]["signature"] for one in found]}
        together = {"class_id": CLASS, "items": found[0]["items"], "deadline": deadline} | signed
        await call(rest, "ddc721", "mintSigned", together)
        read = await rest.get(f"/v1/certificates/{rest.chain}.ddc721.{CLASS}.{drawn['token']}", "platform")
        assert (read["content_root"], read["document"]) == (drawn["content_root"], drawn["document"])

    tell(memory, monkeypatch, story, chain)


@pytest.mark.parametrize("chain", CHAIN_IDS)
def test_a_certificate_that_signatories_signed_is_reissued_with_their_signatures(
    memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch, chain: str
) -> None:
    async def story(rest: Rest) -> None:
        await rest.define()
        old, drawn = await rest.mint(), await draft(rest)
        signatories = {"class_id": CLASS, "threshold": 1, "signatories": [rest.name("operator")]}
        await call(rest, "classes", "setSignatories", signatories)
        path = f"/v1/certificates/{rest.chain}.ddc721.{CLASS}"
        body = {"content": CONTENT, "reason": "misspelt"}
        assert await rest.refused(f"{path}.{old['token']}:reissue", body) == "signatures-required"
        issue = {"kind": "issue", "class_id": CLASS, "items": [drawn["item"]], "deadline": now_ms() + 60_000}
        place = {"supersedes": old["token"], "reason": "misspelt"}
        stated = await rest.do(at(rest), issue | place | {"signer": rest.name("operator")}, "operator")
        assert stated["statement"].items() >= place.items()
        arguments = {"class_id": CLASS, "token": old["token"], "holder": None, "item": stated["items"][0]}
        signed = {"signers": [stated["place"]], "signatures": [stated["signatures"]["signature"]]}
        together = {"reason": "misspelt", "deadline": issue["deadline"], **signed}
        await call(rest, "ddc721", "reissueSigned", arguments | together)
        new = await rest.get(f"{path}.{drawn['token']}", "platform")
        assert (new["supersedes"], new["document"]) == (old["token"], drawn["document"])
        was = await rest.get(f"{path}.{old['token']}", "platform")
        assert (was["status"], was["superseded_by"]) == ("revoked", drawn["token"])

    tell(memory, monkeypatch, story, chain)


@pytest.mark.parametrize("chain", CHAIN_IDS)
def test_a_holder_signs_and_somebody_else_pays(
    memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch, chain: str
) -> None:
    async def story(rest: Rest) -> None:
        await rest.define()
        drawn = await draft(rest)
        arguments = {"class_id": CLASS, "item": drawn["item"], "data": ""}
        body = {"kind": "meta", "contract": "ddc721", "method": "metaMint", "signer": rest.name("alice")}
        stated = await rest.do(at(rest), body | {"arguments": arguments})
        assert list(stated) == [*MEMBERS, "arguments", "signatures"]
        assert stated["arguments"]["signed"]["signature"] == stated["signatures"]["signature"]
        await call(rest, "ddc721", "metaMint", stated["arguments"])
        burn = {"class_id": CLASS, "token": drawn["token"], "holder": None, "reason": "by-request"}
        again = await rest.do(at(rest), body | {"method": "metaBurn", "arguments": burn})
        assert again["statement"]["counter"] == stated["statement"]["counter"] + 1 == 2
        await call(rest, "ddc721", "metaBurn", again["arguments"])

    tell(memory, monkeypatch, story, chain)


def test_a_did_is_rotated_and_serves(memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(rest: Rest) -> None:
        stated = await rest.do(at(rest), {"kind": "rotation", "did": ALICE})
        assert list(stated) == [*MEMBERS, "signatures"]
        assert set(stated["signatures"]) == {"signature", "possession"}
        await call(rest, "did", "rotate", {"rotation": stated["statement"]} | stated["signatures"])
        service = {"kind": "service-change", "did": ALICE, "service": "verify", "endpoint": "https://alice.example/"}
        stated = await rest.do(at(rest), service)
        await call(rest, "did", "setService", {"change": stated["statement"]} | stated["signatures"])
        read = await rest.get(f"/v1/chains/{rest.chain}/contracts/did/service", did=ALICE, service="verify")
        assert read["value"] == "https://alice.example/"

    tell(memory, monkeypatch, story)


def test_a_did_of_ones_own_is_made_known_with_ones_own_signature(
    memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(rest: Rest) -> None:
        base = {"home": rest.chain, "authentication": OWN.public_key.hex(), "recovery": OWN.public_key.hex()}
        assert await rest.refused(at(rest), {"kind": "creation", "base": base}) == "key-not-kept"
        stated = await rest.do(at(rest), {"kind": "creation", "base": base, "sign": False})
        assert list(stated) == [*MEMBERS, "base"]
        did = BaseDocument(home=rest.chain, authentication=OWN.public_key, recovery=OWN.public_key).did
        assert (stated["signed_by"], stated["signature_scheme"]) == (f"did:bsn:{did.hex()}", "secp256k1")
        signature = OWN.sign(bytes.fromhex(stated["digest"])).hex()
        await call(rest, "did", "create", {"base": stated["base"], "signature": signature})

    tell(memory, monkeypatch, story)


def test_a_rebind_is_asked_for_and_objected_to(memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(rest: Rest) -> None:
        await rest.define()
        token, to = (await rest.mint())["token"], await rest.settle("carol", did=ALICE)
        of = {"class_id": CLASS, "token": token}
        held = {"did": ALICE, "contract": "ddc721", **of, "holder": rest.name("alice")}
        stated = await rest.do(at(rest), {"kind": "rebinding", **held, "to": to})
        asked = {"to": to, "did_sequence": stated["statement"]["sequence"]}
        await call(rest, "ddc721", "requestRebind", of | asked | stated["signatures"], "rival")
        stated = await rest.do(at(rest), {"kind": "objection", **held})
        assert (stated["key"], stated["statement"]["to"]) == ("recovery", to)
        await call(rest, "ddc721", "objectRebind", of | stated["signatures"], "rival")

    tell(memory, monkeypatch, story)


def test_a_draft_of_an_edition_creates_it(memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(rest: Rest) -> None:
        names = {"name_en": "Degree", "name_zh": "学位", "schema": (await _schema(rest))}
        await rest.do("/v1/classes", {"chain": rest.chain, "class": EDITIONS, **names, "standard": 1155})
        drawn = await draft(rest, **{"class": EDITIONS, "holder": None})
        await call(rest, "ddc1155", "createEdition", drawn["item"])

    tell(memory, monkeypatch, story)


async def _schema(rest: Rest) -> dict[str, Any]:
    await rest.define()
    await rest.index()
    (listed,) = (await rest.get("/v1/classes", chain=rest.chain))["classes"]
    return dict(listed["definition"])


def test_a_draft_is_erased_once(memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(rest: Rest) -> None:
        await rest.define()
        drawn = await draft(rest)
        assert list(drawn) == ["chain", "class", "token", "content_root", "item", "document"]
        path = f"/v1/chains/{rest.chain}/drafts/{CLASS}/{drawn['token']}"
        answers = [
            await rest.ask("DELETE", path, tenant=tenant) for tenant in ("nobody", "rival", "platform", "platform")
        ]
        assert [answer.status_code for answer in answers] == [401, 404, 204, 404]
        assert answers[3].json()["code"] == "document-unknown"

    tell(memory, monkeypatch, story)


def test_the_answer_to_a_draft_is_no_call(memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(rest: Rest) -> None:
        await rest.define()
        sent = len(memory.raws())
        one, other = await draft(rest), await draft(rest)
        assert one["content_root"] != other["content_root"]
        assert one["document"]["content"] == CONTENT
        assert len(memory.raws()) == sent

    tell(memory, monkeypatch, story)
