"""DIDs of new accounts: drawn and kept here, or brought with the signature that lets the account join (protocol 28)."""

import secrets
from dataclasses import dataclass
from typing import Final

from chain.did import BaseDocument, Creation, Joining, Statement, statement_digest
from chain.rules import ChainRules
from chain.signatures import KeyPair, SchemeName, scheme
from contracts.did import DidDocument, NewDid, document_of
from contracts.keys import did_key
from gateway.arguments import format_did
from gateway.chains import Chain
from gateway.errors import Problem
from gateway.services.calls import read_state
from gateway.services.gateway import Gateway
from gateway.vault import Seal, Tenant, take_did_keys

_SCHEME: Final = scheme(SchemeName.SECP256K1)


@dataclass(frozen=True, slots=True, kw_only=True)
class DidOrder:
    """The DID that an account is to join.

    Without `signature` the gateway signs, if the tenant has the DID; `document` is for a chain that does not know it yet.
    """

    did: bytes
    sequence: int
    signature: bytes | None
    document: NewDid | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DidKeys:
    """The seeds of a DID that was drawn; to be kept before anybody hears of it."""

    home: str
    authentication: bytes
    recovery: bytes

    @classmethod
    def drawn(cls, home: str) -> "DidKeys":
        """With new keys."""
        return cls(home=home, authentication=secrets.token_bytes(32), recovery=secrets.token_bytes(32))

    @property
    def base(self) -> BaseDocument:
        """The document of which the DID is the digest."""
        authentication, recovery = (_SCHEME.key_pair(seed).public_key for seed in (self.authentication, self.recovery))
        return BaseDocument(home=self.home, authentication=authentication, recovery=recovery)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """A DID as a chain knows it, or will by its document, and the authentication key that it has there."""

    did: bytes
    sequence: int
    pair: KeyPair
    document: NewDid | None

    def joins(self, rules: ChainRules, address: bytes, public_key: bytes) -> DidOrder:
        """What an account with this key needs to join the DID."""
        joining = Joining(did=self.did, sequence=self.sequence, address=address, public_key=public_key)
        signature = _sign(rules, self.pair, rules.chain_id, joining)
        return DidOrder(did=self.did, sequence=self.sequence, signature=signature, document=self.document)


def signer_of_drawn(rules: ChainRules, keys: DidKeys) -> Signer:
    """The signer of a DID that no chain knows yet."""
    return _new_signer(rules, _SCHEME.key_pair(keys.authentication), keys.base)


async def signer_of_kept(gateway: Gateway, tenant: Tenant, chain: Chain, did: bytes) -> Signer:
    """The signer of a DID of the tenant; a problem if the gateway does not keep the key that the chain has for it."""
    if gateway.seal is None:
        raise Problem("read-only")
    signer = await _find_signer(gateway, gateway.seal, chain, did) if tenant.has_did(did) else None
    if signer is None:
        raise Problem(
            "parameter-malformed", f"give did_signature: no key of {format_did(did)} is kept for this API key"
        )
    return signer


async def find_document(chain: Chain, did: bytes) -> DidDocument | None:
    """The DID as the chain knows it, proven; None if it does not."""
    record = (await read_state(chain, [did_key(did)])).values[0].value
    return None if record is None else document_of(record)


async def _find_signer(gateway: Gateway, seal: Seal, chain: Chain, did: bytes) -> Signer | None:
    seeds = await gateway.in_vault(lambda connection: take_did_keys(connection, seal, did))
    authentication, recovery = ([_SCHEME.key_pair(seed) for seed in kept] for kept in seeds)
    document = await find_document(chain, did)
    if document is None:
        bases = ((pair, base_of(gateway, did, pair, recovery)) for pair in authentication)
        return next((_new_signer(chain.rules, pair, base) for pair, base in bases if base is not None), None)
    pair = next((pair for pair in authentication if pair.public_key == document.authentication), None)
    return None if pair is None else Signer(did=did, sequence=document.sequence, pair=pair, document=None)


def base_of(gateway: Gateway, did: bytes, authentication: KeyPair, recovery: list[KeyPair]) -> BaseDocument | None:
    """The document with this key of which the DID is the digest; its home, which is not kept, is one of the chains."""
    bases = (
        BaseDocument(home=home, authentication=authentication.public_key, recovery=pair.public_key)
        for home in gateway.chains.rules
        for pair in recovery
    )
    return next((base for base in bases if base.did == did), None)


def _new_signer(rules: ChainRules, pair: KeyPair, base: BaseDocument) -> Signer:
    created = _sign(rules, pair, base.home, Creation(did=base.did))
    return Signer(did=base.did, sequence=0, pair=pair, document=NewDid(base=base, signature=created))


def _sign(rules: ChainRules, pair: KeyPair, chain_id: str, statement: Statement) -> bytes:
    return pair.sign(statement_digest(rules.network_id, chain_id, statement))
