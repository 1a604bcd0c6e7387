"""Burning holdings: who may, which are gone after it, and that no other is touched (protocol 30.3)."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.certificate import BurnAuthorisation, Recorded
from contracts.interface import ContractReverted
from contracts.keys import contract_purse, holding_key, purse_key
from tests.contracts.certificate_calls import fund, since
from tests.contracts.certificate_spoils import OPEN, PAID, address
from tests.contracts.check_order import Play, Spoil, arguments, assert_order
from tests.contracts.small_chain import CLASS, SmallChain, token
from tests.contracts.small_editions import (
    balance,
    because,
    burning,
    call,
    create,
    ended,
    founded,
    holding_in,
    issue,
    mark_edition,
    mark_holding,
    meta_burn,
    of_edition,
    of_holding,
    paid,
    signed,
    told,
)

Spoils = tuple[tuple[str, Spoil], ...]
AUTHORISED = {
    BurnAuthorisation.ISSUER: {"platform"},
    BurnAuthorisation.HOLDER: {"alice"},
    BurnAuthorisation.BOTH: {"platform", "alice"},
    BurnAuthorisation.NEITHER: set(),
}


def ready(chain_id: str = "wuhan") -> SmallChain:
    """A chain on which alice and carol have holdings of editions 1 and 2, and alice of 3."""
    chain = founded(chain_id, holders=("alice", "carol"))
    for number in (2, 3):
        create(chain, number)
        issue(chain, "alice", number)
    issue(chain, "carol", 2)
    return chain


@pytest.fixture(params=["wuhan", "zhongyi"])
def chain(request: pytest.FixtureRequest) -> SmallChain:
    return ready(request.param)


def changed_by(chain: SmallChain, before: dict[bytes, bytes]) -> set[bytes]:
    """The keys that are not what they were, beside purses."""
    purses = {purse_key(contract_purse("ddc1155")), purse_key(chain.address("platform"))}
    return set(since(before, chain)) - purses


def test_burning_one_leaves_every_other_as_it_was(chain: SmallChain) -> None:
    before = chain.content()
    events = call(chain, "platform", "burn", ended(chain, "alice", 2))
    platform, alice = chain.address("platform"), chain.address("alice")
    assert events == (
        paid(chain, "platform", "burn", steps=200),
        told("TransferSingle", platform, alice, b"", CLASS, token(2), 1),
        told("Burnt", CLASS, token(2), alice, "by-request"),
    )
    assert changed_by(chain, before) == {holding_key(CLASS, token(2), alice)}
    assert holding_in(chain, "alice", 2).recorded == Recorded.BURNT
    assert [balance(chain, "alice", number) for number in (1, 2, 3)] == [1, 0, 1]
    assert [balance(chain, "carol", number) for number in (1, 2)] == [1, 1]


def test_burning_many_leaves_every_other_as_it_was(chain: SmallChain) -> None:
    before = chain.content()
    events = call(chain, "platform", "burnBatch", burning(chain, 3, 1))
    platform, alice = chain.address("platform"), chain.address("alice")
    assert events == (
        paid(chain, "platform", "burnBatch", steps=300, units=2),
        told("TransferBatch", platform, alice, b"", CLASS, (token(3), token(1))),
        told("BurntBatch", CLASS, (token(3), token(1)), alice, "by-request"),
    )
    assert changed_by(chain, before) == {holding_key(CLASS, token(number), alice) for number in (1, 3)}
    assert [holding_in(chain, "alice", number).recorded for number in (1, 2, 3)] == [3, 0, 3]


@pytest.mark.parametrize("marks", [{"recorded": 3}, {"locked": True}, {"frozen": True}, {"burn_authorisation": 1}])
def test_a_batch_whose_last_item_fails_leaves_nothing(chain: SmallChain, marks: dict[str, int]) -> None:
    mark_holding(chain, "alice", 3, **marks)
    before = chain.content()
    with pytest.raises(ContractReverted):
        call(chain, "platform", "burnBatch", burning(chain, 1, 2, 3))
    assert chain.content() == before
    with chain.refuses("holding-unknown", CLASS, token(3), chain.address("carol")):
        call(chain, "platform", "burnBatch", burning(chain, 1, 2, 3, holder="carol"))


@pytest.mark.parametrize("method", ["burn", "burnBatch"])
@pytest.mark.parametrize(
    ("authorised", "sender"), list(product(AUTHORISED, ["platform", "rival", "operator", "alice"]))
)
def test_a_holding_is_burnt_by_whom_its_authorisation_names(
    method: str, authorised: BurnAuthorisation, sender: str
) -> None:
    chain = paid_for(ready())
    mark_holding(chain, burn_authorisation=int(authorised))
    given = ended(chain) if method == "burn" else burning(chain, 2, 1)
    if method == "burnBatch":
        mark_holding(chain, "alice", 2, burn_authorisation=int(authorised))
    if sender in AUTHORISED[authorised]:
        call(chain, sender, method, given)
        assert balance(chain) == 0
    else:
        token_named = token(1) if method == "burn" else token(2)
        with chain.refuses("burn-not-authorised", token_named, authorised.name.lower()):
            call(chain, sender, method, given)


@pytest.mark.parametrize("method", ["burn", "burnBatch"])
@pytest.mark.parametrize("whole_edition", [False, True])
@pytest.mark.parametrize("authorised", BurnAuthorisation)
def test_a_frozen_one_is_burnt_by_an_operator_only(
    method: str, whole_edition: bool, authorised: BurnAuthorisation
) -> None:
    """Whether it is frozen itself or with its edition, and whoever may burn it else."""
    chain = paid_for(ready())
    mark_holding(chain, burn_authorisation=int(authorised), frozen=not whole_edition)
    mark_edition(chain, frozen=whole_edition)
    given = ended(chain) if method == "burn" else burning(chain, 1)
    for sender in ("platform", "alice", "rival"):
        with chain.refuses("burn-not-authorised", token(1), authorised.name.lower()):
            call(chain, sender, method, given)
    call(chain, "operator", method, given)
    assert (balance(chain), balance(chain, "carol")) == (0, 1)


def test_a_holder_s_signature_burns_nothing_that_is_frozen_even_if_an_operator_relays_it(chain: SmallChain) -> None:
    mark_edition(chain, frozen=True)
    with chain.refuses("edition-frozen", CLASS, token(1)):
        call(chain, "operator", "metaBurn", signed(chain, "metaBurn", meta_burn(chain)))
    mark_edition(chain, frozen=False)
    mark_holding(chain, frozen=True)
    with chain.refuses("certificate-frozen", token(1)):
        call(chain, "operator", "metaBurn", signed(chain, "metaBurn", meta_burn(chain)))


def test_nothing_is_burnt_of_a_withdrawn_edition(chain: SmallChain) -> None:
    call(chain, "platform", "withdrawEdition", because(2))
    for method, named in (("burn", ended(chain, "alice", 2)), ("burnBatch", burning(chain, 1, 2))):
        with chain.refuses("edition-withdrawn", CLASS, token(2)):
            call(chain, "platform", method, named)


def paid_for(chain: SmallChain) -> SmallChain:
    """Everybody has gas and fen."""
    for person in ("alice", "rival"):
        fund(chain, person)
    return chain


@settings(max_examples=40)
@given(st.sets(st.tuples(st.sampled_from(["alice", "carol", "dave"]), st.integers(1, 4))), st.data())
def test_a_batch_burns_exactly_what_it_names(held: set[tuple[str, int]], data: st.DataObject) -> None:
    chain = founded()
    for number in (2, 3, 4):
        create(chain, number)
    for holder, number in sorted(held):
        issue(chain, holder, number)
    holder = data.draw(st.sampled_from(["alice", "carol", "dave"]))
    numbers = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    before = chain.content()
    named = {(holder, number) for number in numbers}
    try:
        call(chain, "platform", "burnBatch", burning(chain, *numbers, holder=holder))
    except ContractReverted as refused:
        code = "token-repeats" if len(named) < len(numbers) else "holding-unknown"
        fits, found = False, refused.code
        assert chain.content() == before
    else:
        fits, found, code = True, "", ""
    assert (fits, found) == (len(named) == len(numbers) and named <= held, code)
    left = held - named if fits else held
    people = [(person, number) for person in ("alice", "carol", "dave") for number in (1, 2, 3, 4)]
    assert {one for one in people if balance(chain, *one)} == left


KNOWN: Spoils = (
    ("holder-missing", arguments(holder=None)),
    ("holding-unknown", arguments(holder=address("dave"))),
)
NOT_BURNABLE: Spoils = (
    ("edition-withdrawn", of_edition(withdrawn=True)),
    ("certificate-final", of_holding(recorded=int(Recorded.REVOKED))),
    ("certificate-locked", of_holding(locked=True)),
    ("burn-not-authorised", of_edition(frozen=True)),
)


def test_the_checks_of_burn_stand_in_order() -> None:
    def play() -> Play:
        chain = ready()
        return Play(chain, "platform", "ddc1155", "burn", ended(chain))

    assert_order(play, *OPEN, *KNOWN, *NOT_BURNABLE, *PAID)


def test_the_checks_of_burn_batch_stand_in_order() -> None:
    def play() -> Play:
        chain = ready()
        return Play(chain, "platform", "ddc1155", "burnBatch", burning(chain, 2, 1))

    repeats: Spoils = (("token-repeats", arguments(tokens=(token(1), token(1)))),)
    assert_order(play, *OPEN, *repeats, *KNOWN[1:], *NOT_BURNABLE, *PAID)
