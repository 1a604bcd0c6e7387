"""Files of rows as people make them: every encoding, every quotation, and each fault by the number of its line."""

import contextlib
import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import tables
from gateway.errors import Problem
from gateway.tables import CELL_CHARACTERS_MAX, COLUMNS_MAX, Table, read_csv, read_json_lines

HEADER = "name,city"
names = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="@\ufeff"), min_size=1, max_size=20)
names = names.filter(lambda name: name == name.strip())
cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0\ufeff"), max_size=30)


def refusal(data: bytes, read: Any = read_csv) -> str:
    """What is said of a file that is refused."""
    with pytest.raises(Problem) as refused:
        read(data)
    assert refused.value.code == "csv-malformed"
    return str(refused.value.values[0])


def contents(table: Table) -> list[tuple[int, dict[str, Any]]]:
    return [(row.line, row.cells) for row in table.rows]


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        ("name,城市\n李雷,北京\n".encode(), "utf-8"),
        ("\ufeffname,城市\n李雷,北京\n".encode(), "utf-8-sig"),
        ("name,城市\n李雷,北京\n".encode("gb18030"), "gb18030"),
        ("name,城市\r\n李雷,北京\r\n".encode("gbk"), "gb18030"),
        (b"name,\xe5\x9f\x8e\xe5\xb8\x82\n" + "李雷,北京".encode(), "utf-8"),
    ],
)
def test_the_encoding_is_found_and_said(data: bytes, encoding: str) -> None:
    table = read_csv(data)
    assert (table.encoding, table.typed) == (encoding, False)
    assert contents(table) == [(2, {"name": "李雷", "城市": "北京"})]


def test_bytes_of_no_encoding_are_refused() -> None:
    assert "neither UTF-8 nor GB18030" in refusal(b"name\n\xff\xff\xff")


@given(st.lists(names, min_size=1, max_size=5, unique=True), st.data())
def test_whatever_a_spreadsheet_writes_is_read_back(header: list[str], data: st.DataObject) -> None:
    width = len(header)
    rows = data.draw(st.lists(st.lists(cells, min_size=width, max_size=width).filter(any), min_size=1, max_size=6))
    encoding = data.draw(st.sampled_from(["utf-8", "utf-8-sig", "gb18030"]))
    file = io.StringIO(newline="")
    writer = csv.writer(file, quoting=data.draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])))
    writer.writerow(header)
    lines = []
    for row in rows:
        writer.writerow(row)
        lines.append(file.getvalue().count("\n"))
    table = read_csv(file.getvalue().encode(encoding))
    assert contents(table) == [
        (line, dict(zip(header, row, strict=True))) for line, row in zip(lines, rows, strict=True)
    ]


@given(st.data())
def test_a_mutated_file_is_read_or_refused_by_a_line(data: st.DataObject) -> None:
    text = 'name,city,@holder\r\n"Li, ""Lei""",北京,x\r\n韩梅梅,"上\n海",\r\n'
    changed = bytearray(text.encode(data.draw(st.sampled_from(["utf-8", "gb18030"]))))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(changed)))
        changed[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    with contextlib.suppress(Problem):
        table = read_csv(bytes(changed))
        assert all(len(row.cells) == len(table.rows[0].cells) for row in table.rows)
        assert [row.line for row in table.rows] == sorted({row.line for row in table.rows})


@given(st.binary(max_size=200))
def test_any_bytes_are_a_table_or_refused(data: bytes) -> None:
    for read in (read_csv, read_json_lines):
        with contextlib.suppress(Problem):
            assert read(data).rows


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "line 1: the header must name every column"),
        ("name,\na,b\n", "line 1: the header must name every column"),
        ("name, name\na,b\n", "line 1: the column 'name' stands twice"),
        ("name,@owner\na,b\n", "line 1: there is no column '@owner'; with @ there are @holder"),
        (f"{HEADER}\n", "there is no row below the header"),
        (f"{HEADER}\n\n\n", "there is no row below the header"),
        (f"{HEADER}\na,b\nc\n", "line 3 has 1 cells, the header has 2"),
        (f"{HEADER}\na,b,c\n", "line 2 has 3 cells, the header has 2"),
        (f'{HEADER}\n"a\nb",c\nd\n', "line 4 has 1 cells"),
        (f'{HEADER}\na,b\n"c,d\n', "line 3: unexpected end of data"),
        (f'{HEADER}\na,"b"c\n', "line 2: ',' expected after '\"'"),
        (f"{HEADER}\n{'a' * (CELL_CHARACTERS_MAX + 1)},b\n", f"line 2: a cell has at most {CELL_CHARACTERS_MAX}"),
        (f"{HEADER}\n{'a' * 200_000},b\n", "line 2: field larger than field limit"),
        (",".join(f"c{n}" for n in range(COLUMNS_MAX + 1)) + "\n", f"line 1: a file has at most {COLUMNS_MAX} columns"),
    ],
)
def test_a_fault_is_named_by_its_line(text: str, why: str) -> None:
    assert refusal(text.encode()).startswith(why)


def test_blank_lines_are_passed_over_and_counted() -> None:
    assert contents(read_csv(b"name\n\na\n\n\nb\n")) == [(3, {"name": "a"}), (6, {"name": "b"})]


def test_spaces_around_a_column_name_are_not_part_of_it() -> None:
    assert contents(read_csv(b" name , city\n a ,b\n")) == [(2, {"name": " a ", "city": "b"})]


def test_reserved_columns_are_not_content() -> None:
    (row,) = read_csv(b"name,@holder,@valid_until\na,bob,\n").rows
    assert row.content == {"name": "a"}
    assert (row.reserved("@holder"), row.reserved("@valid_until"), row.reserved("@valid_from")) == ("bob", None, None)


def test_a_file_has_so_many_rows_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "TABLE_ROWS_MAX", 3)
    for good, bad, read in (
        (b"name\na\nb\nc\n", b"name\na\nb\nc\nd\n", read_csv),
        (b'{"a":1}\n' * 3, b'{"a":1}\n' * 4, read_json_lines),
    ):
        assert len(read(good).rows) == 3
        assert refusal(bad, read) == "a file has at most 3 rows"


def test_a_header_of_millions_of_columns_costs_little() -> None:
    assert "at most" in refusal(b",".join(b"%d" % n for n in range(2_000_000)))


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_json_lines_keep_their_types(mark: str) -> None:
    lines = [{"name": "李雷", "score": 3, "passed": True, "note": None, "@holder": "bob"}, {"name": "b"}]
    data = mark + "\n\n".join(json.dumps(line, ensure_ascii=not mark) for line in lines)
    table = read_json_lines(data.encode())
    assert (table.encoding, table.typed) == ("json-lines", True)
    assert contents(table) == [(1, lines[0]), (3, lines[1])]
    assert table.rows[0].content == {"name": "李雷", "score": 3, "passed": True, "note": None}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "there is no row"),
        ("\n \n", "there is no row"),
        ('{"a":1}\n{"a":', "line 2 is no JSON"),
        ("[" * 100_000, "line 1 is no JSON"),
        ('{"a":1,"a":2}', "line 1 is no JSON: a member stands twice"),
        ('{"a":{"b":1,"b":2}}', "line 1 is no JSON: a member stands twice"),
        ("1" * 5_000, "line 1 is no JSON"),
        ("[]", "line 1 is no JSON object"),
        ('"text"', "line 1 is no JSON object"),
        ('{"@owner":"x"}', "line 1: members with @ are @holder"),
        ('{"@holder":3}', "line 1: members with @ are @holder"),
        ('{"@valid_from":1893456000000}', "line 1: members with @ are @holder"),
        (json.dumps({f"c{n}": 1 for n in range(COLUMNS_MAX + 1)}), f"line 1: a row has at most {COLUMNS_MAX} members"),
    ],
)
def test_a_fault_in_json_lines_is_named_by_its_line(text: str, why: str) -> None:
    assert refusal(text.encode(), read_json_lines).startswith(why)
