"""Issuing certificates: one or many of a class, all or none (protocol 17)."""

from collections.abc import Iterable
from typing import Annotated, Final, Protocol

from msgspec import Meta

from chain.codec import Record, encode
from chain.ids import Address, ClassId, Digest, Natural, TokenId
from contracts.access import Account, find_account, may_issue_to, require_active, sender_account
from contracts.certificate import Certificate, Recorded, Uri, add_to_count, add_to_issued
from contracts.classes import CertificateClass, class_known, granted, require_class, use_grant
from contracts.interface import Check, ContractContext, ContractReverted, refuses
from contracts.keys import balance_key, certificate_key

BATCH_CERTIFICATES_MAX: Final = 100
Data = Annotated[bytes, Meta(max_length=256)]
"""Bytes for whoever follows the events; the chain does not read them."""


class MintItem(Record, frozen=True):
    """One certificate to be issued: token id of the issuer's choice, holder, content root, validity in ms."""

    token: TokenId
    holder: Address
    content_root: Digest
    uri: Uri
    valid_from: Natural | None
    valid_until: Natural | None


MintItems = Annotated[tuple[MintItem, ...], Meta(min_length=1, max_length=BATCH_CERTIFICATES_MAX)]


class Mint(Record, frozen=True):
    """`mint`: one certificate of a class."""

    class_id: ClassId
    item: MintItem

    @property
    def items(self) -> tuple[MintItem, ...]:
        """The one certificate, as a batch has them."""
        return (self.item,)


class MintBatch(Record, frozen=True):
    """`mintBatch`: up to 100 certificates of one class, all or none."""

    class_id: ClassId
    items: MintItems


class SafeMint(Record, frozen=True):
    """`safeMint`, `crossSafeMint`: one certificate of a class that its holder accepts or declines."""

    class_id: ClassId
    item: MintItem
    data: Data

    @property
    def items(self) -> tuple[MintItem, ...]:
        """The one certificate, as a batch has them."""
        return (self.item,)


class SafeMintBatch(Record, frozen=True):
    """`safeMintBatch`: up to 100 certificates of one class that their holders accept or decline."""

    class_id: ClassId
    items: MintItems
    data: Data


class Minting(Protocol):
    """What every form of issuing has."""

    @property
    def class_id(self) -> str:
        """Of which class."""

    @property
    def items(self) -> tuple[MintItem, ...]:
        """Which certificates."""


def units_of(arguments: Minting) -> int:
    """How many certificates are issued."""
    return len(arguments.items)


@refuses("signatures-required", "requirements-unshown")
def issued_unsigned(context: ContractContext, arguments: Minting) -> None:
    """The class has no signatories, and asks for no other certificates."""
    issued_class = require_class(context.records, arguments.class_id)
    if issued_class.threshold:
        raise ContractReverted("signatures-required", arguments.class_id, issued_class.threshold)
    if issued_class.requires:
        raise ContractReverted("requirements-unshown", arguments.class_id, len(issued_class.requires))


@refuses("requirements-unshown")
def requires_nothing(context: ContractContext, arguments: Minting) -> None:
    """The class asks for no other certificates."""
    requires = require_class(context.records, arguments.class_id).requires
    if requires:
        raise ContractReverted("requirements-unshown", arguments.class_id, len(requires))


@refuses("token-repeats")
def tokens_distinct(_context: ContractContext, arguments: Minting) -> None:
    """No two certificates have one token id."""
    items = arguments.items
    if len(items) > 1 and len({item.token for item in items}) != len(items):
        raise ContractReverted("token-repeats", arguments.class_id)


@refuses("holder-unknown", "holder-frozen", "holder-of-other-platform")
def holders_in_reach(context: ContractContext, arguments: Minting) -> None:
    """Every holder is active, and of the sender's platform or one that is approved; operator and cross-chain issue to all."""
    sender = sender_account(context)
    for address in dict.fromkeys(item.holder for item in arguments.items):
        holder = require_active(context.records, address, unknown="holder-unknown", frozen="holder-frozen")
        if not may_issue_to(context.records, sender, holder):
            raise ContractReverted("holder-of-other-platform", address)


@refuses("token-exists")
def tokens_new(context: ContractContext, arguments: Minting) -> None:
    """No certificate of the class has one of the token ids."""
    for item in arguments.items:
        if context.records.get(certificate_key(arguments.class_id, item.token)) is not None:
            raise ContractReverted("token-exists", arguments.class_id, item.token)


@refuses("validity-inverted", "validity-required", "validity-too-long")
def validity_fits(context: ContractContext, arguments: Minting) -> None:
    """Every certificate ends after it begins, and within the class's limit if it has one."""
    most = require_class(context.records, arguments.class_id).rules.validity_ms_max
    for item in arguments.items:
        starts, ends = context.time if item.valid_from is None else item.valid_from, item.valid_until
        if ends is None:
            if most is not None:
                raise ContractReverted("validity-required", arguments.class_id, most)
        elif ends <= starts:
            raise ContractReverted("validity-inverted", starts, ends)
        elif most is not None and ends - starts > most:
            raise ContractReverted("validity-too-long", ends - starts, most)


def issue(context: ContractContext, arguments: Minting, *, offered: bool | None = None) -> None:
    """Record the certificates; balances, supply and the sender's quota count them.

    They are offered if the class or the method asks for acceptance, unless the holder signed already (`offered` False).
    """
    class_id, items, sender = arguments.class_id, arguments.items, sender_account(context)
    issued_class = require_class(context.records, class_id)
    waits = issued_class.rules.acceptance if offered is None else offered
    recorded = Recorded.OFFERED if waits else Recorded.ACTIVE
    for item in items:
        holder = find_account(context.records, item.holder)
        assert holder is not None
        certificate = certificate_from(context, sender, issued_class, item, holder, recorded)
        context.records.put(certificate_key(class_id, item.token), encode(certificate))
    for address, count in _counted(item.holder for item in items):
        add_to_count(context.records, balance_key(class_id, address), count)
    add_to_issued(context.records, class_id, len(items), items[-1].token)
    use_grant(context, class_id, len(items))


def _counted(holders: Iterable[bytes]) -> list[tuple[bytes, int]]:
    counts: dict[bytes, int] = {}
    for address in holders:
        counts[address] = counts.get(address, 0) + 1
    return sorted(counts.items())


def certificate_from(
    context: ContractContext,
    sender: Account,
    issued_class: CertificateClass,
    item: MintItem,
    holder: Account,
    recorded: Recorded,
    supersedes: bytes | None = None,
) -> Certificate:
    """The certificate that an item becomes."""
    return Certificate(
        token=item.token,
        class_id=issued_class.class_id,
        schema=issued_class.schema,
        issuer=context.sender,
        issuer_did=sender.did,
        holder=item.holder,
        holder_did=holder.did,
        content_root=item.content_root,
        uri=item.uri,
        issued_at=context.time,
        valid_from=context.time if item.valid_from is None else item.valid_from,
        valid_until=item.valid_until,
        recorded=int(recorded),
        frozen=False,
        locked=False,
        burn_authorisation=issued_class.rules.burn_authorisation,
        attributes=(),
        user=None,
        user_until=None,
        supersedes=supersedes,
        superseded_by=None,
        suspended=False,
        origin=None,
    )


def tell_issued(context: ContractContext, arguments: Minting, *, data: bytes = b"") -> None:
    """Tell of one certificate, or in lists of those of a batch: ERC-721, ERC-5192, ERC-5484; and the data given."""
    class_id, items = arguments.class_id, arguments.items
    burn = require_class(context.records, class_id).rules.burn_authorisation
    if isinstance(getattr(arguments, "item", None), MintItem):
        (item,) = items
        context.emit("Transfer", class_id, b"", item.holder, item.token)
        context.emit("Locked", class_id, item.token)
        context.emit("Issued", class_id, context.sender, item.holder, item.token, burn)
    else:
        tokens = tuple(item.token for item in items)
        context.emit("TransferBatch", class_id, b"", tuple(item.holder for item in items), tokens)
        context.emit("LockedBatch", class_id, tokens)
        context.emit("IssuedBatch", class_id, context.sender, burn)
    if data:
        context.emit("MintData", class_id, data)


SINGLE_EVENTS: Final = ("Transfer", "Locked", "Issued")
BATCH_EVENTS: Final = ("TransferBatch", "LockedBatch", "IssuedBatch")
ISSUABLE: Final[tuple[Check, ...]] = (
    tokens_distinct, holders_in_reach, tokens_new, validity_fits,
)  # fmt: skip
"""What must be so of the certificates, in every form of issuing."""
BY_ISSUER: Final[tuple[Check, ...]] = (class_known(721), issued_unsigned, granted(units_of), *ISSUABLE)
