"""A status as judged at a time: what is recorded, or what time alone has made of it (protocol 17)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from contracts.certificate import Certificate, Recorded, Status, count_of, status_at
from tests.chain.record_strategies import any_of
from tests.contracts.small_chain import SmallChain

times = st.integers(0, 2**53 - 1)


@given(any_of(Certificate), times, st.sampled_from([state for state in Recorded if state != Recorded.ACTIVE]))
def test_time_changes_nothing_of_what_is_recorded(certificate: Certificate, now: int, recorded: Recorded) -> None:
    changed = replace(certificate, recorded=int(recorded))
    assert status_at(changed, now) == Status(recorded.name.lower())


@given(any_of(Certificate), times)
def test_an_active_certificate_is_in_force_between_its_times(certificate: Certificate, now: int) -> None:
    active = replace(certificate, recorded=int(Recorded.ACTIVE))
    in_force = active.valid_from <= now and (active.valid_until is None or now < active.valid_until)
    assert (status_at(active, now) == Status.ACTIVE) == in_force


@pytest.mark.parametrize(
    ("now", "status"),
    [
        (0, Status.NOT_YET_VALID),
        (99, Status.NOT_YET_VALID),
        (100, Status.ACTIVE),
        (199, Status.ACTIVE),
        (200, Status.EXPIRED),
        (10**15, Status.EXPIRED),
    ],
)
@given(certificate=any_of(Certificate))
def test_the_first_and_last_millisecond_count_once(now: int, status: Status, certificate: Certificate) -> None:
    active = replace(certificate, recorded=0, valid_from=100, valid_until=200)
    assert status_at(active, now) == status
    for_ever = status_at(replace(active, valid_until=None), now)
    assert for_ever == (Status.NOT_YET_VALID if now < 100 else Status.ACTIVE)


def test_every_recorded_status_has_a_judged_one_and_the_numbers_are_for_ever() -> None:
    assert {state.name: int(state) for state in Recorded} == {
        "ACTIVE": 0, "FROZEN": 1, "REVOKED": 2, "LOCKED": 3, "BURNT": 4,
    }  # fmt: skip
    assert {state.name.lower() for state in Recorded} < {status.value for status in Status}


def test_a_count_that_was_never_written_is_zero() -> None:
    assert count_of(SmallChain.founded().records, b"Snothing") == 0
