"""A change of a certificate is stored before it is sent, whatever it took to make it; and what is kept signs as it is now."""

import asyncio
from typing import Any

import pytest

from chain.codec import decode
from chain.rpc import Outcomes
from chain.transaction import SignedTransaction, Transaction
from contracts.accounts import AddAccount
from contracts.ddc721 import Reissue
from contracts.rebinding import RequestRebind
from gateway.errors import Problem
from gateway.services import life
from gateway.services.certificates import mint, read
from gateway.services.gateway import Gateway
from gateway.vault import Tenant, keep_did_keys, take_did_keys
from tests.chain.small_genesis import did_of
from tests.contracts.small_chain import SmallChain
from tests.gateway.index_play import Play
from tests.gateway.memory_network import MemoryNetwork
from tests.gateway.services.test_calls import CHAIN, order, run
from tests.gateway.services.test_dids import NEW_SEED, made, rotate, wish

REISSUE = life.ReissueOrder(
    content={"name": "韩梅梅"}, holder=None, valid_from=None, valid_until=None, uri="", token=None, reason="misspelt"
)


def wanted(method: str, build: life.Build, asked: Any, account: str | None = None) -> life.ChangeOrder:
    return life.ChangeOrder(method=method, build=build, asked=asked, account=account)


def arguments_of(memory: MemoryNetwork, method: str, record: type[Any]) -> list[Any]:
    """What was sent to the method so far."""
    bodies = [decode(decode(raw, SignedTransaction).body, Transaction) for raw in memory.raws()]
    return [decode(body.arguments, record) for body in bodies if body.method == method]


def test_a_killed_gateway_sends_the_stored_reissue_again(memory: MemoryNetwork) -> None:
    """The token id and the salts are those of the first time, for the holder was never told others."""
    reissue = wanted("reissue", life.reissue, REISSUE)

    async def unanswered(gateway: Gateway, tenant: Tenant) -> str:
        name = (await mint(gateway, tenant, order(memory), None)).proven.name.path
        for link in memory.links:
            link.lie = lambda answer: None if isinstance(answer, Outcomes) else answer
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(life.change(gateway, tenant, name, reissue, "key"), 0.3)
        return name

    name = run(memory, unanswered)
    for link in memory.links:
        link.lie = lambda answer: answer

    async def again(gateway: Gateway, tenant: Tenant) -> None:
        changed = await life.change(gateway, tenant, name, reissue, "key")
        (sent,) = {one.item.token for one in arguments_of(memory, "reissue", Reissue)}
        assert changed.proven.certificate.token == sent
        assert changed.document is not None
        assert changed.document.content == {"name": "韩梅梅"}
        assert changed.document.content_root == changed.proven.certificate.content_root
        assert changed.proven.certificate.supersedes == (await read(gateway, name)).certificate.token

    run(memory, again)


def test_a_rebind_is_signed_with_the_key_that_the_did_has_now(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        name = (await mint(gateway, tenant, order(memory), None)).proven.name.path
        to = gateway.chain(CHAIN).rules.addresses.format(
            (await made(gateway, tenant, did=wish(did_of("alice")))).address
        )
        rotate(memory, "alice")
        asked = life.RebindOrder(to=to, did_sequence=None, signature=None)
        request = wanted("requestRebind", life.request_rebind, asked)
        with pytest.raises(Problem) as refused:
            await life.change(gateway, tenant, name, request, None)
        assert refused.value.code == "key-not-kept"
        assert arguments_of(memory, "requestRebind", RequestRebind) == []
        seal = gateway.seal
        assert seal is not None
        _, (recovery,) = await gateway.in_vault(lambda db: take_did_keys(db, seal, did_of("alice")))
        await gateway.in_vault(lambda db: keep_did_keys(db, seal, did_of("alice"), NEW_SEED, recovery))
        await life.change(gateway, tenant, name, request, None)
        (sent,) = arguments_of(memory, "requestRebind", RequestRebind)
        assert sent.did_sequence == 1

    run(memory, play)


def test_nobody_can_sign_for_a_holder_without_a_did(memory: MemoryNetwork) -> None:
    without = {"did": bytes(20), "did_signature": b"", "document": None}
    dave = AddAccount(item=SmallChain.founded().new_account("dave", **without))

    async def play(gateway: Gateway, tenant: Tenant) -> None:
        assert Play(chain=memory.chains[CHAIN]).act("platform", "authority", "addAccountByPlatform", dave)
        name = (await mint(gateway, tenant, order(memory, holder=memory.address(CHAIN, "dave")), None)).proven.name.path
        asked = life.RebindOrder(to=memory.address(CHAIN, "alice"), did_sequence=None, signature=None)
        with pytest.raises(Problem) as refused:
            await life.change(gateway, tenant, name, wanted("requestRebind", life.request_rebind, asked), None)
        assert (refused.value.code, refused.value.values) == ("did-missing", (memory.address(CHAIN, "dave"),))

    run(memory, play)


def test_without_the_passphrase_nothing_becomes_of_a_certificate(memory: MemoryNetwork) -> None:
    async def first(gateway: Gateway, tenant: Tenant) -> str:
        return (await mint(gateway, tenant, order(memory), None)).proven.name.path

    async def locked(name: str) -> None:
        gateway = memory.open(passphrase=None)
        tenant = await memory.tenant(gateway)
        rebind = life.RebindOrder(to=memory.address(CHAIN, "platform"), did_sequence=None, signature=None)
        for method, build, asked in (
            ("revoke", life.change_status, life.StatusOrder(reason="by-request")),
            ("reissue", life.reissue, REISSUE),
            ("requestRebind", life.request_rebind, rebind),
        ):
            with pytest.raises(Problem) as refused:
                await life.change(gateway, tenant, name, wanted(method, build, asked), None)
            assert refused.value.code == "read-only"
        gateway.vault.close()
        gateway.index.close()

    name = run(memory, first)
    sent = len(memory.raws())
    asyncio.run(locked(name))
    assert len(memory.raws()) == sent
