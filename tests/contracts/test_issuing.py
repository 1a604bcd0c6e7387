"""Forms of issuing: offered whatever the class says, by the cross-chain role; and the checks of all of them in order."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from chain.codec import encode
from contracts.certificate import Issued, Recorded
from contracts.classes import DelegateIssuing, Grant, grant_of
from contracts.interface import Role
from contracts.issuing import Mint, MintBatch, SafeMint, SafeMintBatch
from contracts.keys import balance_key, grant_key, supply_key
from contracts.owning import Pause
from contracts.purses import Purse, purse_of
from tests.contracts.certificate_calls import (
    amount,
    bill,
    call,
    certificate_of,
    fee,
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
    PERMITTED,
    SINGLE,
    UNSIGNED,
)
from tests.contracts.check_order import Play, assert_order
from tests.contracts.small_chain import CLASS, SmallChain, item, token


def safe(chain: SmallChain, number: int = 1, holder: str = "alice", data: bytes = b"", **changed: Any) -> SafeMint:
    return SafeMint(class_id=CLASS, item=item(chain.address(holder), number, **changed), data=data)


def safe_batch(chain: SmallChain, *holders: str, data: bytes = b"") -> SafeMintBatch:
    items = tuple(item(chain.address(holder), number) for number, holder in enumerate(holders, 1))
    return SafeMintBatch(class_id=CLASS, items=items, data=data)


def bridged(chain: SmallChain) -> None:
    """A cross-chain account that the class's definer lets issue."""
    settle(chain, "dave", Role.CROSS_CHAIN)
    chain.grant("dave")
    fund(chain, "dave")


def events_of(chain: SmallChain, sender: str, data: bytes) -> tuple[Any, ...]:
    alice = chain.address("alice")
    return (
        told("Transfer", CLASS, b"", alice, token(1)),
        told("Locked", CLASS, token(1)),
        told("Issued", CLASS, chain.address(sender), alice, token(1), 2),
        *((told("MintData", CLASS, data),) if data else ()),
    )


@pytest.mark.parametrize("acceptance", [False, True])
@pytest.mark.parametrize("data", [b"", b"\0" * 256])
@pytest.mark.parametrize(("method", "sender"), [("safeMint", "platform"), ("crossSafeMint", "dave")])
def test_a_safe_mint_offers_whatever_the_class_says_and_tells_the_data(
    chain: SmallChain, method: str, sender: str, data: bytes, acceptance: bool
) -> None:
    bridged(chain)
    redefine(chain, acceptance=acceptance)
    plain = SmallChain.founded(chain.rules.chain_id)
    plain.define()
    plain.time = chain.time
    plain.mint()
    pay, purses = bill(chain, sender, method, steps=300)
    before = chain.content()
    assert call(chain, sender, method, safe(chain, data=data)) == (pay, *events_of(chain, sender, data))
    certificate = certificate_of(chain)
    assert certificate == replace(
        certificate_of(plain),
        recorded=int(Recorded.OFFERED),
        issuer=chain.address(sender),
        issuer_did=certificate.issuer_did,
    )
    assert since(before, chain) == {
        **purses,
        **stored(certificate),
        balance_key(CLASS, chain.address("alice")): amount(1),
        supply_key(CLASS): encode(Issued(count=1, latest=token(1))),
    }


def test_a_safe_batch_offers_all_and_tells_the_data_once(chain: SmallChain) -> None:
    settle(chain, "bob")
    arguments = safe_batch(chain, "alice", "bob", "alice", data=b"course 7")
    pay, purses = bill(chain, "platform", "safeMintBatch", steps=500, units=3)
    tokens = tuple(part.token for part in arguments.items)
    before = chain.content()
    assert call(chain, "platform", "safeMintBatch", arguments) == (
        pay,
        told("TransferBatch", CLASS, b"", tuple(part.holder for part in arguments.items), tokens),
        told("LockedBatch", CLASS, tokens),
        told("IssuedBatch", CLASS, chain.address("platform"), 2),
        told("MintData", CLASS, b"course 7"),
    )
    certificates = [certificate_of(chain, number) for number in (1, 2, 3)]
    assert {certificate.recorded for certificate in certificates} == {Recorded.OFFERED}
    assert since(before, chain) == {
        **purses,
        **stored(certificates[0]),
        **stored(certificates[1]),
        **stored(certificates[2]),
        balance_key(CLASS, chain.address("alice")): amount(2),
        balance_key(CLASS, chain.address("bob")): amount(1),
        supply_key(CLASS): encode(Issued(count=3, latest=token(3))),
    }


@pytest.mark.parametrize("method", ["safeMint", "safeMintBatch"])
def test_data_has_at_most_256_bytes(chain: SmallChain, method: str) -> None:
    with chain.refuses("arguments-malformed"):
        arguments = (
            safe(chain, data=bytes(257)) if method == "safeMint" else safe_batch(chain, "alice", data=bytes(257))
        )
        call(chain, "platform", method, arguments)


def test_a_batch_whose_last_is_wrong_leaves_nothing(chain: SmallChain) -> None:
    settle(chain, "bob", leader="rival")
    with chain.refuses("holder-of-other-platform", chain.address("bob")):
        call(chain, "platform", "safeMintBatch", safe_batch(chain, "alice", "alice", "bob"))
    last = replace(safe_batch(chain, "alice", "alice"), items=(*safe_batch(chain, "alice").items,) * 2)
    with chain.refuses("token-repeats", CLASS):
        call(chain, "platform", "safeMintBatch", last)
    assert chain.supply() == 0


def test_the_cross_chain_role_issues_to_holders_of_every_platform_and_through_a_pause(chain: SmallChain) -> None:
    bridged(chain)
    settle(chain, "bob", leader="rival")
    chain.call("owner", "ddc721", "pause", Pause())
    call(chain, "dave", "crossSafeMint", safe(chain, 1, "bob"))
    call(chain, "dave", "crossSafeMint", safe(chain, 2, "alice"))
    assert (chain.balance("bob"), chain.balance("alice")) == (1, 1)


@pytest.mark.parametrize("person", ["platform", "operator", "alice"])
def test_no_other_role_issues_as_the_cross_chain_one_does(chain: SmallChain, person: str) -> None:
    role = {"platform": Role.PLATFORM, "operator": Role.OPERATOR, "alice": Role.CONSUMER}[person]
    chain.write(grant_key(CLASS, chain.address(person)), Grant(quota=None, until=None))
    with chain.refuses("method-not-permitted", role, "ddc721", "crossSafeMint"):
        call(chain, person, "crossSafeMint", safe(chain))


def test_the_cross_chain_role_issues_only_what_the_definer_lets_it(chain: SmallChain) -> None:
    settle(chain, "dave", Role.CROSS_CHAIN)
    fund(chain, "dave")
    dave = chain.address("dave")
    with chain.refuses("not-granted", CLASS):
        call(chain, "dave", "crossSafeMint", safe(chain))
    delegated = DelegateIssuing(class_id=CLASS, address=dave, quota=1, until=chain.time + 10_000)
    chain.call("platform", "classes", "delegateIssuing", delegated)
    call(chain, "dave", "crossSafeMint", safe(chain, 1))
    assert grant_of(chain.records, CLASS, dave) == Grant(quota=0, until=delegated.until)
    with chain.refuses("quota-exceeded", CLASS, 0):
        call(chain, "dave", "crossSafeMint", safe(chain, 2))
    redefine(chain, threshold=1)
    with chain.refuses("signatures-required", CLASS, 1):
        call(chain, "dave", "crossSafeMint", safe(chain, 2))


def test_a_refused_issue_costs_nothing_and_an_issue_costs_for_each(chain: SmallChain) -> None:
    alice, platform = chain.address("alice"), chain.address("platform")
    before = purse_of(chain.records, platform)
    with chain.refuses("token-repeats", CLASS):
        chain.mint_batch(item(alice, 1), item(alice, 1))
    chain.mint_batch(*(item(alice, number) for number in range(4)))
    gas = (200 + 4 * 100) * chain.rules.profile.gas_per_fen // 1_000
    assert purse_of(chain.records, platform) == Purse(
        fen=before.fen - 4 * fee(chain, "mintBatch"), gas=before.gas - gas
    )


def one(record: Any) -> Callable[[SmallChain], Any]:
    return lambda chain: record(class_id=CLASS, item=item(chain.address("alice"), 1))


def two(record: Any) -> Callable[[SmallChain], Any]:
    return lambda chain: record(
        class_id=CLASS, items=(item(chain.address("alice"), 1), item(chain.address("alice"), 2))
    )


def repeated(play: Play) -> None:
    """The second certificate has the first one's token."""
    first = play.arguments.items[0]
    play.arguments = replace(play.arguments, items=(first, first))


REPEATS = (("token-repeats", repeated),)
ISSUING: dict[str, tuple[Callable[[SmallChain], Any], Any, Any, frozenset[str]]] = {
    "mint": (one(Mint), OPEN, (), SINGLE),
    "safeMint": (safe, OPEN, (), SINGLE),
    "crossSafeMint": (safe, PERMITTED, (), SINGLE | {"holder-of-other-platform"}),
    "mintBatch": (two(MintBatch), OPEN, REPEATS, frozenset()),
    "safeMintBatch": (lambda chain: safe_batch(chain, "alice", "alice"), OPEN, REPEATS, frozenset()),
}


@pytest.mark.parametrize("method", ISSUING)
def test_the_checks_of_issuing_stand_in_order(method: str) -> None:
    arguments, gates, repeats, absent = ISSUING[method]

    def play() -> Play:
        chain = SmallChain.founded()
        chain.define()
        bridged(chain)
        return Play(chain, "dave" if method == "crossSafeMint" else "platform", "ddc721", method, arguments(chain))

    spoils = (*gates, *OF_721, *UNSIGNED, *GRANTED, *repeats, *ISSUABLE, *PAID)
    assert_order(play, *(spoil for spoil in spoils if spoil[0] not in absent), absent=absent)
