"""Accounts: create one, with keys that the gateway keeps or that the client brings; read one."""

import secrets
import sqlite3
from dataclasses import dataclass
from typing import Any, Final

from chain.codec import decode
from contracts.access import Account
from contracts.accounts import AddAccount, NewAccount
from contracts.interface import Role
from contracts.keys import account_key
from gateway.arguments import format_did
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
from gateway.services.dids import DidKeys, DidOrder, Signer, signer_of_drawn, signer_of_kept
from gateway.services.gateway import Gateway
from gateway.vault import DIDS, Tenant, add_account, keep_did_keys, keep_key

_METHODS: Final = {
    (Role.PLATFORM, "consumer"): "addAccountByPlatform",
    (Role.OPERATOR, "platform"): "addAccountByOperator",
    (Role.OPERATOR, "consumer"): "addAccountByOperator",
    (Role.OWNER, "operator"): "addOperator",
    (Role.OWNER, "cross-chain"): "addCrossChain",
    (Role.OWNER, "relayer"): "addRelayer",
}
"""Which role creates an account of which, and by which method."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountOrder:
    """An account to be created. Without `public_key` the gateway draws a key and keeps it (key-trust); so without `did`.

    `address` is the chosen name where the chain registers names; `possession` is then a brought key's signature.
    """

    chain_id: str
    role: str
    address: str | None
    public_key: bytes | None
    did: DidOrder | None
    leader: bytes | None
    possession: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenAccount:
    """An account as one certified header proves it."""

    chain: Chain
    account: Account
    state: ProvenState


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drawn:
    """What the gateway has drawn for an account: the seed of its key, and those of its DID; None what was brought."""

    seed: bytes | None
    did: DidKeys | None


async def create_account(
    gateway: Gateway, tenant: Tenant, order: AccountOrder, idempotency: str | None
) -> tuple[Written, ProvenAccount]:
    """Create an account under the tenant's first account on the chain, whose role decides how."""
    chain = gateway.chain(order.chain_id)
    address = sender_of(tenant, chain)
    sender = (await read_account(gateway, order.chain_id, address)).account
    method = _METHODS.get((Role(sender.role), order.role))
    if method is None:
        raise Problem("role-not-allowed", sender.role)
    sender_of(tenant, chain, f"authority.{method}")
    request = request_digest("account", order)
    written = await earlier(gateway, tenant, idempotency, request)
    if written is None:
        drawn = _draw(order)
        item = await _new_account(gateway, tenant, chain, order, drawn, _leader(sender, order))
        call = Call(
            chain=chain,
            sender=address,
            contract="authority",
            method=method,
            arguments=AddAccount(item=item),
            reference=_reference(chain, item, drawn),
        )
        await _keep_keys(gateway, chain, call.reference["address"], drawn)
        written = await write(gateway, tenant, call, idempotency, request)
    await _hand_over(gateway, tenant, chain, written)
    return written, await read_account(gateway, order.chain_id, written.reference["address"], written.height)


async def read_account(gateway: Gateway, chain_id: str, address: str, at_least: int = 0) -> ProvenAccount:
    """The account with a proof from the head."""
    chain = gateway.chain(chain_id)
    state = await read_state(chain, [account_key(parse_address(chain, address))], at_least=at_least)
    record = state.values[0].value
    if record is None:
        raise Problem("account-not-found", address)
    return ProvenAccount(chain=chain, account=decode(record, Account), state=state)


def _draw(order: AccountOrder) -> _Drawn:
    return _Drawn(
        seed=None if order.public_key is not None else secrets.token_bytes(32),
        did=None if order.did is not None else DidKeys.drawn(order.chain_id),
    )


async def _new_account(
    gateway: Gateway, tenant: Tenant, chain: Chain, order: AccountOrder, drawn: _Drawn, leader: bytes | None
) -> NewAccount:
    address, public_key, possession = _identity(chain, order, drawn.seed)
    did = order.did
    if did is None or did.signature is None:
        signer = await _signer(gateway, tenant, chain, drawn.did if did is None else did.did)
        did = signer.joins(chain.rules, address, public_key)
    return NewAccount(
        address=address,
        public_key=public_key,
        possession=possession,
        leader=leader,
        did=did.did,
        did_sequence=did.sequence,
        did_signature=did.signature or b"",
        document=did.document,
    )


async def _signer(gateway: Gateway, tenant: Tenant, chain: Chain, did: DidKeys | bytes | None) -> Signer:
    """The signer of a DID that was just drawn, or of one that was named."""
    if isinstance(did, DidKeys):
        return signer_of_drawn(chain.rules, did)
    assert did is not None
    return await signer_of_kept(gateway, tenant, chain, did)


def _identity(chain: Chain, order: AccountOrder, seed: bytes | None) -> tuple[bytes, bytes, bytes]:
    """Address, public key, and the signature over a chosen name."""
    rules, pair = chain.rules, None if seed is None else chain.rules.scheme.key_pair(seed)
    public_key = order.public_key if pair is None else pair.public_key
    assert public_key is not None
    if not rules.scheme.check_public_key(public_key):
        raise Problem("public-key-malformed", public_key)
    address = _address(chain, order.address, public_key)
    if pair is None or not rules.addresses.registered:
        return address, public_key, order.possession
    return address, public_key, pair.sign(rules.registration_bytes(address, public_key))


def _leader(sender: Account, order: AccountOrder) -> bytes | None:
    """Whose DID leads the account, as the method takes it: an operator that names nobody creates a platform."""
    if sender.role != Role.OPERATOR:
        return order.leader
    if order.role == "consumer":
        if order.leader is None:
            raise Problem("parameter-malformed", "a consumer has a leader: give the DID of a registered platform")
        return order.leader
    if order.leader not in (None, sender.did):
        raise Problem("leader-differs", format_did(order.leader or b""))
    return None


def _address(chain: Chain, chosen: str | None, public_key: bytes) -> bytes:
    codec = chain.rules.addresses
    if not codec.registered:
        return codec.derive(public_key) if chosen is None else parse_address(chain, chosen)
    if chosen is None:
        raise Problem("parameter-malformed", f"this chain registers names: give an address such as {codec.example}")
    return parse_address(chain, chosen)


def _reference(chain: Chain, item: NewAccount, drawn: _Drawn) -> dict[str, Any]:
    """What the answer needs: the address, and what will be the tenant's."""
    return {
        "address": chain.rules.addresses.format(item.address),
        "kept": drawn.seed is not None,
        "did": None if drawn.did is None else item.did.hex(),
    }


async def _keep_keys(gateway: Gateway, chain: Chain, address: str, drawn: _Drawn) -> None:
    """Keys are kept before the account exists: an account without its key would be lost, and so would a DID."""
    seal, seed, did = gateway.seal, drawn.seed, drawn.did
    if seal is None:
        raise Problem("read-only")

    def keep(connection: sqlite3.Connection) -> None:
        if seed is not None:
            keep_key(connection, seal, chain.rules.chain_id, address, seed)
        if did is not None:
            keep_did_keys(connection, seal, did.base.did, did.authentication, did.recovery)

    await gateway.in_vault(keep)


async def _hand_over(gateway: Gateway, tenant: Tenant, chain: Chain, written: Written) -> None:
    """Account and DID are the tenant's once the chain has created them, and not before: the name may be another's."""
    reference = written.reference
    places = [(chain.rules.chain_id, reference["address"])] if reference["kept"] else []
    places += [(DIDS, reference["did"])] if reference["did"] is not None else []

    def give(connection: sqlite3.Connection) -> None:
        for place, name in places:
            add_account(connection, tenant.key_id, place, name)

    if places:
        await gateway.in_vault(give)
        gateway.forget_tenants()
