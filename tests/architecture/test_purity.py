"""What contracts compute follows from the block and the state alone: no clock, no chance, no file, no network, no order of a set.

The text of every module that a call can run is looked at: all of contracts, all of chain, and what those import of ours.
Modules are those on a list: a new one is a decision. What one interpreter or machine may know better than another has
no name there either: a hash, an address in memory, a fraction.
"""

import ast
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
OURS: Final = ("chain", "contracts")
LIBRARY: Final = {
    "base64", "collections", "dataclasses", "enum", "functools", "hashlib", "itertools", "operator", "re", "struct", "tomllib", "typing",
    "unicodedata",
}  # fmt: skip
"""Of the standard library: none of these looks at the world."""
PACKAGES: Final = {
    "Crypto", "base58", "bech32", "coincurve", "cryptography", "gmssl", "msgspec", "nacl", "rfc8785", "sha3", "tongsuopy",
}  # fmt: skip
"""Cryptography and encoding."""
NAMES: Final = {
    "open", "print", "input", "breakpoint", "eval", "exec", "compile", "__import__", "globals", "locals", "vars", "id", "hash",
    "float", "round",
}  # fmt: skip
ATTRIBUTES: Final = {
    "now", "utcnow", "today", "time_ns", "monotonic", "perf_counter", "sleep", "random", "Random", "randbytes", "getrandbits", "urandom",
    "token_bytes", "token_hex", "choice", "shuffle", "generate", "generate_private_key", "uuid4", "environ", "getenv", "read_text",
    "read_bytes", "write_text", "write_bytes", "connect", "__hash__",
}  # fmt: skip
"""By which a module on the lists would reach a clock, chance or a file."""
IN_ORDER: Final = {
    "enumerate",
    "zip",
    "map",
    "filter",
    "iter",
    "reversed",
    "tuple",
    "list",
    "join",
    "extend",
    "fromkeys",
    "next",
    "encode",
}
"""What takes its arguments one after the other."""
ORDER_IS_LOST: Final = {
    ("contracts/genesis.py", "contracts"): "each name becomes a record of the first state, which has no order",
    (
        "contracts/genesis.py",
        "check.roles or () if check.listed else ()",
    ): "each role becomes a record of the first state, its names sorted",
}
"""Sets that are gone through although, and why it does not show."""


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None
            assert not node.level
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def file_of(module: str) -> Path | None:
    """The file of one of our modules; None if the name is that of something in it."""
    path = ROOT.joinpath(*module.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def reached() -> dict[Path, ast.Module]:
    """Every module of contracts and of chain, and all of ours that those import."""
    trees: dict[Path, ast.Module] = {}
    waiting = sorted(path for package in OURS for path in (ROOT / package).glob("*.py"))
    while waiting:
        path = waiting.pop()
        if path not in trees:
            trees[path] = ast.parse(path.read_text("utf-8"))
            ours = [name for name in imports(trees[path]) if name.split(".")[0] in OURS]
            waiting += [file for name in ours if (file := file_of(name)) is not None]
    return trees


def world(tree: ast.AST) -> Iterator[str]:
    """What reaches outside, or is not the same everywhere."""
    for name in imports(tree):
        if name.split(".")[0] not in {*OURS, *LIBRARY, *PACKAGES}:
            yield f"imports {name}"
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Load()) if name in NAMES:
                yield f"line {node.lineno}: {name}"
            case ast.Call(func=ast.Name(id="object")):
                yield f"line {node.lineno}: object()"
            case ast.Attribute(attr=name) if name in ATTRIBUTES:
                yield f"line {node.lineno}: .{name}"
            case ast.Constant(value=float() | complex()):
                yield f"line {node.lineno}: {node.value!r}"
            case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
                yield f"line {node.lineno}: a division with a fraction"


class Sets(ast.NodeVisitor):
    """Looks for sets that are gone through. A set is what is written as one, or a name, parameter or field that holds one."""

    def __init__(self, names: frozenset[str], fields: frozenset[str] = frozenset()) -> None:
        self.names = set(names)
        self.fields = fields
        self.found: list[tuple[int, str]] = []

    def is_set(self, node: ast.AST | None) -> bool:
        match node:
            case ast.Set() | ast.SetComp() | ast.Call(func=ast.Name(id="set" | "frozenset")):
                return True
            case ast.Name(id=name) | ast.Call(func=ast.Name(id=name)):
                return name in self.names
            case ast.Attribute(attr=name) | ast.Call(func=ast.Attribute(attr=name)) if name in self.fields:
                return True
            case ast.BinOp(op=ast.BitOr() | ast.BitAnd() | ast.BitXor() | ast.Sub()):
                return self.is_set(node.left) or self.is_set(node.right)
            case ast.BoolOp():
                return any(map(self.is_set, node.values))
            case ast.IfExp():
                return self.is_set(node.body) or self.is_set(node.orelse)
            case ast.NamedExpr():
                return self.is_set(node.value)
            case ast.Call(func=ast.Attribute(attr="union" | "intersection" | "difference" | "symmetric_difference")):
                return True
        return False

    def look(self, node: ast.AST) -> None:
        if self.is_set(node):
            self.found.append((getattr(node, "lineno", 0), ast.unparse(node)))

    def visit_For(self, node: ast.For) -> None:
        self.look(node.iter)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        self.look(node.iter)
        self.generic_visit(node)

    def visit_Starred(self, node: ast.Starred) -> None:
        self.look(node.value)
        self.generic_visit(node)

    def visit_YieldFrom(self, node: ast.YieldFrom) -> None:
        self.look(node.value)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        for argument in node.args if called in IN_ORDER else ():
            self.look(argument)
        if called == "pop" and not node.args and isinstance(node.func, ast.Attribute):
            self.look(node.func.value)
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        if any(isinstance(target, ast.Tuple | ast.List) for target in node.targets):
            self.look(node.value)
        self.generic_visit(node)


def names_of_sets(tree: ast.AST) -> frozenset[str]:
    """Names, parameters, fields and functions that hold or give a set, by their annotation or what they are made of."""
    sets, count = Sets(frozenset()), -1
    while len(sets.names) > count:
        count = len(sets.names)
        for node in ast.walk(tree):
            match node:
                case ast.Assign(targets=targets, value=value) if sets.is_set(value):
                    sets.names |= {target.id for target in targets if isinstance(target, ast.Name)}
                case ast.NamedExpr(target=ast.Name(id=name), value=value) if sets.is_set(value):
                    sets.names.add(name)
                case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=value):
                    sets.names |= {name} if _says_set(annotation) or sets.is_set(value) else set()
                case ast.arg(arg=name, annotation=annotation) if _says_set(annotation):
                    sets.names.add(name)
                case ast.FunctionDef(name=name, returns=returns) if _says_set(returns):
                    sets.names.add(name)
    return frozenset(sets.names)


def _says_set(annotation: ast.AST | None) -> bool:
    """Whether it is a set itself that is meant, and not a mapping or a list of some."""
    match annotation:
        case ast.Name(id=name):
            return name in {"set", "frozenset", "Set", "AbstractSet"}
        case ast.Subscript(value=ast.Name(id="Final" | "Annotated"), slice=inner):
            return _says_set(inner.elts[0] if isinstance(inner, ast.Tuple) else inner)
        case ast.Subscript(value=value):
            return _says_set(value)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _says_set(left) or _says_set(right)
    return False


def fields_of_sets(trees: Iterable[ast.AST]) -> frozenset[str]:
    """Fields that hold a set and functions that give one, by which other modules may have it."""
    found: set[str] = set()
    for node in chain.from_iterable(map(ast.walk, trees)):
        if isinstance(node, ast.ClassDef):
            found |= names_of_sets(
                ast.Module(body=[one for one in node.body if isinstance(one, ast.AnnAssign)], type_ignores=[])
            )
        elif isinstance(node, ast.FunctionDef) and _says_set(node.returns):
            found.add(node.name)
    return frozenset(found)


def gone_through(tree: ast.AST, fields: frozenset[str]) -> list[tuple[int, str]]:
    """(line, expression) of every set whose order is taken."""
    sets = Sets(names_of_sets(tree) | fields_of_sets([tree]), fields)
    sets.visit(tree)
    return sets.found


def test_every_contract_and_what_it_rests_on_is_looked_at() -> None:
    places = {str(path.relative_to(ROOT)) for path in reached()}
    assert places >= {str(path.relative_to(ROOT)) for path in (ROOT / "contracts").glob("*.py")}
    assert places >= {
        f"chain/{name}.py" for name in ("codec", "state", "rules", "signatures", "addresses", "did", "evidence")
    }
    assert "chain/profiles/__init__.py" not in places, "it reads files; rules are handed in"


def test_nothing_that_a_call_can_run_looks_at_the_world() -> None:
    found = [f"{path.relative_to(ROOT)}: {what}" for path, tree in reached().items() for what in world(tree)]
    assert found == []


def test_no_order_of_a_set_is_taken() -> None:
    trees = reached()
    fields = fields_of_sets(trees.values())
    found = {
        (str(path.relative_to(ROOT)), expression)
        for path, tree in trees.items()
        for _, expression in gone_through(tree, fields)
    }
    assert found == set(ORDER_IS_LOST)


@pytest.mark.parametrize(
    "text",
    [
        "import time",
        "import os.path",
        "from datetime import datetime",
        "from random import Random",
        "import secrets, enum",
        "from pathlib import Path",
        "import socket",
        "from urllib import request",
        "from uuid import uuid4",
        "import subprocess",
        "import io",
        "from importlib import resources",
        "import numpy",
        "open('x')",
        "x = hash(a)",
        "sorted(a, key=id)",
        "x = object()",
        "x = nacl.utils.random(3)",
        "x = scheme.generate()",
        "x = hashlib.os.urandom(3)",
        "x = dataclasses.datetime.now()",
        "x = 0.5",
        "x = a / b",
        "x /= 2",
        "print(x)",
        "__import__('time')",
    ],
)
def test_a_look_at_the_world_is_seen(text: str) -> None:
    assert list(world(ast.parse(text)))


@pytest.mark.parametrize(
    "text",
    ["import re, typing", "x = context.time", "x = a // b", "def f(x: object) -> object: ...", "class A: number = 1"],
)
def test_what_is_no_look_at_the_world_is_let_be(text: str) -> None:
    assert not list(world(ast.parse(text)))


@pytest.mark.parametrize(
    "text",
    [
        "for x in {1, 2}: pass",
        "a = {b for b in c}\nd = [e for e in a]",
        "a = set(b)\nd = ','.join(a)",
        "a = set(b) | {c}\nd = (*a,)",
        "def f(a: frozenset[str]): return tuple(a)",
        "def f(a: set[str] | None): return [x for x in a or ()]",
        "def f() -> set[str]: ...\na = list(f())",
        "class C:\n    a: frozenset[str]\ndef f(c): return enumerate(c.a)",
        "a = frozenset(b)\nc = a - d\nfor x in c: pass",
        "a: Final = {1}\nb, c = a",
        "a = {1}\nb = a.pop()",
        "a = {1}\nb = a\ndef f(): yield from b",
        "a = b.union(c)\nd = encode(a)",
    ],
)
def test_a_set_that_is_gone_through_is_seen(text: str) -> None:
    tree = ast.parse(text)
    assert gone_through(tree, fields_of_sets([tree]))


@pytest.mark.parametrize(
    "text",
    [
        "a = {1}\nb = 2 in a",
        "a = sorted({b for b in c})",
        "a = len(set(b))",
        "a: dict[str, set[str]] = {}\nfor x in a: pass",
        "a = {1: 2}\nb = list(a)",
        "a = any(x in {1, 2} for x in b)",
    ],
)
def test_a_set_that_is_only_asked_is_let_be(text: str) -> None:
    tree = ast.parse(text)
    assert not gone_through(tree, fields_of_sets([tree]))
