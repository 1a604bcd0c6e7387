"""The ERC-1155 face: editions are issued to many, amount 1 each, and nothing ever changes hands (protocol 30)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain.codec import encode
from contracts import registry
from contracts.access import NO_DID
from contracts.certificate import Holding, Issued, Recorded
from contracts.classes import DelegateIssuing, Grant, grant_of
from contracts.ddc1155 import METHODS, TRANSFERS
from contracts.interface import ContractReverted, Role
from contracts.keys import approval_key, contract_purse, edition_key, holding_key, purse_key, supply_key
from tests.chain.small_genesis import did_of
from tests.contracts.certificate_calls import change_account, fund, settle, since
from tests.contracts.certificate_spoils import (
    GRANTED,
    OPEN,
    PAID,
    PERMITTED,
    account,
    address,
    listed_platform,
    of_class,
)
from tests.contracts.check_order import Play, Spoil, arguments, assert_order, paused
from tests.contracts.small_chain import CLASS, SmallChain, token
from tests.contracts.small_editions import (
    balance,
    because,
    call,
    create,
    edition_in,
    founded,
    holding_in,
    issue,
    issued,
    mark_holding,
    minting,
    minting_batch,
    of_edition,
    paid,
    told,
)

FOUNDED = founded()
ENDED = holding_in(founded(holders=("alice",)))
Spoils = tuple[tuple[str, Spoil], ...]


@pytest.fixture(params=["wuhan", "zhongyi"])
def chain(request: pytest.FixtureRequest) -> SmallChain:
    """A chain with one class of editions and its edition 1."""
    return founded(request.param)


def with_carrier(chain: SmallChain) -> SmallChain:
    """The chain with bob as its cross-chain account, which may issue of the class."""
    settle(chain, "bob", Role.CROSS_CHAIN)
    fund(chain, "bob")
    chain.grant("bob")
    return chain


@pytest.mark.parametrize("method", TRANSFERS)
@given(given=st.binary(max_size=200), sender=st.binary(min_size=1, max_size=96))
def test_a_transfer_is_refused_before_anything_else_is_looked_at(method: str, given: bytes, sender: bytes) -> None:
    """Whoever calls, with whatever arguments: the context given here cannot even be read."""

    class Untouchable:
        def __getattr__(self, name: str) -> Any:
            raise AssertionError(f"{name} was looked at")

    context: Any = Untouchable()
    with pytest.raises(ContractReverted) as refusal:
        registry.call(context, FOUNDED.transaction(sender, "ddc1155", method, given))
    assert (refusal.value.code, refusal.value.values) == ("non-transferable", ())


def test_every_method_is_one_of_these() -> None:
    """No method gives a holding to somebody of the caller's choice but those that issue it."""
    assert set(METHODS) == {
        "createEdition", "setURI", "freezeEdition", "unfreezeEdition", "withdrawEdition",
        "safeMint", "safeMintBatch", "crossSafeMint", "metaSafeMint", "metaSafeMintBatch",
        "accept", "decline", "revoke", "freeze", "unfreeze", "lock", "unlock", "setUser", "setAttribute",
        "requestRebind", "approveRebind", "objectRebind", "completeRebind",
        "burn", "burnBatch", "metaBurn", "metaBurnBatch",
        "pause", "unpause", "setNameAndSymbol",
        "safeTransferFrom", "safeBatchTransferFrom", "metaSafeTransferFrom", "metaSafeBatchTransferFrom",
        "setApprovalForAll",
    }  # fmt: skip
    assert {name for name, method in METHODS.items() if method.arguments is None} == set(TRANSFERS)


@pytest.mark.parametrize("acceptance", [False, True])
def test_a_holding_is_recorded_under_its_edition_and_holder(acceptance: bool) -> None:
    chain = founded(acceptance=acceptance, burn_authorisation=0)
    create(chain, 2, valid_from=7, valid_until=9)
    was, before, time = edition_in(chain, 2), chain.content(), chain.time
    events = call(chain, "platform", "safeMint", minting(chain, number=2, data=b"for the followers"))
    platform, alice = chain.address("platform"), chain.address("alice")
    assert holding_in(chain, number=2) == Holding(
        token=token(2),
        class_id=CLASS,
        issuer=platform,
        issuer_did=did_of("platform"),
        holder=alice,
        holder_did=did_of("alice"),
        issued_at=time,
        valid_from=7,
        valid_until=9,
        recorded=int(Recorded.OFFERED if acceptance else Recorded.ACTIVE),
        frozen=False,
        locked=False,
        burn_authorisation=0,
        attributes=(),
        user=None,
        user_until=None,
    )
    assert (was.holdings, edition_in(chain, 2).holdings, issued(chain)) == (0, 1, Issued(count=1, latest=token(2)))
    keys = {holding_key(CLASS, token(2), alice), edition_key(CLASS, token(2)), supply_key(CLASS), purse_key(platform)}
    assert set(since(before, chain)) - {purse_key(contract_purse("ddc1155"))} == keys
    assert events == (
        paid(chain, "platform", "safeMint", steps=300),
        told("TransferSingle", platform, b"", alice, CLASS, token(2), 1),
        told("MintData", CLASS, b"for the followers"),
    )


def test_without_data_nothing_is_told_of_it(chain: SmallChain) -> None:
    assert [event.name for event in issue(chain)] == ["Pay", "TransferSingle"]


def test_a_batch_issues_one_edition_to_many(chain: SmallChain) -> None:
    holders = ("alice", "carol", "dave")
    addresses = tuple(chain.address(holder) for holder in holders)
    events = call(chain, "platform", "safeMintBatch", minting_batch(chain, *holders, data=b"x"))
    assert events == (
        paid(chain, "platform", "safeMintBatch", steps=500, units=3),
        told("TransferBatch", chain.address("platform"), b"", addresses, CLASS, (token(1),) * 3),
        told("MintData", CLASS, b"x"),
    )
    assert (edition_in(chain).holdings, issued(chain)) == (3, Issued(count=3, latest=token(1)))
    assert [balance(chain, holder) for holder in holders] == [1, 1, 1]
    assert {holding_in(chain, holder).holder for holder in holders} == set(addresses)


@pytest.mark.parametrize("spoiled", ["rival", "bob", "alice"])
def test_a_batch_whose_last_item_fails_leaves_nothing(chain: SmallChain, spoiled: str) -> None:
    """Another platform, nobody, and one who has a holding already."""
    issue(chain)
    code = {"rival": "holder-of-other-platform", "bob": "holder-unknown", "alice": "holding-exists"}[spoiled]
    values = (token(1), chain.address("alice")) if spoiled == "alice" else (chain.address(spoiled),)
    with chain.refuses(code, *values):
        call(chain, "platform", "safeMintBatch", minting_batch(chain, "carol", "dave", spoiled))


@pytest.mark.parametrize("amount", [0, 2, 2**53 - 1])
def test_an_amount_other_than_one_is_refused(chain: SmallChain, amount: int) -> None:
    with chain.refuses("amount-not-one", amount):
        call(chain, "platform", "safeMint", minting(chain, amount=amount))
    with chain.refuses("amount-not-one", amount):
        call(chain, "platform", "safeMintBatch", minting_batch(chain, "alice", "carol", amounts=(1, amount)))


@pytest.mark.parametrize("amounts", [(), (1,), (1, 1, 1)])
def test_a_batch_has_an_amount_for_every_holder(chain: SmallChain, amounts: tuple[int, ...]) -> None:
    with chain.refuses("lengths-differ", 2, len(amounts)):
        call(chain, "platform", "safeMintBatch", minting_batch(chain, "alice", "carol", amounts=amounts))


def test_a_batch_names_nobody_twice(chain: SmallChain) -> None:
    with chain.refuses("holding-repeats", CLASS):
        call(chain, "platform", "safeMintBatch", minting_batch(chain, "alice", "carol", "alice"))


@pytest.mark.parametrize("count", [0, 101])
def test_a_batch_is_for_one_to_a_hundred(chain: SmallChain, count: int) -> None:
    given = (CLASS, token(1), (chain.address("alice"),) * count, (1,) * count, b"")
    with chain.refuses("arguments-malformed"):
        chain.call("platform", "ddc1155", "safeMintBatch", encode(given))


@pytest.mark.parametrize("recorded", [Recorded.REVOKED, Recorded.BURNT, Recorded.MOVED])
def test_whoever_had_a_holding_of_an_edition_gets_no_second_one(chain: SmallChain, recorded: Recorded) -> None:
    """Its record would be overwritten; another edition is what is issued anew."""
    issue(chain)
    mark_holding(chain, recorded=int(recorded))
    with chain.refuses("holding-exists", token(1), chain.address("alice")):
        issue(chain)
    create(chain, 2)
    issue(chain, number=2)


def test_nothing_is_issued_of_an_edition_that_is_frozen_or_withdrawn(chain: SmallChain) -> None:
    call(chain, "operator", "freezeEdition", because())
    with chain.refuses("edition-frozen", CLASS, token(1)):
        issue(chain)
    call(chain, "platform", "withdrawEdition", because())
    with chain.refuses("edition-withdrawn", CLASS, token(1)):
        issue(chain)


def test_the_issuer_of_a_holding_is_who_issued_it_and_uses_its_quota(chain: SmallChain) -> None:
    right = DelegateIssuing(class_id=CLASS, address=chain.address("operator"), quota=3, until=chain.time + 60_000)
    chain.call("platform", "classes", "delegateIssuing", right)
    call(chain, "operator", "safeMintBatch", minting_batch(chain, "alice", "carol"))
    assert grant_of(chain.records, CLASS, chain.address("operator")) == Grant(quota=1, until=right.until)
    assert holding_in(chain).issuer == chain.address("operator") != edition_in(chain).issuer
    with chain.refuses("quota-exceeded", CLASS, 1):
        call(chain, "operator", "safeMintBatch", minting_batch(chain, "dave", "rival"))


def test_a_platform_issues_to_another_s_holders_where_an_operator_approved(chain: SmallChain) -> None:
    change_account(chain, "carol", leader=did_of("rival"))
    with chain.refuses("holder-of-other-platform", chain.address("carol")):
        issue(chain, "carol")
    chain.write(approval_key(did_of("platform"), did_of("rival")), b"\1")
    issue(chain, "carol")


def test_a_holder_without_did_may_hold(chain: SmallChain) -> None:
    change_account(chain, "carol", did=NO_DID)
    issue(chain, "carol")
    assert holding_in(chain, "carol").holder_did == NO_DID


def test_a_cross_chain_account_that_is_granted_the_class_issues_to_every_platform_s_holders(chain: SmallChain) -> None:
    with_carrier(chain)
    change_account(chain, "carol", leader=did_of("rival"))
    for holder in ("alice", "carol"):
        events = call(chain, "bob", "crossSafeMint", minting(chain, holder, data=b"from afar"))
        assert events == (
            paid(chain, "bob", "crossSafeMint", steps=300),
            told("TransferSingle", chain.address("bob"), b"", chain.address(holder), CLASS, token(1), 1),
            told("MintData", CLASS, b"from afar"),
        )
    assert (balance(chain, "alice"), balance(chain, "carol"), edition_in(chain).holdings) == (1, 1, 2)


def test_what_crosses_is_of_a_quota_too(chain: SmallChain) -> None:
    with_carrier(chain)
    right = DelegateIssuing(class_id=CLASS, address=chain.address("bob"), quota=1, until=chain.time + 60_000)
    chain.call("platform", "classes", "delegateIssuing", right)
    call(chain, "bob", "crossSafeMint", minting(chain))
    with chain.refuses("quota-exceeded", CLASS, 0):
        call(chain, "bob", "crossSafeMint", minting(chain, "carol"))
    chain.grant("bob", granted=False)
    with chain.refuses("not-granted", CLASS):
        call(chain, "bob", "crossSafeMint", minting(chain, "carol"))


@pytest.mark.parametrize("acceptance", [False, True])
def test_what_crosses_is_offered_where_the_class_asks_for_acceptance(acceptance: bool) -> None:
    chain = with_carrier(founded(acceptance=acceptance))
    call(chain, "bob", "crossSafeMint", minting(chain))
    assert holding_in(chain).recorded == int(acceptance)


OF_1155: Spoils = (("class-unknown", arguments(class_id="other")), ("class-of-other-standard", of_class(standard=721)))
EDITION: Spoils = (
    ("edition-unknown", arguments(token=token(9))),
    ("edition-withdrawn", of_edition(withdrawn=True)),
    ("edition-frozen", of_edition(frozen=True)),
)
HOLDER: Spoils = (
    ("holder-unknown", arguments(holder=address("bob"))),
    ("holder-frozen", account("alice", operator_active=False)),
    ("holder-of-other-platform", account("alice", leader=did_of("rival"))),
    ("holding-exists", lambda play: play.chain.write(holding_key(CLASS, token(1), ENDED.holder), ENDED)),
)


ONE: Spoils = (("amount-not-one", arguments(amount=2)), *HOLDER)


def test_the_checks_of_safe_mint_stand_in_order() -> None:
    def play() -> Play:
        chain = founded()
        return Play(chain, "platform", "ddc1155", "safeMint", minting(chain))

    assert_order(play, *OPEN, *OF_1155, *GRANTED, *EDITION, *ONE, *PAID)


def test_the_checks_of_safe_mint_batch_stand_in_order() -> None:
    def play() -> Play:
        chain = founded()
        return Play(chain, "platform", "ddc1155", "safeMintBatch", minting_batch(chain, "alice", "carol"))

    def twice(play: Play) -> None:
        arguments(holders=(play.chain.address("alice"),) * 2)(play)

    def unknown(play: Play) -> None:
        arguments(holders=(play.chain.address("carol"), play.chain.address("bob")))(play)

    many: Spoils = (
        ("holding-repeats", twice),
        ("lengths-differ", arguments(amounts=(2,))),
        ("amount-not-one", arguments(amounts=(1, 2))),
        ("holder-unknown", unknown),
    )
    assert_order(play, *OPEN, *OF_1155, *GRANTED, *EDITION, *many, *HOLDER[1:], *PAID)


def test_the_checks_of_cross_safe_mint_stand_in_order() -> None:
    """Where the list lets a platform cross, it still keeps to its own holders."""

    def play() -> Play:
        chain = founded()
        change_account(chain, "rival", role=int(Role.CROSS_CHAIN))
        fund(chain, "rival")
        chain.grant("rival")
        return Play(chain, "rival", "ddc1155", "crossSafeMint", minting(chain))

    def paused_for_platforms(play: Play) -> None:
        play.sender = "platform"
        paused(play)

    def of_another(play: Play) -> None:
        account("alice", leader=did_of("rival"))(play)
        listed_platform(play)

    holder = tuple((code, of_another if code == "holder-of-other-platform" else spoil) for code, spoil in ONE)
    issuer = (*OF_1155, *GRANTED)
    assert_order(play, ("contract-paused", paused_for_platforms), *PERMITTED, *issuer, *EDITION, *holder, *PAID)
