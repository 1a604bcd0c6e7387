"""Evidence on its way into the chain: reported until the state holds the conviction (protocol 21.8)."""

from dataclasses import dataclass, field
from typing import Final

from chain.codec import encode
from chain.evidence import EVIDENCE_HEIGHTS, Evidence, kind_of
from chain.transaction import TRANSACTION_WINDOW_MS
from contracts.evidence import find_conviction
from contracts.system import evidence_transaction
from node.consensus.evidence import Witness
from node.consensus.messages import Authenticated
from node.ledger import Ledger

REPORTS_MAX: Final = 64


@dataclass(slots=True)
class Report:
    """Evidence, and the transaction that reports it; made anew when the last one has expired (`until`, ms)."""

    evidence: Evidence
    raw: bytes = b""
    until: int = 0

    def transaction(self, ledger: Ledger, now: int) -> bytes:
        """The transaction to send now."""
        if now >= self.until:
            nonce = ledger.rules.digest(encode(self.evidence))[:16]
            self.raw = evidence_transaction(ledger.rules, self.evidence, now=now, nonce=nonce)
            self.until = now + TRANSACTION_WINDOW_MS // 2
        return self.raw


@dataclass(slots=True)
class Reports:
    """What this replica can prove and the chain does not know yet, by (signer's key, height, kind)."""

    open: dict[tuple[bytes, int, int], Report] = field(default_factory=dict)
    _witness: Witness = field(default_factory=Witness)

    def hear(self, received: Authenticated, key: bytes, height: int) -> bool:
        """One message of the replica with consensus key `key`, heard at head `height`; whether it proves something new."""
        evidence = self._witness.hear(received, key, height)
        return evidence is not None and self.add(evidence)

    def forget_below(self, height: int) -> None:
        """Blocks up to `height` are committed."""
        self._witness.forget_below(height)

    def add(self, evidence: Evidence) -> bool:
        """Keep new evidence; False if it is known, or too much is kept already."""
        place = (evidence.signer, evidence.height, kind_of(evidence))
        if place in self.open or len(self.open) == REPORTS_MAX:
            return False
        self.open[place] = Report(evidence)
        return True

    def due(self, ledger: Ledger, now: int) -> list[bytes]:
        """The transactions that report what is still open and can be judged by the next block."""
        for place in list(self.open):
            if find_conviction(ledger.state, *place) is not None or ledger.height - place[1] >= EVIDENCE_HEIGHTS:
                del self.open[place]
        return [
            report.transaction(ledger, now)
            for report in self.open.values()
            if report.evidence.height <= ledger.height + 1
        ]
