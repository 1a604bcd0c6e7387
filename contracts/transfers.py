"""Moves of certificates to other chains: what is kept of them, and what must be so before they are opened and sent (protocol 34.2)."""

from enum import IntEnum
from typing import Annotated, Any, Final

from msgspec import Meta

from chain.codec import Record, decoder, encode
from chain.did import Confirmation, HomeChain, is_signed
from chain.domains import Domain, prefix
from chain.ids import Address, ClassId, Digest, Natural, Signature, TokenId
from chain.rules import ChainRules
from chain.transaction import Code
from contracts.access import NO_DID
from contracts.certificate import Certificate, Recorded, Status, find_certificate, is_live, status_at
from contracts.clients import require_client
from contracts.did import require_document
from contracts.interface import Check, ContractContext, ContractReverted, Readable, refuses
from contracts.keys import target_key, transfer_key
from contracts.life import accepted, live, not_frozen, not_locked, of_held, sent_by_holder
from contracts.requiring import follows_others

DEADLINE_MS_MIN: Final = 1_000
DEADLINE_MS_MAX: Final = 7 * 86_400_000


class State(IntEnum):
    """How far a move is; from DONE on for good."""

    UNCONFIRMED = 0
    SENT = 1
    DONE = 2
    FAILED = 3
    CANCELLED = 4
    TIMED_OUT = 5


class Transfer(Record, frozen=True):
    """A certificate's move to another chain."""

    cross_id: Digest
    class_id: ClassId
    token: TokenId
    holder: Address
    to_chain: HomeChain
    to: Address
    fee: Natural
    """What was paid for it, in fen."""
    opened_at: Natural
    deadline: Natural
    state: Annotated[int, Meta(ge=0, le=5)]
    code: Code
    """Why it failed."""
    sequence: Natural | None
    """Its packet's, once confirmed."""
    told_revoked: bool
    """Whether the other chain was told, while it was on its way, that it is revoked."""
    told_frozen: bool


class CrossChainTransfer(Record, frozen=True):
    """`crossChainTransfer`: which certificate, to which account of its DID on which chain, and until when (ms)."""

    class_id: ClassId
    token: TokenId
    holder: Address | None
    to_chain: HomeChain
    to: Address
    deadline: Natural


class Confirm(Record, frozen=True):
    """`confirm`: the signature of the DID's authentication key, which it has at `did_sequence`, over a `Confirmation`."""

    cross_id: Digest
    did_sequence: Natural
    signature: Signature


class OfTransfer(Record, frozen=True):
    """`cancel`, `tellFate`, and reads: which move."""

    cross_id: Digest


class OfTarget(Record, frozen=True):
    """`addTargetChainId`, `deleteTargetChainId`, `isTarget`: a class, and a chain that its certificates may move to."""

    class_id: ClassId
    chain_id: HomeChain


class OfChain(Record, frozen=True):
    """A read about another chain."""

    chain_id: HomeChain


def cross_id_of(rules: ChainRules, class_id: str, token: bytes, to_chain: str, opened_at: int) -> bytes:
    """The id of a move: of one certificate at most one is opened in a block."""
    named = (class_id, token, to_chain, opened_at)
    return rules.digest(prefix(Domain.CROSS_ID, rules.network_id, rules.chain_id) + encode(named))


def confirmation_of(rules: ChainRules, transfer: Transfer, certificate: Certificate, did_sequence: int) -> Confirmation:
    """What the DID's key signs to confirm a move: certificate, chains, account, deadline and its own sequence."""
    return Confirmation(
        did=certificate.holder_did,
        sequence=did_sequence,
        cross_id=transfer.cross_id,
        certificate=rules.digest(encode(certificate)),
        to_chain=transfer.to_chain,
        to=transfer.to,
        deadline=transfer.deadline,
    )


def find_transfer(records: Readable, cross_id: bytes) -> Transfer | None:
    """The move, or None."""
    data = records.get(transfer_key(cross_id))
    return None if data is None else transfer_of(data)


def is_target(records: Readable, class_id: str, chain_id: str) -> bool:
    """Whether certificates of the class may move to the chain."""
    return records.get(target_key(class_id, chain_id)) is not None


def require_transfer(context: ContractContext, cross_id: bytes) -> Transfer:
    """The move, which a check has found."""
    transfer = find_transfer(context.records, cross_id)
    assert transfer is not None
    return transfer


def moving_certificate(context: ContractContext, transfer: Transfer) -> Certificate:
    """The certificate that moves, as it stands here."""
    held = find_certificate(context.records, transfer.class_id, transfer.token)
    assert held is not None
    return held


@of_held("target-not-listed")
def target_listed(context: ContractContext, arguments: CrossChainTransfer, held: Any) -> None:  # noqa: ANN401
    """The class lets its certificates move to that chain."""
    if not is_target(context.records, held.class_id, arguments.to_chain):
        raise ContractReverted("target-not-listed", held.class_id, arguments.to_chain)


@of_held("did-missing")
def holder_has_did(_context: ContractContext, _arguments: Any, held: Any) -> None:  # noqa: ANN401
    """Its holder had a DID when it was issued."""
    if held.holder_did == NO_DID:
        raise ContractReverted("did-missing", held.holder)


@of_held("certificate-suspended", "certificate-not-in-time")
def in_force(context: ContractContext, _arguments: Any, held: Any) -> None:  # noqa: ANN401
    """It is not suspended, has begun and has not ended."""
    status = status_at(held, context.time)
    if status == Status.SUSPENDED:
        raise ContractReverted("certificate-suspended", held.token)
    if status in (Status.EXPIRED, Status.NOT_YET_VALID):
        raise ContractReverted("certificate-not-in-time", held.token, status.value)


@of_held("certificate-follows-others")
def follows_nothing(context: ContractContext, _arguments: Any, held: Any) -> None:  # noqa: ANN401
    """No certificate of this chain or another can suspend it: none could any more where it goes."""
    if follows_others(context.records, held.class_id, held.token):
        raise ContractReverted("certificate-follows-others", held.token)


@refuses("deadline-out-of-range")
def deadline_fits(context: ContractContext, arguments: CrossChainTransfer) -> None:
    """The deadline is at least a second and at most a week ahead."""
    ahead = arguments.deadline - context.time
    if not DEADLINE_MS_MIN <= ahead <= DEADLINE_MS_MAX:
        raise ContractReverted("deadline-out-of-range", arguments.deadline, context.time)


@of_held("transfer-exists")
def not_opened_yet(context: ContractContext, arguments: CrossChainTransfer, held: Any) -> None:  # noqa: ANN401
    """No move of it to that chain was opened in this block: each has an id of its own."""
    cross_id = cross_id_of(context.rules, held.class_id, held.token, arguments.to_chain, context.time)
    if find_transfer(context.records, cross_id) is not None:
        raise ContractReverted("transfer-exists", cross_id)


@refuses("transfer-unknown")
def transfer_known(context: ContractContext, arguments: Confirm | OfTransfer) -> None:
    """There is such a move."""
    if find_transfer(context.records, arguments.cross_id) is None:
        raise ContractReverted("transfer-unknown", arguments.cross_id)


@refuses("transfer-not-open")
def unconfirmed(context: ContractContext, arguments: Confirm | OfTransfer) -> None:
    """It waits for its confirmation."""
    transfer = require_transfer(context, arguments.cross_id)
    if transfer.state != State.UNCONFIRMED:
        raise ContractReverted("transfer-not-open", arguments.cross_id, State(transfer.state).name.lower())


@refuses("deadline-passed")
def before_deadline(context: ContractContext, arguments: Confirm) -> None:
    """Its deadline is ahead."""
    deadline = require_transfer(context, arguments.cross_id).deadline
    if context.time >= deadline:
        raise ContractReverted("deadline-passed", deadline, context.time)


@refuses("chain-unknown", "client-frozen")
def target_trusted(context: ContractContext, arguments: Confirm) -> None:
    """The client of the chain that it goes to is not frozen."""
    require_client(context, require_transfer(context, arguments.cross_id).to_chain)


@refuses("certificate-final", "certificate-frozen")
def still_stands(context: ContractContext, arguments: Confirm) -> None:
    """It was neither revoked nor frozen since."""
    held = moving_certificate(context, require_transfer(context, arguments.cross_id))
    if not is_live(held):
        raise ContractReverted("certificate-final", held.token, Recorded(held.recorded).name.lower())
    if held.frozen:
        raise ContractReverted("certificate-frozen", held.token)


@refuses("did-unknown", "did-sequence-wrong", "did-not-signed")
def confirmation_signed(context: ContractContext, arguments: Confirm) -> None:
    """The present authentication key of the holder's DID signed this move and no other."""
    transfer = require_transfer(context, arguments.cross_id)
    held, rules = moving_certificate(context, transfer), context.rules
    document = require_document(context.records, held.holder_did)
    if document.sequence != arguments.did_sequence:
        raise ContractReverted("did-sequence-wrong", document.sequence, arguments.did_sequence)
    statement = confirmation_of(rules, transfer, held, arguments.did_sequence)
    if not is_signed(document.authentication, rules.network_id, rules.chain_id, statement, arguments.signature):
        raise ContractReverted("did-not-signed", held.holder_did)


@refuses("not-holder")
def may_cancel(context: ContractContext, arguments: OfTransfer) -> None:
    """The sender holds the certificate, or the deadline is over."""
    transfer = require_transfer(context, arguments.cross_id)
    if context.sender != transfer.holder and context.time < transfer.deadline:
        raise ContractReverted("not-holder", transfer.token)


@refuses("chain-unknown")
def target_known(context: ContractContext, arguments: OfTarget) -> None:
    """The chain is another one of the network."""
    if arguments.chain_id not in context.rules.others:
        raise ContractReverted("chain-unknown", arguments.chain_id)


def listing(*, listed: bool) -> Check:
    """The chain is listed for the class, or is not."""

    def test(context: ContractContext, arguments: OfTarget) -> None:
        if is_target(context.records, arguments.class_id, arguments.chain_id) != listed:
            raise ContractReverted("no-change", arguments.chain_id)

    return Check(says=f"The chain is {'' if listed else 'not '}listed", codes=("no-change",), test=test)


transfer_of: Final = decoder(Transfer)
LEAVING: Final = (
    sent_by_holder, live, accepted, not_frozen, not_locked, in_force, holder_has_did, follows_nothing, target_listed,
    not_opened_yet,
)  # fmt: skip
"""What must be so of a certificate that is to move, in order."""
