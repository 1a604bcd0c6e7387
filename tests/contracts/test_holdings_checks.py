"""The checks of a holding's life, in their order: of the caller, of the edition, of the holding (protocol 30.2)."""

from contracts.certificate import ATTRIBUTES_MAX, Recorded
from tests.contracts.certificate_spoils import (
    IN_TRANSFER,
    OPEN,
    OPERATOR,
    PERMITTED,
    account,
    address,
    of_class,
    paused_for_platforms,
)  # fmt: skip
from tests.contracts.check_order import Play, Spoil, arguments, assert_order, by
from tests.contracts.holding_calls import CALLS, arguments_of, prepared, with_life
from tests.contracts.small_chain import token
from tests.contracts.small_editions import of_edition, of_holding

Spoils = tuple[tuple[str, Spoil], ...]
KNOWN: Spoils = (("holder-missing", arguments(holder=None)), ("holding-unknown", arguments(token=token(9))))
IN_FORCE: Spoils = (("edition-withdrawn", of_edition(withdrawn=True)),)
UNTOUCHED: Spoils = (*IN_FORCE, ("edition-frozen", of_edition(frozen=True)))
MINE: Spoils = (("not-holder", by("platform")),)
LIVE: Spoils = (("certificate-final", of_holding(recorded=int(Recorded.BURNT))),)
ACCEPTED: Spoils = (("certificate-offered", of_holding(recorded=int(Recorded.OFFERED))),)
NOT_FROZEN: Spoils = (("certificate-frozen", of_holding(frozen=True)),)
NOT_LOCKED: Spoils = (("certificate-locked", of_holding(locked=True)),)
CROSS_CHAIN: Spoils = (("contract-paused", paused_for_platforms), *PERMITTED)


def in_order(method: str, *spoils: tuple[str, Spoil]) -> None:
    """The checks of the method stand in this order."""

    def play() -> Play:
        chain = prepared(with_life(), method)
        return Play(chain, CALLS[method].sender, "ddc1155", method, arguments_of(chain, method))

    operators = CALLS[method].sender == "operator"
    role = frozenset({(2, "account-unknown"), (2, "account-frozen")}) if operators else frozenset()
    assert_order(play, *spoils, absent=role)


def test_the_checks_of_accept_stand_in_order() -> None:
    offered: Spoils = (("certificate-not-offered", of_holding(recorded=int(Recorded.REVOKED))),)
    in_order("accept", *OPEN, *KNOWN, *UNTOUCHED, *MINE, *offered, *NOT_FROZEN)


def test_the_checks_of_decline_stand_in_order() -> None:
    offered: Spoils = (("certificate-not-offered", of_holding(recorded=int(Recorded.ACTIVE))),)
    in_order("decline", *OPEN, *KNOWN, *UNTOUCHED, *MINE, *offered, *NOT_FROZEN, *NOT_LOCKED)


def test_the_checks_of_revoke_stand_in_order() -> None:
    in_order("revoke", *OPEN, *KNOWN, *IN_FORCE, ("not-granted", by("alice")), *LIVE)


def test_the_checks_of_freeze_stand_in_order() -> None:
    in_order("freeze", *OPERATOR, *KNOWN, *IN_FORCE, *LIVE, *NOT_FROZEN)


def test_the_checks_of_unfreeze_stand_in_order() -> None:
    frozen: Spoils = (("certificate-not-frozen", of_holding(frozen=False)),)
    in_order("unfreeze", *OPERATOR, *KNOWN, *IN_FORCE, *LIVE, *frozen)


def test_the_checks_of_lock_stand_in_order() -> None:
    in_order("lock", *CROSS_CHAIN, *KNOWN, *UNTOUCHED, *LIVE, *ACCEPTED, *NOT_FROZEN, *NOT_LOCKED)


def test_the_checks_of_unlock_stand_in_order() -> None:
    in_order("unlock", *CROSS_CHAIN, *KNOWN, ("certificate-not-locked", of_holding(locked=False)), *IN_TRANSFER)


def test_the_checks_of_set_user_stand_in_order() -> None:
    user: Spoils = (
        ("account-unknown", arguments(user=address("bob"))),
        ("account-frozen", account("carol", operator_active=False)),
        ("until-passed", arguments(until=0)),
    )
    in_order("setUser", *OPEN, *KNOWN, *UNTOUCHED, *MINE, *LIVE, *ACCEPTED, *NOT_FROZEN, *NOT_LOCKED, *user)


def test_the_checks_of_set_attribute_stand_in_order() -> None:
    full = tuple((f"name_{number}", "1") for number in range(ATTRIBUTES_MAX))
    attribute: Spoils = (
        ("attribute-not-allowed", of_class(attributes=2)),
        ("no-change", of_holding(attributes=(("grade", "A"),))),
        ("attributes-full", of_holding(attributes=full)),
    )
    in_order("setAttribute", *OPEN, *KNOWN, *UNTOUCHED, *LIVE, *NOT_FROZEN, *NOT_LOCKED, *attribute)
