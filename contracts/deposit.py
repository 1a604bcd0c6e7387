"""Evidence deposits: digests that auditors vote for until a threshold saves or refuses them (protocol 31).

Digests alone: of the evidence, and of remarks on it. What they are of is kept elsewhere.
"""

from typing import Annotated, Any, Final

from msgspec import Meta
from msgspec.structs import replace

from chain.codec import Record, decoder, encode
from chain.ids import Address, Digest, Natural
from contracts.access import require_active
from contracts.auditing import AUDITORS_MAX, auditing_methods, auditing_of, find_auditor
from contracts.gates import permitted, running, sender_is
from contracts.interface import ContractContext, ContractReverted, Method, Price, Readable, Reader, Role, View, refuses
from contracts.keys import auditing_key, save_request_key, vote_key
from contracts.owning import owner_methods

CONTRACT: Final = "evidence"
VOTING, PASSED, FAILED = range(3)
EMPTY_DIGEST: Final = bytes(32)


class SaveRequest(Record, frozen=True):
    """A request: its number, whose evidence, who asked, the digest of remarks, the votes, what came of it, whether it counts."""

    digest: Digest
    number: Annotated[int, Meta(ge=1, le=2**53 - 1)]
    """Which one it is of all that were ever made, so that a request made again is another one."""
    owner: Address
    requester: Address
    remarks: Digest
    created_at: Natural
    yes: Annotated[int, Meta(ge=0, le=AUDITORS_MAX)]
    no: Annotated[int, Meta(ge=0, le=AUDITORS_MAX)]
    threshold: Annotated[int, Meta(ge=1, le=AUDITORS_MAX)]
    """As it was when the request was made, as the number of auditors; who audits only since then has no vote."""
    auditors: Annotated[int, Meta(ge=0, le=AUDITORS_MAX)]
    status: Annotated[int, Meta(ge=0, le=2)]
    enabled: bool


class CreateSaveRequest(Record, frozen=True):
    """`createSaveRequest`: evidence by its digest, for whom, and the digest of remarks."""

    digest: Digest
    owner: Address
    remarks: Digest


class OfRequest(Record, frozen=True):
    """`deleteSaveRequest`, and reads: which one."""

    digest: Digest


class VoteSaveRequest(Record, frozen=True):
    """`voteSaveRequest`: for or against."""

    digest: Digest
    approve: bool


class SetStatus(Record, frozen=True):
    """`setStatus`: whether saved evidence counts."""

    digest: Digest
    enabled: bool


def find_request(records: Readable, digest: bytes) -> SaveRequest | None:
    """The request, or None."""
    data = records.get(save_request_key(digest))
    return None if data is None else _request(data)


def require_request(records: Readable, digest: bytes) -> SaveRequest:
    """The request, or the refusal `evidence-request-unknown`."""
    found = find_request(records, digest)
    if found is None:
        raise ContractReverted("evidence-request-unknown", digest)
    return found


@refuses("digest-empty")
def digest_given(_context: ContractContext, arguments: CreateSaveRequest) -> None:
    """The digest is not all zeros."""
    if arguments.digest == EMPTY_DIGEST:
        raise ContractReverted("digest-empty")


@refuses("evidence-request-exists")
def request_new(context: ContractContext, arguments: CreateSaveRequest) -> None:
    """There is no request for it, or the one that there was has failed."""
    found = find_request(context.records, arguments.digest)
    if found is not None and found.status != FAILED:
        raise ContractReverted("evidence-request-exists", arguments.digest)


@refuses("account-unknown", "account-frozen")
def owner_active(context: ContractContext, arguments: CreateSaveRequest) -> None:
    """Whose evidence it is has an active account."""
    require_active(context.records, arguments.owner, unknown="account-unknown", frozen="account-frozen")


@refuses("too-few-auditors")
def auditors_suffice(context: ContractContext, _arguments: CreateSaveRequest) -> None:
    """There are as many auditors as votes are needed."""
    auditing = auditing_of(context.records)
    if auditing.auditors < auditing.threshold:
        raise ContractReverted("too-few-auditors", auditing.auditors, auditing.threshold)


def create_save_request(context: ContractContext, arguments: CreateSaveRequest) -> None:
    """Open a request for votes."""
    auditing = auditing_of(context.records)
    number = auditing.requests + 1
    request = SaveRequest(
        digest=arguments.digest,
        number=number,
        owner=arguments.owner,
        requester=context.sender,
        remarks=arguments.remarks,
        created_at=context.time,
        yes=0,
        no=0,
        threshold=auditing.threshold,
        auditors=auditing.auditors,
        status=VOTING,
        enabled=False,
    )
    _put(context, request)
    context.records.put(auditing_key(), encode(replace(auditing, requests=number)))
    context.emit("CreateSaveRequest", arguments.digest, arguments.owner, context.sender)


@refuses("evidence-request-unknown")
def request_known(context: ContractContext, arguments: Any) -> None:  # noqa: ANN401 - any record with a digest
    """There is such a request."""
    require_request(context.records, arguments.digest)


@refuses("not-requester")
def sender_asked(context: ContractContext, arguments: OfRequest) -> None:
    """The sender made the request."""
    if require_request(context.records, arguments.digest).requester != context.sender:
        raise ContractReverted("not-requester", arguments.digest)


@refuses("evidence-passed")
def not_passed(context: ContractContext, arguments: OfRequest) -> None:
    """It has not passed."""
    if require_request(context.records, arguments.digest).status == PASSED:
        raise ContractReverted("evidence-passed", arguments.digest)


def delete_save_request(context: ContractContext, arguments: OfRequest) -> None:
    """Take the request back."""
    context.records.put(save_request_key(arguments.digest), None)
    context.emit("DeleteSaveRequest", arguments.digest, context.sender)


@refuses("not-auditor")
def sender_audits(context: ContractContext, _arguments: VoteSaveRequest) -> None:
    """The sender is an auditor."""
    auditor = find_auditor(context.records, context.sender)
    if auditor is None or not auditor.approved:
        raise ContractReverted("not-auditor", context.sender)


@refuses("auditor-too-new")
def audited_then(context: ContractContext, arguments: VoteSaveRequest) -> None:
    """The sender was an auditor already when the request was made."""
    auditor = find_auditor(context.records, context.sender)
    assert auditor is not None
    if auditor.since >= require_request(context.records, arguments.digest).number:
        raise ContractReverted("auditor-too-new", arguments.digest, context.sender)


@refuses("evidence-decided")
def still_voting(context: ContractContext, arguments: VoteSaveRequest) -> None:
    """It is not decided yet."""
    if require_request(context.records, arguments.digest).status != VOTING:
        raise ContractReverted("evidence-decided", arguments.digest)


@refuses("voted-already")
def not_voted(context: ContractContext, arguments: VoteSaveRequest) -> None:
    """The sender has not voted on this request; a vote on one that was taken back or failed does not count."""
    mark = context.records.get(vote_key(arguments.digest, context.sender))
    if mark is not None and int.from_bytes(mark, "big") == require_request(context.records, arguments.digest).number:
        raise ContractReverted("voted-already", arguments.digest)


def vote_save_request(context: ContractContext, arguments: VoteSaveRequest) -> None:
    """Count the vote; at the threshold it passes, and fails when it cannot pass any more."""
    request = require_request(context.records, arguments.digest)
    yes, no = request.yes + arguments.approve, request.no + (not arguments.approve)
    status = VOTING
    if yes >= request.threshold:
        status = PASSED
    elif request.auditors - no < request.threshold:
        status = FAILED
    _put(context, replace(request, yes=yes, no=no, status=status, enabled=status == PASSED))
    context.records.put(vote_key(arguments.digest, context.sender), request.number.to_bytes(8, "big"))
    context.emit("VoteSaveRequest", arguments.digest, context.sender, arguments.approve, status)


@refuses("evidence-not-passed")
def has_passed(context: ContractContext, arguments: SetStatus) -> None:
    """It has passed."""
    if require_request(context.records, arguments.digest).status != PASSED:
        raise ContractReverted("evidence-not-passed", arguments.digest)


@refuses("no-change")
def status_differs(context: ContractContext, arguments: SetStatus) -> None:
    """It does not count or not count already."""
    if require_request(context.records, arguments.digest).enabled == arguments.enabled:
        raise ContractReverted("no-change", arguments.digest)


def set_status(context: ContractContext, arguments: SetStatus) -> None:
    """Let saved evidence count, or no longer."""
    _put(context, replace(require_request(context.records, arguments.digest), enabled=arguments.enabled))
    context.emit("SetStatus", arguments.digest, arguments.enabled)


def _put(context: ContractContext, request: SaveRequest) -> None:
    context.records.put(save_request_key(request.digest), encode(request))


def _request_status(records: Readable, read: OfRequest) -> int:
    return require_request(records, read.digest).status


def _evidence_counts(records: Readable, read: OfRequest) -> bool:
    """Whether it is saved and enabled."""
    found = find_request(records, read.digest)
    return found is not None and found.status == PASSED and found.enabled


_request: Final = decoder(SaveRequest)
_OWNER: Final = sender_is(Role.OWNER)
_OPEN: Final = (running, permitted(Role.OPERATOR, Role.PLATFORM, Role.CONSUMER))
METHODS: Final = {
    **auditing_methods(),
    "createSaveRequest": Method(
        arguments=CreateSaveRequest,
        checks=(*_OPEN, digest_given, owner_active, request_new, auditors_suffice),
        effect=create_save_request,
        events=("CreateSaveRequest",),
        price=Price(steps=100),
    ),
    "deleteSaveRequest": Method(
        arguments=OfRequest,
        checks=(*_OPEN, request_known, sender_asked, not_passed),
        effect=delete_save_request,
        events=("DeleteSaveRequest",),
    ),
    "voteSaveRequest": Method(
        arguments=VoteSaveRequest,
        checks=(*_OPEN, sender_audits, request_known, audited_then, still_voting, not_voted),
        effect=vote_save_request,
        events=("VoteSaveRequest",),
    ),
    "setStatus": Method(
        arguments=SetStatus,
        checks=(_OWNER, request_known, has_passed, status_differs),
        effect=set_status,
        events=("SetStatus",),
    ),
    **owner_methods(),
}
_READERS: Final[dict[str, tuple[type[Record], Reader]]] = {
    "getRequestData": (OfRequest, _request_status),
    "getEvidence": (OfRequest, _evidence_counts),
}
VIEWS: Final = {name: View(arguments, read) for name, (arguments, read) in _READERS.items()}
