"""Accounts with a key that the gateway keeps: nobody gets at another's account or key by asking for its name.

What role an account gets, and under whom, follows from who creates it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from chain.signatures import KeyPair
from contracts.access import Account
from contracts.interface import Role
from gateway.errors import Problem
from gateway.services.accounts import AccountOrder, create_account, read_account
from gateway.services.certificates import MintOrder, mint
from gateway.services.gateway import Gateway
from gateway.vault import Tenant
from tests.chain.small_genesis import account_key_pair, did_of
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
        assert await refused(gateway, rival, chain_id="zhongyi", address=name) == "account-exists"
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
            with pytest.raises(Problem) as problem:
                await gateway.key_pair(chain_id, name)
            assert problem.value.code == "key-not-allowed"

    run(memory, play)


def test_what_makes_no_account_is_refused_by_its_own_code(memory: MemoryNetwork) -> None:
    other = account_key_pair("wuhan", "carol")
    wishes = {
        "parameter-malformed": order("zhongyi"),
        "address-malformed": order("zhongyi", address="Carol"),
        "public-key-malformed": order(public_key=bytes(33)),
        "address-differs": order(address=memory.address("wuhan", "bob"), public_key=other.public_key),
        "role-not-allowed": order(role="platform"),
        "leader-differs": order(leader=did_of("rival")),
        "possession-not-proven": order(
            "zhongyi",
            address="carol1111111",
            public_key=account_key_pair("zhongyi", "carol").public_key,
            possession=bytes(64),
        ),
    }

    async def play(gateway: Gateway, platform: Tenant, _rival: Tenant) -> None:
        for code, wish in wishes.items():
            with pytest.raises(Problem) as problem:
                await create_account(gateway, platform, wish, None)
            assert problem.value.code == code
        with pytest.raises(Problem) as problem:
            await read_account(gateway, "wuhan", memory.address("wuhan", "bob"))
        assert problem.value.code == "account-not-found"

    run(memory, play)


async def made(gateway: Gateway, tenant: Tenant, **changed: Any) -> Account:
    return (await create_account(gateway, tenant, order(**changed), None))[1].account


async def refused(gateway: Gateway, tenant: Tenant, **changed: Any) -> str:
    with pytest.raises(Problem) as problem:
        await create_account(gateway, tenant, order(**changed), None)
    return problem.value.code


def play_as(memory: MemoryNetwork, person: str, play: Callable[[Gateway, Tenant], Awaitable[None]]) -> None:
    """Play on a gateway with the key of one person."""

    async def whole(gateway: Gateway, _platform: Tenant, _rival: Tenant) -> None:
        await play(gateway, await memory.tenant(gateway, person))

    run(memory, whole)


def test_a_platform_adds_consumers_of_its_own(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, platform: Tenant) -> None:
        for leader in (None, did_of("platform")):
            account = await made(gateway, platform, leader=leader)
            assert (account.role, account.leader) == (Role.CONSUMER, did_of("platform"))
        for role in ("platform", "operator", "cross-chain", "relayer"):
            assert await refused(gateway, platform, role=role) == "role-not-allowed"

    play_as(memory, "platform", play)


def test_an_operator_adds_platforms_and_consumers_of_the_platform_that_it_names(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, operator: Tenant) -> None:
        platform = await made(gateway, operator, role="platform")
        assert (platform.role, platform.leader) == (Role.PLATFORM, did_of("operator"))
        assert await made(gateway, operator, role="platform", leader=did_of("operator"))
        for leader in (did_of("platform"), platform.did):
            account = await made(gateway, operator, leader=leader)
            assert (account.role, account.leader) == (Role.CONSUMER, leader)
        assert await refused(gateway, operator) == "parameter-malformed"
        assert await refused(gateway, operator, leader=did_of("alice")) == "leader-unknown"
        assert await refused(gateway, operator, role="platform", leader=did_of("platform")) == "leader-differs"
        assert await refused(gateway, operator, role="operator") == "role-not-allowed"

    play_as(memory, "operator", play)


def test_the_owner_adds_those_who_stand_beside_the_platforms(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, owner: Tenant) -> None:
        for role, added in (
            ("operator", Role.OPERATOR),
            ("cross-chain", Role.CROSS_CHAIN),
            ("relayer", Role.RELAYER),
        ):
            account = await made(gateway, owner, role=role)
            assert (account.role, account.leader) == (added, account.did)
        for role in ("consumer", "platform"):
            assert await refused(gateway, owner, role=role) == "role-not-allowed"
        assert await refused(gateway, owner, role="relayer", leader=did_of("owner")) == "leader-differs"

    play_as(memory, "owner", play)


def test_a_key_may_be_limited_to_the_method_that_its_role_calls(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, platform: Tenant) -> None:
        for method, may in (("addAccountByPlatform", True), ("addAccountByOperator", False), ("addAccount", False)):
            limited = Tenant(platform.key_id, "limited", platform.accounts, frozenset({f"authority.{method}"}))
            if may:
                assert await made(gateway, limited)
            else:
                assert await refused(gateway, limited) == "key-not-allowed"
        nobody = Tenant(platform.key_id, "nobody", {}, frozenset())
        assert await refused(gateway, nobody) == "key-not-allowed"

    play_as(memory, "platform", play)


def test_who_may_add_nobody_is_told_so(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, platform: Tenant) -> None:
        alice = Tenant(platform.key_id, "alice", {"wuhan": (memory.address("wuhan", "alice"),)}, frozenset())
        assert await refused(gateway, alice) == "role-not-allowed"

    play_as(memory, "platform", play)
