"""Offers at fixed times: what is acknowledged counts once, what is refused is offered again."""

import asyncio
from collections import deque
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts.bench.http_load import Answer, Connection
from scripts.bench.network import BenchNetwork
from scripts.bench.overload import Offers

BENCH = BenchNetwork(folder=Path("/nowhere"), network={"url": "http://127.0.0.1:1"}, keys={}, nodes=4)
COMMITTED, REFUSED = b'{"outcome":"committed"}\n', b'{"outcome":"refused","problem":{"code":"queue-full"}}\n'
RETRY = b"HTTP/1.1 503 X\r\nretry-after: 1"


class FakeConnection(Connection):
    """Answers at once by what it was given."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = deque(answers)

    async def end(self) -> None:
        pass

    @property
    def open(self) -> bool:
        return True

    def send(self, request: bytes, heard: Callable[[Answer], None]) -> None:
        heard(self.answers.popleft())


def offers(count: int, *answers: Answer) -> Offers:
    """So many bodies of two transactions each, and one connection."""
    bodies = deque(([b"%d" % (2 * i), b"%d" % (2 * i + 1)], b"body %d" % i) for i in range(count))
    return Offers(BENCH, bodies, free=[FakeConnection(*answers)])


def played(made: Offers, seconds: float = 0.05) -> Offers:
    asyncio.run(made.go_on(1 / seconds * len(made.free[0].answers) if made.free else 1.0, seconds))  # type: ignore[attr-defined]
    return made


def test_a_body_that_was_taken_is_acknowledged_line_by_line() -> None:
    made = played(offers(2, Answer(200, b"", COMMITTED + REFUSED, 0.1), Answer(200, b"", 2 * COMMITTED, 0.2)))
    assert made.acknowledged == {b"0", b"2", b"3"}
    assert made.in_time == 3
    assert made.refused == {"queue-full": 1}
    assert (made.offered, made.latencies, len(made.bodies)) == (4, [0.1, 0.2], 0)


@pytest.mark.parametrize(("head", "without"), [(RETRY, 0), (b"HTTP/1.1 503 X", 1)])
def test_a_refused_body_is_offered_again_and_must_say_when(head: bytes, without: int) -> None:
    made = played(offers(1, Answer(503, head, b"", 0.1), Answer(200, b"", 2 * COMMITTED, 0.2)))
    assert made.refused == {"503": 2}
    assert made.without_retry == without
    assert made.acknowledged == {b"0", b"1"}
    assert made.offered == 4


def test_what_cannot_be_offered_in_time_is_said() -> None:
    made = played(offers(0, *[Answer(200, b"", b"", 0.0)] * 5))
    assert (made.late > 0, made.offered) == (True, 0)


def test_a_gateway_that_cannot_be_reached_is_said() -> None:
    made = offers(1)
    made.free.clear()
    asyncio.run(made.go_on(20.0, 0.12))
    assert made.refused["no connection"] >= 2
    assert len(made.bodies) == 1
