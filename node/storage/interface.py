"""The ports of storage, and the records of the log (protocol 24)."""

from collections.abc import Callable, Mapping
from typing import Annotated, Protocol

from msgspec import Meta

from chain.block import CommittedBlock
from chain.codec import Record
from chain.ids import Natural
from chain.quorum import QuorumCertificate
from node.consensus.messages import Envelope, PreparedCertificate

ChainName = Annotated[str, Meta(max_length=32)]


class LogDamaged(Exception):
    """A log that cannot be replayed; the sentence says what to do."""


class LoggedMessage(Record, frozen=True, tag=1):
    """A message of this replica, or a proposal it accepted.

    Beside its commit stands the proof that the block is prepared, which a later change of view must show.
    """

    chain_id: ChainName
    envelope: Envelope
    prepared: PreparedCertificate | None


class LoggedCommit(Record, frozen=True, tag=2):
    """The proposal logged for this height is committed; its body stands in an earlier record."""

    chain_id: ChainName
    height: Natural
    certificate: QuorumCertificate


class LoggedBlock(Record, frozen=True, tag=3):
    """A committed block that was fetched whole from a peer."""

    chain_id: ChainName
    committed: CommittedBlock


LogRecord = LoggedMessage | LoggedCommit | LoggedBlock


class Journal(Protocol):
    """The log. Records appended in one turn of the host's loop share one sync."""

    def append(self, record: bytes, then: Callable[[], None] | None = None) -> None:
        """Append an encoded `LogRecord`; `then` is called once it and everything before it is durable.

        Calls come in the order of the records. After a failed sync nothing is written and nobody is called any more.
        """


class Store(Protocol):
    """A durable map. It may lag behind the log, from which it can be brought up again."""

    def get(self, key: bytes) -> bytes | None:
        """The bytes under `key`."""

    def write(self, changes: Mapping[bytes, bytes | None]) -> None:
        """All of `changes` or nothing; None removes."""
