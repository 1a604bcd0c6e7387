"""The ledger of a small chain: calls of `charge`, and what they have changed."""

from typing import Final

from chain.codec import Record
from chain.digests import sha256
from chain.transaction import Event, Value
from contracts.access import Account
from contracts.interface import Role
from contracts.keys import account_key, contract_purse, purse_key
from contracts.purses import Purse, purse_of
from tests.contracts.small_chain import SmallChain

TRANSACTION: Final = sha256(b"what was paid for")


def call(chain: SmallChain, method: str, given: Record, sender: str = "operator") -> tuple[Event, ...]:
    """The events of a call of `charge`."""
    return chain.call(sender, "charge", method, given)


def told(name: str, *values: Value) -> tuple[Event, ...]:
    """One event of the contract and nothing else."""
    return (Event(contract="charge", name=name, values=values),)


def fen(chain: SmallChain, *people: str) -> list[int]:
    """What people have."""
    return [purse_of(chain.records, chain.address(person)).fen for person in people]


def pot(chain: SmallChain, contract: str) -> int:
    """What a contract has taken and still has."""
    return purse_of(chain.records, contract_purse(contract)).fen


def fill_pot(chain: SmallChain, contract: str, fen: int) -> None:
    """Let a contract have so many fen, whoever paid them."""
    chain.write(purse_key(contract_purse(contract)), Purse(fen=fen, gas=0))


def changed_keys(before: dict[bytes, bytes], chain: SmallChain) -> set[bytes]:
    """Where the state is not what it was."""
    now = chain.content()
    return {key for key in before.keys() | now.keys() if before.get(key) != now.get(key)}


def account(chain: SmallChain, address: bytes, role: Role, did: bytes, leader: bytes, *, fen: int = 0) -> bytes:
    """The address of an account that is put there, with a purse."""
    made = Account(
        address=address,
        public_key=bytes(33),
        role=int(role),
        did=did,
        leader=leader,
        platform_active=True,
        operator_active=True,
    )
    chain.write(account_key(address), made)
    chain.write(purse_key(address), Purse(fen=fen, gas=0))
    return address
