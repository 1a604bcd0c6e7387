"""Who may define a class, what is kept of it and its rules (protocol 16)."""

from typing import Any

import pytest
from msgspec.structs import replace

from chain.codec import encode
from chain.transaction import Event
from contracts.classes import (
    DEFAULT_RULES,
    REBIND_WAIT_MS,
    UNLIMITED,
    CertificateClass,
    ClassRules,
    find_class,
    grant_of,
    is_issuer,
    require_class,
)
from contracts.interface import ContractReverted, Role
from contracts.keys import class_key, grant_key
from tests.chain.small_genesis import did_of
from tests.contracts.certificate_calls import since
from tests.contracts.check_order import Play, arguments, assert_order, by, sender_frozen
from tests.contracts.small_chain import CLASS, SCHEMA, SmallChain, class_of

STRICT = ClassRules(
    burn_authorisation=3,
    issuer_revokes=True,
    acceptance=True,
    attributes=3,
    validity_ms_max=1,
    rebind_wait_ms=0,
)


@pytest.fixture
def chain() -> SmallChain:
    return SmallChain.founded()


@pytest.mark.parametrize("person", ["operator", "platform"])
@pytest.mark.parametrize("standard", [721, 1155])
@pytest.mark.parametrize("rules", [DEFAULT_RULES, STRICT], ids=["default", "strict"])
def test_a_class_is_kept_as_it_was_defined_and_its_definer_may_issue_without_limit(
    chain: SmallChain, person: str, standard: int, rules: ClassRules
) -> None:
    defined_at, before, own = chain.time, chain.content(), chain.address(person)
    events = chain.call(person, "classes", "defineClass", class_of(standard=standard, rules=rules))
    assert events == (Event(contract="classes", name="DefineClass", values=(CLASS, own, did_of(person), SCHEMA)),)
    expected = CertificateClass(
        class_id=CLASS,
        standard=standard,
        name_en="Degree",
        name_zh="学位证书",
        issuer_did=did_of(person),
        issuer=own,
        schema=SCHEMA,
        fields=("name", "major"),
        rules=rules,
        threshold=0,
        signatories=(),
        requires=(),
        defined_at=defined_at,
    )
    assert since(before, chain) == {class_key(CLASS): encode(expected), grant_key(CLASS, own): encode(UNLIMITED)}
    assert require_class(chain.records, CLASS) == expected
    assert grant_of(chain.records, CLASS, own) == UNLIMITED
    assert is_issuer(chain.records, CLASS, own, 2**53)


def test_nobody_but_its_definer_issues_a_new_class_and_nobody_one_that_is_not(chain: SmallChain) -> None:
    chain.define()
    for person in ("operator", "rival", "alice"):
        assert not is_issuer(chain.records, CLASS, chain.address(person), 0)
    assert not is_issuer(chain.records, "other", chain.address("platform"), 0)


def test_the_rules_of_most_classes() -> None:
    assert (
        ClassRules(
            burn_authorisation=2,
            issuer_revokes=False,
            acceptance=False,
            attributes=1,
            validity_ms_max=None,
            rebind_wait_ms=REBIND_WAIT_MS,
        )
        == DEFAULT_RULES
    )
    assert REBIND_WAIT_MS == 24 * 60 * 60 * 1_000


def test_the_checks_of_define_class_stand_in_order() -> None:
    def play() -> Play:
        return Play(SmallChain.founded(), "platform", "classes", "defineClass", class_of())

    assert_order(
        play,
        ("account-unknown", by("bob")),
        ("account-frozen", sender_frozen),
        ("role-not-allowed", by("alice")),
        ("class-exists", lambda play: play.chain.define("operator")),
        ("standard-unknown", arguments(standard=722)),
        ("fields-repeat", arguments(fields=("name", "name"))),
    )


@pytest.mark.parametrize("person", ["owner", "alice"])
def test_who_is_neither_operator_nor_platform_defines_no_class(chain: SmallChain, person: str) -> None:
    with chain.refuses("role-not-allowed", Role.OWNER if person == "owner" else Role.CONSUMER):
        chain.define(person)


@pytest.mark.parametrize("person", ["platform", "operator", "rival"])
def test_a_class_is_defined_once_whoever_asks_and_whatever_it_is(chain: SmallChain, person: str) -> None:
    chain.define()
    with chain.refuses("class-exists", CLASS):
        chain.call(person, "classes", "defineClass", class_of(standard=1155, name_en="Other"))


@pytest.mark.parametrize("standard", [722, 1000, 1154])
def test_a_class_is_of_one_of_the_two_standards(chain: SmallChain, standard: int) -> None:
    with chain.refuses("standard-unknown", standard):
        chain.call("platform", "classes", "defineClass", class_of(standard=standard))


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
        {"standard": 720},
        {"standard": 1156},
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
        {"burn_authorisation": -1},
        {"burn_authorisation": 4},
        {"issuer_revokes": None},
        {"acceptance": 1},
        {"attributes": -1},
        {"attributes": 4},
        {"validity_ms_max": 0},
        {"validity_ms_max": 2**53},
        {"rebind_wait_ms": -1},
        {"rebind_wait_ms": 366 * 86_400_000 + 1},
    ],
    ids=str,
)
def test_rules_out_of_form_are_refused(chain: SmallChain, changed: dict[str, Any]) -> None:
    with chain.refuses("arguments-malformed"):
        chain.call("platform", "classes", "defineClass", class_of(rules=replace(DEFAULT_RULES, **changed)))


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
        {"rules": replace(DEFAULT_RULES, validity_ms_max=2**53 - 1, rebind_wait_ms=366 * 86_400_000)},
    ],
    ids=str,
)
def test_a_class_at_the_limits_is_defined(chain: SmallChain, changed: dict[str, Any]) -> None:
    arguments = class_of(**changed)
    chain.call("platform", "classes", "defineClass", arguments)
    defined = require_class(chain.records, arguments.class_id)
    assert all(getattr(defined, name) == value for name, value in changed.items())


def test_a_class_that_is_not_is_unknown_to_readers(chain: SmallChain) -> None:
    assert find_class(chain.records, CLASS) is None
    with pytest.raises(ContractReverted) as refusal:
        require_class(chain.records, CLASS)
    assert (refusal.value.code, refusal.value.values) == ("class-unknown", (CLASS,))
