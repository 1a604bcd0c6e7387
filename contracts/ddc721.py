"""The ERC-721 face of certificates, made non-transferable (ERC-721, ERC-5192; protocol 18).

Every method of transfer or approval exists and answers `non-transferable` before anything else is checked,
whoever calls and with whatever arguments.
"""

from typing import Any, Final

from chain.codec import Record
from chain.ids import Address, ClassId, TokenId
from contracts.access import Role, require_sender
from contracts.certificate import (
    Certificate,
    ChangeStatus,
    Mint,
    MintBatch,
    Recorded,
    change_status,
    count_of,
    issue,
    require_certificate,
)
from contracts.classes import may_issue, require_class
from contracts.interface import ContractContext, ContractReverted, Method, Reader, Records, View
from contracts.keys import balance_key, supply_key

CONTRACT: Final = "ddc721"
NON_TRANSFERABLE: Final = "non-transferable"
INTERFACES: Final = frozenset({"01ffc9a7", "80ac58cd", "5b5e139f", "b45a3c0e"})
"""ERC-165, ERC-721, its metadata extension, ERC-5192."""


class OfClass(Record, frozen=True):
    """A read about a class."""

    class_id: ClassId


class OfToken(Record, frozen=True):
    """A read about a certificate."""

    class_id: ClassId
    token: TokenId


class OfHolder(Record, frozen=True):
    """A read about a holder."""

    class_id: ClassId
    address: Address


class OfOperator(Record, frozen=True):
    """A read about who may act for a holder."""

    class_id: ClassId
    owner: Address
    operator: Address


class OfInterface(Record, frozen=True):
    """`supportsInterface`: an ERC-165 interface id, 8 hex digits."""

    interface: str


def mint(context: ContractContext, arguments: Mint) -> None:
    """Issue one certificate."""
    issue(context, arguments.class_id, (arguments.item,))
    item = arguments.item
    context.emit(CONTRACT, "Transfer", arguments.class_id, b"", item.holder, item.token)
    context.emit(CONTRACT, "Locked", arguments.class_id, item.token)


def mint_batch(context: ContractContext, arguments: MintBatch) -> None:
    """Issue up to 100 certificates, all or none; one event of each kind lists them in order."""
    issue(context, arguments.class_id, arguments.items)
    holders = tuple(item.holder for item in arguments.items)
    tokens = tuple(item.token for item in arguments.items)
    context.emit(CONTRACT, "TransferBatch", arguments.class_id, b"", holders, tokens)
    context.emit(CONTRACT, "LockedBatch", arguments.class_id, tokens)


def revoke(context: ContractContext, arguments: ChangeStatus) -> None:
    """Revoke for good; only a granted issuer of the class may. The record stays visible (as in ERC-4671)."""
    require_sender(context, Role.OPERATOR, Role.PLATFORM)
    require_class(context.records, arguments.class_id)
    if not may_issue(context.records, arguments.class_id, context.sender):
        raise ContractReverted("not-granted", arguments.class_id)
    certificate = change_status(context, arguments, Recorded.REVOKED)
    _emit_change(context, "Revoked", certificate, arguments.reason)


def freeze(context: ContractContext, arguments: ChangeStatus) -> None:
    """Suspend a certificate; only an operator may."""
    require_sender(context, Role.OPERATOR)
    certificate = change_status(context, arguments, Recorded.FROZEN)
    _emit_change(context, "EnterBlacklist", certificate, arguments.reason)


def unfreeze(context: ContractContext, arguments: ChangeStatus) -> None:
    """Lift a suspension; only an operator may."""
    require_sender(context, Role.OPERATOR)
    certificate = change_status(context, arguments, Recorded.ACTIVE)
    _emit_change(context, "ExitBlacklist", certificate, arguments.reason)


def refuse_transfer(_context: ContractContext, _arguments: Any) -> None:  # noqa: ANN401 - never looked at
    """Certificates never change hands."""
    raise ContractReverted(NON_TRANSFERABLE)


def _emit_change(context: ContractContext, name: str, certificate: Certificate, reason: str) -> None:
    context.emit(CONTRACT, name, certificate.class_id, certificate.token, reason)


def _owner_of(records: Records, read: OfToken) -> bytes:
    return require_certificate(records, read.class_id, read.token).holder


def _balance_of(records: Records, read: OfHolder) -> int:
    return count_of(records, balance_key(read.class_id, read.address))


def _total_supply(records: Records, read: OfClass) -> int:
    return count_of(records, supply_key(read.class_id))


def _token_uri(records: Records, read: OfToken) -> str:
    return require_certificate(records, read.class_id, read.token).uri


def _name(records: Records, read: OfClass) -> str:
    return require_class(records, read.class_id).name_en


def _symbol(records: Records, read: OfClass) -> str:
    return require_class(records, read.class_id).class_id.upper()


def _locked(records: Records, read: OfToken) -> bool:
    """ERC-5192: always true of a certificate that exists."""
    require_certificate(records, read.class_id, read.token)
    return True


def _get_approved(records: Records, read: OfToken) -> bytes:
    """ERC-721: nobody is ever approved."""
    require_certificate(records, read.class_id, read.token)
    return b""


def _is_approved_for_all(_records: Records, _read: OfOperator) -> bool:
    """ERC-721: nobody ever acts for a holder."""
    return False


def _supports_interface(_records: Records, read: OfInterface) -> bool:
    return read.interface in INTERFACES


METHODS: Final = {
    "mint": Method(Mint, mint),
    "mintBatch": Method(MintBatch, mint_batch),
    "revoke": Method(ChangeStatus, revoke),
    "freeze": Method(ChangeStatus, freeze),
    "unfreeze": Method(ChangeStatus, unfreeze),
} | {
    name: Method(None, refuse_transfer)
    for name in (
        "transferFrom",
        "safeTransferFrom",
        "batchTransferFrom",
        "safeBatchTransferFrom",
        "metaTransferFrom",
        "metaSafeTransferFrom",
        "approve",
        "setApprovalForAll",
    )
}

_READERS: Final[dict[str, tuple[type[Record], Reader]]] = {
    "ownerOf": (OfToken, _owner_of),
    "balanceOf": (OfHolder, _balance_of),
    "totalSupply": (OfClass, _total_supply),
    "tokenURI": (OfToken, _token_uri),
    "name": (OfClass, _name),
    "symbol": (OfClass, _symbol),
    "locked": (OfToken, _locked),
    "getApproved": (OfToken, _get_approved),
    "isApprovedForAll": (OfOperator, _is_approved_for_all),
    "supportsInterface": (OfInterface, _supports_interface),
}
VIEWS: Final = {name: View(arguments, read) for name, (arguments, read) in _READERS.items()}
