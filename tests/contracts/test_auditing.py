"""Who audits evidence, and how many votes save it: the owner says (protocol 31)."""

import pytest

from chain.codec import Record, encode
from chain.transaction import Event
from contracts.auditing import (
    AUDITORS_MAX,
    Auditing,
    Auditor,
    ConfigureAuditor,
    SetThreshold,
    auditing_of,
    find_auditor,
)
from contracts.keys import auditing_key, auditor_key
from tests.chain.small_genesis import did_of
from tests.contracts.certificate_calls import change_account, since
from tests.contracts.check_order import Play, arguments, assert_order, by, sender_frozen
from tests.contracts.small_chain import SmallChain

EVIDENCE = "evidence"


@pytest.fixture(params=["wuhan", "zhongyi"])
def chain(request: pytest.FixtureRequest) -> SmallChain:
    return SmallChain.founded(request.param)


def configure(chain: SmallChain, person: str, *, approved: bool = True) -> tuple[Event, ...]:
    """Let a person audit, or no longer, as the owner."""
    return chain.call("owner", EVIDENCE, "configureAuditor", configuring(chain, person, approved=approved))


def configuring(chain: SmallChain, person: str, *, approved: bool = True) -> ConfigureAuditor:
    return ConfigureAuditor(auditor=chain.address(person), approved=approved)


def test_one_vote_is_asked_for_and_nobody_audits_at_first(chain: SmallChain) -> None:
    assert auditing_of(chain.records) == Auditing(threshold=1, auditors=0, requests=0)
    assert chain.records.get(auditing_key()) is None
    assert find_auditor(chain.records, chain.address("alice")) is None


def test_the_threshold_is_recorded_and_told(chain: SmallChain) -> None:
    before = chain.content()
    events = chain.call("owner", EVIDENCE, "setThreshold", SetThreshold(threshold=3))
    assert events == (Event(contract=EVIDENCE, name="SetThreshold", values=(3,)),)
    expected = encode(Auditing(threshold=3, auditors=0, requests=0))
    assert since(before, chain) == {auditing_key(): expected}


def test_auditors_are_counted_as_they_come_and_go(chain: SmallChain) -> None:
    alice = chain.address("alice")
    for count, person in enumerate(["alice", "rival", "operator"], start=1):
        events = configure(chain, person)
        values = (chain.address(person), True, did_of(person))
        assert events == (Event(contract=EVIDENCE, name="ConfigureAuditor", values=values),)
        assert auditing_of(chain.records).auditors == count
    assert find_auditor(chain.records, alice) == Auditor(approved=True, did=did_of("alice"), since=0)
    before = chain.content()
    events = configure(chain, "alice", approved=False)
    assert events[0].values == (alice, False, did_of("alice"))
    assert since(before, chain) == {
        auditing_key(): encode(Auditing(threshold=1, auditors=2, requests=0)),
        auditor_key(alice): encode(Auditor(approved=False, did=did_of("alice"), since=0)),
    }
    configure(chain, "alice")
    assert auditing_of(chain.records).auditors == 3


@pytest.mark.parametrize("approved", [True, False])
def test_nobody_is_configured_as_what_it_is(chain: SmallChain, approved: bool) -> None:
    if approved:
        configure(chain, "alice")
    with chain.refuses("no-change", chain.address("alice")):
        configure(chain, "alice", approved=approved)
    configure(chain, "alice", approved=not approved)


def test_a_frozen_account_may_not_become_an_auditor_but_cease_to_be_one(chain: SmallChain) -> None:
    configure(chain, "alice")
    for person in ("alice", "rival"):
        change_account(chain, person, operator_active=False)
    with chain.refuses("account-frozen", chain.address("rival")):
        configure(chain, "rival")
    configure(chain, "alice", approved=False)


def test_there_is_a_limit_to_auditors(chain: SmallChain) -> None:
    configure(chain, "alice")
    chain.write(auditing_key(), Auditing(threshold=1, auditors=AUDITORS_MAX, requests=0))
    with chain.refuses("auditors-full", AUDITORS_MAX):
        configure(chain, "rival")
    configure(chain, "alice", approved=False)
    configure(chain, "rival")
    assert auditing_of(chain.records).auditors == AUDITORS_MAX


@pytest.mark.parametrize("threshold", [0, AUDITORS_MAX + 1])
def test_a_threshold_is_one_to_sixty_four(chain: SmallChain, threshold: int) -> None:
    with chain.refuses("arguments-malformed"):
        chain.call("owner", EVIDENCE, "setThreshold", encode((threshold,)))


@pytest.mark.parametrize("method", ["setThreshold", "configureAuditor"])
@pytest.mark.parametrize("sender", ["operator", "platform", "alice"])
def test_nobody_but_the_owner_sets_it(chain: SmallChain, method: str, sender: str) -> None:
    given: Record = SetThreshold(threshold=2) if method == "setThreshold" else configuring(chain, sender)
    role = {"operator": 0, "platform": 1, "alice": 2}[sender]
    with chain.refuses("role-not-allowed", role):
        chain.call(sender, EVIDENCE, method, given)


def test_the_checks_of_set_threshold_stand_in_order() -> None:
    def play() -> Play:
        return Play(SmallChain.founded(), "owner", EVIDENCE, "setThreshold", SetThreshold(threshold=2))

    assert_order(
        play,
        ("account-unknown", by("bob")),
        ("account-frozen", sender_frozen),
        ("role-not-allowed", by("operator")),
        ("no-change", arguments(threshold=1)),
    )


def test_the_checks_of_configure_auditor_stand_in_order() -> None:
    def play() -> Play:
        chain = SmallChain.founded()
        return Play(chain, "owner", EVIDENCE, "configureAuditor", configuring(chain, "alice"))

    audits = Auditor(approved=True, did=did_of("alice"), since=0)
    full = Auditing(threshold=1, auditors=AUDITORS_MAX, requests=0)
    assert_order(
        play,
        ("account-unknown", by("bob")),
        ("account-frozen", sender_frozen),
        ("role-not-allowed", by("operator")),
        ("account-unknown", arguments(auditor=lambda play: play.chain.address("bob"))),
        ("account-frozen", lambda play: change_account(play.chain, "alice", platform_active=False)),
        ("no-change", lambda play: play.chain.write(auditor_key(play.chain.address("alice")), audits)),
        ("auditors-full", lambda play: play.chain.write(auditing_key(), full)),
    )
