"""Who may define a class and say who issues it (protocol 16)."""

from typing import Any

import pytest

from chain.transaction import Event
from contracts.access import Role
from contracts.classes import CertificateClass, SetIssuer, may_issue, require_class
from contracts.interface import ContractReverted
from tests.chain.small_genesis import did_of
from tests.contracts.small_chain import CLASS, SCHEMA, SmallChain, class_of


@pytest.fixture
def chain() -> SmallChain:
    return SmallChain.founded()


def issuer(chain: SmallChain, person: str, *, granted: bool) -> SetIssuer:
    return SetIssuer(class_id=CLASS, address=chain.address(person), granted=granted)


@pytest.mark.parametrize("person", ["operator", "platform"])
def test_a_class_is_kept_as_it_was_defined_and_its_definer_may_issue(chain: SmallChain, person: str) -> None:
    defined_at = chain.time
    events = chain.define(person)
    own = chain.address(person)
    assert events == (Event(contract="classes", name="DefineClass", values=(CLASS, own, did_of(person), SCHEMA)),)
    assert require_class(chain.records, CLASS) == CertificateClass(
        class_id=CLASS,
        name_en="Degree",
        name_zh="学位证书",
        issuer_did=did_of(person),
        issuer=own,
        schema=SCHEMA,
        fields=("name", "major"),
        defined_at=defined_at,
    )
    assert may_issue(chain.records, CLASS, own)
    assert not may_issue(chain.records, CLASS, chain.address("rival"))
    assert not may_issue(chain.records, "other", own)


def test_a_consumer_defines_no_class(chain: SmallChain) -> None:
    with chain.refuses("role-not-allowed", Role.CONSUMER):
        chain.define("alice")


def test_an_unknown_or_frozen_account_defines_no_class(chain: SmallChain) -> None:
    with chain.refuses("account-unknown", chain.address("bob")):
        chain.define("bob")
    chain.set_flag("platform", active=False)
    with chain.refuses("account-frozen", chain.address("platform")):
        chain.define("platform")


def test_a_class_is_defined_once_whoever_asks(chain: SmallChain) -> None:
    chain.define("platform")
    for person in ("platform", "operator", "rival"):
        with chain.refuses("class-exists", CLASS):
            chain.define(person)


def test_a_class_names_each_field_once(chain: SmallChain) -> None:
    with chain.refuses("fields-repeat", CLASS):
        chain.call("platform", "classes", "defineClass", class_of(fields=("name", "major", "name")))


@pytest.mark.parametrize(
    "changed",
    [
        {"class_id": "ab"},
        {"class_id": "a" * 33},
        {"class_id": "Degree"},
        {"class_id": "-degree"},
        {"class_id": "degree-"},
        {"class_id": "deg.ree"},
        {"class_id": "degree\n"},
        {"class_id": "学位证"},
        {"name_en": ""},
        {"name_en": "n" * 81},
        {"name_zh": ""},
        {"name_zh": "名" * 81},
        {"schema": bytes(31)},
        {"fields": ()},
        {"fields": tuple(f"f{number}" for number in range(65))},
        {"fields": ("Name",)},
        {"fields": ("",)},
        {"fields": ("n" * 41,)},
        {"fields": ("姓名",)},
    ],
    ids=str,
)
def test_a_class_out_of_form_is_refused(chain: SmallChain, changed: dict[str, Any]) -> None:
    with chain.refuses("arguments-malformed"):
        chain.call("platform", "classes", "defineClass", class_of(**changed))


@pytest.mark.parametrize(
    "changed",
    [
        {"class_id": "abc"},
        {"class_id": "a" * 32},
        {"class_id": "0-9"},
        {"name_en": "n" * 80},
        {"name_zh": "名" * 80},
        {"fields": tuple(f"f{number}" for number in range(64))},
        {"fields": ("n" * 40, "a_1")},
    ],
    ids=str,
)
def test_a_class_at_the_limits_is_defined(chain: SmallChain, changed: dict[str, Any]) -> None:
    chain.call("platform", "classes", "defineClass", class_of(**changed))


def test_the_definer_grants_and_withdraws_the_right_to_issue(chain: SmallChain) -> None:
    chain.define()
    rival = chain.address("rival")
    for granted in (True, False, True):
        events = chain.call("platform", "classes", "setIssuer", issuer(chain, "rival", granted=granted))
        assert events == (Event(contract="classes", name="SetIssuer", values=(CLASS, rival, granted)),)
        assert may_issue(chain.records, CLASS, rival) == granted


def test_the_definer_may_give_up_its_own_right(chain: SmallChain) -> None:
    chain.define()
    chain.call("platform", "classes", "setIssuer", issuer(chain, "platform", granted=False))
    assert not may_issue(chain.records, CLASS, chain.address("platform"))


@pytest.mark.parametrize("person", ["operator", "rival"])
def test_nobody_else_grants_not_even_a_granted_issuer_or_the_operator(chain: SmallChain, person: str) -> None:
    chain.define()
    chain.call("platform", "classes", "setIssuer", issuer(chain, person, granted=True))
    with chain.refuses("not-class-issuer", CLASS):
        chain.call(person, "classes", "setIssuer", issuer(chain, "alice", granted=True))


def test_a_consumer_or_stranger_grants_nothing(chain: SmallChain) -> None:
    chain.define()
    with chain.refuses("role-not-allowed", Role.CONSUMER):
        chain.call("alice", "classes", "setIssuer", issuer(chain, "alice", granted=True))
    with chain.refuses("account-unknown", chain.address("bob")):
        chain.call("bob", "classes", "setIssuer", issuer(chain, "bob", granted=True))


def test_no_right_is_granted_for_a_class_that_is_not(chain: SmallChain) -> None:
    with chain.refuses("class-unknown", CLASS):
        chain.call("platform", "classes", "setIssuer", issuer(chain, "rival", granted=True))


def test_no_right_is_granted_to_an_unknown_account(chain: SmallChain) -> None:
    chain.define()
    with chain.refuses("account-unknown", chain.address("bob")):
        chain.call("platform", "classes", "setIssuer", issuer(chain, "bob", granted=True))


def test_the_right_is_taken_from_a_frozen_account_but_not_given_to_one(chain: SmallChain) -> None:
    chain.define()
    chain.call("platform", "classes", "setIssuer", issuer(chain, "rival", granted=True))
    chain.set_flag("rival", active=False)
    chain.call("platform", "classes", "setIssuer", issuer(chain, "rival", granted=False))
    assert not may_issue(chain.records, CLASS, chain.address("rival"))
    with chain.refuses("account-frozen", chain.address("rival")):
        chain.call("platform", "classes", "setIssuer", issuer(chain, "rival", granted=True))


def test_a_right_that_is_so_already_is_refused(chain: SmallChain) -> None:
    chain.define()
    for person, granted in (("platform", True), ("rival", False)):
        with chain.refuses("no-change", chain.address(person)):
            chain.call("platform", "classes", "setIssuer", issuer(chain, person, granted=granted))


def test_a_class_that_is_not_is_unknown_to_readers(chain: SmallChain) -> None:
    with pytest.raises(ContractReverted) as refusal:
        require_class(chain.records, CLASS)
    assert (refusal.value.code, refusal.value.values) == ("class-unknown", (CLASS,))
