"""How calls of `evidence` and `storage` are drawn, what a contract's owner does, and what is always refused."""

from chain.digests import sha256
from contracts.auditing import ConfigureAuditor, SetThreshold
from contracts.deposit import CreateSaveRequest, OfRequest, SetStatus, VoteSaveRequest
from contracts.owning import Pause, SetNameAndSymbol
from contracts.storage import OfFile, OpenFile, StoreData, digest_of
from tests.contracts.model.calls_issuing import payer
from tests.contracts.model.deposits import AUDITORS_MAX
from tests.contracts.model.dice import Dice, NothingThere
from tests.contracts.model.gates import EVERYDAY, ROLES
from tests.contracts.model.state import Call, Request

REQUESTS_ENOUGH = 40


def set_threshold(dice: Dice, contract: str, method: str) -> Call:
    present = dice.world.threshold or 1
    others = [number for number in (1, 2, 3, 4) if number != present]
    most = present if dice.slips() else AUDITORS_MAX if dice.slips() else dice.pick(others)
    return Call(contract, method, dice.sender("owner"), SetThreshold(threshold=most))


def configure_auditor(dice: Dice, contract: str, method: str) -> Call:
    """Mostly some auditors; now and then as many as there may be."""
    auditors = [address for address, one in dice.world.auditors.items() if one.approved]
    crowd = AUDITORS_MAX if dice.people.crowded else 10
    if len(auditors) < crowd:
        address, approved = dice.account(*EVERYDAY, good=lambda one: one.address not in auditors).address, True
    else:
        address, approved = dice.take(auditors, lambda one: dice.world.accounts[one].active), False
    if dice.slips():
        address, approved = dice.take(auditors, lambda one: dice.world.accounts[one].active), True
    if dice.slips():
        address, approved = dice.account(*EVERYDAY, good=lambda one: one.address not in auditors).address, True
    if dice.slips():
        address = dice.stranger()
    if dice.slips():
        address = dice.frozen()
    return Call(contract, method, dice.sender("owner"), ConfigureAuditor(auditor=address, approved=approved))


def create_save_request(dice: Dice, contract: str, method: str) -> Call:
    sender = payer(dice, contract, method, 1, *EVERYDAY)
    failed = [digest for digest, request in dice.world.requests.items() if request.state == "failed"]
    digest = (
        dice.pick(failed) if failed and dice.often(0.3) else sha256(b"evidence %d" % dice.number(1, REQUESTS_ENOUGH))
    )
    if digest in dice.world.requests and digest not in failed and dice.often(0.7):
        digest = dice.draw_bytes(32)
    if dice.slips():
        digest = bytes(32)
    if dice.slips():
        digest = _request(dice, lambda _, one: one.state != "failed")[0]
    arguments = CreateSaveRequest(digest=digest, owner=dice.somebody(), remarks=dice.draw_bytes(32))
    return Call(contract, method, dice.caller(sender.address, *EVERYDAY), arguments)


def _request(dice: Dice, good: object) -> tuple[bytes, Request]:
    assert callable(good)
    return dice.take(list(dice.world.requests.items()), lambda one: good(*one))


def delete_save_request(dice: Dice, contract: str, method: str) -> Call:
    passed = dice.slips()

    def fits(_digest: bytes, one: Request) -> bool:
        return (one.state == "passed") == passed and dice.world.accounts[one.requester].active

    digest, request = _request(dice, fits)
    sender = request.requester
    if dice.slips():
        sender = dice.account(*EVERYDAY, good=lambda one: one.address != request.requester).address
    if dice.slips():
        digest = dice.draw_bytes(32)
    return Call(contract, method, dice.caller(sender, *EVERYDAY), OfRequest(digest=digest))


def vote_save_request(dice: Dice, contract: str, method: str) -> Call:
    digest, request = _request(dice, lambda _, one: one.state == "voting")
    if dice.slips():
        digest, request = _request(dice, lambda _, one: one.state != "voting")
    auditors = [one for one, auditor in dice.world.auditors.items() if auditor.approved]
    auditors = [one for one in auditors if dice.world.accounts[one].active]
    new = [one for one in auditors if dice.world.auditors[one].since >= request.number]
    if dice.slips():
        sender = dice.pick([one for one in auditors if one in request.votes])
    elif new and dice.slips():
        sender = dice.pick(new)
    else:
        sender = dice.pick([one for one in auditors if one not in request.votes and one not in new])
    if dice.slips():
        sender = dice.account(*EVERYDAY, good=lambda one: one.address not in auditors).address
    if dice.slips():
        digest = dice.draw_bytes(32)
    approve = dice.often(0.55)
    return Call(contract, method, dice.caller(sender, *EVERYDAY), VoteSaveRequest(digest=digest, approve=approve))


def set_status(dice: Dice, contract: str, method: str) -> Call:
    digest, request = _request(dice, lambda _, one: one.state == "passed")
    if dice.slips():
        digest, request = _request(dice, lambda _, one: one.state != "passed")
    if dice.slips():
        digest = dice.draw_bytes(32)
    enabled = request.enabled if dice.slips() else not request.enabled
    return Call(contract, method, dice.sender("owner"), SetStatus(digest=digest, enabled=enabled))


EVIDENCE = {
    "setThreshold": set_threshold,
    "configureAuditor": configure_auditor,
    "createSaveRequest": create_save_request,
    "deleteSaveRequest": delete_save_request,
    "voteSaveRequest": vote_save_request,
    "setStatus": set_status,
}


def _slice(number: int, place: int) -> bytes:
    return b"slice %d of file %d" % (place, number)


def _file(number: int) -> tuple[bytes, ...]:
    return tuple(sha256(_slice(number, place)) for place in range(number % 4 + 1))


def _known_file(dice: Dice) -> tuple[int, bytes]:
    numbers = [number for number in range(1, 40) if digest_of(_file(number)) in dice.world.files]
    number = dice.pick(numbers)
    return number, digest_of(_file(number))


def open_file(dice: Dice, contract: str, method: str) -> Call:
    new = [number for number in range(1, 40) if digest_of(_file(number)) not in dice.world.files]
    slices = _file(dice.pick(new))
    if dice.slips():
        slices = _file(_known_file(dice)[0])
    sender = payer(dice, contract, method, 1, "operator", "platform")
    return Call(contract, method, dice.caller(sender.address, "operator", "platform"), OpenFile(slices=slices))


def _owner(dice: Dice, digest: bytes) -> bytes:
    owner = dice.world.files[digest].owner
    if not dice.world.accounts[owner].active:
        raise NothingThere
    if dice.slips():
        owner = dice.account("operator", "platform", good=lambda one: one.address != owner).address
    return dice.caller(owner, "operator", "platform")


def store_data(dice: Dice, contract: str, method: str) -> Call:
    number, digest = _known_file(dice)
    stored = dice.world.files[digest]
    absent = [place for place in range(len(stored.announced)) if place not in stored.slices]
    if dice.slips():
        absent = list(stored.slices)
    place = dice.pick(absent)
    if dice.slips():
        place = len(stored.announced)
    data = b"something else" if dice.slips() else _slice(number, place)
    sender = _owner(dice, digest)
    arguments = StoreData(digest=dice.draw_bytes(32) if dice.slips() else digest, number=place, data=data)
    return Call(contract, method, sender, arguments)


def delete_data(dice: Dice, contract: str, method: str) -> Call:
    _, digest = _known_file(dice)
    if len(dice.world.files[digest].slices) < len(dice.world.files[digest].announced) and dice.often(0.8):
        raise NothingThere
    sender = _owner(dice, digest)
    return Call(contract, method, sender, OfFile(digest=dice.draw_bytes(32) if dice.slips() else digest))


STORAGE = {"openFile": open_file, "storeData": store_data, "deleteData": delete_data}


def pause(dice: Dice, contract: str, method: str) -> Call:
    paused = dice.world.standing(contract).paused
    if paused == (method == "pause") and dice.often(0.5):
        raise NothingThere
    return Call(contract, method, dice.sender("owner"), Pause())


def set_name_and_symbol(dice: Dice, contract: str, method: str) -> Call:
    standing = dice.world.standing(contract)
    name, symbol = f"Name {dice.number(1, 9)}", dice.pick(["A", "B"])
    if standing.name and dice.slips():
        name, symbol = standing.name, standing.symbol
    return Call(contract, method, dice.sender("owner"), SetNameAndSymbol(name=name, symbol=symbol))


OWNING = {"pause": pause, "unpause": pause, "setNameAndSymbol": set_name_and_symbol}


def transfer(dice: Dice, contract: str, method: str) -> Call:
    """Whoever calls, with whatever."""
    return Call(contract, method, dice.pick([dice.stranger(), dice.account(*ROLES).address]), None)
