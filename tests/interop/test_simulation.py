"""The histories of a few seeds, and that the simulation finds what is broken on purpose."""

from collections.abc import Callable
from typing import Any

import pytest

from chain.errors import Malformed
from contracts import arrivals, crosschain, packets, registry, relaying
from contracts.interface import Check
from tests.interop.simulation import Violated, play, play_all

SEEDS = range(120)
BANK = (1534, 2381)
"""Seeds that have found something once: a packet that timed out kept up all behind it."""


def test_no_history_breaks_what_must_hold() -> None:
    seen = play_all([*SEEDS, *BANK])
    ends = {what for what in seen if what.startswith("move ")}
    assert {"move done", "move cancelled cancelled", "move failed packet-expired", "move timed_out timed-out"} <= ends
    assert {"a_relayer_crashed", "a_relayer_replays", "change_replicas", "header-older"} - set(seen) <= {"header-older"}


def test_one_seed_is_one_history() -> None:
    assert play(7) == play(7)


def _without(monkeypatch: pytest.MonkeyPatch, method: str, *left_out: Callable[..., Any] | str) -> None:
    """The method of `crosschain`, without some of its checks."""
    known = registry.METHODS["crosschain", method]

    def stays(check: Check) -> bool:
        return check not in left_out and not any(isinstance(one, str) and one in check.codes for one in left_out)

    spoilt = type(known)(
        arguments=known.arguments,
        checks=tuple(check for check in known.checks if stays(check)),
        effect=known.effect,
        events=known.events,
        price=known.price,
    )
    monkeypatch.setitem(registry.METHODS, ("crosschain", method), spoilt)


def _expires_never(monkeypatch: pytest.MonkeyPatch) -> None:
    real = arrivals.refusal
    monkeypatch.setattr(
        arrivals,
        "refusal",
        lambda context, packet, move: code if (code := real(context, packet, move)) != "packet-expired" else "",
    )


def _unlocks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crosschain, "_undo", lambda context, transfer, state, code: crosschain._put(context, transfer))


def _keeps_the_fee(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crosschain, "_pay", lambda *_: None)


def _fate_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crosschain, "_told", lambda _context, transfer: transfer)


BUGS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "a packet arrives after its deadline": _expires_never,
    "a packet is received twice": lambda patch: _without(patch, "receive", "packet-received"),
    "a time-out comes too early": lambda patch: _without(patch, "timeOut", "time-out-too-early", "proof-invalid"),
    "a move that went out is cancelled": lambda patch: _without(patch, "cancel", "transfer-not-open"),
    "what failed stays locked": _unlocks_nothing,
    "fees go nowhere": _keeps_the_fee,
    "what is revoked on the way stays live": _fate_is_lost,
}


@pytest.mark.parametrize("name", BUGS)
def test_what_is_broken_on_purpose_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    BUGS[name](monkeypatch)
    with pytest.raises((Violated, Malformed)):
        play_all(range(600))


def test_the_modules_that_are_spoilt_are_those_that_run() -> None:
    assert arrivals.refusal.__module__ == "contracts.arrivals"
    assert packets.next_in_order in registry.METHODS["crosschain", "receive"].checks
    assert relaying.within_limit in registry.METHODS["crosschain", "timeOut"].checks
