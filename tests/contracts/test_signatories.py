"""Issuing that k of n signatories of a class sign (protocol 17.8)."""

from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chain.codec import encode
from chain.domains import Domain
from contracts.certificate import Issued, Recorded
from contracts.classes import DelegateIssuing, Grant, SetSignatories, grant_of
from contracts.interface import ContractReverted
from contracts.keys import balance_key, supply_key
from contracts.signatories import MintSigned
from tests.contracts.certificate_calls import (
    DAY_MS,
    amount,
    bill,
    call,
    certificate_of,
    fund,
    redefine,
    settle,
    since,
    stored,
    told,
)
from tests.contracts.certificate_spoils import (
    GRANTED,
    ISSUABLE,
    OF_721,
    OPEN,
    PAID,
    REQUIRING,
    Spoils,
    account,
    of_class,
)
from tests.contracts.check_order import Play, arguments, assert_order
from tests.contracts.signatory_calls import PEOPLE, name_signatories, sign, signed_anew
from tests.contracts.small_chain import CLASS, SmallChain, item, token


def order_of(
    chain: SmallChain, *signers: int, numbers: tuple[int, ...] = (1,), deadline: int | None = None
) -> MintSigned:
    """Certificates of alice's that these signatories sign."""
    items = tuple(item(chain.address("alice"), number) for number in numbers)
    until = chain.time if deadline is None else deadline
    return sign(chain, MintSigned(class_id=CLASS, items=items, deadline=until, signers=signers, signatures=()))


@pytest.fixture
def board(chain: SmallChain) -> SmallChain:
    """A class whose certificates two of three sign."""
    name_signatories(chain)
    return chain


@pytest.mark.parametrize("acceptance", [False, True])
def test_what_enough_signatories_sign_is_issued_as_a_batch(board: SmallChain, acceptance: bool) -> None:
    redefine(board, acceptance=acceptance)
    alice, platform = board.address("alice"), board.address("platform")
    tokens = (token(1), token(2))
    order = order_of(board, 0, 2, numbers=(1, 2))
    pay, purses = bill(board, "platform", "mintSigned", steps=400, units=2)
    before, now = board.content(), board.time
    assert call(board, "platform", "mintSigned", order) == (
        pay,
        told("TransferBatch", CLASS, b"", (alice, alice), tokens),
        told("LockedBatch", CLASS, tokens),
        told("IssuedBatch", CLASS, platform, 2),
    )
    certificates = [certificate_of(board, number) for number in (1, 2)]
    recorded = Recorded.OFFERED if acceptance else Recorded.ACTIVE
    assert [(part.recorded, part.issuer, part.issued_at) for part in certificates] == [(recorded, platform, now)] * 2
    assert since(before, board) == {
        **purses,
        **stored(certificates[0]),
        **stored(certificates[1]),
        balance_key(CLASS, alice): amount(2),
        supply_key(CLASS): encode(Issued(count=2, latest=token(2))),
    }


@pytest.mark.parametrize("threshold", [1, 2, 3])
@pytest.mark.parametrize("signers", [places for count in range(4) for places in combinations(range(3), count)], ids=str)
def test_any_k_of_n_are_enough_and_fewer_are_not(chain: SmallChain, threshold: int, signers: tuple[int, ...]) -> None:
    name_signatories(chain, threshold)
    order = order_of(chain, *signers)
    if len(signers) >= threshold:
        call(chain, "platform", "mintSigned", order)
        assert chain.supply() == 1
    else:
        with chain.refuses("signatures-short", len(signers), threshold):
            call(chain, "platform", "mintSigned", order)


@pytest.mark.parametrize("signers", [(1, 0), (0, 0), (1, 1, 2), (0, 3), (2, 1, 0)], ids=str)
def test_signatories_out_of_order_twice_or_not_named_are_refused(board: SmallChain, signers: tuple[int, ...]) -> None:
    people = (*PEOPLE, "platform")
    order = sign(board, order_of(board), people)
    wrong = sign(board, replace(order, signers=signers), people)
    with board.refuses("signers-malformed"):
        call(board, "platform", "mintSigned", wrong)


@pytest.mark.parametrize("signers", [(-1, 0), (0, 16), tuple(range(17))], ids=str)
def test_a_place_is_one_of_sixteen(board: SmallChain, signers: tuple[int, ...]) -> None:
    order = order_of(board, 0, 1)
    with board.refuses("arguments-malformed"):
        call(board, "platform", "mintSigned", replace(order, signers=signers))


@pytest.mark.parametrize("count", [0, 1, 3])
def test_there_is_one_signature_for_each_signer(board: SmallChain, count: int) -> None:
    order = order_of(board, 0, 1)
    wrong = replace(order, signatures=(order.signatures * 2)[:count])
    with board.refuses("signers-malformed"):
        call(board, "platform", "mintSigned", wrong)


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("foreign", ["platform", "alice", "operator"])
def test_a_signature_by_another_than_the_one_named_is_refused(board: SmallChain, place: int, foreign: str) -> None:
    people = [*PEOPLE[:2]]
    people[place] = foreign
    with board.refuses("signature-not-valid", place):
        call(board, "platform", "mintSigned", sign(board, order_of(board, 0, 1), tuple(people)))


def test_one_wrong_signature_beside_enough_right_ones_refuses_all(board: SmallChain) -> None:
    order = order_of(board, 0, 1, 2)
    for place in range(3):
        signatures = [*order.signatures]
        signatures[place] = bytes(64)
        with board.refuses("signature-not-valid", place):
            call(board, "platform", "mintSigned", replace(order, signatures=tuple(signatures)))


@pytest.mark.parametrize("platform_flag", [False, True])
def test_a_frozen_signatory_signs_nothing(board: SmallChain, platform_flag: bool) -> None:
    board.set_flag("rival", active=False, platform_flag=platform_flag)
    for signers in ((0, 1), (0, 1, 2)):
        with board.refuses("account-frozen", board.address("rival")):
            call(board, "platform", "mintSigned", order_of(board, *signers))
    call(board, "platform", "mintSigned", order_of(board, 0, 2))


@pytest.mark.parametrize(
    "stated",
    [
        {"domain": Domain.META},
        {"network": bytes(32)},
        {"chain": "zunyi"},
        {"contract": "ddc1155"},
        {"class_id": "licence"},
        {"items": bytes(32)},
        {"deadline": 0},
    ],
    ids=str,
)
def test_a_signature_covers_where_which_class_what_and_until_when(board: SmallChain, stated: dict[str, Any]) -> None:
    good = order_of(board, 0, 1)
    with board.refuses("signature-not-valid", 0):
        call(board, "platform", "mintSigned", sign(board, good, PEOPLE, **stated))
    call(board, "platform", "mintSigned", good)


def test_a_signature_is_for_these_certificates_and_no_others(board: SmallChain) -> None:
    bob = settle(board, "bob")
    good = order_of(board, 0, 1, numbers=(1, 2), deadline=board.time + 5)
    one, two = good.items
    other_items = [
        (one,),
        (two, one),
        (one, two, replace(one, token=token(3))),
        *((one, replace(two, **changed)) for changed in ({"holder": bob}, {"uri": "u"}, {"content_root": bytes(32)})),
        *(
            (replace(one, **changed), two)
            for changed in ({"token": token(4)}, {"valid_from": 1}, {"valid_until": 2**52})
        ),
    ]
    changes: list[dict[str, Any]] = [{"deadline": good.deadline + 1}, *({"items": items} for items in other_items)]
    for changed in changes:
        with board.refuses("signature-not-valid", 0):
            call(board, "platform", "mintSigned", replace(good, **changed))
    call(board, "platform", "mintSigned", good)


def test_a_signature_for_one_class_is_none_for_another(board: SmallChain) -> None:
    board.define("platform", "licence")
    named = tuple(board.address(person) for person in PEOPLE)
    given = SetSignatories(class_id="licence", threshold=2, signatories=named)
    board.call("platform", "classes", "setSignatories", given)
    with board.refuses("signature-not-valid", 0):
        call(board, "platform", "mintSigned", replace(order_of(board, 0, 1), class_id="licence"))


def test_signatures_are_good_once(board: SmallChain) -> None:
    order = order_of(board, 0, 1, deadline=board.time + DAY_MS)
    call(board, "platform", "mintSigned", order)
    with board.refuses("token-exists", CLASS, token(1)):
        call(board, "platform", "mintSigned", order)


@pytest.mark.parametrize("ahead", [0, 1, DAY_MS])
def test_a_deadline_is_good_from_its_day_before_to_its_very_millisecond(board: SmallChain, ahead: int) -> None:
    call(board, "platform", "mintSigned", order_of(board, 0, 1, deadline=board.time + ahead))
    assert board.supply() == 1


def test_a_deadline_that_is_past_or_too_far_is_refused(board: SmallChain) -> None:
    now = board.time
    with board.refuses("deadline-passed", now - 1, now):
        call(board, "platform", "mintSigned", order_of(board, 0, 1, deadline=now - 1))
    with board.refuses("deadline-too-far", now + DAY_MS + 1, DAY_MS):
        call(board, "platform", "mintSigned", order_of(board, 0, 1, deadline=now + DAY_MS + 1))


def test_a_class_without_signatories_asks_for_no_signatures_and_one_with_them_takes_nothing_else(
    chain: SmallChain,
) -> None:
    with chain.refuses("signatures-not-asked", CLASS):
        call(chain, "platform", "mintSigned", order_of(chain, 0))
    name_signatories(chain)
    with chain.refuses("signatures-required", CLASS, 2):
        chain.mint()
    name_signatories(chain, 0, ())
    chain.mint()


def test_signatories_do_not_issue_by_themselves(board: SmallChain) -> None:
    with board.refuses("not-granted", CLASS):
        call(board, "rival", "mintSigned", order_of(board, 0, 1))


def test_a_signed_issue_is_taken_from_the_quota(board: SmallChain) -> None:
    fund(board, "operator")
    operator, until = board.address("operator"), board.time + 50_000
    given = DelegateIssuing(class_id=CLASS, address=operator, quota=2, until=until)
    board.call("platform", "classes", "delegateIssuing", given)
    with board.refuses("quota-exceeded", CLASS, 2):
        call(board, "operator", "mintSigned", order_of(board, 0, 1, numbers=(1, 2, 3)))
    call(board, "operator", "mintSigned", order_of(board, 0, 1, numbers=(1, 2)))
    assert grant_of(board.records, CLASS, operator) == Grant(quota=0, until=until)


@given(signers=st.lists(st.integers(0, 4), max_size=5), threshold=st.integers(1, 4))
def test_it_is_issued_if_and_only_if_enough_distinct_signatories_sign_in_order(
    signers: list[int], threshold: int
) -> None:
    chain = SmallChain.founded()
    chain.define()
    people = (*PEOPLE, "alice")
    name_signatories(chain, threshold, people)
    order = sign(chain, replace(order_of(chain), signers=tuple(signers)), (*people, "platform"))
    named = signers == sorted(set(signers)) and 4 not in signers
    if named and len(signers) >= threshold:
        call(chain, "platform", "mintSigned", order)
    else:
        with pytest.raises(ContractReverted) as refusal:
            call(chain, "platform", "mintSigned", order)
        assert refusal.value.code == ("signatures-short" if named else "signers-malformed")


def test_the_checks_of_a_signed_mint_stand_in_order() -> None:
    def play() -> Play:
        chain = SmallChain.founded()
        chain.define()
        name_signatories(chain)
        order = order_of(chain, 0, 1, numbers=(1, 2), deadline=chain.time + DAY_MS // 2)
        return Play(chain, "platform", "ddc721", "mintSigned", order)

    signatures: Spoils = (
        ("signatures-not-asked", of_class(threshold=0)),
        *REQUIRING,
        ("deadline-passed", arguments(deadline=0)),
        ("deadline-too-far", arguments(deadline=2**50)),
        ("signers-malformed", arguments(signers=(0,))),
        ("signatures-short", of_class(threshold=3)),
        ("account-frozen", account("owner", operator_active=False)),
        ("signature-not-valid", arguments(signatures=(bytes(64), bytes(64)))),
    )
    repeated = ("token-repeats", lambda play: arguments(items=play.arguments.items[:1] * 2)(play))
    assert_order(play, *OPEN, *OF_721, *signatures, *signed_anew(*GRANTED, repeated, *ISSUABLE), *PAID)
