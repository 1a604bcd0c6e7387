"""Which timers of a profile go together; with others a node does not start (protocol 20.1)."""

from collections.abc import Iterable
from typing import Final

from chain.profile import ChainProfile
from chain.transaction import TRANSACTION_WINDOW_MS
from node.consensus.patience import UNREACHABLE_WEIGHT

PROGRESS_TICKS_MIN: Final = 2 * UNREACHABLE_WEIGHT


def timer_fault(profiles: Iterable[ChainProfile]) -> str:
    """Which settings do not go together, and why; empty if all do."""
    profiles = tuple(profiles)
    faults = (fault for profile in profiles if (fault := _fault(profile)))
    ticks = {profile.tick_ms for profile in profiles}
    if len(ticks) > 1:
        return f"tick_ms is {' and '.join(map(str, sorted(ticks)))}: a node ticks all its chains at once, give all the same"
    return next(faults, "")


def _fault(profile: ChainProfile) -> str:
    where, skew = profile.chain_id, profile.clock_skew_ms
    progress_ms = profile.progress_ticks * profile.tick_ms
    if profile.progress_ticks < PROGRESS_TICKS_MIN:
        return (
            f"progress_ticks of {where} is {profile.progress_ticks}, less than {PROGRESS_TICKS_MIN}: a primary would be "
            "given up before a lost message is sent again"
        )
    if skew < progress_ms:
        return (
            f"clock_skew_ms of {where} is {skew}, less than progress_ticks x tick_ms = {progress_ms}: a proposal that is "
            "sent again in its own view would be refused for its time"
        )
    if 2 * skew > TRANSACTION_WINDOW_MS:
        return (
            f"clock_skew_ms of {where} is {skew}, more than half the transaction window of {TRANSACTION_WINDOW_MS}: "
            "a primary whose clock is wrong could let every transaction expire"
        )
    return ""
