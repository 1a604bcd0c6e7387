"""After a restart: the log replayed onto one chain's ledger, and what still binds its replica (protocol 24.2).

The store may lag behind the log, never the other way round: a record below the head is one that the store has,
one above the height after the head means that a part of log or store is gone.
"""

from collections.abc import Iterable

from chain.block import CommittedBlock
from chain.codec import encode
from chain.quorum import QuorumCertificate
from node.consensus.messages import Message, NewView, PrePrepare, ViewChange, place
from node.execution import Executed
from node.ledger import Ledger
from node.storage.interface import LogDamaged, LoggedBlock, LoggedCommit, LoggedMessage, LogRecord


def binds(message: Message, ledger: Ledger) -> bool:
    """Whether a logged message still binds its replica at the ledger's head.

    Votes and proposals do for heights above it. A view that is wanted or entered does until a certificate of that
    view or a later one takes its place: to forget it would be to vote in a view that was given up.
    """
    height, view = place(message)
    if isinstance(message, ViewChange | NewView):
        certificate = ledger.head.certificate
        return view > (0 if certificate is None else certificate.view)
    return height > ledger.height


class Recovery:
    """Takes one chain's records in their order; the ledger stands where the log ends when all are taken."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._kept: dict[bytes, LoggedMessage] = {}
        """Messages above the head, by their bytes: a new segment repeats those of the height in flight."""

    def take(self, record: LogRecord) -> None:
        """One record; `LogDamaged` if it cannot follow the ones before."""
        match record:
            case LoggedMessage(envelope=envelope):
                if binds(envelope.message, self._ledger):
                    self._kept.setdefault(encode(envelope), record)
            case LoggedCommit(height=height, certificate=certificate):
                if self._is_next(height):
                    self._commit(certificate)
            case LoggedBlock(committed=committed):
                if self._is_next(committed.header.height):
                    self._append((committed,))

    def finish(self) -> tuple[LoggedMessage, ...]:
        """What still binds: what this replica sent, the proposals and the new view that it accepted."""
        kept = tuple(self._kept.values())
        for record in kept:
            if not isinstance(record.envelope.message, ViewChange | NewView):
                self._is_next(place(record.envelope.message)[0])
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
            executed = self._ledger.execute_committed(committed, lambda _: None)
            if isinstance(executed, Executed):
                self._ledger.append(executed, committed.certificate)
                break
            why = executed.why
        else:
            raise self._damaged(why)
        self._kept = {key: kept for key, kept in self._kept.items() if binds(kept.envelope.message, self._ledger)}

    def _damaged(self, why: str) -> LogDamaged:
        return LogDamaged(
            f"{self._ledger.rules.chain_id}: block {self._ledger.height + 1} of the log cannot be taken up: {why}; "
            "use the program version that wrote the folder, or move the node's data folder away and start again: "
            "it fetches its blocks from its peers"
        )
