"""What is changed in a module to see whether a test minds: one small fault per mutant, made in its syntax tree.

Not changed: what no run can tell (docstrings, annotations but for the limits in them, texts of messages), our own
assertions, and decorators.
"""

import ast
import re
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any, Final

COMPARISONS: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
ARITHMETIC: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitOr,
}
PAIRS: Final = {"min": "max", "max": "min", "any": "all", "all": "any"}
REMOVED: Final = (ast.Assign, ast.AugAssign, ast.Raise, ast.Continue, ast.Break, ast.Delete)
UNTOUCHED: Final = (ast.Assert, ast.Import, ast.ImportFrom, ast.JoinedStr, ast.pattern, ast.Global, ast.Nonlocal)
SHOWN_WHOLE: Final = (ast.expr, ast.keyword, ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Return)
SAME_RECORD: Final = {"frozen", "kw_only", "slots"}
"""Arguments of a class that say how it is written, not what it holds."""


@dataclass(frozen=True)
class Scope:
    """Where in a module a change is made."""

    function: str
    """`Class.method` or `function.<locals>.inner`, as the interpreter names its code; empty at the module's level."""
    name: str
    lines: tuple[int, int]
    """Of the statement, or of the head of a compound one."""


@dataclass(frozen=True)
class Mutant:
    """One change of one module."""

    path: str
    number: int
    """Its place among the changes of the module."""
    scope: Scope
    text: str
    """What stands there and what would; the n-th of the same text in a scope is marked so."""

    @property
    def name(self) -> str:
        """How it is named in a report and in the list of equivalent ones."""
        return f"{self.path} {self.scope.name or '-'}: {self.text}"


@dataclass(frozen=True)
class Change:
    """One node in place of another, in a field of its parent or in a list there."""

    scope: Scope
    parent: ast.AST
    field: str
    index: int | None
    old: ast.AST
    new: Any

    def put(self, node: Any) -> None:
        if self.index is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.index] = node

    @property
    def text(self) -> str:
        """What is to be read there, and what instead; a constant is shown in its expression."""
        if isinstance(self.new, ast.Pass):
            return f"{_shown(self.old)} => pass"
        if _is_condition(self.parent, self.old) and isinstance(self.new, ast.Constant):
            return f"if {_shown(self.old)} => if {self.new.value}"
        if isinstance(self.old, ast.Constant) and isinstance(self.parent, SHOWN_WHOLE):
            before = _shown(self.parent)
            self.put(self.new)
            after = _shown(self.parent)
            self.put(self.old)
            return f"{before} => {after}"
        return f"{_shown(self.old)} => {_shown(self.new)}"


class Module:
    """The mutants of one file, and the code of each."""

    def __init__(self, root: Path, path: str) -> None:
        self.path = path
        self.file = str(root / path)
        self._tree = ast.parse(Path(self.file).read_text("utf-8"))
        self._changes = list(_changes(self._tree))
        self.mutants = tuple(self._named())

    @property
    def name(self) -> str:
        """What it is imported as."""
        return re.sub(r"/__init__$", "", self.path.removesuffix(".py")).replace("/", ".")

    @property
    def unchanged(self) -> Mutant:
        """A mutant that is none: what it fails, the tests fail by themselves."""
        return Mutant(self.path, -1, Scope("", "", (0, 0)), "nothing")

    def code(self, mutant: Mutant) -> CodeType:
        """The compiled module with that change."""
        if mutant.number < 0:
            return compile(self._tree, self.file, "exec", dont_inherit=True)
        with self._changed(self._changes[mutant.number]):
            return compile(self._tree, self.file, "exec", dont_inherit=True)

    @contextmanager
    def _changed(self, change: Change) -> Iterator[None]:
        new = ast.copy_location(change.new, change.old)
        change.put(ast.fix_missing_locations(new))
        try:
            yield
        finally:
            change.put(change.old)

    def _named(self) -> Iterator[Mutant]:
        seen: dict[tuple[str, str], int] = {}
        for number, change in enumerate(self._changes):
            key = (change.scope.name, change.text)
            seen[key] = seen.get(key, 0) + 1
            text = change.text if seen[key] == 1 else f"{change.text} ({seen[key]})"
            yield Mutant(self.path, number, change.scope, text)


def _changes(tree: ast.Module) -> Iterator[Change]:
    yield from _below(tree, Scope("", "", (0, 0)))


def _below(node: ast.AST, scope: Scope) -> Iterator[Change]:
    """The changes of everything in `node`, by the order in which it is written."""
    for field, value in ast.iter_fields(node):
        if field in {"decorator_list", "type_params"} or isinstance(node, UNTOUCHED):
            continue
        for index, child in enumerate(value) if isinstance(value, list) else ((None, value),):
            if not isinstance(child, ast.AST):
                continue
            inner = _scope(child, _outside(node, field, scope))
            if field in {"annotation", "returns"}:
                yield from _limits(child, inner)
            elif not _is_skipped(node, child):
                yield from (Change(inner, node, field, index, child, new) for new in _variants(node, child, inner))
                if not isinstance(child, ast.Raise):
                    yield from _below(child, inner)


def _outside(node: ast.AST, field: str, scope: Scope) -> Scope:
    """Defaults of arguments are evaluated where the function is defined."""
    if isinstance(node, ast.FunctionDef) and field == "args":
        outer = scope.function.rpartition(".")[0].removesuffix(".<locals>")
        return Scope(outer if ".<locals>" in scope.function else "", scope.name, scope.lines)
    return scope


def _scope(child: ast.AST, scope: Scope) -> Scope:
    if not isinstance(child, ast.stmt):
        return scope
    first, last = child.lineno, child.end_lineno or child.lineno
    body = getattr(child, "body", None)
    if body:
        last = max(first, body[0].lineno - 1)
    if isinstance(child, ast.FunctionDef):
        outer = f"{scope.function}.<locals>." if scope.function else f"{scope.name}." if scope.name else ""
        return Scope(outer + child.name, f"{scope.name}.{child.name}".lstrip("."), (first, last))
    if isinstance(child, ast.ClassDef):
        return Scope(scope.function, f"{scope.name}.{child.name}".lstrip("."), (first, last))
    return Scope(scope.function, scope.name, (first, last))


def _is_skipped(node: ast.AST, child: ast.AST) -> bool:
    match child:
        case ast.Expr(value=ast.Constant()) | ast.Expr(value=ast.Call(func=ast.Name(id="assert_never"))):
            return True
        case ast.keyword(arg=str(arg)):
            return isinstance(node, ast.ClassDef) and arg in SAME_RECORD
        case ast.Raise(exc=ast.Call(func=ast.Name(id="AssertionError"))):
            return True
        case ast.Call(func=ast.Name(id="TypeVar" | "NewType")):
            return True
        case ast.Assign(targets=[ast.Name(id="__all__")]) | ast.Subscript(value=ast.Name(id="Literal")):
            return True
    return False


def _limits(annotation: ast.AST, scope: Scope) -> Iterator[Change]:
    """The numbers that a type sets as limits, or as the only ones."""
    for node in ast.walk(annotation):
        if isinstance(node, ast.Call):
            yield from _below(node, scope)
        if (
            isinstance(node, ast.Subscript)
            and isinstance(node.slice, ast.Constant)
            and isinstance(node.slice.value, int)
        ):
            for new in _constants(node.slice):
                yield Change(scope, node, "slice", None, node.slice, new)


def _variants(parent: ast.AST, node: ast.AST, scope: Scope) -> Iterator[ast.AST]:
    """What may stand in the place of `node`."""
    match node:
        case ast.Compare(ops=ops):
            for place, operator in enumerate(ops):
                changed = [*ops[:place], COMPARISONS[type(operator)](), *ops[place + 1 :]]
                yield _with(node, ops=changed)
        case ast.BoolOp(op=operator):
            yield _with(node, op=ast.And() if isinstance(operator, ast.Or) else ast.Or())
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield operand
        case ast.BinOp(op=operator) if type(operator) in ARITHMETIC and not _is_type(node):
            yield _with(node, op=ARITHMETIC[type(operator)]())
        case ast.AugAssign(op=operator) if type(operator) in ARITHMETIC:
            yield ast.Pass()
            yield _with(node, op=ARITHMETIC[type(operator)]())
        case ast.Constant():
            yield from _constants(node)
        case ast.Call():
            yield from _calls(node)
        case ast.Return(value=value):
            if value is not None and not _is_plain(value):
                yield ast.Return(ast.Constant(None))
        case ast.Expr() | ast.Assign() | ast.Raise() | ast.Continue() | ast.Break() | ast.Delete() if scope.function:
            if not isinstance(node, ast.Assign) or _sets_more_than_names(node):
                yield ast.Pass()
        case _:
            pass
    if _is_condition(parent, node) and not isinstance(node, ast.Constant):
        yield ast.Constant(False)
        yield ast.Constant(True)


def _is_condition(parent: ast.AST, node: ast.AST) -> bool:
    if isinstance(parent, ast.comprehension):
        return node in parent.ifs
    return isinstance(parent, ast.If | ast.While | ast.IfExp) and node is parent.test


def _constants(node: ast.Constant) -> Iterator[ast.AST]:
    match node.value:
        case bool(value):
            yield ast.Constant(not value)
        case int(number):
            yield ast.Constant(number + 1)
            yield ast.Constant(number - 1)
        case str(text):
            yield ast.Constant("" if text else "x")
        case bytes(data):
            yield ast.Constant(b"" if data else b"x")
        case _:
            return


def _calls(node: ast.Call) -> Iterator[ast.AST]:
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    if name in PAIRS:
        yield _with(node, func=ast.Name(PAIRS[name], ast.Load()))
    plain = not any(isinstance(argument, ast.Starred) for argument in node.args)
    if len(node.args) > 1 and plain and name not in {"isinstance", "getattr", *PAIRS}:
        yield _with(node, args=[node.args[1], node.args[0], *node.args[2:]])


def _is_plain(value: ast.expr) -> bool:
    """Whether the value has variants of its own that turn it round, or is nothing."""
    return isinstance(value, ast.Compare | ast.BoolOp) or (
        isinstance(value, ast.Constant) and (value.value is None or isinstance(value.value, bool))
    )


def _sets_more_than_names(node: ast.Assign) -> bool:
    """A name that is missing is an error whoever reads it; a part of a record that is missing may not be."""
    return any(isinstance(part, ast.Attribute | ast.Subscript) for target in node.targets for part in ast.walk(target))


def _is_type(node: ast.AST) -> bool:
    """`bytes | None`, `int | str`: a union of types written at the module's level."""
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.BitOr) and _is_type(node.left) and _is_type(node.right)
    if isinstance(node, ast.Subscript):
        return _is_type(node.value)
    if isinstance(node, ast.Constant):
        return node.value is None
    name = node.id if isinstance(node, ast.Name) else ""
    return name in {"bool", "int", "str", "bytes", "tuple", "dict"} or (name[:1].isupper() and not name.isupper())


def _with(node: ast.AST, **fields: object) -> ast.AST:
    changed = copy(node)
    for field, value in fields.items():
        setattr(changed, field, value)
    return changed


def _shown(node: ast.AST) -> str:
    return " ".join(ast.unparse(node).split())


def codes(code: CodeType) -> Iterator[CodeType]:
    """The code of every function in a module, lambdas and inner ones among them."""
    for part in code.co_consts:
        if isinstance(part, CodeType):
            yield part
            yield from codes(part)
