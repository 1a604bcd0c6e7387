"""Pages of a mapped file are let go of, and read again as they were."""

import mmap
import sys
from pathlib import Path

import pytest

from node.storage import mapping
from node.storage.mapping import let_go, mapped_bytes

MEGABYTE = 1_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells and lets go")
def test_what_was_read_through_a_map_is_let_go_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "a file"
    content = bytes(range(256)) * 80_000
    path.write_bytes(content)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, mmap.MAP_SHARED, mmap.PROT_READ) as mapped:
        before = mapped_bytes()
        assert mapped[:] == content
        read = mapped_bytes()
        assert read - before > 15 * MEGABYTE
        assert let_go(path)
        assert mapped_bytes() < read - 15 * MEGABYTE
        assert mapped[:] == content


def test_a_file_that_is_not_mapped_is_not_let_go(tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"x")
    assert not let_go(tmp_path / "other")


def test_where_the_system_does_not_tell_nothing_happens(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("STATM", "MAPS"):
        monkeypatch.setattr(mapping, name, tmp_path / "none")
    mapping._statm.cache_clear()
    assert mapped_bytes() == 0
    mapping._statm.cache_clear()
    assert not let_go(tmp_path / "other")
