"""A certificate in place of another, for the same DID, each with a link to the other (protocol 17.5)."""

from typing import Any

import pytest
from msgspec.structs import replace

from chain.codec import encode
from contracts.access import NO_DID
from contracts.certificate import Issued, Recorded
from contracts.classes import DelegateIssuing, Grant, grant_of
from contracts.ddc721 import Reissue
from contracts.keys import balance_key, supply_key
from tests.chain.small_genesis import did_of
from tests.contracts.certificate_calls import (
    amount,
    bill,
    call,
    certificate_of,
    change_account,
    fund,
    mark,
    redefine,
    settle,
    since,
    stored,
    told,
)
from tests.contracts.certificate_spoils import (
    GRANTED,
    ISSUABLE,
    KNOWN,
    LIVE,
    NOT_FROZEN,
    NOT_LOCKED,
    OF_721,
    OPEN,
    PAID,
    SINGLE,
    UNSIGNED,
    address,
    marked,
)
from tests.contracts.check_order import Play, assert_order
from tests.contracts.small_chain import CLASS, SmallChain, item, token


@pytest.fixture
def minted(chain: SmallChain) -> SmallChain:
    """Alice's certificate, and a second account of her DID."""
    chain.mint()
    settle(chain, "carol", did="alice")
    return chain


def instead(chain: SmallChain, holder: str = "alice", number: int = 2, old: int = 1, **changed: Any) -> Reissue:
    """A new certificate in place of an old one."""
    new = item(chain.address(holder), number, **changed)
    return Reissue(class_id=CLASS, token=token(old), holder=None, item=new, reason="misspelt")


@pytest.mark.parametrize("holder", ["alice", "carol"])
@pytest.mark.parametrize("acceptance", [False, True])
def test_the_old_one_is_revoked_and_the_new_one_issued_and_each_names_the_other(
    minted: SmallChain, holder: str, acceptance: bool
) -> None:
    redefine(minted, acceptance=acceptance)
    old = mark(minted, attributes=(("grade", "1"),), user=minted.address("rival"), user_until=2**50)
    alice, to, platform = minted.address("alice"), minted.address(holder), minted.address("platform")
    pay, purses = bill(minted, "platform", "reissue", steps=300)
    before, now = minted.content(), minted.time
    assert call(minted, "platform", "reissue", instead(minted, holder, uri="u", valid_until=2**50)) == (
        pay,
        told("Revoked", CLASS, token(1), alice, "misspelt"),
        told("Transfer", CLASS, b"", to, token(2)),
        told("Locked", CLASS, token(2)),
        told("Issued", CLASS, platform, to, token(2), 2),
        told("Reissued", CLASS, token(1), token(2)),
    )
    new = replace(
        old,
        token=token(2),
        holder=to,
        content_root=item(alice, 2).content_root,
        uri="u",
        issued_at=now,
        valid_from=now,
        valid_until=2**50,
        recorded=int(Recorded.OFFERED if acceptance else Recorded.ACTIVE),
        attributes=(),
        user=None,
        user_until=None,
        supersedes=token(1),
    )
    balances = {balance_key(CLASS, alice): amount(0), balance_key(CLASS, to): amount(1)} if holder != "alice" else {}
    assert since(before, minted) == {
        **purses,
        **stored(replace(old, recorded=int(Recorded.REVOKED), superseded_by=token(2))),
        **stored(new),
        **balances,
        supply_key(CLASS): encode(Issued(count=2, latest=token(2))),
    }


def test_a_chain_of_reissues_is_followed_in_both_directions(minted: SmallChain) -> None:
    for number in range(2, 5):
        call(minted, "platform", "reissue", instead(minted, number=number, old=number - 1))
    links = [
        (certificate.supersedes, certificate.superseded_by)
        for certificate in (certificate_of(minted, n) for n in range(1, 5))
    ]
    assert links == [(None, token(2)), (token(1), token(3)), (token(2), token(4)), (token(3), None)]
    with minted.refuses("certificate-final", token(1), "revoked"):
        call(minted, "platform", "reissue", instead(minted, number=9))
    assert (minted.balance(), minted.supply()) == (1, 4)


def test_the_new_one_has_the_rules_of_the_class_as_they_are_now(minted: SmallChain) -> None:
    redefine(minted, burn_authorisation=3)
    call(minted, "platform", "reissue", instead(minted))
    assert (certificate_of(minted, 1).burn_authorisation, certificate_of(minted, 2).burn_authorisation) == (2, 3)


@pytest.mark.parametrize("other", ["bob", "platform"])
def test_nobody_of_another_did_gets_it(minted: SmallChain, other: str) -> None:
    if other == "bob":
        settle(minted, "bob")
    with minted.refuses("holder-of-other-did", minted.address(other)):
        call(minted, "platform", "reissue", instead(minted, other))


def test_what_somebody_without_did_holds_is_reissued_to_that_account_only(chain: SmallChain) -> None:
    for person in ("bob", "carol"):
        settle(chain, person)
        change_account(chain, person, did=NO_DID)
    chain.mint(1, "bob")
    assert certificate_of(chain).holder_did == NO_DID
    with chain.refuses("holder-of-other-did", chain.address("carol")):
        call(chain, "platform", "reissue", instead(chain, "carol"))
    call(chain, "platform", "reissue", instead(chain, "bob"))
    assert (certificate_of(chain, 2).holder, certificate_of(chain, 2).supersedes) == (chain.address("bob"), token(1))


def test_a_did_with_a_zero_in_it_is_one(minted: SmallChain) -> None:
    did = bytes([0, *did_of("alice")[1:]])
    mark(minted, holder_did=did)
    change_account(minted, "carol", did=did)
    call(minted, "platform", "reissue", instead(minted, "carol"))
    assert certificate_of(minted, 2).holder_did == did


def test_a_holder_that_has_joined_a_did_since_gets_its_own(chain: SmallChain) -> None:
    settle(chain, "bob")
    change_account(chain, "bob", did=NO_DID)
    chain.mint(1, "bob")
    change_account(chain, "bob", did=did_of("bob"))
    call(chain, "platform", "reissue", instead(chain, "bob"))
    assert [certificate_of(chain, number).holder_did for number in (1, 2)] == [NO_DID, did_of("bob")]


@pytest.mark.parametrize("person", ["rival", "operator", "alice"])
def test_who_is_no_issuer_reissues_nothing(minted: SmallChain, person: str) -> None:
    with minted.refuses("not-granted", CLASS):
        call(minted, person, "reissue", instead(minted))


def test_who_may_issue_but_not_revoke_reissues_nothing(minted: SmallChain) -> None:
    redefine(minted, issuer_revokes=True)
    minted.grant("operator")
    with minted.refuses("not-granted", CLASS):
        call(minted, "operator", "reissue", instead(minted))
    minted.mint(5, sender="operator")
    call(minted, "operator", "reissue", instead(minted, number=6, old=5))
    assert certificate_of(minted, 5).superseded_by == token(6)


def test_a_reissue_is_taken_from_the_quota(minted: SmallChain) -> None:
    fund(minted, "operator")
    operator, until = minted.address("operator"), minted.time + 50_000
    delegated = DelegateIssuing(class_id=CLASS, address=operator, quota=1, until=until)
    minted.call("platform", "classes", "delegateIssuing", delegated)
    call(minted, "operator", "reissue", instead(minted))
    assert grant_of(minted.records, CLASS, operator) == Grant(quota=0, until=until)
    with minted.refuses("quota-exceeded", CLASS, 0):
        call(minted, "operator", "reissue", instead(minted, number=3, old=2))


def test_a_certificate_does_not_take_its_own_place(minted: SmallChain) -> None:
    with minted.refuses("token-exists", CLASS, token(1)):
        call(minted, "platform", "reissue", instead(minted, number=1))


def test_the_checks_of_reissue_stand_in_order() -> None:
    def play() -> Play:
        chain = SmallChain.founded()
        chain.define()
        chain.mint()
        return Play(chain, "platform", "ddc721", "reissue", instead(chain))

    def not_its_issuer(play: Play) -> None:
        mark(play.chain, issuer=play.chain.address("rival"))
        redefine(play.chain, issuer=play.chain.address("rival"), issuer_revokes=True)

    spoils = (
        *OPEN,
        *OF_721,
        *UNSIGNED,
        *GRANTED,
        *KNOWN,
        ("not-granted", not_its_issuer),
        *LIVE,
        *NOT_FROZEN,
        *NOT_LOCKED,
        *ISSUABLE,
        ("holder-of-other-did", marked(holder=address("rival"), holder_did=did_of("rival"))),
        *PAID,
    )
    assert_order(play, *spoils, absent=SINGLE)
