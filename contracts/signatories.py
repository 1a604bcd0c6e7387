"""Issuing that k of n signatories of a class sign, such as rector and registrar (protocol 17.8)."""

from itertools import pairwise
from typing import Annotated, Final

from msgspec import Meta

from chain.codec import Record, encode
from chain.domains import Domain, prefix
from chain.ids import Address, ClassId, Natural, Signature, TokenId
from chain.merkle import leaf_hash, root
from chain.rules import ChainRules
from contracts.access import find_account
from contracts.classes import SIGNATORIES_MAX, require_class
from contracts.interface import Check, ContractContext, ContractReverted, refuses
from contracts.issuing import MintItem, MintItems, requires_nothing
from contracts.life import Reason

DEADLINE_MS_MAX: Final = 86_400_000
Place = Annotated[int, Meta(ge=0, lt=SIGNATORIES_MAX)]
Places = Annotated[tuple[Place, ...], Meta(max_length=SIGNATORIES_MAX)]
Signatures = Annotated[tuple[Signature, ...], Meta(max_length=SIGNATORIES_MAX)]


class MintSigned(Record, frozen=True):
    """`mintSigned`: up to 100 certificates; who of the class's signatories signs, by place, until when it is good (ms)."""

    class_id: ClassId
    items: MintItems
    deadline: Natural
    signers: Places
    signatures: Signatures


class ReissueSigned(Record, frozen=True):
    """`reissueSigned`: the certificate that takes the place of `token`, and why; and the signatures, as in `mintSigned`."""

    class_id: ClassId
    token: TokenId
    holder: Address | None
    item: MintItem
    reason: Reason
    deadline: Natural
    signers: Places
    signatures: Signatures

    @property
    def items(self) -> tuple[MintItem, ...]:
        """The new certificate, as a batch has them."""
        return (self.item,)


SignedIssue = MintSigned | ReissueSigned


def items_root(rules: ChainRules, items: tuple[MintItem, ...]) -> bytes:
    """One root for all certificates of an issue, over the encoded items."""
    return root(rules.digest, [leaf_hash(rules.digest, encode(item)) for item in items])


def issue_bytes(
    rules: ChainRules,
    contract: str,
    class_id: str,
    items: tuple[MintItem, ...],
    deadline: int,
    supersedes: tuple[bytes, str] | None = None,
) -> bytes:
    """The digest that a signatory signs: contract, class, Merkle root over the encoded items, deadline.

    For a reissue also which token it takes the place of, and the reason.
    """
    statement = encode((contract, class_id, items_root(rules, items), deadline, *(supersedes or ())))
    return rules.digest(prefix(Domain.ISSUE, rules.network_id, rules.chain_id) + statement)


@refuses("signatures-not-asked")
def asks_for_signatures(context: ContractContext, arguments: SignedIssue) -> None:
    """The class has signatories."""
    if not require_class(context.records, arguments.class_id).threshold:
        raise ContractReverted("signatures-not-asked", arguments.class_id)


@refuses("deadline-passed", "deadline-too-far")
def signed_in_time(context: ContractContext, arguments: SignedIssue) -> None:
    """The deadline is not past, nor over 24 hours ahead."""
    if context.time > arguments.deadline:
        raise ContractReverted("deadline-passed", arguments.deadline, context.time)
    if arguments.deadline > context.time + DEADLINE_MS_MAX:
        raise ContractReverted("deadline-too-far", arguments.deadline, DEADLINE_MS_MAX)


@refuses("signers-malformed", "signatures-short")
def enough_sign(context: ContractContext, arguments: SignedIssue) -> None:
    """As many distinct signatories sign as the class's threshold says, in the order of their places."""
    signers, issued_class = arguments.signers, require_class(context.records, arguments.class_id)
    ascending = all(one < other for one, other in pairwise(signers))
    if (
        not ascending
        or len(signers) != len(arguments.signatures)
        or any(place >= len(issued_class.signatories) for place in signers)
    ):
        raise ContractReverted("signers-malformed")
    if len(signers) < issued_class.threshold:
        raise ContractReverted("signatures-short", len(signers), issued_class.threshold)


@refuses("account-frozen", "signature-not-valid")
def signatories_signed(context: ContractContext, arguments: SignedIssue) -> None:
    """Every signer is active, and signed contract, class, all certificates and deadline; for a reissue also token and reason."""
    rules, issued_class = context.rules, require_class(context.records, arguments.class_id)
    supersedes = (arguments.token, arguments.reason) if isinstance(arguments, ReissueSigned) else None
    message = issue_bytes(rules, context.contract, arguments.class_id, arguments.items, arguments.deadline, supersedes)
    for place, signature in zip(arguments.signers, arguments.signatures, strict=True):
        account = find_account(context.records, issued_class.signatories[place])
        assert account is not None, "accounts are never removed"
        if not account.active:
            raise ContractReverted("account-frozen", account.address)
        if not rules.scheme.verify(account.public_key, message, signature):
            raise ContractReverted("signature-not-valid", place)


def by_signatories() -> tuple[Check, ...]:
    """The checks of signatures, in order."""
    return asks_for_signatures, requires_nothing, signed_in_time, enough_sign, signatories_signed
