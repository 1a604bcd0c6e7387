"""Two statements of one replica that no correct replica makes: they convict it, and nobody else (protocol 5.5).

Kind 1: two statements of one domain, view and height over different blocks. Kind 2: a commit, and a later view change
for the same height that has forgotten it. Both are pure: whoever holds the two signatures can check them.
"""

from enum import StrEnum
from typing import Final, Literal

from chain.codec import Record
from chain.domains import Domain
from chain.ids import Digest, Natural, Signature
from chain.rules import ChainRules
from chain.view_change import ViewChange, view_change_bytes

EVIDENCE_HEIGHTS: Final = 1_000
"""How many heights back a statement can still convict: so long everybody keeps what it takes to judge."""
Phase = Literal["pre-prepare", "prepare", "commit", "view-change", "new-view"]


class EvidenceFault(StrEnum):
    """Why evidence convicts nobody."""

    NO_CONFLICT = "evidence-no-conflict"
    NOT_FORGOTTEN = "evidence-not-forgotten"
    SIGNATURE_INVALID = "evidence-signature-invalid"


class SignedDigest(Record, frozen=True):
    """What a statement says of its place, and the signature over it."""

    block: Digest
    signature: Signature


class ConflictingStatements(Record, frozen=True, tag=1):
    """Kind 1: the holder of a consensus key says two things where a correct replica says one."""

    signer: Digest
    phase: Phase
    view: Natural
    height: Natural
    first: SignedDigest
    """The lower digest."""
    second: SignedDigest


class ForgottenCommit(Record, frozen=True, tag=2):
    """Kind 2: a commit in `view` for the height of `view_change`, which wants a later view and does not show it."""

    signer: Digest
    view: Natural
    block: Digest
    commit: Signature
    view_change: ViewChange
    signature: Signature

    @property
    def height(self) -> int:
        """The height that was committed to and forgotten."""
        return self.view_change.height


Evidence = ConflictingStatements | ForgottenCommit


def kind_of(evidence: Evidence) -> int:
    """The number of its kind: its tag."""
    return 1 if isinstance(evidence, ConflictingStatements) else 2


def conflict(
    signer: bytes, domain: Domain, *, view: int, height: int, one: SignedDigest, other: SignedDigest
) -> ConflictingStatements:
    """Evidence of kind 1 in its one form, of two statements heard in any order."""
    first, second = sorted((one, other), key=lambda signed: signed.block)
    phase: Phase = _PHASES[domain]
    return ConflictingStatements(signer=signer, phase=phase, view=view, height=height, first=first, second=second)


def evidence_fault(rules: ChainRules, evidence: Evidence) -> EvidenceFault | None:
    """Why the evidence does not convict the holder of `signer`; None if it does."""
    if isinstance(evidence, ConflictingStatements):
        return _conflict_fault(rules, evidence)
    return _forgotten_fault(rules, evidence)


def _conflict_fault(rules: ChainRules, evidence: ConflictingStatements) -> EvidenceFault | None:
    if evidence.first.block >= evidence.second.block:
        return EvidenceFault.NO_CONFLICT
    domain = _DOMAINS[evidence.phase]
    for signed in (evidence.first, evidence.second):
        statement = rules.vote_bytes(domain, view=evidence.view, height=evidence.height, block=signed.block)
        if not rules.consensus_verify(evidence.signer, statement, signed.signature):
            return EvidenceFault.SIGNATURE_INVALID
    return None


def _forgotten_fault(rules: ChainRules, evidence: ForgottenCommit) -> EvidenceFault | None:
    change = evidence.view_change
    if change.view <= evidence.view or _is_shown(evidence):
        return EvidenceFault.NOT_FORGOTTEN
    commit = rules.vote_bytes(Domain.COMMIT, view=evidence.view, height=evidence.height, block=evidence.block)
    statement, _ = view_change_bytes(rules, change)
    for message, signature in ((commit, evidence.commit), (statement, evidence.signature)):
        if not rules.consensus_verify(evidence.signer, message, signature):
            return EvidenceFault.SIGNATURE_INVALID
    return None


def _is_shown(evidence: ForgottenCommit) -> bool:
    """Whether the view change shows something prepared at that height in the view of the commit or a later one."""
    prepared = evidence.view_change.prepared
    return prepared is not None and prepared.height == evidence.height and prepared.view >= evidence.view


_DOMAINS: Final[dict[Phase, Domain]] = {
    "pre-prepare": Domain.PRE_PREPARE,
    "prepare": Domain.PREPARE,
    "commit": Domain.COMMIT,
    "view-change": Domain.VIEW_CHANGE,
    "new-view": Domain.NEW_VIEW,
}
_PHASES: Final = {domain: phase for phase, domain in _DOMAINS.items()}
