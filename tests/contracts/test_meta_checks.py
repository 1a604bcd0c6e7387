"""Whose signed calls are taken, and the checks of every one of them in order (protocol 17.7)."""

from typing import Any

import pytest
from msgspec.structs import replace

from contracts.certificate import BurnAuthorisation, Recorded
from contracts.interface import Role
from contracts.owning import Pause
from tests.contracts.certificate_calls import DAY_MS, call, certificate_of, change_account, mark, redefine, settle
from tests.contracts.certificate_spoils import (
    GRANTED,
    KNOWN,
    LIVE,
    NOT_FROZEN,
    NOT_LOCKED,
    OF_721,
    OPEN,
    PAID,
    TOKENS,
    UNSIGNED,
    VALIDITY,
    Spoils,
    account,
    marked,
)
from tests.contracts.check_order import Play, assert_order, item
from tests.contracts.meta_calls import MINTS, meta_burn, meta_mint, signed_anew, signed_with
from tests.contracts.small_chain import CLASS, SmallChain, token

BATCH = [method for method in MINTS if "Batch" in method]


def test_an_unknown_or_frozen_holder_s_signature_is_worth_nothing(chain: SmallChain) -> None:
    bob = chain.address("bob")
    with chain.refuses("holder-unknown", bob):
        call(chain, "platform", "metaMint", meta_mint(chain, person="bob"))
    settle(chain, "bob")
    chain.mint(7, "bob")
    change_account(chain, "bob", platform_active=False)
    with chain.refuses("holder-frozen", bob):
        call(chain, "platform", "metaMint", meta_mint(chain, person="bob"))
    with chain.refuses("holder-frozen", bob):
        call(chain, "platform", "metaBurn", meta_burn(chain, 7, person="bob"))


def test_who_relays_a_mint_is_an_issuer_and_who_relays_a_burn_anybody(chain: SmallChain) -> None:
    with chain.refuses("not-granted", CLASS):
        call(chain, "rival", "metaMint", meta_mint(chain))
    settle(chain, "dave", Role.RELAYER)
    with chain.refuses("contract-not-listed", Role.RELAYER, "ddc721"):
        call(chain, "dave", "metaMint", meta_mint(chain))
    chain.mint(1)
    call(chain, "operator", "metaBurn", meta_burn(chain))
    assert certificate_of(chain).recorded == Recorded.BURNT


def test_a_holder_relays_its_own_burn_only_if_it_can_pay(chain: SmallChain) -> None:
    chain.mint()
    with pytest.raises(Exception, match="short"):
        call(chain, "alice", "metaBurn", meta_burn(chain))


@pytest.mark.parametrize("state", ["frozen", "locked"])
def test_what_is_frozen_or_locked_is_not_burnt_by_signature_not_even_if_an_operator_relays(
    chain: SmallChain, state: str
) -> None:
    chain.mint()
    mark(chain, **{state: True})
    for sender in ("platform", "operator"):
        with chain.refuses(f"certificate-{state}", token(1)):
            call(chain, sender, "metaBurn", meta_burn(chain))


def test_a_pause_keeps_relaying_platforms_out(chain: SmallChain) -> None:
    chain.mint()
    chain.call("owner", "ddc721", "pause", Pause())
    with chain.refuses("contract-paused", "ddc721"):
        call(chain, "platform", "metaMint", meta_mint(chain, "metaMint", 2))
    with chain.refuses("contract-paused", "ddc721"):
        call(chain, "platform", "metaBurn", meta_burn(chain))


def test_a_holder_who_is_an_issuer_burns_by_signature_what_issuers_may_burn(chain: SmallChain) -> None:
    redefine(chain, burn_authorisation=0)
    settle(chain, "bob")
    chain.mint(1, "bob")
    chain.grant("bob")
    call(chain, "platform", "metaBurn", meta_burn(chain, person="bob"))
    assert certificate_of(chain).recorded == Recorded.BURNT


@pytest.mark.parametrize("signature", [b"", bytes(63), bytes(64)], ids=len)
def test_what_is_no_signature_is_refused(chain: SmallChain, signature: bytes) -> None:
    good = meta_mint(chain)
    with chain.refuses("meta-not-signed", chain.address("alice")):
        call(chain, "platform", "metaMint", replace(good, signed=replace(good.signed, signature=signature)))
    with chain.refuses("arguments-malformed"):
        wrong = replace(good, signed=replace(good.signed, signature=bytes(65)))
        call(chain, "platform", "metaMint", wrong)


def unknown_holder(play: Play) -> None:
    """The certificates are for nobody that has an account."""
    bob = play.chain.address("bob")
    if hasattr(play.arguments, "item"):
        item(holder=bob)(play)
    else:
        items = tuple(replace(part, holder=bob) for part in play.arguments.items)
        play.arguments = replace(play.arguments, items=items)


def two_holders(play: Play) -> None:
    """The last certificate is somebody else's."""
    *others, last = play.arguments.items
    last = replace(last, holder=play.chain.address("rival"))
    play.arguments = replace(play.arguments, items=(*others, last))


def repeated(play: Play) -> None:
    """The last certificate has the first one's token."""
    *others, last = play.arguments.items
    last = replace(last, token=others[0].token)
    play.arguments = replace(play.arguments, items=(*others, last))


def anew(spoils: Spoils) -> Spoils:
    return tuple((code, signed_anew(spoil)) for code, spoil in spoils)


SIGNATURE: Spoils = (
    ("deadline-passed", signed_with(deadline=0)),
    ("deadline-too-far", signed_with(deadline=2**50)),
    ("counter-wrong", signed_with(counter=2)),
    ("meta-not-signed", signed_with(signature=bytes(64))),
)


@pytest.mark.parametrize("method", MINTS)
def test_the_checks_of_a_signed_mint_stand_in_order(method: str) -> None:
    batch = method in BATCH
    holders: Spoils = (("holder-of-other-platform", account("alice", leader=bytes(20))),)
    issuable = (
        *OF_721,
        *UNSIGNED,
        *GRANTED,
        *((("token-repeats", repeated),) if batch else ()),
        *holders,
        *TOKENS,
        *VALIDITY,
    )
    before: list[Any] = [
        *((("holders-differ", two_holders),) if batch else ()),
        ("holder-unknown", unknown_holder),
        ("holder-frozen", account("alice", operator_active=False)),
    ]

    def play() -> Play:
        chain = SmallChain.founded()
        chain.define()
        numbers = (1, 2) if batch else (1,)
        arguments = meta_mint(chain, method, *numbers, deadline=chain.time + DAY_MS // 2)
        return Play(chain, "platform", "ddc721", method, arguments)

    later = {(number, code) for number in range(5, 20) for code in ("holder-unknown", "holder-frozen")}
    absent = frozenset({*later, *(() if batch else ("token-repeats",))})
    assert_order(play, *before, *SIGNATURE, *OPEN, *anew(issuable), *PAID, absent=absent)


def test_the_checks_of_a_signed_burn_stand_in_order() -> None:
    def play() -> Play:
        chain = SmallChain.founded()
        chain.define()
        chain.mint()
        return Play(chain, "platform", "ddc721", "metaBurn", meta_burn(chain, deadline=chain.time + DAY_MS // 2))

    holder: Spoils = (
        ("holder-unknown", marked(holder=lambda play: play.chain.address("bob"))),
        ("holder-frozen", account("alice", operator_active=False)),
    )
    authorised: Spoils = (("burn-not-authorised", marked(burn_authorisation=int(BurnAuthorisation.ISSUER))),)
    spoils = (*KNOWN, *LIVE, *NOT_LOCKED, *NOT_FROZEN, *holder, *SIGNATURE, *OPEN, *authorised, *PAID)
    assert_order(play, *spoils)
