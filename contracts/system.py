"""Acts of the chain on itself (protocol 19)."""

from typing import Final

from chain.codec import Record
from contracts.interface import ContractContext, ContractReverted, Method

CONTRACT: Final = "system"


class Touch(Record, frozen=True):
    """`touch`: no arguments."""


def touch(context: ContractContext, _arguments: Touch) -> None:
    """Give a resting chain a block with a fresh time; free, and valid only if the parent block is old enough."""
    interval_ms = context.rules.profile.touch_interval_s * 1_000
    age_ms = context.time - context.parent_time
    if age_ms < interval_ms:
        raise ContractReverted("touched-recently", age_ms, interval_ms)
    context.emit(CONTRACT, "Touched", context.time)


METHODS: Final = {"touch": Method(Touch, touch)}
