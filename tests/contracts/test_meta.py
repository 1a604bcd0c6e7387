"""The holder signs, somebody else sends and pays: what the signature covers, counter and deadline (protocol 17.7)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chain.codec import encode
from chain.domains import Domain
from contracts.certificate import Issued, Recorded
from contracts.ddc721 import MetaMint
from contracts.ddc721_views import OfAddress
from contracts.interface import ContractReverted
from contracts.keys import balance_key, meta_key, supply_key
from tests.chain.record_strategies import any_of
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
from tests.contracts.meta_calls import MINTS, count_key, meta_burn, meta_mint, resign
from tests.contracts.small_chain import CLASS, SmallChain, item, token

SINGLE = ["metaMint", "metaSafeMint"]
BATCH = ["metaMintBatch", "metaSafeMintBatch"]


def counter(chain: SmallChain, person: str = "alice") -> object:
    return chain.read("getNonce", OfAddress(address=chain.address(person)))


@pytest.mark.parametrize("acceptance", [False, True])
@pytest.mark.parametrize("data", [b"", b"\0" * 256])
@pytest.mark.parametrize("method", SINGLE)
def test_a_signed_mint_is_accepted_by_its_signature_and_paid_by_who_sends_it(
    chain: SmallChain, method: str, data: bytes, acceptance: bool
) -> None:
    redefine(chain, acceptance=acceptance)
    plain = SmallChain.founded(chain.rules.chain_id)
    plain.define()
    plain.time = chain.time
    plain.mint()
    alice, platform = chain.address("alice"), chain.address("platform")
    pay, purses = bill(chain, "platform", method, steps=300)
    before = chain.content()
    assert call(chain, "platform", method, meta_mint(chain, method, data=data)) == (
        pay,
        told("Transfer", CLASS, b"", alice, token(1)),
        told("Locked", CLASS, token(1)),
        told("Issued", CLASS, platform, alice, token(1), 2),
        *((told("MintData", CLASS, data),) if data else ()),
        told("MetaTransfer", platform, b"", alice, 1),
    )
    assert since(before, chain) == {
        **purses,
        **stored(certificate_of(plain)),
        balance_key(CLASS, alice): amount(1),
        supply_key(CLASS): encode(Issued(count=1, latest=token(1))),
        count_key(chain): amount(1),
    }
    assert certificate_of(chain).recorded == Recorded.ACTIVE
    assert counter(chain) == 1


@pytest.mark.parametrize("method", BATCH)
def test_a_signed_batch_has_one_root_one_counter_and_one_signature(chain: SmallChain, method: str) -> None:
    redefine(chain, acceptance=True)
    alice, platform = chain.address("alice"), chain.address("platform")
    tokens = tuple(token(number) for number in range(1, 101))
    arguments = meta_mint(chain, method, *range(1, 101), data=b"all")
    pay, purses = bill(chain, "platform", method, steps=200 + 100 * 100, units=100)
    before = chain.content()
    assert call(chain, "platform", method, arguments) == (
        pay,
        told("TransferBatch", CLASS, b"", (alice,) * 100, tokens),
        told("LockedBatch", CLASS, tokens),
        told("IssuedBatch", CLASS, platform, 2),
        told("MintData", CLASS, b"all"),
        told("MetaTransfer", platform, b"", alice, 1),
    )
    changed = since(before, chain)
    assert (
        changed.items()
        >= {
            **purses,
            count_key(chain): amount(1),
            balance_key(CLASS, alice): amount(100),
            supply_key(CLASS): encode(Issued(count=100, latest=token(100))),
        }.items()
    )
    assert len(changed) == len(purses) + 3 + 100
    assert {certificate_of(chain, number).recorded for number in range(1, 101)} == {Recorded.ACTIVE}


def test_a_holder_s_signed_burn_is_paid_by_who_sends_it(chain: SmallChain) -> None:
    redefine(chain, burn_authorisation=1)
    chain.mint()
    fund(chain, "rival")
    alice, rival, before = chain.address("alice"), chain.address("rival"), certificate_of(chain)
    pay, purses = bill(chain, "rival", "metaBurn", steps=200)
    content = chain.content()
    assert call(chain, "rival", "metaBurn", meta_burn(chain, reason="left")) == (
        pay,
        told("Transfer", CLASS, alice, b"", token(1)),
        told("Burnt", CLASS, token(1), alice, "left"),
        told("MetaTransfer", rival, alice, b"", 1),
    )
    assert since(content, chain) == {
        **purses,
        **stored(replace(before, recorded=int(Recorded.BURNT))),
        balance_key(CLASS, alice): amount(0),
        count_key(chain): amount(1),
    }


@pytest.mark.parametrize("authorisation", ["issuer", "neither"])
def test_a_holder_burns_by_signature_only_what_it_could_burn_itself(chain: SmallChain, authorisation: str) -> None:
    redefine(chain, burn_authorisation=0 if authorisation == "issuer" else 3)
    chain.mint()
    with chain.refuses("burn-not-authorised", token(1), authorisation):
        call(chain, "platform", "metaBurn", meta_burn(chain))


@pytest.mark.parametrize("method", MINTS)
def test_each_counter_is_taken_once_and_in_order(chain: SmallChain, method: str) -> None:
    first = meta_mint(chain, method, 1, deadline=chain.time + DAY_MS)
    second = meta_mint(chain, method, 2, counter=2, deadline=chain.time + DAY_MS)
    with chain.refuses("counter-wrong", 1, 2):
        call(chain, "platform", method, second)
    with chain.refuses("counter-wrong", 1, 0):
        call(chain, "platform", method, meta_mint(chain, method, 1, counter=0))
    call(chain, "platform", method, first)
    for replayed in (first, first):
        with chain.refuses("counter-wrong", 2, 1):
            call(chain, "platform", method, replayed)
    call(chain, "platform", method, second)
    assert counter(chain) == 2


def test_all_forms_of_a_contract_share_one_counter_for_each_account_and_no_other_contract_has_it(
    chain: SmallChain,
) -> None:
    settle(chain, "bob")
    for place, method in enumerate(MINTS, 1):
        call(chain, "platform", method, meta_mint(chain, method, place, counter=place))
    call(chain, "platform", "metaBurn", meta_burn(chain, 1, counter=5))
    call(chain, "platform", "metaMint", meta_mint(chain, "metaMint", 9, person="bob"))
    assert (counter(chain), counter(chain, "bob")) == (5, 1)
    assert meta_key("ddc1155", chain.address("alice")) not in chain.content()


def test_a_relay_that_fails_leaves_the_counter_and_the_call_is_still_good(chain: SmallChain) -> None:
    arguments = meta_mint(chain, deadline=chain.time + DAY_MS)
    chain.grant("platform", granted=False)
    with chain.refuses("not-granted", CLASS):
        call(chain, "platform", "metaMint", arguments)
    chain.grant("platform")
    fund(chain, "platform", gas=0)
    with chain.refuses("gas-short", 300 * chain.rules.profile.gas_per_fen // 1_000, 0):
        call(chain, "platform", "metaMint", arguments)
    assert counter(chain) == 0
    fund(chain, "platform")
    call(chain, "platform", "metaMint", arguments)
    assert counter(chain) == 1


@pytest.mark.parametrize("ahead", [0, 1, DAY_MS])
def test_a_deadline_is_good_from_its_day_before_to_its_very_millisecond(chain: SmallChain, ahead: int) -> None:
    call(chain, "platform", "metaMint", meta_mint(chain, deadline=chain.time + ahead))
    assert chain.supply() == 1


def test_a_deadline_that_is_past_or_too_far_is_refused(chain: SmallChain) -> None:
    chain.mint(7)
    now = chain.time
    for method, make in (("metaMint", meta_mint), ("metaBurn", lambda chain, **given: meta_burn(chain, 7, **given))):
        with chain.refuses("deadline-passed", now - 1, now):
            call(chain, "platform", method, make(chain, deadline=now - 1))
        with chain.refuses("deadline-too-far", now + DAY_MS + 1, DAY_MS):
            call(chain, "platform", method, make(chain, deadline=now + DAY_MS + 1))


def refused(chain: SmallChain, method: str, arguments: Any, signer: str = "alice") -> None:
    with chain.refuses("meta-not-signed", chain.address(signer)):
        call(chain, "platform", method, arguments)


STATED: list[dict[str, Any]] = [
    {"domain": Domain.ISSUE},
    {"network": bytes(32)},
    {"chain": "zunyi"},
    {"contract": "ddc1155"},
    {"method": "mint"},
    {"signer": b"somebody"},
    {"arguments": bytes(32)},
    {"counter": 2},
    {"deadline": 1},
]


@pytest.mark.parametrize("stated", STATED, ids=str)
@pytest.mark.parametrize("method", [*MINTS, "metaBurn"])
def test_the_signature_covers_where_and_what_is_called_by_whom_and_when(
    chain: SmallChain, method: str, stated: dict[str, Any]
) -> None:
    chain.mint(7)
    good = meta_burn(chain, 7) if method == "metaBurn" else meta_mint(chain, method)
    refused(chain, method, resign(chain, method, good, **stated))
    call(chain, "platform", method, good)


@pytest.mark.parametrize("method", MINTS)
def test_a_signature_is_for_one_method(chain: SmallChain, method: str) -> None:
    others = SINGLE if method in SINGLE else BATCH
    arguments = meta_mint(chain, method)
    for other in set(others) - {method}:
        refused(chain, other, arguments)
    call(chain, "platform", method, arguments)


CHANGED_ITEM: list[dict[str, Any]] = [
    {"token": token(2)},
    {"content_root": bytes(32)},
    {"uri": "https://example.org/1"},
    {"valid_from": 5},
    {"valid_until": 2**53 - 1},
]


@pytest.mark.parametrize("method", MINTS)
def test_the_signature_covers_every_argument_of_a_mint(chain: SmallChain, method: str) -> None:
    chain.define("platform", "licence")
    good = meta_mint(chain, method, 1, data=b"data", deadline=chain.time + 10)
    (first,) = good.items
    changed: list[dict[str, Any]] = [{"class_id": "licence"}, {"data": b"dat"}, {"data": b""}, {"data": b"data\0"}]
    for item_change in CHANGED_ITEM:
        other = replace(first, **item_change)
        changed.append({"items": (other,)} if method in BATCH else {"item": other})
    for change in changed:
        refused(chain, method, replace(good, **change))
    refused(chain, method, replace(good, signed=replace(good.signed, deadline=good.signed.deadline + 1)))
    call(chain, "platform", method, good)


@pytest.mark.parametrize("method", BATCH)
def test_the_signature_covers_how_many_and_in_which_order(chain: SmallChain, method: str) -> None:
    good = meta_mint(chain, method, 1, 2, 3)
    one, two, three = good.items
    more = item(chain.address("alice"), 4)
    for items in ((one, two), (two, three), (two, one, three), (one, two, three, more), (three,), (one, two, more)):
        refused(chain, method, replace(good, items=items))
    call(chain, "platform", method, good)


def test_a_mint_for_another_needs_that_other_s_signature(chain: SmallChain) -> None:
    settle(chain, "bob")
    good = meta_mint(chain)
    refused(chain, "metaMint", replace(good, item=item(chain.address("bob"), 1)), "bob")
    refused(chain, "metaMint", resign(chain, "metaMint", good, "bob"))
    refused(chain, "metaMint", resign(chain, "metaMint", good, "platform"))


@pytest.mark.parametrize("method", BATCH)
def test_a_batch_is_one_holder_s(chain: SmallChain, method: str) -> None:
    settle(chain, "bob")
    good = meta_mint(chain, method, 1, 2)
    mixed = replace(good, items=(good.items[0], item(chain.address("bob"), 2)))
    with chain.refuses("holders-differ"):
        call(chain, "platform", method, resign(chain, method, mixed))


def test_the_signature_covers_every_argument_of_a_burn(chain: SmallChain) -> None:
    chain.mint(1)
    chain.mint(2)
    good = meta_burn(chain)
    for changed in ({"token": token(2)}, {"holder": chain.address("alice")}, {"reason": "other"}):
        refused(chain, "metaBurn", replace(good, **changed))
    refused(chain, "metaBurn", resign(chain, "metaBurn", good, "platform"))
    call(chain, "platform", "metaBurn", good)


@given(any_of(MetaMint), st.binary(max_size=64))
def test_no_other_call_and_no_other_signature_passes(drawn: MetaMint, signature: bytes) -> None:
    chain = SmallChain.founded()
    chain.define()
    good = meta_mint(chain)
    for other in (
        replace(good, class_id=drawn.class_id),
        replace(good, data=drawn.data or b"\0"),
        replace(good, item=drawn.item),
        replace(good, signed=replace(good.signed, signature=signature)),
        replace(good, signed=replace(good.signed, counter=drawn.signed.counter)),
        replace(good, signed=replace(good.signed, deadline=drawn.signed.deadline)),
    ):
        if other != good:
            with pytest.raises(ContractReverted) as refusal:
                call(chain, "platform", "metaMint", other)
            assert refusal.value.code not in ("class-unknown", "not-granted"), "the signature is looked at before"
    call(chain, "platform", "metaMint", good)
