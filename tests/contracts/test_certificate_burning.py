"""Who burns a certificate: by the burn authorisation of the issue, frozen only an operator, locked nobody (protocol 17)."""

from typing import Any

import pytest
from msgspec.structs import replace

from contracts.certificate import BurnAuthorisation, Recorded
from contracts.interface import Role
from contracts.keys import balance_key
from contracts.purses import Purse, purse_of
from tests.contracts.certificate_calls import (
    amount,
    because,
    bill,
    call,
    certificate_of,
    fee,
    fund,
    mark,
    redefine,
    settle,
    since,
    stored,
    told,
)
from tests.contracts.certificate_spoils import KNOWN, LIVE, NOT_LOCKED, OPEN, PAID, marked
from tests.contracts.check_order import Play, assert_order
from tests.contracts.small_chain import CLASS, SmallChain, token

PEOPLE = ["platform", "alice", "rival", "operator"]
MAY: dict[BurnAuthorisation, set[str]] = {
    BurnAuthorisation.ISSUER: {"platform", "rival"},
    BurnAuthorisation.HOLDER: {"alice"},
    BurnAuthorisation.BOTH: {"platform", "rival", "alice"},
    BurnAuthorisation.NEITHER: set(),
}
"""The rival is an issuer of the class that did not issue this one."""


@pytest.fixture
def minted(chain: SmallChain) -> SmallChain:
    chain.mint()
    chain.grant("rival")
    for person in ("alice", "rival"):
        fund(chain, person)
    return chain


def burn(chain: SmallChain, person: str) -> None:
    """The person burns it: all that changes is told."""
    before, content, alice = certificate_of(chain), chain.content(), chain.address("alice")
    pay, purses = bill(chain, person, "burn", steps=200)
    assert call(chain, person, "burn", because("expired")) == (
        pay,
        told("Transfer", CLASS, alice, b"", token(1)),
        told("Burnt", CLASS, token(1), alice, "expired"),
    )
    assert since(content, chain) == {
        **purses,
        **stored(replace(before, recorded=int(Recorded.BURNT))),
        balance_key(CLASS, alice): amount(0),
    }
    assert (chain.balance(), chain.supply()) == (0, 1)


def not_burnt(chain: SmallChain, person: str, authorisation: BurnAuthorisation) -> None:
    with chain.refuses("burn-not-authorised", token(1), authorisation.name.lower()):
        call(chain, person, "burn", because())


@pytest.mark.parametrize("authorisation", BurnAuthorisation)
@pytest.mark.parametrize("person", PEOPLE)
def test_who_burns_is_as_the_certificate_says(
    minted: SmallChain, authorisation: BurnAuthorisation, person: str
) -> None:
    mark(minted, burn_authorisation=int(authorisation))
    if person in MAY[authorisation]:
        burn(minted, person)
    else:
        not_burnt(minted, person, authorisation)


@pytest.mark.parametrize("authorisation", BurnAuthorisation)
@pytest.mark.parametrize("person", PEOPLE)
def test_a_frozen_certificate_is_burnt_by_an_operator_and_nobody_else(
    minted: SmallChain, authorisation: BurnAuthorisation, person: str
) -> None:
    mark(minted, burn_authorisation=int(authorisation), frozen=True)
    if person == "operator":
        burn(minted, person)
    else:
        not_burnt(minted, person, authorisation)


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("person", PEOPLE)
def test_a_locked_certificate_is_burnt_by_nobody(minted: SmallChain, person: str, frozen: bool) -> None:
    mark(minted, locked=True, frozen=frozen)
    with minted.refuses("certificate-locked", token(1)):
        call(minted, person, "burn", because())


@pytest.mark.parametrize("recorded", [Recorded.REVOKED, Recorded.BURNT, Recorded.MOVED])
def test_what_is_final_is_not_burnt(minted: SmallChain, recorded: Recorded) -> None:
    mark(minted, recorded=int(recorded))
    with minted.refuses("certificate-final", token(1), recorded.name.lower()):
        call(minted, "alice", "burn", because())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (BurnAuthorisation.HOLDER, BurnAuthorisation.ISSUER),
        (BurnAuthorisation.ISSUER, BurnAuthorisation.HOLDER),
        (BurnAuthorisation.BOTH, BurnAuthorisation.NEITHER),
        (BurnAuthorisation.NEITHER, BurnAuthorisation.BOTH),
    ],
)
@pytest.mark.parametrize("person", ["platform", "alice"])
def test_the_burn_authorisation_is_that_of_the_issue_whatever_the_class_says_now(
    chain: SmallChain, before: BurnAuthorisation, after: BurnAuthorisation, person: str
) -> None:
    fund(chain, "alice")
    redefine(chain, burn_authorisation=int(before))
    chain.mint()
    redefine(chain, burn_authorisation=int(after))
    if person in MAY[before]:
        burn(chain, person)
    else:
        not_burnt(chain, person, before)


def test_an_offer_is_burnt_as_any_other(minted: SmallChain) -> None:
    mark(minted, recorded=int(Recorded.OFFERED))
    burn(minted, "alice")


def test_an_issuer_whose_right_was_withdrawn_burns_no_more(minted: SmallChain) -> None:
    mark(minted, burn_authorisation=int(BurnAuthorisation.ISSUER))
    minted.grant("platform", granted=False)
    not_burnt(minted, "platform", BurnAuthorisation.ISSUER)


def test_a_burnt_token_id_is_never_issued_again(minted: SmallChain) -> None:
    burn(minted, "alice")
    with minted.refuses("token-exists", CLASS, token(1)):
        minted.mint(1)


def test_a_burn_is_paid_to_the_last_by_who_sends_it(minted: SmallChain) -> None:
    fen, gas = fee(minted, "burn"), 200 * minted.rules.profile.gas_per_fen // 1_000
    fund(minted, "alice", fen=fen, gas=gas)
    call(minted, "alice", "burn", because())
    assert purse_of(minted.records, minted.address("alice")) == Purse(fen=0, gas=0)


@pytest.mark.parametrize("role", [Role.CROSS_CHAIN, Role.RELAYER, Role.OWNER])
def test_roles_beside_the_hierarchy_burn_nothing(minted: SmallChain, role: Role) -> None:
    settle(minted, "dave", role)
    values: tuple[Any, ...] = (role, "ddc721")
    code = "contract-not-listed"
    if role == Role.CROSS_CHAIN:
        code, values = "method-not-permitted", (*values, "burn")
    with minted.refuses(code, *values):
        call(minted, "dave", "burn", because())


def test_the_checks_of_burn_stand_in_order() -> None:
    def play() -> Play:
        chain = SmallChain.founded()
        chain.define()
        chain.mint()
        return Play(chain, "platform", "ddc721", "burn", because())

    refused = ("burn-not-authorised", marked(burn_authorisation=int(BurnAuthorisation.HOLDER)))
    assert_order(play, *OPEN, *KNOWN, *LIVE, *NOT_LOCKED, refused, *PAID)
