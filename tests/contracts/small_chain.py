"""One chain with people on it, whose every block holds one call: what the tests of contracts play on."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import pytest

from chain.codec import Record, encode
from chain.committed import State
from chain.did import Creation, Joining, statement_digest
from chain.digests import sha256
from chain.rules import ChainRules
from chain.state import Overlay, layer
from chain.transaction import Event, Transaction
from contracts import registry
from contracts.access import NO_DID, Account, find_account
from contracts.accounts import AddAccount, NewAccount, UpdateAccountState
from contracts.certificate import Certificate, find_certificate
from contracts.classes import DEFAULT_RULES, DefineClass, SetIssuer
from contracts.ddc721_views import OfClass, OfHolder
from contracts.did import NewDid
from contracts.genesis import initial_state
from contracts.interface import ContractContext, ContractReverted
from contracts.issuing import Mint, MintBatch, MintItem
from contracts.life import ChangeStatus
from contracts.purses import COLLECT_CODES
from tests.chain.memory_nodes import MemoryNodes
from tests.chain.small_genesis import (
    ROLES,
    account_key_pair,
    address_of,
    did_base,
    did_key_pair,
    did_of,
    genesis_of,
)
from tests.chain.small_network import START_MS, network_rules_of

CHAINS: Final = ("wuhan", "zhongyi")
CLASS: Final = "degree"
BLOCK_MS: Final = 1_000
SCHEMA: Final = sha256(b"schema")
MAY_CHANGE: Final = {"revoke": "platform", "freeze": "operator", "unfreeze": "operator"}
"""Who may, where the platform has defined the class."""


@dataclass(slots=True)
class SmallChain:
    """A chain after its genesis; a person is named as in the genesis document."""

    rules: ChainRules
    nodes: MemoryNodes
    state: State
    height: int = 1
    time: int = START_MS + BLOCK_MS
    parent_time: int = START_MS

    @classmethod
    def founded(cls, chain_id: str = "wuhan") -> "SmallChain":
        """The chain at height 0, with the accounts of its genesis document."""
        chain_ids = CHAINS if chain_id in CHAINS else (*CHAINS, chain_id)
        genesis = genesis_of(*chain_ids)
        rules = network_rules_of(chain_id, genesis.network_id, chain_ids)
        nodes = MemoryNodes()
        state = State(rules.digest, nodes)
        state.commit(layer(state, initial_state(genesis, rules)), 0)
        return cls(rules, nodes, state)

    def address(self, person: str) -> bytes:
        """A person's address here."""
        return address_of(self.rules, person)

    def call(self, sender: str | bytes, contract: str, method: str, arguments: Record | bytes) -> tuple[Event, ...]:
        """The events of a call that succeeds; one that is refused raises, and must not have written anything."""
        overlay = Overlay(self.state)
        context = self.context(sender, contract, method, overlay)
        try:
            registry.call(context, self.transaction(context.sender, contract, method, arguments))
        except ContractReverted as refusal:
            self._assert_clean(context, refusal.code)
            raise
        assert {event.name for event in context.events} <= events_of(contract, method), "a method says what it tells"
        self._commit(overlay)
        return tuple(context.events)

    @staticmethod
    def _assert_clean(context: ContractContext, code: str) -> None:
        assert isinstance(context.records, Overlay)
        assert context.records.open == {}, "checks come before state"
        assert context.events == [], "checks come before events"
        assert code in codes_of(context.contract, context.method), "a method says how it may be refused"

    def context(
        self, sender: str | bytes, contract: str, method: str, records: Overlay | None = None
    ) -> ContractContext:
        """What a call sees, for whoever tries one check by itself."""
        return ContractContext(
            rules=self.rules,
            records=records or Overlay(self.state),
            contract=contract,
            method=method,
            sender=sender if isinstance(sender, bytes) else self.address(sender),
            height=self.height,
            time=self.time,
            parent_time=self.parent_time,
            catalogue=registry.METHODS,
        )

    def write(self, key: bytes, value: Record | bytes | None) -> None:
        """A block that puts this under `key`, whether or not a call could."""
        overlay = Overlay(self.state)
        overlay.put(key, encode(value) if isinstance(value, Record) else value)
        self._commit(overlay)

    def _commit(self, overlay: Overlay) -> None:
        overlay.keep()
        self.state.commit(overlay.seal(), self.height)
        self.height, self.parent_time, self.time = self.height + 1, self.time, self.time + BLOCK_MS

    def transaction(self, sender: bytes, contract: str, method: str, arguments: Record | bytes) -> Transaction:
        """The call as a transaction."""
        return Transaction(
            chain_id=self.rules.chain_id,
            sender=sender,
            nonce=bytes(16),
            valid_until=self.time,
            contract=contract,
            method=method,
            arguments=arguments if isinstance(arguments, bytes) else encode(arguments),
        )

    def read(self, name: str, arguments: Record) -> bool | int | str | bytes:
        """A view of ddc721."""
        return registry.VIEWS["ddc721", name].read(self.records, arguments)

    @property
    def records(self) -> Any:
        """The committed state as a contract's records; nobody may write to it."""
        return Overlay(self.state)

    def account(self, person: str) -> Account | None:
        """A person's account."""
        return find_account(self.records, self.address(person))

    def certificate(self, number: int, class_id: str = CLASS) -> Certificate | None:
        """A certificate by the number in its token id."""
        return find_certificate(self.records, class_id, token(number))

    def content(self) -> dict[bytes, bytes]:
        """Everything that is stored, by key."""
        return self.nodes.values()

    @contextmanager
    def refuses(self, code: str, *values: object) -> Iterator[None]:
        """The call inside is refused with this code and these values, and changes nothing."""
        before, height = self.content(), self.height
        with pytest.raises(ContractReverted) as refusal:
            yield
        assert (refusal.value.code, refusal.value.values) == (code, values)
        assert (self.content(), self.height) == (before, height)

    def new_account(self, person: str = "bob", **changed: Any) -> NewAccount:
        """What it takes to create an account of a person, whose DID comes with it if the genesis document has it not."""
        public_key = changed.get("public_key", account_key_pair(self.rules.chain_id, person).public_key)
        address = changed.get("address", self.address(person))
        possession = b""
        if self.rules.addresses.registered:
            message = self.rules.registration_bytes(address, public_key)
            possession = account_key_pair(self.rules.chain_id, person).sign(message)
        fields: dict[str, Any] = {
            "address": address,
            "public_key": public_key,
            "possession": possession,
            "leader": None,
            "did": did_of(person),
            "did_sequence": 0,
            "did_signature": self.joins(person, address, public_key, changed.get("did_sequence", 0)),
            "document": None if person in ROLES else self.new_did(person),
        }
        if changed.get("did") == NO_DID:
            fields |= {"did_signature": b"", "document": None}
        return NewAccount(**fields | changed)

    def joins(self, person: str, address: bytes, public_key: bytes, sequence: int = 0) -> bytes:
        """The signature by which a person's DID takes an account."""
        joining = Joining(did=did_of(person), sequence=sequence, address=address, public_key=public_key)
        return did_key_pair(person).sign(statement_digest(self.rules.network_id, self.rules.chain_id, joining))

    def new_did(self, person: str) -> NewDid:
        """What it takes to make a person's DID known."""
        base = did_base(person)
        digest = statement_digest(self.rules.network_id, base.home, Creation(did=base.did))
        return NewDid(base=base, signature=did_key_pair(person).sign(digest))

    def add(self, person: str = "bob", sender: str = "platform", **changed: Any) -> tuple[Event, ...]:
        """Create an account of a person: a consumer, by a platform; by an operator a platform or another's consumer."""
        method = "addAccountByPlatform" if sender in ("platform", "rival") else "addAccountByOperator"
        return self.call(sender, "authority", method, AddAccount(item=self.new_account(person, **changed)))

    def set_flag(self, person: str, *, active: bool, platform_flag: bool = False) -> None:
        """Freeze or free a person, as the operator."""
        arguments = UpdateAccountState(address=self.address(person), active=active, platform_flag=platform_flag)
        self.call("operator", "authority", "updateAccountState", arguments)

    def define(self, sender: str = "platform", class_id: str = CLASS) -> tuple[Event, ...]:
        """Define a class of two fields."""
        return self.call(sender, "classes", "defineClass", class_of(class_id))

    def mint(
        self, number: int = 1, holder: str = "alice", sender: str = "platform", **changed: Any
    ) -> tuple[Event, ...]:
        """Mint one certificate of the class."""
        arguments = Mint(class_id=CLASS, item=item(self.address(holder), number, **changed))
        return self.call(sender, "ddc721", "mint", arguments)

    def mint_batch(self, *items: MintItem, sender: str = "platform") -> tuple[Event, ...]:
        """Mint certificates of the class, all or none."""
        return self.call(sender, "ddc721", "mintBatch", MintBatch(class_id=CLASS, items=items))

    def change(
        self, method: str, number: int = 1, sender: str | None = None, reason: str = "by-request"
    ) -> tuple[Event, ...]:
        """Revoke, freeze or unfreeze a certificate of the class, as whoever may."""
        arguments = ChangeStatus(class_id=CLASS, token=token(number), holder=None, reason=reason)
        return self.call(sender or MAY_CHANGE[method], "ddc721", method, arguments)

    def grant(self, person: str, *, granted: bool = True) -> tuple[Event, ...]:
        """Let a person issue certificates of the class, or no longer."""
        arguments = SetIssuer(class_id=CLASS, address=self.address(person), granted=granted)
        return self.call("platform", "classes", "setIssuer", arguments)

    def balance(self, person: str = "alice") -> object:
        """How many live certificates of the class a person holds."""
        return self.read("balanceOf", OfHolder(class_id=CLASS, address=self.address(person)))

    def supply(self) -> object:
        """How many certificates of the class were ever issued."""
        return self.read("totalSupply", OfClass(class_id=CLASS))


def codes_of(contract: str, method: str) -> set[str]:
    """Every code that a call may be refused with."""
    known = registry.METHODS.get((contract, method))
    checks = known.checks if known else ()
    payment = COLLECT_CODES if known and known.price else ()
    return {"method-unknown", "arguments-malformed", *payment, *(code for check in checks for code in check.codes)}


def events_of(contract: str, method: str) -> set[str]:
    """Every event that a call may tell, its payment's too."""
    known = registry.METHODS[contract, method]
    return {*known.events, *(["Pay"] if known.price else [])}


def class_of(class_id: str = CLASS, **changed: Any) -> DefineClass:
    """A class of two fields."""
    fields: dict[str, Any] = {
        "class_id": class_id,
        "standard": 721,
        "name_en": "Degree",
        "name_zh": "学位证书",
        "schema": SCHEMA,
        "fields": ("name", "major"),
        "rules": DEFAULT_RULES,
    }
    return DefineClass(**fields | changed)


def token(number: int) -> bytes:
    """A token id."""
    return number.to_bytes(16, "big")


def item(holder: bytes, number: int, **changed: Any) -> MintItem:
    """A certificate to be issued."""
    fields: dict[str, Any] = {
        "token": token(number),
        "holder": holder,
        "content_root": sha256(b"content %d" % number),
        "uri": "",
        "valid_from": None,
        "valid_until": None,
    }
    return MintItem(**fields | changed)
