"""Changes of membership and evidence that prove nothing: nobody's transactions, refused at the door."""

import secrets
from typing import Any

from msgspec.structs import replace

from chain.codec import encode
from chain.domains import Domain
from chain.evidence import ConflictingStatements, Evidence, ForgottenCommit, SignedDigest, conflict
from chain.membership import Membership, Replica
from chain.signatures import KeyPair, SchemeName, scheme
from chain.transaction import NO_SIGNATURE, NOBODY
from chain.view_change import ViewChange
from contracts.evidence import ReportEvidence
from contracts.membership import ChangeMembership, change_bytes
from tests.gateway.refusals import CHAIN, Request, case, submit
from tests.gateway.running import RunningNetwork

AHEAD = 900
UNSIGNED = bytes(64)


def nobody_s(network: RunningNetwork, method: str, arguments: ChangeMembership | ReportEvidence) -> Request:
    """The submission of a transaction that is to prove itself."""
    signed = network.signed_record(CHAIN, "alice", ("system", method), arguments, sender=NOBODY)
    return submit(signed | {"signature": NO_SIGNATURE.hex()})


def newcomer() -> tuple[Replica, KeyPair]:
    """A replica that would like to join, and its key."""
    pair = scheme(SchemeName.ED25519).key_pair(secrets.token_bytes(32))
    return Replica(name="newcomer", consensus_key=pair.public_key, tls_key_digest=secrets.token_bytes(32)), pair


def change(network: RunningNetwork, **changed: Any) -> Request:
    """A newcomer's attempt to join, complete but for the signatures of the replicas."""
    old = network.genesis.membership
    replica, pair = newcomer()
    new = Membership(replicas=(*old.replicas, replica))
    message = change_bytes(network.rules(CHAIN), old, new, AHEAD)
    fields: dict[str, Any] = {
        "membership": new,
        "effective_height": AHEAD,
        "signers": (0, 1, 2),
        "signatures": (UNSIGNED,) * 3,
        "possession": pair.sign(message),
    }
    return nobody_s(network, "changeMembership", ChangeMembership(**fields | changed))


def evidence(network: RunningNetwork, shown: Evidence) -> Request:
    return nobody_s(network, "reportEvidence", ReportEvidence(evidence=shown))


def conflicting(network: RunningNetwork, **changed: Any) -> ConflictingStatements:
    """What a slanderer would like the first replica to have signed."""
    one, other = (SignedDigest(block=block, signature=UNSIGNED) for block in (b"a" * 32, b"b" * 32))
    key = network.genesis.membership.key(0)
    made = conflict(key, Domain.COMMIT, view=0, height=1, one=one, other=other)
    return replace(made, **changed)


@case("signature-invalid")
def nobody_s_transaction_for_another_method(network: RunningNetwork) -> Request:
    signed = network.signed_record(CHAIN, "alice", ("system", "touch"), encode(()), sender=NOBODY)
    return submit(signed | {"signature": NO_SIGNATURE.hex()})


@case("signature-invalid")
def nobody_s_transaction_with_a_signature(network: RunningNetwork) -> Request:
    call = ReportEvidence(evidence=conflicting(network))
    return submit(network.signed_record(CHAIN, "alice", ("system", "reportEvidence"), call, sender=NOBODY))


@case("effective-height-out-of-range")
def a_change_at_once(network: RunningNetwork) -> Request:
    return change(network, effective_height=0)


@case("not-one-replica")
def a_change_of_nothing(network: RunningNetwork) -> Request:
    return change(network, membership=network.genesis.membership)


@case("signers-malformed")
def a_signer_twice(network: RunningNetwork) -> Request:
    return change(network, signers=(0, 1, 1))


@case("change-not-signed")
def a_change_that_two_signed(network: RunningNetwork) -> Request:
    return change(network, signers=(0, 1), signatures=(UNSIGNED,) * 2)


@case("replica-repeats")
def a_newcomer_with_the_name_of_another(network: RunningNetwork) -> Request:
    old = network.genesis.membership
    twin = replace(newcomer()[0], name=old.replicas[0].name)
    return change(network, membership=Membership(replicas=(*old.replicas, twin)))


@case("public-key-malformed")
def a_newcomer_with_a_key_that_is_none(network: RunningNetwork) -> Request:
    spoilt = replace(newcomer()[0], consensus_key=b"\xff" * 32)
    return change(network, membership=Membership(replicas=(*network.genesis.membership.replicas, spoilt)))


@case("replica-key-not-proven")
def a_newcomer_who_does_not_sign(network: RunningNetwork) -> Request:
    return change(network, possession=None)


@case("change-signature-invalid")
def a_change_with_signatures_that_nobody_made(network: RunningNetwork) -> Request:
    return change(network)


@case("evidence-too-early")
def evidence_of_a_height_to_come(network: RunningNetwork) -> Request:
    return evidence(network, conflicting(network, height=10**9))


@case("evidence-of-no-member")
def evidence_against_a_stranger(network: RunningNetwork) -> Request:
    return evidence(network, conflicting(network, signer=newcomer()[1].public_key))


@case("evidence-no-conflict")
def evidence_of_one_statement(network: RunningNetwork) -> Request:
    made = conflicting(network)
    return evidence(network, replace(made, second=made.first))


@case("evidence-signature-invalid")
def evidence_that_nobody_signed(network: RunningNetwork) -> Request:
    return evidence(network, conflicting(network))


@case("evidence-not-forgotten")
def evidence_of_a_view_change_to_the_view_of_the_commit(network: RunningNetwork) -> Request:
    made = ForgottenCommit(
        signer=network.genesis.membership.key(0),
        view=1,
        block=bytes(32),
        commit=UNSIGNED,
        view_change=ViewChange(view=1, committed=None, prepared=None),
        signature=UNSIGNED,
    )
    return evidence(network, made)
