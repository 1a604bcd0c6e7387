"""Holdings that their holder signs for and somebody else relays: metaSafeMint, metaBurn and their batches (protocol 17.7, 30.3)."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from contracts.certificate import Recorded
from contracts.classes import UNLIMITED, DelegateIssuing, Grant, grant_of
from contracts.keys import (
    class_key,
    contract_purse,
    edition_key,
    grant_key,
    holding_key,
    meta_key,
    purse_key,
    supply_key,
)
from contracts.meta import DEADLINE_MS_MAX, Signed, counter_of
from tests.chain.small_network import rules_of
from tests.contracts.certificate_calls import class_in, redefine, since
from tests.contracts.small_chain import CLASS, SmallChain, token
from tests.contracts.small_editions import (
    balance,
    call,
    create,
    edition_in,
    founded,
    holding_in,
    issue,
    meta_burn,
    meta_burn_batch,
    meta_mint,
    meta_mint_batch,
    paid,
    signed,
    told,
)

Maker = Callable[[SmallChain], Any]
METHODS: dict[str, Maker] = {
    "metaSafeMint": lambda chain: meta_mint(chain, number=3),
    "metaSafeMintBatch": lambda chain: meta_mint_batch(chain, 3, 4),
    "metaBurn": meta_burn,
    "metaBurnBatch": lambda chain: meta_burn_batch(chain, 1, 2),
}
PARTS: dict[str, tuple[str, ...]] = {
    "metaSafeMint": ("class_id", "token", "holder", "data", "counter", "deadline"),
    "metaSafeMintBatch": ("class_id", "tokens", "holder", "data", "counter", "deadline"),
    "metaBurn": ("class_id", "token", "holder", "reason", "counter", "deadline"),
    "metaBurnBatch": ("class_id", "holder", "tokens", "reason", "counter", "deadline"),
}
"""Every field that a call of the method has beside amounts, which are 1, and the signature."""


def ready(chain_id: str = "wuhan") -> SmallChain:
    """A chain with editions 1 to 4 of which alice and carol have holdings of 1 and 2."""
    chain = founded(chain_id, holders=("alice", "carol"))
    for number in (2, 3, 4):
        create(chain, number)
    for holder in ("alice", "carol"):
        issue(chain, holder, 2)
    return chain


@pytest.fixture(params=["wuhan", "zhongyi"])
def chain(request: pytest.FixtureRequest) -> SmallChain:
    return ready(request.param)


READY = ready()
every_method = pytest.mark.parametrize("method", METHODS)


def test_a_holding_that_is_signed_for_needs_no_acceptance(chain: SmallChain) -> None:
    redefine(chain, acceptance=True)
    before = chain.content()
    events = call(
        chain, "platform", "metaSafeMint", signed(chain, "metaSafeMint", meta_mint(chain, number=3, data=b"x"))
    )
    platform, alice = chain.address("platform"), chain.address("alice")
    assert events == (
        paid(chain, "platform", "metaSafeMint", steps=300),
        told("TransferSingle", platform, b"", alice, CLASS, token(3), 1),
        told("MintData", CLASS, b"x"),
        told("MetaTransfer", platform, b"", alice, 1),
    )
    assert (holding_in(chain, number=3).recorded, holding_in(chain, number=3).issuer) == (Recorded.ACTIVE, platform)
    assert set(since(before, chain)) - {purse_key(contract_purse("ddc1155"))} == {
        holding_key(CLASS, token(3), alice), edition_key(CLASS, token(3)), supply_key(CLASS), purse_key(platform),
        meta_key("ddc1155", alice),
    }  # fmt: skip


def test_a_batch_that_is_signed_for_is_of_many_editions_for_one_holder(chain: SmallChain) -> None:
    given = signed(chain, "metaSafeMintBatch", meta_mint_batch(chain, 3, 4, data=b"y"))
    events = call(chain, "platform", "metaSafeMintBatch", given)
    platform, alice = chain.address("platform"), chain.address("alice")
    assert events == (
        paid(chain, "platform", "metaSafeMintBatch", steps=400, units=2),
        told("TransferBatch", platform, b"", (alice, alice), CLASS, (token(3), token(4))),
        told("MintData", CLASS, b"y"),
        told("MetaTransfer", platform, b"", alice, 1),
    )
    assert (balance(chain, number=3), balance(chain, number=4)) == (1, 1)
    assert (edition_in(chain, 3).holdings, edition_in(chain, 4).holdings) == (1, 1)
    assert counter_of(chain.records, "ddc1155", alice) == 1


def test_a_holding_is_burnt_as_its_holder_signed(chain: SmallChain) -> None:
    before = chain.content()
    events = call(chain, "platform", "metaBurn", signed(chain, "metaBurn", meta_burn(chain)))
    platform, alice = chain.address("platform"), chain.address("alice")
    assert events == (
        paid(chain, "platform", "metaBurn", steps=200),
        told("TransferSingle", platform, alice, b"", CLASS, token(1), 1),
        told("Burnt", CLASS, token(1), alice, "by-request"),
        told("MetaTransfer", platform, alice, b"", 1),
    )
    assert holding_in(chain).recorded == Recorded.BURNT
    assert set(since(before, chain)) - {purse_key(contract_purse("ddc1155"))} == {
        holding_key(CLASS, token(1), alice), purse_key(platform), meta_key("ddc1155", alice),
    }  # fmt: skip


def test_holdings_are_burnt_as_their_holder_signed_at_once(chain: SmallChain) -> None:
    events = call(chain, "platform", "metaBurnBatch", signed(chain, "metaBurnBatch", meta_burn_batch(chain, 1, 2)))
    platform, alice = chain.address("platform"), chain.address("alice")
    assert events == (
        paid(chain, "platform", "metaBurnBatch", steps=300, units=2),
        told("TransferBatch", platform, alice, b"", CLASS, (token(1), token(2))),
        told("BurntBatch", CLASS, (token(1), token(2)), alice, "by-request"),
        told("MetaTransfer", platform, alice, b"", 1),
    )
    assert [balance(chain, "alice", number) for number in (1, 2)] == [0, 0]
    assert [balance(chain, "carol", number) for number in (1, 2)] == [1, 1]


def test_a_signed_batch_whose_last_item_fails_leaves_nothing(chain: SmallChain) -> None:
    with chain.refuses("holding-exists", token(1), chain.address("alice")):
        call(chain, "platform", "metaSafeMintBatch", signed(chain, "metaSafeMintBatch", meta_mint_batch(chain, 3, 1)))
    with chain.refuses("holding-unknown", CLASS, token(3), chain.address("alice")):
        call(chain, "platform", "metaBurnBatch", signed(chain, "metaBurnBatch", meta_burn_batch(chain, 1, 3)))


def test_a_signed_issue_uses_the_relayer_s_quota(chain: SmallChain) -> None:
    right = DelegateIssuing(class_id=CLASS, address=chain.address("operator"), quota=3, until=chain.time + 60_000)
    chain.call("platform", "classes", "delegateIssuing", right)
    call(chain, "operator", "metaSafeMintBatch", signed(chain, "metaSafeMintBatch", meta_mint_batch(chain, 3, 4)))
    assert grant_of(chain.records, CLASS, chain.address("operator")) == Grant(quota=1, until=right.until)


@pytest.mark.parametrize(("method", "part"), [(method, part) for method, parts in PARTS.items() for part in parts])
def test_the_signature_covers_every_part_of_the_call(method: str, part: str) -> None:
    """One part is changed after signing, to what would be fine had it been signed."""
    chain = ready()
    changes: dict[str, Any] = {
        "class_id": OTHER,
        "token": token(2 if method == "metaBurn" else 4),
        "tokens": (token(1), token(2))[::-1] if method == "metaBurnBatch" else (token(4), token(3)),
        "holder": chain.address("carol"),
        "data": b"z",
        "reason": "by-mistake",
    }
    twin(chain)
    call_made = signed(chain, method, METHODS[method](chain), counter=2)
    chain.write(meta_key("ddc1155", chain.address("alice")), (1).to_bytes(8, "big"))
    chain.write(meta_key("ddc1155", chain.address("carol")), (1).to_bytes(8, "big"))
    if part == "counter":
        chain.write(meta_key("ddc1155", chain.address("alice")), (2).to_bytes(8, "big"))
    if part in ("counter", "deadline"):
        changed = replace(call_made, signed=replace(call_made.signed, **{part: getattr(call_made.signed, part) + 1}))
    else:
        changed = replace(call_made, **{part: changes[part]})
        assert getattr(call_made, part) != changes[part]
    with chain.refuses("meta-not-signed", changed.holder):
        call(chain, "platform", method, changed)
    by, counter = "carol" if part == "holder" else "alice", changed.signed.counter
    call(chain, "platform", method, signed(chain, method, changed, by=by, counter=counter))


OTHER = "degree2"


def twin(chain: SmallChain) -> None:
    """There is all of it in another class too."""
    platform, alice = chain.address("platform"), chain.address("alice")
    chain.write(class_key(OTHER), replace(class_in(chain), class_id=OTHER))
    chain.write(grant_key(OTHER, platform), UNLIMITED)
    for number in (1, 2, 3, 4):
        chain.write(edition_key(OTHER, token(number)), replace(edition_in(chain, number), class_id=OTHER))
    for number in (1, 2):
        chain.write(holding_key(OTHER, token(number), alice), replace(holding_in(chain, number=number), class_id=OTHER))


@every_method
@pytest.mark.parametrize(
    "said",
    [{"as_contract": "ddc721"}, {"as_method": "metaOther"}, {"as_signer": b"bob"}, {"as_arguments": bytes(32)}],
    ids=lambda said: next(iter(said)),
)
def test_what_is_signed_names_contract_method_and_signer(chain: SmallChain, method: str, said: dict[str, Any]) -> None:
    with chain.refuses("meta-not-signed", chain.address("alice")):
        call(chain, "platform", method, signed(chain, method, METHODS[method](chain), **said))


@every_method
def test_a_signature_is_good_on_one_chain_of_one_network_only(method: str) -> None:
    chain = ready()
    for rules in (rules_of("taian", chain.rules.network_id), rules_of("wuhan", bytes(32))):
        assert rules.digest is chain.rules.digest
        with chain.refuses("meta-not-signed", chain.address("alice")):
            call(chain, "platform", method, signed(chain, method, METHODS[method](chain), rules=rules))


@every_method
def test_nobody_else_signs_for_a_holder(chain: SmallChain, method: str) -> None:
    for person in ("platform", "carol"):
        with chain.refuses("meta-not-signed", chain.address("alice")):
            call(chain, "platform", method, signed(chain, method, METHODS[method](chain), by=person))


@every_method
@given(st.binary(max_size=64))
def test_no_other_bytes_are_a_signature(method: str, signature: bytes) -> None:
    chain = READY
    given = replace(METHODS[method](chain), signed=Signed(counter=1, deadline=chain.time, signature=signature))
    with chain.refuses("meta-not-signed", chain.address("alice")):
        call(chain, "platform", method, given)


@every_method
def test_a_signed_call_is_taken_once(chain: SmallChain, method: str) -> None:
    given = signed(chain, method, METHODS[method](chain))
    call(chain, "platform", method, given)
    for sender in ("platform", "operator"):
        code, *values = again(method)
        with chain.refuses(code, *values):
            call(chain, sender, method, given)


def again(method: str) -> tuple[str, *tuple[object, ...]]:
    """What answers to a call that is sent again: a burn is told that there is nothing left to burn."""
    if method.startswith("metaBurn"):
        return ("certificate-final", token(1), "burnt")
    return ("counter-wrong", 2, 1)


@every_method
@pytest.mark.parametrize("counter", [0, 2, 3, 2**53 - 1])
def test_counters_go_up_by_one_from_one(chain: SmallChain, method: str, counter: int) -> None:
    with chain.refuses("counter-wrong", 1, counter):
        call(chain, "platform", method, signed(chain, method, METHODS[method](chain), counter=counter))


def test_the_counter_is_one_for_all_methods_of_the_contract_and_not_ddc721_s(chain: SmallChain) -> None:
    alice = chain.address("alice")
    chain.write(meta_key("ddc721", alice), (9).to_bytes(8, "big"))
    calls: dict[str, Any] = {
        "metaSafeMint": meta_mint(chain, number=3),
        "metaBurn": meta_burn(chain),
        "metaSafeMintBatch": meta_mint_batch(chain, 4),
        "metaBurnBatch": meta_burn_batch(chain, 2, 3, 4),
    }
    for counter, (method, unsigned) in enumerate(calls.items(), start=1):
        call(chain, "platform", method, signed(chain, method, unsigned, counter=counter))
    assert counter_of(chain.records, "ddc1155", alice) == 4
    assert counter_of(chain.records, "ddc721", alice) == 9
    assert counter_of(chain.records, "ddc1155", chain.address("carol")) == 0


@every_method
def test_a_call_that_is_refused_leaves_the_counter(chain: SmallChain, method: str) -> None:
    given = signed(chain, method, METHODS[method](chain))
    with chain.refuses("account-unknown", chain.address("bob")):
        call(chain, "bob", method, given)
    call(chain, "platform", method, given)


@every_method
def test_the_deadline_is_the_last_time_at_which_it_is_good_and_a_day_ahead_at_most(method: str) -> None:
    for ahead_ms in (0, DEADLINE_MS_MAX):
        chain = ready()
        call(chain, "platform", method, signed(chain, method, METHODS[method](chain), ahead_ms=ahead_ms))
    chain = ready()
    with chain.refuses("deadline-passed", chain.time - 1, chain.time):
        call(chain, "platform", method, signed(chain, method, METHODS[method](chain), ahead_ms=-1))
    with chain.refuses("deadline-too-far", chain.time + DEADLINE_MS_MAX + 1, DEADLINE_MS_MAX):
        call(chain, "platform", method, signed(chain, method, METHODS[method](chain), ahead_ms=DEADLINE_MS_MAX + 1))
