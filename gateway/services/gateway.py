"""Everything a use case may need, put together once."""

import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from prometheus_client import CollectorRegistry

from chain.codec import decode
from chain.profile import ChainProfile
from chain.signatures import KeyPair
from chain.transaction import Values
from contracts.access import Account
from contracts.classes import CertificateClass
from contracts.keys import account_key
from credentials.schema import ClassSchema
from gateway.chains import Chain, Chains
from gateway.database import Database
from gateway.errors import PROBLEMS, Problem
from gateway.outcomes import NotServed
from gateway.services.background import Background
from gateway.services.stream import EventStream
from gateway.usual import Usual
from gateway.vault import Seal, Tenant, find_tenant, take_keys

T = TypeVar("T")
TENANT_SECONDS = 2.0
"""How long a key is remembered without asking the vault: a revoked key works no longer than that."""
TENANTS_MAX = 1_000
IN_FLIGHT_ALL_MAX = 20_000
"""Transactions to all chains together: a few seconds' work, so that what is taken is final before its time is up."""


@dataclass(slots=True, kw_only=True)
class Gateway:
    """The chains, the two databases, the key to the vault (None: read-only), and what is remembered."""

    chains: Chains
    profiles: dict[str, ChainProfile]
    vault: Database
    index: Database
    seal: Seal | None
    stream: EventStream
    genesis_bytes: bytes
    own_accounts: dict[str, str]
    """The gateway's own account on each chain, which touches resting chains and can do nothing else."""
    metrics: CollectorRegistry = field(default_factory=CollectorRegistry)
    jobs: Background = field(default_factory=Background)
    usual: Usual = field(default_factory=Usual)
    classes: dict[tuple[str, str], CertificateClass] = field(default_factory=dict)
    schemas: dict[bytes, ClassSchema] = field(default_factory=dict)
    _tenants: dict[str, tuple[float, Tenant]] = field(default_factory=dict)
    _keys: dict[tuple[str, str], KeyPair] = field(default_factory=dict)

    def chain(self, chain_id: str) -> Chain:
        """The chain of that id; a problem otherwise."""
        try:
            return self.chains.get(chain_id)
        except NotServed as refused:
            raise problem_of(refused.code, refused.values) from None

    def check_room(self, chain_id: str) -> None:
        """A problem if enough is on its way to the chain, or to all chains together: what is refused is not sent."""
        chain, together = self.chain(chain_id), sum(chain.in_flight for chain in self.chains)
        if chain.busy or together >= IN_FLIGHT_ALL_MAX:
            raise Problem("chain-busy", chain_id, chain.in_flight, together)

    async def tenant(self, api_key: str) -> Tenant:
        """Whom the API key speaks for; a problem if it is unknown or revoked."""
        now = time.monotonic()
        remembered = self._tenants.get(api_key)
        if remembered is not None and now - remembered[0] < TENANT_SECONDS:
            return remembered[1]
        tenant = await self.in_vault(lambda db: find_tenant(db, api_key))
        if tenant is None:
            self._tenants.pop(api_key, None)
            raise Problem("api-key-unknown")
        if len(self._tenants) >= TENANTS_MAX:
            self._tenants.clear()
        self._tenants[api_key] = (now, tenant)
        return tenant

    def forget_tenants(self) -> None:
        """What API keys may do has changed."""
        self._tenants.clear()

    async def key_pair(self, chain_id: str, address: str) -> KeyPair:
        """The custodial key of an account, decrypted once and kept in memory."""
        if self.seal is None:
            raise Problem("read-only")
        pair = self._keys.get((chain_id, address))
        if pair is None:
            pair = self._keys[chain_id, address] = await self._kept_pair(self.seal, chain_id, address)
        return pair

    async def _kept_pair(self, seal: Seal, chain_id: str, address: str) -> KeyPair:
        """The kept key of the account; of several, the one that the chain has for it."""
        chain = self.chain(chain_id)
        seeds = await self.in_vault(lambda db: take_keys(db, seal, chain_id, address))
        pairs = [chain.rules.scheme.key_pair(seed) for seed in seeds]
        if len(pairs) > 1:
            public_key = await _public_key(chain, address)
            pairs = [pair for pair in pairs if pair.public_key == public_key]
        if not pairs:
            raise Problem("key-not-allowed", chain_id)
        return pairs[0]

    async def in_vault(self, call: Callable[[sqlite3.Connection], T]) -> T:
        """Run in the vault's thread."""
        return await self.vault.run(call)

    async def in_index(self, call: Callable[[sqlite3.Connection], T]) -> T:
        """Run in the index's thread."""
        return await self.index.run(call)


def now_ms() -> int:
    """This machine's clock, ms."""
    return time.time_ns() // 1_000_000


def problem_of(code: str, values: Values) -> Problem:
    """A refusal of the chain or of the nodes as a problem."""
    return Problem(code, *values) if code in PROBLEMS else Problem("refused-by-chain", code, *values)


async def _public_key(chain: Chain, address: str) -> bytes | None:
    """The public key that the chain has for an account."""
    try:
        state = await chain.read([account_key(chain.rules.addresses.parse(address))])
    except NotServed as refused:
        raise problem_of(refused.code, refused.values) from None
    record = state.values[0].value
    return None if record is None else decode(record, Account).public_key
