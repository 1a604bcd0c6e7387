"""A chain on which everything happens that the index knows of, and what the index then answers."""

import sqlite3
from typing import Any, Final

from chain.codec import Record, encode
from chain.transaction import SignedTransaction, Transaction
from contracts.accounts import AddAccount, UpdateAccountState
from contracts.classes import SetIssuer
from contracts.issuing import Mint, MintBatch
from contracts.life import ChangeStatus
from contracts.system import Touch
from gateway.index import add_block
from gateway.search import IndexedEvent, events_after
from tests.chain.small_genesis import account_key_pair, address_of, did_of
from tests.contracts.small_chain import CLASS, SmallChain, class_of, item, token
from tests.gateway.memory_chain import MemoryChain, heard

EVERYTHING: Final = 100_000


class Play:
    """A chain on which people act; every act makes a block, whether it is taken or fails in it."""

    def __init__(self, chain_id: str = "wuhan", chain: MemoryChain | None = None) -> None:
        self.chain = chain or MemoryChain.founded(chain_id)
        self.nonce = 0

    def address(self, person: str) -> bytes:
        return address_of(self.chain.rules, person)

    def name(self, person: str) -> str:
        return self.chain.rules.addresses.format(self.address(person))

    def signed(self, person: str, contract: str, method: str, arguments: Record) -> bytes:
        self.nonce += 1
        body = encode(
            Transaction(
                chain_id=self.chain.rules.chain_id,
                sender=self.address(person),
                nonce=self.nonce.to_bytes(16, "big"),
                valid_until=self.chain.now() + 60_000,
                contract=contract,
                method=method,
                arguments=encode(arguments),
            )
        )
        pair = account_key_pair(self.chain.rules.chain_id, person)
        return encode(SignedTransaction(body=body, signature=pair.sign(self.chain.rules.transaction_id(body))))

    def act(self, person: str, contract: str, method: str, arguments: Record) -> bool:
        """Whether the act was taken."""
        refused, _ = self.chain.take((self.signed(person, contract, method, arguments),))
        return not refused

    def mint(self, *numbers: int, holder: str = "alice", **more: Any) -> bool:
        if len(numbers) == 1:
            return self.act(
                "platform", "ddc721", "mint", Mint(class_id=CLASS, item=item(self.address(holder), numbers[0], **more))
            )
        items = tuple(item(self.address(holder), number, **more) for number in numbers)
        return self.act("platform", "ddc721", "mintBatch", MintBatch(class_id=CLASS, items=items))

    def change(self, method: str, number: int) -> bool:
        person = "platform" if method == "revoke" else "operator"
        return self.act(
            person,
            "ddc721",
            method,
            ChangeStatus(class_id=CLASS, token=token(number), holder=None, reason="by-request"),
        )

    def index(self, connection: sqlite3.Connection) -> list[int]:
        """Bring the index up to the chain; the numbers of the new events."""
        numbers: list[int] = []
        for block in self.chain.blocks:
            numbers += add_block(connection, self.chain.rules, heard(block))
        return numbers

    def stream(self, connection: sqlite3.Connection) -> list[IndexedEvent]:
        """All events in the index."""
        return events_after(connection, {self.chain.rules.chain_id: self.chain.rules}, 0, EVERYTHING)


def eventful() -> Play:
    """Everything that an index knows of happens once."""
    own = Play()
    assert own.act("platform", "classes", "defineClass", class_of())
    assert own.mint(1)
    assert own.mint(2, 3, 4, valid_from=5, valid_until=2**50)
    assert own.change("freeze", 2)
    assert own.change("revoke", 3)
    assert own.change("freeze", 4)
    assert own.change("unfreeze", 4)
    bob = SmallChain.founded().new_account("bob", leader=did_of("platform"))
    assert own.act("operator", "authority", "addAccountByOperator", AddAccount(item=bob))
    assert own.act(
        "operator",
        "authority",
        "updateAccountState",
        UpdateAccountState(address=own.address("alice"), active=False, platform_flag=False),
    )
    assert own.act(
        "platform", "classes", "setIssuer", SetIssuer(class_id=CLASS, address=own.address("rival"), granted=True)
    )
    own.chain.ahead_ms += 10_000
    assert own.act("alice", "system", "touch", Touch())
    return own
