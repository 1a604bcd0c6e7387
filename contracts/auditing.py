"""Who audits evidence, and how many votes save it: the owner's to set (protocol 31)."""

from typing import Annotated, Final

from msgspec import Meta
from msgspec.structs import replace

from chain.codec import Record, decoder, encode
from chain.ids import Address, Did, Natural
from contracts.access import find_account
from contracts.gates import sender_is
from contracts.interface import ContractContext, ContractReverted, Method, Readable, Role, refuses
from contracts.keys import auditing_key, auditor_key

AUDITORS_MAX: Final = 64


class Auditing(Record, frozen=True):
    """How many votes save a request, how many auditors there are, and how many requests were ever made."""

    threshold: Annotated[int, Meta(ge=1, le=AUDITORS_MAX)]
    auditors: Annotated[int, Meta(ge=0, le=AUDITORS_MAX)]
    requests: Natural


class Auditor(Record, frozen=True):
    """Whether the account audits now, its DID when it was configured, and how many requests had been made by then."""

    approved: bool
    did: Did
    since: Natural
    """It votes on requests with a higher number."""


class SetThreshold(Record, frozen=True):
    """`setThreshold`: how many votes save a request."""

    threshold: Annotated[int, Meta(ge=1, le=AUDITORS_MAX)]


class ConfigureAuditor(Record, frozen=True):
    """`configureAuditor`: whether an account audits."""

    auditor: Address
    approved: bool


def auditing_of(records: Readable) -> Auditing:
    """Threshold and number of auditors; one vote and nobody at first."""
    data = records.get(auditing_key())
    return Auditing(threshold=1, auditors=0, requests=0) if data is None else _auditing(data)


def find_auditor(records: Readable, address: bytes) -> Auditor | None:
    """The auditor's record, or None."""
    data = records.get(auditor_key(address))
    return None if data is None else _auditor(data)


@refuses("no-change")
def threshold_differs(context: ContractContext, arguments: SetThreshold) -> None:
    """The threshold is not what it is to be."""
    if auditing_of(context.records).threshold == arguments.threshold:
        raise ContractReverted("no-change", context.contract)


def set_threshold(context: ContractContext, arguments: SetThreshold) -> None:
    """Set the threshold of requests to come."""
    auditing = replace(auditing_of(context.records), threshold=arguments.threshold)
    context.records.put(auditing_key(), encode(auditing))
    context.emit("SetThreshold", arguments.threshold)


@refuses("account-unknown", "account-frozen")
def auditor_active(context: ContractContext, arguments: ConfigureAuditor) -> None:
    """Who is to audit is active; from a frozen account it can be taken."""
    account = find_account(context.records, arguments.auditor)
    if account is None:
        raise ContractReverted("account-unknown", arguments.auditor)
    if arguments.approved and not account.active:
        raise ContractReverted("account-frozen", arguments.auditor)


@refuses("no-change", "auditors-full")
def auditor_differs(context: ContractContext, arguments: ConfigureAuditor) -> None:
    """It does not audit or not audit already, and there is room for it."""
    present = find_auditor(context.records, arguments.auditor)
    if (present is not None and present.approved) == arguments.approved:
        raise ContractReverted("no-change", arguments.auditor)
    if arguments.approved and auditing_of(context.records).auditors == AUDITORS_MAX:
        raise ContractReverted("auditors-full", AUDITORS_MAX)


def configure_auditor(context: ContractContext, arguments: ConfigureAuditor) -> None:
    """Let an account vote, or no longer."""
    account, auditing = find_account(context.records, arguments.auditor), auditing_of(context.records)
    assert account is not None
    auditors = auditing.auditors + (1 if arguments.approved else -1)
    context.records.put(auditing_key(), encode(replace(auditing, auditors=auditors)))
    auditor = Auditor(approved=arguments.approved, did=account.did, since=auditing.requests)
    context.records.put(auditor_key(arguments.auditor), encode(auditor))
    context.emit("ConfigureAuditor", arguments.auditor, arguments.approved, account.did)


def auditing_methods() -> dict[str, Method]:
    """The methods of the owner."""
    owner = sender_is(Role.OWNER)
    return {
        "setThreshold": Method(
            arguments=SetThreshold, checks=(owner, threshold_differs), effect=set_threshold, events=("SetThreshold",)
        ),
        "configureAuditor": Method(
            arguments=ConfigureAuditor,
            checks=(owner, auditor_active, auditor_differs),
            effect=configure_auditor,
            events=("ConfigureAuditor",),
        ),
    }


_auditing: Final = decoder(Auditing)
_auditor: Final = decoder(Auditor)
