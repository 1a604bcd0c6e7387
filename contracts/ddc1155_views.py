"""Reads of ddc1155, from records alone (protocol 30.4)."""

from typing import Annotated, Final

from msgspec import Meta

from chain.codec import Record
from chain.ids import Address, ClassId, TokenId
from contracts.access import standing_of
from contracts.certificate import AttributeName, Edition, Holding, find_edition, find_holding, is_live, issued_of
from contracts.interface import ContractReverted, Readable, Reader, View
from contracts.issuing import BATCH_CERTIFICATES_MAX
from contracts.meta import counter_of

CONTRACT: Final = "ddc1155"
INTERFACES: Final = frozenset({"01ffc9a7", "d9b67a26", "0e89341c", "b45a3c0e"})
"""ERC-165, ERC-1155, its metadata extension, ERC-5192."""


class OfEditionId(Record, frozen=True):
    """A read about an edition."""

    class_id: ClassId
    token: TokenId


class OfHoldingId(Record, frozen=True):
    """A read about a holding."""

    class_id: ClassId
    token: TokenId
    holder: Address


class OfHoldings(Record, frozen=True):
    """`balanceOfBatch`: holders, and an edition for each."""

    class_id: ClassId
    holders: Annotated[tuple[Address, ...], Meta(max_length=BATCH_CERTIFICATES_MAX)]
    tokens: Annotated[tuple[TokenId, ...], Meta(max_length=BATCH_CERTIFICATES_MAX)]


class OfHoldingAttribute(Record, frozen=True):
    """A read about an attribute of a holding."""

    class_id: ClassId
    token: TokenId
    holder: Address
    name: AttributeName


class OfTwoAccounts(Record, frozen=True):
    """A read about who may act for a holder."""

    owner: Address
    operator: Address


class OfClassOnly(Record, frozen=True):
    """A read about a class."""

    class_id: ClassId


class OfSigner(Record, frozen=True):
    """A read about an account."""

    address: Address


class OfInterfaceId(Record, frozen=True):
    """`supportsInterface`: an ERC-165 interface id, 8 hex digits."""

    interface: str


class OfContractOnly(Record, frozen=True):
    """A read about the contract."""


def _edition(records: Readable, read: OfEditionId) -> Edition:
    edition = find_edition(records, read.class_id, read.token)
    if edition is None:
        raise ContractReverted("edition-unknown", read.class_id, read.token)
    return edition


def _holding(records: Readable, read: OfHoldingId | OfHoldingAttribute) -> Holding:
    holding = find_holding(records, read.class_id, read.token, read.holder)
    if holding is None:
        raise ContractReverted("holding-unknown", read.class_id, read.token, read.holder)
    return holding


def _counts(records: Readable, class_id: str, token: bytes, holder: bytes) -> bool:
    """Whether the holder has a live holding of an edition that is not withdrawn."""
    edition, holding = find_edition(records, class_id, token), find_holding(records, class_id, token, holder)
    return edition is not None and not edition.withdrawn and holding is not None and is_live(holding)


def _balance_of(records: Readable, read: OfHoldingId) -> int:
    """ERC-1155: 1 for a live holding of an edition that is not withdrawn, else 0."""
    return int(_counts(records, read.class_id, read.token, read.holder))


def _balance_of_batch(records: Readable, read: OfHoldings) -> bytes:
    """ERC-1155: the balances, one byte each."""
    if len(read.holders) != len(read.tokens):
        raise ContractReverted("lengths-differ", len(read.holders), len(read.tokens))
    pairs = zip(read.tokens, read.holders, strict=True)
    return bytes(_counts(records, read.class_id, token, holder) for token, holder in pairs)


def _uri(records: Readable, read: OfEditionId) -> str:
    return _edition(records, read).uri


def _holdings(records: Readable, read: OfEditionId) -> int:
    return _edition(records, read).holdings


def _locked(records: Readable, read: OfEditionId) -> bool:
    """ERC-5192: always true of an edition that exists."""
    _edition(records, read)
    return True


def _is_approved_for_all(_records: Readable, _read: OfTwoAccounts) -> bool:
    """ERC-1155: nobody ever acts for a holder."""
    return False


def _user_of(records: Readable, read: OfHoldingId) -> bytes:
    return _holding(records, read).user or b""


def _user_expires(records: Readable, read: OfHoldingId) -> int:
    return _holding(records, read).user_until or 0


def _attribute(records: Readable, read: OfHoldingAttribute) -> str:
    return dict(_holding(records, read).attributes).get(read.name, "")


def _total_supply(records: Readable, read: OfClassOnly) -> int:
    issued = issued_of(records, read.class_id)
    return 0 if issued is None else issued.count


def _latest(records: Readable, read: OfClassOnly) -> bytes:
    issued = issued_of(records, read.class_id)
    return b"" if issued is None else issued.latest


def _get_nonce(records: Readable, read: OfSigner) -> int:
    return counter_of(records, CONTRACT, read.address)


def _supports_interface(_records: Readable, read: OfInterfaceId) -> bool:
    return read.interface in INTERFACES


def _paused(records: Readable, _read: OfContractOnly) -> bool:
    return standing_of(records, CONTRACT).paused


def _name(records: Readable, _read: OfContractOnly) -> str:
    return standing_of(records, CONTRACT).name


def _symbol(records: Readable, _read: OfContractOnly) -> str:
    return standing_of(records, CONTRACT).symbol


_READERS: Final[dict[str, tuple[type[Record], Reader]]] = {
    "balanceOf": (OfHoldingId, _balance_of),
    "balanceOfBatch": (OfHoldings, _balance_of_batch),
    "isApprovedForAll": (OfTwoAccounts, _is_approved_for_all),
    "uri": (OfEditionId, _uri),
    "ddcURI": (OfEditionId, _uri),
    "holdingsOf": (OfEditionId, _holdings),
    "locked": (OfEditionId, _locked),
    "userOf": (OfHoldingId, _user_of),
    "userExpires": (OfHoldingId, _user_expires),
    "getAttribute": (OfHoldingAttribute, _attribute),
    "totalSupply": (OfClassOnly, _total_supply),
    "getLatestDDCId": (OfClassOnly, _latest),
    "getNonce": (OfSigner, _get_nonce),
    "supportsInterface": (OfInterfaceId, _supports_interface),
    "paused": (OfContractOnly, _paused),
    "contractName": (OfContractOnly, _name),
    "contractSymbol": (OfContractOnly, _symbol),
}
VIEWS: Final = {name: View(arguments, read) for name, (arguments, read) in _READERS.items()}
