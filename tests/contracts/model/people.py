"""Keys for everybody, made once, and real signatures for what the model calls a statement."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import Any

from msgspec.structs import replace

from chain import did as dids
from chain.codec import Record, encode
from chain.did import BaseDocument, statement_digest
from chain.digests import sha256
from chain.rules import ChainRules
from chain.signatures import KeyPair, SchemeName, scheme
from contracts.issuing import MintItem
from contracts.meta import MetaCall, arguments_root, meta_bytes
from contracts.signatories import issue_bytes
from tests.chain.small_network import rules_of
from tests.contracts.model.facts import Facts, Statement

Digest = Callable[..., bytes]
_LETTERS = str.maketrans("0123456789", "abcdefghij")


@cache
def account_pair(chain_id: str, number: int) -> KeyPair:
    """The key of one of the people who come later."""
    return rules_of(chain_id).scheme.key_pair(sha256(b"account %d" % number))


@cache
def address_of_new(chain_id: str, number: int) -> bytes:
    """The address of one of the people who come later: a name, or what follows from the key."""
    addresses = rules_of(chain_id).addresses
    if addresses.registered:
        return addresses.parse("person" + f"{number:06}".translate(_LETTERS))
    return addresses.derive(account_pair(chain_id, number).public_key)


@cache
def did_pair(number: int) -> KeyPair:
    """A key for a DID."""
    return scheme(SchemeName.SECP256K1).key_pair(sha256(b"key of a DID %d" % number))


@cache
def base_of(home: str, number: int) -> BaseDocument:
    """The first document of the DID of this number."""
    return BaseDocument(
        home=home, authentication=did_pair(2 * number).public_key, recovery=did_pair(2 * number + 1).public_key
    )


@dataclass(slots=True)
class People:
    """Whoever may sign in a run: all private keys by their public ones."""

    rules: ChainRules
    facts: Facts
    crowded: bool = False
    """Whether there are to be as many auditors as there may be."""
    pairs: dict[bytes, KeyPair] = field(default_factory=dict)
    bases: dict[bytes, BaseDocument] = field(default_factory=dict)
    """The first documents of the DIDs that came later, by DID."""
    accounts: int = 0
    spare_keys: int = 0

    def know_account(self, pair: KeyPair, address: bytes) -> None:
        """Note an account's key and address."""
        self.pairs[pair.public_key], self.facts.addresses[pair.public_key] = pair, address
        self.facts.names.add(address)

    def know_did_key(self, pair: KeyPair) -> bytes:
        """Note a key of a DID; the public key."""
        self.pairs[pair.public_key] = pair
        self.facts.did_keys.add(pair.public_key)
        return pair.public_key

    def new_account(self) -> tuple[bytes, bytes]:
        """The key and address of somebody new."""
        chain_id, number = self.rules.chain_id, self.accounts
        pair, address = account_pair(chain_id, number), address_of_new(chain_id, number)
        self.know_account(pair, address)
        self.accounts += 1
        return pair.public_key, address

    def new_did(self, home: str) -> BaseDocument:
        """The document of a new DID."""
        number = len(self.bases)
        base = base_of(home, number)
        for key in (2 * number, 2 * number + 1):
            self.know_did_key(did_pair(key))
        self.bases[base.did] = base
        return base

    def new_did_key(self) -> bytes:
        """A key that no DID has had."""
        self.spare_keys += 1
        return self.know_did_key(did_pair(1_000_000 + self.spare_keys))

    def sign(self, key: bytes, statement: Statement) -> bytes:
        """The key's signature over the statement, noted as a fact."""
        signature = self.pairs[key].sign(digest_of(self.rules, statement))
        self.facts.statements[key, signature] = statement
        return signature


def digest_of(rules: ChainRules, statement: Statement) -> bytes:
    """What is really signed for a statement."""
    return _DIGESTS[statement[0]](rules, *statement[1:])


def _register(rules: ChainRules, chain_id: str, address: bytes, key: bytes) -> bytes:
    return _on(rules, chain_id).registration_bytes(address, key)


def _of_did(record: Callable[..., dids.Statement]) -> Digest:
    def digest(rules: ChainRules, chain_id: str, *parts: Any) -> bytes:
        return statement_digest(rules.network_id, chain_id, record(*parts))

    return digest


def _create(did: bytes) -> dids.Statement:
    return dids.Creation(did=did)


def _rotate(did: bytes, sequence: int, authentication: bytes) -> dids.Statement:
    return dids.Rotation(did=did, sequence=sequence, authentication=authentication)


def _service(did: bytes, sequence: int, service: str, endpoint: str) -> dids.Statement:
    return dids.ServiceChange(did=did, sequence=sequence, service=service, endpoint=endpoint)


def _join(did: bytes, sequence: int, address: bytes, key: bytes) -> dids.Statement:
    return dids.Joining(did=did, sequence=sequence, address=address, public_key=key)


def _about(about: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip(("contract", "class_id", "token", "holder", "to"), about, strict=True))


def _rebind(did: bytes, sequence: int, about: tuple[Any, ...]) -> dids.Statement:
    return dids.Rebinding(did=did, sequence=sequence, **_about(about))


def _object(did: bytes, about: tuple[Any, ...], requested_at: int) -> dids.Statement:
    return dids.Objection(did=did, requested_at=requested_at, **_about(about))


def _meta(
    rules: ChainRules,
    chain_id: str,
    contract: str,
    method: str,
    signer: bytes,
    said: tuple[Any, ...],
    counter: int,
    deadline: int,
) -> bytes:
    """The parts of a call in the order of its record; lists part by part."""
    parts = [part for value in said for part in (value if isinstance(value, tuple) else (value,))]
    call = MetaCall(
        contract=contract,
        method=method,
        signer=signer,
        arguments=arguments_root(rules, tuple(encode(part) for part in parts)),
        counter=counter,
        deadline=deadline,
    )
    return meta_bytes(_on(rules, chain_id), call)


def _issue(
    rules: ChainRules,
    chain_id: str,
    contract: str,
    class_id: str,
    items: tuple[MintItem, ...],
    deadline: int,
    *supersedes: Any,
) -> bytes:
    return issue_bytes(_on(rules, chain_id), contract, class_id, items, deadline, supersedes or None)


def _on(rules: ChainRules, chain_id: str) -> ChainRules:
    """The same network's rules with another chain's name."""
    return rules if chain_id == rules.chain_id else rules_of("anshun", rules.network_id)


_DIGESTS: dict[str, Digest] = {
    **{
        kind: _of_did(record)
        for kind, record in (
            ("create", _create),
            ("rotate", _rotate),
            ("service", _service),
            ("join", _join),
            ("rebind", _rebind),
            ("object", _object),
        )
    },
    "register": _register,
    "meta": _meta,
    "issue": _issue,
}


def twisted(chance: Random, statement: Statement) -> Statement:
    """The statement with one of its parts another one."""
    place = chance.randrange(1, len(statement))
    return (*statement[:place], _other(chance, statement[place]), *statement[place + 1 :])


def _other(chance: Random, value: Any) -> Any:
    match value:
        case int():
            return value + 1
        case str():
            return value[:-1] + ("x" if value[-1:] != "x" else "y")
        case bytes():
            return value[:-1] + bytes([value[-1] ^ 1]) if value else b"\1"
        case tuple():
            place = chance.randrange(len(value))
            return (*value[:place], _other(chance, value[place]), *value[place + 1 :])
        case Record():
            name = chance.choice(value.__struct_fields__)
            return replace(value, **{name: _other(chance, getattr(value, name))})
    return 1
