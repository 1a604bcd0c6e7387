"""What the methods of `crosschain`, `mirrors` and the issue on others do and tell; who keeps order on the way (protocol 34, 35)."""

from typing import Any

import pytest
from msgspec.structs import replace

from chain.did import statement_digest
from chain.transaction import Event
from contracts.classes import Requirement, SetRequirements, find_class
from contracts.crosschain import ESCROW, METHODS
from contracts.interface import ContractReverted
from contracts.keys import contract_purse, purse_key
from contracts.life import ChangeStatus
from contracts.owning import Pause
from contracts.packets import Lane
from contracts.purses import Purse, purse_of
from contracts.transfers import OfTarget, OfTransfer, State, Transfer, confirmation_of, is_target
from tests.chain.small_genesis import did_key_pair
from tests.contracts.crossing_spoils import SOURCE, TARGET
from tests.contracts.small_chain import token
from tests.interop.world import DIPLOMA, LICENCE, World, live_in, world_to_move, world_to_require

THIRD = "yanan"


def told(name: str, *values: Any, contract: str = "crosschain") -> Event:
    return Event(contract=contract, name=name, values=values)


def test_a_target_is_listed_and_struck() -> None:
    on = world_to_move(SOURCE, TARGET, THIRD)
    given = OfTarget(class_id=DIPLOMA, chain_id=THIRD)
    for method, event, listed in (
        ("addTargetChainId", "AddTargetChain", True),
        ("deleteTargetChainId", "DeleteTargetChain", False),
    ):
        assert on.call(SOURCE, "platform", "crosschain", method, given) == (told(event, DIPLOMA, THIRD),)
        assert is_target(on[SOURCE].records, DIPLOMA, THIRD) == listed


def test_a_move_is_opened_confirmed_and_cancelled_as_it_is_told() -> None:
    on = world_to_move(SOURCE, TARGET)
    alice, to = on[SOURCE].address("alice"), on[TARGET].address("alice")
    transfer = on.open_move(SOURCE, TARGET)
    (lock, opened) = [event for _, event in on.told if event.contract == "crosschain"][-2:]
    assert lock == told("Locklist", DIPLOMA, token(1), alice)
    assert opened == told("CrossChainTransfer", transfer.cross_id, DIPLOMA, token(1), alice, TARGET, to, 500)
    assert on.certificate(SOURCE).locked
    given = OfTransfer(cross_id=transfer.cross_id)
    assert on.call(SOURCE, "alice", "crosschain", "cancel", given) == (
        told("UnLocklist", DIPLOMA, token(1), alice),
        told("CrossChainSettled", transfer.cross_id, int(State.CANCELLED), "cancelled"),
    )
    assert not on.certificate(SOURCE).locked
    again = on.open_move(SOURCE, TARGET)
    assert again.cross_id != transfer.cross_id
    events = on.call(SOURCE, "platform", "crosschain", "confirm", on.confirmation(SOURCE, again))
    assert events == (
        told("PacketSent", TARGET, 0, again.cross_id),
        told("CrossChainConfirmed", again.cross_id, TARGET, 0),
    )
    assert (on.lane(SOURCE, TARGET), on.lane(TARGET, SOURCE)) == (Lane(sent=1, received=0), Lane(sent=0, received=0))


def test_from_its_deadline_on_anybody_ends_a_move_that_waits() -> None:
    on = world_to_move(SOURCE, TARGET)
    transfer = on.open_move(SOURCE, TARGET, ms=5_000)
    with pytest.raises(ContractReverted, match="not-holder"):
        on.cancel(SOURCE, transfer, "bob")
    on.rest(5_000)
    on.cancel(SOURCE, transfer, "bob")
    assert on.transfer(SOURCE, transfer.cross_id).state == State.CANCELLED


def test_a_move_costs_what_the_tariff_says_and_gives_it_back_if_it_fails() -> None:
    on = world_to_move(SOURCE, TARGET)
    before = purse_of(on[SOURCE].records, on[SOURCE].address("alice"))
    transfer = on.open_move(SOURCE, TARGET)
    gas = 300 * on[SOURCE].rules.profile.gas_per_fen // 1_000
    after = purse_of(on[SOURCE].records, on[SOURCE].address("alice"))
    assert (after.fen, after.gas) == (before.fen - 500, before.gas - gas)
    assert purse_of(on[SOURCE].records, contract_purse(ESCROW)).fen == 500
    on.cancel(SOURCE, transfer)
    assert purse_of(on[SOURCE].records, on[SOURCE].address("alice")).fen == before.fen


def test_who_cannot_pay_does_not_move() -> None:
    on = world_to_move(SOURCE, TARGET)
    on[SOURCE].write(purse_key(on[SOURCE].address("alice")), Purse(fen=499, gas=10**9))
    with pytest.raises(ContractReverted, match="fee-short"):
        on.open_move(SOURCE, TARGET)
    assert live_in(on) == [SOURCE]
    assert not on.certificate(SOURCE).locked


# ---- the hole of the reference: a confirmation that is good for anything ----


def confirm(on: World, transfer: Transfer, signed: Any) -> None:
    on.call(SOURCE, "alice", "crosschain", "confirm", replace(signed, cross_id=transfer.cross_id))


def test_a_confirmation_is_good_for_one_move_alone() -> None:
    on = world_to_move(SOURCE, TARGET, THIRD)
    on.let_move(SOURCE, THIRD)
    first = on.open_move(SOURCE, TARGET)
    signed = on.confirmation(SOURCE, first)
    on.cancel(SOURCE, first)
    for target in (TARGET, THIRD):
        other = on.open_move(SOURCE, target)
        with pytest.raises(ContractReverted, match="did-not-signed"):
            confirm(on, other, signed)
        on.cancel(SOURCE, other)


@pytest.mark.parametrize(
    "changed",
    [
        {"to": b"elsewhere"},
        {"to_chain": THIRD},
        {"deadline": 1},
        {"certificate": bytes(32)},
        {"cross_id": bytes(32)},
        {"sequence": 1},
    ],
)
def test_a_confirmation_of_anything_else_is_none(changed: dict[str, Any]) -> None:
    on = world_to_move(SOURCE, TARGET, THIRD)
    transfer = on.open_move(SOURCE, TARGET)
    with pytest.raises(ContractReverted, match="did-not-signed"):
        confirm(on, transfer, on.confirmation(SOURCE, transfer, **changed))
    with pytest.raises(ContractReverted, match="did-not-signed"):
        confirm(on, transfer, on.confirmation(SOURCE, transfer, signer="bob"))
    confirm(on, transfer, on.confirmation(SOURCE, transfer))
    with pytest.raises(ContractReverted, match="transfer-not-open"):
        confirm(on, transfer, on.confirmation(SOURCE, transfer))


def test_a_confirmation_made_on_another_chain_is_none_here() -> None:
    on = world_to_move(SOURCE, TARGET)
    transfer = on.open_move(SOURCE, TARGET)

    statement = confirmation_of(on[SOURCE].rules, transfer, on.certificate(SOURCE), 0)
    elsewhere = statement_digest(on[SOURCE].rules.network_id, TARGET, statement)
    signed = replace(on.confirmation(SOURCE, transfer), signature=did_key_pair("alice").sign(elsewhere))
    with pytest.raises(ContractReverted, match="did-not-signed"):
        confirm(on, transfer, signed)


# ---- obligations of packets ----


def test_a_packet_is_received_only_with_proof_that_it_was_sent() -> None:
    on = world_to_move(SOURCE, TARGET)
    packet = on.confirm(SOURCE, on.open_move(SOURCE, TARGET))
    true = on.receive_arguments(packet)
    for changed in ({"deadline": None}, {"body": replace(packet.body, to=b"mine")}):
        given = replace(true, packet=replace(packet, **changed))
        with pytest.raises(ContractReverted, match="proof-invalid"):
            on.call(TARGET, "relayer", "crosschain", "receive", given)


def test_a_packet_is_received_at_most_once_and_in_its_order() -> None:
    on = world_to_move(SOURCE, TARGET)
    on.mint(SOURCE, 2)
    first, second = (on.confirm(SOURCE, on.open_move(SOURCE, TARGET, number)) for number in (1, 2))
    with pytest.raises(ContractReverted, match="packet-out-of-order"):
        on.receive(second)
    again = on.receive_arguments(first)
    on.receive(first)
    before = on[TARGET].content()
    for sender in ("relayer", "second"):
        with pytest.raises(ContractReverted, match="packet-received"):
            on.call(TARGET, sender, "crosschain", "receive", again)
    assert on[TARGET].content() == before
    on.receive(second)


def test_a_packet_is_not_received_at_its_deadline_nor_after_it() -> None:
    on = world_to_move(SOURCE, TARGET)
    packet = on.confirm(SOURCE, on.open_move(SOURCE, TARGET))
    assert packet.deadline is not None
    given = on.receive_arguments(packet)
    on.time = packet.deadline - 1_000  # the call is in the next block
    on.call(TARGET, "relayer", "crosschain", "receive", given)
    assert on.arrival(packet).code == "packet-expired"
    assert on.find(TARGET) is None


def test_a_time_out_needs_absence_under_a_header_that_is_not_before_the_deadline() -> None:
    on = world_to_move(SOURCE, TARGET)
    packet = on.confirm(SOURCE, on.open_move(SOURCE, TARGET, ms=5_000))
    assert packet.deadline is not None
    with pytest.raises(ContractReverted, match="time-out-too-early"):
        on.time_out(packet)
    on.rest(10_000)
    with pytest.raises(ContractReverted, match="time-out-too-early"):
        on.time_out(packet)
    on.touch(TARGET)
    given = on.time_out_arguments(packet)
    on.time_out(packet)
    assert on.transfer(SOURCE, packet.body.cross_id).state == State.TIMED_OUT
    assert live_in(on) == [SOURCE]
    with pytest.raises(ContractReverted, match="transfer-not-sent"):
        on.call(SOURCE, "second", "crosschain", "timeOut", given)
    assert on.receive(packet).code == "packet-expired"
    on.acknowledge(packet)
    assert on.transfer(SOURCE, packet.body.cross_id).state == State.TIMED_OUT
    assert live_in(on) == [SOURCE]


def test_what_arrived_is_not_timed_out() -> None:
    on = world_to_move(SOURCE, TARGET)
    packet = on.confirm(SOURCE, on.open_move(SOURCE, TARGET))
    on.receive(packet)
    on.rest(100_000)
    on.touch(TARGET)
    with pytest.raises(ContractReverted, match="proof-invalid"):
        on.time_out(packet)


def test_an_acknowledgement_needs_proof_of_what_became_of_the_packet() -> None:
    on = world_to_move(SOURCE, TARGET)
    packet = on.confirm(SOURCE, on.open_move(SOURCE, TARGET))
    on.receive(packet)
    true = on.acknowledge_arguments(packet)
    for changed in ({"code": "holder-unknown"}, {"height": 1}):
        given = replace(true, arrival=replace(true.arrival, **changed))
        with pytest.raises(ContractReverted, match="proof-invalid"):
            on.call(SOURCE, "relayer", "crosschain", "acknowledge", given)
    on.call(SOURCE, "relayer", "crosschain", "acknowledge", true)
    with pytest.raises(ContractReverted, match="packet-unknown"):
        on.call(SOURCE, "second", "crosschain", "acknowledge", true)


def test_nothing_else_changes_an_open_packet() -> None:
    on = world_to_move(SOURCE, TARGET)
    packet = on.confirm(SOURCE, on.open_move(SOURCE, TARGET))
    given = OfTransfer(cross_id=packet.body.cross_id)
    with pytest.raises(ContractReverted, match="transfer-not-open"):
        on.call(SOURCE, "alice", "crosschain", "cancel", given)
    on.call(SOURCE, "platform", "crosschain", "deleteTargetChainId", OfTarget(class_id=DIPLOMA, chain_id=TARGET))
    on.call(
        SOURCE, "operator", "ddc721", "freeze", ChangeStatus(class_id=DIPLOMA, token=token(1), holder=None, reason="x")
    )
    assert on.packet(SOURCE, TARGET, 0) == packet


def test_a_pause_keeps_platforms_and_consumers_out_and_relayers_in() -> None:
    on = world_to_move(SOURCE, TARGET)
    packet = on.confirm(SOURCE, on.open_move(SOURCE, TARGET))
    on.call(TARGET, "owner", "crosschain", "pause", Pause())
    with pytest.raises(ContractReverted, match="contract-paused"):
        on.receive(packet, "platform")
    on.receive(packet, "relayer")


# ---- mirrors and issues on others ----


def test_mirrors_are_told() -> None:
    on = world_to_move(SOURCE, TARGET)
    height = on.chains[SOURCE].header().height
    (pay, attested) = on.call(TARGET, "platform", "mirrors", "attest", on.attest_arguments(SOURCE, TARGET))
    assert (pay.name, pay.values[2]) == ("Pay", 10)
    assert attested == told("Attested", SOURCE, DIPLOMA, token(1), height, "active", contract="mirrors")
    on.call(
        SOURCE, "operator", "ddc721", "freeze", ChangeStatus(class_id=DIPLOMA, token=token(1), holder=None, reason="x")
    )
    on.refresh(SOURCE, TARGET)
    assert on.told[-1][1] == told("Refreshed", SOURCE, DIPLOMA, token(1), height + 1, "frozen", contract="mirrors")


def test_an_issue_on_others_and_what_it_follows_are_told() -> None:
    on = world_to_require(SOURCE, TARGET)
    alice, platform = on[TARGET].address("alice"), on[TARGET].address("platform")
    height = on.chains[SOURCE].header().height
    arguments = on.licence_arguments(TARGET, on.shown_certificate(SOURCE, TARGET))
    pay, *events = on.call(TARGET, "platform", "ddc721", "mintRequired", arguments)
    assert (pay.name, pay.values[2]) == ("Pay", 30)

    def of_721(name: str, *values: Any) -> Event:
        return told(name, *values, contract="ddc721")

    assert events == [
        of_721("Transfer", LICENCE, b"", alice, token(7)),
        of_721("Locked", LICENCE, token(7)),
        of_721("Issued", LICENCE, platform, alice, token(7), 2),
        of_721("Relied", LICENCE, token(7), SOURCE, DIPLOMA, token(1), height),
    ]
    for method, name in (("freeze", "Suspended"), ("unfreeze", "Unsuspended")):
        given = ChangeStatus(class_id=DIPLOMA, token=token(1), holder=None, reason="x")
        on.call(SOURCE, "operator", "ddc721", method, given)
        on.follow(SOURCE, TARGET)
        height += 1
        assert on.told[-1][1] == told(name, LICENCE, token(7), alice, 0, height)


def test_what_a_class_asks_for_is_set_and_told() -> None:
    on = world_to_require(SOURCE, TARGET)
    wanted = tuple(
        Requirement(chain_id=SOURCE, class_id=name, max_age_ms=1_000, follow=False)
        for name in ("one-class", "two-class")
    )
    given = SetRequirements(class_id=LICENCE, requires=wanted)
    events = on.call(TARGET, "platform", "classes", "setRequirements", given)
    assert events == (told("SetRequirements", LICENCE, 2, contract="classes"),)
    found = find_class(on[TARGET].records, LICENCE)
    assert found is not None
    assert found.requires == wanted


def test_a_class_that_asks_for_others_is_issued_in_no_other_way() -> None:
    on = world_to_require(SOURCE, TARGET)
    with pytest.raises(ContractReverted, match="requirements-unshown"):
        on.mint(TARGET, 9, LICENCE)
    assert "mintRequired" not in METHODS
