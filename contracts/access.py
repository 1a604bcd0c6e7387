"""Accounts, and which role may call what: records of the state and how they are found (protocol 15).

An account is a state record with its full public key, created before first use. How it is created and changed is
`contracts.authority`'s.
"""

from functools import lru_cache
from typing import Annotated, Final

from msgspec import Meta

from chain.codec import Record, decoder
from chain.ids import Address, Did
from chain.transaction import Name
from contracts.interface import ContractContext, ContractReverted, Readable, Role
from contracts.keys import account_key, approval_key, functions_key, platform_key, standing_key, switches_key

NO_DID: Final = bytes(20)
"""The DID of a consumer that has joined none yet; no document has this digest."""


class Account(Record, frozen=True):
    """An account. It is usable only while both flags are true."""

    address: Address
    public_key: Annotated[bytes, Meta(min_length=32, max_length=33)]
    role: Annotated[int, Meta(ge=0, le=5)]
    did: Did
    leader: Did
    """The DID that answers for this one: an operator's own, a platform's operator, a consumer's platform."""
    platform_active: bool
    operator_active: bool

    @property
    def active(self) -> bool:
        """Neither its platform nor the operator has frozen it."""
        return self.platform_active and self.operator_active


class Functions(Record, frozen=True):
    """The methods of one contract that one role may call, ascending."""

    methods: Annotated[tuple[Name, ...], Meta(max_length=64)]


class Switches(Record, frozen=True):
    """What an operator has switched on or off; all on where nothing was ever switched."""

    platforms_add: bool
    """Whether platforms may add consumers."""
    batch_accounts: bool
    batch_recharges: bool


class SetSwitch(Record, frozen=True):
    """`setSwitcherStateOfPlatform`, `setSwitcherStateOfBatch`: what the switch is to be."""

    on: bool


class ContractStanding(Record, frozen=True):
    """What the contract's owner has set: whether it is paused, and its name and symbol."""

    paused: bool
    name: Annotated[str, Meta(max_length=64)]
    symbol: Annotated[str, Meta(max_length=16)]


def find_account(records: Readable, address: bytes) -> Account | None:
    """The account at `address`, or None."""
    data = records.get(account_key(address))
    return None if data is None else _account(data)


def require_active(records: Readable, address: bytes, *, unknown: str, frozen: str) -> Account:
    """The account at `address`, or the refusal `unknown` or `frozen`."""
    account = find_account(records, address)
    if account is None:
        raise ContractReverted(unknown, address)
    if not account.active:
        raise ContractReverted(frozen, address)
    return account


def sender_account(context: ContractContext) -> Account:
    """The calling account, which a check has found."""
    account = find_account(context.records, context.sender)
    assert account is not None
    return account


def is_platform(records: Readable, did: bytes) -> bool:
    """Whether the DID is a registered platform's."""
    return records.get(platform_key(did)) is not None


def is_approved(records: Readable, issuer: bytes, to: bytes) -> bool:
    """Whether an operator lets the platform `issuer` issue to the holders of the platform `to`."""
    return records.get(approval_key(issuer, to)) is not None


def platform_of(account: Account) -> bytes | None:
    """The DID of the platform that an account is or stands under; None beside that hierarchy."""
    match account.role:
        case Role.PLATFORM:
            return account.did
        case Role.CONSUMER:
            return account.leader
    return None


def may_issue_to(records: Readable, issuer: Account, holder: Account) -> bool:
    """Whether the hierarchy lets `issuer` issue to `holder`: platforms and consumers within their platform or approved."""
    if issuer.role in (Role.OPERATOR, Role.CROSS_CHAIN):
        return True
    own, other = platform_of(issuer), platform_of(holder)
    return own is not None and other is not None and (own == other or is_approved(records, own, other))


def functions_of(records: Readable, role: int, contract: str) -> frozenset[str] | None:
    """The methods of the contract that the role may call; None if the list does not have the pair."""
    data = records.get(functions_key(role, contract))
    return None if data is None else _functions(data)


def switches_of(records: Readable) -> Switches:
    """What is switched on."""
    data = records.get(switches_key())
    return _ALL_ON if data is None else _switches(data)


def is_paused(records: Readable, contract: str) -> bool:
    """Whether the owner has paused the contract."""
    return standing_of(records, contract).paused


def standing_of(records: Readable, contract: str) -> ContractStanding:
    """What the owner has set of the contract."""
    data = records.get(standing_key(contract))
    return _UNTOUCHED if data is None else _standing(data)


_ALL_ON: Final = Switches(platforms_add=True, batch_accounts=True, batch_recharges=True)
_UNTOUCHED: Final = ContractStanding(paused=False, name="", symbol="")
_account = lru_cache(maxsize=4096)(decoder(Account))
"""Remembered by its bytes: every transaction reads its sender and its holder, 2 us each."""
_read_functions: Final = decoder(Functions)
_switches = lru_cache(maxsize=8)(decoder(Switches))
_standing = lru_cache(maxsize=64)(decoder(ContractStanding))


@lru_cache(maxsize=256)
def _functions(data: bytes) -> frozenset[str]:
    return frozenset(_read_functions(data).methods)
