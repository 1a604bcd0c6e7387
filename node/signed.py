"""What a replica has signed and accepted and is bound by: the records that a log must not lose (protocol 24.2)."""

from chain.rules import ChainRules
from node.consensus.messages import (
    Authenticated,
    Envelope,
    PreparedCertificate,
    PrePrepare,
    ViewChange,
    place,
    signed_bytes,
)
from node.consensus.standing import BLOCKS_MAX
from node.ledger import Ledger
from node.recovery import binds
from node.storage.interface import LoggedMessage


class Signed:
    """The binding records of one chain, durable or on their way to the disk; `sendable` are the durable own ones."""

    def __init__(self, rules: ChainRules, taken_back: tuple[LoggedMessage, ...], own: int) -> None:
        self._rules = rules
        self.records = list(taken_back)
        self._sendable = [record.envelope for record in taken_back if record.envelope.signer == own]

    def taken_back(self) -> tuple[tuple[Authenticated, ...], PreparedCertificate | None]:
        """The records as messages, and the proof of the highest view among them."""
        messages = tuple(
            Authenticated(record.envelope, signed_bytes(self._rules, record.envelope.message)[1])
            for record in self.records
        )
        proofs = [record.prepared for record in self.records if record.prepared is not None]
        return messages, max(proofs, key=lambda proof: proof.view, default=None)

    def add(self, record: LoggedMessage) -> None:
        """A record goes to the log.

        With a view change the lower views bind no more, but for what was prepared. Blocks that were voted for stay, for
        somebody may be bound to them and lack them.
        """
        message = record.envelope.message
        if isinstance(message, ViewChange):
            block = None if message.prepared is None else message.prepared.block
            blocks = self._latest_blocks(block)
            self.records = [earlier for earlier in self.records if self._stays(earlier, block, blocks)]
            self._sendable = []
        self.records.append(record)

    def durable(self, record: LoggedMessage) -> None:
        """An own message is durable, and may be sent as often as it is of use."""
        if record in self.records:
            self._sendable.append(record.envelope)

    def committed(self, ledger: Ledger) -> None:
        """The head has moved: most of it binds no more."""
        self.records = [record for record in self.records if binds(record.envelope.message, ledger)]
        kept = [record.envelope for record in self.records]
        self._sendable = [envelope for envelope in self._sendable if envelope in kept]

    def current(self, view: int) -> list[Envelope]:
        """The durable own messages that a peer could make use of while `view` is the present one."""
        return [envelope for envelope in self._sendable if place(envelope.message)[1] >= view]

    def holds(self, envelope: Envelope) -> bool:
        """Whether a message is among the records."""
        return any(record.envelope == envelope for record in self.records)

    def _latest_blocks(self, prepared: bytes | None) -> list[LoggedMessage]:
        """One proposal for each of the latest few blocks, and for the prepared one."""
        by_digest = {}
        for record in self.records:
            if isinstance(record.envelope.message, PrePrepare):
                by_digest[self._rules.block_digest(record.envelope.message.block.header)] = record
        latest = [digest for digest in by_digest if digest != prepared][1 - BLOCKS_MAX :]
        return [record for digest, record in by_digest.items() if digest in latest or digest == prepared]

    @staticmethod
    def _stays(record: LoggedMessage, prepared: bytes | None, blocks: list[LoggedMessage]) -> bool:
        """Whether a record is part of the proof that a block is prepared, or one of the blocks."""
        if isinstance(record.envelope.message, PrePrepare):
            return record in blocks
        return record.prepared is not None and record.prepared.block == prepared
