"""Accounts: who may do what (protocol 15). A state record with its full public key, created before first use."""

from enum import IntEnum
from functools import lru_cache
from typing import Annotated, Final

from msgspec import Meta

from chain.codec import Record, decoder, encode
from chain.errors import AddressMalformed
from chain.ids import Address, Did
from contracts.interface import ContractContext, ContractReverted, Method, Readable
from contracts.keys import account_key

CONTRACT: Final = "access"


class Role(IntEnum):
    """The reference network's roles, with its numbers."""

    OPERATOR = 0
    PLATFORM = 1
    CONSUMER = 2
    CROSS_CHAIN = 3
    RELAYER = 4


class Account(Record, frozen=True):
    """An account. It is usable only while both flags are true."""

    address: Address
    public_key: Annotated[bytes, Meta(min_length=32, max_length=33)]
    role: Annotated[int, Meta(ge=0, le=4)]
    did: Did
    leader: Did
    """The DID that answers for this one: an operator's own, a platform's operator, a consumer's platform."""
    platform_active: bool
    operator_active: bool

    @property
    def active(self) -> bool:
        """Neither its platform nor the operator has frozen it."""
        return self.platform_active and self.operator_active


class AddAccount(Record, frozen=True):
    """`addAccount`: the new account; `possession` is its key's signature over a chosen name, unread over a derived one."""

    address: Address
    public_key: Annotated[bytes, Meta(min_length=32, max_length=33)]
    role: Annotated[int, Meta(ge=1, le=4)]
    did: Did
    leader: Did
    possession: Annotated[bytes, Meta(max_length=64)]


class UpdateAccountState(Record, frozen=True):
    """`updateAccountState`: set one of an account's two flags."""

    address: Address
    active: bool
    platform_flag: bool
    """Whether the platform's flag is meant; else the operator's."""


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


def require_sender(context: ContractContext, *roles: Role) -> Account:
    """The calling account, active and of one of `roles`."""
    account = require_active(context.records, context.sender, unknown="account-unknown", frozen="account-frozen")
    if account.role not in roles:
        raise ContractReverted("role-not-allowed", account.role)
    return account


def add_account(context: ContractContext, arguments: AddAccount) -> None:
    """Create an account: an operator any below it, a platform consumers of its own."""
    # CHECKS
    sender = require_sender(context, Role.OPERATOR, Role.PLATFORM)
    if sender.role == Role.PLATFORM and (arguments.role != Role.CONSUMER or arguments.leader != sender.did):
        raise ContractReverted("role-not-allowed", sender.role)
    if arguments.role == Role.PLATFORM and arguments.leader != sender.did:
        raise ContractReverted("leader-differs", arguments.leader)
    if not context.rules.scheme.check_public_key(arguments.public_key):
        raise ContractReverted("public-key-malformed", arguments.public_key)
    _require_own_address(context, arguments)
    if find_account(context.records, arguments.address) is not None:
        raise ContractReverted("account-exists", arguments.address)
    # STATE
    account = Account(
        address=arguments.address,
        public_key=arguments.public_key,
        role=arguments.role,
        did=arguments.did,
        leader=arguments.leader,
        platform_active=True,
        operator_active=True,
    )
    context.records.put(account_key(arguments.address), encode(account))
    # EVENTS
    context.emit(CONTRACT, "AddAccount", context.sender, arguments.address, arguments.role, arguments.did)


def update_account_state(context: ContractContext, arguments: UpdateAccountState) -> None:
    """Freeze or free an account: the operator either flag of anyone, a platform its own consumers' platform flag."""
    # CHECKS
    sender = require_sender(context, Role.OPERATOR, Role.PLATFORM)
    account = find_account(context.records, arguments.address)
    if account is None:
        raise ContractReverted("account-unknown", arguments.address)
    own_consumer = account.role == Role.CONSUMER and account.leader == sender.did
    if sender.role == Role.PLATFORM and not (arguments.platform_flag and own_consumer):
        raise ContractReverted("role-not-allowed", sender.role)
    present = account.platform_active if arguments.platform_flag else account.operator_active
    if present == arguments.active:
        raise ContractReverted("no-change", arguments.address)
    # STATE
    changed = Account(
        address=account.address,
        public_key=account.public_key,
        role=account.role,
        did=account.did,
        leader=account.leader,
        platform_active=arguments.active if arguments.platform_flag else account.platform_active,
        operator_active=account.operator_active if arguments.platform_flag else arguments.active,
    )
    context.records.put(account_key(account.address), encode(changed))
    # EVENTS
    context.emit(CONTRACT, "UpdateAccountState", account.address, changed.platform_active, changed.operator_active)


def _require_own_address(context: ContractContext, arguments: AddAccount) -> None:
    """A derived address follows from the key; a chosen name needs the key's signature over it."""
    rules = context.rules
    if not rules.addresses.registered:
        if arguments.address != rules.addresses.derive(arguments.public_key):
            raise ContractReverted("address-differs", arguments.address)
        return
    try:
        rules.addresses.format(arguments.address)
    except AddressMalformed:
        raise ContractReverted("address-malformed", arguments.address) from None
    message = rules.registration_bytes(arguments.address, arguments.public_key)
    if not rules.scheme.verify(arguments.public_key, message, arguments.possession):
        raise ContractReverted("possession-not-proven", arguments.address)


_account = lru_cache(maxsize=4096)(decoder(Account))
"""Remembered by its bytes: every transaction reads its sender and its holder, 2 us each."""

METHODS: Final = {
    "addAccount": Method(AddAccount, add_account),
    "updateAccountState": Method(UpdateAccountState, update_account_state),
}
