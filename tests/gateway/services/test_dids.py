"""DIDs of accounts: drawn and kept here, signed for only those whose they are, or brought with their own signatures."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from chain.did import Rotation, statement_digest
from chain.signatures import KeyPair, SchemeName, scheme
from contracts.access import Account
from contracts.did import Rotate
from gateway.errors import Problem
from gateway.services.accounts import create_account
from gateway.services.dids import DidOrder, find_document
from gateway.services.gateway import Gateway
from gateway.vault import Tenant, keep_did_keys, take_did_keys
from tests.chain.small_genesis import account_key_pair, address_of, did_base, did_key_pair, did_of
from tests.contracts.small_chain import SmallChain
from tests.gateway.index_play import Play
from tests.gateway.memory_network import MemoryNetwork, close
from tests.gateway.services.test_accounts import order

NEW_SEED = b"n" * 32
ADDRESSES = {"wuhan": None, "zhongyi": "carol1111111"}


def run(memory: MemoryNetwork, play: Callable[[Gateway, Tenant], Awaitable[None]]) -> None:
    async def whole() -> None:
        gateway = memory.open()
        try:
            await play(gateway, await memory.tenant(gateway))
        finally:
            await close(gateway)

    asyncio.run(whole())


def wish(did: bytes, **changed: Any) -> DidOrder:
    fields: dict[str, Any] = {"did": did, "sequence": 0, "signature": None, "document": None}
    return DidOrder(**fields | changed)


async def made(gateway: Gateway, tenant: Tenant, **changed: Any) -> Account:
    return (await create_account(gateway, tenant, order(**changed), None))[1].account


async def refused(gateway: Gateway, tenant: Tenant, **changed: Any) -> str:
    with pytest.raises(Problem) as problem:
        await create_account(gateway, tenant, order(**changed), None)
    return problem.value.code


def secp256k1(seed: bytes) -> KeyPair:
    return scheme(SchemeName.SECP256K1).key_pair(seed)


async def kept(gateway: Gateway, did: bytes) -> tuple[list[bytes], list[bytes]]:
    seal = gateway.seal
    assert seal is not None
    return await gateway.in_vault(lambda connection: take_did_keys(connection, seal, did))


def rotate(memory: MemoryNetwork, person: str, chain_id: str = "wuhan") -> None:
    """The DID of a person gets a new authentication key."""
    rules, new = memory.chains[chain_id].rules, secp256k1(NEW_SEED)
    rotation = Rotation(did=did_of(person), sequence=1, authentication=new.public_key)
    digest = statement_digest(rules.network_id, did_base(person).home, rotation)
    signature, possession = did_key_pair(person, "recovery").sign(digest), new.sign(digest)
    call = Rotate(rotation=rotation, signature=signature, possession=possession)
    assert Play(chain=memory.chains[chain_id]).act("platform", "did", "rotate", call)


@pytest.mark.parametrize("chain_id", ["wuhan", "zhongyi"])
def test_a_drawn_did_is_known_at_home_and_both_its_keys_are_kept(memory: MemoryNetwork, chain_id: str) -> None:
    async def play(gateway: Gateway, platform: Tenant) -> None:
        account = await made(gateway, platform, chain_id=chain_id, address=ADDRESSES[chain_id])
        document = await find_document(gateway.chain(chain_id), account.did)
        assert document is not None
        assert (document.home, document.sequence) == (chain_id, 0)
        (authentication,), (recovery,) = await kept(gateway, account.did)
        assert secp256k1(authentication).public_key == document.authentication
        assert secp256k1(recovery).public_key == document.recovery
        assert (await memory.tenant(gateway)).has_did(account.did)
        assert not (await memory.tenant(gateway, "rival")).has_did(account.did)

    run(memory, play)


def test_no_two_accounts_get_one_did(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, platform: Tenant) -> None:
        assert (await made(gateway, platform)).did != (await made(gateway, platform)).did

    run(memory, play)


def test_a_drawn_did_joins_accounts_of_its_tenant_on_every_chain(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, platform: Tenant) -> None:
        did = (await made(gateway, platform)).did
        platform = await memory.tenant(gateway)
        assert (await made(gateway, platform, did=wish(did))).did == did
        assert await find_document(gateway.chain("zhongyi"), did) is None
        elsewhere = await made(gateway, platform, chain_id="zhongyi", address="carol1111111", did=wish(did))
        assert elsewhere.did == did
        document = await find_document(gateway.chain("zhongyi"), did)
        assert document is not None
        assert document.home == "wuhan"

    run(memory, play)


def test_nobody_signs_with_the_did_of_another_tenant(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, platform: Tenant) -> None:
        rival, sent = await memory.tenant(gateway, "rival"), len(memory.raws())
        did = (await made(gateway, platform)).did
        sent = len(memory.raws())
        for other in (did, did_of("platform"), did_of("alice"), bytes(20)):
            assert await refused(gateway, rival, did=wish(other)) == "parameter-malformed"
        assert len(memory.raws()) == sent

    run(memory, play)


def test_a_rotated_did_is_signed_for_with_the_key_that_the_chain_has_now(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, platform: Tenant) -> None:
        assert (await made(gateway, platform, did=wish(did_of("alice")))).did == did_of("alice")
        rotate(memory, "alice")
        assert await refused(gateway, platform, did=wish(did_of("alice"))) == "parameter-malformed"
        seal = gateway.seal
        assert seal is not None
        _, (recovery,) = await kept(gateway, did_of("alice"))
        await gateway.in_vault(lambda db: keep_did_keys(db, seal, did_of("alice"), NEW_SEED, recovery))
        assert (await made(gateway, platform, did=wish(did_of("alice")))).did == did_of("alice")
        documents = [await find_document(gateway.chain(chain), did_of("alice")) for chain in ("wuhan", "zhongyi")]
        assert [document and document.sequence for document in documents] == [1, 0]
        old = await made(gateway, platform, chain_id="zhongyi", address="carol1111111", did=wish(did_of("alice")))
        assert old.did == did_of("alice")

    run(memory, play)


def brought(memory: MemoryNetwork, person: str, **changed: Any) -> dict[str, Any]:
    """The account of somebody who keeps every key: its public key, its DID's document, and the signature that joins them."""
    paper, rules = SmallChain.founded(), memory.chains["wuhan"].rules
    public_key = account_key_pair("wuhan", person).public_key
    signature = paper.joins(person, address_of(rules, person), public_key)
    fields: dict[str, Any] = {"did": did_of(person), "signature": signature, "document": paper.new_did(person)}
    return {"public_key": public_key, "did": wish(**fields | changed)}


def test_who_brings_a_did_with_its_signatures_keeps_its_keys(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, platform: Tenant) -> None:
        account = await made(gateway, platform, **brought(memory, "carol"))
        assert (account.did, account.public_key) == (did_of("carol"), account_key_pair("wuhan", "carol").public_key)
        assert await kept(gateway, did_of("carol")) == ([], [])
        assert not (await memory.tenant(gateway)).has_did(did_of("carol"))

    run(memory, play)


@pytest.mark.parametrize(
    ("code", "changed"),
    [
        ("did-unknown", {"document": None}),
        ("did-not-signed", {"signature": bytes(64)}),
        ("did-sequence-wrong", {"sequence": 1}),
        ("did-differs", {"did": did_of("dave")}),
    ],
)
def test_a_did_that_is_brought_amiss_is_refused_by_the_chain(
    memory: MemoryNetwork, code: str, changed: dict[str, Any]
) -> None:
    async def play(gateway: Gateway, platform: Tenant) -> None:
        assert await refused(gateway, platform, **brought(memory, "carol", **changed)) == code

    run(memory, play)


def test_a_gateway_without_its_passphrase_signs_for_no_did(memory: MemoryNetwork) -> None:
    async def whole() -> None:
        gateway = memory.open(passphrase=None)
        tenant = await memory.tenant(gateway)
        for did in (None, wish(did_of("alice"))):
            assert await refused(gateway, tenant, did=did) == "read-only"
        await close(gateway)

    asyncio.run(whole())
