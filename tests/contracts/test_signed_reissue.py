"""A certificate in place of another, where signatories of the class sign for it (protocol 17.8)."""

from typing import Any

import pytest
from msgspec.structs import replace

from chain.codec import encode
from contracts.certificate import Issued, Recorded
from contracts.classes import DelegateIssuing, Grant, grant_of
from contracts.ddc721 import Reissue
from contracts.keys import balance_key, supply_key
from contracts.signatories import MintSigned, ReissueSigned
from tests.chain.small_genesis import did_of
from tests.contracts.certificate_calls import (
    DAY_MS,
    amount,
    bill,
    call,
    certificate_of,
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
    REQUIRING,
    SINGLE,
    Spoils,
    account,
    address,
    marked,
    of_class,
)
from tests.contracts.check_order import Play, arguments, assert_order
from tests.contracts.signatory_calls import PEOPLE, name_signatories, sign, signed_anew
from tests.contracts.small_chain import CLASS, SmallChain, item, token


@pytest.fixture
def board(chain: SmallChain) -> SmallChain:
    """Two certificates of alice's, who has a second account; two of three sign for the class by now."""
    chain.mint(1)
    chain.mint(5)
    settle(chain, "carol", did="alice")
    name_signatories(chain)
    return chain


def order_of(chain: SmallChain, *signers: int, holder: str = "alice", number: int = 2, **changed: Any) -> ReissueSigned:
    """A new certificate in place of the first one that these signatories sign."""
    order = ReissueSigned(
        class_id=CLASS,
        token=token(1),
        holder=None,
        item=item(chain.address(holder), number),
        reason="misspelt",
        deadline=chain.time + DAY_MS // 2,
        signers=signers,
        signatures=(),
    )
    return sign(chain, replace(order, **changed))


@pytest.mark.parametrize("holder", ["alice", "carol"])
@pytest.mark.parametrize("acceptance", [False, True])
def test_what_enough_signatories_sign_takes_the_place_of_the_old_one(
    board: SmallChain, holder: str, acceptance: bool
) -> None:
    redefine(board, acceptance=acceptance)
    old = certificate_of(board)
    alice, to, platform = board.address("alice"), board.address(holder), board.address("platform")
    order = order_of(board, 0, 2, holder=holder)
    pay, purses = bill(board, "platform", "reissueSigned", steps=300)
    before, now = board.content(), board.time
    assert call(board, "platform", "reissueSigned", order) == (
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
        content_root=order.item.content_root,
        issued_at=now,
        valid_from=now,
        recorded=int(Recorded.OFFERED if acceptance else Recorded.ACTIVE),
        supersedes=token(1),
    )
    balances = {balance_key(CLASS, alice): amount(1), balance_key(CLASS, to): amount(1)} if holder != "alice" else {}
    assert since(before, board) == {
        **purses,
        **stored(replace(old, recorded=int(Recorded.REVOKED), superseded_by=token(2))),
        **stored(new),
        **balances,
        supply_key(CLASS): encode(Issued(count=3, latest=token(2))),
    }


def test_a_class_with_signatories_takes_nothing_unsigned_and_one_without_asks_for_none(board: SmallChain) -> None:
    order = order_of(board, 0, 1)
    unsigned = Reissue(class_id=CLASS, token=token(1), holder=None, item=order.item, reason=order.reason)
    with board.refuses("signatures-required", CLASS, 2):
        call(board, "platform", "reissue", unsigned)
    name_signatories(board, 0, ())
    with board.refuses("signatures-not-asked", CLASS):
        call(board, "platform", "reissueSigned", order)
    call(board, "platform", "reissue", unsigned)


@pytest.mark.parametrize(
    "stated",
    [
        {"token": token(5)},
        {"reason": "name-changed"},
        {"token": None},
        {"reason": None},
        {"token": None, "reason": None},
        {"contract": "ddc1155"},
        {"class_id": "licence"},
        {"items": bytes(32)},
        {"deadline": 0},
        {"chain": "zunyi"},
    ],
    ids=str,
)
def test_a_signature_covers_the_old_token_and_the_reason_too(board: SmallChain, stated: dict[str, Any]) -> None:
    good = order_of(board, 0, 1)
    with board.refuses("signature-not-valid", 0):
        call(board, "platform", "reissueSigned", sign(board, good, PEOPLE, **stated))
    call(board, "platform", "reissueSigned", good)


@pytest.mark.parametrize("changed", [{"token": token(5)}, {"reason": "name-changed"}], ids=str)
def test_signatures_for_one_old_certificate_and_reason_are_none_for_another(
    board: SmallChain, changed: dict[str, Any]
) -> None:
    good = order_of(board, 0, 1)
    with board.refuses("signature-not-valid", 0):
        call(board, "platform", "reissueSigned", replace(good, **changed))
    call(board, "platform", "reissueSigned", good)


def test_who_signed_for_an_issue_has_signed_for_no_reissue_nor_the_other_way_round(board: SmallChain) -> None:
    good = order_of(board, 0, 1)
    same = {"class_id": CLASS, "items": good.items, "deadline": good.deadline, "signers": good.signers}
    mint = sign(board, MintSigned(**same, signatures=()))
    with board.refuses("signature-not-valid", 0):
        call(board, "platform", "reissueSigned", replace(good, signatures=mint.signatures))
    with board.refuses("signature-not-valid", 0):
        call(board, "platform", "mintSigned", replace(mint, signatures=good.signatures))
    call(board, "platform", "mintSigned", mint)


def test_who_must_hold_the_old_one_is_no_part_of_what_is_signed(board: SmallChain) -> None:
    good = order_of(board, 0, 1)
    with board.refuses("holder-differs", board.address("alice")):
        call(board, "platform", "reissueSigned", replace(good, holder=board.address("carol")))
    call(board, "platform", "reissueSigned", replace(good, holder=board.address("alice")))


@pytest.mark.parametrize("signers", [(), (0,), (2,)], ids=str)
def test_too_few_signatories_reissue_nothing(board: SmallChain, signers: tuple[int, ...]) -> None:
    with board.refuses("signatures-short", len(signers), 2):
        call(board, "platform", "reissueSigned", order_of(board, *signers))


def test_signatures_are_good_once(board: SmallChain) -> None:
    order = order_of(board, 0, 1)
    call(board, "platform", "reissueSigned", order)
    with board.refuses("certificate-final", token(1), "revoked"):
        call(board, "platform", "reissueSigned", order)


def test_a_signed_reissue_is_taken_from_the_quota(board: SmallChain) -> None:
    fund(board, "operator")
    operator, until = board.address("operator"), board.time + 50_000
    delegated = DelegateIssuing(class_id=CLASS, address=operator, quota=1, until=until)
    board.call("platform", "classes", "delegateIssuing", delegated)
    call(board, "operator", "reissueSigned", order_of(board, 0, 1))
    assert grant_of(board.records, CLASS, operator) == Grant(quota=0, until=until)
    with board.refuses("quota-exceeded", CLASS, 0):
        call(board, "operator", "reissueSigned", order_of(board, 0, 1, number=3, token=token(2)))


def test_the_checks_of_a_signed_reissue_stand_in_order() -> None:
    def play() -> Play:
        chain = SmallChain.founded()
        chain.define()
        chain.mint()
        name_signatories(chain)
        return Play(chain, "platform", "ddc721", "reissueSigned", order_of(chain, 0, 1))

    def not_its_issuer(play: Play) -> None:
        mark(play.chain, issuer=play.chain.address("rival"))
        redefine(play.chain, issuer=play.chain.address("rival"), issuer_revokes=True)

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
    of_old: Spoils = (*KNOWN, ("not-granted", not_its_issuer), *LIVE, *NOT_FROZEN, *NOT_LOCKED)
    other_did = ("holder-of-other-did", marked(holder=address("rival"), holder_did=did_of("rival")))
    signed = signed_anew(*GRANTED, *of_old, *ISSUABLE, other_did)
    assert_order(play, *OPEN, *OF_721, *signatures, *signed, *PAID, absent=SINGLE)
