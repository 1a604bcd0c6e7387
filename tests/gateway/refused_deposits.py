"""Evidence and stored files: what contracts refuse of them."""

import secrets
from dataclasses import replace

from chain.digests import sha256
from contracts.access import NO_DID
from contracts.accounts import AddAccounts
from contracts.auditing import AUDITORS_MAX, ConfigureAuditor, SetThreshold
from contracts.deposit import CreateSaveRequest, OfRequest, SetStatus, VoteSaveRequest
from contracts.storage import OfFile, OpenFile, StoreData, digest_of
from tests.gateway.people import drawn_pair, new_account, new_did, settle
from tests.gateway.refusals import CHAIN, Request, act, call, case, raw_address
from tests.gateway.running import RunningNetwork

AUDITORS = ("alice", "platform", "operator")
QUIET = "wuhan"
"""A chain without auditors."""


def audited(network: RunningNetwork) -> None:
    """Three auditors, of whom two decide."""
    network.once("auditors", lambda: _configure(network))


def _configure(network: RunningNetwork) -> bool:
    for person in AUDITORS:
        act(network, "owner", ("evidence", "configureAuditor"), auditor(network, person))
    act(network, "owner", ("evidence", "setThreshold"), SetThreshold(threshold=2))
    return True


def auditor(network: RunningNetwork, person: str) -> ConfigureAuditor:
    return ConfigureAuditor(auditor=raw_address(network, person), approved=True)


def saving(network: RunningNetwork, digest: bytes, chain: str = CHAIN) -> Request:
    """Alice asks that her evidence is saved."""
    arguments = CreateSaveRequest(digest=digest, owner=raw_address(network, "alice", chain), remarks=bytes(32))
    return call(network, "alice", ("evidence", "createSaveRequest"), arguments, chain)


def requested(network: RunningNetwork, *voters: str) -> bytes:
    """The digest of evidence that some have voted for."""
    audited(network)
    digest = secrets.token_bytes(32)
    assert saving(network, digest).send(network).status_code == 200
    for person in voters:
        assert vote(network, person, digest).send(network).status_code == 200
    return digest


def vote(network: RunningNetwork, person: str, digest: bytes) -> Request:
    return call(network, person, ("evidence", "voteSaveRequest"), VoteSaveRequest(digest=digest, approve=True))


def withdraw(network: RunningNetwork, person: str, digest: bytes) -> Request:
    return call(network, person, ("evidence", "deleteSaveRequest"), OfRequest(digest=digest))


@case("digest-empty")
def evidence_of_nothing(network: RunningNetwork) -> Request:
    return saving(network, bytes(32))


@case("too-few-auditors")
def evidence_where_nobody_audits(network: RunningNetwork) -> Request:
    return saving(network, secrets.token_bytes(32), QUIET)


@case("evidence-request-exists")
def evidence_that_was_asked_for_already(network: RunningNetwork) -> Request:
    return saving(network, requested(network))


@case("evidence-request-unknown")
def a_vote_on_evidence_that_nobody_asked_for(network: RunningNetwork) -> Request:
    audited(network)
    return vote(network, "alice", secrets.token_bytes(32))


@case("not-auditor")
def a_vote_of_somebody_who_does_not_audit(network: RunningNetwork) -> Request:
    return vote(network, "bob", requested(network))


@case("auditor-too-new")
def a_vote_of_an_auditor_who_came_later(network: RunningNetwork) -> Request:
    digest, late = requested(network), settle(network, "platform", "addAccountByPlatform")
    act(network, "owner", ("evidence", "configureAuditor"), ConfigureAuditor(auditor=late.address, approved=True))
    ballot = VoteSaveRequest(digest=digest, approve=True)
    return call(network, "alice", ("evidence", "voteSaveRequest"), ballot, **late.signer)


@case("voted-already")
def a_second_vote(network: RunningNetwork) -> Request:
    return vote(network, "alice", requested(network, "alice"))


@case("evidence-decided")
def a_vote_after_the_decision(network: RunningNetwork) -> Request:
    return vote(network, "operator", requested(network, "alice", "platform"))


@case("evidence-passed")
def a_request_taken_back_after_it_passed(network: RunningNetwork) -> Request:
    return withdraw(network, "alice", requested(network, "alice", "platform"))


@case("not-requester")
def a_request_taken_back_by_somebody_else(network: RunningNetwork) -> Request:
    return withdraw(network, "bob", requested(network))


@case("evidence-not-passed")
def a_status_of_what_has_not_passed(network: RunningNetwork) -> Request:
    return call(network, "owner", ("evidence", "setStatus"), SetStatus(digest=requested(network), enabled=False))


@case("auditors-full")
def an_auditor_too_many(network: RunningNetwork) -> Request:
    nobody = {"did": NO_DID, "did_signature": b"", "document": None}
    items = tuple(new_account(network, new_did(), drawn_pair(network), **nobody) for _ in range(AUDITORS_MAX))
    act(network, "platform", ("authority", "addBatchAccountByPlatform"), AddAccounts(items=items))
    place = ("evidence", "configureAuditor")
    many = [ConfigureAuditor(auditor=item.address, approved=True) for item in items]
    outcomes = network.bulk(CHAIN, [network.signed_record(CHAIN, "owner", place, one) for one in many])
    added = [one for one, line in zip(many, outcomes, strict=True) if line["outcome"] == "committed"]
    left = next(one for one in many if one not in added) if len(added) < len(many) else auditor(network, "bob")
    request = call(network, "owner", place, left)

    def undo() -> None:
        gone = [ConfigureAuditor(auditor=one.auditor, approved=False) for one in added]
        network.bulk(CHAIN, [network.signed_record(CHAIN, "owner", place, one) for one in gone])

    return replace(request, undo=undo)


def slices() -> tuple[bytes, bytes]:
    """Two slices of a file."""
    return secrets.token_bytes(40), secrets.token_bytes(40)


def opened(network: RunningNetwork, parts: tuple[bytes, ...]) -> bytes:
    """The digest of a file that the platform has opened."""
    arguments = OpenFile(slices=tuple(map(sha256, parts)))
    act(network, "platform", ("storage", "openFile"), arguments)
    return digest_of(arguments.slices)


def store(network: RunningNetwork, digest: bytes, number: int, data: bytes, person: str = "platform") -> Request:
    return call(network, person, ("storage", "storeData"), StoreData(digest=digest, number=number, data=data))


@case("file-exists")
def a_file_that_is_opened_already(network: RunningNetwork) -> Request:
    parts = slices()
    opened(network, parts)
    return call(network, "platform", ("storage", "openFile"), OpenFile(slices=tuple(map(sha256, parts))))


@case("file-unknown")
def a_file_that_nobody_opened(network: RunningNetwork) -> Request:
    return call(network, "platform", ("storage", "deleteData"), OfFile(digest=secrets.token_bytes(32)))


@case("not-owner")
def a_slice_for_somebody_elses_file(network: RunningNetwork) -> Request:
    parts = slices()
    return store(network, opened(network, parts), 0, parts[0], "operator")


@case("slice-unknown")
def a_slice_too_many(network: RunningNetwork) -> Request:
    parts = slices()
    return store(network, opened(network, parts), 2, parts[0])


@case("slice-differs")
def a_slice_in_the_place_of_another(network: RunningNetwork) -> Request:
    parts = slices()
    return store(network, opened(network, parts), 1, parts[0])


@case("slice-exists")
def a_slice_twice(network: RunningNetwork) -> Request:
    parts = slices()
    digest = opened(network, parts)
    assert store(network, digest, 0, parts[0]).send(network).status_code == 200
    return store(network, digest, 0, parts[0])
