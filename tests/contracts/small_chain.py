"""One chain with people on it, whose every block holds one call: what the tests of contracts play on."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import pytest

from chain.codec import Record, encode
from chain.committed import State
from chain.digests import sha256
from chain.rules import ChainRules
from chain.state import Overlay, layer
from chain.transaction import Event, Transaction
from contracts import registry
from contracts.access import Account, AddAccount, UpdateAccountState, find_account
from contracts.certificate import Certificate, ChangeStatus, Mint, MintBatch, MintItem, find_certificate
from contracts.classes import DefineClass, SetIssuer
from contracts.ddc721 import OfClass, OfHolder
from contracts.genesis import initial_state
from contracts.interface import ContractContext, ContractReverted
from tests.chain.memory_nodes import MemoryNodes
from tests.chain.small_genesis import account_key_pair, address_of, did_of, genesis_of
from tests.chain.small_network import START_MS, rules_of

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
        genesis = genesis_of(*CHAINS) if chain_id in CHAINS else genesis_of(chain_id)
        rules = rules_of(chain_id, genesis.network_id)
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
        context = ContractContext(
            rules=self.rules,
            records=overlay,
            sender=sender if isinstance(sender, bytes) else self.address(sender),
            height=self.height,
            time=self.time,
            parent_time=self.parent_time,
        )
        try:
            registry.call(context, self.transaction(context.sender, contract, method, arguments))
        except ContractReverted:
            assert overlay.open == {}, "checks come before state"
            assert context.events == [], "checks come before events"
            raise
        overlay.keep()
        self.state.commit(overlay.seal(), self.height)
        self.height, self.parent_time, self.time = self.height + 1, self.time, self.time + BLOCK_MS
        return tuple(context.events)

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

    def new_account(self, person: str = "bob", **changed: Any) -> AddAccount:
        """What it takes to create a consumer of the platform."""
        public_key = changed.get("public_key", account_key_pair(self.rules.chain_id, person).public_key)
        address = changed.get("address", self.address(person))
        possession = b""
        if self.rules.addresses.registered:
            message = self.rules.registration_bytes(address, public_key)
            possession = account_key_pair(self.rules.chain_id, person).sign(message)
        fields: dict[str, Any] = {
            "address": address,
            "public_key": public_key,
            "role": 2,
            "did": did_of(person),
            "leader": did_of("platform"),
            "possession": possession,
        }
        return AddAccount(**fields | changed)

    def set_flag(self, person: str, *, active: bool, platform_flag: bool = False) -> None:
        """Freeze or free a person, as the operator."""
        arguments = UpdateAccountState(address=self.address(person), active=active, platform_flag=platform_flag)
        self.call("operator", "access", "updateAccountState", arguments)

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
        arguments = ChangeStatus(class_id=CLASS, token=token(number), reason=reason)
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


def class_of(class_id: str = CLASS, **changed: Any) -> DefineClass:
    """A class of two fields."""
    fields: dict[str, Any] = {
        "class_id": class_id,
        "name_en": "Degree",
        "name_zh": "学位证书",
        "schema": SCHEMA,
        "fields": ("name", "major"),
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
