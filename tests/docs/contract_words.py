"""What the contracts can say: codes of refusals with their values, events with theirs, read from methods and sources."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from typing import Final

from contracts.purses import COLLECT_CODES
from contracts.registry import METHODS
from tests.docs.protocol_page import ROOT

Counts = dict[str, set[int]]
"""A code or event, and how many values it is written with."""
_ADDRESS: Final = 1
"""What comes with a code that is handed to whoever raises it: an address."""


def declared_codes() -> set[str]:
    """The codes that the checks of all methods name, and those of payment."""
    checks = (check for method in METHODS.values() for check in method.checks)
    return {code for check in checks for code in check.codes} | set(COLLECT_CODES)


def written_codes(*modules: str) -> Counts:
    """The codes that the sources of the contracts can raise; of all modules, or of those named."""
    found: Counts = defaultdict(set)
    for module, tree in _sources():
        if not modules or module in modules:
            for code, count in _refusals(tree):
                found[code].add(count)
    return dict(found)


def declared_events() -> set[tuple[str, str]]:
    """Contract and event: those of all methods, and the payment of those that have a price."""
    told = {(contract, event) for (contract, _), method in METHODS.items() for event in method.events}
    return told | {(contract, "Pay") for (contract, _), method in METHODS.items() if method.price is not None}


def written_events() -> Counts:
    """The events whose names stand where they are told."""
    found: Counts = defaultdict(set)
    for _, tree in _sources():
        for call in _calls(tree):
            if isinstance(call.func, ast.Attribute) and call.func.attr == "emit":
                for name in _texts(call.args[0]):
                    found[name].add(len(call.args) - 1)
    return dict(found)


def state_keys() -> set[str]:
    """Every key of the state, as the function that makes it writes it."""
    tree = next(tree for module, tree in _sources() if module == "keys")
    texts = [ast.get_docstring(node) or "" for node in tree.body if isinstance(node, ast.FunctionDef)]
    return {text.split(":")[0] for text in texts if text.startswith("`")}


def _refusals(tree: ast.Module) -> Iterator[tuple[str, int]]:
    constants = _constants(tree)
    for call in _calls(tree):
        yield from (
            (text, _ADDRESS)
            for keyword in call.keywords
            if keyword.arg in ("unknown", "frozen")
            for text in _texts(keyword.value)
        )
        if isinstance(call.func, ast.Name) and call.func.id == "ContractReverted":
            code, *values = call.args
            name = constants.get(code.id, "") if isinstance(code, ast.Name) else next(_texts(code), "")
            if name:
                yield name, len(values)


def _constants(tree: ast.Module) -> dict[str, str]:
    return {
        node.target.id: text
        for node in tree.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None
        for text in _texts(node.value)
    }


def _calls(tree: ast.Module) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _texts(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value


@cache
def _sources() -> tuple[tuple[str, ast.Module], ...]:
    paths = sorted((ROOT / "contracts").glob("*.py"))
    return tuple((path.stem, ast.parse(path.read_text("utf-8"))) for path in paths)
