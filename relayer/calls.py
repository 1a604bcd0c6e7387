"""How each duty is done: read both chains, and bring one the proof of what stands on the other (protocol 34.4)."""

from dataclasses import dataclass
from typing import Final, Protocol

from chain.codec import Record
from contracts.certificate import certificate_of
from contracts.clients import client_of
from contracts.keys import (
    arrival_key,
    certificate_key,
    client_key,
    lane_key,
    mirror_key,
    packet_key,
    reliance_key,
    transfer_key,
)
from contracts.mirrors import Refresh as RefreshMirror
from contracts.mirrors import mirror_of
from contracts.packets import (
    AcknowledgePacket,
    Packet,
    ReceivePacket,
    TimeOutPacket,
    arrival_of,
    lane_read,
    packet_of,
)
from contracts.relaying import Shown
from contracts.requiring import FollowRequirement, ShownCertificate, reliance_of, still_stands
from contracts.system import Touch
from contracts.transfers import OfTransfer, State, transfer_of
from relayer.duties import Deliver, Duty, Follow, Refresh, Settle, TellFate


@dataclass(frozen=True, slots=True, kw_only=True)
class Stood:
    """What stands under a key at a chain's head, and how to show it."""

    value: bytes | None
    shown: Shown

    @property
    def time(self) -> int:
        """The head's time, ms."""
        return self.shown.sighting.header.time


class Chains(Protocol):
    """The chains as a relayer sees them: nothing that is read has to be believed, for the other chain checks it."""

    async def stood(self, chain: str, key: bytes, since: int) -> Stood | None:
        """What stands under a key, with the changes of membership above height `since`; None before the first block."""

    async def value(self, chain: str, key: bytes) -> bytes | None:
        """What stands under a key."""

    async def send(self, chain: str, contract: str, method: str, arguments: Record) -> str:
        """Send a call of the relayer's account: empty once it has taken effect, else why it was refused."""

    def now(self) -> int:
        """Milliseconds since 1970."""


NOTHING_LEFT: Final = frozenset(
    {
        "", "packet-received", "packet-unknown", "fate-told", "transfer-not-sent", "mirror-newer", "mirror-unknown", "no-change",
        "requirement-not-followed",
    }
)  # fmt: skip
"""Answers after which there is nothing more to do: it took effect, or somebody else was there before."""


async def perform(chains: Chains, duty: Duty) -> bool:
    """Do what there is to do; whether nothing is left of it."""
    match duty:
        case Deliver():
            return await _deliver(chains, duty)
        case Settle():
            return await _settle(chains, duty)
        case TellFate():
            return await _tell_fate(chains, duty)
        case Refresh():
            return await _refresh(chains, duty)
        case Follow():
            return await _follow(chains, duty)


async def _deliver(chains: Chains, duty: Deliver) -> bool:
    lane = await chains.value(duty.target, lane_key(duty.source))
    received = 0 if lane is None else lane_read(lane).received
    if received != duty.sequence:
        return received > duty.sequence
    stood = await _seen(chains, duty.source, duty.target, packet_key(duty.target, duty.sequence))
    if stood is None:
        return False
    if stood.value is None:
        return True
    packet = packet_of(stood.value)
    arguments = ReceivePacket(packet=packet, shown=stood.shown)
    code = await chains.send(duty.target, "crosschain", "receive", arguments)
    if code not in NOTHING_LEFT:
        await _time_out(chains, packet)
    return code in NOTHING_LEFT


async def _time_out(chains: Chains, packet: Packet) -> None:
    """What cannot be received is off after its deadline, under a header that is not before it."""
    if packet.deadline is None or chains.now() < packet.deadline:
        return
    stood = await _seen(chains, packet.target, packet.source, arrival_key(packet.source, packet.sequence))
    if stood is not None and stood.time < packet.deadline:
        await chains.send(packet.target, "system", "touch", Touch())
        stood = await _seen(chains, packet.target, packet.source, arrival_key(packet.source, packet.sequence))
    if stood is None or stood.value is not None or stood.time < packet.deadline:
        return
    arguments = TimeOutPacket(chain_id=packet.target, sequence=packet.sequence, shown=stood.shown)
    await chains.send(packet.source, "crosschain", "timeOut", arguments)


async def _settle(chains: Chains, duty: Settle) -> bool:
    if await chains.value(duty.source, packet_key(duty.target, duty.sequence)) is None:
        return True
    stood = await _seen(chains, duty.target, duty.source, arrival_key(duty.source, duty.sequence))
    if stood is None or stood.value is None:
        return False
    arguments = AcknowledgePacket(
        chain_id=duty.target, sequence=duty.sequence, arrival=arrival_of(stood.value), shown=stood.shown
    )
    return await chains.send(duty.source, "crosschain", "acknowledge", arguments) in NOTHING_LEFT


async def _tell_fate(chains: Chains, duty: TellFate) -> bool:
    value = await chains.value(duty.source, transfer_key(duty.cross_id))
    if value is None or transfer_of(value).state != State.SENT:
        return True
    arguments = OfTransfer(cross_id=duty.cross_id)
    return await chains.send(duty.source, "crosschain", "tellFate", arguments) in NOTHING_LEFT


async def _refresh(chains: Chains, duty: Refresh) -> bool:
    source, class_id, token = duty.name
    mirror = await chains.value(duty.target, mirror_key(source, class_id, token))
    stood = await _seen(chains, source, duty.target, certificate_key(class_id, token))
    if mirror is None or stood is None or stood.value is None:
        return mirror is None
    certificate = certificate_of(stood.value)
    if certificate == mirror_of(mirror).certificate:
        return True
    arguments = RefreshMirror(chain_id=source, certificate=certificate, shown=stood.shown)
    return await chains.send(duty.target, "mirrors", "refresh", arguments) in NOTHING_LEFT


async def _follow(chains: Chains, duty: Follow) -> bool:
    source, class_id, token = duty.name
    value = await chains.value(duty.target, reliance_key(duty.class_id, duty.token))
    stood = await _seen(chains, source, duty.target, certificate_key(class_id, token))
    if value is None or stood is None or stood.value is None:
        return value is None
    certificate = certificate_of(stood.value)
    shown = None if source == duty.target else stood.shown
    for index, relied in enumerate(reliance_of(value).relied):
        named = (relied.chain_id, relied.class_id, relied.token) == duty.name
        if not named or not relied.follow or relied.stands == still_stands(certificate):
            continue
        arguments = FollowRequirement(
            class_id=duty.class_id,
            token=duty.token,
            index=index,
            held=ShownCertificate(certificate=certificate, shown=shown),
        )
        if await chains.send(duty.target, "crosschain", "followRequirement", arguments) not in NOTHING_LEFT:
            return False
    return True


async def _seen(chains: Chains, source: str, target: str, key: bytes) -> Stood | None:
    """What stands on `source`, to be shown to `target`: with every change of membership that it has not seen."""
    client = None if source == target else await chains.value(target, client_key(source))
    return await chains.stood(source, key, 0 if client is None else client_of(client).height)
