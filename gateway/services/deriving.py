"""What follows from records of a chain, each proven: any function of the state, run on what a node proves of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from chain.rpc import ProvenValue
from contracts.interface import ContractReverted, Readable
from gateway.chains import Chain
from gateway.reading import ProvenState
from gateway.services.calls import read_state
from gateway.services.gateway import problem_of
from gateway.shown import show_refusal

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived(Generic[T]):
    """The value, the header it is of, and the records that it follows from."""

    value: T
    state: ProvenState
    records: dict[bytes, ProvenValue]


class _NotReadYet(Exception):
    """The function looks at a record that has not been fetched."""

    def __init__(self, key: bytes) -> None:
        super().__init__(key)
        self.key = key


class _Fetched:
    """The records that have been fetched, as a contract reads them."""

    def __init__(self) -> None:
        self.values: dict[bytes, ProvenValue] = {}

    def get(self, key: bytes) -> bytes | None:
        """The value under `key`."""
        proven = self.values.get(key)
        if proven is None:
            raise _NotReadYet(key)
        return proven.value


async def derive(chain: Chain, function: Callable[[Readable], T]) -> Derived[T]:
    """Run the function again and again, each time with one record more, until it has all that it looks at.

    All records are of one height, that of the first. Why it has no value, as a problem.
    """
    fetched, state = _Fetched(), None
    while True:
        try:
            value = function(fetched)
        except _NotReadYet as missing:
            state = await read_state(chain, [missing.key], height=None if state is None else state.header.height)
            fetched.values[missing.key] = state.values[0]
        except ContractReverted as refused:
            shown = show_refusal(chain.rules, refused.code, refused.values)
            raise problem_of(refused.code, tuple(shown)) from None
        else:
            return Derived(value=value, state=state or await read_state(chain, []), records=fetched.values)
