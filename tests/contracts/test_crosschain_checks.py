"""The checks of `crosschain`, in order, each with every code that it has (protocol 34)."""

from typing import Any

from msgspec.structs import replace

from chain.codec import encode
from contracts.certificate import Certificate, Recorded, find_certificate
from contracts.classes import find_class
from contracts.crosschain import METHODS
from contracts.keys import (
    certificate_key,
    class_key,
    did_key,
    lane_key,
    packet_key,
    purse_key,
    reliance_key,
    target_key,
    tariff_key,
    transfer_key,
)
from contracts.life import ChangeStatus
from contracts.packets import Lane, find_packet
from contracts.purses import Purse, Tariff
from contracts.requiring import FollowRequirement, Reliance, Relied, find_reliance
from contracts.transfers import CrossChainTransfer, OfTarget, OfTransfer, State, Transfer, cross_id_of, find_transfer
from tests.contracts.certificate_spoils import Spoils
from tests.contracts.check_order import Play, arguments, assert_order, by, sender_frozen
from tests.contracts.crossing_spoils import (
    ABSENT,
    GATES,
    LIMIT,
    SOURCE,
    STRANGER,
    TARGET,
    client_is,
    header_spoils,
    no_client,
    shown_of,
    trusted,
    with_shown,
)
from tests.contracts.small_chain import BLOCK_MS, token
from tests.interop.world import DIPLOMA, LICENCE, World, world_to_move, world_to_require

GONE = token(99)


def placed(world: World, chain_id: str, sender: str, method: str, given: Any, contract: str = "crosschain") -> Play:
    """A call that succeeds in the next block of a chain."""
    world[chain_id].time = world.time + BLOCK_MS
    return Play(world[chain_id], sender, contract, method, given)


def certificate(play: Play, class_id: str = DIPLOMA, number: int = 1) -> Certificate:
    held = find_certificate(play.chain.records, class_id, token(number))
    assert held is not None
    return held


def held(class_id: str = DIPLOMA, number: int = 1, **changed: Any) -> Any:
    """The certificate is in another state."""

    def spoil(play: Play) -> None:
        key = certificate_key(class_id, token(number))
        play.chain.write(key, encode(replace(certificate(play, class_id, number), **changed)))

    return spoil


# ---- leaving ----


def test_the_checks_of_opening_a_move_stand_in_order() -> None:
    def play() -> Play:
        world = world_to_move(SOURCE, TARGET)
        given = CrossChainTransfer(
            class_id=DIPLOMA,
            token=token(1),
            holder=None,
            to_chain=TARGET,
            to=world[TARGET].address("alice"),
            deadline=world.time + 60_000,
        )
        return placed(world, SOURCE, "alice", "crossChainTransfer", given)

    def not_begun(play: Play) -> None:
        held(valid_from=play.chain.time + 10**6)(play)

    def followed(play: Play) -> None:
        relied = Relied(
            chain_id=TARGET, class_id="x-y", token=bytes(16), height=1, time=1, follow=True, stands=True
        )  # fmt: skip
        play.chain.write(reliance_key(DIPLOMA, token(1)), Reliance(relied=(relied,)))

    def opened_already(play: Play) -> None:
        """In whichever block the call will be: each spoil that follows makes one more."""
        for blocks in range(40):
            time = play.chain.time + blocks * BLOCK_MS
            cross_id = cross_id_of(play.chain.rules, DIPLOMA, token(1), TARGET, time)
            transfer = Transfer(
                cross_id=cross_id,
                class_id=DIPLOMA,
                token=token(1),
                holder=play.chain.address("alice"),
                to_chain=TARGET,
                to=b"to",
                fee=0,
                opened_at=time,
                deadline=0,
                state=int(State.CANCELLED),
                code="",
                sequence=None,
                told_revoked=False,
                told_frozen=False,
            )
            play.chain.write(transfer_key(cross_id), transfer)

    def without_fen(play: Play) -> None:
        play.chain.write(purse_key(play.address), Purse(fen=1, gas=0))

    spoils: Spoils = (
        *GATES,
        ("certificate-unknown", arguments(token=GONE)),
        ("holder-differs", arguments(holder=lambda play: play.chain.address("bob"))),
        ("not-holder", by("platform")),
        ("certificate-final", held(recorded=int(Recorded.REVOKED))),
        ("certificate-offered", held(recorded=int(Recorded.OFFERED))),
        ("certificate-frozen", held(frozen=True)),
        ("certificate-locked", held(locked=True)),
        ("certificate-suspended", held(suspended=True)),
        ("certificate-not-in-time", not_begun),
        ("did-missing", held(holder_did=bytes(20))),
        ("certificate-follows-others", followed),
        ("target-not-listed", lambda play: play.chain.write(target_key(DIPLOMA, TARGET), None)),
        ("transfer-exists", opened_already),
        ("deadline-out-of-range", arguments(deadline=0)),
        (
            "contract-deregistered",
            lambda play: play.chain.write(tariff_key("crosschain"), Tariff(registered=False, fees=())),
        ),
        ("fee-short", without_fen),
        ("gas-short", lambda play: play.chain.write(purse_key(play.address), Purse(fen=10_000, gas=0))),
    )
    assert_order(play, *spoils)


def opened(world: World, **more: Any) -> OfTransfer:
    return OfTransfer(cross_id=world.open_move(SOURCE, TARGET, **more).cross_id)


def ended(play: Play) -> None:
    """The move has ended."""
    transfer = find_transfer(play.chain.records, play.arguments.cross_id)
    if transfer is not None:
        play.chain.write(transfer_key(transfer.cross_id), replace(transfer, state=int(State.CANCELLED)))


def test_the_checks_of_confirming_stand_in_order() -> None:
    def play() -> Play:
        world = world_to_move(SOURCE, TARGET)
        transfer = world.open_move(SOURCE, TARGET)
        return placed(world, SOURCE, "alice", "confirm", world.confirmation(SOURCE, transfer))

    def late(play: Play) -> None:
        transfer = find_transfer(play.chain.records, play.arguments.cross_id)
        if transfer is not None:
            play.chain.write(transfer_key(transfer.cross_id), replace(transfer, deadline=0))

    def without_did(play: Play) -> None:
        play.chain.write(did_key(certificate(play).holder_did), None)

    assert_order(
        play,
        *GATES,
        ("transfer-unknown", arguments(cross_id=bytes(32))),
        ("transfer-not-open", ended),
        ("deadline-passed", late),
        ("chain-unknown", no_client(TARGET)),
        ("client-frozen", client_is(TARGET, frozen=True)),
        ("certificate-final", held(recorded=int(Recorded.REVOKED))),
        ("certificate-frozen", held(frozen=True)),
        ("did-unknown", without_did),
        ("did-sequence-wrong", arguments(did_sequence=7)),
        ("did-not-signed", arguments(signature=bytes(64))),
    )


def test_the_checks_of_cancelling_stand_in_order() -> None:
    def play() -> Play:
        world = world_to_move(SOURCE, TARGET)
        return placed(world, SOURCE, "alice", "cancel", opened(world))

    assert_order(
        play,
        *GATES,
        ("transfer-unknown", arguments(cross_id=bytes(32))),
        ("transfer-not-open", ended),
        ("not-holder", by("platform")),
    )


def test_the_checks_of_listing_a_target_stand_in_order() -> None:
    def add() -> Play:
        world = world_to_move(SOURCE, TARGET, "yanan")
        return placed(world, SOURCE, "platform", "addTargetChainId", OfTarget(class_id=DIPLOMA, chain_id="yanan"))

    def delete() -> Play:
        world = world_to_move(SOURCE, TARGET)
        return placed(world, SOURCE, "platform", "deleteTargetChainId", OfTarget(class_id=DIPLOMA, chain_id=TARGET))

    def of_class(**changed: Any) -> Any:
        def spoil(play: Play) -> None:
            found = find_class(play.chain.records, DIPLOMA)
            assert found is not None
            play.chain.write(class_key(DIPLOMA), replace(found, **changed))

        return spoil

    for play, listed in ((add, b"\1"), (delete, None)):
        assert_order(
            play,
            ("account-unknown", by(STRANGER)),
            ("account-frozen", sender_frozen),
            ("role-not-allowed", by("alice")),
            ("class-unknown", arguments(class_id="other")),
            ("class-of-other-standard", of_class(standard=1155)),
            ("not-class-issuer", of_class(issuer=b"other")),
            ("chain-unknown", arguments(chain_id="atlantis")),
            (
                "no-change",
                lambda play, listed=listed: play.chain.write(target_key(DIPLOMA, play.arguments.chain_id), listed),
            ),
        )


# ---- relaying ----


def sent(world: World) -> Any:
    return world.confirm(SOURCE, world.open_move(SOURCE, TARGET))


def test_the_checks_of_receiving_stand_in_order() -> None:
    def play() -> Play:
        world = world_to_move(SOURCE, TARGET)
        packet = sent(world)
        return placed(world, TARGET, "platform", "receive", world.receive_arguments(packet))

    def packet(**changed: Any) -> Any:
        return lambda play: arguments(packet=replace(play.arguments.packet, **changed))(play)

    assert_order(
        play,
        *GATES,
        *LIMIT,
        ("packet-of-other-chain", packet(target="yanan")),
        *trusted(SOURCE),
        ("packet-received", lambda play: play.chain.write(lane_key(SOURCE), Lane(sent=0, received=50))),
        ("packet-out-of-order", packet(sequence=9)),
        *header_spoils(SOURCE, shown_of, with_shown),
        absent=ABSENT,
    )


def test_the_checks_of_acknowledging_stand_in_order() -> None:
    def play() -> Play:
        world = world_to_move(SOURCE, TARGET)
        packet = sent(world)
        world.receive(packet)
        return placed(world, SOURCE, "platform", "acknowledge", world.acknowledge_arguments(packet))

    def other(play: Play) -> None:
        arguments(arrival=replace(play.arguments.arrival, packet=bytes(32)))(play)

    assert_order(
        play,
        *GATES,
        *LIMIT,
        *trusted(TARGET),
        ("packet-unknown", arguments(sequence=9)),
        ("arrival-of-other-packet", other),
        *header_spoils(TARGET, shown_of, with_shown),
        absent=ABSENT,
    )


def test_the_checks_of_timing_out_stand_in_order() -> None:
    def play() -> Play:
        world = world_to_move(SOURCE, TARGET)
        packet = sent(world)
        world.rest(100_000)
        world.touch(TARGET)
        return placed(world, SOURCE, "platform", "timeOut", world.time_out_arguments(packet))

    def packet(**changed: Any) -> Any:
        def spoil(play: Play) -> None:
            found = find_packet(play.chain.records, TARGET, 0)
            assert found is not None
            play.chain.write(packet_key(TARGET, 0), replace(found, **changed))

        return spoil

    def done(play: Play) -> None:
        found = find_packet(play.chain.records, TARGET, 0)
        assert found is not None
        transfer = find_transfer(play.chain.records, found.body.cross_id)
        assert transfer is not None
        play.chain.write(transfer_key(transfer.cross_id), replace(transfer, state=int(State.TIMED_OUT)))

    assert_order(
        play,
        *GATES,
        *LIMIT,
        *trusted(TARGET),
        ("packet-unknown", arguments(sequence=9)),
        ("packet-without-deadline", packet(deadline=None)),
        ("time-out-too-early", packet(deadline=2**52)),
        ("transfer-not-sent", done),
        *header_spoils(TARGET, shown_of, with_shown),
        absent=ABSENT,
    )


def test_the_checks_of_telling_a_fate_stand_in_order() -> None:
    def play() -> Play:
        world = world_to_move(SOURCE, TARGET)
        packet = sent(world)
        world.call(SOURCE, "operator", "ddc721", "freeze", changed())
        return placed(world, SOURCE, "platform", "tellFate", OfTransfer(cross_id=packet.body.cross_id))

    assert_order(
        play,
        *GATES,
        *LIMIT,
        ("transfer-unknown", arguments(cross_id=bytes(32))),
        ("transfer-not-sent", ended),
        ("fate-told", held(frozen=False)),
    )


def changed(reason: str = "by-request") -> ChangeStatus:
    return ChangeStatus(class_id=DIPLOMA, token=token(1), holder=None, reason=reason)


def test_the_checks_of_following_stand_in_order() -> None:
    def play() -> Play:
        world = world_to_require(SOURCE, TARGET)
        world.license(SOURCE, TARGET)
        world.call(SOURCE, "operator", "ddc721", "freeze", changed())
        given = FollowRequirement(
            class_id=LICENCE, token=token(7), index=0, held=world.shown_certificate(SOURCE, TARGET)
        )
        return placed(world, TARGET, "platform", "followRequirement", given)

    def relied(**other: Any) -> Any:
        def spoil(play: Play) -> None:
            found = find_reliance(play.chain.records, LICENCE, token(7))
            assert found is not None
            (one,) = found.relied
            play.chain.write(reliance_key(LICENCE, token(7)), Reliance(relied=(replace(one, **other),)))

        return spoil

    def unshown(play: Play) -> None:
        arguments(held=replace(play.arguments.held, shown=None))(play)

    def shown(given: Any) -> Any:
        return given.held.shown

    def put(given: Any, other: Any) -> Any:
        return replace(given, held=replace(given.held, shown=other))

    spoils = header_spoils(SOURCE, shown, put)
    assert_order(
        play,
        *GATES,
        *LIMIT,
        ("certificate-unknown", arguments(token=GONE)),
        ("requirement-not-followed", relied(follow=False)),
        *trusted(SOURCE),
        ("requirements-unshown", unshown),
        ("no-change", relied(stands=False)),
        *spoils,
        absent=_absent_of_following(),
    )


def _absent_of_following() -> frozenset[Any]:
    """What is of this chain is not shown here: the last check cannot miss it."""
    last = len(METHODS["followRequirement"].checks) - 1
    return frozenset({*ABSENT, (last, "certificate-unknown")})


def test_every_method_has_its_order_here() -> None:
    ordered = {
        "crossChainTransfer", "confirm", "cancel", "addTargetChainId", "deleteTargetChainId", "receive", "acknowledge",
        "timeOut", "tellFate", "followRequirement",
    }  # fmt: skip
    assert set(METHODS) == ordered | {"pause", "unpause", "setNameAndSymbol"}
