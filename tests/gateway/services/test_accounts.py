"""Accounts with a key that the gateway keeps: nobody gets at another's account or key by asking for its name."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from chain.signatures import KeyPair
from gateway.errors import Problem
from gateway.services.accounts import AccountOrder, create_account, read_account
from gateway.services.certificates import MintOrder, mint
from gateway.services.gateway import Gateway
from gateway.vault import Tenant
from tests.chain.small_genesis import account_key_pair
from tests.gateway.memory_network import CLASS, MemoryNetwork, close, define


def run(memory: MemoryNetwork, play: Callable[[Gateway, Tenant, Tenant], Awaitable[None]]) -> None:
    """Play on a gateway with the keys of the platform and of its rival."""

    async def whole() -> None:
        gateway = memory.open()
        try:
            await play(gateway, await memory.tenant(gateway), await memory.tenant(gateway, "rival"))
        finally:
            await close(gateway)

    asyncio.run(whole())


def order(chain_id: str = "wuhan", **changed: Any) -> AccountOrder:
    fields: dict[str, Any] = {
        "chain_id": chain_id,
        "role": "consumer",
        "address": None,
        "public_key": None,
        "did": None,
        "leader": None,
        "possession": b"",
    }
    return AccountOrder(**fields | changed)


@pytest.mark.parametrize(("chain_id", "address"), [("wuhan", None), ("zhongyi", "carol1111111")])
def test_a_new_account_can_sign_at_once_by_its_tenants_key(
    memory: MemoryNetwork, chain_id: str, address: str | None
) -> None:
    async def play(gateway: Gateway, platform: Tenant, _rival: Tenant) -> None:
        written, made = await create_account(gateway, platform, order(chain_id, address=address), "key")
        name = written.reference["address"]
        pair = await gateway.key_pair(chain_id, name)
        assert pair.public_key == made.account.public_key
        again = await memory.tenant(gateway)
        assert name in again.accounts[chain_id]
        assert again.accounts[chain_id][0] == platform.accounts[chain_id][0], "the tenant's own account signs as before"
        repeated, _ = await create_account(gateway, platform, order(chain_id, address=address), "key")
        assert repeated.transaction_id == written.transaction_id

    run(memory, play)


def test_asking_for_a_name_that_is_taken_gives_neither_the_account_nor_its_key(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, platform: Tenant, rival: Tenant) -> None:
        name = memory.address("zhongyi", "platform")
        with pytest.raises(Problem) as refused:
            await create_account(gateway, rival, order("zhongyi", address=name), None)
        assert refused.value.code == "account-exists"
        assert name not in (await memory.tenant(gateway, "rival")).accounts["zhongyi"]
        await define(gateway, platform, "zhongyi")  # signed with the key that was there before

    run(memory, play)


def test_the_documents_of_a_taken_name_stay_closed(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, platform: Tenant, rival: Tenant) -> None:
        await define(gateway, platform, "zhongyi")
        holder = memory.address("zhongyi", "alice")
        await mint(
            gateway,
            platform,
            MintOrder(chain_id="zhongyi", class_id=CLASS, holder=holder, content={"name": "李雷"}),
            None,
        )
        with pytest.raises(Problem):
            await create_account(gateway, rival, order("zhongyi", address=holder), None)
        assert (await memory.tenant(gateway, "rival")).accounts["zhongyi"] == rival.accounts["zhongyi"]

    run(memory, play)


def test_of_two_who_ask_for_one_name_the_one_whom_the_chain_gave_it_signs(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, platform: Tenant, rival: Tenant) -> None:
        wish = order("zhongyi", address="carol1111111")
        answers = await asyncio.gather(
            *(create_account(gateway, tenant, wish, None) for tenant in (platform, rival)), return_exceptions=True
        )
        assert sorted(isinstance(answer, Problem) for answer in answers) == [False, True]
        public_key = (await read_account(gateway, "zhongyi", "carol1111111")).account.public_key
        assert (await gateway.key_pair("zhongyi", "carol1111111")).public_key == public_key
        owners = [
            name
            for name in ("platform", "rival")
            if "carol1111111" in (await memory.tenant(gateway, name)).accounts["zhongyi"]
        ]
        assert len(owners) == 1

    run(memory, play)


def test_a_key_that_the_client_keeps_is_not_the_gateways(memory: MemoryNetwork) -> None:
    def brought(chain_id: str, address: str | None, pair: KeyPair) -> AccountOrder:
        rules = memory.chains[chain_id].rules
        message = b"" if address is None else rules.registration_bytes(rules.addresses.parse(address), pair.public_key)
        possession = b"" if address is None else pair.sign(message)
        return order(chain_id, address=address, public_key=pair.public_key, possession=possession)

    async def play(gateway: Gateway, platform: Tenant, _rival: Tenant) -> None:
        for chain_id, address in (("wuhan", None), ("zhongyi", "carol1111111")):
            pair = account_key_pair(chain_id, "carol")
            written, made = await create_account(gateway, platform, brought(chain_id, address, pair), None)
            assert made.account.public_key == pair.public_key
            name = written.reference["address"]
            assert name not in (await memory.tenant(gateway)).accounts[chain_id]
            with pytest.raises(Problem) as refused:
                await gateway.key_pair(chain_id, name)
            assert refused.value.code == "key-not-allowed"

    run(memory, play)


def test_what_makes_no_account_is_refused_by_its_own_code(memory: MemoryNetwork) -> None:
    other = account_key_pair("wuhan", "carol")
    wishes = {
        "parameter-malformed": order("zhongyi"),
        "address-malformed": order("zhongyi", address="Carol"),
        "public-key-malformed": order(public_key=bytes(33)),
        "address-differs": order(address=memory.address("wuhan", "bob"), public_key=other.public_key),
        "role-not-allowed": order(role="platform"),
        "possession-not-proven": order(
            "zhongyi",
            address="carol1111111",
            public_key=account_key_pair("zhongyi", "carol").public_key,
            possession=bytes(64),
        ),
    }

    async def play(gateway: Gateway, platform: Tenant, _rival: Tenant) -> None:
        for code, wish in wishes.items():
            with pytest.raises(Problem) as refused:
                await create_account(gateway, platform, wish, None)
            assert refused.value.code == code
        with pytest.raises(Problem) as refused:
            await read_account(gateway, "wuhan", memory.address("wuhan", "bob"))
        assert refused.value.code == "account-not-found"

    run(memory, play)
