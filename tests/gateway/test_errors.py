"""The table of problems is whole: what the code can emit is in it, what is in it the code emits, in two languages."""

import ast
import importlib
import re
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import PROBLEMS, VALUES_MAX, Problem, ProblemType, page

ERRORS = {"Problem", "NotServed", "ContractReverted", "Refusal", "Refused", "Rejection", "Rejected"}
PASSED_ON = {"unknown", "frozen", "code", "waits_for"}
"""Parameters and attributes that hand on a code which is written as a literal elsewhere."""
STATUSES = {400, 401, 402, 403, 404, 405, 409, 410, 413, 422, 500, 502, 503}
PLACES = re.compile(r"\{(\d*)\}")


class Emission(NamedTuple):
    """A place in the source that names a code; `given` values, None where it does not show."""

    place: str
    code: str
    given: int | None


@cache
def sources() -> tuple[tuple[str, ast.Module], ...]:
    """Every module of the three packages."""
    found = []
    for package in ("contracts", "node", "gateway"):
        folder = Path(importlib.import_module(package).__path__[0])
        found += [
            (f"{package}/{path.relative_to(folder)}", ast.parse(path.read_text("utf-8")))
            for path in sorted(folder.rglob("*.py"))
        ]
    return tuple(found)


@cache
def constants() -> dict[str, str]:
    """The text constants at the top of the modules, by name."""
    return {
        target.id: node.value.value
        for _, tree in sources()
        for node in tree.body
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and isinstance(node.value, ast.Constant)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name) and isinstance(node.value.value, str)
    }


def texts(node: ast.expr | None) -> Iterator[str]:
    """The texts that an expression may be, as far as they are written down."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value:
        yield node.value
    elif isinstance(node, ast.Name) and node.id in constants():
        yield constants()[node.id]
    elif isinstance(node, ast.IfExp):
        yield from texts(node.body)
        yield from texts(node.orelse)


def name_of(node: ast.expr) -> str:
    """The last part of a name."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def code_of(call: ast.Call) -> ast.expr | None:
    """The argument of a call that is a code."""
    keywords = {keyword.arg: keyword.value for keyword in call.keywords}
    if name_of(call.func) in ERRORS:
        return call.args[0] if call.args else keywords.get("code")
    if name_of(call.func) == "_reject":
        return call.args[1]
    return None


def count_of(call: ast.Call) -> int | None:
    """How many values a call gives its code."""
    if name_of(call.func) in ("Problem", "NotServed", "ContractReverted"):
        starred = any(isinstance(argument, ast.Starred) for argument in call.args)
        return None if starred else len(call.args) - 1
    given = call.args[-1] if name_of(call.func) == "_reject" else None
    if name_of(call.func) == "Refusal":
        given = call.args[1] if len(call.args) > 1 else ast.Tuple([])
    for keyword in call.keywords:
        given = keyword.value if keyword.arg == "values" else given
    return len(given.elts) if isinstance(given, ast.Tuple) else None


def emitted_by(node: ast.AST) -> Iterator[tuple[ast.expr | None, int | None]]:
    """The expressions of one node that are codes, with the count of their values."""
    if isinstance(node, ast.Call):
        yield code_of(node), count_of(node)
        yield from ((keyword.value, None) for keyword in node.keywords if keyword.arg in ("unknown", "frozen"))
    elif isinstance(node, ast.Assign) and name_of(node.targets[0]) == "code":
        yield node.value, None
    elif isinstance(node, ast.FunctionDef) and node.name in ("waits_for", "refuses"):
        yield from ((inner.value, None) for inner in ast.walk(node) if isinstance(inner, ast.Return))


@cache
def emissions() -> tuple[Emission, ...]:
    """Every place in the sources that emits a code."""
    return tuple(
        Emission(f"{name}:{getattr(node, 'lineno', 0)}", code, count)
        for name, tree in sources()
        for node in ast.walk(tree)
        for expression, count in emitted_by(node)
        for code in texts(expression)
    )


def places_of(kind: ProblemType) -> int:
    """How many values the sentences of a kind show."""
    return 1 + max((int(place) for place in PLACES.findall(kind.cause)), default=-1)


def test_the_reading_of_the_sources_sees_every_way_a_code_is_written() -> None:
    found = {(emission.place.split("/")[0], emission.code) for emission in emissions()}
    assert found >= {
        ("contracts", "token-exists"),  # raised
        ("contracts", "non-transferable"),  # by the name of a constant
        ("contracts", "account-frozen"),  # handed to whoever raises it
        ("node", "wrong-chain"),  # returned
        ("node", "no-quorum"),  # why a chain takes no write
        ("node", "votes-forgotten"),  # one of two
        ("node", "view-change"),  # what a chain waits for
        ("node", "queue-full"),  # the refusal of a whole queue
        ("node", "block-unknown"),  # the answer to a read
        ("node", "transaction-expired"),  # told to who waits
        ("gateway", "not-final"),
        ("gateway", "document-forbidden"),  # one of two
    }


def test_every_code_is_written_where_this_test_can_read_it() -> None:
    hidden = [
        f"{name}:{node.lineno}: {ast.unparse(node)}"
        for name, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and (code := code_of(node)) is not None
        if not list(texts(code)) and name_of(code) not in PASSED_ON
    ]
    assert hidden == []


def test_every_code_that_can_be_emitted_has_an_entry() -> None:
    assert [emission for emission in emissions() if emission.code not in PROBLEMS] == []


def test_every_entry_can_be_emitted_unless_it_is_reserved() -> None:
    assert set(PROBLEMS) == {emission.code for emission in emissions()}


def test_every_emission_gives_the_values_that_its_sentence_shows() -> None:
    short = [
        emission
        for emission in emissions()
        if emission.given is not None and emission.given < places_of(PROBLEMS[emission.code])
    ]
    assert short == []


def test_the_file_has_each_member_and_no_other() -> None:
    members = {"status", "title", "title_zh", "cause", "cause_zh", "next", "next_zh"}
    folder = Path(importlib.import_module("gateway").__path__[0])
    tables = tomllib.loads((folder / "problems.toml").read_text("utf-8"))
    assert {code: set(table) for code, table in tables.items()} == dict.fromkeys(PROBLEMS, members)


@pytest.mark.parametrize("code", PROBLEMS)
def test_an_entry_is_whole_in_two_languages(code: str) -> None:
    kind = PROBLEMS[code]
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", code)
    for field in fields(kind):
        text = getattr(kind, field.name)
        if field.name == "status":
            assert text in STATUSES
            continue
        assert text
        assert text == text.strip()
        is_chinese = re.search(r"[\u4e00-\u9fff]", text) is not None
        assert is_chinese == field.name.endswith("_zh"), f"{field.name} is in the other language"
        if field.name.startswith(("cause", "next")):
            assert text.endswith("。" if is_chinese else ".")
            assert not text.endswith(("..", "。。"))
        else:
            assert not text.endswith((".", "。"))
        if is_chinese:
            assert not re.search(r"[\u4e00-\u9fff][,;:?!()]|[,;:?!()][\u4e00-\u9fff]", text), (
                "punctuation is full-width"
            )


@pytest.mark.parametrize("code", PROBLEMS)
def test_the_sentences_of_an_entry_show_the_same_values(code: str) -> None:
    kind = PROBLEMS[code]
    shown = set(PLACES.findall(kind.cause))
    assert shown == set(PLACES.findall(kind.cause_zh))
    assert shown <= {str(place) for place in range(VALUES_MAX)}
    assert shown == {str(place) for place in range(len(shown))}
    assert not any(set("{}") & set(text) for text in (kind.title, kind.title_zh, kind.next_step, kind.next_step_zh))


@pytest.mark.parametrize("code", PROBLEMS)
def test_a_problem_says_its_values_in_both_sentences(code: str) -> None:
    values = [f"value-{place}" for place in range(VALUES_MAX)]
    problem = Problem(code, *values)
    for sentence in (problem.sentence, problem.sentence_zh):
        assert not set("{}") & set(sentence)
        assert [value in sentence for value in values] == [
            place < places_of(problem.type) for place in range(VALUES_MAX)
        ]


def test_titles_tell_the_codes_apart() -> None:
    for titles in ([kind.title for kind in PROBLEMS.values()], [kind.title_zh for kind in PROBLEMS.values()]):
        assert sorted(set(titles)) == sorted(titles)


def test_whoever_may_come_again_is_told_so_by_the_status() -> None:
    """What ends by itself or by the operator is 503; nothing that the caller must mend is."""
    waiting = {code for code, kind in PROBLEMS.items() if kind.status == 503}
    assert waiting >= {"no-quorum", "votes-forgotten", "primary-unreachable", "view-change"}
    assert waiting >= {"no-node", "not-final", "queue-full", "pool-full"}
    assert waiting >= {"vault-unusable", "too-many-listeners", "read-only"}
    assert {code for code, kind in PROBLEMS.items() if kind.status >= 500} - waiting == {
        "internal",
        "node-not-believed",
    }
    assert not any(code.endswith(("-malformed", "-invalid", "-exists", "-too-large")) for code in waiting)


def test_a_document_has_the_members_of_rfc_9457_and_its_own() -> None:
    assert Problem("token-exists", "diploma", b"\x01\xff", line=7).document() == {
        "type": "/v1/problems/token-exists",
        "title": "Token id exists",
        "title_zh": "证书编号已存在",
        "status": 409,
        "detail": "There is a certificate of class diploma with token 01ff already. Choose another token id, or none.",
        "detail_zh": "证书类 diploma 中已有编号为 01ff 的证书。请换用其他编号，或不指定编号。",
        "code": "token-exists",
        "line": 7,
    }


def test_the_page_of_a_code_holds_the_whole_type() -> None:
    for code, kind in PROBLEMS.items():
        shown = page(code)
        assert shown["type"] == Problem(code).document()["type"]
        assert (shown["code"], shown["status"]) == (code, kind.status)
        assert (shown["title"], shown["title_zh"]) == (kind.title, kind.title_zh)
        assert (shown["cause"], shown["cause_zh"]) == (kind.cause, kind.cause_zh)
        assert (shown["next"], shown["next_zh"]) == (kind.next_step, kind.next_step_zh)


def test_a_code_without_a_page_is_a_problem_of_its_own() -> None:
    with pytest.raises(Problem) as raised:
        page("x" * 1_000)
    assert raised.value.code == "problem-unknown"
    assert raised.value.document()["status"] == 404
    assert len(raised.value.sentence) < 200


@settings(deadline=None)
@given(
    code=st.sampled_from(sorted(PROBLEMS)) | st.text(max_size=20),
    values=st.lists(st.text() | st.integers() | st.binary() | st.booleans(), max_size=6),
)
def test_a_problem_has_its_sentences_whatever_a_node_says(code: str, values: list[object]) -> None:
    problem = Problem(code, *values)
    kind = PROBLEMS.get(code, PROBLEMS["refused-by-chain"])
    document = problem.document()
    assert document["status"] == kind.status
    assert str(document["detail"]).endswith(f" {kind.next_step}")
    assert str(document["detail_zh"]).endswith(kind.next_step_zh)
