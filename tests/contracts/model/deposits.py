"""The contracts `evidence` and `storage`, and what the owner of a contract may do."""

from hashlib import sha256

from tests.contracts.model.gates import active, opened, pay, sender_of
from tests.contracts.model.state import Auditor, Call, Request, Standing, StoredFile, World, demand, refuse

AUDITORS_MAX = 64


def _set_threshold(world: World, call: Call) -> None:
    sender_of(world, call, "owner")
    demand((world.threshold or 1) != call.arguments.threshold, "no-change")
    world.threshold = call.arguments.threshold


def _configure_auditor(world: World, call: Call) -> None:
    asked = call.arguments
    sender_of(world, call, "owner")
    demand(asked.auditor in world.accounts, "account-unknown")
    account = world.accounts[asked.auditor]
    demand(account.active or not asked.approved, "account-frozen")
    demand(_audits(world, asked.auditor) != asked.approved, "no-change")
    demand(not asked.approved or world.auditing < AUDITORS_MAX, "auditors-full")
    world.auditors[asked.auditor] = Auditor(asked.approved, account.did, world.requests_made)


def _audits(world: World, address: bytes) -> bool:
    return address in world.auditors and world.auditors[address].approved


def _create_save_request(world: World, call: Call) -> None:
    asked = call.arguments
    opened(world, call)
    demand(any(asked.digest), "digest-empty")
    active(world, asked.owner)
    before = world.requests.get(asked.digest)
    demand(before is None or before.state == "failed", "evidence-request-exists")
    threshold = world.threshold or 1
    demand(world.auditing >= threshold, "too-few-auditors")
    pay(world, call)
    world.requests_made += 1
    request = Request(
        world.requests_made, asked.owner, call.sender, asked.remarks, world.now, threshold, world.auditing
    )
    world.requests[asked.digest] = request


def _request(world: World, digest: bytes) -> Request:
    request = world.requests.get(digest)
    if request is None:
        refuse("evidence-request-unknown")
    return request


def _delete_save_request(world: World, call: Call) -> None:
    opened(world, call)
    request = _request(world, call.arguments.digest)
    demand(request.requester == call.sender, "not-requester")
    demand(request.state != "passed", "evidence-passed")
    del world.requests[call.arguments.digest]


def _vote_save_request(world: World, call: Call) -> None:
    asked = call.arguments
    opened(world, call)
    demand(_audits(world, call.sender), "not-auditor")
    request = _request(world, asked.digest)
    demand(world.auditors[call.sender].since < request.number, "auditor-too-new")
    demand(request.state == "voting", "evidence-decided")
    demand(call.sender not in request.votes, "voted-already")
    request.votes[call.sender] = asked.approve
    world.ballots[asked.digest, call.sender] = request.number
    if request.count(approve=True) >= request.threshold:
        request.state, request.enabled = "passed", True
    elif request.auditors - request.count(approve=False) < request.threshold:
        request.state = "failed"


def _set_status(world: World, call: Call) -> None:
    sender_of(world, call, "owner")
    request = _request(world, call.arguments.digest)
    demand(request.state == "passed", "evidence-not-passed")
    demand(request.enabled != call.arguments.enabled, "no-change")
    request.enabled = call.arguments.enabled


EVIDENCE = {
    "setThreshold": _set_threshold,
    "configureAuditor": _configure_auditor,
    "createSaveRequest": _create_save_request,
    "deleteSaveRequest": _delete_save_request,
    "voteSaveRequest": _vote_save_request,
    "setStatus": _set_status,
}


def _open_file(world: World, call: Call) -> None:
    opened(world, call)
    announced = tuple(call.arguments.slices)
    digest = sha256(b"".join(announced)).digest()
    demand(digest not in world.files, "file-exists")
    pay(world, call)
    world.files[digest] = StoredFile(call.sender, world.now, announced)


def _own_file(world: World, call: Call) -> StoredFile:
    opened(world, call)
    stored = world.files.get(call.arguments.digest)
    if stored is None:
        refuse("file-unknown")
    demand(stored.owner == call.sender, "not-owner")
    return stored


def _store_data(world: World, call: Call) -> None:
    asked = call.arguments
    stored = _own_file(world, call)
    demand(asked.number < len(stored.announced), "slice-unknown")
    demand(asked.number not in stored.slices, "slice-exists")
    demand(sha256(asked.data).digest() == stored.announced[asked.number], "slice-differs")
    pay(world, call)
    stored.slices[asked.number] = asked.data


def _delete_data(world: World, call: Call) -> None:
    _own_file(world, call)
    del world.files[call.arguments.digest]


STORAGE = {"openFile": _open_file, "storeData": _store_data, "deleteData": _delete_data}


def _set_paused(world: World, call: Call) -> None:
    sender_of(world, call, "owner")
    paused = call.method == "pause"
    demand(world.standing(call.contract).paused != paused, "no-change")
    world.standings.setdefault(call.contract, Standing()).paused = paused


def _set_name_and_symbol(world: World, call: Call) -> None:
    asked = call.arguments
    sender_of(world, call, "owner")
    standing = world.standing(call.contract)
    demand((standing.name, standing.symbol) != (asked.name, asked.symbol), "no-change")
    standing = world.standings.setdefault(call.contract, Standing())
    standing.name, standing.symbol = asked.name, asked.symbol


OWNING = {"pause": _set_paused, "unpause": _set_paused, "setNameAndSymbol": _set_name_and_symbol}
"""Of every business contract."""
