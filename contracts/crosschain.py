"""A certificate moves to another chain: the side that it leaves (protocol 34.2).

Its holder opens a move, which locks it, and confirms it with the DID's key; only then a packet goes out. What became of
the packet is shown by proof: then the certificate has moved for good, or it is unlocked and the fee paid back. Before it
is confirmed a move can be cancelled. So at most one certificate is live at every instant, and never none for ever.
"""

from typing import Final

from msgspec.structs import replace

from chain.codec import encode
from contracts.arrivals import receive
from contracts.certificate import Certificate, Recorded, add_to_count, is_live
from contracts.classes import class_known, sender_defined_class
from contracts.ddc721 import SHELF
from contracts.gates import permitted, running, sender_is
from contracts.interface import (
    ContractContext,
    ContractReverted,
    Method,
    Price,
    Readable,
    Role,
    View,
    refuses,
)
from contracts.keys import balance_key, certificate_key, contract_purse, target_key, transfer_key, transit_key
from contracts.life import ANYONE
from contracts.owning import owner_methods
from contracts.packets import (
    AcknowledgePacket,
    Fate,
    Lane,
    Move,
    OfOpenPacket,
    ReceivePacket,
    TimeOutPacket,
    absent_claim,
    arrival_fits,
    arrived_claim,
    close,
    deadline_over,
    find_packet,
    lane_of,
    next_in_order,
    packet_open,
    send,
    sent_claim,
    sent_here,
)
from contracts.purses import fee_of, give
from contracts.relaying import believe, count_relay, proven, trusted_source, within_limit
from contracts.requiring import FOLLOWED, FollowRequirement, follow_requirement
from contracts.transfers import (
    LEAVING,
    Confirm,
    CrossChainTransfer,
    OfChain,
    OfTarget,
    OfTransfer,
    State,
    Transfer,
    before_deadline,
    confirmation_signed,
    cross_id_of,
    deadline_fits,
    find_transfer,
    is_target,
    listing,
    may_cancel,
    moving_certificate,
    require_transfer,
    still_stands,
    target_known,
    target_trusted,
    transfer_known,
    unconfirmed,
)

CONTRACT: Final = "crosschain"
ESCROW: Final = "escrow"
"""No contract has the name: its purse keeps the fees of open moves, which may go back."""
YES: Final = b"\x01"


def cross_chain_transfer(context: ContractContext, arguments: CrossChainTransfer) -> None:
    """Lock the certificate and open its move; the fee waits until the move has ended."""
    held = SHELF.find(context.records, arguments)
    assert isinstance(held, Certificate)
    fee = fee_of(context.records, context.contract, context.method)
    cross_id = cross_id_of(context.rules, held.class_id, held.token, arguments.to_chain, context.time)
    transfer = Transfer(
        cross_id=cross_id,
        class_id=held.class_id,
        token=held.token,
        holder=held.holder,
        to_chain=arguments.to_chain,
        to=arguments.to,
        fee=fee,
        opened_at=context.time,
        deadline=arguments.deadline,
        state=int(State.UNCONFIRMED),
        code="",
        sequence=None,
        told_revoked=False,
        told_frozen=False,
    )
    _pay(context, contract_purse(CONTRACT), contract_purse(ESCROW), fee)
    context.records.put(certificate_key(held.class_id, held.token), encode(replace(held, locked=True)))
    context.records.put(transit_key(held.class_id, held.token), cross_id)
    _put(context, transfer)
    context.emit("Locklist", held.class_id, held.token, held.holder)
    context.emit(
        "CrossChainTransfer", cross_id, held.class_id, held.token, held.holder, arguments.to_chain, arguments.to, fee
    )


def confirm(context: ContractContext, arguments: Confirm) -> None:
    """Send the packet by which it moves."""
    transfer = require_transfer(context, arguments.cross_id)
    move = Move(cross_id=transfer.cross_id, certificate=moving_certificate(context, transfer), to=transfer.to)
    packet = send(context, transfer.to_chain, transfer.deadline, move)
    _put(context, replace(transfer, state=int(State.SENT), sequence=packet.sequence))
    context.emit("CrossChainConfirmed", transfer.cross_id, transfer.to_chain, packet.sequence)


def cancel(context: ContractContext, arguments: OfTransfer) -> None:
    """Unlock the certificate and pay the fee back; nothing was sent."""
    _undo(context, require_transfer(context, arguments.cross_id), State.CANCELLED, "cancelled")


def acknowledge(context: ContractContext, arguments: AcknowledgePacket) -> None:
    """Close the packet: a certificate that arrived has moved for good, one that did not is unlocked and its fee paid back."""
    believe(context, arrived_claim(context, arguments))
    packet = close(context, arguments)
    transfer = require_transfer(context, packet.body.cross_id)
    if isinstance(packet.body, Fate) or transfer.state != State.SENT:
        return
    if arguments.arrival.code:
        _undo(context, transfer, State.FAILED, arguments.arrival.code)
    else:
        _moved(context, transfer)


@refuses("transfer-not-sent")
def still_sent(context: ContractContext, arguments: TimeOutPacket) -> None:
    """The packet's move has not ended."""
    transfer = _timed_out(context, arguments)
    if transfer.state != State.SENT:
        raise ContractReverted("transfer-not-sent", transfer.cross_id, State(transfer.state).name.lower())


def time_out(context: ContractContext, arguments: TimeOutPacket) -> None:
    """Unlock the certificate and pay the fee back.

    The packet stays open, so that those behind it can be received: on the other chain it can only arrive expired.
    """
    believe(context, absent_claim(context, arguments))
    _undo(context, _timed_out(context, arguments), State.TIMED_OUT, "timed-out")


@refuses("transfer-not-sent", "fate-told")
def fate_untold(context: ContractContext, arguments: OfTransfer) -> None:
    """It was revoked or frozen on its way, and the other chain was not told."""
    transfer = require_transfer(context, arguments.cross_id)
    if transfer.state != State.SENT:
        raise ContractReverted("transfer-not-sent", arguments.cross_id, State(transfer.state).name.lower())
    if _fate(context, transfer) == (transfer.told_revoked, transfer.told_frozen):
        raise ContractReverted("fate-told", arguments.cross_id)


def tell_fate(context: ContractContext, arguments: OfTransfer) -> None:
    """Send, behind the certificate, what became of it: the other chain does the same to what arrived."""
    _put(context, _told(context, require_transfer(context, arguments.cross_id)))
    count_relay(context)


def add_target(context: ContractContext, arguments: OfTarget) -> None:
    """Let certificates of the class move to the chain."""
    context.records.put(target_key(arguments.class_id, arguments.chain_id), YES)
    context.emit("AddTargetChain", arguments.class_id, arguments.chain_id)


def delete_target(context: ContractContext, arguments: OfTarget) -> None:
    """Let no more certificates of the class move to the chain; open moves go on."""
    context.records.put(target_key(arguments.class_id, arguments.chain_id), None)
    context.emit("DeleteTargetChain", arguments.class_id, arguments.chain_id)


def _moved(context: ContractContext, transfer: Transfer) -> None:
    held = moving_certificate(context, transfer)
    if is_live(held):
        add_to_count(context.records, balance_key(held.class_id, held.holder), -1)
        held = replace(held, recorded=int(Recorded.MOVED))
    context.records.put(certificate_key(held.class_id, held.token), encode(replace(held, locked=False)))
    context.records.put(transit_key(held.class_id, held.token), None)
    _pay(context, contract_purse(ESCROW), contract_purse(CONTRACT), transfer.fee)
    _put(context, replace(_told(context, transfer), state=int(State.DONE)))
    context.emit("Transfer", held.class_id, held.holder, b"", held.token)
    context.emit("CrossChainSettled", transfer.cross_id, int(State.DONE), "")


def _undo(context: ContractContext, transfer: Transfer, state: State, code: str) -> None:
    held = moving_certificate(context, transfer)
    context.records.put(certificate_key(held.class_id, held.token), encode(replace(held, locked=False)))
    context.records.put(transit_key(held.class_id, held.token), None)
    _pay(context, contract_purse(ESCROW), transfer.holder, transfer.fee)
    _put(context, replace(transfer, state=int(state), code=code))
    context.emit("UnLocklist", held.class_id, held.token, held.holder)
    context.emit("CrossChainSettled", transfer.cross_id, int(state), code)


def _fate(context: ContractContext, transfer: Transfer) -> tuple[bool, bool]:
    """Whether it is revoked, and whether it is frozen or was when the other chain was told."""
    held = moving_certificate(context, transfer)
    return held.recorded == Recorded.REVOKED, held.frozen or transfer.told_frozen


def _told(context: ContractContext, transfer: Transfer) -> Transfer:
    """The move after the other chain was told what it was not told yet."""
    revoked, frozen = _fate(context, transfer)
    if (revoked, frozen) == (transfer.told_revoked, transfer.told_frozen):
        return transfer
    held = moving_certificate(context, transfer)
    fate = Fate(cross_id=transfer.cross_id, certificate=held, revoked=revoked, frozen=frozen)
    send(context, transfer.to_chain, None, fate)
    return replace(transfer, told_revoked=revoked, told_frozen=frozen)


def _pay(context: ContractContext, giver: bytes, taker: bytes, fen: int) -> None:
    if fen:
        give(context.records, giver, -fen)
        give(context.records, taker, fen)


def _timed_out(context: ContractContext, arguments: TimeOutPacket) -> Transfer:
    packet = find_packet(context.records, arguments.chain_id, arguments.sequence)
    assert packet is not None
    return require_transfer(context, packet.body.cross_id)


def _put(context: ContractContext, transfer: Transfer) -> None:
    context.records.put(transfer_key(transfer.cross_id), encode(transfer))


def _state_read(records: Readable, read: OfTransfer) -> Transfer | None:
    return find_transfer(records, read.cross_id)


def _lane_read(records: Readable, read: OfChain) -> Lane:
    return lane_of(records, read.chain_id)


def _target_read(records: Readable, read: OfTarget) -> bool:
    return is_target(records, read.class_id, read.chain_id)


def _of_packet(arguments: OfOpenPacket) -> str:
    return arguments.chain_id


def _of_received(arguments: ReceivePacket) -> str:
    return arguments.chain_id


_RELAY: Final = (running, permitted(Role.OPERATOR, Role.PLATFORM, Role.CONSUMER, Role.RELAYER), within_limit)
_OF_CLASS: Final = (sender_is(Role.OPERATOR, Role.PLATFORM), class_known(721), sender_defined_class, target_known)
_RECEIVED: Final = ("PacketReceived", "Transfer", "Locked", "Issued", "CrossChainArrived", "Revoked", "EnterBlacklist")
METHODS: Final = {
    "addTargetChainId": Method(
        arguments=OfTarget, checks=(*_OF_CLASS, listing(listed=False)), effect=add_target,
        events=("AddTargetChain",),
    ),
    "deleteTargetChainId": Method(
        arguments=OfTarget, checks=(*_OF_CLASS, listing(listed=True)), effect=delete_target,
        events=("DeleteTargetChain",),
    ),
    "crossChainTransfer": Method(
        arguments=CrossChainTransfer,
        checks=(running, ANYONE, SHELF.known, *(check.on(SHELF) for check in LEAVING), deadline_fits),
        effect=cross_chain_transfer,
        events=("Locklist", "CrossChainTransfer"),
        price=Price(steps=300),
    ),
    "confirm": Method(
        arguments=Confirm,
        checks=(
            running, ANYONE, transfer_known, unconfirmed, before_deadline, target_trusted, still_stands,
            confirmation_signed,
        ),
        effect=confirm,
        events=("PacketSent", "CrossChainConfirmed"),
    ),
    "cancel": Method(
        arguments=OfTransfer, checks=(running, ANYONE, transfer_known, unconfirmed, may_cancel), effect=cancel,
        events=("UnLocklist", "CrossChainSettled"),
    ),
    "receive": Method(
        arguments=ReceivePacket,
        checks=(*_RELAY, sent_here, trusted_source(_of_received), next_in_order, *proven(sent_claim)),
        effect=receive,
        events=_RECEIVED,
    ),
    "acknowledge": Method(
        arguments=AcknowledgePacket,
        checks=(*_RELAY, trusted_source(_of_packet), packet_open, arrival_fits, *proven(arrived_claim)),
        effect=acknowledge,
        events=("PacketClosed", "PacketSent", "Transfer", "UnLocklist", "CrossChainSettled"),
    ),
    "timeOut": Method(
        arguments=TimeOutPacket,
        checks=(*_RELAY, trusted_source(_of_packet), packet_open, deadline_over, still_sent, *proven(absent_claim)),
        effect=time_out,
        events=("UnLocklist", "CrossChainSettled"),
    ),
    "tellFate": Method(
        arguments=OfTransfer, checks=(*_RELAY, transfer_known, fate_untold), effect=tell_fate, events=("PacketSent",)
    ),
    "followRequirement": Method(
        arguments=FollowRequirement,
        checks=(*_RELAY, *FOLLOWED),
        effect=follow_requirement,
        events=("Suspended", "Unsuspended"),
    ),
    **owner_methods(),
}  # fmt: skip
VIEWS: Final = {
    "getTransfer": View(OfTransfer, _state_read),
    "lane": View(OfChain, _lane_read),
    "isTarget": View(OfTarget, _target_read),
}
