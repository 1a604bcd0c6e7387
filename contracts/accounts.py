"""Accounts are created, join their DID, are frozen and freed (protocol 15)."""

from typing import Annotated, Final

from msgspec import Meta
from msgspec.structs import replace

from chain.codec import Record, encode
from chain.did import Joining, is_signed
from chain.errors import AddressMalformed
from chain.ids import Address, Did, Natural
from contracts.access import NO_DID, Account, find_account, is_platform, sender_account, switches_of
from contracts.did import NewDid, find_document, put_new_did, require_new_did
from contracts.interface import Act, ContractContext, ContractReverted, Role, refuses
from contracts.keys import account_key, platform_key

ACCOUNTS_MAX: Final = 100
YES: Final = b"\x01"


class NewAccount(Record, frozen=True):
    """An account to be created.

    `possession` is its key's signature over a chosen name, unread over a derived one. `did_signature` is the DID's over
    (account, key, `did_sequence`); a DID that the chain does not know comes with its document. A consumer may have
    none yet: 20 zero bytes, no signature, no document. Without `leader` an operator creates a platform.
    """

    address: Address
    public_key: Annotated[bytes, Meta(min_length=32, max_length=33)]
    possession: Annotated[bytes, Meta(max_length=64)]
    leader: Did | None
    did: Did
    did_sequence: Natural
    did_signature: Annotated[bytes, Meta(max_length=64)]
    document: NewDid | None


class AddAccount(Record, frozen=True):
    """`addOperator`, `addCrossChain`, `addRelayer`, `addAccountByPlatform`, `addAccountByOperator`: one account."""

    item: NewAccount

    @property
    def items(self) -> tuple[NewAccount, ...]:
        """The one account, as a batch has them."""
        return (self.item,)


class AddAccounts(Record, frozen=True):
    """`addBatchAccountByPlatform`, `addBatchAccountByOperator`: up to 100 accounts, all or none."""

    items: Annotated[tuple[NewAccount, ...], Meta(min_length=1, max_length=ACCOUNTS_MAX)]


class JoinDid(Record, frozen=True):
    """`joinDid`: an account without a DID joins one, for good."""

    address: Address
    did: Did
    did_sequence: Natural
    did_signature: Annotated[bytes, Meta(max_length=64)]


class UpdateAccountState(Record, frozen=True):
    """`updateAccountState`: set one of an account's two flags."""

    address: Address
    active: bool
    platform_flag: bool
    """Whether the platform's flag is meant; else the operator's."""


Adding = AddAccount | AddAccounts


@refuses("platforms-may-not-add")
def platforms_may_add(context: ContractContext, _arguments: Adding) -> None:
    """The switch for platforms is on."""
    if not switches_of(context.records).platforms_add:
        raise ContractReverted("platforms-may-not-add")


@refuses("batches-off")
def batches_on(context: ContractContext, _arguments: AddAccounts) -> None:
    """The switch for batches of accounts is on."""
    if not switches_of(context.records).batch_accounts:
        raise ContractReverted("batches-off", context.contract)


@refuses("account-repeats", "account-exists")
def accounts_new(context: ContractContext, arguments: Adding) -> None:
    """No two are one account, and there is none of them yet."""
    addresses = [item.address for item in arguments.items]
    if len({*addresses}) != len(addresses):
        raise ContractReverted("account-repeats")
    for address in addresses:
        if find_account(context.records, address) is not None:
            raise ContractReverted("account-exists", address)


@refuses("leader-differs")
def led_by_sender(context: ContractContext, arguments: Adding) -> None:
    """No leader is named, or the sender's DID."""
    for item in arguments.items:
        if item.leader not in (None, sender_account(context).did):
            raise ContractReverted("leader-differs", item.leader or b"")


@refuses("leader-differs")
def leads_itself(_context: ContractContext, arguments: Adding) -> None:
    """No leader is named, or the account's own DID."""
    for item in arguments.items:
        if item.leader not in (None, item.did):
            raise ContractReverted("leader-differs", item.leader or b"")


@refuses("leader-unknown")
def leaders_known(context: ContractContext, arguments: Adding) -> None:
    """Every leader that is named is a registered platform's DID."""
    for item in arguments.items:
        if item.leader is not None and not is_platform(context.records, item.leader):
            raise ContractReverted("leader-unknown", item.leader)


@refuses("public-key-malformed", "address-differs", "address-malformed", "possession-not-proven")
def keys_own_addresses(context: ContractContext, arguments: Adding) -> None:
    """Every key is in the chain's form; a derived address follows from it, a chosen name has the form and its signature."""
    for item in arguments.items:
        if not context.rules.scheme.check_public_key(item.public_key):
            raise ContractReverted("public-key-malformed", item.public_key)
        _require_own_address(context, item)


@refuses("did-missing")
def dids_named(_context: ContractContext, arguments: Adding) -> None:
    """Every account has a DID; consumers may join one later."""
    for item in arguments.items:
        if item.did == NO_DID:
            raise ContractReverted("did-missing", item.address)


@refuses("did-missing")
def platforms_have_dids(_context: ContractContext, arguments: Adding) -> None:
    """Every platform has a DID; consumers may join one later."""
    for item in arguments.items:
        if item.leader is None and item.did == NO_DID:
            raise ContractReverted("did-missing", item.address)


@refuses("did-differs", "public-key-malformed", "home-unknown", "did-unknown", "did-sequence-wrong", "did-not-signed")
def dids_signed(context: ContractContext, arguments: Adding) -> None:
    """Every DID is known or comes with its document, and its present authentication key signed account, key and sequence."""
    for item in arguments.items:
        if item.did == NO_DID:
            _require_nothing_of_a_did(item)
            continue
        joining = Joining(did=item.did, sequence=item.did_sequence, address=item.address, public_key=item.public_key)
        _require_joined(context, joining, item.did_signature, item.document)


def add(role: Role) -> Act:
    """The effect that creates accounts of one role; one event, which lists those of a batch."""

    def effect(context: ContractContext, arguments: Adding) -> None:
        for item in arguments.items:
            leader = sender_account(context).did if role == Role.CONSUMER else item.did
            _put_account(context, item, role, leader)
        _tell_added(context, arguments)

    effect.__doc__ = (
        f"Create active accounts of role {role.name.lower().replace('_', '-')}, with their DIDs where they are new."
    )
    return effect


def add_by_operator(context: ContractContext, arguments: Adding) -> None:
    """Create active accounts: consumers of the leader that is named, else platforms, whose DIDs are registered."""
    sender = sender_account(context)
    for item in arguments.items:
        if item.leader is None:
            context.records.put(platform_key(item.did), YES)
            _put_account(context, item, Role.PLATFORM, sender.did)
        else:
            _put_account(context, item, Role.CONSUMER, item.leader)
    _tell_added(context, arguments)


@refuses("account-unknown")
def account_known(context: ContractContext, arguments: UpdateAccountState | JoinDid) -> None:
    """There is an account at the address."""
    if find_account(context.records, arguments.address) is None:
        raise ContractReverted("account-unknown", arguments.address)


@refuses("role-not-allowed")
def flag_of_the_sender(context: ContractContext, arguments: UpdateAccountState) -> None:
    """An operator means either flag of anyone, a platform the platform's flag of a consumer that it leads."""
    sender, account = sender_account(context), _account(context, arguments.address)
    own_consumer = account.role == Role.CONSUMER and account.leader == sender.did
    if sender.role == Role.PLATFORM and not (arguments.platform_flag and own_consumer):
        raise ContractReverted("role-not-allowed", sender.role)


@refuses("own-account")
def not_oneself(context: ContractContext, arguments: UpdateAccountState) -> None:
    """Nobody freezes itself: it could not undo it."""
    if arguments.address == context.sender:
        raise ContractReverted("own-account", context.sender)


@refuses("no-change")
def flag_differs(context: ContractContext, arguments: UpdateAccountState) -> None:
    """The flag is not what it is to be."""
    account = _account(context, arguments.address)
    present = account.platform_active if arguments.platform_flag else account.operator_active
    if present == arguments.active:
        raise ContractReverted("no-change", arguments.address)


def update_account_state(context: ContractContext, arguments: UpdateAccountState) -> None:
    """Freeze or free an account."""
    flag = "platform_active" if arguments.platform_flag else "operator_active"
    changed = replace(_account(context, arguments.address), **{flag: arguments.active})
    context.records.put(account_key(arguments.address), encode(changed))
    context.emit("UpdateAccountState", changed.address, changed.platform_active, changed.operator_active)


@refuses("role-not-allowed")
def answers_for_account(context: ContractContext, arguments: JoinDid) -> None:
    """The sender is the account, the platform that leads it or an operator."""
    sender, account = sender_account(context), _account(context, arguments.address)
    leads = sender.role == Role.PLATFORM and account.leader == sender.did
    if not (sender.role == Role.OPERATOR or leads or context.sender == arguments.address):
        raise ContractReverted("role-not-allowed", sender.role)


@refuses("did-joined")
def has_no_did(context: ContractContext, arguments: JoinDid) -> None:
    """The account has joined no DID yet."""
    account = _account(context, arguments.address)
    if account.did != NO_DID:
        raise ContractReverted("did-joined", account.did)


@refuses("did-unknown", "did-sequence-wrong", "did-not-signed")
def joining_signed(context: ContractContext, arguments: JoinDid) -> None:
    """The DID is known, and its present authentication key signed account, key and sequence."""
    joining = Joining(
        did=arguments.did,
        sequence=arguments.did_sequence,
        address=arguments.address,
        public_key=_account(context, arguments.address).public_key,
    )
    _require_joined(context, joining, arguments.did_signature, None)


def join_did(context: ContractContext, arguments: JoinDid) -> None:
    """Give the account its DID, which it keeps for ever."""
    changed = replace(_account(context, arguments.address), did=arguments.did)
    context.records.put(account_key(arguments.address), encode(changed))
    context.emit("JoinDid", arguments.address, arguments.did)


def _require_own_address(context: ContractContext, item: NewAccount) -> None:
    rules = context.rules
    if not rules.addresses.registered:
        if item.address != rules.addresses.derive(item.public_key):
            raise ContractReverted("address-differs", item.address)
        return
    try:
        rules.addresses.format(item.address)
    except AddressMalformed:
        raise ContractReverted("address-malformed", item.address) from None
    message = rules.registration_bytes(item.address, item.public_key)
    if not rules.scheme.verify(item.public_key, message, item.possession):
        raise ContractReverted("possession-not-proven", item.address)


def _require_nothing_of_a_did(item: NewAccount) -> None:
    """An unread document would be recorded unproven, and could put a DID back to its first key."""
    if item.document is not None or item.did_signature:
        raise ContractReverted("did-differs", item.did)


def _require_joined(context: ContractContext, joining: Joining, signature: bytes, new: NewDid | None) -> None:
    sequence, key = _present_key(context, joining.did, new)
    if sequence != joining.sequence:
        raise ContractReverted("did-sequence-wrong", sequence, joining.sequence)
    if not is_signed(key, context.rules.network_id, context.rules.chain_id, joining, signature):
        raise ContractReverted("did-not-signed", joining.did)


def _present_key(context: ContractContext, did: bytes, new: NewDid | None) -> tuple[int, bytes]:
    """The DID's sequence and authentication key: as this chain knows them, or as its document brings them."""
    if new is not None:
        if new.base.did != did:
            raise ContractReverted("did-differs", did)
        require_new_did(context, new)
    document = find_document(context.records, did)
    if document is not None:
        return document.sequence, document.authentication
    if new is None:
        raise ContractReverted("did-unknown", did)
    return 0, new.base.authentication


def _put_account(context: ContractContext, item: NewAccount, role: Role, leader: bytes) -> None:
    if item.document is not None and find_document(context.records, item.did) is None:
        put_new_did(context, item.document.base)
    account = Account(
        address=item.address,
        public_key=item.public_key,
        role=int(role),
        did=item.did,
        leader=leader,
        platform_active=True,
        operator_active=True,
    )
    context.records.put(account_key(item.address), encode(account))


def _tell_added(context: ContractContext, arguments: Adding) -> None:
    if isinstance(arguments, AddAccount):
        account = _account(context, arguments.item.address)
        context.emit("AddAccount", context.sender, account.address, account.role, account.did)
    else:
        addresses, dids = (tuple(getattr(item, name) for item in arguments.items) for name in ("address", "did"))
        context.emit("AddBatchAccount", context.sender, addresses, dids)


def _account(context: ContractContext, address: bytes) -> Account:
    account = find_account(context.records, address)
    assert account is not None
    return account
