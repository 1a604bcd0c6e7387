"""The answer to a lost key: what an account holds goes to another account of the same DID (protocol 17.6).

The DID's key asks, an operator approves, and for a time that the class sets the old account or the DID's recovery key
can object. Only then it is done, by whoever calls.
"""

from collections.abc import Callable
from typing import Annotated, Any, Final

from msgspec import Meta
from msgspec.structs import replace

from chain.codec import Record, decoder, encode
from chain.did import Objection, Rebinding, is_signed
from chain.ids import Address, ClassId, Natural, Signature, TokenId
from contracts.access import NO_DID, find_account, require_active
from contracts.certificate import Held, add_to_count
from contracts.classes import require_class
from contracts.did import require_document
from contracts.gates import permitted, running, sender_is
from contracts.interface import Act, Check, ContractContext, ContractReverted, Method, Readable, Role
from contracts.keys import balance_key, rebind_key
from contracts.life import ANYONE, Shelf, live, not_frozen, not_locked, of_held


class OpenRebind(Record, frozen=True):
    """A rebind that was asked for: to which account, when, from when on it can be done, and whether it is approved."""

    to: Address
    requested_at: Natural
    due_at: Natural
    approved: bool


class RequestRebind(Record, frozen=True):
    """`requestRebind`: what goes where, signed by the DID's authentication key at `did_sequence`."""

    class_id: ClassId
    token: TokenId
    holder: Address | None
    to: Address
    did_sequence: Natural
    signature: Signature


class OfRebind(Record, frozen=True):
    """`approveRebind`, `completeRebind`: which one."""

    class_id: ClassId
    token: TokenId
    holder: Address | None


class ObjectRebind(Record, frozen=True):
    """`objectRebind`: which one; the recovery key's signature, unless the old account sends it itself."""

    class_id: ClassId
    token: TokenId
    holder: Address | None
    signature: Annotated[bytes, Meta(max_length=64)]


Move = Callable[[ContractContext, Held, bytes], None]
"""Puts what is held under the account that it goes to."""


def find_rebind(records: Readable, held: Held) -> OpenRebind | None:
    """The open rebind of what is held, or None."""
    data = records.get(rebind_key(held.class_id, held.token, held.holder))
    return None if data is None else _rebind(data)


@of_held("did-missing")
def holder_has_did(_context: ContractContext, _arguments: Any, held: Held) -> None:  # noqa: ANN401
    """Its holder had a DID when it was issued."""
    if held.holder_did == NO_DID:
        raise ContractReverted("did-missing", held.holder)


@of_held("own-account", "account-unknown", "account-frozen", "rebind-other-did")
def goes_to_same_did(context: ContractContext, arguments: RequestRebind, held: Held) -> None:
    """It goes to another active account of the same DID."""
    if arguments.to == held.holder:
        raise ContractReverted("own-account", arguments.to)
    account = require_active(context.records, arguments.to, unknown="account-unknown", frozen="account-frozen")
    if account.did != held.holder_did:
        raise ContractReverted("rebind-other-did", arguments.to)


@of_held("rebind-open")
def not_asked_yet(context: ContractContext, _arguments: RequestRebind, held: Held) -> None:
    """No rebind of it is open."""
    if find_rebind(context.records, held) is not None:
        raise ContractReverted("rebind-open", held.token)


@of_held("did-unknown", "did-sequence-wrong", "did-not-signed")
def rebind_signed(context: ContractContext, arguments: RequestRebind, held: Held) -> None:
    """The DID's present authentication key signed it."""
    document = require_document(context.records, held.holder_did)
    if document.sequence != arguments.did_sequence:
        raise ContractReverted("did-sequence-wrong", document.sequence, arguments.did_sequence)
    statement = Rebinding(
        did=held.holder_did,
        sequence=arguments.did_sequence,
        contract=context.contract,
        class_id=held.class_id,
        token=held.token,
        holder=held.holder,
        to=arguments.to,
    )
    rules = context.rules
    if not is_signed(document.authentication, rules.network_id, rules.chain_id, statement, arguments.signature):
        raise ContractReverted("did-not-signed", held.holder_did)


@of_held("rebind-unknown")
def asked(context: ContractContext, _arguments: Any, held: Held) -> None:  # noqa: ANN401
    """A rebind of it is open."""
    if find_rebind(context.records, held) is None:
        raise ContractReverted("rebind-unknown", held.token)


@of_held("rebind-approved")
def not_approved_yet(context: ContractContext, _arguments: OfRebind, held: Held) -> None:
    """It is not approved yet."""
    if _open(context, held).approved:
        raise ContractReverted("rebind-approved", held.token)


@of_held("not-holder", "did-not-signed")
def may_object(context: ContractContext, arguments: ObjectRebind, held: Held) -> None:
    """The sender is the old account, or the DID's recovery key signed the objection."""
    if context.sender == held.holder:
        return
    if not arguments.signature:
        raise ContractReverted("not-holder", held.token)
    rebind = _open(context, held)
    statement = Objection(
        did=held.holder_did,
        contract=context.contract,
        class_id=held.class_id,
        token=held.token,
        holder=held.holder,
        to=rebind.to,
        requested_at=rebind.requested_at,
    )
    recovery, rules = require_document(context.records, held.holder_did).recovery, context.rules
    if not is_signed(recovery, rules.network_id, rules.chain_id, statement, arguments.signature):
        raise ContractReverted("did-not-signed", held.holder_did)


@of_held("rebind-not-approved", "rebind-too-early")
def due(context: ContractContext, _arguments: OfRebind, held: Held) -> None:
    """It is approved, and the time to object is over."""
    rebind = _open(context, held)
    if not rebind.approved:
        raise ContractReverted("rebind-not-approved", held.token)
    if context.time < rebind.due_at:
        raise ContractReverted("rebind-too-early", rebind.due_at, context.time)


@of_held("account-frozen")
def new_holder_active(context: ContractContext, _arguments: OfRebind, held: Held) -> None:
    """The account that it goes to is still active."""
    account = find_account(context.records, _open(context, held).to)
    assert account is not None
    if not account.active:
        raise ContractReverted("account-frozen", account.address)


def _requesting(shelf: Shelf) -> Act:
    def request(context: ContractContext, arguments: RequestRebind) -> None:
        """Open a rebind; it is due after the class's waiting time."""
        held = shelf.find(context.records, arguments)
        due_at = context.time + require_class(context.records, held.class_id).rules.rebind_wait_ms
        _put(context, held, OpenRebind(to=arguments.to, requested_at=context.time, due_at=due_at, approved=False))
        context.emit("RebindRequested", held.class_id, held.token, held.holder, arguments.to, due_at)

    return request


def _approving(shelf: Shelf) -> Act:
    def approve(context: ContractContext, arguments: OfRebind) -> None:
        """Approve the open rebind."""
        held = shelf.find(context.records, arguments)
        rebind = _open(context, held)
        _put(context, held, replace(rebind, approved=True))
        context.emit("RebindApproved", held.class_id, held.token, held.holder, rebind.to, context.sender)

    return approve


def _objecting(shelf: Shelf) -> Act:
    def object_to(context: ContractContext, arguments: ObjectRebind) -> None:
        """Close the open rebind; nothing is moved."""
        held = shelf.find(context.records, arguments)
        to = _open(context, held).to
        _put(context, held, None)
        context.emit("RebindRefused", held.class_id, held.token, held.holder, to)

    return object_to


def _completing(shelf: Shelf, move: Move) -> Act:
    def complete(context: ContractContext, arguments: OfRebind) -> None:
        """Move it to the new account; balances follow."""
        held = shelf.find(context.records, arguments)
        to = _open(context, held).to
        _put(context, held, None)
        move(context, held, to)
        if shelf.counted:
            add_to_count(context.records, balance_key(held.class_id, held.holder), -1)
            add_to_count(context.records, balance_key(held.class_id, to), 1)
        context.emit("Rebound", held.class_id, held.token, held.holder, to)

    return complete


def rebind_methods(shelf: Shelf, free: Check | None, move: Move) -> dict[str, Method]:
    """The methods by which what stands on the shelf is rebound; `free`: the place that it goes to is free."""
    unmoved = tuple(check.on(shelf) for check in (live, not_frozen, not_locked))
    gates = (running, ANYONE, shelf.known)
    operator = (running, permitted(Role.OPERATOR), sender_is(Role.OPERATOR), shelf.known)
    last = () if free is None else (free,)
    return {
        "requestRebind": Method(
            arguments=RequestRebind,
            checks=(
                *gates, *unmoved, holder_has_did.on(shelf), goes_to_same_did.on(shelf), not_asked_yet.on(shelf),
                rebind_signed.on(shelf),
            ),
            effect=_requesting(shelf),
            events=("RebindRequested",),
        ),
        "approveRebind": Method(
            arguments=OfRebind,
            checks=(*operator, asked.on(shelf), not_approved_yet.on(shelf)),
            effect=_approving(shelf),
            events=("RebindApproved",),
        ),
        "objectRebind": Method(
            arguments=ObjectRebind,
            checks=(*gates, asked.on(shelf), may_object.on(shelf)),
            effect=_objecting(shelf),
            events=("RebindRefused",),
        ),
        "completeRebind": Method(
            arguments=OfRebind,
            checks=(
                *gates, asked.on(shelf), *unmoved, due.on(shelf), new_holder_active.on(shelf), *last,
            ),
            effect=_completing(shelf, move),
            events=("Rebound",),
        ),
    }  # fmt: skip


def _open(context: ContractContext, held: Held) -> OpenRebind:
    rebind = find_rebind(context.records, held)
    assert rebind is not None
    return rebind


def _put(context: ContractContext, held: Held, rebind: OpenRebind | None) -> None:
    key = rebind_key(held.class_id, held.token, held.holder)
    context.records.put(key, None if rebind is None else encode(rebind))


_rebind: Final = decoder(OpenRebind)
