"""Who lets whom issue certificates of a class: grants, delegations with quota and end, signatories (protocol 16)."""

from typing import Any

import pytest
from msgspec.structs import replace

from chain.codec import encode
from chain.transaction import Event
from contracts.classes import UNLIMITED, DelegateIssuing, Grant, SetIssuer, SetSignatories, grant_of, is_issuer
from contracts.keys import account_key, class_key, grant_key, purse_key
from tests.contracts.certificate_calls import class_in, redefine, settle, since
from tests.contracts.certificate_spoils import account, address, of_class
from tests.contracts.check_order import Play, Spoil, arguments, assert_order, by, sender_frozen
from tests.contracts.small_chain import CLASS, SmallChain, item

DEFINER: tuple[tuple[str, Spoil], ...] = (
    ("account-unknown", by("bob")),
    ("account-frozen", sender_frozen),
    ("role-not-allowed", by("alice")),
    ("class-unknown", arguments(class_id="other")),
    ("not-class-issuer", by("operator")),
)
RIVAL_ACTIVE: tuple[tuple[str, Spoil], ...] = (
    ("account-unknown", arguments(address=address("bob"))),
    ("account-frozen", account("rival", operator_active=False)),
)


@pytest.fixture
def chain() -> SmallChain:
    founded = SmallChain.founded()
    founded.define()
    return founded


def classes(chain: SmallChain, method: str, arguments: Any, sender: str = "platform") -> tuple[Event, ...]:
    return chain.call(sender, "classes", method, arguments)


def told(name: str, *values: Any) -> tuple[Event, ...]:
    return (Event(contract="classes", name=name, values=values),)


def issuer(chain: SmallChain, person: str, *, granted: bool = True) -> SetIssuer:
    return SetIssuer(class_id=CLASS, address=chain.address(person), granted=granted)


def delegate(chain: SmallChain, person: str = "rival", quota: int = 2, until: int = 2**53 - 1) -> DelegateIssuing:
    return DelegateIssuing(class_id=CLASS, address=chain.address(person), quota=quota, until=until)


def signatories(chain: SmallChain, threshold: int, *people: str) -> SetSignatories:
    named = tuple(chain.address(person) for person in people)
    return SetSignatories(class_id=CLASS, threshold=threshold, signatories=named)


def test_the_definer_grants_and_withdraws_the_right_to_issue(chain: SmallChain) -> None:
    rival = chain.address("rival")
    for granted in (True, False, True):
        before = chain.content()
        events = classes(chain, "setIssuer", issuer(chain, "rival", granted=granted))
        assert events == told("SetIssuer", CLASS, rival, granted)
        assert since(before, chain) == {grant_key(CLASS, rival): encode(UNLIMITED) if granted else None}
        assert is_issuer(chain.records, CLASS, rival, 0) == granted


def test_the_definer_may_give_up_its_own_right_and_take_it_again(chain: SmallChain) -> None:
    for granted in (False, True):
        classes(chain, "setIssuer", issuer(chain, "platform", granted=granted))
        assert is_issuer(chain.records, CLASS, chain.address("platform"), 0) == granted


@pytest.mark.parametrize("person", ["operator", "rival"])
def test_nobody_else_gives_rights_not_even_a_granted_issuer_or_the_operator(chain: SmallChain, person: str) -> None:
    classes(chain, "setIssuer", issuer(chain, person))
    for method, given in (
        ("setIssuer", issuer(chain, "alice")),
        ("delegateIssuing", delegate(chain, "alice")),
        ("setSignatories", signatories(chain, 1, "alice")),
    ):
        with chain.refuses("not-class-issuer", CLASS):
            classes(chain, method, given, person)


def test_the_right_is_taken_from_a_frozen_account_but_not_given_to_one(chain: SmallChain) -> None:
    rival = chain.address("rival")
    classes(chain, "setIssuer", issuer(chain, "rival"))
    chain.set_flag("rival", active=False)
    classes(chain, "setIssuer", issuer(chain, "rival", granted=False))
    assert grant_of(chain.records, CLASS, rival) is None
    with chain.refuses("account-frozen", rival):
        classes(chain, "setIssuer", issuer(chain, "rival"))
    with chain.refuses("account-frozen", rival):
        classes(chain, "delegateIssuing", delegate(chain))


def test_a_right_that_is_so_already_is_refused(chain: SmallChain) -> None:
    for person, granted in (("platform", True), ("rival", False)):
        with chain.refuses("no-change", chain.address(person)):
            classes(chain, "setIssuer", issuer(chain, person, granted=granted))


def test_a_delegation_is_recorded_with_quota_and_end_in_place_of_what_was(chain: SmallChain) -> None:
    rival = chain.address("rival")
    for quota, until in ((2, chain.time + 50_000), (2**53 - 1, 2**53 - 1), (1, chain.time + 100_000)):
        before = chain.content()
        events = classes(chain, "delegateIssuing", delegate(chain, quota=quota, until=until))
        assert events == told("DelegateIssuing", CLASS, rival, quota, until)
        assert since(before, chain) == {grant_key(CLASS, rival): encode(Grant(quota=quota, until=until))}
    classes(chain, "setIssuer", issuer(chain, "rival"))
    assert grant_of(chain.records, CLASS, rival) == UNLIMITED
    classes(chain, "delegateIssuing", delegate(chain))
    classes(chain, "setIssuer", issuer(chain, "rival", granted=False))
    assert grant_of(chain.records, CLASS, rival) is None


def test_a_quota_is_used_up_exactly_whether_one_by_one_or_in_batches(chain: SmallChain) -> None:
    holder, rival = settle(chain, "bob", leader="rival"), chain.address("rival")
    chain.write(purse_key(rival), chain.content()[purse_key(chain.address("platform"))])
    classes(chain, "delegateIssuing", delegate(chain, quota=4))
    chain.mint(1, "bob", "rival")
    assert grant_of(chain.records, CLASS, rival) == Grant(quota=3, until=2**53 - 1)
    with chain.refuses("quota-exceeded", CLASS, 3):
        chain.mint_batch(*(item(holder, number) for number in range(2, 6)), sender="rival")
    chain.mint_batch(*(item(holder, number) for number in range(2, 5)), sender="rival")
    assert grant_of(chain.records, CLASS, rival) == Grant(quota=0, until=2**53 - 1)
    with chain.refuses("quota-exceeded", CLASS, 0):
        chain.mint(5, "bob", "rival")
    assert is_issuer(chain.records, CLASS, rival, chain.time)
    chain.change("revoke", 1, "rival")
    with chain.refuses("quota-exceeded", CLASS, 0):
        chain.mint(5, "bob", "rival")


def test_a_delegation_ends_at_its_very_millisecond(chain: SmallChain) -> None:
    settle(chain, "bob", leader="rival")
    rival, until = chain.address("rival"), chain.time + 100_000
    chain.write(purse_key(rival), chain.content()[purse_key(chain.address("platform"))])
    classes(chain, "delegateIssuing", delegate(chain, quota=9, until=until))
    chain.time = until - 1
    chain.mint(1, "bob", "rival")
    chain.time = until
    with chain.refuses("grant-expired", CLASS, until):
        chain.mint(2, "bob", "rival")
    with chain.refuses("not-granted", CLASS):
        chain.change("revoke", 1, "rival")
    assert [is_issuer(chain.records, CLASS, rival, now) for now in (until - 1, until)] == [True, False]
    classes(chain, "delegateIssuing", delegate(chain, quota=1, until=chain.time + 1))
    with chain.refuses("until-passed", chain.time, chain.time):
        classes(chain, "delegateIssuing", delegate(chain, until=chain.time))


@pytest.mark.parametrize(
    "changed", [{"quota": 0}, {"quota": -1}, {"quota": 2**53}, {"until": -1}, {"until": 2**53}], ids=str
)
def test_a_delegation_out_of_form_is_refused(chain: SmallChain, changed: dict[str, Any]) -> None:
    with chain.refuses("arguments-malformed"):
        classes(chain, "delegateIssuing", delegate(chain, **changed))


@pytest.mark.parametrize(
    "people", [(1, "alice"), (1, "alice", "rival", "operator"), (2, "rival", "alice"), (0,)], ids=str
)
def test_signatories_are_recorded_in_their_places(chain: SmallChain, people: tuple[int, str]) -> None:
    before, given, defined = chain.content(), signatories(chain, *people), class_in(chain)
    assert classes(chain, "setSignatories", given) == told("SetSignatories", CLASS, given.threshold, given.signatories)
    expected = replace(defined, threshold=given.threshold, signatories=given.signatories)
    changed = since(before, chain)
    assert changed == ({class_key(CLASS): encode(expected)} if expected != defined else {})
    classes(chain, "setSignatories", signatories(chain, 0))
    assert class_in(chain) == defined


@pytest.mark.parametrize(
    "people", [(1,), (2, "alice"), (0, "alice"), (1, "alice", "alice"), (3, "alice", "rival")], ids=str
)
def test_signatories_that_could_never_be_enough_or_are_one_twice_are_refused(
    chain: SmallChain, people: tuple[int, str]
) -> None:
    with chain.refuses("signatories-malformed", people[0], len(people) - 1):
        classes(chain, "setSignatories", signatories(chain, *people))


def test_at_most_sixteen_sign(chain: SmallChain) -> None:
    alice, named = chain.account("alice"), tuple(bytes([number]) * 20 for number in range(17))
    assert alice is not None
    for each in named:
        chain.write(account_key(each), replace(alice, address=each))
    sixteen = SetSignatories(class_id=CLASS, threshold=16, signatories=named[:16])
    classes(chain, "setSignatories", sixteen)
    assert class_in(chain).signatories == named[:16]
    for wrong in (replace(sixteen, threshold=17), replace(sixteen, signatories=named), replace(sixteen, threshold=-1)):
        with chain.refuses("arguments-malformed"):
            classes(chain, "setSignatories", wrong)


def test_nobody_signs_for_a_class_of_editions(chain: SmallChain) -> None:
    redefine(chain, standard=1155)
    for given in (signatories(chain, 1, "alice"), signatories(chain, 0)):
        with chain.refuses("class-of-other-standard", CLASS, 1155):
            classes(chain, "setSignatories", given)


def in_order(
    method: str, given: Any, *spoils: tuple[str, Spoil], definer: tuple[tuple[str, Spoil], ...] = DEFINER
) -> None:
    def play() -> Play:
        chain = SmallChain.founded()
        chain.define()
        return Play(chain, "platform", "classes", method, given(chain))

    assert_order(play, *definer, *spoils)


def test_the_checks_of_set_issuer_stand_in_order() -> None:
    def granted_already(play: Play) -> None:
        play.chain.write(grant_key(CLASS, play.arguments.address), UNLIMITED)

    in_order("setIssuer", lambda chain: issuer(chain, "rival"), *RIVAL_ACTIVE, ("no-change", granted_already))


def test_the_checks_of_delegate_issuing_stand_in_order() -> None:
    in_order(
        "delegateIssuing",
        delegate,
        ("own-account", arguments(address=lambda play: play.address)),
        *RIVAL_ACTIVE,
        ("until-passed", arguments(until=0)),
    )


def test_the_checks_of_set_signatories_stand_in_order() -> None:
    in_order(
        "setSignatories",
        lambda chain: signatories(chain, 1, "alice", "rival"),
        ("signatories-malformed", arguments(threshold=0)),
        (
            "account-unknown",
            arguments(signatories=lambda play: (play.chain.address("alice"), play.chain.address("bob"))),
        ),
        ("account-frozen", account("rival", operator_active=False)),
        definer=(*DEFINER[:4], ("class-of-other-standard", of_class(standard=1155)), *DEFINER[4:]),
    )
