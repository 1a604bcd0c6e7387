"""Acts of the chain on itself (protocol 19)."""

from typing import Final

from chain.codec import Record, encode
from chain.evidence import Evidence
from chain.rules import ChainRules
from chain.transaction import NO_SIGNATURE, NOBODY, TRANSACTION_WINDOW_MS, SignedTransaction, Transaction
from contracts import clients, evidence, membership
from contracts.clients import RestartClient
from contracts.evidence import ReportEvidence
from contracts.interface import ContractContext, ContractReverted, Method, refuses
from contracts.membership import ChangeMembership

CONTRACT: Final = "system"


class Touch(Record, frozen=True):
    """`touch`: no arguments."""


@refuses("touched-recently")
def rested(context: ContractContext, _arguments: Touch) -> None:
    """The parent block is at least the profile's `touch_interval_s` old."""
    interval_ms = context.rules.profile.touch_interval_s * 1_000
    age_ms = context.time - context.parent_time
    if age_ms < interval_ms:
        raise ContractReverted("touched-recently", age_ms, interval_ms)


def touch(context: ContractContext, _arguments: Touch) -> None:
    """Give a resting chain a block with a fresh time; free."""
    context.emit("Touched", context.time)


def evidence_transaction(rules: ChainRules, reported: Evidence, *, now: int, nonce: bytes) -> bytes:
    """The transaction that reports `reported`, as it is sent (`now` in ms, 16 bytes of nonce)."""
    return _self_proving(rules, "reportEvidence", ReportEvidence(evidence=reported), now, nonce)


def change_transaction(rules: ChainRules, change: ChangeMembership, *, now: int, nonce: bytes) -> bytes:
    """The transaction that asks for `change`, as it is sent (`now` in ms, 16 bytes of nonce)."""
    return _self_proving(rules, "changeMembership", change, now, nonce)


def restart_transaction(rules: ChainRules, restart: RestartClient, *, now: int, nonce: bytes) -> bytes:
    """The transaction that trusts another chain anew, as it is sent (`now` in ms, 16 bytes of nonce)."""
    return _self_proving(rules, "restartClient", restart, now, nonce)


def _self_proving(rules: ChainRules, method: str, arguments: Record, now: int, nonce: bytes) -> bytes:
    """It is valid for half a window: a block's time may be a little behind `now`."""
    body = Transaction(
        chain_id=rules.chain_id,
        sender=NOBODY,
        nonce=nonce,
        valid_until=now + TRANSACTION_WINDOW_MS // 2,
        contract=CONTRACT,
        method=method,
        arguments=encode(arguments),
    )
    return encode(SignedTransaction(body=encode(body), signature=NO_SIGNATURE))


METHODS: Final = {
    "touch": Method(arguments=Touch, checks=(rested,), effect=touch, events=("Touched",)),
    "changeMembership": Method(
        arguments=ChangeMembership,
        checks=membership.CHECKS,
        effect=membership.change_membership,
        events=("MembershipChanged",),
    ),
    "reportEvidence": Method(
        arguments=ReportEvidence, checks=evidence.CHECKS, effect=evidence.report_evidence, events=("Convicted",)
    ),
    "restartClient": Method(
        arguments=RestartClient,
        checks=clients.RESTART_CHECKS,
        effect=clients.restart_client,
        events=("ClientRestarted",),
    ),
}
