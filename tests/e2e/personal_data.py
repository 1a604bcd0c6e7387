"""Looks for personal values in whatever a network leaves on disk.

A value is looked for in the forms that somebody could have given it: encodings of text, hex, base64 at every place of its
threes, escapes, digests without a salt. Files are read as they are, and everything in them that can be opened is opened:
records of the log, entries of the store, rows of the index, records inside records, what is compressed.
"""

import base64
import bz2
import gzip
import json
import lzma
import shutil
import sqlite3
import tempfile
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import lmdb
import msgspec
from ahocorasick_rs import BytesAhoCorasick

from chain.digests import DigestName, digest_function
from node.storage.journal import DiskJournal

TEXT_BYTES_MIN: Final = 5
FORM_BYTES_MIN: Final = 6
"""What is shorter is met by chance."""
HEAD: Final = 8
"""So many bytes of each form are in the automaton: all of them would take ten times the memory and time."""
DIGITS_MAX: Final = 12
"""Fewer hex digits than these count only where no other stands beside them: a number inside a longer one is another number."""
NUMBER_MIN: Final = 100_000
HEX: Final = frozenset(b"0123456789abcdefABCDEF")
RECORDS: Final = tuple(bytes([first]) for first in (*range(0x80, 0xA0), 0xC4, 0xC5, 0xC6, 0xDC, 0xDD, 0xDE, 0xDF))
"""How lists, maps and byte strings of more than one part begin."""
OPENERS: Final[tuple[tuple[bytes | tuple[bytes, ...], Callable[[bytes], Any]], ...]] = (
    (RECORDS, msgspec.msgpack.decode),
    ((b"{", b"["), json.loads),
    (b"\x1f\x8b", gzip.decompress),
    (b"\x78", zlib.decompress),
    (b"BZh", bz2.decompress),
    ((b"\xfd7zXZ", b"\x5d\x00"), lzma.decompress),
)
CLOSED: Final = (OSError, EOFError, ValueError, RecursionError, zlib.error, lzma.LZMAError, msgspec.DecodeError)
"""What openers say of bytes that only begin like something they open."""
VAULT: Final = "gateway/vault.db"
"""The one file that holds contents and salts: what the gateway keeps for issuers and holders."""


@dataclass(frozen=True, slots=True)
class Personal:
    """A value that no ledger may hold: of what it is one, and the value."""

    what: str
    value: str | bytes | int


def spellings(value: str | bytes) -> set[bytes]:
    """A value as it is, in small letters and in capitals."""
    return {value} if isinstance(value, bytes) else {text.encode() for text in (value, value.lower(), value.upper())}


def forms(value: str | bytes) -> set[bytes]:
    """Every form of a value."""
    if isinstance(value, bytes):
        return _written(value)
    found = {text.encode() for text in (json.dumps(value)[1:-1], quote(value), quote(value).lower())}
    for spelling in (value, value.lower(), value.upper()):
        for encoding in ("utf-8", "utf-16-le", "utf-16-be", "gb18030"):
            found |= _written(spelling.encode(encoding))
    for name in DigestName:
        found |= _written(digest_function(name)(value.encode()))
    return found


def _written(data: bytes) -> set[bytes]:
    """Bytes as they are, and as text of them."""
    found = {data, data.hex().encode(), data.hex().upper().encode()}
    for before in range(3):
        text = base64.b64encode(bytes(before) + data)
        start, end = -(-8 * before // 6), 8 * (before + len(data)) // 6
        found |= {text[start:end], text[start:end].translate(bytes.maketrans(b"+/", b"-_"))}
    return found


class Forms:
    """Byte strings that are looked for all at once."""

    def __init__(self, sought: Iterable[bytes]) -> None:
        self._sought = list(sought)
        self._heads = BytesAhoCorasick([form[:HEAD] for form in self._sought])

    def places(self, data: bytes) -> Iterator[tuple[bytes, int, int]]:
        """What stands in the bytes, where it begins and where it ends."""
        for number, start, _ in self._heads.find_matches_as_indexes(data, overlapping=True):
            form = self._sought[number]
            if data.startswith(form, start):
                yield form, start, start + len(form)


class Needles:
    """All that is looked for. `public` are texts that may be there although a value is a part of them."""

    def __init__(self, personal: Iterable[Personal], public: Iterable[str] = ()) -> None:
        known = set(public)
        self._of: defaultdict[bytes, list[Personal]] = defaultdict(list)
        self._alone: defaultdict[str | int, list[Personal]] = defaultdict(list)
        for one in personal:
            if one.value not in known:
                self._add(one)
        self._personal = Forms(self._of)
        whole = {form for text in known for form in forms(text)}
        places = [(form, *place[1:]) for form in whole for place in self._personal.places(form)]
        cut = {form[:end] for form, _, end in places} | {form[start:] for form, start, _ in places}
        self._public, self._cut_public = Forms({form for form, _, _ in places}), Forms(cut)

    def _add(self, one: Personal) -> None:
        if not isinstance(one.value, bytes):
            self._alone[one.value].append(one)
        if not isinstance(one.value, int) and len(min(plain := spellings(one.value), key=len)) >= TEXT_BYTES_MIN:
            for form in forms(one.value):
                if len(form) >= FORM_BYTES_MIN or form in plain:
                    self._of[form].append(one)

    def in_bytes(self, data: bytes, *, cut: bool = False) -> Iterator[Personal]:
        """What stands somewhere in the bytes; `cut` if of public texts a beginning or an end may be left there."""
        places = [place for place in self._personal.places(data) if not _is_in_a_number(data, *place)]
        if not places:
            return
        public = [(start, end) for _, start, end in (self._cut_public if cut else self._public).places(data)]
        for form, start, end in places:
            if not any(first <= start and end <= last for first, last in public):
                yield from self._of[form]

    def in_piece(self, piece: str | bytes | int, where: str = "") -> Iterator[Personal]:
        """What one part of a record is, or has in it."""
        if not isinstance(piece, bytes):
            yield from self._alone.get(piece, ())
        if not isinstance(piece, int):
            # LMDB moves entries within its pages: a beginning or an end of an older place stays between them
            cut = where.endswith("data.mdb")
            yield from self.in_bytes(piece.encode() if isinstance(piece, str) else piece, cut=cut)

    def found(self, left: Iterable[tuple[str, str | bytes | int]]) -> dict[tuple[str, str], str | bytes | int]:
        """(place, of what it is one) -> a value that stands there."""
        return {(where, one.what): one.value for where, piece in left for one in self.in_piece(piece, where)}


def _is_in_a_number(data: bytes, form: bytes, start: int, end: int) -> bool:
    if len(form) >= DIGITS_MAX or not HEX.issuperset(form):
        return False
    return not HEX.isdisjoint(data[max(0, start - 1) : start] + data[end : end + 1])


def pieces(value: Any) -> Iterator[str | bytes | int]:
    """Every text, byte string and number of a value, and of the values that are inside its texts and byte strings."""
    match value:
        case bool() | None:
            return
        case int():
            yield value
        case str():
            yield value
            yield from pieces(_opened(value.encode()))
        case bytes():
            yield value
            yield from pieces(_opened(value))
        case dict():
            yield from pieces([*value.keys(), *value.values()])
        case list() | tuple():
            for part in value:
                yield from pieces(part)
        case msgspec.Struct():
            yield from pieces([getattr(value, name) for name in value.__struct_fields__])


def _opened(data: bytes) -> list[Any]:
    """What is inside bytes: a record, JSON, or something compressed."""
    found = []
    for magic, open_ in OPENERS:
        if data.startswith(magic):
            try:
                found.append(open_(data))
            except CLOSED:
                continue
    return found


def left_in(folder: Path) -> Iterator[tuple[str, str | bytes | int]]:
    """Every piece of what nodes, gateway and their logs have on disk, but for the vault, and where it is."""
    for where, value in _left_in(folder):
        for piece in pieces(value):
            yield where, piece


def _left_in(folder: Path) -> Iterator[tuple[str, Any]]:
    for part in ("nodes", "gateway", "logs"):
        for path in sorted((folder / part).rglob("*")):
            name = str(path.relative_to(folder))
            yield name, name
            if path.is_file() and not name.startswith(VAULT):
                yield name, path.read_bytes()
    for home in sorted((folder / "nodes").iterdir()):
        for key, value in _entries(home / "data" / "store"):
            where, parts = {b"b": "blocks", b"v": "records"}.get(key[1:2], "store"), [key, value]
            if where == "records":
                start = 2 + int.from_bytes(value[:2], "big")
                parts += [value[2:start], value[start:]]
            yield f"{home.name}: {where}", parts
        with _copied(home / "data") as copy:
            for record in DiskJournal(copy, lambda _: None, lambda _: None).replay():
                yield f"{home.name}: log", record
    yield from rows(folder / "gateway" / "index.db")


def _entries(folder: Path) -> list[tuple[bytes, bytes]]:
    with lmdb.open(str(folder), readonly=True, lock=False) as store, store.begin() as transaction:
        return [(bytes(key), bytes(value)) for key, value in transaction.cursor()]


def rows(path: Path) -> Iterator[tuple[str, Any]]:
    """Every row of every table of a database, and where it is."""
    with _copied(path.parent) as copy, closing(sqlite3.connect(copy / path.name)) as connection:
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for row in connection.execute(f'SELECT * FROM "{table}"'):
                yield f"{path.name}: {table}", row


@contextmanager
def _copied(folder: Path) -> Iterator[Path]:
    """A copy, because opening a log or a database may change its files."""
    with tempfile.TemporaryDirectory() as copy:
        yield shutil.copytree(folder, Path(copy), dirs_exist_ok=True)


def content_values(what: str, content: Mapping[str, Any]) -> Iterator[Personal]:
    """The values of a content, but for those that say nothing by themselves: yes and no, and what is a small number."""
    for name, value in content.items():
        if isinstance(value, int):
            if value >= NUMBER_MIN and value % 1_000:
                yield from (Personal(f"{what}.{name}", value), Personal(f"{what}.{name}", str(value)))
        elif value is not None and len(str(value)) > 1:
            yield Personal(f"{what}.{name}", str(value))
