"""The checks of `mirrors`, of `classes.setRequirements` and of `ddc721.mintRequired`, in order (protocol 35)."""

from typing import Any

from msgspec.structs import replace

from chain.codec import encode
from contracts.access import find_account
from contracts.classes import Grant, Requirement, SetRequirements, find_class
from contracts.keys import account_key, certificate_key, class_key, grant_key, mirror_key, purse_key
from contracts.mirrors import METHODS, Refresh
from contracts.purses import Purse
from tests.contracts.certificate_spoils import Spoils
from tests.contracts.check_order import Play, arguments, assert_order, by, item, sender_frozen
from tests.contracts.crossing_spoils import (
    ABSENT,
    GATES,
    LIMIT,
    SOURCE,
    STRANGER,
    TARGET,
    header_spoils,
    shown_of,
    trusted,
    with_shown,
)
from tests.contracts.small_chain import BLOCK_MS, token
from tests.contracts.test_crosschain_checks import changed
from tests.interop.world import DIPLOMA, LICENCE, World, world_to_move, world_to_require

PAID: Spoils = (
    ("fee-short", lambda play: play.chain.write(purse_key(play.address), Purse(fen=1, gas=0))),
    ("gas-short", lambda play: play.chain.write(purse_key(play.address), Purse(fen=10_000, gas=0))),
)
NO_TARIFF = frozenset({(-1, "contract-deregistered")})


def placed(world: World, chain_id: str, contract: str, method: str, given: Any, sender: str = "platform") -> Play:
    """A call that succeeds in the next block of a chain."""
    world[chain_id].time = world.time + BLOCK_MS
    return Play(world[chain_id], sender, contract, method, given)


def test_the_checks_of_attesting_stand_in_order() -> None:
    def play() -> Play:
        world = world_to_move(SOURCE, TARGET)
        return placed(world, TARGET, "mirrors", "attest", world.attest_arguments(SOURCE, TARGET))

    def mirrored(play: Play) -> None:
        world = world_to_move(SOURCE, TARGET)
        mirror = world.attest(SOURCE, TARGET)
        play.chain.write(mirror_key(SOURCE, DIPLOMA, token(1)), mirror)

    assert_order(
        play,
        *GATES,
        *LIMIT,
        *trusted(SOURCE),
        ("mirror-exists", mirrored),
        *header_spoils(SOURCE, shown_of, with_shown),
        *PAID,
        absent=ABSENT | NO_TARIFF,
    )


def test_the_checks_of_refreshing_stand_in_order() -> None:
    def play() -> Play:
        world = world_to_move(SOURCE, TARGET)
        world.attest(SOURCE, TARGET)
        world.call(SOURCE, "operator", "ddc721", "freeze", changed())
        held = world.shown_certificate(SOURCE, TARGET)
        assert held.shown is not None
        given = Refresh(chain_id=SOURCE, certificate=held.certificate, shown=held.shown)
        return placed(world, TARGET, "mirrors", "refresh", given)

    key = mirror_key(SOURCE, DIPLOMA, token(1))

    def newer(play: Play) -> None:
        world = world_to_move(SOURCE, TARGET)
        mirror = world.attest(SOURCE, TARGET)
        play.chain.write(key, replace(mirror, height=10**9))

    assert_order(
        play,
        *GATES,
        *LIMIT,
        *trusted(SOURCE),
        ("mirror-unknown", lambda play: play.chain.write(key, None)),
        ("mirror-newer", newer),
        *header_spoils(SOURCE, shown_of, with_shown),
        absent=ABSENT,
    )


def of_class(class_id: str, **other: Any) -> Any:
    """The class is another."""

    def spoil(play: Play) -> None:
        found = find_class(play.chain.records, class_id)
        if found is not None:
            play.chain.write(class_key(class_id), encode(replace(found, **other)))

    return spoil


def test_the_checks_of_asking_for_others_stand_in_order() -> None:
    wanted = Requirement(chain_id=SOURCE, class_id=DIPLOMA, max_age_ms=1_000, follow=True)

    def play() -> Play:
        world = world_to_require(SOURCE, TARGET)
        given = SetRequirements(class_id=LICENCE, requires=(wanted,))
        return placed(world, TARGET, "classes", "setRequirements", given)

    assert_order(
        play,
        ("account-unknown", by(STRANGER)),
        ("account-frozen", sender_frozen),
        ("role-not-allowed", by("alice")),
        ("class-unknown", arguments(class_id="other")),
        ("class-of-other-standard", of_class(LICENCE, standard=1155)),
        ("not-class-issuer", of_class(LICENCE, issuer=b"other")),
        ("requirements-repeat", arguments(requires=(wanted, wanted))),
        ("chain-unknown", arguments(requires=(replace(wanted, chain_id="atlantis"),))),
        ("class-unknown", arguments(requires=(replace(wanted, chain_id=TARGET, class_id="nothing"),))),
    )


def test_a_class_does_not_ask_for_itself() -> None:
    world = world_to_require(SOURCE, TARGET)
    own = Requirement(chain_id=TARGET, class_id=LICENCE, max_age_ms=1_000, follow=True)
    with world[TARGET].refuses("class-unknown", LICENCE):
        world[TARGET].call("platform", "classes", "setRequirements", SetRequirements(class_id=LICENCE, requires=(own,)))


def test_the_checks_of_issuing_on_others_stand_in_order() -> None:
    def play() -> Play:
        world = world_to_require(SOURCE, TARGET)
        given = world.licence_arguments(TARGET, world.shown_certificate(SOURCE, TARGET))
        return placed(world, TARGET, "ddc721", "mintRequired", given)

    def first(given: Any) -> Any:
        return given.held[0].shown

    def with_first(given: Any, shown: Any) -> Any:
        return replace(given, held=(replace(given.held[0], shown=shown),))

    def other_did(play: Play) -> None:
        certificate = replace(play.arguments.held[0].certificate, holder_did=bytes(20))
        play.arguments = replace(play.arguments, held=(replace(play.arguments.held[0], certificate=certificate),))

    def later(play: Play) -> None:
        play.chain.parent_time, play.chain.time = play.chain.time, play.chain.time + 10**6

    def right(grant: Grant | None) -> Any:
        return lambda play: play.chain.write(grant_key(LICENCE, play.address), grant)

    def existing(play: Play) -> None:
        play.chain.write(certificate_key(LICENCE, token(7)), b"\1")

    def rules(**other: Any) -> Any:
        def spoil(play: Play) -> None:
            found = find_class(play.chain.records, LICENCE)
            if found is not None:
                play.chain.write(class_key(LICENCE), encode(replace(found, rules=replace(found.rules, **other))))

        return spoil

    def frozen_holder(play: Play) -> None:
        bob = find_account(play.chain.records, play.chain.address("bob"))
        assert bob is not None
        play.chain.write(account_key(bob.address), replace(bob, operator_active=False))
        item(holder=bob.address)(play)

    def required(play: Play) -> None:
        rules(validity_ms_max=1)(play)
        item(valid_until=None)(play)

    header = header_spoils(SOURCE, first, with_first)
    assert_order(
        play,
        *GATES,
        ("class-unknown", arguments(class_id="other")),
        ("class-of-other-standard", of_class(LICENCE, standard=1155)),
        ("signatures-required", of_class(LICENCE, threshold=1)),
        ("not-granted", right(None)),
        ("grant-expired", right(Grant(quota=None, until=0))),
        ("quota-exceeded", right(Grant(quota=0, until=None))),
        ("holder-unknown", item(holder=lambda play: play.chain.address(STRANGER))),
        ("holder-frozen", frozen_holder),
        ("holder-of-other-platform", item(holder=lambda play: play.chain.address("rival"))),
        ("token-exists", existing),
        ("validity-inverted", item(valid_until=0)),
        ("validity-required", required),
        ("validity-too-long", _too_long),
        ("requirements-unshown", arguments(held=())),
        ("requirement-not-held", other_did),
        *trusted(SOURCE),
        ("header-too-old", later),
        *header,
        *PAID,
        absent=ABSENT | NO_TARIFF | {"token-repeats", (_last_of_issuing(), "certificate-unknown")},
    )


def _too_long(play: Play) -> None:
    found = find_class(play.chain.records, LICENCE)
    assert found is not None
    play.chain.write(class_key(LICENCE), encode(replace(found, rules=replace(found.rules, validity_ms_max=1_000))))
    item(valid_until=play.chain.time + 10**9)(play)


def _last_of_issuing() -> int:
    """The check of the proofs, which finds what is of this chain missing: here it is of another."""
    from contracts.ddc721 import METHODS as OF_721  # noqa: PLC0415

    return len(OF_721["mintRequired"].checks) - 1


def test_every_method_of_mirrors_has_its_order_here() -> None:
    assert set(METHODS) == {"attest", "refresh", "pause", "unpause", "setNameAndSymbol"}
