"""Everything a use case may need, put together once."""

import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from chain.signatures import KeyPair
from chain.transaction import Values
from contracts.classes import CertificateClass
from credentials.schema import ClassSchema
from gateway.chains import Chain, Chains, NotServed
from gateway.database import Database
from gateway.errors import PROBLEMS, Problem
from gateway.services.stream import EventStream
from gateway.vault import Seal, Tenant, take_key

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class Gateway:
    """The chains, the two databases, the key to the vault (None: read-only), and what is remembered."""

    chains: Chains
    vault: Database
    index: Database
    seal: Seal | None
    stream: EventStream
    genesis_bytes: bytes
    started_at: float = field(default_factory=time.time)
    classes: dict[tuple[str, str], CertificateClass] = field(default_factory=dict)
    schemas: dict[bytes, ClassSchema] = field(default_factory=dict)
    tenants: dict[str, Tenant] = field(default_factory=dict)
    _keys: dict[tuple[str, str], KeyPair] = field(default_factory=dict)

    def chain(self, chain_id: str) -> Chain:
        """The chain of that id; a problem otherwise."""
        try:
            return self.chains.get(chain_id)
        except NotServed as refused:
            raise problem_of(refused.code, refused.values) from None

    async def key_pair(self, chain_id: str, address: str) -> KeyPair:
        """The custodial key of an account, decrypted once and kept in memory."""
        if self.seal is None:
            raise Problem("read-only")
        pair = self._keys.get((chain_id, address))
        if pair is None:
            seal = self.seal
            seed = await self.vault.run(lambda db: take_key(db, seal, chain_id, address))
            if seed is None:
                raise Problem("key-not-allowed", chain_id)
            pair = self.chain(chain_id).rules.scheme.key_pair(seed)
            self._keys[chain_id, address] = pair
        return pair

    async def in_vault(self, call: Callable[[sqlite3.Connection], T]) -> T:
        """Run in the vault's thread."""
        return await self.vault.run(call)


def now_ms() -> int:
    """This machine's clock, ms."""
    return time.time_ns() // 1_000_000


def problem_of(code: str, values: Values) -> Problem:
    """A refusal of the chain or of the nodes as a problem."""
    return Problem(code, *values) if code in PROBLEMS else Problem("refused-by-chain", code, *values)
