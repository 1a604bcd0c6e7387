"""Who may do what: accounts, switches, platforms and their approvals, the access list (protocol 15)."""

from typing import Annotated, Final

from msgspec import Meta
from msgspec.structs import replace

from chain.codec import Record, encode
from chain.ids import Address, Did
from chain.transaction import Name
from contracts import accounts
from contracts.access import (
    Account,
    Functions,
    SetSwitch,
    Switches,
    find_account,
    functions_of,
    is_approved,
    is_platform,
    may_issue_to,
    platform_of,
    require_active,
    switches_of,
)
from contracts.accounts import YES, AddAccount, AddAccounts, JoinDid, UpdateAccountState
from contracts.did import find_document
from contracts.gates import sender_is
from contracts.interface import (
    Act,
    Check,
    ContractContext,
    ContractReverted,
    Method,
    OfNothing,
    Readable,
    Reader,
    Role,
    View,
    refuses,
)
from contracts.keys import approval_key, functions_key, platform_key, switches_key

CONTRACT: Final = "authority"
DIDS_MAX: Final = 100
RoleNumber = Annotated[int, Meta(ge=0, le=5)]


class SyncPlatformDID(Record, frozen=True):
    """`syncPlatformDID`: DIDs that are platforms' too."""

    dids: Annotated[tuple[Did, ...], Meta(min_length=1, max_length=DIDS_MAX)]


class OfFunction(Record, frozen=True):
    """`addFunction`, `delFunction`: a method of a contract, for a role."""

    role: RoleNumber
    contract: Name
    method: Name


class CrossPlatformApproval(Record, frozen=True):
    """`crossPlatformApproval`: whether one platform may issue to the holders of another."""

    issuer: Did
    to: Did
    approved: bool


class OfAccount(Record, frozen=True):
    """A read about an account."""

    address: Address


class OfAccountRole(Record, frozen=True):
    """A read about an account and a role."""

    address: Address
    role: RoleNumber


class OfPermission(Record, frozen=True):
    """A read about what an account may call."""

    address: Address
    contract: Name
    method: Name


class OfList(Record, frozen=True):
    """A read about the access list."""

    role: RoleNumber
    contract: Name


class OfTwo(Record, frozen=True):
    """A read about two accounts."""

    first: Address
    second: Address


def _switch(name: str, event: str) -> tuple[Check, Act]:
    """The check that a switch differs, and the effect that sets it."""

    @refuses("no-change")
    def differs(context: ContractContext, arguments: SetSwitch) -> None:
        """The switch is not what it is to be."""
        if getattr(switches_of(context.records), name) == arguments.on:
            raise ContractReverted("no-change", CONTRACT)

    def effect(context: ContractContext, arguments: SetSwitch) -> None:
        """Turn the switch on or off."""
        switches: Switches = replace(switches_of(context.records), **{name: arguments.on})
        context.records.put(switches_key(), encode(switches))
        context.emit(event, context.sender, arguments.on)

    return differs, effect


@refuses("did-unknown")
def dids_known(context: ContractContext, arguments: SyncPlatformDID) -> None:
    """This chain knows every one of the DIDs."""
    for did in arguments.dids:
        if find_document(context.records, did) is None:
            raise ContractReverted("did-unknown", did)


def sync_platform_did(context: ContractContext, arguments: SyncPlatformDID) -> None:
    """Register DIDs as platforms'."""
    for did in arguments.dids:
        context.records.put(platform_key(did), YES)
    context.emit("SyncPlatformDID", context.sender, arguments.dids)


@refuses("leader-unknown")
def both_platforms(context: ContractContext, arguments: CrossPlatformApproval) -> None:
    """Both DIDs are registered platforms'."""
    for did in (arguments.issuer, arguments.to):
        if not is_platform(context.records, did):
            raise ContractReverted("leader-unknown", did)


@refuses("same-platform")
def two_platforms(_context: ContractContext, arguments: CrossPlatformApproval) -> None:
    """The DIDs differ."""
    if arguments.issuer == arguments.to:
        raise ContractReverted("same-platform", arguments.to)


@refuses("no-change")
def approval_differs(context: ContractContext, arguments: CrossPlatformApproval) -> None:
    """The approval is not what it is to be."""
    if is_approved(context.records, arguments.issuer, arguments.to) == arguments.approved:
        raise ContractReverted("no-change", arguments.to)


def cross_platform_approval(context: ContractContext, arguments: CrossPlatformApproval) -> None:
    """Let one platform issue to the holders of another, or no longer."""
    context.records.put(approval_key(arguments.issuer, arguments.to), YES if arguments.approved else None)
    context.emit("CrossPlatformApproval", arguments.issuer, arguments.to, arguments.approved)


@refuses("method-unknown")
def method_listable(context: ContractContext, arguments: OfFunction) -> None:
    """The contract has such a method, and it is one that is listed."""
    method = context.catalogue.get((arguments.contract, arguments.method))
    if method is None or not any(check.listed for check in method.checks):
        raise ContractReverted("method-unknown", arguments.contract, arguments.method)


@refuses("function-listed")
def function_new(context: ContractContext, arguments: OfFunction) -> None:
    """The role may not call it yet."""
    if arguments.method in (functions_of(context.records, arguments.role, arguments.contract) or ()):
        raise ContractReverted("function-listed", arguments.role, arguments.contract, arguments.method)


@refuses("contract-not-listed", "function-not-listed")
def function_listed(context: ContractContext, arguments: OfFunction) -> None:
    """The list has the role with the contract, and the method."""
    functions = functions_of(context.records, arguments.role, arguments.contract)
    if functions is None:
        raise ContractReverted("contract-not-listed", arguments.role, arguments.contract)
    if arguments.method not in functions:
        raise ContractReverted("function-not-listed", arguments.role, arguments.contract, arguments.method)


def add_function(context: ContractContext, arguments: OfFunction) -> None:
    """Let a role call a method."""
    functions = functions_of(context.records, arguments.role, arguments.contract) or frozenset()
    _put_functions(context, arguments, functions | {arguments.method})
    context.emit("AddFunction", context.sender, arguments.role, arguments.contract, arguments.method)


def del_function(context: ContractContext, arguments: OfFunction) -> None:
    """Let a role call a method no longer."""
    functions = functions_of(context.records, arguments.role, arguments.contract) or frozenset()
    _put_functions(context, arguments, functions - {arguments.method})
    context.emit("DelFunction", context.sender, arguments.role, arguments.contract, arguments.method)


def _put_functions(context: ContractContext, arguments: OfFunction, functions: frozenset[str]) -> None:
    listed = Functions(methods=tuple(sorted(functions)))
    context.records.put(functions_key(arguments.role, arguments.contract), encode(listed))


def _account_available(records: Readable, read: OfAccount) -> bool:
    account = find_account(records, read.address)
    return account is not None and account.active


def _role_available(records: Readable, read: OfAccountRole) -> bool:
    account = find_account(records, read.address)
    return account is not None and account.active and account.role == read.role


def _has_permission(records: Readable, read: OfPermission) -> bool:
    account = find_account(records, read.address)
    return (
        account is not None
        and account.active
        and read.method in (functions_of(records, account.role, read.contract) or ())
    )


def _functions(records: Readable, read: OfList) -> str:
    return " ".join(sorted(functions_of(records, read.role, read.contract) or ()))


def _one_platform(records: Readable, read: OfTwo) -> bool:
    """Whether both stand under one platform; never so of operators and of roles beside the hierarchy."""
    own, other = (platform_of(account) for account in _two(records, read))
    return own is not None and own == other


def _cross_platform(records: Readable, read: OfTwo) -> bool:
    """Whether the first account's platform may issue to the second account: its own, or by an approval."""
    issuer, holder = _two(records, read)
    return may_issue_to(records, issuer, holder)


def _two(records: Readable, read: OfTwo) -> tuple[Account, Account]:
    first, second = (
        require_active(records, address, unknown="account-unknown", frozen="account-frozen")
        for address in (read.first, read.second)
    )
    return first, second


def _platforms_add(records: Readable, _read: OfNothing) -> bool:
    return switches_of(records).platforms_add


def _batches(records: Readable, _read: OfNothing) -> bool:
    return switches_of(records).batch_accounts


_NEW: Final = (accounts.accounts_new, accounts.keys_own_addresses)
_BY_OWNER: Final = (
    sender_is(Role.OWNER), accounts.dids_named, accounts.leads_itself, *_NEW, accounts.dids_signed
)  # fmt: skip
_BY_PLATFORM: Final = (accounts.platforms_may_add, accounts.led_by_sender, *_NEW, accounts.dids_signed)
_BY_OPERATOR: Final = (
    sender_is(Role.OPERATOR), accounts.leaders_known, accounts.platforms_have_dids, *_NEW, accounts.dids_signed
)  # fmt: skip
_PLATFORM_SWITCH: Final = _switch("platforms_add", "SetSwitcherStateOfPlatform")
_BATCH_SWITCH: Final = _switch("batch_accounts", "SetSwitcherStateOfBatch")
METHODS: Final = {
    **{
        name: Method(arguments=AddAccount, checks=_BY_OWNER, effect=accounts.add(role), events=("AddAccount",))
        for name, role in (
            ("addOperator", Role.OPERATOR),
            ("addCrossChain", Role.CROSS_CHAIN),
            ("addRelayer", Role.RELAYER),
        )
    },
    "addAccountByPlatform": Method(
        arguments=AddAccount,
        checks=(sender_is(Role.PLATFORM), *_BY_PLATFORM),
        effect=accounts.add(Role.CONSUMER),
        events=("AddAccount",),
    ),
    "addBatchAccountByPlatform": Method(
        arguments=AddAccounts,
        checks=(accounts.batches_on, sender_is(Role.PLATFORM), *_BY_PLATFORM),
        effect=accounts.add(Role.CONSUMER),
        events=("AddBatchAccount",),
    ),
    "addAccountByOperator": Method(
        arguments=AddAccount, checks=_BY_OPERATOR, effect=accounts.add_by_operator, events=("AddAccount",)
    ),
    "addBatchAccountByOperator": Method(
        arguments=AddAccounts,
        checks=(accounts.batches_on, *_BY_OPERATOR),
        effect=accounts.add_by_operator,
        events=("AddBatchAccount",),
    ),
    "joinDid": Method(
        arguments=JoinDid,
        checks=(
            sender_is(Role.OPERATOR, Role.PLATFORM, Role.CONSUMER),
            accounts.account_known,
            accounts.answers_for_account,
            accounts.has_no_did,
            accounts.joining_signed,
        ),
        effect=accounts.join_did,
        events=("JoinDid",),
    ),
    "updateAccountState": Method(
        arguments=UpdateAccountState,
        checks=(
            accounts.account_known,
            sender_is(Role.OPERATOR, Role.PLATFORM),
            accounts.flag_of_the_sender,
            accounts.not_oneself,
            accounts.flag_differs,
        ),
        effect=accounts.update_account_state,
        events=("UpdateAccountState",),
    ),
    "setSwitcherStateOfPlatform": Method(
        arguments=SetSwitch,
        checks=(sender_is(Role.OPERATOR), _PLATFORM_SWITCH[0]),
        effect=_PLATFORM_SWITCH[1],
        events=("SetSwitcherStateOfPlatform",),
    ),
    "setSwitcherStateOfBatch": Method(
        arguments=SetSwitch,
        checks=(sender_is(Role.OPERATOR), _BATCH_SWITCH[0]),
        effect=_BATCH_SWITCH[1],
        events=("SetSwitcherStateOfBatch",),
    ),
    "syncPlatformDID": Method(
        arguments=SyncPlatformDID,
        checks=(sender_is(Role.OPERATOR), dids_known),
        effect=sync_platform_did,
        events=("SyncPlatformDID",),
    ),
    "addFunction": Method(
        arguments=OfFunction,
        checks=(sender_is(Role.OPERATOR), method_listable, function_new),
        effect=add_function,
        events=("AddFunction",),
    ),
    "delFunction": Method(
        arguments=OfFunction,
        checks=(sender_is(Role.OPERATOR), method_listable, function_listed),
        effect=del_function,
        events=("DelFunction",),
    ),
    "crossPlatformApproval": Method(
        arguments=CrossPlatformApproval,
        checks=(sender_is(Role.OPERATOR), both_platforms, two_platforms, approval_differs),
        effect=cross_platform_approval,
        events=("CrossPlatformApproval",),
    ),
}
_READERS: Final[dict[str, tuple[type[Record], Reader]]] = {
    "accountAvailable": (OfAccount, _account_available),
    "checkAvailableAndRole": (OfAccountRole, _role_available),
    "hasFunctionPermission": (OfPermission, _has_permission),
    "getFunctions": (OfList, _functions),
    "onePlatformCheck": (OfTwo, _one_platform),
    "crossPlatformCheck": (OfTwo, _cross_platform),
    "switcherStateOfPlatform": (OfNothing, _platforms_add),
    "switcherStateOfBatch": (OfNothing, _batches),
}
VIEWS: Final = {name: View(arguments, read) for name, (arguments, read) in _READERS.items()}
