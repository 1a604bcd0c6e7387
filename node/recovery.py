"""After a restart: the log replayed onto one chain's ledger, and what still binds its replica (protocol 24.2).

The store may lag behind the log, never the other way round: a record below the head is one that the store has,
one above the height after the head means that a part of log or store is gone.
"""

from collections.abc import Iterable

from chain.block import CommittedBlock
from chain.codec import encode
from chain.membership import Membership
from chain.quorum import QuorumCertificate
from node.consensus.messages import PrePrepare, place
from node.execution import Executed
from node.ledger import Ledger
from node.storage.interface import LogDamaged, LoggedBlock, LoggedCommit, LoggedMessage, LogRecord


class Recovery:
    """Takes one chain's records in their order; the ledger stands where the log ends when all are taken."""

    def __init__(self, ledger: Ledger, membership: Membership) -> None:
        self._ledger = ledger
        self._membership = membership
        self._kept: dict[bytes, LoggedMessage] = {}
        """Messages above the head, by their bytes: a new segment repeats those of the height in flight."""

    def take(self, record: LogRecord) -> None:
        """One record; `LogDamaged` if it cannot follow the ones before."""
        match record:
            case LoggedMessage(envelope=envelope):
                if place(envelope.message)[0] > self._ledger.height:
                    self._kept.setdefault(encode(envelope), record)
            case LoggedCommit(height=height, certificate=certificate):
                if self._is_next(height):
                    self._commit(certificate)
            case LoggedBlock(committed=committed):
                if self._is_next(committed.header.height):
                    self._append((committed,))

    def finish(self) -> tuple[LoggedMessage, ...]:
        """The messages of the height in flight: what this replica sent, and the proposal it accepted."""
        kept = tuple(self._kept.values())
        for message in kept:
            self._is_next(place(message.envelope.message)[0])
        return kept

    def _is_next(self, height: int) -> bool:
        if height > self._ledger.height + 1:
            raise LogDamaged(
                f"{self._ledger.rules.chain_id}: the log goes on at height {height}, the store ends at "
                f"{self._ledger.height}; put back the files that are missing, or move the node's data folder away "
                "and start again: it fetches its blocks from its peers"
            )
        return height == self._ledger.height + 1

    def _commit(self, certificate: QuorumCertificate) -> None:
        """The certificate finds its proposal: a log may hold several of one height."""
        proposals = (message.envelope.message for message in self._kept.values())
        self._append(
            CommittedBlock(block=proposal.block, certificate=certificate)
            for proposal in proposals
            if isinstance(proposal, PrePrepare) and self._is_next(proposal.block.header.height)
        )

    def _append(self, candidates: Iterable[CommittedBlock]) -> None:
        """Append the first candidate that is certified and executes to its roots."""
        why = "the log does not hold it"
        for committed in candidates:
            executed = self._ledger.execute_committed(committed, self._membership, lambda _: None)
            if isinstance(executed, Executed):
                self._ledger.append(executed, committed.certificate)
                break
            why = executed.why
        else:
            raise self._damaged(why)
        above = self._ledger.height
        self._kept = {key: kept for key, kept in self._kept.items() if place(kept.envelope.message)[0] > above}

    def _damaged(self, why: str) -> LogDamaged:
        return LogDamaged(
            f"{self._ledger.rules.chain_id}: block {self._ledger.height + 1} of the log cannot be taken up: {why}; "
            "use the program version that wrote the folder, or move the node's data folder away and start again: "
            "it fetches its blocks from its peers"
        )
