"""Tables that people upload: CSV or JSON lines in, numbered rows out; limits before work (docs/class-schemas.md).

CSV is UTF-8 (with or without a byte order mark) or GB18030. Columns that start with @ are not content: `@holder`,
`@valid_from` and `@valid_until`.
"""

import csv
import io
import json
from dataclasses import dataclass
from typing import Any, Final

from chain.digests import sha256
from credentials.schema import RESERVED_COLUMNS as RESERVED
from gateway.errors import Problem

TABLE_ROWS_MAX: Final = 100_000
COLUMNS_MAX: Final = 100
CELL_CHARACTERS_MAX: Final = 4_000


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its line in the file, its cells by column. Cells of CSV are text; those of JSON have types."""

    line: int
    cells: dict[str, Any]

    def reserved(self, name: str) -> str | None:
        """The cell of a reserved column; None if it is empty or absent."""
        return self.cells.get(name) or None

    @property
    def content(self) -> dict[str, Any]:
        """The cells that are content."""
        return {name: cell for name, cell in self.cells.items() if not name.startswith("@")}


@dataclass(frozen=True, slots=True)
class Table:
    """All rows, and how the file was encoded: `utf-8`, `utf-8-sig`, `gb18030` or `json-lines`."""

    rows: tuple[Row, ...]
    encoding: str
    digest: bytes
    """SHA-256 of the file."""

    @property
    def typed(self) -> bool:
        """Whether cells have the types of JSON; else they are text."""
        return self.encoding == "json-lines"


def read_csv(data: bytes) -> Table:
    """The rows of a CSV file; the problem `csv-malformed` names the line."""
    text, encoding = _decoded(data)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[Row] = []
    try:
        header = _header(next(reader, []))
        for cells in reader:
            if cells:
                rows.append(_row(reader.line_num, header, cells))
            if len(rows) > TABLE_ROWS_MAX:
                raise Problem("csv-malformed", f"a file has at most {TABLE_ROWS_MAX} rows")
    except csv.Error as problem:
        raise Problem("csv-malformed", f"line {reader.line_num}: {problem}") from None
    if not rows:
        raise Problem("csv-malformed", "there is no row below the header")
    return Table(tuple(rows), encoding, sha256(data))


def read_json_lines(data: bytes) -> Table:
    """The rows of a file with one flat JSON object a line."""
    rows: list[Row] = []
    for number, line in enumerate(data.splitlines(), start=1):
        if not line.strip():
            continue
        if len(rows) >= TABLE_ROWS_MAX:
            raise Problem("csv-malformed", f"a file has at most {TABLE_ROWS_MAX} rows")
        try:
            cells = json.loads(line, object_pairs_hook=_members)
        except (ValueError, RecursionError) as problem:
            raise Problem("csv-malformed", f"line {number} is no JSON: {problem}") from None
        if not isinstance(cells, dict):
            raise Problem("csv-malformed", f"line {number} is no JSON object")
        if len(cells) > COLUMNS_MAX:
            raise Problem("csv-malformed", f"line {number}: a row has at most {COLUMNS_MAX} members")
        if any(name.startswith("@") and (name not in RESERVED or not isinstance(cells[name], str)) for name in cells):
            raise Problem("csv-malformed", f"line {number}: members with @ are {', '.join(RESERVED)}, as text")
        rows.append(Row(number, cells))
    if not rows:
        raise Problem("csv-malformed", "there is no row")
    return Table(tuple(rows), "json-lines", sha256(data))


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands twice")
    return members


def _decoded(data: bytes) -> tuple[str, str]:
    for encoding in ("utf-8-sig" if data.startswith(b"\xef\xbb\xbf") else "utf-8", "gb18030"):
        try:
            return data.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    raise Problem("csv-malformed", "the file is neither UTF-8 nor GB18030")


def _header(cells: list[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    if not names or not all(names):
        raise Problem("csv-malformed", "line 1: the header must name every column")
    if len(names) > COLUMNS_MAX:
        raise Problem("csv-malformed", f"line 1: a file has at most {COLUMNS_MAX} columns")
    for name in names:
        if names.count(name) > 1:
            raise Problem("csv-malformed", f"line 1: the column {name[:60]!r} stands twice")
        if name.startswith("@") and name not in RESERVED:
            raise Problem(
                "csv-malformed", f"line 1: there is no column {name[:60]!r}; with @ there are {', '.join(RESERVED)}"
            )
    return names


def _row(line: int, header: list[str], cells: list[str]) -> Row:
    if len(cells) != len(header):
        raise Problem("csv-malformed", f"line {line} has {len(cells)} cells, the header has {len(header)}")
    if any(len(cell) > CELL_CHARACTERS_MAX for cell in cells):
        raise Problem("csv-malformed", f"line {line}: a cell has at most {CELL_CHARACTERS_MAX} characters")
    return Row(line, dict(zip(header, cells, strict=True)))
