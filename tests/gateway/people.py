"""People on a real network beside those whom it begins with: their DIDs, their accounts, and what their keys sign."""

import json
import secrets
from dataclasses import dataclass
from typing import Any

from chain.did import BaseDocument, Creation, Joining, Statement, statement_digest
from chain.signatures import KeyPair, SchemeName, scheme
from contracts.accounts import AddAccount, NewAccount
from contracts.did import NewDid
from tests.gateway.refusals import CHAIN, act
from tests.gateway.running import RunningNetwork


@dataclass(frozen=True)
class OwnDid:
    """A DID whose keys are at hand."""

    base: BaseDocument
    authentication: KeyPair
    recovery: KeyPair

    @property
    def did(self) -> bytes:
        return self.base.did

    def sign(self, network: RunningNetwork, statement: Statement, chain: str = CHAIN) -> bytes:
        """The authentication key's signature."""
        return self.authentication.sign(statement_digest(network.genesis.network_id, chain, statement))

    def document(self, network: RunningNetwork) -> NewDid:
        """What makes the DID known on a chain."""
        return NewDid(base=self.base, signature=self.sign(network, Creation(did=self.did), self.base.home))


@dataclass(frozen=True)
class Person:
    """An account of somebody who is not in `network.json`."""

    address: bytes
    pair: KeyPair
    own: OwnDid

    @property
    def signer(self) -> dict[str, Any]:
        """How `refusals.call` and `act` sign for this account."""
        return {"sender": self.address, "pair": self.pair}


def new_did(home: str = CHAIN) -> OwnDid:
    """A DID that nobody knows yet."""
    return _did(home, secrets.token_bytes(32), secrets.token_bytes(32))


def did_of(network: RunningNetwork, person: str) -> OwnDid:
    """The DID of somebody with whom the network begins."""
    text = network.entry(CHAIN)["accounts"][person]["did"].removeprefix("did:bsn:")
    seeds = json.loads((network.folder / "demo-dids.json").read_text("utf-8"))[text]
    own = _did(seeds["home"], bytes.fromhex(seeds["authentication"]), bytes.fromhex(seeds["recovery"]))
    assert own.did.hex() == text
    return own


def drawn_pair(network: RunningNetwork) -> KeyPair:
    """A key for a new account."""
    return network.rules(CHAIN).scheme.key_pair(secrets.token_bytes(32))


def new_account(network: RunningNetwork, own: OwnDid, pair: KeyPair, **changed: Any) -> NewAccount:
    """What it takes to create an account that joins the DID."""
    address = network.rules(CHAIN).addresses.derive(pair.public_key)
    joining = Joining(did=own.did, sequence=0, address=address, public_key=pair.public_key)
    fields: dict[str, Any] = {
        "address": address,
        "public_key": pair.public_key,
        "possession": b"",
        "leader": None,
        "did": own.did,
        "did_sequence": 0,
        "did_signature": own.sign(network, joining),
        "document": own.document(network),
    }
    return NewAccount(**fields | changed)


def settle(network: RunningNetwork, sender: str, method: str, own: OwnDid | None = None, **changed: Any) -> Person:
    """An account that somebody adds, of a new DID if none is given."""
    pair, own = drawn_pair(network), own or new_did()
    item = new_account(network, own, pair, **changed)
    act(network, sender, ("authority", method), AddAccount(item=item))
    return Person(item.address, pair, own)


def _did(home: str, authentication: bytes, recovery: bytes) -> OwnDid:
    one, other = (scheme(SchemeName.SECP256K1).key_pair(seed) for seed in (authentication, recovery))
    return OwnDid(BaseDocument(home=home, authentication=one.public_key, recovery=other.public_key), one, other)
