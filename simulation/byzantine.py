"""Replicas that lie: the honest host inside, a liar between it and the network.

A liar has the key of its own place and of no other. What it signs it counts, by the name of its behaviour.
"""

from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Final

from msgspec.structs import replace

from chain.block import Block
from chain.codec import decode
from chain.membership import Membership
from chain.transaction import SignedTransaction, Transaction
from node.consensus.messages import (
    Commit,
    Envelope,
    Message,
    Prepare,
    PreparedCertificate,
    PrePrepare,
    ViewChange,
    place,
    signed_bytes,
)
from node.execution import Executed, build_block
from node.host import Host
from node.mempool import Checked, check_transaction
from node.network.frames import Blocks, ChainHead, ConsensusFrame, Heads, PairsChunk, PeerFrame, Relay, SnapshotChunk
from simulation.clock import MILLISECOND_US
from simulation.foundation import PLATFORMS, person_of
from simulation.machine import Behaviour, Process

MEMORY_MAX: Final = 200
FAR_VIEWS: Final = 50
OVERSTATED: Final = 1_000
CARELESS: Final = 0.1
"""How often a liar lets somebody hear both of its stories."""
OTHER: Final = bytes(range(32))
VICTIM: Final = PLATFORMS[0]


class Liar(Behaviour):
    """Common to all who lie: chance of its own, and a count of its lies. It tells no lie by itself."""

    def __init__(self, name: str, seed: int, lies: Counter[str]) -> None:
        self.random = Random(f"{name} of {seed}")
        self._name = name
        self._lies = lies

    def lie(self) -> None:
        """One more lie is told."""
        self._lies[self._name] += 1


class Silent(Liar):
    """Says nothing of consensus."""

    def outgoing(self, process: Process, peer: int, frame: PeerFrame) -> tuple[PeerFrame, ...]:
        """Nothing that others wait for."""
        if isinstance(frame, ConsensusFrame):
            self.lie()
            return ()
        return (frame,)


class EquivocatingProposals(Liar):
    """As primary proposes two valid blocks for one height and view, and stands by each before half of the others."""

    def __init__(self, name: str, seed: int, lies: Counter[str]) -> None:
        super().__init__(name, seed, lies)
        self._others: dict[bytes, Envelope] = {}
        """The second proposal, by the signature of the first."""
        self._digests: dict[bytes, bytes] = {}
        """The digest of the second block, by that of the first."""

    def outgoing(self, process: Process, peer: int, frame: PeerFrame) -> tuple[PeerFrame, ...]:
        """To some peers the other one."""
        if not isinstance(frame, ConsensusFrame) or frame.envelope.signer != process.machine.place:
            return (frame,)
        other = self._other(process, frame.envelope)
        if other is None or not self._is_on_the_other_side(frame.envelope.message, peer):
            return (frame,)
        self.lie()
        second = replace(frame, envelope=other)
        return (frame, second) if self.random.random() < CARELESS else (second,)

    def _is_on_the_other_side(self, message: Message, peer: int) -> bool:
        """Half of the peers, other ones for every height and view."""
        height, view = place(message)
        return (peer + height + view) % 2 == 0

    def _other(self, process: Process, envelope: Envelope) -> Envelope | None:
        message = envelope.message
        if isinstance(message, PrePrepare):
            if envelope.signature not in self._others:
                second = _second_proposal(process.host, message)
                if second is None:
                    return None
                rules = process.host.rules
                self._others[envelope.signature] = signed(process, second)
                self._digests[rules.block_digest(message.block.header)] = rules.block_digest(second.block.header)
            return self._others[envelope.signature]
        if isinstance(message, Prepare | Commit) and message.block in self._digests:
            return signed(process, replace(message, block=self._digests[message.block]))
        return None


class EquivocatingVotes(Liar):
    """Votes for a block before some and for another one before the rest."""

    def outgoing(self, process: Process, peer: int, frame: PeerFrame) -> tuple[PeerFrame, ...]:
        """To every second peer a vote for something else, now and then both."""
        if not isinstance(frame, ConsensusFrame) or frame.envelope.signer != process.machine.place:
            return (frame,)
        message = frame.envelope.message
        if not isinstance(message, Prepare | Commit) or self.random.random() < 0.5:
            return (frame,)
        self.lie()
        false = replace(frame, envelope=signed(process, replace(message, block=OTHER)))
        return (false, frame) if self.random.random() < CARELESS else (false,)


class LyingInViewChange(Liar):
    """Shows too little when the view changes, or what never was."""

    def outgoing(self, process: Process, peer: int, frame: PeerFrame) -> tuple[PeerFrame, ...]:
        """Another view change before every peer."""
        if not isinstance(frame, ConsensusFrame) or frame.envelope.signer != process.machine.place:
            return (frame,)
        message = frame.envelope.message
        if not isinstance(message, ViewChange):
            return (frame,)
        self.lie()
        false = self.random.choice(
            (
                replace(message, prepared=None),
                replace(message, committed=None, prepared=None),
                replace(message, view=message.view + 1, prepared=None),
                replace(message, prepared=self._forged(process.world.membership, message)),
            )
        )
        return (replace(frame, envelope=signed(process, false)),)

    def _forged(self, membership: Membership, message: ViewChange) -> PreparedCertificate:
        """That a block which does not exist was prepared in the view before; nobody else has signed it."""
        signers = tuple(range(membership.quorum - 1))
        return PreparedCertificate(
            view=max(message.view - 1, 0),
            height=place(message)[0],
            block=OTHER,
            pre_prepare=bytes(64),
            signers=signers,
            prepares=(bytes(64),) * len(signers),
        )


class Replaying(Liar):
    """Says again what anybody said long ago."""

    def __init__(self, name: str, seed: int, lies: Counter[str]) -> None:
        super().__init__(name, seed, lies)
        self._memory: list[PeerFrame] = []

    def incoming(self, process: Process, sender: int, frame: PeerFrame) -> tuple[PeerFrame, ...]:
        """Keeps what it hears."""
        if isinstance(frame, ConsensusFrame | Relay | Blocks) and self.random.random() < 0.2:
            self._memory.append(frame)
            del self._memory[:-MEMORY_MAX]
        return (frame,)

    def ticked(self, process: Process) -> None:
        """Says some of it to somebody."""
        for _ in range(3):
            if self._memory:
                self.lie()
                to = self.random.randrange(process.world.membership.size)
                process.say(to, self.random.choice(self._memory))


class WrongStateRoot(Liar):
    """As primary proposes blocks that do not do what their header claims."""

    def outgoing(self, process: Process, peer: int, frame: PeerFrame) -> tuple[PeerFrame, ...]:
        """A proposal with another root."""
        if not isinstance(frame, ConsensusFrame) or frame.envelope.signer != process.machine.place:
            return (frame,)
        message = frame.envelope.message
        if not isinstance(message, PrePrepare):
            return (frame,)
        self.lie()
        header = replace(message.block.header, state_root=OTHER)
        false = replace(message, block=Block(header=header, transactions=message.block.transactions))
        return (replace(frame, envelope=signed(process, false)),)


class Slow(Liar):
    """Does everything right, a little before the others lose patience."""

    def outgoing(self, process: Process, peer: int, frame: PeerFrame) -> tuple[PeerFrame, ...]:
        """Later."""
        profile = process.host.rules.profile
        self.lie()
        delay_us = profile.progress_ticks * profile.tick_ms * MILLISECOND_US * 2 // 3
        process.later(delay_us, lambda: process.say(peer, frame))
        return ()


class FutureViewSpam(Liar):
    """Wants ever higher views, and votes at heights and in views that nobody has come to."""

    def ticked(self, process: Process) -> None:
        """Something from far ahead, to everybody."""
        host = process.host
        view = host.replica.view + self.random.randint(1, FAR_VIEWS)
        height = host.replica.height + self.random.randint(0, 20)
        message: Message = self.random.choice(
            (
                ViewChange(view=view, committed=None, prepared=None),
                Prepare(view=view, height=height, block=OTHER),
                Commit(view=view, height=height, block=OTHER),
            )
        )
        self.lie()
        frame = ConsensusFrame(chain_id=host.rules.chain_id, envelope=signed(process, message))
        for peer in range(process.world.membership.size):
            process.say(peer, frame)


class Censoring(Liar):
    """Knows nothing of the requests of one platform, and helps no block that holds one into being as primary."""

    def incoming(self, process: Process, sender: int, frame: PeerFrame) -> tuple[PeerFrame, ...]:
        """Forgets its victim's requests as they come."""
        if not isinstance(frame, Relay):
            return (frame,)
        kept = tuple(raw for raw in frame.transactions if not self._is_of_the_victim(raw))
        if len(kept) < len(frame.transactions):
            self.lie()
        return (replace(frame, transactions=kept),) if kept else ()

    def _is_of_the_victim(self, raw: bytes) -> bool:
        return person_of(decode(decode(raw, SignedTransaction).body, Transaction)) == VICTIM


class LyingSource(Liar):
    """Says it is far ahead, and answers with blocks that are none, and with a state that is none."""

    def outgoing(self, process: Process, peer: int, frame: PeerFrame) -> tuple[PeerFrame, ...]:
        """Heights that do not exist, blocks with a certificate of too few or of others, parts of another state."""
        if isinstance(frame, Heads):
            self.lie()
            return (Heads(heads=tuple(self._overstated(head) for head in frame.heads)),)
        if isinstance(frame, Blocks) and frame.blocks:
            self.lie()
            first, *rest = frame.blocks
            certificate = first.certificate
            false = self.random.choice(
                (
                    replace(certificate, signers=certificate.signers[1:], signatures=certificate.signatures[1:]),
                    replace(certificate, signatures=(certificate.signatures[0],) * len(certificate.signatures)),
                    replace(certificate, view=certificate.view + 1),
                )
            )
            return (replace(frame, blocks=(replace(first, certificate=false), *rest)),)
        if isinstance(frame, SnapshotChunk) and isinstance(frame.content, PairsChunk) and frame.content.pairs:
            self.lie()
            return (replace(frame, content=self._spoilt(frame.content)),)
        return (frame,)

    def _spoilt(self, part: PairsChunk) -> PairsChunk:
        """One value is another one, or one key is left out."""
        pairs = list(part.pairs)
        at = self.random.randrange(len(pairs))
        if self.random.random() < 0.5:
            pairs[at] = replace(pairs[at], value=OTHER)
        else:
            del pairs[at]
        return PairsChunk(pairs=tuple(pairs))

    def _overstated(self, head: ChainHead) -> ChainHead:
        return replace(head, height=head.height + self.random.randint(1, OVERSTATED))


def signed(process: Process, message: Message) -> Envelope:
    """A message signed with the machine's own key, whatever it says."""
    statement, _ = signed_bytes(process.host.rules, message)
    machine = process.machine
    return Envelope(signer=machine.place, signature=machine.sign(statement), message=message)


def _second_proposal(host: Host, first: PrePrepare) -> PrePrepare | None:
    """Another valid block on the same parent; None if the parent is no longer the head, or the view bound the first."""
    header, ledger = first.block.header, host.ledger
    if header.parent != ledger.head.digest or header.view != first.view:
        return None
    transactions: list[Checked] = []
    for raw in first.block.transactions:
        checked = host.pool.find(raw) or check_transaction(ledger.rules, raw, ledger.state)
        assert isinstance(checked, Checked)
        transactions.append(checked)
    second: Executed = build_block(
        ledger.rules,
        ledger.state,
        ledger.head.header,
        ledger.head.digest,
        transactions,
        time=header.time + 1,
        view=header.view,
        proposer=header.proposer,
    )
    return replace(first, block=second.block)


LIARS: Final[dict[str, Callable[[str, int, Counter[str]], Liar]]] = {
    "silent": Silent,
    "equivocating-proposals": EquivocatingProposals,
    "equivocating-votes": EquivocatingVotes,
    "lying-in-view-change": LyingInViewChange,
    "replaying": Replaying,
    "wrong-state-root": WrongStateRoot,
    "slow": Slow,
    "future-view-spam": FutureViewSpam,
    "censoring": Censoring,
    "lying-source": LyingSource,
}
