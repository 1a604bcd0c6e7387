"""A touch gives a resting chain a fresh block, and only a resting one (protocol 19)."""

import pytest

from chain.profiles import load_profiles
from chain.transaction import Event
from contracts.system import Touch
from tests.contracts.small_chain import SmallChain

INTERVAL_MS = load_profiles()["wuhan"].touch_interval_s * 1_000


@pytest.fixture
def chain() -> SmallChain:
    return SmallChain.founded()


@pytest.mark.parametrize("sender", ["operator", "alice", "bob"])
@pytest.mark.parametrize("rest_ms", [INTERVAL_MS, INTERVAL_MS + 1, 10**12])
def test_anyone_touches_a_chain_that_has_rested(chain: SmallChain, sender: str, rest_ms: int) -> None:
    chain.time = chain.parent_time + rest_ms
    before, time = chain.content(), chain.time
    events = chain.call(sender, "system", "touch", Touch())
    assert events == (Event(contract="system", name="Touched", values=(time,)),)
    assert chain.content() == before


@pytest.mark.parametrize("rest_ms", [1, INTERVAL_MS - 1])
def test_a_chain_that_has_not_rested_is_not_touched(chain: SmallChain, rest_ms: int) -> None:
    chain.time = chain.parent_time + rest_ms
    with chain.refuses("touched-recently", rest_ms, INTERVAL_MS):
        chain.call("operator", "system", "touch", Touch())


def test_a_touch_has_no_arguments(chain: SmallChain) -> None:
    chain.time = chain.parent_time + INTERVAL_MS
    for arguments in (b"", b"\xc0", b"\x91\x00", b"\x80", b"\x90\x00"):
        with chain.refuses("arguments-malformed"):
            chain.call("operator", "system", "touch", arguments)
