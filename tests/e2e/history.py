"""What clients saw, and whether one register per certificate explains it (Wing and Gong's search).

A history is linearizable if every operation can be given one moment between its call and its answer, so that a single
certificate that is minted once, revoked once and read in that order answers exactly as the clients were answered. An
operation without an answer may have happened at any moment after its call, or never.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from math import inf
from typing import Literal

State = tuple[str, str] | None
"""(content root, status) of a certificate; None before it is minted."""
Kind = Literal["mint", "revoke", "read"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One call by one client: when it began and ended, and what the answer was."""

    certificate: str
    kind: Kind
    called: float
    answered: float = inf
    done: bool | None = None
    """Of a mint or revocation: True if done, False if refused for the state it found; None without an answer."""
    root: str = ""
    """What a mint wants to write."""
    seen: State = None
    """What a read found."""
    height: int | None = None
    """What height the answer names."""


def step(operation: Operation, state: State) -> tuple[bool, State]:
    """Whether the operation may be answered as it was in this state, and the state after it."""
    match operation.kind:
        case "read":
            return operation.seen == state, state
        case "mint":
            possible, after = state is None, (operation.root, "active")
        case "revoke":
            possible, after = state is not None and state[1] == "active", (state[0] if state else "", "revoked")
    if operation.done is None:
        return True, after if possible else state
    return operation.done == possible, after if possible else state


def is_linearizable(history: Iterable[Operation]) -> bool:
    """Whether each certificate's operations have an order that explains every answer."""
    by_certificate: defaultdict[str, list[Operation]] = defaultdict(list)
    for operation in history:
        if operation.kind != "read" or operation.answered != inf:
            by_certificate[operation.certificate].append(operation)
    return all(_has_an_order(operations) for operations in by_certificate.values())


def _has_an_order(operations: list[Operation]) -> bool:
    dead: set[tuple[frozenset[Operation], State]] = set()

    def search(left: frozenset[Operation], state: State) -> bool:
        left = _without_what_changes_nothing(left, state)
        if all(one.answered == inf for one in left):
            return True  # what has no answer need not have happened
        if (left, state) in dead:
            return False
        for one in _callable(left):
            possible, after = step(one, state)
            if possible and after != state and search(left - {one}, after):
                return True
        dead.add((left, state))
        return False

    return search(frozenset(operations), None)


def _callable(left: frozenset[Operation]) -> list[Operation]:
    """What may come next: called before any of the others was answered."""
    first_answer = min(one.answered for one in left)
    return [one for one in left if one.called <= first_answer]


def _without_what_changes_nothing(left: frozenset[Operation], state: State) -> frozenset[Operation]:
    """What is explained by this state and leaves it as it is may as well come now."""
    while left:
        now = {one for one in _callable(left) if one.answered != inf and step(one, state) == (True, state)}
        if not now:
            break
        left -= now
    return left


def heights_that_went_back(history: Iterable[Operation]) -> list[tuple[Operation, Operation]]:
    """Pairs of answered operations, the second called after the first was answered, that names a lower height."""
    answered = sorted((one for one in history if one.height is not None), key=lambda one: one.called)
    found = []
    for later in answered:
        earlier = [one for one in answered if one.answered < later.called]
        highest = max(earlier, key=lambda one: one.height or 0, default=None)
        if highest is not None and (highest.height or 0) > (later.height or 0):
            found.append((highest, later))
    return found
