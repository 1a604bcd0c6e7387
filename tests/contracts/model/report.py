"""What a run has shown: every method applied, every refusal seen; and the table of both."""

from collections import Counter
from collections.abc import Iterator

from contracts.purses import COLLECT_CODES
from contracts.registry import METHODS
from tests.contracts.model.deposits import OWNING
from tests.contracts.model.methods import TRANSFERS
from tests.contracts.model.play import Tally
from tests.contracts.model.unreachable import reason_for

BESIDE = {"system", "clients"}
"""Contracts that the model does not have."""
BETWEEN_CHAINS = {
    *((contract, name) for contract, name in METHODS if contract in ("crosschain", "mirrors") and name not in OWNING),
    ("classes", "setRequirements"),
    ("ddc721", "mintRequired"),
}
"""Methods that take several chains, which `tests.interop.simulation` plays."""
Place = tuple[str, str, str]


def is_played(contract: str, name: str) -> bool:
    """Whether the model has the method."""
    return contract not in BESIDE and (contract, name) not in BETWEEN_CHAINS


def declared() -> list[Place]:
    """Every refusal that a method's checks and its price declare: contract, method, code."""
    places = []
    for (contract, name), method in METHODS.items():
        if is_played(contract, name):
            codes = dict.fromkeys(code for check in method.checks for code in check.codes)
            codes |= dict.fromkeys(COLLECT_CODES if method.price is not None else ())
            places += [(contract, name, code) for code in codes]
    return places


def never_applied(tally: Tally) -> list[tuple[str, str]]:
    """Methods that never did what they are for."""
    wanted = [place for place in METHODS if is_played(*place) and place[1] not in TRANSFERS.get(place[0], ())]
    return [(contract, method) for contract, method in wanted if not tally[contract, method, ""]]


def never_refused(tally: Tally) -> list[Place]:
    """Declared refusals that never happened, without a reason why they cannot."""
    return [place for place in declared() if not tally[place] and reason_for(*place) is None]


def undeclared(tally: Tally) -> list[Place]:
    """Refusals that happened and that no check declares."""
    known = set(declared())
    return [
        place for place in tally if place[2] not in ("", "method-unknown", "arguments-malformed") and place not in known
    ]


def wrongly_unreachable(tally: Tally) -> list[Place]:
    """Refusals that happened although there is a reason why they cannot."""
    return [place for place in tally if place[2] and reason_for(*place) is not None]


def faults(tally: Tally) -> list[str]:
    """Why a long run has not shown all that it should, in words."""
    return [
        *(f"never applied: {contract}.{method}" for contract, method in never_applied(tally)),
        *(f"never refused: {contract}.{method} with {code}" for contract, method, code in never_refused(tally)),
        *(f"not declared: {contract}.{method} with {code}" for contract, method, code in undeclared(tally)),
        *(
            f"reachable after all: {contract}.{method} with {code}"
            for contract, method, code in wrongly_unreachable(tally)
        ),
    ]


def table(tally: Tally) -> Iterator[str]:
    """Lines: all calls, then per method, then per code."""
    applied = sum(count for (_, _, code), count in tally.items() if not code)
    yield f"{tally.total():,} calls: {applied:,} applied, {tally.total() - applied:,} refused"
    seen = sum(1 for place in declared() if tally[place])
    without = sum(1 for place in declared() if reason_for(*place) is not None)
    yield f"{len(declared()):,} declared refusals: {seen:,} seen, {without:,} cannot be reached"
    yield ""
    yield f"{'method':<40}{'applied':>10}{'refused':>10}{'codes':>7}"
    for contract, method in METHODS:
        of_method = {code: count for (of, name, code), count in tally.items() if (of, name) == (contract, method)}
        refused = sum(count for code, count in of_method.items() if code)
        codes = sum(1 for code in of_method if code)
        if is_played(contract, method):
            yield f"{contract + '.' + method:<40}{of_method.get('', 0):>10,}{refused:>10,}{codes:>7}"
    yield ""
    yield f"{'code':<40}{'refused':>10}"
    by_code: Counter[str] = Counter()
    for (_, _, code), count in tally.items():
        by_code[code] += count
    for code in sorted(by_code):
        if code:
            yield f"{code:<40}{by_code[code]:>10,}"
