"""Times as people write them: milliseconds since 1970, or RFC 3339; a bare date is its first moment in UTC."""

import datetime

from gateway.errors import Problem

TIME_MS_MAX = 2**53 - 1
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def parse_time(given: str | int) -> int:
    """Milliseconds since 1970; the problem `parameter-malformed` for what is no time."""
    if isinstance(given, int):
        if 0 <= given <= TIME_MS_MAX:
            return given
        raise Problem("parameter-malformed", f"a time in ms lies between 0 and {TIME_MS_MAX}, got {given}")
    try:
        moment = datetime.datetime.fromisoformat(given)
    except ValueError:
        raise Problem(
            "parameter-malformed", f"{given[:40]!r} is no time; write 2030-12-31 or 2030-12-31T08:00:00+08:00"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.UTC)
    milliseconds = (moment - _EPOCH) // datetime.timedelta(milliseconds=1)
    if milliseconds < 0:
        raise Problem("parameter-malformed", f"{given[:40]!r} is before 1970")
    return milliseconds
