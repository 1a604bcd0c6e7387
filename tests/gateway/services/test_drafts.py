"""Drafts: checked as a mint is, kept before anybody issues them, issued by whom it takes, erased if nobody does."""

from collections.abc import Iterable
from typing import Any

import pytest

from chain.codec import encode
from contracts.editions import CreateEdition
from contracts.issuing import MintItem
from credentials.content import content_root
from gateway.arguments import show_record
from gateway.errors import Problem
from gateway.services.certificates import MintOrder, document_of, may_read_document, read
from gateway.services.classes import schema_of
from gateway.services.drafts import Draft, draft, erase_draft
from gateway.services.gateway import Gateway, now_ms
from gateway.vault import Document, Tenant, find_document
from tests.gateway.memory_network import CLASS, MemoryNetwork
from tests.gateway.statement_play import EDITIONS, Stage, define_both, run, signed, state

CONTENT = {"name": "李雷", "score": 97}


def order(memory: MemoryNetwork, **changed: Any) -> MintOrder:
    fields: dict[str, Any] = {
        "chain_id": "wuhan", "class_id": CLASS, "holder": memory.address("wuhan", "alice"), "content": CONTENT,
    }  # fmt: skip
    return MintOrder(**fields | changed)


def edition(memory: MemoryNetwork, **changed: Any) -> MintOrder:
    return order(memory, **{"class_id": EDITIONS, "holder": None} | changed)


async def kept(gateway: Gateway, drawn: Draft) -> Document | None:
    """The document in the vault."""
    own = drawn.document
    return await gateway.in_vault(lambda db: find_document(db, own.chain, own.class_id, own.token, own.content_root))


async def refused(gateway: Gateway, tenant: Tenant, asked: MintOrder) -> Problem:
    with pytest.raises(Problem) as problem:
        await draft(gateway, tenant, asked)
    return problem.value


def test_a_draft_is_kept_and_nothing_is_sent(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        await define_both(gateway, tenant)
        sent = len(memory.raws())
        drawn = await draft(gateway, tenant, order(memory, uri="https://example.org/1", valid_until=2**50))
        assert len(memory.raws()) == sent
        item, document = drawn.item, drawn.document
        assert isinstance(item, MintItem)
        schema = await schema_of(gateway, gateway.chain("wuhan"), CLASS)
        rules = memory.chains["wuhan"].rules
        assert item.content_root == content_root(rules.digest, schema, CONTENT, document.salts)
        assert show_record(rules, item) == {
            "token": document.token, "holder": memory.address("wuhan", "alice"), "content_root": item.content_root.hex(),
            "uri": "https://example.org/1", "valid_from": None, "valid_until": 2**50,
        }  # fmt: skip
        assert await kept(gateway, drawn) == document
        assert (document.issuer, document.content) == (memory.address("wuhan", "platform"), CONTENT)

    run(memory, play)


def test_two_drafts_of_one_content_have_nothing_in_common(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        await define_both(gateway, tenant)
        one, other = [await draft(gateway, tenant, order(memory)) for _ in range(2)]
        assert one.document.token != other.document.token
        assert one.document.content_root != other.document.content_root
        assert set(one.document.salts).isdisjoint(other.document.salts)

    run(memory, play)


def test_a_draft_is_issued_with_the_signatures_of_all_and_its_document_is_its_certificates(
    memory: MemoryNetwork,
) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        stage, deadline = Stage(memory), now_ms() + 60_000
        await define_both(gateway, tenant)
        signatories = {"operator": 0, "rival": 1}
        named = {"class_id": CLASS, "threshold": 2, "signatories": [stage.name(person) for person in signatories]}
        assert stage.call("platform", "classes.setSignatories", named) == ""
        drawn = await draft(gateway, tenant, order(memory))
        items = [show_record(stage.chain.rules, drawn.item)]
        signatures = []
        for person in signatories:
            body = {
                "kind": "issue",
                "class_id": CLASS,
                "items": items,
                "deadline": deadline,
                "signer": stage.name(person),
            }
            signatures.append(signed(await state(gateway, await memory.tenant(gateway, person), body)))
        call = {"class_id": CLASS, "items": items, "deadline": deadline, "signers": [0, 1], "signatures": signatures}
        assert stage.call("platform", "ddc721.mintSigned", call) == ""
        proven = await read(gateway, f"wuhan.ddc721.{CLASS}.{drawn.document.token}")
        assert await document_of(gateway, proven) == drawn.document
        assert may_read_document(tenant, drawn.document, proven)
        assert not may_read_document(await memory.tenant(gateway, "rival"), drawn.document, proven)

    run(memory, play)


def test_a_draft_fits_every_call_that_issues_one(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        stage, rules = Stage(memory), memory.chains["wuhan"].rules
        await define_both(gateway, tenant)

        async def item() -> dict[str, Any]:
            return show_record(rules, (await draft(gateway, tenant, order(memory))).item)

        first = await item()
        assert stage.call("platform", "ddc721.safeMint", {"class_id": CLASS, "item": first, "data": ""}) == ""
        reissue = {"class_id": CLASS, "token": first["token"], "holder": None, "reason": "misspelt"}
        assert stage.call("platform", "ddc721.reissue", reissue | {"item": await item()}) == ""
        holder = {"signer": stage.name("alice"), "arguments": {"class_id": CLASS, "item": await item(), "data": ""}}
        stated = await state(gateway, tenant, {"kind": "meta", "contract": "ddc721", "method": "metaMint", **holder})
        assert stage.call("platform", "ddc721.metaMint", stated.more["arguments"]) == ""

    run(memory, play)


def test_an_edition_is_drafted_without_a_holder(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        stage = Stage(memory)
        await define_both(gateway, tenant)
        drawn = await draft(gateway, tenant, edition(memory, token="7"))
        assert isinstance(drawn.item, CreateEdition)
        assert (drawn.document.holder, drawn.document.token) == ("", "7")
        assert encode(drawn.item)
        assert stage.call("platform", "ddc1155.createEdition", show_record(stage.chain.rules, drawn.item)) == ""
        assert await kept(gateway, drawn) == drawn.document

    run(memory, play)


def test_what_is_no_certificate_of_its_class_is_not_kept(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        await define_both(gateway, tenant)
        wrong: Iterable[tuple[str, MintOrder]] = (
            ("content-invalid", order(memory, content={"colour": "red"})),
            ("parameter-malformed", order(memory, holder=None)),
            ("parameter-malformed", edition(memory, holder=memory.address("wuhan", "alice"))),
            ("address-malformed", order(memory, holder="alice")),
            ("id-malformed", order(memory, token="-1")),
            ("class-unknown", order(memory, class_id="nothing")),
            ("class-unknown", order(memory, chain_id="zhongyi")),
            ("chain-unknown", order(memory, chain_id="nowhere")),
        )
        for code, asked in wrong:
            assert (await refused(gateway, tenant, asked)).code == code
        nobody = Tenant("key", "nobody", {}, frozenset())
        assert (await refused(gateway, nobody, order(memory))).code == "key-not-allowed"
        rows = await gateway.in_vault(lambda db: db.execute("SELECT COUNT(*) FROM documents").fetchone())
        assert rows == (0,)

    run(memory, play)


def test_a_gateway_that_can_sign_nothing_drafts_all_the_same(memory: MemoryNetwork) -> None:
    async def defined(gateway: Gateway, tenant: Tenant) -> None:
        await define_both(gateway, tenant)

    async def play(gateway: Gateway, tenant: Tenant) -> None:
        drawn = await draft(gateway, tenant, order(memory))
        assert await kept(gateway, drawn) == drawn.document

    run(memory, defined)
    run(memory, play, passphrase=False)


async def unknown(gateway: Gateway, tenant: Tenant, token: str, class_id: str = CLASS, chain: str = "wuhan") -> str:
    with pytest.raises(Problem) as problem:
        await erase_draft(gateway, tenant, chain, class_id, token)
    return problem.value.code


def test_a_draft_is_erased_by_who_drafted_it(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        await define_both(gateway, tenant)
        rival = await memory.tenant(gateway, "rival")
        drafts = [await draft(gateway, tenant, order(memory, token=token)) for token in ("7", "7", "8")]
        others = await draft(gateway, rival, order(memory, token="7"))
        assert len({drawn.document.content_root for drawn in drafts}) == 3
        assert await unknown(gateway, await memory.tenant(gateway, "owner"), "7") == "document-unknown"
        await erase_draft(gateway, tenant, "wuhan", CLASS, "7")
        assert [await kept(gateway, drawn) for drawn in drafts] == [None, None, drafts[2].document]
        assert await kept(gateway, others) == others.document
        for token, class_id, chain in (("7", CLASS, "wuhan"), ("8", "nothing", "wuhan"), ("8", CLASS, "zhongyi")):
            assert await unknown(gateway, tenant, token, class_id, chain) == "document-unknown"
        assert await unknown(gateway, tenant, "8", chain="nowhere") == "chain-unknown"

    run(memory, play)
