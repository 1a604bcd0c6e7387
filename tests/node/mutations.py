"""Hostile bytes made of good ones, and hostile messages that their sender has really signed."""

from random import Random

from msgspec.structs import replace

from chain.codec import CodecMalformed, decode, encode
from node.consensus.messages import Commit, Envelope, Prepare, PrePrepare, ViewChange, signed_bytes
from node.network.frames import ConsensusFrame, PeerFrame
from tests.chain.small_network import FIRST
from tests.node.small_chain import RULES

HEADS = [
    0x00,
    0x7F,
    0x80,
    0x90,
    0x9F,
    0xA0,
    0xC0,
    0xC1,
    0xC2,
    0xC4,
    0xC6,
    0xCA,
    0xCF,
    0xD0,
    0xD9,
    0xDC,
    0xDD,
    0xDF,
    0xFF,
]


def mutated(random: Random, data: bytes, others: list[bytes]) -> bytes:
    """The bytes with one to four changes."""
    changed = bytearray(data)
    for _ in range(random.randrange(1, 5)):
        place = random.randrange(len(changed) + 1)
        match random.randrange(7):
            case 0 if changed:
                changed[place % len(changed)] ^= 1 << random.randrange(8)
            case 1 if changed:
                changed[place % len(changed)] = random.choice(HEADS)
            case 2:
                changed[place:place] = random.randbytes(random.randrange(1, 9))
            case 3:
                del changed[place : place + random.randrange(1, 40)]
            case 4:
                changed[place:] = random.choice(others)[place:]
            case 5:
                changed[place:place] = b"\xdd\xff\xff\xff\xff"
            case _:
                del changed[place:]
    return bytes(changed)


def _another_wish(random: Random, change: ViewChange, step: int) -> ViewChange:
    """A view change with one member a little off."""
    match random.randrange(3):
        case 0:
            return replace(change, view=max(0, change.view + step))
        case 1:
            return replace(change, prepared=None)
        case _ if change.prepared is not None:
            field = random.choice(["view", "height"])
            value = max(0, getattr(change.prepared, field) + step)
            return replace(change, prepared=replace(change.prepared, **{field: value}))
    return change


def resigned(random: Random, frame: bytes, signer: int) -> bytes:
    """A message of consensus with one field a little off, signed by a member that may."""
    try:
        record = decode(frame, PeerFrame)
    except CodecMalformed:
        return frame
    if not isinstance(record, ConsensusFrame):
        return frame
    message = record.envelope.message
    step = random.choice([-1, 1, 2, 2**40])
    if isinstance(message, PrePrepare):
        header = message.block.header
        field = random.choice(["height", "view", "time", "proposer"])
        header = replace(header, **{field: max(0, getattr(header, field) + step)})
        if random.random() < 0.3:
            header = replace(header, state_root=random.randbytes(32))
        message = replace(message, block=replace(message.block, header=header))
    elif isinstance(message, Prepare | Commit):
        field = random.choice(["height", "view"])
        message = replace(message, **{field: max(0, getattr(message, field) + step)})
        if random.random() < 0.3:
            message = replace(message, block=random.randbytes(32))
    elif isinstance(message, ViewChange):
        message = _another_wish(random, message, step)
    else:
        changes = list(message.view_changes)
        random.shuffle(changes)
        message = replace(message, view=max(0, message.view + step), view_changes=tuple(changes))
    statement, _ = signed_bytes(RULES, message)
    envelope = Envelope(signer=signer, signature=FIRST.sign(signer, statement), message=message)
    return encode(ConsensusFrame(chain_id=record.chain_id, envelope=envelope))
