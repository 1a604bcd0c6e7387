"""Who mints what for whom, and every refusal: one certificate or a batch, all or none (protocol 17)."""

from typing import Any

import pytest
from msgspec.structs import replace

from chain.transaction import Event
from contracts.access import Role
from contracts.certificate import BATCH_CERTIFICATES_MAX, Certificate, Mint, Recorded
from tests.chain.small_genesis import did_of
from tests.contracts.small_chain import CLASS, SCHEMA, SmallChain, item, token


def test_a_minted_certificate_is_kept_as_it_was_ordered(chain: SmallChain) -> None:
    issued_at = chain.time
    events = chain.mint(7, uri="https://example.org/7", valid_from=issued_at + 5, valid_until=issued_at + 6)
    alice = chain.address("alice")
    assert events == (
        Event(contract="ddc721", name="Transfer", values=(CLASS, b"", alice, token(7))),
        Event(contract="ddc721", name="Locked", values=(CLASS, token(7))),
    )
    assert chain.certificate(7) == Certificate(
        token=token(7),
        class_id=CLASS,
        schema=SCHEMA,
        issuer=chain.address("platform"),
        issuer_did=did_of("platform"),
        holder=alice,
        holder_did=did_of("alice"),
        content_root=item(alice, 7).content_root,
        uri="https://example.org/7",
        issued_at=issued_at,
        valid_from=issued_at + 5,
        valid_until=issued_at + 6,
        recorded=Recorded.ACTIVE,
        attributes=(),
        supersedes=None,
        superseded_by=None,
    )
    assert (chain.balance(), chain.supply()) == (1, 1)


def test_validity_starts_with_the_block_unless_it_is_given(chain: SmallChain) -> None:
    time = chain.time
    chain.mint(1)
    certificate = chain.certificate(1)
    assert certificate is not None
    assert (certificate.issued_at, certificate.valid_from, certificate.valid_until) == (time, time, None)


def test_a_granted_issuer_mints_for_the_class_of_another(chain: SmallChain) -> None:
    chain.grant("rival")
    chain.mint(1, sender="rival")
    certificate = chain.certificate(1)
    assert certificate is not None
    assert (certificate.issuer, certificate.issuer_did) == (chain.address("rival"), did_of("rival"))


@pytest.mark.parametrize("person", ["operator", "rival"])
def test_whoever_has_no_grant_does_not_mint_not_even_the_operator(chain: SmallChain, person: str) -> None:
    with chain.refuses("not-granted", CLASS):
        chain.mint(sender=person)


def test_a_withdrawn_grant_mints_no_more(chain: SmallChain) -> None:
    chain.mint(1)
    chain.grant("platform", granted=False)
    with chain.refuses("not-granted", CLASS):
        chain.mint(2)


def test_a_consumer_does_not_mint_even_with_a_grant(chain: SmallChain) -> None:
    chain.grant("alice")
    with chain.refuses("role-not-allowed", Role.CONSUMER):
        chain.mint(sender="alice")


def test_an_unknown_or_frozen_issuer_does_not_mint(chain: SmallChain) -> None:
    with chain.refuses("account-unknown", chain.address("bob")):
        chain.mint(sender="bob")
    chain.set_flag("platform", active=False)
    with chain.refuses("account-frozen", chain.address("platform")):
        chain.mint()


def test_nothing_is_minted_of_a_class_that_is_not(chain: SmallChain) -> None:
    with chain.refuses("class-unknown", "other"):
        chain.call("platform", "ddc721", "mint", Mint(class_id="other", item=item(chain.address("alice"), 1)))


def test_an_unknown_or_frozen_holder_receives_nothing(chain: SmallChain) -> None:
    with chain.refuses("holder-unknown", chain.address("bob")):
        chain.mint(holder="bob")
    chain.set_flag("alice", active=False, platform_flag=True)
    with chain.refuses("holder-frozen", chain.address("alice")):
        chain.mint()


def test_a_token_id_is_used_once_in_its_class_for_ever(chain: SmallChain) -> None:
    chain.mint(1)
    with chain.refuses("token-exists", CLASS, token(1)):
        chain.mint(1, holder="rival")
    chain.change("revoke")
    with chain.refuses("token-exists", CLASS, token(1)):
        chain.mint(1)
    chain.define("platform", "other-class")
    chain.call("platform", "ddc721", "mint", Mint(class_id="other-class", item=item(chain.address("alice"), 1)))


@pytest.mark.parametrize(("start", "end"), [(None, -1), (None, 0), (10, 10), (10, 9), (-10, -10)])
def test_a_validity_that_ends_before_it_begins_is_refused(chain: SmallChain, start: int | None, end: int) -> None:
    valid_from = None if start is None else chain.time + start
    valid_until = chain.time + end
    with chain.refuses("validity-inverted", valid_from or chain.time, valid_until):
        chain.mint(valid_from=valid_from, valid_until=valid_until)


@pytest.mark.parametrize(("start", "end"), [(None, 1), (10, 11), (-10, -9), (5, None)])
def test_a_validity_of_one_millisecond_or_in_the_past_is_minted(
    chain: SmallChain, start: int | None, end: int | None
) -> None:
    valid_from = None if start is None else chain.time + start
    chain.mint(valid_from=valid_from, valid_until=None if end is None else chain.time + end)
    assert chain.supply() == 1


def test_a_batch_is_minted_whole_and_in_order(chain: SmallChain) -> None:
    holders = ["alice", "rival", "alice"]
    items = tuple(item(chain.address(holder), number) for number, holder in enumerate(holders))
    events = chain.mint_batch(*items)
    addresses, tokens = tuple(part.holder for part in items), tuple(part.token for part in items)
    assert events == (
        Event(contract="ddc721", name="TransferBatch", values=(CLASS, b"", addresses, tokens)),
        Event(contract="ddc721", name="LockedBatch", values=(CLASS, tokens)),
    )
    assert (chain.balance(), chain.balance("rival"), chain.supply()) == (2, 1, 3)
    single = SmallChain.founded(chain.rules.chain_id)
    single.define()
    for number, holder in enumerate(holders):
        single.time = chain.time - 1_000
        single.mint(number, holder)
    assert {key: value for key, value in single.content().items() if key[:1] in b"TBS"} == {
        key: value for key, value in chain.content().items() if key[:1] in b"TBS"
    }


def test_a_batch_has_at_most_a_hundred_and_at_least_one(chain: SmallChain) -> None:
    alice = chain.address("alice")
    items = tuple(item(alice, number) for number in range(BATCH_CERTIFICATES_MAX + 1))
    for wrong in ((), items):
        with chain.refuses("arguments-malformed"):
            chain.mint_batch(*wrong)
    chain.mint_batch(*items[:-1])
    assert (chain.balance(), chain.supply()) == (100, 100)


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize(
    "fault", ["token-exists", "holder-unknown", "holder-frozen", "validity-inverted", "token-repeats"]
)
def test_one_faulty_item_refuses_the_whole_batch(chain: SmallChain, place: int, fault: str) -> None:
    chain.mint(99)
    chain.set_flag("rival", active=False)
    alice, now = chain.address("alice"), chain.time
    faulty, values = {
        "token-exists": (item(alice, 99), (CLASS, token(99))),
        "holder-unknown": (item(chain.address("bob"), 1), (chain.address("bob"),)),
        "holder-frozen": (item(chain.address("rival"), 1), (chain.address("rival"),)),
        "validity-inverted": (item(alice, 1, valid_until=now), (now, now)),
        "token-repeats": (item(alice, 2 if place != 0 else 3), (CLASS,)),
    }[fault]
    items = [item(alice, 2), item(alice, 3)]
    items.insert(place, faulty)
    with chain.refuses(fault, *values):
        chain.mint_batch(*tuple(items))
    assert (chain.balance(), chain.supply()) == (1, 1)


@pytest.mark.parametrize(
    "changed",
    [
        {"token": bytes(15)},
        {"token": bytes(17)},
        {"holder": b""},
        {"holder": bytes(97)},
        {"content_root": bytes(31)},
        {"uri": "u" * 257},
        {"valid_from": -1},
        {"valid_until": 2**53},
    ],
    ids=lambda changed: f"{next(iter(changed))} {str(next(iter(changed.values())))[:12]}",
)
def test_an_item_out_of_form_is_refused(chain: SmallChain, changed: dict[str, Any]) -> None:
    with chain.refuses("arguments-malformed"):
        wrong = replace(item(chain.address("alice"), 1), **changed)
        chain.call("platform", "ddc721", "mint", Mint(class_id=CLASS, item=wrong))
