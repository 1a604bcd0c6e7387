"""What is signed beside transactions: how it is answered, and the kept keys that may sign it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from chain.signatures import KeyPair, SchemeName, scheme
from contracts.access import Account
from gateway.chains import Chain
from gateway.errors import Problem
from gateway.services.gateway import Gateway
from gateway.vault import Tenant, take_did_keys

DID_SCHEME: Final = scheme(SchemeName.SECP256K1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """A statement as it is to be signed: whose key signs it with which scheme, for which chain it is good, its bytes.

    `more` is what stands beside the record as JSON. `signatures` is None if none was asked for.
    """

    chain_id: str
    kind: str
    signed_by: str
    key: str
    scheme: SchemeName
    good_on: str
    body: bytes
    digest: bytes
    statement: dict[str, Any]
    more: dict[str, Any]
    signatures: dict[str, bytes] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DidPairs:
    """The keys of a DID that are kept for a tenant: all that it had, for a chain says which counts."""

    authentication: tuple[KeyPair, ...] = ()
    recovery: tuple[KeyPair, ...] = ()


def check_may_sign(gateway: Gateway, tenant: Tenant, chain: Chain, contract_method: str) -> None:
    """A problem if the gateway can sign nothing, or the API key may not call what the signature is for."""
    if gateway.seal is None:
        raise Problem("read-only")
    if not tenant.may(contract_method):
        raise Problem("key-not-allowed", chain.rules.chain_id)


async def account_pair(gateway: Gateway, tenant: Tenant, chain: Chain, account: Account) -> KeyPair:
    """The kept key of one of the tenant's accounts; a problem if it is another's, or not the one that the chain has."""
    chain_id, address = chain.rules.chain_id, chain.rules.addresses.format(account.address)
    try:
        kept = [await gateway.key_pair(chain_id, address)] if address in tenant.accounts.get(chain_id, ()) else []
    except Problem as problem:
        if problem.code != "key-not-allowed":
            raise
        kept = []
    return require_pair(kept, account.public_key, address)


async def did_pairs(gateway: Gateway, tenant: Tenant, did: bytes) -> DidPairs:
    """The keys of the DID that are kept for the tenant; none of another tenant's, and none in a gateway that is read-only."""
    seal = gateway.seal
    if seal is None or not tenant.has_did(did):
        return DidPairs()
    kept = await gateway.in_vault(lambda connection: take_did_keys(connection, seal, did))
    authentication, recovery = (tuple(map(DID_SCHEME.key_pair, dict.fromkeys(seeds))) for seeds in kept)
    return DidPairs(authentication=authentication, recovery=recovery)


def find_pair(kept: Iterable[KeyPair], public_key: bytes | None) -> KeyPair | None:
    """The kept key of that public key."""
    return next((pair for pair in kept if pair.public_key == public_key), None)


def require_pair(kept: Iterable[KeyPair], public_key: bytes | None, signed_by: str) -> KeyPair:
    """The kept key of that public key; a problem without it."""
    pair = find_pair(kept, public_key)
    if pair is None:
        raise Problem("key-not-kept", signed_by)
    return pair
