"""Times in milliseconds or as RFC 3339 writes them."""

import contextlib
import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Problem
from gateway.times import TIME_MS_MAX, parse_time

SHANGHAI = datetime.timezone(datetime.timedelta(hours=8))
moments = st.datetimes(
    min_value=datetime.datetime(1970, 1, 2),  # noqa: DTZ001 - the strategy adds the zone
    timezones=st.sampled_from([datetime.UTC, SHANGHAI]),
)


@given(st.integers(0, TIME_MS_MAX))
def test_milliseconds_stay_as_they_are(given_ms: int) -> None:
    assert parse_time(given_ms) == given_ms


@given(moments.map(lambda moment: moment.replace(microsecond=moment.microsecond // 1_000 * 1_000)))
def test_a_written_time_is_exact_to_the_millisecond(moment: datetime.datetime) -> None:
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    assert datetime.timedelta(milliseconds=parse_time(moment.isoformat())) == moment - epoch


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01", 0),
        ("2030-12-31", 1_924_905_600_000),
        ("2030-12-31T00:00:00Z", 1_924_905_600_000),
        ("2030-12-31T08:00:00+08:00", 1_924_905_600_000),
        ("2030-12-31T00:00:00.001Z", 1_924_905_600_001),
        ("2030-12-31T00:00:00", 1_924_905_600_000),
    ],
)
def test_a_date_is_its_first_moment_in_utc(text: str, expected: int) -> None:
    assert parse_time(text) == expected


@pytest.mark.parametrize(
    "wrong", [-1, TIME_MS_MAX + 1, "", "tomorrow", "2030-13-01", "2030-02-30", "1969-12-31", "0001-01-01", "\ud800"]
)
def test_what_is_no_time_is_refused(wrong: str | int) -> None:
    with pytest.raises(Problem) as refused:
        parse_time(wrong)
    assert refused.value.code == "parameter-malformed"


@given(
    st.text(max_size=40) | st.from_regex(r"[0-9]{4}-?[0-9W]{2,3}-?[0-9]{0,2}([T ][0-9:.]{0,12}([+-][0-9:]{2,6}|Z)?)?")
)
def test_any_text_is_a_time_or_refused(text: str) -> None:
    with contextlib.suppress(Problem):
        assert 0 <= parse_time(text) <= TIME_MS_MAX
