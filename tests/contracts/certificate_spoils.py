"""What can be wrong with a call about certificates, check by check, for the proofs of their order."""

from typing import Any, Final

from contracts.access import Functions, find_account
from contracts.certificate import Recorded
from contracts.classes import Grant, Requirement
from contracts.keys import certificate_key, functions_key, grant_key, purse_key, tariff_key, transit_key
from contracts.purses import Purse, Tariff
from tests.chain.small_genesis import did_of
from tests.contracts.certificate_calls import change_account, mark, redefine
from tests.contracts.check_order import Play, Spoil, arguments, by, item, paused, sender_frozen
from tests.contracts.small_chain import CLASS, token

Spoils = tuple[tuple[str, Spoil], ...]


def functions(names: tuple[str, ...] | None) -> Spoil:
    """The sender's role may call these methods of the contract, or is not listed with it at all."""

    def spoil(play: Play) -> None:
        account = find_account(play.chain.records, play.address)
        assert account is not None
        listed = None if names is None else Functions(methods=names)
        play.chain.write(functions_key(account.role, play.contract), listed)

    return spoil


def paused_for_platforms(play: Play) -> None:
    """The contract is paused, and a platform calls."""
    play.sender = "platform"
    paused(play)


def listed_platform(play: Play) -> None:
    """A platform calls, and an operator has listed the method for platforms."""
    play.sender = "platform"
    functions((play.method,))(play)


def of_class(**changed: Any) -> Spoil:
    """The class is another."""
    return lambda play: redefine(play.chain, **_made(play, changed))


def marked(**changed: Any) -> Spoil:
    """The certificate is in another state."""
    return lambda play: mark(play.chain, **_made(play, changed))


def account(person: str, **changed: Any) -> Spoil:
    """An account is in another state."""
    return lambda play: change_account(play.chain, person, **changed)


def grant(right: Grant | None) -> Spoil:
    """The sender's right to issue is another."""
    return lambda play: play.chain.write(grant_key(CLASS, play.address), right)


def address(person: str) -> Any:
    """A person's address, as an argument."""
    return lambda play: play.chain.address(person)


def _made(play: Play, changed: dict[str, Any]) -> dict[str, Any]:
    return {name: value(play) if callable(value) else value for name, value in changed.items()}


def _deregistered(play: Play) -> None:
    play.chain.write(tariff_key(play.contract), Tariff(registered=False, fees=()))


def _without_fen(play: Play) -> None:
    play.chain.write(tariff_key(play.contract), Tariff(registered=True, fees=((play.method, 2),)))
    play.chain.write(purse_key(play.address), Purse(fen=1, gas=0))


def _without_gas(play: Play) -> None:
    play.chain.write(purse_key(play.address), Purse(fen=1_000, gas=0))


UNPAUSED: Final[Spoils] = (("contract-paused", paused),)
PERMITTED: Final[Spoils] = (
    ("account-unknown", by("bob")),
    ("account-frozen", sender_frozen),
    ("contract-not-listed", functions(None)),
    ("method-not-permitted", functions(())),
)
OPEN: Final[Spoils] = UNPAUSED + PERMITTED
OPERATOR: Final[Spoils] = (("contract-paused", paused_for_platforms), *PERMITTED, ("role-not-allowed", listed_platform))
KNOWN: Final[Spoils] = (
    ("certificate-unknown", arguments(token=token(9))),
    ("holder-differs", arguments(holder=address("carol"))),
)
LIVE: Final[Spoils] = (("certificate-final", marked(recorded=int(Recorded.BURNT))),)
NOT_FROZEN: Final[Spoils] = (("certificate-frozen", marked(frozen=True)),)
NOT_LOCKED: Final[Spoils] = (("certificate-locked", marked(locked=True)),)
OF_721: Final[Spoils] = (
    ("class-unknown", arguments(class_id="other")),
    ("class-of-other-standard", of_class(standard=1155)),
)
REQUIRED: Final = Requirement(chain_id="zhongyi", class_id="school", max_age_ms=1_000, follow=True)
REQUIRING: Final[Spoils] = (("requirements-unshown", of_class(requires=(REQUIRED,))),)
IN_TRANSFER: Final[Spoils] = (
    ("certificate-in-transfer", lambda play: play.chain.write(transit_key(CLASS, token(1)), bytes(32))),
)
UNSIGNED: Final[Spoils] = (("signatures-required", of_class(threshold=1)), *REQUIRING)
GRANTED: Final[Spoils] = (
    ("not-granted", grant(None)),
    ("grant-expired", grant(Grant(quota=0, until=0))),
    ("quota-exceeded", grant(Grant(quota=0, until=None))),
)
HOLDERS: Final[Spoils] = (
    ("holder-unknown", item(holder=address("bob"))),
    ("holder-frozen", account("alice", operator_active=False)),
    ("holder-of-other-platform", account("alice", leader=did_of("rival"))),
)
TOKENS: Final[Spoils] = (
    ("token-exists", lambda play: play.chain.write(certificate_key(CLASS, play.arguments.items[0].token), b"\1")),
)
VALIDITY: Final[Spoils] = (
    ("validity-inverted", item(valid_from=5, valid_until=5)),
    ("validity-required", lambda play: (of_class(validity_ms_max=10)(play), item(valid_until=None)(play))),
    ("validity-too-long", lambda play: (of_class(validity_ms_max=10)(play), item(valid_from=0, valid_until=11)(play))),
)
ISSUABLE: Final[Spoils] = HOLDERS + TOKENS + VALIDITY
PAID: Final[Spoils] = (
    ("contract-deregistered", _deregistered),
    ("fee-short", _without_fen),
    ("gas-short", _without_gas),
)
SINGLE: Final = frozenset({"token-repeats"})
"""What cannot be wrong where there is one certificate only."""
