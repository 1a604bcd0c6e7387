"""Accounts: create one, with a key that the gateway keeps or one that the client brings; read one."""

import secrets
from dataclasses import dataclass
from typing import Final

from chain.codec import decode
from chain.digests import ripemd160, sha256
from chain.signatures import SchemeName, scheme
from contracts.access import Account, AddAccount, Role
from contracts.keys import account_key
from gateway.chains import Chain
from gateway.errors import Problem
from gateway.reading import ProvenState
from gateway.services.calls import (
    Call,
    Written,
    earlier,
    parse_address,
    read_state,
    request_digest,
    sender_of,
    write,
)
from gateway.services.gateway import Gateway
from gateway.vault import Tenant, add_account, keep_key

ROLES: Final = {"platform": Role.PLATFORM, "consumer": Role.CONSUMER, "relayer": Role.RELAYER}


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountOrder:
    """An account to be created. Without `public_key` the gateway draws a key and keeps it (key-trust).

    `address` is the chosen name where the chain registers names; `possession` is then a brought key's signature.
    """

    chain_id: str
    role: str
    address: str | None
    public_key: bytes | None
    did: bytes | None
    leader: bytes | None
    possession: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenAccount:
    """An account as one certified header proves it."""

    chain: Chain
    account: Account
    state: ProvenState


async def create_account(
    gateway: Gateway, tenant: Tenant, order: AccountOrder, idempotency: str | None
) -> tuple[Written, ProvenAccount]:
    """Create an account under the tenant's first account on the chain."""
    chain = gateway.chain(order.chain_id)
    sender = sender_of(tenant, chain, "access.addAccount")
    request = request_digest("account", order)
    written = await earlier(gateway, tenant, idempotency, request)
    if written is None:
        seed = None if order.public_key is not None else secrets.token_bytes(32)
        arguments = await _arguments(gateway, chain, sender, order, seed)
        address = chain.rules.addresses.format(arguments.address)
        if seed is not None:
            await _keep_key(gateway, chain, address, seed)
        call = Call(
            chain=chain,
            sender=sender,
            contract="access",
            method="addAccount",
            arguments=arguments,
            reference={"address": address, "kept": seed is not None},
        )
        written = await write(gateway, tenant, call, idempotency, request)
    if written.reference["kept"]:
        await _hand_over(gateway, tenant, order.chain_id, written.reference["address"])
    return written, await read_account(gateway, order.chain_id, written.reference["address"], written.height)


async def read_account(gateway: Gateway, chain_id: str, address: str, at_least: int = 0) -> ProvenAccount:
    """The account with a proof from the head."""
    chain = gateway.chain(chain_id)
    state = await read_state(chain, [account_key(parse_address(chain, address))], at_least=at_least)
    record = state.values[0].value
    if record is None:
        raise Problem("account-not-found", address)
    return ProvenAccount(chain=chain, account=decode(record, Account), state=state)


async def _arguments(
    gateway: Gateway, chain: Chain, sender: str, order: AccountOrder, seed: bytes | None
) -> AddAccount:
    rules = chain.rules
    pair = None if seed is None else rules.scheme.key_pair(seed)
    public_key = order.public_key if pair is None else pair.public_key
    assert public_key is not None
    if not rules.scheme.check_public_key(public_key):
        raise Problem("public-key-malformed", public_key)
    address = _address(chain, order.address, public_key)
    possession = order.possession
    if pair is not None and rules.addresses.registered:
        possession = pair.sign(rules.registration_bytes(address, public_key))
    leader = order.leader or (await read_account(gateway, order.chain_id, sender)).account.did
    return AddAccount(
        address=address,
        public_key=public_key,
        role=int(ROLES[order.role]),
        did=order.did or _new_did(),
        leader=leader,
        possession=possession,
    )


def _address(chain: Chain, chosen: str | None, public_key: bytes) -> bytes:
    codec = chain.rules.addresses
    if not codec.registered:
        return codec.derive(public_key) if chosen is None else parse_address(chain, chosen)
    if chosen is None:
        raise Problem("parameter-malformed", f"this chain registers names: give an address such as {codec.example}")
    return parse_address(chain, chosen)


def _new_did() -> bytes:
    """A DID of its own: the digest of a fresh key's public key."""
    public_key = scheme(SchemeName.SECP256K1).key_pair(secrets.token_bytes(32)).public_key
    return ripemd160(sha256(public_key))


async def _keep_key(gateway: Gateway, chain: Chain, address: str, seed: bytes) -> None:
    """The key is kept before the account exists: an account without its key would be lost."""
    seal, chain_id = gateway.seal, chain.rules.chain_id
    if seal is None:
        raise Problem("read-only")
    await gateway.in_vault(lambda connection: keep_key(connection, seal, chain_id, address, seed))


async def _hand_over(gateway: Gateway, tenant: Tenant, chain_id: str, address: str) -> None:
    """The account is the tenant's once the chain has created it, and not before: the name may be another's."""
    await gateway.in_vault(lambda connection: add_account(connection, tenant.key_id, chain_id, address))
    gateway.forget_tenants()
