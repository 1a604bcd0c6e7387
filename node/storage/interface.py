"""The ports of storage, and the records of the log (protocol 24)."""

from collections.abc import Callable, Mapping
from typing import Annotated, Protocol

from msgspec import Meta

from chain.block import CommittedBlock
from chain.codec import Record
from chain.ids import Natural
from chain.quorum import QuorumCertificate
from node.consensus.messages import Envelope

ChainName = Annotated[str, Meta(max_length=32)]


class LoggedMessage(Record, frozen=True, tag=1):
    """A vote or proposal of this replica, or a proposal it accepted."""

    chain_id: ChainName
    envelope: Envelope


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
        """Append an encoded `LogRecord`; `then` is called once it and everything before it is durable."""


class Store(Protocol):
    """A durable map. It may lag behind the log, from which it can be brought up again."""

    def get(self, key: bytes) -> bytes | None:
        """The bytes under `key`."""

    def write(self, changes: Mapping[bytes, bytes | None]) -> None:
        """All of `changes` or nothing; None removes."""
