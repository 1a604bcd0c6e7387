"""A status as judged at a time: what is recorded, or what time alone has made of it (protocol 17)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chain.codec import CodecMalformed, decode, encode
from contracts.certificate import (
    BurnAuthorisation,
    Certificate,
    Edition,
    Held,
    Holding,
    Issued,
    Recorded,
    Status,
    add_to_count,
    add_to_issued,
    count_of,
    find_edition,
    find_holding,
    holding_status_at,
    is_live,
    issued_of,
    require_certificate,
    status_at,
)
from contracts.interface import ContractReverted
from contracts.keys import edition_key, holding_key
from tests.chain.record_strategies import any_of
from tests.contracts.small_chain import CLASS, SmallChain, token

FROM, UNTIL = 100, 200
TIMES = (99, 100, 199, 200)
"""The last moment before, the first and the last one within, the first one after."""
IN_TIME = ("not-yet-valid", "active", "active", "expired")
FREE, LOCKED, FROZEN, BOTH = (False, False), (False, True), (True, False), (True, True)
TABLE: dict[tuple[Recorded, tuple[bool, bool]], tuple[str, str, str, str]] = {
    (Recorded.ACTIVE, FREE): IN_TIME,
    (Recorded.ACTIVE, LOCKED): ("locked", "locked", "locked", "locked"),
    (Recorded.ACTIVE, FROZEN): ("frozen", "frozen", "frozen", "frozen"),
    (Recorded.ACTIVE, BOTH): ("frozen", "frozen", "frozen", "frozen"),
    (Recorded.OFFERED, FREE): ("offered", "offered", "offered", "offered"),
    (Recorded.OFFERED, LOCKED): ("locked", "locked", "locked", "locked"),
    (Recorded.OFFERED, FROZEN): ("frozen", "frozen", "frozen", "frozen"),
    (Recorded.OFFERED, BOTH): ("frozen", "frozen", "frozen", "frozen"),
    **{
        (recorded, flags): (word, word, word, word)
        for recorded, word in ((Recorded.REVOKED, "revoked"), (Recorded.BURNT, "burnt"), (Recorded.MOVED, "moved"))
        for flags in (FREE, LOCKED, FROZEN, BOTH)
    },
}
times = st.integers(0, 2**53 - 1)
helds = any_of(Certificate) | any_of(Holding)


def test_the_table_has_every_combination() -> None:
    assert len(TABLE) == len(Recorded) * 4
    told = {word for row in TABLE.values() for word in row}
    assert told | {"suspended", "stale"} == {status.value for status in Status}, (
        "a mirror's, and one that stands on others"
    )


@given(held=helds)
def test_the_status_at_a_time_is_the_table_s(held: Held) -> None:
    for (recorded, (frozen, locked)), row in TABLE.items():
        state: dict[str, Any] = {"recorded": int(recorded), "frozen": frozen, "locked": locked}
        at = replace(held, valid_from=FROM, valid_until=UNTIL, **state)
        if isinstance(at, Certificate):
            suspended = replace(at, suspended=True)
            word = row[0] if recorded >= Recorded.REVOKED or frozen or locked else "suspended"
            assert {status_at(suspended, now) for now in TIMES} == {word}, state
            at = replace(at, suspended=False)
        assert tuple(status_at(at, now) for now in TIMES) == row, state
        for_ever = [status_at(replace(at, valid_until=None), now) for now in (*TIMES, 2**53)]
        assert for_ever == [row[0], row[1], row[1], row[1], row[1]], state
        assert is_live(at) == (recorded in (Recorded.ACTIVE, Recorded.OFFERED)), state


@given(helds, times, times)
def test_as_time_goes_by_a_status_only_ever_goes_on(held: Held, one: int, other: int) -> None:
    order = [Status.NOT_YET_VALID, Status.ACTIVE, Status.EXPIRED]
    first, second = (status_at(held, now) for now in sorted((one, other)))
    assert (first in order) == (second in order)
    assert order.index(first) <= order.index(second) if first in order else first == second


@given(helds, times)
def test_what_is_final_stays_so_and_what_is_frozen_is_in_force_at_no_time(held: Held, now: int) -> None:
    status = status_at(held, now)
    if not is_live(held):
        assert status == Status(Recorded(held.recorded).name.lower())
    elif held.frozen or held.locked or held.recorded == Recorded.OFFERED or getattr(held, "suspended", False):
        assert status in (Status.FROZEN, Status.LOCKED, Status.SUSPENDED, Status.OFFERED)
    else:
        in_force = held.valid_from <= now and (held.valid_until is None or now < held.valid_until)
        assert (status == Status.ACTIVE) == in_force


@given(any_of(Edition), any_of(Holding), times)
def test_a_holding_shares_its_edition_s_fate_as_long_as_it_lives(edition: Edition, holding: Holding, now: int) -> None:
    free, withdrawn, frozen, both = (
        replace(edition, withdrawn=withdrawn, frozen=frozen)
        for withdrawn, frozen in ((False, False), (True, False), (False, True), (True, True))
    )
    own = status_at(holding, now)
    assert holding_status_at(free, holding, now) == own
    expected = (own, own, own) if not is_live(holding) else (Status.REVOKED, Status.FROZEN, Status.REVOKED)
    assert tuple(holding_status_at(part, holding, now) for part in (withdrawn, frozen, both)) == expected


def test_the_numbers_of_what_is_recorded_are_for_ever() -> None:
    assert {state.name: int(state) for state in Recorded} == {
        "ACTIVE": 0, "OFFERED": 1, "REVOKED": 2, "BURNT": 3, "MOVED": 4,
    }  # fmt: skip
    assert {who.name: int(who) for who in BurnAuthorisation} == {"ISSUER": 0, "HOLDER": 1, "BOTH": 2, "NEITHER": 3}
    assert {state.name.lower() for state in Recorded} < {status.value for status in Status}


def test_a_count_that_was_never_written_is_zero_and_grows_and_shrinks() -> None:
    records = SmallChain.founded().records
    assert count_of(records, b"Bnothing") == 0
    add_to_count(records, b"Bnothing", 3)
    add_to_count(records, b"Bnothing", -2)
    assert count_of(records, b"Bnothing") == 1


def test_what_was_issued_of_a_class_is_counted_with_the_last_one_s_token() -> None:
    records = SmallChain.founded().records
    assert issued_of(records, CLASS) is None
    add_to_issued(records, CLASS, 3, token(7))
    assert issued_of(records, CLASS) == Issued(count=3, latest=token(7))
    add_to_issued(records, CLASS, 2, token(4))
    assert issued_of(records, CLASS) == Issued(count=5, latest=token(4))
    assert issued_of(records, "other") is None


@pytest.mark.parametrize("record", [Certificate, Edition, Holding])
@given(data=st.data())
def test_a_record_says_one_of_four_who_may_burn(record: type[Any], data: st.DataObject) -> None:
    drawn = data.draw(any_of(record))
    for who in BurnAuthorisation:
        kept = replace(drawn, burn_authorisation=int(who))
        assert decode(encode(kept), record) == kept
    for wrong in (-1, 4):
        with pytest.raises(CodecMalformed):
            decode(encode(replace(drawn, burn_authorisation=wrong)), record)


def test_what_is_not_there_is_not_found() -> None:
    records = SmallChain.founded().records
    assert find_edition(records, CLASS, token(1)) is None
    assert find_holding(records, CLASS, token(1), b"somebody") is None
    with pytest.raises(ContractReverted) as refusal:
        require_certificate(records, CLASS, token(1))
    assert (refusal.value.code, refusal.value.values) == ("certificate-unknown", (CLASS, token(1)))


@given(any_of(Edition), any_of(Holding))
def test_editions_and_holdings_are_found_as_they_were_kept(edition: Edition, holding: Holding) -> None:
    records = SmallChain.founded().records
    records.put(edition_key(edition.class_id, edition.token), encode(edition))
    records.put(holding_key(holding.class_id, holding.token, holding.holder), encode(holding))
    assert find_edition(records, edition.class_id, edition.token) == edition
    assert find_holding(records, holding.class_id, holding.token, holding.holder) == holding
