"""Reads of ddc721, from records alone: whoever holds proven values can compute them (protocol 18.4)."""

from typing import Final

from chain.codec import Record
from chain.ids import Address, ClassId, TokenId
from contracts.access import standing_of
from contracts.certificate import AttributeName, count_of, issued_of, require_certificate
from contracts.classes import require_class
from contracts.interface import OfNothing, Readable, Reader, View
from contracts.keys import balance_key
from contracts.meta import counter_of

CONTRACT: Final = "ddc721"
INTERFACES: Final = frozenset({"01ffc9a7", "80ac58cd", "5b5e139f", "b45a3c0e", "0489b56f", "ad092b5c"})
"""ERC-165, ERC-721, its metadata extension, ERC-5192, ERC-5484, ERC-4907."""


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


class OfAddress(Record, frozen=True):
    """A read about an account."""

    address: Address


class OfAttribute(Record, frozen=True):
    """A read about an attribute of a certificate."""

    class_id: ClassId
    token: TokenId
    name: AttributeName


def _owner_of(records: Readable, read: OfToken) -> bytes:
    return require_certificate(records, read.class_id, read.token).holder


def _balance_of(records: Readable, read: OfHolder) -> int:
    return count_of(records, balance_key(read.class_id, read.address))


def _total_supply(records: Readable, read: OfClass) -> int:
    issued = issued_of(records, read.class_id)
    return 0 if issued is None else issued.count


def _latest(records: Readable, read: OfClass) -> bytes:
    issued = issued_of(records, read.class_id)
    return b"" if issued is None else issued.latest


def _get_nonce(records: Readable, read: OfAddress) -> int:
    return counter_of(records, CONTRACT, read.address)


def _user_of(records: Readable, read: OfToken) -> bytes:
    return require_certificate(records, read.class_id, read.token).user or b""


def _user_expires(records: Readable, read: OfToken) -> int:
    return require_certificate(records, read.class_id, read.token).user_until or 0


def _burn_auth(records: Readable, read: OfToken) -> int:
    return require_certificate(records, read.class_id, read.token).burn_authorisation


def _attribute(records: Readable, read: OfAttribute) -> str:
    return dict(require_certificate(records, read.class_id, read.token).attributes).get(read.name, "")


def _paused(records: Readable, _read: OfNothing) -> bool:
    return standing_of(records, CONTRACT).paused


def _contract_name(records: Readable, _read: OfNothing) -> str:
    return standing_of(records, CONTRACT).name


def _contract_symbol(records: Readable, _read: OfNothing) -> str:
    return standing_of(records, CONTRACT).symbol


def _token_uri(records: Readable, read: OfToken) -> str:
    return require_certificate(records, read.class_id, read.token).uri


def _name(records: Readable, read: OfClass) -> str:
    return require_class(records, read.class_id).name_en


def _symbol(records: Readable, read: OfClass) -> str:
    return require_class(records, read.class_id).class_id.upper()


def _locked(records: Readable, read: OfToken) -> bool:
    """ERC-5192: always true of a certificate that exists."""
    require_certificate(records, read.class_id, read.token)
    return True


def _get_approved(records: Readable, read: OfToken) -> bytes:
    """ERC-721: nobody is ever approved."""
    require_certificate(records, read.class_id, read.token)
    return b""


def _is_approved_for_all(_records: Readable, _read: OfOperator) -> bool:
    """ERC-721: nobody ever acts for a holder."""
    return False


def _supports_interface(_records: Readable, read: OfInterface) -> bool:
    return read.interface in INTERFACES


_READERS: Final[dict[str, tuple[type[Record], Reader]]] = {
    "ownerOf": (OfToken, _owner_of),
    "balanceOf": (OfHolder, _balance_of),
    "totalSupply": (OfClass, _total_supply),
    "getLatestDDCId": (OfClass, _latest),
    "getNonce": (OfAddress, _get_nonce),
    "userOf": (OfToken, _user_of),
    "userExpires": (OfToken, _user_expires),
    "burnAuth": (OfToken, _burn_auth),
    "getAttribute": (OfAttribute, _attribute),
    "paused": (OfNothing, _paused),
    "contractName": (OfNothing, _contract_name),
    "contractSymbol": (OfNothing, _contract_symbol),
    "tokenURI": (OfToken, _token_uri),
    "name": (OfClass, _name),
    "symbol": (OfClass, _symbol),
    "locked": (OfToken, _locked),
    "getApproved": (OfToken, _get_approved),
    "isApprovedForAll": (OfOperator, _is_approved_for_all),
    "supportsInterface": (OfInterface, _supports_interface),
}
VIEWS: Final = {name: View(arguments, read) for name, (arguments, read) in _READERS.items()}
