"""The ERC-1155 face: an edition is one certificate issued to many, each holder's of amount 1 (protocol 30).

An edition is a record, and each holding of it another, with its own status, validity and life. Nothing is ever transferred.
"""

import dataclasses
from typing import Annotated, Final

from msgspec import Meta
from msgspec.structs import replace

from chain.codec import Record, encode
from chain.ids import Address, ClassId, Natural, TokenId
from contracts import ddc1155_views
from contracts.access import Account, find_account, may_issue_to, require_active, sender_account
from contracts.burning import Tokens, burning_methods
from contracts.certificate import Edition, Holding, Recorded, add_to_issued, find_holding
from contracts.classes import class_known, granted, require_class, use_grant
from contracts.ddc721 import never, nothing
from contracts.editions import (
    edition_known,
    edition_methods,
    edition_not_frozen,
    not_withdrawn,
    put_edition,
    require_edition,
)
from contracts.gates import permitted, running
from contracts.holdings import holding_methods, put_holding
from contracts.interface import Act, Check, ContractContext, ContractReverted, Method, Price, Role, refuses
from contracts.issuing import BATCH_CERTIFICATES_MAX, Data
from contracts.life import ANYONE
from contracts.meta import Signed, count, signed_by
from contracts.owning import owner_methods

CONTRACT: Final = ddc1155_views.CONTRACT
VIEWS: Final = ddc1155_views.VIEWS
Holders = Annotated[tuple[Address, ...], Meta(min_length=1, max_length=BATCH_CERTIFICATES_MAX)]
Amounts = Annotated[tuple[Natural, ...], Meta(max_length=BATCH_CERTIFICATES_MAX)]
Pairs = tuple[tuple[bytes, bytes], ...]
"""Editions and holders."""


class SafeMint1155(Record, frozen=True):
    """`safeMint`, `crossSafeMint`: one holding of an edition; the amount is always 1."""

    class_id: ClassId
    token: TokenId
    holder: Address
    amount: Natural
    data: Data

    @property
    def pairs(self) -> Pairs:
        """The one edition and holder, as a batch has them."""
        return ((self.token, self.holder),)

    @property
    def amounts(self) -> tuple[int, ...]:
        """The one amount, as a batch has them."""
        return (self.amount,)


class SafeMintBatch1155(Record, frozen=True):
    """`safeMintBatch`: holdings of one edition for up to 100 holders, all or none."""

    class_id: ClassId
    token: TokenId
    holders: Holders
    amounts: Amounts
    data: Data

    @property
    def pairs(self) -> Pairs:
        """The edition with every holder."""
        return tuple((self.token, holder) for holder in self.holders)


class MetaMint1155(Record, frozen=True):
    """`metaSafeMint`: one holding, which its holder has signed for."""

    class_id: ClassId
    token: TokenId
    holder: Address
    amount: Natural
    data: Data
    signed: Signed

    @property
    def pairs(self) -> Pairs:
        """The one edition and holder, as a batch has them."""
        return ((self.token, self.holder),)

    @property
    def amounts(self) -> tuple[int, ...]:
        """The one amount, as a batch has them."""
        return (self.amount,)


class MetaMintBatch1155(Record, frozen=True):
    """`metaSafeMintBatch`: holdings of up to 100 editions of a class for one holder, who has signed for all at once."""

    class_id: ClassId
    tokens: Tokens
    holder: Address
    amounts: Amounts
    data: Data
    signed: Signed

    @property
    def pairs(self) -> Pairs:
        """Every edition with the holder."""
        return tuple((token, self.holder) for token in self.tokens)


Minting1155 = SafeMint1155 | SafeMintBatch1155 | MetaMint1155 | MetaMintBatch1155


@refuses("holding-repeats")
def holdings_distinct(_context: ContractContext, arguments: Minting1155) -> None:
    """No two are one holder's of one edition."""
    if len({*arguments.pairs}) != len(arguments.pairs):
        raise ContractReverted("holding-repeats", arguments.class_id)


@refuses("lengths-differ")
def amounts_match(_context: ContractContext, arguments: Minting1155) -> None:
    """There are as many amounts as holdings."""
    if len(arguments.amounts) != len(arguments.pairs):
        raise ContractReverted("lengths-differ", len(arguments.pairs), len(arguments.amounts))


@refuses("amount-not-one")
def amounts_are_one(_context: ContractContext, arguments: Minting1155) -> None:
    """Every amount is 1."""
    for amount in arguments.amounts:
        if amount != 1:
            raise ContractReverted("amount-not-one", amount)


@refuses("holder-unknown", "holder-frozen")
def holders_active(context: ContractContext, arguments: Minting1155) -> None:
    """Every holder is active."""
    for _, address in arguments.pairs:
        require_active(context.records, address, unknown="holder-unknown", frozen="holder-frozen")


@refuses("holder-of-other-platform")
def holders_in_reach(context: ContractContext, arguments: Minting1155) -> None:
    """Every holder is of the sender's platform or one that is approved; operator and cross-chain issue to all."""
    sender = sender_account(context)
    for address in dict.fromkeys(holder for _, holder in arguments.pairs):
        if not may_issue_to(context.records, sender, _account(context, address)):
            raise ContractReverted("holder-of-other-platform", address)


@refuses("holding-exists")
def holdings_new(context: ContractContext, arguments: Minting1155) -> None:
    """No holder has, or ever had, a holding of the edition."""
    for token, address in arguments.pairs:
        if find_holding(context.records, arguments.class_id, token, address) is not None:
            raise ContractReverted("holding-exists", token, address)


def units_of(arguments: Minting1155) -> int:
    """How many holdings are issued."""
    return len(arguments.pairs)


def safe_mint(context: ContractContext, arguments: SafeMint1155 | SafeMintBatch1155) -> None:
    """Issue the holdings; they are offered if the class asks for acceptance."""
    rules = require_class(context.records, arguments.class_id).rules
    _issue(context, arguments, Recorded.OFFERED if rules.acceptance else Recorded.ACTIVE)


def meta_mint(context: ContractContext, arguments: MetaMint1155 | MetaMintBatch1155) -> None:
    """Issue the holdings, which their holder has accepted by signing; its counter goes on."""
    count(context, arguments.holder)
    _issue(context, arguments, Recorded.ACTIVE)
    context.emit("MetaTransfer", context.sender, b"", arguments.holder, arguments.signed.counter)


def _issue(context: ContractContext, arguments: Minting1155, recorded: Recorded) -> None:
    class_id, sender = arguments.class_id, sender_account(context)
    for token, address in arguments.pairs:
        edition, holder = require_edition(context, class_id, token), _account(context, address)
        put_holding(context.records, _holding(context, sender, edition, holder, recorded))
        put_edition(context, replace(edition, holdings=edition.holdings + 1))
    add_to_issued(context.records, class_id, len(arguments.pairs), arguments.pairs[-1][0])
    use_grant(context, class_id, len(arguments.pairs))
    _tell_issued(context, arguments)


def _tell_issued(context: ContractContext, arguments: Minting1155) -> None:
    tokens, holders = zip(*arguments.pairs, strict=True)
    if isinstance(arguments, SafeMint1155 | MetaMint1155):
        context.emit("TransferSingle", context.sender, b"", holders[0], arguments.class_id, tokens[0], 1)
    else:
        context.emit("TransferBatch", context.sender, b"", holders, arguments.class_id, tokens)
    if arguments.data:
        context.emit("MintData", arguments.class_id, arguments.data)


def _holding(
    context: ContractContext, sender: Account, edition: Edition, holder: Account, recorded: Recorded
) -> Holding:
    return Holding(
        token=edition.token,
        class_id=edition.class_id,
        issuer=context.sender,
        issuer_did=sender.did,
        holder=holder.address,
        holder_did=holder.did,
        issued_at=context.time,
        valid_from=edition.valid_from,
        valid_until=edition.valid_until,
        recorded=int(recorded),
        frozen=False,
        locked=False,
        burn_authorisation=edition.burn_authorisation,
        attributes=(),
        user=None,
        user_until=None,
    )


def _account(context: ContractContext, address: bytes) -> Account:
    """An account that a check has found."""
    account = find_account(context.records, address)
    assert account is not None
    return account


def _holder_of(_context: ContractContext, arguments: MetaMint1155 | MetaMintBatch1155) -> bytes:
    return arguments.holder


def _mint_parts(arguments: MetaMint1155 | MetaMintBatch1155) -> tuple[bytes, ...]:
    of_each = (encode(part) for pair in zip(arguments.pairs, arguments.amounts, strict=True) for part in pair)
    return (encode(arguments.class_id), encode(arguments.data), *of_each)


TRANSFERS: Final = (
    "safeTransferFrom",
    "safeBatchTransferFrom",
    "metaSafeTransferFrom",
    "metaSafeBatchTransferFrom",
    "setApprovalForAll",
)
_OPEN: Final = (running, ANYONE)
_BY_ISSUER: Final = (class_known(1155), granted(units_of))
_EDITION: Final = (edition_known, not_withdrawn, edition_not_frozen)
_PLACES: Final = (holders_in_reach, holdings_new)
_ONE: Final = (*_EDITION, amounts_are_one, holders_active, *_PLACES)
_MANY: Final = (*_EDITION, holdings_distinct, amounts_match, amounts_are_one, holders_active, *_PLACES)
_SIGNED: Final = (*signed_by(_holder_of, _mint_parts), *_OPEN, *_BY_ISSUER, *_EDITION)
_MINTING: Final = Price(steps=200, steps_each=100, units=units_of)


def _issuing(arguments: type[Record], checks: tuple[Check, ...], effect: Act, *events: str) -> Method:
    return Method(arguments=arguments, checks=checks, effect=effect, events=events, price=_MINTING)


def _signed_issuing(arguments: type[Record], checks: tuple[Check, ...], event: str) -> Method:
    issuing = _issuing(arguments, checks, meta_mint, event, "MintData", "MetaTransfer")
    return dataclasses.replace(issuing, signed_parts=_mint_parts)


METHODS: Final = {
    **edition_methods(),
    "safeMint": _issuing(
        SafeMint1155, (*_OPEN, *_BY_ISSUER, *_ONE), safe_mint, "TransferSingle", "MintData"
    ),
    "safeMintBatch": _issuing(
        SafeMintBatch1155, (*_OPEN, *_BY_ISSUER, *_MANY), safe_mint, "TransferBatch", "MintData"
    ),
    "crossSafeMint": _issuing(
        SafeMint1155, (running, permitted(Role.CROSS_CHAIN), *_BY_ISSUER, *_ONE), safe_mint, "TransferSingle", "MintData"
    ),
    "metaSafeMint": _signed_issuing(MetaMint1155, (amounts_are_one, *_SIGNED, *_PLACES), "TransferSingle"),
    "metaSafeMintBatch": _signed_issuing(
        MetaMintBatch1155, (amounts_match, amounts_are_one, *_SIGNED, holdings_distinct, *_PLACES), "TransferBatch"
    ),
    **holding_methods(),
    **burning_methods(),
    **owner_methods(),
    **{name: Method(arguments=None, checks=(never,), effect=nothing) for name in TRANSFERS},
}  # fmt: skip
