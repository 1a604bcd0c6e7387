"""Packets between two chains: sent, received, acknowledged or timed out, each exactly once and in order (protocol 34.1).

A packet is open while its record stands, and is closed only by proof of what became of it on the other chain. That nothing
came of it before its deadline is proven too; then what it asks for is off, and it can only arrive expired.
"""

from typing import Final

from msgspec.structs import replace

from chain.codec import Record, decoder, encode
from chain.did import HomeChain
from chain.ids import Address, Digest, Natural
from chain.transaction import Code
from contracts.certificate import Certificate
from contracts.interface import ContractContext, ContractReverted, Readable, refuses
from contracts.keys import arrival_key, lane_key, packet_key
from contracts.relaying import Claim, Shown


class Move(Record, frozen=True, tag=1):
    """A certificate goes to an account of the same DID."""

    cross_id: Digest
    certificate: Certificate
    """As it stands, locked, on the chain that it leaves."""
    to: Address


class Fate(Record, frozen=True, tag=2):
    """What became of a certificate on the chain that it left, while it was on its way."""

    cross_id: Digest
    certificate: Certificate
    revoked: bool
    frozen: bool


class Packet(Record, frozen=True):
    """One packet: between which chains, its place in their order, and until when it may be received (ms); nil: always."""

    source: HomeChain
    target: HomeChain
    sequence: Natural
    deadline: Natural | None
    body: Move | Fate


class Lane(Record, frozen=True):
    """How many packets went to another chain, and how many came from it."""

    sent: Natural
    received: Natural


class Arrival(Record, frozen=True):
    """What became of a packet where it was received: done, or not and why; nothing is ever received twice."""

    packet: Digest
    """The packet's digest, by the function of the chain that sent it."""
    code: Code
    """Empty: done."""
    height: Natural
    time: Natural


class ReceivePacket(Record, frozen=True):
    """`receive`: a packet of another chain, and the proof that it was sent."""

    packet: Packet
    shown: Shown

    @property
    def chain_id(self) -> str:
        """The chain that sent it."""
        return self.packet.source


class AcknowledgePacket(Record, frozen=True):
    """`acknowledge`: what became of an open packet to `chain_id`, and the proof of it."""

    chain_id: HomeChain
    sequence: Natural
    arrival: Arrival
    shown: Shown


class TimeOutPacket(Record, frozen=True):
    """`timeOut`: the proof that an open packet to `chain_id` was not received before its deadline."""

    chain_id: HomeChain
    sequence: Natural
    shown: Shown


OfOpenPacket = AcknowledgePacket | TimeOutPacket


def lane_of(records: Readable, chain_id: str) -> Lane:
    """How many packets went to the chain and came from it."""
    data = records.get(lane_key(chain_id))
    return Lane(sent=0, received=0) if data is None else lane_read(data)


def find_packet(records: Readable, chain_id: str, sequence: int) -> Packet | None:
    """The open packet to the chain, or None."""
    data = records.get(packet_key(chain_id, sequence))
    return None if data is None else packet_of(data)


def find_arrival(records: Readable, chain_id: str, sequence: int) -> Arrival | None:
    """What became of a packet from the chain, or None."""
    data = records.get(arrival_key(chain_id, sequence))
    return None if data is None else arrival_of(data)


def send(context: ContractContext, chain_id: str, deadline: int | None, body: Move | Fate) -> Packet:
    """Open the next packet to the chain."""
    lane = lane_of(context.records, chain_id)
    packet = Packet(
        source=context.rules.chain_id, target=chain_id, sequence=lane.sent, deadline=deadline, body=body
    )  # fmt: skip
    context.records.put(packet_key(chain_id, packet.sequence), encode(packet))
    context.records.put(lane_key(chain_id), encode(replace(lane, sent=lane.sent + 1)))
    context.emit("PacketSent", chain_id, packet.sequence, body.cross_id)
    return packet


def close(context: ContractContext, arguments: AcknowledgePacket) -> Packet:
    """The packet is open no longer; a check has found it."""
    packet = _open(context, arguments)
    context.records.put(packet_key(packet.target, packet.sequence), None)
    context.emit("PacketClosed", packet.target, packet.sequence, packet.body.cross_id)
    return packet


def arrive(context: ContractContext, packet: Packet, code: str) -> None:
    """Record what became of a packet here."""
    source = context.rules.others[packet.source]
    arrival = Arrival(packet=source.digest(encode(packet)), code=code, height=context.height, time=context.time)
    lane = lane_of(context.records, packet.source)
    context.records.put(arrival_key(packet.source, packet.sequence), encode(arrival))
    context.records.put(lane_key(packet.source), encode(replace(lane, received=lane.received + 1)))
    context.emit("PacketReceived", packet.source, packet.sequence, packet.body.cross_id, code)


@refuses("packet-of-other-chain")
def sent_here(context: ContractContext, arguments: ReceivePacket) -> None:
    """The packet is for this chain."""
    if arguments.packet.target != context.rules.chain_id:
        raise ContractReverted("packet-of-other-chain", arguments.packet.target)


@refuses("packet-received", "packet-out-of-order")
def next_in_order(context: ContractContext, arguments: ReceivePacket) -> None:
    """It is the next packet of its chain."""
    received, sequence = lane_of(context.records, arguments.packet.source).received, arguments.packet.sequence
    if sequence < received:
        raise ContractReverted("packet-received", arguments.packet.source, sequence)
    if sequence > received:
        raise ContractReverted("packet-out-of-order", sequence, received)


@refuses("packet-unknown")
def packet_open(context: ContractContext, arguments: OfOpenPacket) -> None:
    """The packet is open."""
    if find_packet(context.records, arguments.chain_id, arguments.sequence) is None:
        raise ContractReverted("packet-unknown", arguments.chain_id, arguments.sequence)


@refuses("arrival-of-other-packet")
def arrival_fits(context: ContractContext, arguments: AcknowledgePacket) -> None:
    """What is said to have become of it is about this packet."""
    if arguments.arrival.packet != context.rules.digest(encode(_open(context, arguments))):
        raise ContractReverted("arrival-of-other-packet", arguments.chain_id, arguments.sequence)


@refuses("packet-without-deadline", "time-out-too-early")
def deadline_over(context: ContractContext, arguments: TimeOutPacket) -> None:
    """The packet has a deadline, and the header's time is not before it."""
    deadline, time = _open(context, arguments).deadline, arguments.shown.sighting.header.time
    if deadline is None:
        raise ContractReverted("packet-without-deadline", arguments.sequence)
    if time < deadline:
        raise ContractReverted("time-out-too-early", deadline, time)


def sent_claim(context: ContractContext, arguments: ReceivePacket) -> Claim:
    """On the source the packet is open."""
    packet = arguments.packet
    key = packet_key(context.rules.chain_id, packet.sequence)
    return Claim(packet.source, key, encode(packet), arguments.shown)


def arrived_claim(context: ContractContext, arguments: AcknowledgePacket) -> Claim:
    """On the target stands what became of it."""
    key = arrival_key(context.rules.chain_id, arguments.sequence)
    return Claim(arguments.chain_id, key, encode(arguments.arrival), arguments.shown)


def absent_claim(context: ContractContext, arguments: TimeOutPacket) -> Claim:
    """On the target stands nothing about it."""
    key = arrival_key(context.rules.chain_id, arguments.sequence)
    return Claim(arguments.chain_id, key, None, arguments.shown)


def _open(context: ContractContext, arguments: OfOpenPacket) -> Packet:
    packet = find_packet(context.records, arguments.chain_id, arguments.sequence)
    assert packet is not None
    return packet


lane_read: Final = decoder(Lane)
packet_of: Final = decoder(Packet)
arrival_of: Final = decoder(Arrival)
