"""Who may have what signed: a tenant with its own keys, for the methods that its API key may call, in a gateway that can."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.arguments import show_record
from gateway.services.gateway import Gateway, now_ms
from gateway.services.signing import did_pairs, find_pair, require_pair
from gateway.vault import DIDS, Tenant
from tests.chain.small_genesis import did_key_pair, did_of
from tests.contracts.small_chain import class_of
from tests.gateway.memory_network import CLASS, MemoryNetwork
from tests.gateway.statement_play import ALICE, DID_SCHEME, Stage, refused, run, state

METHODS = (
    "authority.joinDid", "ddc721.metaBurn", "ddc721.mintSigned", "ddc721.objectRebind", "ddc721.reissueSigned",
    "ddc721.requestRebind", "did.create", "did.rotate", "did.setService",
)  # fmt: skip
OF_CERTIFICATE = {"did": ALICE, "contract": "ddc721", "class_id": CLASS, "token": "1"}


ITEM = {"token": "1", "content_root": "0a" * 32, "uri": "", "valid_from": None, "valid_until": None}


def bodies(memory: MemoryNetwork) -> dict[str, dict[str, Any]]:
    """Method -> a statement that is for it, which the platform's key can have signed."""
    alice = memory.address("wuhan", "alice")
    burn = {"class_id": CLASS, "token": "1", "holder": alice, "reason": "by-request"}
    at = {"holder": alice, "to": memory.address("wuhan", "rival")}
    issue = {
        "kind": "issue", "class_id": CLASS, "items": [ITEM | {"holder": alice}], "signer": alice,
        "deadline": now_ms() + 60_000,
    }  # fmt: skip
    return {
        "did.create": {"kind": "creation", "did": ALICE},
        "did.rotate": {"kind": "rotation", "did": ALICE},
        "did.setService": {"kind": "service-change", "did": ALICE, "service": "verify", "endpoint": ""},
        "authority.joinDid": {"kind": "joining", "did": ALICE, "address": alice},
        "ddc721.requestRebind": {"kind": "rebinding", **OF_CERTIFICATE, **at},
        "ddc721.objectRebind": {"kind": "objection", **OF_CERTIFICATE, **at, "requested_at": 1},
        "ddc721.metaBurn": {
            "kind": "meta", "contract": "ddc721", "method": "metaBurn", "arguments": burn, "signer": alice,
        },
        "ddc721.mintSigned": issue,
        "ddc721.reissueSigned": issue | {"supersedes": "2", "reason": "misspelt"},
    }  # fmt: skip


def signatory(memory: MemoryNetwork) -> None:
    """A class of which alice is the signatory."""
    stage = Stage(memory)
    assert stage.call("platform", "classes.defineClass", show_record(stage.chain.rules, class_of(CLASS))) == ""
    named = {"class_id": CLASS, "threshold": 1, "signatories": [stage.name("alice")]}
    assert stage.call("platform", "classes.setSignatories", named) == ""


def test_every_kind_is_for_a_method(memory: MemoryNetwork) -> None:
    assert sorted(bodies(memory)) == sorted(METHODS)


@pytest.mark.parametrize("method", METHODS)
def test_an_api_key_has_signed_only_what_it_may_call(memory: MemoryNetwork, method: str) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        signatory(memory)
        body, others = bodies(memory)[method], frozenset(METHODS) - {method}
        assert (await state(gateway, replace(tenant, methods=frozenset({method})), body)).signatures
        problem = await refused(gateway, replace(tenant, methods=others), body)
        assert (problem.code, problem.values) == ("key-not-allowed", ("wuhan",))

    run(memory, play)


@pytest.mark.parametrize("method", METHODS)
def test_nobody_has_signed_with_the_keys_of_another_tenant(memory: MemoryNetwork, method: str) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        signatory(memory)
        rival, body = await memory.tenant(gateway, "rival"), bodies(memory)[method]
        problem = await refused(gateway, rival, body)
        if method == "did.create":
            assert "give 'base'" in problem.sentence
        else:
            who = memory.address("wuhan", "alice") if body["kind"] in ("meta", "issue") else ALICE
            assert (problem.code, problem.values) == ("key-not-kept", (who,))
            assert '"sign": false' in problem.sentence

    run(memory, play)


@pytest.mark.parametrize("method", METHODS)
def test_without_its_passphrase_a_gateway_says_only_what_is_to_be_signed(memory: MemoryNetwork, method: str) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        body = bodies(memory)[method]
        assert (await refused(gateway, tenant, body)).code == "read-only"
        if method == "did.create":
            return  # its document is made of keys that cannot be opened
        signatory(memory)
        own = {"authentication": did_key_pair("rival").public_key.hex()} if method == "did.rotate" else {}
        assert (await state(gateway, tenant, body | own | {"sign": False})).signatures is None

    run(memory, play, passphrase=False)


def test_an_account_whose_kept_key_is_not_the_chains_signs_nothing(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        body = bodies(memory)["ddc721.metaBurn"]
        name = memory.address("wuhan", "alice")
        gateway._keys["wuhan", name] = DID_SCHEME.key_pair(b"x" * 32)
        assert (await refused(gateway, tenant, body)).code == "key-not-kept"

    run(memory, play)


def test_an_account_whose_key_is_not_kept_at_all_signs_nothing(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        await gateway.in_vault(lambda db: db.execute("DELETE FROM custodial_keys WHERE chain = 'wuhan'"))
        assert (await refused(gateway, tenant, bodies(memory)["ddc721.metaBurn"])).code == "key-not-kept"
        await gateway.in_vault(lambda db: db.execute("DELETE FROM custodial_keys WHERE chain = ?", (DIDS,)))
        assert (await refused(gateway, tenant, bodies(memory)["did.setService"])).code == "key-not-kept"

    run(memory, play)


def test_kept_keys_are_found_by_their_public_keys(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        pairs = await did_pairs(gateway, tenant, did_of("alice"))
        public = did_key_pair("alice").public_key
        assert [pair.public_key for pair in pairs.authentication] == [public]
        assert require_pair(pairs.authentication, public, "alice").public_key == public
        assert find_pair(pairs.recovery, public) is None
        assert find_pair(pairs.recovery, None) is None
        assert (await did_pairs(gateway, tenant, did_of("rival"))).authentication == ()

    run(memory, play)


def test_an_answer_names_the_account_as_the_chain_writes_it(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        stated = await state(gateway, tenant, bodies(memory)["ddc721.metaBurn"])
        assert stated.signed_by == Stage(memory).name("alice")

    run(memory, play)
