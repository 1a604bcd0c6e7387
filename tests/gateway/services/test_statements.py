"""What a holder and a signatory sign: the chain takes it in the call that it was made for, once, and in no other."""

from typing import Any

import pytest

from chain.codec import decode
from contracts.keys import meta_key
from contracts.meta import MetaCall
from contracts.registry import METHODS
from gateway.arguments import show_record
from gateway.services import statements
from gateway.services.gateway import Gateway, now_ms
from gateway.vault import Tenant
from tests.chain.small_genesis import account_key_pair, address_of
from tests.chain.small_network import rules_of
from tests.contracts.small_chain import item
from tests.gateway.memory_network import CLASS, MemoryNetwork
from tests.gateway.statement_play import EDITIONS, Stage, define_both, refused, run, signed, state

CHAINS = ["wuhan", "zhongyi"]
META = sorted(".".join(place) for place, method in METHODS.items() if method.signed_parts is not None)
DAY_MS = 86_400_000
STRANGER = rules_of("wuhan").addresses.format(address_of(rules_of("wuhan"), "bob"))
"""An address in the chain's form, of nobody who has an account."""


def item_of(stage: Stage, number: int, **changed: Any) -> dict[str, Any]:
    return show_record(stage.chain.rules, item(stage.address("alice"), number)) | changed


def arguments_of(stage: Stage, place: str) -> dict[str, Any]:
    """What the method takes for alice beside her signature, on a chain that `prepare` has prepared."""
    alice, tokens = stage.name("alice"), ["1", "2"]
    burning = {"holder": alice, "reason": "by-request"}
    edition, minting = {"class_id": EDITIONS, "token": tokens[1], "holder": alice}, {"data": "beef"}
    pairs = {"class_id": EDITIONS, "tokens": tokens, "holder": alice}
    return {
        "ddc721.metaMint": {"class_id": CLASS, "item": item_of(stage, 7), **minting},
        "ddc721.metaSafeMint": {"class_id": CLASS, "item": item_of(stage, 7), **minting},
        "ddc721.metaMintBatch": {"class_id": CLASS, "items": [item_of(stage, 7), item_of(stage, 8)], **minting},
        "ddc721.metaSafeMintBatch": {"class_id": CLASS, "items": [item_of(stage, 7)], **minting},
        "ddc721.metaBurn": {"class_id": CLASS, "token": tokens[0], **burning},
        "ddc1155.metaSafeMint": {**edition, "amount": 1, **minting},
        "ddc1155.metaSafeMintBatch": {**pairs, "amounts": [1, 1], **minting},
        "ddc1155.metaBurn": {**edition, "reason": "by-request"},
        "ddc1155.metaBurnBatch": {**pairs, "reason": "by-request"},
    }[place]


async def prepare(stage: Stage, gateway: Gateway, tenant: Tenant, place: str) -> None:
    """Alice holds a certificate, and of two editions if she is to burn."""
    chain_id, alice = stage.chain.rules.chain_id, stage.name("alice")
    await define_both(gateway, tenant, chain_id)
    assert stage.call("platform", "ddc721.mint", {"class_id": CLASS, "item": item_of(stage, 1)}) == ""
    for number in (1, 2):
        edition = {"class_id": EDITIONS, "token": str(number)}
        content = {"content_root": "0a" * 32, "uri": "", "valid_from": None, "valid_until": None, "supersedes": None}
        assert stage.call("platform", "ddc1155.createEdition", edition | content) == ""
        if "Burn" in place:
            holding = {"holder": alice, "amount": 1, "data": ""}
            assert stage.call("platform", "ddc1155.safeMint", edition | holding) == ""


def meta(stage: Stage, place: str = "ddc721.metaMint", **changed: Any) -> dict[str, Any]:
    contract, method = place.split(".")
    body = {"kind": "meta", "contract": contract, "method": method, "signer": stage.name("alice")}
    return body | {"arguments": arguments_of(stage, place)} | changed


@pytest.mark.parametrize("chain_id", CHAINS)
@pytest.mark.parametrize("place", META)
def test_a_meta_call_with_the_holders_signature_is_taken_once(memory: MemoryNetwork, place: str, chain_id: str) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        stage = Stage(memory, chain_id)
        await prepare(stage, gateway, tenant, place)
        stated = await state(gateway, tenant, meta(stage, place), chain_id)
        assert (stated.signed_by, stated.key, stated.good_on) == (stage.name("alice"), "account", chain_id)
        assert stated.scheme == stage.chain.rules.scheme.name
        assert stated.statement["counter"] == 1
        assert show_record(stage.chain.rules, decode(stated.body, MetaCall)) == stated.statement
        assert stated.more["arguments"]["signed"] == {
            "counter": 1, "deadline": stated.statement["deadline"], "signature": signed(stated),
        }  # fmt: skip
        assert stage.call("platform", place, stated.more["arguments"]) == ""
        assert stage.chain.state.get(meta_key(stated.statement["contract"], stage.address("alice"))) is not None
        assert stage.call("platform", place, stated.more["arguments"]) != ""
        again = await state(gateway, tenant, meta(stage, place), chain_id)
        assert again.statement["counter"] == 2

    run(memory, play)


def test_who_signs_for_itself_is_told_the_digest(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        stage = Stage(memory)
        await prepare(stage, gateway, tenant, "ddc721.metaMint")
        rival = await memory.tenant(gateway, "rival")
        stated = await state(gateway, rival, meta(stage, sign=False))
        assert stated.signatures is None
        arguments = stated.more["arguments"]
        assert arguments["signed"]["signature"] == ""
        assert stage.call("platform", "ddc721.metaMint", arguments) == "meta-not-signed"
        arguments["signed"]["signature"] = account_key_pair("wuhan", "alice").sign(stated.digest).hex()
        assert stage.call("platform", "ddc721.metaMint", arguments) == ""

    run(memory, play)


def test_a_holders_signature_is_good_for_nothing_else(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        stage, other = Stage(memory), Stage(memory, "zhongyi")
        for one in (stage, other):
            await prepare(one, gateway, tenant, "ddc721.metaMint")
        good = (await state(gateway, tenant, meta(stage))).more["arguments"]
        for changed in ({"data": "dead"}, {"item": item_of(stage, 9)}):
            assert stage.call("platform", "ddc721.metaMint", good | changed) == "meta-not-signed"
        assert stage.call("platform", "ddc721.metaSafeMint", good) == "meta-not-signed"
        later = good["signed"] | {"deadline": good["signed"]["deadline"] + 1}
        assert stage.call("platform", "ddc721.metaMint", good | {"signed": later}) == "meta-not-signed"
        elsewhere = arguments_of(other, "ddc721.metaMint") | {"signed": good["signed"]}
        assert other.call("platform", "ddc721.metaMint", elsewhere) == "meta-not-signed"
        ahead = (await state(gateway, tenant, meta(stage, counter=2))).more["arguments"]
        assert stage.call("platform", "ddc721.metaMint", ahead) == "counter-wrong"
        stage.chain.ahead_ms += statements.DEADLINE_MS + 1_000
        assert stage.call("platform", "ddc721.metaMint", good) == "deadline-passed"

    run(memory, play)


@pytest.mark.parametrize(
    ("code", "changed"),
    [
        ("method-unknown", {"method": "metaSteal"}),
        ("parameter-malformed", {"method": "mint"}),
        ("parameter-malformed", {"method": "metaTransferFrom"}),
        ("parameter-malformed", {"contract": "ddc1155", "method": "metaBurn"}),
        ("parameter-malformed", {"arguments": {}}),
        ("parameter-malformed", {"arguments": {"signed": {"counter": 1, "deadline": 1, "signature": ""}}}),
        ("deadline-passed", {"deadline": 1}),
        ("deadline-too-far", {"deadline": "2099-12-31"}),
        ("address-malformed", {"signer": "alice"}),
        ("account-not-found", {"signer": STRANGER}),
    ],
)
def test_a_meta_call_that_no_chain_would_take_is_not_signed(
    memory: MemoryNetwork, code: str, changed: dict[str, Any]
) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        assert (await refused(gateway, tenant, meta(Stage(memory)) | changed)).code == code

    run(memory, play)


def test_lists_of_two_lengths_are_refused(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        body = meta(Stage(memory), "ddc1155.metaSafeMintBatch")
        body["arguments"]["amounts"] = [1]
        problem = await refused(gateway, tenant, body)
        assert problem.code == "parameter-malformed"
        assert "one length" in problem.sentence

    run(memory, play)


@pytest.mark.parametrize("ahead_ms", [0, 1])
def test_a_deadline_is_at_most_a_day_ahead(
    memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch, ahead_ms: int
) -> None:
    now = now_ms()
    monkeypatch.setattr(statements, "now_ms", lambda: now)

    async def play(gateway: Gateway, tenant: Tenant) -> None:
        body = meta(Stage(memory), deadline=now + DAY_MS + ahead_ms)
        if ahead_ms:
            assert (await refused(gateway, tenant, body)).values == (now + DAY_MS + 1, DAY_MS)
        else:
            assert (await state(gateway, tenant, body)).statement["deadline"] == now + DAY_MS

    run(memory, play)


async def sign_together(stage: Stage, gateway: Gateway, tenant: Tenant, *people: str) -> None:
    """The class asks all of these people for their signatures."""
    await define_both(gateway, tenant, stage.chain.rules.chain_id)
    name_signatories(stage, *people)


def name_signatories(stage: Stage, *people: str) -> None:
    named = {"class_id": CLASS, "threshold": len(people), "signatories": [stage.name(person) for person in people]}
    assert stage.call("platform", "classes.setSignatories", named) == ""


def issue(stage: Stage, person: str, deadline: int, **changed: Any) -> dict[str, Any]:
    body = {"kind": "issue", "class_id": CLASS, "items": [item_of(stage, 7), item_of(stage, 8)]}
    return body | {"deadline": deadline, "signer": stage.name(person)} | changed


@pytest.mark.parametrize("chain_id", CHAINS)
def test_an_issue_that_all_signatories_signed_is_taken(memory: MemoryNetwork, chain_id: str) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        stage, deadline = Stage(memory, chain_id), now_ms() + 60_000
        await sign_together(stage, gateway, tenant, "operator", "rival")
        found = [
            await state(gateway, await memory.tenant(gateway, person), issue(stage, person, deadline), chain_id)
            for person in ("rival", "operator")
        ]
        assert [stated.more["place"] for stated in found] == [1, 0]
        assert {stated.digest for stated in found} == {found[0].digest}
        assert (found[0].signed_by, found[0].kind, found[0].good_on) == (stage.name("rival"), "issue", chain_id)
        assert found[0].more["items"] == issue(stage, "rival", deadline)["items"]
        contract, class_id, root, until = decode(found[0].body, tuple[str, str, bytes, int])
        assert found[0].statement == {
            "contract": contract, "class_id": class_id, "items": root.hex(), "deadline": until,
        }  # fmt: skip
        signatures = {stated.more["place"]: signed(stated) for stated in found}
        call = {
            "class_id": CLASS, "items": found[0].more["items"], "deadline": deadline,
            "signers": sorted(signatures), "signatures": [signatures[place] for place in sorted(signatures)],
        }  # fmt: skip
        for changed in (
            {"items": call["items"][:1]},
            {"items": call["items"][::-1]},
            {"deadline": deadline - 1},
            {"signatures": call["signatures"][::-1]},
        ):
            assert stage.call("platform", "ddc721.mintSigned", call | changed) == "signature-not-valid"
        assert stage.call("platform", "ddc721.mintSigned", call) == ""

    run(memory, play)


@pytest.mark.parametrize("chain_id", CHAINS)
def test_a_reissue_that_all_signatories_signed_is_taken(memory: MemoryNetwork, chain_id: str) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        stage, deadline = Stage(memory, chain_id), now_ms() + 60_000
        await prepare(stage, gateway, tenant, "ddc721.mint")
        people = ("operator", "rival")
        name_signatories(stage, *people)
        body = {"items": [item_of(stage, 7)], "supersedes": item_of(stage, 1)["token"], "reason": "misspelt"}
        found = [
            await state(gateway, await memory.tenant(gateway, person), issue(stage, person, deadline) | body, chain_id)
            for person in people
        ]
        assert [stated.more["place"] for stated in found] == [0, 1]
        assert {stated.digest for stated in found} == {found[0].digest}
        contract, class_id, root, until, token, reason = decode(found[0].body, tuple[str, str, bytes, int, bytes, str])
        assert found[0].statement == {
            "contract": contract, "class_id": class_id, "items": root.hex(), "deadline": until,
            "supersedes": body["supersedes"], "reason": reason,
        }  # fmt: skip
        assert token == item(stage.address("alice"), 1).token
        call = {
            "class_id": CLASS, "token": body["supersedes"], "holder": None, "item": found[0].more["items"][0],
            "reason": "misspelt", "deadline": deadline, "signers": [0, 1], "signatures": list(map(signed, found)),
        }  # fmt: skip
        for changed in ({"reason": "name-changed"}, {"token": item_of(stage, 2)["token"]}):
            assert stage.call("platform", "ddc721.reissueSigned", call | changed) == "signature-not-valid"
        assert stage.call("platform", "ddc721.reissueSigned", call) == ""

    run(memory, play)


def test_who_signs_an_issue_does_not_sign_a_reissue(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        stage = Stage(memory)
        await sign_together(stage, gateway, tenant, "alice")
        body = issue(stage, "alice", now_ms() + 60_000, items=[item_of(stage, 7)])
        reissue = body | {"supersedes": "1", "reason": "misspelt"}
        digests = [
            (await state(gateway, tenant, one)).digest
            for one in (body, reissue, reissue | {"supersedes": "2"}, reissue | {"reason": "name-changed"})
        ]
        assert len({*digests}) == 4

    run(memory, play)


def test_an_issue_signed_for_one_chain_is_none_on_another(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        rival, deadline = await memory.tenant(gateway, "rival"), now_ms() + 60_000
        digests = set()
        for chain_id in CHAINS:
            await sign_together(Stage(memory, chain_id), gateway, tenant, "rival")
            stated = await state(gateway, rival, issue(Stage(memory, chain_id), "rival", deadline), chain_id)
            digests.add(stated.digest)
        assert len(digests) == 2

    run(memory, play)


@pytest.mark.parametrize(
    ("code", "changed"),
    [
        ("class-unknown", {"class_id": "nothing"}),
        ("signatures-not-asked", {"class_id": "edition"}),
        ("parameter-malformed", {"class_id": "No class"}),
        ("parameter-malformed", {"items": [{}]}),
        ("parameter-malformed", {"items": [{"token": "7", "owner": "alice"}]}),
        ("deadline-passed", {"deadline": 1}),
        ("deadline-too-far", {"deadline": "2099-12-31"}),
        ("parameter-malformed", {"deadline": "tomorrow"}),
        ("address-malformed", {"signer": "alice"}),
        ("account-not-found", {"signer": STRANGER}),
        ("body-malformed", {"supersedes": "1"}),
        ("body-malformed", {"reason": "misspelt"}),
        ("body-malformed", {"supersedes": "1", "reason": "misspelt"}),
        ("parameter-malformed", {"supersedes": "x", "reason": "misspelt", "items": [{}]}),
    ],
)
def test_an_issue_that_no_chain_would_take_is_not_signed(
    memory: MemoryNetwork, code: str, changed: dict[str, Any]
) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        stage = Stage(memory)
        await sign_together(stage, gateway, tenant, "alice")
        body = issue(stage, "alice", now_ms() + 60_000)
        assert (await refused(gateway, tenant, body | changed)).code == code

    run(memory, play)


def test_who_is_no_signatory_has_no_place(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        stage = Stage(memory)
        await sign_together(stage, gateway, tenant, "operator")
        problem = await refused(gateway, tenant, issue(stage, "alice", now_ms() + 60_000))
        assert (problem.code, problem.values) == ("not-signatory", (stage.name("alice"), CLASS))

    run(memory, play)


def test_the_place_is_the_one_that_the_class_has_now(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        stage, deadline = Stage(memory), now_ms() + 60_000
        await sign_together(stage, gateway, tenant, "alice", "operator")
        assert (await state(gateway, tenant, issue(stage, "alice", deadline))).more["place"] == 0
        named = {"class_id": CLASS, "threshold": 1, "signatories": stage.signatories()[::-1]}
        assert stage.call("platform", "classes.setSignatories", named) == ""
        assert (await state(gateway, tenant, issue(stage, "alice", deadline))).more["place"] == 1

    run(memory, play)
