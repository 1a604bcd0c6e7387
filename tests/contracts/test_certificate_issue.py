"""Who mints what for whom, and every refusal: one certificate or a batch, all or none (protocol 17)."""

from typing import Any

import pytest
from msgspec.structs import replace

from chain.codec import encode
from contracts.authority import CrossPlatformApproval
from contracts.certificate import Certificate, Issued, Recorded
from contracts.classes import UNLIMITED
from contracts.interface import Role
from contracts.issuing import BATCH_CERTIFICATES_MAX, Mint
from contracts.keys import balance_key, certificate_key, grant_key, supply_key
from tests.chain.small_genesis import did_of
from tests.contracts.certificate_calls import (
    amount,
    bill,
    certificate_of,
    fee,
    fund,
    redefine,
    settle,
    since,
    stored,
    told,
)
from tests.contracts.small_chain import CLASS, SCHEMA, SmallChain, item, token


def expected_of(chain: SmallChain, number: int, **changed: Any) -> Certificate:
    """What becomes of alice's certificate that the platform mints in this block."""
    alice = chain.address("alice")
    fields: dict[str, Any] = {
        "token": token(number),
        "class_id": CLASS,
        "schema": SCHEMA,
        "issuer": chain.address("platform"),
        "issuer_did": did_of("platform"),
        "holder": alice,
        "holder_did": did_of("alice"),
        "content_root": item(alice, number).content_root,
        "uri": "",
        "issued_at": chain.time,
        "valid_from": chain.time,
        "valid_until": None,
        "recorded": int(Recorded.ACTIVE),
        "frozen": False,
        "locked": False,
        "burn_authorisation": 2,
        "attributes": (),
        "user": None,
        "user_until": None,
        "supersedes": None,
        "superseded_by": None,
        "suspended": False,
        "origin": None,
    }
    return Certificate(**fields | changed)


def test_a_minted_certificate_is_kept_as_it_was_ordered(chain: SmallChain) -> None:
    alice, platform, now = chain.address("alice"), chain.address("platform"), chain.time
    expected = expected_of(chain, 7, uri="https://example.org/7", valid_from=now + 5, valid_until=now + 6)
    pay, purses = bill(chain, "platform", "mint", steps=300)
    before = chain.content()
    events = chain.mint(7, uri="https://example.org/7", valid_from=now + 5, valid_until=now + 6)
    assert events == (
        pay,
        told("Transfer", CLASS, b"", alice, token(7)),
        told("Locked", CLASS, token(7)),
        told("Issued", CLASS, platform, alice, token(7), 2),
    )
    assert since(before, chain) == {
        **purses,
        **stored(expected),
        balance_key(CLASS, alice): amount(1),
        supply_key(CLASS): encode(Issued(count=1, latest=token(7))),
    }


def test_validity_starts_with_the_block_unless_it_is_given(chain: SmallChain) -> None:
    expected = expected_of(chain, 1)
    chain.mint(1)
    assert certificate_of(chain) == expected


@pytest.mark.parametrize("burn", range(4))
def test_the_burn_authorisation_is_the_class_s_at_the_issue_and_told(chain: SmallChain, burn: int) -> None:
    redefine(chain, burn_authorisation=burn)
    assert chain.mint()[-1].values[-1] == burn
    assert certificate_of(chain).burn_authorisation == burn
    redefine(chain, burn_authorisation=3 - burn)
    assert certificate_of(chain).burn_authorisation == burn


def test_a_class_that_asks_for_acceptance_offers_its_certificates(chain: SmallChain) -> None:
    redefine(chain, acceptance=True)
    expected = expected_of(chain, 1, recorded=int(Recorded.OFFERED))
    chain.mint(1)
    chain.mint_batch(item(chain.address("alice"), 2))
    assert certificate_of(chain, 1) == expected
    assert certificate_of(chain, 2).recorded == Recorded.OFFERED
    assert (chain.balance(), chain.supply()) == (2, 2)


@pytest.mark.parametrize("person", ["operator", "rival"])
def test_whoever_has_no_grant_does_not_mint_not_even_the_operator(chain: SmallChain, person: str) -> None:
    with chain.refuses("not-granted", CLASS):
        chain.mint(sender=person)


def test_a_withdrawn_grant_mints_no_more(chain: SmallChain) -> None:
    chain.mint(1)
    chain.grant("platform", granted=False)
    with chain.refuses("not-granted", CLASS):
        chain.mint(2)


def test_a_granted_consumer_mints_for_its_own_platform_s_holders(chain: SmallChain) -> None:
    settle(chain, "bob")
    chain.grant("alice")
    with chain.refuses("fee-short", fee(chain, "mint"), 0):
        chain.mint(holder="bob", sender="alice")
    fund(chain, "alice")
    chain.mint(holder="bob", sender="alice")
    certificate = certificate_of(chain)
    assert (certificate.issuer, certificate.issuer_did) == (chain.address("alice"), did_of("alice"))
    with chain.refuses("holder-of-other-platform", chain.address("rival")):
        chain.mint(2, holder="rival", sender="alice")


@pytest.mark.parametrize(
    ("person", "role"), [("owner", Role.OWNER), ("dave", Role.CROSS_CHAIN), ("carol", Role.RELAYER)]
)
def test_owner_cross_chain_and_relayer_do_not_mint_even_with_a_grant(
    chain: SmallChain, person: str, role: Role
) -> None:
    settle(chain, person, role)
    chain.write(grant_key(CLASS, chain.address(person)), UNLIMITED)
    fund(chain, person)
    listed = ("method-not-permitted", "mint") if role == Role.CROSS_CHAIN else ("contract-not-listed",)
    with chain.refuses(listed[0], role, "ddc721", *listed[1:]):
        chain.mint(sender=person)


@pytest.mark.parametrize("holder", ["alice", "bob", "carol", "rival", "operator"])
def test_an_operator_issues_to_holders_of_every_platform(chain: SmallChain, holder: str) -> None:
    settle(chain, "bob", leader="rival")
    settle(chain, "carol", leader="operator")
    chain.grant("operator")
    chain.mint(sender="operator", holder=holder)
    assert certificate_of(chain).holder == chain.address(holder)


@pytest.mark.parametrize("holder", ["bob", "rival"])
def test_a_platform_reaches_another_s_holders_only_by_an_approval_in_that_direction(
    chain: SmallChain, holder: str
) -> None:
    settle(chain, "bob", leader="rival")

    def approve(issuer: str, to: str, *, approved: bool = True) -> None:
        arguments = CrossPlatformApproval(issuer=did_of(issuer), to=did_of(to), approved=approved)
        chain.call("operator", "authority", "crossPlatformApproval", arguments)

    def refused() -> None:
        with chain.refuses("holder-of-other-platform", chain.address(holder)):
            chain.mint(1, holder)

    refused()
    approve("rival", "platform")
    refused()
    approve("platform", "rival")
    chain.mint(2, holder)
    approve("platform", "rival", approved=False)
    refused()


def test_a_platform_does_not_issue_to_the_operator(chain: SmallChain) -> None:
    with chain.refuses("holder-of-other-platform", chain.address("operator")):
        chain.mint(holder="operator")


def test_a_token_id_is_used_once_in_its_class_for_ever(chain: SmallChain) -> None:
    chain.mint(1)
    with chain.refuses("token-exists", CLASS, token(1)):
        chain.mint(1, holder="platform")
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


def test_a_class_may_limit_how_long_its_certificates_are_valid(chain: SmallChain) -> None:
    redefine(chain, validity_ms_max=1_000)
    with chain.refuses("validity-required", CLASS, 1_000):
        chain.mint()
    with chain.refuses("validity-too-long", 1_001, 1_000):
        chain.mint(valid_until=chain.time + 1_001)
    with chain.refuses("validity-too-long", 1_001, 1_000):
        chain.mint(valid_from=5, valid_until=1_006)
    chain.mint(1, valid_until=chain.time + 1_000)
    chain.mint(2, valid_from=5, valid_until=1_005)
    assert chain.supply() == 2


def test_a_batch_is_minted_whole_and_in_order_as_one_by_one(chain: SmallChain) -> None:
    settle(chain, "bob")
    single = SmallChain.founded(chain.rules.chain_id)
    single.define()
    settle(single, "bob")
    items = tuple(item(chain.address(holder), number) for number, holder in ((5, "alice"), (3, "bob"), (4, "alice")))
    pay, purses = bill(chain, "platform", "mintBatch", steps=500, units=3)
    before, now = chain.content(), chain.time
    events = chain.mint_batch(*items)
    holders, tokens = tuple(part.holder for part in items), tuple(part.token for part in items)
    assert events == (
        pay,
        told("TransferBatch", CLASS, b"", holders, tokens),
        told("LockedBatch", CLASS, tokens),
        told("IssuedBatch", CLASS, chain.address("platform"), 2),
    )
    changed = since(before, chain)
    assert changed.items() >= purses.items()
    assert changed[supply_key(CLASS)] == encode(Issued(count=3, latest=token(4)))
    assert (chain.balance(), chain.balance("bob")) == (2, 1)
    for part in items:
        single.time = now
        single.call("platform", "ddc721", "mint", Mint(class_id=CLASS, item=part))
    assert {key: value for key, value in single.content().items() if key[:1] in b"TBS"} == {
        key: value for key, value in chain.content().items() if key[:1] in b"TBS"
    }
    assert set(changed) == {*purses, *(key for key in changed if key[:1] in b"TBS")}


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
    "fault",
    [
        "token-exists", "holder-unknown", "holder-frozen", "holder-of-other-platform", "validity-inverted",
        "token-repeats",
    ],
)  # fmt: skip
def test_one_faulty_item_refuses_the_whole_batch(chain: SmallChain, place: int, fault: str) -> None:
    chain.mint(99)
    settle(chain, "carol")
    chain.set_flag("carol", active=False)
    alice, now = chain.address("alice"), chain.time
    faulty, values = {
        "token-exists": (item(alice, 99), (CLASS, token(99))),
        "holder-unknown": (item(chain.address("bob"), 1), (chain.address("bob"),)),
        "holder-frozen": (item(chain.address("carol"), 1), (chain.address("carol"),)),
        "holder-of-other-platform": (item(chain.address("rival"), 1), (chain.address("rival"),)),
        "validity-inverted": (item(alice, 1, valid_until=now), (now, now)),
        "token-repeats": (item(alice, 2 if place != 0 else 3), (CLASS,)),
    }[fault]
    items = [item(alice, 2), item(alice, 3)]
    items.insert(place, faulty)
    with chain.refuses(fault, *values):
        chain.mint_batch(*tuple(items))
    assert (chain.balance(), chain.supply()) == (1, 1)


@pytest.mark.parametrize(
    ("place", "fault"), [(0, "validity-required"), (1, "validity-too-long"), (2, "validity-required")]
)
def test_a_class_s_limit_of_validity_is_every_item_s(chain: SmallChain, place: int, fault: str) -> None:
    redefine(chain, validity_ms_max=10)
    alice = chain.address("alice")
    items = [item(alice, number, valid_from=0, valid_until=10) for number in range(3)]
    items[place] = replace(items[place], valid_until=None if fault == "validity-required" else 11)
    with chain.refuses(fault, *((CLASS, 10) if fault == "validity-required" else (11, 10))):
        chain.mint_batch(*items)


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


def test_an_item_at_its_limits_is_minted(chain: SmallChain) -> None:
    chain.mint(1, uri="u" * 256, valid_from=0, valid_until=2**53 - 1)
    assert chain.content()[certificate_key(CLASS, token(1))] == encode(certificate_of(chain))
    assert len(certificate_of(chain).uri) == 256
