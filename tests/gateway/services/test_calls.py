"""A write is stored before it is sent, answers once per Idempotency-Key, and is signed anew only when it cannot count."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from chain.codec import decode
from chain.rpc import Outcomes
from chain.transaction import SignedTransaction, Transaction
from gateway.errors import Problem
from gateway.index import add_block
from gateway.services import calls
from gateway.services.certificates import MintOrder, document_of, mint, read
from gateway.services.classes import schema_of
from gateway.services.gateway import Gateway
from gateway.services.life import ChangeOrder, StatusOrder, change, change_status
from gateway.vault import Tenant
from tests.gateway.memory_chain import MemoryChain, heard
from tests.gateway.memory_network import CLASS, MemoryNetwork, close, define

CHAIN = "wuhan"


def run(memory: MemoryNetwork, play: Callable[[Gateway, Tenant], Awaitable[Any]], *, defined: bool = True) -> Any:
    """Play on a gateway of the memory, with the class defined and the platform's key."""

    async def whole() -> Any:
        gateway = memory.open()
        try:
            tenant = await memory.tenant(gateway)
            if defined and not memory.chains[CHAIN].blocks:
                await define(gateway, tenant)
            return await play(gateway, tenant)
        finally:
            await close(gateway)

    return asyncio.run(whole())


def order(memory: MemoryNetwork, **changed: Any) -> MintOrder:
    fields = {
        "chain_id": CHAIN,
        "class_id": CLASS,
        "holder": memory.address(CHAIN, "alice"),
        "content": {"name": "李雷"},
    }
    return MintOrder(**fields | changed)


def status(method: str) -> ChangeOrder:
    return ChangeOrder(method=method, build=change_status, asked=StatusOrder(reason="unspecified"), account=None)


async def follow(gateway: Gateway, chain: MemoryChain) -> None:
    """Bring the index up to the chain's head."""
    for block in chain.blocks:
        await gateway.in_index(lambda db, block=block: add_block(db, chain.rules, heard(block)))


def minted(memory: MemoryNetwork) -> int:
    """How many certificates the chain has."""
    return sum(
        decode(decode(raw, SignedTransaction).body, Transaction).method == "mint" and receipt.succeeded
        for block in memory.chains[CHAIN].blocks
        for raw, receipt in zip(block.transactions, block.receipts, strict=True)
    )


def later(memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    """The window of every transaction so far goes by, for nodes and gateway."""
    chain = memory.chains[CHAIN]
    chain.pass_window()
    monkeypatch.setattr(calls, "now_ms", lambda: time.time_ns() // 1_000_000 + chain.ahead_ms)


def test_the_same_key_and_body_answer_the_first_certificate(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        first = await mint(gateway, tenant, order(memory), "key")
        again = await mint(gateway, tenant, order(memory), "key")
        assert again.proven.name == first.proven.name
        assert again.written.transaction_id == first.written.transaction_id
        assert again.document == first.document

    run(memory, play)
    assert minted(memory) == 1


def test_the_same_key_and_another_body_conflict(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        await mint(gateway, tenant, order(memory), "key")
        for changed in (order(memory, content={"name": "韩梅梅"}), order(memory, uri="https://a.example/")):
            with pytest.raises(Problem) as refused:
                await mint(gateway, tenant, changed, "key")
            assert refused.value.code == "idempotency-conflict"

    run(memory, play)
    assert minted(memory) == 1


def test_a_key_belongs_to_its_tenant_and_to_its_method(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        first = await mint(gateway, tenant, order(memory), "key")
        with pytest.raises(Problem) as refused:
            await change(gateway, tenant, first.proven.name.path, status("revoke"), "key")
        assert refused.value.code == "idempotency-conflict"
        operator = await memory.tenant(gateway, "operator")
        frozen = await change(gateway, operator, first.proven.name.path, status("freeze"), "key")
        assert frozen.proven.certificate.frozen

    run(memory, play)


def test_two_at_once_under_one_key_mint_one_certificate(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        both = await asyncio.gather(*(mint(gateway, tenant, order(memory), "key") for _ in range(8)))
        assert len({changed.proven.name for changed in both}) == 1
        assert all(changed.document is not None for changed in both)

    run(memory, play)
    assert minted(memory) == 1


def test_without_a_key_every_request_mints(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        both = [await mint(gateway, tenant, order(memory), None) for _ in range(2)]
        assert both[0].proven.name != both[1].proven.name

    run(memory, play)
    assert minted(memory) == 2


def test_a_killed_gateway_sends_the_stored_bytes_again(memory: MemoryNetwork) -> None:
    async def unanswered(gateway: Gateway, tenant: Tenant) -> None:
        for link in memory.links:
            link.lie = lambda answer: None if isinstance(answer, Outcomes) else answer
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(mint(gateway, tenant, order(memory), "key"), 0.3)

    async def again(gateway: Gateway, tenant: Tenant) -> None:
        for link in memory.links:
            link.lie = lambda answer: answer
        changed = await mint(gateway, tenant, order(memory), "key")
        assert changed.document is not None
        assert changed.document.content == {"name": "李雷"}

    run(memory, unanswered)
    sent = len(memory.raws())
    run(memory, again)
    assert memory.raws()[sent:] == memory.raws()[sent - 1 : sent]
    assert minted(memory) == 1


def test_a_mint_of_long_ago_is_answered_from_its_block(memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nodes forget an id with the window and call the bytes expired; the block that holds them is there for ever."""

    async def first(gateway: Gateway, tenant: Tenant) -> str:
        changed = await mint(gateway, tenant, order(memory), "key")
        await follow(gateway, memory.chains[CHAIN])
        return changed.proven.name.path

    async def again(gateway: Gateway, tenant: Tenant) -> str:
        return (await mint(gateway, tenant, order(memory), "key")).proven.name.path

    name = run(memory, first)
    later(memory, monkeypatch)
    assert run(memory, again) == name
    assert minted(memory) == 1


def test_what_expired_unsent_is_signed_anew(memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    async def unsent(gateway: Gateway, tenant: Tenant) -> None:
        await schema_of(gateway, gateway.chain(CHAIN), CLASS)
        for link in memory.links:
            link.connected = False
        with pytest.raises(Problem) as refused:
            await mint(gateway, tenant, order(memory), "key")
        assert refused.value.code == "no-node"

    async def again(gateway: Gateway, tenant: Tenant) -> str:
        chain = memory.chains[CHAIN]
        for link in memory.links:
            link.connected = True
        await follow(gateway, chain)
        with pytest.raises(Problem) as refused:  # the index does not yet know the block that proves it
            await mint(gateway, tenant, order(memory), "key")
        assert refused.value.code == "not-final"
        await follow(gateway, chain)
        return (await mint(gateway, tenant, order(memory), "key")).proven.name.path

    async def kept(gateway: Gateway, tenant: Tenant) -> str:
        return (await mint(gateway, tenant, order(memory), "key")).proven.name.path

    run(memory, unsent)
    later(memory, monkeypatch)
    name = run(memory, again)
    assert run(memory, kept) == name
    assert minted(memory) == 1


def test_a_touch_that_comes_too_soon_is_no_problem(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        chain = gateway.chain(CHAIN)
        height = (await calls.read_state(chain, [])).header.height
        await calls.touch(gateway, chain)  # the class was defined a moment ago
        assert (await calls.read_state(chain, [])).header.height == height
        memory.chains[CHAIN].ahead_ms += 6_000
        await calls.touch(gateway, chain)
        assert (await calls.read_state(chain, [])).header.height == height + 1

    run(memory, play)


def test_a_refused_mint_under_a_taken_id_leaves_the_first_document_alone(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        first = await mint(gateway, tenant, order(memory, token="7"), None)
        with pytest.raises(Problem) as refused:
            await mint(gateway, tenant, order(memory, token="7", content={"name": "韩梅梅"}), None)
        assert refused.value.code == "token-exists"
        again = await mint(gateway, tenant, order(memory, token="8"), None)
        assert again.document is not None
        kept = await document_of(gateway, await read(gateway, first.proven.name.path))
        assert kept == first.document
        assert kept is not None
        assert kept.content == {"name": "李雷"}

    run(memory, play)


def test_without_the_passphrase_nothing_is_signed(memory: MemoryNetwork) -> None:
    async def whole() -> None:
        gateway = memory.open()
        tenant = await memory.tenant(gateway)
        await define(gateway, tenant)
        await close(gateway)
        gateway = memory.open(passphrase=None)
        with pytest.raises(Problem) as refused:
            await mint(gateway, tenant, order(memory), None)
        assert refused.value.code == "read-only"
        await close(gateway)

    asyncio.run(whole())


def test_bytes_that_are_no_transaction_are_not_sent(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, _tenant: Tenant) -> None:
        with pytest.raises(Problem) as refused:
            calls.transaction_id_of(gateway.chain(CHAIN), b"\x93\x01\x02\x03")
        assert refused.value.code == "transaction-malformed"

    run(memory, play, defined=False)


def test_a_key_without_an_account_on_the_chain_signs_nothing(memory: MemoryNetwork) -> None:
    tenant = Tenant("id", "nobody", {"zhongyi": ("certplatform",)}, frozenset({"ddc721.freeze"}))

    async def play(gateway: Gateway, _: Tenant) -> None:
        for chain_id in ("wuhan", "zhongyi"):
            with pytest.raises(Problem) as refused:
                calls.sender_of(tenant, gateway.chain(chain_id), "ddc721.mint")
            assert refused.value.code == "key-not-allowed"
        assert calls.sender_of(tenant, gateway.chain("zhongyi"), "ddc721.freeze") == "certplatform"

    run(memory, play, defined=False)
