"""Everything that can become of a certificate, over REST: by whom, with which answer, and what is told of it after."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from chain.codec import decode
from chain.did import Objection, Rebinding, Statement, statement_digest
from chain.universal_id import CertificateName, parse_token
from contracts.keys import rebind_key
from contracts.rebinding import OpenRebind
from contracts.registry import METHODS
from gateway.errors import PROBLEMS
from gateway.routes.life import ACTIONS
from gateway.services.calls import request_digest
from gateway.services.gateway import now_ms
from gateway.vault import find_submission, new_api_key
from tests.chain.small_genesis import address_of, did_key_pair, did_of
from tests.gateway.memory_chain import CHAIN_IDS
from tests.gateway.memory_network import CLASS, MemoryNetwork
from tests.gateway.rest_play import CONTENT, Rest, tell

ASKING = "asking"
NAMES = [action.name for action in ACTIONS]
CHINESE_NAME = {"name": "韩梅梅"}
UNKNOWN = 77


def at(certificate: dict[str, Any] | str, action: str) -> str:
    """The path of an action."""
    id_ = certificate if isinstance(certificate, str) else certificate["id"]
    return f"/v1/certificates/{id_}:{action}"


async def key_of(rest: Rest, *addresses: str, methods: tuple[str, ...] = ()) -> str:
    """The name of a new tenant whose key speaks for these accounts."""
    name = f"tenant {len(rest.memory.api_keys)}"
    accounts = [(rest.chain, address) for address in addresses]
    rest.memory.api_keys[name] = await rest.gateway.in_vault(lambda db: new_api_key(db, name, accounts, methods))
    return name


async def good(rest: Rest) -> dict[str, tuple[str, dict[str, Any]]]:
    """Who may do it and with what, as far as that does not depend on what became of the certificate before."""
    as_alice, carol = (
        {"account": rest.name("alice")},
        await rest.settle("carol", did=f"did:bsn:{did_of('alice').hex()}"),
    )
    bridge = await rest.settle("bridge", "owner", role="cross-chain")
    return {
        "accept": ("platform", as_alice),
        "decline": ("platform", as_alice),
        "revoke": ("platform", {"reason": "issued-in-error"}),
        "freeze": ("operator", {"reason": "by-court-order"}),
        "unfreeze": ("operator", {}),
        "burn": ("platform", {"reason": "issued-twice"}),
        "lock": ("owner", {"account": bridge}),
        "unlock": ("owner", {"account": bridge}),
        "set-uri": ("platform", {"uri": "https://example.org/1"}),
        "set-user": ("platform", as_alice | {"user": rest.name("rival"), "until": now_ms() + 600_000}),
        "set-attribute": ("platform", as_alice | {"name": "grade", "value": "A+"}),
        "reissue": ("platform", {"content": CHINESE_NAME, "reason": "misspelt"}),
        "request-rebind": ("platform", {"to": carol}),
        "approve-rebind": ("operator", {}),
        "object-rebind": ("platform", as_alice),
        "complete-rebind": ("rival", {}),
    }


def test_every_method_about_one_certificate_has_its_path_and_its_members() -> None:
    about_one = {
        method: set(found.arguments.__struct_fields__)
        for (contract, method), found in METHODS.items()
        if contract == "ddc721" and found.arguments is not None and "token" in found.arguments.__struct_fields__
    }
    signed_by_others = {method for method, fields in about_one.items() if fields & {"signed", "signers"}}
    assert signed_by_others == {"metaBurn", "reissueSigned"}
    assert sorted(action.method for action in ACTIONS) == sorted(set(about_one) - signed_by_others)
    for action in ACTIONS:
        said = about_one[action.method] - {"class_id", "token", "holder", "item"}
        assert said <= set(action.body.model_fields), action
        assert action.name.replace("-", "") == action.method.lower()


@pytest.mark.parametrize("chain", CHAIN_IDS)
def test_a_certificate_goes_through_everything_that_can_become_of_it(
    memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch, chain: str
) -> None:
    async def story(rest: Rest) -> None:
        await rest.define()
        await rest.define(ASKING, acceptance=True)
        ways, made = await good(rest), await rest.mint(ASKING)

        async def do(action: str, certificate: dict[str, Any] = made, **changed: Any) -> dict[str, Any]:
            tenant, body = ways[action]
            view = await rest.do(at(certificate, action), body | changed, tenant)
            rest.assert_proven(view)
            assert len(bytes.fromhex(view["transaction"])) == 32
            return view

        assert made["status"] == "offered"
        assert (await do("accept"))["status"] == "active"
        used = await do("set-user")
        assert (used["user"], used["user_until"]) == (rest.name("rival"), ways["set-user"][1]["until"])
        nobody = await do("set-user", user=None, until=None)
        assert (nobody["user"], nobody["user_until"]) == (None, None)
        assert (await do("set-attribute"))["attributes"] == {"grade": "A+"}
        assert (await do("set-attribute", value=""))["attributes"] == {}
        assert (await do("set-uri"))["uri"] == "https://example.org/1"
        assert (await do("freeze"))["status"] == "frozen"
        assert (await do("unfreeze"))["status"] == "active"
        assert (await do("lock"))["status"] == "locked"
        assert (await do("unlock"))["locked"] is False
        assert (await do("request-rebind"))["holder"] == rest.name("alice")
        assert (await do("object-rebind"))["holder"] == rest.name("alice")
        await do("request-rebind")
        await do("approve-rebind")
        moved = await do("complete-rebind")
        assert (moved["holder"], moved["holder_did"]) == (ways["request-rebind"][1]["to"], made["holder_did"])
        new = await do("reissue")
        assert (new["supersedes"], new["holder"], new["status"]) == (made["token"], moved["holder"], "offered")
        assert (await rest.get(f"/v1/certificates/{made['id']}"))["superseded_by"] == new["token"]
        assert (await do("revoke", new))["status"] == "revoked"
        burnt, declined = await rest.mint(), await rest.mint(ASKING)
        assert (await do("burn", burnt))["status"] == "burnt"
        assert (await do("decline", declined))["status"] == "burnt"

        told = await rest.history(made["id"])
        assert [event["event"] for event in told] == [
            "minted", "accepted", "user-set", "user-set", "attribute-set", "attribute-set", "uri-set", "frozen", "unfrozen",
            "locked", "unlocked", "rebind-requested", "rebind-refused", "rebind-requested", "rebind-approved", "rebound",
            "revoked", "reissued",
        ]  # fmt: skip
        assert told[0]["holder"] == told[15]["holder"] == rest.name("alice")
        assert told[14]["approved_by"] == rest.name("operator")
        assert (told[15]["to"], told[17]["superseded_by"]) == (moved["holder"], new["token"])
        assert (told[7]["reason"], told[8]["reason"], told[16]["reason"]) == (
            "by-court-order",
            "unspecified",
            "misspelt",
        )
        assert [event["event"] for event in await rest.history(new["id"])] == ["minted", "revoked"]
        assert [event["event"] for event in await rest.history(burnt["id"])] == ["minted", "burnt"]
        assert [event["event"] for event in await rest.history(declined["id"])] == ["minted", "declined"]

    tell(memory, monkeypatch, story, chain)


def test_certificates_are_found_by_what_became_of_them(memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(rest: Rest) -> None:
        await rest.define()
        await rest.define(ASKING, acceptance=True)
        ways = await good(rest)
        made = {status: await rest.mint() for status in ("active", "frozen", "locked", "revoked", "burnt", "reissued")}
        made |= {status: await rest.mint(ASKING) for status in ("offered", "accepted", "declined")}
        for status, action in (
            ("frozen", "freeze"), ("locked", "lock"), ("revoked", "revoke"), ("burnt", "burn"), ("reissued", "reissue"),
            ("accepted", "accept"), ("declined", "decline"),
        ):  # fmt: skip
            tenant, body = ways[action]
            answer = await rest.do(at(made[status], action), body, tenant)
            made |= {"new": answer} if action == "reissue" else {}
        await rest.index()
        for status, names in {
            "offered": ("offered",),
            "frozen": ("frozen",),
            "locked": ("locked",),
            "revoked": ("revoked", "reissued"),
            "burnt": ("burnt", "declined"),
            "active": ("active", "accepted", "new"),
        }.items():
            found = (await rest.get("/v1/certificates", status=status, chain=rest.chain))["certificates"]
            assert {entry["id"] for entry in found} == {made[name]["id"] for name in names}, status
            assert {entry["recorded_status"] for entry in found} == {status}

    tell(memory, monkeypatch, story)


def test_the_certificate_may_be_named_in_its_longer_form(
    memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(rest: Rest) -> None:
        await rest.define()
        made = await rest.mint()
        assert (await rest.do(at(made["uid"], "freeze"), None, "operator"))["id"] == made["id"]
        assert (await rest.do(at(made["uid"], "unfreeze"), None, "operator"))["status"] == "active"

    tell(memory, monkeypatch, story)


def test_every_action_is_described_with_a_body_that_shows_how(
    memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(rest: Rest) -> None:
        description = await rest.get("/openapi.json")
        for action in ACTIONS:
            operation = description["paths"][f"/v1/certificates/{{certificate_id}}:{action.name}"]["post"]
            assert operation["description"] == action.does
            assert len(action.does.splitlines()) == 1
            assert str(action.status) in operation["responses"]
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            needed = operation["requestBody"].get("required", False)
            assert needed is ("$ref" in schema)
            reference = schema if needed else schema["anyOf"][0]
            assert reference["$ref"].endswith("/" + action.body.__name__)
            assert description["components"]["schemas"][action.body.__name__]["examples"]

    tell(memory, monkeypatch, story)


# ---- reissue ----


def test_a_reissue_answers_as_a_mint_of_the_new_certificate(
    memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(rest: Rest) -> None:
        await rest.define()
        old = await rest.mint()
        body = {"content": CHINESE_NAME, "reason": "misspelt", "uri": "https://example.org/2", "token": "5"}
        times = {"valid_from": "2024-01-01", "valid_until": 2**50}
        answer = await rest.ask("POST", at(old, "reissue"), body | times)
        new = answer.json()
        rest.assert_proven(new)
        assert (answer.status_code, answer.headers["location"]) == (201, f"/v1/certificates/{new['id']}")
        assert new["id"] == CertificateName(rest.chain, CLASS, "5").path
        assert set(new) == set(old)
        assert (new["supersedes"], new["uri"], new["valid_until"]) == (old["token"], "https://example.org/2", 2**50)
        assert (new["holder"], new["valid_from"]) == (old["holder"], 1_704_067_200_000)
        assert (new["document"]["content"], old["document"]["content"]) == (CHINESE_NAME, CONTENT)
        assert set(new["document"]["salts"]) == {"name", "score"}
        read = await rest.get(f"/v1/certificates/{new['id']}", "platform")
        assert read["document"] == new["document"]
        before = await rest.get(f"/v1/certificates/{old['id']}", "platform")
        assert (before["status"], before["superseded_by"], before["document"]) == ("revoked", "5", old["document"])

    tell(memory, monkeypatch, story)


def test_a_reissue_under_one_key_issues_one_certificate(memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(rest: Rest) -> None:
        await rest.define()
        old, key = await rest.mint(), {"headers": {"Idempotency-Key": "again"}}
        body = {"content": {"name": "a", "score": 1}, "reason": "misspelt"}
        first = await rest.do(at(old, "reissue"), body, **key)
        shuffled = {"reason": "misspelt", "content": {"score": 1, "name": "a"}}
        again = await rest.do(at(old, "reissue"), shuffled, **key)
        same = ("id", "transaction", "height", "document", "supersedes")
        assert {name: again[name] for name in same} == {name: first[name] for name in same}
        assert await rest.refused(at(old, "reissue"), body | {"content": CHINESE_NAME}, **key) == "idempotency-conflict"
        await rest.index()
        assert len((await rest.get("/v1/certificates"))["certificates"]) == 2

    tell(memory, monkeypatch, story)


# ---- rebind ----


async def asked(rest: Rest, **body: Any) -> tuple[dict[str, Any], str]:
    """A certificate of alice, and another account of her DID."""
    await rest.define()
    made = await rest.mint()
    return made, await rest.settle("carol", did=made["holder_did"], **body)


def signed(rest: Rest, statement: Statement, what: str = "authentication") -> str:
    """The signature of a key of alice's DID, as who keeps it makes it."""
    rules = rest.memory.chains[rest.chain].rules
    return did_key_pair("alice", what).sign(statement_digest(rules.network_id, rest.chain, statement)).hex()


def about(rest: Rest, made: dict[str, Any], to: str) -> dict[str, Any]:
    """What both statements about a rebind have."""
    rules = rest.memory.chains[rest.chain].rules
    return {
        "did": did_of("alice"),
        "contract": "ddc721",
        "class_id": CLASS,
        "token": parse_token(rules.profile.token_id_style, made["token"]),
        "holder": address_of(rules, "alice"),
        "to": rules.addresses.parse(to),
    }


@pytest.mark.parametrize("chain", CHAIN_IDS)
def test_who_keeps_the_keys_of_its_did_signs_itself(
    memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch, chain: str
) -> None:
    """Anybody may hand the signatures in."""

    async def story(rest: Rest) -> None:
        made, carol = await asked(rest)
        of = about(rest, made, carol)
        asking = {"to": carol, "signature": signed(rest, Rebinding(**of, sequence=0))}
        rest.assert_proven(await rest.do(at(made, "request-rebind"), asking, "rival"))
        record = memory.chains[chain].state.get(rebind_key(CLASS, of["token"], of["holder"]))
        assert record is not None
        objection = Objection(**of, requested_at=decode(record, OpenRebind).requested_at)
        refused = {"signature": signed(rest, objection)}
        assert await rest.refused(at(made, "object-rebind"), refused, "rival") == "did-not-signed"
        signature = {"signature": signed(rest, objection, "recovery")}
        rest.assert_proven(await rest.do(at(made, "object-rebind"), signature, "rival"))
        assert (await rest.history(made["id"]))[-1]["event"] == "rebind-refused"

    tell(memory, monkeypatch, story, chain)


@pytest.mark.parametrize("chain", CHAIN_IDS)
def test_the_gateway_signs_for_a_did_that_it_keeps_for_the_tenant_and_for_no_other(
    memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch, chain: str
) -> None:
    async def story(rest: Rest) -> None:
        made, carol = await asked(rest)
        assert await rest.refused(at(made, "request-rebind"), {"to": carol}, "rival") == "key-not-kept"
        wrong = {"to": carol, "did_sequence": 3}
        assert await rest.refused(at(made, "request-rebind"), wrong) == "did-sequence-wrong"
        await rest.do(at(made, "request-rebind"), {"to": carol, "did_sequence": 0})
        assert await rest.refused(at(made, "object-rebind"), {"as_did": True}, "rival") == "key-not-kept"
        assert await rest.refused(at(made, "object-rebind"), {}, "rival") == "not-holder"
        await rest.do(at(made, "object-rebind"), {"as_did": True})
        assert await rest.refused(at(made, "object-rebind"), {"as_did": True}) == "rebind-unknown"
        await rest.do(at(made, "request-rebind"), {"to": carol})
        await rest.do(at(made, "object-rebind"), {"account": rest.name("alice")})

    tell(memory, monkeypatch, story, chain)


def test_a_rebind_that_is_asked_for_again_under_one_key_is_one(
    memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(rest: Rest) -> None:
        made, carol = await asked(rest)
        key = {"headers": {"Idempotency-Key": "again"}}
        first, again = [await rest.do(at(made, "request-rebind"), {"to": carol}, **key) for _ in range(2)]
        assert first["transaction"] == again["transaction"]

    tell(memory, monkeypatch, story)


def test_after_a_rebind_the_document_is_the_new_holders(memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(rest: Rest) -> None:
        made, carol = await asked(rest)
        before, after = await key_of(rest, rest.name("alice")), await key_of(rest, carol)
        path = f"/v1/certificates/{made['id']}"
        assert (await rest.get(path, before))["document"] == made["document"]
        assert "document" not in await rest.get(path, after)
        await rest.do(at(made, "request-rebind"), {"to": carol})
        await rest.do(at(made, "approve-rebind"), None, "operator")
        moved = await rest.do(at(made, "complete-rebind"), None, after)
        assert (moved["holder"], moved["document"]) == (carol, made["document"])
        assert "document" not in await rest.get(path, before)
        assert (
            (await rest.get(path, after))["document"]
            == (await rest.get(path, "platform"))["document"]
            == moved["document"]
        )

    tell(memory, monkeypatch, story)


# ---- keys ----


def test_a_key_signs_with_the_account_that_is_named_or_with_its_first(
    memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(rest: Rest) -> None:
        await rest.define(ASKING, acceptance=True)
        made = await rest.mint(ASKING)
        assert await rest.refused(at(made, "accept")) == "not-holder"
        for account in (rest.name("rival"), rest.name("alice") + " ", "", "\0", "alice"):
            assert await rest.refused(at(made, "accept"), {"account": account}) == "key-not-allowed"
        assert await rest.refused(at(made, "accept"), {"account": rest.name("alice")}, "rival") == "key-not-allowed"
        accepted = await rest.do(at(made, "accept"), {"account": rest.name("alice")})
        assert accepted["status"] == "active"
        call = (await rest.get(f"/v1/chains/{rest.chain}/blocks/{accepted['height']}"))["transactions"][0]["call"]
        assert (call["method"], call["sender"]) == ("accept", rest.name("alice"))

    tell(memory, monkeypatch, story)


def test_a_key_for_some_methods_does_those_alone(memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(rest: Rest) -> None:
        await rest.define()
        made, ways = await rest.mint(), await good(rest)
        limited = await key_of(rest, rest.name("operator"), methods=("ddc721.freeze",))
        for action in NAMES:
            if action != "freeze":
                body = {name: value for name, value in ways[action][1].items() if name != "account"}
                assert await rest.refused(at(made, action), body, limited) == "key-not-allowed", action
        assert (await rest.do(at(made, "freeze"), None, limited))["status"] == "frozen"

    tell(memory, monkeypatch, story)


def test_a_write_is_sent_once_under_one_key(memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(rest: Rest) -> None:
        await rest.define()
        made, key = await rest.mint(), {"headers": {"Idempotency-Key": "again"}}
        first = await rest.do(at(made, "revoke"), {"reason": "misspelt"}, **key)
        again = await rest.do(at(made["uid"], "revoke"), {"reason": "misspelt"}, **key)
        assert (again["transaction"], again["height"], again["status"]) == (
            first["transaction"], first["height"], "revoked",
        )  # fmt: skip
        for action, body in (
            ("revoke", {"reason": "by-request"}),
            ("burn", {"reason": "misspelt"}),
            ("revoke", {"reason": "misspelt", "account": rest.name("platform")}),
        ):
            assert await rest.refused(at(made, action), body, **key) == "idempotency-conflict"
        key_id = (await memory.tenant(rest.gateway)).key_id
        stored = await rest.gateway.in_vault(lambda db: find_submission(db, key_id, "again"))
        assert stored is not None
        name = CertificateName(rest.chain, CLASS, made["token"])
        assert stored[0] == request_digest("revoke", name, "misspelt"), "as gateways before this one stored it"

    tell(memory, monkeypatch, story)


# ---- what is refused ----

Wrong = Callable[[Rest, str, str, dict[str, Any]], Awaitable[str]]
"""The refusal of an action with something wrong about it, of a tenant that may do it with that body."""


async def _no_key(rest: Rest, id_: str, action: str, body: dict[str, Any]) -> str:
    return await rest.refused(at(id_, action), body, "nobody")


async def _another_key(rest: Rest, id_: str, action: str, body: dict[str, Any]) -> str:
    return await rest.refused(at(id_, action), body, await key_of(rest))


async def _not_json(rest: Rest, id_: str, action: str, _body: dict[str, Any]) -> str:
    headers = {"Content-Type": "application/json"}
    return await rest.refused(at(id_, action), None, "platform", content=b'{"reason": ', headers=headers)


def _with_id(change: Callable[[str], str]) -> Wrong:
    async def refused(rest: Rest, id_: str, action: str, body: dict[str, Any]) -> str:
        return await rest.refused(at(change(id_), action), {"account": rest.name("platform")} | body)

    return refused


def _with_body(change: Callable[[dict[str, Any]], Any]) -> Wrong:
    async def refused(rest: Rest, id_: str, action: str, body: dict[str, Any]) -> str:
        return await rest.refused(at(id_, action), change(body))

    return refused


def _with_key(key: str) -> Wrong:
    async def refused(rest: Rest, id_: str, action: str, body: dict[str, Any]) -> str:
        return await rest.refused(at(id_, action), body, headers={"Idempotency-Key": key})

    return refused


ALWAYS_WRONG: dict[str, tuple[str, Wrong]] = {
    "no key": ("api-key-missing", _no_key),
    "a key without an account on the chain": ("key-not-allowed", _another_key),
    "another's account": ("key-not-allowed", _with_body(lambda body: body | {"account": "rival1111111"})),
    "an account with a control character": ("key-not-allowed", _with_body(lambda body: body | {"account": "\x00\x1b"})),
    "an account that is too long": ("body-malformed", _with_body(lambda body: body | {"account": "x" * 129})),
    "an account that is none": ("body-malformed", _with_body(lambda body: body | {"account": ["x"]})),
    "a member too many": ("body-malformed", _with_body(lambda body: body | {"holder\x00": "x"})),
    "a list": ("body-malformed", _with_body(lambda body: [body])),
    "a text": ("body-malformed", _with_body(lambda _body: "x" * 5_000)),
    "no JSON": ("body-malformed", _not_json),
    "no id": ("id-malformed", _with_id(lambda _id: "seven")),
    "an id with a control character": ("id-malformed", _with_id(lambda id_: f"{id_}%00")),
    "an id that is too long": ("parameter-malformed", _with_id(lambda id_: f"{id_}{'0' * 200}")),
    "a chain that there is not": ("chain-unknown", _with_id(lambda _id: f"atlantis.ddc721.{CLASS}.1")),
    "a token of another style": ("id-malformed", _with_id(lambda id_: f"{id_}-0")),
    "an Idempotency-Key that is too long": ("parameter-malformed", _with_key("x" * 201)),
}


@pytest.mark.parametrize("action", NAMES)
def test_what_no_action_takes_is_refused_and_nothing_is_sent(
    memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    async def story(rest: Rest) -> None:
        await rest.define()
        made, ways = await rest.mint(), await good(rest)
        tenant, body = ways[action]
        sent, plain = len(memory.raws()), {name: value for name, value in body.items() if name != "account"}
        codes = {}
        for name, (_, wrong) in ALWAYS_WRONG.items():
            codes[name] = await wrong(rest, made["id"], action, plain)
        assert codes == {name: code for name, (code, _) in ALWAYS_WRONG.items()}
        assert len(memory.raws()) == sent
        unknown = CertificateName(rest.chain, CLASS, str(UNKNOWN)).path
        assert await rest.refused(at(unknown, action), body, tenant) == "certificate-unknown"
        assert (await rest.get(f"/v1/certificates/{made['id']}"))["status"] == "active"

    tell(memory, monkeypatch, story)


OF_ONE: list[tuple[str, dict[str, Any], str]] = [
    ("revoke", {"reason": "In prose"}, "body-malformed"),
    ("revoke", {"reason": "x\u0007"}, "body-malformed"),
    ("freeze", {"reason": "x" * 41}, "body-malformed"),
    ("freeze", {}, "method-not-permitted"),
    ("unfreeze", {}, "method-not-permitted"),
    ("lock", {}, "method-not-permitted"),
    ("unlock", {}, "method-not-permitted"),
    ("approve-rebind", {}, "method-not-permitted"),
    ("accept", {"account": "alice"}, "certificate-not-offered"),
    ("decline", {"account": "alice"}, "certificate-not-offered"),
    ("object-rebind", {"account": "alice"}, "rebind-unknown"),
    ("object-rebind", {"as_did": True}, "rebind-unknown"),
    ("object-rebind", {"as_did": True, "signature": "00" * 64}, "body-malformed"),
    ("complete-rebind", {}, "rebind-unknown"),
    ("set-uri", {"uri": ""}, "uri-empty"),
    ("set-uri", {"uri": "x" * 257}, "body-malformed"),
    ("set-uri", {"uri": "https://example.org/\n"}, "body-malformed"),
    ("set-uri", {}, "body-malformed"),
    ("set-user", {"user": "platform"}, "body-malformed"),
    ("set-user", {"user": "platform", "until": "soon"}, "parameter-malformed"),
    ("set-user", {"user": "platform", "until": 2**53}, "parameter-malformed"),
    ("set-user", {"user": "platform", "until": 2**52}, "not-holder"),
    ("set-user", {"user": "platform", "until": 1, "account": "alice"}, "until-passed"),
    ("set-user", {"user": "0x" + "0" * 40, "until": 2**52, "account": "alice"}, "account-unknown"),
    ("set-user", {"user": "0xnobody", "until": 2**52}, "address-malformed"),
    ("set-user", {"user": "\x00", "until": 2**52}, "address-malformed"),
    ("set-attribute", {"name": "grade", "value": "in prose"}, "body-malformed"),
    ("set-attribute", {"name": "gr\x00de", "value": "A"}, "body-malformed"),
    ("set-attribute", {"name": "grade", "value": ""}, "no-change"),
    ("request-rebind", {"to": "0xnobody"}, "address-malformed"),
    ("request-rebind", {"to": "\x1b[0m"}, "address-malformed"),
    ("request-rebind", {"to": "alice"}, "own-account"),
    ("request-rebind", {"to": "rival"}, "rebind-other-did"),
    ("request-rebind", {"to": "0x" + "0" * 40}, "account-unknown"),
    ("request-rebind", {"to": "rival", "signature": "00" * 63}, "body-malformed"),
    ("reissue", {"content": {"name": 5}, "reason": "misspelt"}, "content-invalid"),
    ("reissue", {"content": {}, "reason": "misspelt"}, "content-invalid"),
    ("reissue", {"content": CHINESE_NAME}, "body-malformed"),
    ("reissue", {"content": CHINESE_NAME, "reason": "Misspelt!"}, "body-malformed"),
    ("reissue", {"content": CHINESE_NAME, "reason": "misspelt", "holder": "rival"}, "holder-of-other-platform"),
    ("reissue", {"content": CHINESE_NAME, "reason": "misspelt", "holder": ""}, "address-malformed"),
    ("reissue", {"content": CHINESE_NAME, "reason": "misspelt", "token": "-7"}, "id-malformed"),
    ("reissue", {"content": CHINESE_NAME, "reason": "misspelt", "token": "5"}, "token-exists"),
    ("reissue", {"content": CHINESE_NAME, "reason": "misspelt", "uri": "x\x00"}, "body-malformed"),
    ("reissue", {"content": CHINESE_NAME, "reason": "misspelt", "valid_until": "soon"}, "parameter-malformed"),
    ("reissue", {"content": CHINESE_NAME, "reason": "misspelt", "valid_until": 1}, "validity-inverted"),
]


def test_what_one_action_does_not_take_is_refused_by_name(
    memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(rest: Rest) -> None:
        await rest.define()
        made = await rest.mint(token="5")

        def named(value: Any) -> Any:
            return rest.name(value) if value in ("alice", "platform", "rival") else value

        codes = []
        for action, body, _ in OF_ONE:
            written = {
                name: named(value) if name in ("account", "user", "to", "holder") else value
                for name, value in body.items()
            }
            codes.append((action, body, await rest.refused(at(made, action), written)))
        assert codes == OF_ONE
        assert (await rest.get(f"/v1/certificates/{made['id']}"))["status"] == "active"
        assert [event["event"] for event in await rest.history(made["id"])] == ["minted"]
        assert {code for _, _, code in OF_ONE} <= set(PROBLEMS)

    tell(memory, monkeypatch, story)


@pytest.mark.parametrize("action", ["steal", "transfer", "Revoke", "setURI", "meta-burn", "", "revoke%00", "x" * 5_000])
def test_an_action_that_there_is_not_is_not_found(
    memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    async def story(rest: Rest) -> None:
        await rest.define()
        made = await rest.mint()
        for tenant in ("platform", "nobody"):
            answer = await rest.ask("POST", at(made, action), {}, tenant)
            assert answer.status_code == (404 if action else 405), answer.text
            assert answer.json()["code"] == ("not-found" if action else "method-not-allowed")
            assert len(answer.content) < 2_000
        assert (await rest.ask("POST", f"/v1/certificates/{made['id']}", {})).status_code == 405
        assert (await rest.ask("POST", f"/v1/certificates/{made['uid']}", {})).status_code == 405

    tell(memory, monkeypatch, story)
