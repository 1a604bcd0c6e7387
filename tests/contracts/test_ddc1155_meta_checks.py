"""The checks of what a holder signs and somebody relays, in their order (protocol 30.3)."""

from typing import Any

from msgspec.structs import replace

from contracts.certificate import Recorded
from contracts.keys import holding_key, meta_key
from contracts.meta import DEADLINE_MS_MAX
from tests.chain.small_genesis import did_of
from tests.contracts.certificate_spoils import GRANTED, OPEN, PAID, account, address, of_class
from tests.contracts.check_order import Play, Spoil, arguments, assert_order
from tests.contracts.small_chain import CLASS, token
from tests.contracts.small_editions import (
    create,
    founded,
    holding_in,
    issue,
    meta_burn,
    meta_burn_batch,
    meta_mint,
    meta_mint_batch,
    of_edition,
    of_holding,
    signed,
)

Spoils = tuple[tuple[str, Spoil], ...]
ISSUED = holding_in(founded(holders=("alice",)))


def with_signature(spoil: Spoil) -> Spoil:
    """What is spoiled is signed as it is then, so that it is not the signature that is wrong."""

    def signed_anew(play: Play) -> None:
        spoil(play)
        play.arguments = signed(play.chain, play.method, play.arguments)

    return signed_anew


def in_time(**changed: int) -> Spoil:
    """The signature says another counter, or a deadline so far from now."""

    def spoil(play: Play) -> None:
        fields = {name: play.chain.time + value if name == "deadline" else value for name, value in changed.items()}
        play.arguments = replace(play.arguments, signed=replace(play.arguments.signed, **fields))

    return spoil


def counted(play: Play) -> None:
    """The counter has gone on."""
    play.chain.write(meta_key("ddc1155", play.chain.address("alice")), (5).to_bytes(8, "big"))


SIGNED: Spoils = (
    ("holder-unknown", arguments(holder=address("bob"))),
    ("holder-frozen", account("alice", operator_active=False)),
    ("deadline-passed", in_time(deadline=-1)),
    ("deadline-too-far", in_time(deadline=DEADLINE_MS_MAX + 60_000)),
    ("counter-wrong", counted),
    ("meta-not-signed", in_time(signature=b"")),  # type: ignore[arg-type]
)
OF_CLASS: Spoils = (
    ("class-unknown", with_signature(arguments(class_id="other"))),
    ("class-of-other-standard", of_class(standard=721)),
)
IN_FORCE: Spoils = (("edition-withdrawn", of_edition(withdrawn=True)), ("edition-frozen", of_edition(frozen=True)))
PLACES: Spoils = (
    ("holder-of-other-platform", account("alice", leader=did_of("rival"))),
    ("holding-exists", lambda play: play.chain.write(holding_key(CLASS, token(1), ISSUED.holder), ISSUED)),
)


def test_the_checks_of_meta_safe_mint_stand_in_order() -> None:
    def play() -> Play:
        chain = founded()
        given = signed(chain, "metaSafeMint", meta_mint(chain))
        return Play(chain, "platform", "ddc1155", "metaSafeMint", given)

    edition: Spoils = (("edition-unknown", with_signature(arguments(token=token(9)))), *IN_FORCE)
    assert_order(
        play,
        ("amount-not-one", arguments(amount=2)),
        *SIGNED,
        *OPEN,
        *OF_CLASS,
        *GRANTED,
        *edition,
        *PLACES,
        *PAID,
    )


def test_the_checks_of_meta_safe_mint_batch_stand_in_order() -> None:
    def play() -> Play:
        chain = founded()
        create(chain, 2)
        given = signed(chain, "metaSafeMintBatch", meta_mint_batch(chain, 2, 1))
        return Play(chain, "platform", "ddc1155", "metaSafeMintBatch", given)

    amounts: Spoils = (("lengths-differ", arguments(amounts=(2,))), ("amount-not-one", arguments(amounts=(1, 2))))
    edition: Spoils = (("edition-unknown", with_signature(arguments(tokens=(token(1), token(9))))), *IN_FORCE)
    repeats: Spoils = (("holding-repeats", with_signature(arguments(tokens=(token(1), token(1))))),)
    assert_order(play, *amounts, *SIGNED, *OPEN, *OF_CLASS, *GRANTED, *edition, *repeats, *PLACES, *PAID)


LIVE: Spoils = (
    ("certificate-final", of_holding(recorded=int(Recorded.MOVED))),
    ("certificate-locked", of_holding(locked=True)),
    ("certificate-frozen", of_holding(frozen=True)),
)
NOT_THE_HOLDER: Spoils = (("burn-not-authorised", of_holding(burn_authorisation=0)),)
SIGNER_KNOWN: Any = frozenset({"holder-unknown"})
"""Who has no account has no holding."""


def test_the_checks_of_meta_burn_stand_in_order() -> None:
    def play() -> Play:
        chain = founded(holders=("alice",))
        return Play(chain, "platform", "ddc1155", "metaBurn", signed(chain, "metaBurn", meta_burn(chain)))

    known: Spoils = (("holding-unknown", arguments(token=token(9))),)
    spoils = (*known, *IN_FORCE, *LIVE, *SIGNED[1:], *OPEN, *NOT_THE_HOLDER, *PAID)
    assert_order(play, *spoils, absent=SIGNER_KNOWN)


def test_the_checks_of_meta_burn_batch_stand_in_order() -> None:
    def play() -> Play:
        chain = founded(holders=("alice",))
        create(chain, 2)
        issue(chain, number=2)
        given = signed(chain, "metaBurnBatch", meta_burn_batch(chain, 2, 1))
        return Play(chain, "platform", "ddc1155", "metaBurnBatch", given)

    known: Spoils = (
        ("token-repeats", arguments(tokens=(token(1), token(1)))),
        ("holding-unknown", arguments(tokens=(token(1), token(9)))),
    )
    spoils = (*known, *IN_FORCE, *LIVE, *SIGNED[1:], *OPEN, *NOT_THE_HOLDER, *PAID)
    assert_order(play, *spoils, absent=SIGNER_KNOWN)
