"""What replicas were convicted of, by evidence that proves itself (protocol 19.3).

Nothing is punished here: a record and an event. Whether a replica leaves is decided by a change of membership.
"""

from typing import Annotated, Final

from msgspec import Meta

from chain.codec import Record, decoder, encode
from chain.evidence import EVIDENCE_HEIGHTS, Evidence, EvidenceFault, evidence_fault, kind_of
from chain.ids import Digest, Natural
from contracts.interface import ContractContext, ContractReverted, Readable, refuses
from contracts.keys import convictions_key, evidence_key
from contracts.membership import membership_at


class ReportEvidence(Record, frozen=True):
    """`reportEvidence`: two statements of one replica."""

    evidence: Evidence


class Conviction(Record, frozen=True):
    """What a replica did, at which height and view, and in which block it was recorded."""

    signer: Digest
    name: Annotated[str, Meta(max_length=32)]
    kind: Annotated[int, Meta(ge=1, le=2)]
    height: Natural
    view: Natural
    recorded_height: Natural
    recorded_at: Natural


@refuses("evidence-too-early", "evidence-expired")
def height_can_be_judged(context: ContractContext, arguments: ReportEvidence) -> None:
    """The statements speak of a height that is not in the future nor too long ago."""
    height = arguments.evidence.height
    if height > context.height:
        raise ContractReverted("evidence-too-early", height, context.height)
    if context.height - height > EVIDENCE_HEIGHTS:
        raise ContractReverted("evidence-expired", height, context.height)


@refuses("evidence-of-no-member")
def signer_was_member(context: ContractContext, arguments: ReportEvidence) -> None:
    """The key is that of a replica of that height."""
    evidence = arguments.evidence
    if _name_of_member(context, evidence) is None:
        raise ContractReverted("evidence-of-no-member", evidence.signer, evidence.height)


@refuses("evidence-known")
def not_convicted_yet(context: ContractContext, arguments: ReportEvidence) -> None:
    """The replica has not been convicted of this yet."""
    evidence = arguments.evidence
    if context.records.get(evidence_key(evidence.signer, evidence.height, kind_of(evidence))) is not None:
        raise ContractReverted("evidence-known", _name(context, evidence), evidence.height)


@refuses("evidence-no-conflict", "evidence-not-forgotten", "evidence-signature-invalid")
def statements_convict(context: ContractContext, arguments: ReportEvidence) -> None:
    """Both statements are signed, and no correct replica signs both."""
    name = _name(context, arguments.evidence)
    match evidence_fault(context.rules, arguments.evidence):
        case EvidenceFault.NO_CONFLICT:
            raise ContractReverted("evidence-no-conflict", name)
        case EvidenceFault.NOT_FORGOTTEN:
            raise ContractReverted("evidence-not-forgotten", name)
        case EvidenceFault.SIGNATURE_INVALID:
            raise ContractReverted("evidence-signature-invalid", name)


def report_evidence(context: ContractContext, arguments: ReportEvidence) -> None:
    """Record the conviction of a replica of the height that its statements speak of."""
    evidence = arguments.evidence
    conviction = Conviction(
        signer=evidence.signer,
        name=_name(context, evidence),
        kind=kind_of(evidence),
        height=evidence.height,
        view=evidence.view,
        recorded_height=context.height,
        recorded_at=context.time,
    )
    count = convictions_of(context.records, evidence.signer) + 1
    context.records.put(evidence_key(evidence.signer, evidence.height, conviction.kind), encode(conviction))
    context.records.put(convictions_key(evidence.signer), count.to_bytes(8, "big"))
    context.emit("Convicted", evidence.signer, conviction.name, conviction.kind, evidence.height, evidence.view)


def find_conviction(records: Readable, signer: bytes, height: int, kind: int) -> Conviction | None:
    """What the holder of a consensus key was convicted of at a height, or None."""
    data = records.get(evidence_key(signer, height, kind))
    return None if data is None else conviction_of(data)


def convictions_of(records: Readable, signer: bytes) -> int:
    """How often the holder of a consensus key was convicted."""
    data = records.get(convictions_key(signer))
    return 0 if data is None else int.from_bytes(data, "big")


def _name_of_member(context: ContractContext, evidence: Evidence) -> str | None:
    membership = membership_at(context.records, evidence.height)
    assert membership is not None, "a set stays for as long as evidence may ask for it"
    return next((replica.name for replica in membership.replicas if replica.consensus_key == evidence.signer), None)


def _name(context: ContractContext, evidence: Evidence) -> str:
    name = _name_of_member(context, evidence)
    assert name is not None
    return name


CHECKS: Final = (height_can_be_judged, signer_was_member, not_convicted_yet, statements_convict)
conviction_of: Final = decoder(Conviction)
