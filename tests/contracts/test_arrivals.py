"""What becomes of a certificate on its way: it arrives, or the reason why not goes back with it (protocol 34)."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from chain.codec import encode
from chain.transaction import Event
from contracts.access import find_account
from contracts.arrivals import ARRIVAL_CODES
from contracts.certificate import Issued, Origin, Recorded, issued_of
from contracts.classes import Requirement, find_class
from contracts.crosschain import ESCROW
from contracts.ddc721_views import OfHolder
from contracts.keys import account_key, certificate_key, class_key, contract_purse, grant_key
from contracts.life import ChangeStatus, OfHeld
from contracts.packets import Arrival, Packet
from contracts.purses import fen_supply, purse_of
from contracts.transfers import OfTransfer, State
from tests.contracts.crossing_spoils import SOURCE, TARGET
from tests.contracts.small_chain import token
from tests.interop.world import DIPLOMA, World, live_in, world_to_move

FEE = 500


def fen(on: World, chain_id: str, person: str = "alice") -> int:
    return purse_of(on[chain_id].records, on[chain_id].address(person)).fen


def pot(on: World, name: str, chain_id: str = SOURCE) -> int:
    return purse_of(on[chain_id].records, contract_purse(name)).fen


def sent(on: World, **more: int) -> Packet:
    return on.confirm(SOURCE, on.open_move(SOURCE, TARGET, **more))


def edit(on: World, chain_id: str, **changed: object) -> None:
    """The class is another on a chain."""
    found = find_class(on[chain_id].records, DIPLOMA)
    assert found is not None
    on[chain_id].write(class_key(DIPLOMA), encode(replace(found, **changed)))


def change_account(on: World, person: str, **changed: object) -> None:
    account = find_account(on[TARGET].records, on[TARGET].address(person))
    assert account is not None
    on[TARGET].write(account_key(account.address), encode(replace(account, **changed)))


def occupied(on: World) -> None:
    """A certificate of somebody else stands at its place."""
    on.mint(TARGET, 1, holder="bob")


SPOILS: dict[str, Callable[[World], object]] = {
    "packet-expired": lambda on: on.rest(100_000),
    "class-unknown": lambda on: on[TARGET].write(class_key(DIPLOMA), None),
    "schema-differs": lambda on: edit(on, TARGET, schema=bytes(32)),
    "requirements-unshown": lambda on: edit(
        on, TARGET, requires=(Requirement(chain_id=SOURCE, class_id="school", max_age_ms=1, follow=True),)
    ),
    "route-missing": lambda on: on[TARGET].write(grant_key(DIPLOMA, on[TARGET].address("platform")), None),
    "holder-unknown": lambda on: on[TARGET].write(account_key(on[TARGET].address("alice")), None),
    "holder-frozen": lambda on: change_account(on, "alice", operator_active=False),
    "holder-of-other-did": lambda on: change_account(on, "alice", did=bytes(20)),
    "token-exists": occupied,
}


@pytest.mark.parametrize("code", [code for code in ARRIVAL_CODES if code != "certificate-expired"])
def test_what_cannot_arrive_comes_back_with_its_reason_unlocked_and_its_fee_paid_back(code: str) -> None:
    on = world_to_move(SOURCE, TARGET)
    before, fees, supply = on.certificate(SOURCE), fen(on, SOURCE), fen_supply(on[SOURCE].records)
    packet = sent(on)
    assert (fen(on, SOURCE), pot(on, ESCROW), pot(on, "crosschain")) == (fees - FEE, FEE, 0)
    SPOILS[code](on)
    arrival = on.receive(packet)
    assert arrival.code == code
    assert arrival.packet == on[SOURCE].rules.digest(encode(packet))
    on.acknowledge(packet)
    transfer = on.transfer(SOURCE, packet.body.cross_id)
    assert (transfer.state, transfer.code) == (State.FAILED, code)
    assert on.certificate(SOURCE) == before
    assert (fen(on, SOURCE), pot(on, ESCROW), pot(on, "crosschain")) == (fees, 0, 0)
    assert fen_supply(on[SOURCE].records) == supply


def test_what_has_expired_on_its_way_comes_back() -> None:
    on = world_to_move(SOURCE, TARGET)
    on.mint(SOURCE, 2, valid_until=on.time + 20_000)
    packet = sent(on, number=2)
    on.rest(30_000)
    assert on.receive(packet).code == "certificate-expired"


def test_every_reason_is_tried_here() -> None:
    assert {*SPOILS, "certificate-expired"} == set(ARRIVAL_CODES)


def test_a_definer_that_is_frozen_or_of_another_did_opens_no_route() -> None:
    for changed in ({"operator_active": False}, {"did": bytes(20)}):
        on = world_to_move(SOURCE, TARGET)
        packet = sent(on)
        change_account(on, "platform", **changed)
        assert on.receive(packet).code == "route-missing"


def test_what_arrives_is_told_and_counted_on_both_sides() -> None:
    on = world_to_move(SOURCE, TARGET)
    fees = fen(on, SOURCE)
    packet = sent(on)
    alice, platform = on[TARGET].address("alice"), on[TARGET].address("platform")
    events = on.call(TARGET, "relayer", "crosschain", "receive", on.receive_arguments(packet))

    def told(name: str, *values: object) -> Event:
        return Event(contract="crosschain", name=name, values=values)

    cross_id = packet.body.cross_id
    assert events == (
        told("Transfer", DIPLOMA, b"", alice, token(1)),
        told("Locked", DIPLOMA, token(1)),
        told("Issued", DIPLOMA, platform, alice, token(1), 2),
        told("CrossChainArrived", cross_id, SOURCE, DIPLOMA, token(1), alice),
        told("PacketReceived", SOURCE, 0, cross_id, ""),
    )
    assert on.arrival(packet) == Arrival(
        packet=on[SOURCE].rules.digest(encode(packet)), code="", height=on[TARGET].height - 1, time=on.time
    )
    events = on.call(SOURCE, "relayer", "crosschain", "acknowledge", on.acknowledge_arguments(packet))
    assert events == (
        told("PacketClosed", TARGET, 0, cross_id),
        told("Transfer", DIPLOMA, on[SOURCE].address("alice"), b"", token(1)),
        told("CrossChainSettled", cross_id, int(State.DONE), ""),
    )
    for chain_id, count in ((SOURCE, 0), (TARGET, 1)):
        held = OfHolder(class_id=DIPLOMA, address=on[chain_id].address("alice"))
        assert on[chain_id].read("balanceOf", held) == count
        assert issued_of(on[chain_id].records, DIPLOMA) == Issued(count=1, latest=token(1))
    assert (fen(on, SOURCE), pot(on, ESCROW), pot(on, "crosschain")) == (fees - FEE, 0, FEE)


def test_it_comes_home_with_everything_and_is_counted_once() -> None:
    on = world_to_move(SOURCE, TARGET)
    on.let_move(TARGET, SOURCE)
    before = on.certificate(SOURCE)
    on.move(SOURCE, TARGET)
    assert on.certificate(TARGET).origin == Origin(chain_id=SOURCE, class_id=DIPLOMA, token=token(1))
    on.move(TARGET, SOURCE)
    assert on.certificate(SOURCE) == before
    assert issued_of(on[SOURCE].records, DIPLOMA) == Issued(count=1, latest=token(1))
    assert live_in(on) == [SOURCE]


def test_what_moves_is_not_unlocked_by_hand() -> None:
    on = world_to_move(SOURCE, TARGET)
    on.open_move(SOURCE, TARGET)
    with on[SOURCE].refuses("certificate-in-transfer", token(1)):
        on[SOURCE].call("operator", "ddc721", "unlock", OfHeld(class_id=DIPLOMA, token=token(1), holder=None))


# ---- what becomes of it on its way ----


def change(on: World, method: str, sender: str, chain_id: str = SOURCE) -> None:
    arguments = ChangeStatus(class_id=DIPLOMA, token=token(1), holder=None, reason="by-request")
    on.call(chain_id, sender, "ddc721", method, arguments)


@pytest.mark.parametrize(("method", "sender"), [("revoke", "platform"), ("freeze", "operator")])
def test_what_is_revoked_or_frozen_before_it_is_confirmed_does_not_leave(method: str, sender: str) -> None:
    on = world_to_move(SOURCE, TARGET)
    transfer = on.open_move(SOURCE, TARGET)
    change(on, method, sender)
    code = {"revoke": "certificate-final", "freeze": "certificate-frozen"}[method]
    values = (token(1), "revoked") if method == "revoke" else (token(1),)
    with on[SOURCE].refuses(code, *values):
        on[SOURCE].call("alice", "crosschain", "confirm", on.confirmation(SOURCE, transfer))
    on.cancel(SOURCE, transfer)
    assert not on.certificate(SOURCE).locked


@pytest.mark.parametrize("told", ["before the arrival", "after it", "with the acknowledgement"])
@pytest.mark.parametrize(("method", "sender"), [("revoke", "platform"), ("freeze", "operator")])
def test_a_fate_on_the_way_wins(method: str, sender: str, told: str) -> None:
    on = world_to_move(SOURCE, TARGET)
    packet = sent(on)
    change(on, method, sender)
    if told == "after it":
        on.receive(packet)
    if told != "with the acknowledgement":
        _tell(on, packet)
    if told != "after it":
        on.receive(packet)
    on.acknowledge(packet)
    fate = on.packet(SOURCE, TARGET, 1)
    on.receive(fate)
    on.acknowledge(fate)
    arrived, left = on.certificate(TARGET), on.certificate(SOURCE)
    if method == "revoke":
        assert (arrived.recorded, left.recorded) == (Recorded.REVOKED, Recorded.REVOKED)
        assert live_in(on) == []
    else:
        assert (arrived.frozen, left.recorded) == (True, Recorded.MOVED)
    assert not left.locked


def _tell(on: World, packet: Packet) -> None:
    on.call(SOURCE, "relayer", "crosschain", "tellFate", OfTransfer(cross_id=packet.body.cross_id))


def test_a_fate_touches_nothing_where_nothing_arrived() -> None:
    on = world_to_move(SOURCE, TARGET)
    packet = sent(on)
    change(on, "freeze", "operator")
    occupied(on)
    before = on[TARGET].state.get(certificate_key(DIPLOMA, token(1)))
    assert on.receive(packet).code == "token-exists"
    _tell(on, packet)
    on.receive(on.packet(SOURCE, TARGET, 1))
    assert on[TARGET].state.get(certificate_key(DIPLOMA, token(1))) == before
